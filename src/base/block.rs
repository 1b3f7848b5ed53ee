//! Products of small blocks in registers: what linear models ask of some rows of a table.
//!
//! A block holds rows of the table by columns: column `j` is at `j * stride`, `len` numbers of it
//! are used. Products are rounded once where the machine does so for free, so that the last bits
//! differ from machine to machine, and never by the number of threads.

use ndarray::{Array1, ArrayView2};
use pulp::{Arch, Simd, WithSimd};

use super::float::Float;
use super::lanes;

/// Columns begin this much further apart than they are long: at powers of two they would all fall
/// into the same few places of a cache.
const APART: usize = 8;

/// How a block is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Columns.
    pub width: usize,
    /// Rows: a multiple of 64.
    pub len: usize,
    /// From one column to the next.
    pub stride: usize,
}

impl Shape {
    /// A block of `width` columns of about as many rows as stay in a cache.
    pub fn new(width: usize) -> Self {
        let len = match width {
            0..=128 => 256,
            129..=512 => 128,
            _ => 64,
        };
        Shape { width, len, stride: len + APART }
    }

    /// A block of many rows, for sums over rows of products of columns.
    pub fn tall(width: usize) -> Self {
        Shape { width, len: 256, stride: 256 + APART }
    }

    /// Zeros for `width` columns.
    pub fn zeros(&self, width: usize) -> Vec<f64> {
        vec![0.0; width * self.stride]
    }
}

/// Writes rows `x`, less `centre` and times `factor` by column, to a block; rows past the last are
/// zeros.
pub fn fill<T: Float>(
    x: ArrayView2<T>,
    centre: &Array1<f64>,
    factor: &Array1<f64>,
    shape: Shape,
    out: &mut [f64],
) {
    let (n, p) = x.dim();
    let by_row = x.strides()[1] == 1 && p > 0;
    let whole = if by_row { n - n % 8 } else { 0 };
    let all = x.to_slice();
    let row = |i: usize| match all {
        Some(all) => &all[i * p..(i + 1) * p],
        None => x.row(i).to_slice().unwrap_or(&[]),
    };
    lanes::run(
        #[inline(always)]
        || {
            for first in (0..whole).step_by(8) {
                // No closure makes these: it would be a call without the lanes.
                let mut rows: [&[T]; 8] = [&[]; 8];
                for (r, cells) in rows.iter_mut().enumerate() {
                    *cells = &row(first + r)[..p];
                }
                let to = out.chunks_exact_mut(shape.stride);
                for (j, (o, (m, s))) in to.zip(centre.iter().zip(factor)).enumerate() {
                    let o = &mut o[first..first + 8];
                    for r in 0..8 {
                        o[r] = (rows[r][j].wide() - m) * s;
                    }
                }
            }
        },
    );
    for (j, o) in out.chunks_exact_mut(shape.stride).take(p).enumerate() {
        let (m, s) = (centre[j], factor[j]);
        for (o, v) in o[whole..n].iter_mut().zip(x.column(j).iter().skip(whole)) {
            *o = (v.wide() - m) * s;
        }
        o[n..].fill(0.0);
    }
}

/// `out[k][t] = sum over j of coef[k][j] * x[j][t]`: scores of the rows of a block. `coef` has rows
/// of `shape.width`; `out` is laid out as the block is.
pub fn mix(coef: &[f64], x: &[f64], shape: Shape, out: &mut [f64]) {
    struct Mix<'a>(&'a [f64], &'a [f64], Shape, &'a mut [f64]);
    impl WithSimd for Mix<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Mix(coef, x, shape, out) = self;
            let step = 4 * S::F64_LANES;
            for first in (0..shape.len).step_by(step) {
                let triples = coef.chunks(3 * shape.width).zip(out.chunks_mut(3 * shape.stride));
                for (coef, out) in triples {
                    match coef.len() / shape.width {
                        3 => mix_rows::<S, 3>(simd, coef, x, shape, first, out),
                        2 => mix_rows::<S, 2>(simd, coef, x, shape, first, out),
                        _ => mix_rows::<S, 1>(simd, coef, x, shape, first, out),
                    }
                }
            }
        }
    }
    if shape.width > 0 {
        Arch::new().dispatch(Mix(coef, x, shape, out));
    }
}

#[inline(always)]
#[allow(clippy::needless_range_loop, clippy::manual_memcpy)] // so that the sums stay in registers
fn mix_rows<S: Simd, const R: usize>(
    simd: S,
    coef: &[f64],
    x: &[f64],
    shape: Shape,
    first: usize,
    out: &mut [f64],
) {
    let step = 4 * S::F64_LANES;
    // No closure makes these arrays: it would be a call without the lanes.
    let mut rows: [&[f64]; R] = [&[]; R];
    for r in 0..R {
        rows[r] = &coef[r * shape.width..][..shape.width];
    }
    let mut sums = [[simd.splat_f64s(0.0); 4]; R];
    for (j, column) in x.chunks_exact(shape.stride).take(shape.width).enumerate() {
        let x = S::as_simd_f64s(&column[first..first + step]).0;
        let (x0, x1, x2, x3) = (x[0], x[1], x[2], x[3]);
        for r in 0..R {
            let c = simd.splat_f64s(rows[r][j]);
            sums[r][0] = simd.mul_add_e_f64s(c, x0, sums[r][0]);
            sums[r][1] = simd.mul_add_e_f64s(c, x1, sums[r][1]);
            sums[r][2] = simd.mul_add_e_f64s(c, x2, sums[r][2]);
            sums[r][3] = simd.mul_add_e_f64s(c, x3, sums[r][3]);
        }
    }
    for r in 0..R {
        let out = S::as_mut_simd_f64s(&mut out[r * shape.stride + first..][..step]).0;
        for v in 0..4 {
            out[v] = sums[r][v];
        }
    }
}

/// `out[i][j] += sum over t of a[i][t] * b[j][t]`, for `n` columns of `a` and `shape.width` of `b`;
/// with `lower`, only where `j <= i` is it promised.
pub fn dots(a: &[f64], n: usize, b: &[f64], shape: Shape, lower: bool, out: &mut [f64]) {
    struct Dots<'a>(&'a [f64], usize, &'a [f64], Shape, bool, &'a mut [f64]);
    impl WithSimd for Dots<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Dots(a, n, b, shape, lower, out) = self;
            let mut j = 0;
            while j < shape.width {
                let wide = j + 4 <= shape.width;
                let mut i = if lower { j } else { 0 };
                while i < n {
                    let rows = (n - i).min(3);
                    match (rows, wide) {
                        (3, true) => dot_tile::<S, 3, 4>(simd, a, i, b, j, shape, out),
                        (2, true) => dot_tile::<S, 2, 4>(simd, a, i, b, j, shape, out),
                        (_, true) => dot_tile::<S, 1, 4>(simd, a, i, b, j, shape, out),
                        (3, _) => dot_tile::<S, 3, 1>(simd, a, i, b, j, shape, out),
                        (2, _) => dot_tile::<S, 2, 1>(simd, a, i, b, j, shape, out),
                        _ => dot_tile::<S, 1, 1>(simd, a, i, b, j, shape, out),
                    }
                    i += rows;
                }
                j += if wide { 4 } else { 1 };
            }
        }
    }
    Arch::new().dispatch(Dots(a, n, b, shape, lower, out));
}

#[inline(always)]
#[allow(clippy::needless_range_loop, clippy::too_many_arguments)]
fn dot_tile<S: Simd, const R: usize, const C: usize>(
    simd: S,
    a: &[f64],
    i: usize,
    b: &[f64],
    j: usize,
    shape: Shape,
    out: &mut [f64],
) {
    let len = shape.len / S::F64_LANES;
    let mut left: [&[S::f64s]; R] = [&[]; R];
    let mut right: [&[S::f64s]; C] = [&[]; C];
    for r in 0..R {
        left[r] = &S::as_simd_f64s(&a[(i + r) * shape.stride..][..shape.len]).0[..len];
    }
    for c in 0..C {
        right[c] = &S::as_simd_f64s(&b[(j + c) * shape.stride..][..shape.len]).0[..len];
    }
    let mut sums = [[simd.splat_f64s(0.0); C]; R];
    let mut x = [simd.splat_f64s(0.0); R];
    for t in 0..len {
        for r in 0..R {
            x[r] = left[r][t];
        }
        for c in 0..C {
            let y = right[c][t];
            for r in 0..R {
                sums[r][c] = simd.mul_add_e_f64s(x[r], y, sums[r][c]);
            }
        }
    }
    for r in 0..R {
        for c in 0..C {
            out[(i + r) * shape.width + j + c] += simd.reduce_sum_f64s(sums[r][c]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_the_plain_sums(seed in 0u64..1000, width in 1usize..12, n in 1usize..8) {
            let mut s = Stream::new(seed, 0, 0, 0);
            let shape = Shape::new(width);
            let mut random = |n: usize| -> Vec<f64> { (0..n).map(|_| s.normal()).collect() };
            let (x, coef) = (random(width * shape.stride), random(n * width));
            let mut scores = shape.zeros(n);
            mix(&coef, &x, shape, &mut scores);
            for k in 0..n {
                for t in 0..shape.len {
                    let want: f64 = (0..width)
                        .map(|j| coef[k * width + j] * x[j * shape.stride + t])
                        .sum();
                    prop_assert!((scores[k * shape.stride + t] - want).abs() < 1e-12);
                }
            }
            for lower in [false, true] {
                let (a, n) = if lower { (&x, width) } else { (&scores, n) };
                let mut out = vec![1.0; n * width];
                dots(a, n, &x, shape, lower, &mut out);
                for i in 0..n {
                    for j in 0..if lower { i + 1 } else { width } {
                        let want: f64 = (0..shape.len)
                            .map(|t| a[i * shape.stride + t] * x[j * shape.stride + t])
                            .sum();
                        prop_assert!((out[i * width + j] - 1.0 - want).abs() < 1e-10);
                    }
                }
            }
        }
    }
}
