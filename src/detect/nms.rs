//! Non-maximum suppression with voting: of the boxes that lie on one face the surest stays, in the place that all of
//! them together give.
//!
//! Several cells of the network answer for one face, each with its own small error. The mean of their boxes and
//! landmarks is nearer to the truth than the surest alone: on `dev` it lifted mAP by 2.9 points (models/train/LOG.md).
//! And where one cell alone is unsure, say whether the cap belongs to the box, many cells that all see something are a
//! face still. So the votes also make the score ([`Votes`]). That matters most for masked faces: on `dev` 5 in 100 more of
//! them are found, and of bare ones 3, at the same precision.

use super::Face;
use super::decode::{logit, sigmoid};
use crate::picture::Rect;

/// More candidates than this are no street scene (at 640x384 there are 5,040 cells in all); the least sure are dropped,
/// which bounds the time of a look.
pub const MAX_CANDIDATES: usize = 4000;

/// Candidates down to this score vote on where a surer face lies, whatever the threshold is.
pub const LEAST_VOTER: f32 = 0.01;

/// Boxes are of one head, too, if they overlap by more than this (IoU) with so much of the smaller one inside the larger
/// one: a head with its cap and without. Of two people, the one behind would be hidden.
const ONE_HEAD_IOU: f32 = 0.3;
const ONE_HEAD_INSIDE: f32 = 0.7;

/// Keeps odds finite.
const LEAST_DOUBT: f32 = 1e-6;

/// What the score of a face is made of, fitted by `models/train/calibrate.py`: the logit of the score is
/// `best · logit(score of the surest candidate) + support · ln Σ √odds of all candidates on it
/// + label · ln(share of the surest candidate's label) + bias`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Votes {
    pub best: f32,
    pub support: f32,
    pub label: f32,
    pub bias: f32,
}

impl Votes {
    fn score(&self, surest: &Face, support: f32) -> f32 {
        let label = certain(surest.labels[surest.label() as usize]);
        let sum = self.best * logit(certain(surest.score)) + self.support * support.ln() + self.label * label.ln();
        sigmoid(sum + self.bias)
    }
}

/// `score`, kept from saying never and always.
fn certain(score: f32) -> f32 {
    score.clamp(LEAST_DOUBT, 1.0 - LEAST_DOUBT)
}

/// What the candidates on one face say, each weighted by the root of its score and by its overlap with the surest.
#[derive(Clone, Copy)]
struct Ballot {
    /// Sum of √odds.
    support: f32,
    weight: f32,
    /// Weighted sums of left, top, width, height.
    rect: [f32; 4],
    landmarks_weight: f32,
    landmarks: [(f32, f32); 5],
}

impl Ballot {
    fn new(surest: &Face) -> Ballot {
        let mut ballot =
            Ballot { support: 0.0, weight: 0.0, rect: [0.0; 4], landmarks_weight: 0.0, landmarks: [(0.0, 0.0); 5] };
        ballot.cast(surest, 1.0, true);
        ballot
    }

    /// `near`: as near as those that the network makes of one face; the others' landmarks are of another box.
    fn cast(&mut self, face: &Face, overlap: f32, near: bool) {
        let weight = face.score.sqrt() * overlap;
        let Rect { x, y, w, h } = face.rect;
        let score = certain(face.score);
        self.support += (score / (1.0 - score)).sqrt();
        self.weight += weight;
        for (sum, value) in self.rect.iter_mut().zip([x, y, w, h]) {
            *sum += weight * value;
        }
        if let Some(landmarks) = face.landmarks.as_ref().filter(|_| near) {
            self.landmarks_weight += weight;
            for (sum, point) in self.landmarks.iter_mut().zip(landmarks) {
                *sum = (sum.0 + weight * point.0, sum.1 + weight * point.1);
            }
        }
    }

    /// Moves `face` to where the votes put it; one without weight (a score of 0) stays.
    fn settle(&self, face: &mut Face) {
        if self.weight > 0.0 {
            let [x, y, w, h] = self.rect.map(|sum| sum / self.weight);
            face.rect = Rect::new(x, y, w, h);
        }
        if self.landmarks_weight > 0.0 {
            face.landmarks = Some(self.landmarks.map(|(x, y)| (x / self.landmarks_weight, y / self.landmarks_weight)));
        }
    }
}

/// Suppression with the memory it needs, so that a look allocates nothing.
pub struct Suppressor {
    ballots: Vec<Ballot>,
}

impl Default for Suppressor {
    fn default() -> Suppressor {
        Suppressor { ballots: Vec::with_capacity(MAX_CANDIDATES) }
    }
}

impl Suppressor {
    /// Keeps each face that is not of one head with a surer one (they overlap by more than `iou`, 0 to 1, or the smaller one
    /// is nearly all in the larger one), moves it to where the candidates on it put it, and gives it the score that `votes`
    /// makes of them, if any. What then has a score of at least `threshold` stays, in falling order. Labels play no part:
    /// one head is one face, whatever it may wear.
    pub fn suppress(&mut self, faces: &mut Vec<Face>, iou: f32, votes: Option<&Votes>, threshold: f32) {
        faces.sort_unstable_by(|a, b| b.score.total_cmp(&a.score));
        faces.truncate(MAX_CANDIDATES);
        self.ballots.clear();
        for i in 0..faces.len() {
            let face = faces[i];
            let mut alone = true;
            // The kept faces stand where they were found until all have voted.
            for (surer, ballot) in faces.iter().zip(&mut self.ballots) {
                let overlap = surer.rect.iou(&face.rect);
                if overlap > iou || (overlap > ONE_HEAD_IOU && inside(&surer.rect, &face.rect) >= ONE_HEAD_INSIDE) {
                    ballot.cast(&face, overlap, overlap > iou);
                    alone = false;
                }
            }
            if alone {
                faces[self.ballots.len()] = face;
                self.ballots.push(Ballot::new(&face));
            }
        }
        faces.truncate(self.ballots.len());
        for (face, ballot) in faces.iter_mut().zip(&self.ballots) {
            if let Some(votes) = votes {
                face.score = votes.score(face, ballot.support);
            }
            ballot.settle(face);
        }
        faces.retain(|face| face.score >= threshold);
        faces.sort_unstable_by(|a, b| b.score.total_cmp(&a.score));
    }
}

/// How much of the smaller box lies in the larger one, 0 to 1.
fn inside(a: &Rect, b: &Rect) -> f32 {
    let smaller = a.area().min(b.area());
    if smaller > 0.0 { a.intersection(b) / smaller } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(x: f32, score: f32) -> Face {
        Face { rect: Rect::new(x, 0.0, 10.0, 10.0), score, labels: [1.0, 0.0, 0.0], landmarks: None }
    }

    fn suppressed(mut faces: Vec<Face>, threshold: f32) -> Vec<Face> {
        Suppressor::default().suppress(&mut faces, 0.5, None, threshold);
        faces
    }

    #[test]
    fn the_surest_of_overlapping_boxes_stays() {
        let kept = suppressed(vec![face(1.0, 0.6), face(0.0, 0.9), face(20.0, 0.5)], 0.0);
        assert_eq!(kept.iter().map(|f| f.score).collect::<Vec<_>>(), [0.9, 0.5]);
        assert!((kept[1].rect.x - 20.0).abs() < 1e-5, "{:?}", kept[1]);
    }

    #[test]
    fn boxes_that_overlap_less_are_two_faces() {
        let kept = suppressed(vec![face(0.0, 0.9), face(6.0, 0.8)], 0.0);
        assert_eq!(kept.iter().map(|f| f.rect.x.round()).collect::<Vec<_>>(), [0.0, 6.0]);
    }

    #[test]
    fn a_dropped_box_drops_no_other() {
        let kept = suppressed(vec![face(0.0, 0.9), face(3.0, 0.8), face(6.0, 0.7)], 0.0);
        assert_eq!(kept.iter().map(|f| f.score).collect::<Vec<_>>(), [0.9, 0.7]);
    }

    #[test]
    fn a_face_lies_at_the_weighted_mean_of_the_boxes_and_landmarks_on_it() {
        let with_eyes = |x, score| Face { landmarks: Some([(x + 1.0, 2.0); 5]), ..face(x, score) };
        let kept = suppressed(vec![with_eyes(0.0, 0.81), with_eyes(2.0, 0.36), face(30.0, 0.5)], 0.0);
        // weights √0.81 · 1 and √0.36 · IoU, which is 8 / 12
        let x = 2.0 * 0.4 / (0.9 + 0.4);
        assert!((kept[0].rect.x - x).abs() < 1e-5 && (kept[0].rect.w - 10.0).abs() < 1e-5, "{:?}", kept[0]);
        let eye = kept[0].landmarks.unwrap()[0];
        assert!((eye.0 - x - 1.0).abs() < 1e-5 && (eye.1 - 2.0).abs() < 1e-5, "{eye:?}");
        assert_eq!(kept[0].score, 0.81);
        assert_eq!(kept[1].landmarks, None);
    }

    #[test]
    fn below_the_threshold_a_box_votes_but_is_no_face() {
        let kept = suppressed(vec![face(0.0, 0.81), face(2.0, 0.36), face(30.0, 0.4)], 0.5);
        assert_eq!(kept.len(), 1);
        assert!(kept[0].rect.x > 0.5, "{:?}", kept[0]);
    }

    #[test]
    fn a_head_with_its_cap_and_without_is_one_face() {
        let with_cap = Face { rect: Rect::new(0.0, -15.0, 10.0, 25.0), ..face(0.0, 0.25) };
        let kept = suppressed(vec![face(0.0, 0.36), with_cap], 0.0);
        assert_eq!(kept.len(), 1);
        // weights √0.36 · 1 and √0.25 · IoU, which is 10 / 25
        let top = -15.0 * 0.2 / (0.6 + 0.2);
        assert!((kept[0].rect.y - top).abs() < 1e-5, "{:?}", kept[0].rect);
    }

    #[test]
    fn landmarks_are_those_of_the_boxes_near_by() {
        let with_eyes = |y, face| Face { landmarks: Some([(2.0, y); 5]), ..face };
        let with_cap = Face { rect: Rect::new(0.0, -15.0, 10.0, 25.0), ..face(0.0, 0.25) };
        let kept = suppressed(vec![with_eyes(3.0, face(0.0, 0.36)), with_eyes(-4.0, with_cap)], 0.0);
        assert_eq!(kept[0].landmarks.unwrap()[0], (2.0, 3.0));
    }

    #[test]
    fn a_face_two_thirds_behind_another_is_a_second_face() {
        assert_eq!(suppressed(vec![face(0.0, 0.9), face(3.5, 0.8)], 0.0).len(), 2);
    }

    #[test]
    fn the_score_is_that_of_the_votes() {
        let unsure = Face { labels: [0.8, 0.2, 0.0], ..face(0.0, 0.5) };
        let mut faces = vec![unsure, face(1.0, 0.2), face(30.0, 0.6)];
        let votes = Votes { best: 0.5, support: 2.0, label: 1.5, bias: -0.25 };
        Suppressor::default().suppress(&mut faces, 0.5, Some(&votes), 0.0);
        // alone, odds 1.5: 0.5 · ln 1.5 + ln 1.5 - 0.25; two, odds 1 and 1/4: logit 2 · ln 1.5 + 1.5 · ln 0.8 - 0.25
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        let wanted = [sigmoid(1.5 * 1.5f32.ln() - 0.25), sigmoid(2.0 * 1.5f32.ln() + 1.5 * 0.8f32.ln() - 0.25)];
        for (face, wanted) in faces.iter().zip(wanted) {
            assert!((face.score - wanted).abs() < 1e-5, "{} is not {wanted}", face.score);
        }
    }

    #[test]
    fn faces_are_sorted_and_judged_by_the_score_of_their_votes() {
        let votes = Votes { best: 1.0, support: 3.0, label: 0.0, bias: -3.0 };
        let mut faces = vec![face(30.0, 0.7), face(0.0, 0.6), face(1.0, 0.6), face(-1.0, 0.6), face(60.0, 0.6)];
        Suppressor::default().suppress(&mut faces, 0.5, Some(&votes), 0.2);
        assert_eq!(faces.iter().map(|f| f.rect.x.round()).collect::<Vec<_>>(), [0.0, 30.0]);
    }

    #[test]
    fn certainty_and_its_opposite_give_scores_from_0_to_1() {
        let votes = Votes { best: 1.0, support: 1.0, label: 1.0, bias: 0.0 };
        let mut faces = vec![face(0.0, 1.0), Face { labels: [0.0; 3], ..face(30.0, 0.0) }];
        Suppressor::default().suppress(&mut faces, 0.5, Some(&votes), 0.0);
        assert!(faces.iter().all(|f| (0.0..=1.0).contains(&f.score)), "{faces:?}");
    }

    #[test]
    fn scores_of_zero_keep_their_places() {
        assert_eq!(suppressed(vec![face(1.0, 0.0)], 0.0), [face(1.0, 0.0)]);
    }
}
