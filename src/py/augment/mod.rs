//! Bindings of `augment`: plans from Python, what was drawn, and a file for each kind of data.

mod audio;
mod image;
mod series;
mod spectrum;
mod text;

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::augment::plan::{Drawn, Key, Law, Node, Pick, Range};
use crate::py::err::ParameterError;
use crate::py::run;

fn range((low, high, law): (f64, f64, String)) -> PyResult<Range> {
    let law = match law.as_str() {
        "uniform" => Law::Uniform,
        "whole" => Law::Whole,
        "log" => Law::Log,
        "beta" => Law::Beta,
        _ => return Err(ParameterError::new_err(format!("no such law: {law:?}"))),
    };
    Ok(Range::new(low, high, law)?)
}

/// A plan: `("leaf", p, name, ranges, settings)` or `("all" | "one" | "some" | "mix", p, numbers,
/// children)`. What the settings mean is for `leaf(name, settings)` to say.
pub fn read<Op>(
    plan: &Bound<'_, PyTuple>,
    next: &mut usize,
    leaf: &mut dyn FnMut(&str, &Bound<'_, PyAny>) -> PyResult<Op>,
) -> PyResult<Node<Op>> {
    let kind: String = plan.get_item(0)?.extract()?;
    let p: f64 = plan.get_item(1)?.extract()?;
    if kind == "leaf" {
        let name: String = plan.get_item(2)?.extract()?;
        let ranges: Vec<(f64, f64, String)> = plan.get_item(3)?.extract()?;
        let op = leaf(&name, &plan.get_item(4)?)?;
        let id = *next;
        *next += 1;
        let ranges = ranges.into_iter().map(range).collect::<PyResult<_>>()?;
        return Ok(Node::Leaf { p, id, op, ranges });
    }
    let numbers: Vec<f64> = plan.get_item(2)?.extract()?;
    let get = |i: usize| numbers.get(i).copied().unwrap_or(1.0);
    let whole = |low, high| Range::new(low, high, Law::Whole);
    let pick = match kind.as_str() {
        "all" => Pick::All,
        "one" => Pick::One(numbers),
        "some" => Pick::Some { count: whole(get(0), get(1))?, replace: get(2) != 0.0 },
        "mix" => Pick::Mix { width: get(0) as usize, depth: whole(get(1), get(2))?, alpha: get(3) },
        _ => return Err(ParameterError::new_err(format!("no such group: {kind:?}"))),
    };
    let parts: Vec<Bound<'_, PyTuple>> = plan.get_item(3)?.extract()?;
    let children = parts.iter().map(|c| read(c, next, leaf)).collect::<PyResult<_>>()?;
    Ok(Node::Group { p, pick, children })
}

/// Records: `(leaf, values)`, or `(keep, weights, chains)` of a mix.
fn records<'py, Op>(py: Python<'py>, steps: &[Drawn<'_, Op>]) -> PyResult<Bound<'py, PyList>> {
    let out = PyList::empty(py);
    for step in steps {
        match step {
            Drawn::Step(s) => out.append((s.id, s.values.clone()))?,
            Drawn::Mix { keep, weights, chains } => {
                let chains = chains
                    .iter()
                    .map(|c| records(py, c)?.into_bound_py_any(py))
                    .collect::<PyResult<Vec<_>>>()?;
                out.append((*keep, weights.clone(), chains))?;
            }
        }
    }
    Ok(out)
}

/// What is drawn for each of `n` items, whatever the operations do.
#[pyfunction]
fn augment_draw<'py>(
    py: Python<'py>,
    plan: Bound<'py, PyTuple>,
    key: (u64, u64, u64),
    n: usize,
) -> PyResult<Vec<Bound<'py, PyList>>> {
    let node = read(&plan, &mut 0, &mut |_, _| Ok(()))?;
    let (seed, epoch, first) = key;
    let drawn = run::run(py, 1, None, |ctx| {
        let one = |i: usize| {
            ctx.check()?;
            Ok(node.draw(Key { seed, epoch, item: first.wrapping_add(i as u64) }))
        };
        (0..n).map(one).collect::<crate::base::Result<Vec<_>>>()
    })?;
    drawn.iter().map(|steps| records(py, steps)).collect()
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    audio::register(m)?;
    image::register(m)?;
    series::register(m)?;
    spectrum::register(m)?;
    text::register(m)?;
    m.add_function(wrap_pyfunction!(augment_draw, m)?)
}
