//! The one pass from the camera's picture to the network's input: scale, colour conversion, normalisation and
//! letterbox, straight from the planes of the native format into the tensor that the network takes ([`Layout`]).
//!
//! Each value of the tensor rests on two taps per axis. Below a scale of 1:2 they are the neighbours of the linear
//! interpolation; above it they lie a quarter of the step to either side of the centre, so that they stand for the
//! whole step. Where the format has one chroma row for two of luma, two rows of the tensor share one as well. The
//! samples are weighted in whole numbers, with [`WEIGHT`] for one.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub(super) mod rows;

use super::manifest::{ColorOrder, InputSpec, Layout};
use crate::picture::{Format, Model, Picture, Rect};
use rows::{BLOCK, Columns, Mix};

/// One, in the fixed point of the tap weights: it fits the signed bytes that AVX2 multiplies by.
const WEIGHT: u8 = 64;

/// Bytes of a patch: nine pixels of three colours, and one that says nothing.
pub const PATCH: usize = 28;

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

/// What a place without a picture holds in [`Layout::Patches`]: the byte next to the mean, where planes hold 0.
pub fn padding(input: &InputSpec) -> [u8; PATCH] {
    let pixel = padding_pixel(input).to_le_bytes();
    std::array::from_fn(|i| if i < PATCH - 1 { pixel[i % 3] } else { 0 })
}

fn padding_pixel(input: &InputSpec) -> u32 {
    let [r, g, b] = input.mean.map(|mean| mean.round() as u8);
    u32::from_le_bytes([r, g, b, 0])
}

/// The pass, with its tables made for one geometry and one input.
#[derive(Debug)]
pub struct Sampler {
    geometry: Geometry,
    input: (usize, usize),
    /// Size of the picture within the input; the rest is padding, which stands for the manifest's mean.
    scaled: (usize, usize),
    components: Vec<Component>,
    /// Rows of the colour matrix in the order of the tensor's planes …
    conversion: [Row; 3],
    /// … and for patches.
    mixes: [Mix; 3],
    /// One row of each component at the size of the output; zeros for what a grey picture does not have.
    picked: [Vec<i16>; 3],
    /// For patches: three rows of pixels, with padding: one before each and at least one after it.
    pixels: [Vec<u32>; 3],
    padding: u32,
}

/// What is read of one component.
#[derive(Debug)]
struct Component {
    plane: usize,
    /// The first component that is read of its plane.
    leads: bool,
    row_bytes: usize,
    rows: Vec<Tap>,
    columns: Columns,
}

/// `clamp(factors · (c0, c1, c2) + offset, low, high)` is one value of the tensor; components are picked rows', in
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
        let (crop_x, crop_y, crop_w, crop_h) = geometry.crop;
        let (size, padding) = ((input.width as usize, input.height as usize), padding_pixel(input));
        let scaled = letterbox((crop_w, crop_h), size);
        let components = &geometry.format.components()[..geometry.format.model().channels()];
        let read = components.iter().enumerate().map(|(index, c)| {
            let (raster_w, raster_h) = c.size(geometry.width, geometry.height);
            let mut columns = taps((crop_x, crop_w), (scaled.0, 1), c.x_shift, raster_w);
            for tap in &mut columns {
                tap.first = tap.first * c.step as u32 + c.offset as u32;
                tap.second = tap.second * c.step as u32 + c.offset as u32;
            }
            let row_bytes = c.row_bytes(geometry.width);
            Component {
                plane: c.plane,
                leads: components[..index].iter().all(|other| other.plane != c.plane),
                row_bytes,
                rows: taps((crop_y, crop_h), (scaled.1, 1 << c.y_shift), c.y_shift, raster_h),
                columns: Columns::new(columns, row_bytes),
            }
        });
        let conversion = conversion(geometry.format.model(), geometry.colorimetry, input);
        Sampler {
            geometry,
            input: size,
            scaled,
            components: read.collect(),
            conversion,
            mixes: conversion.each_ref().map(Mix::new),
            picked: std::array::from_fn(|_| vec![0; scaled.0.next_multiple_of(BLOCK)]),
            pixels: std::array::from_fn(|_| match input.layout {
                Layout::Planes => Vec::new(),
                Layout::Patches => vec![padding; 2 + size.0],
            }),
            padding,
        }
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
        match target {
            Target::Planes(tensor) => self.sample_planes(picture, tensor),
            Target::Patches(patches) => self.sample_patches(picture, patches),
        }
    }

    fn sample_planes(&mut self, picture: &Picture, tensor: &mut [f32]) {
        let (width, height) = self.input;
        let area = width * height;
        assert_eq!(tensor.len(), 3 * area);
        let (red, rest) = tensor.split_at_mut(area);
        let (green, blue) = rest.split_at_mut(area);
        for y in 0..self.scaled.1 {
            self.pick(y, picture);
            let part = y * width..y * width + self.scaled.0;
            let targets = [&mut red[part.clone()], &mut green[part.clone()], &mut blue[part]];
            rows::convert(&self.conversion, slices(&self.picked), targets);
        }
    }

    fn sample_patches(&mut self, picture: &Picture, patches: &mut [[u8; PATCH]]) {
        let (width, height) = self.input;
        assert_eq!(patches.len(), (width / 2) * (height / 2));
        self.pixels[2].fill(self.padding);
        // The last row of patches that the picture reaches into has one of its rows above the middle.
        let reached = patches.chunks_exact_mut(width / 2).take(self.scaled.1 / 2 + 1);
        for (row, patches) in reached.enumerate() {
            self.pixels.swap(0, 2);
            for (at, y) in [(1, 2 * row), (2, 2 * row + 1)] {
                if y >= self.scaled.1 {
                    self.pixels[at].fill(self.padding);
                    continue;
                }
                self.pick(y, picture);
                let pixels = &mut self.pixels[at][1..][..self.scaled.0];
                rows::convert_pixels(&self.mixes, slices(&self.picked), pixels);
            }
            rows::pack(slices(&self.pixels), patches);
        }
    }

    /// One row of each component, of the output's row `y`.
    fn pick(&mut self, y: usize, picture: &Picture) {
        for (component, out) in self.components.iter().zip(&mut self.picked) {
            component.pick(y, picture, out);
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

/// Three rows. (`map` would write an array in halves and read it back whole, which waits in each row.)
fn slices<T>([a, b, c]: &[Vec<T>; 3]) -> [&[T]; 3] {
    [a, b, c]
}

impl Component {
    /// The row `y` of the output, unless `out` holds it since the row before.
    fn pick(&self, y: usize, picture: &Picture, out: &mut [i16]) {
        let (plane, stride) = (picture.plane(self.plane), picture.stride(self.plane));
        let row = |index: u32| &plane[index as usize * stride..][..self.row_bytes];
        if let (true, Some(tap)) = (self.leads, self.rows.get(y + AHEAD)) {
            let before = self.rows[y + AHEAD - 1];
            for index in [tap.first, tap.second] {
                if index > before.second {
                    rows::prefetch(row(index));
                }
            }
        }
        let tap = self.rows[y];
        if y == 0 || tap != self.rows[y - 1] {
            self.columns.pick([row(tap.first), row(tap.second)], tap.weight, out);
        }
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

/// The taps of one axis, over `length` pixels from `start` on a raster subsampled by `2^shift`: `count` of them, of which
/// `shared` neighbours are the same.
pub(super) fn taps(
    (start, length): (usize, usize),
    (count, shared): (usize, usize),
    shift: u32,
    raster: usize,
) -> Vec<Tap> {
    let sub = f64::from(1u32 << shift);
    let step = (length * shared) as f64 / count as f64 / sub;
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

/// The colour matrix with range, normalisation (of planes) and the order of the tensor's planes folded in.
pub(super) fn conversion(model: Model, colorimetry: Colorimetry, input: &InputSpec) -> [Row; 3] {
    let (luma_low, luma_span, chroma_span) =
        if colorimetry.full_range { (0.0, 255.0, 255.0) } else { (16.0, 219.0, 224.0) };
    let luma = 255.0 / luma_span;
    let (kr, kb) = match colorimetry.matrix {
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.2126, 0.0722),
        Matrix::Bt2020 => (0.2627, 0.0593),
    };
    let kg = 1.0 - kr - kb;
    // Per colour: factors of the three components, with 0 to 255 for black to white.
    let chroma = 255.0 / chroma_span;
    let colors: [[f32; 3]; 3] = match model {
        Model::Yuv => [
            [luma, 0.0, 2.0 * (1.0 - kr) * chroma],
            [luma, -2.0 * kb * (1.0 - kb) / kg * chroma, -2.0 * kr * (1.0 - kr) / kg * chroma],
            [luma, 2.0 * (1.0 - kb) * chroma, 0.0],
        ],
        Model::Gray => [[luma, 0.0, 0.0]; 3],
        Model::Rgb => [[luma, 0.0, 0.0], [0.0, luma, 0.0], [0.0, 0.0, luma]],
    };
    std::array::from_fn(|plane| {
        let color = match input.color {
            ColorOrder::Rgb => plane,
            ColorOrder::Bgr => 2 - plane,
        };
        let (mean, scale) = match input.layout {
            Layout::Planes => (input.mean[plane], input.scale[plane]),
            Layout::Patches => (0.0, 1.0),
        };
        let factors = colors[color];
        let black = luma_low * luma;
        let offset = match model {
            Model::Yuv => -black - 128.0 * (factors[1] + factors[2]),
            Model::Gray | Model::Rgb => -black,
        };
        let (a, b) = (-mean * scale, (255.0 - mean) * scale);
        Row {
            factors: factors.map(|f| f * scale / rows::ONE),
            offset: (offset - mean) * scale,
            low: a.min(b),
            high: a.max(b),
        }
    })
}

#[cfg(test)]
#[path = "sampling_tests.rs"]
mod tests;
