//! Following folders, and what stays when files or the program go.

use std::path::Path;
use std::process::Command;

use maskcount_dashboard::record::Record;
use tempfile::{TempDir, tempdir};

use crate::common::{Dashboard, PATIENCE, binary, fields, put, put_record, record, until};

struct Place {
    _all: TempDir,
    folder: String,
    store: String,
}

fn place() -> Place {
    let all = tempdir().unwrap();
    let folder = all.path().join("forville-1");
    std::fs::create_dir(&folder).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    Place { folder: text(&folder), store: text(&all.path().join("store.sqlite")), _all: all }
}

impl Place {
    fn serve(&self) -> Dashboard {
        Dashboard::serve(&[&self.folder, "--store", &self.store])
    }

    fn put(&self, window: i64, masked: u64, unmasked: u64) -> std::path::PathBuf {
        put_record(self.folder.as_ref(), &record("forville-1", window, masked, unmasked))
    }
}

/// Waits for so many persons on the day of the tests.
fn until_persons(dashboard: &Dashboard, persons: u64) {
    until(&format!("day with {persons} persons"), || (dashboard.persons() == Some(persons)).then_some(()));
}

#[test]
fn a_new_file_is_shown_and_told_without_asking_again() {
    use std::io::{BufRead, BufReader, Write};
    let place = place();
    place.put(0, 30, 10);
    let dashboard = Dashboard::serve(&[&place.folder]);
    until_persons(&dashboard, 40);
    let mut stream = std::net::TcpStream::connect(dashboard.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    // The answer's head has come: from now on events are told.
    assert!(lines.any(|line| line.is_empty()));
    place.put(1, 20, 20);
    assert!(lines.any(|line| line == "event: records"));
    assert_eq!(lines.next().unwrap(), r#"data: {"date":"2026-04-26","site":"forville"}"#);
    assert_eq!(dashboard.persons(), Some(80));
}

#[test]
fn a_folder_that_is_not_there_yet_is_named_and_read_later() {
    let place = place();
    let later = format!("{}/later", place.folder);
    let dashboard = Dashboard::serve(&[&place.folder, &later]);
    until("line in the log", || dashboard.log().contains("later: the folder cannot be read").then_some(()));
    assert_eq!(dashboard.get("/healthz").status, 200);
}

#[test]
fn a_torn_file_that_becomes_whole_is_counted() {
    let place = place();
    let whole = record("forville-1", 0, 30, 10).to_json();
    put(place.folder.as_ref(), "a.json", &whole[..200]);
    let dashboard = place.serve();
    until("line in the log", || dashboard.log().contains("a.json: left out").then_some(()));
    put(place.folder.as_ref(), "a.json", &whole);
    until_persons(&dashboard, 40);
}

#[test]
fn a_record_stays_when_its_file_is_rotated_away() {
    let place = place();
    let first = place.put(0, 30, 10);
    let dashboard = place.serve();
    until_persons(&dashboard, 40);
    std::fs::remove_file(first).unwrap();
    place.put(1, 20, 20);
    until_persons(&dashboard, 80);
    drop(dashboard);
    until_persons(&place.serve(), 80);
}

#[test]
fn without_a_store_a_record_whose_file_is_gone_stays_until_the_next_start() {
    let place = place();
    let first = place.put(0, 30, 10);
    let dashboard = Dashboard::serve(&[&place.folder]);
    until_persons(&dashboard, 40);
    std::fs::remove_file(first).unwrap();
    place.put(1, 20, 20);
    until_persons(&dashboard, 80);
    drop(dashboard);
    until_persons(&Dashboard::serve(&[&place.folder]), 40);
}

#[test]
fn a_copy_of_a_folder_counts_once() {
    let place = place();
    let copy = tempdir().unwrap();
    for n in 0..5 {
        let file = place.put(n, 30, 10);
        std::fs::copy(&file, copy.path().join(file.file_name().unwrap())).unwrap();
    }
    let dashboard = Dashboard::serve(&[&place.folder, copy.path().to_str().unwrap(), "--store", &place.store]);
    until_persons(&dashboard, 200);
    place.put(5, 30, 10);
    until_persons(&dashboard, 240);
}

#[test]
fn two_records_of_one_window_both_count() {
    let place = place();
    let text = |masked| record("forville-1", 0, masked, 10).to_json();
    put(place.folder.as_ref(), "a.json", &text(30));
    put(place.folder.as_ref(), "a-2.json", &text(20));
    until_persons(&place.serve(), 70);
}

#[test]
fn a_mended_file_takes_the_place_of_its_record_and_a_name_used_again_does_not() {
    let place = place();
    let put =
        |window, masked| put(place.folder.as_ref(), "same.json", &record("forville-1", window, masked, 10).to_json());
    put(0, 30);
    let dashboard = place.serve();
    until_persons(&dashboard, 40);
    put(0, 35);
    until_persons(&dashboard, 45);
    put(1, 20);
    until_persons(&dashboard, 75);
}

#[test]
fn a_file_of_a_folder_that_was_moved_is_mended_too() {
    let place = place();
    let put = |folder: &str, masked| put(folder.as_ref(), "same.json", &record("forville-1", 0, masked, 10).to_json());
    put(&place.folder, 30);
    until_persons(&place.serve(), 40);
    let moved = format!("{}-moved", place.folder);
    std::fs::rename(&place.folder, &moved).unwrap();
    let dashboard = Dashboard::serve(&[&moved, "--store", &place.store]);
    until("known file", || dashboard.json("/api/sites")["sites"][0]["last"].as_str().map(|_| ()));
    put(&moved, 35);
    until_persons(&dashboard, 45);
}

#[test]
fn a_record_of_a_wrong_clock_is_named_once_and_read_when_its_time_has_come() {
    let place = place();
    let end = jiff::Timestamp::now().as_second() + 24 * 3600 + 3;
    let early = Record::read_back(fields("forville-1", end - 1200, end, 30, 10)).unwrap();
    let path = put_record(place.folder.as_ref(), &early);
    // Long ago, or it would be read again as a young file.
    let date = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(date).unwrap();
    let dashboard = place.serve();
    until("line in the log", || dashboard.log().contains("more than a day from now").then_some(()));
    until("record", || {
        // The system tells of it again.
        std::fs::rename(&path, path.with_extension("x")).unwrap();
        std::fs::rename(path.with_extension("x"), &path).unwrap();
        dashboard.json("/api/sites")["sites"][0]["cameras"].as_array().map(|_| ())
    });
    assert_eq!(dashboard.log().matches("left out").count(), 1);
}

#[test]
fn a_file_that_changes_twice_in_one_tick_of_the_clock_is_read_twice() {
    let place = place();
    // As if the clock that dates files stood still; of the same length too.
    let date = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    let put = |masked| {
        let unfinished = Path::new(&place.folder).join(".unfinished");
        std::fs::write(&unfinished, format!("{:2000}", record("forville-1", 0, masked, 10).to_json())).unwrap();
        std::fs::File::options().write(true).open(&unfinished).unwrap().set_modified(date).unwrap();
        std::fs::rename(unfinished, Path::new(&place.folder).join("same.json")).unwrap();
    };
    put(30);
    let dashboard = place.serve();
    until_persons(&dashboard, 40);
    put(35);
    until_persons(&dashboard, 45);
}

#[test]
fn a_program_that_is_killed_while_it_reads_loses_and_doubles_nothing() {
    let place = place();
    let mut sum = 0;
    for n in 0..2000 {
        let record = record("forville-1", n % 30, 10 + n as u64 / 30, 5);
        sum += record.persons;
        put(place.folder.as_ref(), &format!("{n}.json"), &record.to_json());
    }
    for _ in 0..4 {
        let dashboard = place.serve();
        // At another point each time: as soon as it has something, or has nothing yet.
        let _ = dashboard.persons();
        drop(dashboard);
    }
    let dashboard = place.serve();
    until_persons(&dashboard, sum);
    drop(dashboard);
    until_persons(&place.serve(), sum);
}

#[test]
fn a_full_disk_loses_nothing_and_is_named_once() {
    let place = place();
    // No file may grow beyond 96 KiB: the store is full after some records. Ignoring the signal makes that an error.
    let mut command = Command::new("sh");
    let limited = "trap '' XFSZ; ulimit -S -f 192; exec \"$@\"";
    command.args(["-c", limited, "sh", env!("CARGO_BIN_EXE_maskcount-dashboard"), "serve", "--port", "0"]);
    command.args(["--time-zone", "Europe/Paris", &place.folder, "--store", &place.store]);
    let dashboard = Dashboard::start(command);
    let mut sum = 0;
    for n in 0..1500 {
        let record = record("forville-1", n % 30, 10 + n as u64 / 30, 5);
        sum += record.persons;
        put(place.folder.as_ref(), &format!("{n}.json"), &record.to_json());
    }
    until("line in the log", || dashboard.log().contains("nothing is lost").then_some(()));
    assert_eq!(dashboard.get("/healthz").status, 200);
    assert!(dashboard.persons().unwrap_or(0) < sum);
    let pid = dashboard.process.0.id().to_string();
    let made_room = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status().unwrap();
    assert!(made_room.success());
    until_persons(&dashboard, sum);
    assert!(dashboard.log().matches("nothing is lost").count() <= 2, "{}", dashboard.log());
}

#[test]
fn two_programs_do_not_share_a_store() {
    let place = place();
    let _first = place.serve();
    let second = binary().args(["serve", "--port", "0", &place.folder, "--store", &place.store]).output().unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("each running program needs its own"));
}

#[test]
fn a_toml_file_says_which_camera_is_where() {
    let place = place();
    place.put(0, 30, 10);
    put_record(place.folder.as_ref(), &record("forville-2", 0, 50, 0));
    let config = format!("{}.toml", place.folder);
    std::fs::write(
        &config,
        "[[site]]\nname = \"forville\"\n[[site.camera]]\nname = \"forville-1\"\nfolder = \"forville-1\"\n",
    )
    .unwrap();
    let dashboard = Dashboard::serve(&["--config", &config]);
    until_persons(&dashboard, 40);
    assert!(dashboard.log().contains("it is of camera \"forville-2\", this folder is for \"forville-1\""));
}

#[test]
fn cameras_that_share_a_folder_are_all_counted() {
    let place = place();
    place.put(0, 30, 10);
    put_record(place.folder.as_ref(), &record("forville-2", 0, 50, 0));
    let config = format!("{}.toml", place.folder);
    let camera = |name: &str| format!("[[site.camera]]\nname = \"{name}\"\nfolder = \"forville-1\"\n");
    let cameras = camera("forville-1") + &camera("forville-2");
    std::fs::write(&config, format!("[[site]]\nname = \"forville\"\n{cameras}")).unwrap();
    let dashboard = Dashboard::serve(&["--config", &config]);
    until_persons(&dashboard, 90);
    assert!(!dashboard.log().contains("left out"), "{}", dashboard.log());
}
