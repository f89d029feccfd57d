//! The inner loops of the pass: two rows of bytes become one row of a component, the rows of all components one row
//! of the tensor's planes, or of bytes of luma and chroma, and rows of these one row of patches.

use super::{Color, PATCH, Row, Tap, WEIGHT};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

/// A picked value that stands for a byte of 1.
pub const ONE: f32 = 2.0 * WEIGHT as f32;

/// One, in the fixed point of a [`Mix`]'s factors.
const FACTOR: f32 = 8192.0;
/// Bits of the fraction of what a picked value times a factor gives.
const FRACTION: u32 = 4;

/// Picked rows are a multiple of this long, so that the loops for wide registers need no rest.
pub const BLOCK: usize = 32;

/// The columns of a component that are read.
#[derive(Debug)]
pub struct Columns {
    /// As offsets into a row.
    taps: Vec<Tap>,
    /// The same for AVX-512, where the machine has it, the row is long enough and its columns near to each other …
    #[cfg(target_arch = "x86_64")]
    pub(super) permutations: Option<avx512::Permutations>,
    /// … and for AVX2, where the machine has it and the row is long enough.
    #[cfg(target_arch = "x86_64")]
    pub(super) shuffles: Option<avx2::Shuffles>,
}

impl Columns {
    /// `taps` as offsets into rows of at least `row_bytes`.
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables))]
    pub fn new(taps: Vec<Tap>, row_bytes: usize) -> Columns {
        Columns {
            #[cfg(target_arch = "x86_64")]
            permutations: avx512::Permutations::new(&taps, row_bytes),
            #[cfg(target_arch = "x86_64")]
            shuffles: avx2::Shuffles::new(&taps, row_bytes),
            taps,
        }
    }

    /// One row of the component, [`ONE`] times a byte: the taps of two rows, of which the lower one has the weight
    /// `weight`, less than [`WEIGHT`]. Twice their mean is their sum, and a share of their difference where one weighs more.
    pub fn pick(&self, rows: [&[u8]; 2], weight: u8, out: &mut [i16]) {
        let lean = lean(weight);
        #[cfg(target_arch = "x86_64")]
        if let Some(permutations) = &self.permutations {
            return permutations.pick(rows, lean, out);
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(shuffles) = &self.shuffles {
            return shuffles.pick(rows, lean, out);
        }
        for (out, tap) in out.iter_mut().zip(&self.taps) {
            let (a, b) = (across(rows[0], tap), across(rows[1], tap));
            let leaning = (((i32::from(b - a) * i32::from(lean)) >> 14) + 1) >> 1;
            *out = a + b + leaning as i16;
        }
    }

    /// The means of each two columns of one row.
    pub fn pick_halves(&self, row: &[u8], out: &mut [i16]) {
        #[cfg(target_arch = "x86_64")]
        if let Some(permutations) = &self.permutations {
            return permutations.pick_halves(row, out);
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(shuffles) = &self.shuffles {
            return shuffles.pick_halves(row, out);
        }
        for (out, two) in out.iter_mut().zip(self.taps.as_chunks::<2>().0) {
            *out = across(row, &two[0]) + across(row, &two[1]);
        }
    }

    /// One row of the component as bytes, of which `picked` holds what they are made of. Of both only so many are filled in as `bytes`
    /// has; it must be whole blocks.
    pub fn pick_bytes(&self, rows: [&[u8]; 2], weight: u8, picked: &mut [i16], bytes: &mut [u8]) {
        #[cfg(target_arch = "x86_64")]
        if let Some(permutations) = &self.permutations {
            return permutations.pick_bytes(rows, lean(weight), bytes);
        }
        self.pick(rows, weight, picked);
        narrow(picked, bytes);
    }
}

/// Both samples of a tap, weighted: [`WEIGHT`] times a byte.
fn across(row: &[u8], tap: &Tap) -> i16 {
    let (a, b) = (i16::from(row[tap.first as usize]), i16::from(row[tap.second as usize]));
    a * i16::from(WEIGHT - tap.weight) + b * i16::from(tap.weight)
}

/// How much more the lower row weighs, with 15 bits of fraction.
fn lean(weight: u8) -> i16 {
    (2 * i16::from(weight) - i16::from(WEIGHT)) << (15 - WEIGHT.ilog2())
}

/// Asks for a row that will be read soon. A processor does not guess it, since rows in between are left out. One
/// hint for two lines of its cache, of which it fetches the second one by itself where it was measured (`benches/LOG.md`).
pub fn prefetch(row: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for lines in row.chunks(128) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a hint about an address that is valid; every x86-64 has it.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(lines.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = row;
}

/// The means of each eight bytes, rounded down. There is an instruction for such sums, which the compiler does not see: with it a
/// frame that is not due takes a twelfth less (`benches/LOG.md`).
pub fn means_of_eight(row: &[u8], means: &mut [u8]) {
    let (rows, rest) = row.as_chunks::<128>();
    let (blocks, last) = means.as_chunks_mut::<16>();
    for (block, row) in blocks.iter_mut().zip(rows) {
        means_of_block(row, block);
    }
    for (mean, eight) in last.iter_mut().zip(rest.as_chunks::<8>().0) {
        *mean = mean_of_eight(eight);
    }
}

fn mean_of_eight(bytes: &[u8; 8]) -> u8 {
    (bytes.iter().map(|byte| u16::from(*byte)).sum::<u16>() / 8) as u8
}

#[cfg(target_arch = "x86_64")]
fn means_of_block(row: &[u8; 128], means: &mut [u8; 16]) {
    use std::arch::x86_64::*;
    #[target_feature(enable = "sse2")]
    fn made(row: &[u8; 128]) -> __m128i {
        let mut sums = [_mm_setzero_si128(); 8];
        for (sum, bytes) in sums.iter_mut().zip(row.as_chunks::<16>().0) {
            // SAFETY: there are 16 bytes, and the instruction asks for no alignment.
            let bytes = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
            *sum = _mm_sad_epu8(bytes, _mm_setzero_si128());
        }
        // Two sums a register, each in 64 bits; then four, then eight.
        let [a, b, c, d, e, f, g, h] = sums;
        let [ab, cd, ef, gh] =
            [_mm_packs_epi32(a, b), _mm_packs_epi32(c, d), _mm_packs_epi32(e, f), _mm_packs_epi32(g, h)];
        let [first, second] = [_mm_packs_epi32(ab, cd), _mm_packs_epi32(ef, gh)];
        _mm_packus_epi16(_mm_srli_epi16::<3>(first), _mm_srli_epi16::<3>(second))
    }
    // SAFETY: every x86-64 has SSE2; there are 16 bytes, and the instruction asks for no alignment.
    unsafe { _mm_storeu_si128(means.as_mut_ptr().cast(), made(row)) }
}

#[cfg(not(target_arch = "x86_64"))]
fn means_of_block(row: &[u8; 128], means: &mut [u8; 16]) {
    for (mean, eight) in means.iter_mut().zip(row.as_chunks::<8>().0) {
        *mean = mean_of_eight(eight);
    }
}

/// A function of rows that is compiled for wider registers as well, and taken as the machine has them. `FUSED` is whether
/// it multiplies and adds in one instruction.
macro_rules! widened {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) $body:block) => {
        $(#[$doc])*
        pub fn $name($($arg: $type),*) {
            #[inline(always)]
            fn plain<const FUSED: bool>($($arg: $type),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,fma")]
                fn widest($($arg: $type),*) {
                    plain::<true>($($arg),*);
                }
                #[target_feature(enable = "avx2,fma")]
                fn wide($($arg: $type),*) {
                    plain::<true>($($arg),*);
                }
                // SAFETY: the machine is asked for the features that the function needs.
                if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("fma") {
                    return unsafe { widest($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    return unsafe { wide($($arg),*) };
                }
            }
            plain::<false>($($arg),*);
        }
    };
}
pub(in crate::detect) use widened;

impl Row {
    #[inline(always)]
    fn value<const FUSED: bool>(&self, x: f32, y: f32, z: f32) -> f32 {
        let [f0, f1, f2] = self.factors;
        let sum = if FUSED {
            x.mul_add(f0, y.mul_add(f1, z.mul_add(f2, self.offset)))
        } else {
            x * f0 + y * f1 + z * f2 + self.offset
        };
        sum.clamp(self.low, self.high)
    }
}

widened! {
    /// One row of each plane of the tensor.
    convert(rows: &[Row; 3], components: [&[i16]; 3], targets: [&mut [f32]; 3]) {
        let ([c0, c1, c2], [t0, t1, t2]) = (components, targets);
        let targets = t0.iter_mut().zip(t1).zip(t2);
        for (((t0, t1), t2), ((&x, &y), &z)) in targets.zip(c0.iter().zip(c1).zip(c2)) {
            let (x, y, z) = (f32::from(x), f32::from(y), f32::from(z));
            *t0 = rows[0].value::<FUSED>(x, y, z);
            *t1 = rows[1].value::<FUSED>(x, y, z);
            *t2 = rows[2].value::<FUSED>(x, y, z);
        }
    }
}

/// A [`Color`] in whole numbers of 16 bits, which are enough: the largest sum is near 14,000.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// [`FACTOR`] for 1.
    factors: [i16; 3],
    /// With [`FRACTION`] bits behind the point, a half for rounding included.
    offset: i16,
}

impl Mix {
    pub fn new(color: &Color) -> Mix {
        let one = (1 << FRACTION) as f32;
        let factors = color.factors.map(|factor| (factor * FACTOR).round() as i16);
        // Each product loses half a bit in the mean; the sum is to be rounded.
        let lost = 0.5 * factors.iter().filter(|factor| **factor != 0).count() as f32;
        Mix { factors, offset: (color.offset * one + lost + one / 2.0).round() as i16 }
    }

    /// Whether there is more in it than the first component.
    pub fn mixes(&self) -> bool {
        self.factors[1..] != [0, 0]
    }

    #[inline(always)]
    fn byte(&self, x: i16, y: i16, z: i16) -> u8 {
        let [f0, f1, f2] = self.factors;
        // The upper half of a product is one instruction in wide registers.
        let times = |a: i16, b: i16| ((i32::from(a) * i32::from(b)) >> 16) as i16;
        let sum = times(x, f0) + times(y, f1) + times(z, f2) + self.offset;
        (sum >> FRACTION).clamp(0, 255) as u8
    }
}

widened! {
    /// Bytes of one colour.
    mix(mix: &Mix, components: [&[i16]; 3], bytes: &mut [u8]) {
        let [c0, c1, c2] = components;
        for (byte, ((&x, &y), &z)) in bytes.iter_mut().zip(c0.iter().zip(c1).zip(c2)) {
            *byte = mix.byte(x, y, z);
        }
    }
}

widened! {
    /// Bytes of a component as it is.
    narrow(component: &[i16], bytes: &mut [u8]) {
        for (byte, &value) in bytes.iter_mut().zip(component) {
            *byte = ((value + i16::from(WEIGHT)) >> (WEIGHT.ilog2() + 1)) as u8;
        }
    }
}

/// One row of patches from three rows of luma, which begin one pixel before the middle of the first patch, and from the rows
/// of both chroma, all [`SLACK`](super::patches::SLACK) longer than the patches are wide.
pub fn pack(luma: [&[u8]; 3], chroma: [&[u8]; 2], patches: &mut [[u8; PATCH]]) {
    #[cfg(target_arch = "x86_64")]
    if avx512::pack(luma, chroma, patches) || avx2::pack(luma, chroma, patches) {
        return;
    }
    pack_plainly(luma, chroma, patches);
}

pub(super) fn pack_plainly(luma: [&[u8]; 3], [blue, red]: [&[u8]; 2], patches: &mut [[u8; PATCH]]) {
    let pairs = luma.map(|row| row.as_chunks::<2>().0);
    let [above, middle, below] = pairs.map(|pairs| pairs.iter().zip(&pairs[1..]));
    let luma = above.zip(middle).zip(below);
    for (patch, (((a, b), c), (&blue, &red))) in patches.iter_mut().zip(luma.zip(blue.iter().zip(red))) {
        let [a, b, c] = [a, b, c].map(|(two, next)| u32::from_le_bytes([two[0], two[1], next[0], 0]));
        let last = c >> 16 | u32::from(blue) << 8 | u32::from(red) << 16;
        for (bytes, word) in patch.as_chunks_mut().0.iter_mut().zip([a | b << 24, b >> 8 | c << 16, last]) {
            *bytes = word.to_le_bytes();
        }
    }
}
