//! Ten thousand files that are no records.

use std::time::Instant;

use tempfile::tempdir;

use crate::common::{Dashboard, put, put_record, record, until};

#[test]
fn ten_thousand_damaged_files_are_each_named_once_and_hide_no_record() {
    let folder = tempdir().unwrap();
    let whole = record("forville-1", 0, 30, 10).to_json();
    for n in 0..10_000usize {
        let text = match n % 5 {
            0 => &whole[..n % whole.len()],
            1 => r#"{"schema": "maskcount/2"}"#,
            2 => r#"{"other": true}"#,
            3 => "\u{0}\u{0}\u{0}",
            _ => "[[[[[[[[[[",
        };
        std::fs::write(folder.path().join(format!("bad-{n}.json")), text).unwrap();
    }
    std::fs::write(folder.path().join("huge.json"), vec![b' '; 10_000_000]).unwrap();
    std::fs::write(folder.path().join("deep.json"), "[".repeat(60_000)).unwrap();
    std::fs::create_dir(folder.path().join("folder.json")).unwrap();
    // Reading a pipe that nobody writes to would wait for ever.
    assert!(std::process::Command::new("mkfifo").arg(folder.path().join("pipe.json")).status().unwrap().success());
    put(folder.path(), ".maskcount-x.journal", "{}");
    for n in 0..20 {
        put_record(folder.path(), &record("forville-1", n, 30, 10));
    }
    let begin = Instant::now();
    let path = folder.path().to_str().unwrap();
    let dashboard = Dashboard::serve(&[path]);
    until("all records", || (dashboard.persons() == Some(800)).then_some(()));
    until("all names", || (dashboard.log().matches("left out").count() == 10_004).then_some(()));
    // One more record, and one more look at a damaged file: neither names anything again.
    std::fs::write(folder.path().join("bad-1.json"), r#"{"schema": "maskcount/3"}"#).unwrap();
    put_record(folder.path(), &record("forville-1", 20, 30, 10));
    until("the new record", || (dashboard.persons() == Some(840)).then_some(()));
    let log = dashboard.log();
    assert_eq!(log.matches("left out").count(), 10_004);
    for n in [0, 1, 9_999] {
        assert_eq!(log.matches(&format!("/bad-{n}.json:")).count(), 1);
    }
    assert!(!log.contains("journal"), "the plugin's journal is left alone");
    assert!(begin.elapsed().as_secs() < 30, "it took {:?}", begin.elapsed());
}
