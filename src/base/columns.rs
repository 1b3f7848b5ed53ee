//! Passes over the columns of a matrix in any layout.

use ndarray::{ArrayView2, s};

use super::ctx::Ctx;
use super::error::Result;
use super::float::Float;
use super::par;

/// Columns that are gathered together: a cache line of f64, so that each line is read once.
const WIDTH: usize = 4;
/// Rows between two looks at the stop flag.
const ROWS: usize = 1 << 10;

/// `f(values)` for every column, in order, where `values` are the cells that `pick` keeps.
///
/// `pick` gives the value of a cell and whether to keep it. `f` may reorder the values.
pub fn map_columns<T, U, R>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    pick: impl Fn(T) -> (U, bool) + Sync + Send,
    f: impl Fn(&mut [U]) -> R + Sync + Send,
) -> Result<Vec<R>>
where
    T: Copy + Sync,
    U: Copy + Default + Send,
    R: Send,
{
    let n = x.nrows();
    let width = if x.strides()[0] == 1 { 1 } else { WIDTH };
    let blocks = par::map_chunks(ctx, x.ncols(), width, |a, b| -> Result<Vec<R>> {
        // One buffer a column: freed and taken again, where one great block would be fresh each time.
        let empty = |_| (vec![U::default(); n], 0, None);
        let mut columns: Vec<(Vec<U>, usize, Option<R>)> = (a..b).map(empty).collect();
        for start in (0..n).step_by(ROWS) {
            ctx.check()?;
            let rows = x.slice(s![start..(start + ROWS).min(n), a..b]);
            for (j, (values, kept, _)) in columns.iter_mut().enumerate() {
                for &cell in rows.column(j) {
                    // Written always and counted if kept: no branch to guess wrong.
                    let (value, keep) = pick(cell);
                    values[*kept] = value;
                    *kept += usize::from(keep);
                }
            }
        }
        par::fill_chunks(ctx, &mut columns, 1, |_, one| {
            for (values, kept, out) in one {
                *out = Some(f(&mut values[..*kept]));
            }
        })?;
        Ok(columns.into_iter().filter_map(|(_, _, out)| out).collect())
    })?;
    let blocks: Vec<Vec<R>> = blocks.into_iter().collect::<Result<_>>()?;
    Ok(blocks.into_iter().flatten().collect())
}

/// The row and column of a cell that is infinite (or missing, where `refuse_missing`), if any.
pub fn find_infinite<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    refuse_missing: bool,
) -> Result<Option<(usize, usize)>> {
    let bad = |v: T| {
        let v = v.wide();
        (v.abs() == f64::INFINITY) | (refuse_missing & v.is_nan())
    };
    // Lines that lie together in memory, whichever way the matrix is stored.
    let by_column = x.strides()[0] == 1;
    let lines = if by_column { x.t() } else { x };
    let size = ROWS.div_ceil(lines.ncols().max(1));
    let found = par::map_chunks(ctx, lines.nrows(), size, |a, b| {
        let part = lines.slice(s![a..b, ..]);
        let any = |line: ndarray::ArrayView1<T>| line.iter().fold(false, |any, &v| any | bad(v));
        let line = part.rows().into_iter().position(any)?;
        let place = part.row(line).iter().position(|&v| bad(v))?;
        Some((a + line, place))
    })?;
    let first = found.into_iter().flatten().next();
    Ok(first.map(|(line, place)| if by_column { (place, line) } else { (line, place) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn table(n: usize, p: usize) -> Array2<f64> {
        Array2::from_shape_fn((n, p), |(i, j)| {
            let v = ((i * 31 + j * 17) % 97) as f64;
            if (i + j) % 5 == 0 { f64::NAN } else { v }
        })
    }

    #[test]
    fn both_layouts_give_every_kept_cell_in_order() {
        let x = table(101, 19);
        let pick = |v: f64| (v, !v.is_nan());
        let want: Vec<Vec<f64>> = x
            .columns()
            .into_iter()
            .map(|c| c.iter().copied().filter(|v| !v.is_nan()).collect())
            .collect();
        let ctx = Ctx::new(1);
        assert_eq!(map_columns(&ctx, x.view(), pick, |v| v.to_vec()).unwrap(), want);
        let turned = x.t().as_standard_layout().to_owned();
        assert_eq!(map_columns(&ctx, turned.t(), pick, |v| v.to_vec()).unwrap(), want);
        let empty = Array2::<f64>::zeros((0, 3));
        assert_eq!(map_columns(&ctx, empty.view(), pick, |v| v.len()).unwrap(), [0, 0, 0]);
        ctx.stop();
        assert!(map_columns(&ctx, x.view(), pick, |v| v.len()).is_err());
    }

    #[test]
    fn an_infinite_cell_is_found_in_either_layout() {
        let ctx = Ctx::new(1);
        let mut x = table(1000, 40);
        assert_eq!(find_infinite(&ctx, x.view(), false).unwrap(), None);
        assert_eq!(find_infinite(&ctx, x.view(), true).unwrap(), Some((0, 0)));
        x[[777, 5]] = f64::NEG_INFINITY;
        assert_eq!(find_infinite(&ctx, x.view(), false).unwrap(), Some((777, 5)));
        let turned = x.t().as_standard_layout().to_owned();
        assert_eq!(find_infinite(&ctx, turned.t(), false).unwrap(), Some((777, 5)));
    }
}
