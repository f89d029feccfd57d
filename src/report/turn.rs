//! The turn from one window to the next: what is given out, what is withheld and goes on, what a restart takes over.

use std::sync::Arc;

use jiff::Timestamp;

use super::journal::State;
use super::notice::{Notice, Withheld};
use super::privacy::{Held, Origin};
use super::record::Record;
use super::window::{LONGEST_GAP, Window, looked_until};
use super::{Left, Report};

impl Report {
    /// Makes the open window the one that `time` counts into.
    pub(super) fn advance(&mut self, time: Timestamp) {
        if self.open.is_none() {
            self.take_over(time);
        }
        let length = self.origin.window;
        let Some(held) = self.open else {
            self.open = Some(Held::new(Window::at(time, length), self.rules));
            return;
        };
        if held.window.holds(time, length) {
            return;
        }
        self.last_look_ends(Some(time));
        let Some(held) = self.open.take() else { return };
        match self.close(held, self.origin.clone()) {
            Ok(record) => {
                self.open = Some(Held::new(Window::at(time, length), self.rules));
                self.journal(time, vec![record]);
            }
            Err(mut held) => {
                self.withhold(&held, false);
                held.window.extend(time, length);
                self.open = Some(held);
                self.changed = true;
            }
        }
    }

    /// Goes on with what was left behind, by an earlier run or before the stream ended, if time allows.
    fn take_over(&mut self, time: Timestamp) {
        let Some(left) = self.left.take() else { return };
        let Left { mut held, origin, ended } = left;
        if ended && time < held.window.latest {
            // A file that is played again: who passed then is not put together with who passes now.
            return;
        }
        held.window.whole &= time.duration_since(held.window.latest).abs() <= LONGEST_GAP;
        let same = origin == self.origin;
        if same && held.window.holds(time, origin.window) {
            self.open = Some(held.under(self.rules));
            return;
        }
        match self.close(held, origin.clone()) {
            Ok(record) => {
                self.open = Some(Held::new(Window::at(time, self.origin.window), self.rules));
                self.journal(time, vec![record]);
            }
            // Too few passed. They go on with the next ones, unless those are counted by another model or elsewhere.
            Err(held) if same => {
                let mut held = held.under(self.rules);
                held.window.extend(time, origin.window);
                self.open = Some(held);
            }
            Err(held) => self.withhold(&held, true),
        }
    }

    /// The look that was taken last counts until `time`, or until the next would have had to come.
    pub(super) fn last_look_ends(&mut self, time: Option<Timestamp>) {
        if let (Some(held), Some(last)) = (&mut self.open, self.last_look) {
            held.window.look(last, looked_until(last, time.unwrap_or(held.window.latest)));
        }
        if time.is_none() {
            self.last_look = None;
        }
    }

    /// Gives the window out, or gives it back.
    pub(super) fn close(&mut self, mut held: Held, origin: Arc<Origin>) -> Result<Record, Held> {
        held.draw();
        let record = held.give_out(held.window.end_seen(), &origin)?;
        self.stats.windows += 1;
        self.stats.passages += record.persons;
        self.notices.push(Notice::Record(Box::new(record.clone())));
        Ok(record)
    }

    pub(super) fn withhold(&mut self, held: &Held, at_end: bool) {
        self.notices.push(Notice::Withheld(Withheld {
            start: held.window.start,
            end: held.window.end,
            min_persons: held.min_persons(),
            at_end,
        }));
    }

    /// Leaves the state, and the records that were closed with it, with the writer.
    pub(super) fn journal(&mut self, time: Timestamp, records: Vec<Record>) {
        (self.journalled, self.changed) = (Some(time), false);
        let Some(writer) = &self.writer else { return };
        let state = match (&self.open, &self.left) {
            (Some(held), _) => State { open: Some(*held), ended: false },
            (None, Some(left)) => State { open: Some(left.held), ended: left.ended },
            (None, None) => State::default(),
        };
        if let Some(lost) = writer.post(records, state) {
            self.notices.push(Notice::RecordLost { start: lost.start, end: lost.end });
        }
    }
}
