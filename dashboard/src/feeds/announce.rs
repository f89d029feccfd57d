//! Which messages the broker gets when records come.
//!
//! | topic | what |
//! |---|---|
//! | `PREFIX/SITE/CAMERA/record` | the record, as in the sidecar file |
//! | `PREFIX/SITE/CAMERA/onvif-ej/RuleEngine/CountAggregation/Counter/&CAMERA/all`, `…/masked` | ONVIF counter events |
//! | `PREFIX/SITE/window` | the last window of all cameras of the site, and the day so far |
//! | `PREFIX/availability/BOX` | `online` or `offline`, see [`mqtt`](super::mqtt) |
//!
//! All are retained. A record is sent only when it is a group of its own (see [`merge`](crate::merge)). One that is joined
//! with others, as too few have passed in it or in those before it, is in the counters and the site's window: beside a sum
//! of the group, it would give the others away.

use jiff::Timestamp;
use serde_json::json;

use crate::history::History;
use crate::merge::{all_ruled, counted, groups, merge, ruled};
use crate::record::{Record, Window};
use crate::store::Message;

/// A name as one level of a topic: without what has a meaning in topics.
pub fn level(name: &str) -> String {
    name.chars().map(|c| if matches!(c, '/' | '+' | '#' | '\0') { '-' } else { c }).collect()
}

/// The messages of records that just came, in this order, at `now`.
pub fn messages(history: &History, prefix: &str, records: &[Record], now: Timestamp) -> Vec<Message> {
    let mut messages = Vec::new();
    let (mut cameras, mut sites) = (Vec::new(), Vec::new());
    for record in records {
        if is_group(history, record) {
            let topic = format!("{prefix}/{}/{}/record", level(&record.site), level(&record.camera));
            messages.push(Message { topic, payload: record.to_json(), retain: true });
        }
        if !cameras.contains(&(&record.site, &record.camera)) {
            cameras.push((&record.site, &record.camera));
        }
        if !sites.contains(&&record.site) {
            sites.push(&record.site);
        }
    }
    cameras.iter().for_each(|(site, camera)| messages.extend(counters(history, prefix, site, camera, now)));
    messages.extend(sites.iter().filter_map(|site| window(history, prefix, site, now)));
    messages
}

/// Whether the record is a group of its own, joined with no other.
fn is_group(history: &History, record: &Record) -> bool {
    let window = Window::from(&**record);
    let day = history.site(&record.site).and_then(|site| ruled(site, history.date_of(&window)));
    let of_camera = day.and_then(|of| Some((of.day.get(&record.camera)?, of.min_persons)));
    of_camera.is_some_and(|(windows, least)| {
        groups(&record.camera, windows, least).0.iter().any(|group| *group.windows == [window])
    })
}

/// The two counters of a camera, as ONVIF's `tns1:RuleEngine/CountAggregation/Counter` in JSON over MQTT. They step when
/// a window closes, never with a person.
fn counters(history: &History, prefix: &str, site: &str, camera: &str, now: Timestamp) -> Vec<Message> {
    let Some(known) = history.site(site) else { return Vec::new() };
    let (counts, _) = counted(&all_ruled(known), camera);
    let of = |rule: &str, count: u64| {
        let (site, camera) = (level(site), level(camera));
        let topic = format!("{prefix}/{site}/{camera}/onvif-ej/RuleEngine/CountAggregation/Counter/&{camera}/{rule}");
        let event = json!({
            "UtcTime": now.to_string(),
            "PropertyOperation": "Changed",
            "Source": { "VideoSource": camera, "Rule": rule },
            "Data": { "Count": count },
        });
        Message { topic, payload: event.to_string(), retain: true }
    };
    vec![of("all", counts.persons()), of("masked", counts.masked)]
}

/// The last window of a site on its last day.
fn window(history: &History, prefix: &str, site: &str, now: Timestamp) -> Option<Message> {
    let known = history.site(site)?;
    let (date, _) = known.days_to(history.tomorrow(now)).next_back()?;
    let merged = merge(ruled(known, date)?, |_| true);
    let payload = json!({
        "site": site,
        "date": date.to_string(),
        "window": merged.windows.last()?,
        "day": merged.total,
    });
    Some(Message { topic: format!("{prefix}/{}/window", level(site)), payload: payload.to_string(), retain: true })
}
