//! The leading eigenvectors of a matrix that changes a little from round to round.

use ndarray::{Array2, ArrayView2, s};

use crate::base::linalg::dot;
use crate::base::rng::Stream;
use crate::base::{Ctx, Error, Result, eigen};

/// Matrices up to the first side are decomposed whole, up to the second if much of them is wanted.
const SMALL: usize = 96;
const MEDIUM: usize = 320;
/// Vectors that are followed beyond those asked for: the last ones settle slowly.
const MORE: usize = 8;
/// Multiplications at the start, and in each later round.
const FIRST: usize = 12;
const LATER: usize = 2;

/// Follows the leading eigenvectors of a symmetric matrix without negative eigenvalues.
#[derive(Debug)]
pub struct Leading {
    rank: usize,
    /// Orthonormal rows that span about the leading ones; empty where the matrix is small.
    basis: Array2<f64>,
    fresh: bool,
}

impl Leading {
    /// For the first `rank` eigenvectors of matrices of this side.
    pub fn new(rank: usize, side: usize) -> Self {
        let rank = rank.min(side);
        let followed = rank + MORE;
        let much = 3 * followed >= side;
        let whole = side <= SMALL || followed >= side || (much && side <= MEDIUM);
        let mut stream = Stream::new(0, 0x6c65_6164, 0, 0);
        let rows = if whole { 0 } else { followed };
        let basis = Array2::from_shape_simple_fn((rows, side), || stream.normal());
        Leading { rank, basis, fresh: true }
    }

    /// The largest eigenvalues, falling, and their eigenvectors as rows.
    pub fn of(&mut self, ctx: &Ctx, a: ArrayView2<f64>) -> Result<(Vec<f64>, Array2<f64>)> {
        if self.basis.nrows() == 0 {
            let found = decomposed(a)?;
            return Ok(first(&found, self.rank));
        }
        let times = if self.fresh { FIRST } else { LATER };
        self.fresh = false;
        for _ in 0..times {
            self.basis = self.basis.dot(&a);
            orthonormal(ctx, &mut self.basis)?;
        }
        // The best that the span can say (Rayleigh and Ritz).
        let within = self.basis.dot(&a).dot(&self.basis.t());
        let (values, turn) = first(&decomposed(within.view())?, self.basis.nrows());
        self.basis = turn.dot(&self.basis);
        let kept = self.basis.slice(s![..self.rank, ..]).to_owned();
        Ok((values[..self.rank].to_vec(), kept))
    }
}

fn decomposed(a: ArrayView2<f64>) -> Result<eigen::Eigen> {
    eigen::symmetric(a).ok_or_else(|| {
        Error::Data("the columns' products are not finite: scale the columns down".into())
    })
}

/// The `k` largest eigenvalues and their vectors.
fn first(found: &eigen::Eigen, k: usize) -> (Vec<f64>, Array2<f64>) {
    let mut order: Vec<usize> = (0..found.values.len()).collect();
    order.sort_by(|&a, &b| found.values[b].total_cmp(&found.values[a]).then(a.cmp(&b)));
    order.truncate(k);
    let side = found.vectors.ncols();
    let vectors = Array2::from_shape_fn((order.len(), side), |(i, j)| found.vectors[[order[i], j]]);
    (order.iter().map(|&i| found.values[i]).collect(), vectors)
}

/// Makes the rows orthonormal (Gram and Schmidt, twice); what depends on earlier rows becomes 0.
fn orthonormal(ctx: &Ctx, rows: &mut Array2<f64>) -> Result<()> {
    let side = rows.ncols();
    let mut done: Vec<Vec<f64>> = Vec::with_capacity(rows.nrows());
    for row in rows.rows() {
        ctx.check()?;
        let mut v = row.to_vec();
        let size = dot(&v, &v).sqrt();
        for _ in 0..2 {
            for q in &done {
                let along = dot(&v, q);
                v.iter_mut().zip(q).for_each(|(x, y)| *x -= along * y);
            }
        }
        let left = dot(&v, &v).sqrt();
        let by = if left > 1e-12 * size { 1.0 / left } else { 0.0 };
        v.iter_mut().for_each(|x| *x *= by);
        done.push(v);
    }
    for (i, v) in done.iter().enumerate() {
        for j in 0..side {
            rows[[i, j]] = v[j];
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_matrix_is_followed_as_it_changes() {
        let side = 150;
        let mut stream = Stream::new(3, 0, 0, 0);
        let mut table = Array2::from_shape_simple_fn((400, side), || 0.3 * stream.normal());
        for j in 0..side {
            for i in 0..400 {
                table[[i, j]] += ((i * 7) % 11) as f64 * 0.2 * ((j % 5) as f64 - 2.0);
                table[[i, j]] += ((i * 3) % 13) as f64 * 0.1 * ((j % 7) as f64 - 3.0);
            }
        }
        let ctx = Ctx::new(1);
        let mut leading = Leading::new(2, side);
        assert!(leading.basis.nrows() > 0);
        for round in 0..3 {
            table[[round, 5]] += 1.0;
            let gram = table.t().dot(&table);
            let (values, vectors) = leading.of(&ctx, gram.view()).unwrap();
            let (want, _) = first(&decomposed(gram.view()).unwrap(), 2);
            for k in 0..2 {
                assert!((values[k] - want[k]).abs() < 1e-6 * want[0], "{values:?} {want:?}");
                let said = gram.dot(&vectors.row(k));
                let gap = (&said - &(&vectors.row(k) * values[k])).mapv(f64::abs).sum();
                assert!(gap < 1e-3 * want[0], "{gap}");
            }
        }
    }

    #[test]
    fn few_dimensions_and_bad_numbers() {
        let ctx = Ctx::new(1);
        let (values, vectors) = Leading::new(9, 2).of(&ctx, Array2::eye(2).view()).unwrap();
        assert_eq!((values.len(), vectors.dim()), (2, (2, 2)));
        assert!(Leading::new(1, 1).of(&ctx, ndarray::array![[f64::NAN]].view()).is_err());
        let mut zero = Leading::new(2, 120);
        let (values, vectors) = zero.of(&ctx, Array2::zeros((120, 120)).view()).unwrap();
        assert_eq!(values, [0.0, 0.0]);
        assert_eq!(vectors.sum(), 0.0);
    }
}
