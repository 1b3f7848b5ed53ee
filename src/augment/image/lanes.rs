//! Bytes in wide lanes: shuffles that no compiler finds by itself, with AVX2 where there is one.
//! Every function gives the same bytes without it.

use pulp::{Arch, Simd, WithSimd};

/// The machine's wide lanes, or nothing.
#[cfg(target_arch = "x86_64")]
pub use pulp::x86::V3 as Wide;

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

/// What is run in lanes. Called as a closure it would stay a function of its own, without them.
struct Body<F>(F);

impl<F: FnMut() -> R, R> WithSimd for Body<F> {
    type Output = R;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) -> R {
        (self.0)()
    }
}

/// Runs a closure (of `#[inline(always)]`) compiled for the widest lanes that the machine has.
#[inline(always)]
pub fn run<R>(f: impl FnMut() -> R) -> R {
    Arch::new().dispatch(Body(f))
}

/// Looks every byte up.
pub fn look_up(table: &[u8; 256], src: &[u8], dst: &mut [u8]) {
    let done = match Wide::try_new() {
        Some(wide) => look_up_wide(wide, table, src, dst),
        None => 0,
    };
    dst[done..].iter_mut().zip(&src[done..]).for_each(|(d, &s)| *d = table[usize::from(s)]);
}

/// Copies pixels of three bytes in the opposite order.
pub fn reverse(src: &[u8], dst: &mut [u8]) {
    let done = match Wide::try_new() {
        Some(wide) => reverse_wide(wide, src, dst),
        None => 0,
    };
    let pixels = src[..src.len() - done].as_chunks::<3>().0;
    let out = dst[done..].as_chunks_mut::<3>().0;
    out.iter_mut().zip(pixels.iter().rev()).for_each(|(d, s)| *d = *s);
}

#[cfg(not(target_arch = "x86_64"))]
fn look_up_wide(wide: Wide, _: &[u8; 256], _: &[u8], _: &mut [u8]) -> usize {
    match wide {}
}

#[cfg(not(target_arch = "x86_64"))]
fn reverse_wide(wide: Wide, _: &[u8], _: &mut [u8]) -> usize {
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

/// Five pixels at a time, as many as there are with one more byte on either side.
#[cfg(target_arch = "x86_64")]
fn reverse_wide(wide: Wide, src: &[u8], dst: &mut [u8]) -> usize {
    let ssse3 = wide.ssse3;
    Simd::vectorize(
        wide,
        Body(
            #[inline(always)]
            || {
                let order: [u8; 16] = std::array::from_fn(|i| match i {
                    15 => 0x80,
                    _ => (1 + 3 * (4 - i / 3) + i % 3) as u8,
                });
                let order = cast(order);
                let mut done = 0;
                while done + 16 <= src.len() {
                    let end = src.len() - done;
                    let Some(s) = src[..end].last_chunk::<16>() else { break };
                    let Some(d) = dst[done..].first_chunk_mut::<16>() else { break };
                    // The sixteenth byte is overwritten by what comes next.
                    *d = cast(ssse3._mm_shuffle_epi8(cast(*s), order));
                    done += 15;
                }
                done
            },
        ),
    )
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn floats(wide: Wide, x: &[u8; 8]) -> std::arch::x86_64::__m256 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_one_by_one() {
        let table: [u8; 256] = std::array::from_fn(|i| (i * 37 + 11) as u8);
        for n in [0, 1, 5, 6, 16, 17, 33, 100, 256] {
            let src: Vec<u8> = (0..3 * n).map(|i| (i * 89 + i / 7) as u8).collect();
            let mut dst = vec![0; 3 * n];
            look_up(&table, &src, &mut dst);
            assert!(dst.iter().zip(&src).all(|(&d, &s)| d == table[usize::from(s)]));
            reverse(&src, &mut dst);
            let expected: Vec<u8> = src.chunks(3).rev().flatten().copied().collect();
            assert_eq!(dst, expected);
        }
    }
}
