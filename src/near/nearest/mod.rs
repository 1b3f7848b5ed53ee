//! The nearest points of each point, exactly.
//!
//! Points lie in blocks of neighbours, each in a box. Blocks are looked at from the nearest on until
//! none can hold a nearer point. A first look in single precision, with room for its rounding,
//! leaves out most points of a block; the others are measured in double precision.

mod kinds;
mod search;
#[cfg(test)]
mod tests;

use ndarray::ArrayView2;

use self::kinds::Kinds;
use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, par};

/// So few queries are measured against every point, which takes less time than to make blocks.
const FEW: usize = 16;

/// The nearest points of each query: `k` of them, the nearest first, and of equally near ones that
/// of the lower row.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// Distances, query after query.
    pub distances: Vec<f64>,
    /// Rows of the data.
    pub rows: Vec<u32>,
}

/// The `k` nearest rows of `data`, for each row of `queries`; or, without queries, for each row of
/// the data, the other rows. No value may be missing.
pub fn nearest<T: Float>(
    ctx: &Ctx,
    data: ArrayView2<T>,
    queries: Option<ArrayView2<T>>,
    k: usize,
) -> Result<Nearest> {
    let (n, p) = data.dim();
    let others = if queries.is_some() { n } else { n.saturating_sub(1) };
    if p == 0 || k > others || n > u32::MAX as usize / 2 {
        return Err(Error::Shape(format!("{k} nearest of {others} rows cannot be found")));
    }
    if queries.is_some_and(|q| q.ncols() != p) {
        return Err(Error::Shape(format!("queries must have {p} columns, as the data have")));
    }
    if k == 0 {
        return Ok(Nearest { distances: Vec::new(), rows: Vec::new() });
    }
    let cells = Cells::new(ctx, data, queries, None)?;
    search_all(ctx, &cells, n, queries.map(|q| q.nrows()), k)
}

/// The `k` nearest other rows of each row, which has numbers and categories: a squared distance is
/// that of the numbers and `gap` squared for each category that differs. No number may be missing.
pub fn nearest_mixed(
    ctx: &Ctx,
    numbers: ArrayView2<f64>,
    codes: ArrayView2<u32>,
    gap: f64,
    k: usize,
) -> Result<Nearest> {
    let n = numbers.nrows();
    if numbers.ncols() == 0 || k > n.saturating_sub(1) || n > u32::MAX as usize / 2 {
        let others = n.saturating_sub(1);
        return Err(Error::Shape(format!("{k} nearest of {others} rows cannot be found")));
    }
    if codes.nrows() != n {
        return Err(Error::Shape(format!("{n} rows have categories of {} rows", codes.nrows())));
    }
    if !gap.is_finite() || gap < 0.0 {
        return Err(Error::Parameter(format!("gap must be a number from 0 on; got {gap}")));
    }
    if k == 0 {
        return Ok(Nearest { distances: Vec::new(), rows: Vec::new() });
    }
    let cells = Cells::new(ctx, numbers, None, Some((codes, gap)))?;
    search_all(ctx, &cells, n, None, k)
}

/// The nearest of `n` rows: for those after them, or for themselves.
fn search_all(
    ctx: &Ctx,
    cells: &Cells,
    n: usize,
    queries: Option<usize>,
    k: usize,
) -> Result<Nearest> {
    let asked: Vec<u32> = match queries {
        Some(q) => (n as u32..(n + q) as u32).collect(),
        None => (0..n as u32).collect(),
    };
    let found = if asked.len() <= FEW {
        par::map(ctx, asked.len(), |i| {
            let mut best = Best::new(k);
            for row in (0..n as u32).filter(|&row| row != asked[i]) {
                best.offer(cells.square(asked[i], row), row);
            }
            vec![(asked[i], best.found)]
        })?
    } else {
        search::by_blocks(ctx, cells, n, &asked, queries.is_some(), k)?
    };
    let mut distances = vec![0.0; asked.len() * k];
    let mut rows = vec![0; asked.len() * k];
    for (item, found) in found.into_iter().flatten() {
        let at = (item - asked[0]) as usize * k;
        for (m, (square, row)) in found.into_iter().enumerate() {
            distances[at + m] = square.sqrt() * cells.unit;
            rows[at + m] = row;
        }
    }
    Ok(Nearest { distances, rows })
}

/// The rows of the data and of the queries after them, by a power of two within [-1, 1].
struct Cells {
    rows: Vec<f64>,
    p: usize,
    unit: f64,
    kinds: Option<Kinds>,
}

impl Cells {
    fn new<T: Float>(
        ctx: &Ctx,
        data: ArrayView2<T>,
        queries: Option<ArrayView2<T>>,
        kinds: Option<(ArrayView2<u32>, f64)>,
    ) -> Result<Self> {
        let (n, p) = data.dim();
        let total = n + queries.map_or(0, |q| q.nrows());
        let mut rows = vec![0.0; total * p];
        let size = (1 << 16) / p.max(1) + 1;
        par::fill_chunks(ctx, &mut rows, size * p.max(1), |first, out| {
            for (i, out) in out.chunks_mut(p.max(1)).enumerate() {
                let i = first / p.max(1) + i;
                let row = match &queries {
                    Some(queries) if i >= n => queries.row(i - n),
                    _ => data.row(i),
                };
                out.iter_mut().zip(row).for_each(|(out, v)| *out = v.wide());
            }
        })?;
        let gap = kinds.map_or(0.0, |(_, gap)| gap);
        let far = rows.iter().fold(gap, |far: f64, v| far.max(v.abs()));
        if !far.is_finite() || rows.iter().any(|v| v.is_nan()) {
            return Err(Error::Data("distances need numbers that are known and finite".into()));
        }
        // Exact, where nothing is lost below the least numbers.
        let unit = if far > 0.0 {
            2f64.powi(far.log2().ceil().clamp(-1000.0, 1023.0) as i32)
        } else {
            1.0
        };
        rows.iter_mut().for_each(|v| *v /= unit);
        let kinds = kinds.map(|(codes, gap)| Kinds::new(codes, gap / unit));
        Ok(Cells { rows, p, unit, kinds })
    }

    /// Coordinates of a point that stands for a row at the first look.
    fn width(&self) -> usize {
        self.p + self.kinds.as_ref().map_or(0, |kinds| kinds.width)
    }

    /// Writes such a point. Points are never farther apart than their rows.
    fn fill(&self, i: u32, out: &mut [f64]) {
        let (numbers, rest) = out.split_at_mut(self.p);
        numbers.copy_from_slice(self.row(i));
        if let Some(kinds) = &self.kinds {
            kinds.fill(i, rest);
        }
    }

    fn row(&self, i: u32) -> &[f64] {
        &self.rows[i as usize * self.p..(i as usize + 1) * self.p]
    }

    /// The squared distance, with the same bits in either order.
    fn square(&self, i: u32, j: u32) -> f64 {
        let (a, a_rest) = self.row(i).as_chunks::<4>();
        let (b, b_rest) = self.row(j).as_chunks::<4>();
        let mut sums = [0.0; 4];
        for (x, y) in a.iter().zip(b) {
            for k in 0..4 {
                sums[k] += (x[k] - y[k]) * (x[k] - y[k]);
            }
        }
        let rest: f64 = a_rest.iter().zip(b_rest).map(|(x, y)| (x - y) * (x - y)).sum();
        let square = (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest;
        square + self.kinds.as_ref().map_or(0.0, |kinds| kinds.square(i, j))
    }
}

/// The nearest so far, in order.
#[derive(Clone)]
struct Best {
    found: Vec<(f64, u32)>,
    k: usize,
}

impl Best {
    fn new(k: usize) -> Self {
        Best { found: Vec::with_capacity(k + 1), k }
    }

    /// The squared distance beyond which nothing is taken.
    fn limit(&self) -> f64 {
        match self.found.last() {
            Some(last) if self.found.len() == self.k => last.0,
            _ => f64::INFINITY,
        }
    }

    fn offer(&mut self, square: f64, row: u32) -> bool {
        let before = |other: &(f64, u32)| (other.0, other.1) < (square, row);
        if self.found.len() == self.k && self.found.last().is_none_or(before) {
            return false;
        }
        let at = self.found.partition_point(before);
        self.found.insert(at, (square, row));
        self.found.truncate(self.k);
        true
    }
}
