//! The pass for [`Layout::Patches`](super::super::manifest::Layout): luma at the size of the output, chroma at half of it, as
//! cameras have it. Where a picture's colours are of [`OWN`], its bytes need no conversion.

use super::rows::{self, BLOCK, Mix};
use super::{Color, Colorimetry, Component, Geometry, Matrix, colors, slices};
use crate::detect::manifest::InputSpec;
use crate::picture::{Model, Picture};

/// Bytes of a patch: luma of nine pixels, one of each chroma, and one that says nothing.
pub const PATCH: usize = 12;

/// What the bytes of patches stand for.
const OWN: Colorimetry = Colorimetry { matrix: Matrix::Bt709, full_range: false };

/// Chroma of grey.
const NO_CHROMA: u8 = 128;

/// How much more of a row is there than patches begin in: they are read in whole registers.
pub(super) const SLACK: usize = 16;

/// What a place without a picture holds in a tensor of patches: the grey next to the mean, where planes hold 0.
pub fn padding(input: &InputSpec) -> [u8; PATCH] {
    let mut patch = [padding_luma(input); PATCH];
    patch[9..].copy_from_slice(&[NO_CHROMA, NO_CHROMA, 0]);
    patch
}

fn padding_luma(input: &InputSpec) -> u8 {
    let grey: f32 = input.mean.iter().sum::<f32>() / 3.0;
    (16.0 + grey * 219.0 / 255.0).round() as u8
}

/// The pass, with its tables.
#[derive(Debug)]
pub struct Patches {
    input: (usize, usize),
    scaled: (usize, usize),
    /// What luma is made of, at the size of the output …
    pub(super) fine: Vec<Component>,
    /// … and chroma, at half of it: the last components of the picture.
    pub(super) coarse: Vec<Component>,
    /// How luma and chroma are made of them; `None`: they are as they should be.
    mixes: Option<[Mix; 3]>,
    /// One row of each component, zeros for what is not asked for; those of chroma that luma is made of, too, are each
    /// twice in the fine ones.
    fine_rows: [Vec<i16>; 3],
    coarse_rows: [Vec<i16>; 3],
    /// Luma of three rows, with one pixel of padding before each and more after it.
    luma: [Vec<u8>; 3],
    chroma: [Vec<u8>; 2],
    padding: u8,
}

impl Patches {
    pub fn new(geometry: &Geometry, input: &InputSpec, scaled: (usize, usize)) -> Patches {
        let model = geometry.format.model();
        let (fine, coarse) = match model {
            Model::Yuv => (0..1, 1..3),
            Model::Gray => (0..1, 1..1),
            Model::Rgb => (0..3, 0..3),
        };
        let size = (input.width as usize, input.height as usize);
        let padding = padding_luma(input);
        let row = |length: usize| std::array::from_fn(|_| vec![0; length.next_multiple_of(BLOCK)]);
        Patches {
            input: size,
            scaled,
            fine: fine.map(|index| Component::new(geometry, index, scaled)).collect(),
            coarse: coarse.map(|index| Component::halved(geometry, index, scaled)).collect(),
            mixes: mixes(model, geometry.colorimetry),
            fine_rows: row(scaled.0),
            coarse_rows: row(scaled.0.div_ceil(2)),
            luma: std::array::from_fn(|_| vec![padding; size.0 + SLACK]),
            chroma: std::array::from_fn(|_| vec![NO_CHROMA; size.0 / 2 + SLACK]),
            padding,
        }
    }

    pub fn sample(&mut self, picture: &Picture, patches: &mut [[u8; PATCH]]) {
        let (width, height) = self.input;
        assert_eq!(patches.len(), (width / 2) * (height / 2));
        self.luma[2].fill(self.padding);
        // The last row of patches that the picture reaches into has one of its rows above the middle.
        let reached = patches.chunks_exact_mut(width / 2).take(self.scaled.1 / 2 + 1);
        for (row, patches) in reached.enumerate() {
            self.luma.swap(0, 2);
            self.chroma_row(row, picture);
            self.luma_row(1, 2 * row, picture);
            self.luma_row(2, 2 * row + 1, picture);
            rows::pack(slices(&self.luma), [&self.chroma[0], &self.chroma[1]], patches);
        }
    }

    /// Chroma of a row of patches.
    fn chroma_row(&mut self, row: usize, picture: &Picture) {
        if 2 * row >= self.scaled.1 {
            self.chroma.iter_mut().for_each(|chroma| chroma.fill(NO_CHROMA));
            return;
        }
        let first = 3 - self.coarse.len();
        for (component, out) in self.coarse.iter().zip(&mut self.coarse_rows[first..]) {
            if component.sparse {
                component.pick_halves(row, picture, out);
            } else {
                component.pick(row, picture, out);
            }
        }
        let part = self.scaled.0.div_ceil(2);
        let rows = slices(&self.coarse_rows);
        for (index, chroma) in self.chroma.iter_mut().enumerate() {
            let chroma = &mut chroma[..part];
            match &self.mixes {
                _ if self.coarse.is_empty() => {}
                None => rows::narrow(rows[index + 1], chroma),
                Some(mixes) => rows::mix(&mixes[index + 1], rows, chroma),
            }
        }
        // Luma of another matrix holds something of chroma.
        if self.fine.len() == 1 && self.mixes.is_some_and(|[luma, ..]| luma.mixes()) {
            for index in [1, 2] {
                for (two, one) in self.fine_rows[index].as_chunks_mut().0.iter_mut().zip(&self.coarse_rows[index]) {
                    *two = [*one; 2];
                }
            }
        }
    }

    /// Luma of the row `y` of the output, which is the row `at` of the patches.
    fn luma_row(&mut self, at: usize, y: usize, picture: &Picture) {
        let luma = &mut self.luma[at];
        if y >= self.scaled.1 {
            luma.fill(self.padding);
            return;
        }
        let Some([mix, ..]) = &self.mixes else {
            // Whole blocks; what is more than the picture is overwritten.
            let luma = &mut luma[1..][..self.fine_rows[0].len()];
            self.fine[0].pick_bytes(y, picture, &mut self.fine_rows[0], luma);
            luma[self.scaled.0..].fill(self.padding);
            return;
        };
        for (component, out) in self.fine.iter().zip(&mut self.fine_rows) {
            component.pick(y, picture, out);
        }
        rows::mix(mix, slices(&self.fine_rows), &mut luma[1..][..self.scaled.0]);
    }
}

/// Luma and both chroma of [`OWN`] from the components of a picture; `None` where they are its components.
fn mixes(model: Model, colorimetry: Colorimetry) -> Option<[Mix; 3]> {
    if colorimetry.full_range == OWN.full_range && (model == Model::Gray || model == Model::Yuv && colorimetry == OWN) {
        return None;
    }
    let [red, green, blue] = colors(model, colorimetry);
    let [kr, kg, kb] = OWN.matrix.shares();
    let sum = |shares: [f32; 3], span: f32, zero: f32| {
        let sum = |of: [f32; 3]| (shares[0] * of[0] + shares[1] * of[1] + shares[2] * of[2]) * span / 255.0;
        let factors = std::array::from_fn(|i| sum([red.factors[i], green.factors[i], blue.factors[i]]));
        Mix::new(&Color { factors, offset: sum([red.offset, green.offset, blue.offset]) + zero })
    };
    let of_blue = 0.5 / (1.0 - kb);
    let of_red = 0.5 / (1.0 - kr);
    Some([
        sum([kr, kg, kb], 219.0, 16.0),
        sum([-kr * of_blue, -kg * of_blue, 0.5], 224.0, NO_CHROMA.into()),
        sum([0.5, -kg * of_red, -kb * of_red], 224.0, NO_CHROMA.into()),
    ])
}
