"""Reports: one file, escaped, the same figure the same text, whole or not at all."""

import re
from xml.etree import ElementTree

import jinja2
import pytest
from markupsafe import Markup

from tamis import _html
from tamis.exceptions import MissingExtraError, ParameterError


def page(body, **context):
    environment = _html._environment().overlay(
        loader=jinja2.ChoiceLoader(
            [jinja2.DictLoader({"page.html": body}), _html._environment().loader]
        )
    )
    return environment.get_template("page.html").render(**context)


def figure():
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(4, 2))
    axes = drawn.add_subplot()
    axes.plot([1, 2], [3, 4])
    axes.set_title("a < b & c")
    return drawn


EXTENDS = '{% extends "base.html" %}{% block content %}'


def test_a_page_is_whole_and_asks_for_nothing():
    text = page(EXTENDS + "<h1>{{ word }}</h1>{% endblock %}", word="<script>")
    assert text.lstrip().startswith("<!doctype html>")
    assert "&lt;script&gt;" in text
    for outside in ("<script", "http://", "https://", "@import", "<link", "src="):
        assert outside not in text


def test_tables_and_badges():
    body = (
        '{% from "base.html" import table, badge %}'
        "{{ table(['a', 'b'], [[1234567, '<x>'], [none, 0.123456]], numeric=['a']) }}"
        "{{ badge('no evidence') }}"
    )
    text = page(body)
    assert '<td class="num">1,234,567</td><td>&lt;x&gt;</td>' in text
    assert '<td class="num"></td><td>0.1235</td>' in text
    assert '<span class="badge no-evidence">no evidence</span>' in text


def test_a_name_that_was_not_given_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        page("{{ nothing }}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), (float("nan"), ""), (True, "yes"), (1234, "1,234"), (0.5, "0.5"), (2.0, "2"),
        (1234.5678, "1,235"), (123456.7, "123,457"), (1e20, "1e+20"), ("x", "x"), (1e-9, "1e-09"),
        (float("inf"), "inf"),
    ],
)  # fmt: skip
def test_numbers_as_a_person_reads_them(value, text):
    assert _html.number(value) == text


def test_figures_are_the_same_text_and_do_not_share_ids():
    pytest.importorskip("matplotlib")
    one, again = _html.figure_svg(figure(), "a plot"), _html.figure_svg(figure(), "a plot")
    assert one == again
    assert isinstance(one, Markup)
    assert 'aria-label="a plot"' in one
    ElementTree.fromstring(str(one))  # well-formed
    other = figure()
    other.axes[0].set_title("another")
    ids = [set(re.findall(r'\bid="(.*?)"', s)) for s in (one, _html.figure_svg(other))]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert set(re.findall(r"(?:url\(|href=\")#(.*?)[\")]", one)) <= ids[0]
    text = page(EXTENDS + "{{ figure('f') }}{{ figure('g') }}{% endblock %}", figures={"f": one})
    assert text.count("<svg") == 1


def test_without_plots_the_page_says_how_to_get_them(monkeypatch):
    text = page(EXTENDS + "{{ figure('f') }}{% endblock %}", figures={})
    assert "pip install &#39;tamis[plot]&#39;" in text or "pip install 'tamis[plot]'" in text
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"tamis\[plot\]"):
        _html.figure_svg(None)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = _html.write(tmp_path / "a.html", "é")
    assert path.read_text(encoding="utf-8") == "é"
    with pytest.raises(UnicodeEncodeError):
        _html.write(path, "\ud800")
    assert path.read_text(encoding="utf-8") == "é"
    assert [p.name for p in tmp_path.iterdir()] == ["a.html"]
    with pytest.raises(ParameterError):
        _html.write(tmp_path / "no" / "a.html", "")
