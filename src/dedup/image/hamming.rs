//! All hashes within a distance, exactly: an index of words, by the pigeonhole principle.

use super::hash::Hash;

/// Words of a hash, and bits of a word.
const WORDS: usize = 8;
const VALUES: usize = 1 << 16;

/// Hashes by their words. If two hashes are within `distance`, one of their 8 words is within
/// `distance / 8`, so that it is enough to look at the words near to each.
pub struct Index {
    /// For each word and each value of it, where its hashes start in `items`.
    starts: Vec<u32>,
    items: Vec<u32>,
    n: usize,
    /// What to change in a word to get all words near to it.
    flips: Vec<u16>,
}

fn word(hash: Hash, k: usize) -> usize {
    let half = if k < WORDS / 2 { hash.plus } else { hash.minus };
    (half >> (16 * (k % (WORDS / 2)))) as usize & (VALUES - 1)
}

impl Index {
    /// An index for one distance; `None` where looking at each hash takes less.
    pub fn new(hashes: &[Hash], distance: u32) -> Option<Self> {
        let radius = distance / WORDS as u32;
        let flips: Vec<u16> = (0..=u16::MAX).filter(|f| f.count_ones() <= radius).collect();
        if flips.len() * WORDS >= hashes.len() {
            return None;
        }
        let (mut starts, mut items) =
            (vec![0u32; WORDS * (VALUES + 1)], vec![0u32; WORDS * hashes.len()]);
        for k in 0..WORDS {
            let starts = &mut starts[k * (VALUES + 1)..(k + 1) * (VALUES + 1)];
            let items = &mut items[k * hashes.len()..(k + 1) * hashes.len()];
            for &hash in hashes {
                starts[word(hash, k) + 1] += 1;
            }
            for value in 0..VALUES {
                starts[value + 1] += starts[value];
            }
            let mut next = starts.to_vec();
            for (i, &hash) in hashes.iter().enumerate() {
                let place = &mut next[word(hash, k)];
                items[*place as usize] = i as u32;
                *place += 1;
            }
        }
        Some(Index { starts, items, n: hashes.len(), flips })
    }

    /// Calls `see(i)` for every hash that can be within the distance, some more than once.
    pub fn near(&self, hash: Hash, mut see: impl FnMut(u32)) {
        for k in 0..WORDS {
            let starts = &self.starts[k * (VALUES + 1)..(k + 1) * (VALUES + 1)];
            let items = &self.items[k * self.n..(k + 1) * self.n];
            for &flip in &self.flips {
                let value = word(hash, k) ^ usize::from(flip);
                items[starts[value] as usize..starts[value + 1] as usize]
                    .iter()
                    .for_each(|&i| see(i));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_within_the_distance_is_missed(
            seeds in prop::collection::vec(any::<(u64, u64)>(), 8), distance in 0u32..16,
            flips in prop::collection::vec(prop::collection::vec(0u32..128, 0..18), 40),
        ) {
            let change = |(k, flips): (usize, &Vec<u32>)| {
                let (mut plus, mut minus) = seeds[k % seeds.len()];
                for &f in flips {
                    if f < 64 { plus ^= 1 << f } else { minus ^= 1 << (f - 64) }
                }
                Hash { plus, minus }
            };
            let mut hashes: Vec<Hash> = flips.iter().enumerate().map(change).collect();
            hashes.extend((0..200).map(|i| Hash { plus: i << 40, minus: i }));
            let index = Index::new(&hashes, distance).unwrap();
            for &query in &hashes {
                let mut seen = vec![false; hashes.len()];
                index.near(query, |i| seen[i as usize] = true);
                for (i, &hash) in hashes.iter().enumerate() {
                    prop_assert!(seen[i] || query.distance(hash) > distance);
                }
            }
        }
    }
}
