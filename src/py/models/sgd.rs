//! Bindings of stochastic gradient descent.

use std::sync::Mutex;

use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use super::super::arr::Matrix;
use super::super::run::run;
use crate::base::{Error, Result};
use crate::models::sgd::{Data, Rate, Rule, Settings, State, fit};

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(sgd_fit, m)?)
}

/// (indptr, indices, data, columns) of a matrix sparse by rows.
type Csr<'py, T> =
    (PyReadonlyArray1<'py, i32>, PyReadonlyArray1<'py, i32>, PyReadonlyArray1<'py, T>, usize);

/// A matrix, dense or sparse, in its own precision.
#[derive(FromPyObject)]
pub enum Rows<'py> {
    #[pyo3(transparent)]
    Dense(Matrix<'py>),
    #[pyo3(transparent)]
    Sparse32(Csr<'py, f32>),
    #[pyo3(transparent)]
    Sparse64(Csr<'py, f64>),
}

/// Calls `$body` with `$cells` bound to the rows in their own precision.
macro_rules! with_cells {
    ($rows:expr, $cells:ident => $body:expr) => {
        match &$rows {
            $crate::py::models::sgd::Rows::Dense(x) => $crate::py::arr::with_matrix!(x, view => {
                let $cells = $crate::models::cells::Cells::dense(view)?;
                $body
            }),
            $crate::py::models::sgd::Rows::Sparse32((starts, columns, values, width)) => {
                let (starts, columns) = (starts.as_array(), columns.as_array());
                let $cells =
                    $crate::models::cells::Cells::sparse(starts, columns, values.as_array(), *width)?;
                $body
            }
            $crate::py::models::sgd::Rows::Sparse64((starts, columns, values, width)) => {
                let (starts, columns) = (starts.as_array(), columns.as_array());
                let $cells =
                    $crate::models::cells::Cells::sparse(starts, columns, values.as_array(), *width)?;
                $body
            }
        }
    };
}
pub(crate) use with_cells;

/// The settings, by their names in scikit-learn.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Given {
    alpha: f64,
    l1_ratio: Option<f64>,
    learning_rate: String,
    eta0: f64,
    power_t: f64,
    fit_intercept: bool,
    average: f64,
    max_iter: usize,
    tol: Option<f64>,
    n_iter_no_change: usize,
    shuffle: bool,
    classes: bool,
}

type Loss = (String, Vec<f64>);
type Start<'py> = (
    PyReadonlyArray2<'py, f64>,
    PyReadonlyArray1<'py, f64>,
    PyReadonlyArray2<'py, f64>,
    PyReadonlyArray1<'py, f64>,
);
type Fitted<'py> = (
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray1<f64>>,
    Vec<usize>,
);

/// Goes on from `start`, (coef, intercept, their means), at step `t`. The loss is (name,
/// parameters) or a function of targets and scores of some rows that returns values and slopes.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn sgd_fit<'py>(
    py: Python<'py>,
    x: Rows<'py>,
    y: PyReadonlyArray1<'py, f64>,
    weights: PyReadonlyArray1<'py, f64>,
    sides: PyReadonlyArray2<'py, f64>,
    held: Option<PyReadonlyArray1<'py, bool>>,
    loss: Bound<'py, PyAny>,
    settings: Given,
    seeds: Vec<u32>,
    start: Start<'py>,
    t: f64,
    n_jobs: usize,
) -> PyResult<Fitted<'py>> {
    let set = settings_of(&settings, matches!(x, Rows::Dense(_)), held.is_none())?;
    let mut state = State {
        coef: start.0.as_array().to_owned(),
        intercept: start.1.as_array().to_owned(),
        mean: start.2.as_array().to_owned(),
        mean_intercept: start.3.as_array().to_owned(),
    };
    let raised: Mutex<Option<PyErr>> = Mutex::new(None);
    let named: Option<Loss> = loss.extract().ok();
    let called = loss.unbind();
    let slopes = |y: &[f64], s: &[f64], values: &mut [f64], slopes: &mut [f64]| -> Result<()> {
        Python::attach(|py| ask(py, &called, y, s, values, slopes)).map_err(|error| {
            if let Ok(mut slot) = raised.lock() {
                *slot = Some(error);
            }
            Error::Stopped
        })
    };
    let rule = match named {
        Some((name, params)) => Rule::new(&name, &params)?,
        None => Rule::Own(&slopes),
    };
    let (y, weights, sides) = (y.as_array(), weights.as_array(), sides.as_array());
    let held = held.as_ref().map(|h| h.as_array());
    let made = with_cells!(x, cells => {
        let data = Data { cells, y, weights, sides, held };
        run(py, n_jobs, None, |ctx| fit(ctx, &data, &rule, &set, &seeds, &mut state, t))
    });
    if let Some(error) = raised.into_inner().ok().flatten() {
        return Err(error);
    }
    let epochs = made?;
    Ok((
        state.coef.into_pyarray(py),
        state.intercept.into_pyarray(py),
        state.mean.into_pyarray(py),
        state.mean_intercept.into_pyarray(py),
        epochs,
    ))
}

fn settings_of(given: &Given, dense: bool, watch: bool) -> Result<Settings> {
    Ok(Settings {
        alpha: given.alpha,
        l1_ratio: given.l1_ratio,
        rate: Rate::new(&given.learning_rate)?,
        eta0: given.eta0,
        power: given.power_t,
        first: Settings::start(given.alpha),
        intercept: given.fit_intercept,
        // The intercept of sparse rows would outrun weights that are met now and then.
        decay: if dense { 1.0 } else { 0.01 },
        average: given.average,
        max_iter: given.max_iter,
        tol: given.tol,
        patience: given.n_iter_no_change,
        shuffle: given.shuffle,
        classes: given.classes,
        watch: watch && given.tol.is_some(),
    })
}

fn ask(
    py: Python<'_>,
    loss: &Py<PyAny>,
    y: &[f64],
    scores: &[f64],
    values: &mut [f64],
    slopes: &mut [f64],
) -> PyResult<()> {
    let (y, scores) = (PyArray1::from_slice(py, y), PyArray1::from_slice(py, scores));
    let (value, slope): (PyReadonlyArray1<'_, f64>, PyReadonlyArray1<'_, f64>) =
        loss.bind(py).call1((y, scores))?.extract()?;
    let (value, slope) = (value.as_array(), slope.as_array());
    if value.len() != values.len() || slope.len() != slopes.len() {
        return Err(Error::Shape("a loss must give one number a row".into()).into());
    }
    values.iter_mut().zip(value).for_each(|(o, v)| *o = *v);
    slopes.iter_mut().zip(slope).for_each(|(o, v)| *o = *v);
    Ok(())
}
