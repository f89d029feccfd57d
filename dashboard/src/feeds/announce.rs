//! Which messages the broker gets when records come.
//!
//! | topic | what |
//! |---|---|
//! | `PREFIX/SITE/CAMERA/record` | the record, as in the sidecar file |
//! | `PREFIX/SITE/CAMERA/onvif-ej/RuleEngine/CountAggregation/Counter/&CAMERA/all`, `…/masked` | ONVIF counter events |
//! | `PREFIX/SITE/window` | the last window of all cameras of the site, and the day so far |
//! | `PREFIX/availability/BOX` | `online` or `offline`, see [`mqtt`](super::mqtt) |
//!
//! All are retained. A record that has fewer persons than the strictest camera of its site and day may give out is not
//! sent alone; it is in the counters and the site's window once it is enough with the next one.

use jiff::Timestamp;
use serde_json::json;

use crate::history::History;
use crate::merge::{counted, merge, min_persons};
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
        let Some(site) = history.site(&record.site) else { continue };
        let Some(day) = site.day(history.date_of(&Window::from(&**record))) else { continue };
        if record.persons >= u64::from(min_persons(day)) {
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
    messages.extend(sites.iter().filter_map(|site| window(history, prefix, site)));
    messages
}

/// The two counters of a camera, as ONVIF's `tns1:RuleEngine/CountAggregation/Counter` in JSON over MQTT. They step when
/// a window closes, never with a person.
fn counters(history: &History, prefix: &str, site: &str, camera: &str, now: Timestamp) -> Vec<Message> {
    let Some(known) = history.site(site) else { return Vec::new() };
    let (counts, _) = counted(known, camera);
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
fn window(history: &History, prefix: &str, site: &str) -> Option<Message> {
    let (date, day) = history.site(site)?.days().next_back()?;
    let merged = merge(day, |_| true);
    let payload = json!({
        "site": site,
        "date": date.to_string(),
        "window": merged.windows.last()?,
        "day": merged.total,
    });
    Some(Message { topic: format!("{prefix}/{}/window", level(site)), payload: payload.to_string(), retain: true })
}
