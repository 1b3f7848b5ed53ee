//! The training table as bins, twice: column by column to send rows down, and a few columns side
//! by side to sum gradients up.

use std::sync::Arc;

use ndarray::ArrayView2;

use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, par, radix};
use crate::trees::bins::{Cuts, MISSING};

/// Columns whose values are copied out of the table together: they share its cache lines.
const TOGETHER: usize = 8;

/// A few columns, row by row.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// The first column.
    pub first: usize,
    /// How many: 8, 4, 2 or 1.
    pub width: usize,
    /// `rows * width` bins.
    pub cells: Vec<u8>,
}

/// All cells as bins.
#[derive(Debug, Clone)]
pub(in crate::models) struct Table {
    pub rows: usize,
    pub cuts: Vec<Arc<Cuts>>,
    /// Whether something is missing, by column.
    pub missing: Vec<bool>,
    pub(super) groups: Vec<Group>,
    cells: Vec<u8>,
}

impl Table {
    /// Puts every cell in its bin; groups have up to `widest` columns.
    pub fn new<T: Float>(
        ctx: &Ctx,
        x: ArrayView2<'_, T>,
        cuts: Vec<Arc<Cuts>>,
        widest: usize,
    ) -> Result<Self> {
        let (rows, columns) = x.dim();
        if cuts.len() != columns || columns == 0 || u32::try_from(rows).is_err() {
            return Err(Error::Shape(format!(
                "{rows} rows of {columns} columns, but bins of {}",
                cuts.len()
            )));
        }
        let shapes = shapes(columns, widest);
        let groups = par::map(ctx, shapes.len(), |g| {
            let (first, width) = shapes[g];
            let mut cells = vec![0u8; rows * width];
            for (row, cells) in cells.chunks_exact_mut(width).enumerate() {
                for (lane, cell) in cells.iter_mut().enumerate() {
                    *cell = cuts[first + lane].bin(x[[row, first + lane]].wide());
                }
            }
            Group { first, width, cells }
        })?;
        let mut cells = vec![0u8; rows * columns];
        par::fill_chunks(ctx, &mut cells, rows.max(1), |at, out| {
            let j = at / rows.max(1);
            let of = shapes.partition_point(|&(first, _)| first <= j) - 1;
            let Group { first, width, cells } = &groups[of];
            let column = cells.iter().skip(j - first).step_by(*width);
            out.iter_mut().zip(column).for_each(|(out, &bin)| *out = bin);
        })?;
        let mut table = Table { rows, cuts, missing: Vec::new(), groups, cells };
        table.missing = par::map(ctx, columns, |j| table.column(j).contains(&MISSING))?;
        Ok(table)
    }

    pub fn columns(&self) -> usize {
        self.cuts.len()
    }

    /// The bins of a column.
    pub fn column(&self, column: usize) -> &[u8] {
        &self.cells[column * self.rows..][..self.rows]
    }

    /// How many bins a column has, that of missing values not counted.
    pub fn bins(&self, column: usize) -> usize {
        bins(&self.cuts[column])
    }
}

/// How many bins there are, that of missing values not counted.
pub(super) fn bins(cuts: &Cuts) -> usize {
    match cuts {
        Cuts::Numbers(edges) => edges.len() + 1,
        Cuts::Categories(bins) => bins.len(),
    }
}

/// First column and width of groups that hold all columns.
fn shapes(columns: usize, widest: usize) -> Vec<(usize, usize)> {
    let (mut first, mut out) = (0, Vec::new());
    while first < columns {
        let mut width = widest.clamp(1, 8);
        while !width.is_power_of_two() || width > columns - first {
            width -= 1;
        }
        out.push((first, width));
        first += width;
    }
    out
}

/// The edges of each column of numbers, as scikit-learn places them: half way between neighbours
/// where there are at most `max_bins` distinct values, else at quantiles. `rows` are those to look
/// at (all by default); `categories` says how many a column has, 0 for numbers.
///
/// # Errors
/// [`Error::Shape`] when the arrays do not fit each other.
pub fn find_cuts<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<'_, T>,
    rows: Option<&[i64]>,
    weights: Option<&[f64]>,
    categories: &[usize],
    max_bins: usize,
) -> Result<Vec<Arc<Cuts>>> {
    let (n, columns) = x.dim();
    let inside = rows.is_none_or(|r| r.iter().all(|&r| r >= 0 && (r as usize) < n));
    if categories.len() != columns || !inside || weights.is_some_and(|w| w.len() != n) {
        return Err(Error::Shape(format!("rows or weights that do not fit {n} x {columns}")));
    }
    let found = par::map(ctx, columns.div_ceil(TOGETHER), |g| {
        let some = g * TOGETHER..((g + 1) * TOGETHER).min(columns);
        let mut values = vec![Vec::with_capacity(rows.map_or(n, <[i64]>::len)); some.len()];
        let mut take = |row: usize| {
            for (values, j) in values.iter_mut().zip(some.clone()) {
                values.push(x[[row, j]].wide());
            }
        };
        match rows {
            Some(rows) => rows.iter().for_each(|&row| take(row as usize)),
            None => (0..n).for_each(&mut take),
        }
        let cuts = values.into_iter().zip(some).map(|(values, j)| match categories[j] {
            0 => Cuts::Numbers(edges(values, weights, max_bins)),
            n => Cuts::Categories((0..n.min(255)).map(|code| code as u8).collect()),
        });
        cuts.map(Arc::new).collect::<Vec<_>>()
    })?;
    Ok(found.into_iter().flatten().collect())
}

/// The edges of one column. Rows of weight zero do not count.
fn edges(mut values: Vec<f64>, weights: Option<&[f64]>, max_bins: usize) -> Vec<f64> {
    let mut pairs: Vec<(f64, f64)> = Vec::new();
    if let Some(weights) = weights {
        let all = values.iter().copied().zip(weights.iter().copied());
        pairs = all.filter(|&(v, w)| w != 0.0 && !v.is_nan()).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        values = pairs.iter().map(|&(v, _)| v).collect();
    } else {
        values.retain(|v| !v.is_nan());
        radix::sort_numbers(&mut values);
    }
    let mut distinct: Vec<f64> = Vec::with_capacity(max_bins + 1);
    for &v in &values {
        if distinct.last() != Some(&v) {
            if distinct.len() == max_bins {
                return if weights.is_some() {
                    weighted_quantiles(&pairs, max_bins)
                } else {
                    quantiles(&values, max_bins)
                };
            }
            distinct.push(v);
        }
    }
    tidy(distinct.windows(2).map(|w| middle(w[0], w[1])).collect())
}

/// Half way; two numbers too near to have one between them meet at the lower.
fn middle(a: f64, b: f64) -> f64 {
    let middle = if (a + b).is_finite() { (a + b) / 2.0 } else { a / 2.0 + b / 2.0 };
    if middle.is_nan() { 0.0 } else { middle }
}

/// Finite from above, rising and without repetition.
fn tidy(mut edges: Vec<f64>) -> Vec<f64> {
    edges.iter_mut().for_each(|e| *e = e.min(1e300));
    edges.dedup();
    edges
}

/// The 1/n .. (n-1)/n quantiles of sorted values: the value at whose rank the share is passed, the
/// mean of two where it is met.
fn quantiles(sorted: &[f64], n: usize) -> Vec<f64> {
    let at = |k: usize| {
        let place = k * sorted.len();
        let i = place / n;
        if place.is_multiple_of(n) { middle(sorted[i - 1], sorted[i]) } else { sorted[i] }
    };
    tidy((1..n).map(at).collect())
}

/// The same where values weigh differently.
fn weighted_quantiles(sorted: &[(f64, f64)], n: usize) -> Vec<f64> {
    let total: f64 = sorted.iter().map(|p| p.1).sum();
    let (mut i, mut sum, mut out) = (0, sorted[0].1, Vec::new());
    for k in 1..n {
        let share = total * k as f64;
        while sum * (n as f64) < share && i + 1 < sorted.len() {
            i += 1;
            sum += sorted[i].1;
        }
        let met = sum * n as f64 == share && i + 1 < sorted.len();
        out.push(if met { middle(sorted[i].0, sorted[i + 1].0) } else { sorted[i].0 });
    }
    tidy(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn groups_hold_every_column() {
        assert_eq!(shapes(30, 8), [(0, 8), (8, 8), (16, 8), (24, 4), (28, 2)]);
        assert_eq!(shapes(7, 4), [(0, 4), (4, 2), (6, 1)]);
        let x =
            Array2::from_shape_fn((9, 7), |(i, j)| if i == j { f64::NAN } else { (i * j) as f64 });
        let ctx = Ctx::new(1);
        let cuts = find_cuts(&ctx, x.view(), None, None, &[0; 7], 255).unwrap();
        let table = Table::new(&ctx, x.view(), cuts, 4).unwrap();
        for ((i, j), &v) in x.indexed_iter() {
            assert_eq!(table.column(j)[i], table.cuts[j].bin(v));
        }
        assert!(table.missing.iter().all(|&m| m));
    }

    #[test]
    fn edges_are_quantiles() {
        let many: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(edges(many.clone(), None, 4), [249.5, 499.5, 749.5]);
        let same = edges(many.clone(), Some(&[2.0; 1000]), 4);
        assert_eq!(same, [249.5, 499.5, 749.5]);
        let mut twice = many.clone();
        twice.extend(&many[..300]);
        let weights: Vec<f64> = (0..1000).map(|i| if i < 300 { 2.0 } else { 1.0 }).collect();
        assert_eq!(edges(twice, None, 7), edges(many, Some(&weights), 7));
        assert_eq!(edges(vec![1.0, f64::NAN, 3.0, 1.0], None, 9), [2.0]);
        assert!(edges(vec![5.0; 4], None, 9).is_empty());
        let ends = edges(vec![f64::NEG_INFINITY, 0.0, 1.0, f64::INFINITY], None, 9);
        assert_eq!(ends, [f64::NEG_INFINITY, 0.5, 1e300]);
        assert_eq!(edges(vec![f64::NEG_INFINITY, f64::INFINITY], None, 9), [0.0]);
    }
}
