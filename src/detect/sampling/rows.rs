//! The inner loops of the pass: two rows of bytes become one row of a component, and the rows of all components one row
//! of the tensor's planes.

use super::{Row, Tap, WEIGHT};
#[cfg(target_arch = "x86_64")]
use super::{avx2::Shuffles, avx512::Permutations};

/// A picked value that stands for a byte of 1.
pub const ONE: f32 = (WEIGHT as u32 * WEIGHT as u32) as f32;

/// Picked rows are a multiple of this long, so that the loops for wide registers need no rest.
pub const BLOCK: usize = 32;

/// The columns of a component that are read.
#[derive(Debug)]
pub struct Columns {
    /// As offsets into a row.
    taps: Vec<Tap>,
    /// The same for AVX-512, where the machine has it, the row is long enough and its columns near to each other …
    #[cfg(target_arch = "x86_64")]
    pub(super) permutations: Option<Permutations>,
    /// … and for AVX2, where the machine has it and the row is long enough.
    #[cfg(target_arch = "x86_64")]
    pub(super) shuffles: Option<Shuffles>,
}

impl Columns {
    /// `taps` as offsets into rows of at least `row_bytes`.
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables))]
    pub fn new(taps: Vec<Tap>, row_bytes: usize) -> Columns {
        Columns {
            #[cfg(target_arch = "x86_64")]
            permutations: Permutations::new(&taps, row_bytes),
            #[cfg(target_arch = "x86_64")]
            shuffles: Shuffles::new(&taps, row_bytes),
            taps,
        }
    }

    /// One row of the component, [`ONE`] times a byte: the taps of two rows, of which the lower one has the weight
    /// `weight`.
    pub fn pick(&self, rows: [&[u8]; 2], weight: u8, out: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        if let Some(permutations) = &self.permutations {
            return permutations.pick(rows, weight, out);
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(shuffles) = &self.shuffles {
            return shuffles.pick(rows, weight, out);
        }
        let across = |row: &[u8], tap: &Tap| {
            let (a, b) = (i32::from(row[tap.first as usize]), i32::from(row[tap.second as usize]));
            a * i32::from(WEIGHT - tap.weight) + b * i32::from(tap.weight)
        };
        for (out, tap) in out.iter_mut().zip(&self.taps) {
            let (upper, lower) = (across(rows[0], tap), across(rows[1], tap));
            *out = (upper * i32::from(WEIGHT - weight) + lower * i32::from(weight)) as f32;
        }
    }
}

/// Asks for a row that will be read soon. A processor does not guess it, since rows in between are left out.
pub fn prefetch(row: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in row.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a hint about an address that is valid; every x86-64 has it.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = row;
}

/// One row of each plane of the tensor. Picks the code for the machine: the same, compiled for wider registers where it
/// has them.
pub fn convert(rows: &[Row; 3], components: [&[f32]; 3], targets: [&mut [f32]; 3]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f")]
        fn widest(rows: &[Row; 3], components: [&[f32]; 3], targets: [&mut [f32]; 3]) {
            convert_each(rows, components, targets);
        }
        #[target_feature(enable = "avx2")]
        fn wide(rows: &[Row; 3], components: [&[f32]; 3], targets: [&mut [f32]; 3]) {
            convert_each(rows, components, targets);
        }
        // SAFETY: the machine is asked for the one feature that the function needs.
        if is_x86_feature_detected!("avx512f") {
            return unsafe { widest(rows, components, targets) };
        }
        if is_x86_feature_detected!("avx2") {
            return unsafe { wide(rows, components, targets) };
        }
    }
    convert_each(rows, components, targets);
}

#[inline(always)]
fn convert_each(rows: &[Row; 3], [c0, c1, c2]: [&[f32]; 3], [t0, t1, t2]: [&mut [f32]; 3]) {
    let value = |row: &Row, x: f32, y: f32, z: f32| {
        let [f0, f1, f2] = row.factors;
        (x * f0 + y * f1 + z * f2 + row.offset).clamp(row.low, row.high)
    };
    let targets = t0.iter_mut().zip(t1).zip(t2);
    for (((t0, t1), t2), ((&x, &y), &z)) in targets.zip(c0.iter().zip(c1).zip(c2)) {
        *t0 = value(&rows[0], x, y, z);
        *t1 = value(&rows[1], x, y, z);
        *t2 = value(&rows[2], x, y, z);
    }
}

/// The same from one component.
pub fn convert_gray(rows: &[Row; 3], gray: &[f32], targets: [&mut [f32]; 3]) {
    for (row, target) in rows.iter().zip(targets) {
        for (out, x) in target.iter_mut().zip(gray) {
            *out = (x * row.factors[0] + row.offset).clamp(row.low, row.high);
        }
    }
}
