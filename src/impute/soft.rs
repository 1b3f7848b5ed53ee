//! Completion by a matrix of low rank: soft-impute (Mazumder, Hastie and Tibshirani 2010).
//!
//! The missing cells are filled from the table whose singular values are shrunk, in rounds. Its
//! singular vectors on the shorter side are the eigenvectors of the Gram matrix, so that a round
//! costs one product of the table and no decomposition of it. The rounds are speeded up by
//! momentum that starts anew where it overshoots (O'Donoghue and Candès 2015).

use ndarray::{Array2, ArrayView2, Axis};

use super::leading::Leading;
use crate::base::linalg::{Cholesky, dot};
use crate::base::{Ctx, Error, Result, par};

/// Rows of one part of a sum, at least, and parts at most.
const CHUNK: usize = 256;
const PARTS: usize = 32;
/// Cells whose completion is one piece of work.
const PIECE: usize = 1 << 14;
/// The least ridge, as a share of the largest singular value.
const LEAST_RIDGE: f64 = 1e-9;

/// How the singular values are shrunk, and when the rounds end.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// What is taken off each singular value.
    pub shrink: f64,
    /// Singular values kept at most.
    pub rank: usize,
    /// Rounds at most.
    pub max_iter: usize,
    /// The rounds end when the missing cells change by less than this share of their size.
    pub tol: f64,
}

/// What was fitted.
#[derive(Debug, Clone)]
pub struct Fit {
    /// The completed table.
    pub cells: Array2<f64>,
    /// Right singular vectors, as rows.
    pub vectors: Array2<f64>,
    /// Their singular values, shrunk, all positive, falling.
    pub values: Vec<f64>,
    /// Rounds it took.
    pub n_iter: usize,
    /// Whether the tolerance was reached.
    pub settled: bool,
}

/// Where cells are missing, by row.
struct Gaps {
    starts: Vec<usize>,
    columns: Vec<u32>,
}

impl Gaps {
    fn new(missing: ArrayView2<bool>) -> Self {
        let mut starts = vec![0];
        let mut columns = Vec::new();
        for row in missing.rows() {
            columns.extend(row.iter().enumerate().filter(|(_, m)| **m).map(|(j, _)| j as u32));
            starts.push(columns.len());
        }
        Gaps { starts, columns }
    }

    fn row(&self, i: usize) -> &[u32] {
        &self.columns[self.starts[i]..self.starts[i + 1]]
    }
}

/// Completes a table whose missing cells are filled provisionally (centred columns, 0 in general).
pub fn fit(
    ctx: &Ctx,
    filled: ArrayView2<f64>,
    missing: ArrayView2<bool>,
    rules: &Rules,
) -> Result<Fit> {
    if missing.dim() != filled.dim() || filled.is_empty() || filled.len() > u32::MAX as usize {
        return Err(Error::Shape("a table with cells is needed, and a mask of its shape".into()));
    }
    if rules.shrink.is_nan() || rules.shrink < 0.0 || rules.rank == 0 {
        return Err(Error::Parameter("the shrinkage is from 0 and the rank from 1".into()));
    }
    let wide = filled.ncols() > filled.nrows();
    // Rows are the longer side.
    let turned = |a: ArrayView2<f64>| a.as_standard_layout().to_owned();
    let mut cells = if wide { turned(filled.t()) } else { turned(filled) };
    let gaps = Gaps::new(if wide { missing.t() } else { missing });
    let mut leading = Leading::new(rules.rank, cells.ncols());
    let (n_iter, settled) = rounds(ctx, &mut cells, &gaps, &mut leading, rules)?;
    let (squares, sides) = leading.of(ctx, gram(ctx, &cells)?.view())?;
    let full: Vec<f64> = squares.iter().map(|s| s.max(0.0).sqrt()).collect();
    let rank = full.iter().filter(|d| **d > rules.shrink && **d > 0.0).count();
    let sides = sides.slice_axis(Axis(0), (..rank).into()).to_owned();
    let vectors = if wide {
        let mut v = sides.dot(&cells.t());
        for (mut row, d) in v.rows_mut().into_iter().zip(&full) {
            row.mapv_inplace(|x| x / d);
        }
        v
    } else {
        sides
    };
    let values = full[..rank].iter().map(|d| d - rules.shrink).collect();
    let cells = if wide { turned(cells.t()) } else { cells };
    Ok(Fit { cells, vectors, values, n_iter, settled })
}

/// Fills the missing cells in rounds; returns how many, and whether they settled.
fn rounds(
    ctx: &Ctx,
    cells: &mut Array2<f64>,
    gaps: &Gaps,
    leading: &mut Leading,
    rules: &Rules,
) -> Result<(usize, bool)> {
    let mut old: Vec<f64> = at_gaps(cells, gaps);
    let mut pace = 1.0_f64;
    ctx.set_total(rules.max_iter as u64);
    for round in 1..=rules.max_iter {
        let (squares, sides) = leading.of(ctx, gram(ctx, cells)?.view())?;
        let new = smoothed(ctx, cells, gaps, &smoother(&squares, &sides, rules.shrink))?;
        let (mut moved, mut size, mut over) = (0.0, 0.0, 0.0);
        let next = (1.0 + (1.0 + 4.0 * pace * pace).sqrt()) / 2.0;
        let now = at_gaps(cells, gaps);
        for ((n, o), y) in new.iter().zip(&old).zip(&now) {
            moved += (n - o) * (n - o);
            size += n * n;
            over += (y - n) * (n - o);
        }
        let settled = moved <= rules.tol * rules.tol * size;
        let (ahead, start) = if over > 0.0 || settled || round == rules.max_iter {
            (0.0, 1.0)
        } else {
            ((pace - 1.0) / next, next)
        };
        pace = start;
        put_at_gaps(cells, gaps, new.iter().zip(&old).map(|(n, o)| n + ahead * (n - o)));
        old = new;
        ctx.advance(1)?;
        if settled {
            return Ok((round, true));
        }
    }
    Ok((rules.max_iter, false))
}

fn at_gaps(cells: &Array2<f64>, gaps: &Gaps) -> Vec<f64> {
    let rows = cells.rows().into_iter().enumerate();
    rows.flat_map(|(i, row)| gaps.row(i).iter().map(move |&j| row[j as usize])).collect()
}

fn put_at_gaps(cells: &mut Array2<f64>, gaps: &Gaps, mut values: impl Iterator<Item = f64>) {
    for (i, mut row) in cells.rows_mut().into_iter().enumerate() {
        for (&j, value) in gaps.row(i).iter().zip(values.by_ref()) {
            row[j as usize] = value;
        }
    }
}

/// The product of the table with itself, over its rows.
fn gram(ctx: &Ctx, cells: &Array2<f64>) -> Result<Array2<f64>> {
    let (n, side) = cells.dim();
    let size = CHUNK.max(n.div_ceil(PARTS));
    let parts = par::map_chunks(ctx, n, size, |a, b| {
        let mut sum = Array2::<f64>::zeros((side, side));
        for start in (a..b).step_by(CHUNK) {
            let rows = cells.slice_axis(Axis(0), (start..(start + CHUNK).min(b)).into());
            ndarray::linalg::general_mat_mul(1.0, &rows.t(), &rows, 1.0, &mut sum);
            if ctx.stopped() {
                break; // the error follows from the next look
            }
        }
        sum
    })?;
    ctx.check()?;
    let mut total = Array2::<f64>::zeros((side, side));
    parts.into_iter().for_each(|part| total += &part);
    Ok(total)
}

/// The matrix that, multiplied to a row, shrinks the table's singular values.
fn smoother(squares: &[f64], sides: &Array2<f64>, shrink: f64) -> Array2<f64> {
    let mut weighted = sides.clone();
    for (mut row, square) in weighted.rows_mut().into_iter().zip(squares) {
        let d = square.max(0.0).sqrt();
        let by = if d > shrink { (d - shrink) / d } else { 0.0 };
        row.mapv_inplace(|x| x * by);
    }
    sides.t().dot(&weighted)
}

/// What the missing cells are after the shrinkage.
fn smoothed(ctx: &Ctx, cells: &Array2<f64>, gaps: &Gaps, by: &Array2<f64>) -> Result<Vec<f64>> {
    let side = cells.ncols();
    let parts = par::map_chunks(ctx, cells.nrows(), (PIECE / side).max(1), |a, b| {
        let mut out = Vec::with_capacity(gaps.starts[b] - gaps.starts[a]);
        for i in a..b {
            let row = cells.row(i);
            let x = row.as_slice().unwrap_or_default();
            let weights = |j: u32| by.row(j as usize).to_slice().unwrap_or_default();
            out.extend(gaps.row(i).iter().map(|&j| dot(x, weights(j))));
        }
        out
    })?;
    Ok(parts.concat())
}

/// The largest singular value of a table without gaps.
pub fn largest(ctx: &Ctx, filled: ArrayView2<f64>) -> Result<f64> {
    if filled.is_empty() {
        return Err(Error::Shape("a table with cells is needed".into()));
    }
    let wide = filled.ncols() > filled.nrows();
    let view = if wide { filled.reversed_axes() } else { filled };
    let cells = view.as_standard_layout().to_owned();
    let mut leading = Leading::new(1, cells.ncols());
    let (squares, _) = leading.of(ctx, gram(ctx, &cells)?.view())?;
    Ok(squares[0].max(0.0).sqrt())
}

/// Rows completed from fitted vectors: each is put on them by a ridge regression over its observed
/// cells, which for the rows of the fit gives what the fit gave.
pub fn project(
    ctx: &Ctx,
    x: ArrayView2<f64>,
    vectors: ArrayView2<f64>,
    values: &[f64],
    shrink: f64,
) -> Result<Array2<f64>> {
    let (rank, p) = vectors.dim();
    if x.ncols() != p || values.len() != rank {
        return Err(Error::Shape(format!("rows of {p} cells and {rank} values are needed")));
    }
    if values.iter().any(|v| v.is_nan() || *v < 0.0) {
        return Err(Error::Data("singular values are not negative".into()));
    }
    let mut out = x.as_standard_layout().to_owned();
    if p == 0 {
        return Ok(out);
    }
    // Row j: what the columns' cells weigh on each vector.
    let loads = Array2::from_shape_fn((p, rank), |(j, k)| vectors[[k, j]] * values[k].sqrt());
    let whole = loads.t().dot(&loads);
    let ridge = shrink.max(LEAST_RIDGE * values.first().copied().unwrap_or(0.0));
    ctx.set_total(x.nrows() as u64);
    let cells = out.as_slice_mut().unwrap_or_default();
    let rows = (PIECE / (p * rank.max(1))).max(1);
    par::fill_chunks(ctx, cells, rows * p, |_, part| {
        for row in part.chunks_mut(p) {
            complete(row, &loads, &whole, ridge);
        }
        // Where the work stopped is told by the next look.
        let _ = ctx.advance((part.len() / p) as u64);
    })?;
    Ok(out)
}

/// Completes one row.
fn complete(row: &mut [f64], loads: &Array2<f64>, whole: &Array2<f64>, ridge: f64) {
    let rank = loads.ncols();
    let n_gone = row.iter().filter(|v| v.is_nan()).count();
    if n_gone == 0 {
        return;
    }
    // The products over the observed columns, made from the fewer of both kinds.
    let few_gone = 2 * n_gone <= row.len();
    let mut gram = if few_gone { whole.clone() } else { Array2::zeros((rank, rank)) };
    let sign = if few_gone { -1.0 } else { 1.0 };
    let mut along = ndarray::Array1::<f64>::zeros(rank);
    for (load, x) in loads.rows().into_iter().zip(row.iter()) {
        if !x.is_nan() {
            along.scaled_add(*x, &load);
        }
        if x.is_nan() == few_gone {
            for (k, &weight) in load.iter().enumerate() {
                gram.row_mut(k).scaled_add(sign * weight, &load);
            }
        }
    }
    gram.diag_mut().mapv_inplace(|v| v + ridge);
    let place = match Cholesky::new(gram.view()) {
        Some(factor) => factor.solve(along.view()),
        None => ndarray::Array1::zeros(rank), // no vectors, or nothing that they rest on
    };
    for (load, x) in loads.rows().into_iter().zip(row.iter_mut()) {
        if x.is_nan() {
            *x = load.dot(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::eigen;
    use crate::base::rng::Stream;
    use proptest::prelude::*;

    fn table(seed: u64, n: usize, p: usize, rank: usize) -> (Array2<f64>, Array2<bool>) {
        let mut stream = Stream::new(seed, 0, 0, 0);
        let a = Array2::from_shape_simple_fn((n, rank), || stream.normal());
        let b = Array2::from_shape_simple_fn((rank, p), || stream.normal());
        let noise = Array2::from_shape_simple_fn((n, p), || 0.1 * stream.normal());
        let gone = Array2::from_shape_simple_fn((n, p), || stream.unit() < 0.25);
        let mut x = a.dot(&b) + noise;
        x.zip_mut_with(&gone, |v, &g| *v = if g { 0.0 } else { *v });
        (x, gone)
    }

    /// Soft-impute as it is written: the whole decomposition in each round, no momentum.
    fn plain(x: &Array2<f64>, gone: &Array2<bool>, shrink: f64) -> Array2<f64> {
        let mut cells = x.clone();
        for _ in 0..3000 {
            let found = eigen::symmetric(cells.t().dot(&cells).view()).unwrap();
            let by = smoother(&found.values, &found.vectors, shrink);
            let said = cells.dot(&by);
            ndarray::Zip::from(&mut cells).and(gone).and(&said).for_each(|c, &g, &s| {
                *c = if g { s } else { *c };
            });
        }
        cells
    }

    fn rules(shrink: f64) -> Rules {
        Rules { shrink, rank: 99, max_iter: 5000, tol: 1e-10 }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn it_is_plain_soft_impute(seed in 0u64..500, n in 2usize..14, p in 2usize..14) {
            let (x, gone) = table(seed, n, p, 2);
            let ctx = Ctx::new(1);
            let shrink = 0.2 * largest(&ctx, x.view()).unwrap();
            let fit = fit(&ctx, x.view(), gone.view(), &rules(shrink)).unwrap();
            let want = plain(&x, &gone, shrink);
            for (a, b) in fit.cells.iter().zip(&want) {
                prop_assert!((a - b).abs() < 1e-5, "{} {}", a, b);
            }
            // The rows of the fit, put on its vectors, are what they are in the fit.
            let open = Array2::from_shape_fn((n, p), |at| if gone[at] { f64::NAN } else { x[at] });
            let ctx = Ctx::new(1);
            let said =
                project(&ctx, open.view(), fit.vectors.view(), &fit.values, shrink).unwrap();
            for (a, b) in said.iter().zip(&fit.cells) {
                prop_assert!((a - b).abs() < 1e-4, "{} {}", a, b);
            }
        }
    }

    #[test]
    fn a_low_rank_in_many_columns() {
        let (x, gone) = table(5, 300, 150, 3);
        let ctx = Ctx::new(1);
        let shrink = 0.05 * largest(&ctx, x.view()).unwrap();
        let few = Rules { rank: 6, ..rules(shrink) };
        let low = fit(&ctx, x.view(), gone.view(), &few).unwrap();
        let whole = fit(&ctx, x.view(), gone.view(), &rules(shrink)).unwrap();
        assert!(low.settled && whole.values.len() == low.values.len());
        for (a, b) in low.cells.iter().zip(&whole.cells) {
            assert!((a - b).abs() < 1e-3, "{a} {b}");
        }
    }

    #[test]
    fn the_same_bits_on_any_number_of_threads() {
        let (x, gone) = table(1, 3000, 12, 3);
        let done = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let ctx = Ctx::new(threads);
                let few = Rules { max_iter: 20, ..rules(3.0) };
                let fit = fit(&ctx, x.view(), gone.view(), &few).unwrap();
                let open = x.mapv(|v| if v == 0.0 { f64::NAN } else { v });
                project(&ctx, open.view(), fit.vectors.view(), &fit.values, 3.0).unwrap()
            })
        };
        assert_eq!(done(1), done(2));
        assert_eq!(done(1), done(3));
    }

    #[test]
    fn what_cannot_be_completed_is_refused_or_left_at_nought() {
        let ctx = Ctx::new(1);
        let (x, gone) = table(1, 5, 3, 1);
        assert!(fit(&ctx, x.view(), gone.slice(ndarray::s![..4, ..]), &rules(1.0)).is_err());
        assert!(fit(&ctx, x.view(), gone.view(), &rules(f64::NAN)).is_err());
        assert!(
            fit(&ctx, Array2::zeros((0, 3)).view(), Array2::default((0, 3)).view(), &rules(1.0))
                .is_err()
        );
        let nothing = fit(&ctx, x.view(), gone.view(), &rules(1e6)).unwrap();
        assert!(nothing.values.is_empty() && nothing.settled);
        let open = x.mapv(|v| if v == 0.0 { f64::NAN } else { v });
        let vectors = nothing.vectors.view();
        let said = project(&ctx, open.view(), vectors, &nothing.values, 1e6).unwrap();
        assert_eq!(said, x);
        let all = Array2::from_elem((1, 3), f64::NAN);
        let fit = fit(&ctx, x.view(), gone.view(), &rules(0.0)).unwrap();
        let said = project(&ctx, all.view(), fit.vectors.view(), &fit.values, 0.0).unwrap();
        assert_eq!(said, Array2::<f64>::zeros((1, 3)));
    }
}
