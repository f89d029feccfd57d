//! From buffer times to UTC. The mapping is made once, with the first frame of a segment, and then only followed: a
//! clock that steps does not move the windows. It is made anew when a pause has ended, since running time stood still
//! meanwhile, and when a sender that was silent so far says what time it is.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// Seconds from 1900 (NTP) to 1970 (Unix).
const NTP_TO_UNIX: i128 = 2_208_988_800;

/// The mapping of one element.
#[derive(Debug, Default)]
pub struct UtcClock {
    /// UTC of the first frame of all, for recorded files; `None`: the sender's time, else the wall clock.
    start: Option<Timestamp>,
    /// Running time (ns) and UTC of one and the same frame of this segment.
    base: Option<(u64, Timestamp)>,
    /// The mapping before this one, where it was made anew within the segment: what was seen then has its time by it.
    before: Option<(u64, Timestamp)>,
    /// Whether the mapping is the sender's.
    by_sender: bool,
    last: Option<Timestamp>,
    /// When the pause began, on this machine's steady clock.
    paused: Option<Instant>,
}

impl UtcClock {
    pub fn new(start: Option<Timestamp>) -> UtcClock {
        UtcClock { start, ..UtcClock::default() }
    }

    /// Whether times are those of a recording, and not of what is going on now.
    pub fn is_of_a_recording(&self) -> bool {
        self.start.is_some()
    }

    /// The next frame begins a new segment: running times may start again.
    pub fn segment(&mut self) {
        (self.base, self.before) = (None, None);
    }

    /// The mapping is to be made anew with the next frame.
    fn renew(&mut self) {
        self.before = self.base.take().or(self.before);
    }

    /// A pause begins.
    pub fn pause(&mut self, now: Instant) {
        self.paused = Some(now);
    }

    /// A pause has ended; how long what is watched went on meanwhile. A recorded file goes on where it was; who watches a
    /// street does not.
    pub fn resume(&mut self, now: Instant) -> Duration {
        let paused = self.paused.take();
        if self.start.is_some() {
            return Duration::ZERO;
        }
        self.renew();
        paused.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// UTC of the last frame.
    pub fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// UTC of a frame. `sent` is the sender's time, if the frame carries one; `now` is asked only where the mapping is
    /// made and nothing else tells the time.
    pub fn utc(&mut self, running_time: u64, sent: Option<Timestamp>, now: impl FnOnce() -> Timestamp) -> Timestamp {
        // An RTSP sender tells its time some seconds after its first frame.
        if self.start.is_none() && sent.is_some() && !self.by_sender {
            self.renew();
        }
        let mapping = *self.base.get_or_insert_with(|| {
            self.by_sender = self.start.is_none() && sent.is_some();
            let begin = match (self.start, self.last) {
                // A recorded file that is sought in or played again goes on where it was.
                (Some(start), last) => last.unwrap_or(start),
                (None, _) => sent.unwrap_or_else(now),
            };
            (running_time, begin)
        });
        let utc = by(mapping, running_time);
        self.last = Some(utc);
        utc
    }

    /// UTC of a frame that came before, by the mapping of its time; `None` before the first one of a segment.
    pub fn of(&self, running_time: Duration) -> Option<Timestamp> {
        let running_time = u64::try_from(running_time.as_nanos()).ok()?;
        let now = self.base.filter(|(from, _)| *from <= running_time);
        now.or(self.before).or(self.base).map(|mapping| by(mapping, running_time))
    }
}

fn by((from, base): (u64, Timestamp), running_time: u64) -> Timestamp {
    let offset = i128::from(running_time) - i128::from(from);
    let offset = SignedDuration::from_nanos(i64::try_from(offset).unwrap_or(0));
    base.checked_add(offset).unwrap_or(base)
}

/// A timestamp of a `GstReferenceTimestampMeta`: nanoseconds, by the name of its caps.
pub fn reference(caps: &str, nanoseconds: u64) -> Option<Timestamp> {
    let unix = match caps {
        "timestamp/x-unix" => i128::from(nanoseconds),
        "timestamp/x-ntp" => i128::from(nanoseconds) - NTP_TO_UNIX * 1_000_000_000,
        _ => return None,
    };
    Timestamp::from_nanosecond(unix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_recorded_file_starts_at_its_start_time() {
        let mut clock = UtcClock::new(Some(at("2026-04-26T08:00:00Z")));
        let never = || unreachable!("the wall clock is not asked");
        assert_eq!(clock.utc(5 * SECOND, None, never), at("2026-04-26T08:00:00Z"));
        assert_eq!(clock.utc(7 * SECOND, None, never), at("2026-04-26T08:00:02Z"));
    }

    #[test]
    fn the_wall_clock_is_asked_once_a_segment() {
        let mut clock = UtcClock::new(None);
        assert_eq!(clock.utc(SECOND, None, || at("2026-04-26T08:00:00Z")), at("2026-04-26T08:00:00Z"));
        assert_eq!(clock.utc(3 * SECOND, None, || unreachable!()), at("2026-04-26T08:00:02Z"));
        clock.segment();
        assert_eq!(clock.utc(0, None, || at("2026-04-26T09:00:00Z")), at("2026-04-26T09:00:00Z"));
    }

    #[test]
    fn the_senders_time_comes_before_the_wall_clock() {
        let mut clock = UtcClock::new(None);
        let sent = Some(at("2026-04-26T08:00:00Z"));
        assert_eq!(clock.utc(0, sent, || unreachable!()), at("2026-04-26T08:00:00Z"));
    }

    #[test]
    fn a_sender_that_is_silent_at_first_is_believed_when_it_speaks_and_then_followed() {
        let mut clock = UtcClock::new(None);
        let wall = at("2026-04-26T08:00:07Z");
        assert_eq!(clock.utc(0, None, || wall), wall);
        let sent = |time: &str| Some(at(time));
        assert_eq!(clock.utc(5 * SECOND, sent("2026-04-26T08:00:05Z"), || unreachable!()), at("2026-04-26T08:00:05Z"));
        // Its clock is set while the segment goes on: the windows stay where they are.
        assert_eq!(clock.utc(6 * SECOND, sent("2026-04-26T09:30:00Z"), || unreachable!()), at("2026-04-26T08:00:06Z"));
        assert_eq!(
            clock.of(Duration::from_secs(3)),
            Some(at("2026-04-26T08:00:10Z")),
            "by the wall clock, as it was then"
        );
        assert_eq!(clock.of(Duration::from_secs(6)), Some(at("2026-04-26T08:00:06Z")));
        clock.segment();
        assert_eq!(clock.of(Duration::from_secs(6)), None);
        assert_eq!(clock.utc(0, sent("2026-04-26T09:30:05Z"), || unreachable!()), at("2026-04-26T09:30:05Z"));
    }

    #[test]
    fn a_pause_takes_as_long_as_the_wall_clock_says() {
        let mut clock = UtcClock::new(None);
        clock.utc(SECOND, None, || at("2026-04-26T08:00:00Z"));
        let now = Instant::now();
        clock.pause(now);
        assert_eq!(clock.resume(now + Duration::from_secs(600)), Duration::from_secs(600));
        let later = at("2026-04-26T08:10:00Z");
        assert_eq!(clock.utc(SECOND + SECOND / 10, None, || later), later);
    }

    #[test]
    fn a_pause_takes_no_time_of_a_recorded_file() {
        let mut clock = UtcClock::new(Some(at("2026-04-26T08:00:00Z")));
        clock.utc(0, None, Timestamp::now);
        let now = Instant::now();
        clock.pause(now);
        assert_eq!(clock.resume(now + Duration::from_secs(600)), Duration::ZERO);
        assert_eq!(clock.utc(2 * SECOND, None, Timestamp::now), at("2026-04-26T08:00:02Z"));
    }

    #[test]
    fn a_file_that_is_played_again_goes_on_in_time() {
        let mut clock = UtcClock::new(Some(at("2026-04-26T08:00:00Z")));
        clock.utc(0, None, Timestamp::now);
        clock.utc(60 * SECOND, None, Timestamp::now);
        clock.segment();
        assert_eq!(clock.utc(0, None, Timestamp::now), at("2026-04-26T08:01:00Z"));
    }

    #[test]
    fn reference_timestamps_are_unix_or_ntp() {
        assert_eq!(reference("timestamp/x-unix", SECOND), Some(at("1970-01-01T00:00:01Z")));
        assert_eq!(reference("timestamp/x-ntp", 2_208_988_801 * SECOND), Some(at("1970-01-01T00:00:01Z")));
        assert_eq!(reference("timestamp/x-drone", 1), None);
    }
}
