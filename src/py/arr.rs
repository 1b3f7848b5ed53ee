//! Arrays in and out.

use numpy::PyReadonlyArray2;
use pyo3::prelude::*;

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
