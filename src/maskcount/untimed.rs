//! The time of frames that carry none, as those of many HTTP cameras, or always the same one.

use std::time::{Duration, Instant};

/// Where the caps do not tell it.
pub const USUAL_FRAME_DURATION: Duration = Duration::from_millis(40);
/// So many frames in a row without a time are no hiccup.
const OFTEN: u32 = 25;

/// What is known of when frames come.
#[derive(Debug, Default)]
pub struct Untimed {
    /// The own time of the newest frame that had one.
    own: Option<Duration>,
    /// Of the frames since then: the time that the first one got, and when it came.
    since: Option<(Duration, Instant)>,
    in_a_row: u32,
    told: bool,
}

impl Untimed {
    /// The frame's own time, if it is worth anything: of a sender whose time stands still it is not.
    pub fn own(&mut self, time: Option<Duration>) -> Option<Duration> {
        let own = time.filter(|time| self.own.replace(*time) != Some(*time));
        if own.is_some() {
            (self.since, self.in_a_row) = (None, 0);
        }
        own
    }

    /// The time of a frame without one, after that of `last`. A camera's frames took as long as the clock says, since what is
    /// seen goes on meanwhile; at a known rate they are not read faster than that, as from a file. A recording (no `now`) has
    /// its rate alone, and 25 frames a second where nobody tells one.
    pub fn next(&mut self, last: Option<Duration>, frame: Option<Duration>, now: Option<Instant>) -> Duration {
        self.in_a_row = self.in_a_row.saturating_add(1);
        let by_rate = last.map_or(Duration::ZERO, |last| last.saturating_add(frame.unwrap_or(USUAL_FRAME_DURATION)));
        let Some(now) = now else { return by_rate };
        let least = if frame.is_some() { by_rate } else { last.unwrap_or_default() };
        let (from, since) = *self.since.get_or_insert((least, now));
        from.saturating_add(now.saturating_duration_since(since)).max(least)
    }

    /// Whether it is to be said that frames have no times: once.
    pub fn is_news(&mut self) -> bool {
        let news = self.in_a_row >= OFTEN && !self.told;
        self.told |= news;
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// Times of frames that come after so many milliseconds.
    fn times(frame: Option<Duration>, is_camera: bool, comes: &[u64]) -> Vec<Duration> {
        let (mut untimed, start, mut last) = (Untimed::default(), Instant::now(), None);
        let mut next = |after: u64| {
            assert_eq!(untimed.own(None), None);
            let time = untimed.next(last, frame, is_camera.then_some(start + ms(after)));
            last = Some(time);
            time
        };
        comes.iter().map(|after| next(*after)).collect()
    }

    #[test]
    fn a_camera_without_times_or_a_rate_is_as_fast_as_its_frames_come() {
        assert_eq!(times(None, true, &[0, 400, 410, 1200]), [0, 400, 410, 1200].map(ms));
    }

    #[test]
    fn at_a_known_rate_frames_do_not_come_faster_but_may_come_slower() {
        assert_eq!(times(Some(ms(40)), true, &[0, 1, 2, 500, 501]), [0, 40, 80, 500, 540].map(ms));
    }

    #[test]
    fn a_recording_goes_by_its_rate_however_fast_it_is_read() {
        assert_eq!(times(Some(ms(20)), false, &[0, 400, 410]), [0, 20, 40].map(ms));
        assert_eq!(times(None, false, &[0, 400, 410]), [0, 40, 80].map(ms));
    }

    #[test]
    fn a_time_that_stands_still_is_none_until_it_goes_on() {
        let mut untimed = Untimed::default();
        let own: Vec<_> = [0, 40, 40, 40, 80].into_iter().map(|time| untimed.own(Some(ms(time)))).collect();
        assert_eq!(own, [Some(ms(0)), Some(ms(40)), None, None, Some(ms(80))]);
    }

    #[test]
    fn it_is_said_once_and_not_of_single_frames() {
        let mut untimed = Untimed::default();
        let mut said = 0;
        for frame in 0..100u64 {
            if untimed.own((frame % 10 == 0 && frame < 50).then(|| ms(frame))).is_none() {
                untimed.next(None, None, None);
            }
            said += u32::from(untimed.is_news());
        }
        assert_eq!(said, 1);
    }
}
