//! Compares what was counted with who was there.

use serde::{Serialize, Serializer};

use crate::cast::{Head, Wears};
use crate::lane::Lane;
use crate::play::{Played, SHOWN};

/// Shares are compared over at least so many passages.
const SHARE_OF: u64 = 100;

/// One scene.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    pub fps: f32,
    pub minutes: f32,
    pub passages: u64,
    pub masked: u64,
    pub shakers: u64,
    pub counted: u64,
    pub classified: u64,
    pub unknown: u64,
    /// Share, and its interval, of the record.
    pub share: Option<(f64, f64, f64)>,
    pub double: u64,
    /// Counted where nobody was, or who was not to be seen.
    pub nobody: u64,
    /// Passages that were not counted: seen in too few frames by the detector; lost or joined by the tracker.
    pub not_found: u64,
    pub not_followed: u64,
    pub false_withdrawals: u64,
    pub missed_shakes: u64,
}

impl Scene {
    pub fn of(lane: &Lane, cast: &[Head], played: &Played) -> Scene {
        let mut scene = Scene { fps: lane.camera.fps, minutes: lane.seconds / 60.0, ..Scene::default() };
        for record in &played.records {
            scene.counted += record.persons;
            scene.unknown += record.unknown;
            scene.classified += record.persons - record.unknown;
        }
        if let [record] = &played.records[..] {
            scene.share = record.masked_share.zip(record.share_low).zip(record.share_high).map(|((a, b), c)| (a, b, c));
        }
        let counted: Vec<_> = played.tracks.values().filter(|t| t.counted).map(|t| t.person).collect();
        let times_counted = |person| counted.iter().filter(|p| **p == person).count() as u64;
        scene.nobody = times_counted(None);
        for (index, (person, sight)) in lane.people.iter().zip(&played.sights).enumerate() {
            let times = times_counted(Some(index));
            let withdrawn = played.tracks.values().any(|t| t.withdrawn == Some(index));
            let passed = sight.passed_at.is_some();
            if person.shakes() {
                let shown = passed && sight.shown as f32 >= SHOWN * sight.shaken as f32;
                scene.shakers += u64::from(shown);
                scene.missed_shakes += u64::from(shown && !withdrawn);
                continue;
            }
            scene.false_withdrawals += u64::from(withdrawn);
            if !passed {
                scene.nobody += times;
                continue;
            }
            scene.passages += 1;
            let masked = person.at_end(cast) == Wears::Mask;
            scene.masked += u64::from(masked);
            scene.double += times.saturating_sub(1);
            if times == 0 && !withdrawn {
                // Three looks are the least that a passage needs; a tracker may do without one or two.
                let found = sight.found >= 5.min(sight.frames);
                scene.not_followed += u64::from(found);
                scene.not_found += u64::from(!found);
            }
        }
        scene
    }

    fn truth(&self) -> f64 {
        self.masked as f64 / self.passages.max(1) as f64
    }

    pub fn footfall_error(&self) -> f64 {
        (self.counted as f64 - self.passages as f64).abs() / self.passages.max(1) as f64 * 100.0
    }

    fn interval_holds(&self) -> bool {
        self.share.is_some_and(|(_, low, high)| (low - 5e-4..=high + 5e-4).contains(&self.truth()))
    }

    pub fn line(&self) -> String {
        let percent = |s: f64| format!("{:5.1}", s * 100.0);
        let (share, low, high) = self.share.unwrap_or((f64::NAN, f64::NAN, f64::NAN));
        format!(
            "{:4} {:8} {:8.1} {:7} {:6.1} {} {} {}-{} {:7} {:6} {:9} {:12} {:6} {:6}/{:<3}",
            self.fps,
            self.passages,
            self.passages as f32 / self.minutes,
            self.counted,
            self.footfall_error(),
            percent(self.truth()),
            percent(share),
            percent(low),
            percent(high),
            self.unknown,
            self.double,
            self.not_found,
            self.not_followed,
            self.nobody,
            self.shakers - self.missed_shakes,
            self.shakers,
        )
    }
}

pub const HEADING: &str = " fps passages a minute counted error%  true found    95 %     unknown double not found not followed nobody shakes seen";

/// All scenes.
#[derive(Debug, Serialize)]
pub struct Score {
    pub scenes: usize,
    pub passages: u64,
    #[serde(serialize_with = "three_decimals")]
    pub footfall_error_percent: f64,
    #[serde(serialize_with = "three_decimals")]
    pub share_error_points: f64,
    #[serde(serialize_with = "three_decimals")]
    pub share_bias_points: f64,
    #[serde(serialize_with = "three_decimals")]
    pub interval_coverage: f64,
    #[serde(serialize_with = "three_decimals")]
    pub false_withdrawals_per_1000: f64,
    #[serde(serialize_with = "three_decimals")]
    pub missed_shakes_per_100: f64,
    #[serde(serialize_with = "three_decimals")]
    pub double_counts_per_100: f64,
}

impl Score {
    pub fn of(scenes: &[Scene]) -> Score {
        let n = scenes.len().max(1) as f64;
        let sum = |pick: fn(&Scene) -> u64| scenes.iter().map(pick).sum::<u64>();
        let passages = sum(|s| s.passages);
        let errors = share_errors(scenes);
        let groups = errors.len().max(1) as f64;
        let shakers = sum(|s| s.shakers).max(1) as f64;
        Score {
            scenes: scenes.len(),
            passages,
            footfall_error_percent: scenes.iter().map(Scene::footfall_error).sum::<f64>() / n,
            share_error_points: errors.iter().map(|e| e.abs()).sum::<f64>() / groups,
            share_bias_points: errors.iter().sum::<f64>() / groups,
            interval_coverage: scenes.iter().filter(|s| s.interval_holds()).count() as f64 / n,
            false_withdrawals_per_1000: sum(|s| s.false_withdrawals) as f64 * 1000.0 / passages.max(1) as f64,
            missed_shakes_per_100: sum(|s| s.missed_shakes) as f64 * 100.0 / shakers,
            double_counts_per_100: sum(|s| s.double) as f64 * 100.0 / passages.max(1) as f64,
        }
    }

    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("numbers")
    }
}

fn three_decimals<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((value * 1000.0).round() / 1000.0)
}

/// Errors of the share in points (found − true), of scenes put together in their order until [`SHARE_OF`] passages are
/// reached: one scene has fewer. The shares of the records are weighted by how many each rests on.
fn share_errors(scenes: &[Scene]) -> Vec<f64> {
    let mut errors = Vec::new();
    let (mut passages, mut masked, mut classified, mut found) = (0, 0, 0, 0.0);
    for scene in scenes {
        let Some((share, _, _)) = scene.share else { continue };
        passages += scene.passages;
        masked += scene.masked;
        classified += scene.classified;
        found += share * scene.classified as f64;
        if passages >= SHARE_OF {
            errors.push((found / classified.max(1) as f64 - masked as f64 / passages as f64) * 100.0);
            (passages, masked, classified, found) = (0, 0, 0, 0.0);
        }
    }
    if errors.is_empty() && passages > 0 {
        errors.push((found / classified.max(1) as f64 - masked as f64 / passages as f64) * 100.0);
    }
    errors
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        writeln!(f, "scenes                         {:8}", self.scenes)?;
        writeln!(f, "passages                       {:8}", self.passages)?;
        writeln!(f, "footfall, mean absolute error  {:8.2} %", self.footfall_error_percent)?;
        writeln!(f, "share, mean absolute error     {:8.2} points at n >= {SHARE_OF}", self.share_error_points)?;
        writeln!(f, "share, bias                    {:8.2} points", self.share_bias_points)?;
        writeln!(f, "interval holds the truth in    {:8.1} % of windows", self.interval_coverage * 100.0)?;
        writeln!(f, "false withdrawals              {:8.2} in 1,000 passages", self.false_withdrawals_per_1000)?;
        writeln!(f, "missed shakes                  {:8.1} in 100", self.missed_shakes_per_100)?;
        write!(f, "double counts                  {:8.2} in 100 passages", self.double_counts_per_100)
    }
}
