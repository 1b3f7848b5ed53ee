//! Centred Gram matrices in one pass over blocks of rows: what least squares needs of the data.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};

use crate::base::block::{Shape, dots, fill};
use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, par};

/// Partial sums are of so many rows, or of multiples.
const BLOCK: usize = 256;
/// Rows that tell about where the means lie.
const PROBE: usize = 256;
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
///
/// One pass over the rows about a point near the means; what the means are off it is taken out
/// after. Where that would cost digits a second pass is made.
pub fn gram<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    y: ArrayView2<f64>,
    weights: Option<ArrayView1<f64>>,
    centre: bool,
) -> Result<Gram> {
    let ((n, p), k) = (x.dim(), y.ncols());
    if !centre {
        let near = Array1::zeros(p + k);
        return Ok(about(ctx, x, y, weights, near)?.taken(p, false).0);
    }
    let step = n.div_ceil(PROBE).max(1);
    let (some, targets) = (x.slice(s![..;step, ..]), y.slice(s![..;step, ..]));
    let rows = some.nrows().max(1) as f64;
    let near = some
        .columns()
        .into_iter()
        .map(|c| c.iter().map(|v| v.wide()).sum::<f64>() / rows)
        .chain(targets.columns().into_iter().map(|c| c.sum() / rows))
        .collect();
    let (first, exact) = about(ctx, x, y, weights, near)?.taken(p, true);
    if exact {
        return Ok(first);
    }
    let means = first.x_mean.iter().chain(&first.y_mean).copied().collect();
    Ok(about(ctx, x, y, weights, means)?.taken(p, true).0)
}

/// Sums of products of the roots of weights, columns and targets, about a point.
struct About {
    near: Array1<f64>,
    sums: Array2<f64>,
}

fn about<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    y: ArrayView2<f64>,
    weights: Option<ArrayView1<f64>>,
    near: Array1<f64>,
) -> Result<About> {
    let ((n, p), k) = (x.dim(), y.ncols());
    let d = 1 + p + k;
    let shape = Shape::tall(d);
    let (left, right) = (near.slice(s![..p]).to_owned(), near.slice(s![p..]).to_owned());
    let (ones, one) = (Array1::ones(p), Array1::ones(k));
    let parts = par::map_chunks(ctx, n, chunk_size(n, d * d), |a, b| {
        let mut sum = vec![0.0; d * d];
        let mut block = shape.zeros(d);
        for first in (a..b).step_by(shape.len) {
            if ctx.stopped() {
                break; // the caller's next check says so
            }
            let last = (first + shape.len).min(b);
            let (roots, rest) = block.split_at_mut(shape.stride);
            let (columns, targets) = rest.split_at_mut(p * shape.stride);
            fill(x.slice(s![first..last, ..]), &left, &ones, shape, columns);
            fill(y.slice(s![first..last, ..]), &right, &one, shape, targets);
            roots[last - first..].fill(0.0);
            for (t, root) in roots[..last - first].iter_mut().enumerate() {
                *root = weights.map_or(1.0, |w| w[first + t].sqrt());
            }
            if weights.is_some() {
                for column in rest.chunks_exact_mut(shape.stride) {
                    column.iter_mut().zip(roots.iter()).for_each(|(v, root)| *v *= root);
                }
            }
            dots(&block, d, &block, shape, true, &mut sum);
        }
        sum
    })?;
    ctx.check()?;
    let mut all = vec![0.0; d * d];
    parts.iter().for_each(|part| all.iter_mut().zip(part).for_each(|(a, v)| *a += v));
    let sums = Array2::from_shape_fn((d, d), |(i, j)| all[i.max(j) * d + i.min(j)]);
    Ok(About { near, sums })
}

impl About {
    /// The matrices about the means, and whether no digits were lost by that.
    fn taken(&self, p: usize, centre: bool) -> (Gram, bool) {
        let d = self.sums.nrows();
        let total = self.sums[[0, 0]];
        let off = self.sums.slice(s![0, 1..]).mapv(|v| if centre { v / total } else { 0.0 });
        let mean = if centre { &self.near + &off } else { Array1::zeros(d - 1) };
        let mut inner = self.sums.slice(s![1.., 1..]).to_owned();
        let mut exact = true;
        for i in 0..d - 1 {
            for j in 0..d - 1 {
                inner[[i, j]] -= total * off[i] * off[j];
            }
            exact &= total * off[i] * off[i] <= 100.0 * inner[[i, i]] || off[i] == 0.0;
        }
        // What is left of a constant column is rounding.
        for j in (0..p).filter(|_| centre) {
            if inner[[j, j]] <= total * (1e-15 * mean[j]).powi(2) {
                inner.row_mut(j).fill(0.0);
                inner.column_mut(j).fill(0.0);
            }
        }
        let gram = Gram {
            x_mean: mean.slice(s![..p]).to_owned(),
            y_mean: mean.slice(s![p..]).to_owned(),
            xx: inner.slice(s![..p, ..p]).to_owned(),
            xy: inner.slice(s![..p, p..]).to_owned(),
        };
        (gram, exact)
    }
}

/// X'W (Y - `y_mean`), where X'WX is known: for columns whose means are zero, or without centring.
pub fn products<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    y: ArrayView2<f64>,
    weights: Option<ArrayView1<f64>>,
    y_mean: &Array1<f64>,
) -> Result<Array2<f64>> {
    let ((n, p), k) = (x.dim(), y.ncols());
    let parts = par::map_chunks(ctx, n, chunk_size(n, p * k), |a, b| {
        let mut sum = Array2::<f64>::zeros((p, k));
        for i in a..b {
            let w = weights.map_or(1.0, |w| w[i]);
            for t in 0..k {
                let off = w * (y[[i, t]] - y_mean[t]);
                sum.column_mut(t).iter_mut().zip(x.row(i)).for_each(|(s, v)| *s += off * v.wide());
            }
        }
        sum
    })?;
    Ok(parts.into_iter().fold(Array2::zeros((p, k)), |a, b| a + b))
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
    fn means_that_the_first_rows_do_not_tell_cost_no_digits() {
        let mut s = Stream::new(1, 1, 0, 0);
        let n = 2560;
        // The rows that are looked at first, every tenth, lie far off the others.
        let x = Array2::from_shape_fn((n, 2), |(i, j)| {
            let far = if i % 10 == 0 && j == 1 { 1e-3 } else { 0.0 };
            1e9 + far + if j == 0 { 0.0 } else { s.normal() * 1e-3 }
        });
        let y = Array2::from_shape_fn((n, 1), |_| s.normal());
        let mut w = Array1::from_shape_fn(n, |i| if i % 10 == 0 { 0.0 } else { 1.0 });
        w[0] = 1e-30;
        let g = gram(&Ctx::new(1), x.view(), y.view(), Some(w.view()), true).unwrap();
        assert_eq!(g.xx[[0, 0]], 0.0);
        let mean = (0..n).map(|i| w[i] * (x[[i, 1]] - 1e9)).sum::<f64>() / w.sum();
        let want: f64 = (0..n).map(|i| w[i] * (x[[i, 1]] - 1e9 - mean).powi(2)).sum();
        assert!((g.xx[[1, 1]] / want - 1.0).abs() < 1e-6);
    }

    #[test]
    fn bad_weights_are_refused() {
        let w = ndarray::array![1.0, -1.0];
        assert!(check_weights(2, Some(w.view())).is_err());
        assert!(check_weights(3, Some(w.view())).is_err());
        assert!(check_weights(2, Some(Array1::zeros(2).view())).is_err());
    }
}
