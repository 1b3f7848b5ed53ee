//! Gaussian naive Bayes: moments of the columns by class, and how likely rows are under them.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::gram::check_weights;
use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, par};

/// Rows handled between looks at the stop flag.
const BLOCK: usize = 4096;

/// Moments of the columns.
#[derive(Debug, Clone)]
pub struct Moments {
    /// Weights of the rows of each class, added up.
    pub count: Array1<f64>,
    /// Means by class and column; zeros for a class without weight.
    pub mean: Array2<f64>,
    /// Variances by class and column; zeros for a class without weight.
    pub variance: Array2<f64>,
    /// Variances of the columns over all rows, weights or not.
    pub spread: Array1<f64>,
}

/// Moments of the columns by class (codes below `classes`), in two passes over the rows.
pub fn moments<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    y: ArrayView1<u32>,
    classes: usize,
    weights: Option<ArrayView1<f64>>,
) -> Result<Moments> {
    let (n, p) = x.dim();
    if y.len() != n || y.iter().any(|&c| c as usize >= classes) {
        return Err(Error::Shape(format!("y must hold {n} class codes below {classes}")));
    }
    if weights.is_some_and(|w| w.iter().any(|v| *v != 0.0)) {
        check_weights(n, weights)?;
    }
    let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
    let mut count = Array1::<f64>::zeros(classes);
    y.iter().enumerate().for_each(|(i, &c)| count[c as usize] += weight(i));
    let sums = by_class(ctx, x, y, classes, |i, c, row, out, all| {
        let w = weight(i);
        let out = &mut out[c * p..(c + 1) * p];
        for (s, v) in out.iter_mut().zip(row) {
            *s += w * v.wide();
        }
        if weights.is_some() {
            all.iter_mut().zip(row).for_each(|(s, v)| *s += v.wide());
        }
    })?;
    let mean = shares(sums.slice(ndarray::s![..classes, ..]), &count);
    let centre = match weights {
        Some(_) => &sums.row(classes) / n as f64,
        None => sums.sum_axis(Axis(0)) / n as f64,
    };
    let flat: Vec<f64> = mean.iter().copied().collect();
    let squares = by_class(ctx, x, y, classes, |i, c, row, out, all| {
        let w = weight(i);
        let (out, mean) = (&mut out[c * p..(c + 1) * p], &flat[c * p..(c + 1) * p]);
        for ((s, v), m) in out.iter_mut().zip(row).zip(mean) {
            let d = v.wide() - m;
            *s += w * d * d;
        }
        if weights.is_some() {
            for ((s, v), m) in all.iter_mut().zip(row).zip(&centre) {
                *s += (v.wide() - m) * (v.wide() - m);
            }
        }
    })?;
    let variance = shares(squares.slice(ndarray::s![..classes, ..]), &count);
    let mut spread = squares.row(classes).to_owned();
    if weights.is_none() {
        // Within the classes and between them.
        for c in 0..classes {
            for j in 0..p {
                let off = mean[[c, j]] - centre[j];
                spread[j] += count[c] * (variance[[c, j]] + off * off);
            }
        }
    }
    Ok(Moments { count, mean, variance, spread: spread / n as f64 })
}

/// Sums by class and over all rows (the last row), made by `add(row, class, cells, sums, last)`.
fn by_class<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    y: ArrayView1<u32>,
    classes: usize,
    add: impl Fn(usize, usize, &[T], &mut [f64], &mut [f64]) + Sync + Send,
) -> Result<Array2<f64>> {
    let (n, p) = x.dim();
    let x = x.as_standard_layout();
    let cells = x.as_slice().ok_or_else(|| Error::Shape("the rows are not contiguous".into()))?;
    let chunks = (4_000_000 / ((classes + 1) * p).max(1)).clamp(1, 64);
    let size = n.div_ceil(chunks).next_multiple_of(BLOCK);
    let parts = par::map_chunks(ctx, n, size, |a, b| {
        let mut sums = vec![0.0; (classes + 1) * p];
        let (own, all) = sums.split_at_mut(classes * p);
        for i in a..b {
            if i % BLOCK == 0 && ctx.stopped() {
                break;
            }
            add(i, y[i] as usize, &cells[i * p..(i + 1) * p], own, all);
        }
        sums
    })?;
    ctx.check()?;
    let mut total = Array2::zeros((classes + 1, p));
    for part in parts {
        total.iter_mut().zip(part).for_each(|(t, v)| *t += v);
    }
    Ok(total)
}

fn shares(sums: ArrayView2<f64>, count: &Array1<f64>) -> Array2<f64> {
    let mut out = sums.to_owned();
    for (mut row, c) in out.rows_mut().into_iter().zip(count) {
        row.mapv_inplace(|v| if *c > 0.0 { v / c } else { 0.0 });
    }
    out
}

/// `constant[c]` less half the sum of (x - mean)^2 / variance, rows after each other.
pub fn scores<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    mean: ArrayView2<f64>,
    variance: ArrayView2<f64>,
    constant: ArrayView1<f64>,
) -> Result<Array2<f64>> {
    let ((n, p), k) = (x.dim(), mean.nrows());
    if mean.ncols() != p || variance.dim() != mean.dim() || constant.len() != k || k == 0 {
        return Err(Error::Shape("the means, variances and rows do not fit each other".into()));
    }
    let x = x.as_standard_layout();
    let cells = x.as_slice().ok_or_else(|| Error::Shape("the rows are not contiguous".into()))?;
    let mean: Vec<f64> = mean.iter().copied().collect();
    let half: Vec<f64> = variance.iter().map(|v| 0.5 / v).collect();
    let mut out = vec![0.0; n * k];
    par::fill_chunks(ctx, &mut out, BLOCK * k, |first, part| {
        for (i, row) in part.chunks_mut(k).enumerate() {
            let i = first / k + i;
            let x = &cells[i * p..(i + 1) * p];
            for (c, o) in row.iter_mut().enumerate() {
                let (mean, half) = (&mean[c * p..(c + 1) * p], &half[c * p..(c + 1) * p]);
                *o = constant[c] - distance(x, mean, half);
            }
        }
    })?;
    Array2::from_shape_vec((n, k), out)
        .map_err(|e| Error::Shape(format!("the scores have no matrix's shape: {e}")))
}

/// The sum of (x - mean)^2 times `half`, in four running sums.
fn distance<T: Float>(x: &[T], mean: &[f64], half: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let whole = x.len() / 4 * 4;
    for j in (0..whole).step_by(4) {
        let (x, mean, half) = (&x[j..j + 4], &mean[j..j + 4], &half[j..j + 4]);
        for l in 0..4 {
            let d = x[l].wide() - mean[l];
            sums[l] += d * d * half[l];
        }
    }
    for j in whole..x.len() {
        let d = x[j].wide() - mean[j];
        sums[0] += d * d * half[j];
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn moments_are_the_plain_ones(seed in 0u64..200, n in 1usize..60, weighed in any::<bool>()) {
            let mut s = Stream::new(seed, 7, 0, 0);
            let x = Array2::from_shape_fn((n, 3), |_| s.normal() + 2.0);
            let y = Array1::from_shape_fn(n, |_| s.below(3) as u32);
            let w = Array1::from_shape_fn(n, |_| if weighed { s.unit() } else { 1.0 });
            let given = weighed.then(|| w.view());
            let m = moments(&Ctx::new(1), x.view(), y.view(), 4, given).unwrap();
            for j in 0..3 {
                let all: f64 = x.column(j).sum() / n as f64;
                let spread: f64 = x.column(j).iter().map(|v| (v - all) * (v - all)).sum();
                prop_assert!((m.spread[j] - spread / n as f64).abs() < 1e-9);
                for c in 0..4u32 {
                    let rows: Vec<usize> = (0..n).filter(|&i| y[i] == c).collect();
                    let total: f64 = rows.iter().map(|&i| w[i]).sum();
                    let share = |f: &dyn Fn(usize) -> f64| {
                        let sum: f64 = rows.iter().map(|&i| w[i] * f(i)).sum();
                        if total > 0.0 { sum / total } else { 0.0 }
                    };
                    let mean = share(&|i| x[[i, j]]);
                    let variance = share(&|i| (x[[i, j]] - mean).powi(2));
                    prop_assert!((m.mean[[c as usize, j]] - mean).abs() < 1e-9);
                    prop_assert!((m.variance[[c as usize, j]] - variance).abs() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn scores_are_logarithms_of_densities() {
        let x = ndarray::array![[0.0, 1.0, 2.0, 3.0, 4.0]];
        let mean = Array2::zeros((1, 5));
        let variance = Array2::from_elem((1, 5), 2.0);
        let got =
            scores(&Ctx::new(1), x.view(), mean.view(), variance.view(), ndarray::aview1(&[1.0]));
        assert_eq!(got.unwrap()[[0, 0]], 1.0 - 30.0 / 4.0);
    }
}
