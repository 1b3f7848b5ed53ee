//! Bindings of isolation forests.

use std::sync::Arc;

use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::table;
use crate::outlier::forest::{self, Cut, Cuts, Plan, Term, Tree};
use crate::py::arr::{Matrix, with_matrix};
use crate::py::err::StateError;
use crate::py::run::{self, run};

/// A fitted isolation tree.
#[pyclass(module = "tamis._core", name = "IsolationTree", frozen)]
struct PyTree {
    tree: Arc<Tree>,
}

type Floats<'py> = PyReadonlyArray1<'py, f32>;

#[pymethods]
impl PyTree {
    /// Checks plain arrays and makes a tree of them; `weight` and `center` are those of planes.
    #[new]
    #[pyo3(signature = (max_depth, n_features, feature, threshold, weight, center, expected))]
    fn new(
        max_depth: u32,
        n_features: usize,
        feature: PyReadonlyArray1<'_, u32>,
        threshold: Floats<'_>,
        weight: Option<Floats<'_>>,
        center: Option<Floats<'_>>,
        expected: Floats<'_>,
    ) -> PyResult<Self> {
        let (feature, at) = (feature.as_array(), threshold.as_array());
        let differ = || StateError::new_err("the arrays of an isolation tree differ in length");
        let cuts = if let (Some(weight), Some(center)) = (&weight, &center) {
            let (weight, center) = (weight.as_array(), center.as_array());
            if weight.len() != feature.len() || center.len() != feature.len() {
                return Err(differ());
            }
            let term = |((&feature, &weight), &from)| Term { feature, weight, from };
            let terms = feature.iter().zip(weight).zip(center).map(term).collect();
            Cuts::Oblique { width: feature.len() / at.len().max(1), terms, at: at.to_vec() }
        } else {
            if feature.len() != at.len() {
                return Err(differ());
            }
            let cut = |(&feature, &at)| Cut { at, feature };
            Cuts::Straight(feature.iter().zip(at).map(cut).collect())
        };
        let tree = Tree::new(max_depth, n_features, cuts, expected.as_array().to_vec())?;
        Ok(PyTree { tree: Arc::new(tree) })
    }

    /// The arrays, by the names of the constructor.
    fn arrays<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let out = PyDict::new(py);
        out.set_item("max_depth", self.tree.depth())?;
        out.set_item("n_features", self.tree.features())?;
        match self.tree.cuts() {
            Cuts::Straight(cuts) => {
                let feature: Vec<u32> = cuts.iter().map(|c| c.feature).collect();
                let at: Vec<f32> = cuts.iter().map(|c| c.at).collect();
                out.set_item("feature", feature.into_pyarray(py))?;
                out.set_item("threshold", at.into_pyarray(py))?;
                out.set_item("weight", py.None())?;
                out.set_item("center", py.None())?;
            }
            Cuts::Oblique { terms, at, .. } => {
                let feature: Vec<u32> = terms.iter().map(|t| t.feature).collect();
                let weight: Vec<f32> = terms.iter().map(|t| t.weight).collect();
                let center: Vec<f32> = terms.iter().map(|t| t.from).collect();
                out.set_item("feature", feature.into_pyarray(py))?;
                out.set_item("threshold", PyArray1::from_slice(py, at))?;
                out.set_item("weight", weight.into_pyarray(py))?;
                out.set_item("center", center.into_pyarray(py))?;
            }
        }
        out.set_item("expected", PyArray1::from_slice(py, self.tree.expected()))?;
        Ok(out)
    }

    /// The greatest depth that the tree was allowed.
    #[getter]
    fn max_depth(&self) -> u32 {
        self.tree.depth()
    }

    /// The number of features of the rows it takes.
    #[getter]
    fn n_features(&self) -> usize {
        self.tree.features()
    }

    fn __getnewargs__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.arrays(py)?.values())
    }
}

/// The rows that each of `count` trees from number `first` on sees, tree after tree.
#[pyfunction]
#[pyo3(signature = (seed, first, count, n, rows, replace, weights, n_jobs=1))]
#[allow(clippy::too_many_arguments)]
fn isolation_samples<'py>(
    py: Python<'py>,
    seed: u64,
    first: usize,
    count: usize,
    n: usize,
    rows: usize,
    replace: bool,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    n_jobs: usize,
) -> PyResult<Vec<Bound<'py, PyArray1<u32>>>> {
    let weights = weights.as_ref().map(|w| w.as_array().to_vec());
    let drawn = run::run(py, n_jobs, None, |ctx| {
        crate::base::par::map(ctx, count, |k| {
            forest::samples(seed, first + k, n, rows, replace, weights.as_deref())
        })
    })?;
    Ok(drawn.into_iter().map(|rows| rows.into_pyarray(py)).collect())
}

/// Grows `count` trees from number `first` on. With `places`, row `i` of the `n` that are drawn
/// from is row `places[i]` of `x`.
#[pyfunction]
#[pyo3(signature = (x, n, places, seed, first, count, rows, features, replace, weights, extension,
    n_jobs=1, progress=None))]
#[allow(clippy::too_many_arguments)]
fn isolation_grow<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    n: usize,
    places: Option<PyReadonlyArray1<'py, i64>>,
    seed: u64,
    first: usize,
    count: usize,
    rows: usize,
    features: usize,
    replace: bool,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    extension: usize,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Vec<PyTree>> {
    let weights = weights.as_ref().map(|w| w.as_array().to_vec());
    let places = places.as_ref().map(|p| p.as_array());
    let place = |row: u32| match places {
        Some(places) => places.get(row as usize).map_or(usize::MAX, |&at| at as usize),
        None => row as usize,
    };
    let trees = first..first + count;
    let plan =
        Plan { seed, trees, rows, features, replace, weights: weights.as_deref(), extension };
    let grown = with_matrix!(x, view => {
        run(py, n_jobs, progress, |ctx| forest::grow(ctx, view, n, &plan, place))?
    });
    Ok(grown.into_iter().map(|tree| PyTree { tree: Arc::new(tree) }).collect())
}

/// The anomaly score of each row.
#[pyfunction]
#[pyo3(signature = (x, trees, n_jobs=1, progress=None))]
fn isolation_score<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    trees: Vec<PyRef<'py, PyTree>>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let trees: Vec<Arc<Tree>> = trees.iter().map(|tree| tree.tree.clone()).collect();
    let trees: Vec<&Tree> = trees.iter().map(AsRef::as_ref).collect();
    let out = with_matrix!(x, view => {
        run(py, n_jobs, progress, |ctx| forest::score(ctx, view, &trees))?
    });
    Ok(out.into_pyarray(py))
}

/// The share of each feature in each row's score.
#[pyfunction]
#[pyo3(signature = (x, trees, n_jobs=1, progress=None))]
fn isolation_shares<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    trees: Vec<PyRef<'py, PyTree>>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let trees: Vec<Arc<Tree>> = trees.iter().map(|tree| tree.tree.clone()).collect();
    let trees: Vec<&Tree> = trees.iter().map(AsRef::as_ref).collect();
    let (shape, out) = with_matrix!(x, view => {
        (view.dim(), run(py, n_jobs, progress, |ctx| forest::shares(ctx, view, &trees))?)
    });
    table(py, shape.0, shape.1, out)
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyTree>()?;
    m.add_function(wrap_pyfunction!(isolation_samples, m)?)?;
    m.add_function(wrap_pyfunction!(isolation_grow, m)?)?;
    m.add_function(wrap_pyfunction!(isolation_score, m)?)?;
    m.add_function(wrap_pyfunction!(isolation_shares, m)?)
}
