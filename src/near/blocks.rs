//! Points in blocks of neighbours, each in a ball: two blocks too far apart need no second look.

use super::points::Points;
use crate::base::{Ctx, Result, par};

/// Points of a block: a multiple of the rows and lanes of the panels.
pub(super) const BLOCK: usize = 96;

/// A block: which points, and the ball they lie in.
pub(super) struct Block {
    pub(super) items: Vec<u32>,
    centre: Vec<f64>,
    radius: f64,
    /// How far off its points may be.
    error: f64,
}

impl Block {
    fn new(points: &Points, items: Vec<u32>) -> Block {
        let mut centre = vec![0.0; points.width];
        for &i in &items {
            for (c, &x) in centre.iter_mut().zip(points.row(i as usize)) {
                *c += f64::from(x);
            }
        }
        centre.iter_mut().for_each(|c| *c /= items.len() as f64);
        let far = |far: f64, &i: &u32| far.max(gap(&centre, points.row(i as usize)));
        let radius = items.iter().fold(0.0, far).sqrt();
        let longest = items.iter().fold(0.0, |far: f64, &i| far.max(points.squares[i as usize]));
        Block { error: Points::ERROR * longest.sqrt(), items, centre, radius }
    }

    /// Whether a point of each could be within `reach` of the other's.
    pub(super) fn may_meet(&self, other: &Block, reach: f64) -> bool {
        let limit = self.radius + other.radius + reach + self.error + other.error;
        // Room for the rounding of sums in double precision.
        squared(&self.centre, &other.centre) <= limit * limit * (1.0 + 1e-9)
    }
}

/// The points `items`, in blocks. `coarse` holds `width` numbers a point that tell most of how far
/// apart they are.
pub(super) fn blocks(
    ctx: &Ctx,
    points: &Points,
    coarse: &[f32],
    width: usize,
    mut items: Vec<u32>,
) -> Result<Vec<Block>> {
    let mut open = vec![(0, items.len())];
    let mut keys = vec![(0f32, 0u32); items.len()];
    while let Some((start, end)) = open.pop() {
        ctx.check()?;
        if end - start <= BLOCK {
            continue;
        }
        let keys = &mut keys[start..end];
        project(coarse, width, &items[start..end], keys);
        let middle = ((end - start) / 2 / BLOCK).max(1) * BLOCK;
        keys.select_nth_unstable_by(middle, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (item, key) in items[start..end].iter_mut().zip(keys.iter()) {
            *item = key.1;
        }
        open.push((start, start + middle));
        open.push((start + middle, end));
    }
    let n = items.len();
    par::map_chunks(ctx, n, BLOCK, |a, b| Block::new(points, items[a..b].to_vec()))
}

/// The place of each item on the line through two items far from each other.
fn project(coarse: &[f32], width: usize, items: &[u32], out: &mut [(f32, u32)]) {
    let row = |i: u32| &coarse[i as usize * width..(i as usize + 1) * width];
    let farthest = |from: u32| {
        let far = |i: &u32| (squared_f32(row(from), row(*i)), *i);
        items.iter().map(far).max_by(|a, b| a.0.total_cmp(&b.0)).map_or(from, |f| f.1)
    };
    let one = farthest(items[0]);
    let other = farthest(one);
    let line: Vec<f32> = row(other).iter().zip(row(one)).map(|(a, b)| a - b).collect();
    for (out, &i) in out.iter_mut().zip(items) {
        let place: f32 = row(i).iter().zip(&line).map(|(x, l)| x * l).sum();
        *out = (place, i);
    }
}

fn squared_f32(a: &[f32], b: &[f32]) -> f32 {
    let (pa, ra) = a.as_chunks::<8>();
    let (pb, rb) = b.as_chunks::<8>();
    let mut sums = [0f32; 8];
    for (x, y) in pa.iter().zip(pb) {
        for k in 0..8 {
            sums[k] += (x[k] - y[k]) * (x[k] - y[k]);
        }
    }
    sums.iter().sum::<f32>() + ra.iter().zip(rb).map(|(x, y)| (x - y) * (x - y)).sum::<f32>()
}

fn gap(centre: &[f64], row: &[f32]) -> f64 {
    let (pa, ra) = centre.as_chunks::<8>();
    let (pb, rb) = row.as_chunks::<8>();
    let mut sums = [0f64; 8];
    for (c, x) in pa.iter().zip(pb) {
        for k in 0..8 {
            let step = c[k] - f64::from(x[k]);
            sums[k] += step * step;
        }
    }
    let rest = ra.iter().zip(rb).map(|(c, &x)| (c - f64::from(x)).powi(2));
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

fn squared(a: &[f64], b: &[f64]) -> f64 {
    let (pa, ra) = a.as_chunks::<8>();
    let (pb, rb) = b.as_chunks::<8>();
    let mut sums = [0f64; 8];
    for (x, y) in pa.iter().zip(pb) {
        for k in 0..8 {
            sums[k] += (x[k] - y[k]) * (x[k] - y[k]);
        }
    }
    sums.iter().sum::<f64>() + ra.iter().zip(rb).map(|(x, y)| (x - y) * (x - y)).sum::<f64>()
}
