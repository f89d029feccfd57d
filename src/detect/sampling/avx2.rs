//! Two inner loops for x86-64 with AVX2, bit for bit the same as the plain ones. [`Columns::pick`](super::rows::Columns::pick): a
//! byte shuffle brings both taps of eight columns side by side, sixteen columns a round.
//! [`rows::pack`](super::rows::pack): a byte shuffle per row for each sixteen bytes, four patches a round.

use std::arch::x86_64::*;

use super::{PATCH, Tap, WEIGHT};

/// Columns of one round.
const BLOCK: usize = 16;

/// The taps of a row as shuffles. There is one only where the machine has AVX2.
#[derive(Debug)]
pub struct Shuffles {
    blocks: Vec<Block>,
    /// `pieces` of them for each block: which byte of a piece goes where; 0x80 for none.
    shuffles: Vec<[u8; 32]>,
    /// How many pieces of sixteen bytes the taps of eight columns lie in.
    pieces: usize,
}

/// Sixteen columns, in halves of eight.
#[derive(Debug)]
struct Block {
    /// First byte of the first piece of each half.
    start: [u32; 2],
    /// Of the first and second sample of each column.
    weights: [u8; 32],
}

impl Shuffles {
    /// `None` without AVX2, and where a row of `row_bytes` is too short to be read in whole pieces.
    pub fn new(taps: &[Tap], row_bytes: usize) -> Option<Shuffles> {
        if !is_x86_feature_detected!("avx2") {
            return None;
        }
        let last = *taps.last()?;
        let halves: Vec<[Tap; 8]> = (0..taps.len().next_multiple_of(BLOCK) / 8)
            .map(|half| std::array::from_fn(|i| *taps.get(half * 8 + i).unwrap_or(&last)))
            .collect();
        // The samples of a tap, and the taps of a row, lie in the order of memory.
        let first = |half: &[Tap; 8]| half[0].first as usize;
        let pieces = halves.iter().map(|half| (half[7].second as usize + 1 - first(half)).div_ceil(16)).max()?;
        let last_start = row_bytes.checked_sub(16 * pieces)?;
        let mut found = Shuffles { blocks: Vec::new(), shuffles: Vec::new(), pieces };
        for pair in halves.chunks_exact(2) {
            let mut block = Block { start: [0; 2], weights: [0; 32] };
            let mut shuffles = vec![[0x80; 32]; pieces];
            for (side, half) in pair.iter().enumerate() {
                let start = first(half).min(last_start);
                block.start[side] = start as u32;
                for (column, tap) in half.iter().enumerate() {
                    let at = side * 16 + column * 2;
                    let samples = [(tap.first as usize, WEIGHT - tap.weight), (tap.second as usize, tap.weight)];
                    for (at, (byte, weight)) in (at..).zip(samples) {
                        block.weights[at] = weight;
                        shuffles[(byte - start) / 16][at] = ((byte - start) % 16) as u8;
                    }
                }
            }
            found.blocks.push(block);
            found.shuffles.extend(shuffles);
        }
        Some(found)
    }

    /// `out` is filled in whole blocks; `lean` is how much more the lower row weighs, with 15 bits of fraction.
    pub fn pick(&self, rows: [&[u8]; 2], lean: i16, out: &mut [i16]) {
        // SAFETY: `new` has asked the machine for AVX2.
        unsafe {
            match self.pieces {
                1 => pick::<1>(self, rows, lean, out),
                2 => pick::<2>(self, rows, lean, out),
                3 => pick::<3>(self, rows, lean, out),
                _ => pick::<0>(self, rows, lean, out),
            }
        }
    }

    /// The means of each two columns of one row; `out` is filled in half blocks.
    pub fn pick_halves(&self, row: &[u8], out: &mut [i16]) {
        // SAFETY: `new` has asked the machine for AVX2.
        unsafe {
            match self.pieces {
                1 => pick_halves::<1>(self, row, out),
                2 => pick_halves::<2>(self, row, out),
                3 => pick_halves::<3>(self, row, out),
                _ => pick_halves::<0>(self, row, out),
            }
        }
    }
}

/// `PIECES` is the number of pieces as a constant for the inner loop, 0 where it is none.
#[target_feature(enable = "avx2")]
fn pick<const PIECES: usize>(s: &Shuffles, [upper, lower]: [&[u8]; 2], lean: i16, out: &mut [i16]) {
    let pieces = if PIECES > 0 { PIECES } else { s.pieces };
    let lean = _mm256_set1_epi16(lean);
    let (out, _) = out.as_chunks_mut::<BLOCK>();
    let blocks = s.blocks.iter().zip(s.shuffles.chunks_exact(pieces));
    for (out, (block, shuffles)) in out.iter_mut().zip(blocks) {
        let (a, b) = (across(upper, block, shuffles), across(lower, block, shuffles));
        let leaning = _mm256_mulhrs_epi16(_mm256_sub_epi16(b, a), lean);
        let mixed = _mm256_add_epi16(_mm256_add_epi16(a, b), leaning);
        // SAFETY: there are 16 values, and the instruction asks for no alignment.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), mixed) }
    }
}

#[target_feature(enable = "avx2")]
fn pick_halves<const PIECES: usize>(s: &Shuffles, row: &[u8], out: &mut [i16]) {
    let pieces = if PIECES > 0 { PIECES } else { s.pieces };
    let (out, _) = out.as_chunks_mut::<{ BLOCK / 2 }>();
    let blocks = s.blocks.iter().zip(s.shuffles.chunks_exact(pieces));
    for (out, (block, shuffles)) in out.iter_mut().zip(blocks) {
        let sums = _mm256_madd_epi16(across(row, block, shuffles), _mm256_set1_epi16(1));
        let halves = _mm_packs_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
        // SAFETY: there are 8 values, and the instruction asks for no alignment.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), halves) }
    }
}

/// Both taps of sixteen columns of one row, weighted: at most 255 · [`WEIGHT`], which fits an i16.
#[inline]
#[target_feature(enable = "avx2")]
fn across(row: &[u8], block: &Block, shuffles: &[[u8; 32]]) -> __m256i {
    let half = |start: u32| row[start as usize..][..16 * shuffles.len()].as_chunks::<16>().0;
    let (left, right) = (half(block.start[0]), half(block.start[1]));
    let mut pairs = _mm256_setzero_si256();
    for (piece, shuffle) in shuffles.iter().enumerate() {
        let left = _mm256_castsi128_si256(load_half(&left[piece]));
        let both = _mm256_inserti128_si256::<1>(left, load_half(&right[piece]));
        pairs = _mm256_or_si256(pairs, _mm256_shuffle_epi8(both, load(shuffle)));
    }
    _mm256_maddubs_epi16(pairs, load(&block.weights))
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: there are 32 bytes, and the instruction asks for no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_half(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: there are 16 bytes, and the instruction asks for no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// Patches of one round.
const ROUND: usize = 4;
/// Registers that they are.
const STORES: usize = ROUND * PATCH / 16;

/// Whether it was done: the machine has AVX2, and the patches are whole rounds.
pub fn pack(luma: [&[u8]; 3], chroma: [&[u8]; 2], patches: &mut [[u8; PATCH]]) -> bool {
    let (rounds, rest) = patches.as_flattened_mut().as_chunks_mut();
    let can = rest.is_empty() && is_x86_feature_detected!("avx2");
    if can {
        // SAFETY: the machine was asked.
        unsafe { pack_wide(luma, chroma, rounds) }
    }
    can
}

/// For each register of a round, which byte of each row of luma, and of eight of each chroma, goes where; 0x80 for none.
const SOURCES: [[[u8; 16]; 4]; STORES] = {
    let mut sources = [[[0x80; 16]; 4]; STORES];
    let mut at = 0;
    while at < ROUND * PATCH {
        let (patch, byte) = (at / PATCH, at % PATCH);
        let source = &mut sources[at / 16];
        match byte {
            0..9 => source[byte / 3][at % 16] = (2 * patch + byte % 3) as u8,
            9 | 10 => source[3][at % 16] = ((byte - 9) * 8 + patch) as u8,
            _ => {}
        }
        at += 1;
    }
    sources
};

#[target_feature(enable = "avx2")]
fn pack_wide([a, b, c]: [&[u8]; 3], [blue, red]: [&[u8]; 2], rounds: &mut [[u8; ROUND * PATCH]]) {
    for (round, stores) in rounds.iter_mut().enumerate() {
        let first = round * ROUND;
        let (a, b, c) = (luma_of(a, first), luma_of(b, first), luma_of(c, first));
        let both = _mm_unpacklo_epi64(chroma_of(blue, first), chroma_of(red, first));
        for (to, from) in stores.as_chunks_mut::<16>().0.iter_mut().zip(&SOURCES) {
            let upper =
                _mm_or_si128(_mm_shuffle_epi8(a, load_half(&from[0])), _mm_shuffle_epi8(b, load_half(&from[1])));
            let lower =
                _mm_or_si128(_mm_shuffle_epi8(c, load_half(&from[2])), _mm_shuffle_epi8(both, load_half(&from[3])));
            // SAFETY: there are 16 bytes, and the instruction asks for no alignment.
            unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), _mm_or_si128(upper, lower)) }
        }
    }
}

/// 16 pixels of luma from the one before the middle of a patch.
#[inline]
#[target_feature(enable = "avx2")]
fn luma_of(row: &[u8], patch: usize) -> __m128i {
    let pixels = &row[2 * patch..][..16];
    // SAFETY: there are 16 bytes, and the instruction asks for no alignment.
    unsafe { _mm_loadu_si128(pixels.as_ptr().cast()) }
}

/// Chroma of eight patches.
#[inline]
#[target_feature(enable = "avx2")]
fn chroma_of(row: &[u8], patch: usize) -> __m128i {
    let bytes = &row[patch..][..8];
    // SAFETY: there are 8 bytes, and the instruction asks for no alignment.
    unsafe { _mm_loadl_epi64(bytes.as_ptr().cast()) }
}
