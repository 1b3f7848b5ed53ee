//! Rows within a tolerance of each other in every measured column and equal in the others: exact.
//!
//! Each measured column is turned into ranks once, with how far each rank reaches. From there on
//! two values are within the tolerance when one reaches the rank of the other, whatever their type.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use ndarray::ArrayView1;

use crate::base::{Ctx, Error, Result, par};
use crate::dedup::cells::{Cells, Column, check_lengths};
use crate::dedup::ranks::{Measured, Ranked};
use crate::dedup::rows::{equal_rows, first_rows, hash_rows};

/// Sets of so few rows are compared two by two.
const LEAF: usize = 32;
/// Sets of so many rows are one thread's work.
const SHARE: usize = 1 << 14;
/// A column that is so few tolerances wide, in a set of rows, does not divide it.
const NARROW: usize = 4;
/// Blocks of rows looked at by one task.
const BLOCKS: usize = 1024;

/// Two rows by their groups, and their score.
pub type Pair = (u32, u32, f64);

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Within {
    /// The group of each row: rows that are equal in all columns share one.
    pub group: Vec<i64>,
    /// A hash of the content of each group.
    pub keys: Vec<u64>,
    /// Groups within the tolerance, each two once, left < right, sorted. The score is 1 less the
    /// largest difference, in tolerances.
    pub pairs: Vec<Pair>,
}

/// Rows that are equal in the columns `exact` and within the tolerance in those measured.
///
/// Missing cells are within the tolerance of missing cells alone. Where `n_left` is given, only
/// pairs of a row before that one with a row at or after it count. More than `most` pairs of
/// different rows are an error.
pub fn rows_within<'a>(
    ctx: &Ctx,
    n_rows: usize,
    exact: &[Column<'a>],
    measured: &[(Measured<'a>, Option<ArrayView1<'a, bool>>)],
    n_left: Option<usize>,
    most: usize,
) -> Result<Within> {
    let mut all = exact.to_vec();
    all.extend(measured.iter().map(|(m, missing)| Column { cells: m.cells(), missing: *missing }));
    check_lengths(n_rows, &all)?;
    let group = equal_rows(ctx, n_rows, &all)?;
    let first = first_rows(&group);
    let mut hashes = vec![0; n_rows];
    hash_rows(ctx, &all, 0, &mut hashes)?;
    let keys = first.iter().map(|&row| hashes[row as usize]).collect();

    let gone = |m: &Measured, missing: &Option<ArrayView1<bool>>| -> Vec<bool> {
        (0..n_rows).map(|i| missing.is_some_and(|m| m[i]) || m.is_nan(i)).collect()
    };
    let masks: Vec<Vec<bool>> = measured.iter().map(|(m, missing)| gone(m, missing)).collect();
    let alike = equal_rows(ctx, n_rows, exact)?;
    // Rows that miss other cells are never compared.
    let mut same = vec![Column { cells: Cells::I64(ArrayView1::from(&alike)), missing: None }];
    same.extend(
        masks
            .iter()
            .map(|mask| Column { cells: Cells::Bool(ArrayView1::from(mask)), missing: None }),
    );
    let block = equal_rows(ctx, n_rows, &same)?;
    let ranked = |c: usize| measured[c].0.ranked(&first, &masks[c]);
    let search = Search {
        columns: par::map(ctx, measured.len(), ranked)?,
        sides: n_left.map(|n| sides(&group, first.len(), n)),
        found: AtomicUsize::new(0),
        most,
    };
    let block: Vec<i64> = first.iter().map(|&row| block[row as usize]).collect();
    let found = search.run(ctx, &block)?;
    let scored = |&(i, j): &(u32, u32)| {
        let (a, b) = (first[i as usize] as usize, first[j as usize] as usize);
        let apart = |c: usize| if masks[c][a] { 0.0 } else { measured[c].0.apart(a, b) };
        let most = (0..measured.len()).map(apart).filter(|d| d.is_finite()).fold(0.0, f64::max);
        (i, j, (1.0 - most).max(0.0))
    };
    Ok(Within { group, keys, pairs: found.iter().map(scored).collect() })
}

/// For each group whether it has rows before row `n_left` (1), and at or after it (2).
fn sides(group: &[i64], n_groups: usize, n_left: usize) -> Vec<u8> {
    let mut out = vec![0; n_groups];
    for (row, &g) in group.iter().enumerate() {
        out[g as usize] |= if row < n_left { 1 } else { 2 };
    }
    out
}

/// Rows to compare with each other, or with those of a second set.
struct Job {
    one: Vec<u32>,
    other: Option<Vec<u32>>,
}

struct Search {
    columns: Vec<Ranked>,
    sides: Option<Vec<u8>>,
    found: AtomicUsize,
    most: usize,
}

impl Search {
    /// All pairs of one block each, sorted.
    fn run(&self, ctx: &Ctx, block: &[i64]) -> Result<Vec<(u32, u32)>> {
        let mut rows: Vec<u32> = (0..block.len() as u32).collect();
        rows.sort_unstable_by_key(|&k| (block[k as usize], k));
        let blocks: Vec<&[u32]> =
            rows.chunk_by(|&i, &j| block[i as usize] == block[j as usize]).collect();
        let small = par::map_chunks(ctx, blocks.len(), BLOCKS, |start, end| {
            let mut out = Vec::new();
            for rows in blocks[start..end].iter().filter(|rows| rows.len() <= LEAF) {
                self.compare(ctx, rows, None, &mut out)?;
            }
            Ok(out)
        })?;
        let large = blocks.iter().filter(|rows| rows.len() > LEAF);
        let mut open: Vec<Job> =
            large.map(|rows| Job { one: rows.to_vec(), other: None }).collect();
        let mut jobs = Vec::new();
        while let Some(job) = open.pop() {
            ctx.check()?;
            let size = job.one.len() + job.other.as_ref().map_or(0, Vec::len);
            match if size > SHARE { self.split(&job) } else { None } {
                Some(parts) => open.extend(parts),
                None => jobs.push(job),
            }
        }
        ctx.set_total(jobs.len() as u64);
        let large = par::map(ctx, jobs.len(), |j| {
            let mut out = Vec::new();
            self.finish(ctx, &jobs[j], &mut out)?;
            ctx.advance(1)?;
            Ok(out)
        })?;
        let found: Result<Vec<_>> = small.into_iter().chain(large).collect();
        let mut pairs = found?.concat();
        if pairs.len() > self.most {
            return Err(self.too_many());
        }
        pairs.sort_unstable();
        Ok(pairs)
    }

    fn finish(&self, ctx: &Ctx, job: &Job, out: &mut Vec<(u32, u32)>) -> Result<()> {
        let Some(mut open) = self.split(job) else {
            return self.compare(ctx, &job.one, job.other.as_deref(), out);
        };
        while let Some(job) = open.pop() {
            match self.split(&job) {
                Some(parts) => open.extend(parts),
                None => self.compare(ctx, &job.one, job.other.as_deref(), out)?,
            }
        }
        Ok(())
    }

    /// The job in parts, cut in two where a column is widest; `None` if it is small or narrow.
    ///
    /// Rows on both sides of the cut meet in parts that hold only those near enough to it. Such a
    /// part is at most three tolerances wide, so that it is not cut there again.
    fn split(&self, job: &Job) -> Option<Vec<Job>> {
        let other = job.other.as_deref().unwrap_or(&[]);
        if job.one.len() + other.len() <= LEAF {
            return None;
        }
        let (column, cut) = self.cut(&job.one, other)?;
        let halves = |rows: &[u32]| -> (Vec<u32>, Vec<u32>) {
            rows.iter().partition(|&&k| column.of(k) < cut)
        };
        let (low, high) = halves(&job.one);
        let parts = match &job.other {
            None => {
                let across = near(column, &low, &high);
                vec![Job { one: low, other: None }, Job { one: high, other: None }, across]
            }
            Some(other) => {
                let (other_low, other_high) = halves(other);
                let up = near(column, &low, &other_high);
                let down = near(column, &other_low, &high);
                let below = Job { one: low, other: Some(other_low) };
                let above = Job { one: high, other: Some(other_high) };
                vec![below, above, up, down]
            }
        };
        let has_pairs = |job: &Job| match &job.other {
            None => job.one.len() > 1,
            Some(other) => !job.one.is_empty() && !other.is_empty(),
        };
        Some(parts.into_iter().filter(has_pairs).collect())
    }

    /// The column that is widest in these rows, and the rank to cut it at.
    fn cut(&self, one: &[u32], other: &[u32]) -> Option<(&Ranked, u32)> {
        let rows = || one.iter().chain(other).copied();
        let n = one.len() + other.len();
        let wide = |column: &Ranked| {
            let (mut low, mut high) = (u32::MAX, 0);
            for k in rows() {
                low = low.min(column.of(k));
                high = high.max(column.of(k));
            }
            (column.width(low, high, n), low)
        };
        let widths = self.columns.iter().map(|c| (wide(c), c));
        let ((width, low), column) = widths.max_by_key(|((width, _), _)| *width)?;
        if width < NARROW {
            return None;
        }
        let mut ranks: Vec<u32> = rows().map(|k| column.of(k)).collect();
        let middle = *ranks.select_nth_unstable(n / 2).1;
        if middle > low {
            return Some((column, middle));
        }
        ranks.into_iter().filter(|&r| r > low).min().map(|next| (column, next))
    }

    /// Compares rows two by two.
    fn compare(
        &self,
        ctx: &Ctx,
        one: &[u32],
        other: Option<&[u32]>,
        out: &mut Vec<(u32, u32)>,
    ) -> Result<()> {
        let before = out.len();
        for (at, &i) in one.iter().enumerate() {
            ctx.check()?;
            for &j in other.unwrap_or(&one[at + 1..]) {
                if self.columns.iter().all(|c| c.within(i, j)) && self.counts(i, j) {
                    out.push((i.min(j), i.max(j)));
                }
            }
            if self.found.load(Relaxed) + (out.len() - before) > self.most {
                return Err(self.too_many());
            }
        }
        self.found.fetch_add(out.len() - before, Relaxed);
        Ok(())
    }

    fn too_many(&self) -> Error {
        Error::Data(format!(
            "more than {} pairs of different rows are within the tolerance: use a smaller one",
            self.most
        ))
    }

    fn counts(&self, i: u32, j: u32) -> bool {
        self.sides.as_ref().is_none_or(|s| {
            let (a, b) = (s[i as usize], s[j as usize]);
            (a & 1 != 0 && b & 2 != 0) || (a & 2 != 0 && b & 1 != 0)
        })
    }
}

/// The rows below a cut and those above it that can be within the tolerance of each other.
fn near(column: &Ranked, low: &[u32], high: &[u32]) -> Job {
    let least = high.iter().map(|&k| column.of(k)).min();
    let largest = low.iter().map(|&k| column.of(k)).max();
    let (Some(least), Some(largest)) = (least, largest) else {
        return Job { one: Vec::new(), other: Some(Vec::new()) };
    };
    let reach = |r: u32| column.reach[r as usize];
    let below = low.iter().copied().filter(|&k| reach(column.of(k)) >= least);
    let above = high.iter().copied().filter(|&k| column.of(k) <= reach(largest));
    Job { one: below.collect(), other: Some(above.collect()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(ctx: &Ctx, measured: &[Measured]) -> Result<Within> {
        let measured: Vec<_> = measured.iter().map(|&m| (m, None)).collect();
        let n = Column { cells: measured[0].0.cells(), missing: None }.len();
        rows_within(ctx, n, &[], &measured, None, 1 << 20)
    }

    #[test]
    fn neighbours_across_any_edge_are_found() {
        let x: Vec<f64> = (0..500).map(|i| f64::from(i) * 0.7).collect();
        let got = pairs(&Ctx::new(1), &[Measured::F64(ArrayView1::from(&x), 0.8)]).unwrap();
        let want: Vec<(u32, u32)> = (1..500).map(|i| (i - 1, i)).collect();
        assert_eq!(got.pairs.iter().map(|&(i, j, _)| (i, j)).collect::<Vec<_>>(), want);
        assert!((got.pairs[0].2 - 0.125).abs() < 1e-12);
    }

    #[test]
    fn it_stops_and_says_when_there_are_too_many() {
        let x = vec![0.5f64; 100].iter().enumerate().map(|(i, v)| v + i as f64).collect::<Vec<_>>();
        let wide = [(Measured::F64(ArrayView1::from(&x), 1e9), None)];
        let got = rows_within(&Ctx::new(1), 100, &[], &wide, None, 4949);
        assert!(matches!(got, Err(Error::Data(m)) if m.contains("more than 4949 pairs")));
        assert!(rows_within(&Ctx::new(1), 100, &[], &wide, None, 4950).is_ok());
        let ctx = Ctx::new(1);
        ctx.stop();
        assert_eq!(rows_within(&ctx, 100, &[], &wide, None, 10), Err(Error::Stopped));
    }

    #[test]
    fn many_rows_in_three_columns_on_any_number_of_threads() {
        let n = 60_000usize;
        let draw = |k: u64| -> Vec<f64> {
            let word = |i: usize| crate::base::hash::mix(k, i as u64) >> 40;
            (0..n).map(|i| word(i) as f64 / f64::from(1 << 24)).collect()
        };
        let columns = [draw(1), draw(2), draw(3)];
        let measured: Vec<_> =
            columns.iter().map(|x| Measured::F64(ArrayView1::from(x), 0.01)).collect();
        let one = pairs(&Ctx::new(1), &measured).unwrap();
        for threads in [2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let got = pool.install(|| pairs(&Ctx::new(threads), &measured)).unwrap();
            assert_eq!(got, one);
        }
        // Expected: n^2 / 2 pairs, each within (2 t - t^2)^3.
        assert!((13_500..14_500).contains(&one.pairs.len()), "{}", one.pairs.len());
    }

    proptest! {
        #[test]
        fn pairs_are_those_of_the_slow_search(
            rows in prop::collection::vec((0i64..60, 0u8..40, 0u8..2, any::<bool>()), 1..120),
            t in 0u64..4,
            n_left in prop::option::of(0usize..120),
        ) {
            let n = rows.len();
            let ints: Vec<i64> = rows.iter().map(|r| r.0).collect();
            let gone: Vec<bool> = rows.iter().map(|r| r.0 == 7).collect();
            let floats: Vec<f32> =
                rows.iter().map(|r| if r.1 == 3 { f32::NAN } else { f32::from(r.1) / 7.0 }).collect();
            let flags: Vec<bool> = rows.iter().map(|r| r.3).collect();
            let flag = Column { cells: Cells::Bool(ArrayView1::from(&flags)), missing: None };
            let measured = [
                (Measured::I64(ArrayView1::from(&ints), t), Some(ArrayView1::from(&gone))),
                (Measured::F32(ArrayView1::from(&floats), 0.43), None),
            ];
            let got = rows_within(&Ctx::new(1), n, &[flag], &measured, n_left, 1 << 20).unwrap();
            let near = |i: usize, j: usize| {
                let a = if gone[i] || gone[j] { gone[i] && gone[j] }
                    else { ints[i].abs_diff(ints[j]) <= t };
                let (x, y) = (floats[i], floats[j]);
                let b = if x.is_nan() || y.is_nan() { x.is_nan() && y.is_nan() }
                    else { (x - y).abs() <= 0.43 };
                a && b && flags[i] == flags[j]
            };
            let mut want = std::collections::BTreeSet::new();
            for j in 0..n {
                for i in 0..j {
                    let (a, b) = (got.group[i] as u32, got.group[j] as u32);
                    let across = n_left.is_none_or(|k| i < k && j >= k);
                    if a != b && across && near(i, j) {
                        want.insert((a.min(b), a.max(b)));
                    }
                }
            }
            let found: Vec<_> = got.pairs.iter().map(|p| (p.0, p.1)).collect();
            prop_assert_eq!(found, want.into_iter().collect::<Vec<_>>());
            prop_assert!(got.pairs.iter().all(|p| (0.0..1.0).contains(&p.2)));
        }
    }
}
