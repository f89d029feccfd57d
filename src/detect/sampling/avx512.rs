//! [`Columns::pick`](super::rows::Columns::pick) for x86-64 with AVX-512 VBMI, bit for bit the same: one permutation
//! brings both taps of 32 columns side by side, from the 128 bytes that they lie in.

use std::arch::x86_64::*;

use super::rows::BLOCK;
use super::{Tap, WEIGHT};

/// Bytes that one permutation picks from.
const WITHIN: usize = 128;

/// The taps of a row as permutations. There are some only where the machine has AVX-512 VBMI.
#[derive(Debug)]
pub struct Permutations {
    blocks: Vec<Block>,
}

/// 32 columns.
#[derive(Debug)]
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
        if !is_x86_feature_detected!("avx512vbmi") || !is_x86_feature_detected!("avx512bw") {
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
                // What is widened to 32 bits later on, a quarter of a register at a time, then lies in order.
                let at = 2 * (column % 16 / 4 * 8 + column / 16 * 4 + column % 4);
                let samples = [(tap.first, WEIGHT - tap.weight), (tap.second, tap.weight)];
                for (at, (byte, weight)) in (at..).zip(samples) {
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

    /// `out` is filled in whole blocks.
    pub fn pick(&self, rows: [&[u8]; 2], weight: u8, out: &mut [f32]) {
        // SAFETY: `new` has asked the machine for both.
        unsafe { pick(&self.blocks, rows, weight, out) }
    }
}

#[target_feature(enable = "avx512vbmi,avx512bw")]
fn pick(blocks: &[Block], [upper, lower]: [&[u8]; 2], weight: u8, out: &mut [f32]) {
    let down = _mm512_set1_epi32(i32::from(WEIGHT - weight) | i32::from(weight) << 16);
    for (out, block) in out.as_chunks_mut::<BLOCK>().0.iter_mut().zip(blocks) {
        let (a, b) = (across(upper, block), across(lower, block));
        let first = _mm512_cvtepi32_ps(_mm512_madd_epi16(_mm512_unpacklo_epi16(a, b), down));
        let second = _mm512_cvtepi32_ps(_mm512_madd_epi16(_mm512_unpackhi_epi16(a, b), down));
        let (low, high) = out.split_at_mut(BLOCK / 2);
        // SAFETY: each half has 16 values, and the instruction asks for no alignment.
        unsafe {
            _mm512_storeu_ps(low.as_mut_ptr(), first);
            _mm512_storeu_ps(high.as_mut_ptr(), second);
        }
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
