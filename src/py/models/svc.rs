//! Bindings of linear support vector machines.

use numpy::{IntoPyArray, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use super::super::run::run;
use super::sgd::{Rows, with_cells};
use crate::models::svc_linear::{Data, Loss, Settings, fit};

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(svc_linear_fit, m)?)
}

/// Linear support vector machines: (coef with that of the intercept's column, steps, converged).
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn svc_linear_fit<'py>(
    py: Python<'py>,
    x: Rows<'py>,
    y: PyReadonlyArray1<'py, f64>,
    costs: PyReadonlyArray1<'py, f64>,
    sides: PyReadonlyArray2<'py, f64>,
    classes: bool,
    loss: (String, f64),
    l1: bool,
    joint: bool,
    bias: f64,
    tol: f64,
    max_iter: usize,
    seed: u64,
    n_jobs: usize,
) -> PyResult<(Bound<'py, PyArray2<f64>>, usize, bool)> {
    let loss = Loss::new(&loss.0, loss.1)?;
    let set = Settings { loss, l1, joint, bias, tol, max_iter, seed };
    let (y, costs, sides) = (y.as_array(), costs.as_array(), sides.as_array());
    let made = with_cells!(x, cells => {
        let data = Data { cells, y, costs, sides, classes };
        run(py, n_jobs, None, |ctx| fit(ctx, &data, &set))
    })?;
    Ok((made.coef.into_pyarray(py), made.n_iter, made.converged))
}
