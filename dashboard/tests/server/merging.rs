//! What is said of several cameras together.

use std::collections::BTreeMap;

use maskcount_dashboard::history::{Day, History};
use maskcount_dashboard::merge::{MergedDay, RuledDay, merge, ruled, total};
use maskcount_dashboard::record::{Quality, Window};
use proptest::prelude::*;

use crate::common::{MORNING, window};

fn day(cameras: &[(&str, Vec<Window>)]) -> Day {
    cameras.iter().map(|(name, windows)| ((*name).to_owned(), windows.clone())).collect()
}

/// A day with none before it.
fn alone(day: &Day) -> RuledDay<'_> {
    RuledDay { day, min_persons: day.values().flatten().map(|w| w.min_persons).max().unwrap_or(0) }
}

fn all(day: &Day) -> MergedDay {
    merge(alone(day), |_| true)
}

fn at(n: i64) -> i64 {
    MORNING + n * 1200
}

#[test]
fn cameras_are_summed_over_common_windows() {
    let merged = all(&day(&[
        ("a", vec![window(at(0), at(1), 30, 10, 10), window(at(1), at(2), 20, 20, 10)]),
        ("b", vec![window(at(0), at(1), 11, 9, 10)]),
    ]));
    let seen: Vec<_> = merged.windows.iter().map(|w| (w.start, w.figures.persons, w.cameras, w.complete)).collect();
    assert_eq!(seen, [(at(0), 60, 2, true), (at(1), 40, 1, false)]);
    let total = merged.total.unwrap();
    assert_eq!((total.figures.persons, total.figures.masked, total.since, total.until), (100, 61, at(0), at(2)));
    // Half of the second window was looked at by both cameras together.
    assert_eq!(merged.windows[1].coverage, 0.5);
}

#[test]
fn an_extended_window_over_two_of_another_camera_is_one_window() {
    let merged = all(&day(&[
        ("a", vec![window(at(0), at(1), 30, 10, 10), window(at(1), at(2), 20, 20, 10)]),
        ("b", vec![window(at(0), at(2), 6, 6, 10)]),
    ]));
    assert_eq!(merged.windows.len(), 1);
    let one = &merged.windows[0];
    assert_eq!((one.start, one.end, one.figures.persons, one.complete), (at(0), at(2), 92, true));
}

#[test]
fn windows_of_different_lengths_meet_where_both_end() {
    let quarters = (0..8).map(|n| window(MORNING + n * 900, MORNING + (n + 1) * 900, 10, 0, 10)).collect();
    let thirds = (0..6).map(|n| window(at(n), at(n + 1), 10, 0, 10)).collect();
    let merged = all(&day(&[("a", quarters), ("b", thirds)]));
    let seen: Vec<_> = merged.windows.iter().map(|w| (w.start, w.end, w.figures.persons)).collect();
    assert_eq!(seen, [(at(0), at(3), 70), (at(3), at(6), 70)]);
}

#[test]
fn a_time_without_records_is_a_gap() {
    let merged = all(&day(&[("a", vec![window(at(0), at(1), 30, 10, 10), window(at(4), at(5), 20, 20, 10)])]));
    assert_eq!(merged.gaps.iter().map(|g| (g.start, g.end)).collect::<Vec<_>>(), [(at(1), at(4))]);
}

#[test]
fn one_record_alone_has_the_interval_that_the_plugin_gave_it() {
    for golden in ["market.json", "market-corrected.json"] {
        let path = format!("{}/../tests/golden/{golden}", env!("CARGO_MANIFEST_DIR"));
        let record = maskcount_dashboard::record::Record::from_json(&std::fs::read_to_string(path).unwrap()).unwrap();
        let merged = all(&day(&[("a", vec![Window::from(&*record)])]));
        let figures = &merged.windows[0].figures;
        let shown = (figures.masked_share, figures.share_low, figures.share_high);
        assert_eq!(shown, (record.masked_share, record.share_low, record.share_high), "{golden}");
    }
}

#[test]
fn without_a_known_quality_the_share_is_that_of_the_summed_counts() {
    let merged =
        all(&day(&[("a", vec![window(at(0), at(1), 100, 20, 10)]), ("b", vec![window(at(0), at(1), 71, 7, 10)])]));
    // 171 of 198: 86 % (81 to 90).
    let f = &merged.windows[0].figures;
    assert_eq!((f.masked_share, f.share_low, f.share_high), (Some(0.864), Some(0.809), Some(0.905)));
}

#[test]
fn cameras_with_different_models_weigh_as_their_classified_passages() {
    let mut sure = window(at(0), at(1), 150, 50, 10);
    let mut rough = window(at(0), at(1), 60, 40, 10);
    sure.quality = Some(Quality { sensitivity: 0.99, specificity: 0.99 });
    rough.quality = Some(Quality { sensitivity: 0.9, specificity: 0.9 });
    let one = |w: Window| all(&day(&[("a", vec![w])])).windows[0].figures.clone();
    let both = all(&day(&[("a", vec![sure]), ("b", vec![rough])])).windows[0].figures.clone();
    let expected = (one(sure).masked_share.unwrap() * 200.0 + one(rough).masked_share.unwrap() * 100.0) / 300.0;
    assert!((both.masked_share.unwrap() - expected).abs() < 0.001);
    // More passages, a narrower interval.
    let width = |f: &maskcount_dashboard::merge::Figures| f.share_high.unwrap() - f.share_low.unwrap();
    assert!(width(&both) < width(&one(sure)) && width(&both) < width(&one(rough)));
}

#[test]
fn a_camera_that_gives_out_less_than_the_strictest_is_joined_with_its_next_windows() {
    let merged = all(&day(&[
        ("loose", vec![window(at(0), at(1), 3, 0, 1), window(at(1), at(2), 9, 0, 1), window(at(2), at(3), 4, 0, 1)]),
        ("strict", (0..3).map(|n| window(at(n), at(n + 1), 20, 0, 10)).collect()),
    ]));
    let seen: Vec<_> = merged.windows.iter().map(|w| (w.start, w.end, w.figures.persons)).collect();
    assert_eq!(seen, [(at(0), at(2), 52), (at(2), at(3), 20)]);
    assert_eq!(merged.withheld, 1);
}

#[test]
fn before_the_strictest_camera_has_begun_the_rule_of_the_day_before_holds() {
    let mut history = History::new(jiff::tz::TimeZone::UTC);
    let day = 24 * 3600;
    history.insert("s", "loose", window(at(0), at(1), 12, 0, 1));
    history.insert("s", "strict", window(at(0), at(1), 20, 0, 10));
    // A Monday without records in between.
    history.insert("s", "loose", window(at(0) + 2 * day, at(1) + 2 * day, 3, 0, 1));
    let on = |history: &History, date: &str| {
        let merged = merge(ruled(history.site("s").unwrap(), date.parse().unwrap()).unwrap(), |_| true);
        (merged.min_persons, merged.windows.len(), merged.withheld)
    };
    assert_eq!(on(&history, "2026-04-28"), (10, 0, 1));
    let site = history.site("s").unwrap();
    assert_eq!(total(maskcount_dashboard::merge::all_ruled(site).into_iter(), |_| true).unwrap().figures.persons, 32);
    // The strict camera was taken away: its rule goes with the second day.
    history.insert("s", "loose", window(at(0) + 3 * day, at(1) + 3 * day, 3, 0, 1));
    assert_eq!(on(&history, "2026-04-29"), (1, 1, 0));
}

#[test]
fn a_record_belongs_to_the_day_in_which_it_starts() {
    let mut history = History::new(jiff::tz::TimeZone::get("Europe/Paris").unwrap());
    let midnight = history.bounds("2026-04-27".parse().unwrap()).0;
    let date = history.insert("s", "c", window(midnight - 7200, midnight + 7200, 20, 0, 10));
    assert_eq!(date.to_string(), "2026-04-26");
    let date = history.insert("s", "c", window(midnight, midnight + 1200, 20, 0, 10));
    assert_eq!(date.to_string(), "2026-04-27");
}

#[test]
fn a_day_of_the_clock_change_has_its_own_length() {
    let history = History::new(jiff::tz::TimeZone::get("Europe/Paris").unwrap());
    let hours = |date: &str| {
        let (from, to) = history.bounds(date.parse().unwrap());
        (to - from) / 3600
    };
    assert_eq!((hours("2026-03-29"), hours("2026-04-26"), hours("2026-10-25")), (23, 24, 25));
}

/// Windows of up to four cameras on one day, in the order in which they come: any lengths, overlaps and rules.
fn records() -> impl Strategy<Value = Vec<(String, Window)>> {
    let one = (0..4usize, 0..40i64, 1..5i64, 0..40u64, 0..40u64, prop_oneof![Just(1u32), Just(5), Just(10)], 1..4i64);
    proptest::collection::vec(one, 1..40).prop_map(|all| {
        let window = |(camera, start, length, masked, unmasked, least, unit): (usize, i64, i64, u64, u64, u32, i64)| {
            let start = MORNING + start * 600;
            // The plugin never gives out fewer than its rule.
            let masked = masked.max(u64::from(least));
            (format!("camera-{camera}"), window(start, start + length * 300 * unit, masked, unmasked, least))
        };
        all.into_iter().map(window).collect()
    })
}

fn filled(records: &[(String, Window)]) -> Day {
    let mut history = History::new(jiff::tz::TimeZone::UTC);
    for (camera, window) in records {
        history.insert("s", camera, *window);
    }
    history.site("s").unwrap().day("2026-04-26".parse().unwrap()).unwrap().clone()
}

fn shown(day: &Day, cameras: &[&String]) -> MergedDay {
    merge(alone(day), |camera| cameras.iter().any(|c| *c == camera))
}

fn persons(merged: &MergedDay) -> u64 {
    merged.windows.iter().map(|w| w.figures.persons).sum()
}

proptest! {
    #[test]
    fn nobody_is_shown_twice(records in records()) {
        let day = filled(&records);
        let merged = all(&day);
        let sum: u64 = records.iter().map(|(_, w)| w.counts.persons()).sum();
        let shown = persons(&merged);
        prop_assert!(shown <= sum);
        prop_assert_eq!(merged.total.as_ref().map_or(0, |t| t.figures.persons), shown);
        if merged.withheld == 0 {
            prop_assert_eq!(shown, sum);
        }
        for pair in merged.windows.windows(2) {
            prop_assert!(pair[0].end <= pair[1].start, "{:?} and {:?} overlap", pair[0], pair[1]);
        }
    }

    #[test]
    fn the_order_in_which_records_come_changes_nothing(records in records(), seed in any::<u64>()) {
        let mut other = records.clone();
        let mut state = seed | 1;
        for i in (1..other.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            other.swap(i, (state >> 33) as usize % (i + 1));
        }
        prop_assert_eq!(all(&filled(&records)), all(&filled(&other)));
    }

    /// Every figure of every choice of cameras is a sum of groups of at least `min_persons`, and a camera is in groups in
    /// the same way whichever others are chosen: so is every difference of two choices.
    #[test]
    fn no_choice_of_cameras_gives_away_a_smaller_figure(records in records()) {
        let day = filled(&records);
        let least = u64::from(alone(&day).min_persons);
        let cameras: Vec<&String> = day.keys().collect();
        let alone: BTreeMap<&String, MergedDay> = cameras.iter().map(|c| (*c, shown(&day, &[*c]))).collect();
        for choice in 1u32..1 << cameras.len() {
            let chosen: Vec<&String> = (0..cameras.len()).filter(|i| choice >> i & 1 == 1).map(|i| cameras[i]).collect();
            let merged = shown(&day, &chosen);
            for w in &merged.windows {
                prop_assert!(w.figures.persons >= least);
                // What another choice leaves of this window is nothing or enough.
                for camera in &chosen {
                    let part: u64 = alone[camera].windows.iter()
                        .filter(|a| a.start >= w.start && a.end <= w.end).map(|a| a.figures.persons).sum();
                    prop_assert!(part == 0 || part >= least);
                }
            }
            let sum: u64 = chosen.iter().map(|c| persons(&alone[*c])).sum();
            prop_assert_eq!(persons(&merged), sum);
        }
    }
}
