//! Least squares and ridge regression by the centred Gram matrix.
//!
//! Normal equations square the condition of the problem, so columns are scaled to unit length
//! first, and what the pivots show to be near singular is left to a method that does not square
//! it: the answer says so, and the caller takes the singular value decomposition.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::gram::{check_weights, gram};
use crate::base::float::Float;
use crate::base::linalg::Cholesky;
use crate::base::{Ctx, Error, Result};

/// Below this share of its column, a pivot has lost half of its digits: not to be trusted.
const LEAST_PIVOT: f64 = 1e-9;

/// A fitted linear model for one or more targets.
#[derive(Debug, Clone)]
pub struct Fit {
    /// Coefficients, one row a target.
    pub coef: Array2<f64>,
    /// Intercepts, one a target.
    pub intercept: Array1<f64>,
    /// X'WX of the centred columns.
    pub xx: Array2<f64>,
    /// Means of the columns; zeros without an intercept.
    pub x_mean: Array1<f64>,
    /// False where the columns are too close to dependent for this method; then `coef` is zero.
    pub sound: bool,
}

/// Minimises the sum of w (y - x b - c)^2, plus alpha |b|^2 (one alpha, or one a target).
pub fn fit<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    y: ArrayView2<f64>,
    weights: Option<ArrayView1<f64>>,
    intercept: bool,
    alpha: ArrayView1<f64>,
) -> Result<Fit> {
    let (n, p) = x.dim();
    if y.nrows() != n {
        return Err(Error::Shape(format!("y has {} rows, X has {n}", y.nrows())));
    }
    if alpha.len() != 1 && alpha.len() != y.ncols() {
        return Err(Error::Parameter(format!(
            "alpha has {} values for {} targets",
            alpha.len(),
            y.ncols()
        )));
    }
    check_weights(n, weights)?;
    let g = gram(ctx, x, y, weights, intercept)?;
    let mut coef = Array2::zeros((y.ncols(), p));
    let mut sound = true;
    let mut factor: Option<(f64, Cholesky, Array1<f64>)> = None;
    for (t, mut row) in coef.axis_iter_mut(Axis(0)).enumerate() {
        let a = alpha[t.min(alpha.len() - 1)];
        if factor.as_ref().is_none_or(|(of, _, _)| *of != a) {
            factor = scaled_factor(&g.xx, a).map(|(c, s)| (a, c, s));
        }
        let Some((_, chol, scale)) = factor.as_ref() else {
            sound = false;
            break;
        };
        let right = &g.xy.column(t) / scale;
        row.assign(&(chol.solve(right.view()) / scale));
    }
    if !sound {
        coef.fill(0.0);
    }
    let intercept = &g.y_mean - &coef.dot(&g.x_mean);
    Ok(Fit { coef, intercept, xx: g.xx, x_mean: g.x_mean, sound })
}

/// Factors X'X + alpha I with columns scaled to unit length; `None` where that is not sound.
fn scaled_factor(xx: &Array2<f64>, alpha: f64) -> Option<(Cholesky, Array1<f64>)> {
    let scale = xx.diag().mapv(|d| (d + alpha).sqrt());
    // A constant column has nothing to scale by; ridge gives it zero, least squares must look.
    if scale.iter().any(|s| !s.is_finite() || *s <= 0.0) {
        return None;
    }
    let scaled = Array2::from_shape_fn(xx.dim(), |(i, j)| {
        let ridge = if i == j { alpha } else { 0.0 };
        (xx[[i, j]] + ridge) / (scale[i] * scale[j])
    });
    let factor = Cholesky::new(scaled.view())?;
    (factor.least_pivot > LEAST_PIVOT).then_some((factor, scale))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;
    use ndarray::array;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn recovers_a_plane_and_its_residual_is_orthogonal(seed in 0u64..500, p in 1usize..6) {
            let mut s = Stream::new(seed, 2, 0, 0);
            let x = Array2::from_shape_fn((60, p), |(_, j)| s.normal() * 10f64.powi(j as i32) + 5.0);
            let want = Array1::from_shape_fn(p, |_| s.normal());
            let y = (x.dot(&want) + 2.0).insert_axis(Axis(1));
            let f = fit(&Ctx::new(1), x.view(), y.view(), None, true, array![0.0].view()).unwrap();
            prop_assert!(f.sound);
            for j in 0..p {
                prop_assert!((f.coef[[0, j]] - want[j]).abs() < 1e-6 * (1.0 + want[j].abs()));
            }
        }
    }

    #[test]
    fn dependent_columns_are_not_sound_without_a_penalty() {
        let x = array![[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]];
        let y = array![[1.0], [2.0], [3.0]];
        let plain = fit(&Ctx::new(1), x.view(), y.view(), None, true, array![0.0].view()).unwrap();
        assert!(!plain.sound);
        let ridge = fit(&Ctx::new(1), x.view(), y.view(), None, true, array![1.0].view()).unwrap();
        assert!(ridge.sound && (ridge.coef[[0, 1]] / ridge.coef[[0, 0]] - 2.0).abs() < 1e-9);
    }
}
