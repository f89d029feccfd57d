//! Whose track it is, once somebody who was hidden turns up again and another person's face has gone on with the track.

use std::time::Duration;

use super::place::Line;
use super::{Looks, OptOut, People, Track, gesture, per_mille};

/// Of a track that was lost and found again: it may be on somebody else now. Once the one who was lost turns up, the
/// two are told apart with this.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoundAgain {
    /// As it was when it was lost.
    pub(super) lost: Looks,
    pub(super) due: Option<Duration>,
    pub(super) was_counted: bool,
    pub(super) opt_out: OptOut,
    /// The looks since then alone.
    pub(super) since: Looks,
    /// Whether they alone would have been counted.
    pub(super) would_count: bool,
}

impl People {
    /// Makes a passage of a track that has been seen for long enough. It may be somebody whose own track went over to
    /// another person: the one of the two that goes on better where that track was lost keeps who it is and what it was
    /// counted as, the other one is somebody new.
    pub(super) fn confirm(&mut self, index: usize, time: Duration, before: Duration) {
        let track = &self.tracks[index];
        if track.confirmed || !track.has_evidence() {
            return;
        }
        let better = |(other, taken): (usize, &Track)| {
            let FoundAgain { lost, since, .. } =
                taken.found_again.as_ref().filter(|a| a.lost.motion.seen() < track.looks.born)?;
            let misfit = |looks: &Looks| lost.motion.misfit_of(&looks.motion, time, before, self.frame);
            let own = misfit(&track.looks)?;
            let theirs = misfit(since).unwrap_or(f32::INFINITY);
            (own < theirs).then_some((own - theirs, other))
        };
        let best = self.tracks.iter().enumerate().filter_map(better).min_by(|a, b| a.0.total_cmp(&b.0));
        let track = &mut self.tracks[index];
        track.confirmed = true;
        // Who shook the head before is out of the counts whoever it is, and who is counted has a passage of its own already: it
        // was taken from this track once, and cannot be given to somebody else.
        if let Some((_, other)) = best.filter(|_| track.may_be_counted() && track.counted.is_none()) {
            self.give_back(other, index);
        }
    }

    /// Makes `to` the person that `from` was until it was lost, and `from` somebody new, who did what happened since then.
    fn give_back(&mut self, from: usize, to: usize) {
        let id = self.new_id();
        let taken = &mut self.tracks[from];
        let Some(again) = taken.found_again.take() else { return };
        let lost_id = std::mem::replace(&mut taken.id, id);
        taken.looks = again.since;
        taken.due = None;
        // A passage that became one since then, and not by the step from one person's place to the other's.
        let keeps_count = !again.was_counted && again.since.crossed;
        let counted = if keeps_count { None } else { taken.counted.take() };
        // While the count on the track was another's, it could not have one of its own.
        taken.owed = again.would_count && taken.counted.is_none();
        let settled = std::mem::take(&mut taken.settled);
        // A shake that was withdrawn meanwhile is not withdrawn again.
        let opt_out = match (again.opt_out, taken.opt_out) {
            (OptOut::Pending, OptOut::Withdrawn) => OptOut::Withdrawn,
            (before, _) => before,
        };
        if again.opt_out != OptOut::No {
            taken.opt_out = OptOut::No;
        }
        taken.gesture = gesture::Series::default();
        // Its own turn comes with the next look: somebody else's track may have been on it.
        taken.confirmed = false;
        let lost = &mut self.tracks[to];
        (lost.id, lost.due, lost.counted, lost.settled) = (lost_id, again.due, counted, settled);
        lost.opt_out = opt_out;
        lost.looks.born = again.lost.born;
        // The line may have been crossed while nobody saw it.
        let place = |looks: &Looks| per_mille(looks.motion.last().center(), self.frame);
        let hidden_step = |line: &Line| line.is_crossed(place(&again.lost), place(&lost.looks));
        lost.looks.crossed |= again.lost.crossed || self.settings.line.as_ref().is_some_and(hidden_step);
        lost.looks.vote.add_earlier(&again.lost.vote);
    }
}
