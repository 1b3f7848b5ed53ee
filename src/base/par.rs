//! Parallel work whose result does not depend on the number of threads.
//!
//! Kernels use these helpers and never rayon itself: with one thread they run inline, so that no
//! global pool is started (it would not survive a fork), and chunks are fixed by the data, so that
//! sums come out with the same bits on any number of threads.

use rayon::prelude::*;

use super::ctx::Ctx;
use super::error::Result;

/// `f(i)` for every `i < n`, in index order. `f` should be worth a few microseconds.
pub fn map<T: Send>(ctx: &Ctx, n: usize, f: impl Fn(usize) -> T + Sync + Send) -> Result<Vec<T>> {
    let one = |i| ctx.check().map(|()| f(i));
    if ctx.threads() == 1 || n < 2 {
        (0..n).map(one).collect()
    } else {
        (0..n).into_par_iter().map(one).collect()
    }
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
    let one = |(c, chunk): (usize, &mut [T])| ctx.check().map(|()| f(c * size, chunk));
    if ctx.threads() == 1 || out.len() <= size {
        out.chunks_mut(size).enumerate().try_for_each(one)
    } else {
        out.par_chunks_mut(size).enumerate().try_for_each(one)
    }
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
    fn fill_covers_everything_and_stops() {
        let mut out = vec![0usize; 1001];
        fill_chunks(&Ctx::new(1), &mut out, 10, |first, chunk| {
            for (k, v) in chunk.iter_mut().enumerate() {
                *v = first + k;
            }
        })
        .unwrap();
        assert!(out.iter().enumerate().all(|(i, &v)| i == v));
        let ctx = Ctx::new(1);
        ctx.stop();
        assert_eq!(map(&ctx, 3, |i| i), Err(Error::Stopped));
    }
}
