//! Near-duplicate texts.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::dedup::cells::Text;
use crate::dedup::text::bounds::Threshold;
use crate::dedup::text::shingles::{Shingler, Unit};
use crate::dedup::text::{self, Method};
use crate::media::text::Form;
use crate::py::err::{ParameterError, ShapeError};
use crate::py::run::run;

/// (content of each text, key of each content, left, right, score, how many are short, recall)
type Found<'py> = (
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<u64>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<f64>>,
    usize,
    f64,
);

/// What is evened out in texts, from names.
fn form(names: &[String]) -> PyResult<Form> {
    let mut form = Form::default();
    for name in names {
        match name.as_str() {
            "nfc" => form.nfc = true,
            "case" => form.case = true,
            "whitespace" => form.whitespace = true,
            "punctuation" => form.punctuation = true,
            _ => return Err(ParameterError::new_err(format!("{name:?} is no form of text"))),
        }
    }
    Ok(form)
}

/// How texts become sets of shingles, from parameters.
pub fn shingler(shingle: &str, size: usize, forms: &[String]) -> PyResult<Shingler> {
    if size == 0 {
        return Err(ParameterError::new_err("a shingle has at least one word or character"));
    }
    let unit = match shingle {
        "word" => Unit::Words(size),
        "char" => Unit::Chars(size),
        _ => return Err(ParameterError::new_err(format!("{shingle:?} is no kind of shingle"))),
    };
    Ok(Shingler { unit, form: form(forms)? })
}

/// Texts of one content, and pairs of contents whose Jaccard similarity is at or above the
/// threshold.
///
/// `seed` is that of "minhash" and "auto". With `n_left`, pairs go across that position.
#[pyfunction]
#[pyo3(signature = (offsets, data, missing, shingle, size, form, threshold, method, seed, n_left,
                    n_jobs=1, progress=None))]
#[allow(clippy::too_many_arguments)] // as Python gives them
fn text_duplicates<'py>(
    py: Python<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    data: PyReadonlyArray1<'py, u8>,
    missing: Option<PyReadonlyArray1<'py, bool>>,
    shingle: &str,
    size: usize,
    form: Vec<String>,
    threshold: f64,
    method: &str,
    seed: u64,
    n_left: Option<usize>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Found<'py>> {
    let contiguous = |_| ShapeError::new_err("text offsets and bytes must be contiguous");
    let offsets = offsets.as_slice().map_err(contiguous)?;
    let texts = Text::new(offsets, data.as_slice().map_err(contiguous)?)?;
    let missing = missing.as_ref().map(PyReadonlyArray1::as_array);
    let shingler = shingler(shingle, size, &form)?;
    let threshold = Threshold::new(threshold)?;
    let method = match method {
        "exact" => Method::Exact,
        "minhash" => Method::MinHash(seed),
        "auto" => Method::Auto(seed),
        _ => return Err(ParameterError::new_err(format!("{method:?} is no method"))),
    };
    let found = run(py, n_jobs, progress, |ctx| {
        text::search(ctx, &texts, missing, &shingler, threshold, method, n_left)
    })?;
    let numbers = |x: Vec<u32>| x.into_iter().map(i64::from).collect::<Vec<_>>().into_pyarray(py);
    Ok((
        numbers(found.content),
        found.keys.into_pyarray(py),
        numbers(found.pairs.iter().map(|p| p.left).collect()),
        numbers(found.pairs.iter().map(|p| p.right).collect()),
        found.pairs.iter().map(|p| p.score).collect::<Vec<_>>().into_pyarray(py),
        found.short,
        found.recall,
    ))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(text_duplicates, m)?)
}
