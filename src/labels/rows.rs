//! Rows of probabilities, as the kernels read them.

use ndarray::ArrayView2;

use crate::base::float::Float;
use crate::base::{Error, Result};

/// Rows between two looks at the stop flag.
pub const ROWS: usize = 1 << 13;
/// Sums are made in so many lanes: additions that wait for one another cost more than reading.
pub const LANES: usize = 4;

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

    /// Row `i`: as it stands, or put together in the buffer.
    #[inline]
    pub fn row<'b>(&'b self, i: usize, buffer: &'b mut Vec<T>) -> &'b [T] {
        let k = self.view.ncols();
        match self.flat {
            Some(cells) => &cells[i * k..][..k],
            None => {
                buffer.clear();
                buffer.extend(self.view.row(i));
                buffer
            }
        }
    }
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
