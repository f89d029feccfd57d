//! The head shake, from the landmarks of one track: yaw as a signal over time, its zig-zag, and a rule.

use std::time::Duration;

use crate::detect::Face;

/// Landmarks of smaller faces (pixels of height) jitter too much.
const LEAST_HEIGHT: f32 = 40.0;
/// A shake is this many alternating swings: one more than people need to say no, since a false withdrawal falsifies the
/// counts …
const SWINGS: usize = 4;
/// … of at least this much, in eye distances (nose against eyes). The nose that the shipped model sees goes aside by 0.39
/// of them per sine of the yaw on bare faces and by 0.31 on masked ones, where it is a guess that turns with the rest
/// (faces of at least 40 pixels of the dev photos); 0.56 and 0.36 is what its teacher sees.
const LEAST_SWING: f32 = 0.20;
/// … each between these …
const SHORTEST_SWING: Duration = Duration::from_millis(120);
const LONGEST_SWING: Duration = Duration::from_millis(900);
/// … all within this span …
const SPAN: Duration = Duration::from_millis(2500);
/// … with at least this ratio of yaw range to pitch range, or it is a nod or a walk.
const YAW_TO_PITCH: f32 = 1.3;
/// Looks that are further apart than this cannot tell a swing (7.5 looks a second are needed); one or two
/// without usable landmarks in between are common where a head is turned furthest.
const LONGEST_GAP: Duration = Duration::from_millis(300);
/// Faces less sure than this are often half hidden, and their landmarks guesses.
const LEAST_SCORE: f32 = 0.6;
/// Eyes nearer to each other than this (box widths; about half from the front) are those of a face from the side, on
/// which a pixel says too much.
const LEAST_EYES: f32 = 0.28;
/// Landmarks jitter from look to look: each counts as the mean of those within this time, where there are several.
const SMOOTHED: Duration = Duration::from_millis(170);
/// Looks kept: the span at 60 looks a second.
const KEPT: usize = 160;

#[derive(Clone, Copy, Debug)]
struct Pose {
    time: Duration,
    /// As the look gave them.
    raw: (f32, f32),
    /// Means of the looks of [`SMOOTHED`].
    yaw: f32,
    pitch: f32,
}

/// The last looks of one track.
#[derive(Debug, Default)]
pub struct Series {
    poses: Vec<Pose>,
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
        if self.poses.last().is_some_and(|p| time.saturating_sub(p.time) > LONGEST_GAP) {
            self.poses.clear();
        }
        if self.poses.capacity() == 0 {
            self.poses.reserve_exact(KEPT);
        }
        if self.poses.len() == KEPT {
            self.poses.remove(0);
        }
        let recent = self.poses.iter().rev().take_while(|p| time.saturating_sub(p.time) < SMOOTHED);
        let (sums, looks) = recent.fold(((yaw, pitch), 1.0), |(s, n), p| ((s.0 + p.raw.0, s.1 + p.raw.1), n + 1.0));
        self.poses.push(Pose { time, raw: (yaw, pitch), yaw: sums.0 / looks, pitch: sums.1 / looks });
    }

    /// Whether the looks of the last [`SPAN`] end in a head shake.
    pub fn is_shake(&self) -> bool {
        let Some(last) = self.poses.last() else { return false };
        let first = self.poses.partition_point(|p| last.time.saturating_sub(p.time) > SPAN);
        let poses = &self.poses[first..];
        swings(poses) >= SWINGS && range(poses, |p| p.yaw) > YAW_TO_PITCH * range(poses, |p| p.pitch)
    }
}

fn range(poses: &[Pose], pick: impl Fn(&Pose) -> f32) -> f32 {
    let (low, high) = poses.iter().map(pick).fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)));
    high - low
}

/// The longest run of alternating swings: from one extremum to the next that lies at least [`LEAST_SWING`] away, each of an
/// allowed length; a swing that is too long or too short begins the run anew.
fn swings(poses: &[Pose]) -> usize {
    let (mut run, mut longest) = (0, 0);
    // Where the swing began that goes on, and the furthest it has come.
    let (mut low, mut high) = (poses[0], poses[0]);
    let mut going: Option<(Pose, Pose)> = None;
    for pose in &poses[1..] {
        let Some((from, to)) = &mut going else {
            low = if pose.yaw < low.yaw { *pose } else { low };
            high = if pose.yaw > high.yaw { *pose } else { high };
            if high.yaw - low.yaw >= LEAST_SWING {
                going = Some(if high.time > low.time { (low, high) } else { (high, low) });
            }
            continue;
        };
        let rising = to.yaw > from.yaw;
        if (pose.yaw > to.yaw) == rising {
            *to = *pose;
        } else if (to.yaw - pose.yaw).abs() >= LEAST_SWING {
            run = if fits(from.time, to.time) { run + 1 } else { 0 };
            longest = longest.max(run);
            (*from, *to) = (*to, *pose);
        }
    }
    if going.is_some_and(|(from, to)| fits(from.time, to.time)) {
        longest = longest.max(run + 1);
    }
    longest
}

fn fits(a: Duration, b: Duration) -> bool {
    let span = a.abs_diff(b);
    (SHORTEST_SWING..=LONGEST_SWING).contains(&span)
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
