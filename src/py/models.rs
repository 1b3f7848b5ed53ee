//! Bindings of `models`: linear and logistic regression.

mod mlp;
pub mod sgd;
pub mod svc;
pub mod svm;

use numpy::{IntoPyArray, PyArray1, PyArray2, PyArray3, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use super::arr::{Matrix, with_matrix};
use super::run::run;
use crate::base::loss::Loss;
use crate::models::group::Groups;
use crate::models::logistic::{Dense, Rows, Sparse};
use crate::models::{bayes, elastic, group, linear, logistic};

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    mlp::register(m)?;
    m.add_function(wrap_pyfunction!(linear_fit, m)?)?;
    m.add_function(wrap_pyfunction!(bayes_moments, m)?)?;
    m.add_function(wrap_pyfunction!(bayes_scores, m)?)?;
    m.add_function(wrap_pyfunction!(elastic_path, m)?)?;
    m.add_function(wrap_pyfunction!(group_path, m)?)?;
    m.add_function(wrap_pyfunction!(logistic_fit, m)?)?;
    sgd::register(m)?;
    svc::register(m)?;
    svm::register(m)
}

type LinearFit<'py> = (
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray1<f64>>,
    bool,
);

/// Least squares or ridge: (coef, intercept, centred X'WX, means, sound).
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn linear_fit<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    y: PyReadonlyArray2<'py, f64>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    intercept: bool,
    alpha: PyReadonlyArray1<'py, f64>,
    n_jobs: usize,
) -> PyResult<LinearFit<'py>> {
    let (y, w, alpha) = (y.as_array(), weights.as_ref().map(|w| w.as_array()), alpha.as_array());
    let fit = with_matrix!(x, view => run(py, n_jobs, None, |ctx| {
        linear::fit(ctx, view, y, w, intercept, alpha)
    }))?;
    Ok((
        fit.coef.into_pyarray(py),
        fit.intercept.into_pyarray(py),
        fit.xx.into_pyarray(py),
        fit.x_mean.into_pyarray(py),
        fit.sound,
    ))
}

type LogisticFit<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>, usize, bool);
/// (indptr, indices, data, columns) of a matrix sparse by rows.
type Csr<'py> =
    (PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, f64>, usize);
type Start<'py> = (PyReadonlyArray2<'py, f64>, PyReadonlyArray1<'py, f64>);

/// A matrix, dense or sparse.
#[derive(FromPyObject)]
enum Table<'py> {
    #[pyo3(transparent)]
    Dense(Matrix<'py>),
    #[pyo3(transparent)]
    Sparse(Csr<'py>),
}

/// Linear models over classes, with a loss (name, parameters, class weights): (coef, intercept,
/// steps, converged). `groups` is (columns of each, weights), `start` is (coef, intercept).
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn logistic_fit<'py>(
    py: Python<'py>,
    x: Table<'py>,
    y: PyReadonlyArray1<'py, u32>,
    n_classes: usize,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    loss: (String, Vec<f64>, Vec<f64>),
    c: f64,
    l1_ratio: f64,
    intercept: bool,
    tol: f64,
    max_iter: usize,
    groups: Option<(Vec<Vec<usize>>, Vec<f64>)>,
    start: Option<Start<'py>>,
    n_jobs: usize,
) -> PyResult<LogisticFit<'py>> {
    let (y, w) = (y.as_array(), weights.as_ref().map(|w| w.as_array()));
    let start = start.as_ref().map(|(coef, bias)| (coef.as_array(), bias.as_array()));
    let settings = logistic::Settings { c, l1_ratio, intercept, tol, max_iter };
    let loss = Loss::new(&loss.0, &loss.1, loss.2)?;
    let groups = groups.map(|(members, weights)| Groups { members, weights });
    let groups = groups.as_ref();
    let rows = match &x {
        Table::Dense(x) => {
            let x = match x {
                Matrix::F32(x) => Dense::Single(x.as_array()),
                Matrix::F64(x) => Dense::Double(x.as_array()),
            };
            run(py, n_jobs, None, |ctx| Rows::dense(ctx, x, w, intercept, groups))?
        }
        Table::Sparse((starts, columns, values, width)) => {
            let (starts, columns) = (starts.as_array(), columns.as_array());
            let x = Sparse { starts, columns, values: values.as_array(), width: *width };
            run(py, n_jobs, None, |_| Rows::sparse(x, w, groups))?
        }
    };
    let fit = run(py, n_jobs, None, |ctx| {
        logistic::fit(ctx, &rows, y, n_classes, &loss, settings, groups, start)
    })?;
    Ok((fit.coef.into_pyarray(py), fit.intercept.into_pyarray(py), fit.n_iter, fit.converged))
}

type ElasticPath<'py> = (
    Bound<'py, PyArray3<f64>>,
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray2<u64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
);

/// Lasso or elastic net for penalties after each other (below zero: as shares of the least that
/// leaves nothing): (coef, intercepts, gaps, sweeps, gaps to reach, least penalties). Sparse
/// columns come as (indptr, indices, data, rows). `gram` is X'WX of dense ones, where it is known.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn elastic_path<'py>(
    py: Python<'py>,
    x: Table<'py>,
    gram: Option<PyReadonlyArray2<'py, f64>>,
    y: PyReadonlyArray2<'py, f64>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    alphas: PyReadonlyArray1<'py, f64>,
    l1_ratio: f64,
    intercept: bool,
    positive: bool,
    max_iter: usize,
    tol: f64,
    seed: Option<u64>,
    start: Option<PyReadonlyArray2<'py, f64>>,
    n_jobs: usize,
) -> PyResult<ElasticPath<'py>> {
    let (y, w, alphas) = (y.as_array(), weights.as_ref().map(|w| w.as_array()), alphas.as_array());
    let start = start.as_ref().map(|s| s.as_array());
    let gram = gram.as_ref().map(|g| g.as_array());
    let set = elastic::Settings { l1_ratio, intercept, positive, max_iter, tol, seed };
    let out = match &x {
        Table::Dense(x) => with_matrix!(x, view => run(py, n_jobs, None, |ctx| {
            elastic::path(ctx, &elastic::Table::Dense(view, gram), y, w, alphas, set, start)
        }))?,
        Table::Sparse((starts, rows, values, n)) => {
            let (starts, columns) = (starts.as_array(), rows.as_array());
            let x = Sparse { starts, columns, values: values.as_array(), width: *n };
            run(py, n_jobs, None, |ctx| {
                elastic::path::<f64>(ctx, &elastic::Table::Sparse(x), y, w, alphas, set, start)
            })?
        }
    };
    Ok((
        out.coef.into_pyarray(py),
        out.intercept.into_pyarray(py),
        out.gap.into_pyarray(py),
        out.n_iter.into_pyarray(py),
        out.goal.into_pyarray(py),
        out.most.into_pyarray(py),
    ))
}

type GroupPath<'py> = (
    Bound<'py, PyArray3<f64>>,
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray1<u64>>,
    Bound<'py, PyArray1<f64>>,
    f64,
);

/// Least squares with a penalty of groups (columns of each, weights) for penalties after each other:
/// (coef, intercepts, sweeps, what is left of the subgradient, least penalty that leaves nothing).
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn group_path<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    y: PyReadonlyArray2<'py, f64>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    groups: (Vec<Vec<usize>>, Vec<f64>),
    alphas: PyReadonlyArray1<'py, f64>,
    l1_ratio: f64,
    intercept: bool,
    max_iter: usize,
    tol: f64,
    n_jobs: usize,
) -> PyResult<GroupPath<'py>> {
    let (y, w, alphas) = (y.as_array(), weights.as_ref().map(|w| w.as_array()), alphas.as_array());
    let groups = Groups { members: groups.0, weights: groups.1 };
    let set = group::Settings { l1_ratio, intercept, max_iter, tol };
    let out = with_matrix!(x, view => run(py, n_jobs, None, |ctx| {
        group::path(ctx, view, y, w, &groups, alphas, set)
    }))?;
    Ok((
        out.coef.into_pyarray(py),
        out.intercept.into_pyarray(py),
        out.n_iter.into_pyarray(py),
        out.left.into_pyarray(py),
        out.most,
    ))
}

type Moments<'py> = (
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray1<f64>>,
);

/// Moments of columns by class: (weights, means, variances, variances over all rows).
#[pyfunction]
fn bayes_moments<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    y: PyReadonlyArray1<'py, u32>,
    n_classes: usize,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    n_jobs: usize,
) -> PyResult<Moments<'py>> {
    let (y, w) = (y.as_array(), weights.as_ref().map(|w| w.as_array()));
    let m = with_matrix!(x, view => run(py, n_jobs, None, |ctx| {
        bayes::moments(ctx, view, y, n_classes, w)
    }))?;
    Ok((
        m.count.into_pyarray(py),
        m.mean.into_pyarray(py),
        m.variance.into_pyarray(py),
        m.spread.into_pyarray(py),
    ))
}

/// Logarithms of densities by row and class, up to `constant`.
#[pyfunction]
fn bayes_scores<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    mean: PyReadonlyArray2<'py, f64>,
    variance: PyReadonlyArray2<'py, f64>,
    constant: PyReadonlyArray1<'py, f64>,
    n_jobs: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (mean, variance) = (mean.as_array(), variance.as_array());
    let constant = constant.as_array();
    let out = with_matrix!(x, view => run(py, n_jobs, None, |ctx| {
        bayes::scores(ctx, view, mean, variance, constant)
    }))?;
    Ok(out.into_pyarray(py))
}
