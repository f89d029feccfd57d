//! Which frames the sink would show too late, by its QoS events: they go on without a look.

use std::time::Duration;

/// A stretch of running time (ns).
#[derive(Clone, Copy, Debug, Default)]
pub struct Late {
    /// The frame that the sink said was late.
    from: u64,
    /// Before this a frame is late; 0: none is.
    until: u64,
}

impl Late {
    pub fn holds(&self, time: Duration) -> bool {
        time.as_nanos() < u128::from(self.until)
    }

    /// The frame of this running time came this much (ns) too late, or too early. That one is late which had no look says
    /// nothing about what a look costs: where every frame is late by as much, whatever is done, looks become fewer but do not
    /// end. That it is in time again says that looks may go on.
    pub fn tell(&mut self, time: Option<u64>, late: i64) {
        let Some(from) = time else { return *self = Late::default() };
        if late > 0 && from > self.from && from < self.until {
            return;
        }
        // As GstBaseTransform: what is late by so much now will be so by twice that soon.
        let ahead = if late > 0 { late.saturating_mul(2) } else { late };
        *self = Late { from, until: from.saturating_add_signed(ahead) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_constant_lateness_makes_looks_fewer_and_does_not_end_them() {
        let mut late = Late::default();
        let looks = (0..100)
            .map(|frame| frame * 40 * MS)
            .filter(|&time| {
                let looked = !late.holds(Duration::from_nanos(time));
                // The sink hears of it two frames later.
                late.tell(Some(time.saturating_sub(80 * MS)), 100 * MS as i64);
                looked
            })
            .count();
        // Three before the sink is heard, then none for what is left of 200 ms.
        assert!((50..=60).contains(&looks), "{looks}");
    }

    #[test]
    fn one_long_stall_is_over_with_the_first_frame_in_time() {
        let mut late = Late::default();
        late.tell(Some(1000 * MS), 10_000 * MS as i64);
        assert!(late.holds(Duration::from_secs(12)));
        late.tell(Some(11_040 * MS), -20 * MS as i64);
        assert!(!late.holds(Duration::from_millis(11_080)));
    }

    #[test]
    fn frames_in_time_again_are_looked_at_again() {
        let mut late = Late::default();
        late.tell(Some(40 * MS), 40 * MS as i64);
        assert!(late.holds(Duration::from_millis(119)) && !late.holds(Duration::from_millis(120)));
        late.tell(Some(120 * MS), -5 * MS as i64);
        assert!(!late.holds(Duration::from_millis(120)));
        late.tell(None, 0);
        assert!(!late.holds(Duration::ZERO));
    }
}
