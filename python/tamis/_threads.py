"""How many threads a call uses, and how the kernels of several Python threads are stopped."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from numbers import Integral

from tamis.exceptions import ParameterError

_here = threading.local()


def resolve(n_jobs: int | None) -> int:
    """Return the number of threads: None is all cores here, 1 in a worker; -1 is all cores."""
    if n_jobs is None:
        return 1 if in_worker() else cores()
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, Integral) or n_jobs == 0:
        raise ParameterError(f"n_jobs must be a whole number other than 0, or None; got {n_jobs!r}")
    return int(n_jobs) if n_jobs > 0 else max(1, cores() + 1 + int(n_jobs))


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_worker() -> bool:
    """Return whether this is a worker of ours, of joblib, Dask or Ray: one thread is its share.

    Every process that Python's multiprocessing started counts (joblib's and Dask's are such).
    """
    return bool(
        getattr(_here, "worker", False)
        or multiprocessing.parent_process() is not None
        or "RAY_RAYLET_PID" in os.environ
        or _joblib_level() > 0
    )


def _joblib_level() -> int:
    """Return how deep inside joblib's own threads the caller is."""
    parallel = sys.modules.get("joblib.parallel")
    backend = parallel.get_active_backend()[0] if parallel else None
    return getattr(backend, "nesting_level", 0) or 0


class worker:
    """Mark the current thread as a worker while the block runs."""

    def __enter__(self) -> None:
        self._before = getattr(_here, "worker", False)
        _here.worker = True

    def __exit__(self, *exc: object) -> None:
        _here.worker = self._before
