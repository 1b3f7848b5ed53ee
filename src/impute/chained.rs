//! Chained equations with Bayesian ridge regression on a running Gram matrix.
//!
//! The Gram matrix of the completed table is kept; that of the rows in which a column is observed
//! is it less that of the rows in which it is missing. So a column costs its missing rows, not all.

use ndarray::{Array2, ArrayView2};

use crate::base::{Ctx, Error, Result, eigen, par};

/// Rows of one part of a sum.
const CHUNK: usize = 2048;

/// The prior of Bayesian ridge regression, as scikit-learn's class of that name has it.
#[derive(Debug, Clone, Copy)]
pub struct Prior {
    /// Shape and rate of the gamma prior of the precision of the noise.
    pub alpha: (f64, f64),
    /// Shape and rate of the gamma prior of the precision of the weights.
    pub lambda: (f64, f64),
    /// Where the precision of the noise starts; `None` is one over the variance of the target.
    pub alpha_init: Option<f64>,
    /// Where the precision of the weights starts.
    pub lambda_init: f64,
    /// The weights have settled when their sum of changes is below this.
    pub tol: f64,
    /// Rounds at most.
    pub max_iter: usize,
}

/// One column regressed on others.
#[derive(Debug, Clone)]
pub struct Fit {
    /// A weight for each of the other columns.
    pub coef: Vec<f64>,
    /// The value where all others are 0.
    pub intercept: f64,
    /// The precision of the noise.
    pub alpha: f64,
    /// The precision of the weights.
    pub lambda: f64,
    /// Rounds it took.
    pub n_iter: usize,
    /// The means of the other columns.
    pub means: Vec<f64>,
    /// The covariance of the weights.
    pub sigma: Array2<f64>,
}

/// A table that is being completed.
#[derive(Debug)]
pub struct Chain {
    /// Cells less their column's first mean, and a 1 at the end of each row.
    cells: Vec<f64>,
    before: Vec<f64>,
    shift: Vec<f64>,
    missing: Vec<Vec<u32>>,
    gram: Vec<f64>,
}

impl Chain {
    /// A table filled provisionally, and where it was missing.
    pub fn new(ctx: &Ctx, filled: ArrayView2<f64>, missing: ArrayView2<bool>) -> Result<Self> {
        let (n, p) = filled.dim();
        if missing.dim() != (n, p) || n == 0 || u32::try_from(n).is_err() {
            return Err(Error::Shape("a chain needs rows, and a mask of the table's shape".into()));
        }
        let shift: Vec<f64> =
            filled.columns().into_iter().map(|c| c.iter().sum::<f64>() / n as f64).collect();
        let mut cells = Vec::with_capacity(n * (p + 1));
        for row in filled.rows() {
            cells.extend(row.iter().zip(&shift).map(|(x, s)| x - s));
            cells.push(1.0);
        }
        let rows = |j: usize| (0..n).filter(|&i| missing[[i, j]]).map(|i| i as u32).collect();
        let missing = (0..p).map(rows).collect();
        let mut chain = Chain { before: cells.clone(), cells, shift, missing, gram: Vec::new() };
        chain.refresh(ctx)?;
        Ok(chain)
    }

    fn width(&self) -> usize {
        self.shift.len() + 1
    }

    fn n_rows(&self) -> usize {
        self.cells.len() / self.width()
    }

    /// Computes the Gram matrix anew, so that rounding errors do not pile up over the rounds.
    pub fn refresh(&mut self, ctx: &Ctx) -> Result<()> {
        let rows: Vec<u32> = (0..self.n_rows() as u32).collect();
        self.gram = self.products(ctx, &rows)?;
        Ok(())
    }

    /// The sum of each row's products of cells, for some rows.
    fn products(&self, ctx: &Ctx, rows: &[u32]) -> Result<Vec<f64>> {
        let width = self.width();
        let parts = par::map_chunks(ctx, rows.len(), CHUNK, |a, b| {
            let mut sum = vec![0.0; width * width];
            for &i in &rows[a..b] {
                let x = &self.cells[i as usize * width..][..width];
                for (k, &xk) in x.iter().enumerate() {
                    let line = &mut sum[k * width..][..=k];
                    line.iter_mut().zip(x).for_each(|(s, v)| *s += xk * v);
                }
            }
            sum
        })?;
        let mut total = vec![0.0; width * width];
        for part in parts {
            total.iter_mut().zip(part).for_each(|(t, s)| *t += s);
        }
        for k in 0..width {
            for l in 0..k {
                total[l * width + k] = total[k * width + l];
            }
        }
        Ok(total)
    }

    fn check(&self, column: usize, others: &[usize]) -> Result<()> {
        let p = self.shift.len();
        if column >= p || others.iter().any(|&k| k >= p || k == column) {
            return Err(Error::Shape(format!("no such columns in a table of {p}")));
        }
        Ok(())
    }

    /// Regresses a column on others over the rows where it is observed.
    pub fn fit(&self, ctx: &Ctx, column: usize, others: &[usize], prior: &Prior) -> Result<Fit> {
        self.check(column, others)?;
        let width = self.width();
        let gone = self.products(ctx, &self.missing[column])?;
        let n = (self.n_rows() - self.missing[column].len()) as f64;
        if n == 0.0 {
            return Err(Error::Data(format!("column {column} has no observed value")));
        }
        let sum = |k: usize, l: usize| self.gram[k * width + l] - gone[k * width + l];
        let mean = |k: usize| sum(k, width - 1) / n;
        let centred = |k: usize, l: usize| sum(k, l) - n * mean(k) * mean(l);
        let k = others.len();
        let gram = Array2::from_shape_fn((k, k), |(a, b)| centred(others[a], others[b]));
        let cross: Vec<f64> = others.iter().map(|&o| centred(o, column)).collect();
        let square = centred(column, column).max(0.0);
        let found = eigen::symmetric(gram.view()).ok_or_else(|| {
            Error::Data("the cells grew beyond all bounds: set min_value and max_value".into())
        })?;
        let mut fit = evidence(&found, &cross, square, n, prior);
        fit.means = others.iter().map(|&o| mean(o) + self.shift[o]).collect();
        let at_means: f64 = fit.coef.iter().zip(&fit.means).map(|(c, m)| c * m).sum();
        fit.intercept = mean(column) + self.shift[column] - at_means;
        Ok(fit)
    }

    /// Fills the column where it is missing with `intercept` and weighted others, kept in limits.
    pub fn fill(
        &mut self,
        column: usize,
        others: &[usize],
        coef: &[f64],
        intercept: f64,
        limits: (f64, f64),
    ) -> Result<()> {
        self.check(column, others)?;
        if coef.len() != others.len() {
            return Err(Error::Shape("a weight is needed for each of the other columns".into()));
        }
        let values: Vec<f64> = self
            .predicted(column, others, coef, intercept)
            .into_iter()
            .map(|v| v.max(limits.0).min(limits.1))
            .collect();
        self.set(column, &values)
    }

    fn predicted(&self, column: usize, others: &[usize], coef: &[f64], intercept: f64) -> Vec<f64> {
        let width = self.width();
        // In the shifted cells, with the shift's part of the sum taken once.
        let base: f64 = others.iter().zip(coef).map(|(&o, c)| self.shift[o] * c).sum();
        let one = |&i: &u32| {
            let x = &self.cells[i as usize * width..][..width];
            let sum: f64 = others.iter().zip(coef).map(|(&o, c)| x[o] * c).sum();
            intercept + base + sum
        };
        self.missing[column].iter().map(one).collect()
    }

    /// Puts values in the rows where the column is missing.
    pub fn set(&mut self, column: usize, values: &[f64]) -> Result<()> {
        self.check(column, &[])?;
        let width = self.width();
        if values.len() != self.missing[column].len() {
            return Err(Error::Shape("a value is needed for each missing cell".into()));
        }
        let mut across = vec![0.0; width];
        let mut square = 0.0;
        for (&i, &value) in self.missing[column].iter().zip(values) {
            let x = &mut self.cells[i as usize * width..][..width];
            let change = value - self.shift[column] - x[column];
            across.iter_mut().zip(x.iter()).for_each(|(a, v)| *a += change * v);
            square += change * change;
            x[column] += change;
        }
        for (k, add) in across.into_iter().enumerate() {
            if k == column {
                self.gram[k * width + k] += 2.0 * add + square;
            } else {
                self.gram[k * width + column] += add;
                self.gram[column * width + k] += add;
            }
        }
        Ok(())
    }

    /// The cells of some columns in the rows where one is missing.
    pub fn rows(&self, column: usize, others: &[usize]) -> Result<Array2<f64>> {
        self.check(column, others)?;
        let (width, rows) = (self.width(), &self.missing[column]);
        Ok(Array2::from_shape_fn((rows.len(), others.len()), |(i, k)| {
            self.cells[rows[i] as usize * width + others[k]] + self.shift[others[k]]
        }))
    }

    /// The largest sum of absolute changes in a row since this was last asked.
    pub fn change(&mut self) -> f64 {
        let width = self.width();
        let rows = self.cells.chunks(width).zip(self.before.chunks(width));
        let gap = |(a, b): (&[f64], &[f64])| a.iter().zip(b).map(|(x, y)| (x - y).abs()).sum();
        let most = rows.map(gap).fold(0.0, f64::max);
        self.before.copy_from_slice(&self.cells);
        most
    }

    /// The table as it stands.
    pub fn filled(&self) -> Array2<f64> {
        let width = self.width();
        Array2::from_shape_fn((self.n_rows(), width - 1), |(i, k)| {
            self.cells[i * width + k] + self.shift[k]
        })
    }
}

/// Bayesian ridge regression whose precisions are those of the greatest evidence (MacKay 1992).
///
/// `cross` holds the products of the other columns with the target, `square` the target's own.
fn evidence(gram: &eigen::Eigen, cross: &[f64], square: f64, n: f64, prior: &Prior) -> Fit {
    let values: Vec<f64> = gram.values.iter().map(|v| v.max(0.0)).collect();
    let along: Vec<f64> = gram
        .vectors
        .rows()
        .into_iter()
        .map(|v| v.iter().zip(cross).map(|(a, b)| a * b).sum())
        .collect();
    let weights = |ratio: f64| -> Vec<f64> {
        let mut coef = vec![0.0; cross.len()];
        for (i, v) in gram.vectors.rows().into_iter().enumerate() {
            let by = along[i] / (values[i] + ratio);
            coef.iter_mut().zip(v).for_each(|(c, x)| *c += by * x);
        }
        coef
    };
    let left = |ratio: f64| -> f64 {
        let parts = values.iter().zip(&along).map(|(s, z)| {
            let w = z / (s + ratio);
            2.0 * z * w - s * w * w
        });
        (square - parts.sum::<f64>()).max(0.0)
    };
    let mut alpha = prior.alpha_init.unwrap_or(1.0 / (square / n + f64::EPSILON));
    let mut lambda = prior.lambda_init;
    let mut old: Option<Vec<f64>> = None;
    let mut n_iter = 0;
    for round in 0..prior.max_iter {
        n_iter = round + 1;
        let coef = weights(lambda / alpha);
        let rest = left(lambda / alpha);
        let gamma: f64 = values.iter().map(|s| alpha * s / (lambda + alpha * s)).sum();
        let size: f64 = coef.iter().map(|c| c * c).sum();
        lambda = (gamma + 2.0 * prior.lambda.0) / (size + 2.0 * prior.lambda.1);
        alpha = (n - gamma + 2.0 * prior.alpha.0) / (rest + 2.0 * prior.alpha.1);
        let moved = |old: &Vec<f64>| old.iter().zip(&coef).map(|(a, b)| (a - b).abs()).sum();
        if old.as_ref().is_some_and(|o| -> bool { f64::lt(&moved(o), &prior.tol) }) {
            break;
        }
        old = Some(coef);
    }
    let k = cross.len();
    let mut sigma = Array2::zeros((k, k));
    for (v, s) in gram.vectors.rows().into_iter().zip(&values) {
        let by = 1.0 / (alpha * s + lambda);
        for a in 0..k {
            for b in 0..k {
                sigma[[a, b]] += by * v[a] * v[b];
            }
        }
    }
    let coef = weights(lambda / alpha);
    Fit { coef, intercept: 0.0, alpha, lambda, n_iter, means: Vec::new(), sigma }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;
    use proptest::prelude::*;

    const PRIOR: Prior = Prior {
        alpha: (1e-6, 1e-6),
        lambda: (1e-6, 1e-6),
        alpha_init: None,
        lambda_init: 1.0,
        tol: 1e-3,
        max_iter: 300,
    };

    fn table(seed: u64, n: usize, p: usize) -> (Array2<f64>, Array2<bool>) {
        let mut stream = Stream::new(seed, 0, 0, 0);
        let x = Array2::from_shape_fn((n, p), |_| 5.0 + stream.normal());
        let gone = Array2::from_shape_fn((n, p), |(i, _)| i > 1 && stream.unit() < 0.3);
        (x, gone)
    }

    proptest! {
        #[test]
        fn the_running_products_are_those_of_the_table(
            seed in 0u64..500, n in 2usize..40, p in 2usize..6
        ) {
            let (x, gone) = table(seed, n, p);
            let ctx = Ctx::new(1);
            let mut chain = Chain::new(&ctx, x.view(), gone.view()).unwrap();
            let mut want = x.clone();
            for j in 0..p {
                let rows: Vec<usize> = (0..n).filter(|&i| gone[[i, j]]).collect();
                let values: Vec<f64> = rows.iter().map(|&i| (i * j) as f64 * 0.1).collect();
                for (&i, &v) in rows.iter().zip(&values) {
                    want[[i, j]] = v;
                }
                chain.set(j, &values).unwrap();
            }
            let kept = chain.gram.clone();
            chain.refresh(&ctx).unwrap();
            for (a, b) in kept.iter().zip(&chain.gram) {
                prop_assert!((a - b).abs() < 1e-9 * (1.0 + b.abs()));
            }
            for (a, b) in chain.filled().iter().zip(&want) {
                prop_assert!((a - b).abs() < 1e-12);
            }
            let rows = (&want - &x).map(|v| v.abs()).sum_axis(ndarray::Axis(1));
            let most = rows.iter().fold(0.0f64, |m, &v| m.max(v));
            prop_assert!((chain.change() - most).abs() < 1e-9);
            prop_assert_eq!(chain.change(), 0.0);
        }

        #[test]
        fn weights_solve_the_ridge_equations_of_the_observed_rows(seed in 0u64..200) {
            let (x, gone) = table(seed, 30, 4);
            let ctx = Ctx::new(1);
            let chain = Chain::new(&ctx, x.view(), gone.view()).unwrap();
            let others = [0, 2, 3];
            let fit = chain.fit(&ctx, 1, &others, &PRIOR).unwrap();
            let rows: Vec<usize> = (0..30).filter(|&i| !gone[[i, 1]]).collect();
            let mean = |k: usize| rows.iter().map(|&i| x[[i, k]]).sum::<f64>() / rows.len() as f64;
            // (X'X + lambda/alpha I) coef = X'y, over centred rows.
            for &k in &others {
                let slope: f64 = rows.iter().map(|&i| {
                    let said: f64 = others.iter().zip(&fit.coef).map(|(&o, c)| c * x[[i, o]]).sum();
                    (x[[i, k]] - mean(k)) * (x[[i, 1]] - fit.intercept - said)
                }).sum();
                let place = others.iter().position(|&o| o == k).unwrap();
                let pull = fit.lambda / fit.alpha * fit.coef[place];
                prop_assert!((slope - pull).abs() < 1e-7, "{slope} {pull}");
            }
            let cells = chain.rows(1, &others).unwrap();
            let mut filled = Chain::new(&ctx, x.view(), gone.view()).unwrap();
            filled.fill(1, &others, &fit.coef, fit.intercept, (4.9, 5.1)).unwrap();
            let said = filled.filled();
            let missing = (0..30).filter(|&i| gone[[i, 1]]);
            for (row, i) in cells.rows().into_iter().zip(missing) {
                let sum: f64 = row.iter().zip(&fit.coef).map(|(a, b)| a * b).sum();
                let want = (sum + fit.intercept).clamp(4.9, 5.1);
                prop_assert!((want - said[[i, 1]]).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn the_same_bits_on_any_number_of_threads() {
        let (x, gone) = table(1, 9000, 5);
        let fit = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let ctx = Ctx::new(threads);
                let chain = Chain::new(&ctx, x.view(), gone.view()).unwrap();
                chain.fit(&ctx, 2, &[0, 1, 3, 4], &PRIOR).unwrap().coef
            })
        };
        assert_eq!(fit(1), fit(2));
        assert_eq!(fit(1), fit(3));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (x, gone) = table(1, 5, 3);
        let ctx = Ctx::new(1);
        let mut chain = Chain::new(&ctx, x.view(), gone.view()).unwrap();
        assert!(chain.fit(&ctx, 1, &[1], &PRIOR).is_err());
        assert!(chain.fit(&ctx, 3, &[1], &PRIOR).is_err());
        assert!(chain.set(0, &[0.0; 9]).is_err());
        assert!(Chain::new(&ctx, x.view(), gone.slice(ndarray::s![..4, ..])).is_err());
    }
}
