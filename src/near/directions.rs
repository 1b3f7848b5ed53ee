//! The few directions along which points differ most.

use super::points::{Points, spread};
use super::tile::{Machine, Task, dispatch};
use crate::base::linalg::dot;
use crate::base::rng::Stream;
use crate::base::{Ctx, Result};

/// Points that the directions are made from.
const SAMPLE: usize = 1024;
/// Rounds of the power method: directions need not be exact to be of use.
const ROUNDS: usize = 3;
/// The stream of the starting directions.
const OPERATION: u64 = 0x6469_7265_6374;

/// Up to `count` orthonormal directions, row after row, those of the most variance first.
///
/// Subspace iteration (Rutishauser 1969) on a sample. They are orthonormal up to rounding to
/// single precision, whatever the points are.
pub(super) fn leading(ctx: &Ctx, points: &Points, count: usize) -> Result<Vec<f32>> {
    let width = points.width;
    let chosen: Vec<usize> = spread(points.len(), SAMPLE).collect();
    let mut stream = Stream::new(0, OPERATION, 0, 0);
    let mut basis: Vec<f64> = (0..count * width).map(|_| stream.normal()).collect();
    orthonormal(&mut basis, width);
    for _ in 0..ROUNDS {
        ctx.check()?;
        let now: Vec<f32> = basis.iter().map(|&x| x as f32).collect();
        let next = dispatch(Step { points, chosen: &chosen, basis: &now });
        basis = next.iter().map(|&x| f64::from(x)).collect();
        orthonormal(&mut basis, width);
    }
    Ok(basis.iter().map(|&x| x as f32).collect())
}

/// The covariance of the chosen points times each direction.
struct Step<'a> {
    points: &'a Points,
    chosen: &'a [usize],
    basis: &'a [f32],
}

impl Task for Step<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn run<M: Machine>(self, machine: M) -> Vec<f32> {
        let mut out = vec![0f32; self.basis.len()];
        let width = self.points.width;
        // The share of each point, so that far points do not drown the others.
        for &i in self.chosen {
            let row = self.points.row(i);
            let weight = 1.0 / (1.0 + self.points.squares[i]) as f32;
            for (axis, out) in self.basis.chunks(width).zip(out.chunks_mut(width)) {
                let along = machine.dot(row, axis) * weight;
                for (o, &x) in out.iter_mut().zip(row) {
                    *o += along * x;
                }
            }
        }
        out
    }
}

/// Makes rows orthonormal (Gram and Schmidt, twice). A row that lies among those before it gives
/// way to a unit vector that does not.
fn orthonormal(rows: &mut [f64], width: usize) {
    let count = rows.len() / width.max(1);
    for k in 0..count {
        let (done, rest) = rows.split_at_mut(k * width);
        let row = &mut rest[..width];
        let mut axis = k;
        while !clear(row, done) {
            row.fill(0.0);
            row[axis % width] = 1.0;
            axis += 1;
            if axis > k + width {
                break;
            }
        }
    }
}

/// Takes out of `row` what lies along `done`, and makes its length 1; false if little is left.
fn clear(row: &mut [f64], done: &[f64]) -> bool {
    let before = dot(row, row).sqrt();
    if !(before > 0.0 && before.is_finite()) {
        return false;
    }
    for _ in 0..2 {
        for other in done.chunks(row.len()) {
            let along = dot(row, other);
            for (x, o) in row.iter_mut().zip(other) {
                *x -= along * o;
            }
        }
    }
    let length = dot(row, row).sqrt();
    if length <= 1e-6 * before {
        return false;
    }
    for x in row.iter_mut() {
        *x /= length;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn directions_are_orthonormal(
            n in 1usize..40, width in 1usize..12, share in 1usize..12, seed in 0u64..50,
            flat in any::<bool>(),
        ) {
            let mut stream = Stream::new(seed, 1, 0, 0);
            let cells: Vec<f64> =
                (0..n * width).map(|_| if flat { 0.5 } else { stream.unit() - 0.5 }).collect();
            let fill = |i: usize, out: &mut [f64]| out.copy_from_slice(&cells[i * width..][..width]);
            let ctx = Ctx::new(1);
            let points = Points::new(&ctx, n, width, fill).unwrap();
            let count = share.min(width);
            let axes = leading(&ctx, &points, count).unwrap();
            prop_assert_eq!(axes.len(), count * width);
            for (i, a) in axes.chunks(width).enumerate() {
                for (j, b) in axes.chunks(width).enumerate() {
                    let got: f64 = a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
                    let want = if i == j { 1.0 } else { 0.0 };
                    prop_assert!((got - want).abs() < 1e-6, "{i} {j} {got}");
                }
            }
        }
    }
}
