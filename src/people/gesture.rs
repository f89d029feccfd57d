//! The head shake, from the landmarks of one track: yaw as a signal over time, and whether it goes to and fro like a wave.
//!
//! The looks of about two cycles are held against waves of several rates (least squares, so that uneven times do no
//! harm). A wave uses all looks of a shake, where a rule on extrema hangs on the few at the turns, of which each may be
//! the one on which the landmarks jitter.

use std::time::Duration;

use crate::detect::Face;

/// Landmarks of smaller faces (pixels of height) jitter too much.
const LEAST_HEIGHT: f32 = 40.0;
/// Faces less sure than this are often half hidden, and their landmarks guesses: at 0.5 four of 3,314 passages of the
/// scenes were withdrawn falsely instead of one, for no shake more (docs/measured.md).
const LEAST_SCORE: f32 = 0.7;
/// Eyes nearer to each other than this (box widths; about half from the front) are those of a face from the side, on
/// which a pixel says too much.
const LEAST_EYES: f32 = 0.28;
/// Looks that are further apart than this cannot tell a swing; one or two without usable landmarks in between are common
/// where a head is turned furthest …
const LONGEST_GAP: Duration = Duration::from_millis(300);
/// … but in the mean they are no further apart than this (seconds): 7.5 looks a second are needed, of which one in six may
/// be without landmarks.
const MEAN_GAP: f32 = 1.2 / 7.5;
/// Looks within this time count as one, at their mean: landmarks jitter from look to look, and more of them say no more.
const TOGETHER: Duration = Duration::from_millis(60);
/// Cycles a second of the waves that are tried, so close that each shake from 0.85 to 2 a second is near to one.
const RATES: [f32; 7] = [0.9, 1.03, 1.17, 1.32, 1.5, 1.7, 1.92];
/// The looks that are held against a wave are those of so many cycles …
const CYCLES: f32 = 1.75;
/// … and of no less than this many seconds, since a look up on the way past the camera is half a fast wave.
const LEAST_SPAN: f32 = 1.25;
/// Part of that time that the looks must reach over …
const REACHED: f32 = 0.92;
/// … and how many they are at least, for which they reach further back where there are few a second: nine looks at uneven
/// times are near to some wave by chance in one of a hundred passages.
const LEAST_LOOKS: usize = 11;
/// A wave goes this far to each side, in eye distances (nose against eyes). The nose that the shipped model sees goes aside
/// by about 0.4 of them per sine of the yaw on bare faces and 0.3 on masked ones, where it is a guess that turns with the rest …
const LEAST_AMPLITUDE: f32 = 0.12;
/// … explains this part of the variance of the yaw, each per degree of freedom, so that few looks prove no more than
/// many …
const EXPLAINED: f32 = 0.78;
/// … which deviates this many times as far as the pitch, or it is a nod or a walk.
const YAW_TO_PITCH: f32 = 1.6;
/// Looks kept, each [`TOGETHER`] at least: more than the longest wave takes.
const KEPT: usize = 40;

#[derive(Clone, Copy, Debug)]
struct Pose {
    /// Of the first of its looks.
    from: Duration,
    /// Mean over its looks, as are the angles.
    time: Duration,
    looks: u32,
    yaw: f32,
    pitch: f32,
}

/// The last looks of one track.
#[derive(Debug, Default)]
pub struct Series {
    poses: Vec<Pose>,
    last: Duration,
}

impl Series {
    /// Takes one look; one without usable landmarks leaves a gap.
    pub fn look(&mut self, time: Duration, face: &Face) {
        let Some(landmarks) = face.landmarks.filter(|_| face.rect.h >= LEAST_HEIGHT && face.score >= LEAST_SCORE)
        else {
            return;
        };
        let [right, left, nose, ..] = landmarks;
        let (dx, dy) = (left.0 - right.0, left.1 - right.1);
        let eyes = dx.hypot(dy);
        if eyes < LEAST_EYES * face.rect.w {
            return;
        }
        let middle = ((right.0 + left.0) / 2.0, (right.1 + left.1) / 2.0);
        // Along and across the line through the eyes, so that a tilted head gives the same signal.
        let along = |p: (f32, f32)| ((p.0 - middle.0) * dx + (p.1 - middle.1) * dy) / eyes;
        let across = |p: (f32, f32)| ((p.1 - middle.1) * dx - (p.0 - middle.0) * dy) / eyes;
        let (yaw, pitch) = (along(nose) / eyes, across(nose) / eyes);
        if time.saturating_sub(self.last) > LONGEST_GAP {
            self.poses.clear();
        }
        self.last = time;
        if let Some(pose) = self.poses.last_mut().filter(|p| time.saturating_sub(p.from) < TOGETHER) {
            pose.looks += 1;
            pose.time += time.saturating_sub(pose.time) / pose.looks;
            pose.yaw += (yaw - pose.yaw) / pose.looks as f32;
            pose.pitch += (pitch - pose.pitch) / pose.looks as f32;
            return;
        }
        if self.poses.capacity() == 0 {
            self.poses.reserve_exact(KEPT);
        }
        if self.poses.len() == KEPT {
            self.poses.remove(0);
        }
        self.poses.push(Pose { from: time, time, looks: 1, yaw, pitch });
    }

    /// Whether the last looks are those of a head shake.
    pub fn is_shake(&self) -> bool {
        RATES.iter().any(|rate| {
            let span = (CYCLES / rate).max(LEAST_SPAN);
            let Some(last) = self.poses.last() else { return false };
            let before_last = |p: &Pose| last.time.saturating_sub(p.time).as_secs_f32();
            let first = self.poses.partition_point(|p| before_last(p) > span);
            let Some(enough) = self.poses.len().checked_sub(LEAST_LOOKS) else { return false };
            let poses = &self.poses[first.min(enough)..];
            let reach = before_last(&poses[0]);
            reach >= REACHED * span && reach <= MEAN_GAP * (poses.len() - 1) as f32 && is_wave(poses, *rate)
        })
    }
}

/// Whether the yaw goes to and fro at this rate (cycles a second), apart from a steady turn.
fn is_wave(poses: &[Pose], rate: f32) -> bool {
    let count = poses.len() as f32;
    let column = |value: &dyn Fn(&Pose) -> f32| {
        let mut column = [0.0; KEPT];
        column.iter_mut().zip(poses).for_each(|(c, p)| *c = value(p));
        let mean = column.iter().sum::<f32>() / count;
        column[..poses.len()].iter_mut().for_each(|c| *c -= mean);
        column
    };
    let dot = |a: &[f32; KEPT], b: &[f32; KEPT]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let yaw = column(&|p| p.yaw);
    // Most people keep their head still: that is soon seen.
    if dot(&yaw, &yaw) < LEAST_AMPLITUDE.powi(2) / 4.0 * count {
        return false;
    }
    let since = |p: &Pose| p.time.saturating_sub(poses[0].time).as_secs_f32();
    let time = column(&since);
    // What is left of a column once its mean and its steady change are taken out: then the fit of all four parts of
    // the model is that of the two of the wave.
    let steady = |mut column: [f32; KEPT]| {
        let slope = dot(&column, &time) / dot(&time, &time);
        column.iter_mut().zip(&time).for_each(|(c, t)| *c -= slope * t);
        column
    };
    let angle = |p: &Pose| since(p) * rate * std::f32::consts::TAU;
    let (yaw, pitch) = (steady(yaw), steady(column(&|p| p.pitch)));
    let (cos, sin) = (steady(column(&|p| angle(p).cos())), steady(column(&|p| angle(p).sin())));
    let (cc, cs, ss) = (dot(&cos, &cos), dot(&cos, &sin), dot(&sin, &sin));
    let (yc, ys, yy) = (dot(&yaw, &cos), dot(&yaw, &sin), dot(&yaw, &yaw));
    let determinant = cc * ss - cs * cs;
    let (a, b) = ((yc * ss - ys * cs) / determinant, (ys * cc - yc * cs) / determinant);
    let unexplained = (yy - a * yc - b * ys) / (count - 4.0);
    a.hypot(b) >= LEAST_AMPLITUDE
        && unexplained <= (1.0 - EXPLAINED) * yy / (count - 2.0)
        && yy > YAW_TO_PITCH.powi(2) * dot(&pitch, &pitch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Rect;

    /// A face whose nose lies `yaw` and `pitch` eye distances from the middle of the eyes.
    fn face(yaw: f32, pitch: f32) -> Face {
        let landmarks =
            [(40.0, 40.0), (60.0, 40.0), (50.0 + 20.0 * yaw, 40.0 + 20.0 * pitch), (42.0, 65.0), (58.0, 65.0)];
        Face {
            rect: Rect::new(25.0, 20.0, 50.0, 60.0),
            score: 0.9,
            labels: [0.0, 1.0, 0.0],
            landmarks: Some(landmarks),
        }
    }

    /// Whether any moment of four seconds looks like a shake, at a rate of looks per second.
    fn shaken(rate: f32, pose: impl Fn(f32) -> (f32, f32)) -> bool {
        let mut series = Series::default();
        (0..(4.0 * rate) as usize).any(|i| {
            let t = i as f32 / rate;
            let (yaw, pitch) = pose(t);
            series.look(Duration::from_secs_f32(t), &face(yaw, pitch));
            series.is_shake()
        })
    }

    fn wave(t: f32, hz: f32) -> f32 {
        (t * hz * std::f32::consts::TAU).sin()
    }

    #[test]
    fn a_head_shake_is_seen_at_every_rate_down_to_seven_and_a_half() {
        for rate in [30.0, 15.0, 10.0, 7.5] {
            assert!(shaken(rate, |t| (0.4 * wave(t, 1.2), 0.5)), "{rate}");
        }
    }

    #[test]
    fn fewer_looks_a_second_tell_no_head_shake() {
        assert!(!shaken(5.0, |t| (0.4 * wave(t, 1.2), 0.5)));
    }

    #[test]
    fn a_head_shake_is_seen_after_a_year_too() {
        let mut series = Series::default();
        let year = Duration::from_secs(365 * 24 * 3600);
        let seen = (0..60).any(|i| {
            let t = i as f32 / 15.0;
            series.look(year + Duration::from_secs_f32(t), &face(0.4 * wave(t, 1.2), 0.5));
            series.is_shake()
        });
        assert!(seen);
    }

    #[test]
    fn a_nod_is_none() {
        assert!(!shaken(30.0, |t| (0.05 * wave(t, 1.2), 0.5 + 0.4 * wave(t, 1.2))));
    }

    #[test]
    fn looking_around_slowly_is_none() {
        assert!(!shaken(30.0, |t| (0.5 * wave(t, 0.3), 0.5)));
    }

    #[test]
    fn a_tremor_of_the_landmarks_is_none() {
        assert!(!shaken(30.0, |t| (0.2 * wave(t, 7.0), 0.5)));
    }

    #[test]
    fn a_face_that_is_too_small_is_none() {
        let mut series = Series::default();
        for i in 0..120 {
            let mut small = face(0.4 * wave(i as f32 / 30.0, 1.2), 0.5);
            small.rect.h = LEAST_HEIGHT - 1.0;
            series.look(Duration::from_secs_f32(i as f32 / 30.0), &small);
            assert!(!series.is_shake());
        }
    }
}
