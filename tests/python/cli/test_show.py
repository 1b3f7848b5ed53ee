"""Plain text that fits the terminal."""

import math

import pytest

from tamis.cli import _show


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.87214, "0.8721"),
        (-0.00051, "-0.0005"),
        (0, "0.0000"),
        (None, "-"),
        (math.nan, "-"),
        (math.inf, "inf"),
        (-1234.5678, "-1,234.57"),
        (1e-7, "1e-07"),
        (123456789.0, "1.235e+08"),
    ],
)
def test_numbers(value, text):
    assert _show.number(value) == text


@pytest.mark.parametrize(("asked", "given"), [("20", 40), ("80", 80), ("300", 110)])
def test_width(monkeypatch, asked, given):
    monkeypatch.setenv("COLUMNS", asked)
    assert _show.width() == given


def test_columns_line_up_and_wrap_the_last(monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    rows = [("1", "0.9", "a short one"), ("12", "-0.85", "words " * 12)]
    lines = _show.columns(rows, right=(0, 1)).splitlines()
    assert lines[0] == "   1    0.9  a short one"
    assert lines[1].startswith("  12  -0.85  words words")
    assert lines[2].startswith(" " * 13 + "words")
    assert max(map(len, lines)) <= 50


def test_no_rows():
    assert _show.columns([]) == ""


def test_paragraphs_hang(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    lines = _show.paragraph("one two\nthree " * 6, 7, "  Fix: ").splitlines()
    assert lines[0].startswith("  Fix: one")
    assert all(line.startswith(" " * 7) for line in lines[1:])
    assert max(map(len, lines)) <= 40
