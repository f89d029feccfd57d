//! From a closed window to its record and sidecar file. The file's time is that of two fsyncs: the disk's, not ours.

use criterion::{BatchSize, Criterion};
use gstmaskcount::report::{ModelIdentity, Notice, Passage, Record, Report, Settings, Wearing};
use jiff::{SignedDuration, Timestamp};

/// A report with an open window of 200 passages.
fn report(location: Option<String>) -> (Report, Timestamp) {
    let start: Timestamp = "2026-04-26T08:40:00Z".parse().expect("a time");
    let settings = Settings { site: "forville".into(), camera: "forville-1".into(), location, ..Settings::default() };
    let model = ModelIdentity { name: "maskcount-s".into(), sha256: "0f".repeat(32), quality: None };
    let mut report = Report::open_without_thread(settings, model, "0.1.0", |_| ()).expect("a folder that is ours");
    for second in 0..200 {
        let time = start + SignedDuration::from_secs(second);
        report.frame(time, true);
        report.take(Passage { time, wearing: if second % 5 == 0 { Wearing::Unmasked } else { Wearing::Masked } });
    }
    (report, start + SignedDuration::from_secs(1200))
}

fn close((report, end): &mut (Report, Timestamp)) -> Record {
    report.frame(*end, true);
    report.flush();
    let record = report.notices().into_iter().find_map(|n| if let Notice::Record(r) = n { Some(r) } else { None });
    record.expect("a window that may be given out")
}

pub fn all(c: &mut Criterion) {
    let mut group = c.benchmark_group("record");
    let record = close(&mut report(None));
    group.bench_function("JSON", |b| b.iter(|| record.to_json()));
    group.bench_function("close a window", |b| b.iter_batched_ref(|| report(None), close, BatchSize::SmallInput));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let location = folder.path().join("%Y%m%dT%H%M%SZ.json").display().to_string();
    group.bench_function("close a window and write its sidecar", |b| {
        b.iter_batched_ref(
            || {
                // Each run starts without the journal and the sidecars of the last one.
                for file in std::fs::read_dir(folder.path()).expect("the folder").flatten() {
                    std::fs::remove_file(file.path()).expect("a file of ours");
                }
                report(Some(location.clone()))
            },
            close,
            BatchSize::PerIteration,
        );
    });
}
