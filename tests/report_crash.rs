//! Processes that are killed while they count, and journals that nobody wrote.

mod report_common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use gstmaskcount::report::{JOURNAL_INTERVAL, Record, Report, Settings, Wearing};
use proptest::prelude::*;
use report_common::*;

const FOLDER: &str = "MASKCOUNT_TEST_FOLDER";
const FIRST_FRAME: &str = "MASKCOUNT_TEST_FIRST_FRAME";
const KILLS: u32 = 30;
/// One passage every five frames of a tenth of a second.
const FRAMES_PER_PASSAGE: u32 = 5;

fn in_folder(folder: &Path) -> Settings {
    let location = folder.join("stats-%Y%m%dT%H%M%SZ.json").to_str().unwrap().to_owned();
    Settings { min_persons: 5, location: Some(location), ..settings() }
}

/// The process that is killed: no test by itself.
#[test]
#[ignore = "the process that is killed, started by the test"]
fn counts_until_it_is_killed() {
    let folder = std::env::var(FOLDER).unwrap();
    let first: u32 = std::env::var(FIRST_FRAME).unwrap().parse().unwrap();
    let mut report = Report::open(in_folder(folder.as_ref()), model(), "0.1.0", |_| ()).unwrap();
    for n in first.. {
        let time = later(at("00:00:00"), f64::from(n) / 10.0);
        report.frame(time, true);
        if n % FRAMES_PER_PASSAGE == 0 {
            report.take(passage(time, Wearing::Masked));
        }
        drop(report.notices());
        println!("frame {n}");
        // A hundred times as fast as a camera.
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_killed_process_loses_no_more_than_the_journal_s_interval() {
    let folder = tempfile::tempdir().unwrap();
    let mut next = 0u32;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "counts_until_it_is_killed", "--nocapture"])
            .env(FOLDER, folder.path())
            .env(FIRST_FRAME, next.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Another moment each time, spread over six windows.
        let until = next + 1 + kill * 137 % 600;
        for line in lines.by_ref() {
            // The test harness may have begun the line.
            if let Some((_, n)) = line.unwrap().rsplit_once("frame ") {
                next = n.parse::<u32>().unwrap() + 1;
                if next >= until {
                    break;
                }
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines {
            if let Some((_, n)) = line.unwrap().rsplit_once("frame ") {
                next = n.parse().map_or(next, |n: u32| n + 1);
            }
        }
    }
    let mut report = Report::open(in_folder(folder.path()), model(), "0.1.0", |_| ()).unwrap();
    let end = later(at("00:00:00"), f64::from(next) / 10.0);
    report.frame(end, true);
    for _ in 0..5 {
        report.take(passage(end, Wearing::Unmasked));
    }
    report.finish(None);

    let mut said = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.starts_with('.') {
            assert!(name.ends_with(".lock"), "{name} is left");
            continue;
        }
        let record = Record::from_json(&fs::read_to_string(folder.path().join(&name)).unwrap()).unwrap();
        check(&record);
        said += record.persons;
    }
    let taken = u64::from(next.div_ceil(FRAMES_PER_PASSAGE)) + 5;
    // A second of stream time on top: the ten milliseconds that a slow disk takes to write the journal, here a hundred
    // times as fast as time.
    let seconds = JOURNAL_INTERVAL.as_secs() as u64 + 1;
    let most_lost = u64::from(KILLS) * seconds * 10 / u64::from(FRAMES_PER_PASSAGE);
    println!("{said} of {taken} passages are in the records, at most {most_lost} may be lost");
    assert!(said <= taken, "{said} of {taken}: somebody was counted twice");
    assert!(said + most_lost >= taken, "{said} of {taken}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_journal_with_anything_in_it_stops_nobody(
        place in any::<prop::sample::Index>(),
        with in prop_oneof!["[0-9]{1,20}", "\"[a-z]{0,5}\"", "null", "-1", ".{0,3}"],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let model = || gstmaskcount::report::ModelIdentity {
            quality: Some(gstmaskcount::report::Quality { sensitivity: 0.9, specificity: 0.9 }), ..model()
        };
        let settings = || Settings { epsilon: 1.0, ..in_folder(folder.path()) };
        let open = || Report::open_without_thread(settings(), model(), "0.1.0", |_| ()).unwrap();
        let mut report = open();
        run(&mut report, "08:40:00", 6.0, 9);
        report.flush();
        drop(report);
        let journal = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path());
        let journal = journal.into_iter().find(|p| p.extension().is_some_and(|e| e == "journal")).unwrap();
        let text = fs::read_to_string(&journal).unwrap();
        // Put it in the place of one value.
        let values: Vec<_> = text.match_indices(':').map(|(at, _)| at + 1).collect();
        let from = values[place.index(values.len())];
        let length = text[from..].find([',', '}']).unwrap();
        fs::write(&journal, format!("{}{with}{}", &text[..from], &text[from + length..])).unwrap();

        let mut report = open();
        run(&mut report, "08:40:07", 30.0, 30);
        report.finish(None);
        records(&mut report);
    }
}
