//! Splits by the squared error of a number (for two classes, 0 and 1: the Gini impurity).

use super::binned::{BinSet, Seen};
use super::split::Goal;

/// A sum of numbers and how many they are.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Cell {
    pub sum: f64,
    pub weight: f64,
}

impl Cell {
    #[inline]
    fn add(&mut self, other: Cell) {
        self.sum += other.sum;
        self.weight += other.weight;
    }
}

/// The goal for numbers.
pub(super) struct Moments<'a> {
    /// The target of each row, about 0 and not above 1.
    target: &'a [f64],
    min_leaf: f64,
    total: Cell,
    /// Zero but between `gather` and `clear`.
    hist: Box<[Cell; 256]>,
    seen: Seen,
}

impl<'a> Moments<'a> {
    pub fn new(target: &'a [f64], min_leaf: f64) -> Self {
        let (total, hist) = (Cell::default(), Box::new([Cell::default(); 256]));
        Moments { target, min_leaf, total, hist, seen: Seen::default() }
    }
}

impl Goal for Moments<'_> {
    type Item = Cell;

    fn item(&self, row: u32, weight: u32) -> Cell {
        let weight = f64::from(weight);
        Cell { sum: self.target[row as usize] * weight, weight }
    }

    fn weight(item: &Cell) -> f64 {
        item.weight
    }

    fn begin(&mut self, items: &[Cell]) -> bool {
        self.total = Cell::default();
        items.iter().for_each(|&item| self.total.add(item));
        let Some(first) = items.first() else { return false };
        let same = |c: &Cell| c.sum * first.weight == first.sum * c.weight;
        self.total.weight >= 2.0 * self.min_leaf && !items.iter().all(same)
    }

    fn gather(&mut self, column: &[u8], rows: &[u32], items: &[Cell]) -> BinSet {
        for (&row, &item) in rows.iter().zip(items) {
            let bin = column[row as usize];
            self.hist[usize::from(bin)].add(item);
            self.seen.put(bin);
        }
        self.seen.take()
    }

    /// By their mean: the best of all splits of the categories cuts this order (Fisher 1958).
    fn sort(&mut self, bins: &mut [u8]) {
        let mean = |bin: u8| {
            let cell = self.hist[usize::from(bin)];
            cell.sum / cell.weight
        };
        bins.sort_by(|&a, &b| mean(a).total_cmp(&mean(b)).then(a.cmp(&b)));
    }

    fn scan(&mut self, order: &[u8]) -> Option<(f64, usize)> {
        let (total, least) = (self.total, self.min_leaf);
        let mut left = Cell::default();
        let (mut top, mut place) = (f64::NEG_INFINITY, 0);
        for (k, &bin) in order[..order.len() - 1].iter().enumerate() {
            left.add(self.hist[usize::from(bin)]);
            let (l, r) = (left.weight, total.weight - left.weight);
            if l < least || r < least {
                continue;
            }
            let rest = total.sum - left.sum;
            let worth = (left.sum * left.sum * r + rest * rest * l) / (l * r);
            if worth > top {
                (top, place) = (worth, k + 1);
            }
        }
        (place > 0).then_some((top, place))
    }

    fn clear(&mut self, bins: &[u8]) {
        bins.iter().for_each(|&bin| self.hist[usize::from(bin)] = Cell::default());
    }

    fn base(&self) -> f64 {
        self.total.sum * self.total.sum / self.total.weight
    }
}
