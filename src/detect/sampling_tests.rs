//! The pass against a reference that is written for reading: one output value at a time, in f64, from the definition.

use proptest::prelude::*;

use super::*;
use crate::picture::Component;

fn input(width: u32, height: u32, color: ColorOrder) -> InputSpec {
    InputSpec {
        name: "input".into(),
        layout: Layout::Planes,
        width,
        height,
        resizable: true,
        color,
        mean: [127.5, 120.0, 110.0],
        scale: [1.0 / 128.0, 1.0 / 64.0, 1.0 / 100.0],
    }
}

struct Owned {
    format: Format,
    width: usize,
    height: usize,
    planes: Vec<Vec<u8>>,
    strides: Vec<usize>,
}

impl Owned {
    /// Bytes from a generator, rows padded by `padding` bytes.
    fn new(format: Format, width: usize, height: usize, padding: usize, seed: u64) -> Owned {
        let mut state = seed | 1;
        let mut strides = vec![0; format.planes()];
        let mut lengths = vec![0; format.planes()];
        for c in format.components() {
            strides[c.plane] = strides[c.plane].max(c.row_bytes(width) + c.step + padding);
            lengths[c.plane] = strides[c.plane] * c.size(width, height).1;
        }
        let planes = lengths.iter().map(|length| {
            let byte = |_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 56) as u8
            };
            (0..*length).map(byte).collect()
        });
        Owned { format, width, height, planes: planes.collect(), strides }
    }

    fn picture(&self) -> Picture<'_> {
        let planes: Vec<&[u8]> = self.planes.iter().map(Vec::as_slice).collect();
        Picture::new(self.format, self.width, self.height, &planes, &self.strides).unwrap()
    }

    fn sample(&self, c: &Component, x: usize, y: usize) -> f64 {
        f64::from(self.planes[c.plane][y * self.strides[c.plane] + x * c.step + c.offset])
    }
}

/// One value of one component for the output's position (x, y), of which `block` times `block` have the same, by the taps'
/// definition.
fn reference_component(
    image: &Owned,
    g: &Geometry,
    c: &Component,
    scaled: (usize, usize),
    block: usize,
    (x, y): (usize, usize),
) -> f64 {
    let (raster_w, raster_h) = c.size(g.width, g.height);
    let axis = |start: usize, length: usize, count: usize, shared: usize, shift: u32, raster: usize, o: usize| {
        let sub = f64::from(1u32 << shift);
        let step = (shared * length) as f64 / count as f64 / sub;
        let center = start as f64 / sub + ((o / shared) as f64 + 0.5) * step - 0.5;
        let most = ((start + length).div_ceil(1 << shift)).min(raster) - 1;
        let at = |p: f64| (p as i64).clamp((start >> shift) as i64, most as i64) as usize;
        if step <= 2.0 {
            let weight = ((center - center.floor()) * 64.0).round() / 64.0;
            [(at(center.floor()), 1.0 - weight), (at(center.floor() + 1.0), weight)]
        } else {
            [(at((center - step / 4.0 + 0.5).floor()), 0.5), (at((center + step / 4.0 + 0.5).floor()), 0.5)]
        }
    };
    let rows = axis(g.crop.1, g.crop.3, scaled.1, block.max(1 << c.y_shift), c.y_shift, raster_h, y);
    let high = (block * g.crop.3) as f64 / scaled.1 as f64 / f64::from(1u32 << c.y_shift);
    if block == 2 && high > 2.0 {
        let middle = rows[0].0.midpoint(rows[1].0);
        let first = x / 2 * 2;
        let columns = [first, (first + 1).min(scaled.0 - 1)]
            .map(|x| axis(g.crop.0, g.crop.2, scaled.0, 1, c.x_shift, raster_w, x));
        return columns.as_flattened().iter().map(|(x, wx)| wx / 2.0 * image.sample(c, *x, middle)).sum();
    }
    let columns = axis(g.crop.0, g.crop.2, scaled.0, block, c.x_shift, raster_w, x);
    rows.iter()
        .flat_map(|(y, wy)| columns.iter().map(move |(x, wx)| (*x, *y, wx * wy)))
        .fold(0.0, |sum, (x, y, w)| sum + w * image.sample(c, x, y))
}

/// R, G, B with 0 to 255 for what can be seen, written out from the standards.
fn reference_rgb(g: &Geometry, v: [f64; 3]) -> [f64; 3] {
    let full = g.colorimetry.full_range;
    let unit = |y: f64| if full { y / 255.0 } else { (y - 16.0) / 219.0 };
    let rgb = match g.format.model() {
        Model::Rgb => v.map(unit),
        Model::Gray => [unit(v[0]); 3],
        Model::Yuv => {
            let (kr, kb) = match g.colorimetry.matrix {
                Matrix::Bt601 => (0.299, 0.114),
                Matrix::Bt709 => (0.2126, 0.0722),
                Matrix::Bt2020 => (0.2627, 0.0593),
            };
            let chroma = |c: f64| (c - 128.0) / if full { 255.0 } else { 224.0 };
            let (y, cb, cr) = (unit(v[0]), chroma(v[1]), chroma(v[2]));
            let (r, b) = (y + 2.0 * (1.0 - kr) * cr, y + 2.0 * (1.0 - kb) * cb);
            [r, (y - kr * r - kb * b) / (1.0 - kr - kb), b]
        }
    };
    rgb.map(|c| c * 255.0)
}

fn reference_size(g: &Geometry, input: &InputSpec) -> (usize, usize) {
    let (w, h) = (input.width as usize, input.height as usize);
    let scale = (w as f64 / g.crop.2 as f64).min(h as f64 / g.crop.3 as f64);
    (((g.crop.2 as f64 * scale).round() as usize).clamp(1, w), ((g.crop.3 as f64 * scale).round() as usize).clamp(1, h))
}

fn reference(image: &Owned, g: &Geometry, input: &InputSpec) -> Vec<f32> {
    let (w, h) = (input.width as usize, input.height as usize);
    let scaled = reference_size(g, input);
    let mut tensor = vec![0.0; 3 * w * h];
    for y in 0..scaled.1 {
        for x in 0..scaled.0 {
            let mut values = [0.0; 3];
            for (value, c) in values.iter_mut().zip(g.format.components()) {
                *value = reference_component(image, g, c, scaled, 1, (x, y));
            }
            let rgb = reference_rgb(g, values).map(|c| c.clamp(0.0, 255.0));
            for plane in 0..3 {
                let color = if input.color == ColorOrder::Rgb { rgb[plane] } else { rgb[2 - plane] };
                let value = (color - f64::from(input.mean[plane])) * f64::from(input.scale[plane]);
                tensor[(plane * h + y) * w + x] = value as f32;
            }
        }
    }
    tensor
}

fn sampled(image: &Owned, g: &Geometry, input: &InputSpec) -> Vec<f32> {
    let mut tensor = vec![0.0; 3 * (input.width * input.height) as usize];
    Sampler::new(*g, input).sample(&image.picture(), Target::Planes(&mut tensor));
    tensor
}

fn sampled_patches(sampler: &mut Sampler, image: &Owned, input: &InputSpec) -> Vec<[u8; PATCH]> {
    let mut patches = vec![padding(input); (input.width / 2 * input.height / 2) as usize];
    sampler.sample(&image.picture(), Target::Patches(&mut patches));
    patches
}

/// Luma of BT.709 from 16 to 235 where the output shows pixel (x, y), and the grey next to the mean where it shows none.
fn reference_luma(image: &Owned, g: &Geometry, input: &InputSpec, (x, y): (i64, i64)) -> f64 {
    let scaled = reference_size(g, input);
    let luma = |[r, g, b]: [f64; 3]| 16.0 + (0.2126 * r + 0.7152 * g + 0.0722 * b) * 219.0 / 255.0;
    if !(0..scaled.0 as i64).contains(&x) || !(0..scaled.1 as i64).contains(&y) {
        let mean = input.mean.iter().sum::<f32>() / 3.0;
        return luma([mean.into(); 3]);
    }
    let mut values = [0.0; 3];
    for (index, (value, c)) in values.iter_mut().zip(g.format.components()).enumerate() {
        let block = if g.format.model() == Model::Yuv && index > 0 { 2 } else { 1 };
        *value = reference_component(image, g, c, scaled, block, (x as usize, y as usize));
    }
    luma(reference_rgb(g, values))
}

/// Cb and Cr of the four pixels from (x, y) on.
fn reference_chroma(image: &Owned, g: &Geometry, input: &InputSpec, (x, y): (usize, usize)) -> [f64; 2] {
    let scaled = reference_size(g, input);
    if x >= scaled.0 || y >= scaled.1 {
        return [128.0; 2];
    }
    let mut values = [0.0; 3];
    for (value, c) in values.iter_mut().zip(g.format.components()) {
        *value = reference_component(image, g, c, scaled, 2, (x, y));
    }
    let [r, g, b] = reference_rgb(g, values);
    let luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    [(b - luma) / 1.8556, (r - luma) / 1.5748].map(|chroma| 128.0 + chroma * 224.0 / 255.0)
}

fn reference_patches(image: &Owned, g: &Geometry, input: &InputSpec) -> Vec<[f64; PATCH]> {
    let wide = input.width as usize / 2;
    (0..wide * input.height as usize / 2)
        .map(|index| {
            let (x, y) = (2 * (index % wide), 2 * (index / wide));
            let [cb, cr] = reference_chroma(image, g, input, (x, y));
            std::array::from_fn(|i| match i {
                0..9 => reference_luma(image, g, input, ((x + i % 3) as i64 - 1, (y + i / 3) as i64 - 1)),
                9 => cb,
                10 => cr,
                _ => 0.0,
            })
        })
        .collect()
}

fn whole(format: Format, width: usize, height: usize, colorimetry: Colorimetry) -> Geometry {
    Geometry { format, width, height, crop: (0, 0, width, height), colorimetry }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_format_size_stride_crop_and_colorimetry_gives_the_reference(
        format in 0..Format::ALL.len(),
        (width, height) in (1usize..90, 1usize..70),
        (fx, fy, fw, fh) in (0.0f64..1.0, 0.0f64..1.0, 0.0f64..1.0, 0.0f64..1.0),
        padding in 0usize..20,
        seed in any::<u64>(),
        matrix in 0..3,
        full_range in any::<bool>(),
        bgr in any::<bool>(),
    ) {
        let matrix = [Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020][matrix as usize];
        let colorimetry = Colorimetry { matrix, full_range };
        let mut g = whole(Format::ALL[format], width, height, colorimetry);
        let (x, y) = ((fx * (width - 1) as f64) as usize, (fy * (height - 1) as f64) as usize);
        g.crop = (x, y, 1 + (fw * (width - x - 1) as f64) as usize, 1 + (fh * (height - y - 1) as f64) as usize);
        let image = Owned::new(g.format, width, height, padding, seed);
        let input = input(32, 32, if bgr { ColorOrder::Bgr } else { ColorOrder::Rgb });
        let (found, expected) = (sampled(&image, &g, &input), reference(&image, &g, &input));
        for (i, (a, b)) in found.iter().zip(&expected).enumerate() {
            prop_assert!((a - b).abs() < 2e-3, "value {i}: {a} instead of {b}");
        }
        let input = InputSpec { layout: Layout::Patches, ..input };
        let found = sampled_patches(&mut Sampler::new(g, &input), &image, &input);
        let expected = reference_patches(&image, &g, &input);
        for (i, (a, b)) in found.as_flattened().iter().zip(expected.as_flattened()).enumerate() {
            let b = b.clamp(0.0, 255.0);
            prop_assert!((f64::from(*a) - b).abs() <= 1.5, "byte {i} of the patches: {a} instead of {b}");
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn components(sampler: &mut Sampler) -> Box<dyn Iterator<Item = &mut super::Component> + '_> {
    match &mut sampler.way {
        Way::Planes(pass) => Box::new(pass.components.iter_mut()),
        Way::Patches(pass) => Box::new(pass.fine.iter_mut().chain(&mut pass.coarse)),
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn wide_and_plain_code_give_the_same_bits() {
    // Without AVX2 there is nothing to compare.
    if !is_x86_feature_detected!("avx2") {
        return;
    }
    let mut permuted = 0;
    // Upscaled, linear, 1:3 and sparse, at widths that are no multiple of a register.
    for (format, (width, height)) in
        Format::ALL.into_iter().flat_map(|f| [(60, 40), (333, 201), (1023, 600), (2111, 1188)].map(|size| (f, size)))
    {
        let image = Owned::new(format, width, height, 5, 3);
        let g = whole(format, width, height, Colorimetry::default());
        for layout in [Layout::Planes, Layout::Patches] {
            let input = InputSpec { layout, ..input(352, 192, ColorOrder::Rgb) };
            let mut sampler = Sampler::new(g, &input);
            let sample = |sampler: &mut Sampler| match layout {
                Layout::Planes => {
                    let mut tensor = vec![0.0; 3 * 352 * 192];
                    sampler.sample(&image.picture(), Target::Planes(&mut tensor));
                    tensor
                }
                Layout::Patches => {
                    sampled_patches(sampler, &image, &input).as_flattened().iter().map(|b| f32::from(*b)).collect()
                }
            };
            permuted += components(&mut sampler).filter(|c| c.columns.permutations.is_some()).count();
            let widest = sample(&mut sampler);
            components(&mut sampler).for_each(|c| c.columns.permutations = None);
            assert!(components(&mut sampler).all(|c| c.columns.shuffles.is_some()), "{format:?} {width}x{height}");
            let wide = sample(&mut sampler);
            components(&mut sampler).for_each(|c| c.columns.shuffles = None);
            let plain = sample(&mut sampler);
            assert!(wide == plain, "AVX2, {format:?} {width}x{height}");
            assert!(widest == plain, "AVX-512, {format:?} {width}x{height}");
        }
    }
    assert_eq!(permuted > 0, is_x86_feature_detected!("avx512vbmi"));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn wide_and_plain_code_give_the_same_patches() {
    let row = |seed: u32| (0..112).map(|i| ((seed + i).wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<u8>>();
    let (a, b, c, cb, cr) = (row(1), row(201), row(401), row(601), row(801));
    let (luma, chroma) = ([&a[..], &b, &c], [&cb[..], &cr]);
    let (mut widest, mut wide, mut plain) = ([[0; PATCH]; 48], [[1; PATCH]; 48], [[2; PATCH]; 48]);
    rows::pack_plainly(luma, chroma, &mut plain);
    if avx2::pack(luma, chroma, &mut wide) {
        assert_eq!(wide, plain);
    }
    let packed = avx512::pack(luma, chroma, &mut widest);
    assert_eq!(packed, is_x86_feature_detected!("avx512vbmi"));
    assert!(!packed || widest == plain);
}

#[test]
fn white_is_white_and_black_is_black_in_every_format_and_range() {
    for format in Format::ALL {
        for full_range in [false, true] {
            let g = whole(format, 8, 6, Colorimetry { matrix: Matrix::Bt709, full_range });
            for (level, expected) in
                [(if full_range { 255 } else { 235 }, 255.0), (if full_range { 0 } else { 16 }, 0.0)]
            {
                let mut image = Owned::new(format, 8, 6, 3, 1);
                for (index, c) in format.components().iter().enumerate() {
                    let value = if format.model() == Model::Yuv && index > 0 { 128 } else { level };
                    let (columns, rows) = c.size(8, 6);
                    for y in 0..rows {
                        for x in 0..columns {
                            image.planes[c.plane][y * image.strides[c.plane] + x * c.step + c.offset] = value;
                        }
                    }
                }
                let mut input = input(32, 32, ColorOrder::Rgb);
                (input.mean, input.scale) = ([0.0; 3], [1.0; 3]);
                let tensor = sampled(&image, &g, &input);
                // 8 × 6 fills 32 × 24 of the input, the rest is padding
                assert!(tensor[..32 * 24].iter().all(|v| (v - expected).abs() < 0.01), "{format:?} {full_range}");
                assert!(tensor[32 * 24..32 * 32].iter().all(|v| *v == 0.0));
            }
        }
    }
}

#[test]
fn a_second_picture_leaves_nothing_of_the_first_in_the_patches() {
    // 8 × 5 fills 32 × 20 of the input: rows of patches end below the picture and begin above it.
    let g = whole(Format::Nv12, 8, 5, Colorimetry::default());
    let input = InputSpec { layout: Layout::Patches, ..input(32, 32, ColorOrder::Rgb) };
    let (first, second) = (Owned::new(Format::Nv12, 8, 5, 3, 1), Owned::new(Format::Nv12, 8, 5, 3, 2));
    let mut used = Sampler::new(g, &input);
    let mut patches = sampled_patches(&mut used, &first, &input);
    used.sample(&second.picture(), Target::Patches(&mut patches));
    assert_eq!(patches, sampled_patches(&mut Sampler::new(g, &input), &second, &input));
}

#[test]
fn a_box_of_the_input_comes_back_in_pixels_of_the_picture() {
    let mut g = whole(Format::Nv12, 1920, 1080, Colorimetry::default());
    let input = input(640, 384, ColorOrder::Rgb);
    assert_eq!(
        Sampler::new(g, &input).to_picture(Rect::new(10.0, 20.0, 30.0, 40.0)),
        Rect::new(30.0, 60.0, 90.0, 120.0)
    );
    g.crop = (960, 540, 960, 540);
    assert_eq!(
        Sampler::new(g, &input).to_picture(Rect::new(0.0, 0.0, 64.0, 36.0)),
        Rect::new(960.0, 540.0, 96.0, 54.0)
    );
}
