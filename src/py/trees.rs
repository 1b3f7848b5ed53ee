//! Bindings of `trees` and of the trees in `models`.

pub mod bagged;
pub mod boost;
pub mod forest;
pub mod shap;

use numpy::ndarray::Array1;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::err::ParameterError;
use super::run::run;
use crate::base::Ctx;
use crate::models::tree::{Impurity, Params, Target, grow};
use crate::trees::{FlatTree, Nodes, Shape, prune};

/// A checked tree: the fitted state behind `Tree`.
#[pyclass(module = "tamis._core", name = "FlatTree", frozen)]
struct PyTree {
    tree: FlatTree,
}

type Longs<'py> = Bound<'py, PyArray1<i64>>;
type Floats<'py> = Bound<'py, PyArray1<f64>>;

#[pymethods]
impl PyTree {
    /// Checks plain arrays and makes a tree of them; `value` is flat.
    #[new]
    #[pyo3(signature = (n_features, n_outputs, max_n_classes, *, children_left, children_right,
        feature, threshold, impurity, n_node_samples, weighted_n_node_samples,
        missing_go_to_left, value))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        n_features: usize,
        n_outputs: usize,
        max_n_classes: usize,
        children_left: PyReadonlyArray1<'_, i64>,
        children_right: PyReadonlyArray1<'_, i64>,
        feature: PyReadonlyArray1<'_, i64>,
        threshold: PyReadonlyArray1<'_, f64>,
        impurity: PyReadonlyArray1<'_, f64>,
        n_node_samples: PyReadonlyArray1<'_, i64>,
        weighted_n_node_samples: PyReadonlyArray1<'_, f64>,
        missing_go_to_left: PyReadonlyArray1<'_, bool>,
        value: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        let nodes = Nodes {
            left: children_left.as_array().to_vec(),
            right: children_right.as_array().to_vec(),
            feature: feature.as_array().to_vec(),
            threshold: threshold.as_array().to_vec(),
            impurity: impurity.as_array().to_vec(),
            samples: n_node_samples.as_array().to_vec(),
            weight: weighted_n_node_samples.as_array().to_vec(),
            missing_left: missing_go_to_left.as_array().to_vec(),
            value: value.as_array().to_vec(),
        };
        let shape = Shape { features: n_features, outputs: n_outputs, classes: max_n_classes };
        Ok(PyTree { tree: FlatTree::new(nodes, shape)? })
    }

    /// The arrays, by the names of the constructor.
    fn arrays<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let t = self.tree.nodes();
        let out = PyDict::new(py);
        for (name, array) in [
            ("children_left", &t.left),
            ("children_right", &t.right),
            ("feature", &t.feature),
            ("n_node_samples", &t.samples),
        ] {
            out.set_item(name, PyArray1::from_slice(py, array))?;
        }
        for (name, array) in [
            ("threshold", &t.threshold),
            ("impurity", &t.impurity),
            ("weighted_n_node_samples", &t.weight),
            ("value", &t.value),
        ] {
            out.set_item(name, PyArray1::from_slice(py, array))?;
        }
        out.set_item("missing_go_to_left", PyArray1::from_slice(py, &t.missing_left))?;
        Ok(out)
    }

    #[getter]
    fn max_depth(&self) -> usize {
        self.tree.max_depth()
    }

    #[getter]
    fn n_leaves(&self) -> usize {
        self.tree.n_leaves()
    }

    /// The leaf of every row.
    fn apply<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray2<'py, f32>,
        n_jobs: usize,
    ) -> PyResult<Longs<'py>> {
        let x = x.as_array();
        // A few rows take less time than a thread takes to start.
        let leaves = if x.nrows() <= 4096 {
            self.tree.apply(&Ctx::new(1), x)?
        } else {
            run(py, n_jobs, None, |ctx| self.tree.apply(ctx, x))?
        };
        Ok(leaves.into_pyarray(py))
    }

    /// The nodes on every row's way: column indices and index pointer of a CSR matrix.
    fn decision_path<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray2<'py, f32>,
        n_jobs: usize,
    ) -> PyResult<(Longs<'py>, Longs<'py>)> {
        let x = x.as_array();
        let (ids, starts) = run(py, n_jobs, None, |ctx| self.tree.paths(ctx, x))?;
        Ok((ids.into_pyarray(py), starts.into_pyarray(py)))
    }

    /// What each feature took away of the impurity.
    fn importances<'py>(&self, py: Python<'py>, normalize: bool) -> Floats<'py> {
        Array1::from(self.tree.importances(normalize)).into_pyarray(py)
    }

    /// The tree without the branches that are worth at most `alpha` a leaf.
    fn prune(&self, py: Python<'_>, alpha: f64) -> PyResult<PyTree> {
        let tree = run(py, 1, None, |ctx| prune::prune(ctx, &self.tree, alpha))?;
        Ok(PyTree { tree })
    }

    /// The alphas and impurities of the whole pruning path.
    fn pruning_path<'py>(&self, py: Python<'py>) -> PyResult<(Floats<'py>, Floats<'py>)> {
        let path = run(py, 1, None, |ctx| prune::path(ctx, &self.tree))?;
        Ok((path.alphas.into_pyarray(py), path.impurities.into_pyarray(py)))
    }
}

fn impurity(name: &str) -> PyResult<Impurity> {
    Ok(match name {
        "gini" => Impurity::Gini,
        "entropy" => Impurity::Entropy,
        "squared_error" => Impurity::Squared,
        "absolute_error" => Impurity::Absolute,
        "poisson" => Impurity::Poisson,
        _ => return Err(ParameterError::new_err(format!("no such criterion: {name:?}"))),
    })
}

/// Grows a decision tree on class codes (with the count of classes by output) or numbers.
#[pyfunction]
#[pyo3(signature = (x, y, counts, weights, *, criterion, random, max_depth, min_split, min_leaf,
    min_weight, max_features, max_leaves, min_decrease, seed, monotonic, presort, n_jobs))]
#[allow(clippy::too_many_arguments)]
fn tree_grow(
    py: Python<'_>,
    x: PyReadonlyArray2<'_, f32>,
    y: PyReadonlyArray2<'_, f64>,
    counts: Option<Vec<usize>>,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    criterion: &str,
    random: bool,
    max_depth: usize,
    min_split: usize,
    min_leaf: usize,
    min_weight: f64,
    max_features: usize,
    max_leaves: Option<usize>,
    min_decrease: f64,
    seed: u32,
    monotonic: Option<Vec<i8>>,
    presort: Option<bool>,
    n_jobs: usize,
) -> PyResult<PyTree> {
    let params = Params {
        impurity: impurity(criterion)?,
        random,
        max_depth,
        min_split,
        min_leaf,
        min_weight,
        max_features,
        max_leaves,
        min_decrease,
        seed,
        monotonic,
        presort,
    };
    let (x, outputs) = (x.as_array(), y.as_array().ncols());
    let y = y.as_slice()?;
    let weights = weights.as_ref().map(|w| w.as_slice()).transpose()?;
    let tree = run(py, n_jobs, None, |ctx| match &counts {
        Some(counts) => {
            let codes: Vec<u32> = y.iter().map(|&code| code as u32).collect();
            let target = Target::Classes { codes: &codes, counts };
            grow(ctx, x, target, weights, &params)
        }
        None => grow(ctx, x, Target::Numbers { y, outputs }, weights, &params),
    })?;
    Ok(PyTree { tree })
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    bagged::register(m)?;
    boost::register(m)?;
    forest::register(m)?;
    shap::register(m)?;
    m.add_class::<PyTree>()?;
    m.add_function(wrap_pyfunction!(tree_grow, m)?)
}
