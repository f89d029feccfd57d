//! What the tests of the report room share: a day, a report, and the check that each record must pass.

#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::LazyLock;

use gstmaskcount::report::{JSON_SCHEMA, ModelIdentity, Notice, Passage, Record, Report, Settings, Wearing};
use jiff::{SignedDuration, Timestamp};

/// That time of the day in UTC.
pub fn at(time: &str) -> Timestamp {
    format!("2026-04-26T{time}Z").parse().unwrap()
}

pub fn later(time: Timestamp, seconds: f64) -> Timestamp {
    time + SignedDuration::from_millis((seconds * 1000.0).round() as i64)
}

pub fn passage(time: Timestamp, wearing: Wearing) -> Passage {
    Passage { time, wearing }
}

/// Windows of ten seconds, else the defaults.
pub fn settings() -> Settings {
    Settings { site: "forville".into(), camera: "forville-1".into(), window: 10, ..Settings::default() }
}

pub fn model() -> ModelIdentity {
    ModelIdentity { name: "maskcount-s".into(), sha256: "0f".repeat(32), quality: None }
}

/// A report without files.
pub fn memory(settings: Settings) -> Report {
    Report::open(settings, model(), "0.1.0", |_| ()).unwrap()
}

/// Ten frames a second from `start`, each second one analysed, with so many masked passages in the middle.
pub fn run(report: &mut Report, start: &str, seconds: f64, passages: u32) {
    let frames = (seconds * 10.0) as u32;
    for n in 0..frames {
        let time = later(at(start), f64::from(n) / 10.0);
        report.frame(time, n % 2 == 0);
        let due = |n: u32| n * passages / frames;
        for _ in due(n)..due(n + 1) {
            report.take(passage(time, Wearing::Masked));
        }
    }
}

/// Held against the schema and against the rules of `Record`.
pub fn check(record: &Record) {
    static VALIDATOR: LazyLock<jsonschema::Validator> =
        LazyLock::new(|| jsonschema::validator_for(&serde_json::from_str(JSON_SCHEMA).unwrap()).unwrap());
    if let Err(e) = VALIDATOR.validate(&serde_json::to_value(record).unwrap()) {
        panic!("{e}: {}", record.to_json());
    }
    assert_eq!(&Record::from_json(&record.to_json()).unwrap(), record);
}

/// The records among the notices, each of them checked.
pub fn records(report: &mut Report) -> Vec<Record> {
    report
        .notices()
        .into_iter()
        .filter_map(|notice| match notice {
            Notice::Record(record) => {
                check(&record);
                Some(record)
            }
            _ => None,
        })
        .collect()
}
