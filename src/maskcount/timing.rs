//! Where the time goes: mean and 99th percentile of each stage since start, in fixed memory.

use std::time::Duration;

/// Buckets per doubling of time: the percentile is right within 1/8.
const PER_OCTAVE: usize = 8;
/// From 1 µs to about 17 minutes.
const OCTAVES: usize = 30;

/// The durations of one stage, as a histogram with logarithmic buckets.
#[derive(Clone, Debug)]
pub struct Stage {
    count: u64,
    total: Duration,
    buckets: [u32; PER_OCTAVE * OCTAVES],
}

impl Default for Stage {
    fn default() -> Self {
        Stage { count: 0, total: Duration::ZERO, buckets: [0; PER_OCTAVE * OCTAVES] }
    }
}

impl Stage {
    pub fn add(&mut self, time: Duration) {
        let micros = time.as_secs_f32() * 1e6;
        let bucket = (micros.max(1.0).log2() * PER_OCTAVE as f32) as usize;
        let bucket = bucket.min(self.buckets.len() - 1);
        self.buckets[bucket] = self.buckets[bucket].saturating_add(1);
        self.count += 1;
        self.total += time;
    }

    /// Microseconds; 0 before the first.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.total.as_secs_f64() * 1e6 / self.count as f64 }
    }

    /// Microseconds: the upper edge of the bucket that the 99th percentile falls into.
    pub fn p99(&self) -> f64 {
        let rank = (self.count * 99).div_ceil(100);
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank && rank > 0 {
                return ((bucket + 1) as f64 / PER_OCTAVE as f64).exp2();
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_percentile_of_known_durations() {
        let mut stage = Stage::default();
        assert_eq!((stage.mean(), stage.p99()), (0.0, 0.0));
        (0..98).for_each(|_| stage.add(Duration::from_micros(100)));
        (0..2).for_each(|_| stage.add(Duration::from_micros(5000)));
        assert!((stage.mean() - 198.0).abs() < 0.1);
        assert!((5000.0..5700.0).contains(&stage.p99()), "{}", stage.p99());
    }
}
