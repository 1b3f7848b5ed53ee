//! Values of mean zero and deviation one, as floats.

use super::pixel::{PART, Pixel, Shape, split};
use super::{Op, lanes};
use crate::augment::plan::Step;

/// (x - mean) / std of values of full scale one; channels last or first.
pub fn normalize<T: Pixel>(step: &Step<Op>, src: &[T], dst: &mut [f32], shape: Shape) {
    match shape.c {
        1 => normalized::<T, 1>(step, src, dst, shape),
        2 => normalized::<T, 2>(step, src, dst, shape),
        3 => normalized::<T, 3>(step, src, dst, shape),
        _ => normalized::<T, 4>(step, src, dst, shape),
    }
}

/// In double precision, so that what comes out is rounded once.
fn normalized<T: Pixel, const C: usize>(step: &Step<Op>, src: &[T], dst: &mut [f32], shape: Shape) {
    let set = &step.op.set;
    let n = (set.len() - 1) / 2;
    let line = |k: usize| {
        let (mean, std) = (set[1 + k.min(n - 1)], set[1 + n + k.min(n - 1)]);
        (1.0 / (f64::from(T::FULL) * std), -mean / std)
    };
    let lines: [(f64, f64); C] = std::array::from_fn(line);
    let plane = shape.h * shape.w;
    let mut values = [[T::default(); PART]; C];
    let mut out = [0f32; PART];
    lanes::run(
        #[inline(always)]
        || {
            for (i, s) in src.chunks(PART * C).enumerate() {
                split(s, &mut values);
                let n = s.len() / C;
                for k in 0..C {
                    let (a, b) = lines[k];
                    for (o, v) in out.iter_mut().zip(&values[k]) {
                        *o = (f64::from(v.get()) * a + b) as f32;
                    }
                    if set[0] == 1.0 {
                        dst[k * plane + i * PART..][..n].copy_from_slice(&out[..n]);
                    } else {
                        let pixels = dst[i * PART * C..][..n * C].as_chunks_mut::<C>().0;
                        pixels.iter_mut().zip(&out).for_each(|(d, &o)| d[k] = o);
                    }
                }
            }
        },
    );
}
