//! Bindings of bins and of forests grown on them.

use std::sync::Arc;

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::base::{Error, Result};
use crate::py::run::run;
use crate::trees::binned::Trees;
use crate::trees::bins::{self, Cuts};
use crate::trees::forest::{Forest, Keys};

/// The bins of a table's columns.
#[pyclass(module = "tamis._core", name = "Cuts", frozen)]
pub struct PyCuts {
    pub cuts: Vec<Arc<Cuts>>,
}

#[pymethods]
impl PyCuts {
    /// Puts back what `arrays` gave.
    #[new]
    #[pyo3(signature = (*, categorical, starts, cuts))]
    fn new(
        categorical: PyReadonlyArray1<'_, bool>,
        starts: PyReadonlyArray1<'_, i64>,
        cuts: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        let cuts = unpacked(
            &categorical.as_array().to_vec(),
            &starts.as_array().to_vec(),
            &cuts.as_array().to_vec(),
        )?;
        Ok(PyCuts { cuts })
    }

    /// Finds the bins of each column; `categories` says how many it has, 0 for numbers.
    #[staticmethod]
    #[pyo3(signature = (x, categories, max_bins=255, n_jobs=1))]
    fn find(
        py: Python<'_>,
        x: PyReadonlyArray2<'_, f64>,
        categories: Vec<usize>,
        max_bins: usize,
        n_jobs: usize,
    ) -> PyResult<Self> {
        let x = x.as_array();
        let cuts = run(py, n_jobs, None, |ctx| bins::find_cuts(ctx, x, &categories, max_bins))?;
        Ok(PyCuts { cuts })
    }

    /// The bins as plain arrays, by the names of the constructor.
    fn arrays<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let out = PyDict::new(py);
        pack(&self.cuts, &out)?;
        Ok(out)
    }

    /// How pickle makes it anew.
    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        Ok((PyTuple::empty(py), self.arrays(py)?))
    }
}

/// Writes bins into a dict: whether each column has categories, and the edges of numbers or the
/// bins of categories, one column after the other.
fn pack(cuts: &[Arc<Cuts>], out: &Bound<'_, PyDict>) -> PyResult<()> {
    let py = out.py();
    let categorical: Vec<bool> = cuts.iter().map(|c| c.categorical()).collect();
    let (mut starts, mut all) = (vec![0i64], Vec::new());
    for column in cuts {
        match column.as_ref() {
            Cuts::Numbers(edges) => all.extend_from_slice(edges),
            Cuts::Categories(bins) => all.extend(bins.iter().map(|&b| f64::from(b))),
        }
        starts.push(all.len() as i64);
    }
    out.set_item("categorical", PyArray1::from_vec(py, categorical))?;
    out.set_item("starts", PyArray1::from_vec(py, starts))?;
    out.set_item("cuts", PyArray1::from_vec(py, all))
}

fn unpacked(categorical: &[bool], starts: &[i64], all: &[f64]) -> Result<Vec<Arc<Cuts>>> {
    let damaged = || Error::State("the bins of a column are damaged".into());
    if starts.len() != categorical.len() + 1 {
        return Err(damaged());
    }
    let one = |(ends, &categorical): (&[i64], &bool)| {
        let part = usize::try_from(ends[0]).ok().zip(usize::try_from(ends[1]).ok());
        let part = part.and_then(|(a, b)| all.get(a..b)).ok_or_else(damaged)?;
        let cuts = if categorical {
            Cuts::Categories(part.iter().map(|&b| b as u8).collect())
        } else {
            Cuts::Numbers(part.to_vec())
        };
        cuts.check().map(|()| Arc::new(cuts))
    };
    starts.windows(2).zip(categorical).map(one).collect()
}

/// A fitted forest.
#[pyclass(module = "tamis._core", name = "Forest", frozen)]
pub struct PyForest {
    pub forest: Forest,
}

#[pymethods]
impl PyForest {
    /// Puts back what `arrays` gave.
    #[new]
    #[pyo3(signature = (*, categorical, starts, cuts, classes, base, averaged, roots, steps, sets,
                        value, lists, item, share))]
    #[allow(clippy::too_many_arguments)] // keywords, in Python
    fn new(
        categorical: PyReadonlyArray1<'_, bool>,
        starts: PyReadonlyArray1<'_, i64>,
        cuts: PyReadonlyArray1<'_, f64>,
        classes: usize,
        base: f64,
        averaged: bool,
        roots: PyReadonlyArray1<'_, u32>,
        steps: PyReadonlyArray1<'_, u32>,
        sets: PyReadonlyArray1<'_, u64>,
        value: PyReadonlyArray1<'_, f64>,
        lists: PyReadonlyArray1<'_, u32>,
        item: PyReadonlyArray1<'_, f64>,
        share: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        let cuts = unpacked(
            &categorical.as_array().to_vec(),
            &starts.as_array().to_vec(),
            &cuts.as_array().to_vec(),
        )?;
        let mut trees = Trees::default();
        trees.roots = roots.as_array().to_vec();
        trees.value = value.as_array().to_vec();
        trees.start = lists.as_array().to_vec();
        trees.item = item.as_array().to_vec();
        trees.share = share.as_array().to_vec();
        let (steps, sets) = (steps.as_array().to_vec(), sets.as_array().to_vec());
        let trees = trees.with_words(&steps, &sets, cuts.len())?;
        let forest = Forest { cuts, classes, base, averaged, trees };
        Ok(PyForest { forest: forest.checked()? })
    }

    /// The forest as plain arrays and numbers, by the names of the constructor.
    fn arrays<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (out, f) = (PyDict::new(py), &self.forest);
        pack(&f.cuts, &out)?;
        out.set_item("classes", f.classes)?;
        out.set_item("base", f.base)?;
        out.set_item("averaged", f.averaged)?;
        let (steps, sets) = f.trees.words();
        out.set_item("steps", PyArray1::from_vec(py, steps))?;
        out.set_item("sets", PyArray1::from_vec(py, sets))?;
        for (name, words) in [("roots", &f.trees.roots), ("lists", &f.trees.start)] {
            out.set_item(name, PyArray1::from_slice(py, words))?;
        }
        let numbers =
            [("value", &f.trees.value), ("item", &f.trees.item), ("share", &f.trees.share)];
        for (name, numbers) in numbers {
            out.set_item(name, PyArray1::from_slice(py, numbers))?;
        }
        Ok(out)
    }

    /// How pickle makes it anew.
    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        Ok((PyTuple::empty(py), self.arrays(py)?))
    }

    /// How many trees.
    #[getter]
    fn n_trees(&self) -> usize {
        self.forest.trees.roots.len()
    }

    /// How many features a row has.
    #[getter]
    fn n_features(&self) -> usize {
        self.forest.cuts.len()
    }

    /// What the forest says of rows of numbers and codes.
    #[pyo3(signature = (x, n_jobs=1))]
    fn predict<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray2<'_, f64>,
        n_jobs: usize,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let x = x.as_array();
        let said = run(py, n_jobs, None, |ctx| self.forest.of_numbers(ctx, x, None))?;
        Ok(said.into_pyarray(py))
    }

    /// A draw for each row of numbers and codes.
    #[pyo3(signature = (x, seed, epoch, n_jobs=1))]
    fn draw<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray2<'_, f64>,
        seed: u64,
        epoch: u64,
        n_jobs: usize,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let (x, keys) = (x.as_array(), Keys { seed, epoch });
        let said = run(py, n_jobs, None, |ctx| self.forest.of_numbers(ctx, x, Some(keys)))?;
        Ok(said.into_pyarray(py))
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyCuts>()?;
    m.add_class::<PyForest>()
}
