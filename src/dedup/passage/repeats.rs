//! The windows that occur more than once, each with the first window equal to it.

use std::ops::Range;

use super::anchors::{Run, runs};
use super::{Corpus, Roller, code, is_continuation};
use crate::base::{Ctx, Result, par};

/// Windows that one task looks up, about.
const TASK: usize = 1 << 16;
/// Windows between two looks at the stop flag.
const CHECK: usize = 1 << 16;

/// Repeated windows in a row, each as far from the first window equal to it as the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece {
    /// Where the first of them starts.
    pub start: usize,
    /// Where the window after the last of them starts.
    pub next: usize,
    /// How far back the equal windows are; 0 where these are the first.
    pub shift: usize,
}

/// The repeated windows, in order, in as few pieces as can be.
pub fn find(ctx: &Ctx, corpus: Corpus) -> Result<Vec<Piece>> {
    let runs = runs(ctx, corpus)?;
    let cuts = cuts(&runs);
    let found = par::map(ctx, cuts.len() - 1, |t| {
        let mut table = Table::new(corpus);
        let mut since_check = 0;
        for group in runs[cuts[t]..cuts[t + 1]].chunk_by(|a, b| a.value == b.value) {
            if group.len() == 1 && !group[0].tied() {
                continue;
            }
            table.clear();
            for run in group {
                table.add(ctx, *run)?;
                since_check += run.width as usize;
                if since_check > CHECK {
                    ctx.check()?;
                    since_check = 0;
                }
            }
        }
        table.firsts.append(&mut table.copies);
        Ok(table.firsts)
    })?;
    drop(runs);
    let mut all = Vec::new();
    for part in found {
        all.append(&mut part?);
    }
    ctx.check()?;
    all.sort_unstable();
    all.dedup_by(|after, before| before.join(*after));
    Ok(all)
}

impl Piece {
    /// Takes in the piece after this one, if it goes on where this one ends.
    fn join(&mut self, after: Piece) -> bool {
        let fits = self.next == after.start && self.shift == after.shift;
        if fits {
            self.next = after.next;
        }
        fits
    }
}

/// Where tasks begin, and the number of runs; runs of one value are in one task.
fn cuts(runs: &[Run]) -> Vec<usize> {
    let (mut cuts, mut at, mut windows) = (vec![0], 0, 0);
    for group in runs.chunk_by(|a, b| a.value == b.value) {
        at += group.len();
        windows += group.iter().map(|run| run.width as usize).sum::<usize>();
        if windows >= TASK {
            cuts.push(at);
            windows = 0;
        }
    }
    if cuts[cuts.len() - 1] != runs.len() {
        cuts.push(runs.len());
    }
    cuts
}

/// The first of some equal windows.
#[derive(Clone, Copy)]
struct Entry {
    hash: u64,
    start: usize,
    document: u32,
    repeated: bool,
}

/// Entries of an empty table.
const SMALL: usize = 64;
const EMPTY: usize = usize::MAX;
const NO_ENTRY: Entry = Entry { hash: 0, start: EMPTY, document: 0, repeated: false };

/// The windows of one least hash by the hash of the whole window.
struct Table<'a> {
    corpus: Corpus<'a>,
    roller: Roller,
    entries: Vec<Entry>,
    used: usize,
    /// Whether two windows that differ have one hash.
    collided: bool,
    firsts: Vec<Piece>,
    copies: Vec<Piece>,
}

impl<'a> Table<'a> {
    fn new(corpus: Corpus<'a>) -> Self {
        Table {
            corpus,
            roller: Roller::new(corpus.window),
            entries: Vec::new(),
            used: 0,
            collided: false,
            firsts: Vec::new(),
            copies: Vec::new(),
        }
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.entries.resize(SMALL, NO_ENTRY);
        (self.used, self.collided) = (0, false);
    }

    fn slot(&self, hash: u64) -> usize {
        (hash.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32) as usize & (self.entries.len() - 1)
    }

    fn grow(&mut self) {
        let more = vec![NO_ENTRY; 4 * self.entries.len()];
        for entry in std::mem::replace(&mut self.entries, more) {
            if entry.start != EMPTY {
                let mut at = self.slot(entry.hash);
                while self.entries[at].start != EMPTY {
                    at = (at + 1) & (self.entries.len() - 1);
                }
                self.entries[at] = entry;
            }
        }
    }

    /// Looks up the windows of a run, and adds those that are new.
    fn add(&mut self, ctx: &Ctx, run: Run) -> Result<()> {
        let corpus = self.corpus;
        let document = corpus.document(run.end() - 1);
        let (edge, end) = corpus.edges(document);
        let (mut stop, mut start) = (run.end(), corpus.back(run.end(), corpus.window, edge));
        let (mut hash, mut at) = (0, start);
        while at < stop {
            let after = corpus.next(at, end);
            hash = Roller::enter(hash, code(&corpus.bytes[at..after]));
            at = after;
        }
        // Whether this window is known to equal one that was looked up before it.
        let mut known = false;
        for k in 1..=run.width as usize {
            if k % CHECK == 0 {
                ctx.check()?;
            }
            let next = corpus.next(start, end);
            let first = self.look_up(hash, start..stop, next, document as u32, known);
            if k == run.width as usize {
                break;
            }
            let after = corpus.next(stop, end);
            known = first.is_some_and(|f| self.goes_on(f, start..stop, after));
            let (new, old) = (&corpus.bytes[stop..after], &corpus.bytes[start..next]);
            hash = self.roller.roll(hash, code(new), code(old));
            (start, stop) = (next, after);
        }
        Ok(())
    }

    /// The first window equal to this one, if there is one before it; both are noted as repeated.
    /// Otherwise this window is added.
    fn look_up(
        &mut self,
        hash: u64,
        window: Range<usize>,
        next: usize,
        document: u32,
        known: bool,
    ) -> Option<Entry> {
        let bytes = self.corpus.bytes;
        if 2 * self.used >= self.entries.len() {
            self.grow();
        }
        let mask = self.entries.len() - 1;
        let mut at = self.slot(hash);
        loop {
            let entry = &mut self.entries[at];
            if entry.start == EMPTY {
                *entry = Entry { hash, start: window.start, document, repeated: false };
                self.used += 1;
                return None;
            }
            if entry.hash == hash {
                // A window equal to this one found its entry by this hash: it is the only one.
                let sure = known && !self.collided;
                let there = entry.start..entry.start + window.len();
                if sure || bytes.get(there) == Some(&bytes[window.clone()]) {
                    let first = *entry;
                    entry.repeated = true;
                    self.note(first, window.start, next);
                    return Some(first);
                }
                self.collided = true;
            }
            at = (at + 1) & mask;
        }
    }

    /// Whether the window one code point after `first` equals that one after `window`.
    fn goes_on(&self, first: Entry, window: Range<usize>, after: usize) -> bool {
        let bytes = self.corpus.bytes;
        let end = self.corpus.edges(first.document as usize).1;
        let entered = first.start + window.len();
        let there = entered..entered + (after - window.end);
        there.end <= end
            && bytes[there.clone()] == bytes[window.end..after]
            && (there.end == end || !is_continuation(bytes[there.end]))
    }

    fn note(&mut self, first: Entry, start: usize, next: usize) {
        if !first.repeated {
            let piece = Piece { start: first.start, next: first.start + (next - start), shift: 0 };
            push(&mut self.firsts, piece);
        }
        push(&mut self.copies, Piece { start, next, shift: start - first.start });
    }
}

fn push(pieces: &mut Vec<Piece>, piece: Piece) {
    if !pieces.last_mut().is_some_and(|last| last.join(piece)) {
        pieces.push(piece);
    }
}
