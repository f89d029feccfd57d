//! A generated market: three cameras, today from 8:00 to 12:30 and the two weeks before. Its names say on the page that
//! nobody was counted.

use std::f64::consts::PI;

use jiff::civil::{Date, Weekday, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::record::share::{Quality, rounded, share};
use crate::record::{Counts, Fields, Model, Privacy, Record, SCHEMA};

pub const SITE: &str = "generated";
const MIN_PERSONS: u32 = 10;
const WINDOW: i64 = 1200;
/// Days before today.
const DAYS: i64 = 14;
/// Passages of each camera in its busiest 20 minutes.
const CAMERAS: [(&str, f64); 3] = [("generated-1", 118.0), ("generated-2", 74.0), ("generated-3", 41.0)];

/// All records of the market up to `today`, oldest first.
pub fn records(today: Date, zone: &TimeZone) -> Vec<Record> {
    let days = (0..=DAYS).rev().map(|n| today.saturating_sub(n.days()));
    // The market is closed on Mondays, but not today.
    let open = days.filter(|date| *date == today || date.weekday() != Weekday::Monday);
    let mut records: Vec<Record> = open
        .flat_map(|date| CAMERAS.iter().enumerate().flat_map(move |(n, camera)| morning(date, n, *camera, today, zone)))
        .collect();
    records.sort_by_key(|r| r.start);
    records
}

fn morning(date: Date, number: usize, camera: (&str, f64), today: Date, zone: &TimeZone) -> Vec<Record> {
    let ago = today.since(date).map_or(0, |span| span.get_days());
    let Ok(eight) = zone.to_timestamp(date.to_datetime(time(8, 0, 0, 0))) else { return Vec::new() };
    let eight = eight.as_second();
    let mut random = Random(date.day_of_year() as u64 * 31 + number as u64);
    (0..14)
        // Yesterday the second and third camera had no power for a while, the first one from 10:20 to 11:00 too.
        .filter(|n| !(ago == 1 && (if number == 0 { (7..9).contains(n) } else { (6..9).contains(n) })))
        // Two days ago only one camera was up.
        .filter(|_| !(ago == 2 && number < 2))
        .filter_map(|n| {
            let hours = n as f64 / 3.0;
            let busy = (PI * (hours + 0.8) / 5.9).sin().powf(1.3);
            let weekend = if matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) { 1.3 } else { 0.9 };
            let quiet = if ago == 2 { 0.35 } else { weekend };
            let ends_early = n == 13;
            let persons = camera.1 * busy * quiet * (0.9 + 0.2 * random.part()) * if ends_early { 0.5 } else { 1.0 };
            // 87 % at 8:45 and down from there; a little lower each week.
            let share = 0.882 - 0.016 * hours - 0.004 * hours * hours - 0.002 * f64::from(ago) * (number as f64 - 1.0);
            let coverage = if ends_early { 0.49 } else { 0.99 + 0.01 * random.part() };
            record(camera.0, eight + n * WINDOW, counts(persons, share, &mut random), coverage, !ends_early)
        })
        .collect()
}

fn counts(persons: f64, share: f64, random: &mut Random) -> Counts {
    let persons = persons.round() as u64;
    let unknown = (persons as f64 * 0.07 * random.part()).round() as u64;
    let share = share + 0.03 * (random.part() - 0.5);
    let masked = ((persons - unknown) as f64 * share).round() as u64;
    let withdrawn = u64::from(random.part() < 0.08);
    Counts { masked, unmasked: persons - unknown - masked, incorrect: 0, unknown, withdrawn }
}

/// The record of one window; `None` when too few have passed.
fn record(camera: &str, start: i64, counts: Counts, coverage: f64, complete: bool) -> Option<Record> {
    let share = share(counts.masked, counts.classified(), 0.0, None::<Quality>);
    let frames = (15.0 * WINDOW as f64 * coverage) as u64;
    let fields = Fields {
        schema: SCHEMA.to_owned(),
        site: SITE.to_owned(),
        camera: camera.to_owned(),
        start: Timestamp::from_second(start).ok()?,
        end: Timestamp::from_second(start + WINDOW).ok()?,
        complete,
        persons: counts.persons(),
        masked: counts.masked,
        unmasked: counts.unmasked,
        incorrect: counts.incorrect,
        unknown: counts.unknown,
        masked_share: share.map(|s| rounded(s.best)),
        share_low: share.map(|s| rounded(s.low)),
        share_high: share.map(|s| rounded(s.high)),
        masked_share_raw: share.map(|s| rounded(s.raw)),
        withdrawn: counts.withdrawn,
        coverage: rounded(coverage),
        frames,
        frames_analysed: frames / 2,
        low_confidence: share.is_none_or(|s| s.is_low_confidence()),
        privacy: Privacy { min_persons: MIN_PERSONS, epsilon: 0.0, extended_windows: 0 },
        model: Model { name: "demo".to_owned(), sha256: "0".repeat(64), quality: None },
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    Record::read_back(fields).ok()
}

/// Sebastiano Vigna's splitmix64: the same market each time.
struct Random(u64);

impl Random {
    /// 0 to 1.
    fn part(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}
