//! Gini impurity and entropy.

use super::criterion::{Criterion, SLACK, Stats, log2, weight_of};
use super::order::Entry;

/// Class codes of the rows, row by row over the outputs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Classes<'a> {
    pub codes: &'a [u32],
    /// How many classes each output has.
    pub counts: &'a [usize],
    /// The most of any.
    pub most: usize,
    pub weights: Option<&'a [f64]>,
}

impl Classes<'_> {
    /// Adds a row's weight to the sums of its classes, and returns it.
    #[inline]
    fn add(&self, row: usize, sums: &mut [f64]) -> f64 {
        let outputs = self.counts.len();
        let w = weight_of(self.weights, row);
        for (k, &code) in self.codes[row * outputs..(row + 1) * outputs].iter().enumerate() {
            sums[k * self.most + code as usize] += w;
        }
        w
    }

    fn sums(&self, rows: &[u32]) -> Stats {
        let mut sums = vec![0.0; self.counts.len() * self.most];
        let weight = rows.iter().map(|&row| self.add(row as usize, &mut sums)).sum();
        Stats { weight, impurity: 0.0, sums }
    }

    /// Whether sums of squared weights are exact: whole weights whose total squared fits a float.
    fn exact(&self) -> bool {
        let n = self.codes.len() / self.counts.len();
        let whole = self.weights.is_none_or(|w| w.iter().all(|v| v.fract() == 0.0));
        let total: f64 = self.weights.map_or(n as f64, |w| w.iter().map(|v| v.abs()).sum());
        whole && total * total < (1u64 << 53) as f64
    }
}

fn shares(node: &Stats, out: &mut Vec<f64>) {
    out.extend(node.sums.iter().map(|s| s / node.weight));
}

/// What the classes of one output add to the impurity of one side. Classes without weight add
/// nothing to either impurity.
pub(super) trait Purity: Sync {
    fn add(&self, impurity: f64, sums: &[f64], weight: f64) -> f64;
}

/// 1 - sum of squared shares.
pub(super) struct Gini;
/// - sum of share * log2(share).
pub(super) struct Entropy;

impl Purity for Gini {
    #[inline]
    fn add(&self, impurity: f64, sums: &[f64], weight: f64) -> f64 {
        impurity + (1.0 - sums.iter().map(|s| s * s).sum::<f64>() / (weight * weight))
    }
}

impl Purity for Entropy {
    #[inline]
    fn add(&self, impurity: f64, sums: &[f64], weight: f64) -> f64 {
        let shares = sums.iter().filter(|&&s| s > 0.0).map(|s| s / weight);
        shares.fold(impurity, |e, p| e - p * log2(p))
    }
}

/// Either impurity, any weights and outputs: both sides are worked out anew at every place.
pub(super) struct Sums<'a, P> {
    data: Classes<'a>,
    purity: P,
}

impl<'a, P> Sums<'a, P> {
    pub fn new(data: Classes<'a>, purity: P) -> Self {
        Sums { data, purity }
    }
}

/// Class weights of both sides; the right ones are worked out when asked for.
#[derive(Debug, Default)]
pub(super) struct SumsScan {
    left: Vec<f64>,
    right: Vec<f64>,
    weight: f64,
}

impl<P: Purity> Sums<'_, P> {
    fn mean_impurity(&self, sums: &[f64], weight: f64) -> f64 {
        let outputs = sums.chunks_exact(self.data.most);
        outputs.fold(0.0, |i, s| self.purity.add(i, s, weight)) / self.data.counts.len() as f64
    }
}

impl<P: Purity> Criterion for Sums<'_, P> {
    type Scan = SumsScan;

    fn stats(&self, rows: &[u32]) -> Stats {
        let mut stats = self.data.sums(rows);
        stats.impurity = self.mean_impurity(&stats.sums, stats.weight);
        stats
    }

    fn value(&self, node: &Stats, out: &mut Vec<f64>) {
        shares(node, out);
    }

    fn begin(&self, scan: &mut SumsScan, node: &Stats, _: &[Entry], _: &[Entry]) {
        scan.left.clear();
        scan.left.resize(node.sums.len(), 0.0);
        scan.right.clone_from(&node.sums);
        scan.weight = 0.0;
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
        for ((right, total), left) in scan.right.iter_mut().zip(&node.sums).zip(&scan.left) {
            *right = total - left;
        }
        let (l, r) = (self.mean_impurity(&scan.left, wl), self.mean_impurity(&scan.right, wr));
        -wr * r - wl * l
    }

    fn sides(&self, scan: &SumsScan, node: &Stats) -> (f64, f64) {
        let left = scan.left[0];
        (left / scan.weight, (node.sums[0] - left) / (node.weight - scan.weight))
    }
}

/// Gini impurity of one output under whole weights: the sums of squares follow every row in
/// constant time, and being whole numbers they are exact.
pub(super) struct GiniCounts<'a> {
    data: Classes<'a>,
}

impl<'a> GiniCounts<'a> {
    /// `None` where the weights or the outputs do not allow it.
    pub fn new(data: Classes<'a>) -> Option<Self> {
        (data.counts.len() == 1 && data.exact()).then_some(GiniCounts { data })
    }
}

/// Class weights of both sides and the sums of their squares.
#[derive(Debug, Default)]
pub(super) struct CountsScan {
    sides: Vec<(f64, f64)>,
    left_square: f64,
    right_square: f64,
    weight: f64,
}

impl Criterion for GiniCounts<'_> {
    type Scan = CountsScan;

    fn stats(&self, rows: &[u32]) -> Stats {
        let mut stats = self.data.sums(rows);
        stats.impurity = Gini.add(0.0, &stats.sums, stats.weight);
        stats
    }

    fn value(&self, node: &Stats, out: &mut Vec<f64>) {
        shares(node, out);
    }

    fn begin(&self, scan: &mut CountsScan, node: &Stats, _: &[Entry], _: &[Entry]) {
        scan.sides.clear();
        scan.sides.extend(node.sums.iter().map(|&total| (0.0, total)));
        scan.left_square = 0.0;
        scan.right_square = node.sums.iter().map(|s| s * s).sum();
        scan.weight = 0.0;
    }

    #[inline]
    fn push(&self, scan: &mut CountsScan, row: usize) {
        let w = weight_of(self.data.weights, row);
        let (left, right) = &mut scan.sides[self.data.codes[row] as usize];
        scan.left_square += w * (2.0 * *left + w);
        scan.right_square -= w * (2.0 * *right - w);
        *left += w;
        *right -= w;
        scan.weight += w;
    }

    #[inline]
    fn left_weight(&self, scan: &CountsScan) -> f64 {
        scan.weight
    }

    #[inline]
    fn proxy(&self, scan: &mut CountsScan, node: &Stats) -> f64 {
        let (wl, wr) = (scan.weight, node.weight - scan.weight);
        -wr * (1.0 - scan.right_square / (wr * wr)) - wl * (1.0 - scan.left_square / (wl * wl))
    }

    #[inline]
    fn hopeless(&self, scan: &CountsScan, node: &Stats, top: f64) -> bool {
        let (wl, wr) = (scan.weight, node.weight - scan.weight);
        let reach = scan.left_square * wr + scan.right_square * wl;
        reach < (top + node.weight * (1.0 - SLACK)) * (wl * wr)
    }

    fn sides(&self, scan: &CountsScan, node: &Stats) -> (f64, f64) {
        let (left, right) = scan.sides.first().copied().unwrap_or_default();
        (left / scan.weight, right / (node.weight - scan.weight))
    }
}

/// Entropy of one output under whole weights. A table of n log n follows every row in constant
/// time; as its sums round, it only tells which places are worth working out.
pub(super) struct EntropyCounts<'a> {
    exact: Sums<'a, Entropy>,
    /// n log2 n.
    table: Vec<f64>,
}

/// The longest table: beyond it, looking up costs as much as the logarithm.
const TABLE: f64 = (1 << 20) as f64;

impl<'a> EntropyCounts<'a> {
    /// `None` where the weights or the outputs do not allow it, or a class could outgrow the table.
    pub fn new(data: Classes<'a>) -> Option<Self> {
        let total = data.weights.map_or(data.codes.len() as f64, |w| w.iter().sum());
        let positive = data.weights.is_none_or(|w| w.iter().all(|&v| v >= 0.0));
        let fits = data.counts.len() == 1 && data.exact() && positive && total < TABLE;
        fits.then(|| EntropyCounts {
            exact: Sums::new(data, Entropy),
            table: (0..=total as usize).map(|n| n as f64 * (n.max(1) as f64).log2()).collect(),
        })
    }

    #[inline]
    fn at(&self, n: f64) -> f64 {
        self.table.get(n as usize).copied().unwrap_or(f64::NAN)
    }
}

/// The exact scan, and the sums of n log2 n over the classes of both sides.
#[derive(Debug, Default)]
pub(super) struct EntropyScan {
    exact: SumsScan,
    left: f64,
    right: f64,
}

impl Criterion for EntropyCounts<'_> {
    type Scan = EntropyScan;

    fn stats(&self, rows: &[u32]) -> Stats {
        self.exact.stats(rows)
    }

    fn value(&self, node: &Stats, out: &mut Vec<f64>) {
        shares(node, out);
    }

    fn begin(&self, scan: &mut EntropyScan, node: &Stats, first: &[Entry], then: &[Entry]) {
        self.exact.begin(&mut scan.exact, node, first, then);
        scan.left = 0.0;
        scan.right = node.sums.iter().map(|&n| self.at(n)).sum();
    }

    #[inline]
    fn push(&self, scan: &mut EntropyScan, row: usize) {
        let class = self.exact.data.codes[row] as usize;
        let w = weight_of(self.exact.data.weights, row);
        let (left, right) = (scan.exact.left[class], scan.exact.right[class]);
        scan.left += self.at(left + w) - self.at(left);
        scan.right += self.at(right - w) - self.at(right);
        scan.exact.left[class] = left + w;
        scan.exact.right[class] = right - w;
        scan.exact.weight += w;
    }

    #[inline]
    fn left_weight(&self, scan: &EntropyScan) -> f64 {
        scan.exact.weight
    }

    fn proxy(&self, scan: &mut EntropyScan, node: &Stats) -> f64 {
        self.exact.proxy(&mut scan.exact, node)
    }

    #[inline]
    fn hopeless(&self, scan: &EntropyScan, node: &Stats, top: f64) -> bool {
        let (wl, wr) = (scan.exact.weight, node.weight - scan.exact.weight);
        let reach = scan.left - self.at(wl) + (scan.right - self.at(wr));
        // Every one of up to a million rows adds half a unit in the last place of n log2 n.
        reach < top - 1e-8 * node.weight
    }

    fn sides(&self, scan: &EntropyScan, node: &Stats) -> (f64, f64) {
        self.exact.sides(&scan.exact, node)
    }
}
