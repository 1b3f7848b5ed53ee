//! Repeated passages of texts.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::dedup::passage;
use crate::dedup::rows::Text;
use crate::py::err::ShapeError;
use crate::py::run::run;

type Ints<'py> = Bound<'py, PyArray1<i64>>;
type Texts<'py> = (PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, u8>);

fn view<'a>(texts: &'a Texts<'_>) -> PyResult<Text<'a>> {
    let contiguous = |_| ShapeError::new_err("text offsets and bytes must be contiguous");
    let (offsets, bytes) = texts;
    Ok(Text::new(offsets.as_slice().map_err(contiguous)?, bytes.as_slice().map_err(contiguous)?)?)
}

/// Spans (document, start, end, passage) of what is repeated, the length of each document, and
/// which documents are covered by another: (first equal document, hash, stand-in) of each document,
/// and pairs of (document, covered by, share).
#[pyfunction]
#[pyo3(signature = (texts, min_length, min_share, n_left=None, n_jobs=1, progress=None))]
#[allow(clippy::type_complexity)]
fn repeated_passages<'py>(
    py: Python<'py>,
    texts: Texts<'py>,
    min_length: usize,
    min_share: f64,
    n_left: Option<usize>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(
    [Ints<'py>; 5],
    (Ints<'py>, Bound<'py, PyArray1<u64>>, Ints<'py>),
    (Ints<'py>, Ints<'py>, Bound<'py, PyArray1<f64>>),
)> {
    let text = view(&texts)?;
    let (found, cover) = run(py, n_jobs, progress, |ctx| {
        let found = passage::find(ctx, &text, min_length, n_left)?;
        let cover = passage::cover(ctx, &text, &found, min_length, min_share, n_left)?;
        Ok((found, cover))
    })?;
    let numbers =
        |v: Vec<usize>| v.into_iter().map(|i| i as i64).collect::<Vec<_>>().into_pyarray(py);
    let spans = [found.document, found.start, found.end, found.passage, found.lengths];
    let pairs = &cover.pairs;
    Ok((
        spans.map(|column| column.into_pyarray(py)),
        (numbers(cover.equal), cover.keys.into_pyarray(py), numbers(cover.home)),
        (
            numbers(pairs.iter().map(|p| p.document).collect()),
            numbers(pairs.iter().map(|p| p.by).collect()),
            pairs.iter().map(|p| p.share).collect::<Vec<_>>().into_pyarray(py),
        ),
    ))
}

/// The texts without passages that stand before, as (offsets, bytes).
#[pyfunction]
#[pyo3(signature = (texts, min_length, n_jobs=1, progress=None))]
fn cut_passages<'py>(
    py: Python<'py>,
    texts: Texts<'py>,
    min_length: usize,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Ints<'py>, Bound<'py, PyArray1<u8>>)> {
    let text = view(&texts)?;
    let (offsets, bytes) = run(py, n_jobs, progress, |ctx| passage::cut(ctx, &text, min_length))?;
    Ok((offsets.into_pyarray(py), bytes.into_pyarray(py)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(repeated_passages, m)?)?;
    m.add_function(wrap_pyfunction!(cut_passages, m)?)
}
