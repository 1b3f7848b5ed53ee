//! Equal rows, and texts as buffers.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::dedup::cells::{self, Column, Text, Views};
use crate::dedup::ranks::Measured;
use crate::dedup::{rows, within};
use crate::py::err::ShapeError;
use crate::py::run::run;

/// One column as it comes from Python: an array of its own type, text as (offsets, bytes), or text
/// as (views, [bytes, ...]).
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
    Views(PyReadonlyArray1<'py, u8>, Vec<PyReadonlyArray1<'py, u8>>),
}

type Masked<'py, T> = (T, Option<PyReadonlyArray1<'py, bool>>);
type GivenColumn<'py> = Masked<'py, Cells<'py>>;

/// The bytes of an array.
fn bytes<'a>(array: &'a PyReadonlyArray1<'_, u8>) -> PyResult<&'a [u8]> {
    array.as_slice().map_err(|_| ShapeError::new_err("text buffers must be contiguous"))
}

/// The byte buffers that each column of string views refers to.
fn buffers<'a>(columns: &'a [GivenColumn<'_>]) -> PyResult<Vec<Vec<&'a [u8]>>> {
    let of = |(cells, _): &'a GivenColumn<'_>| match cells {
        Cells::Views(_, buffers) => buffers.iter().map(bytes).collect(),
        _ => Ok(Vec::new()),
    };
    columns.iter().map(of).collect()
}

/// The columns as the kernel takes them.
fn columns<'a>(
    given: &'a [GivenColumn<'_>],
    buffers: &'a [Vec<&'a [u8]>],
) -> PyResult<Vec<Column<'a>>> {
    let one = |((cells, missing), buffers): (&'a GivenColumn<'_>, &'a Vec<&'a [u8]>)| {
        let cells = match cells {
            Cells::F64(x) => cells::Cells::F64(x.as_array()),
            Cells::F32(x) => cells::Cells::F32(x.as_array()),
            Cells::I64(x) => cells::Cells::I64(x.as_array()),
            Cells::U64(x) => cells::Cells::U64(x.as_array()),
            Cells::Bool(x) => cells::Cells::Bool(x.as_array()),
            Cells::Text(offsets, data) => {
                let offsets = offsets
                    .as_slice()
                    .map_err(|_| ShapeError::new_err("text offsets must be contiguous"))?;
                cells::Cells::Text(Text::new(offsets, bytes(data)?)?)
            }
            Cells::Views(views, _) => cells::Cells::Views(Views::new(bytes(views)?, buffers)?),
        };
        Ok(Column { cells, missing: missing.as_ref().map(PyReadonlyArray1::as_array) })
    };
    given.iter().zip(buffers).map(one).collect()
}

/// The group of each row, by content: equal rows have one number, in order of first appearance.
///
/// A column is (cells, missing): an array of float32, float64, int64, uint64 or bool, a pair of
/// int64 offsets and uint8 bytes, or a pair of uint8 string views and a list of uint8 buffers; and
/// None or a mask.
#[pyfunction]
#[pyo3(signature = (n_rows, columns, n_jobs=1, progress=None))]
fn equal_rows<'py>(
    py: Python<'py>,
    n_rows: usize,
    columns: Vec<GivenColumn<'py>>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let buffers = buffers(&columns)?;
    let views = self::columns(&columns, &buffers)?;
    let group = run(py, n_jobs, progress, |ctx| rows::equal_rows(ctx, n_rows, &views))?;
    Ok(group.into_pyarray(py))
}

/// A column of numbers with its tolerance in its own type.
#[derive(FromPyObject)]
enum Numbers<'py> {
    F64(PyReadonlyArray1<'py, f64>, f64),
    F32(PyReadonlyArray1<'py, f32>, f32),
    I64(PyReadonlyArray1<'py, i64>, u64),
    U64(PyReadonlyArray1<'py, u64>, u64),
}

impl Numbers<'_> {
    fn view(&self) -> Measured<'_> {
        match self {
            Numbers::F64(x, t) => Measured::F64(x.as_array(), *t),
            Numbers::F32(x, t) => Measured::F32(x.as_array(), *t),
            Numbers::I64(x, t) => Measured::I64(x.as_array(), *t),
            Numbers::U64(x, t) => Measured::U64(x.as_array(), *t),
        }
    }
}

type Found<'py> = (
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<u64>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<f64>>,
);

/// Rows equal in some columns and within a tolerance in others: the group of each row, a hash of
/// each group's content, and pairs of groups with their scores.
///
/// A measured column is ((array, tolerance), missing).
#[pyfunction]
#[pyo3(signature = (n_rows, columns, measured, most, n_left=None, n_jobs=1, progress=None))]
#[allow(clippy::too_many_arguments)]
fn rows_within<'py>(
    py: Python<'py>,
    n_rows: usize,
    columns: Vec<GivenColumn<'py>>,
    measured: Vec<Masked<'py, Numbers<'py>>>,
    most: usize,
    n_left: Option<usize>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Found<'py>> {
    let buffers = buffers(&columns)?;
    let views = self::columns(&columns, &buffers)?;
    let measured: Vec<_> = measured
        .iter()
        .map(|(m, missing)| (m.view(), missing.as_ref().map(PyReadonlyArray1::as_array)))
        .collect();
    let found = run(py, n_jobs, progress, |ctx| {
        within::rows_within(ctx, n_rows, &views, &measured, n_left, most)
    })?;
    let side = |f: fn(&within::Pair) -> u32| -> Vec<i64> {
        found.pairs.iter().map(|p| i64::from(f(p))).collect()
    };
    let (left, right) = (side(|p| p.0), side(|p| p.1));
    let score: Vec<f64> = found.pairs.iter().map(|p| p.2).collect();
    Ok((
        found.group.into_pyarray(py),
        found.keys.into_pyarray(py),
        left.into_pyarray(py),
        right.into_pyarray(py),
        score.into_pyarray(py),
    ))
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
    m.add_function(wrap_pyfunction!(equal_rows, m)?)?;
    m.add_function(wrap_pyfunction!(rows_within, m)?)?;
    m.add_function(wrap_pyfunction!(text_buffers, m)?)
}
