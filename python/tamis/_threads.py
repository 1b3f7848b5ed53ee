"""How many threads a call uses, and how the kernels of several Python threads are stopped."""

from __future__ import annotations

import os
import threading

from tamis.exceptions import ParameterError

_here = threading.local()


def resolve(n_jobs: int | None) -> int:
    """Return the number of threads: None is all cores here, 1 in a worker; -1 is all cores."""
    if n_jobs is None:
        return 1 if in_worker() else cores()
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or n_jobs == 0:
        raise ParameterError(f"n_jobs must be a whole number other than 0, or None; got {n_jobs!r}")
    return n_jobs if n_jobs > 0 else max(1, cores() + 1 + n_jobs)


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_worker() -> bool:
    """Return whether this is a worker of ours, of joblib, Dask or Ray: one thread is its share."""
    return bool(
        getattr(_here, "worker", False)
        or os.environ.get("LOKY_WORKER_RANK")
        or os.environ.get("JOBLIB_SPAWNED_PROCESS")
        or os.environ.get("DASK_PARENT")
        or os.environ.get("RAY_WORKER_MODE")
    )


class worker:
    """Mark the current thread as a worker while the block runs."""

    def __enter__(self) -> None:
        self._before = getattr(_here, "worker", False)
        _here.worker = True

    def __exit__(self, *exc: object) -> None:
        _here.worker = self._before
