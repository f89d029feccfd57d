//! Where the picture is no longer what it was at a look: somebody may stand there whom no look has seen yet.
//!
//! The luma is reduced to *spots*, each the mean of some pixels of one row, and these are held against the spots of the
//! frame that the newest look is of. A face that was found explains what changes around it: where the face itself and
//! the body below it are. What else has changed is told as upright areas, each around all cells that touch each other.

use super::sampling::rows;
use crate::picture::{Model, Picture, Rect};

/// Spots across the picture: 8 pixels each at 1080p, where the least face that the model finds is 48 pixels wide.
const ACROSS: usize = 240;
/// A cell has this many spots on each side.
const CELL: usize = 4;
/// A spot has changed by this much (of 255). In the dark, pixels that scatter by 8 make spots differ by 4.
const DIFFERENCE: u8 = 10;
/// A cell has changed where this many of its spots have: three by chance, in the dark, are one cell in a thousand.
const SPOTS: u8 = 3;
/// So many rows of spots ahead the memory is asked for the pixels.
const AHEAD: usize = 4;
/// Bytes of a row that are asked for: by then the processor has seen that it goes on.
const ASKED: usize = 512;
/// More areas than these are told as one, the whole picture.
const MOST_AREAS: usize = 32;
/// How far a known face reaches for its hair and the error of its place, in its own sizes on each side.
const HEAD: f32 = 0.5;
/// How far its body reaches aside (face widths) and below its upper edge (face heights): shoulders, swinging arms.
const BODY: (f32, f32) = (1.25, 9.0);

/// The spots of one picture.
#[derive(Debug, Default)]
struct Spots {
    /// Width and height of the picture in pixels.
    size: (usize, usize),
    /// Pixels from spot to spot, both ways.
    pitch: usize,
    columns: usize,
    values: Vec<u8>,
}

/// The pictures of the newest look, of the look under way and of now.
#[derive(Debug, Default)]
pub struct Change {
    seen: Spots,
    under_way: Spots,
    now: Spots,
    /// Cells that have changed and are in no area yet.
    cells: Vec<bool>,
    /// Cells whose neighbours are still to be asked.
    open: Vec<usize>,
    areas: Vec<Rect>,
}

impl Spots {
    fn take(&mut self, picture: &Picture) {
        self.size = (picture.width(), picture.height());
        self.pitch = picture.width().div_ceil(ACROSS);
        self.columns = picture.width().div_ceil(self.pitch);
        self.values.clear();
        // Of colours green is the nearest to luma.
        let component = &picture.format().components()[usize::from(picture.format().model() == Model::Rgb)];
        let (plane, stride) = (picture.plane(component.plane), picture.stride(component.plane));
        let row = |y: usize| &plane[y * stride + component.offset..][..(picture.width() - 1) * component.step + 1];
        for y in (self.pitch / 2..picture.height()).step_by(self.pitch) {
            if y + AHEAD * self.pitch < picture.height() {
                let next = row(y + AHEAD * self.pitch);
                rows::prefetch(&next[..next.len().min(ASKED)]);
            }
            spots(row(y), self.pitch, component.step, &mut self.values);
        }
    }
}

/// Adds the means of a row's spots. With both numbers known when it is compiled a spot takes a third of the time, so that
/// those of common pictures are.
fn spots(row: &[u8], pitch: usize, step: usize, values: &mut Vec<u8>) {
    let before = values.len();
    match (step, pitch) {
        (1, 3) => whole_spots::<1, 3>(row, values),
        (1, 6) => whole_spots::<1, 6>(row, values),
        (1, 8) => {
            values.resize(before + row.len() / 8, 0);
            rows::means_of_eight(row, &mut values[before..]);
        }
        (1, 16) => whole_spots::<1, 16>(row, values),
        (2, 6) => whole_spots::<2, 6>(row, values),
        (2, 8) => whole_spots::<2, 8>(row, values),
        (3, 6) => whole_spots::<3, 6>(row, values),
        (3, 8) => whole_spots::<3, 8>(row, values),
        (4, 6) => whole_spots::<4, 6>(row, values),
        (4, 8) => whole_spots::<4, 8>(row, values),
        _ => {}
    }
    let rest = row.chunks(pitch * step).skip(values.len() - before);
    values.extend(rest.map(|spot| (sum(spot, step) / spot.len().div_ceil(step) as u32) as u8));
}

fn whole_spots<const STEP: usize, const PITCH: usize>(row: &[u8], values: &mut Vec<u8>) {
    values.extend(row.chunks_exact(PITCH * STEP).map(|spot| (sum(spot, STEP) / PITCH as u32) as u8));
}

#[inline]
fn sum(spot: &[u8], step: usize) -> u32 {
    spot.iter().step_by(step).map(|v| u32::from(*v)).sum()
}

rows::widened! {
    /// Adds 1 where a spot has changed.
    count(now: &[u8], seen: &[u8], changed: &mut [u8; ACROSS]) {
        for (changed, (now, seen)) in changed.iter_mut().zip(now.iter().zip(seen)) {
            *changed += u8::from(now.abs_diff(*seen) >= DIFFERENCE);
        }
    }
}

impl Change {
    /// Forgets all pictures; what comes next is new.
    pub fn forget(&mut self) {
        (self.seen.size, self.under_way.size) = ((0, 0), (0, 0));
        for spots in [&mut self.seen, &mut self.under_way, &mut self.now] {
            spots.values.fill(0);
        }
    }

    /// Takes the picture of now.
    pub fn take(&mut self, picture: &Picture) {
        self.now.take(picture);
    }

    /// A look at the picture of now begins.
    pub fn begin(&mut self) {
        let Spots { size, pitch, columns, ref values } = self.now;
        (self.under_way.size, self.under_way.pitch, self.under_way.columns) = (size, pitch, columns);
        self.under_way.values.clone_from(values);
    }

    /// A look begins at a picture that was not taken: whatever comes after it is new.
    pub fn begin_unkept(&mut self) {
        self.under_way.size = (0, 0);
    }

    /// The look that was begun last is done: what its picture shows is known.
    pub fn end(&mut self) {
        std::mem::swap(&mut self.seen, &mut self.under_way);
    }

    /// Where the picture of now is not that of the newest look, except around the `known` faces.
    pub fn areas(&mut self, known: impl Iterator<Item = Rect>) -> &[Rect] {
        self.areas.clear();
        let (width, height) = self.now.size;
        let whole = Rect::new(0.0, 0.0, width as f32, height as f32);
        if self.seen.size != self.now.size {
            self.areas.push(whole);
            return &self.areas;
        }
        let (columns, rows) = self.compare();
        let side = (CELL * self.now.pitch) as f32;
        for face in known {
            let head = face.grown(HEAD);
            let (aside, below) = (face.w * BODY.0, face.h * BODY.1);
            let body = Rect::new(face.x - aside, face.y + face.h, face.w + 2.0 * aside, below - face.h);
            for explained in [head, body] {
                let cells = |from: f32, length: f32, most: usize| {
                    // Cells whose middle lies within.
                    let first = (from / side - 0.5).ceil().clamp(0.0, most as f32) as usize;
                    first..((from + length) / side + 0.5).floor().clamp(first as f32, most as f32) as usize
                };
                for row in cells(explained.y, explained.h, rows) {
                    for column in cells(explained.x, explained.w, columns) {
                        self.cells[row * columns + column] = false;
                    }
                }
            }
        }
        while let Some(first) = first_of(&self.cells) {
            let [left, top, right, bottom] = self.join(first, columns).map(|edge| edge as f32 * side);
            // Half a cell on each side, since the edge of what has come may lie in a cell that it hardly fills.
            self.areas.push(Rect::new(left - side / 2.0, top - side / 2.0, right - left + side, bottom - top + side));
            if self.areas.len() > MOST_AREAS {
                self.areas.clear();
                self.areas.push(whole);
                break;
            }
        }
        &self.areas
    }

    /// Marks the cells that have changed; how many columns and rows there are.
    fn compare(&mut self) -> (usize, usize) {
        let spots = self.now.columns;
        let columns = spots.div_ceil(CELL);
        let rows = (self.now.values.len() / spots).div_ceil(CELL);
        self.cells.clear();
        let pairs = self.now.values.chunks(spots * CELL).zip(self.seen.values.chunks(spots * CELL));
        for (now, seen) in pairs {
            let mut changed = [0u8; ACROSS];
            for (now, seen) in now.chunks(spots).zip(seen.chunks(spots)) {
                count(now, seen, &mut changed);
            }
            self.cells.extend(changed[..spots].chunks(CELL).map(|rows| rows.iter().sum::<u8>() >= SPOTS));
        }
        (columns, rows)
    }

    /// Takes all the changed cells that hang together with this one; their left, top, right and bottom edge in cells.
    fn join(&mut self, first: usize, columns: usize) -> [usize; 4] {
        let mut edges = [usize::MAX, usize::MAX, 0, 0];
        self.cells[first] = false;
        self.open.push(first);
        while let Some(cell) = self.open.pop() {
            let (x, y) = (cell % columns, cell / columns);
            edges = [edges[0].min(x), edges[1].min(y), edges[2].max(x + 1), edges[3].max(y + 1)];
            for (y, x) in (y.saturating_sub(1)..y + 2).flat_map(|y| (x.saturating_sub(1)..x + 2).map(move |x| (y, x))) {
                let near = y * columns + x;
                if x < columns && near < self.cells.len() && std::mem::take(&mut self.cells[near]) {
                    self.open.push(near);
                }
            }
        }
        edges
    }
}

/// The first cell that has changed.
fn first_of(cells: &[bool]) -> Option<usize> {
    // Where none has, wide registers tell it of many at once; `position` alone asks one by one.
    let chunk = cells.chunks(64).position(|cells| cells.iter().fold(false, |any, changed| any | changed))?;
    cells[64 * chunk..].iter().position(|changed| *changed).map(|at| 64 * chunk + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Format;

    const WIDTH: usize = 480;
    const HEIGHT: usize = 270;

    /// A grey picture of that format with a bright area.
    fn take(change: &mut Change, format: Format, bright: Option<Rect>) {
        let mut planes = [const { Vec::new() }; 3];
        let mut strides = [0; 3];
        for c in format.components() {
            strides[c.plane] = c.row_bytes(WIDTH);
            planes[c.plane] = vec![90u8; strides[c.plane] * c.size(WIDTH, HEIGHT).1];
        }
        for c in format.components().iter().filter(|c| c.x_shift == 0) {
            let Some(Rect { x, y, w, h }) = bright else { continue };
            for (y, x) in
                (y as usize..(y + h) as usize).flat_map(|y| (x as usize..(x + w) as usize).map(move |x| (y, x)))
            {
                planes[c.plane][y * strides[c.plane] + c.offset + x * c.step] = 160;
            }
        }
        let planes = planes.each_ref().map(Vec::as_slice);
        change.take(&Picture::new(format, WIDTH, HEIGHT, &planes, &strides).unwrap());
    }

    fn looked(format: Format) -> Change {
        let mut change = Change::default();
        take(&mut change, format, None);
        change.begin();
        change.end();
        change
    }

    fn contains(area: &Rect, inner: Rect) -> bool {
        area.intersection(&inner) == inner.area()
    }

    #[test]
    fn a_spot_is_the_mean_of_its_pixels_at_every_pitch_and_step() {
        // No pattern that repeats within a row, and a row that ends within a spot.
        let row: Vec<u8> = (0..1500u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for (step, pitch) in (1..=4).flat_map(|step| (1..=17).map(move |pitch| (step, pitch))) {
            for length in [1500 - 3, pitch * step, pitch * step - 1, 1] {
                let pixels: Vec<u8> = row[..length].iter().step_by(step).copied().collect();
                let mean = |spot: &[u8]| (spot.iter().map(|v| usize::from(*v)).sum::<usize>() / spot.len()) as u8;
                let expected: Vec<u8> = pixels.chunks(pitch).map(mean).collect();
                let mut values = Vec::new();
                spots(&row[..length], pitch, step, &mut values);
                assert_eq!(values, expected, "step {step}, pitch {pitch}, {length} bytes");
            }
        }
    }

    #[test]
    fn what_has_come_since_the_look_is_told_in_every_format_and_nothing_else() {
        // The last one is at the border, where a spot and a cell are cut.
        for (format, come) in Format::ALL.into_iter().flat_map(|format| {
            [(100.0, 60.0, 40.0, 50.0), (0.0, 0.0, 20.0, 30.0), (460.0, 240.0, 20.0, 30.0)]
                .map(|(x, y, w, h)| (format, Rect::new(x, y, w, h)))
        }) {
            let mut change = looked(format);
            assert!(change.areas(std::iter::empty()).is_empty(), "{format:?}");
            take(&mut change, format, Some(come));
            let areas = change.areas(std::iter::empty()).to_vec();
            assert!(areas.len() == 1 && contains(&areas[0], come), "{format:?} {come:?}: {areas:?}");
            assert!(areas[0].w < come.w + 40.0 && areas[0].h < come.h + 40.0, "{areas:?}");
        }
    }

    #[test]
    fn a_known_face_explains_what_moves_about_it_and_below_it_and_no_more() {
        let mut change = looked(Format::Nv12);
        let face = Rect::new(200.0, 40.0, 40.0, 50.0);
        let told = |change: &mut Change, moves| {
            take(change, Format::Nv12, Some(moves));
            change.areas([face].into_iter()).len()
        };
        assert_eq!(told(&mut change, face), 0);
        assert_eq!(told(&mut change, Rect::new(170.0, 120.0, 100.0, 140.0)), 0, "the body");
        assert_eq!(told(&mut change, Rect::new(270.0, 40.0, 40.0, 50.0)), 1, "somebody beside");
    }

    #[test]
    fn a_look_makes_known_what_it_saw_when_it_is_done_and_not_before() {
        let mut change = looked(Format::Gray8);
        let come = Some(Rect::new(100.0, 60.0, 40.0, 50.0));
        take(&mut change, Format::Gray8, come);
        change.begin();
        take(&mut change, Format::Gray8, come);
        assert_eq!(change.areas(std::iter::empty()).len(), 1);
        change.end();
        assert!(change.areas(std::iter::empty()).is_empty());
    }

    #[test]
    fn after_a_look_whose_picture_was_not_kept_all_is_new() {
        let mut change = looked(Format::Gray8);
        change.begin_unkept();
        change.end();
        take(&mut change, Format::Gray8, None);
        assert_eq!(change.areas(std::iter::empty()), [Rect::new(0.0, 0.0, WIDTH as f32, HEIGHT as f32)]);
    }

    #[test]
    fn two_who_come_are_two_areas_and_a_crowd_or_another_size_is_the_whole_picture() {
        let whole = [Rect::new(0.0, 0.0, WIDTH as f32, HEIGHT as f32)];
        let mut change = looked(Format::Gray8);
        let mut bytes = vec![90u8; WIDTH * HEIGHT];
        let mut come = |count: usize| {
            for i in 0..count {
                let (x, y) = (i % 10 * 48, i / 10 * 48);
                (y..y + 16).for_each(|y| bytes[y * WIDTH + x..][..16].fill(200));
            }
            change.take(&Picture::new(Format::Gray8, WIDTH, HEIGHT, &[&bytes], &[WIDTH]).unwrap());
            change.areas(std::iter::empty()).to_vec()
        };
        assert_eq!(come(2).len(), 2);
        assert_eq!(come(MOST_AREAS).len(), MOST_AREAS);
        assert_eq!(come(MOST_AREAS + 1), whole);
        let mut change = Change::default();
        take(&mut change, Format::Gray8, None);
        assert_eq!(change.areas(std::iter::empty()), whole, "no look yet");
    }
}
