//! Kernel values between rows, which are dense, sparse, or given as a matrix of such values.
//!
//! Dense rows lie in panels, a lane a row, so that one pass over a panel gives the products of a few
//! rows with sixteen others. Sums run over the columns in order whichever side a row is on: values
//! are symmetric to the last bit, and rows that are equal are at a distance of zero.

use ndarray::{Array1, ArrayView2};
use pulp::{Arch, Scalar128b, Simd, WithSimd};

use crate::base::{Error, Result, lanes};
use crate::models::logistic::Sparse;

/// Rows of a panel.
const LANES: usize = 16;
/// Rows taken through a panel at once: what fits the registers.
pub(super) const QUERIES: usize = 3;
/// Rows of a tile: its values stay in the first-level cache.
pub(super) const TILE: usize = 512;

/// How alike two rows are, by their product and squares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kernel {
    /// The product.
    Linear,
    /// `(gamma product + coef0) ^ degree`.
    Poly {
        /// Factor of the product.
        gamma: f64,
        /// What is added.
        coef0: f64,
        /// The power.
        degree: i32,
    },
    /// `exp(-gamma distance^2)`.
    Rbf {
        /// Inverse square of the width.
        gamma: f64,
    },
    /// `tanh(gamma product + coef0)`.
    Sigmoid {
        /// Factor of the product.
        gamma: f64,
        /// What is added.
        coef0: f64,
    },
}

impl Kernel {
    /// Turns products of a row, of square `square`, with rows of `squares` into kernel values.
    fn apply(self, square: f64, squares: &[f64], products: &mut [f64]) {
        match self {
            Kernel::Linear => {}
            Kernel::Poly { gamma, coef0, degree } => {
                for v in products {
                    *v = (gamma * *v + coef0).powi(degree);
                }
            }
            Kernel::Rbf { gamma } => lanes::run(
                #[inline(always)]
                || {
                    for (v, s) in products.iter_mut().zip(squares) {
                        *v = exp(-gamma * (square + s - 2.0 * *v).max(0.0));
                    }
                },
            ),
            Kernel::Sigmoid { gamma, coef0 } => lanes::run(
                #[inline(always)]
                || {
                    for v in products.iter_mut() {
                        *v = 1.0 - 2.0 / (exp(2.0 * (gamma * *v + coef0)) + 1.0);
                    }
                },
            ),
        }
    }

    fn centred(self) -> bool {
        matches!(self, Kernel::Rbf { .. })
    }
}

/// `e^x` between -708 and 708 (beyond, its value there) to within two units of the last place: by
/// whole powers of two and a series, without a branch, so that lanes go side by side.
#[inline(always)]
fn exp(x: f64) -> f64 {
    /// Added, it leaves the nearest whole number in the lowest bits.
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const TERMS: [f64; 14] = [
        1.0,
        1.0,
        1.0 / 2.0,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5_040.0,
        1.0 / 40_320.0,
        1.0 / 362_880.0,
        1.0 / 3_628_800.0,
        1.0 / 39_916_800.0,
        1.0 / 479_001_600.0,
        1.0 / 6_227_020_800.0,
    ];
    let x = x.clamp(-708.0, 708.0);
    let shifted = x * std::f64::consts::LOG2_E + SHIFT;
    let whole = shifted - SHIFT;
    let r = (x - whole * LN2_HIGH) - whole * LN2_LOW;
    // Pairs of terms, then pairs of pairs: the sums do not wait for one another.
    let term = |k: usize| TERMS[k] + TERMS[k + 1] * r;
    let (r2, r4) = (r * r, r * r * (r * r));
    let low = (term(0) + term(2) * r2) + (term(4) + term(6) * r2) * r4;
    let high = (term(8) + term(10) * r2) + term(12) * r4;
    let sum = low + high * (r4 * r4);
    sum * f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52))
}

/// Rows as the caller has them.
#[derive(Debug, Clone, Copy)]
pub enum Table<'a> {
    /// Numbers.
    Dense(ArrayView2<'a, f64>),
    /// Cells that are not zero.
    Sparse(Sparse<'a>),
    /// Kernel values of each row with all rows.
    Given(ArrayView2<'a, f64>),
}

impl Table<'_> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            Table::Dense(x) | Table::Given(x) => x.nrows(),
            Table::Sparse(x) => x.starts.len().saturating_sub(1),
        }
    }

    /// True where there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The means of the columns over some rows: distances from there lose fewest digits.
    pub(super) fn centre(&self, kernel: Kernel, rows: &[u32]) -> Option<Array1<f64>> {
        let Table::Dense(x) = self else { return None };
        kernel.centred().then(|| {
            let mut sum = Array1::zeros(x.ncols());
            for &i in rows {
                sum += &x.row(i as usize);
            }
            sum / rows.len().max(1) as f64
        })
    }
}

enum Cells<'a> {
    Panels(Vec<[f64; LANES]>),
    Sparse { starts: Vec<usize>, columns: Vec<u32>, values: Vec<f64> },
    Given { matrix: ArrayView2<'a, f64>, rows: Vec<u32> },
}

/// Some rows of a table, in an order of their own, ready for kernel values.
pub(super) struct Store<'a> {
    cells: Cells<'a>,
    squares: Vec<f64>,
    width: usize,
}

/// A row taken out of a store (the sparse spread out), to be compared with those of a store.
#[derive(Default)]
pub(super) struct Query {
    values: Vec<f64>,
    square: f64,
    /// Where a sparse row has cells.
    touched: Vec<u32>,
}

impl<'a> Store<'a> {
    /// The given rows of a table, less `centre`.
    pub(super) fn new(
        table: &Table<'a>,
        rows: &[u32],
        centre: Option<&Array1<f64>>,
    ) -> Result<Store<'a>> {
        let n = rows.len();
        let (cells, squares, width) = match *table {
            Table::Dense(x) => {
                let p = x.ncols();
                let mut panels = vec![[0.0; LANES]; n.div_ceil(LANES) * p];
                for (k, &i) in rows.iter().enumerate() {
                    let first = k / LANES * p;
                    for (j, &v) in x.row(i as usize).iter().enumerate() {
                        panels[first + j][k % LANES] = v - centre.map_or(0.0, |c| c[j]);
                    }
                }
                let squares = dispatch(Squares { panels: &panels, width: p, n });
                (Cells::Panels(panels), squares, p)
            }
            Table::Sparse(x) => {
                let (mut starts, mut columns, mut values) = (vec![0], Vec::new(), Vec::new());
                let mut squares = vec![0.0; n];
                for (square, &i) in squares.iter_mut().zip(rows) {
                    let span = x.starts[i as usize] as usize..x.starts[i as usize + 1] as usize;
                    for at in span {
                        columns.push(x.columns[at] as u32);
                        values.push(x.values[at]);
                        *square += x.values[at] * x.values[at];
                    }
                    starts.push(columns.len());
                }
                (Cells::Sparse { starts, columns, values }, squares, x.width)
            }
            Table::Given(matrix) => {
                let squares = rows.iter().map(|&i| matrix[[i as usize, i as usize]]).collect();
                (Cells::Given { matrix, rows: rows.to_vec() }, squares, matrix.ncols())
            }
        };
        if !squares.iter().all(|s| s.is_finite()) {
            return Err(Error::Data(
                "The dual coefficients or intercepts are not finite: the values of X are too large \
                 to be multiplied; scale its columns"
                    .into(),
            ));
        }
        Ok(Store { cells, squares, width })
    }

    pub(super) fn len(&self) -> usize {
        self.squares.len()
    }

    /// Numbers read for one kernel value, about.
    pub(super) fn width(&self) -> usize {
        match &self.cells {
            Cells::Panels(_) => self.width,
            Cells::Sparse { values, .. } => values.len() / self.len().max(1),
            Cells::Given { .. } => 1,
        }
    }

    /// Kernel values of rows with themselves.
    pub(super) fn diagonal(&self, kernel: Kernel) -> Vec<f64> {
        let mut out = self.squares.clone();
        if !matches!(self.cells, Cells::Given { .. }) {
            for (value, &square) in out.iter_mut().zip(&self.squares) {
                kernel.apply(square, &[square], std::slice::from_mut(value));
            }
        }
        out
    }

    /// Takes out row `i`.
    pub(super) fn load(&self, i: usize, query: &mut Query) {
        query.square = self.squares[i];
        query.values.resize(self.width, 0.0);
        match &self.cells {
            Cells::Panels(panels) => {
                let panel = &panels[i / LANES * self.width..];
                for (v, cell) in query.values.iter_mut().zip(panel) {
                    *v = cell[i % LANES];
                }
            }
            Cells::Sparse { starts, columns, values } => {
                for &j in &query.touched {
                    query.values[j as usize] = 0.0;
                }
                let span = starts[i]..starts[i + 1];
                query.touched.clear();
                query.touched.extend_from_slice(&columns[span.clone()]);
                for (&j, &v) in columns[span.clone()].iter().zip(&values[span]) {
                    query.values[j as usize] = v;
                }
            }
            Cells::Given { matrix, rows } => {
                for (v, &k) in query.values.iter_mut().zip(matrix.row(rows[i] as usize)) {
                    *v = k;
                }
            }
        }
    }

    /// Kernel values of up to [`QUERIES`] rows with rows `start..start + len`, one row of `out` (of
    /// `len` numbers) a query.
    pub(super) fn tile(
        &self,
        kernel: Kernel,
        queries: &[Query],
        start: usize,
        len: usize,
        out: &mut [f64],
    ) {
        match &self.cells {
            Cells::Panels(panels) => {
                let width = self.width;
                if let [a, b, c] = queries {
                    let queries = [&a.values[..], &b.values, &c.values];
                    dispatch(Products { panels, width, queries, start, len, out });
                } else {
                    for (q, out) in queries.iter().zip(out.chunks_mut(len)) {
                        let queries = [&q.values[..]];
                        dispatch(Products { panels, width, queries, start, len, out });
                    }
                }
            }
            Cells::Sparse { starts, columns, values } => {
                for (q, part) in queries.iter().zip(out.chunks_mut(len)) {
                    for (v, k) in part.iter_mut().zip(start..) {
                        let span = starts[k]..starts[k + 1];
                        let cells = columns[span.clone()].iter().zip(&values[span]);
                        *v = cells.map(|(&j, x)| q.values[j as usize] * x).sum();
                    }
                }
            }
            Cells::Given { rows, .. } => {
                for (q, part) in queries.iter().zip(out.chunks_mut(len)) {
                    for (v, &k) in part.iter_mut().zip(&rows[start..]) {
                        *v = q.values[k as usize];
                    }
                }
                return;
            }
        }
        let squares = &self.squares[start..start + len];
        for (q, part) in queries.iter().zip(out.chunks_mut(len)) {
            kernel.apply(q.square, squares, part);
        }
    }

    /// Puts the rows in another order: row `k` will be what row `order[k]` is.
    pub(super) fn reorder(&mut self, order: &[u32]) {
        self.squares = order.iter().map(|&i| self.squares[i as usize]).collect();
        match &mut self.cells {
            Cells::Panels(panels) => {
                let old = std::mem::replace(panels, vec![[0.0; LANES]; panels.len()]);
                for (k, &i) in order.iter().enumerate() {
                    let (to, from) = (k / LANES * self.width, i as usize / LANES * self.width);
                    for j in 0..self.width {
                        panels[to + j][k % LANES] = old[from + j][i as usize % LANES];
                    }
                }
            }
            Cells::Sparse { starts, columns, values } => {
                let old = (std::mem::take(starts), std::mem::take(columns), std::mem::take(values));
                starts.push(0);
                for &i in order {
                    let span = old.0[i as usize]..old.0[i as usize + 1];
                    columns.extend_from_slice(&old.1[span.clone()]);
                    values.extend_from_slice(&old.2[span]);
                    starts.push(columns.len());
                }
            }
            Cells::Given { rows, .. } => {
                *rows = order.iter().map(|&i| rows[i as usize]).collect();
            }
        }
    }
}

/// Products of `Q` rows with rows `start..start + len` of panels.
struct Products<'a, const Q: usize> {
    panels: &'a [[f64; LANES]],
    width: usize,
    queries: [&'a [f64]; Q],
    start: usize,
    len: usize,
    out: &'a mut [f64],
}

impl<const Q: usize> Task for Products<'_, Q> {
    type Output = ();

    #[inline(always)]
    #[allow(clippy::needless_range_loop, clippy::manual_memcpy)] // by index and without closures, so that the sums stay in registers
    fn run<S: Simd, const V: usize, const FUSED: bool>(self, simd: S) {
        let Products { panels, width, queries, start, len, out } = self;
        let queries = queries.map(|q| &q[..width]);
        for panel in start / LANES..(start + len).div_ceil(LANES) {
            let mut sums = [[simd.splat_f64s(0.0); V]; Q];
            for (j, cell) in panels[panel * width..(panel + 1) * width].iter().enumerate() {
                let cell = S::as_simd_f64s(cell).0;
                for q in 0..Q {
                    let x = simd.splat_f64s(queries[q][j]);
                    for v in 0..V {
                        sums[q][v] = add::<S, FUSED>(simd, x, cell[v], sums[q][v]);
                    }
                }
            }
            let (first, last) = (panel * LANES, (panel + 1) * LANES);
            let (from, to) = (first.max(start), last.min(start + len));
            for q in 0..Q {
                let mut row = [0.0; LANES];
                let lanes = S::as_mut_simd_f64s(&mut row).0;
                for v in 0..V {
                    lanes[v] = sums[q][v];
                }
                out[q * len + from - start..q * len + to - start]
                    .copy_from_slice(&row[from - first..to - first]);
            }
        }
    }
}

/// The product of each row of panels with itself, by the very sums of [`Products`].
struct Squares<'a> {
    panels: &'a [[f64; LANES]],
    width: usize,
    n: usize,
}

impl Task for Squares<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    #[allow(clippy::needless_range_loop, clippy::manual_memcpy)] // as above
    fn run<S: Simd, const V: usize, const FUSED: bool>(self, simd: S) -> Vec<f64> {
        let mut out = vec![0.0; self.n];
        for (out, panel) in out.chunks_mut(LANES).zip(self.panels.chunks(self.width.max(1))) {
            let mut sums = [simd.splat_f64s(0.0); V];
            for cell in panel {
                let cell = S::as_simd_f64s(cell).0;
                for v in 0..V {
                    sums[v] = add::<S, FUSED>(simd, cell[v], cell[v], sums[v]);
                }
            }
            let mut row = [0.0; LANES];
            let lanes = S::as_mut_simd_f64s(&mut row).0;
            for v in 0..V {
                lanes[v] = sums[v];
            }
            out.copy_from_slice(&row[..out.len()]);
        }
        out
    }
}

/// `a * b + c`, rounded once where the machine does so for free.
#[inline(always)]
fn add<S: Simd, const FUSED: bool>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s {
    if FUSED { simd.mul_add_f64s(a, b, c) } else { simd.add_f64s(simd.mul_f64s(a, b), c) }
}

/// What runs with the instructions of this machine; a panel's row is `V` registers.
trait Task {
    type Output;
    fn run<S: Simd, const V: usize, const FUSED: bool>(self, simd: S) -> Self::Output;
}

struct Run<T, const FUSED: bool>(T);

impl<T: Task, const FUSED: bool> WithSimd for Run<T, FUSED> {
    type Output = T::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> T::Output {
        match S::F64_LANES {
            8 => self.0.run::<S, 2, FUSED>(simd),
            4 => self.0.run::<S, 4, FUSED>(simd),
            2 => self.0.run::<S, 8, FUSED>(simd),
            _ => self.0.run::<S, 16, FUSED>(simd),
        }
    }
}

fn dispatch<T: Task>(task: T) -> T::Output {
    match Arch::new() {
        Arch::Scalar => Scalar128b.vectorize(Run::<T, false>(task)),
        arch => arch.dispatch(Run::<T, true>(task)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;
    use ndarray::Array2;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_exponential(x in -745.0f64..709.0) {
            let (got, want) = (exp(x), x.clamp(-708.0, 708.0).exp());
            prop_assert!((got - want).abs() <= 4.0 * f64::EPSILON * want, "{x}: {got} {want}");
        }

        #[test]
        fn tiles_are_the_kernel(
            seed in 0u64..1000, n in 1usize..40, p in 0usize..6, which in 0usize..4,
            sparse in any::<bool>(),
        ) {
            let mut draw = Stream::new(seed, 0, 0, 0);
            let x = Array2::from_shape_fn((n, p), |_| (draw.normal() * 2.0).round());
            let kernel = [
                Kernel::Linear,
                Kernel::Poly { gamma: 0.5, coef0: 1.0, degree: 3 },
                Kernel::Rbf { gamma: 0.1 },
                Kernel::Sigmoid { gamma: 0.1, coef0: -0.5 },
            ][which];
            let cells: Vec<_> = x.indexed_iter().filter(|c| *c.1 != 0.0).collect();
            let starts: Array1<i64> =
                (0..=n).map(|i| cells.iter().filter(|c| c.0.0 < i).count() as i64).collect();
            let columns: Array1<i64> = cells.iter().map(|c| c.0.1 as i64).collect();
            let values: Array1<f64> = cells.iter().map(|c| *c.1).collect();
            let table = if sparse {
                Table::Sparse(Sparse {
                    starts: starts.view(), columns: columns.view(), values: values.view(), width: p,
                })
            } else {
                Table::Dense(x.view())
            };
            let mut rows: Vec<u32> = (0..n as u32).collect();
            let centre = table.centre(kernel, &rows);
            let mut store = Store::new(&table, &rows, centre.as_ref()).unwrap();
            draw.shuffle(&mut rows);
            store.reorder(&rows);
            let start = draw.below(n as u64) as usize;
            let len = n - start;
            for count in 1..=QUERIES {
                let mut queries: Vec<Query> = (0..count).map(|_| Query::default()).collect();
                for (q, query) in queries.iter_mut().enumerate() {
                    store.load((q + 1) % n, query);
                    store.load(q % n, query);
                }
                let mut out = vec![0.0; count * len];
                store.tile(kernel, &queries, start, len, &mut out);
                for (q, part) in out.chunks(len).enumerate() {
                    for (k, &got) in part.iter().enumerate() {
                        let (a, b) = (x.row(rows[q % n] as usize), x.row(rows[start + k] as usize));
                        let dot = a.dot(&b);
                        let want = match kernel {
                            Kernel::Linear => dot,
                            Kernel::Poly { .. } => (0.5 * dot + 1.0).powi(3),
                            Kernel::Rbf { gamma } => (-gamma * (&a - &b).pow2().sum()).exp(),
                            Kernel::Sigmoid { .. } => (0.1 * dot - 0.5).tanh(),
                        };
                        prop_assert!((got - want).abs() <= 1e-12 * (1.0 + want.abs()));
                        if q % n == start + k {
                            prop_assert!((got - store.diagonal(kernel)[q % n]).abs() < 1e-12);
                        }
                    }
                }
            }
        }
    }
}
