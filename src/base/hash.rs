//! Hashing with fixed seeds: the same value gives the same hash on every machine and release.

/// Mixes a word into a running hash (the finaliser of SplitMix64 over their combination).
#[inline]
pub fn mix(hash: u64, word: u64) -> u64 {
    let mut z = hash.rotate_left(25) ^ word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The hash of a byte string, its length included.
pub fn bytes(seed: u64, data: &[u8]) -> u64 {
    let mut hash = mix(seed, data.len() as u64);
    let (words, rest) = data.as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    let mut last = [0u8; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(hash, u64::from_le_bytes(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_pinned_and_tell_lengths_apart() {
        assert_eq!(bytes(0, b"tamis"), bytes(0, b"tamis"));
        assert_ne!(bytes(0, b"a"), bytes(0, b"a\0"));
        assert_ne!(bytes(0, b""), bytes(1, b""));
        assert_ne!(mix(mix(0, 1), 2), mix(mix(0, 2), 1));
    }
}
