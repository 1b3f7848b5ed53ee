//! Bindings of support vector machines.

use numpy::{IntoPyArray, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use super::super::err::ParameterError;
use super::super::run::run;
use super::{Csr, Sparse};
use crate::models::svm::{self, Kernel, Settings, Solution};

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(svm_classify, m)?)?;
    m.add_function(wrap_pyfunction!(svm_regress, m)?)?;
    m.add_function(wrap_pyfunction!(svm_scores, m)?)
}

/// Rows: numbers, or what is sparse.
#[derive(FromPyObject)]
enum Table<'py> {
    #[pyo3(transparent)]
    Dense(PyReadonlyArray2<'py, f64>),
    #[pyo3(transparent)]
    Sparse(Csr<'py>),
}

impl Table<'_> {
    /// A view of the rows; `given` where they hold kernel values.
    fn view(&self, given: bool) -> svm::Table<'_> {
        match self {
            Table::Dense(x) if given => svm::Table::Given(x.as_array()),
            Table::Dense(x) => svm::Table::Dense(x.as_array()),
            Table::Sparse((starts, columns, values, width)) => svm::Table::Sparse(Sparse {
                starts: starts.as_array(),
                columns: columns.as_array(),
                values: values.as_array(),
                width: *width,
            }),
        }
    }
}

/// (name, gamma, coef0, degree).
type Spec = (String, f64, f64, i32);
/// (tol, bytes of the cache, shrinking, most steps).
type How = (f64, usize, bool, u64);
type Found<'py> = (Bound<'py, PyArray2<f64>>, Vec<f64>, Vec<u64>, bool, Vec<f64>);

/// The kernel, and whether the rows hold its values already.
fn kernel_of((name, gamma, coef0, degree): Spec) -> PyResult<(Kernel, bool)> {
    Ok(match name.as_str() {
        "linear" => (Kernel::Linear, false),
        "poly" => (Kernel::Poly { gamma, coef0, degree }, false),
        "rbf" => (Kernel::Rbf { gamma }, false),
        "sigmoid" => (Kernel::Sigmoid { gamma, coef0 }, false),
        "precomputed" => (Kernel::Linear, true),
        _ => return Err(ParameterError::new_err(format!("unknown kernel {name:?}"))),
    })
}

fn settings(kernel: Kernel, (tol, cache, shrinking, max_iter): How) -> Settings {
    Settings { kernel, tol, cache, shrinking, max_iter }
}

fn found<'py>(dual: Bound<'py, PyArray2<f64>>, all: &[Solution]) -> Found<'py> {
    (
        dual,
        all.iter().map(|s| s.intercept).collect(),
        all.iter().map(|s| s.steps).collect(),
        all.iter().all(|s| s.converged),
        all.iter().map(|s| s.objective).collect(),
    )
}

/// Classes, pair by pair: (coefficients, intercepts, steps, converged, objectives).
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn svm_classify<'py>(
    py: Python<'py>,
    x: Table<'py>,
    y: PyReadonlyArray1<'py, u32>,
    n_classes: usize,
    bound: PyReadonlyArray1<'py, f64>,
    kernel: Spec,
    how: How,
    n_jobs: usize,
) -> PyResult<Found<'py>> {
    let (kernel, given) = kernel_of(kernel)?;
    let (table, y, bound) = (x.view(given), y.as_array(), bound.as_array());
    let pairs = run(py, n_jobs, None, |ctx| {
        svm::classify(ctx, &table, y, n_classes, bound, &settings(kernel, how))
    })?;
    Ok(found(pairs.dual.into_pyarray(py), &pairs.found))
}

/// Regression: (coefficients, intercepts, steps, converged, objectives).
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn svm_regress<'py>(
    py: Python<'py>,
    x: Table<'py>,
    y: PyReadonlyArray1<'py, f64>,
    epsilon: f64,
    bound: PyReadonlyArray1<'py, f64>,
    kernel: Spec,
    how: How,
    n_jobs: usize,
) -> PyResult<Found<'py>> {
    let (kernel, given) = kernel_of(kernel)?;
    let (table, y, bound) = (x.view(given), y.as_array(), bound.as_array());
    let (dual, solution) = run(py, n_jobs, None, |ctx| {
        svm::regress(ctx, &table, y, epsilon, bound, &settings(kernel, how))
    })?;
    Ok(found(dual.insert_axis(numpy::ndarray::Axis(0)).into_pyarray(py), &[solution]))
}

/// Sums of kernel values with support vectors times coefficients, apart for each part of them.
#[pyfunction]
fn svm_scores<'py>(
    py: Python<'py>,
    kernel: Spec,
    vectors: Table<'py>,
    dual: PyReadonlyArray2<'py, f64>,
    parts: Vec<usize>,
    x: Table<'py>,
    n_jobs: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (kernel, _) = kernel_of(kernel)?;
    let (vectors, dual, x) = (vectors.view(false), dual.as_array().to_owned(), x.view(false));
    let out = run(py, n_jobs, None, |ctx| svm::scores(ctx, kernel, &vectors, &dual, &parts, &x))?;
    Ok(out.into_pyarray(py))
}
