//! Bindings of `augment::series`.

use numpy::{PyReadonlyArray2, PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::read;
use crate::augment::plan::{Key, Node};
use crate::augment::series::{self, Kind, Op};
use crate::base::Error;
use crate::py::err::ParameterError;
use crate::py::run::run;

fn plan_of(plan: &Bound<'_, PyTuple>) -> PyResult<Node<Op>> {
    read(plan, &mut 0, &mut |name, set| {
        let kind = Kind::from_name(name)
            .ok_or_else(|| ParameterError::new_err(format!("no such operation: {name:?}")))?;
        Ok(Op { kind, set: set.extract()? })
    })
}

/// Runs the plan on series of steps and channels, into `outs` of the same shapes.
#[pyfunction]
#[pyo3(signature = (plan, key, items, outs, n_jobs=1, progress=None))]
fn augment_series(
    py: Python<'_>,
    plan: Bound<'_, PyTuple>,
    key: (u64, u64, u64),
    items: Vec<PyReadonlyArray2<'_, f64>>,
    mut outs: Vec<PyReadwriteArray2<'_, f64>>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<()> {
    let plan = plan_of(&plan)?;
    let (seed, epoch, item) = key;
    if items.len() != outs.len() || items.iter().zip(&outs).any(|(i, o)| i.shape() != o.shape()) {
        return Err(Error::Shape("the buffers do not fit the series".into()).into());
    }
    let mut series = Vec::with_capacity(outs.len());
    for (from, to) in items.iter().zip(&mut outs) {
        let channels = from.shape()[1];
        let to = to.as_slice_mut()?;
        to.copy_from_slice(from.as_slice()?);
        series.push((channels, to));
    }
    run(py, n_jobs, progress, move |ctx| {
        series::run(ctx, &plan, Key { seed, epoch, item }, &mut series)
    })
}

/// For each series of so many steps, the step that each step comes from.
#[pyfunction]
#[pyo3(signature = (plan, key, steps, n_jobs=1))]
fn augment_steps(
    py: Python<'_>,
    plan: Bound<'_, PyTuple>,
    key: (u64, u64, u64),
    steps: Vec<usize>,
    n_jobs: usize,
) -> PyResult<Vec<Vec<usize>>> {
    let plan = plan_of(&plan)?;
    let (seed, epoch, item) = key;
    run(py, n_jobs, None, move |ctx| series::sources(ctx, &plan, Key { seed, epoch, item }, &steps))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(augment_series, m)?)?;
    m.add_function(wrap_pyfunction!(augment_steps, m)?)
}
