//! Loops compiled for the widest lanes that the machine has.

use pulp::{Arch, Simd, WithSimd};

/// What is run in lanes. Called as a closure it would stay a function of its own, without them.
pub struct Body<F>(pub F);

impl<F: FnMut() -> R, R> WithSimd for Body<F> {
    type Output = R;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) -> R {
        (self.0)()
    }
}

/// Runs a closure (of `#[inline(always)]`) compiled for the widest lanes that the machine has.
#[inline(always)]
pub fn run<R>(f: impl FnMut() -> R) -> R {
    Arch::new().dispatch(Body(f))
}
