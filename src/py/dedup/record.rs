//! Records: candidates, and how far fields agree.

use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::dedup::cells::Text;
use crate::dedup::record::block::{self, Keys};
use crate::dedup::record::levels::{self, Comparator, Field};
use crate::py::err::{ParameterError, ShapeError};
use crate::py::run::run;

type Codes<'py> = PyReadonlyArray1<'py, i64>;
/// A field: its comparator, offsets and bytes of its distinct values, the code of each record.
type Column<'py> = (String, Codes<'py>, PyReadonlyArray1<'py, u8>, Codes<'py>);
type Out<'py> = Bound<'py, PyArray1<i64>>;
type Mask<'py> = PyReadonlyArray1<'py, bool>;

fn contiguous(_: impl std::fmt::Debug) -> PyErr {
    ShapeError::new_err("arrays must be contiguous")
}

fn comparator(name: &str) -> PyResult<Comparator> {
    Ok(match name {
        "jaro_winkler" => Comparator::Name,
        "levenshtein" => Comparator::Code,
        "date" => Comparator::Date,
        "numeric" => Comparator::Number,
        "exact" => Comparator::Exact,
        _ => return Err(ParameterError::new_err(format!("there is no comparator {name:?}"))),
    })
}

fn fields<'a>(columns: &'a [Column]) -> PyResult<Vec<Field<'a>>> {
    columns
        .iter()
        .map(|(how, offsets, bytes, codes)| {
            let text = Text::new(
                offsets.as_slice().map_err(contiguous)?,
                bytes.as_slice().map_err(contiguous)?,
            )?;
            Ok(Field::new(comparator(how)?, text, codes.as_slice().map_err(contiguous)?)?)
        })
        .collect()
}

/// How far each field of each pair agrees: 0 differs, 3 is equal, 255 is missing.
#[pyfunction]
#[pyo3(signature = (columns, left, right, n_jobs=1, progress=None))]
fn record_levels<'py>(
    py: Python<'py>,
    columns: Vec<Column<'py>>,
    left: Codes<'py>,
    right: Codes<'py>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray2<u8>>> {
    let fields = fields(&columns)?;
    let left = left.as_slice().map_err(contiguous)?;
    let right = right.as_slice().map_err(contiguous)?;
    let found = run(py, n_jobs, progress, |ctx| levels::levels(ctx, &fields, left, right))?;
    found.into_pyarray(py).reshape([left.len(), columns.len()])
}

/// A hash of each record, and for each field a code a record that values written a little
/// otherwise often share (-1 is missing).
#[pyfunction]
fn record_keys<'py>(
    py: Python<'py>,
    columns: Vec<Column<'py>>,
) -> PyResult<(Bound<'py, PyArray1<u64>>, Vec<Out<'py>>)> {
    let fields = fields(&columns)?;
    let mut coarse = Vec::new();
    for (how, offsets, bytes, codes) in &columns {
        let text = Text::new(
            offsets.as_slice().map_err(contiguous)?,
            bytes.as_slice().map_err(contiguous)?,
        )?;
        let words = levels::coarse(comparator(how)?, text);
        let codes = codes.as_slice().map_err(contiguous)?;
        // Without its sign: -1 is missing.
        let word = |&c: &i64| usize::try_from(c).map_or(levels::GONE, |c| (words[c] >> 1) as i64);
        coarse.push(codes.iter().map(word).collect::<Vec<_>>().into_pyarray(py));
    }
    let keys = run(py, 1, None, |_| Ok(levels::keys(&fields)))?;
    Ok((keys.into_pyarray(py), coarse))
}

type Pairs<'py> = (Out<'py>, Out<'py>);

/// Pairs of records that share the codes of a set of columns, or are neighbours by rank.
///
/// `shared` is (columns, sets of their positions, the largest block), `near` (columns of ranks, how
/// many records after it each is paired with).
#[pyfunction]
#[pyo3(signature = (n_rows, shared, near, sides=None, n_jobs=1))]
fn record_candidates<'py>(
    py: Python<'py>,
    n_rows: usize,
    shared: (Vec<Codes<'py>>, Vec<Vec<usize>>, usize),
    near: (Vec<Codes<'py>>, usize),
    sides: Option<(Mask<'py>, Mask<'py>)>,
    n_jobs: usize,
) -> PyResult<Pairs<'py>> {
    let slices = |from: &[Codes<'py>]| -> PyResult<Vec<Vec<i64>>> {
        from.iter().map(|c| Ok(c.as_slice().map_err(contiguous)?.to_vec())).collect()
    };
    let ((columns, sets, most), (ranks, window)) = (&shared, &near);
    let (columns, ranks) = (slices(columns)?, slices(ranks)?);
    let columns: Vec<&[i64]> = columns.iter().map(Vec::as_slice).collect();
    let ranks: Vec<&[i64]> = ranks.iter().map(Vec::as_slice).collect();
    let sides = match &sides {
        None => None,
        Some((left, right)) => {
            Some((left.as_slice().map_err(contiguous)?, right.as_slice().map_err(contiguous)?))
        }
    };
    let found = run(py, n_jobs, None, |ctx| {
        let (most, window) = (*most, *window);
        let keys = Keys { columns: &columns, sets, most, ranks: &ranks, window };
        block::candidates(ctx, n_rows, keys, sides)
    })?;
    let (left, right): (Vec<i64>, Vec<i64>) =
        found.into_iter().map(|(i, j)| (i64::from(i), i64::from(j))).unzip();
    Ok((left.into_pyarray(py), right.into_pyarray(py)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(record_levels, m)?)?;
    m.add_function(wrap_pyfunction!(record_keys, m)?)?;
    m.add_function(wrap_pyfunction!(record_candidates, m)?)
}
