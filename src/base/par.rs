//! Parallel work whose result does not depend on the number of threads.
//!
//! Kernels use these helpers and never rayon itself: with one thread they run inline, so that no
//! global pool is started (it would not survive a fork), and chunks are fixed by the data, so that
//! sums come out with the same bits on any number of threads.

use std::sync::Mutex;

use rayon::prelude::*;

use super::ctx::Ctx;
use super::error::{Error, Result};

/// How many jobs the threads share at most: plenty for a balance, few enough to be free.
const JOBS: usize = 4096;

/// `f(i)` for every `i < n`, on the threads of `ctx`. Every other helper ends here, with its types
/// hidden behind `dyn`: rayon is large, and is compiled once in place of once a kernel.
fn each(ctx: &Ctx, n: usize, f: &(dyn Fn(usize) -> Result<()> + Sync)) -> Result<()> {
    if ctx.threads() == 1 || n < 2 {
        (0..n).try_for_each(f)
    } else {
        (0..n).into_par_iter().try_for_each(f)
    }
}

/// `f(i)` for every `i < n`, in index order. `f` should be worth a few microseconds.
pub fn map<T: Send>(ctx: &Ctx, n: usize, f: impl Fn(usize) -> T + Sync + Send) -> Result<Vec<T>> {
    let one = |i| ctx.check().map(|()| f(i));
    let size = n.div_ceil(if ctx.threads() == 1 { 1 } else { JOBS }).max(1);
    let mut done: Vec<Mutex<Vec<T>>> = Vec::new();
    done.resize_with(n.div_ceil(size), Mutex::default);
    each(ctx, done.len(), &|job| {
        let made = (job * size..((job + 1) * size).min(n)).map(one).collect::<Result<_>>()?;
        *done[job].lock().map_err(poisoned)? = made;
        Ok(())
    })?;
    let mut out = Vec::with_capacity(n);
    for job in done {
        out.append(&mut job.into_inner().map_err(poisoned)?);
    }
    Ok(out)
}

/// `f(start, end)` for every chunk of `size` of `0..n`, in index order.
pub fn map_chunks<T: Send>(
    ctx: &Ctx,
    n: usize,
    size: usize,
    f: impl Fn(usize, usize) -> T + Sync + Send,
) -> Result<Vec<T>> {
    let size = size.max(1);
    map(ctx, n.div_ceil(size), |c| f(c * size, ((c + 1) * size).min(n)))
}

/// Lets `f(first index, chunk)` write each chunk of `size` items of `out`.
pub fn fill_chunks<T: Send>(
    ctx: &Ctx,
    out: &mut [T],
    size: usize,
    f: impl Fn(usize, &mut [T]) + Sync + Send,
) -> Result<()> {
    let size = size.max(1);
    let block = size * out.len().div_ceil(size).div_ceil(JOBS).max(1);
    let blocks: Vec<Mutex<&mut [T]>> = out.chunks_mut(block).map(Mutex::new).collect();
    each(ctx, blocks.len(), &|job| {
        let mut part = blocks[job].lock().map_err(poisoned)?;
        for (c, chunk) in part.chunks_mut(size).enumerate() {
            ctx.check()?;
            f(job * block + c * size, chunk);
        }
        Ok(())
    })
}

/// Lets `f(first index, chunk)` write each chunk of `size` items of `out`; returns what it returns,
/// in index order.
pub fn map_chunks_mut<T: Send, R: Send>(
    ctx: &Ctx,
    out: &mut [T],
    size: usize,
    f: impl Fn(usize, &mut [T]) -> R + Sync + Send,
) -> Result<Vec<R>> {
    let size = size.max(1);
    let chunks: Vec<Mutex<&mut [T]>> = out.chunks_mut(size).map(Mutex::new).collect();
    let made = map(ctx, chunks.len(), |c| {
        let mut chunk = chunks[c].lock().map_err(poisoned)?;
        Ok(f(c * size, &mut chunk))
    })?;
    made.into_iter().collect()
}

/// A job panicked; its panic is on its way to the caller, so this is never seen.
fn poisoned<E>(_: E) -> Error {
    Error::Stopped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Error;

    fn pooled<T: Send>(threads: usize, f: impl FnOnce(&Ctx) -> T + Send) -> T {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| f(&Ctx::new(threads)))
    }

    #[test]
    fn order_and_bits_are_the_same_on_any_number_of_threads() {
        let x: Vec<f64> = (0..10_007).map(|i| (f64::from(i) * 0.37).sin()).collect();
        let sum = |ctx: &Ctx| -> f64 {
            map_chunks(ctx, x.len(), 97, |a, b| x[a..b].iter().sum::<f64>()).unwrap().iter().sum()
        };
        let one = pooled(1, sum);
        assert_eq!(one.to_bits(), pooled(2, sum).to_bits());
        assert_eq!(one.to_bits(), pooled(3, sum).to_bits());
    }

    #[test]
    fn more_items_than_jobs() {
        for n in [0, 1, JOBS - 1, JOBS + 1, 3 * JOBS + 7] {
            let run = |ctx: &Ctx| {
                let mut out = vec![0; n];
                fill_chunks(ctx, &mut out, 2, |first, part| {
                    for (k, v) in part.iter_mut().enumerate() {
                        *v = first + k;
                    }
                })?;
                assert!(out.iter().enumerate().all(|(i, &v)| i == v));
                map(ctx, n, |i| i)
            };
            for threads in 1..4 {
                assert_eq!(pooled(threads, run).unwrap(), (0..n).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn fill_covers_everything_and_stops() {
        let mut out = vec![0usize; 1001];
        fill_chunks(&Ctx::new(1), &mut out, 10, |first, chunk| {
            for (k, v) in chunk.iter_mut().enumerate() {
                *v = first + k;
            }
        })
        .unwrap();
        assert!(out.iter().enumerate().all(|(i, &v)| i == v));
        let lengths = map_chunks_mut(&Ctx::new(1), &mut out, 300, |first, chunk| {
            chunk[0] = 7;
            (first, chunk.len())
        });
        assert_eq!(lengths, Ok(vec![(0, 300), (300, 300), (600, 300), (900, 101)]));
        assert_eq!((out[0], out[1], out[900]), (7, 1, 7));
        let ctx = Ctx::new(1);
        ctx.stop();
        assert_eq!(map(&ctx, 3, |i| i), Err(Error::Stopped));
    }
}
