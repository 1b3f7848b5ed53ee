//! The search for the nearest of many points, block by block.

use super::{Best, Cells};
use crate::base::{Ctx, Result, par};
use crate::near::points::Points;
use crate::near::sketch::rounding;
use crate::near::tile::{LANES, Machine, Panels, ROWS, Task, dispatch};

/// Points of a block: a multiple of the rows and of the lanes of the panels.
const BLOCK: usize = 96;
/// What underflow may take from a sum in single precision.
const TINY: f64 = 1e-37;
/// More than any squared distance of points, and finite in single precision.
const HUGE: f64 = 1e37;

/// A box around points, in their units.
#[derive(Clone)]
struct Bounds {
    low: Vec<f32>,
    high: Vec<f32>,
}

impl Bounds {
    fn new(points: &Points, items: &[u32]) -> Self {
        let p = points.width;
        let mut made = Bounds { low: vec![f32::INFINITY; p], high: vec![f32::NEG_INFINITY; p] };
        for &i in items {
            let sides = made.low.iter_mut().zip(&mut made.high);
            for ((low, high), &x) in sides.zip(points.row(i as usize)) {
                *low = low.min(x);
                *high = high.max(x);
            }
        }
        made
    }

    /// A bound from below on the squared distance of two boxes' points, in double precision.
    fn gap(&self, other: &Bounds) -> f64 {
        let (low, low_rest) = self.low.as_chunks::<4>();
        let (high, high_rest) = self.high.as_chunks::<4>();
        let (other_low, other_low_rest) = other.low.as_chunks::<4>();
        let (other_high, other_high_rest) = other.high.as_chunks::<4>();
        let mut sums = [0.0; 4];
        for ((low, high), (from, to)) in low.iter().zip(high).zip(other_low.iter().zip(other_high))
        {
            for k in 0..4 {
                sums[k] += side(low[k], high[k], from[k], to[k]);
            }
        }
        let own = low_rest.iter().zip(high_rest);
        let theirs = other_low_rest.iter().zip(other_high_rest);
        let rest: f64 = own.zip(theirs).map(|((l, h), (from, to))| side(*l, *h, *from, *to)).sum();
        (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
    }
}

/// The square of how far two ranges lie apart.
fn side(low: f32, high: f32, other_low: f32, other_high: f32) -> f64 {
    let apart = f64::from((other_low - high).max(low - other_high).max(0.0));
    apart * apart
}

/// Points that lie together, and their coordinates as the inner loop reads them.
struct Block {
    items: Vec<u32>,
    bounds: Bounds,
    /// The greatest squared length.
    longest: f64,
    right: Vec<[f32; LANES]>,
    start: Vec<[f32; LANES]>,
}

impl Block {
    fn new(points: &Points, items: &[u32], share: f64) -> Self {
        let p = points.width;
        let square = |i: u32| points.squares[i as usize];
        let mut made = Block {
            items: items.to_vec(),
            bounds: Bounds::new(points, items),
            longest: items.iter().fold(0.0, |far: f64, &i| far.max(square(i))),
            right: vec![[0.0; LANES]; BLOCK / LANES * p],
            start: vec![[f32::NEG_INFINITY; LANES]; BLOCK / LANES],
        };
        for (k, &i) in items.iter().enumerate() {
            made.start[k / LANES][k % LANES] = (-share * square(i)) as f32;
            for (f, &x) in points.row(i as usize).iter().enumerate() {
                made.right[k / LANES * p + f][k % LANES] = x;
            }
        }
        made
    }
}

/// Puts points in order so that each block, and each panel's rows in it, lie together.
fn order(ctx: &Ctx, points: &Points, items: &mut [u32]) -> Result<()> {
    let mut open = vec![(0, items.len())];
    while let Some((start, end)) = open.pop() {
        let n = end - start;
        if n <= ROWS {
            continue;
        }
        if n > 1 << 12 {
            ctx.check()?;
        }
        let part = &mut items[start..end];
        let bounds = Bounds::new(points, part);
        let widths = bounds.high.iter().zip(&bounds.low).map(|(high, low)| high - low);
        let widest = widths.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |w| w.0);
        let unit = if n > BLOCK { BLOCK } else { ROWS };
        let middle = (n / 2 / unit).max(1) * unit;
        let key = |i: u32| points.row(i as usize).get(widest).copied().unwrap_or(0.0);
        part.select_nth_unstable_by(middle, |&a, &b| key(a).total_cmp(&key(b)).then(a.cmp(&b)));
        open.push((start, start + middle));
        open.push((start + middle, end));
    }
    Ok(())
}

/// A query, and the squared distances and rows of its nearest.
pub(super) type Found = (u32, Vec<(f64, u32)>);

/// The nearest of many, block by block.
pub(super) fn by_blocks(
    ctx: &Ctx,
    cells: &Cells,
    n: usize,
    asked: &[u32],
    apart: bool,
    k: usize,
) -> Result<Vec<Vec<Found>>> {
    let total = cells.rows.len() / cells.p.max(1);
    let fill = |i: usize, out: &mut [f64]| cells.fill(i as u32, out);
    let points = Points::new(ctx, total, cells.width(), fill)?;
    // What is off at the first look: rounding of sums, of the points, and of what is compared.
    let slack = rounding(cells.width()) + 2.0 * Points::ERROR + 4.0 * f64::from(f32::EPSILON);
    let share = 0.5 - slack;
    let pack = |mut items: Vec<u32>| -> Result<Vec<Block>> {
        order(ctx, &points, &mut items)?;
        par::map_chunks(ctx, items.len(), BLOCK, |a, b| Block::new(&points, &items[a..b], share))
    };
    let theirs = pack((0..n as u32).collect())?;
    let separate = if apart { Some(pack(asked.to_vec())?) } else { None };
    let ours = separate.as_ref().unwrap_or(&theirs);
    ctx.set_total(ours.len() as u64);
    let found = par::map(ctx, ours.len(), |b| {
        let mut search = Search::new(cells, &points, &ours[b], share, k);
        let mut gaps: Vec<(f64, usize)> =
            theirs.iter().enumerate().map(|(c, other)| (search.gap(other), c)).collect();
        let (mut open, mut hits) = (Vec::new(), Vec::new());
        gaps.sort_unstable_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
        for (done, (gap, c)) in gaps.into_iter().enumerate() {
            if gap > search.limit() {
                break;
            }
            if done % 64 == 0 {
                ctx.check()?;
            }
            search.meet(&theirs[c], &mut open, &mut hits);
        }
        ctx.advance(1)?;
        Ok(search.found())
    })?;
    found.into_iter().collect()
}

/// The queries of one block, in panels.
struct Search<'a> {
    cells: &'a Cells,
    block: &'a Block,
    panels: Vec<Panel>,
    /// Their coordinates, panel after panel, as the inner loop reads them.
    left: Vec<[f32; ROWS]>,
    limits: Vec<[f32; ROWS]>,
    share: f64,
    /// From squared distances to those of the points.
    scale: f64,
}

/// Some queries, and the nearest of each so far.
struct Panel {
    bounds: Bounds,
    longest: f64,
    squares: [f64; ROWS],
    /// The greatest squared distance that one of its queries still takes, in units of the points.
    reach: f64,
    best: Vec<Best>,
}

impl<'a> Search<'a> {
    fn new(
        cells: &'a Cells,
        points: &Points,
        block: &'a Block,
        share: f64,
        k: usize,
    ) -> Search<'a> {
        let width = points.width;
        let count = block.items.len().div_ceil(ROWS);
        let mut left = vec![[0.0; ROWS]; count * width];
        let mut limits = vec![[f32::INFINITY; ROWS]; count];
        let mut panels = Vec::with_capacity(count);
        for (a, items) in block.items.chunks(ROWS).enumerate() {
            let mut squares = [0.0; ROWS];
            for (r, &i) in items.iter().enumerate() {
                squares[r] = points.squares[i as usize];
                limits[a][r] = -(HUGE as f32);
                for (left, &x) in left[a * width..].iter_mut().zip(points.row(i as usize)) {
                    left[r] = x;
                }
            }
            panels.push(Panel {
                bounds: Bounds::new(points, items),
                longest: squares.iter().fold(0.0, |far: f64, &v| far.max(v)),
                squares,
                reach: f64::INFINITY,
                best: vec![Best::new(k); items.len()],
            });
        }
        let scale = points.scale.recip().powi(2);
        Search { cells, block, panels, left, limits, share, scale }
    }

    /// Offers a block's points to the queries.
    fn meet(&mut self, other: &Block, open: &mut Vec<usize>, hits: &mut Vec<Hit>) {
        let near = |panel: &Panel| {
            let gap = panel.bounds.gap(&other.bounds);
            lower(gap, panel.longest.max(other.longest)) <= panel.reach
        };
        open.clear();
        open.extend((0..self.panels.len()).filter(|&a| near(&self.panels[a])));
        let width = self.cells.width();
        for (b, (right, start)) in other.right.chunks(width).zip(&other.start).enumerate() {
            hits.clear();
            let (left, limits) = (&self.left, &self.limits);
            dispatch(Scan { left, limits, right, start, open, hits });
            for hit in hits.iter() {
                self.offer(hit, other, b);
            }
        }
    }

    /// Measures what a first look has left.
    fn offer(&mut self, hit: &Hit, other: &Block, b: usize) {
        let panel = &mut self.panels[hit.panel];
        let own = &self.block.items[hit.panel * ROWS..];
        let mut closer = false;
        for ((&own, best), sums) in own.iter().zip(&mut panel.best).zip(&hit.sums) {
            for (lane, _) in sums.iter().enumerate().filter(|(_, sum)| **sum >= 0.0) {
                match other.items.get(b * LANES + lane) {
                    Some(&row) if row != own => {
                        closer |= best.offer(self.cells.square(own, row), row);
                    }
                    _ => {}
                }
            }
        }
        if closer {
            panel.tighten(&mut self.limits[hit.panel], self.share, self.scale);
        }
    }

    /// A bound from below on the squared distance to a block's points, less what the rounding of
    /// points may have added.
    fn gap(&self, other: &Block) -> f64 {
        lower(self.block.bounds.gap(&other.bounds), self.block.longest.max(other.longest))
    }

    fn limit(&self) -> f64 {
        self.panels.iter().fold(f64::NEG_INFINITY, |far, panel| far.max(panel.reach))
    }

    fn found(self) -> Vec<Found> {
        let best = self.panels.into_iter().flat_map(|panel| panel.best);
        self.block.items.iter().copied().zip(best.map(|best| best.found)).collect()
    }
}

/// A squared distance less what rounding to single precision may have added, where lengths go up
/// to the root of `longest`.
fn lower(square: f64, longest: f64) -> f64 {
    let error = 4.0 * f64::from(f32::EPSILON);
    let gap = square.sqrt() * (1.0 - 64.0 * error) - error * longest.sqrt();
    gap.max(0.0).powi(2) - TINY
}

/// A panel with points that may be near: those whose sums are not negative.
struct Hit {
    panel: usize,
    sums: [[f32; LANES]; ROWS],
}

/// Finds which points of a right panel may be near which queries of some panels.
struct Scan<'a> {
    left: &'a [[f32; ROWS]],
    limits: &'a [[f32; ROWS]],
    right: &'a [[f32; LANES]],
    start: &'a [f32; LANES],
    open: &'a [usize],
    hits: &'a mut Vec<Hit>,
}

impl Task for Scan<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self, machine: M) {
        let (right, start, width) = (self.right, self.start, self.right.len());
        let mut sums = [[0f32; LANES]; ROWS];
        for &panel in self.open {
            let left = &self.left[panel * width..(panel + 1) * width];
            let limit = &self.limits[panel];
            if !machine.reach(&Panels { left, limit, right, start }, &mut sums) {
                continue;
            }
            self.hits.push(Hit { panel, sums });
        }
    }
}

impl Panel {
    /// x and y are within a distance when `x.y - y.y / 2` is at least half of what the square of x
    /// is above that of the distance.
    fn tighten(&mut self, limits: &mut [f32; ROWS], share: f64, scale: f64) {
        self.reach = 0.0;
        for (r, best) in self.best.iter().enumerate() {
            let square = best.limit() * scale * (1.0 + 1e-6) + TINY;
            self.reach = self.reach.max(square);
            limits[r] = (share * self.squares[r] - (square / 2.0).min(HUGE)) as f32;
        }
    }
}
