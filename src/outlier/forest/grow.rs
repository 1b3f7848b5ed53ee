//! Growing isolation trees.

use std::ops::Range;

use ndarray::ArrayView2;

use super::{Cut, Cuts, Term, Tree, average_path, depth_of, draw, single, sum};
use crate::base::float::Float;
use crate::base::rng::Stream;
use crate::base::{Ctx, Error, Result, par};

/// What trees are grown.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// The seed; a tree depends on it and on its own number.
    pub seed: u64,
    /// The numbers of the trees.
    pub trees: Range<usize>,
    /// How many rows a tree sees.
    pub rows: usize,
    /// How many features a tree sees.
    pub features: usize,
    /// Whether a row may be drawn twice.
    pub replace: bool,
    /// Chances of the rows, all positive.
    pub weights: Option<&'a [f64]>,
    /// How many features a cut has besides the first.
    pub extension: usize,
}

/// Grows trees. `place(row)` is where a row of the `n` that are drawn from stands in `x`. NaN is
/// missing.
pub fn grow<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    n: usize,
    plan: &Plan,
    place: impl Fn(u32) -> usize + Sync + Send,
) -> Result<Vec<Tree>> {
    let p = x.ncols();
    if n == 0 || p == 0 || plan.rows == 0 || plan.features == 0 || plan.features > p {
        return Err(Error::Shape(format!(
            "trees of {} rows and {} features cannot be grown from {n} rows and {p} features",
            plan.rows, plan.features
        )));
    }
    if plan.rows > 1 << 30 || p > 1 << 30 {
        return Err(Error::Parameter("max_samples and features go up to 2**30".into()));
    }
    if plan.weights.is_some_and(|w| w.len() != n) {
        return Err(Error::Shape(format!("sample weights must be one for each of {n} rows")));
    }
    ctx.set_total(plan.trees.len() as u64);
    let trees = par::map(ctx, plan.trees.len(), |k| {
        let mut stream = draw::stream(plan.seed, plan.trees.start + k);
        let drawn = draw::rows(&mut stream, n, plan.rows, plan.replace, plan.weights);
        let mut features: Vec<u32> = (0..p as u32).collect();
        if plan.features < p {
            features = draw::distinct(&mut stream, p, plan.features);
            features.sort_unstable();
        }
        let mut cells = Vec::with_capacity(drawn.len() * features.len());
        for &f in &features {
            for &row in &drawn {
                let at = [place(row), f as usize];
                cells.push(x.get(at).map_or(f32::NAN, |v| single(v.wide())));
            }
        }
        let rows = drawn.len();
        let grower = Grower { ctx, stream, features, cells, rows, p };
        let tree = grower.tree(depth_of(rows), plan.extension)?;
        ctx.advance(1).map(|()| tree)
    })?;
    trees.into_iter().collect()
}

struct Grower<'a> {
    ctx: &'a Ctx,
    stream: Stream,
    features: Vec<u32>,
    /// The cells of the drawn rows, feature by feature.
    cells: Vec<f32>,
    rows: usize,
    p: usize,
}

/// A node to be: its place, its rows in the order of rows, and its level.
struct Open {
    place: usize,
    rows: Range<usize>,
    level: u32,
}

impl Grower<'_> {
    fn tree(mut self, depth: u32, extension: usize) -> Result<Tree> {
        let places = 1usize << depth;
        let width = (extension + 1).min(self.features.len());
        let whole = average_path(self.rows);
        let mut cuts = if width == 1 {
            Cuts::Straight(vec![Cut { at: f32::INFINITY, feature: 0 }; places])
        } else {
            let terms = vec![Term { feature: 0, weight: 0.0, from: 0.0 }; places * width];
            Cuts::Oblique { width, terms, at: vec![f32::INFINITY; places] }
        };
        let units = if width == 1 { Vec::new() } else { self.units() };
        let mut expected = vec![0f32; 2 * places];
        let mut order: Vec<u32> = (0..self.rows as u32).collect();
        let mut open = vec![Open { place: 1, rows: 0..self.rows, level: 0 }];
        while let Some(node) = open.pop() {
            if node.rows.len() >= 1 << 14 {
                self.ctx.check()?;
            }
            let way = f64::from(node.level) + average_path(node.rows.len());
            let share = if whole > 0.0 { (way / whole) as f32 } else { 1.0 };
            expected[node.place] = share;
            let rows = &mut order[node.rows.clone()];
            let first = if node.level == depth || rows.len() < 2 {
                None
            } else {
                match &mut cuts {
                    Cuts::Straight(cuts) => self.straight(rows, &mut cuts[node.place]),
                    Cuts::Oblique { terms, at, .. } => {
                        let terms = &mut terms[node.place * width..(node.place + 1) * width];
                        self.oblique(rows, &units, terms, &mut at[node.place])
                    }
                }
            };
            let Some(first) = first else {
                below(&mut expected, node.place, share);
                continue;
            };
            let (start, end, level) = (node.rows.start, node.rows.end, node.level + 1);
            let middle = start + first;
            open.push(Open { place: 2 * node.place + 1, rows: middle..end, level });
            open.push(Open { place: 2 * node.place, rows: start..middle, level });
        }
        Tree::new(depth, self.p, cuts, expected)
    }

    fn column(&self, k: usize) -> &[f32] {
        &self.cells[k * self.rows..(k + 1) * self.rows]
    }

    /// Cuts rows by a random feature of those that vary, between its least and its greatest value;
    /// how many rows are on the first side, or nothing where no feature varies.
    fn straight(&mut self, rows: &mut [u32], cut: &mut Cut) -> Option<usize> {
        let mut untried: Vec<usize> = (0..self.features.len()).collect();
        let (k, low, high) = loop {
            if untried.is_empty() {
                return None;
            }
            let k = untried.swap_remove(self.stream.below(untried.len() as u64) as usize);
            let (low, high) = range(self.column(k), rows);
            if low < high {
                break (k, low, high);
            }
        };
        let drawn = f64::from(low) + self.stream.unit() * (f64::from(high) - f64::from(low));
        let at = if (drawn as f32) < high { drawn as f32 } else { low };
        let column = &self.cells[k * self.rows..(k + 1) * self.rows];
        let (mut left, mut right) = (0usize, 0usize);
        for &row in rows.iter() {
            left += usize::from(column[row as usize] <= at);
            right += usize::from(column[row as usize] > at);
        }
        let feature = self.features[k];
        *cut = if left <= right {
            Cut { at, feature }
        } else {
            // What is above `at` is what has a negative below `-at`.
            Cut { at: (-at).next_down(), feature: feature + self.p as u32 }
        };
        let sign = if left <= right { 1.0 } else { -1.0 };
        Some(part(rows, |row| sign * column[row as usize] <= cut.at))
    }

    /// Cuts rows by a plane through a random point of the box that they lie in, with normal weights
    /// in units of each feature; how many rows are on the first side.
    fn oblique(
        &mut self,
        rows: &mut [u32],
        units: &[f64],
        terms: &mut [Term],
        at: &mut f32,
    ) -> Option<usize> {
        let mut boxes: Vec<(usize, f32, f32)> = (0..self.features.len())
            .map(|k| (k, range(self.column(k), rows)))
            .map(|(k, (low, high))| (k, low, high))
            .filter(|(_, low, high)| low < high)
            .collect();
        if boxes.is_empty() {
            return None;
        }
        let mut threshold = 0.0;
        for term in terms.iter_mut() {
            if boxes.is_empty() {
                break;
            }
            let drawn = self.stream.below(boxes.len() as u64) as usize;
            let (k, low, high) = boxes.swap_remove(drawn);
            let through = f64::from(low) + self.stream.unit() * (f64::from(high) - f64::from(low));
            let weight = single(self.stream.normal() / units[k]);
            let from = single(mean(self.column(k), rows));
            threshold += (through - f64::from(from)) * f64::from(weight);
            *term = Term { feature: self.features[k], weight, from };
        }
        *at = single(threshold);
        let of = |row: u32| {
            sum(terms, |f| {
                let k = self.features.binary_search(&f).unwrap_or(0);
                self.cells[k * self.rows + row as usize]
            })
        };
        // Of a sum that overflows to NaN too, the first side: as in scoring.
        let second = part(rows, |row| of(row) > *at);
        rows.reverse();
        Some(rows.len() - second)
    }

    /// The standard deviation of each feature; 1 where it does not vary.
    fn units(&self) -> Vec<f64> {
        let unit = |k: usize| {
            let all: Vec<u32> = (0..self.rows as u32).collect();
            let middle = mean(self.column(k), &all);
            let gaps = self.column(k).iter().filter(|v| !v.is_nan());
            let gaps: Vec<f64> = gaps.map(|&v| (f64::from(v) - middle).powi(2)).collect();
            let unit = (gaps.iter().sum::<f64>() / gaps.len().max(1) as f64).sqrt();
            if unit > 0.0 && unit.is_finite() { unit } else { 1.0 }
        };
        (0..self.features.len()).map(unit).collect()
    }
}

/// The least and the greatest value that some rows have.
fn range(column: &[f32], rows: &[u32]) -> (f32, f32) {
    rows.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &row| {
        let v = column[row as usize];
        // False for NaN.
        (if v < low { v } else { low }, if v > high { v } else { high })
    })
}

/// The mean of what some rows have; 0 where nothing is known.
fn mean(column: &[f32], rows: &[u32]) -> f64 {
    let known = rows.iter().map(|&row| column[row as usize]).filter(|v| !v.is_nan());
    let (sum, count) = known.fold((0.0, 0usize), |(s, n), v| (s + f64::from(v), n + 1));
    sum / count.max(1) as f64
}

/// Moves what is on the first side to the front; how many those are.
fn part<T: Copy>(items: &mut [T], first: impl Fn(T) -> bool) -> usize {
    let mut count = 0;
    for i in 0..items.len() {
        if first(items[i]) {
            items.swap(i, count);
            count += 1;
        }
    }
    count
}

/// Gives all places below a leaf its value.
fn below(expected: &mut [f32], place: usize, share: f32) {
    let (mut first, mut count) = (2 * place, 2);
    while first < expected.len() {
        expected[first..first + count].fill(share);
        first *= 2;
        count *= 2;
    }
}
