//! Eigenvalues of symmetric matrices.

use ndarray::{Array2, ArrayView2};

/// A symmetric matrix as its eigenvalues and eigenvectors.
#[derive(Debug, Clone)]
pub struct Eigen {
    /// The eigenvalues, in no order.
    pub values: Vec<f64>,
    /// Row `i` is the eigenvector of `values[i]`, of length 1.
    pub vectors: Array2<f64>,
}

/// Steps that one eigenvalue may take; two or three are usual.
const STEPS: usize = 60;

/// Decomposes `a` (symmetric): Householder's reduction to three diagonals, then QR steps with
/// Wilkinson's shift (Golub and Van Loan, Matrix Computations, 8.3). `None` if a value is not
/// finite.
pub fn symmetric(a: ArrayView2<f64>) -> Option<Eigen> {
    let n = a.nrows();
    if a.ncols() != n || a.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let mut vectors = Array2::eye(n);
    let (mut diagonal, mut beside) = reduce(a.to_owned(), &mut vectors);
    let mut high = n.saturating_sub(1);
    let mut steps = 0;
    while high > 0 {
        for i in 0..high {
            if beside[i].abs() <= f64::EPSILON * (diagonal[i].abs() + diagonal[i + 1].abs()) {
                beside[i] = 0.0;
            }
        }
        if beside[high - 1] == 0.0 {
            high -= 1;
            steps = 0;
            continue;
        }
        steps += 1;
        if steps > STEPS {
            return None;
        }
        let low = (0..high).rev().find(|&i| beside[i] == 0.0).map_or(0, |i| i + 1);
        step(&mut diagonal, &mut beside, &mut vectors, low, high);
    }
    Some(Eigen { values: diagonal, vectors })
}

/// Reduces to a diagonal and the one beside it; `q` takes the reflections.
fn reduce(mut t: Array2<f64>, q: &mut Array2<f64>) -> (Vec<f64>, Vec<f64>) {
    let n = t.nrows();
    for k in 0..n.saturating_sub(2) {
        let mut v: Vec<f64> = (k + 1..n).map(|i| t[[i, k]]).collect();
        let rest: f64 = v[1..].iter().map(|x| x * x).sum();
        if rest == 0.0 {
            continue;
        }
        let norm = (v[0] * v[0] + rest).sqrt();
        let alpha = if v[0] > 0.0 { -norm } else { norm };
        v[0] -= alpha;
        let beta = 2.0 / (v[0] * v[0] + rest);
        let m = v.len();
        let mut w = vec![0.0; m];
        for (i, wi) in w.iter_mut().enumerate() {
            *wi = beta * (0..m).map(|j| t[[k + 1 + i, k + 1 + j]] * v[j]).sum::<f64>();
        }
        let half = 0.5 * beta * v.iter().zip(&w).map(|(a, b)| a * b).sum::<f64>();
        w.iter_mut().zip(&v).for_each(|(wi, vi)| *wi -= half * vi);
        for i in 0..m {
            for j in 0..m {
                t[[k + 1 + i, k + 1 + j]] -= v[i] * w[j] + w[i] * v[j];
            }
        }
        t[[k + 1, k]] = alpha;
        let mut across = vec![0.0; n];
        for (i, vi) in v.iter().enumerate() {
            across.iter_mut().zip(q.row(k + 1 + i)).for_each(|(s, x)| *s += vi * x);
        }
        for (i, vi) in v.iter().enumerate() {
            let by = beta * vi;
            q.row_mut(k + 1 + i).iter_mut().zip(&across).for_each(|(x, s)| *x -= by * s);
        }
    }
    let beside = (1..n).map(|i| t[[i, i - 1]]).collect();
    ((0..n).map(|i| t[[i, i]]).collect(), beside)
}

/// One implicit QR step on the block from `low` to `high`.
fn step(d: &mut [f64], e: &mut [f64], q: &mut Array2<f64>, low: usize, high: usize) {
    let (last, half) = (e[high - 1], (d[high - 1] - d[high]) / 2.0);
    let root = half.hypot(last);
    let shift = d[high] - last * last / (half + if half < 0.0 { -root } else { root });
    let (mut x, mut z) = (d[low] - shift, e[low]);
    for k in low..high {
        let r = x.hypot(z);
        let (c, s) = if r == 0.0 { (1.0, 0.0) } else { (x / r, z / r) };
        if k > low {
            e[k - 1] = r;
        }
        let (a, b, f) = (d[k], d[k + 1], e[k]);
        d[k] = c * c * a + 2.0 * c * s * f + s * s * b;
        d[k + 1] = s * s * a - 2.0 * c * s * f + c * c * b;
        e[k] = c * s * (b - a) + (c * c - s * s) * f;
        if k + 1 < high {
            x = e[k];
            z = s * e[k + 1];
            e[k + 1] *= c;
        }
        for j in 0..q.ncols() {
            let (upper, lower) = (q[[k, j]], q[[k + 1, j]]);
            q[[k, j]] = c * upper + s * lower;
            q[[k + 1, j]] = c * lower - s * upper;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;
    use ndarray::array;
    use proptest::prelude::*;

    fn worst(a: &Array2<f64>, found: &Eigen) -> f64 {
        let n = a.nrows();
        let scaled =
            Array2::from_shape_fn((n, n), |(i, j)| found.values[i] * found.vectors[[i, j]]);
        let again = found.vectors.t().dot(&scaled);
        let square = found.vectors.dot(&found.vectors.t());
        let off = (&again - a).iter().fold(0.0f64, |m, &v: &f64| m.max(v.abs()));
        (&square - &Array2::<f64>::eye(n)).iter().fold(off, |m, v| m.max(v.abs()))
    }

    proptest! {
        #[test]
        fn the_parts_make_the_matrix(seed in 0u64..1000, n in 0usize..12, rank in 0usize..12) {
            let mut stream = Stream::new(seed, 0, 0, 0);
            let b = Array2::from_shape_fn((rank, n), |_| stream.normal());
            let a = b.t().dot(&b);
            let found = symmetric(a.view()).unwrap();
            prop_assert!(worst(&a, &found) < 1e-12 * (1.0 + a.iter().sum::<f64>().abs()) * 10.0);
            let positive = found.values.iter().filter(|&&v| v > 1e-9).count();
            prop_assert_eq!(positive, rank.min(n));
        }
    }

    #[test]
    fn special_shapes() {
        for a in [
            array![[2.0, 0.0], [0.0, 2.0]],
            array![[0.0, 1.0], [1.0, 0.0]],
            array![[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 0.0]],
            array![[1e12, 1.0], [1.0, 1e-12]],
        ] {
            let size = a.iter().fold(1.0f64, |m, &v: &f64| m.max(v.abs()));
            assert!(worst(&a, &symmetric(a.view()).unwrap()) < 1e-14 * size);
        }
        assert!(symmetric(array![[f64::NAN]].view()).is_none());
        assert!(symmetric(Array2::<f64>::zeros((0, 0)).view()).unwrap().values.is_empty());
    }
}
