//! Which messages the broker gets, without one.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maskcount_dashboard::feeds::{announce, metrics, mqtt};
use maskcount_dashboard::history::History;
use maskcount_dashboard::record::{Record, Window};
use maskcount_dashboard::server::{Event, State};
use maskcount_dashboard::sidecar::Mark;
use maskcount_dashboard::store::{ReadFile, Store};
use tempfile::tempdir;
use tokio::sync::Notify;

use crate::common::{MORNING, fields, record, until};

/// A record of a camera with a rule of its own.
fn ruled(camera: &str, window: i64, masked: u64, min_persons: u32) -> Record {
    let start = MORNING + window * 1200;
    let mut fields = fields(camera, start, start + 1200, masked, 0);
    fields.privacy.min_persons = min_persons;
    Record::read_back(fields).unwrap()
}

fn known(records: &[Record]) -> History {
    let mut history = History::new(TimeZone::UTC);
    for record in records {
        history.insert(&record.site, &record.camera, Window::from(&**record));
    }
    history
}

/// Persons of the records that are announced, with their cameras.
fn announced(history: &History, records: &[Record]) -> Vec<(String, u64)> {
    let messages = announce::messages(history, "maskcount", records, Timestamp::now());
    let records = messages.iter().filter(|m| m.topic.ends_with("/record"));
    let records = records.map(|m| Record::from_json(&m.payload).unwrap());
    records.map(|r| (r.camera.clone(), r.persons)).collect()
}

#[test]
fn a_record_that_is_joined_with_others_is_not_announced_alone() {
    let records = [
        ruled("loose", 0, 3, 1),
        ruled("strict", 0, 20, 10),
        ruled("loose", 1, 12, 1),
        ruled("loose", 2, 14, 1),
        ruled("loose", 3, 4, 1),
    ];
    let told = announced(&known(&records), &records);
    assert_eq!(told, [("strict".to_owned(), 20), ("loose".to_owned(), 14)]);
}

#[test]
fn a_record_is_announced_when_the_figures_have_it() {
    let folder = tempdir().unwrap();
    let store = Arc::new(Store::open(Some(&folder.path().join("store.sqlite"))).unwrap());
    let state = Arc::new(State::new(known(&[])));
    let take = |n: i64| {
        let mark = Mark { bytes: 1, changed: n };
        let file = ReadFile { path: n.to_string(), mark, record: record("forville-1", n, 40, 0) };
        (store.take(&[file]).unwrap().newest, record("forville-1", n, 40, 0))
    };
    let show = |(newest, record): (i64, Record)| {
        state.change(|history| {
            let date = history.insert(&record.site, &record.camera, Window::from(&*record));
            history.reach(newest);
            vec![Event::Records { site: record.site.clone(), date }]
        });
    };
    show(take(0));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.spawn(mqtt::announce(store.clone(), state.clone(), "maskcount".to_owned(), Arc::new(Notify::new())));
    let last = || {
        let (mut id, mut count) = (0, None);
        while let Some((next, message)) = store.message_after(id).unwrap() {
            id = next;
            if message.topic.ends_with("/all") {
                let event: serde_json::Value = serde_json::from_str(&message.payload).unwrap();
                count = event["Data"]["Count"].as_u64();
            }
        }
        count
    };
    until("first record", || (last() == Some(40)).then_some(()));
    let second = take(1);
    // Something else wakes the announcements before the figures have it.
    state.tell(Event::Records { site: "other".to_owned(), date: "2026-04-26".parse().unwrap() });
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(last(), Some(40));
    show(second);
    until("second record", || (last() == Some(80)).then_some(()));
    assert_eq!(store.after(0, i64::MAX, 10).unwrap().len(), 2);
}

#[test]
fn a_day_that_an_older_store_has_of_a_wrong_clock_is_not_the_last_one() {
    let end = Timestamp::now().as_second() + 90 * 24 * 3600;
    let early = Record::read_back(fields("forville-2", end - 1200, end, 99, 0)).unwrap();
    let records = [record("forville-1", 0, 40, 0), early];
    let history = known(&records);
    let messages = announce::messages(&history, "maskcount", &records, Timestamp::now());
    let window = messages.iter().find(|m| m.topic.ends_with("/window")).unwrap();
    assert!(window.payload.contains(r#""date":"2026-04-26""#), "{}", window.payload);
    let text = metrics::open_metrics(&history);
    assert!(text.contains("maskcount_site_day_persons{site=\"forville\"} 40.0"), "{text}");
}
