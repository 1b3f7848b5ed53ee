//! Clusters from verified pairs.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::dedup::cluster::{self, Linkage};
use crate::py::err::ShapeError;
use crate::py::run::run;

type Clusters<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<bool>>);

/// Clusters of items from verified pairs: for each item the one that stands for its cluster, and
/// whether it is paired with every other member.
#[pyfunction]
#[pyo3(signature = (keys, left, right, star, n_jobs=1, progress=None))]
fn clusters<'py>(
    py: Python<'py>,
    keys: PyReadonlyArray1<'py, u64>,
    left: PyReadonlyArray1<'py, i64>,
    right: PyReadonlyArray1<'py, i64>,
    star: bool,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Clusters<'py>> {
    let (keys, left, right) = (keys.as_array(), left.as_array(), right.as_array());
    if left.len() != right.len() {
        return Err(ShapeError::new_err("left and right must be of one length"));
    }
    let found = run(py, n_jobs, progress, |ctx| {
        // What does not fit 32 bits is no item: the kernel says so.
        let number = |i: &i64| u32::try_from(*i).unwrap_or(u32::MAX);
        let pairs: Vec<_> = left.iter().map(number).zip(right.iter().map(number)).collect();
        let linkage = if star { Linkage::Star } else { Linkage::Connected };
        cluster::clusters(ctx, &keys.to_vec(), &pairs, linkage)
    })?;
    let home: Vec<i64> = found.representative.into_iter().map(|i| i as i64).collect();
    Ok((home.into_pyarray(py), found.central.into_pyarray(py)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(clusters, m)?)
}
