"""Reports as one self-contained HTML page: no script, no network, nothing beside the file."""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from tamis import __version__, _write
from tamis._optional import need

__all__ = ["figure_svg", "render", "write"]


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tamis", "_templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals["figure"] = _figure
    environment.globals["version"] = __version__
    environment.filters["number"] = number
    return environment


def render(template: str, **context: Any) -> str:
    """Return a template of tamis filled in.

    Templates extend ``base.html`` and may import ``table`` and ``badge`` from it. What is given
    is escaped, except figures made by `figure_svg`: they are given as ``figures={name: figure}``
    and shown by ``{{ figure("name") }}``; where `figures` is empty the page says how to get them.

    Parameters
    ----------
    template : str
        Its file name.
    **context : object
        What the template names.
    """
    return _environment().get_template(template).render(**context).strip() + "\n"


@jinja2.pass_context
def _figure(context: jinja2.runtime.Context, name: str) -> Markup:
    figures: Mapping[str, Markup] = context.get("figures") or {}
    if name not in figures:
        return Markup("")
    return Markup('<div class="figure">{}</div>').format(figures[name])


def write(path: str | Path, text: str) -> Path:
    """Write a text file whole or not at all, and return its path.

    Raises
    ------
    ParameterError
        If the folder is not there or cannot be written to.
    """
    _write.replace(path, text.encode())
    return Path(path)


def figure_svg(figure: Any, alt: str = "") -> Markup:
    """Return a matplotlib figure as inline SVG: the same figure gives the same text.

    Text stays text, and black takes the colour of the page, so that the figure can be read on
    light and dark.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    alt : str, default=""
        What a screen reader says.
    """
    matplotlib = need("matplotlib", "drawing plots")
    figure.patch.set_alpha(0.0)
    for axes in figure.axes:
        axes.patch.set_alpha(0.0)
    out = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "tamis", "svg.fonttype": "none"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    # matplotlib's own style block names elements of the whole page: tie it to the figure.
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\*\{(.*?)\}", r"svg.plot *{\1}", svg)
    # Ids are the same in every figure: make them the figure's own.
    mark = f"f{_digest(svg)}-"
    svg = re.sub(r'\bid="', f'id="{mark}', svg)
    svg = re.sub(r"url\(#", f"url(#{mark}", svg)
    svg = re.sub(r'href="#', f'href="#{mark}', svg)
    svg = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"|height="[\d.]+pt" width="[\d.]+pt"', "", svg)
    svg = svg.replace("#000000", "currentColor")
    svg = svg.replace("font: ", "fill: currentColor; font: ")
    label = Markup(' role="img" aria-label="{}"').format(alt) if alt else Markup("")
    width = 96.0 * figure.get_figwidth()
    return Markup(
        svg.replace("<svg", f'<svg class="plot" style="max-width:{width:.0f}px"{label}', 1)
    )


def _digest(text: str) -> str:
    import hashlib

    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def number(value: Any) -> str:
    """Return a cell as a person reads it: few digits, thousands apart, empty where missing."""
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e15:
            return f"{int(value):,}"
        return (
            f"{value:,.4g}"
            if abs(value) < 1e4
            else f"{value:,.0f}"
            if abs(value) < 1e15
            else f"{value:g}"
        )
    return str(value)
