"""The layers: an area has the same name everywhere, and nothing reaches where it must not."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUST = ROOT / "src"
PYTHON = ROOT / "python" / "tamis"

#: What areas share. An area imports these and never another area.
SHARED = {"base", "near", "media", "trees"}
#: Areas that compose others, in Python alone.
PYTHON_ONLY = {"quality", "search"}
#: Folders of the Python package that are no areas.
NOT_AREAS = {"adapters", "cli", "testing"}
#: Where private names of other packages are used: what a saved scikit-learn model is made of.
PRIVATE = {"python/tamis/_state/_hist.py"}
#: Files of the bindings that belong to no area.
BINDING_GROUND = {"mod", "run", "err", "arr", "state"}


def folders(where):
    return {p.name for p in where.iterdir() if p.is_dir() and not p.name.startswith("_")}


AREAS = sorted(folders(RUST) - SHARED - {"py"})
KERNELS = sorted(p for p in RUST.rglob("*.rs") if p.parts[len(RUST.parts)] not in ("py", "lib.rs"))
BINDINGS = sorted((RUST / "py").rglob("*.rs"))
MODULES = sorted(PYTHON.rglob("*.py"))


def relative(path):
    return path.relative_to(ROOT).as_posix()


def area_of(module):
    """Return the first folder a module lies in (or its file name)."""
    return module.relative_to(PYTHON).parts[0]


def rust_code(path, tests=True):
    """Return the code of a Rust file without comments, and without its tests if so asked."""
    text = re.sub(r"//.*", "", path.read_text())
    return text if tests else text.split("#[cfg(test)]")[0]


def rust_imports(code):
    """Return the top-level modules of the crate that the code names."""
    found = set(re.findall(r"\bcrate::(\w+)", code))
    for group in re.findall(r"\bcrate::\{((?:[^{}]|\{[^{}]*\})*)\}", code):
        found |= set(re.findall(r"(?:^|,)\s*(\w+)", re.sub(r"\{[^{}]*\}", "", group)))
    return found


def python_imports(tree):
    """Yield (module, names, at module level) of the imports of a parsed file."""
    top = set(ast.walk(ast.Module(body=[n for n in tree.body if not hidden(n)], type_ignores=[])))
    inside = {n for f in ast.walk(tree) if is_function(f) for n in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, [], node in top and node not in inside
        elif isinstance(node, ast.ImportFrom):
            names = [a.name for a in node.names]
            yield node.module or "", names, node in top and node not in inside


def is_function(node):
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def hidden(node):
    """Whether a statement is `if TYPE_CHECKING:`, which no interpreter runs."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def test_the_checks_see_something():
    assert {"dedup", "impute", "models", "outlier"} <= set(AREAS)
    assert len(KERNELS) > 10
    assert rust_imports("use crate::{base::{par, rng}, near};\nuse crate::dedup::x;") == {
        "base",
        "near",
        "dedup",
    }
    code = "import a.b\nfrom c import d\ndef f():\n    import e\nif TYPE_CHECKING:\n    import g"
    assert list(python_imports(ast.parse(code))) == [
        ("a.b", [], True),
        ("c", ["d"], True),
        ("e", [], False),
        ("g", [], False),
    ]


@pytest.mark.parametrize("area", AREAS)
def test_an_area_has_the_same_name_everywhere(area):
    assert (RUST / area / "mod.rs").is_file()
    assert (RUST / "py" / f"{area}.rs").is_file() or (RUST / "py" / area / "mod.rs").is_file()
    assert (PYTHON / area / "__init__.py").is_file()
    assert list((ROOT / "tests" / "python" / area).rglob("test_*.py"))


def test_nothing_else_looks_like_an_area():
    assert folders(PYTHON) <= set(AREAS) | PYTHON_ONLY | NOT_AREAS
    names = {p.relative_to(RUST / "py").parts[0].removesuffix(".rs") for p in BINDINGS}
    assert names <= set(AREAS) | SHARED | BINDING_GROUND
    tests = folders(ROOT / "tests" / "python")
    assert tests <= folders(PYTHON) | {"examples"}


@pytest.mark.parametrize("path", KERNELS, ids=relative)
def test_kernels_know_no_python_no_files_no_environment_and_print_nothing(path):
    code = rust_code(path)
    for forbidden in (
        r"\bpyo3\b",
        r"\bnumpy::",
        r"\bstd::(fs|env|process|net)\b",
        r"\be?print(ln)?!",
        r"\bdbg!",
        r"\bstd::io\b(?!::Cursor)",  # a cursor over bytes reads memory
    ):
        assert not re.search(forbidden, code), f"{relative(path)} has {forbidden}"


@pytest.mark.parametrize("path", [k for k in KERNELS if k.name != "tests.rs"], ids=relative)
def test_threads_come_from_one_place_and_nothing_is_unsafe(path):
    code = rust_code(path, tests=False)
    assert not re.search(r"\bunsafe\b", code)
    if path != RUST / "base" / "par.rs":
        assert not re.search(r"\brayon::|\bstd::thread\b", code)


@pytest.mark.parametrize("path", KERNELS, ids=relative)
def test_kernels_import_only_what_is_below_them(path):
    own = path.relative_to(RUST).parts[0]
    allowed = {own, "base"} if own in SHARED else {own} | SHARED
    assert rust_imports(rust_code(path)) <= allowed


@pytest.mark.parametrize("path", BINDINGS, ids=relative)
def test_bindings_reach_kernels_through_run(path):
    code = rust_code(path)
    if path.name == "run.rs":
        return
    assert not re.search(
        r"\brayon::|\bstd::thread\b|\bcatch_unwind\b|\.detach\(|\ballow_threads\b", code
    )
    if "#[pyfunction]" in code or "#[pymethods]" in code:
        assert re.search(r"\brun(::run)?\(", code), (
            "a function of the module calls no kernel by run"
        )
        assert re.search(r"\brun::run\b", code)


@pytest.mark.parametrize("path", [m for m in MODULES if area_of(m) in AREAS], ids=relative)
def test_an_area_of_python_imports_no_other_area_when_loaded(path):
    own = area_of(path)
    others = (set(AREAS) | PYTHON_ONLY | NOT_AREAS) - {own}
    for module, names, at_top in python_imports(ast.parse(path.read_text())):
        if not at_top:
            continue
        parts = module.split(".")
        if parts[0] == "tamis":
            reached = {parts[1]} if len(parts) > 1 else set(names)
            assert not reached & others, f"{relative(path)} imports {reached & others}"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_only_public_names_of_other_packages_are_used(path):
    for module, names, at_top in python_imports(ast.parse(path.read_text())):
        package = module.split(".")[0]
        if package in ("tamis", "__future__", ""):
            continue
        private = [p for p in [*module.split("."), *names] if p.startswith("_")]
        assert not private or relative(path) in PRIVATE, (
            f"{relative(path)} uses {module}: {private}"
        )
        if package in ("matplotlib", "polars", "pyarrow", "IPython"):
            assert not at_top, f"{relative(path)} imports {module} when loaded"
