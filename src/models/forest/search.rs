//! The best, or a random, cut of one feature in a node.

use super::Impurity;
use crate::base::rng::Stream;
use crate::trees::binned::{BinSet, Seen};
use crate::trees::bins::MISSING;

/// A row of a node: its class or number, and its weight.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Item {
    pub y: f64,
    pub weight: f64,
}

/// A cut of a feature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// More is better; comparable within a node.
    pub worth: f64,
    /// The last bin on the left; 255 is all that are not missing.
    pub bin: u8,
    pub missing_left: bool,
}

/// Histograms and what else a search needs at hand.
#[derive(Debug)]
pub(super) struct Search {
    impurity: Impurity,
    /// Sums a bin: one where the second follows from the weight (numbers and two classes).
    width: usize,
    /// `width` sums, the weight and the count of each bin; zero between searches.
    hist: Vec<f64>,
    seen: Seen,
    order: Vec<u8>,
    left: Vec<f64>,
    pub min_leaf: f64,
    pub min_weight: f64,
}

impl Search {
    pub fn new(impurity: Impurity, classes: usize, min_leaf: usize, min_weight: f64) -> Self {
        let width = if classes <= 2 { 1 } else { classes };
        Search {
            impurity,
            width,
            hist: vec![0.0; 256 * (width + 2)],
            seen: Seen::default(),
            order: Vec::new(),
            left: Vec::new(),
            min_leaf: min_leaf as f64,
            min_weight,
        }
    }

    /// The sums of some rows, as a bin holds them.
    pub fn total(&self, items: &[Item]) -> Vec<f64> {
        let mut total = vec![0.0; self.width + 2];
        for item in items {
            self.put(&mut total, item);
        }
        total
    }

    #[inline]
    fn put(&self, cell: &mut [f64], item: &Item) {
        if self.width == 1 {
            cell[0] += item.y * item.weight;
        } else {
            cell[item.y as usize] += item.weight;
        }
        cell[self.width] += item.weight;
        cell[self.width + 1] += 1.0;
    }

    /// How pure a side is, times its weight.
    #[inline]
    fn purity(&self, side: &[f64]) -> f64 {
        let weight = side[self.width];
        match self.impurity {
            Impurity::Entropy if self.width == 1 => {
                let one = side[0];
                xlog(one) + xlog(weight - one) - xlog(weight)
            }
            Impurity::Entropy => {
                side[..self.width].iter().map(|&c| xlog(c)).sum::<f64>() - xlog(weight)
            }
            // The Gini impurity of two classes is twice the variance of 0 and 1.
            _ => side[..self.width].iter().map(|c| c * c).sum::<f64>() / weight,
        }
    }

    /// The worth of a split with these sums on the left; nothing where a side is too small.
    #[inline]
    fn worth(&self, left: &[f64], total: &[f64], right: &mut [f64]) -> Option<f64> {
        for ((right, total), left) in right.iter_mut().zip(total).zip(left) {
            *right = total - left;
        }
        let (w, n) = (self.width, self.width + 1);
        let small =
            left[n].min(right[n]) < self.min_leaf || left[w].min(right[w]) < self.min_weight;
        (!small).then(|| self.purity(left) + self.purity(right))
    }

    /// The best cut of a column, None where it does not vary.
    pub fn best(
        &mut self,
        column: &[u8],
        rows: &[u32],
        items: &[Item],
        total: &[f64],
    ) -> Option<Option<Cut>> {
        let size = self.width + 2;
        let mut hist = std::mem::take(&mut self.hist);
        if self.width == 1 {
            let (cells, _) = hist.as_chunks_mut::<3>();
            for (&row, item) in rows.iter().zip(items) {
                let bin = column[row as usize];
                self.seen.put(bin);
                let cell = &mut cells[usize::from(bin)];
                cell[0] += item.y * item.weight;
                cell[1] += item.weight;
                cell[2] += 1.0;
            }
        } else {
            for (&row, item) in rows.iter().zip(items) {
                let bin = column[row as usize];
                self.seen.put(bin);
                self.put(&mut hist[usize::from(bin) * size..][..size], item);
            }
        }
        let seen = self.seen.take();
        self.order.clear();
        each(&seen, |bin| self.order.push(bin));
        let found = (self.order.len() > 1).then(|| self.scan(&hist, total));
        for &bin in &self.order {
            hist[usize::from(bin) * size..][..size].fill(0.0);
        }
        self.hist = hist;
        found
    }

    /// Cuts the order of bins where that is best; what is missing goes right, or left.
    fn scan(&mut self, hist: &[f64], total: &[f64]) -> Option<Cut> {
        let size = self.width + 2;
        let order = std::mem::take(&mut self.order);
        let mut left = std::mem::take(&mut self.left);
        let mut right = vec![0.0; size];
        let missing = order.last() == Some(&MISSING);
        let known = &order[..order.len() - usize::from(missing)];
        let mut best: Option<Cut> = None;
        for missing_left in [false, true] {
            if missing_left && !missing {
                break;
            }
            left.clear();
            left.resize(size, 0.0);
            if missing_left {
                left.copy_from_slice(&hist[usize::from(MISSING) * size..][..size]);
            }
            // With it on the right, all that is known against it is a cut as well.
            let cuts = known.len() - usize::from(!missing || missing_left);
            for (k, &bin) in known[..cuts].iter().enumerate() {
                let cell = &hist[usize::from(bin) * size..][..size];
                left.iter_mut().zip(cell).for_each(|(l, c)| *l += c);
                let Some(worth) = self.worth(&left, total, &mut right) else { continue };
                if best.is_none_or(|b| worth > b.worth) {
                    // Half way to the next bin that occurs.
                    let next = known.get(k + 1).map_or(MISSING, |&next| {
                        ((u16::from(bin) + u16::from(next) - 1) / 2) as u8
                    });
                    best = Some(Cut { worth, bin: next, missing_left });
                }
            }
        }
        (self.order, self.left) = (order, left);
        best
    }

    /// A random cut of a column, None where it does not vary.
    pub fn random(
        &mut self,
        column: &[u8],
        rows: &[u32],
        items: &[Item],
        total: &[f64],
        (edges, ends): (&[f64], &[[f64; 2]]),
        stream: &mut Stream,
    ) -> Option<Option<Cut>> {
        let (mut low, mut high, mut missing) = (MISSING, 0, false);
        for &row in rows {
            let bin = column[row as usize];
            missing |= bin == MISSING;
            // What is missing is neither: 255 is no lower, and wraps around to 0 here.
            low = low.min(bin);
            high = high.max(bin.wrapping_add(1));
        }
        if low == MISSING || (low + 1 == high && !missing) {
            return None;
        }
        let high = high - 1;
        let missing_left = missing && stream.word() & 1 == 1;
        let bin = if low == high {
            MISSING
        } else {
            let (from, to) = (ends[usize::from(low)][0], ends[usize::from(high)][1]);
            let at = from + (to - from) * stream.unit();
            let bin = edges.partition_point(|&edge| edge < at).min(usize::from(high));
            // Within its bin, the cut falls on one side or the other.
            let [a, b] = ends[bin];
            let before = usize::from(at < a / 2.0 + b / 2.0);
            (bin.saturating_sub(before) as u8).clamp(low, high - 1)
        };
        let missing_left = missing_left && bin != MISSING;
        let (add, last) = (u8::from(missing_left), bin.min(254) + u8::from(missing_left));
        let mut left = vec![0.0; self.width + 2];
        for (&row, item) in rows.iter().zip(items) {
            if column[row as usize].wrapping_add(add) <= last {
                self.put(&mut left, item);
            }
        }
        let worth = self.worth(&left, total, &mut vec![0.0; self.width + 2]);
        Some(worth.map(|worth| Cut { worth, bin, missing_left }))
    }

    /// The impurity of a node; `squares` is the weighted sum of squared numbers.
    pub fn impurity(&self, total: &[f64], squares: f64) -> f64 {
        let weight = total[self.width];
        let impurity = match self.impurity {
            Impurity::Squared => squares / weight - (total[0] / weight).powi(2),
            Impurity::Entropy => -self.purity(total) / weight,
            Impurity::Gini if self.width == 1 => {
                let p = total[0] / weight;
                2.0 * p * (1.0 - p)
            }
            Impurity::Gini => 1.0 - self.purity(total) / weight,
        };
        impurity.max(0.0)
    }
}

/// x log2 x.
fn xlog(x: f64) -> f64 {
    if x > 0.0 { x * x.log2() } else { 0.0 }
}

/// Gives the bins of a set, the least first.
fn each(set: &BinSet, mut give: impl FnMut(u8)) {
    for (word, &bits) in set.iter().enumerate() {
        let mut bits = bits;
        while bits != 0 {
            give((word * 64) as u8 + bits.trailing_zeros() as u8);
            bits &= bits - 1;
        }
    }
}
