"""From random_state to seeds, and from n_jobs to threads."""

import os
import subprocess
import sys
import threading

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis import _random, _threads
from tamis.exceptions import ParameterError


@pytest.mark.parametrize("seed", [0, 7, np.int64(7), 2**31])
def test_a_number_is_its_own_seed(seed):
    assert _random.base_seed(seed) == int(seed)
    assert type(_random.base_seed(seed)) is int


def test_a_generator_gives_a_draw_of_its_own():
    one, two = (np.random.RandomState(3) for _ in range(2))
    first = _random.base_seed(one)
    assert first == _random.base_seed(two)
    assert first != _random.base_seed(one), "the state moves on"


def test_none_is_not_the_same_each_time():
    assert len({_random.base_seed(None) for _ in range(5)}) > 1


@pytest.mark.parametrize("seed", [-1, 1.5, "a", [1, 2]])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(ValueError, match=r"seed|Seed"):
        _random.base_seed(seed)


def test_derived_seeds_never_change_with_a_release():
    assert _random.derive(0, "fold", 1) == 1144573762
    assert _random.derive(42) == 498459574


@given(st.integers(0, 2**63), st.text(), st.integers())
def test_derived_seeds_depend_on_every_part(seed, name, item):
    derived = _random.derive(seed, name, item)
    assert 0 <= derived < 2**31
    assert derived == _random.derive(seed, name, item)
    others = {_random.derive(seed + 1, name, item), _random.derive(seed, name, item + 1)}
    assert derived not in others or len(others) == 2


def test_n_jobs():
    assert _threads.resolve(None) == _threads.cores()
    assert _threads.resolve(-1) == _threads.cores()
    assert _threads.resolve(3) == 3
    assert _threads.resolve(np.int64(3)) == 3
    assert _threads.resolve(-(10**6)) == 1


@pytest.mark.parametrize("bad", [0, 1.5, "2", True])
def test_n_jobs_refused(bad):
    with pytest.raises(ParameterError, match="n_jobs"):
        _threads.resolve(bad)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_cores_are_those_of_this_process():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from tamis._threads import resolve; print(resolve(None))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


@pytest.mark.parametrize("name", ["RAY_RAYLET_PID"])
def test_a_worker_of_ray_uses_one_thread_unless_told(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert _threads.resolve(None) == 1
    assert _threads.resolve(2) == 2


def test_a_worker_of_ours_marks_its_own_thread_alone():
    seen = []
    with _threads.worker():
        assert _threads.resolve(None) == 1
        with _threads.worker():
            assert _threads.in_worker()
        assert _threads.in_worker(), "the inner block leaves the outer one as it was"
        other = threading.Thread(target=lambda: seen.append(_threads.in_worker()))
        other.start()
        other.join()
    assert seen == [False]
    assert not _threads.in_worker()


def test_joblib_workers_use_one_thread():
    tasks = [joblib.delayed(_threads.resolve)(None)] * 2
    for backend in ("loky", "threading", "multiprocessing"):
        assert joblib.Parallel(n_jobs=2, backend=backend)(tasks) == [1, 1]
    if _threads.cores() > 1:
        assert joblib.Parallel(n_jobs=1)(tasks) == [_threads.cores()] * 2, "no worker at all"
