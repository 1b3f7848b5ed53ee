//! The rows of a node in the order of a feature: kept sorted from the start, or sorted anew.

use ndarray::ArrayView2;

use crate::base::{Ctx, Result, par};
use crate::trees::flat::round_down;

/// A value and its row in one word that sorts by value, then by row; missing values come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry(u64);

/// The bits of an entry that hold its row.
const ROW: u64 = 0xffff_ffff;

impl Entry {
    #[inline]
    pub fn new(value: f32, row: u32) -> Self {
        let bits = (value + 0.0).to_bits();
        // Negative numbers sort the other way round; no branch, as signs cannot be foretold.
        let flip = ((bits as i32) >> 31) as u32 | 1 << 31;
        let key = if value.is_nan() { u32::MAX } else { bits ^ flip };
        Entry(u64::from(key) << 32 | u64::from(row))
    }

    /// The last entry whose value is at most `threshold`: comparing with it is comparing values.
    pub fn last_below(threshold: f64) -> Self {
        Entry(Entry::new(round_down(threshold), 0).0 | ROW)
    }

    #[inline]
    pub fn row(self) -> usize {
        (self.0 & ROW) as usize
    }

    #[inline]
    pub fn value(self) -> f32 {
        let key = (self.0 >> 32) as u32;
        let flip = !((key as i32) >> 31) as u32 | 1 << 31;
        f32::from_bits(key ^ flip)
    }

    #[inline]
    pub fn is_missing(self) -> bool {
        self.0 >> 32 == u64::from(u32::MAX)
    }
}

/// How many entries of a sorted slice are present; the rest are missing.
pub(super) fn present(entries: &[Entry]) -> usize {
    match entries.last() {
        Some(last) if last.is_missing() => entries.partition_point(|e| !e.is_missing()),
        _ => entries.len(),
    }
}

/// The matrix by columns, rows of weight zero left out.
#[derive(Debug)]
pub(super) struct Columns {
    values: Vec<f32>,
    rows: usize,
}

/// Rows copied at a time, so that a block of a row-major matrix stays in the cache.
const BLOCK: usize = 64;

impl Columns {
    pub fn new(x: ArrayView2<'_, f32>) -> Self {
        let (rows, features) = x.dim();
        let mut values = vec![0.0; rows * features];
        for first in (0..rows).step_by(BLOCK) {
            let last = (first + BLOCK).min(rows);
            for f in 0..features {
                for (k, v) in values[f * rows + first..f * rows + last].iter_mut().enumerate() {
                    *v = x[[first + k, f]];
                }
            }
        }
        Columns { values, rows }
    }

    pub fn column(&self, feature: usize) -> &[f32] {
        &self.values[feature * self.rows..(feature + 1) * self.rows]
    }
}

/// Every feature's entries, sorted once and kept so within every node by stable partitions.
#[derive(Debug)]
pub(super) struct Sorted {
    entries: Vec<Entry>,
    rows: usize,
    spare: Vec<Entry>,
}

impl Sorted {
    /// Sorts the given rows by every feature.
    pub fn new(ctx: &Ctx, columns: &Columns, features: usize, rows: &[u32]) -> Result<Self> {
        let n = rows.len();
        let mut entries = vec![Entry(0); n * features];
        par::fill_chunks(ctx, &mut entries, n, |first, chunk| {
            let column = columns.column(first / n);
            for (entry, &row) in chunk.iter_mut().zip(rows) {
                *entry = Entry::new(column[row as usize], row);
            }
            chunk.sort_unstable();
        })?;
        Ok(Sorted { entries, rows: n, spare: Vec::new() })
    }

    pub fn entries(&self, feature: usize, start: usize, end: usize) -> &[Entry] {
        let first = feature * self.rows;
        &self.entries[first + start..first + end]
    }

    /// Moves the entries whose row is marked to the front of `start..end`, in every feature that
    /// is not skipped. On several threads where `wide`.
    pub fn split(
        &mut self,
        ctx: &Ctx,
        (start, end): (usize, usize),
        marks: &[u8],
        skip: &[bool],
        wide: bool,
    ) -> Result<()> {
        let n = self.rows;
        if wide {
            return par::fill_chunks(ctx, &mut self.entries, n, |first, chunk| {
                if !skip[first / n] {
                    partition(&mut chunk[start..end], &mut Vec::new(), marks);
                }
            });
        }
        for (chunk, _) in self.entries.chunks_mut(n).zip(skip).filter(|(_, skip)| !**skip) {
            partition(&mut chunk[start..end], &mut self.spare, marks);
        }
        Ok(())
    }
}

/// Moves marked entries to the front and keeps the order on both sides.
fn partition(entries: &mut [Entry], spare: &mut Vec<Entry>, marks: &[u8]) {
    if spare.len() < entries.len() {
        spare.resize(entries.len(), Entry(0));
    }
    let (mut left, mut right) = (0, 0);
    for i in 0..entries.len() {
        // Both writes always happen: a branch here would be wrong half the time.
        let (entry, mark) = (entries[i], usize::from(marks[entries[i].row()]));
        entries[left] = entry;
        spare[right] = entry;
        left += mark;
        right += 1 - mark;
    }
    entries[left..].copy_from_slice(&spare[..right]);
}

/// Sorts the given rows by one column into `out`.
pub(super) fn sort_rows(column: &[f32], rows: &[u32], out: &mut Vec<Entry>) {
    out.clear();
    out.extend(rows.iter().map(|&row| Entry::new(column[row as usize], row)));
    out.sort_unstable();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn entries_sort_as_their_values(a in prop::num::f32::ANY, b in prop::num::f32::ANY) {
            let (ea, eb) = (Entry::new(a, 7), Entry::new(b, 7));
            prop_assert_eq!(ea.row(), 7);
            prop_assert_eq!(ea.is_missing(), a.is_nan());
            prop_assert_eq!(ea.value().is_nan(), a.is_nan());
            if !a.is_nan() {
                prop_assert_eq!(ea.value(), a);
            }
            if let Some(order) = a.partial_cmp(&b) {
                prop_assert_eq!(ea.cmp(&eb), order);
                prop_assert_eq!(ea <= Entry::last_below(f64::from(b)), a <= b);
            }
        }

        #[test]
        fn a_split_keeps_both_sides_sorted(
            x in prop::collection::vec((-3i8..3, any::<bool>()), 1..80),
        ) {
            let rows: Vec<u32> = (0..x.len() as u32).collect();
            let column: Vec<f32> = x.iter().map(|&(v, _)| f32::from(v)).collect();
            let marks: Vec<u8> = x.iter().map(|&(_, m)| u8::from(m)).collect();
            let mut entries = Vec::new();
            sort_rows(&column, &rows, &mut entries);
            partition(&mut entries, &mut Vec::new(), &marks);
            let left = marks.iter().filter(|&&m| m == 1).count();
            for (side, mark) in [(&entries[..left], 1), (&entries[left..], 0)] {
                prop_assert!(side.iter().all(|e| marks[e.row()] == mark));
                prop_assert!(side.windows(2).all(|w| w[0] < w[1]));
            }
        }
    }
}
