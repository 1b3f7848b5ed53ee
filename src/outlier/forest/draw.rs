//! Which rows and features a tree sees. A tree's stream depends on the seed and its number alone.

use std::collections::HashSet;

use crate::base::rng::Stream;

/// The stream of isolation trees.
const OPERATION: u64 = 0x0069_736f_6c61_7465;

/// The stream of a tree; its first draws are the rows.
pub(super) fn stream(seed: u64, tree: usize) -> Stream {
    Stream::new(seed, OPERATION, 0, tree as u64)
}

/// The rows that a tree sees, out of `n`: `count` of them (fewer where there are not so many and
/// none is taken twice), with chances by weight where there are weights, which are positive.
pub fn samples(
    seed: u64,
    tree: usize,
    n: usize,
    count: usize,
    replace: bool,
    weights: Option<&[f64]>,
) -> Vec<u32> {
    rows(&mut stream(seed, tree), n, count, replace, weights)
}

pub(super) fn rows(
    stream: &mut Stream,
    n: usize,
    count: usize,
    replace: bool,
    weights: Option<&[f64]>,
) -> Vec<u32> {
    match (replace, weights) {
        (_, _) if n == 0 => Vec::new(),
        (true, None) => (0..count).map(|_| stream.below(n as u64) as u32).collect(),
        (true, Some(weights)) => {
            let ends: Vec<f64> = weights
                .iter()
                .scan(0.0, |sum, w| {
                    *sum += w;
                    Some(*sum)
                })
                .collect();
            let total = ends.last().copied().unwrap_or(0.0);
            let mut one = || {
                let at = stream.unit() * total;
                ends.partition_point(|&end| end <= at).min(n - 1) as u32
            };
            (0..count).map(|_| one()).collect()
        }
        (false, None) => distinct(stream, n, count.min(n)),
        (false, Some(weights)) => weighted(stream, weights, count.min(n)),
    }
}

/// `count` different numbers below `n` (Floyd).
pub(super) fn distinct(stream: &mut Stream, n: usize, count: usize) -> Vec<u32> {
    let mut seen = HashSet::with_capacity(count);
    let mut out = Vec::with_capacity(count);
    for last in n - count..n {
        let drawn = stream.below(last as u64 + 1) as u32;
        let taken = if seen.insert(drawn) { drawn } else { last as u32 };
        seen.insert(taken);
        out.push(taken);
    }
    out
}

/// Rows one after another by their weights (Efraimidis and Spirakis 2006).
fn weighted(stream: &mut Stream, weights: &[f64], count: usize) -> Vec<u32> {
    let mut keys: Vec<(f64, u32)> = weights
        .iter()
        .enumerate()
        .map(|(i, w)| (-(1.0 - stream.unit()).ln() / w, i as u32))
        .collect();
    if count < keys.len() {
        keys.select_nth_unstable_by(count, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        keys.truncate(count);
    }
    keys.into_iter().map(|key| key.1).collect()
}
