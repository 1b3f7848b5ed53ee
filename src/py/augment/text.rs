//! Bindings of `augment::text`.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::PyTuple;

use super::read;
use crate::augment::plan::{Key, Node};
use crate::augment::text::{self, Kind, Op, Table};
use crate::py::err::ParameterError;
use crate::py::run::run;

/// What stands for what, made once and shared by all runs.
#[pyclass(module = "tamis._core", frozen)]
struct TextTable(Arc<Table>);

#[pymethods]
impl TextTable {
    #[new]
    fn new(rows: HashMap<String, Vec<String>>) -> Self {
        TextTable(Arc::new(Table::new(rows.into_iter())))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}

fn plan_of(plan: &Bound<'_, PyTuple>) -> PyResult<Node<Op>> {
    read(plan, &mut 0, &mut |name, told| {
        let kind = Kind::from_name(name)
            .ok_or_else(|| ParameterError::new_err(format!("no such operation: {name:?}")))?;
        let (set, mask, table): (Vec<f64>, String, Option<Bound<'_, TextTable>>) =
            told.extract()?;
        let table = table.map(|t| t.get().0.clone()).unwrap_or_default();
        Ok(Op { kind, set, mask, table })
    })
}

type Spans = Vec<(usize, usize)>;

/// Runs the plan on texts; they come back, and where the spans of each are now.
#[pyfunction]
#[pyo3(signature = (plan, key, texts, spans, n_jobs=1, progress=None))]
#[allow(clippy::type_complexity)] // said in the stub
fn text_apply(
    py: Python<'_>,
    plan: Bound<'_, PyTuple>,
    key: (u64, u64, u64),
    texts: Vec<PyBackedStr>,
    spans: Vec<Spans>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Vec<String>, Vec<Vec<Option<(usize, usize)>>>)> {
    let plan = plan_of(&plan)?;
    let (seed, epoch, item) = key;
    let none = spans.is_empty();
    let made = run(py, n_jobs, progress, move |ctx| {
        text::run(ctx, &plan, Key { seed, epoch, item }, &texts, &spans)
    })?;
    let (texts, spans) = made.into_iter().map(|m| (m.text, m.spans)).unzip();
    Ok((texts, if none { Vec::new() } else { spans }))
}

/// Runs the plan on lists of tokens; each token comes back with the number of its source.
#[pyfunction]
#[pyo3(signature = (plan, key, lists, n_jobs=1, progress=None))]
#[allow(clippy::type_complexity)] // said in the stub
fn text_tokens(
    py: Python<'_>,
    plan: Bound<'_, PyTuple>,
    key: (u64, u64, u64),
    lists: Vec<Vec<String>>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Vec<Vec<(String, Option<usize>)>>> {
    let plan = plan_of(&plan)?;
    let (seed, epoch, item) = key;
    run(py, n_jobs, progress, move |ctx| {
        text::run_tokens(ctx, &plan, Key { seed, epoch, item }, &lists)
    })
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<TextTable>()?;
    m.add_function(wrap_pyfunction!(text_apply, m)?)?;
    m.add_function(wrap_pyfunction!(text_tokens, m)?)
}
