//! Pairs of images that show the same: candidates by hash distance, verified on small versions.

use ndarray::ArrayView2;

use super::alike::alike;
use super::hamming::Index;
use super::hash::{Cosines, Hash, Source};
use super::sketch::{BYTES, SIDE};
use crate::base::{Ctx, Error, Result, par};
use crate::media::image_shrink::Turn;

/// Images between two looks at the stop flag.
const CHUNK: usize = 16;

/// What pairs are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Bits of 128 that may differ in the pHash or in the dHash.
    pub distance: u32,
    /// Whether a copy may be turned.
    pub turned: bool,
    /// On which side an image stands (1, 2, or 3 for both): a pair must have both sides.
    pub sides: Option<&'a [u8]>,
}

/// A verified pair, left < right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The first image.
    pub left: usize,
    /// The second image.
    pub right: usize,
    /// How alike they are; 1 is the same.
    pub score: f64,
    /// Which turn of the first is the second.
    pub turn: Turn,
    /// Whether the pHash and the dHash are within the distance.
    pub hashes: [bool; 2],
}

/// All pairs among small versions, sorted.
pub fn pairs(ctx: &Ctx, small: ArrayView2<u8>, wanted: Wanted) -> Result<Vec<Pair>> {
    let n = small.nrows();
    let rows = small.as_slice().filter(|_| small.ncols() == BYTES);
    let sides = wanted.sides.is_none_or(|s| s.len() == n);
    let (Some(rows), true) = (rows, sides) else {
        return Err(Error::Shape(format!("{n} images need {BYTES} bytes and a side each")));
    };
    let cosines = Cosines::new();
    let row = |i: usize| &rows[i * BYTES..(i + 1) * BYTES];
    let sources: Vec<Source> = par::map_chunks(ctx, n, CHUNK, |from, to| {
        (from..to).map(|i| Source::new(&row(i)[..SIDE * SIDE], &cosines)).collect::<Vec<_>>()
    })?
    .concat();
    let upright: [Vec<Hash>; 2] =
        [0, 1].map(|k| sources.iter().map(|s| s.hashes(Turn::NONE)[k]).collect());
    let index = [0, 1].map(|k| Index::new(&upright[k], wanted.distance));
    ctx.set_total(n as u64);
    let found = par::map_chunks(ctx, n, CHUNK, |from, to| {
        let mut out = Vec::new();
        for (i, source) in (from..to).zip(&sources[from..to]) {
            ctx.advance(1)?;
            let candidates = candidates(i, source, &upright, &index, wanted);
            verify(i, &candidates, row, &mut out);
        }
        Ok(out)
    })?;
    Ok(found.into_iter().collect::<Result<Vec<_>>>()?.concat())
}

/// The images behind `i` that a turn of `i` is near to, each with the turn and the hashes that say so.
fn candidates(
    i: usize,
    source: &Source,
    upright: &[Vec<Hash>; 2],
    index: &[Option<Index>; 2],
    wanted: Wanted,
) -> Vec<(usize, Turn, [bool; 2])> {
    let mut out = Vec::new();
    let turns = if wanted.turned { &Turn::ALL[..] } else { &Turn::ALL[..1] };
    let across = |j: usize| wanted.sides.is_none_or(|s| s[i] | s[j] == 3);
    for &turn in turns {
        let hashes = source.hashes(turn);
        let near = |j: usize| [0, 1].map(|k| hashes[k].distance(upright[k][j]) <= wanted.distance);
        let mut see = |j: usize| {
            if j > i && across(j) && near(j) != [false; 2] {
                out.push((j, turn.number()));
            }
        };
        match index {
            [Some(one), Some(two)] => {
                one.near(hashes[0], |j| see(j as usize));
                two.near(hashes[1], |j| see(j as usize));
            }
            _ => (i + 1..upright[0].len()).for_each(see),
        }
    }
    out.sort_unstable();
    out.dedup();
    let full = |(j, t): (usize, usize)| {
        let hashes = source.hashes(Turn::ALL[t]);
        let near = [0, 1].map(|k| hashes[k].distance(upright[k][j]) <= wanted.distance);
        (j, Turn::ALL[t], near)
    };
    out.into_iter().map(full).collect()
}

/// Of each candidate the turn in which it is most alike, if in any.
fn verify<'a>(
    i: usize,
    candidates: &[(usize, Turn, [bool; 2])],
    row: impl Fn(usize) -> &'a [u8],
    out: &mut Vec<Pair>,
) {
    let mut turned: [Option<Vec<u8>>; 8] = [const { None }; 8];
    for &(right, turn, hashes) in candidates {
        let own = turned[turn.number()].get_or_insert_with(|| turn_small(row(i), turn));
        let Some(score) = alike(own, row(right)) else { continue };
        let pair = Pair { left: i, right, score, turn, hashes };
        match out.last_mut().filter(|p| p.left == i && p.right == right) {
            Some(known) if known.score < score => *known = pair,
            Some(_) => {}
            None => out.push(pair),
        }
    }
}

/// A small version turned.
fn turn_small(small: &[u8], turn: Turn) -> Vec<u8> {
    let (luma, chroma) = small.split_at(SIDE * SIDE);
    let half = SIDE / 2;
    let mut out = turn.apply(luma, (SIDE, SIDE), 1);
    for plane in chroma.chunks_exact(half * half) {
        out.extend(turn.apply(plane, (half, half), 1));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    /// Smooth random images; every third is a turned copy of the one before it.
    fn images(n: usize) -> Array2<u8> {
        let mut rows: Vec<Vec<u8>> = Vec::new();
        for i in 0..n {
            if i % 3 == 2 {
                rows.push(turn_small(&rows[i - 1], Turn::ALL[i / 3 % 8]));
                continue;
            }
            let wave =
                |x: usize, k: f64| (x as f64 * k * (1.0 + i as f64 * 0.37 % 3.0) / 9.0).sin();
            let cell = |x: usize, y: usize| {
                (128.0
                    + 50.0 * wave(x, 1.0 + i as f64 % 2.1)
                    + 50.0 * wave(y, 1.7) * wave(x + y, 0.9)) as u8
            };
            let mut row: Vec<u8> = (0..SIDE * SIDE).map(|k| cell(k % SIDE, k / SIDE)).collect();
            row.resize(BYTES, 128);
            rows.push(row);
        }
        Array2::from_shape_vec((n, BYTES), rows.concat()).unwrap()
    }

    #[test]
    fn the_index_finds_what_the_scan_finds_on_any_number_of_threads() {
        let small = images(300);
        let found = |small: &Array2<u8>, threads: usize, turned: bool| {
            let wanted = Wanted { distance: 15, turned, sides: None };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| pairs(&Ctx::new(threads), small.view(), wanted).unwrap())
        };
        let all = found(&small, 1, true);
        assert!(Index::new(&[Hash::default(); 300], 15).is_some());
        assert!(all.len() >= 100);
        assert!((0..100).all(|k| all.iter().any(|p| (p.left, p.right) == (3 * k + 1, 3 * k + 2))));
        assert!(
            all.iter().filter(|p| p.left % 3 == 1 && p.right == p.left + 1).all(|p| p.score == 1.0)
        );
        assert_eq!(all, found(&small, 2, true));
        assert_eq!(all, found(&small, 3, true));
        assert!(found(&small, 1, false).len() < all.len());
        // In parts that are too small for an index.
        let part = small.slice(ndarray::s![..90, ..]).to_owned();
        let want: Vec<Pair> = all.iter().copied().filter(|p| p.right < 90).collect();
        assert_eq!(found(&part, 1, true), want);
    }

    #[test]
    fn pairs_are_across_and_shapes_are_checked() {
        let small = images(9);
        let sides = [1, 1, 2, 1, 1, 1, 2, 2, 3];
        let wanted = Wanted { distance: 12, turned: true, sides: Some(&sides) };
        let got = pairs(&Ctx::new(1), small.view(), wanted).unwrap();
        assert!(got.iter().all(|p| sides[p.left] | sides[p.right] == 3));
        assert!(got.iter().any(|p| (p.left, p.right) == (1, 2)));
        assert!(!got.iter().any(|p| (p.left, p.right) == (4, 5)));
        let wrong = pairs(&Ctx::new(1), small.slice(ndarray::s![.., 1..]), wanted);
        assert!(matches!(wrong, Err(Error::Shape(_))));
    }
}
