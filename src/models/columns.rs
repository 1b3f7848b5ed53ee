//! Centred columns beside a residual: what coordinate descent asks of the data.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use super::gram::{gram, means, products};
use super::logistic::Sparse;
use crate::base::float::Float;
use crate::base::linalg::dot;
use crate::base::{Ctx, Error, Result, par};

/// More columns than this make a Gram matrix too large to be worth it.
const MOST_GRAM: usize = 4000;

/// How the columns are held, and where one target stands.
enum Cells {
    /// Products of columns, and of columns and targets; the slopes of the target at hand.
    Gram { xx: Array2<f64>, xy: Array2<f64>, slopes: Vec<f64> },
    /// Columns after each other, times the roots of the weights.
    Dense(Vec<f64>),
    /// Columns as they are; the centre is kept apart, in `offset`.
    Sparse { starts: Vec<usize>, rows: Vec<usize>, values: Vec<f64> },
}

/// Columns, centred with an intercept, and the residual of one target. Products are weighted means.
pub struct Columns {
    cells: Cells,
    /// Weights of the rows, which add up to 1.
    weights: Array1<f64>,
    /// Means of the columns; zeros without an intercept.
    pub mean: Array1<f64>,
    /// Mean squares of the columns.
    pub squares: Array1<f64>,
    target: usize,
    /// The centred target (times the roots of the weights, beside dense columns).
    y: Vec<f64>,
    /// What the model leaves of it; with sparse columns, less `offset`.
    left: Vec<f64>,
    offset: f64,
    /// The mean square of the centred target.
    pub yy: f64,
}

impl Columns {
    fn new(cells: Cells, weights: Array1<f64>, mean: Array1<f64>, squares: Array1<f64>) -> Self {
        let (y, left) = (Vec::new(), Vec::new());
        Columns { cells, weights, mean, squares, target: 0, y, left, offset: 0.0, yy: 0.0 }
    }

    /// Dense columns: their products where there are fewer columns than rows or where these are
    /// `given` (X'WX; then X must be centred if there is an intercept), else themselves.
    pub fn dense<T: Float>(
        ctx: &Ctx,
        x: ArrayView2<T>,
        y: ArrayView2<f64>,
        weights: Option<ArrayView1<f64>>,
        intercept: bool,
        given: Option<ArrayView2<f64>>,
    ) -> Result<Self> {
        let (n, p) = x.dim();
        let (w, total) = shares(n, weights);
        if let Some(xx) = given {
            let none = Array1::zeros(y.ncols());
            let y_mean = if intercept { means(ctx, y, weights)? } else { none };
            let xy = products(ctx, x, y, weights, &y_mean)? / total;
            let (xx, slopes) = (&xx / total, vec![0.0; p]);
            let squares = xx.diag().to_owned();
            return Ok(Self::new(Cells::Gram { xx, xy, slopes }, w, Array1::zeros(p), squares));
        }
        if p <= n.min(MOST_GRAM) {
            let g = gram(ctx, x, y, weights, intercept)?;
            let (xx, xy) = (g.xx / total, g.xy / total);
            let squares = xx.diag().to_owned();
            return Ok(Self::new(
                Cells::Gram { xx, xy, slopes: vec![0.0; p] },
                w,
                g.x_mean,
                squares,
            ));
        }
        let mean = if intercept { means(ctx, x, weights)? } else { Array1::zeros(p) };
        let mut cells = vec![0.0; n * p];
        par::fill_chunks(ctx, &mut cells, n.max(1), |first, column| {
            let j = first / n.max(1);
            for ((o, v), w) in column.iter_mut().zip(x.column(j)).zip(&w) {
                *o = (v.wide() - mean[j]) * w.sqrt();
            }
        })?;
        let squares = cells.chunks(n.max(1)).map(|c| dot(c, c)).collect();
        Ok(Self::new(Cells::Dense(cells), w, mean, squares))
    }

    /// A matrix sparse by columns: `starts` are those of columns, `columns` the rows of cells and
    /// `width` the number of rows.
    pub fn sparse(x: Sparse, weights: Option<ArrayView1<f64>>, intercept: bool) -> Result<Self> {
        let damaged = || Error::Shape("the sparse matrix is damaged".into());
        let starts: Vec<usize> = x.starts.iter().map(|&v| v as usize).collect();
        let p = starts.len().checked_sub(1).ok_or_else(damaged)?;
        let ordered = starts[0] == 0 && starts.windows(2).all(|w| w[0] <= w[1]);
        let inside = x.columns.iter().all(|&i| i >= 0 && (i as usize) < x.width);
        let cells = x.values.len();
        if !ordered || starts[p] != cells || x.columns.len() != cells || !inside {
            return Err(damaged());
        }
        let (w, _) = shares(x.width, weights);
        let rows: Vec<usize> = x.columns.iter().map(|&i| i as usize).collect();
        let values = x.values.to_vec();
        let (mut mean, mut squares) = (Array1::zeros(p), Array1::zeros(p));
        for j in 0..p {
            let (mut sum, mut square) = (0.0, 0.0);
            for k in starts[j]..starts[j + 1] {
                sum += w[rows[k]] * values[k];
                square += w[rows[k]] * values[k] * values[k];
            }
            mean[j] = if intercept { sum } else { 0.0 };
            squares[j] = (square - mean[j] * mean[j]).max(0.0);
        }
        Ok(Self::new(Cells::Sparse { starts, rows, values }, w, mean, squares))
    }

    /// Turns to target `t`, `y` less `mean`, from coefficients on.
    pub fn take(&mut self, t: usize, y: ArrayView1<f64>, mean: f64, coef: &Array1<f64>) {
        self.target = t;
        self.offset = 0.0;
        self.yy = y.iter().zip(&self.weights).map(|(y, w)| w * (y - mean) * (y - mean)).sum();
        match &mut self.cells {
            Cells::Gram { xy, slopes, .. } => {
                slopes.iter_mut().zip(xy.column(t)).for_each(|(s, v)| *s = *v);
            }
            Cells::Dense(_) => {
                self.y = y.iter().zip(&self.weights).map(|(y, w)| (y - mean) * w.sqrt()).collect();
            }
            Cells::Sparse { .. } => self.y = y.iter().map(|y| y - mean).collect(),
        }
        self.left.clone_from(&self.y);
        for (j, c) in coef.iter().enumerate().filter(|(_, c)| **c != 0.0) {
            self.shift(j, *c);
        }
    }

    /// The mean product of column `j` and the residual.
    #[inline]
    pub fn slope(&self, j: usize) -> f64 {
        match &self.cells {
            Cells::Gram { slopes, .. } => slopes[j],
            Cells::Dense(cells) => {
                let n = self.left.len();
                dot(&cells[j * n..(j + 1) * n], &self.left)
            }
            Cells::Sparse { starts, rows, values } => {
                let part = starts[j]..starts[j + 1];
                let cells = rows[part.clone()].iter().zip(&values[part]);
                let sum: f64 = cells.map(|(&i, v)| self.weights[i] * v * self.left[i]).sum();
                sum + self.offset * self.mean[j]
            }
        }
    }

    /// Adds `by` to coefficient `j`.
    #[inline]
    pub fn shift(&mut self, j: usize, by: f64) {
        match &mut self.cells {
            Cells::Gram { xx, slopes, .. } => {
                slopes.iter_mut().zip(xx.row(j)).for_each(|(s, v)| *s -= by * v);
            }
            Cells::Dense(cells) => {
                let n = self.left.len();
                let column = &cells[j * n..(j + 1) * n];
                self.left.iter_mut().zip(column).for_each(|(l, v)| *l -= by * v);
            }
            Cells::Sparse { starts, rows, values } => {
                let part = starts[j]..starts[j + 1];
                for (&i, v) in rows[part.clone()].iter().zip(&values[part]) {
                    self.left[i] -= by * v;
                }
                self.offset += by * self.mean[j];
            }
        }
    }

    /// The mean square of the residual, and its mean product with the target.
    pub fn residual(&self, coef: &Array1<f64>) -> (f64, f64) {
        match &self.cells {
            Cells::Gram { xy, slopes, .. } => {
                let with_y = coef.dot(&xy.column(self.target));
                let with_left: f64 = coef.iter().zip(slopes).map(|(c, s)| c * s).sum();
                (self.yy - with_y - with_left, self.yy - with_y)
            }
            Cells::Dense(_) => (dot(&self.left, &self.left), dot(&self.left, &self.y)),
            Cells::Sparse { .. } => {
                let (mut square, mut with_y) = (0.0, 0.0);
                for ((l, y), w) in self.left.iter().zip(&self.y).zip(&self.weights) {
                    let left = l + self.offset;
                    square += w * left * left;
                    with_y += w * left * y;
                }
                (square, with_y)
            }
        }
    }
}

/// Weights as shares of their sum, and the sum.
fn shares(n: usize, weights: Option<ArrayView1<f64>>) -> (Array1<f64>, f64) {
    let total = weights.map_or(n as f64, |w| w.sum());
    (Array1::from_shape_fn(n, |i| weights.map_or(1.0, |w| w[i]) / total), total)
}
