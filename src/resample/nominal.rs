//! Distances between rows of categories, by a table for each column.

use ndarray::ArrayView2;

use crate::base::{Ctx, Error, Result, par};

/// For each column the distances between its categories, a square table.
#[derive(Debug)]
pub struct Tables<'a> {
    cells: &'a [f64],
    /// Of each column the first cell, and the number of categories.
    places: Vec<(usize, usize)>,
}

impl<'a> Tables<'a> {
    /// Tables one after the other, with so many categories each.
    pub fn new(cells: &'a [f64], sizes: &[usize]) -> Result<Tables<'a>> {
        let mut places = Vec::with_capacity(sizes.len());
        let mut first = 0usize;
        for &size in sizes {
            places.push((first, size));
            let end = size.checked_mul(size).and_then(|square| first.checked_add(square));
            first = end.filter(|&end| end <= cells.len()).ok_or_else(|| {
                Error::Shape(format!("{} cells are too few for tables of {sizes:?}", cells.len()))
            })?;
        }
        Ok(Tables { cells, places })
    }

    fn check(&self, codes: ArrayView2<u32>) -> Result<()> {
        if codes.ncols() != self.places.len() {
            let (n, p) = (self.places.len(), codes.ncols());
            return Err(Error::Shape(format!("{n} tables cannot serve {p} columns")));
        }
        for (column, &(_, size)) in codes.columns().into_iter().zip(&self.places) {
            if let Some(code) = column.iter().find(|&&code| code as usize >= size) {
                return Err(Error::Data(format!("category {code} is beyond a table of {size}")));
            }
        }
        Ok(())
    }
}

/// The distance of each query to each row, query after query: the sum over the columns, in order.
pub fn distances(
    ctx: &Ctx,
    queries: ArrayView2<u32>,
    rows: ArrayView2<u32>,
    tables: &Tables,
) -> Result<Vec<f64>> {
    tables.check(queries)?;
    tables.check(rows)?;
    let n = rows.nrows();
    let columns: Vec<Vec<u32>> = rows.columns().into_iter().map(|c| c.to_vec()).collect();
    let mut out = vec![0.0; queries.nrows() * n];
    if n > 0 {
        par::fill_chunks(ctx, &mut out, n, |first, out| {
            let query = queries.row(first / n);
            for ((&code, codes), &(start, size)) in query.iter().zip(&columns).zip(&tables.places) {
                let from = start + code as usize * size;
                let line = &tables.cells[from..from + size];
                for (sum, &other) in out.iter_mut().zip(codes) {
                    *sum += line[other as usize];
                }
            }
        })?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn distances_are_sums_of_table_cells(
            codes in prop::collection::vec((0u32..3, 0u32..4), 0..20),
            cells in prop::collection::vec(0.0f64..9.0, 25),
            queries in 0usize..5,
        ) {
            let flat: Vec<u32> = codes.iter().flat_map(|&(a, b)| [a, b]).collect();
            let rows = Array2::from_shape_vec((codes.len(), 2), flat).unwrap();
            let q = queries.min(codes.len());
            let tables = Tables::new(&cells, &[3, 4]).unwrap();
            let some = rows.slice(ndarray::s![..q, ..]);
            let found = distances(&Ctx::default(), some, rows.view(), &tables).unwrap();
            for (i, a) in codes.iter().take(q).enumerate() {
                for (j, b) in codes.iter().enumerate() {
                    let first = cells[(a.0 * 3 + b.0) as usize];
                    let second = cells[9 + (a.1 * 4 + b.1) as usize];
                    prop_assert_eq!(found[i * codes.len() + j], 0.0 + first + second);
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let codes = Array2::from_elem((2, 1), 3u32);
        let ctx = Ctx::default();
        assert!(Tables::new(&[0.0; 3], &[2]).is_err());
        assert!(Tables::new(&[], &[usize::MAX]).is_err());
        let tables = Tables::new(&[0.0; 9], &[3]).unwrap();
        assert!(distances(&ctx, codes.view(), codes.view(), &tables).is_err());
        let wide = Array2::from_elem((2, 2), 0u32);
        assert!(distances(&ctx, wide.view(), wide.view(), &tables).is_err());
    }
}
