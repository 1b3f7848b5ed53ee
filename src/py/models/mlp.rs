//! Bindings of multi-layer perceptrons.

use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use super::{Csr, Table as Given};
use crate::base::{Ctx, Error, Result};
use crate::models::logistic::Sparse;
use crate::models::mlp::{Data, Memory, Mlp, Num, Optim, Output, Settings, Shape, Table, scores};
use crate::py::arr::Matrix;
use crate::py::run::{self, run_short};

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Perceptron>()?;
    m.add_function(wrap_pyfunction!(mlp_scores, m)?)
}

/// A vector in the network's precision.
#[derive(FromPyObject)]
enum Vector<'py> {
    #[pyo3(transparent)]
    F32(PyReadonlyArray1<'py, f32>),
    #[pyo3(transparent)]
    F64(PyReadonlyArray1<'py, f64>),
}

#[derive(IntoPyObject)]
enum OutVector<'py> {
    F32(Bound<'py, PyArray1<f32>>),
    F64(Bound<'py, PyArray1<f64>>),
}

#[derive(IntoPyObject)]
enum OutMatrix<'py> {
    F32(Bound<'py, PyArray2<f32>>),
    F64(Bound<'py, PyArray2<f64>>),
}

/// A network in either precision.
enum Net {
    F32(Mlp<f32>),
    F64(Mlp<f64>),
}

/// A network in training.
#[pyclass(module = "tamis._core")]
struct Perceptron {
    net: Net,
}

fn sparse<'a>((starts, columns, values, width): &'a Csr<'_>) -> Sparse<'a> {
    let (starts, columns) = (starts.as_array(), columns.as_array());
    Sparse { starts, columns, values: values.as_array(), width: *width }
}

fn other_precision() -> Error {
    Error::Parameter("X and the network have different precisions".into())
}

/// Calls `$body` with `$net` and `$x`, the rows, in the network's own precision.
macro_rules! with_net {
    ($any:expr, $given:expr, $net:ident, $x:ident => $body:expr, $wrap32:path, $wrap64:path) => {
        match ($any, $given) {
            (Net::F32($net), Given::Dense(Matrix::F32(x))) => {
                let $x = Table::Dense(x.as_array());
                $wrap32($body)
            }
            (Net::F64($net), Given::Dense(Matrix::F64(x))) => {
                let $x = Table::Dense(x.as_array());
                $wrap64($body)
            }
            (Net::F32($net), Given::Sparse(x)) => {
                let $x = Table::Sparse(sparse(x));
                $wrap32($body)
            }
            (Net::F64($net), Given::Sparse(x)) => {
                let $x = Table::Sparse(sparse(x));
                $wrap64($body)
            }
            _ => return Err(other_precision().into()),
        }
    };
}

/// Runs work of a few milliseconds here, and more of it where Ctrl-C is looked for.
fn go<T: Send>(
    py: Python<'_>,
    n_jobs: usize,
    short: bool,
    work: impl FnOnce(&Ctx) -> Result<T> + Send,
) -> PyResult<T> {
    if short { run_short(work) } else { run::run(py, n_jobs, None, work) }
}

/// Parameters, and the memory of steps.
type Begin<'a, T> = (&'a [T], Option<(&'a [T], &'a [T], u64)>);

fn made<T: Num>(
    shape: Shape,
    output: Output,
    set: Settings,
    (params, memory): Begin<'_, T>,
) -> Result<Mlp<T>> {
    let memory = memory.map(|(m, v, steps)| Memory { m: m.to_vec(), v: v.to_vec(), steps });
    Mlp::new(shape, output, set, params.to_vec(), memory)
}

type Kept<'py> = (Vector<'py>, Vector<'py>, u64);

#[pymethods]
impl Perceptron {
    /// `loss` is (name, parameters, class weights), `output` (one target a score, share of the
    /// value, least probability), `solver` (name, two numbers, epsilon), `memory` what `memory()`
    /// gave.
    #[new]
    #[pyo3(signature = (params, widths, activation, *, loss, output, solver, alpha, weight_decay,
        dropout, seed, memory))]
    #[allow(clippy::too_many_arguments)] // keywords, in Python
    fn new(
        params: Vector<'_>,
        widths: Vec<usize>,
        activation: &str,
        loss: (String, Vec<f64>, Vec<f64>),
        output: (bool, f64, Option<f64>),
        solver: (String, f64, f64, f64),
        alpha: f64,
        weight_decay: f64,
        dropout: f64,
        seed: u64,
        memory: Option<Kept<'_>>,
    ) -> PyResult<Self> {
        let optim = match solver.0.as_str() {
            "adam" => Optim::Adam { beta_1: solver.1, beta_2: solver.2, epsilon: solver.3 },
            _ => Optim::Sgd { momentum: solver.1, nesterov: solver.2 != 0.0 },
        };
        let set = Settings { optim, alpha, weight_decay, dropout, seed };
        let shape = Shape::new(widths, activation)?;
        let output = Output::new((&loss.0, &loss.1, loss.2), output.0, output.1, output.2)?;
        let net = match (&params, &memory) {
            (Vector::F32(w), None) => {
                run_short(|_| made(shape, output, set, (slice(w)?, None))).map(Net::F32)
            }
            (Vector::F64(w), None) => {
                run_short(|_| made(shape, output, set, (slice(w)?, None))).map(Net::F64)
            }
            (Vector::F32(w), Some((Vector::F32(m), Vector::F32(v), steps))) => run_short(|_| {
                made(shape, output, set, (slice(w)?, Some((slice(m)?, slice(v)?, *steps))))
            })
            .map(Net::F32),
            (Vector::F64(w), Some((Vector::F64(m), Vector::F64(v), steps))) => run_short(|_| {
                made(shape, output, set, (slice(w)?, Some((slice(m)?, slice(v)?, *steps))))
            })
            .map(Net::F64),
            _ => Err(other_precision().into()),
        }?;
        Ok(Perceptron { net })
    }

    /// Trains on rows in this order, batch by batch, at a learning rate; returns the sum of the
    /// losses. `short` for work of a few milliseconds.
    #[allow(clippy::too_many_arguments)]
    fn epoch(
        &mut self,
        py: Python<'_>,
        x: Given<'_>,
        y: PyReadonlyArray2<'_, f64>,
        weights: Option<PyReadonlyArray1<'_, f64>>,
        order: PyReadonlyArray1<'_, i64>,
        batch: usize,
        rate: f64,
        n_jobs: usize,
        short: bool,
    ) -> PyResult<f64> {
        let (y, order) = (y.as_array(), order.as_slice()?);
        let weights = weights.as_ref().map(|w| w.as_slice()).transpose()?;
        with_net!(&mut self.net, &x, net, x => {
            net.rate = rate;
            go(py, n_jobs, short, |ctx| net.epoch(ctx, Data { x, y, weights }, order, batch))
        }, std::convert::identity, std::convert::identity)
    }

    /// The scores of rows, for a loss of the caller's own.
    fn ahead<'py>(
        &mut self,
        py: Python<'py>,
        x: Given<'py>,
        rows: PyReadonlyArray1<'py, i64>,
        n_jobs: usize,
    ) -> PyResult<OutMatrix<'py>> {
        let rows = rows.as_slice()?;
        Ok(with_net!(&mut self.net, &x, net, x => {
            run::run(py, n_jobs, None, |ctx| net.ahead(ctx, x, rows))?.into_pyarray(py)
        }, OutMatrix::F32, OutMatrix::F64))
    }

    /// Takes a step along slopes of these scores, at a learning rate; without `total`, the weight
    /// of the rows, adds them to `slopes()`. Returns the sum of the squares of the weights before.
    #[allow(clippy::too_many_arguments)]
    fn back(
        &mut self,
        py: Python<'_>,
        x: Given<'_>,
        rows: PyReadonlyArray1<'_, i64>,
        slopes: PyReadonlyArray2<'_, f64>,
        total: Option<f64>,
        rate: f64,
        n_jobs: usize,
    ) -> PyResult<f64> {
        let (rows, slopes) = (rows.as_slice()?, slopes.as_array());
        with_net!(&mut self.net, &x, net, x => {
            net.rate = rate;
            run::run(py, n_jobs, None, |ctx| net.back(ctx, x, rows, slopes, total))
        }, std::convert::identity, std::convert::identity)
    }

    /// Takes over parameters, and empties the sums of slopes.
    fn place(&mut self, params: Vector<'_>) -> PyResult<()> {
        match (&mut self.net, &params) {
            (Net::F32(net), Vector::F32(w)) => run_short(|_| net.place(slice(w)?)),
            (Net::F64(net), Vector::F64(w)) => run_short(|_| net.place(slice(w)?)),
            _ => Err(other_precision().into()),
        }
    }

    /// The sum of the losses of all rows, weighed; the sums of their slopes are added to `slopes()`.
    fn look(
        &mut self,
        py: Python<'_>,
        x: Given<'_>,
        y: PyReadonlyArray2<'_, f64>,
        weights: Option<PyReadonlyArray1<'_, f64>>,
        n_jobs: usize,
        short: bool,
    ) -> PyResult<f64> {
        let y = y.as_array();
        let weights = weights.as_ref().map(|w| w.as_slice()).transpose()?;
        with_net!(&mut self.net, &x, net, x => {
            go(py, n_jobs, short, |ctx| net.look(ctx, Data { x, y, weights }))
        }, std::convert::identity, std::convert::identity)
    }

    /// The sums of slopes since `place`.
    fn slopes<'py>(&self, py: Python<'py>) -> OutVector<'py> {
        match &self.net {
            Net::F32(net) => OutVector::F32(PyArray1::from_slice(py, net.slopes())),
            Net::F64(net) => OutVector::F64(PyArray1::from_slice(py, net.slopes())),
        }
    }

    /// The parameters: all weights, then all biases.
    fn params<'py>(&self, py: Python<'py>) -> OutVector<'py> {
        match &self.net {
            Net::F32(net) => OutVector::F32(PyArray1::from_slice(py, net.params())),
            Net::F64(net) => OutVector::F64(PyArray1::from_slice(py, net.params())),
        }
    }

    /// The memory of the steps: two vectors and how many were made.
    fn memory<'py>(&self, py: Python<'py>) -> (OutVector<'py>, OutVector<'py>, u64) {
        match &self.net {
            Net::F32(net) => {
                let Memory { m, v, steps } = net.memory();
                (OutVector::F32(m.into_pyarray(py)), OutVector::F32(v.into_pyarray(py)), steps)
            }
            Net::F64(net) => {
                let Memory { m, v, steps } = net.memory();
                (OutVector::F64(m.into_pyarray(py)), OutVector::F64(v.into_pyarray(py)), steps)
            }
        }
    }
}

fn slice<'a, T: numpy::Element>(array: &'a PyReadonlyArray1<'_, T>) -> Result<&'a [T]> {
    array.as_slice().map_err(|_| Error::Shape("the parameters are not contiguous".into()))
}

/// The scores of rows (all, where none are named) by a network of these parameters.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn mlp_scores<'py>(
    py: Python<'py>,
    x: Given<'py>,
    params: Vector<'py>,
    widths: Vec<usize>,
    activation: &str,
    rows: Option<PyReadonlyArray1<'py, i64>>,
    n_jobs: usize,
    short: bool,
) -> PyResult<OutMatrix<'py>> {
    let shape = Shape::new(widths, activation)?;
    let rows = rows.as_ref().map(|r| r.as_slice()).transpose()?;
    fn one<'py, T: Num + numpy::Element>(
        py: Python<'py>,
        x: Table<'_, T>,
        w: &[T],
        shape: &Shape,
        rows: Option<&[i64]>,
        (n_jobs, short): (usize, bool),
    ) -> PyResult<Bound<'py, PyArray2<T>>> {
        Ok(go(py, n_jobs, short, |ctx| scores(ctx, shape, w, x, rows))?.into_pyarray(py))
    }
    let how = (n_jobs, short);
    Ok(match (&x, &params) {
        (Given::Dense(Matrix::F32(x)), Vector::F32(w)) => {
            OutMatrix::F32(one(py, Table::Dense(x.as_array()), slice(w)?, &shape, rows, how)?)
        }
        (Given::Dense(Matrix::F64(x)), Vector::F64(w)) => {
            OutMatrix::F64(one(py, Table::Dense(x.as_array()), slice(w)?, &shape, rows, how)?)
        }
        (Given::Sparse(x), Vector::F32(w)) => {
            OutMatrix::F32(one(py, Table::Sparse(sparse(x)), slice(w)?, &shape, rows, how)?)
        }
        (Given::Sparse(x), Vector::F64(w)) => {
            OutMatrix::F64(one(py, Table::Sparse(sparse(x)), slice(w)?, &shape, rows, how)?)
        }
        _ => return Err(other_precision().into()),
    })
}
