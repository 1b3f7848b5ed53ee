//! Pairs of records that share a key: the only ones that are compared.

use super::levels::GONE;
use crate::base::{Ctx, Error, Result, hash, par};

/// Which records pair: any two, or one on the left with another on the right.
pub type Sides<'a> = Option<(&'a [bool], &'a [bool])>;

/// What records are brought together by.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    /// Columns of codes; [`GONE`] is missing, and joins no block.
    pub columns: &'a [&'a [i64]],
    /// Records with the same codes in all columns of a set are candidates.
    pub sets: &'a [Vec<usize>],
    /// Blocks larger than this are left out: what so many share says little.
    pub most: usize,
    /// Columns of ranks: records whose ranks are neighbours are candidates, too.
    pub ranks: &'a [&'a [i64]],
    /// How many records after it each is compared with.
    pub window: usize,
}

/// The candidates: pairs, left < right, sorted, each once.
pub fn candidates(ctx: &Ctx, n: usize, keys: Keys, sides: Sides) -> Result<Vec<(u32, u32)>> {
    let sized = keys.columns.iter().chain(keys.ranks).all(|c| c.len() == n);
    let known = keys.sets.iter().flatten().all(|&c| c < keys.columns.len());
    let told = sides.is_none_or(|(left, right)| left.len() == n && right.len() == n);
    if !sized || !known || !told || u32::try_from(n).is_err() {
        return Err(Error::Shape("keys must be columns of one code for each record".into()));
    }
    let fits = |i: u32, j: u32| {
        let (i, j) = (i as usize, j as usize);
        i != j && sides.is_none_or(|(l, r)| (l[i] && r[j]) || (l[j] && r[i]))
    };
    let ordered = |i: u32, j: u32| (i.min(j), i.max(j));
    let n_sets = keys.sets.len();
    let found = par::map(ctx, n_sets + keys.ranks.len(), |s| -> Result<Vec<(u32, u32)>> {
        let mut out = Vec::new();
        if s < n_sets {
            for block in blocks(n, &keys, &keys.sets[s]) {
                ctx.check()?;
                for (k, &i) in block.iter().enumerate() {
                    let others = block[k + 1..].iter().filter(|&&j| fits(i, j));
                    out.extend(others.map(|&j| ordered(i, j)));
                }
            }
        } else {
            let ranks = keys.ranks[s - n_sets];
            let mut order: Vec<u32> =
                (0..n as u32).filter(|&i| ranks[i as usize] != GONE).collect();
            order.sort_unstable_by_key(|&i| (ranks[i as usize], i));
            for (k, &i) in order.iter().enumerate() {
                let others = order[k + 1..].iter().take(keys.window);
                out.extend(others.filter(|&&j| fits(i, j)).map(|&j| ordered(i, j)));
            }
        }
        out.sort_unstable();
        out.dedup();
        Ok(out)
    })?;
    let mut pairs = found.into_iter().collect::<Result<Vec<_>>>()?.concat();
    pairs.sort_unstable();
    pairs.dedup();
    Ok(pairs)
}

/// The records that share a key of a set, block by block: two or more, and not too many.
fn blocks(n: usize, keys: &Keys, set: &[usize]) -> Vec<Vec<u32>> {
    let mut hashed: Vec<(u64, u32)> = (0..n)
        .filter(|&i| set.iter().all(|&c| keys.columns[c][i] != GONE))
        .map(|i| (set.iter().fold(0, |h, &c| hash::mix(h, keys.columns[c][i] as u64)), i as u32))
        .collect();
    hashed.sort_unstable();
    // A hash met by chance makes a candidate more, which the comparison rules out.
    hashed
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|block| block.len() > 1 && block.len() <= keys.most)
        .map(|block| block.iter().map(|b| b.1).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn candidates_are_those_of_the_slow_search(
            cells in prop::collection::vec((-1i64..4, -1i64..5, any::<bool>(), any::<bool>()), 0..40),
            most in 2usize..9,
            across in any::<bool>(),
        ) {
            let a: Vec<i64> = cells.iter().map(|c| c.0).collect();
            let b: Vec<i64> = cells.iter().map(|c| c.1).collect();
            let left: Vec<bool> = cells.iter().map(|c| c.2).collect();
            let right: Vec<bool> = cells.iter().map(|c| c.3).collect();
            let columns: [&[i64]; 2] = [&a, &b];
            let sets = [vec![0], vec![0, 1]];
            let keys = Keys { columns: &columns, sets: &sets, most, ranks: &[&b], window: 0 };
            let sides: Sides = across.then_some((&left[..], &right[..]));
            let got = candidates(&Ctx::new(1), a.len(), keys, sides).unwrap();
            let mut want = Vec::new();
            for i in 0..a.len() {
                for j in i + 1..a.len() {
                    let size = |same: &dyn Fn(usize) -> bool| (0..a.len()).filter(|&k| same(k)).count();
                    let one = a[i] == a[j] && a[i] != GONE && size(&|k| a[k] == a[i]) <= most;
                    let two = a[i] == a[j] && b[i] == b[j] && a[i] != GONE && b[i] != GONE
                        && size(&|k| a[k] == a[i] && b[k] == b[i]) <= most;
                    let side = !across || (left[i] && right[j]) || (left[j] && right[i]);
                    if (one || two) && side {
                        want.push((i as u32, j as u32));
                    }
                }
            }
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn neighbours_by_rank_and_wrong_shapes() {
        let ranks: [&[i64]; 1] = [&[2, 0, -1, 1, 3]];
        let keys = Keys { columns: &[], sets: &[], most: 9, ranks: &ranks, window: 1 };
        let ctx = Ctx::new(1);
        assert_eq!(candidates(&ctx, 5, keys, None).unwrap(), [(0, 3), (0, 4), (1, 3)]);
        assert!(matches!(candidates(&ctx, 4, keys, None), Err(Error::Shape(_))));
        ctx.stop();
        assert_eq!(candidates(&ctx, 5, keys, None), Err(Error::Stopped));
    }
}
