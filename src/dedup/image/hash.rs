//! Hashes of what an image shows: pHash and dHash, each in all eight turns.
//!
//! A value near zero has no sign that a copy would share, so a place of a hash is +, - or 0: two
//! bits. A turn moves the places and changes signs, so that eight hashes come from one transform,
//! and the distance of two images does not depend on which of them is turned. Sums are integers:
//! the hashes of a turned image are exactly those of the image, turned.

use super::sketch::SIDE;
use crate::media::image_shrink::{Turn, sums};

/// Frequencies across and down of the pHash.
const FREQUENCIES: usize = 8;
/// Cells across and down of the dHash.
const CELLS: usize = 6;
/// What counts as zero: four times the noise that compression leaves in a coefficient (its standard
/// deviation is about half a grey level), and twice that in a difference of cells.
const ZERO_COEFFICIENT: f64 = 2.0;
const ZERO_DIFFERENCE: i64 = 1;

/// Places with a plus, and places with a minus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hash {
    /// Places with a plus.
    pub plus: u64,
    /// Places with a minus.
    pub minus: u64,
}

impl Hash {
    /// How many bits of 128 differ: 2 for opposite signs, 1 for a sign against zero.
    #[inline]
    pub fn distance(self, other: Hash) -> u32 {
        (self.plus ^ other.plus).count_ones() + (self.minus ^ other.minus).count_ones()
    }

    fn of(signs: impl Iterator<Item = i8>) -> Hash {
        let mut hash = Hash::default();
        for (place, sign) in signs.enumerate() {
            hash.plus |= u64::from(sign > 0) << place;
            hash.minus |= u64::from(sign < 0) << place;
        }
        hash
    }
}

/// What the hashes of one image in all turns are made of.
#[derive(Debug, Clone)]
pub struct Source {
    /// Signs of the coefficients, by frequency down and across.
    coefficients: [i8; FREQUENCIES * FREQUENCIES],
    /// Sums of brightness, by cell.
    cells: Vec<i64>,
}

/// The cosines of the transform, in 1/4096: the same to the bit at both ends of a row.
#[derive(Debug)]
pub struct Cosines([[i64; SIDE]; FREQUENCIES]);

impl Cosines {
    /// The table.
    pub fn new() -> Self {
        let mut table = [[0; SIDE]; FREQUENCIES];
        for (u, row) in table.iter_mut().enumerate() {
            for x in 0..SIDE / 2 {
                let angle =
                    std::f64::consts::PI * (2 * x + 1) as f64 * u as f64 / (2 * SIDE) as f64;
                row[x] = (angle.cos() * 4096.0).round() as i64;
                row[SIDE - 1 - x] = if u % 2 == 0 { row[x] } else { -row[x] };
            }
        }
        Cosines(table)
    }
}

impl Default for Cosines {
    fn default() -> Self {
        Cosines::new()
    }
}

impl Source {
    /// Looks at the brightness of an image, `SIDE` x `SIDE` cells.
    pub fn new(luma: &[u8], cosines: &Cosines) -> Self {
        let mut lines = [[0i64; FREQUENCIES]; SIDE];
        for (line, row) in lines.iter_mut().zip(luma.chunks_exact(SIDE)) {
            for (sum, cosine) in line.iter_mut().zip(&cosines.0) {
                *sum = row.iter().zip(cosine).map(|(&v, c)| i64::from(v) * c).sum();
            }
        }
        let mut coefficients = [0i8; FREQUENCIES * FREQUENCIES];
        for (u, cosine) in cosines.0.iter().enumerate() {
            for v in 0..FREQUENCIES {
                let sum: i64 = lines.iter().zip(cosine).map(|(line, c)| line[v] * c).sum();
                let scale = |k: usize| if k == 0 { 1.0 } else { 2.0 } / SIDE as f64;
                let scale = (scale(u) * scale(v)).sqrt() / (4096.0 * 4096.0);
                let zero = sum.unsigned_abs() as f64 * scale <= ZERO_COEFFICIENT;
                // The mean says nothing of what is shown.
                coefficients[u * FREQUENCIES + v] =
                    if zero || u + v == 0 { 0 } else { sum.signum() as i8 };
            }
        }
        let cells = sums(luma, SIDE, 1, (1, 1), (SIDE, SIDE), (CELLS, CELLS));
        Source { coefficients, cells: cells.into_iter().map(|s| s as i64).collect() }
    }

    /// The pHash of the image turned.
    pub fn phash(&self, turn: Turn) -> Hash {
        let (back, up) = turn.reverses();
        Hash::of((0..FREQUENCIES * FREQUENCIES).map(|place| {
            let (u, v) = (place / FREQUENCIES, place % FREQUENCIES);
            let odd = (up && u % 2 == 1) != (back && v % 2 == 1);
            let sign = match turn.swaps() {
                true => self.coefficients[v * FREQUENCIES + u],
                false => self.coefficients[place],
            };
            if odd { -sign } else { sign }
        }))
    }

    /// The dHash of the image turned: differences across, then down.
    pub fn dhash(&self, turn: Turn) -> Hash {
        let cells = turn.apply(&self.cells, (CELLS, CELLS), 1);
        let zero = ZERO_DIFFERENCE * (SIDE * SIDE) as i64;
        let sign = |from: usize, to: usize| {
            let difference = cells[to] - cells[from];
            if difference.abs() <= zero { 0 } else { difference.signum() as i8 }
        };
        let inner = CELLS * (CELLS - 1);
        let across = (0..inner).map(|k| {
            let at = k / (CELLS - 1) * CELLS + k % (CELLS - 1);
            sign(at, at + 1)
        });
        let down = (0..inner).map(|at| sign(at, at + CELLS));
        Hash::of(across.chain(down))
    }

    /// Both hashes of the image turned.
    pub fn hashes(&self, turn: Turn) -> [Hash; 2] {
        [self.phash(turn), self.dhash(turn)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_hashes_of_a_turned_image_are_the_hashes_turned(
            luma in prop::collection::vec(any::<u8>(), SIDE * SIDE), level in 0u8..40,
        ) {
            let cosines = Cosines::new();
            // Low contrasts too, where places are zero.
            let luma: Vec<u8> = luma.iter().map(|&v| if level < 20 { v % (level + 1) } else { v }).collect();
            let source = Source::new(&luma, &cosines);
            for turn in Turn::ALL {
                let turned = Source::new(&turn.apply(&luma, (SIDE, SIDE), 1), &cosines);
                prop_assert_eq!(turned.hashes(Turn::NONE), source.hashes(turn));
            }
        }
    }

    #[test]
    fn a_slope_has_the_signs_it_should() {
        let luma: Vec<u8> = (0..SIDE * SIDE).map(|i| (i % SIDE * 8) as u8).collect();
        let source = Source::new(&luma, &Cosines::new());
        let [phash, dhash] = source.hashes(Turn::NONE);
        assert_eq!(phash.minus & 0xff, 0b1010_1010);
        assert_eq!((phash.plus, dhash.minus), (0, 0));
        assert_eq!(dhash.plus, (1 << 30) - 1);
        assert_eq!(phash.distance(source.phash(Turn::from_exif(3))), 2 * phash.minus.count_ones());
    }
}
