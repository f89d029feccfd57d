//! The one pass from the camera's picture to the network's input: scale, colour conversion, normalisation and
//! letterbox, straight from the planes of the native format into an f32 tensor `[3, height, width]`.
//!
//! Each value of the tensor rests on two taps per axis. Below a scale of 1:2 they are the neighbours of the linear
//! interpolation; above it they lie a quarter of the step to either side of the centre, so that they stand for the
//! whole step. Per output row the two source rows are blended first, over the whole width and in the order of memory;
//! then the columns are picked. All weights are fixed-point with [`WEIGHT`] for one.

use super::manifest::{ColorOrder, InputSpec};
use crate::picture::{Format, Model, Picture, Rect};

/// One, in the fixed point of the tap weights: 255 · 128 still fits the u16 of a blended row.
const WEIGHT: u16 = 128;

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

/// Two neighbouring samples (indices into the raster) and the weight of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tap {
    pub first: u32,
    pub second: u32,
    pub weight: u16,
}

/// The pass, with its tables made for one geometry and one input.
#[derive(Debug)]
pub struct Sampler {
    geometry: Geometry,
    input: (usize, usize),
    /// Size of the picture within the input; the rest is padding, which is 0 in the tensor (the manifest's mean).
    scaled: (usize, usize),
    /// Per plane of the format; planes without a sample to read are `None`.
    planes: Vec<PlaneTaps>,
    components: Vec<ComponentTaps>,
    /// Rows of the colour matrix in the order of the tensor's planes.
    conversion: [Row; 3],
    /// One row of each component at the size of the output.
    picked: [Vec<f32>; 3],
}

#[derive(Debug)]
struct PlaneTaps {
    plane: usize,
    rows: Vec<Tap>,
    /// The bytes of a row that any column tap reads.
    bytes: std::ops::Range<usize>,
    blended: Vec<u16>,
}

#[derive(Debug)]
struct ComponentTaps {
    /// Index into [`Sampler::planes`].
    plane: usize,
    /// Taps as offsets into the blended row.
    columns: Vec<Tap>,
}

/// `clamp(values · (c0, c1, c2) + offset, low, high)` is one value of the tensor.
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
        let scaled = letterbox((crop_w, crop_h), (input.width as usize, input.height as usize));
        let components = &geometry.format.components()[..geometry.format.model().channels()];
        let mut planes: Vec<PlaneTaps> = Vec::new();
        let mut picks = Vec::new();
        for c in components {
            let (raster_w, raster_h) = c.size(geometry.width, geometry.height);
            let mut columns = taps(crop_x, crop_w, scaled.0, c.x_shift, raster_w);
            for tap in &mut columns {
                tap.first = tap.first * c.step as u32 + c.offset as u32;
                tap.second = tap.second * c.step as u32 + c.offset as u32;
            }
            let low = columns.iter().map(|t| t.first).min().unwrap_or(0) as usize;
            let high = columns.iter().map(|t| t.second).max().unwrap_or(0) as usize + 1;
            let index = planes.iter().position(|p| p.plane == c.plane).unwrap_or_else(|| {
                planes.push(PlaneTaps {
                    plane: c.plane,
                    rows: taps(crop_y, crop_h, scaled.1, c.y_shift, raster_h),
                    bytes: low..high,
                    blended: Vec::new(),
                });
                planes.len() - 1
            });
            let bytes = &mut planes[index].bytes;
            *bytes = bytes.start.min(low)..bytes.end.max(high);
            picks.push(ComponentTaps { plane: index, columns });
        }
        for plane in &mut planes {
            plane.blended = vec![0; plane.bytes.len()];
        }
        for pick in &mut picks {
            let start = planes[pick.plane].bytes.start as u32;
            for tap in &mut pick.columns {
                tap.first -= start;
                tap.second -= start;
            }
        }
        Sampler {
            geometry,
            input: (input.width as usize, input.height as usize),
            scaled,
            planes,
            components: picks,
            conversion: conversion(geometry.format.model(), geometry.colorimetry, input),
            picked: std::array::from_fn(|_| vec![0.0; scaled.0]),
        }
    }

    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Fills the part of `tensor` (`3 · height · width` values) that the picture covers; the padding is left as it is,
    /// so a tensor that started as zeros keeps it at 0.
    ///
    /// # Panics
    /// If the picture is not of the sampler's geometry or the tensor not of its input.
    pub fn sample(&mut self, picture: &Picture, tensor: &mut [f32]) {
        let g = &self.geometry;
        assert_eq!((picture.format(), picture.width(), picture.height()), (g.format, g.width, g.height));
        let (width, height) = self.input;
        let area = width * height;
        assert_eq!(tensor.len(), 3 * area);
        let (red, rest) = tensor.split_at_mut(area);
        let (green, blue) = rest.split_at_mut(area);
        let columns = self.scaled.0;
        for y in 0..self.scaled.1 {
            for plane in &mut self.planes {
                let tap = plane.rows[y];
                let row = |index: u32| {
                    let start = index as usize * picture.stride(plane.plane);
                    &picture.plane(plane.plane)[start + plane.bytes.start..start + plane.bytes.end]
                };
                blend(row(tap.first), row(tap.second), tap.weight, &mut plane.blended);
            }
            for (pick, out) in self.components.iter().zip(&mut self.picked) {
                pick_columns(&self.planes[pick.plane].blended, &pick.columns, out);
            }
            let start = y * width;
            let targets = [&mut *red, &mut *green, &mut *blue];
            for (row, target) in self.conversion.iter().zip(targets) {
                let target = &mut target[start..start + columns];
                if self.components.len() == 1 {
                    convert_gray(row, &self.picked[0], target);
                } else {
                    convert(row, &self.picked, target);
                }
            }
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

/// The taps of one axis: `count` outputs over `length` pixels from `start`, on a raster subsampled by `2^shift`.
pub(super) fn taps(start: usize, length: usize, count: usize, shift: u32, raster: usize) -> Vec<Tap> {
    let sub = f64::from(1u32 << shift);
    let step = length as f64 / count as f64 / sub;
    // Taps stay within the cropped part, in whole samples of this raster.
    let least = (start >> shift) as i64;
    let most = (((start + length).div_ceil(1 << shift)).min(raster) as i64 - 1).max(least);
    let bound = |i: i64| i.clamp(least, most) as u32;
    (0..count)
        .map(|o| {
            let center = start as f64 / sub + (o as f64 + 0.5) * step - 0.5;
            if step <= 2.0 {
                let floor = center.floor();
                let weight = ((center - floor) * f64::from(WEIGHT)).round() as u16;
                Tap { first: bound(floor as i64), second: bound(floor as i64 + 1), weight }
            } else {
                let near = |p: f64| bound((p + 0.5).floor() as i64);
                Tap { first: near(center - step / 4.0), second: near(center + step / 4.0), weight: WEIGHT / 2 }
            }
        })
        .collect()
}

/// The colour matrix with range, normalisation and the order of the tensor's planes folded in.
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
        let (mean, scale) = (input.mean[plane], input.scale[plane]);
        let factors = colors[color];
        let black = luma_low * luma;
        let offset = match model {
            Model::Yuv => -black - 128.0 * (factors[1] + factors[2]),
            Model::Gray | Model::Rgb => -black,
        };
        let (a, b) = (-mean * scale, (255.0 - mean) * scale);
        Row { factors: factors.map(|f| f * scale), offset: (offset - mean) * scale, low: a.min(b), high: a.max(b) }
    })
}

/// `first · (1 - w) + second · w`, in fixed point.
fn blend(first: &[u8], second: &[u8], weight: u16, out: &mut [u16]) {
    let (b, a) = (weight, WEIGHT - weight);
    for ((out, x), y) in out.iter_mut().zip(first).zip(second) {
        *out = u16::from(*x) * a + u16::from(*y) * b;
    }
}

fn pick_columns(blended: &[u16], taps: &[Tap], out: &mut [f32]) {
    const ONE: f32 = 1.0 / (WEIGHT as u32 * WEIGHT as u32) as f32;
    for (out, tap) in out.iter_mut().zip(taps) {
        let (x, y) = (u32::from(blended[tap.first as usize]), u32::from(blended[tap.second as usize]));
        let (b, a) = (u32::from(tap.weight), u32::from(WEIGHT - tap.weight));
        *out = (x * a + y * b) as i32 as f32 * ONE;
    }
}

fn convert(row: &Row, picked: &[Vec<f32>; 3], target: &mut [f32]) {
    let [c0, c1, c2] = picked;
    let [f0, f1, f2] = row.factors;
    for (((out, x), y), z) in target.iter_mut().zip(c0).zip(c1).zip(c2) {
        *out = (x * f0 + y * f1 + z * f2 + row.offset).clamp(row.low, row.high);
    }
}

fn convert_gray(row: &Row, picked: &[f32], target: &mut [f32]) {
    for (out, x) in target.iter_mut().zip(picked) {
        *out = (x * row.factors[0] + row.offset).clamp(row.low, row.high);
    }
}

#[cfg(test)]
#[path = "sampling_tests.rs"]
mod tests;
