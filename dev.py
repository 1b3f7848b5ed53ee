#!/usr/bin/env python3
"""Set up a virtual environment with tamis in it and do one thing there.

Uses the active virtual environment, or makes `.venv` beside this file; builds and installs the
package when its sources have changed since the last time. Needs Python 3.10+, Rust and gcc.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
#: What the installed package is made of.
SOURCES = ("pyproject.toml", "Cargo.toml", "Cargo.lock", "README.md", "LICENSE", "src", "python")
LEFT_OUT = ("__pycache__", ".so", ".pyc", ".pyd")


def fail(message):
    """End with one line on standard error."""
    raise SystemExit(f"dev.py: {message}")


def run(*command):
    """Print a command, run it in the project's folder and end with its exit code if it fails."""
    print("+", *command, flush=True)
    with subprocess.Popen([str(c) for c in command], cwd=ROOT) as process:
        # Ctrl-C is the command's to answer: it may have something to save.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = process.wait()
        signal.signal(signal.SIGINT, before)
    if code:
        raise SystemExit(code if code > 0 else 128 - code)


def python():
    """Return the interpreter of the active virtual environment, or of `.venv`, made if need be."""
    if sys.prefix != sys.base_prefix:
        return Path(sys.executable)
    bin_python = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    active = os.environ.get("VIRTUAL_ENV")
    if active and Path(active, *bin_python).exists():
        return Path(active, *bin_python)
    found = Path(ROOT, ".venv", *bin_python)
    if not found.exists():
        if any(importlib.util.find_spec(m) is None for m in ("venv", "ensurepip")):
            fail("this Python has no venv: install it (Debian: apt install python3-venv)")
        run(sys.executable, "-m", "venv", "--clear", ROOT / ".venv")
    return found


def fingerprint():
    """Return a digest of what the package is made of."""
    digest = hashlib.sha256()
    for source in SOURCES:
        top = ROOT / source
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and not any(part in str(path) for part in LEFT_OUT):
                digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
                digest.update(path.read_bytes())
    return digest.hexdigest()


def set_up(extra):
    """Install the package with an extra, unless it is there already; return the interpreter."""
    cargo_home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"), "bin")
    os.environ["PATH"] += os.pathsep + str(cargo_home)
    interpreter = python()
    stamp = interpreter.parent.parent / "tamis-dev.json"
    done = json.loads(stamp.read_text()) if stamp.exists() else {}
    sources = fingerprint()
    extras = done.get("extras", []) if done.get("sources") == sources else []
    probe = [interpreter, "-I", "-c", "import tamis"]
    there = subprocess.run(probe, stderr=subprocess.DEVNULL, check=False).returncode == 0
    if extra not in extras or not there:
        if shutil.which("cargo") is None:
            fail("cargo is not on the PATH: install Rust from https://rustup.rs")
        stamp.unlink(missing_ok=True)
        run(interpreter, "-m", "pip", "install", "--quiet", f"{ROOT}[{extra}]" if extra else ROOT)
        stamp.write_text(json.dumps({"sources": sources, "extras": [*extras, extra]}))
    return interpreter


def demo(rest):
    """Tune a model on the shipped Titanic table."""
    interpreter = set_up("plot")
    data = Path("examples", "data", "titanic.csv")
    given = rest or ["--time-budget", "40", "-o", "out/titanic"]
    run(interpreter.parent / "tamis", "tune", data, "--target", "survived", *given)


def test(rest):
    """Run the Rust and the Python tests; arguments, if any, go to pytest, and only it is run."""
    interpreter = set_up("test")
    if not rest:
        run("cargo", "test", "--locked", "--quiet", "--lib")
        rest = ["-n", "auto", "--dist", "worksteal"]
    run(interpreter, "-m", "pytest", *rest)


def lint(rest):
    """Check formats, lints, types and the stub."""
    interpreter = set_up("test")
    run("cargo", "fmt", "--check")
    # `cargo test` builds without the feature; with it, there is all of the code.
    run("cargo", "clippy", "--locked", "--quiet", "--all-targets", "--features", "python",
        "--", "-D", "warnings")  # fmt: skip
    run(interpreter, "-m", "ruff", "check", ".")
    run(interpreter, "-m", "ruff", "format", "--check", ".")
    run(interpreter, "-m", "mypy", "-p", "tamis")
    run(interpreter, "-m", "mypy.stubtest", "tamis._core")


def examples(rest):
    """Run the examples of the docstrings, the scripts and the notebooks."""
    interpreter = set_up("test")
    run(interpreter, "-m", "pytest", "--doctest-modules", "--pyargs", "tamis")
    run(interpreter, "-m", "pytest", "--nbmake", "examples")
    for script in sorted(ROOT.glob("examples/*.py")):
        run(interpreter, script.relative_to(ROOT))


def wheels(rest):
    """Test one wheel on the oldest and newest Python here: dev.py wheels [VERSION...]."""
    run(set_up("test"), Path("tests", "wheels.py"), *rest)


def bench(rest):
    """Run benchmarks against named peers: dev.py bench AREA..."""
    run(set_up("bench"), Path("tests", "bench", "compare.py"), *rest)


COMMANDS = {f.__name__: f for f in (demo, test, lint, examples, wheels, bench)}


def main():
    """Parse the command line and do what it says."""
    if sys.version_info < (3, 10):  # noqa: UP036 (the file is run by whatever python3 is)
        fail(f"Python 3.10 or newer is needed; this is {sys.version.split()[0]}")
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, function in COMMANDS.items():
        commands.add_parser(name, help=function.__doc__, add_help=False)
    known, rest = parser.parse_known_args()
    COMMANDS[known.command](rest)


if __name__ == "__main__":
    main()
