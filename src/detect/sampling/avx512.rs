//! Inner loops for x86-64 with AVX-512 VBMI, bit for bit the same as the plain ones.
//! [`Columns::pick`](super::rows::Columns::pick): one permutation brings both taps of 32 columns side by side, from the 128 bytes
//! that they lie in. [`rows::convert_pixels`](super::rows::convert_pixels): 32 pixels a round, clamped as they are packed.
//! [`rows::pack`](super::rows::pack): one permutation makes 64 bytes of patches, wherever they begin.

use std::arch::x86_64::*;

use super::rows::{BLOCK, FRACTION, Mix};
use super::{PATCH, Tap, WEIGHT};

/// Whether the machine has what the loops here are compiled for.
fn is_there() -> bool {
    is_x86_feature_detected!("avx512vbmi") && is_x86_feature_detected!("avx512bw")
}

/// Bytes that one permutation picks from.
const WITHIN: usize = 128;

/// The taps of a row as permutations. There are some only where the machine has AVX-512 VBMI.
#[derive(Debug)]
pub struct Permutations {
    blocks: Vec<Block>,
}

/// 32 columns, in whole lines of the cache.
#[derive(Debug)]
#[repr(align(64))]
struct Block {
    /// First byte of the [`WITHIN`] that hold their taps.
    start: usize,
    /// Which of these bytes goes where, and its weight.
    bytes: [u8; 64],
    weights: [u8; 64],
}

impl Permutations {
    /// `None` where the machine has no AVX-512 VBMI, where 32 columns lie in more than [`WITHIN`] bytes, and where a row of
    /// `row_bytes` is shorter than that.
    pub fn new(taps: &[Tap], row_bytes: usize) -> Option<Permutations> {
        if !is_there() {
            return None;
        }
        let last = *taps.last()?;
        let last_start = row_bytes.checked_sub(WITHIN)?;
        let mut blocks = Vec::new();
        for columns in taps.chunks(BLOCK) {
            // The samples of a tap, and the taps of a row, lie in the order of memory.
            let start = (columns[0].first as usize).min(last_start);
            let mut block = Block { start, bytes: [0; 64], weights: [0; 64] };
            for column in 0..BLOCK {
                let tap = columns.get(column).unwrap_or(&last);
                let samples = [(tap.first, WEIGHT - tap.weight), (tap.second, tap.weight)];
                for (at, (byte, weight)) in (2 * column..).zip(samples) {
                    let byte = byte as usize - start;
                    if byte >= WITHIN {
                        return None;
                    }
                    (block.bytes[at], block.weights[at]) = (byte as u8, weight);
                }
            }
            blocks.push(block);
        }
        Some(Permutations { blocks })
    }

    /// `out` is filled in whole blocks; `lean` is how much more the lower row weighs, with 15 bits of fraction.
    pub fn pick(&self, rows: [&[u8]; 2], lean: i16, out: &mut [i16]) {
        // SAFETY: `new` has asked the machine for both.
        unsafe { pick(&self.blocks, rows, lean, out) }
    }
}

#[target_feature(enable = "avx512vbmi,avx512bw")]
fn pick(blocks: &[Block], [upper, lower]: [&[u8]; 2], lean: i16, out: &mut [i16]) {
    let lean = _mm512_set1_epi16(lean);
    for (out, block) in out.as_chunks_mut::<BLOCK>().0.iter_mut().zip(blocks) {
        let (a, b) = (across(upper, block), across(lower, block));
        let leaning = _mm512_mulhrs_epi16(_mm512_sub_epi16(b, a), lean);
        let mixed = _mm512_add_epi16(_mm512_add_epi16(a, b), leaning);
        // SAFETY: there are 32 values, and the instruction asks for no alignment.
        unsafe { _mm512_storeu_epi16(out.as_mut_ptr(), mixed) }
    }
}

/// Both taps of 32 columns of one row, weighted: at most 255 · [`WEIGHT`], which fits an i16.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512bw")]
fn across(row: &[u8], block: &Block) -> __m512i {
    let (halves, _) = row[block.start..][..WITHIN].as_chunks::<64>();
    let pairs = _mm512_permutex2var_epi8(load(&halves[0]), load(&block.bytes), load(&halves[1]));
    _mm512_maddubs_epi16(pairs, load(&block.weights))
}

#[inline]
#[target_feature(enable = "avx512vbmi,avx512bw")]
fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: there are 64 bytes, and the instruction asks for no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// Converts as many whole blocks of pixels as there are, and says how many pixels that was: none where the machine has no
/// AVX-512 VBMI.
pub fn convert_pixels(mixes: &[Mix; 3], components: [&[i16]; 3], pixels: &mut [u32]) -> usize {
    if !is_there() {
        return 0;
    }
    let (blocks, _) = pixels.as_chunks_mut();
    // SAFETY: the machine was asked.
    unsafe { convert_wide(mixes, components.map(|row| row.as_chunks().0), blocks) }
    blocks.len() * BLOCK
}

#[target_feature(enable = "avx512vbmi,avx512bw")]
fn convert_wide(mixes: &[Mix; 3], [c0, c1, c2]: [&[[i16; BLOCK]]; 3], pixels: &mut [[u32; BLOCK]]) {
    let quarter = |bytes: [u8; 16]| {
        // SAFETY: there are 16 bytes, and the instruction asks for no alignment.
        _mm512_broadcast_i32x4(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
    };
    // Within each quarter of a register, the first bytes of eight pixels and the second ones become pairs.
    let pairs = quarter(std::array::from_fn(|i| (i / 2 + i % 2 * 8) as u8));
    // Four pixels of each quarter become those of the first half, and of the second.
    let (first, second) = (_mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15));
    for (pixels, ((c0, c1), c2)) in pixels.iter_mut().zip(c0.iter().zip(c1).zip(c2)) {
        let (x, y, z) = (load_values(c0), load_values(c1), load_values(c2));
        let (red, green, blue) = (mix(&mixes[0], x, y, z), mix(&mixes[1], x, y, z), mix(&mixes[2], x, y, z));
        // Packing clamps to a byte.
        let low = _mm512_shuffle_epi8(_mm512_packus_epi16(red, green), pairs);
        let high = _mm512_shuffle_epi8(_mm512_packus_epi16(blue, _mm512_setzero_si512()), pairs);
        let (fours, others) = (_mm512_unpacklo_epi16(low, high), _mm512_unpackhi_epi16(low, high));
        let at: *mut u32 = pixels.as_mut_ptr();
        // SAFETY: there are 32 pixels, and the instruction asks for no alignment.
        unsafe {
            _mm512_storeu_si512(at.cast(), _mm512_permutex2var_epi64(fours, first, others));
            _mm512_storeu_si512(at.add(16).cast(), _mm512_permutex2var_epi64(fours, second, others));
        }
    }
}

/// [`Mix::byte`] of 32 pixels, before it is clamped.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512bw")]
fn mix(mix: &Mix, x: __m512i, y: __m512i, z: __m512i) -> __m512i {
    let [f0, f1, f2] = mix.factors;
    let luma = _mm512_add_epi16(_mm512_mulhi_epi16(x, _mm512_set1_epi16(f0)), _mm512_set1_epi16(mix.offset));
    let (a, b) = (_mm512_mulhi_epi16(y, _mm512_set1_epi16(f1)), _mm512_mulhi_epi16(z, _mm512_set1_epi16(f2)));
    _mm512_srai_epi16::<FRACTION>(_mm512_add_epi16(luma, _mm512_add_epi16(a, b)))
}

#[inline]
#[target_feature(enable = "avx512vbmi,avx512bw")]
fn load_values(values: &[i16; BLOCK]) -> __m512i {
    // SAFETY: there are 32 values, and the instruction asks for no alignment.
    unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
}

/// Patches of one round: the fewest that are whole registers.
const ROUND: usize = 16;
/// Registers that they are.
const STORES: usize = ROUND * PATCH / 64;

/// Packs as many whole rounds of patches as there are, and says how many patches that was: none where the machine has no
/// AVX-512 VBMI.
pub fn pack(rows: [&[u32]; 3], patches: &mut [[u8; PATCH]]) -> usize {
    if !is_there() {
        return 0;
    }
    let rounds = patches.len() / ROUND;
    // SAFETY: the machine was asked.
    unsafe { pack_wide(rows, patches.as_flattened_mut().as_chunks_mut::<64>().0, rounds) }
    rounds * ROUND
}

/// For each register of a round: the pair of pixels that its bytes begin with, and which byte of the eight pixels from there goes
/// where: 0 to 31 are those of the row above, 32 to 63 of the middle one, 64 to 95 of the one below.
const SOURCES: [(usize, [u8; 64]); STORES] = {
    let mut sources = [(0, [0; 64]); STORES];
    let mut store = 0;
    while store < STORES {
        let first = store * 64 / PATCH;
        sources[store].0 = first;
        let mut i = 0;
        while i < 64 {
            let (patch, byte) = ((store * 64 + i) / PATCH, (store * 64 + i) % PATCH);
            let (row, in_row) = (byte / 9, byte % 9);
            let pixel = 2 * (patch - first) + in_row / 3;
            // The fourth byte of a pixel is 0, and so is the last one of a patch.
            let from = if byte == PATCH - 1 { 3 } else { pixel * 4 + in_row % 3 };
            sources[store].1[i] = (if row < 3 { row * 32 } else { 0 } + from) as u8;
            i += 1;
        }
        store += 1;
    }
    sources
};

/// Pixels of a row that the patches of one round are made from.
const WINDOW: usize = 2 * SOURCES[STORES - 1].0 + 8;

#[target_feature(enable = "avx512vbmi,avx512bw")]
fn pack_wide(rows: [&[u32]; 3], stores: &mut [[u8; 64]], rounds: usize) {
    // A closure would not be compiled for wide registers.
    let mut bytes = [_mm512_setzero_si512(); STORES];
    for (bytes, source) in bytes.iter_mut().zip(&SOURCES) {
        *bytes = load(&source.1);
    }
    let (rounds_of, _) = stores.as_chunks_mut::<STORES>();
    for (round, stores) in rounds_of.iter_mut().enumerate().take(rounds) {
        let [above, middle, below] = [window(rows[0], round), window(rows[1], round), window(rows[2], round)];
        for store in 0..STORES {
            let at = 2 * SOURCES[store].0;
            let both = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(eight(above, at)), eight(middle, at));
            let made = _mm512_permutex2var_epi8(both, bytes[store], _mm512_castsi256_si512(eight(below, at)));
            // SAFETY: there are 64 bytes, and the instruction asks for no alignment.
            unsafe { _mm512_storeu_si512(stores[store].as_mut_ptr().cast(), made) }
        }
    }
}

/// What one row has for a round.
#[inline(always)]
fn window(row: &[u32], round: usize) -> &[u32; WINDOW] {
    row[2 * round * ROUND..].first_chunk().expect("a row has two pixels more than twice its patches")
}

/// Eight pixels.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512bw")]
fn eight(row: &[u32; WINDOW], at: usize) -> __m256i {
    let pixels = &row[at..][..8];
    // SAFETY: eight pixels are 32 bytes, and the instruction asks for no alignment.
    unsafe { _mm256_loadu_si256(pixels.as_ptr().cast()) }
}
