//! The one way from Python into a kernel: detach, pool, stop flag, progress, panics caught.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::err::{InternalError, from_panic};
use crate::base::{Ctx, Error, Result};

/// How often a waiting caller looks for Ctrl-C and reports progress.
const LOOK: Duration = Duration::from_millis(20);

thread_local! {
    /// The scopes that kernels called from this thread run under; each of them can stop a kernel.
    static SCOPES: RefCell<Vec<Arc<AtomicBool>>> = const { RefCell::new(Vec::new()) };
}

/// A way to stop, from any thread, every kernel that runs inside `with scope:`.
#[pyclass(module = "tamis._core", frozen)]
struct Scope {
    stop: Arc<AtomicBool>,
}

#[pymethods]
impl Scope {
    #[new]
    fn new() -> Self {
        Scope { stop: Arc::default() }
    }

    /// Asks the kernels in this scope to stop; they raise StoppedError.
    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    #[getter]
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        SCOPES.with_borrow_mut(|s| s.push(slf.get().stop.clone()));
        slf
    }

    #[pyo3(signature = (*_exc))]
    fn __exit__(&self, _exc: &Bound<'_, pyo3::types::PyTuple>) {
        SCOPES.with_borrow_mut(|s| {
            if let Some(i) = s.iter().rposition(|stop| Arc::ptr_eq(stop, &self.stop)) {
                s.remove(i);
            }
        });
    }
}

/// Waits `seconds` in a kernel, polling the stop flag: for tests of Ctrl-C, threads and panics.
#[pyfunction]
#[pyo3(signature = (seconds, n_jobs=1, fail=false, progress=None))]
fn _spin(
    py: Python<'_>,
    seconds: f64,
    n_jobs: usize,
    fail: bool,
    progress: Option<Py<PyAny>>,
) -> PyResult<usize> {
    run(py, n_jobs, progress, |ctx| {
        let start = std::time::Instant::now();
        ctx.set_total((seconds * 1e3) as u64);
        let mut seen = 0;
        while start.elapsed().as_secs_f64() < seconds {
            std::thread::sleep(Duration::from_millis(1));
            ctx.advance(1)?;
            seen += 1;
        }
        assert!(!fail, "asked to fail");
        Ok(seen)
    })
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Scope>()?;
    m.add_function(wrap_pyfunction!(_spin, m)?)
}

/// The pool last used, with the process that made it: a pool does not survive a fork.
static POOL: Mutex<Option<(u32, usize, Arc<ThreadPool>)>> = Mutex::new(None);

fn pool(threads: usize) -> PyResult<Arc<ThreadPool>> {
    let build = || {
        ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("tamis-{i}"))
            .build()
            .map(Arc::new)
            .map_err(|e| InternalError::new_err(format!("cannot start {threads} threads: {e}")))
    };
    // A lock held by a thread that the fork left behind is never released: go without the cache.
    let Ok(mut slot) = POOL.try_lock() else {
        return build();
    };
    let process = std::process::id();
    if let Some((owner, n, pool)) = slot.as_ref()
        && *owner == process
        && *n == threads
    {
        return Ok(pool.clone());
    }
    let made = build()?;
    if let Some((owner, _, old)) = slot.replace((process, threads, made.clone()))
        && owner != process
    {
        std::mem::forget(old); // its threads are not in this process
    }
    Ok(made)
}

/// Runs `kernel` without the GIL on `n_jobs` threads, while this thread looks for Ctrl-C and calls
/// `progress(done, total)`.
pub fn run<T: Send>(
    py: Python<'_>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
    kernel: impl FnOnce(&Ctx) -> Result<T> + Send,
) -> PyResult<T> {
    let mut kernel = Some(kernel);
    let mut made = None;
    let mut job = |ctx: &Ctx| {
        if let Some(kernel) = kernel.take() {
            made = Some(kernel(ctx)?);
        }
        Ok(())
    };
    run_job(py, n_jobs, progress, &mut job)?;
    made.ok_or_else(|| InternalError::new_err("a kernel ended without an answer"))
}

/// Runs a kernel of a few milliseconds on this thread: a thread of its own would take longer than
/// the work, and Ctrl-C can wait for its end.
pub fn run_short<T>(kernel: impl FnOnce(&Ctx) -> Result<T>) -> PyResult<T> {
    match catch_unwind(AssertUnwindSafe(|| kernel(&Ctx::new(1)))) {
        Ok(made) => Ok(made?),
        Err(payload) => Err(from_panic(payload.as_ref())),
    }
}

/// [`run`] with the kernel's types hidden: the threads and the channel are compiled once.
fn run_job(
    py: Python<'_>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
    job: &mut (dyn FnMut(&Ctx) -> Result<()> + Send),
) -> PyResult<()> {
    let threads = n_jobs.max(1);
    let scopes = SCOPES.with_borrow(Clone::clone);
    let scope_stopped = || scopes.iter().any(|stop| stop.load(Ordering::Relaxed));
    if scope_stopped() {
        return Err(Error::Stopped.into());
    }
    let ctx = Ctx::new(threads);
    let mut work = || catch_unwind(AssertUnwindSafe(|| job(&ctx)));
    let pool = if threads > 1 { Some(pool(threads)?) } else { None };
    let (outcome, signal) = py.detach(|| {
        std::thread::scope(|scope| {
            let (send, receive) = channel();
            let pool = pool.as_ref();
            let spawned =
                std::thread::Builder::new().stack_size(8 << 20).spawn_scoped(scope, move || {
                    let outcome = match pool {
                        Some(pool) => pool.install(work),
                        None => work(),
                    };
                    let _ = send.send(outcome);
                });
            if let Err(e) = spawned {
                return (None, Some(InternalError::new_err(format!("cannot start a thread: {e}"))));
            }
            let mut signal = None;
            loop {
                match receive.recv_timeout(LOOK) {
                    Ok(outcome) => return (Some(outcome), signal),
                    Err(RecvTimeoutError::Disconnected) => return (None, signal),
                    Err(RecvTimeoutError::Timeout) if signal.is_none() => {
                        if scope_stopped() {
                            ctx.stop();
                        }
                        if let Err(e) = Python::attach(|py| look(py, &ctx, progress.as_ref())) {
                            ctx.stop();
                            signal = Some(e);
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                }
            }
        })
    });
    if let Some(error) = signal {
        return Err(error);
    }
    if let (Some(callback), Some(Ok(Ok(())))) = (progress.as_ref(), outcome.as_ref()) {
        let (_, total) = ctx.progress();
        callback.call1(py, (total, total))?;
    }
    match outcome {
        Some(Ok(result)) => Ok(result?),
        Some(Err(payload)) => Err(from_panic(payload.as_ref())),
        None => Err(InternalError::new_err("a kernel ended without an answer")),
    }
}

fn look(py: Python<'_>, ctx: &Ctx, progress: Option<&Py<PyAny>>) -> PyResult<()> {
    py.check_signals()?;
    if let Some(callback) = progress {
        callback.call1(py, ctx.progress())?;
    }
    Ok(())
}
