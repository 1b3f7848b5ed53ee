//! Trees on bins together: bagged (Breiman 2001) or boosted (Friedman 2001), and what they say.

use std::sync::Arc;

use ndarray::ArrayView2;

use super::binned::Trees;
use super::bins::{Bins, Cuts};
use super::gini::Gini;
use super::hist::{Features, Grown, Params, grow};
use super::moments::Moments;
use super::split::Goal;
use crate::base::rng::Stream;
use crate::base::{Ctx, Error, Result, par};

/// The operations that draw.
const GROW: u64 = 0x7472_6565;
const DRAW: u64 = 0x6472_6177;
/// Rows of one part of a prediction.
const CHUNK: usize = 512;

/// What is learned, for every row of the table.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// A number.
    Numbers(&'a [f64]),
    /// The code of a class, and how many classes there are.
    Classes(&'a [u32], usize),
}

/// How a forest is grown.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How many trees.
    pub trees: usize,
    /// Whether a tree sees as many rows drawn with replacement, or all.
    pub bootstrap: bool,
    /// Whether leaves keep the numbers of their rows, so that one can be drawn.
    pub keep: bool,
    /// What each tree adds of its own say, if trees are boosted.
    pub rate: f64,
    /// How each tree grows.
    pub params: Params,
}

/// The keys of a forest's draws.
#[derive(Debug, Clone, Copy)]
pub struct Keys {
    /// The seed.
    pub seed: u64,
    /// What tells this forest from others of the same seed.
    pub epoch: u64,
}

/// A fitted forest, with the bins of its features.
#[derive(Debug, Clone, PartialEq)]
pub struct Forest {
    /// The bins of the features.
    pub cuts: Vec<Arc<Cuts>>,
    /// Classes, 0 for numbers.
    pub classes: usize,
    /// What is added to the trees' numbers.
    pub base: f64,
    /// Whether the trees' numbers are averaged or added up.
    pub averaged: bool,
    /// The trees.
    pub trees: Trees,
}

/// The rows that a tree was grown on, as bits.
type Bag = Vec<u64>;

fn in_bag(bag: &Bag, row: u32) -> bool {
    bag[row as usize >> 6] >> (row & 63) & 1 == 1
}

fn features<'a>(bins: &'a Bins, columns: &[usize]) -> Features<'a> {
    Features {
        columns: columns.iter().map(|&j| bins.column(j)).collect(),
        categorical: columns.iter().map(|&j| bins.cuts(j).categorical()).collect(),
    }
}

fn check_rows(rows: &[u32]) -> Result<()> {
    if rows.is_empty() {
        return Err(Error::Data("a forest needs at least one row to learn from".into()));
    }
    Ok(())
}

/// The mean of the target over some rows, the largest distance from it, and the target less the
/// mean in units of that distance.
fn centred(y: &[f64], rows: &[u32]) -> (f64, f64, Vec<f64>) {
    let mean = rows.iter().map(|&r| y[r as usize] / rows.len() as f64).sum::<f64>();
    let far = rows.iter().map(|&r| (y[r as usize] - mean).abs()).fold(0.0, f64::max);
    let scale = if far.is_normal() { far } else { 1.0 };
    let mut out = vec![0.0; y.len()];
    if far.is_finite() {
        rows.iter().for_each(|&r| out[r as usize] = (y[r as usize] - mean) / scale);
    }
    (mean, scale, out)
}

/// Grows trees apart from each other on rows of a table. Returns with the forest what those trees
/// say of each row that did not see it, NaN where every tree did.
///
/// # Errors
/// [`Error::Data`] without rows; [`Error::Stopped`].
pub fn bagged(
    ctx: &Ctx,
    bins: &Bins,
    columns: &[usize],
    target: Target<'_>,
    rows: &[u32],
    plan: &Plan,
    keys: Keys,
) -> Result<(Forest, Vec<f64>)> {
    check_rows(rows)?;
    let features = features(bins, columns);
    let two: Vec<f64>;
    let numbers = match target {
        Target::Numbers(y) => Some(y),
        // The Gini impurity of two classes is twice the variance of 0 and 1.
        Target::Classes(codes, n) if n <= 2 => {
            two = codes.iter().map(|&c| f64::from(c)).collect();
            Some(two.as_slice())
        }
        Target::Classes(..) => None,
    };
    let scaled = numbers.map_or(Vec::new(), |y| centred(y, rows).2);
    let least = f64::from(plan.params.min_leaf.max(1));
    let one = |tree: usize| -> Result<(Trees, Bag)> {
        let mut stream = Stream::new(keys.seed, GROW, keys.epoch, tree as u64);
        let key = stream.word();
        let drawn = sample(rows, plan.bootstrap, &mut stream);
        let mut bag = vec![0u64; bins.rows().div_ceil(64)];
        drawn.iter().for_each(|&(row, _)| bag[row as usize >> 6] |= 1 << (row & 63));
        let tree = match target {
            Target::Classes(codes, n) if n > 2 => {
                let mut goal = Gini::new(codes, n, least);
                finish::<Gini>(
                    grow(ctx, &features, &plan.params, &mut goal, &drawn, key)?,
                    target,
                    plan,
                )
            }
            _ => {
                let mut goal = Moments::new(&scaled, least);
                finish::<Moments>(
                    grow(ctx, &features, &plan.params, &mut goal, &drawn, key)?,
                    target,
                    plan,
                )
            }
        };
        Ok((tree, bag))
    };
    let mut forest = Forest {
        cuts: columns.iter().map(|&j| bins.cuts(j).clone()).collect(),
        classes: match target {
            Target::Numbers(_) => 0,
            Target::Classes(_, n) => n.max(1),
        },
        base: 0.0,
        averaged: true,
        trees: Trees::default(),
    };
    let mut bags = Vec::new();
    for made in par::map(ctx, plan.trees, one)? {
        let (tree, bag) = made?;
        forest.trees.append(tree)?;
        bags.push(bag);
    }
    let mut said = vec![0.0; rows.len()];
    par::fill_chunks(ctx, &mut said, CHUNK, |first, out| {
        forest.say(&features.columns, &rows[first..first + out.len()], Some(&bags), out);
    })?;
    Ok((forest, said))
}

/// The rows that a tree sees and how often, in order.
fn sample(rows: &[u32], bootstrap: bool, stream: &mut Stream) -> Vec<(u32, u32)> {
    if !bootstrap {
        return rows.iter().map(|&row| (row, 1)).collect();
    }
    let mut counts = vec![0u32; rows.len()];
    for _ in 0..rows.len() {
        counts[stream.below(rows.len() as u64) as usize] += 1;
    }
    rows.iter().copied().zip(counts).filter(|&(_, count)| count > 0).collect()
}

/// Puts into the leaves what the tree is to say.
fn finish<G: Goal>(grown: Grown<G::Item>, target: Target<'_>, plan: &Plan) -> Trees {
    let mut tree = grown.tree;
    let lists = plan.keep || matches!(target, Target::Classes(..));
    let mut counts: Vec<(u32, f64)> = Vec::new();
    for node in 0..tree.n_nodes() {
        if lists {
            tree.start.push(tree.item.len() as u32);
        }
        if !tree.is_leaf(node as u32) {
            tree.value.push(0.0);
            continue;
        }
        let (start, end) = grown.parts[node];
        let rows = grown.rows[start..end].iter().zip(&grown.items[start..end]);
        let rows = rows.map(|(&row, item)| (row as usize, G::weight(item)));
        let weight: f64 = rows.clone().map(|(_, w)| w).sum();
        match target {
            Target::Numbers(y) => {
                tree.value.push(rows.clone().map(|(row, w)| y[row] * (w / weight)).sum());
                if plan.keep {
                    for (row, w) in rows {
                        tree.item.extend(std::iter::repeat_n(y[row], w as usize));
                    }
                }
            }
            Target::Classes(codes, _) => {
                counts.clear();
                counts.extend(rows.map(|(row, w)| (codes[row], w)));
                counts.sort_by_key(|&(class, _)| class);
                counts.dedup_by(|next, first| {
                    let same = next.0 == first.0;
                    first.1 += if same { next.1 } else { 0.0 };
                    same
                });
                let more = |a: (u32, f64), b: (u32, f64)| if b.1 > a.1 { b } else { a };
                let most = counts.iter().copied().reduce(more);
                tree.value.push(most.map_or(0.0, |(class, _)| f64::from(class)));
                tree.item.extend(counts.iter().map(|&(class, _)| f64::from(class)));
                tree.share.extend(counts.iter().map(|&(_, w)| w / weight));
            }
        }
    }
    if lists {
        tree.start.push(tree.item.len() as u32);
    }
    tree
}

/// The error of what was said of some rows: the root mean squared error of numbers, the share of
/// wrong classes. What is NaN does not count; NaN where nothing does.
pub fn error(target: Target<'_>, rows: &[u32], said: &[f64]) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (&row, &said) in rows.iter().zip(said).filter(|(_, said)| !said.is_nan()) {
        count += 1.0;
        sum += match target {
            Target::Numbers(y) => (y[row as usize] - said).powi(2),
            Target::Classes(codes, _) => {
                f64::from(u8::from(f64::from(codes[row as usize]) != said))
            }
        };
    }
    let mean = sum / count;
    if matches!(target, Target::Numbers(_)) { mean.sqrt() } else { mean }
}

/// Grows trees on what those before left over of a number; each adds a part of its own say.
///
/// # Errors
/// [`Error::Data`] without rows; [`Error::Stopped`].
pub fn boosted(
    ctx: &Ctx,
    bins: &Bins,
    columns: &[usize],
    y: &[f64],
    rows: &[u32],
    plan: &Plan,
    keys: Keys,
) -> Result<Forest> {
    check_rows(rows)?;
    let features = features(bins, columns);
    let (base, scale, mut left) = centred(y, rows);
    let least = f64::from(plan.params.min_leaf.max(1));
    let mut trees = Trees::default();
    let drawn: Vec<(u32, u32)> = rows.iter().map(|&row| (row, 1)).collect();
    for tree in 0..plan.trees {
        let key = Stream::new(keys.seed, GROW, keys.epoch, tree as u64).word();
        let mut goal = Moments::new(&left, least);
        let grown = grow(ctx, &features, &plan.params, &mut goal, &drawn, key)?;
        let mut tree = grown.tree;
        for (node, &(start, end)) in grown.parts.iter().enumerate() {
            let mut value = 0.0;
            if tree.is_leaf(node as u32) {
                let sum: f64 = grown.items[start..end].iter().map(|c| c.sum).sum();
                value = plan.rate * sum / (end - start) as f64;
                grown.rows[start..end].iter().for_each(|&row| left[row as usize] -= value);
            }
            tree.value.push(value * scale);
        }
        trees.append(tree)?;
    }
    let cuts = columns.iter().map(|&j| bins.cuts(j).clone()).collect();
    Ok(Forest { cuts, classes: 0, base, averaged: false, trees })
}

impl Forest {
    /// What the forest says of some rows, whose features' bins are given by column: a number, or
    /// the code of the class with the largest share (of equal ones, the first).
    pub fn predict(&self, ctx: &Ctx, columns: &[&[u8]], rows: &[u32]) -> Result<Vec<f64>> {
        self.check(columns, rows)?;
        let mut out = vec![0.0; rows.len()];
        par::fill_chunks(ctx, &mut out, CHUNK, |first, out| {
            self.say(columns, &rows[first..first + out.len()], None, out);
        })?;
        Ok(out)
    }

    /// A draw for each row: the number of a row, or a class, in its leaf of a tree drawn at random
    /// (Doove, van Buuren and Dusseldorp 2014). Draws depend on the keys and the row's number.
    pub fn draw(&self, ctx: &Ctx, columns: &[&[u8]], rows: &[u32], keys: Keys) -> Result<Vec<f64>> {
        self.check(columns, rows)?;
        if self.trees.start.is_empty() {
            return Err(Error::State("the leaves of this forest keep no rows to draw from".into()));
        }
        let mut out = vec![0.0; rows.len()];
        par::fill_chunks(ctx, &mut out, CHUNK, |first, out| {
            for (out, &row) in out.iter_mut().zip(&rows[first..]) {
                let mut stream = Stream::new(keys.seed, DRAW, keys.epoch, u64::from(row));
                let tree = stream.below(self.trees.roots.len() as u64) as usize;
                self.trees
                    .walk(tree, columns, &[row], |_, leaf| *out = self.pick(leaf, &mut stream));
            }
        })?;
        Ok(out)
    }

    /// The same of rows that are given as numbers; with keys, draws.
    pub fn of_numbers(
        &self,
        ctx: &Ctx,
        x: ArrayView2<'_, f64>,
        draw: Option<Keys>,
    ) -> Result<Vec<f64>> {
        let bins = Bins::new(ctx, x, self.cuts.clone())?;
        let columns: Vec<&[u8]> = (0..self.cuts.len()).map(|j| bins.column(j)).collect();
        let rows: Vec<u32> = (0..bins.rows() as u32).collect();
        match draw {
            Some(keys) => self.draw(ctx, &columns, &rows, keys),
            None => self.predict(ctx, &columns, &rows),
        }
    }

    fn pick(&self, leaf: u32, stream: &mut Stream) -> f64 {
        let list = self.trees.list(leaf);
        if list.is_empty() {
            return self.trees.value[leaf as usize];
        }
        if self.classes == 0 {
            return self.trees.item[list.start + stream.below(list.len() as u64) as usize];
        }
        let mut rest = stream.unit();
        for k in list.clone() {
            rest -= self.trees.share[k];
            if rest < 0.0 {
                return self.trees.item[k];
            }
        }
        self.trees.item[list.end - 1]
    }

    /// Writes what the trees say of some rows; where bags are given, the trees that did not see
    /// the row, NaN where there is none.
    fn say(&self, columns: &[&[u8]], rows: &[u32], bags: Option<&[Bag]>, out: &mut [f64]) {
        let width = self.classes.max(1);
        let mut sums = vec![0.0; rows.len() * width];
        let mut counts = vec![0u32; rows.len()];
        let (mut some, mut places) = (rows.to_vec(), (0..rows.len()).collect::<Vec<_>>());
        for tree in 0..self.trees.roots.len() {
            if let Some(bags) = bags {
                places.clear();
                places.extend((0..rows.len()).filter(|&k| !in_bag(&bags[tree], rows[k])));
                some.clear();
                some.extend(places.iter().map(|&k| rows[k]));
            }
            self.trees.walk(tree, columns, &some, |k, leaf| {
                let k = places[k];
                counts[k] += 1;
                if self.classes == 0 {
                    sums[k] += self.trees.value[leaf as usize];
                    return;
                }
                for i in self.trees.list(leaf) {
                    sums[k * width + self.trees.item[i] as usize] += self.trees.share[i];
                }
            });
        }
        for (k, out) in out.iter_mut().enumerate() {
            let sums = &sums[k * width..][..width];
            *out = match (counts[k], self.classes) {
                (0, _) => f64::NAN,
                (n, 0) if self.averaged => sums[0] / f64::from(n),
                (_, 0) => self.base + sums[0],
                _ => {
                    let more = |best: usize, c: usize| if sums[c] > sums[best] { c } else { best };
                    (0..width).fold(0, more) as f64
                }
            };
        }
    }

    fn check(&self, columns: &[&[u8]], rows: &[u32]) -> Result<()> {
        let short = columns.iter().map(|c| c.len()).min().unwrap_or(usize::MAX);
        if columns.len() != self.cuts.len() || rows.iter().any(|&row| row as usize >= short) {
            return Err(Error::Shape(format!(
                "the forest was grown on {} columns; {} were given",
                self.cuts.len(),
                columns.len()
            )));
        }
        Ok(())
    }

    /// Checks a forest that comes from outside.
    ///
    /// # Errors
    /// [`Error::State`] for what does not fit.
    pub fn checked(self) -> Result<Self> {
        self.cuts.iter().try_for_each(|c| c.check())?;
        let t = &self.trees;
        let code = |&c: &f64| c >= 0.0 && c < self.classes as f64 && c.fract() == 0.0;
        let lists = self.classes == 0
            || t.item.iter().all(code) && t.share.len() == t.item.len() && !t.start.is_empty();
        if lists && !t.roots.is_empty() {
            return Ok(self);
        }
        Err(Error::State("the forest is damaged: fit it again".into()))
    }
}
