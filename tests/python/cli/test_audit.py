"""tamis audit: how findings are shown, exit codes, files."""

from types import SimpleNamespace

import pytest

import tamis


def finding(severity, kind="missing", columns=("age",), message="It is so.", fix="Do this."):
    return SimpleNamespace(
        severity=severity, kind=kind, columns=list(columns), rows=[], message=message, fix=fix
    )


@pytest.fixture
def found(monkeypatch):
    """Replace the audit itself: found(findings) -> the calls made to it."""
    calls = []

    def put(findings):
        def audit(*args, **kwargs):
            calls.append((args, kwargs))
            page = '<meta name="generator" content="tamis 0">'
            return SimpleNamespace(findings=findings, report=lambda path: path.write_text(page))

        monkeypatch.setattr(tamis, "audit", audit, raising=False)
        return calls

    return put


def test_the_worst_comes_first(tam, csv, found):
    calls = found(
        [finding("low"), finding("high", kind="leakage"), finding("info"), finding("low")]
    )
    result = tam("audit", csv, "--target", "alive")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].endswith("120 rows, 3 columns: 1 high, 2 low, 1 info") or len(lines[0]) > 60
    order = [line.split()[0] for line in lines if line[:1].isupper() and line.split()[0].isupper()]
    assert order == ["HIGH", "LOW", "LOW", "INFO"]
    assert "HIGH  leakage  age\n  It is so.\n  Fix: Do this." in result.stdout
    assert calls[0][0][1] == "alive"
    assert calls[0][1] == {"compare": None}


def test_nothing_found(tam, csv, found):
    found([])
    result = tam("audit", csv, "--fail-on", "low")
    assert result.exit_code == 0
    assert "nothing found" in result.stdout.replace("\n", " ")


@pytest.mark.parametrize(
    ("worst", "limit", "code"),
    [
        ("high", "high", 1),
        ("medium", "high", 0),
        ("medium", "medium", 1),
        ("high", "low", 1),
        ("info", "low", 0),
    ],
)
def test_fail_on(tam, csv, found, worst, limit, code):
    found([finding("info"), finding(worst)])
    assert tam("audit", csv, "--fail-on", limit).exit_code == code
    assert tam("audit", csv).exit_code == 0


def test_many_columns_are_counted(tam, csv, found):
    found([finding("low", columns=[f"c{i}" for i in range(9)])])
    assert "c0, c1, c2, c3, c4, c5 and 3 more" in tam("audit", csv).stdout


def test_the_report_is_written_and_replaced_but_nothing_else_is(tam, csv, found, tmp_path):
    found([finding("high")])
    page = tmp_path / "r.html"
    for _ in range(2):
        result = tam("audit", csv, "-o", page, "--fail-on", "high")
        assert result.exit_code == 1
        assert page.exists()
        assert result.stdout.endswith(f"Written  {page}\n")
    page.write_text("<html>mine</html>")
    result = tam("audit", csv, "-o", page)
    assert result.exit_code == 2
    assert "was not written by this command" in result.stderr
    assert page.read_text() == "<html>mine</html>"
    assert "no folder" in tam("audit", csv, "-o", tmp_path / "no" / "r.html").stderr


def test_compare_is_read(tam, csv, found):
    calls = found([])
    assert tam("audit", csv, "--compare", csv).exit_code == 0
    assert len(calls[0][1]["compare"]) == 120
    assert "no such file" in tam("audit", csv, "--compare", csv.with_name("q.parquet")).stderr
