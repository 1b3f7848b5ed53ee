//! The rows of a table as they lie in memory, dense or sparse, borrowed in their own precision.

use ndarray::{ArrayView1, ArrayView2};

use crate::base::float::Float;
use crate::base::{Error, Result};

/// A matrix by rows.
#[derive(Debug, Clone, Copy)]
pub enum Cells<'a, T> {
    /// Rows of `width` numbers one after another.
    Dense {
        /// The numbers.
        values: &'a [T],
        /// Numbers in a row.
        width: usize,
    },
    /// Compressed sparse rows.
    Sparse {
        /// Where each row begins and the last one ends.
        starts: &'a [i32],
        /// Columns of the cells.
        columns: &'a [i32],
        /// Values of the cells.
        values: &'a [T],
        /// How many columns there are.
        width: usize,
    },
}

impl<'a, T: Float> Cells<'a, T> {
    /// A dense matrix, whose rows must follow each other in memory.
    pub fn dense(x: ArrayView2<'a, T>) -> Result<Self> {
        let width = x.ncols();
        match x.to_slice() {
            Some(values) if width > 0 => Ok(Cells::Dense { values, width }),
            _ => Err(Error::Shape("the rows are empty or not contiguous".into())),
        }
    }

    /// A sparse matrix by its parts, which are checked.
    pub fn sparse(
        starts: ArrayView1<'a, i32>,
        columns: ArrayView1<'a, i32>,
        values: ArrayView1<'a, T>,
        width: usize,
    ) -> Result<Self> {
        let damaged = || Error::Shape("the sparse matrix is damaged".into());
        let starts = starts.to_slice().ok_or_else(damaged)?;
        let columns = columns.to_slice().ok_or_else(damaged)?;
        let values = values.to_slice().ok_or_else(damaged)?;
        let ordered = starts.first() == Some(&0) && starts.windows(2).all(|w| w[0] <= w[1]);
        let whole = starts.last().is_some_and(|&end| end as usize == values.len());
        let inside = columns.iter().all(|&c| c >= 0 && (c as usize) < width);
        if !ordered || !whole || columns.len() != values.len() || !inside {
            return Err(damaged());
        }
        Ok(Cells::Sparse { starts, columns, values, width })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        match self {
            Cells::Dense { values, width } => values.len() / width,
            Cells::Sparse { starts, .. } => starts.len() - 1,
        }
    }

    /// How many cells there are.
    pub fn len(&self) -> usize {
        match self {
            Cells::Dense { values, .. } | Cells::Sparse { values, .. } => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        match self {
            Cells::Dense { width, .. } | Cells::Sparse { width, .. } => *width,
        }
    }

    /// Row `i`.
    #[inline(always)]
    pub fn row(&self, i: usize) -> Row<'a, T> {
        match *self {
            Cells::Dense { values, width } => {
                Row { values: &values[i * width..(i + 1) * width], columns: None }
            }
            Cells::Sparse { starts, columns, values, .. } => {
                let part = starts[i] as usize..starts[i + 1] as usize;
                Row { values: &values[part.clone()], columns: Some(&columns[part]) }
            }
        }
    }
}

/// A row: numbers, and their columns where it is sparse.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a, T> {
    /// The numbers.
    pub values: &'a [T],
    /// Their columns.
    pub columns: Option<&'a [i32]>,
}

impl<T: Float> Row<'_, T> {
    /// The product with `w`, in eight or four running sums.
    #[inline(always)]
    pub fn dot(&self, w: &[f64]) -> f64 {
        match self.columns {
            Some(columns) => {
                let (ca, ra) = columns.as_chunks::<4>();
                let (va, rv) = self.values.as_chunks::<4>();
                let mut sums = [0.0; 4];
                for (c, v) in ca.iter().zip(va) {
                    for k in 0..4 {
                        sums[k] += w[c[k] as usize] * v[k].wide();
                    }
                }
                let rest: f64 = ra.iter().zip(rv).map(|(&c, v)| w[c as usize] * v.wide()).sum();
                (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
            }
            None => {
                let (xa, rx) = self.values.as_chunks::<8>();
                let (wa, rw) = w.as_chunks::<8>();
                let mut sums = [0.0; 8];
                for (x, y) in xa.iter().zip(wa) {
                    for k in 0..8 {
                        sums[k] += x[k].wide() * y[k];
                    }
                }
                let rw = if wa.len() > xa.len() { &wa[xa.len()][..] } else { rw };
                let rest: f64 = rx.iter().zip(rw).map(|(x, w)| x.wide() * w).sum();
                let (even, odd) = (sums[0] + sums[4], sums[1] + sums[5]);
                (even + (sums[2] + sums[6])) + (odd + (sums[3] + sums[7])) + rest
            }
        }
    }

    /// Adds `by` times the row to `w`.
    #[inline(always)]
    pub fn add(&self, w: &mut [f64], by: f64) {
        match self.columns {
            Some(columns) => {
                for (&c, v) in columns.iter().zip(self.values) {
                    w[c as usize] += v.wide() * by;
                }
            }
            None => w.iter_mut().zip(self.values).for_each(|(w, x)| *w += x.wide() * by),
        }
    }

    /// `f(column, value)` for every cell.
    #[inline(always)]
    pub fn each(&self, mut f: impl FnMut(usize, f64)) {
        match self.columns {
            Some(columns) => {
                columns.iter().zip(self.values).for_each(|(&c, v)| f(c as usize, v.wide()));
            }
            None => self.values.iter().enumerate().for_each(|(c, v)| f(c, v.wide())),
        }
    }

    /// The sum of squares.
    #[inline(always)]
    pub fn square(&self) -> f64 {
        let (xa, rx) = self.values.as_chunks::<8>();
        let mut sums = [0.0; 8];
        for x in xa {
            for k in 0..8 {
                sums[k] += x[k].wide() * x[k].wide();
            }
        }
        sums.iter().sum::<f64>() + rx.iter().map(|x| x.wide() * x.wide()).sum::<f64>()
    }
}

/// Copies of some rows, in double precision.
///
/// Rows that come in random order come each from main memory. Copies of many wait for memory
/// together; steps that need each other's outcome would wait one after another.
#[derive(Debug, Default)]
pub struct Block {
    values: Vec<f64>,
    columns: Vec<i32>,
    ends: Vec<usize>,
    sparse: bool,
}

/// Numbers of double precision in a cache line.
const LINE: usize = 8;

/// The length of dense rows in a block, and of weights to go with them: whole registers.
pub fn padded(width: usize) -> usize {
    width.next_multiple_of(8)
}

impl Block {
    /// Copies the rows `ids`; dense ones are `padded` by zeros.
    pub fn gather<T: Float>(&mut self, cells: &Cells<T>, ids: &[u32]) {
        self.ends.clear();
        match *cells {
            Cells::Dense { values, width } => {
                let wide = padded(width);
                // A load of each line first: these wait for memory all at once.
                let mut touched = 0.0;
                for &i in ids {
                    let row = &values[i as usize * width..(i as usize + 1) * width];
                    touched += row.iter().step_by(LINE).map(|v| v.wide()).sum::<f64>();
                }
                std::hint::black_box(touched);
                self.values.resize(ids.len() * wide, 0.0);
                for (out, &i) in self.values.chunks_exact_mut(wide).zip(ids) {
                    let row = &values[i as usize * width..(i as usize + 1) * width];
                    out.iter_mut().zip(row).for_each(|(o, v)| *o = v.wide());
                }
                self.ends.extend((1..=ids.len()).map(|k| k * wide));
            }
            Cells::Sparse { starts, columns, values, .. } => {
                self.sparse = true;
                let mut touched = 0.0;
                for &i in ids {
                    let part = starts[i as usize] as usize..starts[i as usize + 1] as usize;
                    for k in part.step_by(LINE) {
                        touched += values[k].wide() + f64::from(columns[k]);
                    }
                }
                std::hint::black_box(touched);
                self.values.clear();
                self.columns.clear();
                for &i in ids {
                    let part = starts[i as usize] as usize..starts[i as usize + 1] as usize;
                    self.columns.extend_from_slice(&columns[part.clone()]);
                    self.values.extend(values[part].iter().map(|v| v.wide()));
                    self.ends.push(self.values.len());
                }
            }
        }
    }

    /// Copy `k`.
    #[inline(always)]
    pub fn row(&self, k: usize) -> Row<'_, f64> {
        let part = if k == 0 { 0 } else { self.ends[k - 1] }..self.ends[k];
        let columns = self.sparse.then(|| &self.columns[part.clone()]);
        Row { values: &self.values[part], columns }
    }

    /// How many rows of these cells are gathered at once: some of the first-level cache.
    pub fn size<T: Float>(cells: &Cells<T>) -> usize {
        match cells {
            Cells::Sparse { .. } => 64,
            Cells::Dense { width, .. } => (2048 / width).clamp(1, 64),
        }
    }
}

/// The target of a row of class `y` in problem `k`, its class against the rest (`low`), and the
/// factor of its weight. One problem tells class 1 from class 0.
#[inline]
pub fn side(y: f64, k: usize, low: f64, sides: ArrayView2<f64>) -> (f64, f64) {
    let own = if sides.nrows() == 1 { 1 } else { k };
    if y == own as f64 { (1.0, sides[[k, 0]]) } else { (low, sides[[k, 1]]) }
}
