//! The one pass from the camera's picture to the network's input: scale, colour conversion, normalisation and
//! letterbox, straight from the planes of the native format into the tensor that the network takes ([`Layout`]).
//!
//! Each value rests on two taps per axis. Below a scale of 1:2 they are the neighbours of the linear
//! interpolation; above it they lie a quarter of the step to either side of the centre, so that they stand for the
//! whole step. Where the format has one chroma row for two of luma, two rows of the planes share one as well. The
//! samples are weighted in whole numbers, with [`WEIGHT`] for one.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod patches;
pub(super) mod rows;

use super::manifest::{ColorOrder, InputSpec, Layout};
use crate::picture::{Format, Model, Picture, Rect};
use patches::Patches;
pub use patches::{PATCH, padding};
use rows::{BLOCK, Columns};

/// One, in the fixed point of the tap weights: it fits the signed bytes that AVX2 multiplies by.
const WEIGHT: u8 = 64;

/// How many rows of the tensor ahead the picture's rows are asked for.
const AHEAD: usize = 4;

/// Coefficients of red and blue in luma.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Matrix {
    /// ITU-R BT.601: Kr 0.299, Kb 0.114.
    #[default]
    Bt601,
    /// ITU-R BT.709: Kr 0.2126, Kb 0.0722.
    Bt709,
    /// ITU-R BT.2020: Kr 0.2627, Kb 0.0593.
    Bt2020,
}

/// How numbers in the picture stand for colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Colorimetry {
    pub matrix: Matrix,
    /// 0 to 255 instead of 16 to 235 (chroma 16 to 240).
    pub full_range: bool,
}

/// Everything about the pictures that the tables of a [`Sampler`] rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    pub format: Format,
    pub width: usize,
    pub height: usize,
    /// The part to look at: x, y, width, height in pixels, within the picture.
    pub crop: (usize, usize, usize, usize),
    pub colorimetry: Colorimetry,
}

/// Two neighbouring samples (indices into the raster) and the weight of the second, less than [`WEIGHT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tap {
    pub first: u32,
    pub second: u32,
    pub weight: u8,
}

/// A tensor to be filled, in the layout of the network's input.
#[derive(Debug)]
pub enum Target<'a> {
    /// `3 · height · width` values.
    Planes(&'a mut [f32]),
    /// `height / 2 · width / 2` patches.
    Patches(&'a mut [[u8; PATCH]]),
}

/// The pass, with its tables made for one geometry and one input.
#[derive(Debug)]
pub struct Sampler {
    geometry: Geometry,
    /// Size of the picture within the input; the rest is padding, which stands for the manifest's mean.
    scaled: (usize, usize),
    way: Way,
}

#[derive(Debug)]
enum Way {
    Planes(Planes),
    Patches(Patches),
}

/// The pass for [`Layout::Planes`].
#[derive(Debug)]
struct Planes {
    input: (usize, usize),
    scaled: (usize, usize),
    components: Vec<Component>,
    /// Rows of the colour matrix in the order of the tensor's planes.
    conversion: [Row; 3],
    /// One row of each component at the size of the output; zeros for what a grey picture does not have.
    picked: [Vec<i16>; 3],
}

/// What is read of one component.
#[derive(Debug)]
struct Component {
    plane: usize,
    /// How many rows of the output ahead the picture's rows are asked for; `None` where another component is read of the
    /// same plane, which does it.
    ahead: Option<usize>,
    row_bytes: usize,
    rows: Vec<Tap>,
    columns: Columns,
    /// Two columns of one row are read for each value.
    sparse: bool,
}

/// `clamp(factors · (c0, c1, c2) + offset, low, high)` is one value of a plane; components are picked rows', in
/// which [`rows::ONE`] is 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub factors: [f32; 3],
    pub offset: f32,
    pub low: f32,
    pub high: f32,
}

impl Sampler {
    pub fn new(geometry: Geometry, input: &InputSpec) -> Sampler {
        let (_, _, crop_w, crop_h) = geometry.crop;
        let scaled = letterbox((crop_w, crop_h), (input.width as usize, input.height as usize));
        let way = match input.layout {
            Layout::Planes => Way::Planes(Planes::new(&geometry, input, scaled)),
            Layout::Patches => Way::Patches(Patches::new(&geometry, input, scaled)),
        };
        Sampler { geometry, scaled, way }
    }

    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Fills the part of the tensor that the picture covers; the padding is left as it is: zeros in planes,
    /// [`padding`] in patches.
    ///
    /// # Panics
    /// If the picture is not of the sampler's geometry or the tensor not of its input.
    pub fn sample(&mut self, picture: &Picture, target: Target) {
        let g = &self.geometry;
        assert_eq!((picture.format(), picture.width(), picture.height()), (g.format, g.width, g.height));
        match (&mut self.way, target) {
            (Way::Planes(pass), Target::Planes(tensor)) => pass.sample(picture, tensor),
            (Way::Patches(pass), Target::Patches(patches)) => pass.sample(picture, patches),
            _ => panic!("a tensor of another layout"),
        }
    }

    /// A box in pixels of the input as a box in pixels of the picture.
    pub fn to_picture(&self, rect: Rect) -> Rect {
        let (x, y) = self.point_to_picture((rect.x, rect.y));
        let (fx, fy) = self.factors();
        Rect::new(x, y, rect.w * fx, rect.h * fy)
    }

    /// A point in pixels of the input as a point in pixels of the picture.
    pub fn point_to_picture(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let (fx, fy) = self.factors();
        (x * fx + self.geometry.crop.0 as f32, y * fy + self.geometry.crop.1 as f32)
    }

    fn factors(&self) -> (f32, f32) {
        let (_, _, w, h) = self.geometry.crop;
        (w as f32 / self.scaled.0 as f32, h as f32 / self.scaled.1 as f32)
    }
}

impl Planes {
    fn new(geometry: &Geometry, input: &InputSpec, scaled: (usize, usize)) -> Planes {
        let model = geometry.format.model();
        Planes {
            input: (input.width as usize, input.height as usize),
            scaled,
            components: (0..model.channels()).map(|index| Component::new(geometry, index, scaled)).collect(),
            conversion: conversion(model, geometry.colorimetry, input),
            picked: std::array::from_fn(|_| vec![0; scaled.0.next_multiple_of(BLOCK)]),
        }
    }

    fn sample(&mut self, picture: &Picture, tensor: &mut [f32]) {
        let (width, height) = self.input;
        let area = width * height;
        assert_eq!(tensor.len(), 3 * area);
        let (red, rest) = tensor.split_at_mut(area);
        let (green, blue) = rest.split_at_mut(area);
        for y in 0..self.scaled.1 {
            for (component, out) in self.components.iter().zip(&mut self.picked) {
                component.pick(y, picture, out);
            }
            let part = y * width..y * width + self.scaled.0;
            let targets = [&mut red[part.clone()], &mut green[part.clone()], &mut blue[part]];
            rows::convert(&self.conversion, slices(&self.picked), targets);
        }
    }
}

/// Rows. (`map` would write an array in halves and read it back whole, which waits in each row.)
fn slices<T>([a, b, c]: &[Vec<T>; 3]) -> [&[T]; 3] {
    [a, b, c]
}

impl Component {
    /// The component `index` of the format, one value for each pixel of the output.
    fn new(geometry: &Geometry, index: usize, scaled: (usize, usize)) -> Component {
        Component::of_each(1, geometry, index, scaled)
    }

    /// … one for each two by two pixels. Where more than two rows of the picture are of one value, only the middle one is
    /// read, and of it as much as would be for two values: memory is read by the line, and waited for.
    fn halved(geometry: &Geometry, index: usize, scaled: (usize, usize)) -> Component {
        Component::of_each(2, geometry, index, scaled)
    }

    fn of_each(block: usize, geometry: &Geometry, index: usize, scaled: (usize, usize)) -> Component {
        let (crop_x, crop_y, crop_w, crop_h) = geometry.crop;
        let components = geometry.format.components();
        let c = &components[index];
        let (raster_w, raster_h) = c.size(geometry.width, geometry.height);
        let mut rows = taps((crop_y, crop_h), (scaled.1, block.max(1 << c.y_shift)), c.y_shift, raster_h);
        let sparse = block > 1 && step(crop_h, (scaled.1, block), c.y_shift) > 2.0;
        if sparse {
            for tap in &mut rows {
                let middle = tap.first.midpoint(tap.second);
                *tap = Tap { first: middle, second: middle, weight: 0 };
            }
        }
        let shared = if sparse { 1 } else { block };
        let mut columns: Vec<_> = taps((crop_x, crop_w), (scaled.0, shared), c.x_shift, raster_w);
        for tap in &mut columns {
            tap.first = tap.first * c.step as u32 + c.offset as u32;
            tap.second = tap.second * c.step as u32 + c.offset as u32;
        }
        // Two for each value, also for the last one of an odd number.
        columns.extend(columns.last().copied().filter(|_| sparse && !scaled.0.is_multiple_of(2)));
        let columns = columns.into_iter().step_by(shared).collect();
        let row_bytes = c.row_bytes(geometry.width);
        let leads = components[..index].iter().all(|other| other.plane != c.plane);
        Component {
            plane: c.plane,
            ahead: leads.then_some(AHEAD / block),
            row_bytes,
            rows: rows.into_iter().step_by(block).collect(),
            columns: Columns::new(columns, row_bytes),
            sparse,
        }
    }

    /// The row `y` of the output, unless `out` holds it since the row before.
    fn pick(&self, y: usize, picture: &Picture, out: &mut [i16]) {
        self.ask(y, picture);
        let tap = self.rows[y];
        if y == 0 || tap != self.rows[y - 1] {
            self.columns.pick(self.both(tap, picture), tap.weight, out);
        }
    }

    /// The row `y` of the output where two columns are read for each value, and one row.
    fn pick_halves(&self, y: usize, picture: &Picture, out: &mut [i16]) {
        self.ask(y, picture);
        self.columns.pick_halves(self.row(self.rows[y].first, picture), out);
    }

    /// The row `y` of the output as bytes; `picked` is of its length.
    fn pick_bytes(&self, y: usize, picture: &Picture, picked: &mut [i16], bytes: &mut [u8]) {
        self.ask(y, picture);
        let tap = self.rows[y];
        self.columns.pick_bytes(self.both(tap, picture), tap.weight, picked, bytes);
    }

    /// Asks for what a row further down will be made of.
    fn ask(&self, y: usize, picture: &Picture) {
        if let Some(ahead) = self.ahead
            && let Some(tap) = self.rows.get(y + ahead)
        {
            let mut last = self.rows[y + ahead - 1].second;
            for index in [tap.first, tap.second] {
                if index > last {
                    rows::prefetch(self.row(index, picture));
                    last = index;
                }
            }
        }
    }

    fn both<'a>(&self, tap: Tap, picture: &'a Picture) -> [&'a [u8]; 2] {
        [self.row(tap.first, picture), self.row(tap.second, picture)]
    }

    fn row<'a>(&self, index: u32, picture: &'a Picture) -> &'a [u8] {
        &picture.plane(self.plane)[index as usize * picture.stride(self.plane)..][..self.row_bytes]
    }
}

impl Model {
    /// Components that carry colour; alpha does not.
    const fn channels(self) -> usize {
        match self {
            Model::Gray => 1,
            Model::Yuv | Model::Rgb => 3,
        }
    }
}

/// Size of the picture when it is scaled to fit the input, keeping its aspect; it lies at the top left.
fn letterbox((width, height): (usize, usize), (into_w, into_h): (usize, usize)) -> (usize, usize) {
    let scale = (into_w as f64 / width as f64).min(into_h as f64 / height as f64);
    let side = |from: usize, max: usize| ((from as f64 * scale).round() as usize).clamp(1, max);
    (side(width, into_w), side(height, into_h))
}

/// Samples from one value to the next, see [`taps`].
fn step(length: usize, (count, shared): (usize, usize), shift: u32) -> f64 {
    (length * shared) as f64 / count as f64 / f64::from(1u32 << shift)
}

/// The taps of one axis, over `length` pixels from `start` on a raster subsampled by `2^shift`: `count` of them, of which
/// `shared` neighbours are the same.
pub(super) fn taps(
    (start, length): (usize, usize),
    (count, shared): (usize, usize),
    shift: u32,
    raster: usize,
) -> Vec<Tap> {
    let sub = f64::from(1u32 << shift);
    let step = step(length, (count, shared), shift);
    // Taps stay within the cropped part, in whole samples of this raster.
    let least = (start >> shift) as i64;
    let most = (((start + length).div_ceil(1 << shift)).min(raster) as i64 - 1).max(least);
    let bound = |i: i64| i.clamp(least, most) as u32;
    (0..count)
        .map(|o| {
            let center = start as f64 / sub + ((o / shared) as f64 + 0.5) * step - 0.5;
            if step <= 2.0 {
                let at = (center * f64::from(WEIGHT)).round() as i64;
                let (first, weight) = (at.div_euclid(WEIGHT.into()), at.rem_euclid(WEIGHT.into()) as u8);
                Tap { first: bound(first), second: bound(first + 1), weight }
            } else {
                let near = |p: f64| bound((p + 0.5).floor() as i64);
                Tap { first: near(center - step / 4.0), second: near(center + step / 4.0), weight: WEIGHT / 2 }
            }
        })
        .collect()
}

/// The colour matrix with range, normalisation and the order of the tensor's planes folded in.
fn conversion(model: Model, colorimetry: Colorimetry, input: &InputSpec) -> [Row; 3] {
    let colors = colors(model, colorimetry);
    std::array::from_fn(|plane| {
        let color = match input.color {
            ColorOrder::Rgb => plane,
            ColorOrder::Bgr => 2 - plane,
        };
        let (mean, scale) = (input.mean[plane], input.scale[plane]);
        let Color { factors, offset } = colors[color];
        let (a, b) = (-mean * scale, (255.0 - mean) * scale);
        Row {
            factors: factors.map(|f| f * scale / rows::ONE),
            offset: (offset - mean) * scale,
            low: a.min(b),
            high: a.max(b),
        }
    })
}

/// A colour from 0 to 255: `factors` times the bytes of the components, and `offset`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Color {
    pub factors: [f32; 3],
    pub offset: f32,
}

/// Red, green and blue of what the components of a picture say.
fn colors(model: Model, colorimetry: Colorimetry) -> [Color; 3] {
    let (luma_low, luma_span, chroma_span) =
        if colorimetry.full_range { (0.0, 255.0, 255.0) } else { (16.0, 219.0, 224.0) };
    let luma = 255.0 / luma_span;
    let [kr, kg, kb] = colorimetry.matrix.shares();
    let chroma = 255.0 / chroma_span;
    let factors: [[f32; 3]; 3] = match model {
        Model::Yuv => [
            [luma, 0.0, 2.0 * (1.0 - kr) * chroma],
            [luma, -2.0 * kb * (1.0 - kb) / kg * chroma, -2.0 * kr * (1.0 - kr) / kg * chroma],
            [luma, 2.0 * (1.0 - kb) * chroma, 0.0],
        ],
        Model::Gray => [[luma, 0.0, 0.0]; 3],
        Model::Rgb => [[luma, 0.0, 0.0], [0.0, luma, 0.0], [0.0, 0.0, luma]],
    };
    let black = luma_low * luma;
    factors.map(|factors| {
        let offset = match model {
            Model::Yuv => -black - 128.0 * (factors[1] + factors[2]),
            Model::Gray | Model::Rgb => -black,
        };
        Color { factors, offset }
    })
}

impl Matrix {
    /// Red's, green's and blue's in luma.
    fn shares(self) -> [f32; 3] {
        let (kr, kb) = match self {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
            Matrix::Bt2020 => (0.2627, 0.0593),
        };
        [kr, 1.0 - kr - kb, kb]
    }
}

#[cfg(test)]
#[path = "sampling_tests.rs"]
mod tests;
