//! From verified pairs to clusters, the same for any order of the items.

use crate::base::{Ctx, Error, Result};

/// Items between two looks at the stop flag.
const CHUNK: usize = 1 << 16;

/// Who belongs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linkage {
    /// Every member is paired with the cluster's representative.
    Star,
    /// Every member is paired with another member: connected components.
    Connected,
}

/// Clusters of items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clusters {
    /// For each item, the item that stands for its cluster.
    pub representative: Vec<usize>,
    /// Whether the item is paired with every other member of its cluster.
    pub central: Vec<bool>,
}

/// Verified pairs as neighbour lists.
struct Graph {
    starts: Vec<usize>,
    others: Vec<u32>,
}

impl Graph {
    fn new(n: usize, pairs: &[(u32, u32)]) -> Self {
        let mut starts = vec![0usize; n + 1];
        for &(i, j) in pairs {
            starts[i as usize + 1] += 1;
            starts[j as usize + 1] += 1;
        }
        for i in 0..n {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut others = vec![0u32; 2 * pairs.len()];
        for &(i, j) in pairs {
            for (from, to) in [(i, j), (j, i)] {
                others[next[from as usize]] = to;
                next[from as usize] += 1;
            }
        }
        Graph { starts, others }
    }

    fn of(&self, i: usize) -> &[u32] {
        &self.others[self.starts[i]..self.starts[i + 1]]
    }
}

/// Clusters of `keys.len()` items from their pairs (each pair once, of two different items).
///
/// Stars are made around the items with the most pairs first; of several, around the one of the
/// least key, then number. Where keys tell the items apart, the order of the items is of no account.
pub fn clusters(
    ctx: &Ctx,
    keys: &[u64],
    pairs: &[(u32, u32)],
    linkage: Linkage,
) -> Result<Clusters> {
    let n = keys.len();
    for (k, &(i, j)) in pairs.iter().enumerate() {
        if i == j || i.max(j) as usize >= n {
            return Err(Error::Shape(format!("pair {k} ({i}, {j}) is none of {n} items")));
        }
    }
    let graph = Graph::new(n, pairs);
    let mut order: Vec<u32> = (0..n as u32).collect();
    let degree = |i: u32| graph.of(i as usize).len();
    order.sort_unstable_by_key(|&i| (std::cmp::Reverse(degree(i)), keys[i as usize], i));
    let representative = match linkage {
        Linkage::Star => stars(ctx, &graph, &order)?,
        Linkage::Connected => components(ctx, &graph, &order)?,
    };
    let mut size = vec![0usize; n];
    for &r in &representative {
        size[r] += 1;
    }
    let central = (0..n)
        .map(|i| {
            let home = representative[i];
            let inside = graph.of(i).iter().filter(|&&j| representative[j as usize] == home);
            inside.count() + 1 == size[home]
        })
        .collect();
    Ok(Clusters { representative, central })
}

fn stars(ctx: &Ctx, graph: &Graph, order: &[u32]) -> Result<Vec<usize>> {
    let mut home = vec![usize::MAX; order.len()];
    for chunk in order.chunks(CHUNK) {
        ctx.check()?;
        for &i in chunk {
            let i = i as usize;
            if home[i] != usize::MAX {
                continue;
            }
            home[i] = i;
            for &j in graph.of(i) {
                if home[j as usize] == usize::MAX {
                    home[j as usize] = i;
                }
            }
        }
    }
    Ok(home)
}

fn components(ctx: &Ctx, graph: &Graph, order: &[u32]) -> Result<Vec<usize>> {
    let mut home = vec![usize::MAX; order.len()];
    let mut open = Vec::new();
    for chunk in order.chunks(CHUNK) {
        ctx.check()?;
        for &i in chunk {
            let first = i as usize;
            if home[first] != usize::MAX {
                continue;
            }
            home[first] = first;
            open.push(first);
            while let Some(at) = open.pop() {
                for &j in graph.of(at) {
                    if home[j as usize] == usize::MAX {
                        home[j as usize] = first;
                        open.push(j as usize);
                    }
                }
            }
        }
    }
    Ok(home)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn run(n: usize, pairs: &[(u32, u32)], linkage: Linkage) -> Clusters {
        let keys: Vec<u64> = (0..n as u64).collect();
        clusters(&Ctx::new(1), &keys, pairs, linkage).unwrap()
    }

    #[test]
    fn a_chain_is_one_component_and_a_star_around_its_middle() {
        let chain = [(0, 1), (1, 2), (2, 3), (3, 4)];
        let connected = run(6, &chain, Linkage::Connected);
        assert_eq!(connected.representative, [1, 1, 1, 1, 1, 5]);
        assert_eq!(connected.central, [false, false, false, false, false, true]);
        let star = run(6, &chain, Linkage::Star);
        assert_eq!(star.representative, [1, 1, 1, 3, 3, 5]);
        assert_eq!(star.central, [false, true, false, true, true, true]);
    }

    #[test]
    fn what_cannot_be_a_pair_is_refused() {
        for bad in [(0, 0), (0, 3)] {
            let got = clusters(&Ctx::new(1), &[1, 2, 3], &[bad], Linkage::Star);
            assert!(matches!(got, Err(Error::Shape(_))));
        }
    }

    #[test]
    fn it_stops() {
        let ctx = Ctx::new(1);
        ctx.stop();
        assert_eq!(clusters(&ctx, &[1, 2], &[(0, 1)], Linkage::Star), Err(Error::Stopped));
    }

    fn sets(representative: &[usize], name: impl Fn(usize) -> usize) -> BTreeSet<BTreeSet<usize>> {
        let n = representative.len();
        (0..n)
            .map(|r| (0..n).filter(|&i| representative[i] == r).map(&name).collect())
            .filter(|s: &BTreeSet<usize>| !s.is_empty())
            .collect()
    }

    proptest! {
        #[test]
        fn clusters_hold_what_they_promise(
            n in 1usize..12,
            raw in prop::collection::btree_set((0u32..12, 0u32..12), 0..30),
            shift in 0usize..12,
        ) {
            let fits = |&(i, j): &(u32, u32)| i < j && (j as usize) < n;
            let pairs: Vec<(u32, u32)> = raw.into_iter().filter(fits).collect();
            let paired = |a: usize, b: usize| {
                pairs.contains(&(a.min(b) as u32, a.max(b) as u32))
            };
            // The same items numbered otherwise, with the keys that go with them.
            let new = |i: u32| ((i as usize + shift) % n) as u32;
            let keys: Vec<u64> = (0..n).map(|i| (i * 7919 % 31) as u64).collect();
            let mut keys_moved = vec![0; n];
            for (i, &key) in keys.iter().enumerate() {
                keys_moved[new(i as u32) as usize] = key;
            }
            let moved: Vec<(u32, u32)> = pairs
                .iter()
                .map(|&(i, j)| (new(i).min(new(j)), new(i).max(new(j))))
                .collect();
            for linkage in [Linkage::Star, Linkage::Connected] {
                let got = clusters(&Ctx::new(1), &keys, &pairs, linkage).unwrap();
                for i in 0..n {
                    let home = got.representative[i];
                    prop_assert_eq!(got.representative[home], home);
                    if linkage == Linkage::Star {
                        prop_assert!(i == home || paired(i, home));
                        prop_assert!(got.central[home]);
                    }
                    for j in 0..n {
                        let together = got.representative[j] == home;
                        prop_assert!(linkage == Linkage::Star || !paired(i, j) || together);
                        prop_assert!(!(got.central[i] && together && i != j) || paired(i, j));
                    }
                }
                let again = clusters(&Ctx::new(1), &keys_moved, &moved, linkage).unwrap();
                let back = |i: usize| (i + n - shift % n) % n;
                prop_assert_eq!(
                    sets(&got.representative, |i| i),
                    sets(&again.representative, back)
                );
            }
        }
    }
}
