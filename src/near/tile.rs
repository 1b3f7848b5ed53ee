//! Sums of products of many rows with many, in registers: the inner loops of the joins.
//!
//! `pulp` picks the instructions at run time. Their rounding differs from machine to machine, so
//! nothing is decided here for good: callers leave room for it and decide in double precision.

use pulp::{Arch, Scalar128b, Simd, WithSimd};

/// Rows of a left panel: with the lanes of a right one, what fits the registers.
pub(super) const ROWS: usize = 6;
/// Lanes of a right panel.
pub(super) const LANES: usize = 16;

/// Finds in two panels which sums of products reach the row's limit.
///
/// Sums start from `start`, a value a lane; `left[k]` and `right[k]` hold coordinate `k`.
pub(super) struct Panels<'a> {
    pub(super) left: &'a [[f32; ROWS]],
    pub(super) limit: &'a [f32; ROWS],
    pub(super) right: &'a [[f32; LANES]],
    pub(super) start: &'a [f32; LANES],
}

impl Panels<'_> {
    /// Writes the sums less the limits; false (and nothing written) where all are negative.
    #[inline(always)]
    #[allow(clippy::needless_range_loop, clippy::manual_memcpy)] // see below
    fn reach<S: Simd, const V: usize, const FUSED: bool>(
        &self,
        simd: S,
        out: &mut [[f32; LANES]; ROWS],
    ) -> bool {
        let first: [S::f32s; V] = std::array::from_fn(|v| S::as_simd_f32s(self.start).0[v]);
        let mut sums = [first; ROWS];
        // By index, and no reference to the sums is taken, so that they stay in registers: with one,
        // each is written to memory in each turn.
        for (left, right) in self.left.iter().zip(self.right) {
            let right: [S::f32s; V] = std::array::from_fn(|v| S::as_simd_f32s(right).0[v]);
            for r in 0..ROWS {
                let x = simd.splat_f32s(left[r]);
                for v in 0..V {
                    sums[r][v] = add::<S, FUSED>(simd, x, right[v], sums[r][v]);
                }
            }
        }
        let mut most = simd.splat_f32s(f32::NEG_INFINITY);
        for r in 0..ROWS {
            let limit = simd.splat_f32s(self.limit[r]);
            for v in 0..V {
                sums[r][v] = simd.sub_f32s(sums[r][v], limit);
                most = simd.max_f32s(most, sums[r][v]);
            }
        }
        if simd.reduce_max_f32s(most) < 0.0 {
            return false;
        }
        for r in 0..ROWS {
            let out = S::as_mut_simd_f32s(&mut out[r]).0;
            for v in 0..V {
                out[v] = sums[r][v];
            }
        }
        true
    }
}

/// `a * b + c`, rounded once where the machine does so for free.
#[inline(always)]
fn add<S: Simd, const FUSED: bool>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    if FUSED { simd.mul_add_f32s(a, b, c) } else { simd.add_f32s(simd.mul_f32s(a, b), c) }
}

/// The sum of products of two rows of one length.
#[inline(always)]
fn dot<S: Simd, const FUSED: bool>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (S::as_simd_f32s(a), S::as_simd_f32s(b));
    let ((a, a_more), (b, b_more)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    let mut sums = [simd.splat_f32s(0.0); 4];
    for (x, y) in a.iter().zip(b) {
        for k in 0..4 {
            sums[k] = add::<S, FUSED>(simd, x[k], y[k], sums[k]);
        }
    }
    for (&x, &y) in a_more.iter().zip(b_more) {
        sums[0] = add::<S, FUSED>(simd, x, y, sums[0]);
    }
    let sum = simd.add_f32s(simd.add_f32s(sums[0], sums[1]), simd.add_f32s(sums[2], sums[3]));
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    simd.reduce_sum_f32s(sum) + rest
}

/// What runs with the instructions of this machine at hand.
pub(super) trait Task {
    type Output;
    fn run<M: Machine>(self, machine: M) -> Self::Output;
}

/// The instructions of a machine.
pub(super) trait Machine: Copy {
    /// The sum of products of two rows of one length.
    fn dot(self, a: &[f32], b: &[f32]) -> f32;
    /// See [`Panels::reach`].
    fn reach(self, panels: &Panels, out: &mut [[f32; LANES]; ROWS]) -> bool;
}

#[derive(Clone, Copy)]
struct With<S, const FUSED: bool>(S);

impl<S: Simd, const FUSED: bool> Machine for With<S, FUSED> {
    #[inline(always)]
    fn dot(self, a: &[f32], b: &[f32]) -> f32 {
        dot::<S, FUSED>(self.0, a, b)
    }

    #[inline(always)]
    fn reach(self, panels: &Panels, out: &mut [[f32; LANES]; ROWS]) -> bool {
        match S::F32_LANES {
            16 => panels.reach::<S, 1, FUSED>(self.0, out),
            8 => panels.reach::<S, 2, FUSED>(self.0, out),
            4 => panels.reach::<S, 4, FUSED>(self.0, out),
            2 => panels.reach::<S, 8, FUSED>(self.0, out),
            _ => panels.reach::<S, 16, FUSED>(self.0, out),
        }
    }
}

struct Run<T, const FUSED: bool>(T);

impl<T: Task, const FUSED: bool> WithSimd for Run<T, FUSED> {
    type Output = T::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> T::Output {
        self.0.run(With::<S, FUSED>(simd))
    }
}

/// Runs a task (whose `run` is `#[inline(always)]`) with the best instructions of this machine.
pub(super) fn dispatch<T: Task>(task: T) -> T::Output {
    match Arch::new() {
        Arch::Scalar => Scalar128b.vectorize(Run::<T, false>(task)),
        arch => arch.dispatch(Run::<T, true>(task)),
    }
}
