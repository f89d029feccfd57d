//! Windows, privacy rules and records, from frames and passages to what is given out. No file, no clock.

mod report_common;

use gstmaskcount::report::{
    JSON_SCHEMA, ModelIdentity, Notice, Quality, Record, Report, ReportError, Settings, Wearing,
};
use proptest::prelude::*;
use report_common::*;

#[test]
fn a_window_that_was_seen_from_start_to_end_is_complete() {
    let mut report = memory(Settings { min_persons: 3, ..settings() });
    run(&mut report, "08:40:00", 10.0, 5);
    report.frame(at("08:40:10"), true);
    let records = records(&mut report);
    assert_eq!(records.len(), 1);
    let r = &records[0];
    assert_eq!((r.start, r.end, r.complete, r.persons), (at("08:40:00"), at("08:40:10"), true, 5));
    assert_eq!((r.frames, r.frames_analysed, r.coverage), (100, 50, 1.0));
}

#[test]
fn a_window_is_incomplete_when_the_stream_started_or_ended_within_it() {
    let mut report = memory(Settings { min_persons: 1, ..settings() });
    run(&mut report, "08:40:05", 10.0, 4);
    report.finish(Some(at("08:40:15")));
    let records = records(&mut report);
    let said: Vec<_> = records.iter().map(|r| (r.start, r.complete, r.coverage)).collect();
    assert_eq!(said, [(at("08:40:00"), false, 0.5), (at("08:40:10"), false, 0.5)]);
}

#[test]
fn a_stream_that_ends_with_its_window_leaves_it_complete() {
    let mut report = memory(Settings { min_persons: 1, ..settings() });
    run(&mut report, "08:40:00", 10.0, 4);
    report.finish(Some(at("08:40:10")));
    let records = records(&mut report);
    assert_eq!(records.iter().map(|r| (r.complete, r.coverage)).collect::<Vec<_>>(), [(true, 1.0)]);
}

#[test]
fn too_few_passages_extend_the_window_and_no_number_is_said() {
    let mut report = memory(settings());
    run(&mut report, "08:40:00", 10.0, 3);
    report.frame(at("08:40:10"), true);
    let notices = report.notices();
    assert!(
        matches!(&notices[..], [Notice::Withheld(w)] if w.end == at("08:40:10") && w.min_persons == 10),
        "{notices:?}"
    );
    assert!(notices[0].to_string().contains("window=10 min-persons=1"), "{}", notices[0]);
    assert!(report.stats().withheld);
    assert_eq!(report.stats().passages, 0);

    run(&mut report, "08:40:10", 10.0, 8);
    report.frame(at("08:40:20"), true);
    let records = records(&mut report);
    let r = &records[0];
    assert_eq!((r.start, r.end, r.complete, r.persons), (at("08:40:00"), at("08:40:20"), true, 11));
    assert_eq!((r.privacy.extended_windows, r.coverage), (1, 1.0));
    assert!(!report.stats().withheld);
}

#[test]
fn an_empty_window_is_given_out_only_without_a_least_number() {
    for (min_persons, given_out) in [(0, 1), (1, 0)] {
        let mut report = memory(Settings { min_persons, ..settings() });
        run(&mut report, "08:40:00", 10.0, 0);
        report.finish(Some(at("08:40:10")));
        let records = records(&mut report);
        assert_eq!(records.len(), given_out);
        assert!(records.iter().all(|r| r.masked_share.is_none() && r.low_confidence));
    }
}

#[test]
fn a_clock_that_steps_back_a_little_counts_into_the_open_window() {
    let mut report = memory(Settings { min_persons: 1, ..settings() });
    run(&mut report, "08:40:00", 5.0, 2);
    run(&mut report, "08:39:55", 15.0, 3);
    report.frame(at("08:40:10"), true);
    let records = records(&mut report);
    assert_eq!(records.iter().map(|r| (r.start, r.persons)).collect::<Vec<_>>(), [(at("08:40:00"), 5)]);
    assert!(records[0].coverage <= 1.0);
}

#[test]
fn what_is_told_late_turns_no_window_back() {
    let mut report = memory(Settings { min_persons: 1, ..settings() });
    run(&mut report, "08:40:00", 10.0, 2);
    run(&mut report, "08:40:10", 5.0, 2);
    // More than a window before the open one.
    let late = passage(at("08:39:58"), Wearing::Unmasked);
    let window = report.take(late);
    assert!(report.amend(window, Wearing::Unmasked, Wearing::Masked));
    assert!(report.withdraw(at("08:39:59"), None));
    run(&mut report, "08:40:15", 5.0, 2);
    report.frame(at("08:40:20"), true);
    let records = records(&mut report);
    let said: Vec<_> = records.iter().map(|r| (r.start, r.persons, r.unmasked, r.withdrawn)).collect();
    assert_eq!(said, [(at("08:40:00"), 2, 0, 0), (at("08:40:10"), 5, 0, 1)]);
}

#[test]
fn a_clock_that_steps_back_far_closes_the_window() {
    let mut report = memory(Settings { min_persons: 2, ..settings() });
    run(&mut report, "18:40:00", 5.0, 2);
    run(&mut report, "08:40:00", 5.0, 1);
    run(&mut report, "06:40:00", 10.0, 1);
    report.frame(at("06:40:10"), true);
    let records = records(&mut report);
    let said: Vec<_> = records.iter().map(|r| (r.start, r.end, r.complete, r.persons)).collect();
    assert_eq!(
        said,
        [(at("18:40:00"), at("18:40:10"), false, 2), (at("06:40:00"), at("06:40:10"), false, 2)],
        "who passed under the wrong clock goes on in the window of the right one"
    );
}

#[test]
fn a_jump_forward_closes_the_window_and_makes_none_up() {
    let mut report = memory(Settings { min_persons: 1, ..settings() });
    run(&mut report, "08:40:00", 5.0, 2);
    run(&mut report, "11:00:00", 10.0, 2);
    report.frame(at("11:00:10"), true);
    let records = records(&mut report);
    let said: Vec<_> = records.iter().map(|r| (r.start, r.complete, r.coverage)).collect();
    // The last look before the gap counts for a second.
    assert_eq!(said, [(at("08:40:00"), false, 0.58), (at("11:00:00"), true, 1.0)]);
}

#[test]
fn a_gap_over_a_window_that_goes_on_leaves_it_incomplete_with_little_coverage() {
    let mut report = memory(Settings { min_persons: 4, ..settings() });
    run(&mut report, "08:40:00", 10.0, 2);
    run(&mut report, "08:41:30", 10.0, 2);
    report.frame(at("08:41:40"), true);
    let records = records(&mut report);
    let said: Vec<_> = records.iter().map(|r| (r.start, r.end, r.complete, r.coverage)).collect();
    assert_eq!(said, [(at("08:40:00"), at("08:41:40"), false, 0.2)]);
}

#[test]
fn frames_that_are_not_analysed_are_no_coverage() {
    let mut report = memory(Settings { min_persons: 0, ..settings() });
    for n in 0..100 {
        report.frame(later(at("08:40:00"), f64::from(n) / 10.0), n < 30);
    }
    report.frame(at("08:40:10"), false);
    let records = records(&mut report);
    assert_eq!((records[0].frames, records[0].frames_analysed, records[0].complete), (100, 30, true));
    assert!((0.29..=0.4).contains(&records[0].coverage), "{}", records[0].coverage);
}

#[test]
fn who_shakes_the_head_is_in_no_other_count() {
    let mut report = memory(Settings { min_persons: 1, ..settings() });
    report.frame(at("08:40:00"), true);
    let mut take = |wearing| report.take(passage(at("08:40:01"), wearing));
    let [_, window, _] = [Wearing::Masked, Wearing::Unmasked, Wearing::Unknown].map(&mut take);
    assert!(report.withdraw(at("08:40:02"), Some((window, Wearing::Unmasked))));
    assert!(report.withdraw(at("08:40:02"), None));
    report.finish(Some(at("08:40:10")));
    let r = &records(&mut report)[0];
    assert_eq!((r.persons, r.masked, r.unmasked, r.unknown, r.withdrawn), (2, 1, 0, 1, 2));
}

#[test]
fn a_passage_of_a_closed_window_is_neither_withdrawn_nor_amended() {
    let mut report = memory(Settings { min_persons: 1, ..settings() });
    report.frame(at("08:40:00"), true);
    let early = report.take(passage(at("08:40:09"), Wearing::Masked));
    report.frame(at("08:40:10"), true);
    report.take(passage(at("08:40:11"), Wearing::Masked));
    assert!(!report.withdraw(at("08:40:12"), Some((early, Wearing::Masked))));
    assert!(!report.amend(early, Wearing::Masked, Wearing::Unmasked));
    report.finish(Some(at("08:40:20")));
    let said: Vec<_> = records(&mut report).iter().map(|r| (r.persons, r.masked, r.withdrawn)).collect();
    assert_eq!(said, [(1, 1, 0), (1, 1, 0)]);
}

#[test]
fn what_was_counted_before_the_clock_was_set_back_takes_nothing_from_the_window_since() {
    let mut report = memory(Settings { min_persons: 1, ..settings() });
    report.frame(at("18:40:01"), true);
    let before = report.take(passage(at("18:40:01"), Wearing::Masked));
    report.frame(at("08:40:03"), true);
    report.take(passage(at("08:40:04"), Wearing::Masked));
    assert!(!report.withdraw(at("08:40:05"), Some((before, Wearing::Masked))));
    report.finish(Some(at("08:40:10")));
    let said: Vec<_> = records(&mut report).iter().map(|r| (r.persons, r.masked, r.withdrawn)).collect();
    assert_eq!(said, [(1, 1, 0), (1, 1, 0)]);
}

#[test]
fn the_state_at_the_end_of_the_passage_counts() {
    let mut report = memory(Settings { min_persons: 1, ..settings() });
    report.frame(at("08:40:00"), true);
    let window = report.take(passage(at("08:40:01"), Wearing::Unmasked));
    assert!(report.amend(window, Wearing::Unmasked, Wearing::Masked));
    report.finish(None);
    let r = &records(&mut report)[0];
    assert_eq!((r.persons, r.masked, r.unmasked), (1, 1, 0));
}

#[test]
fn a_stream_that_goes_on_after_its_end_goes_on_with_what_was_withheld() {
    let mut report = memory(Settings { min_persons: 4, ..settings() });
    run(&mut report, "08:40:00", 4.0, 2);
    report.finish(Some(at("08:40:04")));
    assert!(records(&mut report).is_empty());
    run(&mut report, "08:40:05", 5.0, 2);
    report.frame(at("08:40:10"), true);
    assert_eq!(records(&mut report).iter().map(|r| r.persons).collect::<Vec<_>>(), [4]);
}

#[test]
fn a_file_that_is_played_twice_is_not_put_together() {
    let mut report = memory(Settings { min_persons: 4, recorded: true, ..settings() });
    for _ in 0..2 {
        run(&mut report, "08:40:00", 4.0, 3);
        report.finish(Some(at("08:40:04")));
    }
    let notices = report.notices();
    assert!(notices.iter().all(|n| !matches!(n, Notice::Record(_))));
    assert!(notices.iter().any(|n| matches!(n, Notice::Warning { .. })));
}

#[test]
fn a_camera_whose_clock_was_set_back_meanwhile_goes_on_with_what_was_withheld() {
    let mut report = memory(Settings { min_persons: 4, ..settings() });
    run(&mut report, "08:40:00", 4.0, 3);
    report.finish(Some(at("08:40:04")));
    run(&mut report, "08:40:03", 7.0, 3);
    report.frame(at("08:40:10"), true);
    assert_eq!(records(&mut report).iter().map(|r| r.persons).collect::<Vec<_>>(), [6]);
}

#[test]
fn a_stream_without_a_frame_says_nothing() {
    let mut report = memory(settings());
    report.finish(None);
    report.finish(Some(at("08:40:00")));
    assert!(report.notices().is_empty());
}

#[test]
fn noise_is_in_the_counts_and_the_sums_still_hold() {
    let mut different = 0;
    for _ in 0..50 {
        let mut report = memory(Settings { min_persons: 10, epsilon: 0.5, ..settings() });
        run(&mut report, "08:40:00", 10.0, 20);
        report.finish(Some(at("08:40:10")));
        let r = &records(&mut report)[0];
        different += u32::from(r.persons != 20);
        assert_eq!(r.privacy.epsilon, 0.5);
    }
    assert!(different > 20, "{different} of 50 windows differ");
}

#[test]
fn the_share_is_corrected_by_what_is_known_of_the_model() {
    let quality = Some(Quality { sensitivity: 0.95, specificity: 0.9 });
    let model = ModelIdentity { quality, ..model() };
    let mut report = Report::open(Settings { min_persons: 1, ..settings() }, model, "0.1.0", |_| ()).unwrap();
    report.frame(at("08:40:00"), true);
    for n in 0..100 {
        report.take(passage(at("08:40:01"), if n < 61 { Wearing::Masked } else { Wearing::Unmasked }));
    }
    report.finish(Some(at("08:40:10")));
    let r = &records(&mut report)[0];
    assert_eq!((r.masked_share, r.masked_share_raw, r.model.quality), (Some(0.6), Some(0.61), quality));
}

#[test]
fn settings_that_make_no_sense_are_refused_in_words() {
    let open = |settings, model| Report::open(settings, model, "0.1.0", |_| ()).err();
    assert!(matches!(open(Settings { window: 0, ..settings() }, model()), Some(ReportError::Window(0))));
    assert!(matches!(open(Settings { window: 86_401, ..settings() }, model()), Some(ReportError::Window(_))));
    for epsilon in [-1.0, f64::NAN, 1e-9, f64::INFINITY] {
        assert!(matches!(open(Settings { epsilon, ..settings() }, model()), Some(ReportError::Epsilon(_))));
    }
    let quality = Some(Quality { sensitivity: 0.5, specificity: 0.5 });
    assert!(matches!(open(settings(), ModelIdentity { quality, ..model() }), Some(ReportError::Quality(_))));
}

#[test]
fn a_record_reads_back_as_it_was() {
    let r = &market(None)[0];
    assert_eq!(&Record::from_json(&r.to_json()).unwrap(), r);
    assert_eq!(&Record::from_json(&r.to_json_pretty()).unwrap(), r);
}

#[test]
fn what_breaks_a_rule_is_no_record() {
    let good = market(None)[0].to_json();
    let broken = [
        ("\"persons\":212", "\"persons\":213", "persons"),
        ("\"min_persons\":10", "\"min_persons\":213", "persons"),
        ("maskcount/1", "maskcount/2", "schema"),
        ("\"masked_share\":0.864", "\"masked_share\":null", "masked_share"),
        ("\"share_low\":0.809", "\"share_low\":0.9", "share_low"),
        ("\"masked_share_raw\":0.864", "\"masked_share_raw\":1.5", "masked_share"),
        ("\"end\":\"2026-04-26T09:00:00Z\"", "\"end\":\"2026-04-26T08:40:00Z\"", "end"),
    ];
    for (from, to, field) in broken {
        assert!(good.contains(from), "{from} is not in {good}");
        let error = Record::from_json(&good.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
    assert!(Record::from_json("{}").is_err());
}

/// The window of the design's example, and one with what is optional.
fn market(quality: Option<Quality>) -> Vec<Record> {
    let settings = Settings {
        site: "forville".into(),
        camera: "forville-1".into(),
        window: 1200,
        min_persons: 10,
        ..Settings::default()
    };
    let mut report = Report::open(settings, ModelIdentity { quality, ..model() }, "0.1.0", |_| ()).unwrap();
    for n in 0..12_000 {
        report.frame(later(at("08:40:00"), f64::from(n) / 10.0), n % 3 == 0);
    }
    for (count, wearing) in [(171, Wearing::Masked), (27, Wearing::Unmasked), (14, Wearing::Unknown)] {
        for _ in 0..count {
            report.take(passage(at("08:50:00"), wearing));
        }
    }
    let window = report.take(passage(at("08:50:00"), Wearing::Masked));
    report.withdraw(at("08:50:01"), Some((window, Wearing::Masked)));
    report.finish(Some(at("09:00:00")));
    records(&mut report)
}

#[test]
fn records_are_those_of_the_golden_files() {
    let quality = Some(Quality { sensitivity: 0.97, specificity: 0.98 });
    for (file, record) in [("market.json", &market(None)[0]), ("market-corrected.json", &market(quality)[0])] {
        let path = std::path::Path::new("tests/golden").join(file);
        if std::env::var_os("MASKCOUNT_BLESS").is_some() {
            std::fs::write(&path, record.to_json_pretty()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), record.to_json_pretty(), "{file}");
    }
}

#[test]
fn the_schema_knows_nothing_of_one_person() {
    let validator = jsonschema::validator_for(&serde_json::from_str(JSON_SCHEMA).unwrap()).unwrap();
    let mut record = serde_json::to_value(&market(None)[0]).unwrap();
    assert!(validator.is_valid(&record));
    for field in ["id", "box", "image", "passages"] {
        record[field] = 1.into();
        assert!(!validator.is_valid(&record), "{field}");
        record.as_object_mut().unwrap().remove(field);
    }
}

/// What may happen to a report.
#[derive(Clone, Debug)]
enum Step {
    /// Time goes on by so many tenths of a second, or back.
    Frame(i64, bool),
    Take(u8),
    Withdraw,
    WithdrawUncounted,
    Amend(u8),
    Finish,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..15i64, any::<bool>()).prop_map(|(t, a)| Step::Frame(t, a)),
        1 => (-300..600i64, any::<bool>()).prop_map(|(t, a)| Step::Frame(t, a)),
        8 => (0..4u8).prop_map(Step::Take),
        1 => Just(Step::Withdraw),
        1 => Just(Step::WithdrawUncounted),
        2 => (0..4u8).prop_map(Step::Amend),
        1 => Just(Step::Finish),
    ]
}

fn wearing(n: u8) -> Wearing {
    [Wearing::Masked, Wearing::Unmasked, Wearing::Incorrect, Wearing::Unknown][usize::from(n)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each passage is in one record at most, each record holds at least `min_persons`, and what no record holds yet
    /// are fewer than that: so no sum or difference of records tells of fewer than `min_persons` people.
    #[test]
    fn nothing_withheld_can_be_worked_out(min_persons in 0..8u32, steps in prop::collection::vec(step(), 0..400)) {
        let mut report = memory(Settings { min_persons, ..settings() });
        let mut now = at("08:40:00");
        report.frame(now, true);
        let (mut inside, mut said, mut left_out) = (0u64, 0u64, false);
        let mut last = None;
        for step in steps {
            match step {
                Step::Frame(tenths, analysed) => {
                    now = later(now, tenths as f64 / 10.0);
                    report.frame(now, analysed);
                }
                Step::Take(w) => {
                    last = Some((report.take(passage(now, wearing(w))), wearing(w)));
                    inside += 1;
                }
                Step::Withdraw => {
                    if let Some(p) = last.take() {
                        inside -= u64::from(report.withdraw(now, Some(p)));
                    }
                }
                Step::WithdrawUncounted => {
                    report.withdraw(now, None);
                }
                Step::Amend(w) => {
                    if let Some((window, worn)) = &mut last && report.amend(*window, *worn, wearing(w)) {
                        *worn = wearing(w);
                    }
                }
                Step::Finish => {
                    report.finish(Some(now));
                    last = None;
                }
            }
            for notice in report.notices() {
                match notice {
                    Notice::Record(r) => {
                        check(&r);
                        prop_assert!(r.persons >= u64::from(min_persons));
                        said += r.persons;
                    }
                    // A stream that starts again before its end: what was withheld is left out for good.
                    Notice::Warning { .. } => left_out = true,
                    _ => {}
                }
            }
            prop_assert_eq!(report.stats().passages, said, "the totals say no more than the records");
            prop_assert!(said <= inside);
        }
        report.finish(Some(now));
        said += records(&mut report).iter().map(|r| r.persons).sum::<u64>();
        prop_assert!(said <= inside);
        if !left_out {
            prop_assert!(inside - said < u64::from(min_persons.max(1)), "{} of {} are in no record", inside - said, inside);
        }
    }
}
