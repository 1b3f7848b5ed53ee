//! Random streams that depend on what is drawn, never on the thread or the batch.
//!
//! A stream is keyed by (seed, operation, epoch, item). The draws are written out here, so that
//! their values do not change when a crate does.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// One stream of draws.
#[derive(Debug, Clone)]
pub struct Stream {
    core: ChaCha8Rng,
}

impl Stream {
    /// The stream of item `item` in epoch `epoch` of operation `op` under `seed`.
    pub fn new(seed: u64, op: u64, epoch: u64, item: u64) -> Self {
        let mut key = [0u8; 32];
        for (bytes, word) in key.chunks_exact_mut(8).zip([seed, op, epoch, item]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Stream { core: ChaCha8Rng::from_seed(key) }
    }

    /// A uniform 64-bit word.
    #[inline]
    pub fn word(&mut self) -> u64 {
        self.core.next_u64()
    }

    /// Uniform in `[0, 1)`, 53 bits.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in `0..n` without bias (Lemire 2019). `n` must be positive.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        debug_assert!(n > 0);
        let reject = n.wrapping_neg() % n;
        loop {
            let wide = u128::from(self.word()) * u128::from(n);
            if wide as u64 >= reject {
                return (wide >> 64) as u64;
            }
        }
    }

    /// Standard normal (Box and Muller; one draw a call, so that a stream's place is plain).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Shuffles in place (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_its_key() {
        let draw = |s, o, e, i| Stream::new(s, o, e, i).word();
        assert_eq!(draw(1, 2, 3, 4), draw(1, 2, 3, 4));
        let others = [draw(2, 2, 3, 4), draw(1, 3, 3, 4), draw(1, 2, 4, 4), draw(1, 2, 3, 5)];
        assert!(others.iter().all(|&w| w != draw(1, 2, 3, 4)));
    }

    #[test]
    fn draws_are_uniform_and_normal() {
        let mut s = Stream::new(7, 0, 0, 0);
        let n = 20_000;
        let mut counts = [0u32; 7];
        let (mut sum, mut square) = (0.0, 0.0);
        for _ in 0..n {
            counts[s.below(7) as usize] += 1;
            let z = s.normal();
            sum += z;
            square += z * z;
        }
        assert!(counts.iter().all(|&c| (f64::from(c) - n as f64 / 7.0).abs() < 250.0));
        assert!((sum / n as f64).abs() < 0.03 && (square / n as f64 - 1.0).abs() < 0.05);
        let mut items: Vec<u32> = (0..50).collect();
        s.shuffle(&mut items);
        let mut sorted = items.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
        assert_ne!(items, sorted);
    }
}
