//! Bindings of the forests in `models`.

use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use super::PyTree;
use super::forest::PyCuts;
use crate::models::forest::{Forest, Impurity, Params, mean};
use crate::py::err::ParameterError;
use crate::py::run::run;
use crate::trees::FlatTree;

/// A table in bins with its target, on which trees are grown.
#[pyclass(module = "tamis._core", name = "BinnedForest", frozen)]
struct PyBinned {
    forest: Forest,
}

#[pymethods]
impl PyBinned {
    #[new]
    #[pyo3(signature = (x, y, classes, cuts, *, criterion, random, max_depth, min_split, min_leaf,
        min_share, max_features, max_leaves, min_decrease, n_jobs))]
    #[allow(clippy::too_many_arguments)] // keywords, in Python
    fn new(
        py: Python<'_>,
        x: PyReadonlyArray2<'_, f32>,
        y: PyReadonlyArray1<'_, f64>,
        classes: usize,
        cuts: &PyCuts,
        criterion: &str,
        random: bool,
        max_depth: Option<usize>,
        min_split: usize,
        min_leaf: usize,
        min_share: f64,
        max_features: usize,
        max_leaves: Option<usize>,
        min_decrease: f64,
        n_jobs: usize,
    ) -> PyResult<Self> {
        let impurity = match criterion {
            "gini" => Impurity::Gini,
            "entropy" => Impurity::Entropy,
            "squared_error" => Impurity::Squared,
            _ => return Err(ParameterError::new_err(format!("no such criterion: {criterion:?}"))),
        };
        let params = Params {
            impurity,
            random,
            max_depth: max_depth.unwrap_or(usize::MAX),
            min_split,
            min_leaf,
            min_share,
            max_features,
            max_leaves: max_leaves.unwrap_or(usize::MAX),
            min_decrease,
        };
        let (x, y, cuts) = (x.as_array(), y.as_slice()?, cuts.cuts.clone());
        let forest = run(py, n_jobs, None, |ctx| Forest::new(ctx, x, y, classes, cuts, params))?;
        Ok(PyBinned { forest })
    }

    /// Grows a tree on each set of weights.
    fn grow(
        &self,
        py: Python<'_>,
        weights: Vec<PyReadonlyArray1<'_, f64>>,
        seeds: Vec<u64>,
        n_jobs: usize,
    ) -> PyResult<Vec<PyTree>> {
        let weights: Vec<&[f64]> =
            weights.iter().map(|w| w.as_slice()).collect::<Result<_, _>>()?;
        let trees = run(py, n_jobs, None, |ctx| self.forest.grow(ctx, &weights, &seeds))?;
        Ok(trees.into_iter().map(|tree| PyTree { tree }).collect())
    }
}

/// The mean over trees of the values of each row's leaf.
#[pyfunction]
fn forest_mean<'py>(
    py: Python<'py>,
    trees: Vec<PyRef<'py, PyTree>>,
    x: PyReadonlyArray2<'py, f32>,
    n_jobs: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (x, trees): (_, Vec<&FlatTree>) = (x.as_array(), trees.iter().map(|t| &t.tree).collect());
    let out = run(py, n_jobs, None, |ctx| mean(ctx, &trees, x))?;
    let shape = (x.nrows(), out.len() / x.nrows().max(1));
    let out = Array2::from_shape_vec(shape, out);
    Ok(out.map_err(|e| ParameterError::new_err(e.to_string()))?.into_pyarray(py))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyBinned>()?;
    m.add_function(wrap_pyfunction!(forest_mean, m)?)
}
