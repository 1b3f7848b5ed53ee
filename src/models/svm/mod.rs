//! Support vector machines: classes pair by pair, regression, and the sums of prediction.

mod cache;
mod kernel;
mod solver;
#[cfg(test)]
mod tests;

use ndarray::{Array1, Array2, ArrayView1};

use crate::base::{Ctx, Error, Result, lanes, par};
pub use kernel::{Kernel, Table};
use kernel::{QUERIES, Query, Store, TILE};
pub use solver::{Problem, Settings, Solution, solve};

/// A model of classes: one problem a pair (a, b), a < b, in which `a` is positive.
#[derive(Debug, Clone)]
pub struct Pairs {
    /// Coefficients: row `b - 1` for rows of class a, row `a` for rows of class b.
    pub dual: Array2<f64>,
    /// What each pair found, its coefficients apart.
    pub found: Vec<Solution>,
}

/// Fits classes `y` (codes below `n_classes`); no coefficient of row i is larger than `bound[i]`.
pub fn classify(
    ctx: &Ctx,
    table: &Table,
    y: ArrayView1<u32>,
    n_classes: usize,
    bound: ArrayView1<f64>,
    set: &Settings,
) -> Result<Pairs> {
    let n = table.len();
    if y.len() != n || bound.len() != n {
        return Err(Error::Shape("X, y and the bounds differ in their rows".into()));
    }
    if n_classes < 2 || y.iter().any(|&c| c as usize >= n_classes) {
        return Err(Error::Data("y must hold codes below the number of classes".into()));
    }
    let mut rows = vec![Vec::new(); n_classes];
    for (i, (&class, &most)) in y.iter().zip(bound).enumerate() {
        if most > 0.0 {
            rows[class as usize].push(i as u32);
        }
    }
    let pairs: Vec<_> =
        (0..n_classes).flat_map(|a| (a + 1..n_classes).map(move |b| (a, b))).collect();
    let problem = |&(a, b): &(usize, usize)| {
        let mut made = Problem::default();
        for (class, sign) in [(a, 1.0), (b, -1.0)] {
            for &i in &rows[class] {
                let most = bound[i as usize];
                made.rows.push(i);
                made.target.push(sign);
                made.lo.push(if sign > 0.0 { 0.0 } else { -most });
                made.hi.push(if sign > 0.0 { most } else { 0.0 });
            }
        }
        made
    };
    let mut found = if let [pair] = pairs[..] {
        vec![solve(ctx, table, &problem(&pair), set)?]
    } else {
        // A thread a pair, each with its share of the cache.
        let set = Settings { cache: set.cache / ctx.threads(), ..*set };
        let one = |k: usize| solver::solve_by(ctx, table, &problem(&pairs[k]), &set, false);
        par::map(ctx, pairs.len(), one)?.into_iter().collect::<Result<_>>()?
    };
    let mut dual = Array2::zeros((n_classes - 1, n));
    for (&(a, b), solution) in pairs.iter().zip(&mut found) {
        let (first, second) = solution.dual.split_at(rows[a].len());
        for (class, line, part) in [(a, b - 1, first), (b, a, second)] {
            for (&i, &v) in rows[class].iter().zip(part) {
                dual[[line, i as usize]] = v;
            }
        }
        solution.dual = Vec::new();
    }
    Ok(Pairs { dual, found })
}

/// Fits targets `y` within a tube of half-width `epsilon`; no coefficient is larger than `bound[i]`.
pub fn regress(
    ctx: &Ctx,
    table: &Table,
    y: ArrayView1<f64>,
    epsilon: f64,
    bound: ArrayView1<f64>,
    set: &Settings,
) -> Result<(Array1<f64>, Solution)> {
    let n = table.len();
    if y.len() != n || bound.len() != n {
        return Err(Error::Shape("X, y and the bounds differ in their rows".into()));
    }
    let rows: Vec<u32> = (0..n as u32).filter(|&i| bound[i as usize] > 0.0).collect();
    let hi: Vec<f64> = rows.iter().map(|&i| bound[i as usize]).collect();
    let problem = Problem {
        target: rows.iter().map(|&i| y[i as usize]).collect(),
        lo: hi.iter().map(|b| -b).collect(),
        hi,
        epsilon,
        rows,
    };
    let mut solution = solve(ctx, table, &problem, set)?;
    let mut dual = Array1::zeros(n);
    for (&i, v) in problem.rows.iter().zip(std::mem::take(&mut solution.dual)) {
        dual[i as usize] = v;
    }
    Ok((dual, solution))
}

/// Sums of kernel values of each row of `x` with the support vectors, times coefficients (one line a
/// problem), apart for each part of the vectors: column `part * lines + line`.
///
/// `parts` says where each part ends.
pub fn scores(
    ctx: &Ctx,
    kernel: Kernel,
    vectors: &Table,
    dual: &Array2<f64>,
    parts: &[usize],
    x: &Table,
) -> Result<Array2<f64>> {
    let (lines, n, width) = (dual.nrows(), vectors.len(), dual.nrows() * parts.len());
    if dual.ncols() != n || parts.last().is_some_and(|&end| end != n) || !parts.is_sorted() {
        return Err(Error::Shape(format!("{} coefficients for {n} vectors", dual.ncols())));
    }
    let all: Vec<u32> = (0..n as u32).collect();
    let centre = vectors.centre(kernel, &all);
    let store = Store::new(vectors, &all, centre.as_ref())?;
    let mut out = Array2::<f64>::zeros((x.len(), width));
    let Some(flat) = out.as_slice_mut().filter(|_| width > 0) else { return Ok(out) };
    let chunk = 16 * QUERIES;
    let failed = std::sync::Mutex::new(None);
    par::fill_chunks(ctx, flat, chunk * width, |first, part| {
        let rows: Vec<u32> = (0..part.len() / width).map(|k| (first / width + k) as u32).collect();
        match Store::new(x, &rows, centre.as_ref()) {
            Ok(rows) => sum_up(ctx, kernel, &store, dual, parts, &rows, part),
            Err(error) => {
                if let Ok(mut slot) = failed.lock() {
                    *slot = Some(error);
                }
            }
        }
    })?;
    ctx.check()?;
    debug_assert_eq!(lines * parts.len(), width);
    match failed.into_inner() {
        Ok(Some(error)) => Err(error),
        _ => Ok(out),
    }
}

/// [`scores`] of a few rows.
fn sum_up(
    ctx: &Ctx,
    kernel: Kernel,
    store: &Store,
    dual: &Array2<f64>,
    parts: &[usize],
    rows: &Store,
    out: &mut [f64],
) {
    let (lines, width) = (dual.nrows(), dual.nrows() * parts.len());
    let mut queries: [Query; QUERIES] = Default::default();
    let mut values = [0.0; QUERIES * TILE];
    for (g, out) in out.chunks_mut(QUERIES * width).enumerate() {
        let count = out.len() / width;
        for (q, query) in queries[..count].iter_mut().enumerate() {
            rows.load(g * QUERIES + q, query);
        }
        let mut start = 0;
        for (part, &end) in parts.iter().enumerate() {
            while start < end {
                if ctx.stopped() {
                    return;
                }
                let len = TILE.min(end - start);
                let values = &mut values[..count * len];
                store.tile(kernel, &queries[..count], start, len, values);
                for (values, out) in values.chunks(len).zip(out.chunks_mut(width)) {
                    for line in 0..lines {
                        let coef = dual.row(line);
                        let Some(coef) = coef.as_slice() else { return };
                        out[part * lines + line] += dot(&coef[start..start + len], values);
                    }
                }
                start += len;
            }
        }
    }
}

/// The sum of products, lanes side by side.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    lanes::run(
        #[inline(always)]
        || {
            let ((ca, ra), (cb, rb)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
            let mut sums = [0.0; 16];
            for (x, y) in ca.iter().zip(cb) {
                for k in 0..16 {
                    sums[k] += x[k] * y[k];
                }
            }
            sums.iter().sum::<f64>() + ra.iter().zip(rb).map(|(x, y)| x * y).sum::<f64>()
        },
    )
}
