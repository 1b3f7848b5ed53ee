//! How far the most probable other class is ahead of the label.

use ndarray::ArrayView2;

use super::rows::{ROWS, Rows, check};
use crate::base::float::Float;
use crate::base::{Ctx, Result, par};

/// A row's label against its rivals.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Margin {
    /// The probability of the label.
    pub own: f64,
    /// The most probable other class, the first of equals.
    pub other: u32,
    /// Its probability.
    pub best: f64,
}

/// The margin of each row.
pub fn margins<T: Float>(ctx: &Ctx, p: ArrayView2<T>, y: &[u32]) -> Result<Vec<Margin>> {
    check(p, y, None)?;
    let mut out = vec![Margin::default(); y.len()];
    let rows = Rows::new(p);
    par::fill_chunks(ctx, &mut out, ROWS, |first, chunk| {
        let mut buffer = Vec::new();
        for (i, o) in chunk.iter_mut().enumerate() {
            let row = rows.row(first + i, &mut buffer);
            let label = y[first + i] as usize;
            let (other, best) = rival(row, label);
            *o = Margin { own: row[label].wide(), other, best };
        }
    })?;
    Ok(out)
}

/// The greatest value but that at `label`, and its place.
#[inline]
pub fn rival<T: Float>(row: &[T], label: usize) -> (u32, f64) {
    let mut found = (0, -1.0);
    for (j, v) in row.iter().map(|v| v.wide()).enumerate() {
        if v > found.1 && j != label {
            found = (j as u32, v);
        }
    }
    found
}
