//! Equal rows, and texts as buffers.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::dedup::rows::{self, Text};
use crate::py::err::ShapeError;
use crate::py::run::run;

/// One column as it comes from Python: an array of its own type, or text as (offsets, bytes).
#[derive(FromPyObject)]
enum Cells<'py> {
    #[pyo3(transparent)]
    F64(PyReadonlyArray1<'py, f64>),
    #[pyo3(transparent)]
    F32(PyReadonlyArray1<'py, f32>),
    #[pyo3(transparent)]
    I64(PyReadonlyArray1<'py, i64>),
    #[pyo3(transparent)]
    U64(PyReadonlyArray1<'py, u64>),
    #[pyo3(transparent)]
    Bool(PyReadonlyArray1<'py, bool>),
    Text(PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, u8>),
}

impl Cells<'_> {
    fn view(&self) -> PyResult<rows::Cells<'_>> {
        let contiguous = |_| ShapeError::new_err("text offsets and bytes must be contiguous");
        Ok(match self {
            Cells::F64(x) => rows::Cells::F64(x.as_array()),
            Cells::F32(x) => rows::Cells::F32(x.as_array()),
            Cells::I64(x) => rows::Cells::I64(x.as_array()),
            Cells::U64(x) => rows::Cells::U64(x.as_array()),
            Cells::Bool(x) => rows::Cells::Bool(x.as_array()),
            Cells::Text(offsets, bytes) => rows::Cells::Text(Text::new(
                offsets.as_slice().map_err(contiguous)?,
                bytes.as_slice().map_err(contiguous)?,
            )?),
        })
    }
}

/// For each row the position of the first row equal to it in every column.
///
/// A column is (cells, missing): an array of float32, float64, int64, uint64 or bool, or a pair of
/// int64 offsets and uint8 bytes; and None or a mask.
#[pyfunction]
#[pyo3(signature = (n_rows, columns, n_jobs=1, progress=None))]
fn first_equal_rows<'py>(
    py: Python<'py>,
    n_rows: usize,
    columns: Vec<(Cells<'py>, Option<PyReadonlyArray1<'py, bool>>)>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let views = columns
        .iter()
        .map(|(cells, missing)| {
            let missing = missing.as_ref().map(PyReadonlyArray1::as_array);
            Ok(rows::Column { cells: cells.view()?, missing })
        })
        .collect::<PyResult<Vec<_>>>()?;
    let first = run(py, n_jobs, progress, |ctx| {
        let first = rows::first_equal(ctx, n_rows, &views)?;
        Ok(first.into_iter().map(|i| i as i64).collect::<Vec<_>>())
    })?;
    Ok(first.into_pyarray(py))
}

type Buffers<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<u8>>);

/// The texts of a list as (offsets, UTF-8 bytes); what is no text is empty.
#[pyfunction]
fn text_buffers<'py>(py: Python<'py>, cells: Vec<Bound<'py, PyAny>>) -> PyResult<Buffers<'py>> {
    let mut offsets = Vec::with_capacity(cells.len() + 1);
    let mut bytes = Vec::new();
    offsets.push(0i64);
    for cell in &cells {
        if let Ok(text) = cell.cast::<PyString>() {
            match text.to_str() {
                Ok(utf8) => bytes.extend_from_slice(utf8.as_bytes()),
                // A lone surrogate has no UTF-8: Python's own way keeps such texts apart.
                Err(_) => {
                    let kept = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
                    bytes.extend_from_slice(kept.extract::<&[u8]>()?);
                }
            }
        }
        offsets.push(bytes.len() as i64);
    }
    Ok((offsets.into_pyarray(py), bytes.into_pyarray(py)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(first_equal_rows, m)?)?;
    m.add_function(wrap_pyfunction!(text_buffers, m)?)
}
