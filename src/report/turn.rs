//! The turn from one window to the next: what is given out, what is withheld and goes on, what a restart takes over.

use jiff::Timestamp;

use super::journal::State;
use super::privacy::{Held, Origin};
use super::window::{Window, looked_until};
use super::{Left, Notice, Record, Report, Then, Withheld};

impl Report {
    /// Sees to it that the open window is the one that `time` belongs to.
    pub(super) fn advance(&mut self, time: Timestamp) {
        let mut closed = Vec::new();
        if let Some(left) = self.left.take() {
            closed.extend(self.go_on_with(left, time));
        }
        if self.open.is_some_and(|held| !held.window.holds(time, self.origin.window)) {
            closed.extend(self.turn(time));
        }
        if self.open.is_none() {
            self.go_on_in(Held::new(Window::at(time, self.origin.window), self.rules));
            self.changed = true;
        }
        if !closed.is_empty() {
            self.journal(time, closed);
        }
    }

    /// Closes the open window, since `time` is not in it, or extends it if it may not be given out.
    fn turn(&mut self, time: Timestamp) -> Option<Record> {
        self.last_look_ends(Some(time));
        let mut held = self.open.take()?;
        let closed = self.close(&held, &self.origin.clone());
        if closed.is_none() {
            self.withhold(&held, Then::Extended);
            held.window.extend(time, self.origin.window);
            held.draw();
            self.open = Some(held);
            self.changed = true;
        }
        closed
    }

    /// Nothing that was counted before is known in this window.
    fn go_on_in(&mut self, held: Held) {
        self.open = Some(held);
        self.window.0 += 1;
    }

    /// Goes on with what was left behind, now that the stream is at `time`.
    fn go_on_with(&mut self, left: Left, time: Timestamp) -> Option<Record> {
        let Left { mut held, origin, .. } = left;
        if self.recorded && time < held.window.latest {
            self.telling.say(Notice::Warning {
                text: format!(
                    "the recording starts before {}, up to which an earlier run had counted: what that run had not given \
                     out is left out, since it is counted again",
                    held.window.latest
                ),
            });
            return None;
        }
        // An interruption over the end of a window is a part that was not seen.
        held.window.whole &= held.window.holds(time, origin.window);
        if (origin.window, &origin.model) == (self.origin.window, &self.origin.model) {
            self.go_on_in(held.under(self.rules));
            return None;
        }
        let closed = self.close(&held, &origin);
        // Too few go on with the next ones, but not with those that another model judges: a record names one model.
        let goes_on = closed.is_none() && origin.model == self.origin.model;
        if goes_on {
            self.withhold(&held, Then::Extended);
            held.window.extend(time, self.origin.window);
            self.go_on_in(held.under(self.rules));
        } else if closed.is_none() {
            self.withhold(&held, Then::LeftOut);
        }
        closed
    }

    /// The record of the window, counted; `None` if it may not be given out.
    pub(super) fn close(&mut self, held: &Held, origin: &Origin) -> Option<Record> {
        let record = held.give_out(origin)?;
        self.stats.windows += 1;
        self.stats.passages += record.persons;
        Some(record)
    }

    pub(super) fn withhold(&mut self, held: &Held, then: Then) {
        let Window { start, end, .. } = held.window;
        self.telling.say(Notice::Withheld(Withheld { start, end, min_persons: held.min_persons(), then }));
    }

    /// The last look counts up to `time` or the end of the window, whichever comes first.
    pub(super) fn last_look_ends(&mut self, time: Option<Timestamp>) {
        let (Some(last), Some(held)) = (self.last_look.take(), &mut self.open) else { return };
        let Some(time) = time else { return };
        held.window.look(last, looked_until(last, time));
        let end = held.window.end;
        if time >= end && looked_until(last, time) == time {
            // The look goes on in the next window.
            self.last_look = Some(end);
        }
    }

    /// Leaves the state, and the records that were closed on the way to it, to the writer. What is out before the journal has
    /// it might come again from it with other counts after a power cut, and the difference be one person; so records are told
    /// once that was tried.
    pub(super) fn journal(&mut self, time: Timestamp, closed: Vec<Record>) {
        self.journalled = Some(time);
        self.changed = false;
        let Some(writer) = &self.writer else {
            return closed.into_iter().for_each(|record| self.telling.say(Notice::Record(record)));
        };
        let open = self.open.or(self.left.as_ref().map(|left| left.held));
        let (mail, lost) = writer.post(closed.iter().cloned(), State { open });
        self.telling.wait(mail, closed);
        if let Some(lost) = lost {
            self.telling.say(Notice::RecordLost { start: lost.start, end: lost.end });
        }
    }
}
