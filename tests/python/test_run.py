"""The one way into a kernel: threads, Ctrl-C, panics, scopes, progress, fork."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import pytest

from tamis import _core
from tamis.exceptions import InternalError, StoppedError, TamisError

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
#: Python warns when a process with threads forks; that it works all the same is the test.
fork_warning = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def child(code):
    """Start Python on `code`; the caller talks to it and waits for it."""
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_a_kernel_runs_and_answers(n_jobs):
    assert _core._spin(0.05, n_jobs=n_jobs) > 5


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_stops_a_kernel_within_half_a_second(n_jobs):
    process = child(
        "import time\n"
        "from tamis import _core\n"
        "print('ready', flush=True)\n"
        "try:\n"
        f"    _core._spin(30.0, n_jobs={n_jobs})\n"
        "except KeyboardInterrupt:\n"
        "    print(time.time(), flush=True)\n"
        f"print(_core._spin(0.02, n_jobs={n_jobs}) > 1, flush=True)\n"
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    sent = time.time()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    stopped, again = out.split()
    assert float(stopped) - sent < 0.5
    assert again == "True", "kernels run after an interrupt"
    assert err == ""


def test_a_signal_handler_that_returns_does_not_stop_the_kernel():
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
    try:
        threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGUSR1]).start()
        start = time.perf_counter()
        _core._spin(0.4)
        assert time.perf_counter() - start >= 0.4
        assert seen == [1]
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_panic_is_an_internal_error(n_jobs, capfd):
    with pytest.raises(InternalError, match=r"asked to fail.*bug in tamis") as caught:
        _core._spin(0.01, n_jobs=n_jobs, fail=True)
    # A PanicException is no Exception: it would go through every `except Exception`.
    assert isinstance(caught.value, TamisError)
    assert isinstance(caught.value, RuntimeError)
    assert _core._spin(0.01, n_jobs=n_jobs) > 0, "the pool lives on"


def test_a_scope_stops_from_another_thread():
    scope = _core.Scope()
    threading.Timer(0.1, scope.stop).start()
    start = time.perf_counter()
    with scope, pytest.raises(StoppedError):
        _core._spin(30.0, n_jobs=2)
    assert time.perf_counter() - start < 0.6
    assert scope.stopped


def test_a_stopped_scope_stops_what_comes_later_in_it_and_nothing_else():
    scope = _core.Scope()
    with scope:
        scope.stop()
        with pytest.raises(StoppedError):
            _core._spin(30.0)
    assert _core._spin(0.01) > 0


def test_nested_scopes():
    with _core.Scope() as outer:
        with _core.Scope() as inner:
            inner.stop()
            with pytest.raises(StoppedError):
                _core._spin(30.0)
        assert not outer.stopped
        assert _core._spin(0.01) > 0, "the inner scope is over"
        outer.stop()
        with _core.Scope(), pytest.raises(StoppedError):
            _core._spin(30.0)  # stopping the outer scope stops what runs inside inner ones


def test_stopping_the_outer_scope_while_an_inner_one_runs():
    outer = _core.Scope()
    threading.Timer(0.1, outer.stop).start()
    start = time.perf_counter()
    with outer, _core.Scope(), pytest.raises(StoppedError):
        _core._spin(30.0)
    assert time.perf_counter() - start < 0.6


def test_a_scope_belongs_to_its_thread():
    results = []
    with _core.Scope() as scope:
        scope.stop()
        other = threading.Thread(target=lambda: results.append(_core._spin(0.01)))
        other.start()
        other.join()
    assert results
    assert results[0] > 0


def test_scopes_end_when_the_block_raises():
    with pytest.raises(ZeroDivisionError), _core.Scope() as scope:
        scope.stop()
        1 / 0  # noqa: B018
    assert _core._spin(0.01) > 0


def test_progress_is_told_and_ends_at_the_total():
    told = []
    _core._spin(0.2, progress=lambda done, total: told.append((done, total)))
    done = [d for d, _ in told]
    assert len(told) >= 3
    assert done == sorted(done)
    assert told[-1] == (200, 200)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_in_the_callback_stops_the_kernel_and_comes_through(n_jobs):
    def tell(done, total):
        raise KeyError("from the callback")

    start = time.perf_counter()
    with pytest.raises(KeyError, match="from the callback"):
        _core._spin(30.0, n_jobs=n_jobs, progress=tell)
    assert time.perf_counter() - start < 0.5


def test_an_error_in_the_callback_leaves_the_scope_usable():
    def tell(done, total):
        raise KeyError("x")

    with _core.Scope() as scope:
        with pytest.raises(KeyError):
            _core._spin(30.0, progress=tell)
        assert not scope.stopped
        assert _core._spin(0.01) > 0


def test_kernels_of_several_threads_run_side_by_side():
    start = time.perf_counter()
    threads = [threading.Thread(target=_core._spin, args=(0.3, 2)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.perf_counter() - start < 1.1, "the GIL is released; four take less than 4 x 0.3 s"


@forks
@fork_warning
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_kernels_run_after_a_fork(n_jobs):
    _core._spin(0.01, n_jobs=n_jobs)  # the pool exists before the fork
    pid = os.fork()
    if pid == 0:
        ok = _core._spin(0.05, n_jobs=n_jobs) > 0 and _core._spin(0.05, n_jobs=3) > 0
        os._exit(0 if ok else 1)
    assert wait(pid) == 0
    assert _core._spin(0.01, n_jobs=n_jobs) > 0


@forks
@fork_warning
def test_kernels_run_after_a_fork_while_one_is_running():
    running = threading.Thread(target=_core._spin, args=(0.5, 2))
    running.start()
    time.sleep(0.1)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if _core._spin(0.05, n_jobs=2) > 0 else 1)
    assert wait(pid) == 0
    running.join()


def wait(pid, seconds=20):
    """Return the exit code of a child; end it when it hangs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "hung"


@forks
@fork_warning
def test_kernels_run_in_a_multiprocessing_fork_child():
    _core._spin(0.01, n_jobs=2)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        results = pool.starmap_async(_core._spin, [(0.05, 2)] * 4).get(timeout=30)
    assert all(r > 0 for r in results)


def test_errors_survive_pickle():
    with pytest.raises(InternalError) as caught:
        _core._spin(0.0, fail=True)
    back = pickle.loads(pickle.dumps(caught.value))
    assert type(back) is InternalError
    assert str(back) == str(caught.value)


@pytest.mark.parametrize("seconds", [-1.0, 0.0, float("nan")])
def test_no_work_is_fine(seconds):
    assert _core._spin(seconds) == 0
