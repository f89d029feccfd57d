//! A window: a stretch of the wall clock in UTC, and what was counted in it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Wearing, record::instant};

/// Longest gap between two frames over which the camera still looked. It bounds what one gap adds to the coverage,
/// and how far the first and last frame may be from the ends of a window that is called complete. Frames come several
/// times a second; a whole second without one is an interruption.
pub(super) const LONGEST_GAP: SignedDuration = SignedDuration::from_secs(1);

/// No camera sees as many passages or frames as this; sums of a few such numbers still fit.
pub(super) const TOO_MANY: u64 = 1 << 48;

/// Passages by state. Each passage is in one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub masked: u64,
    pub unmasked: u64,
    pub incorrect: u64,
    pub unknown: u64,
    pub withdrawn: u64,
}

impl Counts {
    pub fn persons(&self) -> u64 {
        self.masked.saturating_add(self.unmasked).saturating_add(self.incorrect).saturating_add(self.unknown)
    }

    fn of(&mut self, wearing: Wearing) -> &mut u64 {
        match wearing {
            Wearing::Masked => &mut self.masked,
            Wearing::Unmasked => &mut self.unmasked,
            Wearing::Incorrect => &mut self.incorrect,
            Wearing::Unknown => &mut self.unknown,
        }
    }
}

/// Counts of a stretch of time that is aligned to the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Window {
    #[serde(with = "instant")]
    pub start: Timestamp,
    /// First instant that is no longer in it.
    #[serde(with = "instant")]
    pub end: Timestamp,
    pub counts: Counts,
    pub frames: u64,
    pub frames_analysed: u64,
    /// Time that was really looked at, in nanoseconds.
    looked: u64,
    /// Whether the stream ran through the start and through each end that the window had before it was extended.
    pub whole: bool,
    /// How many later windows were merged into it.
    pub extended: u32,
    /// Time of its newest frame.
    #[serde(with = "instant")]
    pub latest: Timestamp,
}

/// The start of the window of `length` seconds that holds `time`.
fn aligned(time: Timestamp, length: u32) -> Timestamp {
    let length = i128::from(length);
    let seconds = time.as_nanosecond().div_euclid(1_000_000_000).div_euclid(length) * length;
    // Within the first window of the calendar the start would lie before time begins.
    Timestamp::from_nanosecond(seconds * 1_000_000_000).unwrap_or(Timestamp::MIN)
}

/// `time` moved by whole seconds, held within the calendar.
fn moved(time: Timestamp, seconds: i64) -> Timestamp {
    let end = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    time.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(end)
}

/// The earlier of `time` and the instant [`LONGEST_GAP`] after `from`.
pub(super) fn looked_until(from: Timestamp, time: Timestamp) -> Timestamp {
    from.checked_add(LONGEST_GAP).unwrap_or(Timestamp::MAX).min(time)
}

impl Window {
    /// The empty window of `length` seconds that holds `time`, the first that is seen of it.
    pub fn at(time: Timestamp, length: u32) -> Window {
        let start = aligned(time, length);
        Window {
            start,
            end: moved(start, i64::from(length)),
            counts: Counts::default(),
            frames: 0,
            frames_analysed: 0,
            looked: 0,
            whole: time.duration_since(start) <= LONGEST_GAP,
            extended: 0,
            latest: time,
        }
    }

    /// Whether what happens at `time` belongs to it. A clock that steps back by up to one window length goes on counting
    /// into the open window, so that no window is opened twice.
    pub fn holds(&self, time: Timestamp, length: u32) -> bool {
        time < self.end && time >= moved(self.start, -i64::from(length))
    }

    /// Whether the stream ran through the end: its newest frame came right before it.
    pub fn end_seen(&self) -> bool {
        self.end.duration_since(self.latest) <= LONGEST_GAP
    }

    pub fn frame(&mut self, time: Timestamp, analysed: bool) {
        self.frames += 1;
        self.frames_analysed += u64::from(analysed);
        self.latest = time;
    }

    /// The camera looked from `from` to `to`; what lies outside the window is left out.
    pub fn look(&mut self, from: Timestamp, to: Timestamp) {
        let (from, to) = (from.max(self.start), to.min(self.end));
        if from < to {
            let span = u64::try_from(to.duration_since(from).as_nanos()).unwrap_or(u64::MAX);
            self.looked = self.looked.saturating_add(span);
        }
    }

    pub fn take(&mut self, wearing: Wearing) {
        *self.counts.of(wearing) += 1;
    }

    /// Takes a passage out of the counts again; false when there is none.
    pub fn remove(&mut self, wearing: Wearing) -> bool {
        let count = self.counts.of(wearing);
        let is_there = *count > 0;
        *count -= u64::from(is_there);
        is_there
    }

    /// Goes on as one window with the one that holds `time`, after [`holds`](Window::holds) said no.
    pub fn extend(&mut self, time: Timestamp, length: u32) {
        let next = Window::at(time, length);
        self.whole &= self.end_seen() && next.start == self.end && next.whole;
        // Back by more than a window: the time before was wrong, so only the new one stands.
        self.start = self.start.min(next.start);
        self.end = next.end;
        self.extended = self.extended.saturating_add(1);
    }

    /// Whether numbers that were read can be those of a window.
    pub fn is_plausible(&self) -> bool {
        let c = self.counts;
        let counts = [c.masked, c.unmasked, c.incorrect, c.unknown, c.withdrawn, self.frames];
        self.start < self.end && counts.iter().all(|n| *n < TOO_MANY) && self.frames_analysed <= self.frames
    }

    /// Part of the window that was looked at, 0 to 1.
    pub fn coverage(&self) -> f64 {
        let length = self.end.duration_since(self.start).as_secs_f64();
        (self.looked as f64 / 1e9 / length).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn windows_follow_the_wall_clock_through_a_day() {
        let mut at = time("2026-04-26T00:00:00Z");
        for n in 0..72 {
            let w = Window::at(moved(at, 1199), 1200);
            assert_eq!((w.start, w.end), (at, moved(at, 1200)), "window {n}");
            at = w.end;
        }
        assert_eq!(at, time("2026-04-27T00:00:00Z"));
    }

    #[test]
    fn a_time_before_1970_is_in_the_window_that_holds_it() {
        let w = Window::at(time("1969-12-31T23:59:59.5Z"), 10);
        assert_eq!((w.start, w.end), (time("1969-12-31T23:59:50Z"), time("1970-01-01T00:00:00Z")));
    }

    #[test]
    fn the_ends_of_the_calendar_are_no_accident() {
        for at in [Timestamp::MIN, Timestamp::MAX] {
            let mut w = Window::at(at, 86_400);
            assert!(w.holds(at, 86_400) || at == w.end);
            w.extend(at, 86_400);
            assert!(w.start < w.end && (0.0..=1.0).contains(&w.coverage()));
        }
    }

    #[test]
    fn looks_beyond_the_ends_are_left_out() {
        let mut w = Window::at(time("2026-04-26T08:40:05Z"), 10);
        w.look(time("2026-04-26T08:39:59Z"), time("2026-04-26T08:40:01Z"));
        w.look(time("2026-04-26T08:40:09Z"), time("2026-04-26T08:40:30Z"));
        assert_eq!(w.coverage(), 0.2);
    }
}
