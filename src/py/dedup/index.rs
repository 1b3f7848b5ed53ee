//! The kernels of an index of texts.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use super::text::shingler;
use crate::dedup::index::{self, Segment, Sets};
use crate::dedup::rows::Text;
use crate::dedup::text::bounds::Threshold;
use crate::py::err::ShapeError;
use crate::py::run::run;

type Array<'py, T> = Bound<'py, PyArray1<T>>;
type Given<'py, T> = PyReadonlyArray1<'py, T>;
/// (identity, offsets, hashes)
type GivenSets<'py> = (Given<'py, u64>, Given<'py, i64>, Given<'py, u64>);
/// (common, counts, tokens, rows)
type GivenPostings<'py> = (Given<'py, u64>, Given<'py, u32>, Given<'py, u64>, Given<'py, u32>);

fn slice<'a, T: numpy::Element>(array: &'a Given<'_, T>) -> PyResult<&'a [T]> {
    array.as_slice().map_err(|_| ShapeError::new_err("arrays of an index must be contiguous"))
}

fn sets<'a>(given: &'a GivenSets<'_>) -> PyResult<Sets<'a>> {
    Ok(Sets::new(slice(&given.0)?, slice(&given.1)?, slice(&given.2)?)?)
}

/// The sets of some texts: (identity, offsets, hashes).
#[pyfunction]
#[pyo3(signature = (offsets, data, missing, shingle, size, form, n_jobs=1, progress=None))]
#[allow(clippy::too_many_arguments)] // as Python gives them
fn index_sets<'py>(
    py: Python<'py>,
    offsets: Given<'py, i64>,
    data: Given<'py, u8>,
    missing: Option<Given<'py, bool>>,
    shingle: &str,
    size: usize,
    form: Vec<String>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Array<'py, u64>, Array<'py, i64>, Array<'py, u64>)> {
    let texts = Text::new(slice(&offsets)?, slice(&data)?)?;
    let missing = missing.as_ref().map(PyReadonlyArray1::as_array);
    let shingler = shingler(shingle, size, &form)?;
    let made = run(py, n_jobs, progress, |ctx| index::prepare(ctx, &texts, missing, &shingler))?;
    Ok((
        made.identity.into_pyarray(py),
        made.offsets.into_pyarray(py),
        made.hashes.into_pyarray(py),
    ))
}

type Postings<'py> = (Array<'py, u64>, Array<'py, u32>, Array<'py, u64>, Array<'py, u32>);

/// Where the rare shingles of sets stand: (common, counts, tokens, rows).
#[pyfunction]
#[pyo3(signature = (given, threshold, n_jobs=1, progress=None))]
fn index_postings<'py>(
    py: Python<'py>,
    given: GivenSets<'py>,
    threshold: f64,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Postings<'py>> {
    let (sets, threshold) = (sets(&given)?, Threshold::new(threshold)?);
    let made = run(py, n_jobs, progress, |ctx| index::postings(ctx, sets, threshold))?;
    Ok((
        made.common.into_pyarray(py),
        made.counts.into_pyarray(py),
        made.tokens.into_pyarray(py),
        made.rows.into_pyarray(py),
    ))
}

/// The texts of a segment that are like the queries: (query, row, score).
#[pyfunction]
#[pyo3(signature = (queries, given, postings, dead, threshold, n_jobs=1, progress=None))]
#[allow(clippy::too_many_arguments)] // as Python gives them
fn index_query<'py>(
    py: Python<'py>,
    queries: GivenSets<'py>,
    given: GivenSets<'py>,
    postings: GivenPostings<'py>,
    dead: Given<'py, bool>,
    threshold: f64,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Array<'py, i64>, Array<'py, i64>, Array<'py, f64>)> {
    let (common, counts, tokens, rows) = &postings;
    let segment = Segment {
        sets: sets(&given)?,
        common: (slice(common)?, slice(counts)?),
        postings: (slice(tokens)?, slice(rows)?),
        dead: dead.as_array(),
    };
    let (queries, threshold) = (sets(&queries)?, Threshold::new(threshold)?);
    let hits = run(py, n_jobs, progress, |ctx| index::query(ctx, queries, &segment, threshold))?;
    Ok((
        hits.iter().map(|hit| hit.query as i64).collect::<Vec<_>>().into_pyarray(py),
        hits.iter().map(|hit| hit.row as i64).collect::<Vec<_>>().into_pyarray(py),
        hits.iter().map(|hit| hit.score).collect::<Vec<_>>().into_pyarray(py),
    ))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(index_sets, m)?)?;
    m.add_function(wrap_pyfunction!(index_postings, m)?)?;
    m.add_function(wrap_pyfunction!(index_query, m)?)
}
