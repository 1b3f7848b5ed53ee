//! Bindings of `augment::audio`.

use std::sync::Arc;

use numpy::{PyReadonlyArray2, PyReadonlyArrayDyn, PyReadwriteArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::read;
use crate::augment::audio::{self, Kind, Op, Out, Recording, Shape, Values};
use crate::augment::plan::{Key, Node};
use crate::base::Ctx;
use crate::py::err::ParameterError;
use crate::py::run::{self, run, run_short};

/// A clip, borrowed: its channels one after the other.
#[derive(FromPyObject)]
enum Clip<'py> {
    #[pyo3(transparent)]
    I16(PyReadonlyArrayDyn<'py, i16>),
    #[pyo3(transparent)]
    F32(PyReadonlyArrayDyn<'py, f32>),
    #[pyo3(transparent)]
    F64(PyReadonlyArrayDyn<'py, f64>),
}

/// Where a clip is written.
#[derive(FromPyObject)]
enum Buffer<'py> {
    #[pyo3(transparent)]
    I16(PyReadwriteArrayDyn<'py, i16>),
    #[pyo3(transparent)]
    F32(PyReadwriteArrayDyn<'py, f32>),
    #[pyo3(transparent)]
    F64(PyReadwriteArrayDyn<'py, f64>),
}

/// Recordings, taken over once and shared by all runs.
#[pyclass(module = "tamis._core", frozen)]
struct AudioClips(Arc<Vec<Recording>>);

#[pymethods]
impl AudioClips {
    #[new]
    fn new(clips: Vec<PyReadonlyArray2<'_, f32>>) -> PyResult<Self> {
        let one = |a: &PyReadonlyArray2<'_, f32>| -> PyResult<Recording> {
            Ok(Recording::new(a.shape()[0], a.as_slice()?.to_vec())?)
        };
        Ok(AudioClips(Arc::new(clips.iter().map(one).collect::<PyResult<_>>()?)))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}

fn plan_of(plan: &Bound<'_, PyTuple>) -> PyResult<Node<Op>> {
    read(plan, &mut 0, &mut |name, told| {
        let kind = Kind::from_name(name)
            .ok_or_else(|| ParameterError::new_err(format!("no such operation: {name:?}")))?;
        let (set, clips): (Vec<f64>, Option<Bound<'_, AudioClips>>) = told.extract()?;
        Ok(Op { kind, set, recordings: clips.map(|c| c.get().0.clone()) })
    })
}

type Shapes = Vec<(usize, usize, u32)>;

fn shapes_of(shapes: Shapes) -> Vec<Shape> {
    shapes.into_iter().map(|(channels, len, rate)| Shape { channels, len, rate }).collect()
}

/// Channels, samples and sample rate (0 where it is not known) of each clip after the plan.
#[pyfunction]
#[pyo3(signature = (plan, key, shapes, n_jobs=1))]
fn audio_augment_shapes(
    py: Python<'_>,
    plan: Bound<'_, PyTuple>,
    key: (u64, u64, u64),
    shapes: Shapes,
    n_jobs: usize,
) -> PyResult<Shapes> {
    let plan = plan_of(&plan)?;
    let shapes = shapes_of(shapes);
    let (seed, epoch, item) = key;
    let look = |ctx: &Ctx| {
        let items = audio::draw(ctx, &plan, Key { seed, epoch, item }, &shapes)?;
        Ok(items.into_iter().map(|i| i.after).collect::<Vec<_>>())
    };
    // A clip takes a few microseconds.
    let made =
        if shapes.len() < 1000 { run_short(look)? } else { run::run(py, n_jobs, None, look)? };
    Ok(made.into_iter().map(|s| (s.channels, s.len, s.rate)).collect())
}

/// Runs the plan on clips, into buffers of the sizes that `audio_augment_shapes` says.
#[pyfunction]
#[pyo3(signature = (plan, key, shapes, clips, outs, n_jobs=1, progress=None))]
#[allow(clippy::too_many_arguments)] // as wide as the call it serves
fn audio_augment(
    py: Python<'_>,
    plan: Bound<'_, PyTuple>,
    key: (u64, u64, u64),
    shapes: Shapes,
    clips: Vec<Clip<'_>>,
    mut outs: Vec<Buffer<'_>>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<()> {
    let plan = plan_of(&plan)?;
    let shapes = shapes_of(shapes);
    let (seed, epoch, item) = key;
    let mut inputs = Vec::with_capacity(clips.len());
    for clip in &clips {
        inputs.push(match clip {
            Clip::I16(a) => Values::I16(a.as_slice()?),
            Clip::F32(a) => Values::F32(a.as_slice()?),
            Clip::F64(a) => Values::F64(a.as_slice()?),
        });
    }
    let mut slices = Vec::with_capacity(outs.len());
    for out in &mut outs {
        slices.push(match out {
            Buffer::I16(a) => Out::I16(a.as_slice_mut()?),
            Buffer::F32(a) => Out::F32(a.as_slice_mut()?),
            Buffer::F64(a) => Out::F64(a.as_slice_mut()?),
        });
    }
    run(py, n_jobs, progress, move |ctx| {
        let items = audio::draw(ctx, &plan, Key { seed, epoch, item }, &shapes)?;
        audio::run(ctx, &items, &inputs, slices, item)
    })
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<AudioClips>()?;
    m.add_function(wrap_pyfunction!(audio_augment_shapes, m)?)?;
    m.add_function(wrap_pyfunction!(audio_augment, m)?)
}
