//! Which features a node looks at, in scikit-learn's order.
//!
//! scikit-learn draws features one after the other with a 32-bit xorshift generator (Marsaglia
//! 2003) seeded from NumPy's, and remembers which were constant. Doing the same draws in the same
//! order gives the same tree even where two features split equally well.

/// The generator: 31 bits a draw.
#[derive(Debug, Clone)]
pub(super) struct Xorshift(u32);

impl Xorshift {
    const MAX: u32 = i32::MAX as u32;

    pub fn new(seed: u32) -> Self {
        Xorshift(if seed == 0 { 1 } else { seed })
    }

    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % (Self::MAX + 1)
    }

    /// In `low..high`; `high` must be above `low`.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.next() as usize % (high - low).max(1)
    }

    /// Uniform between the two numbers.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        (high - low) * f64::from(self.next()) / f64::from(Self::MAX) + low
    }
}

/// The features in the order of the last draws. Those known to be constant where we are in the
/// tree come first.
#[derive(Debug)]
pub(super) struct Features {
    order: Vec<usize>,
    constant: Vec<usize>,
    most: usize,
}

impl Features {
    /// All of `n` features, of which a node looks at `most` that are not constant.
    pub fn new(n: usize, most: usize) -> Self {
        Features { order: (0..n).collect(), constant: vec![0; n], most }
    }

    /// Draws features without replacement, the first `known` being constant in this node, and
    /// gives each to `look`, which answers whether it varies here. Returns how many are known to
    /// be constant below this node.
    pub fn draw(
        &mut self,
        rng: &mut Xorshift,
        known: usize,
        mut look: impl FnMut(usize, &mut Xorshift) -> bool,
    ) -> usize {
        let n = self.order.len();
        // order: [..drawn] constants drawn, [..known] constants from above, [..total] and those
        // found here, [total..rest] not drawn yet, [rest..] drawn and varying.
        let (mut drawn, mut found, mut visited, mut rest) = (0, 0, 0, n);
        while rest > known + found && (visited < self.most || visited <= found + drawn) {
            visited += 1;
            let mut at = rng.between(drawn, rest - found);
            if at < known {
                self.order.swap(drawn, at);
                drawn += 1;
                continue;
            }
            at += found;
            if look(self.order[at], rng) {
                rest -= 1;
                self.order.swap(rest, at);
            } else {
                self.order.swap(at, known + found);
                found += 1;
            }
        }
        // Siblings and children find the constants from above in their old order.
        self.order[..known].copy_from_slice(&self.constant[..known]);
        self.constant[known..known + found].copy_from_slice(&self.order[known..known + found]);
        known + found
    }

    /// The features known to be constant below a node whose draw returned `total`.
    pub fn constants(&self, total: usize) -> &[usize] {
        &self.constant[..total]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_varying_feature_is_looked_at_once() {
        for seed in 0..50 {
            let mut rng = Xorshift::new(seed);
            let mut features = Features::new(7, 7);
            let mut seen = Vec::new();
            let mut look = |f: usize, _: &mut Xorshift| {
                seen.push(f);
                ![0, 3, 6].contains(&f)
            };
            let known = features.draw(&mut rng, 0, &mut look);
            assert_eq!(known, 3);
            let mut constants = features.constants(known).to_vec();
            constants.sort_unstable();
            assert_eq!(constants, [0, 3, 6]);
            seen.sort_unstable();
            assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6]);
            let mut below = Vec::new();
            features.draw(&mut rng, known, |f, _| {
                below.push(f);
                true
            });
            below.sort_unstable();
            assert_eq!(below, [1, 2, 4, 5]);
        }
    }

    #[test]
    fn one_feature_that_varies_is_found_however_few_are_wanted() {
        let mut rng = Xorshift::new(3);
        let mut features = Features::new(9, 1);
        let mut varied = 0;
        features.draw(&mut rng, 0, |f, _| {
            varied += usize::from(f == 4);
            f == 4
        });
        assert_eq!(varied, 1);
    }

    #[test]
    fn draws_are_pinned() {
        let mut rng = Xorshift::new(0);
        assert_eq!([rng.next(), rng.next(), rng.next()], [270_369, 67_634_689, 499_951_813]);
    }
}
