//! Bindings of `augment::image`.

use numpy::ndarray::{Array, IxDyn};
use numpy::{IntoPyArray, PyArrayDyn, PyReadonlyArrayDyn, PyReadwriteArrayDyn};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::read;
use crate::augment::image::{self, Item, Kind, Op, Out, Shape, Values};
use crate::augment::plan::{Key, Node};
use crate::base::{Error, Result, par};
use crate::py::err::{ParameterError, ShapeError};
use crate::py::run::{self, run};

/// An image of rows, columns and channels, borrowed.
#[derive(FromPyObject)]
enum Picture<'py> {
    #[pyo3(transparent)]
    U8(PyReadonlyArrayDyn<'py, u8>),
    #[pyo3(transparent)]
    F32(PyReadonlyArrayDyn<'py, f32>),
}

/// Where an image is written.
#[derive(FromPyObject)]
enum Buffer<'py> {
    #[pyo3(transparent)]
    U8(PyReadwriteArrayDyn<'py, u8>),
    #[pyo3(transparent)]
    F32(PyReadwriteArrayDyn<'py, f32>),
}

fn shape_of(dims: &[usize]) -> PyResult<Shape> {
    match *dims {
        [h, w, c] | [_, h, w, c] => Ok(Shape { h, w, c }),
        _ => Err(ShapeError::new_err("an image has rows, columns and channels")),
    }
}

impl Picture<'_> {
    fn parts(&self) -> PyResult<(Shape, Values<'_>)> {
        Ok(match self {
            Picture::U8(a) => (shape_of(a.as_array().shape())?, Values::U8(a.as_slice()?)),
            Picture::F32(a) => (shape_of(a.as_array().shape())?, Values::F32(a.as_slice()?)),
        })
    }
}

fn plan_of(plan: &Bound<'_, PyTuple>) -> PyResult<Node<Op>> {
    read(plan, &mut 0, &mut |name, set| {
        let kind = Kind::from_name(name)
            .ok_or_else(|| ParameterError::new_err(format!("no such operation: {name:?}")))?;
        Ok(Op { kind, set: set.extract()? })
    })
}

fn key_of((seed, epoch, item): (u64, u64, u64)) -> Key {
    Key { seed, epoch, item }
}

/// The values of arrays as images one after the other: of a batch its images.
fn pictures<'a>(arrays: &'a [Picture<'_>]) -> PyResult<(Vec<Shape>, Vec<Values<'a>>)> {
    let (mut shapes, mut values) = (Vec::new(), Vec::new());
    for array in arrays {
        let (shape, all) = array.parts()?;
        let long = shape.len().max(1);
        match all {
            Values::U8(all) => values.extend(all.chunks_exact(long).map(Values::U8)),
            Values::F32(all) => values.extend(all.chunks_exact(long).map(Values::F32)),
        }
        shapes.resize(values.len(), shape);
    }
    Ok((shapes, values))
}

/// Cuts buffers into a place for each item, in order.
fn places<'a>(buffers: &'a mut [Buffer<'_>], items: &[Item]) -> PyResult<Vec<Out<'a>>> {
    let bad = || ShapeError::new_err("the buffers do not fit the images that come out");
    let mut places = Vec::with_capacity(items.len());
    let mut long = items.iter().map(|i| i.after.len());
    for buffer in buffers {
        let (mut bytes, mut floats): (&mut [u8], &mut [f32]) = match buffer {
            Buffer::U8(a) => (a.as_slice_mut()?, &mut []),
            Buffer::F32(a) => (&mut [], a.as_slice_mut()?),
        };
        while !(bytes.is_empty() && floats.is_empty()) {
            let n = long.next().ok_or_else(bad)?;
            if floats.is_empty() {
                places.push(Out::U8(bytes.split_off_mut(..n).ok_or_else(bad)?));
            } else {
                places.push(Out::F32(floats.split_off_mut(..n).ok_or_else(bad)?));
            }
        }
    }
    if long.next().is_some() { Err(bad()) } else { Ok(places) }
}

/// Runs the plan on images (each an array, or many in one) into the buffers that `make` returns. It
/// is told rows, columns and channels of each image that comes out, whether it does so as floats,
/// and whether with channels first; what it returns is filled in this order.
#[pyfunction]
#[pyo3(signature = (plan, key, images, make, fuse=false, n_jobs=1, progress=None))]
#[allow(clippy::too_many_arguments)] // as wide as the call it serves
fn image_apply(
    py: Python<'_>,
    plan: Bound<'_, PyTuple>,
    key: (u64, u64, u64),
    images: Vec<Picture<'_>>,
    make: Bound<'_, PyAny>,
    fuse: bool,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<()> {
    let plan = plan_of(&plan)?;
    let (shapes, inputs) = pictures(&images)?;
    let items =
        run::run(py, n_jobs, None, |ctx| image::draw(ctx, &plan, key_of(key), &shapes, fuse))?;
    let one = |i: &Item| (i.after.h, i.after.w, i.after.c, i.normalized, i.channels_first);
    let after: Vec<_> = items.iter().map(one).collect();
    let mut buffers: Vec<Buffer<'_>> = make.call1((after,))?.extract()?;
    let outs = places(&mut buffers, &items)?;
    run(py, n_jobs, progress, move |ctx| image::run(ctx, &items, &inputs, outs, key.2))
}

/// Runs the geometric steps of the plan on a mask for each image: by nearest neighbour on the
/// bytes of whole pixels, or linearly on floats.
#[pyfunction]
#[pyo3(signature = (plan, key, shapes, masks, fuse=false, n_jobs=1))]
fn image_masks<'py>(
    py: Python<'py>,
    plan: Bound<'py, PyTuple>,
    key: (u64, u64, u64),
    shapes: Vec<(usize, usize, usize)>,
    masks: Vec<Picture<'py>>,
    fuse: bool,
    n_jobs: usize,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    enum Made {
        U8(Shape, Vec<u8>),
        F32(Shape, Vec<f32>),
    }
    let plan = plan_of(&plan)?;
    let shapes: Vec<Shape> = shapes.into_iter().map(|(h, w, c)| Shape { h, w, c }).collect();
    let parts = masks.iter().map(Picture::parts).collect::<PyResult<Vec<_>>>()?;
    let made = run(py, n_jobs, None, move |ctx| {
        let items = image::draw(ctx, &plan, key_of(key), &shapes, fuse)?;
        let one = |i: usize| -> Result<Made> {
            let (shape, values) = parts[i];
            let item = &items[i];
            if (shape.h, shape.w) != (item.shape.h, item.shape.w) {
                return Err(Error::Shape(format!("mask {i} has another size than its image")));
            }
            let after = Shape { c: shape.c, ..item.after };
            match values {
                Values::U8(src) => {
                    let mut out = vec![0; after.len()];
                    image::mask(ctx, item, (src, shape.c), false, &mut out)?;
                    Ok(Made::U8(after, out))
                }
                Values::F32(src) => {
                    let mut out = vec![0.0; after.len()];
                    image::mask(ctx, item, (src, shape.c), true, &mut out)?;
                    Ok(Made::F32(after, out))
                }
            }
        };
        par::map(ctx, parts.len().min(items.len()), one)?.into_iter().collect::<Result<Vec<_>>>()
    })?;
    let wrap = |m| -> PyResult<Bound<'py, PyAny>> {
        Ok(match m {
            Made::U8(s, x) => array(py, s, x)?.into_any(),
            Made::F32(s, x) => array(py, s, x)?.into_any(),
        })
    };
    made.into_iter().map(wrap).collect()
}

fn array<T: numpy::Element>(
    py: Python<'_>,
    s: Shape,
    values: Vec<T>,
) -> PyResult<Bound<'_, PyArrayDyn<T>>> {
    let made = Array::from_shape_vec(IxDyn(&[s.h, s.w, s.c]), values)
        .map_err(|e| ShapeError::new_err(e.to_string()))?;
    Ok(made.into_pyarray(py))
}

/// Moves boxes of each image (left, top, right, bottom; edges) as it was; each with the share seen.
#[pyfunction]
#[pyo3(signature = (plan, key, shapes, boxes, fuse=false))]
#[allow(clippy::type_complexity)] // said in the stub
fn image_boxes(
    py: Python<'_>,
    plan: Bound<'_, PyTuple>,
    key: (u64, u64, u64),
    shapes: Vec<(usize, usize, usize)>,
    boxes: Vec<Vec<[f64; 4]>>,
    fuse: bool,
) -> PyResult<Vec<Vec<([f64; 4], f64)>>> {
    let plan = plan_of(&plan)?;
    let shapes: Vec<Shape> = shapes.into_iter().map(|(h, w, c)| Shape { h, w, c }).collect();
    run(py, 1, None, move |ctx| {
        let items = image::draw(ctx, &plan, key_of(key), &shapes, fuse)?;
        items.iter().zip(boxes).map(|(item, b)| image::boxes(item, b)).collect()
    })
}

/// Moves points of each image (column, row; centres of pixels are whole) as it was.
#[pyfunction]
#[pyo3(signature = (plan, key, shapes, points, fuse=false))]
fn image_points(
    py: Python<'_>,
    plan: Bound<'_, PyTuple>,
    key: (u64, u64, u64),
    shapes: Vec<(usize, usize, usize)>,
    points: Vec<Vec<[f64; 2]>>,
    fuse: bool,
) -> PyResult<Vec<Vec<[f64; 2]>>> {
    let plan = plan_of(&plan)?;
    let shapes: Vec<Shape> = shapes.into_iter().map(|(h, w, c)| Shape { h, w, c }).collect();
    run(py, 1, None, move |ctx| {
        let items = image::draw(ctx, &plan, key_of(key), &shapes, fuse)?;
        items.iter().zip(points).map(|(item, p)| image::points(item, p)).collect()
    })
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(image_apply, m)?)?;
    m.add_function(wrap_pyfunction!(image_masks, m)?)?;
    m.add_function(wrap_pyfunction!(image_boxes, m)?)?;
    m.add_function(wrap_pyfunction!(image_points, m)?)
}
