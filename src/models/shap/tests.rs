//! Against Shapley's definition: every subset of the features, one after the other.

use ndarray::{Array2, ArrayView1};
use proptest::prelude::*;

use super::program::gauss_legendre;
use super::*;

const FEATURES: usize = 4;

/// What `Trees` borrows from.
#[derive(Debug, Clone, Default)]
struct Plain {
    starts: Vec<i64>,
    outputs: Vec<i64>,
    left: Vec<i64>,
    right: Vec<i64>,
    feature: Vec<i64>,
    threshold: Vec<f64>,
    missing_left: Vec<bool>,
    cover: Vec<f64>,
    set: Vec<i64>,
    sets: Vec<u64>,
    value: Vec<f64>,
    categories: Vec<u32>,
}

impl Plain {
    fn trees(&self) -> Trees<'_> {
        Trees {
            starts: &self.starts,
            outputs: &self.outputs,
            left: &self.left,
            right: &self.right,
            feature: &self.feature,
            threshold: &self.threshold,
            missing_left: &self.missing_left,
            cover: &self.cover,
            set: &self.set,
            sets: &self.sets,
            value: &self.value,
            width: 2,
            n_outputs: 3,
            categories: &self.categories,
        }
    }

    /// Adds a tree that `draws` tell the shape of; the feature 3 has five categories.
    fn grow(&mut self, draws: &[u32], output: i64) {
        let start = self.left.len();
        let mut draws = draws.iter().copied();
        let mut open = vec![(0usize, 0u32)];
        self.node();
        while let Some((at, depth)) = open.pop() {
            let Some(d) = draws.next() else { break };
            if d % 5 == 0 || depth > 6 {
                continue;
            }
            let (here, size) = (start + at, self.left.len() - start);
            self.left[here] = size as i64;
            self.right[here] = size as i64 + 1;
            self.feature[here] = i64::from(d / 5 % FEATURES as u32);
            self.threshold[here] = f64::from(d / 20 % 7) - 3.0;
            self.missing_left[here] = d / 140 % 2 == 0;
            if self.feature[here] == 3 {
                self.set[here] = (self.sets.len() / 4) as i64;
                self.sets.extend([u64::from(d / 280), 0, 0, 0]);
            }
            for child in 0..2 {
                self.node();
                let k = self.left.len() - 1;
                // A child may have no training rows.
                self.cover[k] = f64::from((d / (300 + 7 * child)) % 6);
                self.value[2 * k] = f64::from(d % 997) / 100.0 - 5.0;
                self.value[2 * k + 1] = f64::from(d / 3 % 991) / 100.0 - 5.0;
                open.push((size + child as usize, depth + 1));
            }
        }
        self.starts.push(self.left.len() as i64);
        self.outputs.push(output);
    }

    fn node(&mut self) {
        self.left.push(-1);
        self.right.push(-1);
        self.feature.push(-2);
        self.threshold.push(-2.0);
        self.missing_left.push(false);
        self.cover.push(1.0);
        self.set.push(-1);
        self.value.extend([1.0, -1.0]);
    }
}

/// What a tree says when the features of `known` are known, by the shares of the training rows.
fn by_shares(t: &Trees<'_>, tree: usize, x: ArrayView1<'_, f64>, known: u32, k: usize) -> f64 {
    fn below(
        t: &Trees<'_>,
        root: usize,
        at: usize,
        x: ArrayView1<'_, f64>,
        known: u32,
        k: usize,
    ) -> f64 {
        let Some([l, r]) = t.children(root, at) else { return t.value[at * t.width + k] };
        let feature = t.feature[at] as usize;
        if known >> feature & 1 == 1 {
            let next = if t.goes_left(at, x[feature]) { l } else { r };
            return below(t, root, next, x, known, k);
        }
        let total = t.cover[l] + t.cover[r];
        let share = if total > 0.0 { t.cover[l] / total } else { 0.5 };
        share * below(t, root, l, x, known, k) + (1.0 - share) * below(t, root, r, x, known, k)
    }
    let root = t.nodes(tree).start;
    below(t, root, root, x, known, k)
}

/// The definition: the mean over orders of what knowing the feature adds.
fn shapley(game: impl Fn(u32) -> f64) -> Vec<f64> {
    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
    let n = FEATURES as u32;
    (0..n)
        .map(|j| {
            (0..1u32 << n)
                .filter(|s| s >> j & 1 == 0)
                .map(|s| {
                    let size = s.count_ones();
                    let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
                    weight * (game(s | 1 << j) - game(s))
                })
                .sum()
        })
        .collect()
}

/// The values of both outputs of each tree by definition, at the outputs they add to.
fn reference(t: &Trees<'_>, game: impl Fn(usize, u32, usize) -> f64) -> Vec<f64> {
    let mut out = vec![0.0; FEATURES * t.n_outputs];
    for tree in 0..t.len() {
        for k in 0..t.width {
            let values = shapley(|known| game(tree, known, k));
            for (j, value) in values.iter().enumerate() {
                out[j * t.n_outputs + t.outputs[tree] as usize + k] += value;
            }
        }
    }
    out
}

fn cell() -> impl Strategy<Value = f64> {
    prop_oneof![(-4i32..5).prop_map(f64::from), Just(f64::NAN), Just(f64::INFINITY)]
}

fn plain() -> impl Strategy<Value = Plain> {
    prop::collection::vec((prop::collection::vec(any::<u32>(), 0..25), 0i64..2), 1..4).prop_map(
        |trees| {
            let mut out =
                Plain { starts: vec![0], categories: vec![0, 0, 0, 5], ..Plain::default() };
            trees.iter().for_each(|(draws, output)| out.grow(draws, *output));
            out
        },
    )
}

fn rows(n: std::ops::Range<usize>) -> impl Strategy<Value = Array2<f64>> {
    prop::collection::vec(prop::collection::vec(cell(), FEATURES), n)
        .prop_map(|rows| Array2::from_shape_vec((rows.len(), FEATURES), rows.concat()).unwrap())
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-10
}

proptest! {
    #[test]
    fn by_cover_is_shapley(plain in plain(), x in rows(1..12)) {
        let t = plain.trees();
        let (values, base) = by_cover(&Ctx::new(1), &t, x.view()).unwrap();
        for (row, values) in x.rows().into_iter().zip(values.chunks(FEATURES * 3)) {
            let want = reference(&t, |tree, known, k| by_shares(&t, tree, row, known, k));
            prop_assert!(values.iter().zip(&want).all(|(a, b)| close(*a, *b)), "{values:?} {want:?}");
            for (output, base) in base.iter().enumerate() {
                let mut mean = 0.0;
                for tree in 0..t.len() {
                    let k = output as i64 - t.outputs[tree];
                    if (0..2).contains(&k) {
                        mean += by_shares(&t, tree, row, 0, k as usize);
                    }
                }
                prop_assert!(close(mean, *base));
            }
        }
    }

    #[test]
    fn against_is_shapley(plain in plain(), x in rows(1..4), z in rows(1..70)) {
        let t = plain.trees();
        let (values, base) = against(&Ctx::new(1), &t, x.view(), z.view()).unwrap();
        let said = |tree: usize, row: ArrayView1<'_, f64>, k| by_shares(&t, tree, row, u32::MAX, k);
        for (row, values) in x.rows().into_iter().zip(values.chunks(FEATURES * 3)) {
            let want = reference(&t, |tree, known, k| {
                let mixed = z.rows().into_iter().map(|z| {
                    let mut mixed = z.to_owned();
                    (0..FEATURES).filter(|j| known >> j & 1 == 1).for_each(|j| mixed[j] = row[j]);
                    said(tree, mixed.view(), k)
                });
                mixed.sum::<f64>() / z.nrows() as f64
            });
            prop_assert!(values.iter().zip(&want).all(|(a, b)| close(*a, *b)), "{values:?} {want:?}");
        }
        prop_assert!(base.iter().all(|b| b.is_finite()));
    }

    #[test]
    fn any_arrays_are_refused_or_safe(
        left in prop::collection::vec(-2i64..6, 5),
        right in prop::collection::vec(-2i64..6, 5),
        feature in prop::collection::vec(-3i64..5, 5),
        set in prop::collection::vec(-1i64..2, 5),
        x in rows(1..9),
    ) {
        let mut plain = Plain { starts: vec![0], categories: vec![0, 0, 0, 5], ..Plain::default() };
        (0..5).for_each(|_| plain.node());
        plain = Plain { left, right, feature, set, sets: vec![6, 0, 0, 0], ..plain };
        plain.starts.push(5);
        plain.outputs.push(0);
        if by_cover(&Ctx::new(1), &plain.trees(), x.view()).is_ok() {
            against(&Ctx::new(1), &plain.trees(), x.view(), x.view()).unwrap();
        }
    }
}

#[test]
fn points_integrate_polynomials() {
    for n in 1..40 {
        let (at, weight) = gauss_legendre(n);
        for degree in 0..2 * n {
            let sum: f64 = at.iter().zip(&weight).map(|(p, w)| w * p.powi(degree as i32)).sum();
            assert!((sum - 1.0 / (degree as f64 + 1.0)).abs() < 1e-13, "{n} {degree} {sum}");
        }
        assert!(at.iter().all(|p| *p > 0.0 && *p < 1.0));
    }
}
