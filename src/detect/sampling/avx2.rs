//! Two inner loops for x86-64 with AVX2, bit for bit the same as the plain ones. [`Columns::pick`](super::rows::Columns::pick): a
//! byte shuffle brings both taps of eight columns side by side, sixteen columns a round.
//! [`rows::pack`](super::rows::pack): a byte shuffle per row drops what is no colour, two stores a patch.

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

/// Whether it was done: the machine has AVX2.
pub fn pack(rows: [&[u32]; 3], patches: &mut [[u8; PATCH]]) -> bool {
    let has = is_x86_feature_detected!("avx2");
    if has {
        // SAFETY: the machine was asked.
        unsafe { pack_wide(rows, patches) }
    }
    has
}

#[target_feature(enable = "avx2")]
fn pack_wide(rows: [&[u32]; 3], patches: &mut [[u8; PATCH]]) {
    // The colours of three pixels from their 4 bytes each, moved up by so many places of the register.
    let colours = |up: i8| {
        let at = |place: i8| if (0..9).contains(&(place - up)) { (place - up) / 3 * 4 + (place - up) % 3 } else { -1 };
        let places: [i8; 16] = std::array::from_fn(|place| at(place as i8));
        load_half(&places.map(|p| p as u8))
    };
    // Bytes 0 to 15 of the patch and, since it has 28, 12 to 27.
    let (above, middle, again, below) = (colours(0), colours(9), colours(-3), colours(6));
    let [a, b, c] = rows.map(|row| row.as_chunks::<2>().0.windows(2));
    for (patch, ((a, b), c)) in patches.iter_mut().zip(a.zip(b).zip(c)) {
        let (a, b, c) = (four(a), four(b), four(c));
        let first = _mm_or_si128(_mm_shuffle_epi8(a, above), _mm_shuffle_epi8(b, middle));
        let last = _mm_or_si128(_mm_shuffle_epi8(b, again), _mm_shuffle_epi8(c, below));
        // SAFETY: both times there are 16 bytes of the patch, and the instruction asks for no alignment.
        unsafe {
            _mm_storeu_si128(patch[..16].as_mut_ptr().cast(), first);
            _mm_storeu_si128(patch[PATCH - 16..].as_mut_ptr().cast(), last);
        }
    }
}

/// Four pixels.
#[inline]
#[target_feature(enable = "avx2")]
fn four(pairs: &[[u32; 2]]) -> __m128i {
    let pairs = &pairs[..2];
    // SAFETY: two pairs are 16 bytes, and the instruction asks for no alignment.
    unsafe { _mm_loadu_si128(pairs.as_ptr().cast()) }
}
