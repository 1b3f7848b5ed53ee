//! Clips: decoded, printed and compared.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::base::{Ctx, Error, Result, par};
use crate::dedup::audio::{self, Demand, Prints};
use crate::media::audio::{Sound, check_rate, decode};
use crate::py::err::ShapeError;
use crate::py::run::run;

/// A clip as it comes from Python: a file's bytes, or mono samples and their rate.
#[derive(FromPyObject)]
enum Item<'py> {
    #[pyo3(transparent)]
    File(PyBackedBytes),
    Samples(PyReadonlyArray1<'py, f32>, u32),
}

enum Source<'a> {
    File(&'a [u8]),
    Samples(&'a [f32], u32),
}

impl Item<'_> {
    fn source(&self) -> PyResult<Source<'_>> {
        Ok(match self {
            Item::File(bytes) => Source::File(bytes),
            Item::Samples(x, rate) => {
                let fault = |_| ShapeError::new_err("samples must be contiguous");
                Source::Samples(x.as_slice().map_err(fault)?, *rate)
            }
        })
    }
}

/// A clip's print, the hash of its samples, and its samples, rate, channels and silence.
type Printed = (Prints, [u64; 2], [i64; 4]);

fn print(ctx: &Ctx, source: &Source<'_>) -> Result<Printed> {
    let held;
    let (samples, rate, channels) = match source {
        Source::File(bytes) => {
            held = decode(ctx, bytes)?;
            (held.samples.as_slice(), held.rate, held.channels)
        }
        Source::Samples(x, rate) => (*x, *rate, 1),
    };
    check_rate(rate)?;
    if let Some(at) = samples.iter().position(|v| !v.is_finite()) {
        return Err(Error::Data(format!("sample {at} is {}", samples[at])));
    }
    let silent = i64::from(audio::silent(samples));
    let shape = [samples.len() as i64, i64::from(rate), channels as i64, silent];
    Ok((audio::prints(ctx, samples, rate)?, audio::content(samples, rate), shape))
}

type Flat<'py, T> = Bound<'py, PyArray1<T>>;
type PrintArrays<'py> =
    (Flat<'py, f32>, Flat<'py, i64>, Flat<'py, u64>, Flat<'py, u64>, Flat<'py, i64>);

/// The prints of clips: spectra, frames and codes (what `audio_pairs` takes), two hashes of the
/// samples of each, and its samples, rate, channels and whether it is silent; and what was wrong
/// with which clip. A clip that cannot be used counts as silent.
#[pyfunction]
#[pyo3(signature = (items, n_jobs=1, progress=None))]
fn audio_prints<'py>(
    py: Python<'py>,
    items: Vec<Item<'py>>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(PrintArrays<'py>, Vec<(usize, String)>)> {
    let sources = items.iter().map(Item::source).collect::<PyResult<Vec<_>>>()?;
    let (all, contents, shapes, faults) = run(py, n_jobs, progress, |ctx| {
        ctx.set_total(sources.len() as u64);
        let printed = par::map(ctx, sources.len(), |i| {
            let printed = print(ctx, &sources[i]);
            ctx.advance(1).and(printed)
        })?;
        let mut all = Prints::default();
        let (mut contents, mut shapes, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for (i, printed) in printed.into_iter().enumerate() {
            match printed {
                Ok((prints, content, shape)) => {
                    all.bands.extend(prints.bands);
                    all.frames.extend(prints.frames);
                    all.codes.extend(prints.codes);
                    contents.extend(content);
                    shapes.extend(shape);
                }
                Err(Error::Stopped) => return Err(Error::Stopped),
                Err(fault) => {
                    faults.push((i, fault.to_string()));
                    all.frames.push(0);
                    contents.extend([0, 0]);
                    shapes.extend([0, 0, 0, 1]);
                }
            }
        }
        Ok((all, contents, shapes, faults))
    })?;
    let frames: Vec<i64> = all.frames.into_iter().map(|n| n as i64).collect();
    let arrays = (
        all.bands.into_pyarray(py),
        frames.into_pyarray(py),
        all.codes.into_pyarray(py),
        contents.into_pyarray(py),
        shapes.into_pyarray(py),
    );
    Ok((arrays, faults))
}

type PairArrays<'py> =
    (Flat<'py, i64>, Flat<'py, i64>, Flat<'py, f64>, Flat<'py, f64>, Flat<'py, f64>);

/// The pairs of copies among the clips of the numbers given (across `sides`, if any: 1, 2 or 3 for
/// both), as positions in these: left, right, score, and speed and pitch of right to left.
#[pyfunction]
#[pyo3(signature = (bands, frames, codes, clips, keys, sides, threshold, overlap, n_jobs=1, progress=None))]
#[allow(clippy::too_many_arguments)]
fn audio_pairs<'py>(
    py: Python<'py>,
    bands: PyReadonlyArray1<'py, f32>,
    frames: PyReadonlyArray1<'py, i64>,
    codes: PyReadonlyArray1<'py, u64>,
    clips: PyReadonlyArray1<'py, i64>,
    keys: PyReadonlyArray1<'py, u64>,
    sides: Option<PyReadonlyArray1<'py, u8>>,
    threshold: f64,
    overlap: f64,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<PairArrays<'py>> {
    // What is no number is too large: the kernel says so.
    let sizes = |x: &PyReadonlyArray1<'py, i64>| -> Vec<usize> {
        x.as_array().iter().map(|&n| usize::try_from(n).unwrap_or(usize::MAX)).collect()
    };
    let clips = sizes(&clips);
    let prints = Prints {
        bands: bands.as_array().to_vec(),
        frames: sizes(&frames),
        codes: codes.as_array().to_vec(),
    };
    let keys = keys.as_array().to_vec();
    let sides = sides.map(|s| s.as_array().to_vec());
    let demand = Demand { threshold, overlap };
    let found = run(py, n_jobs, progress, |ctx| {
        audio::pairs(ctx, &prints, &clips, &keys, sides.as_deref(), demand)
    })?;
    let number = |f: fn(&audio::Pair) -> usize| found.iter().map(|p| f(p) as i64).collect();
    let (left, right): (Vec<i64>, Vec<i64>) = (number(|p| p.left), number(|p| p.right));
    let value = |f: fn(&audio::Pair) -> f64| found.iter().map(f).collect();
    let score: Vec<f64> = value(|p| p.fit.score);
    let (speed, pitch): (Vec<f64>, Vec<f64>) = (value(|p| p.fit.speed), value(|p| p.fit.pitch));
    Ok((
        left.into_pyarray(py),
        right.into_pyarray(py),
        score.into_pyarray(py),
        speed.into_pyarray(py),
        pitch.into_pyarray(py),
    ))
}

/// The mono samples of a file, its sample rate and its channels.
#[pyfunction]
fn audio_decode<'py>(
    py: Python<'py>,
    file: PyBackedBytes,
) -> PyResult<(Flat<'py, f32>, u32, usize)> {
    let Sound { samples, rate, channels } = run(py, 1, None, |ctx| decode(ctx, &file))?;
    Ok((samples.into_pyarray(py), rate, channels))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(audio_prints, m)?)?;
    m.add_function(wrap_pyfunction!(audio_pairs, m)?)?;
    m.add_function(wrap_pyfunction!(audio_decode, m)?)
}
