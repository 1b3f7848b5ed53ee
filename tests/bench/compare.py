"""Side-by-side runs of tamis and named peers on the same input.

    python tests/bench/compare.py AREA...      (areas: the files in tests/bench/areas)

The input of a task is made once from a seed. Every run of every peer is a process of its own,
which loads the input and imports the peer before the clock starts; runs of the peers take turns.
Shown are medians over the runs: wall seconds, CPU seconds of all threads, the peak of resident
memory above what was there before the call, and a quality that the task names. The results
replace the area's section in tests/bench/RESULTS.md.
"""

import argparse
import datetime
import json
import os
import pickle
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np

import tamis

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
SEED = 20260101
HEADING = """# Benchmarks

Written by `python3 dev.py bench AREA...`; how it measures stands in [compare.py](compare.py).
A ratio over 1 says that tamis took less time than that program.
"""


def rows(area):
    """Return the tasks of an area."""
    return import_module(f"areas.{area}").ROWS


def memory():
    """Return the resident memory of this process in bytes, and make that its peak."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return resident("VmRSS")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def peak():
    """Return the peak of resident memory in bytes since `memory` was called."""
    try:
        return resident("VmHWM")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def resident(field):
    return int(re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024


def measure(area, task, peer, data_file, threads):
    """Run one peer once, in this process, and print what it took as JSON."""
    row = next(r for r in rows(area) if r.task == task)
    data = pickle.loads(Path(data_file).read_bytes())
    call = row.peers[peer](threads)
    before = memory()
    wall, cpu = time.perf_counter(), time.process_time()
    result = call(data)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    top = peak()
    quality = row.quality(data, result)
    print(json.dumps({"wall": wall, "cpu": cpu, "memory": top - before, "quality": quality}))


def child(area, task, peer, data_file, threads):
    """Run one peer once in a process of its own and return what it took."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
    command = [sys.executable, __file__, "--one", area, task, peer, data_file]
    done = subprocess.run(
        [*command, "--threads", str(threads)],
        env={**os.environ, **dict.fromkeys(names, str(threads))},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def compare(area, row, runs, threads):
    """Return for each peer the medians over the runs."""
    taken = {peer: [] for peer in row.peers}
    with tempfile.TemporaryDirectory() as folder:
        data_file = str(Path(folder, "data.pickle"))
        data = row.data(np.random.default_rng(SEED))
        Path(data_file).write_bytes(pickle.dumps(data, protocol=5))
        del data
        for _ in range(runs):
            for peer, runs_of_peer in taken.items():
                runs_of_peer.append(child(area, row.task, peer, data_file, threads))
    return {
        peer: {key: statistics.median(r[key] for r in done) for key in done[0]}
        for peer, done in taken.items()
    }


def table(area, runs, threads):
    """Return the section of an area in Markdown."""
    lines = [
        f"## {area}",
        "",
        f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}, {machine()}, {threads} threads, "
        f"median of {runs} runs.",
        "",
        "| task | program | wall s | CPU s | memory MB | quality | ratio |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    peers = set()
    for row in rows(area):
        print(f"{area}: {row.task}", flush=True)
        took = compare(area, row, runs, threads)
        ours = took["tamis"]
        peers |= set(took)
        for peer, t in took.items():
            lines.append(
                f"| {row.task} | {peer} | {t['wall']:.3f} | {t['cpu']:.3f} "
                f"| {t['memory'] / 1e6:.0f} | {row.measure} {t['quality']:.6g} "
                f"| {t['wall'] / ours['wall']:.2f} |"
            )
            print(lines[-1], flush=True)
    return "\n".join([*lines, "", f"Versions: {versions(peers)}."])


def machine():
    """Say what this machine is."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.*)", info.read_text()) if info.exists() else None
    model = found[1] if found else platform.processor() or platform.machine()
    return f"{len(os.sched_getaffinity(0))} cores of {model}, {platform.system()}"


def versions(peers):
    """Return the versions of the programs that ran, with Python's."""
    packages = {peer.split(" (")[0] for peer in peers} | {"numpy"}
    named = [f"{p} {version(p)}" for p in sorted(packages - {"tamis"})]
    return ", ".join([f"Python {platform.python_version()}", f"tamis {tamis.__version__}", *named])


def update(area, section):
    """Replace the section of an area in RESULTS.md."""
    old = RESULTS.read_text() if RESULTS.exists() else HEADING
    head, *parts = re.split(r"^(?=## )", old, flags=re.MULTILINE)
    found = {p.split("\n", 1)[0].removeprefix("## ").strip(): p.strip() for p in parts}
    found[area] = section
    body = "\n\n".join(found[name] for name in sorted(found))
    RESULTS.write_text(f"{head.strip()}\n\n{body}\n")


def main():
    """Run the benchmarks of the areas named."""
    known = sorted(p.stem for p in (HERE / "areas").glob("[a-z]*.py"))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("areas", nargs="*", metavar="AREA", help=", ".join(known))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return measure(*options.one, options.threads)
    if tamis._core.DEBUG_BUILD:
        parser.error("this is a debug build of tamis: its figures mean nothing")
    if not options.areas or set(options.areas) - set(known):
        parser.error(f"name areas out of: {', '.join(known)}")
    for area in options.areas:
        update(area, table(area, options.runs, options.threads))
    return None


if __name__ == "__main__":
    main()
