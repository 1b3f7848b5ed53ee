//! The kernels of an index of texts: sets of shingles, where their rare shingles stand, and which
//! sets of an index are as like a new one as the threshold asks for.
//!
//! Two sets whose Jaccard similarity reaches the threshold share one of the first so many shingles
//! of each, in any order that is the same for both. A segment of the index has an order of its own,
//! by how common a shingle was when the segment was made: the segment holds the common ones and
//! stays valid whatever is added later.

#[cfg(test)]
mod tests;

use ndarray::ArrayView1;

use crate::base::{Ctx, Error, Result, hash, par};
use crate::dedup::rows::Text;
use crate::dedup::text::bounds::{Threshold, jaccard};
use crate::dedup::text::shingles::{Shingler, overlap};

/// Texts that are worked on between two looks at the stop flag.
const CHUNK: usize = 64;
/// In so many sets a shingle is common.
const COMMON: usize = 8;
/// The seed of the second half of what a text is known by. It is on disk and never changes.
const SECOND: u64 = 0x7365_636f_6e64;

/// Texts as sets of shingles.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Two words that a text is known by; zeros for a blank one.
    pub identity: Vec<u64>,
    /// Set `i` is `hashes[offsets[i]..offsets[i + 1]]`.
    pub offsets: Vec<i64>,
    /// The shingles of the sets, rising in each.
    pub hashes: Vec<u64>,
}

/// The same, borrowed and checked.
#[derive(Clone, Copy)]
pub struct Sets<'a> {
    identity: &'a [u64],
    offsets: &'a [i64],
    hashes: &'a [u64],
}

impl<'a> Sets<'a> {
    /// Refuses arrays that do not fit each other.
    pub fn new(identity: &'a [u64], offsets: &'a [i64], hashes: &'a [u64]) -> Result<Self> {
        let rising = offsets.windows(2).all(|w| w[0] <= w[1]);
        let whole = offsets.first() == Some(&0)
            && offsets.last().is_some_and(|&last| usize::try_from(last) == Ok(hashes.len()));
        if !rising || !whole || identity.len() != 2 * (offsets.len() - 1) {
            return Err(Error::Shape("the sets of an index do not fit each other".into()));
        }
        if u32::try_from(offsets.len()).is_err() {
            return Err(Error::Data("a segment holds at most four billion texts".into()));
        }
        Ok(Sets { identity, offsets, hashes })
    }

    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn get(&self, i: usize) -> &'a [u64] {
        &self.hashes[self.offsets[i] as usize..self.offsets[i + 1] as usize]
    }

    fn identity(&self, i: usize) -> (u64, u64) {
        (self.identity[2 * i], self.identity[2 * i + 1])
    }
}

/// Where the rare shingles of a segment stand.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Postings {
    /// The shingles that are in many sets, rising.
    pub common: Vec<u64>,
    /// In how many.
    pub counts: Vec<u32>,
    /// The rare shingles of all sets, rising; of a text without shingles what it is known by.
    pub tokens: Vec<u64>,
    /// The set of each of them.
    pub rows: Vec<u32>,
}

/// A part of an index, borrowed.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    /// Its sets.
    pub sets: Sets<'a>,
    /// The shingles that are in many sets, and in how many.
    pub common: (&'a [u64], &'a [u32]),
    /// The rare shingles, and the set of each.
    pub postings: (&'a [u64], &'a [u32]),
    /// Which texts were deleted.
    pub dead: ArrayView1<'a, bool>,
}

/// A text of an index that is like one that was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The text asked for.
    pub query: usize,
    /// The text of the segment.
    pub row: usize,
    /// Their similarity.
    pub score: f64,
}

/// The sets of some texts; those that are `missing` are blank.
pub fn prepare(
    ctx: &Ctx,
    texts: &Text,
    missing: Option<ArrayView1<bool>>,
    shingler: &Shingler,
) -> Result<Prepared> {
    if missing.is_some_and(|m| m.len() != texts.len()) {
        return Err(Error::Shape("the mask must be as long as the texts".into()));
    }
    let parts = par::map_chunks(ctx, texts.len(), CHUNK, |start, end| {
        let mut part = Prepared::default();
        let mut scratch = Vec::new();
        for i in start..end {
            let bytes = texts.get(i);
            let own = if missing.is_some_and(|m| m[i]) { None } else { shingler.identity(bytes) };
            part.identity.push(own.unwrap_or(0));
            part.identity.push(
                own.map_or(0, |_| hash::bytes(SECOND, shingler.form.apply(bytes).as_bytes()) | 1),
            );
            if own.is_some() {
                shingler.append(bytes, &mut scratch, &mut part.hashes);
            }
            part.offsets.push(part.hashes.len() as i64);
        }
        part
    })?;
    let mut all = Prepared { offsets: vec![0], ..Prepared::default() };
    for mut part in parts {
        let before = all.hashes.len() as i64;
        all.offsets.extend(part.offsets.iter().map(|end| before + end));
        all.identity.append(&mut part.identity);
        all.hashes.append(&mut part.hashes);
    }
    Ok(all)
}

/// Where the rare shingles of the sets stand.
pub fn postings(ctx: &Ctx, sets: Sets, threshold: Threshold) -> Result<Postings> {
    let mut out = Postings::default();
    let mut all = sets.hashes.to_vec();
    all.sort_unstable();
    for run in all.chunk_by(|a, b| a == b).filter(|run| run.len() >= COMMON) {
        out.common.push(run[0]);
        out.counts.push(u32::try_from(run.len()).unwrap_or(u32::MAX));
    }
    drop(all);
    let common = (&out.common[..], &out.counts[..]);
    let parts = par::map_chunks(ctx, sets.len(), CHUNK, |start, end| {
        let mut places = Vec::new();
        for i in start..end {
            for token in rare(sets, i, common, threshold) {
                places.push((token, i as u32));
            }
        }
        places
    })?;
    let mut places: Vec<(u64, u32)> = parts.into_iter().flatten().collect();
    ctx.check()?;
    places.sort_unstable();
    (out.tokens, out.rows) = places.into_iter().unzip();
    Ok(out)
}

/// The first shingles of a set, the rarest first: any set that is like it has one of them among its
/// own first ones. Of a text without shingles what it is known by; of a blank one nothing.
fn rare(sets: Sets, i: usize, common: (&[u64], &[u32]), threshold: Threshold) -> Vec<u64> {
    let set = sets.get(i);
    if set.is_empty() {
        return if sets.identity(i) == (0, 0) { Vec::new() } else { vec![sets.identity(i).0] };
    }
    let count = |h: &u64| common.0.binary_search(h).map_or(0, |k| common.1[k]);
    let mut order: Vec<(u32, u64)> = set.iter().map(|h| (count(h), *h)).collect();
    let long = threshold.prefix(set.len());
    if long < order.len() {
        order.select_nth_unstable(long);
        order.truncate(long);
    }
    order.into_iter().map(|(_, h)| h).collect()
}

/// The texts of a segment whose similarity to one of the queries reaches the threshold, and those
/// that equal one; by query, then row.
pub fn query(
    ctx: &Ctx,
    queries: Sets,
    segment: &Segment,
    threshold: Threshold,
) -> Result<Vec<Hit>> {
    let (tokens, rows) = segment.postings;
    let fits = segment.common.0.len() == segment.common.1.len()
        && tokens.len() == rows.len()
        && segment.dead.len() == segment.sets.len();
    if !fits {
        return Err(Error::Shape("the postings of an index do not fit its sets".into()));
    }
    ctx.set_total(queries.len() as u64);
    let found = par::map_chunks(ctx, queries.len(), CHUNK, |start, end| {
        let mut hits = Vec::new();
        for i in start..end {
            let mut near: Vec<u32> = Vec::new();
            for token in rare(queries, i, segment.common, threshold) {
                let from = tokens.partition_point(|&t| t < token);
                let same = tokens[from..].partition_point(|&t| t == token);
                near.extend_from_slice(&rows[from..from + same]);
            }
            near.sort_unstable();
            near.dedup();
            for (k, &row) in near.iter().enumerate() {
                if k % CHUNK == 0 {
                    ctx.check()?;
                }
                let row = row as usize;
                if segment.dead.get(row) == Some(&false)
                    && let Some(score) = score(queries, i, segment.sets, row, threshold)
                {
                    hits.push(Hit { query: i, row, score });
                }
            }
            ctx.advance(1)?;
        }
        Ok(hits)
    })?;
    Ok(found.into_iter().collect::<Result<Vec<_>>>()?.concat())
}

fn score(one: Sets, i: usize, other: Sets, j: usize, threshold: Threshold) -> Option<f64> {
    let (a, b) = (one.get(i), other.get(j));
    if a.is_empty() && b.is_empty() {
        return (one.identity(i) == other.identity(j)).then_some(1.0);
    }
    let both = a.len() + b.len();
    let shared = overlap(a, b, threshold.overlap(both))?;
    Some(jaccard(shared, both - shared))
}
