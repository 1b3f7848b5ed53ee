//! Kernel errors as Python exceptions, in one place.

use pyo3::PyErr;
use pyo3::import_exception;

use crate::base::Error;

import_exception!(tamis.exceptions, DataError);
import_exception!(tamis.exceptions, InternalError);
import_exception!(tamis.exceptions, NotConvergedError);
import_exception!(tamis.exceptions, ParameterError);
import_exception!(tamis.exceptions, ShapeError);
import_exception!(tamis.exceptions, StateError);
import_exception!(tamis.exceptions, StoppedError);

impl From<Error> for PyErr {
    fn from(error: Error) -> PyErr {
        let text = error.to_string();
        match error {
            Error::Parameter(_) => ParameterError::new_err(text),
            Error::Shape(_) => ShapeError::new_err(text),
            Error::Data(_) => DataError::new_err(text),
            Error::NotConverged(_) => NotConvergedError::new_err(text),
            Error::State(_) => StateError::new_err(text),
            Error::Stopped => StoppedError::new_err(text),
        }
    }
}

/// A panic is a bug of ours: it reaches the user as an error that says so.
pub fn from_panic(payload: &(dyn std::any::Any + Send)) -> PyErr {
    let what = payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_string())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_string());
    InternalError::new_err(format!(
        "a kernel failed: {what}. This is a bug in tamis; please report it with the call that led here."
    ))
}
