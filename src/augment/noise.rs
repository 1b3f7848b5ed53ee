//! Noise: random values from a counter, so that many come quickly from one word of a stream.

use std::f64::consts::FRAC_1_SQRT_2;
use std::sync::OnceLock;

use crate::base::lanes;
use crate::base::rng::Stream;

/// Words of a counter (splitmix64).
pub struct Words(u64);

impl Words {
    /// A counter that starts at a word of the stream.
    pub fn new(stream: &mut Stream) -> Self {
        Words(stream.word())
    }

    /// The next word.
    #[inline(always)]
    #[allow(clippy::should_implement_trait)] // it never ends
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The standard normal's quantile below one half, to 2e-9 (Wichura 1988, AS 241, PPND7 refined).
fn quantile(p: f64) -> f64 {
    // A start from the tail's expansion, then Newton's steps on the log of the share.
    let t = (-2.0 * p.ln()).sqrt();
    let mut z = -(t
        - (2.515_517 + 0.802_853 * t + 0.010_328 * t * t)
            / (1.0 + 1.432_788 * t + 0.189_269 * t * t + 0.001_308 * t * t * t));
    for _ in 0..3 {
        let density = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
        z -= (share(z) - p) / density.max(1e-300);
    }
    z
}

/// The standard normal's share below `z <= 0`.
fn share(z: f64) -> f64 {
    let x = -z;
    let density = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    if x > 3.0 {
        // Laplace's continued fraction.
        let mut f = 0.0;
        for k in (1..=60).rev() {
            f = f64::from(k) / (x + f);
        }
        return density / (x + f);
    }
    // Marsaglia's series (2004).
    let (mut term, mut sum) = (x, x);
    let mut k = 1.0;
    while term > 1e-17 * sum.max(1e-300) && k < 400.0 {
        k += 2.0;
        term *= x * x / k;
        sum += term;
    }
    0.5 - density * sum
}

/// The standard normal's quantiles at the middles of 4,096 equal shares, times the root of a half;
/// NaN stands for the outermost two. They stay in the nearest cache.
fn halves() -> &'static [f32; 4096] {
    static TABLE: OnceLock<Box<[f32; 4096]>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Box::new([f32::NAN; 4096]);
        for i in 1..2048 {
            let z = (quantile((i as f64 + 0.5) / 4096.0) * FRAC_1_SQRT_2) as f32;
            table[i] = z;
            table[4095 - i] = -z;
        }
        table
    })
}

/// The four draws of a word, some of which lie beyond the table (Marsaglia 1964).
#[inline(never)]
fn far(word: u64, stream: &mut Stream) -> [f32; 4] {
    /// Minus the quantile at 1/4096.
    const EDGE: f64 = 3.487_104_104;
    let mut beyond = || loop {
        let x = -(1.0 - stream.unit()).ln() / EDGE;
        let y = -(1.0 - stream.unit()).ln();
        if 2.0 * y > x * x {
            return ((EDGE + x) * FRAC_1_SQRT_2) as f32;
        }
    };
    std::array::from_fn(|k| match (word >> (16 * k)) as usize & 0xfff {
        0 => -beyond(),
        4095 => beyond(),
        i => halves()[i],
    })
}

/// Fills with standard normal values; returns the sum of their squares.
///
/// The sum and the difference of two normal values, times the root of a half, are two more that
/// know nothing of each other: they lie between the steps of the table that the two came from.
pub fn normals(stream: &mut Stream, out: &mut [f32]) -> f64 {
    let (table, mut words, mut total) = (halves(), Words::new(stream), 0.0);
    lanes::run(
        #[inline(always)]
        || {
            for block in out.chunks_mut(2048) {
                total += fill(table, &mut words, stream, block);
            }
        },
    );
    total
}

#[inline(always)]
fn fill(table: &[f32; 4096], words: &mut Words, stream: &mut Stream, block: &mut [f32]) -> f64 {
    let mut sums = [0f32; 4];
    let (fours, rest) = block.as_chunks_mut::<4>();
    for d in fours {
        *d = four(table, words.next(), stream);
        for k in 0..4 {
            sums[k] += d[k] * d[k];
        }
    }
    if !rest.is_empty() {
        let last = four(table, words.next(), stream);
        for (k, d) in rest.iter_mut().enumerate() {
            *d = last[k];
            sums[k] += *d * *d;
        }
    }
    sums.iter().map(|&s| f64::from(s)).sum()
}

#[inline(always)]
fn four(table: &[f32; 4096], word: u64, stream: &mut Stream) -> [f32; 4] {
    let get = |k: u32| table[(word >> (16 * k)) as usize & 0xfff];
    let [mut a, mut b, mut c, mut d] = [get(0), get(1), get(2), get(3)];
    if ((a + b) + (c + d)).is_nan() {
        [a, b, c, d] = far(word, stream);
    }
    [a + b, a - b, c + d, c - d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normals_are_normal_and_their_power_is_told() {
        let mut x = vec![0f32; 400_003];
        let told = normals(&mut Stream::new(1, 2, 3, 4), &mut x);
        let moment = |k: i32| x.iter().map(|v| f64::from(*v).powi(k)).sum::<f64>() / x.len() as f64;
        assert!((told / x.len() as f64 - moment(2)).abs() < 1e-6);
        assert!(moment(1).abs() < 0.008 && (moment(2) - 1.0).abs() < 0.012);
        assert!(moment(3).abs() < 0.02 && (moment(4) - 3.0).abs() < 0.06);
        // A value says nothing of the next, nor its square of the next one's.
        for power in [1, 2] {
            let even = |v: &f32| f64::from(*v).powi(power) - f64::from(power - 1);
            let both = x.chunks_exact(2).map(|c| even(&c[0]) * even(&c[1])).sum::<f64>();
            assert!((both / (x.len() / 2) as f64).abs() < 0.02);
        }
        // Kolmogorov's distance from the normal distribution.
        x.sort_by(f32::total_cmp);
        let below = |z: f64| if z > 0.0 { 1.0 - share(-z) } else { share(z) };
        let n = x.len() as f64;
        let away = |(i, v): (usize, &f32)| (below(f64::from(*v)) - (i as f64 + 0.5) / n).abs();
        assert!(x.iter().enumerate().map(away).fold(0.0, f64::max) * n.sqrt() < 1.63);
        let beyond = x.iter().filter(|v| v.abs() > 3.5).count() as f64;
        assert!((beyond / n / 4.653e-4 - 1.0).abs() < 0.25 && x[x.len() - 1] > 4.2);
        assert!((-quantile(1.0 / 4096.0) - 3.487_104_104).abs() < 1e-6);
    }
}
