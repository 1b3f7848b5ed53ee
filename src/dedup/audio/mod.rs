//! Copies of clips, found through robust codes and verified on aligned spectra.
//!
//! A clip becomes its [`Prints`]: the log-mel spectrum and, for windows of half a second along it,
//! a code of 24 bits. Clips that share a code are candidates, as Haitsma and Kalker (2002) find
//! them; each candidate is then laid over the other at the lag and speed that fit best, and the
//! correlation of the two spectra decides.

mod candidates;
mod print;
mod verify;

pub use print::{BANDS, Prints, RATE, content, prints, silent};
pub use verify::Match;

use crate::base::{Ctx, Error, Result, par};
use print::Clip;

/// What a pair must show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// The least correlation of the aligned spectra.
    pub threshold: f64,
    /// The least share of the sound of either clip that lies where both are.
    pub overlap: f64,
}

/// A verified pair of clips.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The clip with the lower number.
    pub left: usize,
    /// The other.
    pub right: usize,
    /// How they fit; speed and pitch are those of `right` as seen from `left`.
    pub fit: Match,
}

/// The pairs of copies among the clips of the numbers given, as positions in these, sorted.
///
/// `keys` are hashes of the contents, in whose order the clips are compared, so that the order in
/// which they come is of no account. With `sides`, a clip is on the first side (1), the second (2) or
/// both (3), and a pair must reach from one to the other.
pub fn pairs(
    ctx: &Ctx,
    prints: &Prints,
    clips: &[usize],
    keys: &[u64],
    sides: Option<&[u8]>,
    demand: Demand,
) -> Result<Vec<Pair>> {
    let n = clips.len();
    if keys.len() != n {
        return Err(Error::Shape(format!("{} keys for {n} clips", keys.len())));
    }
    if sides.is_some_and(|s| s.len() != n) {
        return Err(Error::Shape(format!("sides for another number of clips than {n}")));
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&i| (keys[i], i));
    let all = prints.clips()?;
    let none = |i: usize| Error::Shape(format!("there is no clip {i}"));
    let parts: Vec<(&[f32], &[u64])> =
        clips.iter().map(|&i| all.get(i).copied().ok_or_else(|| none(i))).collect::<Result<_>>()?;
    let clips = par::map(ctx, n, |k| Clip::new(parts[order[k]].0))?;
    let codes: Vec<&[u64]> = order.iter().map(|&i| parts[i].1).collect();
    let wanted = |i: usize, j: usize| sides.is_none_or(|s| s[order[i]] | s[order[j]] == 3);
    let found = candidates::candidates(ctx, &codes, wanted)?;
    ctx.set_total(found.len() as u64);
    let checked = par::map(ctx, found.len(), |k| -> Result<Option<Pair>> {
        ctx.advance(1)?;
        let c = &found[k];
        let Some(fit) = verify::verify(&clips[c.one], &clips[c.other], &c.starts, demand) else {
            return Ok(None);
        };
        let (one, other) = (order[c.one], order[c.other]);
        let fit = if one < other { fit } else { fit.turned() };
        Ok(Some(Pair { left: one.min(other), right: one.max(other), fit }))
    })?;
    let mut out = Vec::new();
    for pair in checked {
        out.extend(pair?);
    }
    out.sort_by_key(|p| (p.left, p.right));
    Ok(out)
}

#[cfg(test)]
mod tests;
