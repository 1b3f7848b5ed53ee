//! Bindings of gradient boosting.

use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::forest::PyCuts;
use crate::models::boost::{
    Booster, Bowl, Data, Ensemble, Limits, Loss, Nodes, Plan, find_cuts, refit,
};
use crate::py::arr::{Matrix, with_matrix};
use crate::py::err::ParameterError;
use crate::py::run::run;

type Floats<'py> = PyReadonlyArray1<'py, f64>;

fn owned(array: Option<&Floats<'_>>) -> Option<Vec<f64>> {
    array.map(|a| a.as_array().to_vec())
}

/// Finds the bins of each column on some rows (all, where none are named), as scikit-learn's
/// boosting does.
#[pyfunction]
#[pyo3(signature = (x, rows, weights, categories, max_bins, n_jobs))]
fn boost_cuts(
    py: Python<'_>,
    x: Matrix<'_>,
    rows: Option<PyReadonlyArray1<'_, i64>>,
    weights: Option<Floats<'_>>,
    categories: Vec<usize>,
    max_bins: usize,
    n_jobs: usize,
) -> PyResult<PyCuts> {
    let rows = rows.as_ref().map(|r| r.as_slice()).transpose()?;
    let weights = weights.as_ref().map(|w| w.as_slice()).transpose()?;
    let cuts = with_matrix!(x, view => {
        run(py, n_jobs, None, |ctx| find_cuts(ctx, view, rows, weights, &categories, max_bins))?
    });
    Ok(PyCuts { cuts })
}

fn loss_of(name: &str, quantile: f64, width: usize) -> PyResult<Loss> {
    Ok(match name {
        "squared_error" => Loss::Squared,
        "absolute_error" => Loss::Absolute,
        "quantile" => Loss::Quantile(quantile),
        "gamma" => Loss::Gamma,
        "poisson" => Loss::Poisson,
        "log_loss" if width == 1 => Loss::Binary,
        "log_loss" => Loss::Classes(width),
        "given" => Loss::Given(width),
        _ => return Err(ParameterError::new_err(format!("no such loss: {name:?}"))),
    })
}

/// What grows trees round by round. Scores are flat, class after class.
#[pyclass(module = "tamis._core", name = "Booster")]
struct PyBooster {
    booster: Booster,
}

#[pymethods]
impl PyBooster {
    #[new]
    #[pyo3(signature = (x, y, weights, raw, cuts, *, loss, quantile, width, max_leaves, max_depth,
        min_leaf, min_hessian, l2, max_features, monotonic, interactions, rate, seed, before,
        n_jobs))]
    #[allow(clippy::too_many_arguments)] // keywords, in Python
    fn new(
        py: Python<'_>,
        x: Matrix<'_>,
        y: Floats<'_>,
        weights: Option<Floats<'_>>,
        raw: Floats<'_>,
        cuts: &PyCuts,
        loss: &str,
        quantile: f64,
        width: usize,
        max_leaves: Option<usize>,
        max_depth: Option<usize>,
        min_leaf: u32,
        min_hessian: f64,
        l2: f64,
        max_features: f64,
        monotonic: Vec<i8>,
        interactions: Option<Vec<Vec<usize>>>,
        rate: f64,
        seed: u64,
        before: usize,
        n_jobs: usize,
    ) -> PyResult<Self> {
        let loss = loss_of(loss, quantile, width)?;
        let plan = Plan {
            max_leaves: max_leaves.unwrap_or(usize::MAX),
            max_depth: max_depth.unwrap_or(usize::MAX),
            limits: Limits { min_leaf, min_hessian, l2 },
            max_features,
            monotonic,
            interactions,
            rate,
        };
        let (y, weights) = (y.as_array().to_vec(), owned(weights.as_ref()));
        let (raw, cuts) = (raw.as_array().to_vec(), cuts.cuts.clone());
        let booster = with_matrix!(x, view => {
            let data = Data { x: view, y, weights, raw };
            run(py, n_jobs, None, |ctx| Booster::new(ctx, data, cuts, loss, plan, seed, before))?
        });
        Ok(PyBooster { booster })
    }

    /// Rows whose scores are followed, too.
    fn hold(
        &mut self,
        py: Python<'_>,
        x: Matrix<'_>,
        y: Floats<'_>,
        weights: Option<Floats<'_>>,
        raw: Floats<'_>,
        n_jobs: usize,
    ) -> PyResult<()> {
        let (y, weights) = (y.as_array().to_vec(), owned(weights.as_ref()));
        let raw = raw.as_array().to_vec();
        let booster = &mut self.booster;
        with_matrix!(x, view => {
            let data = Data { x: view, y, weights, raw };
            run(py, n_jobs, None, |ctx| booster.hold(ctx, data))
        })
    }

    /// Grows the trees of `n` rounds.
    fn rounds(
        &mut self,
        py: Python<'_>,
        n: usize,
        n_jobs: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let booster = &mut self.booster;
        run(py, n_jobs, progress, |ctx| booster.rounds(ctx, n))
    }

    /// Grows the trees of one round on gradients and hessians from outside.
    fn round_on(
        &mut self,
        py: Python<'_>,
        gradient: Floats<'_>,
        hessian: Floats<'_>,
        n_jobs: usize,
    ) -> PyResult<()> {
        let (gradient, hessian) = (gradient.as_slice()?, hessian.as_slice()?);
        let booster = &mut self.booster;
        run(py, n_jobs, None, |ctx| booster.round_on(ctx, gradient, hessian))
    }

    /// The scores of the training rows, and of those that are followed.
    #[allow(clippy::type_complexity)]
    fn raw<'py>(
        &self,
        py: Python<'py>,
    ) -> (Bound<'py, PyArray1<f64>>, Option<Bound<'py, PyArray1<f64>>>) {
        let (train, held) = self.booster.raw();
        (PyArray1::from_slice(py, train), held.map(|h| PyArray1::from_slice(py, h)))
    }

    /// The mean losses of the same.
    fn losses(&self, py: Python<'_>, n_jobs: usize) -> PyResult<(f64, Option<f64>)> {
        run(py, n_jobs, None, |ctx| self.booster.losses(ctx))
    }

    /// The arrays of the trees grown.
    fn trees<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (trees, cuts) = self.booster.trees();
        arrays(py, &Nodes::new(trees, cuts))
    }
}

fn arrays<'py>(py: Python<'py>, t: &Nodes) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("starts", PyArray1::from_slice(py, &t.starts))?;
    for (name, array) in [("value", &t.value), ("threshold", &t.threshold), ("gain", &t.gain)] {
        out.set_item(name, PyArray1::from_slice(py, array))?;
    }
    for (name, array) in [
        ("count", &t.count),
        ("feature", &t.feature),
        ("left", &t.left),
        ("right", &t.right),
        ("depth", &t.depth),
    ] {
        out.set_item(name, PyArray1::from_slice(py, array))?;
    }
    out.set_item("missing_left", PyArray1::from_slice(py, &t.missing_left))?;
    out.set_item("cut", PyArray1::from_slice(py, &t.cut))?;
    out.set_item("set", PyArray1::from_slice(py, &t.set))?;
    out.set_item("sets", PyArray1::from_slice(py, &t.sets))?;
    Ok(out)
}

/// Boosted trees that were checked.
#[pyclass(module = "tamis._core", name = "Ensemble", frozen)]
struct PyEnsemble {
    ensemble: Ensemble,
}

#[pymethods]
impl PyEnsemble {
    /// Checks plain arrays and makes trees of them.
    #[new]
    #[pyo3(signature = (width, categories, *, starts, value, count, feature, threshold,
        missing_left, left, right, gain, depth, cut, set, sets))]
    #[allow(clippy::too_many_arguments)] // keywords, in Python
    fn new(
        width: usize,
        categories: Vec<u32>,
        starts: PyReadonlyArray1<'_, i64>,
        value: Floats<'_>,
        count: PyReadonlyArray1<'_, u32>,
        feature: PyReadonlyArray1<'_, u32>,
        threshold: Floats<'_>,
        missing_left: PyReadonlyArray1<'_, bool>,
        left: PyReadonlyArray1<'_, u32>,
        right: PyReadonlyArray1<'_, u32>,
        gain: Floats<'_>,
        depth: PyReadonlyArray1<'_, u32>,
        cut: PyReadonlyArray1<'_, u8>,
        set: PyReadonlyArray1<'_, i32>,
        sets: PyReadonlyArray1<'_, u64>,
    ) -> PyResult<Self> {
        let nodes = Nodes {
            starts: starts.as_array().to_vec(),
            value: value.as_array().to_vec(),
            count: count.as_array().to_vec(),
            feature: feature.as_array().to_vec(),
            threshold: threshold.as_array().to_vec(),
            missing_left: missing_left.as_array().to_vec(),
            left: left.as_array().to_vec(),
            right: right.as_array().to_vec(),
            gain: gain.as_array().to_vec(),
            depth: depth.as_array().to_vec(),
            cut: cut.as_array().to_vec(),
            set: set.as_array().to_vec(),
            sets: sets.as_array().to_vec(),
        };
        Ok(PyEnsemble { ensemble: Ensemble::new(nodes, width, categories)? })
    }

    /// The arrays, by the names of the constructor.
    fn arrays<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        arrays(py, self.ensemble.nodes())
    }

    /// What the trees of some rounds say of each row, added to what `start` has: (rows, width).
    fn add<'py>(
        &self,
        py: Python<'py>,
        x: Matrix<'py>,
        start: PyReadonlyArray2<'py, f64>,
        first: usize,
        last: usize,
        n_jobs: usize,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let shape = start.as_array().dim();
        let mut out: Vec<f64> = start.as_array().iter().copied().collect();
        with_matrix!(x, view => {
            run(py, n_jobs, None, |ctx| self.ensemble.add(ctx, view, first..last, &mut out))?
        });
        let out = Array2::from_shape_vec(shape, out);
        Ok(out.map_err(|e| ParameterError::new_err(e.to_string()))?.into_pyarray(py))
    }
}

/// Changes of leaves, from `start`, that bring a quadratic model of the loss down.
#[pyfunction]
fn boost_refit<'py>(
    py: Python<'py>,
    leaf: PyReadonlyArray2<'py, u32>,
    gradient: Floats<'py>,
    hessian: Floats<'py>,
    pull: Floats<'py>,
    start: Floats<'py>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (gradient, hessian, pull) = (gradient.as_slice()?, hessian.as_slice()?, pull.as_slice()?);
    let (leaf, mut change) = (leaf.as_array(), start.as_array().to_vec());
    run(py, 1, None, |ctx| refit(ctx, leaf, Bowl { gradient, hessian, pull }, &mut change))?;
    Ok(change.into_pyarray(py))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(boost_refit, m)?)?;
    m.add_class::<PyBooster>()?;
    m.add_class::<PyEnsemble>()?;
    m.add_function(wrap_pyfunction!(boost_cuts, m)?)
}
