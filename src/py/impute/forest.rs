//! Bindings of the table that trees complete, and of predictive mean matching.

use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::impute::{forest, matching};
use crate::py::run::run;
use crate::py::trees::forest::{PyCuts, PyForest};
use crate::trees::forest::{Keys, Plan};
use crate::trees::hist::Params;

type Floats<'py> = Bound<'py, PyArray1<f64>>;

/// A table that forests complete, column by column.
#[pyclass(module = "tamis._core")]
struct TreeTable {
    inner: forest::Table,
}

#[pymethods]
impl TreeTable {
    #[new]
    #[pyo3(signature = (filled, missing, cuts, categories, n_jobs=1))]
    fn new(
        py: Python<'_>,
        filled: PyReadonlyArray2<'_, f64>,
        missing: PyReadonlyArray2<'_, bool>,
        cuts: PyRef<'_, PyCuts>,
        categories: Vec<usize>,
        n_jobs: usize,
    ) -> PyResult<Self> {
        let (filled, missing, cuts) = (filled.as_array(), missing.as_array(), cuts.cuts.clone());
        let make = |ctx: &_| forest::Table::new(ctx, filled, missing, cuts, categories);
        Ok(TreeTable { inner: run(py, n_jobs, None, make)? })
    }

    /// Grows a forest for a column on others where it is observed, bagged or boosted at a rate;
    /// returned with its error on rows that trees did not see, and what they said of those.
    #[pyo3(signature = (column, others, *, trees, bootstrap, keep, min_leaf, max_depth, max_leaves,
                        max_features, rate, seed, epoch, n_jobs=1))]
    #[allow(clippy::too_many_arguments)] // keywords, in Python
    fn fit<'py>(
        &self,
        py: Python<'py>,
        column: usize,
        others: Vec<usize>,
        trees: usize,
        bootstrap: bool,
        keep: bool,
        min_leaf: u32,
        max_depth: Option<usize>,
        max_leaves: Option<usize>,
        max_features: usize,
        rate: Option<f64>,
        seed: u64,
        epoch: u64,
        n_jobs: usize,
    ) -> PyResult<(PyForest, f64, Floats<'py>)> {
        let params = Params {
            min_leaf,
            max_depth: max_depth.unwrap_or(usize::MAX),
            max_leaves: max_leaves.unwrap_or(usize::MAX),
            max_features,
        };
        let plan = Plan { trees, bootstrap, keep, rate: rate.unwrap_or(1.0), params };
        let (inner, keys) = (&self.inner, Keys { seed, epoch });
        let grow = |ctx: &_| inner.fit(ctx, column, &others, &plan, rate.is_some(), keys);
        let fit = run(py, n_jobs, None, grow)?;
        Ok((PyForest { forest: fit.forest }, fit.error, fit.said.into_pyarray(py)))
    }

    /// What a forest says of the rows where a column is missing.
    #[pyo3(signature = (column, others, forest, n_jobs=1))]
    fn predict<'py>(
        &self,
        py: Python<'py>,
        column: usize,
        others: Vec<usize>,
        forest: &PyForest,
        n_jobs: usize,
    ) -> PyResult<Floats<'py>> {
        let (inner, forest) = (&self.inner, &forest.forest);
        let said = run(py, n_jobs, None, |ctx| inner.predict(ctx, column, &others, forest, None))?;
        Ok(said.into_pyarray(py))
    }

    /// A draw for each of the rows where a column is missing.
    #[pyo3(signature = (column, others, forest, seed, epoch, n_jobs=1))]
    #[allow(clippy::too_many_arguments)]
    fn draw<'py>(
        &self,
        py: Python<'py>,
        column: usize,
        others: Vec<usize>,
        forest: &PyForest,
        seed: u64,
        epoch: u64,
        n_jobs: usize,
    ) -> PyResult<Floats<'py>> {
        let (inner, forest, keys) = (&self.inner, &forest.forest, Some(Keys { seed, epoch }));
        let said = run(py, n_jobs, None, |ctx| inner.predict(ctx, column, &others, forest, keys))?;
        Ok(said.into_pyarray(py))
    }

    /// Puts values in the rows where a column is missing.
    fn set(&mut self, column: usize, values: PyReadonlyArray1<'_, f64>) -> PyResult<()> {
        Ok(self.inner.set(column, &values.as_array().to_vec())?)
    }

    /// The table as it stands.
    fn filled<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.inner.filled().clone().into_pyarray(py)
    }
}

/// For each number wanted, the place of one of the `k` nearest numbers said.
#[pyfunction]
#[pyo3(signature = (said, wanted, k, seed, epoch, n_jobs=1))]
fn match_donors<'py>(
    py: Python<'py>,
    said: PyReadonlyArray1<'_, f64>,
    wanted: PyReadonlyArray1<'_, f64>,
    k: usize,
    seed: u64,
    epoch: u64,
    n_jobs: usize,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let (said, wanted) = (said.as_array().to_vec(), wanted.as_array().to_vec());
    let find = |ctx: &_| matching::matched(ctx, &said, &wanted, k, seed, epoch);
    Ok(run(py, n_jobs, None, find)?.into_pyarray(py))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<TreeTable>()?;
    m.add_function(wrap_pyfunction!(match_donors, m)?)
}
