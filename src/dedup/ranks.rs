//! Columns of numbers as ranks, with how far each rank reaches within a tolerance.

use std::cmp::Ordering;

use ndarray::ArrayView1;

use crate::dedup::cells::Cells;

/// A column of numbers and how far two of them may lie apart.
#[derive(Debug, Clone, Copy)]
pub enum Measured<'a> {
    /// Single precision.
    F32(ArrayView1<'a, f32>, f32),
    /// Double precision.
    F64(ArrayView1<'a, f64>, f64),
    /// Signed integers, and times.
    I64(ArrayView1<'a, i64>, u64),
    /// Unsigned integers.
    U64(ArrayView1<'a, u64>, u64),
}

impl<'a> Measured<'a> {
    pub(crate) fn cells(&self) -> Cells<'a> {
        match *self {
            Measured::F32(x, _) => Cells::F32(x),
            Measured::F64(x, _) => Cells::F64(x),
            Measured::I64(x, _) => Cells::I64(x),
            Measured::U64(x, _) => Cells::U64(x),
        }
    }

    pub(crate) fn is_nan(&self, i: usize) -> bool {
        match self {
            Measured::F32(x, _) => x[i].is_nan(),
            Measured::F64(x, _) => x[i].is_nan(),
            Measured::I64(..) | Measured::U64(..) => false,
        }
    }

    /// How far two values are apart, in tolerances.
    pub(crate) fn apart(&self, i: usize, j: usize) -> f64 {
        match self {
            Measured::F32(x, t) => f64::from((x[i] - x[j]).abs()) / f64::from(*t),
            Measured::F64(x, t) => (x[i] - x[j]).abs() / t,
            Measured::I64(x, t) => x[i].abs_diff(x[j]) as f64 / *t as f64,
            Measured::U64(x, t) => x[i].abs_diff(x[j]) as f64 / *t as f64,
        }
    }

    /// The ranks of the given rows; those that are missing have rank 0.
    pub(crate) fn ranked(&self, rows: &[u32], missing: &[bool]) -> Ranked {
        match *self {
            Measured::F32(x, t) => {
                let within = |a: f32, b: f32| a == b || (b - a).abs() <= t;
                Ranked::new(rows, missing, |i| x[i], float_order, within)
            }
            Measured::F64(x, t) => {
                let within = |a: f64, b: f64| a == b || (b - a).abs() <= t;
                Ranked::new(rows, missing, |i| x[i], float_order, within)
            }
            Measured::I64(x, t) => {
                Ranked::new(rows, missing, |i| x[i], Ord::cmp, |a, b| b.abs_diff(a) <= t)
            }
            Measured::U64(x, t) => {
                Ranked::new(rows, missing, |i| x[i], Ord::cmp, |a, b| b.abs_diff(a) <= t)
            }
        }
    }
}

/// The order of floats none of which is NaN; 0.0 and -0.0 are one.
fn float_order<T: PartialOrd>(a: &T, b: &T) -> Ordering {
    a.partial_cmp(b).unwrap_or(Ordering::Equal)
}

/// The values of a column as ranks: equal values share one.
pub(crate) struct Ranked {
    /// The rank of each row.
    pub(crate) rank: Vec<u32>,
    /// For each rank, the highest rank whose value is within the tolerance.
    pub(crate) reach: Vec<u32>,
}

impl Ranked {
    fn new<T: Copy>(
        rows: &[u32],
        missing: &[bool],
        value: impl Fn(usize) -> T,
        order: impl Fn(&T, &T) -> Ordering,
        within: impl Fn(T, T) -> bool,
    ) -> Self {
        let mut sorted: Vec<(T, u32)> = (0u32..)
            .zip(rows)
            .filter(|&(_, &row)| !missing[row as usize])
            .map(|(k, &row)| (value(row as usize), k))
            .collect();
        sorted.sort_unstable_by(|a, b| order(&a.0, &b.0));
        let mut rank = vec![0u32; rows.len()];
        let mut distinct: Vec<T> = Vec::new();
        for &(x, k) in &sorted {
            if distinct.last().is_none_or(|last| order(last, &x) != Ordering::Equal) {
                distinct.push(x);
            }
            rank[k as usize] = distinct.len() as u32 - 1;
        }
        // A difference never shrinks as its ends move apart, also when it is rounded: two pointers.
        let mut reach = vec![0u32; distinct.len().max(1)];
        let mut high = 0;
        for (r, &x) in distinct.iter().enumerate() {
            high = high.max(r);
            while distinct.get(high + 1).is_some_and(|&y| within(x, y)) {
                high += 1;
            }
            reach[r] = high as u32;
        }
        Ranked { rank, reach }
    }

    pub(crate) fn of(&self, k: u32) -> u32 {
        self.rank[k as usize]
    }

    pub(crate) fn within(&self, i: u32, j: u32) -> bool {
        let (a, b) = (self.of(i), self.of(j));
        a.max(b) <= self.reach[a.min(b) as usize]
    }

    /// How many tolerances lie between two ranks, `most` at most.
    pub(crate) fn width(&self, low: u32, high: u32, most: usize) -> usize {
        let (mut at, mut steps) = (low, 1);
        while steps < most && self.reach[at as usize] < high {
            at = self.reach[at as usize] + 1;
            steps += 1;
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_those_of_the_columns_own_type() {
        let floats = [f32::MAX, -f32::MAX, f32::INFINITY, 0.3, 0.1, -0.0, 0.0, f32::NAN];
        let rows: Vec<u32> = (0..8).collect();
        let mask: Vec<bool> = floats.iter().map(|x| x.is_nan()).collect();
        let ranked = Measured::F32(ArrayView1::from(&floats), 0.2).ranked(&rows, &mask);
        for i in 0..7 {
            for j in 0..7 {
                let (a, b) = (floats[i], floats[j]);
                let want = a == b || (a - b).abs() <= 0.2;
                assert_eq!(ranked.within(i as u32, j as u32), want, "{a} {b}");
            }
        }
        let large = [i64::MIN, i64::MAX, -1, 0, (1 << 53) + 1, 1 << 53];
        let rows: Vec<u32> = (0..6).collect();
        for t in [0, 1, 1 << 63, u64::MAX] {
            let ranked = Measured::I64(ArrayView1::from(&large), t).ranked(&rows, &[false; 6]);
            for i in 0..6 {
                for j in 0..6 {
                    let want = (i128::from(large[i]) - i128::from(large[j])).unsigned_abs();
                    assert_eq!(ranked.within(i as u32, j as u32), want <= u128::from(t));
                }
            }
        }
    }

    #[test]
    fn a_width_is_counted_in_tolerances() {
        let x: Vec<f64> = (0..100).map(f64::from).collect();
        let rows: Vec<u32> = (0..100).collect();
        let ranked = Measured::F64(ArrayView1::from(&x), 9.0).ranked(&rows, &[false; 100]);
        assert_eq!(ranked.width(0, 99, 1000), 10);
        assert_eq!(ranked.width(0, 99, 5), 5);
        assert_eq!(ranked.width(50, 50, 5), 1);
    }
}
