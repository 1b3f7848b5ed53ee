//! SpecAugment: time bent and bands and spans masked, on spectrograms of bands and frames.

use crate::augment::plan::{Drawn, Key, Node};
use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, par};

/// What is drawn within.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Frames that a point in time is moved by, at most.
    pub warp: usize,
    /// Masks of bands: how many, and how wide at most.
    pub bands: (usize, usize),
    /// Masks of frames: how many, and how long at most.
    pub spans: (usize, usize),
    /// The share of the frames that one of these is, at most.
    pub share: f64,
    /// What is written; `None` is the mean of the spectrogram.
    pub fill: Option<f64>,
}

impl Limits {
    /// From settings in the order of the fields; a fill that is not a number is the mean.
    pub fn read(set: &[f64]) -> Result<Self> {
        let &[warp, nb, wide, ns, long, share, fill] = set else {
            return Err(Error::Parameter("SpecAugment has seven settings".into()));
        };
        Ok(Limits {
            warp: warp as usize,
            bands: (nb as usize, wide as usize),
            spans: (ns as usize, long as usize),
            share,
            fill: (!fill.is_nan()).then_some(fill),
        })
    }
}

/// A spectrogram: how many channels, bands and frames.
pub type Shape = (usize, usize, usize);

/// Runs the plan on spectrograms, from `items` to `outs`; `key.item` is the number of the first.
pub fn run<T: Float + Sync>(
    ctx: &Ctx,
    plan: &Node<Limits>,
    key: Key,
    items: &[(Shape, &[T])],
    outs: Vec<&mut [T]>,
) -> Result<()> {
    let fits =
        |((c, m, f), x): &(Shape, &[T]), out: &[T]| c * m * f == x.len() && x.len() == out.len();
    if items.len() != outs.len() || !items.iter().zip(&outs).all(|(i, o)| fits(i, o)) {
        return Err(Error::Shape("the buffers do not fit the spectrograms".into()));
    }
    ctx.set_total(items.len() as u64);
    let mut jobs: Vec<(&mut [T], bool)> = outs.into_iter().map(|o| (o, true)).collect();
    par::fill_chunks(ctx, &mut jobs, 1, |i, chunk| {
        let key = Key { item: key.item.wrapping_add(i as u64), ..key };
        for (out, finite) in chunk {
            let (shape, x) = items[i];
            out.copy_from_slice(x);
            *finite = x.iter().all(|v| v.wide().is_finite());
            for drawn in plan.draw(key) {
                if let Drawn::Step(step) = drawn
                    && *finite
                    && !out.is_empty()
                {
                    change(step.op, &step.values, shape, out);
                }
            }
            let _ = ctx.advance(1); // the next chunk asks whether to stop
        }
    })?;
    match jobs.iter().position(|(_, finite)| !finite) {
        Some(i) => {
            let item = key.item.wrapping_add(i as u64);
            Err(Error::Data(format!("spectrogram {item} holds a value that is not finite")))
        }
        None => Ok(()),
    }
}

/// One item, in place. Values are shares: of the point in time and of its way, then the width and
/// the place of each mask.
fn change<T: Float>(limits: &Limits, values: &[f64], shape: Shape, x: &mut [T]) {
    let (_, bands, frames) = shape;
    let get = |i: usize| values.get(i).copied().unwrap_or(0.0);
    warp(limits.warp, get(0), get(1), frames, x);
    let mean = x.iter().map(|v| v.wide()).sum::<f64>() / x.len() as f64;
    let fill = T::narrow(limits.fill.unwrap_or(mean));
    let mut next = 2;
    let mut mask = |most: usize, room: usize| {
        let wide = (get(next) * (most.min(room) + 1) as f64) as usize;
        let start = (get(next + 1) * (room - wide + 1) as f64) as usize;
        next += 2;
        start..start + wide
    };
    for _ in 0..limits.bands.0 {
        let rows = mask(limits.bands.1, bands);
        for channel in x.chunks_exact_mut(bands * frames) {
            channel[rows.start * frames..rows.end * frames].fill(fill);
        }
    }
    let longest = limits.spans.1.min((limits.share * frames as f64) as usize);
    for _ in 0..limits.spans.0 {
        let columns = mask(longest, frames);
        x.chunks_exact_mut(frames).for_each(|row| row[columns.clone()].fill(fill));
    }
}

/// Moves a point in time; both ends stay, and between them time runs evenly.
fn warp<T: Float>(most: usize, at: f64, by: f64, frames: usize, x: &mut [T]) {
    let last = frames.saturating_sub(1) as f64;
    let most = (most as f64).min((last / 2.0).floor());
    if most < 1.0 {
        return;
    }
    let from = most + at * (last - 2.0 * most);
    let to = (from + (2.0 * by - 1.0) * most).clamp(1.0, last - 1.0);
    let place = |t: f64| match t < to {
        true => t * from / to,
        false => (from + (t - to) * (last - from) / (last - to)).min(last),
    };
    let places: Vec<(usize, f64)> =
        (0..frames).map(|t| place(t as f64)).map(|p| (p.floor() as usize, p.fract())).collect();
    let mut old = Vec::with_capacity(frames);
    for row in x.chunks_exact_mut(frames) {
        old.clear();
        old.extend_from_slice(row);
        for (slot, &(a, w)) in row.iter_mut().zip(&places) {
            let (low, high) = (old[a].wide(), old[(a + 1).min(frames - 1)].wide());
            *slot = T::narrow(low + w * (high - low));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn masks_are_within_their_limits(
            bands in 1usize..20, frames in 1usize..40, n in 0usize..3, most in 0usize..50,
            share in 0.0f64..1.0, values in prop::collection::vec(0.0f64..1.0, 14),
        ) {
            let limits =
                Limits { warp: 0, bands: (n, most), spans: (n, most), share, fill: Some(-9.0) };
            let mut x = vec![1.0f32; 2 * bands * frames];
            change(&limits, &values, (2, bands, frames), &mut x);
            prop_assert_eq!(&x[..bands * frames], &x[bands * frames..]);
            let masked = |t: usize| (0..bands).all(|m| x[m * frames + t] == -9.0);
            let rows = (0..bands).filter(|m| x[m * frames..][..frames].iter().all(|&v| v == -9.0));
            if rows.count() < bands {
                let columns = (0..frames).filter(|&t| masked(t)).count();
                prop_assert!(columns <= n * most.min((share * frames as f64) as usize));
            }
        }

        #[test]
        fn a_warp_keeps_ends_and_order(
            frames in 1usize..60, most in 0usize..40, at in 0.0f64..1.0, by in 0.0f64..1.0,
        ) {
            let mut x: Vec<f64> = (0..frames).map(|t| t as f64).collect();
            warp(most, at, by, frames, &mut x);
            prop_assert!(x.windows(2).all(|w| w[0] <= w[1]));
            prop_assert!((x[frames - 1] - (frames - 1) as f64).abs() < 1e-9);
            prop_assert_eq!(x[0], 0.0);
            let moved = x.iter().enumerate().map(|(t, v)| (v - t as f64).abs());
            prop_assert!(moved.fold(0.0, f64::max) <= most as f64 + 1e-9);
        }
    }
}
