//! All pairs of points within a distance, exactly.
//!
//! Blocks of neighbours that are too far apart are left out by their balls. Between two other
//! blocks, sketches in single precision bound the distance of every pair from below; what the
//! bound does not rule out is measured, first in single and then in double precision.

use super::blocks::{BLOCK, Block, blocks};
use super::points::Points;
use super::sketch::{Sketches, rounding};
use super::tile::{LANES, Machine, Panels, ROWS, Task, dispatch};
use crate::base::{Ctx, Error, Result, par};

/// What underflow may take from a sum in single precision.
const TINY: f64 = 1e-37;
/// More than any squared distance of points, and finite in single precision.
const HUGE: f64 = 1e37;

/// Which pairs are looked for.
#[derive(Debug, Clone, Copy)]
pub enum Sides<'a> {
    /// Of any two of these points.
    One(&'a [u32]),
    /// Of a point on the left and another on the right; a point may be on both sides.
    Two(&'a [u32], &'a [u32]),
}

/// A pair of points, `left < right`, and what the caller's measure said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// One point.
    pub left: u32,
    /// Another, after it.
    pub right: u32,
    /// What `confirm` gave.
    pub score: f64,
}

/// All pairs that `confirm` gives a score, in order; it is asked about every pair within `reach`
/// (in the units of the points as they were given), and about few others.
pub fn within(
    ctx: &Ctx,
    points: &Points,
    reach: f64,
    sides: Sides,
    confirm: impl Fn(u32, u32) -> Option<f64> + Sync + Send,
) -> Result<Vec<Pair>> {
    // Room for the rounding of the points themselves to double precision.
    let reach = reach / points.scale * (1.0 + 1e-9) + 1e-18;
    let (left, right) = match sides {
        Sides::One(items) => (items, None),
        Sides::Two(left, right) => (left, Some(right)),
    };
    if left.iter().chain(right.unwrap_or(&[])).any(|&i| i as usize >= points.len()) {
        return Err(Error::Shape(format!("a side names none of {} points", points.len())));
    }
    let sketches = Sketches::new(ctx, points, reach, left, right.unwrap_or(left))?;
    let group =
        |items: &[u32]| blocks(ctx, points, &sketches.cells, sketches.width, items.to_vec());
    let (one, two) = (group(left)?, right.map(group).transpose()?);
    let pack = |made| Packed::all(ctx, points, &sketches, reach, made);
    let (one, two) = (pack(&one)?, two.as_ref().map(|made| pack(made)).transpose()?);
    let others = two.as_deref().unwrap_or(&one);
    ctx.set_total(one.len() as u64);
    let found = par::map(ctx, one.len(), |b| {
        let from = if two.is_some() { 0 } else { b };
        let mut pairs = Vec::new();
        let mut near = Vec::new();
        for (c, other) in others.iter().enumerate().skip(from) {
            if !one[b].block.may_meet(other.block, reach) {
                continue;
            }
            ctx.check()?;
            let same = two.is_none() && b == c;
            near.clear();
            let near = &mut near;
            let width = sketches.width;
            dispatch(Meet { points, reach, width, left: &one[b], right: other, same, near });
            for &mut (i, j) in near {
                let (left, right) = (i.min(j), i.max(j));
                if left != right
                    && let Some(score) = confirm(left, right)
                {
                    pairs.push(Pair { left, right, score });
                }
            }
        }
        ctx.advance(1).map(|()| pairs)
    })?;
    let mut pairs = found.into_iter().collect::<Result<Vec<_>>>()?.concat();
    pairs.sort_unstable_by_key(|p| (p.left, p.right));
    pairs.dedup_by_key(|p| (p.left, p.right));
    Ok(pairs)
}

/// The sketches of a block, laid out as the inner loop reads them.
///
/// x and y are within `reach` when `x.y - y.y / 2 >= (x.x - reach * reach) / 2`: the right side is
/// `limit`, a value a row, and what is taken off is `start`, a value a lane.
struct Packed<'a> {
    block: &'a Block,
    left: Vec<[f32; ROWS]>,
    limit: Vec<[f32; ROWS]>,
    right: Vec<[f32; LANES]>,
    start: Vec<[f32; LANES]>,
}

impl<'a> Packed<'a> {
    fn all(
        ctx: &Ctx,
        points: &Points,
        sketches: &Sketches,
        reach: f64,
        made: &'a [Block],
    ) -> Result<Vec<Self>> {
        par::map(ctx, made.len(), |b| Packed::new(points, sketches, reach, &made[b]))
    }

    fn new(points: &Points, sketches: &Sketches, reach: f64, block: &'a Block) -> Self {
        let width = sketches.width;
        let share = 0.5 - slack(sketches.room);
        let mut made = Packed {
            block,
            left: vec![[0.0; ROWS]; BLOCK / ROWS * width],
            limit: vec![[f32::INFINITY; ROWS]; BLOCK / ROWS],
            right: vec![[0.0; LANES]; BLOCK / LANES * width],
            start: vec![[f32::NEG_INFINITY; LANES]; BLOCK / LANES],
        };
        for (k, &i) in block.items.iter().enumerate() {
            let square = points.squares[i as usize];
            made.limit[k / ROWS][k % ROWS] = (share * square - half(reach)) as f32;
            made.start[k / LANES][k % LANES] = (-share * square) as f32;
            for (f, &x) in sketches.row(i as usize).iter().enumerate() {
                made.left[k / ROWS * width + f][k % ROWS] = x;
                made.right[k / LANES * width + f][k % LANES] = x;
            }
        }
        made
    }
}

/// The share of squared lengths that leaves room for the rounding of sums (`room`), of the points,
/// and of what is put into single precision.
fn slack(room: f64) -> f64 {
    room + 2.0 * Points::ERROR + 4.0 * f64::from(f32::EPSILON)
}

/// Half the squared reach, rounded up; what all points are within is enough, and stays finite.
fn half(reach: f64) -> f64 {
    (reach * reach / 2.0 * (1.0 + 1e-6) + TINY).min(HUGE)
}

/// Appends the pairs of two blocks that may be within reach.
struct Meet<'a> {
    points: &'a Points,
    reach: f64,
    width: usize,
    left: &'a Packed<'a>,
    right: &'a Packed<'a>,
    same: bool,
    near: &'a mut Vec<(u32, u32)>,
}

impl Task for Meet<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self, machine: M) {
        let (ours, theirs) = (self.left, self.right);
        let share = 0.5 - slack(rounding(self.points.width));
        let half = half(self.reach);
        let mut sums = [[0f32; LANES]; ROWS];
        for (b, (right, start)) in theirs.right.chunks(self.width).zip(&theirs.start).enumerate() {
            for (a, (left, limit)) in ours.left.chunks(self.width).zip(&ours.limit).enumerate() {
                if !machine.reach(&Panels { left, limit, right, start }, &mut sums) {
                    continue;
                }
                for (r, row) in sums.iter().enumerate() {
                    for (l, &sum) in row.iter().enumerate() {
                        let (k, m) = (a * ROWS + r, b * LANES + l);
                        if sum < 0.0 || (self.same && k >= m) {
                            continue;
                        }
                        let (Some(&i), Some(&j)) =
                            (ours.block.items.get(k), theirs.block.items.get(m))
                        else {
                            continue;
                        };
                        let (x, y) = (i as usize, j as usize);
                        let product = machine.dot(self.points.row(x), self.points.row(y));
                        let squares = self.points.squares[x] + self.points.squares[y];
                        if f64::from(product) - share * squares >= -half {
                            self.near.push((i, j));
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;

    /// Points of which every other lies close to one before it.
    fn cells(n: usize, width: usize) -> Vec<f64> {
        let mut s = Stream::new(4, 0, 0, 0);
        let mut x: Vec<f64> = (0..n * width).map(|_| 0.2 * s.normal()).collect();
        for i in (1..n).step_by(2) {
            let from = s.below(i as u64) as usize;
            for j in 0..width {
                x[i * width + j] = x[from * width + j] + 0.01 * s.normal();
            }
        }
        x
    }

    #[test]
    fn few_pairs_beyond_those_within_reach_are_asked_about() {
        let (n, width, reach) = (2500, 72, 0.2);
        let x = cells(n, width);
        let ctx = Ctx::new(1);
        let fill = |i: usize, out: &mut [f64]| out.copy_from_slice(&x[i * width..][..width]);
        let points = Points::new(&ctx, n, width, fill).unwrap();
        let items: Vec<u32> = (0..n as u32).collect();
        let distance = |i: u32, j: u32| {
            let at = |k: u32| &x[k as usize * width..][..width];
            at(i).iter().zip(at(j)).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
        };
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let confirm = |i: u32, j: u32| {
            asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Some(distance(i, j)).filter(|&d| d <= reach)
        };
        let got = within(&ctx, &points, reach, Sides::One(&items), confirm).unwrap();
        let mut want = Vec::new();
        for i in 0..n as u32 {
            want.extend((i + 1..n as u32).filter(|&j| distance(i, j) <= reach).map(|j| (i, j)));
        }
        assert_eq!(got.iter().map(|p| (p.left, p.right)).collect::<Vec<_>>(), want);
        assert!(
            want.len() >= n / 2
                && asked.load(std::sync::atomic::Ordering::Relaxed) < want.len() + 50
        );
        let sketches = Sketches::new(&ctx, &points, reach / points.scale, &items, &items).unwrap();
        assert!(sketches.width < width);
        let got = within(&ctx, &points, reach, Sides::Two(&items[..9], &[n as u32]), confirm);
        assert!(matches!(got, Err(Error::Shape(_))));
    }
}
