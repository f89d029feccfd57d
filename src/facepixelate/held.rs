//! The boxes that stay covered: those of this frame, and those that were there a moment ago. No GStreamer type.
//!
//! A detector that misses a face in one frame must not show it. A box is therefore held until it was not seen for the
//! time `hold`, or until its face is in the new frame: by its id where ids can be trusted and no farther away than a face
//! can have got, else where a box of the new frame lies in its place. Whatever is in doubt keeps a box or covers the whole
//! frame, never less.

use std::time::Duration;

use crate::people::track::GROWTH;
use crate::picture::Rect;

/// Most boxes held. A crowd beyond it is covered by covering the whole frame.
pub const CAPACITY: usize = 256;

/// Overlap from which two boxes without ids are the same face. At 25 frames a second a walker's box overlaps its
/// predecessor by 0.5.
const SAME_PLACE: f32 = 0.5;

/// A face of the frame at hand, with the id of its track if it has one that can be trusted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    pub id: Option<u32>,
    pub rect: Rect,
    /// It is an area of the picture and no face: it stays where it is, as large as it is.
    pub stands: bool,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    face: Face,
    /// When it was last in a frame's metadata, on the clock of [`HeldFaces`].
    seen: Duration,
    /// How old the look was that the box rested on then.
    age: Duration,
}

/// The boxes to cover, and the clock by which they are given up.
#[derive(Debug)]
pub struct HeldFaces {
    boxes: Vec<Held>,
    /// Sum of the steps from frame to frame; it never goes back.
    clock: Duration,
    last: Option<Duration>,
    size: Option<(usize, usize)>,
    whole_until: Option<Duration>,
}

impl Default for HeldFaces {
    fn default() -> Self {
        HeldFaces {
            boxes: Vec::with_capacity(CAPACITY),
            clock: Duration::ZERO,
            last: None,
            size: None,
            whole_until: None,
        }
    }
}

impl HeldFaces {
    /// Goes on to the frame of `time`. Where times begin anew, go back or stand still, and where there is none, only the length
    /// of a frame counts, and nothing at all where that is unknown too: boxes are then held longer, not shorter.
    pub fn advance(&mut self, time: Option<Duration>, frame: Option<Duration>, continuous: bool) {
        let elapsed = match (self.last, time) {
            (Some(last), Some(time)) if continuous => time.checked_sub(last).filter(|step| !step.is_zero()),
            _ => None,
        };
        self.clock = self.clock.saturating_add(elapsed.or(frame).unwrap_or_default());
        self.last = time;
    }

    /// Takes the faces of a frame of `size` pixels, whose boxes rest on a look of this `age`.
    pub fn take(&mut self, faces: &[Face], age: Duration, hold: Duration, size: (usize, usize)) {
        let clock = self.clock;
        if self.size.replace(size).is_some_and(|before| before != size) && !self.boxes.is_empty() {
            // Where the boxes lie in a picture of another size is anybody's guess.
            self.boxes.clear();
            self.cover_whole_for(hold);
        }
        self.boxes.retain_mut(|held| {
            let unseen = clock.saturating_sub(held.seen);
            let found = faces.iter().any(|face| held.is(face, unseen));
            // Where it is elsewhere now, the id is somebody else's from here on.
            held.face.id.take_if(|id| faces.iter().any(|face| face.id == Some(*id)));
            unseen <= hold && !found
        });
        for &face in faces {
            if self.boxes.len() == CAPACITY {
                self.cover_whole_for(hold);
                break;
            }
            self.boxes.push(Held { face, seen: clock, age });
        }
        self.whole_until = self.whole_until.filter(|&until| clock <= until);
    }

    fn cover_whole_for(&mut self, hold: Duration) {
        self.whole_until = self.whole_until.max(Some(self.clock.saturating_add(hold)));
    }

    /// Whether boxes alone would not do.
    pub fn whole(&self) -> bool {
        self.whole_until.is_some()
    }

    /// What to cover, faces grown by `margin` and by age; and whether the box is only held.
    pub fn boxes(&self, margin: f64) -> impl Iterator<Item = (Rect, bool)> + '_ {
        self.boxes.iter().map(move |held| {
            let unseen = self.clock.saturating_sub(held.seen);
            let growth = if held.face.stands { 0.0 } else { margin as f32 + held.growth(unseen) };
            (held.face.rect.grown(growth), !unseen.is_zero())
        })
    }
}

impl Held {
    /// What the box grows by until it is not seen for this long, in its own sizes.
    fn growth(&self, unseen: Duration) -> f32 {
        GROWTH * self.age.saturating_add(unseen).as_secs_f32()
    }

    /// Whether this is the face. An id alone does not tell: a tracker may take somebody near by for whom it has lost, who
    /// is still there.
    fn is(&self, face: &Face, unseen: Duration) -> bool {
        match (self.face.id, face.id) {
            (Some(held), Some(id)) => {
                held == id && self.face.rect.grown(self.growth(unseen)).contains(face.rect.center())
            }
            _ => self.face.rect.iou(&face.rect) >= SAME_PLACE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (usize, usize) = (640, 360);
    const HOLD: Duration = Duration::from_millis(500);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn face(id: impl Into<Option<u32>>, x: f32) -> Face {
        Face { id: id.into(), rect: Rect::new(x, 100.0, 40.0, 40.0), stands: false }
    }

    fn frame(held: &mut HeldFaces, time: impl Into<Option<u64>>, faces: &[Face]) -> usize {
        held.advance(time.into().map(ms), None, true);
        held.take(faces, Duration::ZERO, HOLD, SIZE);
        held.boxes(0.0).count()
    }

    #[test]
    fn a_lost_face_is_held_for_the_hold_and_no_longer() {
        let mut held = HeldFaces::default();
        assert_eq!(frame(&mut held, 0, &[face(1, 10.0)]), 1);
        assert_eq!(frame(&mut held, 500, &[]), 1);
        assert_eq!(frame(&mut held, 501, &[]), 0);
    }

    #[test]
    fn a_face_that_walks_on_under_its_id_leaves_no_trail() {
        let mut held = HeldFaces::default();
        // 8 face widths a second
        for step in 0..10 {
            assert_eq!(frame(&mut held, step * 40, &[face(7, step as f32 * 12.8)]), 1);
        }
    }

    #[test]
    fn an_id_that_jumps_to_somebody_else_does_not_show_whose_it_was() {
        let mut held = HeldFaces::default();
        frame(&mut held, 0, &[face(7, 10.0)]);
        for time in [40, 200, 400, 500] {
            assert_eq!(frame(&mut held, time, &[face(7, 60.0)]), 2);
        }
        assert_eq!(frame(&mut held, 501, &[face(7, 60.0)]), 1);
    }

    #[test]
    fn a_face_of_another_id_does_not_release_the_lost_one() {
        let mut held = HeldFaces::default();
        frame(&mut held, 0, &[face(1, 10.0)]);
        assert_eq!(frame(&mut held, 40, &[face(2, 10.0)]), 2);
    }

    #[test]
    fn without_ids_the_place_decides() {
        let mut held = HeldFaces::default();
        frame(&mut held, 0, &[face(None, 10.0), face(None, 300.0)]);
        assert_eq!(frame(&mut held, 40, &[face(None, 14.0)]), 2);
    }

    #[test]
    fn a_held_box_grows_with_the_time_since_its_look() {
        let mut held = HeldFaces::default();
        held.advance(Some(ms(0)), None, true);
        held.take(&[face(1, 100.0)], ms(100), HOLD, SIZE);
        assert_eq!(held.boxes(0.25).next().unwrap().0, Rect::new(100.0, 100.0, 40.0, 40.0).grown(0.45));
        held.advance(Some(ms(150)), None, true);
        held.take(&[], ms(0), HOLD, SIZE);
        let (rect, only_held) = held.boxes(0.25).next().unwrap();
        assert_eq!(rect, Rect::new(100.0, 100.0, 40.0, 40.0).grown(0.75));
        assert!(only_held);
    }

    #[test]
    fn an_area_that_stands_grows_neither_by_margin_nor_by_age() {
        let mut held = HeldFaces::default();
        held.advance(Some(ms(0)), None, true);
        held.take(&[Face { stands: true, ..face(1, 100.0) }], ms(400), HOLD, SIZE);
        assert_eq!(held.boxes(0.25).next().unwrap().0, face(1, 100.0).rect);
    }

    #[test]
    fn a_face_that_is_not_followed_leaves_no_trail_where_it_stands() {
        let mut held = HeldFaces::default();
        let followed = face(7, 300.0);
        for step in 0..15 {
            assert_eq!(frame(&mut held, step * 40, &[followed, face(None, 10.0)]), 2);
        }
    }

    #[test]
    fn time_that_goes_back_or_is_missing_gives_nothing_up() {
        let mut held = HeldFaces::default();
        frame(&mut held, 10_000, &[face(1, 10.0)]);
        assert_eq!(frame(&mut held, 0, &[]), 1);
        assert_eq!(frame(&mut held, None, &[]), 1);
        assert_eq!(frame(&mut held, 90_000, &[]), 1);
        assert_eq!(frame(&mut held, 90_501, &[]), 0);
    }

    #[test]
    fn where_times_begin_anew_only_a_frame_counts() {
        let mut held = HeldFaces::default();
        frame(&mut held, 0, &[face(1, 10.0)]);
        held.advance(Some(ms(60_000)), Some(ms(40)), false);
        held.take(&[], Duration::ZERO, HOLD, SIZE);
        assert_eq!(held.boxes(0.0).count(), 1);
    }

    #[test]
    fn frames_without_times_count_by_their_length() {
        let mut held = HeldFaces::default();
        let first = [face(1, 10.0)];
        for number in 0..14 {
            held.advance(None, Some(ms(40)), true);
            held.take(if number == 0 { &first } else { &[] }, ms(0), HOLD, SIZE);
            assert_eq!(held.boxes(0.0).count(), usize::from(number <= 12), "frame {number}");
        }
    }

    #[test]
    fn a_crowd_beyond_the_capacity_covers_the_whole_frame_until_the_hold_is_over() {
        let mut held = HeldFaces::default();
        let crowd: Vec<_> = (0..300).map(|i| face(i, i as f32)).collect();
        frame(&mut held, 0, &crowd);
        assert!(held.whole());
        frame(&mut held, 500, &[]);
        assert!(held.whole());
        frame(&mut held, 501, &[]);
        assert!(!held.whole());
    }

    #[test]
    fn a_change_of_size_covers_the_whole_frame_while_anything_was_held() {
        let mut held = HeldFaces::default();
        frame(&mut held, 0, &[face(1, 10.0)]);
        held.advance(Some(ms(40)), None, true);
        held.take(&[], Duration::ZERO, HOLD, (320, 180));
        assert!(held.whole());
        held.advance(Some(ms(541)), None, true);
        held.take(&[], Duration::ZERO, HOLD, (320, 180));
        assert!(!held.whole());
    }
}
