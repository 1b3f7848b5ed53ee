//! Rows of probabilities, as the kernels read them.

use ndarray::{ArrayView1, ArrayView2};

use crate::base::float::Float;
use crate::base::{Error, Result};

/// Rows between two looks at the stop flag.
pub const ROWS: usize = 1 << 13;

/// Copies a row into a buffer of f64.
#[inline]
pub fn load<T: Float>(row: ArrayView1<T>, out: &mut [f64]) {
    match row.as_slice() {
        Some(cells) => out.iter_mut().zip(cells).for_each(|(o, v)| *o = v.wide()),
        None => out.iter_mut().zip(row.iter()).for_each(|(o, v)| *o = v.wide()),
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
