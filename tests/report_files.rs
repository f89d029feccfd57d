//! Sidecar files and the journal: what stands in the folder after a stream, a crash, and a disk that is not there.

mod report_common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gstmaskcount::report::{KEPT_RECORDS, ModelIdentity, Notice, Record, Report, ReportError, Settings, Then};
use report_common::*;

type Heard = Arc<Mutex<Vec<Notice>>>;

const NAME: &str = "forville-%Y%m%dT%H%M%SZ.json";

fn in_folder(folder: &Path) -> Settings {
    Settings { min_persons: 2, location: Some(folder.join(NAME).to_str().unwrap().into()), ..settings() }
}

fn try_open(settings: Settings, model: ModelIdentity) -> Result<(Report, Heard), ReportError> {
    let heard = Heard::default();
    let ears = heard.clone();
    let report =
        Report::open_without_thread(settings, model, "0.1.0", move |notice| ears.lock().unwrap().push(notice))?;
    Ok((report, heard))
}

fn open(settings: Settings) -> (Report, Heard) {
    try_open(settings, model()).unwrap()
}

fn names(folder: &Path, hidden: bool) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.') == hidden)
        .collect();
    names.sort();
    names
}

fn sidecars(folder: &Path) -> Vec<Record> {
    names(folder, false)
        .iter()
        .map(|name| Record::from_json(&fs::read_to_string(folder.join(name)).unwrap()).unwrap())
        .inspect(check)
        .collect()
}

fn journal(folder: &Path) -> Option<PathBuf> {
    names(folder, true).into_iter().find(|name| name.ends_with(".journal")).map(|name| folder.join(name))
}

/// The folder as a power cut at this moment would leave it.
fn power_cut(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in names(folder, false).into_iter().chain(names(folder, true)) {
        fs::copy(folder.join(&name), copy.path().join(&name)).unwrap();
    }
    copy
}

fn warnings(heard: &Heard) -> Vec<String> {
    let texts = heard.lock().unwrap();
    texts.iter().filter_map(|n| if let Notice::Warning { text } = n { Some(text.clone()) } else { None }).collect()
}

#[test]
fn each_window_has_a_file_that_says_what_the_record_says() {
    let folder = tempfile::tempdir().unwrap();
    let (mut report, heard) = open(in_folder(folder.path()));
    run(&mut report, "08:40:00", 25.0, 12);
    report.finish(Some(at("08:40:25")));
    let said = records(&mut report);
    assert_eq!(said.len(), 3);
    assert_eq!(sidecars(folder.path()), said);
    assert_eq!(names(folder.path(), false)[1], "forville-20260426T084010Z.json");
    let closed = heard.lock().unwrap().clone();
    assert_eq!(closed.len(), 3);
    assert_eq!(closed[0], Notice::SidecarClosed { path: folder.path().join("forville-20260426T084000Z.json") });
    assert_eq!(journal(folder.path()), None, "nothing is open, so nothing is journalled");
}

#[test]
fn a_record_is_told_once_the_journal_has_it_and_a_file_once_the_journal_has_let_go_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let journalled = Arc::new(Mutex::new(Vec::new()));
    let ears = journalled.clone();
    let notify = move |_| ears.lock().unwrap().push(journal(&path).map(|journal| fs::read_to_string(journal).unwrap()));
    let mut report = Report::open_without_thread(in_folder(folder.path()), model(), "0.1.0", notify).unwrap();
    run(&mut report, "08:40:00", 10.0, 4);
    run(&mut report, "08:40:10", 5.0, 4);
    assert!(records(&mut report).is_empty(), "a power cut would give it out again");
    report.flush();
    assert_eq!(records(&mut report).len(), 1);
    let journalled = journalled.lock().unwrap();
    let [Some(journal)] = &journalled[..] else { panic!("{journalled:?}") };
    assert!(!journal.contains("20260426T084000Z.json"), "a file that is taken away would be written again: {journal}");
}

#[test]
fn the_thread_writes_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let heard = Heard::default();
    let ears = heard.clone();
    let notify = move |notice| ears.lock().unwrap().push(notice);
    let mut report = Report::open(in_folder(folder.path()), model(), "0.1.0", notify).unwrap();
    run(&mut report, "08:40:00", 25.0, 12);
    report.finish(Some(at("08:40:25")));
    assert_eq!(sidecars(folder.path()), records(&mut report));
    assert_eq!(heard.lock().unwrap().len(), 3);
    drop(report);
    // The right to write is free again.
    drop(Report::open(in_folder(folder.path()), model(), "0.1.0", |_| ()).unwrap());
}

#[test]
fn what_one_model_had_to_withhold_does_not_go_on_under_another_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (mut report, _) = open(in_folder(folder.path()));
    run(&mut report, "08:40:00", 5.0, 1);
    report.finish(Some(at("08:40:05")));
    drop(report);
    let other = ModelIdentity { sha256: "1e".repeat(32), ..model() };
    let (mut report, _) = try_open(in_folder(folder.path()), other).unwrap();
    report.frame(at("08:41:00"), true);
    let notices = report.notices();
    assert!(matches!(&notices[..], [Notice::Withheld(w)] if w.then == Then::LeftOut), "{notices:?}");
    run(&mut report, "08:41:00", 10.0, 4);
    report.finish(Some(at("08:41:10")));
    assert_eq!(records(&mut report).iter().map(|r| r.persons).collect::<Vec<_>>(), [4]);
}

#[test]
fn a_file_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("day.json"), "mine").unwrap();
    let location = Some(folder.path().join("day.json").to_str().unwrap().into());
    let (mut report, _) = open(Settings { location, ..in_folder(folder.path()) });
    run(&mut report, "08:40:00", 20.0, 8);
    report.finish(Some(at("08:40:20")));
    assert_eq!(names(folder.path(), false), ["day-2.json", "day-3.json", "day.json"]);
    assert_eq!(fs::read_to_string(folder.path().join("day.json")).unwrap(), "mine");
}

#[test]
fn only_the_oldest_sidecars_of_this_pattern_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = ["forville-20260101T000000Z.json", "forville-20260426T084000Z.txt", "notes.json"];
    for name in foreign {
        fs::write(folder.path().join(name), "{}").unwrap();
    }
    let other = Settings { camera: "gambetta".into(), ..in_folder(folder.path()) };
    let (mut report, _) = open(other);
    run(&mut report, "08:00:00", 10.0, 4);
    report.finish(Some(at("08:00:10")));
    drop(report);
    let (mut report, _) = open(Settings { max_files: 2, ..in_folder(folder.path()) });
    run(&mut report, "08:40:00", 50.0, 20);
    report.finish(Some(at("08:40:50")));
    let mut expected = vec!["forville-20260426T080000Z.json".to_owned()];
    expected.extend(foreign.map(str::to_owned));
    expected.extend(["forville-20260426T084030Z.json".to_owned(), "forville-20260426T084040Z.json".to_owned()]);
    expected.sort();
    assert_eq!(names(folder.path(), false), expected);
    report.set_max_files(1);
    run(&mut report, "08:40:50", 10.0, 4);
    report.finish(Some(at("08:41:00")));
    assert!(!folder.path().join("forville-20260426T084040Z.json").exists());
    assert!(folder.path().join("forville-20260426T084050Z.json").exists());
}

#[test]
fn a_record_that_was_just_written_is_not_the_one_that_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    // Of one name each time, as the one before was taken away; then of an older day than the others.
    let now = folder.path().join("now.json");
    let location = Some(now.to_str().unwrap().into());
    let (mut report, _) = open(Settings { max_files: 2, location, ..in_folder(folder.path()) });
    for window in 0..5 {
        run(&mut report, &format!("08:40:{window}0"), 10.0, 4);
        report.flush();
        assert_eq!(now.exists(), window > 0, "a window is closed by the next one's first frame");
        let _ = fs::remove_file(&now);
    }
    drop(report);
    let (mut report, _) = open(Settings { max_files: 2, ..in_folder(folder.path()) });
    for start in ["08:40:00", "08:40:10", "07:00:00", "06:00:00"] {
        run(&mut report, start, 10.0, 4);
        report.finish(None);
    }
    let left: Vec<_> = sidecars(folder.path()).iter().map(|r| r.start).collect();
    assert_eq!(left, [at("06:00:00"), at("07:00:00")]);
}

#[test]
fn a_clock_that_was_put_back_does_not_take_the_new_record_for_the_oldest() {
    let folder = tempfile::tempdir().unwrap();
    let (mut report, _) = open(Settings { max_files: 2, ..in_folder(folder.path()) });
    for start in ["08:40:00", "08:40:10"] {
        run(&mut report, start, 10.0, 4);
        report.finish(None);
    }
    drop(report);
    let ahead = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
    for name in names(folder.path(), false) {
        fs::File::options().write(true).open(folder.path().join(name)).unwrap().set_modified(ahead).unwrap();
    }
    let (mut report, _) = open(Settings { max_files: 2, ..in_folder(folder.path()) });
    run(&mut report, "07:40:00", 10.0, 4);
    report.finish(None);
    let left: Vec<_> = sidecars(folder.path()).iter().map(|r| r.start).collect();
    assert_eq!(left, [at("07:40:00"), at("08:40:10")]);
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["..", ".", "", "%D.json", "%Y/%m.json", "a/", "%!.json", "%Q-%/x"] {
        let location = Some(format!("{}/{name}", folder.path().display()));
        let error = try_open(Settings { location, ..settings() }, model()).err();
        assert!(matches!(error, Some(ReportError::Location { .. })), "{name}: {error:?}");
    }
    assert!(names(folder.path(), false).is_empty() && names(folder.path(), true).is_empty());
}

#[test]
fn a_missing_folder_is_made_and_a_missing_path_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(in_folder(&folder.path().join("stats"))));
    assert!(folder.path().join("stats").is_dir());
    let error = try_open(in_folder(&folder.path().join("a/b")), model()).err().unwrap();
    assert!(matches!(&error, ReportError::Folder { .. }) && error.to_string().contains("a/b"), "{error}");
}

#[test]
fn two_reports_with_the_same_files_are_refused_and_with_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = open(in_folder(folder.path()));
    let error = try_open(in_folder(folder.path()), model()).err().unwrap();
    assert!(matches!(&error, ReportError::Busy(location) if location.contains(NAME)), "{error}");
    let location = Some(folder.path().join("gambetta-%s.json").to_str().unwrap().into());
    drop(open(Settings { location, ..settings() }));
    drop(first);
    drop(open(in_folder(folder.path())));
}

#[test]
fn a_hidden_file_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(in_folder(folder.path())));
    let lock = folder.path().join(&names(folder.path(), true)[0]);
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    let error = try_open(in_folder(folder.path()), model()).err().unwrap().to_string();
    assert!(error.contains(lock.to_str().unwrap()) && error.contains("Move it away"), "{error}");
}

#[test]
fn whose_lock_was_removed_takes_it_again_or_leaves_the_files_to_who_was_faster() {
    let folder = tempfile::tempdir().unwrap();
    let clean =
        || names(folder.path(), true).iter().for_each(|name| fs::remove_file(folder.path().join(name)).unwrap());
    let (mut first, heard) = open(in_folder(folder.path()));
    run(&mut first, "08:40:00", 6.0, 2);
    first.flush();
    clean();
    run(&mut first, "08:40:06", 6.0, 2);
    first.flush();
    assert!(matches!(try_open(in_folder(folder.path()), model()).err(), Some(ReportError::Busy(_))));
    clean();
    let (second, _) = open(in_folder(folder.path()));
    run(&mut first, "08:40:12", 10.0, 4);
    first.flush();
    assert_eq!(sidecars(folder.path()).len(), 1, "written while it had the lock");
    assert!(warnings(&heard)[0].contains("another element writes"), "{heard:?}");
    drop(second);
    first.flush();
    assert_eq!(sidecars(folder.path()).len(), 2);
}

#[test]
fn a_recording_that_is_counted_again_after_a_crash_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let recorded = |folder: &Path| Settings { recorded: true, window: 60, ..in_folder(folder) };
    let (mut report, _) = open(recorded(folder.path()));
    run(&mut report, "08:40:00", 6.1, 6);
    report.flush();
    let after = power_cut(folder.path());
    let (mut report, _) = open(recorded(after.path()));
    run(&mut report, "08:40:00", 10.0, 10);
    let notices = report.notices();
    assert!(matches!(&notices[..], [Notice::Warning { text }] if text.contains("counted again")), "{notices:?}");
    report.finish(None);
    assert_eq!(records(&mut report).iter().map(|r| r.persons).collect::<Vec<_>>(), [10]);
}

#[test]
fn a_restart_goes_on_with_the_window_that_is_still_open() {
    let folder = tempfile::tempdir().unwrap();
    let (mut report, _) = open(in_folder(folder.path()));
    run(&mut report, "08:40:00", 6.1, 6);
    report.flush();
    let after = power_cut(folder.path());
    drop(report);

    let (mut report, heard) = open(in_folder(after.path()));
    run(&mut report, "08:40:08", 2.0, 1);
    report.frame(at("08:40:10"), true);
    report.finish(Some(at("08:40:10")));
    let said = records(&mut report);
    assert_eq!(said.len(), 1);
    // Journalled at 5 s, when four had passed; the power cut took two.
    assert_eq!((said[0].start, said[0].persons, said[0].complete), (at("08:40:00"), 5, true));
    assert!(said[0].coverage < 0.8);
    assert_eq!(sidecars(after.path()), said);
    assert!(warnings(&heard).is_empty());
}

#[test]
fn a_restart_after_the_end_of_the_window_gives_it_out_as_incomplete() {
    let folder = tempfile::tempdir().unwrap();
    let (mut report, _) = open(in_folder(folder.path()));
    run(&mut report, "08:40:00", 9.9, 9);
    report.flush();
    let after = power_cut(folder.path());
    let (mut report, _) = open(in_folder(after.path()));
    report.frame(at("11:00:00"), true);
    report.flush();
    let said = records(&mut report);
    assert_eq!((said[0].start, said[0].end, said[0].complete), (at("08:40:00"), at("08:40:10"), false));
    assert_eq!(sidecars(after.path()), said);
}

#[test]
fn what_was_withheld_at_the_end_goes_on_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let (mut report, _) = open(Settings { min_persons: 5, ..in_folder(folder.path()) });
    run(&mut report, "08:40:00", 4.0, 3);
    report.finish(Some(at("08:40:04")));
    assert!(records(&mut report).is_empty() && journal(folder.path()).is_some());
    drop(report);

    // Who looks for a way around the rule gets no smaller group than the one that was promised.
    let (mut report, _) = open(Settings { min_persons: 1, ..in_folder(folder.path()) });
    run(&mut report, "08:40:10", 10.0, 1);
    assert!(records(&mut report).is_empty());
    run(&mut report, "08:40:20", 10.0, 1);
    report.finish(Some(at("08:40:30")));
    let said = records(&mut report);
    assert_eq!(
        said.iter().map(|r| (r.start, r.end, r.persons)).collect::<Vec<_>>(),
        [(at("08:40:00"), at("08:40:30"), 5)]
    );
    assert_eq!((said[0].privacy.min_persons, said[0].complete), (5, false));
    assert_eq!(journal(folder.path()), None);
}

#[test]
fn noise_is_not_drawn_again_after_a_restart() {
    let settings = |folder: &Path| Settings { epsilon: 0.01, ..in_folder(folder) };
    let start = tempfile::tempdir().unwrap();
    let (mut report, _) = open(settings(start.path()));
    run(&mut report, "08:40:00", 6.1, 6);
    report.flush();
    let restarts = [power_cut(start.path()), power_cut(start.path())];
    let said = restarts.map(|folder| {
        let (mut report, _) = open(settings(folder.path()));
        report.frame(at("08:40:10"), true);
        report.flush();
        records(&mut report)
    });
    assert_eq!(said[0], said[1], "both restarts give the same record");
    assert_eq!(said[0].len(), 1);
}

#[test]
fn a_power_cut_between_two_steps_neither_loses_nor_doubles_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let (mut report, _) = open(in_folder(folder.path()));
    run(&mut report, "08:40:00", 10.0, 5);
    report.flush();
    report.frame(at("08:40:10"), true);
    // The record is closed but the writer has done nothing yet: the window stands in the journal.
    let before = power_cut(folder.path());
    report.flush();
    let after = power_cut(folder.path());
    // The first restart knows what was journalled at 5 s, the second all.
    for (folder, persons) in [(before, 2), (after, 5)] {
        let (mut report, _) = open(in_folder(folder.path()));
        run(&mut report, "08:40:10", 10.0, 2);
        report.finish(Some(at("08:40:20")));
        let said: Vec<_> = sidecars(folder.path()).iter().map(|r| (r.start, r.persons)).collect();
        assert_eq!(said, [(at("08:40:00"), persons), (at("08:40:10"), 2)]);
    }
}

#[test]
fn a_record_that_stands_in_journal_and_file_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("stats");
    let (mut report, _) = open(in_folder(&gone));
    run(&mut report, "08:40:00", 10.0, 5);
    report.finish(Some(at("08:40:10")));
    let name = names(&gone, false)[0].clone();
    let record: serde_json::Value = serde_json::from_str(&fs::read_to_string(gone.join(&name)).unwrap()).unwrap();
    drop(report);
    // The moment before the journal lets go of the record.
    let (mut report, _) = open(in_folder(&gone));
    run(&mut report, "08:50:00", 6.0, 1);
    report.flush();
    let path = journal(&gone).unwrap();
    let mut text: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    text["unwritten"] = serde_json::json!([{ "file": name, "record": record }]);
    let after = power_cut(&gone);
    fs::write(after.path().join(path.file_name().unwrap()), text.to_string()).unwrap();
    let (mut again, heard) = open(in_folder(after.path()));
    again.flush();
    assert_eq!(names(after.path(), false), std::slice::from_ref(&name));
    assert_eq!(heard.lock().unwrap()[..], [Notice::SidecarClosed { path: after.path().join(&name) }]);
    // And without the file it is written.
    drop(again);
    let after = power_cut(&gone);
    fs::write(after.path().join(path.file_name().unwrap()), text.to_string()).unwrap();
    fs::remove_file(after.path().join(&name)).unwrap();
    drop(open(in_folder(after.path())));
    assert_eq!(names(after.path(), false), [name]);
}

#[test]
fn a_journal_that_cannot_be_read_or_is_another_camera_s_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let (mut report, _) = open(in_folder(folder.path()));
    run(&mut report, "08:40:00", 6.0, 4);
    report.flush();
    let path = journal(folder.path()).unwrap();
    let whole = fs::read_to_string(&path).unwrap();
    drop(report);
    let torn = &whole[..whole.len() / 2];
    let escaping = whole.replace("\"unwritten\":[]", "\"unwritten\":[{\"file\":\"../x\",\"record\":null}]");
    let foreign = whole.replace("forville-1", "gambetta-1");
    for text in [torn, "", "\0\0\0", "[]", &escaping, &foreign, &whole.replace("journal/1", "journal/9")] {
        fs::write(&path, text).unwrap();
        let (mut report, _) = open(in_folder(folder.path()));
        let notices = report.notices();
        assert!(matches!(&notices[..], [Notice::Warning { text }] if text.contains(".aside")), "{notices:?}");
        report.frame(at("08:40:07"), true);
        report.finish(None);
        assert!(records(&mut report).is_empty(), "nothing of it is counted");
        drop(report);
        let _ = fs::remove_file(&path);
    }
    let aside = names(folder.path(), true).into_iter().filter(|n| n.contains(".aside")).count();
    assert_eq!(aside, 7, "none takes the place of another");
}

#[test]
fn the_journal_of_a_disk_that_is_mounted_after_the_start_is_put_aside_and_that_is_said() {
    let base = tempfile::tempdir().unwrap();
    let (folder, disk) = (base.path().join("stats"), base.path().join("disk"));
    let (mut before, _) = open(in_folder(&folder));
    run(&mut before, "08:40:00", 6.0, 4);
    before.flush();
    drop(before);
    fs::rename(&folder, &disk).unwrap();
    let kept = fs::read(journal(&disk).unwrap()).unwrap();
    let (mut report, heard) = open(in_folder(&folder));
    run(&mut report, "08:41:00", 6.0, 2);
    report.flush();
    fs::remove_dir_all(&folder).unwrap();
    fs::rename(&disk, &folder).unwrap();
    run(&mut report, "08:41:06", 6.0, 2);
    report.flush();
    let aside = names(&folder, true).into_iter().find(|name| name.contains(".aside")).unwrap();
    assert_eq!(fs::read(folder.join(&aside)).unwrap(), kept);
    assert_eq!(warnings(&heard).len(), 1, "{heard:?}");
    assert!(warnings(&heard)[0].contains(&aside), "{heard:?}");
    // Our own, in a folder that is moved there and back, is no other.
    let away = base.path().join("away");
    fs::rename(&folder, &away).unwrap();
    report.flush();
    fs::rename(&away, &folder).unwrap();
    run(&mut report, "08:41:12", 6.0, 2);
    report.flush();
    assert_eq!(names(&folder, true).into_iter().filter(|name| name.contains(".aside")).count(), 1);
}

#[test]
fn a_folder_that_is_gone_and_comes_back_loses_nothing_and_is_said_once() {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("stats");
    let (mut report, heard) = open(in_folder(&folder));
    run(&mut report, "08:40:00", 10.0, 4);
    fs::remove_dir_all(&folder).unwrap();
    // A file in its place: also root cannot write into it.
    fs::write(&folder, "").unwrap();
    for start in ["08:40:10", "08:40:20", "08:40:30"] {
        run(&mut report, start, 10.0, 4);
        report.flush();
    }
    assert_eq!(warnings(&heard).len(), 1, "{heard:?}");
    assert!(warnings(&heard)[0].contains("stats"));
    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    report.finish(Some(at("08:40:40")));
    assert_eq!(sidecars(&folder), records(&mut report));
    assert_eq!(sidecars(&folder).len(), 4);
    assert_eq!(report.stats().lost, 0);
    // The lock is on the new folder.
    assert!(matches!(try_open(in_folder(&folder), model()), Err(ReportError::Busy(_))));
    assert_eq!(warnings(&heard).len(), 1);
}

const FULL: &str = "MASKCOUNT_TEST_FULL";

/// The process whose files may not grow: no test by itself.
#[test]
#[ignore = "the process whose files may not grow, started by the test"]
fn counts_on_a_full_disk() {
    let folder = std::env::var(FULL).unwrap();
    let folder = Path::new(&folder);
    let (mut report, heard) = open(in_folder(folder));
    for start in ["08:40:00", "08:40:10", "08:40:20"] {
        run(&mut report, start, 10.0, 4);
        report.flush();
    }
    assert_eq!(warnings(&heard).len(), 1, "{heard:?}");
    assert!(names(folder, false).is_empty(), "nothing half written");
    println!("\nfull");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    report.finish(Some(at("08:40:30")));
    assert_eq!(sidecars(folder), records(&mut report));
    assert_eq!((sidecars(folder).len(), report.stats().lost, warnings(&heard).len()), (3, 0, 1));
}

#[test]
fn a_full_disk_that_has_room_again_loses_nothing_and_is_said_once() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().unwrap();
    // As on a full disk, a file can be made and nothing be written into it.
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -S -f 0; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "counts_on_a_full_disk", "--nocapture"])
        .env(FULL, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "full"), "it failed while the disk was full");
    let roomy = Command::new("prlimit").args(["--pid", &child.id().to_string(), "--fsize=unlimited"]).status();
    assert!(roomy.unwrap().success());
    writeln!(child.stdin.take().unwrap()).unwrap();
    lines.for_each(drop);
    assert!(child.wait().unwrap().success(), "it failed when there was room again");
}

#[test]
#[cfg(unix)]
fn a_folder_that_is_made_read_only_loses_nothing_and_is_said_once() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |folder: &Path, mode| fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut report, heard) = open(in_folder(folder.path()));
    mode(folder.path(), 0o555);
    if fs::write(folder.path().join("x"), "").is_ok() {
        fs::remove_file(folder.path().join("x")).unwrap();
        println!("root may write everywhere: nothing is tested");
        return;
    }
    for start in ["08:40:00", "08:40:10"] {
        run(&mut report, start, 10.0, 4);
        report.flush();
    }
    assert_eq!((sidecars(folder.path()).len(), warnings(&heard).len()), (0, 1));
    mode(folder.path(), 0o755);
    report.finish(Some(at("08:40:20")));
    assert_eq!(sidecars(folder.path()), records(&mut report));
    assert_eq!((sidecars(folder.path()).len(), report.stats().lost), (2, 0));
}

#[test]
fn the_oldest_records_are_reported_as_lost_when_too_many_are_kept() {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("stats");
    let (mut report, heard) = open(Settings { window: 1, min_persons: 0, ..in_folder(&folder) });
    report.frame(at("00:00:00"), true);
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "").unwrap();
    for second in 1..=(KEPT_RECORDS as u32 + 3) {
        report.frame(later(at("00:00:00"), f64::from(second)), true);
        if second % 100 == 0 {
            report.flush();
        }
    }
    report.flush();
    assert_eq!(report.stats().lost, 3);
    let lost: Vec<_> =
        heard.lock().unwrap().iter().filter(|n| matches!(n, Notice::RecordLost { .. })).cloned().collect();
    assert_eq!(lost.len(), 3);
    assert_eq!(lost[0], Notice::RecordLost { start: at("00:00:00"), end: at("00:00:01") });
    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    report.flush();
    assert_eq!(names(&folder, false).len(), KEPT_RECORDS);
}

#[test]
fn what_cannot_be_written_at_the_very_end_is_reported_as_lost() {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("stats");
    let (mut report, heard) = open(in_folder(&folder));
    run(&mut report, "08:40:00", 10.0, 4);
    fs::remove_dir_all(&folder).unwrap();
    report.finish(Some(at("08:40:10")));
    assert_eq!(report.end().lost, 1);
    assert!(heard.lock().unwrap().iter().any(|n| matches!(n, Notice::RecordLost { .. })));
    assert!(!folder.exists(), "a folder that vanished may be a medium that was taken out: it is not made up");
}

#[test]
fn what_a_killed_run_left_half_written_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(in_folder(folder.path())));
    let lock = names(folder.path(), true).into_iter().find(|n| n.ends_with(".lock")).unwrap();
    let half = folder.path().join(lock.replace(".lock", ".x7Yz.tmp"));
    fs::write(&half, "{").unwrap();
    fs::write(folder.path().join("other.tmp"), "{").unwrap();
    drop(open(in_folder(folder.path())));
    assert!(!half.exists() && folder.path().join("other.tmp").exists());
}

#[test]
fn another_window_length_gives_out_what_is_enough_and_goes_on_with_the_rest() {
    for (passages, expected) in [(5, vec![(5, 10), (3, 60)]), (1, vec![(4, 60)])] {
        let folder = tempfile::tempdir().unwrap();
        let (mut report, _) = open(in_folder(folder.path()));
        run(&mut report, "08:40:00", 6.1, 0);
        for _ in 0..passages {
            report.take(passage(at("08:40:06"), gstmaskcount::report::Wearing::Masked));
        }
        report.frame(at("08:40:09.9"), true);
        // As after a crash: without a finish.
        drop(report);
        let (mut report, _) = open(Settings { window: 60, ..in_folder(folder.path()) });
        run(&mut report, "08:40:20", 40.0, 3);
        report.finish(Some(at("08:41:00")));
        let said: Vec<_> =
            records(&mut report).iter().map(|r| (r.persons, r.end.duration_since(r.start).as_secs())).collect();
        assert_eq!(said, expected);
    }
}

#[test]
fn only_the_owner_may_read_the_journal() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (mut report, _) = open(in_folder(folder.path()));
    run(&mut report, "08:40:00", 6.0, 1);
    report.flush();
    let mode = fs::metadata(journal(folder.path()).unwrap()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
