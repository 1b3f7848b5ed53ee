//! What a running kernel is told and what it reports: threads, the stop flag, progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::error::{Error, Result};

/// The context of one kernel call. Cheap to clone; clones share the flag and the counters.
#[derive(Debug, Clone)]
pub struct Ctx {
    threads: usize,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    total: Arc<AtomicU64>,
}

impl Ctx {
    /// A context for `threads` threads (at least one) with a stop flag of its own.
    pub fn new(threads: usize) -> Self {
        Ctx {
            threads: threads.max(1),
            stop: Arc::default(),
            done: Arc::default(),
            total: Arc::default(),
        }
    }

    /// How many threads the kernel may use.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Asks the kernel to stop.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// True once somebody asked to stop.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// `Err(Stopped)` once somebody asked to stop. Call it every few milliseconds of work.
    pub fn check(&self) -> Result<()> {
        if self.stopped() { Err(Error::Stopped) } else { Ok(()) }
    }

    /// Says how many units of work there are in all.
    pub fn set_total(&self, units: u64) {
        self.total.store(units, Ordering::Relaxed);
    }

    /// Reports `units` more done, and answers as [`Ctx::check`] does.
    pub fn advance(&self, units: u64) -> Result<()> {
        self.done.fetch_add(units, Ordering::Relaxed);
        self.check()
    }

    /// Units done and units in all, for a progress bar.
    pub fn progress(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }
}

impl Default for Ctx {
    fn default() -> Self {
        Ctx::new(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_reaches_clones() {
        let ctx = Ctx::new(0);
        let other = ctx.clone();
        assert_eq!(ctx.threads(), 1);
        assert!(other.advance(3).is_ok());
        ctx.stop();
        assert_eq!(other.check(), Err(Error::Stopped));
        assert_eq!(ctx.progress(), (3, 0));
    }
}
