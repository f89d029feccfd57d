//! What a report has to say to those who listen, and when: a record not before the journal has it.

use std::collections::VecDeque;
use std::time::Instant;

use super::writer::PATIENCE;
use super::{KEPT_RECORDS, Notice, Record};

/// A record that is not told yet.
struct Untold {
    /// Number of the mail that it went to the journal with, and when.
    mail: u64,
    since: Instant,
    record: Record,
}

/// Notices that are ready, and records that wait for the journal.
#[derive(Default)]
pub struct Telling {
    ready: Vec<Notice>,
    untold: VecDeque<Untold>,
    /// The disk does not answer, and it has been said.
    hangs: bool,
}

impl Telling {
    pub fn say(&mut self, notice: Notice) {
        self.ready.push(notice);
    }

    /// These records go to the journal with the mail of that number.
    pub fn wait(&mut self, mail: u64, records: Vec<Record>) {
        self.untold.extend(records.into_iter().map(|record| Untold { mail, since: Instant::now(), record }));
    }

    /// What there is to say since the last call, where the journal has `tried` the mails up to that number.
    pub fn take(&mut self, tried: u64) -> Vec<Notice> {
        if !self.untold.is_empty() {
            self.tell_due(tried, Instant::now());
        }
        std::mem::take(&mut self.ready)
    }

    /// Tells the records that the journal has, or could not take. A disk that hangs says neither: after a while they are
    /// told all the same.
    fn tell_due(&mut self, tried: u64, now: Instant) {
        self.tell(self.untold.iter().filter(|untold| untold.mail > tried).count().min(KEPT_RECORDS));
        let late = |untold: &Untold| now.saturating_duration_since(untold.since) >= PATIENCE;
        let hangs = self.untold.front().is_some_and(late);
        if hangs && !self.hangs {
            self.say(Notice::Warning {
                text: format!(
                    "the disk has not answered for {} s: records are told as they come, but a power cut loses those that are in \
                     no sidecar file yet",
                    PATIENCE.as_secs()
                ),
            });
        }
        self.hangs = hangs || (self.hangs && !self.untold.is_empty());
        if hangs {
            self.tell(self.untold.iter().filter(|untold| !late(untold)).count());
        }
    }

    /// Whatever waits is ready.
    pub fn tell_all(&mut self) {
        self.tell(0);
    }

    /// Lets the oldest untold records out, all but so many.
    fn tell(&mut self, but: usize) {
        let told = self.untold.drain(..self.untold.len().saturating_sub(but));
        self.ready.extend(told.map(|untold| Notice::Record(untold.record)));
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::report::{ModelIdentity, Report, Settings};

    #[test]
    fn records_are_told_though_the_disk_hangs_and_that_is_said_once() {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().join("%Y%m%dT%H%M%SZ.json").to_str().map(str::to_owned);
        let settings = Settings { window: 10, min_persons: 0, location, ..Settings::default() };
        // Nothing is written before it is flushed: a disk that takes its time.
        let mut report = Report::open_without_thread(settings, ModelIdentity::default(), "0.1.0", |_| ()).unwrap();
        let start: Timestamp = "2026-04-26T08:40:00Z".parse().unwrap();
        let until = |report: &mut Report, seconds: std::ops::Range<i64>| {
            seconds.for_each(|second| report.frame(start + SignedDuration::from_secs(second), true));
        };
        until(&mut report, 0..15);
        assert!(report.notices().is_empty());
        report.telling.tell_due(0, Instant::now() + PATIENCE);
        until(&mut report, 15..25);
        report.telling.tell_due(0, Instant::now() + PATIENCE);
        let said = report.notices();
        let warnings = said.iter().filter(|notice| matches!(notice, Notice::Warning { .. })).count();
        let records = said.iter().filter(|notice| matches!(notice, Notice::Record(_))).count();
        assert_eq!((warnings, records), (1, 2), "{said:?}");
    }
}
