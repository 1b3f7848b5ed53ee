//! Rows of probabilities, as the kernels read them.

use ndarray::ArrayView2;

use crate::base::float::Float;
use crate::base::{Error, Result};

/// Rows between two looks at the stop flag.
pub const ROWS: usize = 1 << 13;

/// The probabilities, row by row.
pub struct Rows<'a, T> {
    view: ArrayView2<'a, T>,
    /// All of them, where rows follow one another.
    flat: Option<&'a [T]>,
}

impl<'a, T: Float> Rows<'a, T> {
    /// The rows of a matrix.
    pub fn new(view: ArrayView2<'a, T>) -> Self {
        Rows { view, flat: view.to_slice() }
    }

    /// One cell.
    #[inline]
    pub fn cell(&self, i: usize, j: usize) -> f64 {
        match self.flat {
            Some(cells) => cells[i * self.view.ncols() + j].wide(),
            None => self.view[[i, j]].wide(),
        }
    }

    /// Copies row `i` into a buffer of f64.
    #[inline]
    pub fn load(&self, i: usize, out: &mut [f64]) {
        let k = out.len();
        match self.flat {
            Some(cells) => {
                out.iter_mut().zip(&cells[i * k..][..k]).for_each(|(o, v)| *o = v.wide());
            }
            None => out.iter_mut().zip(self.view.row(i)).for_each(|(o, v)| *o = v.wide()),
        }
    }
}

/// The sum, in four lanes: additions that wait for one another cost more than reading the row.
#[inline]
pub fn sum(row: &[f64]) -> f64 {
    let (quads, rest) = row.as_chunks::<4>();
    let mut lanes = [0.0; 4];
    for quad in quads {
        lanes.iter_mut().zip(quad).for_each(|(lane, v)| *lane += v);
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest.iter().sum::<f64>()
}

/// Refuses labels and weights that do not fit the probabilities.
pub fn check<T>(p: ArrayView2<T>, y: &[u32], weights: Option<&[f64]>) -> Result<()> {
    let (n, k) = p.dim();
    if k < 2 {
        return Err(Error::Shape(format!("probabilities of {k} classes: two are needed")));
    }
    if y.len() != n || weights.is_some_and(|w| w.len() != n) {
        return Err(Error::Shape(format!(
            "{n} rows of probabilities, but {} labels and {} weights",
            y.len(),
            weights.map_or(n, <[f64]>::len)
        )));
    }
    match y.iter().position(|&label| label as usize >= k) {
        Some(row) => Err(Error::Data(format!(
            "the label of row {row} is class number {}, of {k} classes",
            y[row]
        ))),
        None => Ok(()),
    }
}
