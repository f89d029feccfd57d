//! Motion of one face and the assignment of a look's faces to tracks: overlap of enlarged boxes after prediction, as in
//! the SORT family (buffered IoU: C-BIoU, arXiv 2211.14317), then nearness for a passage that was lost inside the frame.

use std::time::Duration;

use crate::detect::Face;
use crate::picture::Rect;

/// Velocities follow the newest look with this weight; a single look is too noisy to steer the prediction.
const VELOCITY_GAIN: f32 = 0.4;
/// A prediction further ahead than this is a guess: the box stands still from there.
const LONGEST_PREDICTION: Duration = Duration::from_millis(1000);
/// A change of velocity by this many face widths per second makes it another person: a walk is about one.
const SHARPEST_TURN: f32 = 3.0;
/// Over less than this, the jitter of the boxes would pass for a turn.
const SHORTEST_STEP: Duration = Duration::from_millis(100);
/// Boxes are enlarged by these shares of their size on each side, in two rounds.
const BUFFERS: [f32; 2] = [0.3, 0.6];
/// A face this many widths from where a track was lost, or would be by now, may be the same passage …
const RELINK_WIDTHS: f32 = 1.5;
/// … if its size differs by no more than this factor.
const RELINK_SIZE: f32 = 1.8;

/// Place, size and velocity of a face.
#[derive(Clone, Copy, Debug)]
pub struct Motion {
    rect: Rect,
    seen: Duration,
    /// Pixels per second of x, y, w, h.
    velocity: [f32; 4],
    /// No velocity is known from one look.
    moving: bool,
}

impl Motion {
    pub fn new(time: Duration, rect: Rect) -> Motion {
        Motion { rect, seen: time, velocity: [0.0; 4], moving: false }
    }

    /// Time of the last look that saw it.
    pub fn seen(&self) -> Duration {
        self.seen
    }

    /// The box of that look.
    pub fn last(&self) -> Rect {
        self.rect
    }

    pub fn predicted(&self, time: Duration) -> Rect {
        let ahead = time.saturating_sub(self.seen).min(LONGEST_PREDICTION).as_secs_f32();
        let [vx, vy, vw, vh] = self.velocity;
        let r = &self.rect;
        let (cx, cy) = r.center();
        // A shrinking box keeps half its size: it must go on covering the face.
        let (w, h) = ((r.w + vw * ahead).max(r.w / 2.0), (r.h + vh * ahead).max(r.h / 2.0));
        Rect::new(cx + vx * ahead - w / 2.0, cy + vy * ahead - h / 2.0, w, h)
    }

    /// How well the step to `rect` agrees with the course so far, 0 to 1: who walks left does not turn right at once, as
    /// somebody who comes the other way would make it look.
    fn agrees(&self, time: Duration, rect: &Rect) -> f32 {
        if !self.moving {
            return 1.0;
        }
        let ((x0, y0), (x1, y1)) = (self.rect.center(), rect.center());
        let dt = time.saturating_sub(self.seen).max(SHORTEST_STEP).as_secs_f32();
        let turn = ((x1 - x0) / dt - self.velocity[0]).hypot((y1 - y0) / dt - self.velocity[1]);
        (1.0 - turn / (SHARPEST_TURN * self.rect.w)).max(0.0)
    }

    pub fn observe(&mut self, time: Duration, rect: Rect) {
        let dt = time.saturating_sub(self.seen).as_secs_f32();
        if dt > 0.0 {
            let ((x0, y0), (x1, y1)) = (self.rect.center(), rect.center());
            let now = [x1 - x0, y1 - y0, rect.w - self.rect.w, rect.h - self.rect.h].map(|d| d / dt);
            let gain = if self.moving { VELOCITY_GAIN } else { 1.0 };
            for (velocity, now) in self.velocity.iter_mut().zip(now) {
                *velocity += (now - *velocity) * gain;
            }
            self.moving = true;
        }
        (self.rect, self.seen) = (rect, time);
    }
}

/// A track and a face that may belong together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    pub track: usize,
    pub face: usize,
    /// Higher is surer.
    pub fit: f32,
}

/// Fills `pairs` with the assignment of faces to tracks, each at most once, and marks the assigned faces in `taken`;
/// faces that are marked already or fainter than `least` are left out. Surest first: a greedy choice over overlaps is as good as the Hungarian
/// method here, since boxes of two heads rarely overlap by much, and it reads plainly.
#[expect(clippy::too_many_arguments)] // buffers are handed in so that no look allocates
pub fn associate<'a>(
    time: Duration,
    tracks: usize,
    motion: impl Fn(usize) -> &'a Motion,
    faces: &[Face],
    least: f32,
    frame: (f32, f32),
    pairs: &mut Vec<Pair>,
    taken: &mut [bool],
) {
    pairs.clear();
    for buffer in BUFFERS {
        round(tracks, faces, pairs, taken, |track, face| {
            if face.score < least {
                return 0.0;
            }
            let expected = motion(track).predicted(time);
            // Heads keep their size from look to look: two of different depth are told apart while they cross.
            let size = expected.area() / face.rect.area();
            expected.grown(buffer).iou(&face.rect.grown(buffer))
                * size.min(1.0 / size)
                * motion(track).agrees(time, &face.rect)
        });
    }
    round(
        tracks,
        faces,
        pairs,
        taken,
        |track, face| {
            if face.score < least { 0.0 } else { relink(motion(track), time, face, frame) }
        },
    );
}

/// One round: all pairs of free tracks and faces with a fit above 0 are appended, then the losers removed.
fn round(tracks: usize, faces: &[Face], pairs: &mut Vec<Pair>, taken: &mut [bool], fit: impl Fn(usize, &Face) -> f32) {
    let settled = pairs.len();
    for track in 0..tracks {
        if pairs[..settled].iter().any(|p| p.track == track) {
            continue;
        }
        for (face, found) in faces.iter().enumerate().filter(|(i, _)| !taken[*i]) {
            let fit = fit(track, found);
            if fit > 0.0 {
                pairs.push(Pair { track, face, fit });
            }
        }
    }
    pairs[settled..].sort_unstable_by(|a, b| b.fit.total_cmp(&a.fit));
    let mut kept = settled;
    for i in settled..pairs.len() {
        let pair = pairs[i];
        if !taken[pair.face] && pairs[settled..kept].iter().all(|p| p.track != pair.track) {
            taken[pair.face] = true;
            pairs[kept] = pair;
            kept += 1;
        }
    }
    pairs.truncate(kept);
}

/// How well a face fits a track that was lost inside the frame, 0 to 1. One that left over the border does not come
/// back: who returns is a new passage.
fn relink(motion: &Motion, time: Duration, face: &Face, frame: (f32, f32)) -> f32 {
    let (last, found) = (motion.last(), face.rect);
    let inside = |r: &Rect| r.x > 0.0 && r.y > 0.0 && r.x + r.w < frame.0 && r.y + r.h < frame.1;
    let size = (found.w * found.h / (last.w * last.h)).sqrt();
    if !inside(&last) || !inside(&found) || !(1.0 / RELINK_SIZE..=RELINK_SIZE).contains(&size) {
        return 0.0;
    }
    let (x, y) = found.center();
    let far = |(from_x, from_y): (f32, f32)| (x - from_x).hypot(y - from_y);
    // A velocity taken from half-hidden boxes can be far off.
    let distance = far(last.center()).min(far(motion.predicted(time).center()));
    1.0 - distance / (RELINK_WIDTHS * last.w.max(found.w))
}
