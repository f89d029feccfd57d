//! The covering kernels, held against a plain second writing of their rules.

use gstmaskcount::mosaic::{Cover, MAX_CELLS, cover, cover_whole};
use gstmaskcount::picture::{Component, Format, Model, PictureMut, Rect};
use proptest::prelude::*;

/// A picture in memory of its own, with bytes after each row and after the last one.
#[derive(Clone, Debug)]
struct Owned {
    format: Format,
    width: usize,
    height: usize,
    strides: [usize; 3],
    planes: [Vec<u8>; 3],
}

impl Owned {
    fn new(format: Format, (width, height): (usize, usize), slack: usize, seed: u64) -> Owned {
        let mut random = seed | 1;
        let mut byte = move || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 24) as u8
        };
        let (mut strides, mut lengths) = ([0; 3], [0; 3]);
        for c in format.components() {
            let (_, rows) = c.size(width, height);
            strides[c.plane] = strides[c.plane].max(c.row_bytes(width) + slack);
            lengths[c.plane] = strides[c.plane] * rows;
        }
        let planes = lengths.map(|length| (0..length).map(|_| byte()).collect());
        Owned { format, width, height, strides, planes }
    }

    fn cover(&mut self, rect: Option<Rect>, how: Cover) {
        let [a, b, c] = &mut self.planes;
        let planes = [&mut a[..], &mut b[..], &mut c[..]];
        let mut picture = PictureMut::new(self.format, self.width, self.height, planes, self.strides).unwrap();
        match rect {
            Some(rect) => cover(&mut picture, rect, how),
            None => cover_whole(&mut picture, how),
        }
    }

    fn index(&self, c: &Component, x: usize, y: usize) -> usize {
        y * self.strides[c.plane] + c.offset + x * c.step
    }

    fn sample(&self, c: &Component, x: usize, y: usize) -> u8 {
        self.planes[c.plane][self.index(c, x, y)]
    }
}

/// Log2 of the block's size: the least area with its own sample of every component.
fn block(format: Format) -> (u32, u32) {
    let components = format.components();
    (components.iter().map(|c| c.x_shift).max().unwrap(), components.iter().map(|c| c.y_shift).max().unwrap())
}

/// Edges of the cells in blocks, by the rule of the module's documentation.
fn edges(start: f32, size: f32, shift: u32, cells: u32, longer: i64) -> Vec<i64> {
    let (first, last) = outward(start, size, shift);
    let wanted = (((last - first) << shift) * i64::from(cells) + longer / 2) / longer;
    let cells = wanted.min((last - first) / 2).max(1);
    (0..=cells).map(|i| first + i * (last - first) / cells).collect()
}

fn outward(start: f32, size: f32, shift: u32) -> (i64, i64) {
    let (low, high) = (start.min(start + size).floor() as i64, start.max(start + size).ceil() as i64);
    (low.div_euclid(1 << shift), -(-high).div_euclid(1 << shift))
}

/// Ranges of samples of each cell within the picture.
fn ranges(edges: &[i64], shift: u32, limit: usize) -> Vec<std::ops::Range<usize>> {
    let at = |edge: i64| (edge << shift).clamp(0, limit as i64) as usize;
    edges.windows(2).map(|e| at(e[0])..at(e[1])).collect()
}

/// What the mosaic must be, sample by sample.
fn reference(source: &Owned, rect: Rect, cells: u32) -> Owned {
    let mut out = source.clone();
    let (bx, by) = block(source.format);
    let (left, right) = outward(rect.x, rect.w, bx);
    let (top, bottom) = outward(rect.y, rect.h, by);
    let longer = ((right - left) << bx).max((bottom - top) << by).max(1);
    if right == left || bottom == top {
        return out;
    }
    let columns = edges(rect.x, rect.w, bx, cells, longer);
    let rows = edges(rect.y, rect.h, by, cells, longer);
    let mut components = source.format.components().to_vec();
    components.extend(padding(source.format));
    for c in &components {
        let (width, height) = c.size(source.width, source.height);
        for ys in ranges(&rows, by - c.y_shift, height) {
            for xs in ranges(&columns, bx - c.x_shift, width) {
                let (count, mut total) = ((xs.len() * ys.len()) as u64, 0);
                for y in ys.clone() {
                    total += xs.clone().map(|x| u64::from(source.sample(c, x, y))).sum::<u64>();
                }
                for y in ys.clone() {
                    for x in xs.clone() {
                        let index = out.index(c, x, y);
                        out.planes[c.plane][index] = ((total + count / 2) / count) as u8;
                    }
                    if xs.end == width && !xs.is_empty() && c.step == 2 && width % 2 == 1 && packed(source.format) {
                        // The luma that no pixel has.
                        let index = out.index(c, xs.end, y);
                        out.planes[c.plane][index] = ((total + count / 2) / count) as u8;
                    }
                }
            }
        }
    }
    out
}

fn packed(format: Format) -> bool {
    matches!(format, Format::Yuy2 | Format::Uyvy)
}

/// The `x` of a format, as if it were a component.
fn padding(format: Format) -> Option<Component> {
    let offset = match format {
        Format::Rgbx | Format::Bgrx => 3,
        Format::Xrgb | Format::Xbgr => 0,
        _ => return None,
    };
    Some(Component { plane: 0, offset, step: 4, x_shift: 0, y_shift: 0 })
}

fn pictures() -> impl Strategy<Value = Owned> {
    let format = (0..Format::ALL.len()).prop_map(|i| Format::ALL[i]);
    (format, 1..90usize, 1..70usize, 0..20usize, any::<u64>())
        .prop_map(|(format, width, height, slack, seed)| Owned::new(format, (width, height), slack, seed))
}

fn boxes() -> impl Strategy<Value = Rect> {
    let near = (-60f32..120.0, -60f32..120.0, -30f32..150.0, -30f32..150.0);
    let whole = (-20i32..80, -20i32..80, 0i32..60, 0i32..60).prop_map(|(x, y, w, h)| {
        let [x, y, w, h] = [x, y, w, h].map(|v| v as f32);
        Rect::new(x, y, w, h)
    });
    prop_oneof![near.prop_map(|(x, y, w, h)| Rect::new(x, y, w, h)), whole]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mosaic_is_the_rounded_mean_of_each_cell_and_nothing_else_changes(
        picture in pictures(), rect in boxes(), cells in 1..=MAX_CELLS,
    ) {
        let expected = reference(&picture, rect, cells);
        let mut covered = picture;
        covered.cover(Some(rect), Cover::Mosaic { cells });
        prop_assert_eq!(covered.planes, expected.planes);
    }

    #[test]
    fn solid_is_black_within_the_box_and_changes_nothing_else(picture in pictures(), rect in boxes()) {
        let mut covered = picture.clone();
        covered.cover(Some(rect), Cover::Solid { luma: 16 });
        let (bx, by) = block(picture.format);
        let ((left, right), (top, bottom)) = (outward(rect.x, rect.w, bx), outward(rect.y, rect.h, by));
        let mut expected = picture.clone();
        let mut components = picture.format.components().to_vec();
        components.extend(padding(picture.format));
        for (number, c) in components.iter().enumerate() {
            let black = match (picture.format.model(), number) {
                (Model::Rgb, 3) => 255,
                (Model::Rgb, _) => 0,
                (_, 0) => 16,
                _ => 128,
            };
            let (width, height) = c.size(picture.width, picture.height);
            for ys in ranges(&[top, bottom], by - c.y_shift, height) {
                for xs in ranges(&[left, right], bx - c.x_shift, width) {
                    let spare = xs.end == width && !xs.is_empty() && c.step == 2 && width % 2 == 1;
                    for y in ys.clone() {
                        for x in xs.start..xs.end + usize::from(spare && packed(picture.format)) {
                            let index = expected.index(c, x, y);
                            expected.planes[c.plane][index] = black;
                        }
                    }
                }
            }
        }
        prop_assert_eq!(covered.planes, expected.planes);
    }

    #[test]
    fn no_box_whatsoever_panics(picture in pictures(), x in any::<f32>(), y in any::<f32>(), w in any::<f32>(),
        h in any::<f32>(), cells in any::<u32>(),
    ) {
        let mut covered = picture;
        covered.cover(Some(Rect::new(x, y, w, h)), Cover::Mosaic { cells });
        covered.cover(Some(Rect::new(x, y, w, h)), Cover::Solid { luma: 0 });
    }
}

#[test]
fn a_box_that_is_not_a_number_covers_the_whole_picture() {
    let hostile = [
        Rect::new(f32::NAN, 0.0, 4.0, 4.0),
        Rect::new(0.0, 0.0, f32::NAN, 4.0),
        Rect::new(f32::NEG_INFINITY, 0.0, f32::INFINITY, 4.0),
    ];
    for rect in hostile {
        let mut covered = Owned::new(Format::Nv12, (64, 48), 3, 7);
        let mut whole = covered.clone();
        covered.cover(Some(rect), Cover::Mosaic { cells: 5 });
        whole.cover(None, Cover::Mosaic { cells: 5 });
        assert_eq!(covered.planes, whole.planes, "{rect:?}");
    }
}

#[test]
fn a_near_face_gets_as_many_cells_as_a_far_one() {
    for size in [40, 200] {
        let mut picture = Owned::new(Format::Gray8, (256, 256), 0, 9);
        // Brighter to the right, so that no two cells are alike.
        picture.planes[0].iter_mut().enumerate().for_each(|(i, pixel)| *pixel = (i % 256) as u8);
        picture.cover(Some(Rect::new(20.0, 20.0, size as f32, size as f32)), Cover::Mosaic { cells: 5 });
        let row = &picture.planes[0][30 * 256 + 20..][..size];
        let steps = row.windows(2).filter(|w| w[0] != w[1]).count();
        assert_eq!(steps, 4, "edges in a box of {size}");
    }
}

#[test]
fn a_face_half_outside_keeps_the_cells_of_the_whole_face() {
    let mut picture = Owned::new(Format::Gray8, (200, 200), 0, 11);
    picture.cover(Some(Rect::new(-50.0, 50.0, 100.0, 100.0)), Cover::Mosaic { cells: 5 });
    let row = &picture.planes[0][60 * 200..][..50];
    assert!(row[..10].iter().all(|&v| v == row[0]), "the cell that the border cuts");
    assert!(row[10..30].iter().all(|&v| v == row[10]));
    assert!(row[30..50].iter().all(|&v| v == row[30]));
}

#[test]
fn a_tiny_face_gets_fewer_cells_so_that_every_cell_is_a_mean() {
    let mut picture = Owned::new(Format::Rgb, (20, 20), 0, 13);
    picture.cover(Some(Rect::new(5.0, 5.0, 6.0, 6.0)), Cover::Mosaic { cells: 16 });
    let pixel = |x: usize, y: usize| &picture.planes[0][y * 60 + x * 3..][..3];
    for (x, y) in [(5, 5), (7, 5), (9, 9)] {
        assert_eq!(pixel(x, y), pixel(x + 1, y));
        assert_eq!(pixel(x, y), pixel(x + 1, y + 1));
    }
}
