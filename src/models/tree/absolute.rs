//! Absolute error: every prefix and suffix of a scan has its median, found in a Fenwick tree.

use super::criterion::{Criterion, Stats, weight_of};
use super::order::Entry;
use super::regress::Numbers;

/// Absolute error around the median.
pub(super) struct Absolute<'a> {
    pub data: Numbers<'a>,
}

/// The errors on both sides of every place, worked out when the scan begins.
#[derive(Debug, Default)]
pub(super) struct AbsoluteScan {
    place: usize,
    weight: f64,
    /// The error of the first i rows, and of all but the first i, over the outputs.
    left: Vec<f64>,
    right: Vec<f64>,
    /// The medians of the same, of the first output.
    left_median: Vec<f64>,
    right_median: Vec<f64>,
    ranks: Vec<(f64, usize)>,
    rank_of: Vec<usize>,
    tree: Fenwick,
}

impl AbsoluteScan {
    /// Adds the errors of one output. `y` and `w` are in the order of the scan.
    fn fill(&mut self, y: &[f64], w: &[f64], first: bool) {
        let n = y.len();
        self.ranks.clear();
        self.ranks.extend(y.iter().copied().zip(0..));
        self.ranks.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        self.rank_of.resize(n, 0);
        for (rank, &(_, place)) in self.ranks.iter().enumerate() {
            self.rank_of[place] = rank;
        }
        self.tree.reset(n);
        for i in 0..n {
            self.tree.add(self.rank_of[i], w[i], y[i]);
            let (median, error) = self.tree.median(&self.ranks);
            self.left[i + 1] += error;
            if first {
                self.left_median[i + 1] = median;
            }
        }
        self.tree.reset(n);
        for i in (0..n).rev() {
            self.tree.add(self.rank_of[i], w[i], y[i]);
            let (median, error) = self.tree.median(&self.ranks);
            self.right[i] += error;
            if first {
                self.right_median[i] = median;
            }
        }
    }
}

impl Criterion for Absolute<'_> {
    type Scan = AbsoluteScan;

    fn stats(&self, rows: &[u32]) -> Stats {
        let (outputs, mut sums, mut error) = (self.data.outputs, Vec::new(), 0.0);
        let w = |row: u32| weight_of(self.data.weights, row as usize);
        let weight = rows.iter().map(|&row| w(row)).sum();
        for k in 0..outputs {
            let y = |row: u32| self.data.y[row as usize * outputs + k];
            let mut pairs: Vec<(f64, f64)> = rows.iter().map(|&r| (y(r), w(r))).collect();
            pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            let median = weighted_median(&pairs, weight);
            error += rows.iter().map(|&r| w(r) * (y(r) - median).abs()).sum::<f64>();
            sums.push(median);
        }
        Stats { weight, impurity: error / (weight * outputs as f64), sums }
    }

    fn value(&self, node: &Stats, out: &mut Vec<f64>) {
        out.extend_from_slice(&node.sums);
    }

    fn begin(&self, scan: &mut AbsoluteScan, _: &Stats, first: &[Entry], then: &[Entry]) {
        let rows = || first.iter().chain(then).map(|e| e.row());
        let n = first.len() + then.len();
        for side in [&mut scan.left, &mut scan.right] {
            side.clear();
            side.resize(n + 1, 0.0);
        }
        scan.left_median.resize(n + 1, 0.0);
        scan.right_median.resize(n + 1, 0.0);
        let w: Vec<f64> = rows().map(|row| weight_of(self.data.weights, row)).collect();
        for k in 0..self.data.outputs {
            let y: Vec<f64> = rows().map(|row| self.data.y[row * self.data.outputs + k]).collect();
            scan.fill(&y, &w, k == 0);
        }
        scan.place = 0;
        scan.weight = 0.0;
    }

    fn push(&self, scan: &mut AbsoluteScan, row: usize) {
        scan.place += 1;
        scan.weight += weight_of(self.data.weights, row);
    }

    fn left_weight(&self, scan: &AbsoluteScan) -> f64 {
        scan.weight
    }

    fn proxy(&self, scan: &mut AbsoluteScan, node: &Stats) -> f64 {
        let outputs = self.data.outputs as f64;
        let (wl, wr) = (scan.weight, node.weight - scan.weight);
        let left = scan.left[scan.place] / (wl * outputs);
        let right = scan.right[scan.place] / (wr * outputs);
        -wr * right - wl * left
    }

    fn sides(&self, scan: &AbsoluteScan, _: &Stats) -> (f64, f64) {
        (scan.left_median[scan.place], scan.right_median[scan.place])
    }
}

/// The weighted median of sorted pairs of value and weight: the mean of two values where the
/// weights below and above are equal.
fn weighted_median(pairs: &[(f64, f64)], weight: f64) -> f64 {
    let mut sum = 0.0;
    for (i, &(y, w)) in pairs.iter().enumerate() {
        sum += w;
        if sum == weight / 2.0 {
            return pairs.get(i + 1).map_or(y, |next| (y + next.0) / 2.0);
        }
        if sum > weight / 2.0 {
            return y;
        }
    }
    pairs.last().map_or(f64::NAN, |p| p.0)
}

/// Sums of weights and weighted values by rank (Fenwick 1994).
#[derive(Debug, Default)]
struct Fenwick {
    sums: Vec<(f64, f64)>,
    weight: f64,
    value: f64,
}

impl Fenwick {
    fn reset(&mut self, n: usize) {
        self.sums.clear();
        self.sums.resize(n + 1, (0.0, 0.0));
        (self.weight, self.value) = (0.0, 0.0);
    }

    fn add(&mut self, rank: usize, w: f64, y: f64) {
        let mut i = rank + 1;
        while let Some((weight, value)) = self.sums.get_mut(i) {
            *weight += w;
            *value += w * y;
            i += i & i.wrapping_neg();
        }
        self.weight += w;
        self.value += w * y;
    }

    /// The ranks whose sum `fits`, with that sum of weights and of values.
    fn reach(&self, fits: impl Fn(f64) -> bool) -> (usize, f64, f64) {
        let (mut at, mut w, mut v) = (0, 0.0, 0.0);
        let mut bit = self.sums.len().next_power_of_two();
        while bit > 0 {
            if let Some((dw, dv)) = self.sums.get(at + bit).copied()
                && fits(w + dw)
            {
                (at, w, v) = (at + bit, w + dw, v + dv);
            }
            bit >>= 1;
        }
        (at, w, v)
    }

    /// The median of what was added, and the absolute error around it.
    fn median(&self, ranks: &[(f64, usize)]) -> (f64, f64) {
        let half = self.weight / 2.0;
        let (upper, w, v) = self.reach(|sum| sum <= half);
        let y = |rank: usize| ranks.get(rank).map_or(f64::NAN, |r| r.0);
        let mut median = y(upper);
        if w == half {
            median = (y(self.reach(|sum| sum < half).0) + median) / 2.0;
        }
        let above = (self.value - v) - median * (self.weight - w);
        (median, above + (median * w - v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn errors_are_those_of_the_sorted_rows(
            rows in prop::collection::vec((-9i32..9, 1u8..4), 1..30),
        ) {
            let y: Vec<f64> = rows.iter().map(|&(y, _)| f64::from(y) * 0.5).collect();
            let w: Vec<f64> = rows.iter().map(|&(_, w)| f64::from(w)).collect();
            let data = Numbers { y: &y, outputs: 1, weights: Some(&w) };
            let criterion = Absolute { data };
            let order: Vec<Entry> = (0..rows.len()).map(|i| Entry::new(0.0, i as u32)).collect();
            let mut scan = AbsoluteScan::default();
            criterion.begin(&mut scan, &Stats::default(), &order, &[]);
            for i in 1..=rows.len() {
                criterion.push(&mut scan, i - 1);
                let ids: Vec<u32> = (0..i as u32).collect();
                let want = criterion.stats(&ids);
                prop_assert!((scan.left[i] - want.impurity * want.weight).abs() < 1e-9);
                prop_assert_eq!(scan.left_median[i], want.sums[0]);
                let rest: Vec<u32> = (i as u32..rows.len() as u32).collect();
                if !rest.is_empty() {
                    let want = criterion.stats(&rest);
                    prop_assert!((scan.right[i] - want.impurity * want.weight).abs() < 1e-9);
                    prop_assert_eq!(scan.right_median[i], want.sums[0]);
                }
            }
        }
    }
}
