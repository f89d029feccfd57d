//! Inner loops for x86-64 with AVX-512 VBMI, bit for bit the same as the plain ones.
//! [`Columns::pick`](super::rows::Columns::pick): a permutation brings both taps of 32 columns side by side, or of 16, from the
//! 128 bytes that they lie in. [`rows::pack`](super::rows::pack): one permutation makes 64 bytes of patches, wherever they begin.

use std::arch::x86_64::*;

use super::rows::BLOCK;
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
    /// Whether each half of a block has a permutation of its own.
    halved: bool,
}

/// 32 columns, in whole lines of the cache.
#[derive(Debug)]
#[repr(align(64))]
struct Block {
    /// First byte of the [`WITHIN`] that hold the taps of each half.
    starts: [usize; 2],
    /// Which of these bytes goes where, and its weight.
    bytes: [u8; 64],
    weights: [u8; 64],
}

impl Permutations {
    /// `None` where the machine has no AVX-512 VBMI, where 16 columns lie in more than [`WITHIN`] bytes, and where a row of
    /// `row_bytes` is shorter than that.
    pub fn new(taps: &[Tap], row_bytes: usize) -> Option<Permutations> {
        if !is_there() {
            return None;
        }
        let of = |halved| Some(Permutations { blocks: blocks(taps, row_bytes, halved)?, halved });
        of(false).or_else(|| of(true))
    }

    /// `out` is filled in whole blocks; `lean` is how much more the lower row weighs, with 15 bits of fraction.
    pub fn pick(&self, rows: [&[u8]; 2], lean: i16, out: &mut [i16]) {
        let pick = if self.halved { pick::<true> } else { pick::<false> };
        // SAFETY: `new` has asked the machine for both.
        unsafe { pick(&self.blocks, rows, lean, out) }
    }

    /// The means of each two columns of one row; `out` is filled in half blocks.
    pub fn pick_halves(&self, row: &[u8], out: &mut [i16]) {
        let pick = if self.halved { pick_halves::<true> } else { pick_halves::<false> };
        // SAFETY: `new` has asked the machine for both.
        unsafe { pick(&self.blocks, row, out) }
    }

    /// As bytes.
    pub fn pick_bytes(&self, rows: [&[u8]; 2], lean: i16, out: &mut [u8]) {
        let pick = if self.halved { pick_bytes::<true> } else { pick_bytes::<false> };
        // SAFETY: `new` has asked the machine for both.
        unsafe { pick(&self.blocks, rows, lean, out) }
    }
}

fn blocks(taps: &[Tap], row_bytes: usize, halved: bool) -> Option<Vec<Block>> {
    let last = *taps.last()?;
    let last_start = row_bytes.checked_sub(WITHIN)?;
    let mut blocks = Vec::new();
    for columns in taps.chunks(BLOCK) {
        let tap = |column: usize| columns.get(column).unwrap_or(&last);
        // The samples of a tap, and the taps of a row, lie in the order of memory.
        let start = |column: usize| (tap(column).first as usize).min(last_start);
        let starts = [start(0), start(if halved { BLOCK / 2 } else { 0 })];
        let mut block = Block { starts, bytes: [0; 64], weights: [0; 64] };
        for column in 0..BLOCK {
            let (tap, start) = (tap(column), starts[column * 2 / BLOCK]);
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
    Some(blocks)
}

#[target_feature(enable = "avx512vbmi,avx512bw")]
fn pick<const HALVED: bool>(blocks: &[Block], rows: [&[u8]; 2], lean: i16, out: &mut [i16]) {
    for (out, block) in out.as_chunks_mut::<BLOCK>().0.iter_mut().zip(blocks) {
        let mixed = mixed::<HALVED>(rows, block, lean);
        // SAFETY: there are 32 values, and the instruction asks for no alignment.
        unsafe { _mm512_storeu_epi16(out.as_mut_ptr(), mixed) }
    }
}

#[target_feature(enable = "avx512vbmi,avx512bw")]
fn pick_halves<const HALVED: bool>(blocks: &[Block], row: &[u8], out: &mut [i16]) {
    for (out, block) in out.as_chunks_mut::<{ BLOCK / 2 }>().0.iter_mut().zip(blocks) {
        let sums = _mm512_madd_epi16(across::<HALVED>(row, block), _mm512_set1_epi16(1));
        // SAFETY: there are 16 values, and the instruction asks for no alignment.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), _mm512_cvtepi32_epi16(sums)) }
    }
}

#[target_feature(enable = "avx512vbmi,avx512bw")]
fn pick_bytes<const HALVED: bool>(blocks: &[Block], rows: [&[u8]; 2], lean: i16, out: &mut [u8]) {
    let half = _mm512_set1_epi16(WEIGHT.into());
    for (out, block) in out.as_chunks_mut::<BLOCK>().0.iter_mut().zip(blocks) {
        let mixed = _mm512_add_epi16(mixed::<HALVED>(rows, block, lean), half);
        let bytes = _mm512_cvtepi16_epi8(_mm512_srli_epi16::<{ WEIGHT.ilog2() + 1 }>(mixed));
        // SAFETY: there are 32 bytes, and the instruction asks for no alignment.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), bytes) }
    }
}

/// Taps of two rows.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512bw")]
fn mixed<const HALVED: bool>([upper, lower]: [&[u8]; 2], block: &Block, lean: i16) -> __m512i {
    let (a, b) = (across::<HALVED>(upper, block), across::<HALVED>(lower, block));
    let sum = _mm512_add_epi16(a, b);
    if lean == 0 {
        return sum;
    }
    _mm512_add_epi16(sum, _mm512_mulhrs_epi16(_mm512_sub_epi16(b, a), _mm512_set1_epi16(lean)))
}

/// Both taps of 32 columns of one row, weighted: at most 255 · [`WEIGHT`], which fits an i16.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512bw")]
fn across<const HALVED: bool>(row: &[u8], block: &Block) -> __m512i {
    let mut pairs = permuted(row, block.starts[0], &block.bytes);
    if HALVED {
        pairs = _mm512_mask_blend_epi64(0xf0, pairs, permuted(row, block.starts[1], &block.bytes));
    }
    _mm512_maddubs_epi16(pairs, load(&block.weights))
}

#[inline]
#[target_feature(enable = "avx512vbmi,avx512bw")]
fn permuted(row: &[u8], start: usize, bytes: &[u8; 64]) -> __m512i {
    let (halves, _) = row[start..][..WITHIN].as_chunks::<64>();
    _mm512_permutex2var_epi8(load(&halves[0]), load(bytes), load(&halves[1]))
}

#[inline]
#[target_feature(enable = "avx512vbmi,avx512bw")]
fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: there are 64 bytes, and the instruction asks for no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// Patches of one round: the fewest that are whole registers.
const ROUND: usize = 16;
/// Registers that they are.
const STORES: usize = ROUND * PATCH / 64;

/// Whether it was done: the machine has AVX-512 VBMI, and the patches are whole rounds.
pub fn pack(luma: [&[u8]; 3], chroma: [&[u8]; 2], patches: &mut [[u8; PATCH]]) -> bool {
    let (rounds, rest) = patches.as_flattened_mut().as_chunks_mut();
    let can = rest.is_empty() && is_there();
    if can {
        // SAFETY: the machine was asked.
        unsafe { pack_wide(luma, chroma, rounds) }
    }
    can
}

/// For each register of a round: the patch that its bytes begin in, and which byte goes where: 0 to 47 are 16 of each row of
/// luma, from that patch on, 48 to 63 are 8 of each chroma.
const SOURCES: [(usize, [u8; 64]); STORES] = {
    let mut sources = [(0, [0; 64]); STORES];
    let mut store = 0;
    while store < STORES {
        let first = store * 64 / PATCH;
        sources[store].0 = first;
        let mut i = 0;
        while i < 64 {
            let (patch, byte) = ((store * 64 + i) / PATCH - first, (store * 64 + i) % PATCH);
            sources[store].1[i] = match byte {
                0..9 => byte / 3 * 16 + 2 * patch + byte % 3,
                9 | 10 => 48 + (byte - 9) * 8 + patch,
                _ => 0,
            } as u8;
            i += 1;
        }
        store += 1;
    }
    sources
};

/// For each register of a round: the bytes that say something. The last one of a patch is 0.
const TELLING: [u64; STORES] = {
    let mut telling = [0; STORES];
    let mut at = 0;
    while at < ROUND * PATCH {
        if at % PATCH < PATCH - 1 {
            telling[at / 64] |= 1 << (at % 64);
        }
        at += 1;
    }
    telling
};

#[target_feature(enable = "avx512vbmi,avx512bw")]
fn pack_wide(luma: [&[u8]; 3], chroma: [&[u8]; 2], rounds: &mut [[u8; ROUND * PATCH]]) {
    // A closure would not be compiled for wide registers.
    let mut bytes = [_mm512_setzero_si512(); STORES];
    for (bytes, source) in bytes.iter_mut().zip(&SOURCES) {
        *bytes = load(&source.1);
    }
    for (round, stores) in rounds.iter_mut().enumerate() {
        let at = round * ROUND;
        let [a, b, c] = [window(luma[0], 2 * at), window(luma[1], 2 * at), window(luma[2], 2 * at)];
        let [blue, red] = [chroma_window(chroma[0], at), chroma_window(chroma[1], at)];
        let (stores, _) = stores.as_chunks_mut::<64>();
        for store in 0..STORES {
            let first = SOURCES[store].0;
            let upper = pair(sixteen(a, 2 * first), sixteen(b, 2 * first));
            let both = _mm_unpacklo_epi64(eight(blue, first), eight(red, first));
            let all = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(upper), pair(sixteen(c, 2 * first), both));
            let made = _mm512_maskz_permutexvar_epi8(TELLING[store], bytes[store], all);
            // SAFETY: there are 64 bytes, and the instruction asks for no alignment.
            unsafe { _mm512_storeu_si512(stores[store].as_mut_ptr().cast(), made) }
        }
    }
}

/// Patches before the last register of a round.
const LAST: usize = SOURCES[STORES - 1].0;

/// What a row of luma has for a round.
#[inline(always)]
fn window(row: &[u8], at: usize) -> &[u8; 2 * LAST + 16] {
    row[at..].first_chunk().expect("a row is longer than its patches")
}

/// What a row of chroma has for a round.
#[inline(always)]
fn chroma_window(row: &[u8], at: usize) -> &[u8; LAST + 8] {
    row[at..].first_chunk().expect("a row is longer than its patches")
}

#[inline]
#[target_feature(enable = "avx512vbmi,avx512bw")]
fn pair(low: __m128i, high: __m128i) -> __m256i {
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
}

/// Luma of 16 pixels.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512bw")]
fn sixteen(row: &[u8; 2 * LAST + 16], at: usize) -> __m128i {
    let pixels = &row[at..][..16];
    // SAFETY: there are 16 bytes, and the instruction asks for no alignment.
    unsafe { _mm_loadu_si128(pixels.as_ptr().cast()) }
}

/// Chroma of eight patches.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512bw")]
fn eight(row: &[u8; LAST + 8], at: usize) -> __m128i {
    let bytes = &row[at..][..8];
    // SAFETY: there are 8 bytes, and the instruction asks for no alignment.
    unsafe { _mm_loadl_epi64(bytes.as_ptr().cast()) }
}
