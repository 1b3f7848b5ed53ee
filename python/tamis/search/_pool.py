"""A few worker threads that a deadline or Ctrl-C can leave behind."""

from __future__ import annotations

import atexit
import queue
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from threadpoolctl import threadpool_limits

from tamis import _core
from tamis._threads import worker

__all__ = ["Pool"]

_LOOK = 0.05  # seconds between looks at the clock; Ctrl-C is answered at once
_LAST_WAIT = 15.0  # seconds that the end of the process waits for a fit that was left behind
_started: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


@atexit.register
def _wait_for_threads() -> None:
    """Let threads end before the interpreter does: one that is still in C code would abort it."""
    end = time.monotonic() + _LAST_WAIT
    for thread in list(_started):
        thread.join(max(0.0, end - time.monotonic()))


class Pool:
    """Threads that run jobs, one kernel thread each, and hand results over as they come.

    They are daemons: a fit of another library that does not hear a stop flag cannot hold up the
    caller or the end of the process; what it says later is ignored.

    Parameters
    ----------
    n_threads : int
    """

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads
        self._jobs: queue.SimpleQueue = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        # OpenBLAS counts its threads for the whole process: one each, so that ours do not compete
        # and sums are made in one order.
        self._limits = threadpool_limits(1, user_api="blas")

    def run(
        self,
        jobs: Sequence[Callable[[], Any]],
        take: Callable[[int, Any], None],
        deadline: float | None = None,
    ) -> bool:
        """Run the jobs; call `take(i, outcome)` in this thread as each one ends.

        An outcome is what the job returned or the exception it raised. Returns False if the
        deadline (in `time.monotonic` seconds) passed first: the rest is stopped and dropped.
        """
        while len(self._threads) < self.n_threads:
            thread = threading.Thread(target=self._work, daemon=True, name="tamis-search")
            thread.start()
            self._threads.append(thread)
            _started.add(thread)
        done: queue.SimpleQueue = queue.SimpleQueue()
        scope = _core.Scope()
        for i, job in enumerate(jobs):
            self._jobs.put((i, job, scope, done))
        left = len(jobs)
        try:
            while left:
                if deadline is not None and time.monotonic() > deadline:
                    return False
                try:
                    i, outcome = done.get(timeout=_LOOK)
                except queue.Empty:
                    continue
                left -= 1
                take(i, outcome)
            return True
        finally:
            scope.stop()

    def close(self) -> None:
        """Let the threads end when they are free."""
        for _ in self._threads:
            self._jobs.put(None)
        self._threads = []
        self._limits.restore_original_limits()

    def _work(self) -> None:
        # OpenMP (scikit-learn's boosting) counts its threads for the calling thread.
        with worker(), threadpool_limits(1, user_api="openmp"):
            while True:
                job = self._jobs.get()
                if job is None:
                    return
                i, call, scope, done = job
                if scope.stopped:
                    continue
                try:
                    with scope:
                        outcome = call()
                except BaseException as error:  # handed to the caller, who decides
                    outcome = error
                done.put((i, outcome))
