//! Bindings of `losses`.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use super::run::{self, run_short};
use crate::base::Error;
use crate::base::loss::Loss;
use crate::losses::{What, evaluate};

/// So many scores are done in a millisecond or two.
const SHORT: usize = 100_000;

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(loss_rows, m)?)
}

/// The value (0), gradient (1) or diagonal of the Hessian (2) of a loss (name, parameters, class
/// weights), rows after each other.
#[pyfunction]
fn loss_rows<'py>(
    py: Python<'py>,
    loss: (String, Vec<f64>, Vec<f64>),
    y: PyReadonlyArray1<'py, f64>,
    score: PyReadonlyArray2<'py, f64>,
    what: u8,
    n_jobs: usize,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let what = match what {
        0 => What::Value,
        1 => What::Gradient,
        2 => What::Hessian,
        _ => return Err(Error::Parameter(format!("what must be 0, 1 or 2; got {what}")).into()),
    };
    let (y, score) = (y.as_array(), score.as_array());
    let loss = Loss::new(&loss.0, &loss.1, loss.2)?;
    let out = if score.len() <= SHORT {
        run_short(|ctx| evaluate(ctx, &loss, y, score, what))?
    } else {
        run::run(py, n_jobs, None, |ctx| evaluate(ctx, &loss, y, score, what))?
    };
    Ok(out.into_pyarray(py))
}
