//! Histograms of gradients in whole numbers: sums are exact, so that they do not depend on the
//! order of rows, on threads, or on whether a sibling was summed up or taken away.

use super::table::Group;
use crate::base::{Ctx, Result, par};

/// Rows of one part of a pass.
const CHUNK: usize = 1 << 14;
/// Bits that a gradient keeps at least.
const BITS: u32 = 24;

/// What is summed up for a row and in a bin, in one, two or three words (see [`Code`]).
pub(super) type Cell<const K: usize> = [i64; K];
/// The bins of one column.
pub(super) type Bins<const K: usize> = [Cell<K>; 256];

/// Adds a cell.
#[inline]
pub(super) fn add<const K: usize>(sum: &mut Cell<K>, cell: &Cell<K>) {
    for (sum, word) in sum.iter_mut().zip(cell) {
        *sum = sum.wrapping_add(*word);
    }
}

/// Takes a cell away.
#[inline]
pub(super) fn take<const K: usize>(sum: &mut Cell<K>, cell: &Cell<K>) {
    for (sum, word) in sum.iter_mut().zip(cell) {
        *sum = sum.wrapping_sub(*word);
    }
}

/// A cell as numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sums {
    pub gradient: f64,
    pub hessian: f64,
    pub count: u32,
}

/// How gradients, hessians and counts are put in words.
///
/// One word: the gradient above, the count below (every hessian is 1). Two: the gradient, and the
/// hessian above the count. Three: each its own. Units are powers of two, so that a number that
/// has few enough bits is kept as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code {
    /// Bits of a count.
    shift: u32,
    /// Units of a gradient and a hessian in one, and their inverses.
    up: [f64; 2],
    down: [f64; 2],
}

/// Bits that hold every number up to `n`.
fn bits(n: usize) -> u32 {
    usize::BITS - n.leading_zeros()
}

/// How many words a row needs: few, if that leaves enough bits.
pub(super) fn words(rows: usize, constant: bool) -> usize {
    let room = 62u32.saturating_sub(2 * bits(rows));
    match (room >= BITS, constant) {
        (true, true) => 1,
        (true, false) => 2,
        (false, true) => 2,
        (false, false) => 3,
    }
}

/// The power of two that makes whole numbers below `2^bits` of numbers up to `largest`.
fn unit(largest: f64, bits: u32) -> f64 {
    let exponent = if largest > 0.0 { largest.log2().floor() as i32 + 1 } else { 0 };
    // Far from where the power or its inverse would overflow.
    2f64.powi((bits as i32 - exponent).clamp(-900, 900))
}

impl Code {
    /// The code for gradients and hessians up to these sizes.
    pub fn new<const K: usize>(rows: usize, gradient: f64, hessian: Option<f64>) -> Self {
        let count = bits(rows);
        let (of_gradient, of_hessian) = match K {
            1 => (62 - 2 * count, 0),
            2 => (62 - count, 62 - 2 * count),
            _ => (62 - count, 62 - count),
        };
        let shift = if K == 3 { 0 } else { count };
        // Without hessians, each is one unit.
        let hessian = hessian.map_or(1.0, |h| unit(h, of_hessian));
        let up = [unit(gradient, of_gradient), hessian];
        Code { shift, up, down: up.map(f64::recip) }
    }

    /// A row's cell.
    #[inline]
    fn encode<const K: usize>(&self, gradient: f64, hessian: f64) -> Cell<K> {
        // In single precision first: few enough bits for sums that are exact.
        let whole = |v: f64, unit: f64| {
            let v = f64::from(v as f32) * unit;
            (v + 0.5f64.copysign(v)) as i64
        };
        let (g, h) = (whole(gradient, self.up[0]), whole(hessian, self.up[1]));
        let mut cell = [0; K];
        match K {
            1 => cell[0] = (g << self.shift) + 1,
            2 => (cell[0], cell[1]) = (g, (h << self.shift) + 1),
            _ => (cell[0], cell[1], cell[2]) = (g, h, 1),
        }
        cell
    }

    /// A cell's numbers.
    #[inline]
    pub fn decode<const K: usize>(&self, cell: &Cell<K>) -> Sums {
        let mask = (1i64 << self.shift) - 1;
        let (g, h, n) = match K {
            1 => (cell[0] >> self.shift, cell[0] & mask, cell[0] & mask),
            2 => (cell[0], cell[1] >> self.shift, cell[1] & mask),
            _ => (cell[0], cell[1], cell[2]),
        };
        Sums {
            gradient: g as f64 * self.down[0],
            hessian: h as f64 * self.down[1],
            count: n as u32,
        }
    }

    /// The cells of all rows; pairs are gradients and hessians.
    pub fn rows<const K: usize>(
        ctx: &Ctx,
        pairs: &[[f64; 2]],
        constant: bool,
        out: &mut Vec<Cell<K>>,
    ) -> Result<Self> {
        let largest = par::map_chunks(ctx, pairs.len(), CHUNK, |a, b| {
            let more = |m: [f64; 2], p: &[f64; 2]| [m[0].max(p[0].abs()), m[1].max(p[1])];
            pairs[a..b].iter().fold([0.0; 2], more)
        })?;
        let [g, h] = largest.iter().fold([0.0f64; 2], |m, p| [m[0].max(p[0]), m[1].max(p[1])]);
        let code = Code::new::<K>(pairs.len(), g, (!constant).then_some(h));
        out.resize(pairs.len(), [0; K]);
        par::fill_chunks(ctx, out, CHUNK, |first, out| {
            for (cell, pair) in out.iter_mut().zip(&pairs[first..]) {
                *cell = code.encode(pair[0], pair[1]);
            }
        })?;
        Ok(code)
    }
}

/// Sums the cells of some rows (all, by default) up by bin, in all columns of a group. `hist`
/// comes empty.
pub(super) fn fill<const K: usize>(
    group: &Group,
    rows: Option<&[u32]>,
    cells: &[Cell<K>],
    hist: &mut [Bins<K>],
) {
    match group.width {
        8 => side_by_side::<8, K>(&group.cells, rows, cells, hist),
        4 => side_by_side::<4, K>(&group.cells, rows, cells, hist),
        2 => side_by_side::<2, K>(&group.cells, rows, cells, hist),
        _ => side_by_side::<1, K>(&group.cells, rows, cells, hist),
    }
}

/// [`fill`] of `W` columns. A row's cell is read once for all of them, and where one column has
/// the same bin again, the others need not wait for it.
fn side_by_side<const W: usize, const K: usize>(
    bins: &[u8],
    rows: Option<&[u32]>,
    cells: &[Cell<K>],
    hist: &mut [Bins<K>],
) {
    let (bins, _) = bins.as_chunks::<W>();
    let Ok(hist) = <&mut [Bins<K>; W]>::try_from(hist) else { return };
    let mut one = |bins: &[u8; W], cell: &Cell<K>| {
        for (hist, &bin) in hist.iter_mut().zip(bins) {
            add(&mut hist[usize::from(bin)], cell);
        }
    };
    match rows {
        Some(rows) => {
            rows.iter().zip(cells).for_each(|(&row, cell)| one(&bins[row as usize], cell))
        }
        None => bins.iter().zip(cells).for_each(|(bins, cell)| one(bins, cell)),
    }
}
