//! Motion of one face and the assignment of a look's faces to tracks, by place and size alone: a Kalman filter for each
//! axis as in the SORT family (arXiv 1602.00763), all of its noise in face widths and seconds, so that it holds for near
//! and far faces and at any rate of looks. How sure a place is decides how far off a face may be found again; that does
//! the work of enlarged boxes (C-BIoU, arXiv 2211.14317) and finds who was lost inside the frame.
//!
//! The numbers of the tracks were chosen on scenes with a known truth (`tests/scenes`), on other seeds than those that
//! are reported.

use std::time::Duration;

use crate::detect::Face;
use crate::picture::Rect;

/// How far the middles of the boxes of one standing face scatter, aside and up and down (face widths); the steps of
/// somebody who walks are in the second.
const SCATTER: [f32; 2] = [0.17, 0.13];
/// How fast people are when first seen (face widths a second, standard deviation): a stroll across a lane is 2 to 6.
const FIRST_SPEED: f32 = 6.0;
/// How much that may have changed after a second (face widths a second): they stop, turn, make way.
const CHANGE_OF_SPEED: f32 = 2.0;
/// How far the logarithm of a face's size scatters between looks, and how much more after a second unseen.
const SIZE_SCATTER: [f32; 2] = [0.14, 0.15];
/// The size of a track follows that of the looks within this time (seconds).
const SIZE_MEMORY: f32 = 0.7;
/// A face this many standard deviations from where and how large a track should be is another's …
const FURTHEST: f32 = 3.5;
/// … and so is one that is so badly foretold (negative log-likelihood, doubled) that somebody new is likelier.
const SOMEBODY_NEW: f32 = 6.0;
/// The same for a track that may go on where another was lost, of which the speed is known as well.
const SOMEBODY_ELSE: f32 = 10.0;
/// A prediction further ahead than this is a guess: the box stands still from there.
const LONGEST_PREDICTION: Duration = Duration::from_millis(1000);
/// A face that a look missed and that is unseen for this long at the border of the frame has left over it, and one that
/// was going out after the second time: who comes in there is a new passage.
const LEFT_AFTER: [Duration; 2] = [Duration::from_millis(500), Duration::from_millis(100)];

/// A box this near to the border (face widths) is at it.
const AT_BORDER: f32 = 0.15;

/// What the box of a face that is not looked at or not found must grow by on each side to keep covering it, in its own
/// sizes per second since the look that it rests on. Somebody who walks by (1.4 m/s, a face of 0.17 m) crosses 8 face
/// widths a second; a predicted box is off by the error of that speed, for which a quarter is taken.
pub const GROWTH: f32 = 2.0;

/// Place and speed along one axis, in pixels and seconds, and how sure they are.
#[derive(Clone, Copy, Debug)]
struct Axis {
    place: f32,
    speed: f32,
    /// Variances of the place, of both together, and of the speed.
    variance: [f32; 3],
}

impl Axis {
    fn new(place: f32, scatter: f32, width: f32) -> Axis {
        Axis { place, speed: 0.0, variance: [scatter.powi(2), 0.0, (FIRST_SPEED * width).powi(2)] }
    }

    /// As it is foretold for some seconds later.
    fn after(mut self, seconds: f32, width: f32) -> Axis {
        let [place, both, speed] = self.variance;
        let change = (CHANGE_OF_SPEED * width).powi(2);
        self.place += self.speed * seconds;
        self.variance = [
            place + 2.0 * seconds * both + seconds.powi(2) * speed + change * seconds.powi(3) / 3.0,
            both + seconds * speed + change * seconds.powi(2) / 2.0,
            speed + change * seconds,
        ];
        self
    }

    fn observe(&mut self, found: f32, scatter: f32) {
        let [place, both, speed] = self.variance;
        let sum = place + scatter.powi(2);
        let off = found - self.place;
        self.place += place / sum * off;
        self.speed += both / sum * off;
        self.variance = [place - place * place / sum, both - place * both / sum, speed - both * both / sum];
    }
}

/// Place, size and velocity of a face.
#[derive(Clone, Copy, Debug)]
pub struct Motion {
    rect: Rect,
    seen: Duration,
    axes: [Axis; 2],
    /// Width and height (pixels), smoothed.
    size: [f32; 2],
}

impl Motion {
    pub fn new(time: Duration, rect: Rect) -> Motion {
        let (x, y) = rect.center();
        let axes = [Axis::new(x, SCATTER[0] * rect.w, rect.w), Axis::new(y, SCATTER[1] * rect.w, rect.w)];
        Motion { rect, seen: time, axes, size: [rect.w, rect.h] }
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
        let [x, y] = self.axes.map(|axis| axis.speed * ahead);
        Rect::new(self.rect.x + x, self.rect.y + y, self.rect.w, self.rect.h)
    }

    /// How far the middle of a box may be off: more for a faint face, and by half of what seems to be missing where
    /// something hides a side of it.
    fn scatter(&self, axis: usize, face: &Face) -> f32 {
        let missing = ([face.rect.w, face.rect.h][axis] - self.size[axis]).abs() / 2.0;
        (SCATTER[axis] * self.size[0] / face.score.max(0.1)).hypot(missing)
    }

    pub fn observe(&mut self, time: Duration, face: &Face) {
        let seconds = time.saturating_sub(self.seen).as_secs_f32();
        let (x, y) = face.rect.center();
        for (axis, found) in [x, y].into_iter().enumerate() {
            let scatter = self.scatter(axis, face);
            self.axes[axis] = self.axes[axis].after(seconds, self.size[0]);
            self.axes[axis].observe(found, scatter);
        }
        let gain = 1.0 - (-seconds / SIZE_MEMORY).exp();
        for (size, found) in self.size.iter_mut().zip([face.rect.w, face.rect.h]) {
            *size += (found - *size) * gain;
        }
        (self.rect, self.seen) = (face.rect, time);
    }

    /// Where it should be now, the look before having been at `before`; `None`: it has left.
    fn foretold(&self, time: Duration, before: Duration, frame: (f32, f32)) -> Option<Motion> {
        let missed = self.seen < before;
        let unseen = time.saturating_sub(self.seen);
        let axes = self.axes.map(|axis| axis.after(unseen.as_secs_f32(), self.size[0]));
        let near = AT_BORDER * self.size[0];
        let mut left = false;
        for (axis, end, from, length) in
            [(&axes[0], frame.0, self.rect.x, self.rect.w), (&axes[1], frame.1, self.rect.y, self.rect.h)]
        {
            // At the border where it begins, at the one where it ends; going out over it.
            let (first, last) = (from <= near, from + length >= end - near);
            let goes_out = (first && axis.speed < 0.0) || (last && axis.speed > 0.0);
            left |= (first || last) && missed && unseen > LEFT_AFTER[usize::from(goes_out)];
            left |= axis.place < 0.0 || axis.place > end;
        }
        (!left).then_some(Motion { axes, ..*self })
    }

    /// How badly a face fits what is foretold: its negative log-likelihood, doubled. `None`: it is another's.
    fn misfit(&self, time: Duration, face: &Face) -> Option<f32> {
        let (x, y) = face.rect.center();
        let (mut off, mut spread) = (0.0, 1.0);
        for (axis, found) in [x, y].into_iter().enumerate() {
            let variance = self.axes[axis].variance[0] + self.scatter(axis, face).powi(2);
            off += (found - self.axes[axis].place).powi(2) / variance;
            // In widths of the face, so that tracks of different sizes compare.
            spread *= variance / face.rect.w.powi(2);
            if off > FURTHEST.powi(2) {
                return None;
            }
        }
        let (size_off, size_spread) = self.misfit_of_size(time, [face.rect.w, face.rect.h]);
        off += size_off;
        let misfit = off + (spread * size_spread).ln();
        (off <= FURTHEST.powi(2) && misfit <= SOMEBODY_NEW).then_some(misfit)
    }

    /// How badly another track fits as the one that goes on where this one was lost: as [`Motion::misfit`], and by the speed
    /// as well, which tells people apart who cross. `None`: it is another's.
    pub fn misfit_of(&self, other: &Motion, time: Duration, before: Duration, frame: (f32, f32)) -> Option<f32> {
        let foretold = self.foretold(time, before, frame)?;
        let width = other.size[0];
        let (mut off, mut spread) = (0.0, 1.0);
        for (a, b) in foretold.axes.iter().zip(&other.axes) {
            let [place, both, speed] = std::array::from_fn(|i| (a.variance[i] + b.variance[i]) / width.powi(2));
            let (aside, faster) = ((a.place - b.place) / width, (a.speed - b.speed) / width);
            let determinant = place * speed - both.powi(2);
            off += (speed * aside.powi(2) - 2.0 * both * aside * faster + place * faster.powi(2)) / determinant;
            spread *= determinant;
        }
        let (size_off, size_spread) = self.misfit_of_size(time, other.size);
        let misfit = off + size_off + (spread * size_spread).ln();
        (misfit <= SOMEBODY_ELSE).then_some(misfit)
    }

    /// What a size adds to a misfit: to the sum of squares, and to the product of variances.
    fn misfit_of_size(&self, time: Duration, size: [f32; 2]) -> (f32, f32) {
        // Of width and height the one that changed less: the other one may be cut by what stands before the face.
        let (w, h) = ((size[0] / self.size[0]).ln(), (size[1] / self.size[1]).ln());
        let scatter = SIZE_SCATTER[0] + SIZE_SCATTER[1] * time.saturating_sub(self.seen).as_secs_f32();
        ((w.abs().min(h.abs()) / scatter).powi(2), scatter.powi(2))
    }
}

/// A track and a face that may belong together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    pub track: usize,
    pub face: usize,
    /// Lower is surer.
    misfit: f32,
}

/// Fills `pairs` with the assignment of faces to tracks, each at most once, and marks the assigned faces in `taken`;
/// faces that are marked already or fainter than `least` are left out. The look before this one was at `before`. The
/// surest pair comes first: on the scenes of `tests/scenes` the Hungarian method over the same numbers is no better.
#[expect(clippy::too_many_arguments)] // buffers are handed in so that no look allocates
pub fn associate<'a>(
    time: Duration,
    before: Duration,
    tracks: usize,
    motion: impl Fn(usize) -> &'a Motion,
    faces: &[Face],
    least: f32,
    frame: (f32, f32),
    pairs: &mut Vec<Pair>,
    taken: &mut [bool],
) {
    pairs.clear();
    for track in 0..tracks {
        let Some(foretold) = motion(track).foretold(time, before, frame) else { continue };
        for (face, found) in faces.iter().enumerate().filter(|(i, f)| !taken[*i] && f.score >= least) {
            if let Some(misfit) = foretold.misfit(time, found) {
                pairs.push(Pair { track, face, misfit });
            }
        }
    }
    pairs.sort_unstable_by(|a, b| a.misfit.total_cmp(&b.misfit));
    let mut kept = 0;
    for i in 0..pairs.len() {
        let pair = pairs[i];
        if !taken[pair.face] && pairs[..kept].iter().all(|p| p.track != pair.track) {
            taken[pair.face] = true;
            pairs[kept] = pair;
            kept += 1;
        }
    }
    pairs.truncate(kept);
}
