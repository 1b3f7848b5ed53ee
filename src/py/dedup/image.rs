//! Images: sketches, pairs, previews.

use std::borrow::Cow;

use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::dedup::image::pairs::{self, Pair, Wanted};
use crate::dedup::image::sketch::{self, Given, Sketch};
use crate::media::image::{Image, Pixels, Values};
use crate::py::err::ShapeError;
use crate::py::run::run;

/// An image as it comes from Python: a file's bytes; or pixels (rows, columns, channels) with the
/// orientation as cameras write it.
#[derive(FromPyObject)]
enum Item<'py> {
    #[pyo3(transparent)]
    File(PyBackedBytes),
    U8(PyReadonlyArray3<'py, u8>, u8),
    U16(PyReadonlyArray3<'py, u16>, u8),
}

impl Item<'_> {
    fn given(&self) -> PyResult<Given<'_>> {
        let contiguous = |_| ShapeError::new_err("pixels must be contiguous");
        let (shape, values, tag) = match self {
            Item::File(bytes) => return Ok(Given::File(bytes)),
            Item::U8(a, tag) => {
                let values = a.as_slice().map_err(contiguous)?;
                (a.shape(), Values::U8(Cow::Borrowed(values)), *tag)
            }
            Item::U16(a, tag) => {
                let values = a.as_slice().map_err(contiguous)?;
                (a.shape(), Values::U16(Cow::Borrowed(values)), *tag)
            }
        };
        Ok(Given::Pixels(Pixels::new((shape[1], shape[0]), shape[2], values)?, tag))
    }
}

/// Small versions (n, bytes); sizes (n, 2); keys (n, 6): content, flat, flat in any turn, each in
/// two words; which are flat; and (position, message) of those that cannot be read.
type Sketches<'py> = (
    Bound<'py, PyArray2<u8>>,
    Bound<'py, PyArray2<i64>>,
    Bound<'py, PyArray2<u64>>,
    Bound<'py, PyArray1<bool>>,
    Vec<(usize, String)>,
);

/// What is kept of each image.
#[pyfunction]
#[pyo3(signature = (items, max_pixels, n_jobs=1, progress=None))]
fn image_sketches<'py>(
    py: Python<'py>,
    items: Vec<Item<'py>>,
    max_pixels: u64,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Sketches<'py>> {
    let given = items.iter().map(Item::given).collect::<PyResult<Vec<_>>>()?;
    let n = given.len();
    let made = run(py, n_jobs, progress, |ctx| {
        ctx.set_total(n as u64);
        sketch::sketches(ctx, &given, max_pixels)
    })?;
    let (mut small, mut size, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    let (mut flat, mut errors) = (Vec::new(), Vec::new());
    for (i, one) in made.into_iter().enumerate() {
        match one {
            Ok(Sketch { small: s, size: (w, h), key, flat: f }) => {
                small.extend(s.luma);
                small.extend(s.chroma);
                size.extend([w as i64, h as i64]);
                let [upright, turned] = f.unwrap_or_default();
                keys.extend(
                    [key, upright, turned].iter().flat_map(|&k| [(k >> 64) as u64, k as u64]),
                );
                flat.push(f.is_some());
            }
            Err(e) => {
                errors.push((i, e.to_string()));
                small.resize((i + 1) * sketch::BYTES, 0);
                size.resize((i + 1) * 2, 0);
                keys.resize((i + 1) * 6, 0);
                flat.push(false);
            }
        }
    }
    let wrong = |_| ShapeError::new_err("sketches of unequal size");
    let matrix = |n, m, v| ndarray::Array2::from_shape_vec((n, m), v);
    Ok((
        ndarray::Array2::from_shape_vec((n, sketch::BYTES), small).map_err(wrong)?.into_pyarray(py),
        ndarray::Array2::from_shape_vec((n, 2), size).map_err(wrong)?.into_pyarray(py),
        matrix(n, 6, keys).map_err(wrong)?.into_pyarray(py),
        flat.into_pyarray(py),
        errors,
    ))
}

/// Pairs of small versions: left, right, score, number of the turn, and which hashes are near (1 for
/// the pHash, 2 for the dHash, 3 for both).
type Pairs<'py> = (
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<i64>>,
);

/// Verified pairs of images; `sides` (1, 2, or 3 for both) asks for pairs across alone.
#[pyfunction]
#[pyo3(signature = (small, distance, turned, sides=None, n_jobs=1, progress=None))]
fn image_pairs<'py>(
    py: Python<'py>,
    small: PyReadonlyArray2<'py, u8>,
    distance: u32,
    turned: bool,
    sides: Option<PyReadonlyArray1<'py, u8>>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Pairs<'py>> {
    let sides = sides.as_ref().map(|s| s.as_slice()).transpose();
    let sides = sides.map_err(|_| ShapeError::new_err("sides must be contiguous"))?;
    let small = small.as_array();
    let found = run(py, n_jobs, progress, |ctx| {
        pairs::pairs(ctx, small, Wanted { distance, turned, sides })
    })?;
    let number = |f: fn(&Pair) -> usize| {
        found.iter().map(|p| f(p) as i64).collect::<Vec<_>>().into_pyarray(py)
    };
    Ok((
        number(|p| p.left),
        number(|p| p.right),
        found.iter().map(|p| p.score).collect::<Vec<_>>().into_pyarray(py),
        number(|p| p.turn.number()),
        number(|p| usize::from(p.hashes[0]) + 2 * usize::from(p.hashes[1])),
    ))
}

/// An image in red, green and blue, upright, its longer side at most `side`: (rows, columns, bytes).
#[pyfunction]
#[pyo3(signature = (item, side, max_pixels))]
fn image_preview<'py>(
    py: Python<'py>,
    item: Item<'py>,
    side: usize,
    max_pixels: u64,
) -> PyResult<(usize, usize, Vec<u8>)> {
    let given = item.given()?;
    run(py, 1, None, |_| {
        let image = match given {
            Given::File(bytes) => Image::decode(bytes, max_pixels, true)?,
            Given::Pixels(pixels, tag) => Image::from_pixels(pixels, tag),
        };
        let (rgb, (columns, rows)) = image.preview(side);
        Ok((rows, columns, rgb))
    })
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(image_sketches, m)?)?;
    m.add_function(wrap_pyfunction!(image_pairs, m)?)?;
    m.add_function(wrap_pyfunction!(image_preview, m)?)
}
