//! Which files are records.

use std::path::Path;

use maskcount_dashboard::record::{JSON_SCHEMA, Record};
use maskcount_dashboard::sidecar::{self, Folder, Refused};
use serde_json::{Value, json};

use crate::common::{fields, record};

fn folder(site: Option<&str>, camera: Option<&str>) -> Folder {
    Folder { path: "/stats/gate".into(), site: site.map(str::to_owned), camera: camera.map(str::to_owned) }
}

fn refused(bytes: &[u8]) -> Refused {
    sidecar::parse(bytes, &folder(None, None)).unwrap_err()
}

/// The record with one field set to something else.
fn with(pointer: &str, value: Value) -> Vec<u8> {
    let mut json: Value = serde_json::from_str(&record("forville-1", 0, 30, 10).to_json()).unwrap();
    *json.pointer_mut(pointer).unwrap() = value;
    json.to_string().into_bytes()
}

#[test]
fn the_golden_records_fit_the_schema_and_are_read() {
    let schema = jsonschema::validator_for(&serde_json::from_str(JSON_SCHEMA).unwrap()).unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    let mut read = 0;
    for path in std::fs::read_dir(golden).unwrap().map(|entry| entry.unwrap().path()) {
        let text = std::fs::read(&path).unwrap();
        assert!(schema.is_valid(&serde_json::from_slice(&text).unwrap()), "{}", path.display());
        let record = sidecar::read(&path, &folder(Some("forville"), Some("forville-1"))).unwrap();
        assert_eq!(record.persons, 212);
        read += 1;
    }
    assert!(read >= 2, "there are golden records");
}

#[test]
fn the_demo_s_records_fit_the_schema() {
    let schema = jsonschema::validator_for(&serde_json::from_str(JSON_SCHEMA).unwrap()).unwrap();
    let zone = jiff::tz::TimeZone::get("Europe/Paris").unwrap();
    let records = maskcount_dashboard::demo::records("2026-04-26".parse().unwrap(), &zone);
    assert!(records.len() > 400);
    for record in &records {
        assert!(schema.is_valid(&serde_json::from_str(&record.to_json()).unwrap()), "{}", record.to_json());
    }
}

#[test]
fn a_torn_record_is_refused_at_every_length() {
    let whole = record("forville-1", 0, 30, 10).to_json();
    for length in 0..whole.len() {
        assert!(matches!(refused(&whole.as_bytes()[..length]), Refused::Damaged(_)), "{length} bytes");
    }
}

#[test]
fn a_future_schema_is_named_even_when_its_fields_are_others() {
    let why = refused(br#"{"schema": "maskcount/2", "people": 12}"#).to_string();
    assert!(why.contains("maskcount/2") && why.contains("newer"), "{why}");
}

#[test]
fn what_is_no_record_is_foreign() {
    for foreign in ["{}", "[]", "null", "12", r#"{"schema": "other/1"}"#, r#"{"schema": 1}"#] {
        assert!(matches!(refused(foreign.as_bytes()), Refused::Foreign), "{foreign}");
    }
}

#[test]
fn numbers_that_cannot_be_are_refused() {
    for (field, value) in [
        ("/persons", json!(41)),
        ("/persons", json!(-1)),
        ("/masked", json!(u64::MAX)),
        ("/coverage", json!(1.5)),
        ("/end", json!("2026-04-26T06:00:00Z")),
        ("/start", json!("0001-01-01T00:00:00Z")),
        ("/start", json!("2026-04-26T06:40:00.5Z")),
        ("/privacy/epsilon", json!(1e-9)),
        ("/privacy/min_persons", json!(1000)),
        ("/camera", json!("x".repeat(101))),
        ("/camera", json!("a\nb")),
    ] {
        let bytes = with(field, value.clone());
        assert!(sidecar::parse(&bytes, &folder(None, None)).is_err(), "{field} = {value} was taken");
    }
    let mut guessing: Value = serde_json::from_slice(&with("/withdrawn", json!(0))).unwrap();
    guessing["model"]["quality"] = json!({ "sensitivity": 0.5, "specificity": 0.5 });
    assert!(matches!(refused(guessing.to_string().as_bytes()), Refused::Numbers(_)));
}

#[test]
fn a_record_may_end_a_day_from_now_and_no_later() {
    let day = 24 * 3600;
    let ends_after = |seconds: i64| {
        let end = jiff::Timestamp::now().as_second() + seconds;
        let record = Record::read_back(fields("forville-1", end - 1200, end, 30, 10)).unwrap();
        sidecar::parse(record.to_json().as_bytes(), &folder(None, None))
    };
    assert!(ends_after(day - 60).is_ok());
    assert!(matches!(ends_after(day + 60).unwrap_err(), Refused::Early(_)));
}

#[test]
fn a_record_of_another_camera_than_its_folder_s_is_refused() {
    let bytes = record("forville-1", 0, 30, 10).to_json();
    let why = sidecar::parse(bytes.as_bytes(), &folder(Some("forville"), Some("forville-2"))).unwrap_err();
    assert!(matches!(why, Refused::Elsewhere { what: "camera", .. }), "{why}");
}

#[test]
fn a_record_without_names_takes_those_of_its_folder() {
    let read = |folder: &Folder| {
        let mut json: Value = serde_json::from_slice(&with("/camera", json!(""))).unwrap();
        json["site"] = json!("");
        let record = sidecar::parse(json.to_string().as_bytes(), folder).unwrap();
        (record.site.clone(), record.camera.clone())
    };
    assert_eq!(read(&folder(Some("forville"), Some("gate"))), ("forville".to_owned(), "gate".to_owned()));
    assert_eq!(read(&folder(None, None)), ("unnamed".to_owned(), "gate".to_owned()));
}

#[test]
fn journals_locks_and_unfinished_files_are_no_sidecars() {
    for name in
        [".maskcount-forville-0011.journal", ".maskcount-a.lock", ".maskcount-a.x1.tmp", ".a.json", "a.jsonl", "a.mp4"]
    {
        assert!(!sidecar::is_sidecar_name(name), "{name}");
    }
    assert!(sidecar::is_sidecar_name("forville-20260426T064000Z-2.json"));
}
