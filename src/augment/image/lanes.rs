//! Bytes in wide lanes: shuffles that no compiler finds by itself, with AVX2 where there is one.
//! Every function gives the same bytes without it.

use pulp::Simd;

pub use crate::base::lanes::{Body, run};

/// The machine's wide lanes, or nothing.
#[cfg(target_arch = "x86_64")]
pub use pulp::x86::V3 as Wide;

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m128i, __m256};

#[cfg(target_arch = "x86_64")]
use pulp::bytemuck::cast;

/// Machines that have no such lanes: never made.
#[cfg(not(target_arch = "x86_64"))]
#[derive(Debug, Clone, Copy)]
pub enum Wide {}

#[cfg(not(target_arch = "x86_64"))]
impl Wide {
    /// None.
    pub fn try_new() -> Option<Self> {
        None
    }
}

/// Looks every byte up.
pub fn look_up(table: &[u8; 256], src: &[u8], dst: &mut [u8]) {
    let done = match Wide::try_new() {
        Some(wide) => look_up_wide(wide, table, src, dst),
        None => 0,
    };
    dst[done..].iter_mut().zip(&src[done..]).for_each(|(d, &s)| *d = table[usize::from(s)]);
}

/// Copies pixels of three bytes, each row of `row` bytes in the opposite order.
pub fn reverse(src: &[u8], dst: &mut [u8], row: usize) {
    let row = row.max(1);
    match Wide::try_new() {
        Some(wide) => reverse_wide(wide, src, dst, row),
        None => {
            let rows = dst.chunks_exact_mut(row).zip(src.chunks_exact(row));
            rows.for_each(|(d, s)| opposite(s, d));
        }
    }
}

#[inline(always)]
fn opposite(src: &[u8], dst: &mut [u8]) {
    let out = dst.as_chunks_mut::<3>().0;
    out.iter_mut().zip(src.as_chunks::<3>().0.iter().rev()).for_each(|(d, s)| *d = *s);
}

#[cfg(not(target_arch = "x86_64"))]
fn look_up_wide(wide: Wide, _: &[u8; 256], _: &[u8], _: &mut [u8]) -> usize {
    match wide {}
}

#[cfg(not(target_arch = "x86_64"))]
fn reverse_wide(wide: Wide, _: &[u8], _: &mut [u8], _: usize) {
    match wide {}
}

/// As many bytes as fit the lanes; says how many.
#[cfg(target_arch = "x86_64")]
fn look_up_wide(wide: Wide, table: &[u8; 256], src: &[u8], dst: &mut [u8]) -> usize {
    let (avx, avx2) = (wide.avx, wide.avx2);
    Simd::vectorize(
        wide,
        Body(
            #[inline(always)]
            || {
                // A shuffle looks four bits up, or gives zero where the index is 128 or more: adding
                // 0x70 with saturation brings every index there but those of the table's own part.
                let parts = table.as_chunks::<16>().0;
                let tables: [_; 16] = std::array::from_fn(|i| {
                    let twice: [u8; 32] = std::array::from_fn(|k| parts[i][k % 16]);
                    cast(twice)
                });
                let s = src.as_chunks::<32>().0;
                for (d, s) in dst.as_chunks_mut::<32>().0.iter_mut().zip(s) {
                    let x = cast(*s);
                    let mut sum = avx._mm256_setzero_si256();
                    for (i, &table) in tables.iter().enumerate() {
                        let own = avx2._mm256_xor_si256(x, avx._mm256_set1_epi8((i << 4) as i8));
                        let at = avx2._mm256_adds_epu8(own, avx._mm256_set1_epi8(0x70));
                        sum = avx2._mm256_or_si256(sum, avx2._mm256_shuffle_epi8(table, at));
                    }
                    *d = cast(sum);
                }
                s.len() * 32
            },
        ),
    )
}

/// Where the bytes of sixteen pixels in the opposite order lie: for each sixteen of them, in each
/// sixteen of the pixels as they are; 128 where in another one.
#[cfg(target_arch = "x86_64")]
const OPPOSITE: [[[u8; 16]; 3]; 3] = {
    let mut places = [[[128; 16]; 3]; 3];
    let mut i = 0;
    while i < 48 {
        let from = 3 * (15 - i / 3) + i % 3;
        places[i / 16][from / 16][i % 16] = (from % 16) as u8;
        i += 1;
    }
    places
};

/// Sixteen pixels at a time.
#[cfg(target_arch = "x86_64")]
fn reverse_wide(wide: Wide, src: &[u8], dst: &mut [u8], row: usize) {
    let (sse2, ssse3) = (wide.sse2, wide.ssse3);
    Simd::vectorize(
        wide,
        Body(
            #[inline(always)]
            || {
                for (dst, src) in dst.chunks_exact_mut(row).zip(src.chunks_exact(row)) {
                    let (few, many) = src.as_rchunks::<48>();
                    let (out, rest) = dst.as_chunks_mut::<48>();
                    for (d, s) in out.iter_mut().zip(many.iter().rev()) {
                        let from: [__m128i; 3] = cast(*s);
                        let mut to = from;
                        for (to, places) in to.iter_mut().zip(&OPPOSITE) {
                            let a = ssse3._mm_shuffle_epi8(from[0], cast(places[0]));
                            let b = ssse3._mm_shuffle_epi8(from[1], cast(places[1]));
                            let c = ssse3._mm_shuffle_epi8(from[2], cast(places[2]));
                            *to = sse2._mm_or_si128(sse2._mm_or_si128(a, b), c);
                        }
                        *d = cast(to);
                    }
                    opposite(few, rest);
                }
            },
        ),
    )
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn floats(wide: Wide, x: &[u8; 8]) -> __m256 {
    let x = cast([u64::from_le_bytes(*x), 0]);
    wide.avx._mm256_cvtepi32_ps(wide.avx2._mm256_cvtepu8_epi32(x))
}

/// Two pixels of `C` bytes and the two below them, mixed by the shares of the right and of the
/// lower ones.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn mix<const C: usize>(
    wide: Wide,
    (top, low): (&[u8; 8], &[u8; 8]),
    (fx, fy): (f32, f32),
) -> [u8; 4] {
    let (sse, avx, avx2) = (wide.sse, wide.avx, wide.avx2);
    let (top, low) = (floats(wide, top), floats(wide, low));
    let more = avx._mm256_mul_ps(avx._mm256_sub_ps(low, top), avx._mm256_set1_ps(fy));
    let both = avx._mm256_add_ps(top, more);
    let left = avx._mm256_castps256_ps128(both);
    let right = if C == 4 {
        avx._mm256_extractf128_ps::<1>(both)
    } else {
        let order: [i32; 8] = [3, 4, 5, 6, 7, 7, 7, 7];
        avx._mm256_castps256_ps128(avx2._mm256_permutevar8x32_ps(both, cast(order)))
    };
    let more = sse._mm_mul_ps(sse._mm_sub_ps(right, left), sse._mm_set1_ps(fx));
    let whole = wide.sse2._mm_cvtps_epi32(sse._mm_add_ps(left, more));
    let bytes: [i8; 16] = [0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1];
    let packed = wide.ssse3._mm_shuffle_epi8(whole, cast(bytes));
    wide.sse2._mm_cvtsi128_si32(packed).to_le_bytes()
}

#[cfg(not(target_arch = "x86_64"))]
pub fn mix<const C: usize>(wide: Wide, _: (&[u8; 8], &[u8; 8]), _: (f32, f32)) -> [u8; 4] {
    match wide {}
}
