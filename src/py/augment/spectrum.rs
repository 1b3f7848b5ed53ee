//! Bindings of spectra of sound: `augment::audio::features` and `augment::audio::masks`.

use numpy::{PyReadonlyArrayDyn, PyReadwriteArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::read;
use crate::augment::audio::features::{self, Settings};
use crate::augment::audio::masks::{self, Limits, Shape};
use crate::augment::plan::{Key, Node};
use crate::base::float::Float;
use crate::media::audio::{Norm, Scale};
use crate::py::run::run;

/// How spectra are taken: a dict with a key for each field.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Given {
    rate: f64,
    n_fft: usize,
    win_length: usize,
    hop_length: usize,
    center: bool,
    n_mels: usize,
    fmin: f64,
    fmax: f64,
    htk: bool,
    norm: bool,
    reference: Option<f64>,
    amin: f64,
    top_db: Option<f64>,
    cepstrum: Option<(usize, f64)>,
}

impl Given {
    fn settings(&self) -> Settings {
        Settings {
            rate: self.rate,
            size: self.n_fft,
            window: self.win_length,
            hop: self.hop_length,
            centred: self.center,
            mels: self.n_mels,
            range: (self.fmin, self.fmax),
            scale: if self.htk { Scale::Htk } else { Scale::Slaney },
            norm: if self.norm { Norm::Area } else { Norm::Peak },
            reference: self.reference,
            floor: self.amin,
            range_db: self.top_db,
            cepstrum: self.cepstrum,
        }
    }
}

/// Columns that come out for clips of so many samples.
#[pyfunction]
fn audio_frames(given: Given, samples: Vec<usize>) -> Vec<usize> {
    let set = given.settings();
    samples.into_iter().map(|n| set.frames(n)).collect()
}

/// Decibels in mel bands, or the cepstrum, of clips (samples,) or (channels, samples), into `outs`
/// of the channels, rows and columns.
#[pyfunction]
#[pyo3(signature = (given, clips, outs, n_jobs=1, progress=None))]
fn audio_features(
    py: Python<'_>,
    given: Given,
    clips: Vec<PyReadonlyArrayDyn<'_, f32>>,
    mut outs: Vec<PyReadwriteArrayDyn<'_, f32>>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<()> {
    let set = given.settings();
    let mut inputs = Vec::with_capacity(clips.len());
    for clip in &clips {
        let channels = if clip.ndim() > 1 { clip.shape()[0] } else { 1 };
        inputs.push((channels, clip.as_slice()?));
    }
    let outs = outs.iter_mut().map(|o| o.as_slice_mut()).collect::<Result<Vec<_>, _>>()?;
    run(py, n_jobs, progress, move |ctx| features::run(ctx, &set, &inputs, outs))
}

fn shape_of(shape: &[usize]) -> Shape {
    match *shape {
        [bands, frames] => (1, bands, frames),
        [channels, bands, frames] => (channels, bands, frames),
        _ => (0, 0, 0),
    }
}

fn spec_augment<T: Float + numpy::Element>(
    py: Python<'_>,
    plan: &Node<Limits>,
    key: Key,
    items: &[PyReadonlyArrayDyn<'_, T>],
    outs: &mut [PyReadwriteArrayDyn<'_, T>],
    (n_jobs, progress): (usize, Option<Py<PyAny>>),
) -> PyResult<()> {
    let mut inputs = Vec::with_capacity(items.len());
    for item in items {
        inputs.push((shape_of(item.shape()), item.as_slice()?));
    }
    let outs = outs.iter_mut().map(|o| o.as_slice_mut()).collect::<Result<Vec<_>, _>>()?;
    run(py, n_jobs, progress, move |ctx| masks::run(ctx, plan, key, &inputs, outs))
}

/// Spectrograms and where they are written, all of one type.
#[derive(FromPyObject)]
enum Pairs<'py> {
    #[pyo3(transparent)]
    F32((Vec<PyReadonlyArrayDyn<'py, f32>>, Vec<PyReadwriteArrayDyn<'py, f32>>)),
    #[pyo3(transparent)]
    F64((Vec<PyReadonlyArrayDyn<'py, f64>>, Vec<PyReadwriteArrayDyn<'py, f64>>)),
}

/// Runs the plan on spectrograms of (channels,) bands and frames, into arrays of the same shapes.
#[pyfunction]
#[pyo3(signature = (plan, key, pairs, n_jobs=1, progress=None))]
fn audio_spec_augment(
    py: Python<'_>,
    plan: Bound<'_, PyTuple>,
    key: (u64, u64, u64),
    pairs: Pairs<'_>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<()> {
    let plan = read(&plan, &mut 0, &mut |_, set| Ok(Limits::read(&set.extract::<Vec<f64>>()?)?))?;
    let (seed, epoch, item) = key;
    let key = Key { seed, epoch, item };
    match pairs {
        Pairs::F32((a, mut b)) => spec_augment(py, &plan, key, &a, &mut b, (n_jobs, progress)),
        Pairs::F64((a, mut b)) => spec_augment(py, &plan, key, &a, &mut b, (n_jobs, progress)),
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(audio_frames, m)?)?;
    m.add_function(wrap_pyfunction!(audio_features, m)?)?;
    m.add_function(wrap_pyfunction!(audio_spec_augment, m)?)
}
