//! Vectors that are alike: every pair at or beyond a threshold, decided in double precision.

use ndarray::{ArrayView2, CowArray, Ix2};

use crate::base::float::{Float, equality_bits};
use crate::base::{Ctx, Error, Result, hash, par};
use crate::near::{Pair, Points, Sides, within};

/// Vectors between two looks at the stop flag.
const CHUNK: usize = 1024;

/// How alike two vectors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// The cosine of their angle, at least the threshold. A vector of zeros has none.
    Cosine,
    /// Their distance, at most the threshold.
    Euclidean,
}

/// What was found: pairs with their cosine or distance, and a hash of each vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Alike {
    /// The pairs, in order.
    pub pairs: Vec<Pair>,
    /// A hash of each vector's values.
    pub keys: Vec<u64>,
}

/// All pairs of rows of `x` that are alike; of two rows on different sides where `sides` tells for
/// each row whether it is on the left and on the right.
pub fn alike<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    metric: Metric,
    threshold: f64,
    sides: Option<(&[bool], &[bool])>,
) -> Result<Alike> {
    let vectors = Vectors::new(ctx, x, metric)?;
    let n = vectors.len();
    if sides.is_some_and(|(left, right)| left.len() != n || right.len() != n) {
        return Err(Error::Shape(format!("both sides must be told for each of {n} vectors")));
    }
    if u32::try_from(n).is_err() {
        return Err(Error::Data("at most 2^32 - 1 vectors can be compared".into()));
    }
    let chosen = |on: &dyn Fn(usize) -> bool| -> Vec<u32> {
        (0..n).filter(|&i| vectors.sizes[i] > 0.0 && on(i)).map(|i| i as u32).collect()
    };
    let points = Points::new(ctx, n, vectors.width(), |i, out| vectors.fill(i, out))?;
    let confirm = |i: u32, j: u32| vectors.confirm(i as usize, j as usize, threshold);
    let reach = vectors.reach(threshold);
    let pairs = match sides {
        None => within(ctx, &points, reach, Sides::One(&chosen(&|_| true)), confirm)?,
        Some((left, right)) => {
            let (left, right) = (chosen(&|i| left[i]), chosen(&|i| right[i]));
            within(ctx, &points, reach, Sides::Two(&left, &right), confirm)?
        }
    };
    Ok(Alike { pairs, keys: vectors.keys(ctx)? })
}

/// Vectors as given, and what brings them to a common size.
struct Vectors<'a, T> {
    cells: CowArray<'a, T, Ix2>,
    metric: Metric,
    /// By what each vector is multiplied, so that no square overflows: powers of two.
    scales: Vec<f64>,
    /// Squared lengths after that (cosine), or 1.
    sizes: Vec<f64>,
}

impl<'a, T: Float> Vectors<'a, T> {
    fn new(ctx: &Ctx, x: ArrayView2<'a, T>, metric: Metric) -> Result<Self> {
        let n = x.nrows();
        let cells = if x.is_standard_layout() {
            CowArray::from(x)
        } else {
            CowArray::from(x.as_standard_layout().into_owned())
        };
        let mut made = Vectors { cells, metric, scales: Vec::new(), sizes: vec![1.0; n] };
        let reaches = par::map_chunks(ctx, n, CHUNK, |start, end| {
            (start..end).map(|i| largest(made.row(i))).collect::<Vec<_>>()
        })?
        .concat();
        match metric {
            Metric::Cosine => {
                made.scales = reaches.iter().map(|&r| scale(r)).collect();
                made.sizes = par::map_chunks(ctx, n, CHUNK, |start, end| {
                    (start..end).map(|i| made.product(i, i)).collect::<Vec<_>>()
                })?
                .concat();
            }
            Metric::Euclidean => {
                made.scales = vec![scale(reaches.iter().fold(0.0, |far: f64, &r| far.max(r))); n];
            }
        }
        Ok(made)
    }

    fn len(&self) -> usize {
        self.cells.nrows()
    }

    fn width(&self) -> usize {
        self.cells.ncols()
    }

    fn row(&self, i: usize) -> &[T] {
        let cells = self.cells.as_slice().unwrap_or(&[]);
        cells.get(i * self.width()..(i + 1) * self.width()).unwrap_or(&[])
    }

    /// The vector as a point whose distances decide: of length 1 for the cosine.
    fn fill(&self, i: usize, out: &mut [f64]) {
        let length = self.sizes[i].sqrt();
        let by = if length > 0.0 { 1.0 / length } else { 1.0 };
        for (out, x) in out.iter_mut().zip(self.row(i)) {
            *out = x.wide() * self.scales[i] * by;
        }
    }

    /// How far apart points of a pair are at most, with room for the rounding of `fill`.
    fn reach(&self, threshold: f64) -> f64 {
        match self.metric {
            Metric::Cosine => {
                let rounding = (self.width() as f64 + 16.0) * f64::EPSILON;
                (2.0 - 2.0 * threshold).max(0.0).sqrt() + 2.0 * rounding + rounding.sqrt()
            }
            Metric::Euclidean => threshold * self.scales.first().unwrap_or(&1.0),
        }
    }

    fn confirm(&self, i: usize, j: usize, threshold: f64) -> Option<f64> {
        match self.metric {
            Metric::Cosine => {
                let cosine = self.product(i, j) / (self.sizes[i] * self.sizes[j]).sqrt();
                (cosine >= threshold).then_some(cosine.min(1.0))
            }
            Metric::Euclidean => {
                let by = self.scales[i];
                let square = sum(self.row(i), self.row(j), |x, y| {
                    let gap = x * by - y * by;
                    gap * gap
                });
                let distance = square.sqrt() / by;
                (distance <= threshold).then_some(distance)
            }
        }
    }

    fn product(&self, i: usize, j: usize) -> f64 {
        let (a, b) = (self.scales[i], self.scales[j]);
        sum(self.row(i), self.row(j), |x, y| (x * a) * (y * b))
    }

    fn keys(&self, ctx: &Ctx) -> Result<Vec<u64>> {
        let key = |i| self.row(i).iter().fold(0, |key, x| hash::mix(key, equality_bits(x.wide())));
        let parts = par::map_chunks(ctx, self.len(), CHUNK, |start, end| {
            (start..end).map(key).collect::<Vec<_>>()
        })?;
        Ok(parts.concat())
    }
}

/// The sum of `f` over two rows, in one fixed order that does not hang on which comes first.
fn sum<T: Float>(a: &[T], b: &[T], f: impl Fn(f64, f64) -> f64) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (x, y) in a.iter().zip(b) {
        for k in 0..8 {
            sums[k] += f(x[k].wide(), y[k].wide());
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(x, y)| f(x.wide(), y.wide())).sum();
    sums.iter().sum::<f64>() + rest
}

fn largest<T: Float>(row: &[T]) -> f64 {
    row.iter().fold(0.0, |far: f64, x| far.max(x.wide().abs()))
}

/// The power of two that brings `largest` to about 1 (subnormal numbers not quite).
fn scale(largest: f64) -> f64 {
    if largest > 0.0 {
        2f64.powi(-largest.log2().floor().clamp(-1000.0, 1000.0) as i32)
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;
    use ndarray::Array2;
    use proptest::prelude::*;

    /// Vectors in tight and loose bundles, some scaled copies, some zeros.
    fn bundles(n: usize, width: usize, seed: u64) -> Array2<f64> {
        let mut s = Stream::new(seed, 9, 0, 0);
        let mut x = Array2::zeros((n, width));
        for i in 0..n {
            let from =
                if i > 0 && s.unit() < 0.6 { Some(s.below(i as u64) as usize) } else { None };
            let (noise, by) = (10f64.powf(-4.0 * s.unit()), 10f64.powf(2.0 * s.unit() - 1.0));
            for j in 0..width {
                let old = from.map_or(0.0, |f| x[[f, j]]);
                x[[i, j]] = match from {
                    Some(_) => (old + noise * s.normal()) * if i % 5 == 0 { by } else { 1.0 },
                    None if i % 11 == 3 => 0.0,
                    None => s.normal() + 0.7,
                };
            }
        }
        x
    }

    fn slow(x: &Array2<f64>, metric: Metric, threshold: f64) -> Vec<(u32, u32)> {
        let square = |a: usize, b: usize| x.row(a).dot(&x.row(b));
        let mut out = Vec::new();
        for i in 0..x.nrows() {
            for j in i + 1..x.nrows() {
                let near = match metric {
                    Metric::Cosine => {
                        let sizes = square(i, i) * square(j, j);
                        sizes > 0.0 && square(i, j) / sizes.sqrt() >= threshold
                    }
                    Metric::Euclidean => {
                        let gap = &x.row(i) - &x.row(j);
                        gap.dot(&gap).sqrt() <= threshold
                    }
                };
                if near {
                    out.push((i as u32, j as u32));
                }
            }
        }
        out
    }

    fn ids(found: &Alike) -> Vec<(u32, u32)> {
        found.pairs.iter().map(|p| (p.left, p.right)).collect()
    }

    fn pooled(threads: usize, x: &Array2<f64>, metric: Metric, t: f64) -> Alike {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| alike(&Ctx::new(threads), x.view(), metric, t, None)).unwrap()
    }

    proptest! {
        #[test]
        fn pairs_are_those_of_the_slow_search(
            n in 0usize..120, width in 1usize..20, seed in 0u64..1000, t in 0.3f64..0.9999,
            far in 0.0f64..3.0, split in 0usize..120, shift in prop::sample::select(vec![0.0, 1e6]),
        ) {
            let x = bundles(n, width, seed) + shift;
            for (metric, t) in [(Metric::Cosine, t), (Metric::Euclidean, far)] {
                let ctx = Ctx::new(1);
                let got = alike(&ctx, x.view(), metric, t, None).unwrap();
                let want = slow(&x, metric, t);
                prop_assert_eq!(ids(&got), want.clone());
                let narrow = x.mapv(|v| v as f32);
                let wide = narrow.mapv(f64::from);
                let got = alike(&ctx, narrow.view(), metric, t, None).unwrap();
                prop_assert_eq!(ids(&got), slow(&wide, metric, t));
                let left: Vec<bool> = (0..n).map(|i| i < split || i % 7 == 0).collect();
                let right: Vec<bool> = (0..n).map(|i| i >= split).collect();
                let got = alike(&ctx, x.view(), metric, t, Some((&left, &right))).unwrap();
                let across = |&(i, j): &(u32, u32)| {
                    let (i, j) = (i as usize, j as usize);
                    (left[i] && right[j]) || (left[j] && right[i])
                };
                let want: Vec<_> = want.into_iter().filter(across).collect();
                prop_assert_eq!(ids(&got), want);
            }
        }
    }

    #[test]
    fn sketches_lose_nothing_on_any_number_of_threads() {
        for (metric, t) in [(Metric::Cosine, 0.95), (Metric::Euclidean, 3.0)] {
            let x = bundles(2600, 64, 3);
            let one = pooled(1, &x, metric, t);
            assert_eq!(ids(&one), slow(&x, metric, t));
            assert!(one.pairs.len() > 100);
            assert_eq!(pooled(2, &x, metric, t), one);
            assert_eq!(pooled(3, &x, metric, t), one);
        }
    }

    #[test]
    fn sizes_at_the_ends_of_the_range() {
        let base = bundles(40, 6, 5);
        for by in [1e-310, 1e-200, 1e-30, 1e150, 1e300] {
            let x = base.mapv(|v| v * by);
            let got = alike(&Ctx::new(1), x.view(), Metric::Cosine, 0.9, None).unwrap();
            assert_eq!(ids(&got), slow(&base, Metric::Cosine, 0.9), "{by}");
            let got = alike(&Ctx::new(1), x.view(), Metric::Euclidean, by * 0.5, None).unwrap();
            assert_eq!(ids(&got), slow(&base, Metric::Euclidean, 0.5), "{by}");
        }
        // One vector far from all others costs the others no digits.
        let mut x = base.clone();
        x[[7, 2]] = 1e290;
        let got = alike(&Ctx::new(1), x.view(), Metric::Euclidean, 1e-3, None).unwrap();
        assert!(got.pairs.iter().all(|p| p.left != 7 && p.right != 7));
    }

    #[test]
    fn multiples_have_a_cosine_of_one_and_zeros_none() {
        let x = ndarray::array![[1.0, 1.0, 1.0], [3.0, 3.0, 3.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]];
        let got = alike(&Ctx::new(1), x.view(), Metric::Cosine, 1.0, None).unwrap();
        assert_eq!(got.pairs, [Pair { left: 0, right: 1, score: 1.0 }]);
    }

    #[test]
    fn wrong_sides_and_stopping() {
        let x = bundles(10, 3, 1);
        let got = alike(&Ctx::new(1), x.view(), Metric::Cosine, 0.9, Some((&[true], &[true])));
        assert!(matches!(got, Err(Error::Shape(_))));
        let ctx = Ctx::new(1);
        ctx.stop();
        let got = alike(&ctx, x.view(), Metric::Cosine, 0.9, None);
        assert_eq!(got, Err(Error::Stopped));
    }
}
