//! The share of masked passages, and how sure it is.
//!
//! Nothing in here knows of GStreamer or of a report: the dashboard's package takes this file as it is.

use serde::{Deserialize, Serialize};

/// 97.5 % point of the normal distribution: half of what a 95 % interval leaves out, on each side.
const Z: f64 = 1.959_963_984_540_054;

/// An interval that reaches further than this to each side is said to be of low confidence.
const WIDEST: f64 = 0.10;

/// How often the model is right about a passage, both 0 to 1, together above 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Part of the masked passages that it calls masked.
    pub sensitivity: f64,
    /// Part of the other passages that it does not call masked.
    pub specificity: f64,
}

impl Quality {
    /// Whether a share can be corrected by it: a model that guesses has both together at 1.
    pub fn says_something(&self) -> bool {
        let parts = [self.sensitivity, self.specificity];
        parts.iter().all(|p| (0.0..=1.0).contains(p)) && parts.iter().sum::<f64>() > 1.0
    }
}

/// A share with its 95 % interval; all within 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// As counted.
    pub raw: f64,
    /// Best estimate.
    pub best: f64,
    pub low: f64,
    pub high: f64,
}

impl Share {
    /// Half of the interval is wider than ten points.
    pub fn is_low_confidence(&self) -> bool {
        (self.high - self.low) / 2.0 > WIDEST
    }
}

/// The share of `masked` among `classified` passages; `None` when nothing is classified.
///
/// `epsilon` (0: none) is the noise that is in the counts: it makes the interval wider. `quality` corrects share and
/// interval for the model's errors.
pub fn share(masked: u64, classified: u64, epsilon: f64, quality: Option<Quality>) -> Option<Share> {
    if classified == 0 {
        return None;
    }
    let raw = masked as f64 / classified as f64;
    let (low, high) = wilson(raw, effective_size(raw, classified as f64, epsilon));
    let Some(q) = quality else { return Some(Share { raw, best: raw, low, high }) };
    let [best, corrected_low, corrected_high] = [raw, low, high].map(|share| rogan_gladen(share, q));
    // How often the model is wrong is itself not exact. Where all that was counted may be its errors, the corrected ends
    // come to lie on 0, or on 1; to know the share better than without a correction would be too much.
    let width = high - low;
    let (low, high) = (corrected_low.min(1.0 - width), corrected_high.max(width));
    Some(Share { raw, best, low, high })
}

/// Wilson's 95 % interval of the share `p` seen in `n` trials.
fn wilson(p: f64, n: f64) -> (f64, f64) {
    let zz = Z * Z / n;
    let center = (p + zz / 2.0) / (1.0 + zz);
    let half = Z * (p * (1.0 - p) / n + zz / (4.0 * n)).sqrt() / (1.0 + zz);
    // At p = 0 and 1 the ends are exact; rounding must not push them past p.
    ((center - half).clamp(0.0, p), (center + half).clamp(p, 1.0))
}

/// How many exact passages would give a share as sure as `n` passages whose counts carry the noise of `epsilon`.
fn effective_size(p: f64, n: f64, epsilon: f64) -> f64 {
    if epsilon == 0.0 {
        return n;
    }
    // share = m / (m + u + i): the masked cell carries one draw, the two others one each. Where `incorrect` is not counted
    // apart it carries none, and the interval is a little wider than it need be.
    let q = 1.0 - p;
    let from_noise = variance(epsilon) * (q * q + 2.0 * p * p) / (n * n);
    // Agresti and Coull's estimate does not vanish at 0 and 1.
    let p = (p * n + 2.0) / (n + 4.0);
    let from_sample = p * (1.0 - p) / n;
    n * from_sample / (from_sample + from_noise)
}

/// Variance of discrete Laplace noise of scale 1/epsilon.
pub fn variance(epsilon: f64) -> f64 {
    let a = (-epsilon).exp();
    2.0 * a / ((1.0 - a) * (1.0 - a))
}

/// The true share behind an apparent one (Rogan and Gladen, 1978).
fn rogan_gladen(apparent: f64, q: Quality) -> f64 {
    ((apparent + q.specificity - 1.0) / (q.sensitivity + q.specificity - 1.0)).clamp(0.0, 1.0)
}

/// Three decimals, as in the record.
pub fn rounded(part: f64) -> f64 {
    (part * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_gives_the_published_intervals() {
        // Newcombe 1998, table I: method 3 (score) for 81/263, 15/148, 0/20, 1/29.
        for (x, n, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let s = share(x, n, 0.0, None).unwrap();
            assert!((s.low - low).abs() < 5e-5 && (s.high - high).abs() < 5e-5, "{x}/{n}: {s:?}");
        }
    }

    #[test]
    fn the_design_s_record_has_the_design_s_interval() {
        let s = share(171, 198, 0.0, None).unwrap();
        assert_eq!((rounded(s.best), rounded(s.low), rounded(s.high)), (0.864, 0.809, 0.905));
    }

    #[test]
    fn the_correction_undoes_the_bias_of_the_model() {
        // 0.97 on both sides turns 87 % into 84.8 %.
        let q = Quality { sensitivity: 0.97, specificity: 0.97 };
        let apparent: f64 = 0.87 * 0.97 + 0.13 * 0.03;
        assert!((apparent - 0.848).abs() < 5e-4);
        assert!((rogan_gladen(apparent, q) - 0.87).abs() < 1e-12);
        let s = share(848, 1000, 0.0, Some(q)).unwrap();
        assert!(s.low < s.best && s.best < s.high && (s.raw - 0.848).abs() < 1e-12);
    }

    #[test]
    fn the_corrected_interval_holds_the_truth_and_the_correction_has_no_bias() {
        // SplitMix64.
        let mut seed = 4u64;
        let mut unit = move || {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
        };
        let q = Quality { sensitivity: 0.95, specificity: 0.98 };
        const WINDOWS: u32 = 2000;
        for (truth, n) in [(0.65, 60), (0.87, 60), (0.65, 200), (0.87, 200)] {
            let (mut held, mut sum, mut raw) = (0, 0.0, 0.0);
            for _ in 0..WINDOWS {
                let called_masked = (0..n)
                    .filter(|_| {
                        let masked = unit() < truth;
                        unit() < if masked { q.sensitivity } else { 1.0 - q.specificity }
                    })
                    .count() as u64;
                let s = share(called_masked, n, 0.0, Some(q)).unwrap();
                held += u32::from(s.low <= truth && truth <= s.high);
                sum += s.best;
                raw += s.raw;
            }
            let windows = f64::from(WINDOWS);
            assert!(f64::from(held) / windows >= 0.93, "{held} of {WINDOWS} at {truth}, n {n}");
            assert!((sum / windows - truth).abs() < 0.005, "mean {} at {truth}", sum / windows);
            assert!(raw / windows < truth - 0.02, "without the correction there is a bias to mend");
        }
    }

    #[test]
    fn the_correction_makes_no_interval_narrower() {
        let q = Quality { sensitivity: 0.995, specificity: 0.986 };
        for (masked, n) in [(0, 300), (300, 300), (2000, 2000), (3, 300), (150, 300)] {
            let (plain, s) = (share(masked, n, 0.0, None).unwrap(), share(masked, n, 0.0, Some(q)).unwrap());
            assert!(s.high - s.low > plain.high - plain.low - 1e-12, "{masked}/{n}: {s:?}");
            assert!((0.0..=s.best).contains(&s.low) && (s.best..=1.0).contains(&s.high), "{masked}/{n}: {s:?}");
        }
    }

    #[test]
    fn nothing_classified_has_no_share() {
        assert_eq!(share(0, 0, 0.0, None), None);
    }

    #[test]
    fn noise_makes_the_interval_wider() {
        for (masked, n) in [(87, 100), (0, 12), (10, 10), (1, 1)] {
            let (exact, noisy) = (share(masked, n, 0.0, None).unwrap(), share(masked, n, 1.0, None).unwrap());
            assert!(noisy.low <= exact.low && noisy.high >= exact.high, "{masked}/{n}: {exact:?} {noisy:?}");
        }
    }

    #[test]
    fn a_hundred_passages_at_three_quarters_are_within_ten_points_and_fifty_are_not() {
        assert!(!share(74, 100, 0.0, None).unwrap().is_low_confidence());
        assert!(share(37, 50, 0.0, None).unwrap().is_low_confidence());
    }
}
