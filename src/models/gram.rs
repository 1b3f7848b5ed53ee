//! Centred Gram matrices in one pass over blocks of rows: what least squares needs of the data.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, par};

/// Rows handled at once: a block of 100 columns stays in the second-level cache.
const BLOCK: usize = 256;
/// The most partial sums kept, in numbers, before they are added up in index order.
const PARTIALS: usize = 4_000_000;

/// Weighted means, and the Gram matrices of the centred columns.
#[derive(Debug, Clone)]
pub struct Gram {
    /// Means of the columns of X; zeros without centring.
    pub x_mean: Array1<f64>,
    /// Means of the columns of Y; zeros without centring.
    pub y_mean: Array1<f64>,
    /// X'WX, centred.
    pub xx: Array2<f64>,
    /// X'WY, centred.
    pub xy: Array2<f64>,
}

/// Checks that rows and weights fit each other and the weights are usable.
pub fn check_weights(n: usize, weights: Option<ArrayView1<f64>>) -> Result<()> {
    let Some(w) = weights else { return Ok(()) };
    if w.len() != n {
        return Err(Error::Shape(format!("sample_weight has {} values for {n} rows", w.len())));
    }
    if w.iter().any(|v| !v.is_finite() || *v < 0.0) {
        return Err(Error::Data("sample_weight must be finite and not negative".into()));
    }
    if w.sum() <= 0.0 {
        return Err(Error::Data("sample_weight is zero for every row".into()));
    }
    Ok(())
}

/// Weighted means of the columns.
pub fn means<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    weights: Option<ArrayView1<f64>>,
) -> Result<Array1<f64>> {
    let (n, p) = x.dim();
    let total = weights.map_or(n as f64, |w| w.sum());
    let parts = par::map_chunks(ctx, n, chunk_size(n, p), |a, b| {
        let mut sum = Array1::<f64>::zeros(p);
        for i in a..b {
            let w = weights.map_or(1.0, |w| w[i]);
            for (s, v) in sum.iter_mut().zip(x.row(i)) {
                *s += w * v.wide();
            }
        }
        sum
    })?;
    Ok(parts.into_iter().fold(Array1::zeros(p), |a, b| a + b) / total)
}

fn chunk_size(n: usize, numbers: usize) -> usize {
    let chunks = (PARTIALS / numbers.max(1)).clamp(1, 64);
    n.div_ceil(chunks).next_multiple_of(BLOCK)
}

/// The Gram matrices of X and Y, centred at their weighted means if asked.
pub fn gram<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    y: ArrayView2<f64>,
    weights: Option<ArrayView1<f64>>,
    centre: bool,
) -> Result<Gram> {
    let ((n, p), k) = (x.dim(), y.ncols());
    let (x_mean, y_mean) = if centre {
        (means(ctx, x, weights)?, means(ctx, y, weights)?)
    } else {
        (Array1::zeros(p), Array1::zeros(k))
    };
    let parts = par::map_chunks(ctx, n, chunk_size(n, p * (p + k)), |a, b| {
        let mut sum = Array2::<f64>::zeros((p, p + k));
        let mut block = Array2::<f64>::zeros((BLOCK, p + k));
        for first in (a..b).step_by(BLOCK) {
            let last = (first + BLOCK).min(b);
            if ctx.stopped() {
                break; // the caller's next check says so
            }
            fill(&mut block, x, y, &x_mean, &y_mean, weights, first, last);
            let rows = block.slice(s![..last - first, ..]);
            general_mat_mul(1.0, &rows.slice(s![.., ..p]).t(), &rows, 1.0, &mut sum);
        }
        sum
    })?;
    ctx.check()?;
    let sum = parts.into_iter().fold(Array2::zeros((p, p + k)), |a, b| a + b);
    let xx = sum.slice(s![.., ..p]).to_owned();
    let xy = sum.slice(s![.., p..]).to_owned();
    Ok(Gram { x_mean, y_mean, xx, xy })
}

/// Writes rows `first..last` of (X, Y), centred and times the root of their weight, to `block`.
#[allow(clippy::too_many_arguments)]
fn fill<T: Float>(
    block: &mut Array2<f64>,
    x: ArrayView2<T>,
    y: ArrayView2<f64>,
    x_mean: &Array1<f64>,
    y_mean: &Array1<f64>,
    weights: Option<ArrayView1<f64>>,
    first: usize,
    last: usize,
) {
    let p = x.ncols();
    for (mut out, i) in block.axis_iter_mut(Axis(0)).zip(first..last) {
        let root = weights.map_or(1.0, |w| w[i].sqrt());
        let (mut left, mut right) = out.view_mut().split_at(Axis(0), p);
        for ((o, v), m) in left.iter_mut().zip(x.row(i)).zip(x_mean) {
            *o = root * (v.wide() - m);
        }
        for ((o, v), m) in right.iter_mut().zip(y.row(i)).zip(y_mean) {
            *o = root * (v - m);
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
        fn gram_is_the_plain_sum(seed in 0u64..500, n in 1usize..600, p in 1usize..6) {
            let mut s = Stream::new(seed, 1, 0, 0);
            let x = Array2::from_shape_fn((n, p), |_| s.normal() + 3.0);
            let y = Array2::from_shape_fn((n, 2), |_| s.normal());
            let w = Array1::from_shape_fn(n, |_| s.unit() + 0.1);
            let g = gram(&Ctx::new(1), x.view(), y.view(), Some(w.view()), true).unwrap();
            let total = w.sum();
            for a in 0..p {
                let mean: f64 = (0..n).map(|i| w[i] * x[[i, a]]).sum::<f64>() / total;
                prop_assert!((g.x_mean[a] - mean).abs() < 1e-10);
                for b in 0..p {
                    let want: f64 = (0..n)
                        .map(|i| w[i] * (x[[i, a]] - g.x_mean[a]) * (x[[i, b]] - g.x_mean[b]))
                        .sum();
                    prop_assert!((g.xx[[a, b]] - want).abs() < 1e-8 * (1.0 + want.abs()));
                }
                let want: f64 = (0..n)
                    .map(|i| w[i] * (x[[i, a]] - g.x_mean[a]) * (y[[i, 1]] - g.y_mean[1]))
                    .sum();
                prop_assert!((g.xy[[a, 1]] - want).abs() < 1e-8 * (1.0 + want.abs()));
            }
        }
    }

    #[test]
    fn bad_weights_are_refused() {
        let w = ndarray::array![1.0, -1.0];
        assert!(check_weights(2, Some(w.view())).is_err());
        assert!(check_weights(3, Some(w.view())).is_err());
        assert!(check_weights(2, Some(Array1::zeros(2).view())).is_err());
    }
}
