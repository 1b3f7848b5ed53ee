//! Documents that are covered by the passages of another document.

use std::ops::Range;

use super::Passages;
use crate::base::{Ctx, Result};

/// Documents compared between two looks at the stop flag.
const CHECK: usize = 1 << 10;
/// The sides of two data sets that a document is on.
pub const LEFT: u8 = 1;
pub const RIGHT: u8 = 2;

/// A document most of which stands in another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Covered {
    /// The shorter document.
    pub document: usize,
    /// The longer document (of two of one length, the one that comes first in the order).
    pub by: usize,
    /// The share of the shorter document's characters in passages that the longer one has too.
    pub share: f64,
}

/// Which documents are covered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cover {
    /// For each document the first one of the same text.
    pub equal: Vec<usize>,
    /// A hash of each document.
    pub keys: Vec<u64>,
    /// The pairs, of documents that are the first of their text.
    pub pairs: Vec<Covered>,
    /// For each document the one that stands for it (itself, if none does).
    pub home: Vec<usize>,
}

/// The documents that are compared: the first of each text.
pub struct Documents<'a> {
    pub passages: &'a Passages,
    /// Which of the documents these are.
    pub chosen: &'a [usize],
    /// A hash of each of all documents.
    pub keys: &'a [u64],
    /// `LEFT`, `RIGHT` or both, for each of all documents.
    pub sides: &'a [u8],
}

/// Documents, each with the one that stands for it.
type Homes = Vec<(usize, usize)>;

/// A document as it is compared.
struct Document {
    number: usize,
    length: usize,
    /// Its spans.
    spans: Range<usize>,
    /// The passages that it has, rising.
    set: Vec<i64>,
}

/// The pairs, and the best of the documents that cover each one.
///
/// The longest documents come first. With `all`, each is compared with all before it; otherwise with
/// those that nothing covers.
pub fn covered(
    ctx: &Ctx,
    documents: &Documents,
    min_share: f64,
    all: bool,
) -> Result<(Vec<Covered>, Homes)> {
    let order = in_order(documents);
    let n_passages = documents.passages.passage.iter().max().map_or(0, |&p| p as usize + 1);
    let mut frequency = vec![0u32; n_passages];
    for &passage in order.iter().flat_map(|document| &document.set) {
        frequency[passage as usize] += 1;
    }
    let mut holders: Vec<Vec<u32>> = vec![Vec::new(); n_passages];
    let (mut pairs, mut homes) = (Vec::new(), Vec::new());
    let mut compared = 0;
    for (place, document) in order.iter().enumerate() {
        ctx.check()?;
        let mut candidates: Vec<u32> = Vec::new();
        for passage in telling(documents.passages, document, &frequency, min_share) {
            candidates.extend(&holders[passage as usize]);
        }
        candidates.sort_unstable();
        candidates.dedup();
        let mut best = None::<Covered>;
        for candidate in candidates {
            compared += 1;
            if compared % CHECK == 0 {
                ctx.check()?;
            }
            let by = &order[candidate as usize];
            let (one, other) = (documents.sides[document.number], documents.sides[by.number]);
            let across =
                (one & LEFT != 0 && other & RIGHT != 0) || (one & RIGHT != 0 && other & LEFT != 0);
            if !across {
                continue;
            }
            let share = share(documents.passages, document, |p| by.set.binary_search(&p).is_ok());
            if share >= min_share {
                let found = Covered { document: document.number, by: by.number, share };
                pairs.push(found);
                if best.is_none_or(|b| share > b.share) {
                    best = Some(found);
                }
            }
        }
        homes.extend(best.map(|b| (b.document, b.by)));
        if all || best.is_none() {
            for &passage in &document.set {
                holders[passage as usize].push(place as u32);
            }
        }
    }
    Ok((pairs, homes))
}

/// The documents that have passages, the longest first; of one length by their hash.
fn in_order(documents: &Documents) -> Vec<Document> {
    let passages = documents.passages;
    let mut order: Vec<Document> = documents
        .chosen
        .iter()
        .map(|&number| {
            let first = passages.document.partition_point(|&d| (d as usize) < number);
            let count = passages.document[first..].partition_point(|&d| d as usize == number);
            let spans = first..first + count;
            let mut set = passages.passage[spans.clone()].to_vec();
            set.sort_unstable();
            set.dedup();
            Document { number, length: passages.lengths[number] as usize, spans, set }
        })
        .filter(|document| !document.spans.is_empty())
        .collect();
    order.sort_by_key(|d| (std::cmp::Reverse(d.length), documents.keys[d.number], d.number));
    order
}

/// The share of a document's characters in those of its passages that count.
fn share(passages: &Passages, document: &Document, counts: impl Fn(i64) -> bool) -> f64 {
    let (mut reached, mut covered) = (0, 0);
    for k in document.spans.clone() {
        if counts(passages.passage[k]) {
            covered += passages.end[k] - passages.start[k].max(reached);
            reached = passages.end[k];
        }
    }
    covered as f64 / document.length as f64
}

/// Passages of which a document that covers this one must have one: the rarest ones, as many as it
/// takes for the others not to suffice. None, if all of them do not.
fn telling(
    passages: &Passages,
    document: &Document,
    frequency: &[u32],
    min_share: f64,
) -> Vec<i64> {
    if share(passages, document, |_| true) < min_share {
        return Vec::new();
    }
    let often = |passage: i64| frequency[passage as usize];
    let mut common = document.set.clone();
    common.sort_by_key(|&p| (std::cmp::Reverse(often(p)), p));
    let place = |p: i64| (std::cmp::Reverse(often(p)), p);
    // The most that do not suffice: halving, since the share grows with their number.
    let enough = |n: usize| {
        let Some(&edge) = common.get(n) else { return true };
        share(passages, document, |p| place(p) < place(edge)) >= min_share
    };
    let (mut few, mut many) = (0, common.len());
    while many - few > 1 {
        let middle = few.midpoint(many);
        if enough(middle) { many = middle } else { few = middle }
    }
    common.split_off(few)
}
