//! Multi-layer perceptrons. A batch is two passes over threads: its rows, in chunks, forwards and
//! backwards; then the gradient of blocks of weights, each of which takes its step while it is in
//! the cache. Chunks and blocks go by the shapes alone, so that threads do not change a bit.

mod blocks;
mod layers;
mod optim;
mod output;
#[cfg(test)]
mod tests;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

use blocks::jobs_of;
pub use layers::{Activation, Num, Shape, Table};
use layers::{Dropout, Net, Places};
pub use optim::Optim;
use optim::Step;
pub use output::Output;

use crate::base::{Ctx, Error, Result, par};

/// Rows in a chunk, about: the weights are packed once a chunk.
const CHUNK: usize = 100;
/// Rows taken at once where all of them make one gradient, or scores only.
const MANY: usize = 2000;

/// How a network is trained by batches.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How parameters move.
    pub optim: Optim,
    /// The penalty of squares, against the sum of the losses of a batch.
    pub alpha: f64,
    /// How much of a weight decays in a step, times the learning rate.
    pub weight_decay: f64,
    /// The share of hidden units left out, by row and batch.
    pub dropout: f64,
    /// The seed of what is left out.
    pub seed: u64,
}

/// Rows with targets and weights (one each, without them).
#[derive(Clone, Copy)]
pub struct Data<'a, T> {
    /// What the network is shown.
    pub x: Table<'a, T>,
    /// Class codes or numbers.
    pub y: ArrayView2<'a, f64>,
    /// Weights of rows.
    pub weights: Option<&'a [f64]>,
}

impl<T: Num> Data<'_, T> {
    fn check(&self, shape: &Shape, output: &Output) -> Result<()> {
        self.x.check(shape.widths[0])?;
        let n = self.x.dim().0;
        if self.y.nrows() != n || self.weights.is_some_and(|w| w.len() != n) {
            return Err(Error::Shape(format!("X has {n} rows, y or the weights have others")));
        }
        output.check(self.y, shape.widths[shape.layers()])
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |w| w[row])
    }

    fn total(&self, rows: &[usize]) -> f64 {
        rows.iter().map(|r| self.weight(*r)).sum()
    }
}

/// Checks an order of rows against their number.
fn rows_of(order: &[i64], n: usize) -> Result<Vec<usize>> {
    let row = |&r: &i64| usize::try_from(r).ok().filter(|r| *r < n);
    order
        .iter()
        .map(|r| row(r).ok_or(()))
        .collect::<std::result::Result<_, _>>()
        .map_err(|()| Error::Shape(format!("the order names a row that is not among {n} rows")))
}

/// How many rows a chunk of a batch has.
fn chunk_of(rows: usize) -> usize {
    let chunks = ((rows + CHUNK / 2) / CHUNK).max(1);
    rows.div_ceil(chunks)
}

/// A network in training.
#[derive(Debug, Clone)]
pub struct Mlp<T> {
    shape: Shape,
    output: Output,
    set: Settings,
    /// The learning rate.
    pub rate: f64,
    w: Vec<T>,
    g: Vec<T>,
    m: Vec<T>,
    v: Vec<T>,
    /// Steps made.
    steps: u64,
    /// The workspace: rows of a batch, and where in them what lies.
    area: Vec<T>,
    places: Places,
}

/// What a network in training goes on from: the memory of its steps.
#[derive(Debug, Clone)]
pub struct Memory<T> {
    /// The mean of gradients, or the step before.
    pub m: Vec<T>,
    /// The mean of their squares (Adam's; else empty).
    pub v: Vec<T>,
    /// Steps made.
    pub steps: u64,
}

impl<T: Num> Mlp<T> {
    /// A network with parameters (all weights, then all biases).
    pub fn new(
        shape: Shape,
        output: Output,
        set: Settings,
        w: Vec<T>,
        memory: Option<Memory<T>>,
    ) -> Result<Self> {
        Net::new(&shape, &w)?;
        let n = w.len();
        let adam = matches!(set.optim, Optim::Adam { .. });
        let squares = if adam { n } else { 0 };
        let memory = memory.unwrap_or_else(|| Memory {
            m: vec![T::zero(); n],
            v: vec![T::zero(); squares],
            steps: 0,
        });
        if memory.m.len() != n || memory.v.len() != squares {
            return Err(Error::State("the memory of the steps is that of another network".into()));
        }
        if !(0.0..1.0).contains(&set.dropout) {
            return Err(Error::Parameter(format!("dropout must be below 1; got {}", set.dropout)));
        }
        let places = Places::new(&shape, false, false);
        let (g, Memory { m, v, steps }) = (vec![T::zero(); n], memory);
        Ok(Mlp { shape, output, set, rate: 0.0, w, g, m, v, steps, area: Vec::new(), places })
    }

    /// The parameters.
    pub fn params(&self) -> &[T] {
        &self.w
    }

    /// The memory of the steps.
    pub fn memory(&self) -> Memory<T> {
        Memory { m: self.m.clone(), v: self.v.clone(), steps: self.steps }
    }

    /// Trains on rows in this order, batch by batch; returns the sum of the rows' losses, each as
    /// the mean of its batch, with the penalty.
    pub fn epoch(&mut self, ctx: &Ctx, data: Data<T>, order: &[i64], batch: usize) -> Result<f64> {
        data.check(&self.shape, &self.output)?;
        let order = rows_of(order, data.x.dim().0)?;
        let dropout = self.set.dropout > 0.0;
        self.prepare(&data.x, batch.clamp(1, order.len().max(1)), dropout);
        let mut sum = 0.0;
        for rows in order.chunks(batch.max(1)) {
            let total = data.total(rows);
            if total > 0.0 {
                let value = self.learn(ctx, &data, rows)?;
                let squares = self.step(ctx, &data.x, rows, total)?;
                sum += (value + 0.5 * self.set.alpha * squares) / total * rows.len() as f64;
            }
            ctx.check()?;
        }
        Ok(sum)
    }

    /// The scores of a batch, for a loss of the caller's own; [`Mlp::back`] goes on from there.
    pub fn ahead(&mut self, ctx: &Ctx, x: Table<T>, rows: &[i64]) -> Result<Array2<T>> {
        x.check(self.shape.widths[0])?;
        let rows = rows_of(rows, x.dim().0)?;
        self.prepare(&x, rows.len(), self.set.dropout > 0.0);
        self.pass(ctx, &rows, |net, places, dropout, first, area| {
            let ids = &rows[first..first + area.nrows()];
            net.forward(&x, (first, ids), places, area, dropout);
            0.0
        })?;
        let area = ArrayView2::from_shape((rows.len(), self.places.stride), &self.area)
            .map_err(|e| Error::Shape(e.to_string()))?;
        Ok(area.slice(s![.., self.places.scores()]).to_owned())
    }

    /// Takes a step along slopes (weighed) of the scores that [`Mlp::ahead`] gave for these rows,
    /// of weight `total`, and returns the sum of the squares of the weights before; without a
    /// total, adds the slopes to the gradient.
    pub fn back(
        &mut self,
        ctx: &Ctx,
        x: Table<T>,
        rows: &[i64],
        slopes: ArrayView2<f64>,
        total: Option<f64>,
    ) -> Result<f64> {
        x.check(self.shape.widths[0])?;
        let rows = rows_of(rows, x.dim().0)?;
        let outputs = self.shape.widths[self.shape.layers()];
        if self.area.len() < rows.len() * self.places.stride
            || slopes.dim() != (rows.len(), outputs)
        {
            return Err(Error::Shape("the slopes are not those of the scores before".into()));
        }
        self.pass(ctx, &rows, |net, places, dropout, first, area| {
            let mut scores = area.slice_mut(s![.., places.scores()]);
            let given = slopes.slice(s![first..first + scores.nrows(), ..]);
            scores.zip_mut_with(&given, |s, d| *s = T::narrow(*d));
            net.backward(places, area, dropout);
            0.0
        })?;
        match total {
            Some(total) => self.step(ctx, &x, &rows, total),
            None => self.sweep(ctx, &x, &rows, None),
        }
    }

    /// Takes over parameters, and empties the gradient.
    pub fn place(&mut self, params: &[T]) -> Result<()> {
        if params.len() != self.w.len() {
            return Err(Error::Shape("the parameters are those of another network".into()));
        }
        self.w.copy_from_slice(params);
        self.g.fill(T::zero());
        Ok(())
    }

    /// The sum of the losses of all rows, weighed. The sums of their slopes are added to
    /// [`Mlp::slopes`].
    pub fn look(&mut self, ctx: &Ctx, data: Data<T>) -> Result<f64> {
        data.check(&self.shape, &self.output)?;
        let n = data.x.dim().0;
        self.prepare(&data.x, n.min(MANY), false);
        let rows: Vec<usize> = (0..n).collect();
        let mut value = 0.0;
        for rows in rows.chunks(MANY) {
            value += self.learn(ctx, &data, rows)?;
            self.sweep(ctx, &data.x, rows, None)?;
        }
        Ok(value)
    }

    /// The sums of slopes since [`Mlp::place`].
    pub fn slopes(&self) -> &[T] {
        &self.g
    }

    fn prepare(&mut self, x: &Table<T>, rows: usize, dropout: bool) {
        self.places = Places::new(&self.shape, matches!(x, Table::Sparse(_)), dropout);
        let need = rows * self.places.stride;
        if self.area.len() != need {
            self.area = vec![T::zero(); need];
        }
    }

    /// Rows forwards and backwards; returns the sum of their losses, weighed.
    fn learn(&mut self, ctx: &Ctx, data: &Data<T>, rows: &[usize]) -> Result<f64> {
        let (output, shape) = (self.output.clone(), self.shape.widths[self.shape.layers()]);
        self.pass(ctx, rows, |net, places, dropout, first, area| {
            let ids = &rows[first..first + area.nrows()];
            net.forward(&data.x, (first, ids), places, area, dropout);
            let mut spare = vec![0.0; 2 * shape];
            let mut value = 0.0;
            let mut scores = area.slice_mut(s![.., places.scores()]);
            for (row, scores) in ids.iter().zip(scores.rows_mut()) {
                let (w, y) = (data.weight(*row), data.y.row(*row));
                value += w * output.row(y, scores, w, &mut spare);
            }
            net.backward(places, area, dropout);
            value
        })
    }

    /// Calls `f` for chunks of the rows of the workspace; returns the sum of what it returns.
    fn pass(
        &mut self,
        ctx: &Ctx,
        rows: &[usize],
        f: impl Fn(&Net<T>, &Places, Option<Dropout>, usize, &mut ArrayViewMut2<T>) -> f64 + Sync + Send,
    ) -> Result<f64> {
        let Mlp { shape, w, area, places, set, .. } = self;
        let stride = places.stride;
        let net = Net::new(shape, w)?;
        let dropout = (set.dropout > 0.0 && places.drops()).then_some(Dropout {
            share: set.dropout,
            seed: set.seed,
            step: self.steps,
        });
        let area = &mut area[..rows.len() * stride];
        let parts =
            par::map_chunks_mut(ctx, area, chunk_of(rows.len()) * stride, |first, part| {
                let count = part.len() / stride;
                match ArrayViewMut2::from_shape((count, stride), part) {
                    Ok(mut part) => f(&net, places, dropout, first / stride, &mut part),
                    Err(_) => f64::NAN, // chunks are whole rows
                }
            })?;
        Ok(parts.iter().sum())
    }

    /// Takes one step by the rows in the workspace, of weight `total`.
    fn step(&mut self, ctx: &Ctx, x: &Table<T>, rows: &[usize], total: f64) -> Result<f64> {
        let count = self.steps + 1;
        let held = (self.set.alpha, self.set.weight_decay);
        let step = Step::new(self.set.optim, count, self.rate, total, held);
        let squares = self.sweep(ctx, x, rows, Some(step))?;
        self.steps = count;
        Ok(squares)
    }

    /// Adds the slopes of the rows in the workspace to the gradient, or takes a step by them;
    /// returns the sum of the squares of the weights before.
    fn sweep(
        &mut self,
        ctx: &Ctx,
        x: &Table<T>,
        rows: &[usize],
        step: Option<Step>,
    ) -> Result<f64> {
        let Mlp { shape, w, g, m, v, area, places, .. } = self;
        let used = &area[..rows.len() * places.stride];
        let area = ArrayView2::from_shape((rows.len(), places.stride), used)
            .map_err(|e| Error::Shape(e.to_string()))?;
        let mut jobs = jobs_of(shape, (w, g, m, v));
        let squares = par::map_chunks_mut(ctx, &mut jobs, 1, |_, job| {
            job.iter_mut().map(|job| job.run(x, rows, places, area, step)).sum::<f64>()
        })?;
        Ok(squares.iter().sum())
    }
}

/// The scores of rows (all, where none are named) by a network of these parameters.
pub fn scores<T: Num>(
    ctx: &Ctx,
    shape: &Shape,
    params: &[T],
    x: Table<T>,
    order: Option<&[i64]>,
) -> Result<Array2<T>> {
    x.check(shape.widths[0])?;
    let n = x.dim().0;
    let rows = order.map_or_else(|| Ok((0..n).collect()), |order| rows_of(order, n))?;
    let (net, outputs) = (Net::new(shape, params)?, shape.widths[shape.layers()]);
    let places = Places::new(shape, matches!(x, Table::Sparse(_)), false);
    let mut out = vec![T::zero(); rows.len() * outputs];
    par::fill_chunks(ctx, &mut out, CHUNK * outputs, |first, part| {
        let ids = &rows[first / outputs..][..part.len() / outputs];
        let mut area = Array2::from_elem((ids.len(), places.stride), T::zero());
        net.forward(&x, (0, ids), &places, &mut area.view_mut(), None);
        let said = area.slice(s![.., places.scores()]);
        part.iter_mut().zip(said).for_each(|(o, s)| *o = *s);
    })?;
    Array2::from_shape_vec((rows.len(), outputs), out).map_err(|e| Error::Shape(e.to_string()))
}
