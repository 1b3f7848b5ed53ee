//! A table as small whole numbers: each column's values in at most 255 bins, missing ones apart.
//!
//! The bins of a column are found once. A cell that changes is put in its bin again by a search
//! among the edges; the others stay as they are.

use std::sync::Arc;

use ndarray::ArrayView2;

use crate::base::{Ctx, Error, Result, par};

/// The bin of what is missing, and of a category that was not there when the bins were found.
pub const MISSING: u8 = 255;
/// Bins of a column at most, [`MISSING`] not counted.
pub const MAX_BINS: usize = 255;

/// How the values of one column become bins.
#[derive(Debug, Clone, PartialEq)]
pub enum Cuts {
    /// Rising edges: a number is in the bin of the first edge that is not below it, and in one
    /// more bin if it is above all.
    Numbers(Vec<f64>),
    /// The bin of each category code.
    Categories(Vec<u8>),
}

impl Cuts {
    /// Bins of about as many values each; where there are few distinct values, a bin for each.
    /// Edges lie in the middle between two values that occur.
    fn numbers(mut values: Vec<f64>, max_bins: usize) -> Self {
        values.retain(|v| !v.is_nan());
        values.iter_mut().for_each(|v| *v += 0.0); // -0.0 is 0.0
        values.sort_unstable_by(f64::total_cmp);
        let distinct: Vec<(f64, usize)> =
            values.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect();
        let bins = max_bins.clamp(2, MAX_BINS);
        let one_each = distinct.len() <= bins;
        let (mut edges, mut rest, mut inside) = (Vec::new(), values.len(), 0);
        for pair in distinct.windows(2) {
            inside += pair[0].1;
            let open = bins - edges.len();
            if open > 1 && (one_each || inside * open >= rest) {
                edges.push(between(pair[0].0, pair[1].0));
                rest -= inside;
                inside = 0;
            }
        }
        Cuts::Numbers(edges)
    }

    /// A bin for each of `n` categories; of more than fit, the rarest share the last.
    fn categories(codes: impl Iterator<Item = f64>, n: usize) -> Self {
        if n <= MAX_BINS {
            return Cuts::Categories((0..n).map(|code| code as u8).collect());
        }
        let mut counts = vec![0usize; n];
        for code in codes.filter_map(|v| code_of(v, n)) {
            counts[code] += 1;
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_key(|&code| (std::cmp::Reverse(counts[code]), code));
        let mut bins = vec![0; n];
        for (place, code) in order.into_iter().enumerate() {
            bins[code] = place.min(MAX_BINS - 1) as u8;
        }
        Cuts::Categories(bins)
    }

    /// The bin of a value.
    #[inline]
    pub fn bin(&self, value: f64) -> u8 {
        match self {
            Cuts::Numbers(_) if value.is_nan() => MISSING,
            Cuts::Numbers(edges) => edges.partition_point(|&edge| edge < value) as u8,
            Cuts::Categories(bins) => code_of(value, bins.len()).map_or(MISSING, |code| bins[code]),
        }
    }

    /// True of categories, whose bins have no order.
    pub fn categorical(&self) -> bool {
        matches!(self, Cuts::Categories(_))
    }

    /// Checks cuts that come from outside.
    ///
    /// # Errors
    /// [`Error::State`] for edges that do not rise or bins that do not exist.
    pub fn check(&self) -> Result<()> {
        let good = match self {
            Cuts::Numbers(edges) => {
                edges.len() < MAX_BINS
                    && edges.windows(2).all(|w| w[0] < w[1])
                    && edges.iter().all(|e| !e.is_nan())
            }
            Cuts::Categories(bins) => bins.iter().all(|&b| b != MISSING),
        };
        if good { Ok(()) } else { Err(Error::State("the bins of a column are damaged".into())) }
    }
}

/// The code that a number stands for, if it is one of `n`.
fn code_of(value: f64, n: usize) -> Option<usize> {
    (value >= 0.0 && value < n as f64 && value.fract() == 0.0).then_some(value as usize)
}

/// A number with `a` at or below it and `b` above it.
fn between(a: f64, b: f64) -> f64 {
    let middle = a / 2.0 + b / 2.0;
    if middle >= a && middle < b { middle } else { a }
}

/// Finds the bins of every column; `categories` says how many it has, 0 for numbers.
///
/// # Errors
/// [`Error::Shape`] when the counts do not fit the columns.
pub fn find_cuts(
    ctx: &Ctx,
    x: ArrayView2<'_, f64>,
    categories: &[usize],
    max_bins: usize,
) -> Result<Vec<Arc<Cuts>>> {
    if categories.len() != x.ncols() {
        return Err(Error::Shape(format!(
            "{} counts of categories were given for {} columns",
            categories.len(),
            x.ncols()
        )));
    }
    par::map(ctx, x.ncols(), |j| {
        let column = x.column(j);
        Arc::new(match categories[j] {
            0 => Cuts::numbers(column.to_vec(), max_bins),
            n => Cuts::categories(column.iter().copied(), n),
        })
    })
}

/// The bins of all cells, column by column.
#[derive(Debug, Clone)]
pub struct Bins {
    rows: usize,
    cuts: Vec<Arc<Cuts>>,
    cells: Vec<u8>,
}

impl Bins {
    /// Puts every cell in its bin.
    ///
    /// # Errors
    /// [`Error::Shape`] when the cuts do not fit the columns or there are too many rows.
    pub fn new(ctx: &Ctx, x: ArrayView2<'_, f64>, cuts: Vec<Arc<Cuts>>) -> Result<Self> {
        let (rows, columns) = x.dim();
        if cuts.len() != columns || u32::try_from(rows).is_err() {
            return Err(Error::Shape(format!(
                "{rows} rows of {columns} columns, but bins of {}",
                cuts.len()
            )));
        }
        let mut cells = vec![0; rows * columns];
        if rows > 0 {
            par::fill_chunks(ctx, &mut cells, rows, |first, out| {
                let j = first / rows;
                out.iter_mut().zip(x.column(j)).for_each(|(bin, &v)| *bin = cuts[j].bin(v));
            })?;
        }
        Ok(Bins { rows, cuts, cells })
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The bins of a column, row by row.
    pub fn column(&self, column: usize) -> &[u8] {
        &self.cells[column * self.rows..][..self.rows]
    }

    /// How a column's values become bins.
    pub fn cuts(&self, column: usize) -> &Arc<Cuts> {
        &self.cuts[column]
    }

    /// Puts new values of some rows of a column in their bins.
    pub fn set(&mut self, column: usize, rows: &[u32], values: &[f64]) {
        let cells = &mut self.cells[column * self.rows..][..self.rows];
        for (&row, &value) in rows.iter().zip(values) {
            cells[row as usize] = self.cuts[column].bin(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    fn numbers(values: &[f64], max_bins: usize) -> Vec<f64> {
        match Cuts::numbers(values.to_vec(), max_bins) {
            Cuts::Numbers(edges) => edges,
            Cuts::Categories(_) => unreachable!(),
        }
    }

    #[test]
    fn few_values_have_a_bin_each() {
        assert_eq!(numbers(&[3.0, 1.0, f64::NAN, 1.0, -0.0, 0.0], 9), [0.5, 2.0]);
        assert!(numbers(&[f64::NAN, 4.0, 4.0], 9).is_empty());
        assert!(numbers(&[], 9).is_empty());
        let next = f64::from_bits(1.0f64.to_bits() + 1);
        assert_eq!(numbers(&[1.0, next], 9), [1.0]);
        assert_eq!(numbers(&[f64::NEG_INFINITY, f64::INFINITY], 9), [f64::NEG_INFINITY]);
    }

    #[test]
    fn many_values_are_shared_out_evenly() {
        let many: Vec<f64> = (0..1000).map(f64::from).collect();
        let cuts = Cuts::numbers(many.clone(), 10);
        let mut counts = [0; 10];
        many.iter().for_each(|&v| counts[cuts.bin(v) as usize] += 1);
        assert_eq!(counts, [100; 10]);
        // One value that most rows have does not take the bins of the others.
        let mut skewed = vec![0.0; 5000];
        skewed.extend(many);
        assert!(numbers(&skewed, 10).len() >= 8);
    }

    #[test]
    fn rare_categories_share_a_bin() {
        let codes: Vec<f64> =
            (0..600).flat_map(|c| vec![f64::from(c); 1 + c as usize / 2]).collect();
        let cuts = Cuts::categories(codes.into_iter(), 600);
        assert_eq!(cuts.bin(598.0), 0);
        assert_eq!((cuts.bin(0.0), cuts.bin(3.0)), (254, 254));
        assert_eq!((cuts.bin(600.0), cuts.bin(-1.0), cuts.bin(0.5)), (MISSING, MISSING, MISSING));
        assert_eq!(Cuts::categories(std::iter::empty(), 3).bin(2.0), 2);
    }

    #[test]
    fn a_changed_cell_is_put_in_its_bin() {
        let x = array![[1.0, 0.0], [2.0, 1.0], [f64::NAN, 1.0]];
        let ctx = Ctx::new(1);
        let cuts = find_cuts(&ctx, x.view(), &[0, 2], 255).unwrap();
        let mut bins = Bins::new(&ctx, x.view(), cuts.clone()).unwrap();
        assert_eq!(bins.column(0), [0, 1, MISSING]);
        bins.set(0, &[2], &[1.2]);
        bins.set(1, &[0], &[f64::NAN]);
        assert_eq!(bins.column(0), [0, 1, 0]);
        assert_eq!(bins.column(1), [MISSING, 1, 1]);
        assert!(find_cuts(&ctx, x.view(), &[0], 255).is_err());
        assert!(Bins::new(&ctx, Array2::zeros((3, 1)).view(), cuts).is_err());
    }

    #[test]
    fn damaged_cuts_are_refused() {
        for bad in [
            Cuts::Numbers(vec![1.0, 1.0]),
            Cuts::Numbers(vec![f64::NAN]),
            Cuts::Numbers((0..255).map(f64::from).collect()),
            Cuts::Categories(vec![0, MISSING]),
        ] {
            assert!(bad.check().is_err());
        }
    }

    proptest! {
        #[test]
        fn bins_keep_the_order_of_values(
            values in prop::collection::vec(prop::num::f64::ANY, 0..80), max_bins in 2usize..300
        ) {
            let cuts = Cuts::numbers(values.clone(), max_bins);
            cuts.check().unwrap();
            let Cuts::Numbers(edges) = &cuts else { unreachable!() };
            prop_assert!(edges.len() < max_bins);
            for &a in &values {
                prop_assert_eq!(a.is_nan(), cuts.bin(a) == MISSING);
                for &b in values.iter().filter(|b| a <= **b) {
                    prop_assert!(cuts.bin(a) <= cuts.bin(b));
                }
            }
        }
    }
}
