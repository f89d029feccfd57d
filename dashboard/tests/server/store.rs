//! The store alone.

use maskcount_dashboard::sidecar::Mark;
use maskcount_dashboard::store::{Change, Message, ReadFile, Store, StoreError};
use tempfile::tempdir;

use crate::common::record;

fn message(payload: &str) -> Message {
    Message { topic: "a/b".to_owned(), payload: payload.to_owned(), retain: true }
}

#[test]
fn messages_go_in_their_order_and_those_the_broker_has_go_together() {
    let store = Store::open(None).unwrap();
    store.post(&["1", "2", "3"].map(message), "test", 7).unwrap();
    assert_eq!(store.place("test").unwrap(), Some(7));
    let (first, one) = store.message_after(0).unwrap().unwrap();
    let (second, two) = store.message_after(first).unwrap().unwrap();
    assert_eq!((one, two), (message("1"), message("2")));
    store.sent(second).unwrap();
    assert_eq!(store.message_after(0).unwrap().unwrap().1, message("3"));
}

#[test]
fn a_mended_record_leaves_no_empty_day_behind() {
    use maskcount_dashboard::history::History;
    use maskcount_dashboard::record::Window;
    let mut history = History::new(jiff::tz::TimeZone::UTC);
    let window = Window::from(&*record("forville-1", 0, 30, 10));
    history.insert("forville", "forville-1", window);
    assert!(history.remove("forville", "forville-1", &window));
    assert_eq!(history.site("forville").unwrap().days().count(), 0);
    assert!(!history.remove("forville", "forville-1", &window));
}

#[test]
fn a_store_of_a_newer_version_is_not_touched() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let files = |n: i64| {
        [ReadFile { path: "a".to_owned(), mark: Mark { bytes: 1, changed: n }, record: record("c", n, 30, 10) }]
    };
    let taken = Store::open(Some(&path)).unwrap().take(&files(0)).unwrap();
    assert!(matches!(taken.changes.as_slice(), [Change::Added(_)]));
    // Byte 60 of the file: SQLite's user version, of which this program knows 1.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[60..64].copy_from_slice(&2u32.to_be_bytes());
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(Store::open(Some(&path)), Err(StoreError::Version(2))));
}
