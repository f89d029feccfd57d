//! What one person wears, from many looks that are each a little wrong and all alike.

use std::time::Duration;

use super::State;
use crate::detect::{Face, Label};

/// A single look says at most this much (log-odds), however sure the network is.
const CLIP: f32 = 2.5;
/// Correlation of neighbouring looks: n of them weigh as much as n / (1 + (n - 1) ρ) that know nothing of each other.
const CORRELATION: f32 = 0.5;
/// The vote decides beyond this (log-odds), else it is unknown.
const DECISION: f32 = 1.0;
/// Looks fade over this many seconds, so that the state at the end of the passage counts.
const MEMORY: f32 = 3.0;
/// Faces of this height (pixels) and more have their full say.
const FULL_HEIGHT: f32 = 32.0;
/// The least weight of a tiny face.
const LEAST_WEIGHT: f32 = 0.2;

/// The evidence for each label.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vote {
    /// Weighted sums of the clipped log-odds of mask, no_mask, incorrect.
    sums: [f32; 3],
    weight: f32,
    looks: f32,
    last: Option<Duration>,
}

impl Vote {
    /// Takes one look.
    pub fn look(&mut self, time: Duration, face: &Face) {
        if let Some(last) = self.last {
            let fade = (-time.saturating_sub(last).as_secs_f32() / MEMORY).exp();
            self.sums.iter_mut().for_each(|s| *s *= fade);
            self.weight *= fade;
            self.looks *= fade;
        }
        self.last = Some(time);
        let size = (face.rect.h / FULL_HEIGHT).clamp(LEAST_WEIGHT, 1.0);
        let weight = size * face.score;
        for (sum, p) in self.sums.iter_mut().zip(face.labels) {
            let odds = (p / (1.0 - p)).ln();
            // 0 / 0 cannot be, but a network may answer anything.
            if !odds.is_nan() {
                *sum += weight * odds.clamp(-CLIP, CLIP);
            }
        }
        self.weight += weight;
        self.looks += 1.0;
    }

    /// Takes the looks of another vote, all of them earlier than those of this one.
    pub fn add_earlier(&mut self, other: &Vote) {
        let (Some(last), Some(before)) = (self.last, other.last) else { return };
        let fade = (-last.saturating_sub(before).as_secs_f32() / MEMORY).exp();
        self.sums.iter_mut().zip(other.sums).for_each(|(sum, earlier)| *sum += fade * earlier);
        self.weight += fade * other.weight;
        self.looks += fade * other.looks;
    }

    /// What the looks agree on. With `incorrect_is` a mask under the nose is that label from the start: what speaks for
    /// either would else be split between the two, and half-sure looks at a mask would win against them.
    pub fn state(&self, incorrect_is: Option<Label>) -> State {
        if self.weight <= 0.0 {
            return State::Unknown;
        }
        let independent = self.looks / (1.0 + (self.looks - 1.0).max(0.0) * CORRELATION);
        let evidence = self.sums.map(|s| s / self.weight * independent);
        let [mask, bare, _] = evidence;
        // Of two labels the log-odds are each other's negative.
        let for_mask = match incorrect_is {
            Some(Label::Mask) => -bare,
            Some(_) => mask,
            None => {
                let mut order = [0, 1, 2];
                order.sort_unstable_by(|a, b| evidence[*b].total_cmp(&evidence[*a]));
                // Half the distance is, for two labels, the log-odds of the first.
                let lead = (evidence[order[0]] - evidence[order[1]]) / 2.0;
                return if lead > DECISION { State::Known(Label::ALL[order[0]]) } else { State::Unknown };
            }
        };
        match for_mask {
            x if x > DECISION => State::Known(Label::Mask),
            x if x < -DECISION => State::Known(Label::NoMask),
            _ => State::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Rect;

    fn of(looks: impl IntoIterator<Item = (f32, [f32; 3])>) -> Vote {
        let mut vote = Vote::default();
        for (time, labels) in looks {
            let face = Face { rect: Rect::new(0.0, 0.0, 40.0, 40.0), score: 0.9, labels, landmarks: None };
            vote.look(Duration::from_secs_f32(time), &face);
        }
        vote
    }

    fn vote(looks: &[(f32, f32)]) -> State {
        of(looks.iter().map(|(time, mask)| (*time, [*mask, 1.0 - mask, 0.0]))).state(None)
    }

    #[test]
    fn what_counts_as_one_is_decided_as_one() {
        let seen = |labels| of((0..20).map(|i| (i as f32 / 10.0, labels)));
        let (bare, mask) = (State::Known(Label::NoMask), State::Known(Label::Mask));
        for labels in [[0.01, 0.6, 0.39], [0.1, 0.45, 0.45]] {
            assert_eq!(seen(labels).state(Some(Label::NoMask)), bare, "{labels:?}");
            assert_eq!(seen(labels).state(None), State::Unknown, "{labels:?}");
        }
        assert_eq!(seen([0.5, 0.25, 0.25]).state(Some(Label::NoMask)), State::Unknown);
        assert_eq!(seen([0.45, 0.1, 0.45]).state(Some(Label::Mask)), mask);
        assert_eq!(seen([0.25, 0.5, 0.25]).state(Some(Label::Mask)), State::Unknown);
        assert_eq!(seen([0.02, 0.03, 0.95]).state(None), State::Known(Label::Incorrect));
    }

    #[test]
    fn looks_that_agree_decide() {
        assert_eq!(vote(&[(0.0, 0.9), (0.1, 0.95), (0.2, 0.9)]), State::Known(Label::Mask));
        assert_eq!(vote(&[(0.0, 0.1), (0.1, 0.05), (0.2, 0.1)]), State::Known(Label::NoMask));
    }

    #[test]
    fn one_wrong_look_does_not_turn_the_vote() {
        assert_eq!(vote(&[(0.0, 0.9), (0.1, 0.01), (0.2, 0.9), (0.3, 0.95), (0.4, 0.9)]), State::Known(Label::Mask));
    }

    #[test]
    fn looks_that_contradict_each_other_leave_it_unknown() {
        assert_eq!(vote(&[(0.0, 0.9), (0.1, 0.1), (0.2, 0.9), (0.3, 0.1)]), State::Unknown);
    }

    #[test]
    fn no_look_is_unknown() {
        assert_eq!(Vote::default().state(None), State::Unknown);
    }

    #[test]
    fn many_unsure_looks_do_not_add_up_to_certainty() {
        let looks: Vec<_> = (0..200).map(|i| (i as f32 / 30.0, 0.57)).collect();
        assert_eq!(vote(&looks), State::Unknown);
    }

    #[test]
    fn a_mask_put_on_halfway_counts_at_the_end() {
        let looks: Vec<_> = (0..100).map(|i| (i as f32 / 10.0, if i < 50 { 0.05 } else { 0.95 })).collect();
        assert_eq!(vote(&looks[..45]), State::Known(Label::NoMask));
        assert_eq!(vote(&looks), State::Known(Label::Mask));
    }
}
