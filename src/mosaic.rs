//! The covering kernels: a part of a picture, or all of it, becomes a mosaic of few cells or one black area.
//!
//! A box is rounded outward to whole *blocks*, the least area that has its own sample of every component (2×2 pixels
//! in 4:2:0, 2×1 in 4:2:2, one pixel else), so that no chroma edge of a face is left over. Cells are whole blocks, the
//! grid is that of the whole box, also where the box leaves the frame, and the number of cells does not depend on the
//! size of the box: a near face is no clearer than a far one. The bytes between samples, the `x` of RGBx and the luma
//! that an odd width leaves over in YUY2, are covered too; the bytes of a row beyond the picture are never touched.

use crate::picture::{Format, Model, PictureMut, Rect};

/// Most cells across the longer side of a box. A face of 16 cells is known again by those who know it (Harmon 1973), so
/// this is the end of what can be called covered, not a recommendation.
pub const MAX_CELLS: u32 = 16;

/// A cell holds at least this many blocks each way, so that no sample stays what it was because its cell is small.
const MIN_BLOCKS: i64 = 2;

/// What the covered part shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// Cells that show the mean of their samples, this many across the longer side; 1 to [`MAX_CELLS`].
    Mosaic { cells: u32 },
    /// Black; in YUV and grey formats with this luma (16 in limited range, 0 in full). Alpha is opaque.
    Solid { luma: u8 },
}

/// Covers the part of `rect` within the picture. A box that is not a number covers the whole picture: nobody knows
/// where its face is. A box of negative size is taken as the same box seen from its other corner.
pub fn cover(picture: &mut PictureMut, rect: Rect, cover: Cover) {
    let frame = Rect::new(0.0, 0.0, picture.width() as f32, picture.height() as f32);
    let rect = if [rect.x, rect.y, rect.x + rect.w, rect.y + rect.h].iter().any(|v| v.is_nan()) { frame } else { rect };
    let (bx, by) = block(picture.format());
    let horizontal = Span::new(rect.x, rect.w, bx, picture.width());
    let vertical = Span::new(rect.y, rect.h, by, picture.height());
    if horizontal.is_empty() || vertical.is_empty() {
        return;
    }
    match cover {
        Cover::Mosaic { cells } => mosaic(picture, horizontal, vertical, cells.clamp(1, MAX_CELLS)),
        Cover::Solid { luma } => solid(picture, horizontal, vertical, luma),
    }
}

/// Covers the whole picture. The cells are as many as of one face, since a near face may fill the frame.
pub fn cover_whole(picture: &mut PictureMut, cover: Cover) {
    let frame = Rect::new(0.0, 0.0, picture.width() as f32, picture.height() as f32);
    self::cover(picture, frame, cover);
}

/// Log2 of the width and height of a block in pixels.
fn block(format: Format) -> (u32, u32) {
    let components = format.components().iter();
    components.fold((0, 0), |(x, y), c| (x.max(c.x_shift), y.max(c.y_shift)))
}

/// One side of a box, in blocks.
#[derive(Clone, Copy, Debug)]
struct Span {
    /// Of the whole box.
    start: i64,
    end: i64,
    /// Of the part within the picture.
    first: i64,
    last: i64,
    /// Log2 of the size of a block in pixels.
    shift: u32,
    cells: i64,
}

impl Span {
    fn new(start: f32, size: f32, shift: u32, limit: usize) -> Span {
        /// Beyond it a box is cut, so that the products of the grid stay far within i64.
        const FAR: f64 = (1u32 << 30) as f64;
        let (a, b) = (f64::from(start), f64::from(start) + f64::from(size));
        let low = a.min(b).floor().clamp(-FAR, FAR) as i64;
        let high = a.max(b).ceil().clamp(-FAR, FAR) as i64;
        let start = low >> shift;
        let end = (high + (1 << shift) - 1) >> shift;
        let blocks = (limit as i64 + (1 << shift) - 1) >> shift;
        Span { start, end, first: start.clamp(0, blocks), last: end.clamp(0, blocks), shift, cells: 1 }
    }

    fn is_empty(&self) -> bool {
        self.first >= self.last
    }

    fn pixels(&self) -> i64 {
        (self.end - self.start) << self.shift
    }

    /// With square cells of which `cells` fit across `longer` pixels.
    fn divided(mut self, cells: u32, longer: i64) -> Span {
        let wanted = (self.pixels() * i64::from(cells) + longer / 2) / longer;
        self.cells = wanted.min((self.end - self.start) / MIN_BLOCKS).max(1);
        self
    }

    /// First and last block (exclusive) of the part of a cell within the picture.
    fn cell(&self, index: i64) -> (i64, i64) {
        let edge = |i: i64| (self.start + i * (self.end - self.start) / self.cells).clamp(self.first, self.last);
        (edge(index), edge(index + 1))
    }
}

/// How the bytes of a plane follow one another: pixels come in groups, and every byte of a group is a component's.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// Bytes of a group: 1 to 4.
    bytes: usize,
    /// Log2 of the pixels a group stands for, each way.
    x_shift: u32,
    y_shift: u32,
    /// Component of each byte; bytes without one (`x`) have a number of their own.
    component: [usize; 4],
}

/// Number that [`Layout::component`] has for a byte of no component.
const PADDING: usize = 4;

impl Layout {
    fn new(format: Format, plane: usize) -> Layout {
        let mut layout = Layout { bytes: 1, x_shift: 0, y_shift: 0, component: [PADDING; 4] };
        let components = || format.components().iter().enumerate().filter(move |(_, c)| c.plane == plane);
        for (_, c) in components() {
            layout.bytes = layout.bytes.max(c.step);
            layout.x_shift = layout.x_shift.max(c.x_shift);
            layout.y_shift = layout.y_shift.max(c.y_shift);
        }
        for (index, c) in components() {
            for byte in (c.offset..layout.bytes).step_by(c.step) {
                layout.component[byte] = index;
            }
        }
        layout
    }

    /// The byte of the last group that no pixel has, in a row of odd width with two lumas in a group.
    fn spare(&self, width: usize) -> Option<usize> {
        let pairs = self.component[..self.bytes].iter().filter(|&&c| c == 0).count() == 2;
        (pairs && width % 2 == 1).then(|| (0..self.bytes).rfind(|&b| self.component[b] == 0)).flatten()
    }
}

fn mosaic(picture: &mut PictureMut, horizontal: Span, vertical: Span, cells: u32) {
    let longer = horizontal.pixels().max(vertical.pixels());
    let (horizontal, vertical) = (horizontal.divided(cells, longer), vertical.divided(cells, longer));
    let (format, width, height) = (picture.format(), picture.width(), picture.height());
    for plane in 0..format.planes() {
        let layout = Layout::new(format, plane);
        let (bytes, stride) = picture.plane_mut(plane);
        mosaic_plane(bytes, stride, layout, (width, height), horizontal, vertical);
    }
}

/// Picks the code for the machine: the same, compiled for wider registers where it has them.
fn mosaic_plane(
    bytes: &mut [u8],
    stride: usize,
    layout: Layout,
    size: (usize, usize),
    horizontal: Span,
    vertical: Span,
) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn wide(b: &mut [u8], stride: usize, layout: Layout, size: (usize, usize), horizontal: Span, vertical: Span) {
            mosaic_by_group(b, stride, layout, size, horizontal, vertical);
        }
        // SAFETY: the machine was just asked for the one feature that the function needs.
        return unsafe { wide(bytes, stride, layout, size, horizontal, vertical) };
    }
    mosaic_by_group(bytes, stride, layout, size, horizontal, vertical);
}

#[inline(always)]
fn mosaic_by_group(
    bytes: &mut [u8],
    stride: usize,
    layout: Layout,
    size: (usize, usize),
    horizontal: Span,
    vertical: Span,
) {
    match layout.bytes {
        1 => mosaic_groups::<1>(bytes, stride, layout, size, horizontal, vertical),
        2 => mosaic_groups::<2>(bytes, stride, layout, size, horizontal, vertical),
        3 => mosaic_groups::<3>(bytes, stride, layout, size, horizontal, vertical),
        _ => mosaic_groups::<4>(bytes, stride, layout, size, horizontal, vertical),
    }
}

/// `GROUP` is the plane's `layout.bytes`, as a constant for the inner loops.
#[inline(always)]
fn mosaic_groups<const GROUP: usize>(
    bytes: &mut [u8],
    stride: usize,
    layout: Layout,
    (width, height): (usize, usize),
    horizontal: Span,
    vertical: Span,
) {
    let groups = width.div_ceil(1 << layout.x_shift);
    let rows = height.div_ceil(1 << layout.y_shift);
    // The byte of a row that no pixel has.
    let spare = layout.spare(width).map(|byte| (groups - 1) * GROUP + byte);
    // First and last byte (exclusive) of each cell in a row, and whether it has the row's last group.
    let mut columns = [(0, 0, false); MAX_CELLS as usize];
    let columns = &mut columns[..horizontal.cells as usize];
    for (index, column) in columns.iter_mut().enumerate() {
        let (first, last) = samples(horizontal, layout.x_shift, groups, index as i64);
        *column = (first * GROUP, last * GROUP, last == groups);
    }
    let (left, right) = (columns[0].0, columns[columns.len() - 1].1);
    let mut sums = [0u16; STRIP];
    for index in 0..vertical.cells {
        let (top, bottom) = samples(vertical, layout.y_shift, rows, index);
        if top >= bottom {
            continue;
        }
        // Of each cell, each place of a group for itself.
        let mut totals = [[0u64; GROUP]; MAX_CELLS as usize];
        let totals = &mut totals[..columns.len()];
        for (from, end) in pieces((top, bottom), MOST_ROWS) {
            for (first, last) in pieces((left, right), STRIP) {
                let sums = &mut sums[..last - first];
                sums.fill(0);
                for row in from..end {
                    let row = &bytes[row * stride..][first..last];
                    sums.iter_mut().zip(row).for_each(|(sum, byte)| *sum += u16::from(*byte));
                }
                if let Some(spare) = spare.filter(|spare| (first..last).contains(spare)) {
                    sums[spare - first] = 0;
                }
                for (totals, &(start, stop, _)) in totals.iter_mut().zip(columns.iter()) {
                    let (start, stop) = (start.max(first), stop.min(last));
                    if start < stop {
                        for group in sums[start - first..stop - first].chunks_exact(GROUP) {
                            totals.iter_mut().zip(group).for_each(|(total, sum)| *total += u64::from(*sum));
                        }
                    }
                }
            }
        }
        let above = &mut bytes[top * stride..][..groups * GROUP];
        for (totals, &(first, last, ends)) in totals.iter().zip(columns.iter()) {
            if first == last {
                continue;
            }
            let mut of_component = [(0u64, 0u64); PADDING + 1];
            for (byte, &sum) in totals.iter().enumerate() {
                let (total, count) = &mut of_component[layout.component[byte]];
                *total += sum;
                *count += ((last - first) / GROUP * (bottom - top)) as u64;
            }
            if spare.is_some() && ends {
                of_component[0].1 -= (bottom - top) as u64;
            }
            let mut group = [0u8; GROUP];
            for (byte, value) in group.iter_mut().enumerate() {
                let (total, count) = of_component[layout.component[byte]];
                *value = ((total + count / 2) / count.max(1)) as u8;
            }
            fill(&mut above[first..last], group);
        }
        repeat_row(bytes, stride, (top, bottom), (left, right));
    }
}

fn solid(picture: &mut PictureMut, horizontal: Span, vertical: Span, luma: u8) {
    let (format, width, height) = (picture.format(), picture.width(), picture.height());
    for plane in 0..format.planes() {
        let layout = Layout::new(format, plane);
        let black: [u8; 4] = std::array::from_fn(|byte| match (format.model(), layout.component[byte]) {
            (_, PADDING) => 255,
            (Model::Rgb, 3) => 255,
            (Model::Rgb, _) => 0,
            (_, 0) => luma,
            _ => 128,
        });
        let groups = width.div_ceil(1 << layout.x_shift);
        let rows = height.div_ceil(1 << layout.y_shift);
        let (left, right) = samples(horizontal, layout.x_shift, groups, 0);
        let (top, bottom) = samples(vertical, layout.y_shift, rows, 0);
        let (left, right) = (left * layout.bytes, right * layout.bytes);
        let (bytes, stride) = picture.plane_mut(plane);
        for group in bytes[top * stride..][left..right].chunks_exact_mut(layout.bytes) {
            group.copy_from_slice(&black[..layout.bytes]);
        }
        repeat_row(bytes, stride, (top, bottom), (left, right));
    }
}

/// First and last sample (exclusive) of a cell along one side, in a plane with `limit` samples of `shift`.
fn samples(span: Span, shift: u32, limit: usize, cell: i64) -> (usize, usize) {
    let (first, last) = span.cell(cell);
    let scale = span.shift - shift;
    (((first << scale) as usize).min(limit), ((last << scale) as usize).min(limit))
}

/// As many rows of bytes of 255 as a 16-bit sum holds.
const MOST_ROWS: usize = 257;

/// As many bytes of a row are summed up at a time: a multiple of every group's size, and wide, since memory is read fastest row by row.
const STRIP: usize = 3072;

/// Pieces of `from..end`, each of `length` but the last one.
fn pieces((from, end): (usize, usize), length: usize) -> impl Iterator<Item = (usize, usize)> {
    (from..end).step_by(length).map(move |start| (start, (start + length).min(end)))
}

#[inline]
fn fill<const GROUP: usize>(bytes: &mut [u8], value: [u8; GROUP]) {
    for group in bytes.chunks_exact_mut(GROUP) {
        group.copy_from_slice(&value);
    }
}

/// Copies a part of the row `top` to the rows after it.
fn repeat_row(bytes: &mut [u8], stride: usize, (top, bottom): (usize, usize), (left, right): (usize, usize)) {
    let (above, below) = bytes[top * stride..].split_at_mut(if bottom - top > 1 { stride } else { right });
    let pattern = &above[left..right];
    for row in 0..bottom - top - 1 {
        below[row * stride..][left..right].copy_from_slice(pattern);
    }
}
