//! Bindings of the detectors that look at each column: tails and histograms.

use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1};
use pyo3::prelude::*;

use super::table;
use crate::base::Result;
use crate::outlier::histogram::{self, Bins, Histogram};
use crate::outlier::tails::{self, Column};
use crate::py::arr::{Matrix, with_matrix};
use crate::py::run::{self, run};

type Floats<'py> = Bound<'py, PyArray1<f64>>;
type FloatsIn<'py> = PyReadonlyArray1<'py, f64>;

/// The distributions of columns: the fitted state of ECOD and COPOD.
#[pyclass(module = "tamis._core", name = "Tails", frozen)]
struct PyTails {
    columns: Vec<Column>,
}

#[pymethods]
impl PyTails {
    /// Of each column's known values in order, and its skewness.
    #[new]
    fn new(values: Vec<FloatsIn<'_>>, skewness: Vec<f64>) -> PyResult<Self> {
        if values.len() != skewness.len() {
            return Err(crate::py::err::StateError::new_err("not one skewness a column"));
        }
        let columns = values.iter().zip(skewness);
        let columns: Result<Vec<Column>> =
            columns.map(|(v, skew)| Column::new(v.as_array().to_vec(), skew)).collect();
        Ok(PyTails { columns: columns? })
    }

    /// The arguments of the constructor.
    fn parts<'py>(&self, py: Python<'py>) -> (Vec<Floats<'py>>, Vec<f64>) {
        let values = self.columns.iter().map(|c| PyArray1::from_slice(py, c.values())).collect();
        (values, self.columns.iter().map(|c| c.skew).collect())
    }

    fn __getnewargs__<'py>(&self, py: Python<'py>) -> (Vec<Floats<'py>>, Vec<f64>) {
        self.parts(py)
    }

    /// The score of each row.
    #[pyo3(signature = (x, n_jobs=1, progress=None))]
    fn score<'py>(
        &self,
        py: Python<'py>,
        x: Matrix<'py>,
        n_jobs: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Floats<'py>> {
        let out = with_matrix!(x, view => {
            run::run(py, n_jobs, progress, |ctx| tails::score(ctx, view, &self.columns))?
        });
        Ok(out.into_pyarray(py))
    }

    /// The share of each column in each row's score.
    #[pyo3(signature = (x, n_jobs=1, progress=None))]
    fn shares<'py>(
        &self,
        py: Python<'py>,
        x: Matrix<'py>,
        n_jobs: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let (shape, out) = with_matrix!(x, view => {
            (view.dim(), run(py, n_jobs, progress, |ctx| tails::shares(ctx, view, &self.columns))?)
        });
        table(py, shape.0, shape.1, out)
    }
}

/// Learns the distribution of each column; with the score of each row.
#[pyfunction]
#[pyo3(signature = (x, n_jobs=1, progress=None))]
fn tails_fit<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(PyTails, Floats<'py>)> {
    let (columns, scores) = with_matrix!(x, view => {
        run(py, n_jobs, progress, |ctx| tails::fit(ctx, view))?
    });
    Ok((PyTails { columns }, scores.into_pyarray(py)))
}

/// The least and the greatest value of each column, and by bin how rare it is.
type Histograms<'py> = (Floats<'py>, Floats<'py>, Vec<Floats<'py>>);

/// Learns the histogram of each column; of no number of bins, the root of the number of values.
#[pyfunction]
#[pyo3(signature = (x, bins, n_jobs=1, progress=None))]
fn histogram_fit<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    bins: Option<usize>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Histograms<'py>> {
    let bins = bins.map_or(Bins::Root, Bins::Fixed);
    let found = with_matrix!(x, view => {
        run(py, n_jobs, progress, |ctx| histogram::fit(ctx, view, bins))?
    });
    let lows: Vec<f64> = found.iter().map(|h| h.low).collect();
    let highs: Vec<f64> = found.iter().map(|h| h.high).collect();
    let rarities = found.into_iter().map(|h| h.rarity.into_pyarray(py)).collect();
    Ok((lows.into_pyarray(py), highs.into_pyarray(py), rarities))
}

fn histograms(
    lows: &FloatsIn<'_>,
    highs: &FloatsIn<'_>,
    rarities: &[FloatsIn<'_>],
) -> Vec<Histogram> {
    let (lows, highs) = (lows.as_array(), highs.as_array());
    let ends = lows.iter().zip(highs).zip(rarities);
    let made = ends.map(|((&low, &high), rarity)| {
        let rarity = rarity.as_array().to_vec();
        Histogram { low, high, rarity }
    });
    made.collect()
}

/// The score of each row.
#[pyfunction]
#[pyo3(signature = (x, lows, highs, rarities, n_jobs=1, progress=None))]
fn histogram_score<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    lows: FloatsIn<'py>,
    highs: FloatsIn<'py>,
    rarities: Vec<FloatsIn<'py>>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Floats<'py>> {
    let columns = histograms(&lows, &highs, &rarities);
    let out = with_matrix!(x, view => {
        run(py, n_jobs, progress, |ctx| histogram::score(ctx, view, &columns))?
    });
    Ok(out.into_pyarray(py))
}

/// The share of each column in each row's score.
#[pyfunction]
#[pyo3(signature = (x, lows, highs, rarities, n_jobs=1, progress=None))]
fn histogram_shares<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    lows: FloatsIn<'py>,
    highs: FloatsIn<'py>,
    rarities: Vec<FloatsIn<'py>>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let columns = histograms(&lows, &highs, &rarities);
    let (shape, out) = with_matrix!(x, view => {
        (view.dim(), run(py, n_jobs, progress, |ctx| histogram::shares(ctx, view, &columns))?)
    });
    table(py, shape.0, shape.1, out)
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyTails>()?;
    m.add_function(wrap_pyfunction!(tails_fit, m)?)?;
    m.add_function(wrap_pyfunction!(histogram_fit, m)?)?;
    m.add_function(wrap_pyfunction!(histogram_score, m)?)?;
    m.add_function(wrap_pyfunction!(histogram_shares, m)?)
}
