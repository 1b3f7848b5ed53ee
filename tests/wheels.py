"""One abi3 wheel, built once, must import and pass the quick tests on several Pythons.

Looks for python3.10 to python3.13 on the PATH and under pyenv; the oldest and the newest of them
get a fresh virtual environment each. Run it as `python3 dev.py wheels`; arguments name other
versions.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
NEEDED = ("pytest", "hypothesis")
#: The whole suite runs on one Python; here the wheel, the frame layer and the splits are tried.
QUICK = [f"tests/python/{n}" for n in ("test_run.py", "test_frame.py", "search/test_split.py")]


def run(*command):
    print("+", *command, flush=True)
    subprocess.run([str(c) for c in command], cwd=ROOT, check=True)


def interpreter(version):
    """Return a Python of that version, or None."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    found = [shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python"))]
    ask = f"import sys, venv, ensurepip; sys.exit('{version}' != '%d.%d' % sys.version_info[:2])"
    for candidate in filter(None, found):
        done = subprocess.run([candidate, "-c", ask], capture_output=True, check=False)
        if done.returncode == 0:
            return candidate
    return None


def main(wanted):
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT)
        (wheel,) = Path(folder).glob("tamis-*-abi3-*.whl")
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")
        found = {v: base for v in wanted or VERSIONS if (base := interpreter(v))}
        if not found or len(found) < len(wanted):
            raise SystemExit("a Python that was asked for is not here")
        # What lies between is nearly the same, and takes as long.
        tested = wanted or sorted({min(found, key=VERSIONS.index), max(found, key=VERSIONS.index)})
        for version in tested:
            base = found[version]
            venv = Path(folder, version)
            run(base, "-m", "venv", venv)
            python = venv / "bin" / "python"
            run(
                python, "-m", "pip", "install", "--quiet", f"tamis[all] @ {wheel.as_uri()}", *NEEDED
            )
            run(python, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", *QUICK)
            shutil.rmtree(venv)
    print(f"{wheel.name} passed on Python {', '.join(tested)}")


if __name__ == "__main__":
    main(sys.argv[1:])
