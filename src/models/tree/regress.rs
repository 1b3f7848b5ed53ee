//! Squared error and half Poisson deviance: both follow from weighted sums.

use super::criterion::{Criterion, EPSILON, SLACK, Stats, log2, weight_of};
use super::order::Entry;

/// Numbers of the rows, row by row over the outputs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers<'a> {
    pub y: &'a [f64],
    pub outputs: usize,
    pub weights: Option<&'a [f64]>,
}

impl Numbers<'_> {
    #[inline]
    fn add(&self, row: usize, sums: &mut [f64]) -> f64 {
        let w = weight_of(self.weights, row);
        if let [sum] = sums {
            *sum += w * self.y[row];
            return w;
        }
        let y = &self.y[row * self.outputs..(row + 1) * self.outputs];
        for (s, y) in sums.iter_mut().zip(y) {
            *s += w * y;
        }
        w
    }

    fn sums(&self, rows: &[u32]) -> Stats {
        let mut sums = vec![0.0; self.outputs];
        let weight = rows.iter().map(|&row| self.add(row as usize, &mut sums)).sum();
        Stats { weight, impurity: 0.0, sums }
    }

    /// The weighted variance of the rows, in two passes from the first row's value, so that
    /// equal values give zero.
    fn variance(&self, rows: &[u32], output: usize, weight: f64) -> f64 {
        let y = |row: u32| self.y[row as usize * self.outputs + output];
        let Some(base) = rows.first().map(|&row| y(row)) else { return 0.0 };
        let w = |row: u32| weight_of(self.weights, row as usize);
        let mean = rows.iter().map(|&r| w(r) * (y(r) - base)).sum::<f64>() / weight;
        rows.iter().map(|&r| w(r) * (y(r) - base - mean).powi(2)).sum::<f64>() / weight
    }
}

/// Sums on the left.
#[derive(Debug, Default)]
pub(super) struct SumsScan {
    left: Vec<f64>,
    weight: f64,
}

impl SumsScan {
    fn begin(&mut self, outputs: usize) {
        self.left.clear();
        self.left.resize(outputs, 0.0);
        self.weight = 0.0;
    }

    /// The sums squared, of both sides.
    #[inline]
    fn squares(&self, node: &Stats) -> (f64, f64) {
        if let ([left], [total]) = (self.left.as_slice(), node.sums.as_slice()) {
            let right = total - left;
            return (left * left, right * right);
        }
        let pairs = self.left.iter().zip(&node.sums).map(|(left, total)| (*left, total - left));
        pairs.fold((0.0, 0.0), |(l, r), (left, right)| (l + left * left, r + right * right))
    }

    fn sides(&self, node: &Stats) -> (f64, f64) {
        let left = self.left[0];
        (left / self.weight, (node.sums[0] - left) / (node.weight - self.weight))
    }
}

/// Squared error. `y` may have had `shift` taken off each output.
pub(super) struct Squared<'a> {
    pub data: Numbers<'a>,
    pub shift: Vec<f64>,
}

/// Where the mean is a thousand standard deviations or more from zero, sums of squares would lose
/// the differences: returns the numbers to take off each output first (a value of the output).
pub(super) fn shift(data: Numbers<'_>) -> Option<Vec<f64>> {
    let rows: Vec<u32> = (0..(data.y.len() / data.outputs) as u32).collect();
    let stats = data.sums(&rows);
    let far = |k: usize| {
        let mean = stats.sums[k] / stats.weight;
        mean * mean > 1e6 * data.variance(&rows, k, stats.weight)
    };
    let off: Vec<f64> = (0..data.outputs).map(|k| if far(k) { data.y[k] } else { 0.0 }).collect();
    off.iter().any(|&v| v != 0.0).then_some(off)
}

impl Criterion for Squared<'_> {
    type Scan = SumsScan;

    fn stats(&self, rows: &[u32]) -> Stats {
        let mut stats = self.data.sums(rows);
        let outputs = self.data.outputs;
        let each = (0..outputs).map(|k| self.data.variance(rows, k, stats.weight));
        stats.impurity = each.sum::<f64>() / outputs as f64;
        stats
    }

    fn value(&self, node: &Stats, out: &mut Vec<f64>) {
        out.extend(node.sums.iter().zip(&self.shift).map(|(s, off)| s / node.weight + off));
    }

    fn begin(&self, scan: &mut SumsScan, _: &Stats, _: &[Entry], _: &[Entry]) {
        scan.begin(self.data.outputs);
    }

    #[inline]
    fn push(&self, scan: &mut SumsScan, row: usize) {
        scan.weight += self.data.add(row, &mut scan.left);
    }

    #[inline]
    fn left_weight(&self, scan: &SumsScan) -> f64 {
        scan.weight
    }

    #[inline]
    fn proxy(&self, scan: &mut SumsScan, node: &Stats) -> f64 {
        let (l, r) = scan.squares(node);
        l / scan.weight + r / (node.weight - scan.weight)
    }

    #[inline]
    fn hopeless(&self, scan: &SumsScan, node: &Stats, top: f64) -> bool {
        let (wl, wr) = (scan.weight, node.weight - scan.weight);
        let (l, r) = scan.squares(node);
        l * wr + r * wl < top * (1.0 - SLACK) * (wl * wr)
    }

    fn sides(&self, scan: &SumsScan, node: &Stats) -> (f64, f64) {
        let (left, right) = scan.sides(node);
        (left + self.shift[0], right + self.shift[0])
    }
}

/// Half the Poisson deviance; needs sums above zero on both sides.
pub(super) struct Poisson<'a> {
    pub data: Numbers<'a>,
}

impl Criterion for Poisson<'_> {
    type Scan = SumsScan;

    fn stats(&self, rows: &[u32]) -> Stats {
        let mut stats = self.data.sums(rows);
        let outputs = self.data.outputs;
        let mut loss = 0.0;
        for (k, &sum) in stats.sums.iter().enumerate() {
            if sum <= EPSILON {
                loss = f64::INFINITY;
                break;
            }
            let mean = sum / stats.weight;
            for &row in rows {
                let y = self.data.y[row as usize * outputs + k];
                if y > 0.0 {
                    loss += weight_of(self.data.weights, row as usize) * y * (y / mean).ln();
                }
            }
        }
        stats.impurity = loss / (stats.weight * outputs as f64);
        stats
    }

    fn value(&self, node: &Stats, out: &mut Vec<f64>) {
        out.extend(node.sums.iter().map(|s| s / node.weight));
    }

    fn begin(&self, scan: &mut SumsScan, _: &Stats, _: &[Entry], _: &[Entry]) {
        scan.begin(self.data.outputs);
    }

    #[inline]
    fn push(&self, scan: &mut SumsScan, row: usize) {
        scan.weight += self.data.add(row, &mut scan.left);
    }

    #[inline]
    fn left_weight(&self, scan: &SumsScan) -> f64 {
        scan.weight
    }

    fn proxy(&self, scan: &mut SumsScan, node: &Stats) -> f64 {
        let (wl, wr) = (scan.weight, node.weight - scan.weight);
        let (mut l, mut r) = (0.0, 0.0);
        for (left, total) in scan.left.iter().zip(&node.sums) {
            let right = total - left;
            // What rounding leaves of a side of zeros is no sum.
            let zero = EPSILON.max(1e-13 * total);
            if *left <= zero || right <= zero {
                return f64::NEG_INFINITY;
            }
            l -= left * log2(left / wl);
            r -= right * log2(right / wr);
        }
        -l - r
    }

    fn sides(&self, scan: &SumsScan, node: &Stats) -> (f64, f64) {
        scan.sides(node)
    }
}
