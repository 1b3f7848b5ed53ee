//! Against a background: a feature that is not known has the value it has in a background row, and
//! the values are means over these (interventional; Lundberg et al. 2020). Background rows that go
//! the same way as far as a node walk together, 64 in a word.

use ndarray::{ArrayView1, ArrayView2, s};

use super::{Trees, check_columns};
use crate::base::{Ctx, Error, Result, par};

/// Rows of one task.
const BLOCK: usize = 8;

/// Whose value a feature of the path has to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// Both rows went the same way.
    Both,
    Row,
    Background,
}

enum Todo {
    /// A node, the background rows that come there, and whose feature the last split became.
    Enter(usize, u64, Option<(u32, Owner)>),
    Undo(u32),
}

/// A tree, and where the background rows go in it.
struct Walk<'a> {
    trees: &'a Trees<'a>,
    root: usize,
    output: usize,
    /// Background rows that go left, by word and node.
    lefts: Vec<Vec<u64>>,
    rows: usize,
    /// `(a - 1)! b! / (a + b)!`.
    weights: &'a [Vec<f64>],
}

/// The values of each row, (rows, features, outputs), and the mean over the background by output.
///
/// # Errors
/// [`Error::State`] for arrays that do not make trees, [`Error::Shape`], [`Error::Data`] for no
/// background rows, [`Error::Stopped`].
pub fn against(
    ctx: &Ctx,
    trees: &Trees<'_>,
    x: ArrayView2<'_, f64>,
    background: ArrayView2<'_, f64>,
) -> Result<(Vec<f64>, Vec<f64>)> {
    trees.check()?;
    check_columns(trees, x)?;
    check_columns(trees, background)?;
    if background.nrows() == 0 {
        return Err(Error::Data("the background has no rows".into()));
    }
    let cells = trees.features() * trees.n_outputs;
    let mut base = vec![0.0; trees.n_outputs];
    let mut out = vec![0.0; x.nrows() * cells];
    ctx.set_total((x.nrows() * trees.len()) as u64);
    let most = (0..trees.len()).map(|t| trees.nodes(t).len() / 2).max().unwrap_or(0);
    let weights = weights(most.min(trees.features()));
    for tree in 0..trees.len() {
        ctx.check()?;
        let walk = Walk::new(trees, tree, background, &weights, &mut base);
        par::fill_chunks(ctx, &mut out, BLOCK * cells, |first, out| {
            let mut room = Room { owners: vec![Owner::Both; trees.features()], ..Room::default() };
            for (k, out) in out.chunks_exact_mut(cells).enumerate() {
                if !ctx.stopped() {
                    walk.run(x.row(first / cells + k), out, &mut room);
                }
            }
            let _ = ctx.advance((out.len() / cells) as u64);
        })?;
    }
    Ok((out, base))
}

#[derive(Default)]
struct Room {
    owners: Vec<Owner>,
    /// Features of the path that are not of both, and whether the row owns them.
    path: Vec<(u32, bool)>,
    todo: Vec<Todo>,
}

impl<'a> Walk<'a> {
    fn new(
        trees: &'a Trees<'a>,
        tree: usize,
        background: ArrayView2<'_, f64>,
        weights: &'a [Vec<f64>],
        base: &mut [f64],
    ) -> Self {
        let (nodes, output) = (trees.nodes(tree), trees.outputs[tree] as usize);
        let rows = background.nrows();
        let mut lefts = Vec::new();
        for first in (0..rows).step_by(64) {
            let part = background.slice(s![first..rows.min(first + 64), ..]);
            let word = |at: usize| {
                let column = part.column(trees.feature[at] as usize);
                let bit = |(i, v): (usize, &f64)| u64::from(trees.goes_left(at, *v)) << i;
                column.iter().enumerate().map(bit).fold(0, |word, bit| word | bit)
            };
            let inner = |at: usize| if trees.left[at] < 0 { 0 } else { word(at) };
            lefts.push(nodes.clone().map(inner).collect());
            for row in part.rows() {
                let mut at = nodes.start;
                while let Some([l, r]) = trees.children(nodes.start, at) {
                    at = if trees.goes_left(at, row[trees.feature[at] as usize]) { l } else { r };
                }
                let value = &trees.value[at * trees.width..][..trees.width];
                base[output..].iter_mut().zip(value).for_each(|(b, v)| *b += v / rows as f64);
            }
        }
        Walk { trees, root: nodes.start, output, lefts, rows, weights }
    }

    fn run(&self, row: ArrayView1<'_, f64>, out: &mut [f64], room: &mut Room) {
        for (word, lefts) in self.lefts.iter().enumerate() {
            let count = (self.rows - 64 * word).min(64);
            let all = u64::MAX >> (64 - count);
            room.todo.push(Todo::Enter(self.root, all, None));
            while let Some(todo) = room.todo.pop() {
                match todo {
                    Todo::Undo(feature) => {
                        room.owners[feature as usize] = Owner::Both;
                        room.path.pop();
                    }
                    Todo::Enter(at, mask, new) => {
                        if let Some((feature, owner)) = new {
                            room.owners[feature as usize] = owner;
                            room.path.push((feature, owner == Owner::Row));
                            room.todo.push(Todo::Undo(feature));
                        }
                        self.enter(row, lefts, (at, mask), room, out);
                    }
                }
            }
        }
    }

    fn enter(
        &self,
        row: ArrayView1<'_, f64>,
        lefts: &[u64],
        (at, mask): (usize, u64),
        room: &mut Room,
        out: &mut [f64],
    ) {
        let Some(children) = self.trees.children(self.root, at) else {
            self.at_leaf(at, mask, room, out);
            return;
        };
        let feature = self.trees.feature[at];
        let (owner, feature) = (room.owners[feature as usize], feature as u32);
        let left = lefts[at - self.root];
        let mut send = |child: usize, mask: u64, new| {
            if mask != 0 {
                room.todo.push(Todo::Enter(children[child], mask, new));
            }
        };
        if owner == Owner::Background {
            send(0, mask & left, None);
            send(1, mask & !left, None);
            return;
        }
        let goes = usize::from(!self.trees.goes_left(at, row[feature as usize]));
        if owner == Owner::Row {
            send(goes, mask, None);
            return;
        }
        let with = if goes == 0 { left } else { !left };
        send(goes, mask & with, None);
        send(goes, mask & !with, Some((feature, Owner::Row)));
        send(1 - goes, mask & !with, Some((feature, Owner::Background)));
    }

    fn at_leaf(&self, at: usize, mask: u64, room: &Room, out: &mut [f64]) {
        let share = f64::from(mask.count_ones()) / self.rows as f64;
        let ours = room.path.iter().filter(|(_, row)| *row).count();
        let theirs = room.path.len() - ours;
        let value = &self.trees.value[at * self.trees.width..][..self.trees.width];
        for &(feature, row) in &room.path {
            let weight =
                if row { self.weights[ours][theirs] } else { -self.weights[theirs][ours] } * share;
            let out = &mut out[feature as usize * self.trees.n_outputs + self.output..];
            out.iter_mut().zip(value).for_each(|(o, v)| *o += weight * v);
        }
    }
}

/// `(a - 1)! b! / (a + b)!` for a from 1 and b from 0, of `a + b <= most`.
fn weights(most: usize) -> Vec<Vec<f64>> {
    let mut out = vec![Vec::new()];
    for a in 1..=most {
        let mut weight = 1.0 / a as f64;
        let mut line = vec![weight];
        for b in 1..=most - a {
            weight *= b as f64 / (a + b) as f64;
            line.push(weight);
        }
        out.push(line);
    }
    out
}
