//! Small dense linear algebra shared by the models. Sums are made in one fixed order.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// The sum of products. Eight running sums, so that the compiler can use wide registers.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (ca, ra) = a.as_chunks::<8>();
    let (cb, rb) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (x, y) in ca.iter().zip(cb) {
        for k in 0..8 {
            sums[k] += x[k] * y[k];
        }
    }
    let rest: f64 = ra.iter().zip(rb).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f64>() + rest
}

/// The Cholesky factor of a symmetric positive definite matrix.
#[derive(Debug, Clone)]
pub struct Cholesky {
    lower: Array2<f64>,
    /// The smallest pivot as a share of its diagonal element: 1 for orthogonal columns, near 0
    /// where a column is nearly a combination of the others.
    pub least_pivot: f64,
}

impl Cholesky {
    /// Factors `a` (only its lower triangle is read). `None` if it is not positive definite.
    pub fn new(a: ArrayView2<f64>) -> Option<Self> {
        let n = a.nrows();
        let mut lower = Array2::<f64>::zeros((n, n));
        let mut least_pivot = 1.0_f64;
        for i in 0..n {
            for j in 0..=i {
                let inner = match (lower.row(i).to_slice(), lower.row(j).to_slice()) {
                    (Some(x), Some(y)) => dot(&x[..j], &y[..j]),
                    _ => return None,
                };
                let rest = a[[i, j]] - inner;
                if j < i {
                    lower[[i, j]] = rest / lower[[j, j]];
                } else if rest > 0.0 && rest.is_finite() {
                    least_pivot = least_pivot.min(rest / a[[i, i]]);
                    lower[[i, i]] = rest.sqrt();
                } else {
                    return None;
                }
            }
        }
        Some(Cholesky { lower, least_pivot })
    }

    /// Solves `a x = b`.
    pub fn solve(&self, b: ArrayView1<f64>) -> Array1<f64> {
        let mut x = b.to_vec();
        self.solve_in(&mut x);
        Array1::from(x)
    }

    /// Turns `b` into the `x` of `a x = b`.
    pub fn solve_in(&self, x: &mut [f64]) {
        let n = self.lower.nrows();
        let Some(lower) = self.lower.as_slice() else { return }; // made here: it is contiguous
        for i in 0..n {
            let row = &lower[i * n..(i + 1) * n];
            x[i] = (x[i] - dot(&row[..i], &x[..i])) / row[i];
        }
        for i in (0..n).rev() {
            let row = &lower[i * n..(i + 1) * n];
            x[i] /= row[i];
            let (before, at) = x.split_at_mut(i);
            before.iter_mut().zip(row).for_each(|(b, l)| *b -= at[0] * l);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn solves_what_it_factored(seed in 0u64..1000, n in 1usize..9) {
            let mut stream = crate::base::rng::Stream::new(seed, 0, 0, 0);
            let b = Array2::from_shape_fn((n + 3, n), |_| stream.normal());
            let a = b.t().dot(&b);
            let want = Array1::from_shape_fn(n, |_| stream.normal());
            let factor = Cholesky::new(a.view()).expect("positive definite");
            let got = factor.solve(a.dot(&want).view());
            prop_assert!(factor.least_pivot > 0.0 && factor.least_pivot <= 1.0);
            let error = (&got - &want).iter().fold(0.0f64, |m, d| m.max(d.abs()));
            prop_assert!(error < 1e-6 / factor.least_pivot.min(1.0), "{error}");
        }

        #[test]
        fn dot_is_the_plain_sum(x in prop::collection::vec(-1e3f64..1e3, 0..40)) {
            let want: f64 = x.iter().map(|v| v * v).sum();
            prop_assert!((dot(&x, &x) - want).abs() <= 1e-12 * want.abs());
        }
    }

    #[test]
    fn singular_is_none() {
        assert!(Cholesky::new(ndarray::array![[1.0, 1.0], [1.0, 1.0]].view()).is_none());
        assert!(Cholesky::new(ndarray::array![[f64::NAN]].view()).is_none());
    }
}
