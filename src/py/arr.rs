//! Arrays in and out.

use numpy::PyReadonlyArray2;
use pyo3::prelude::*;

use super::run::run;
use crate::base::columns;

/// A float matrix in the caller's precision, borrowed.
#[derive(FromPyObject)]
pub enum Matrix<'py> {
    /// Single precision.
    #[pyo3(transparent)]
    F32(PyReadonlyArray2<'py, f32>),
    /// Double precision.
    #[pyo3(transparent)]
    F64(PyReadonlyArray2<'py, f64>),
}

/// Calls `$body` with `$view` bound to an `ArrayView2` of the matrix's own precision.
macro_rules! with_matrix {
    ($matrix:expr, $view:ident => $body:expr) => {
        match &$matrix {
            $crate::py::arr::Matrix::F32(a) => {
                let $view = a.as_array();
                $body
            }
            $crate::py::arr::Matrix::F64(a) => {
                let $view = a.as_array();
                $body
            }
        }
    };
}
pub(crate) use with_matrix;

/// The row and column of an infinite cell (or a missing one, where `refuse_missing`), if any.
#[pyfunction]
#[pyo3(signature = (x, refuse_missing=false, n_jobs=1))]
fn find_infinite(
    py: Python<'_>,
    x: Matrix<'_>,
    refuse_missing: bool,
    n_jobs: usize,
) -> PyResult<Option<(usize, usize)>> {
    with_matrix!(x, view => {
        run(py, n_jobs, None, |ctx| columns::find_infinite(ctx, view, refuse_missing))
    })
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(find_infinite, m)?)
}
