//! A table that is completed by trees, column by column, on bins that are made once.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};

use crate::base::{Ctx, Error, Result};
use crate::trees::bins::{Bins, Cuts};
use crate::trees::forest::{Forest, Keys, Plan, Target, bagged, boosted, error};

/// A table filled provisionally. Only cells that were missing change, and only they are put in
/// their bins again.
#[derive(Debug)]
pub struct Table {
    cells: Array2<f64>,
    missing: Vec<Vec<u32>>,
    bins: Bins,
    /// Categories of each column, 0 for numbers.
    categories: Vec<usize>,
}

/// One column learned from others.
#[derive(Debug)]
pub struct Fit {
    /// The forest.
    pub forest: Forest,
    /// Its error on rows that trees did not see, NaN where that is not known.
    pub error: f64,
    /// What bagged trees say of the observed rows that they did not see, NaN where all saw it.
    pub said: Vec<f64>,
}

impl Table {
    /// A filled table, where it was missing, and the bins and numbers of categories of its columns.
    ///
    /// # Errors
    /// [`Error::Shape`] when these do not fit each other.
    pub fn new(
        ctx: &Ctx,
        filled: ArrayView2<'_, f64>,
        missing: ArrayView2<'_, bool>,
        cuts: Vec<Arc<Cuts>>,
        categories: Vec<usize>,
    ) -> Result<Self> {
        let (n, p) = filled.dim();
        if missing.dim() != (n, p) || categories.len() != p {
            return Err(Error::Shape("the mask or the columns do not fit the table".into()));
        }
        let bins = Bins::new(ctx, filled, cuts)?;
        let rows = |j: usize| (0..n).filter(|&i| missing[[i, j]]).map(|i| i as u32).collect();
        let missing = (0..p).map(rows).collect();
        Ok(Table { cells: filled.to_owned(), missing, bins, categories })
    }

    fn check(&self, column: usize, others: &[usize]) -> Result<()> {
        let p = self.categories.len();
        if column >= p || others.iter().any(|&k| k >= p || k == column) {
            return Err(Error::Shape(format!("no such columns in a table of {p}")));
        }
        Ok(())
    }

    /// The rows in which a column is observed.
    fn observed(&self, column: usize) -> Vec<u32> {
        let mut gone = self.missing[column].iter().copied().peekable();
        (0..self.bins.rows() as u32).filter(|row| gone.next_if_eq(row).is_none()).collect()
    }

    /// Grows a forest for a column on others, over the rows where it is observed: bagged, or
    /// boosted where `boost` and the column holds numbers.
    ///
    /// # Errors
    /// [`Error::Data`] when the column is nowhere observed, or holds a code of no category.
    pub fn fit(
        &self,
        ctx: &Ctx,
        column: usize,
        others: &[usize],
        plan: &Plan,
        boost: bool,
        keys: Keys,
    ) -> Result<Fit> {
        self.check(column, others)?;
        let (rows, n) = (self.observed(column), self.categories[column]);
        let y = self.cells.column(column).to_vec();
        if boost && n == 0 {
            let forest = boosted(ctx, &self.bins, others, &y, &rows, plan, keys)?;
            return Ok(Fit { forest, error: f64::NAN, said: Vec::new() });
        }
        let codes: Vec<u32> = y.iter().map(|&v| v as u32).collect();
        if n > 0 && rows.iter().any(|&row| codes[row as usize] as usize >= n) {
            return Err(Error::Data(format!("column {column} holds a code of no category")));
        }
        let target = if n == 0 { Target::Numbers(&y) } else { Target::Classes(&codes, n) };
        let (forest, said) = bagged(ctx, &self.bins, others, target, &rows, plan, keys)?;
        let error = error(target, &rows, &said);
        Ok(Fit { forest, error, said })
    }

    /// What a forest says of the rows where a column is missing; with keys, draws.
    pub fn predict(
        &self,
        ctx: &Ctx,
        column: usize,
        others: &[usize],
        forest: &Forest,
        draw: Option<Keys>,
    ) -> Result<Vec<f64>> {
        self.check(column, others)?;
        let columns: Vec<&[u8]> = others.iter().map(|&j| self.bins.column(j)).collect();
        let rows = &self.missing[column];
        match draw {
            Some(keys) => forest.draw(ctx, &columns, rows, keys),
            None => forest.predict(ctx, &columns, rows),
        }
    }

    /// Puts values in the rows where a column is missing.
    pub fn set(&mut self, column: usize, values: &[f64]) -> Result<()> {
        self.check(column, &[])?;
        if values.len() != self.missing[column].len() {
            return Err(Error::Shape("a value is needed for each missing cell".into()));
        }
        for (&row, &value) in self.missing[column].iter().zip(values) {
            self.cells[[row as usize, column]] = value;
        }
        self.bins.set(column, &self.missing[column], values);
        Ok(())
    }

    /// The table as it stands.
    pub fn filled(&self) -> &Array2<f64> {
        &self.cells
    }
}
