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
#[inline]
pub fn bytes(seed: u64, data: &[u8]) -> u64 {
    let mut hash = mix(seed, data.len() as u64);
    let (words, rest) = data.as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    mix(hash, short(data, rest))
}

/// Up to seven bytes, `rest`, at the end of `data` as a word filled up with zeros: read in whole
/// words, which may overlap, and not byte by byte.
#[inline]
pub fn short(data: &[u8], rest: &[u8]) -> u64 {
    let n = rest.len();
    if n == 0 {
        return 0;
    }
    if let Some(word) = data.last_chunk::<8>() {
        return u64::from_le_bytes(*word) >> (64 - 8 * n);
    }
    if let (Some(low), Some(high)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        let (low, high) = (u32::from_le_bytes(*low), u32::from_le_bytes(*high));
        return u64::from(low) | u64::from(high) << (8 * (n - 4));
    }
    let byte = |k: usize| u64::from(rest[k]) << (8 * k);
    byte(0) | byte(n / 2) | byte(n - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_that_of_its_bytes() {
        let data: Vec<u8> = (1..40u8).map(|i| i.wrapping_mul(37)).collect();
        for n in 0..data.len() {
            let rest = &data[n / 8 * 8..n];
            let mut bytes = [0u8; 8];
            bytes[..rest.len()].copy_from_slice(rest);
            assert_eq!(short(&data[..n], rest), u64::from_le_bytes(bytes), "{n}");
        }
    }

    #[test]
    fn hashes_are_pinned_and_tell_lengths_apart() {
        assert_eq!(bytes(0, b"tamis"), bytes(0, b"tamis"));
        assert_ne!(bytes(0, b"a"), bytes(0, b"a\0"));
        assert_ne!(bytes(0, b""), bytes(1, b""));
        assert_ne!(mix(mix(0, 1), 2), mix(mix(0, 2), 1));
    }
}
