"""Trees as pictures and as text."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from tamis._draw import INK, SOFT, axes_of, short
from tamis.exceptions import ParameterError
from tamis.models.inspect._read import Grown, last_step, read_trees

__all__ = ["export_text", "plot_tree"]

#: The colours of classes, the palest shade of each.
_CLASSES = ("#0969da", "#b42318", "#1a7f37", "#9a6700", "#8250df", "#bc4c00", "#0a7ea4", "#bf3989")
_INCHES = (1.5, 1.15)


class _Shown:
    """One tree, and what is said of its nodes."""

    def __init__(
        self, model: Any, tree: int, max_depth: int | None, names: Any, class_names: Any,
        precision: int,
    ) -> None:  # fmt: skip
        last, _, names = last_step(model, names=names)
        self.grown: Grown = read_trees(last, names)
        if isinstance(tree, bool) or not 0 <= tree < self.grown.n_trees:
            raise ParameterError(f"there is no tree {tree!r}; there are {self.grown.n_trees}")
        if max_depth is not None and max_depth < 0:
            raise ParameterError(f"max_depth must be at least 0, or None; got {max_depth!r}")
        self.t = self.grown.tree(int(tree))
        self.most, self.digits = max_depth, precision
        self.adds = not self.grown.mean
        outputs = self.grown.output_names
        self.output = outputs[self.grown.outputs[tree]] if self.adds and outputs else ""
        classes = is_classifier(last) and not self.adds and not isinstance(last.classes_, list)
        self.classes = [str(c) for c in (class_names or outputs)] if classes else []
        if classes and len(self.classes) != len(outputs):
            raise ParameterError(
                f"class_names has {len(self.classes)} names for {len(outputs)} classes"
            )
        #: Whether the rows say where what is missing goes.
        self.missing = self.adds or bool(self.t["missing_left"].any())

    def leaf(self, node: int) -> bool:
        return bool(self.t["left"][node] < 0)

    def children(self, node: int) -> tuple[int, int]:
        return int(self.t["left"][node]), int(self.t["right"][node])

    def number(self, value: float) -> str:
        return f"{value:.{self.digits}g}"

    def condition(self, node: int) -> str:
        """Return what sends a row left."""
        j = int(self.t["feature"][node])
        name = short(self.grown.names[j])
        if self.t["set"][node] < 0:
            cut = float(self.t["threshold"][node])
            return f"{name} is not missing" if cut == np.inf else f"{name} ≤ {self.number(cut)}"
        known = self.grown.categories[j]
        codes = self.grown.left_categories(int(self.t["set"][node]))
        cells = [str(known[c]) for c in codes if c < len(known)]
        left = len(cells) - 3
        said = ", ".join(short(c) for c in cells[:3]) + (f", +{left}" if left > 0 else "")
        return f"{name} in {{{said}}}"

    def value(self, node: int) -> str:
        """Return what the node says."""
        value = self.t["value"][node]
        if self.adds and not self.leaf(node):
            return ""
        if self.adds:
            return f"adds {value[0]:+.{self.digits}g}"
        if self.classes:
            k = int(np.argmax(value))
            return f"{short(self.classes[k])} {100 * value[k]:.0f} %"
        return ", ".join(self.number(v) for v in value)

    def note(self, node: int) -> str:
        """Return the impurity or the gain."""
        if "impurity" in self.t:
            return f"impurity {self.number(float(self.t['impurity'][node]))}"
        return "" if self.leaf(node) else f"gain {self.number(float(self.t['gain'][node]))}"

    def places(self) -> tuple[dict[int, tuple[float, int]], set[int]]:
        """Return where the nodes stand (leaves side by side), and which are cut off below."""
        at: dict[int, tuple[float, int]] = {}
        cut: set[int] = set()
        leaves = 0
        todo: list[tuple[int, int, bool]] = [(0, 0, False)]
        while todo:
            node, depth, done = todo.pop()
            end = self.leaf(node) or (self.most is not None and depth >= self.most)
            if end:
                at[node] = (float(leaves), depth)
                leaves += 1
                if not self.leaf(node):
                    cut.add(node)
            elif done:
                left, right = self.children(node)
                at[node] = ((at[left][0] + at[right][0]) / 2, depth)
            else:
                left, right = self.children(node)
                todo += [(node, depth, True), (right, depth + 1, False), (left, depth + 1, False)]
        return at, cut


def plot_tree(
    model: Any,
    tree: int = 0,
    *,
    max_depth: int | None = 4,
    feature_names: Any = None,
    class_names: Any = None,
    impurity: bool = True,
    precision: int = 3,
    ax: Any = None,
) -> Any:
    """Draw a tree: its splits, what its nodes say, and how many training rows came there.

    Parameters
    ----------
    model : fitted tree, forest or histogram boosting, of tamis or scikit-learn
        Or a pipeline that ends in one.
    tree : int, default=0
        Which tree of several. Boosting has, for several classes, one of each in a round.
    max_depth : int or None, default=4
        What lies deeper is not drawn; None draws all.
    feature_names, class_names : sequence of str, optional
        By default those the model was fitted with.
    impurity : bool, default=True
        Whether nodes show their impurity (of boosting the gain of the split).
    precision : int, default=3
        Digits of numbers.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure that is large enough.

    Returns
    -------
    matplotlib Axes
        Rows of which the condition is true go left. The colour says the class and how pure it is,
        or how high the value is. Where rows without a value go is written at the branch.

    Raises
    ------
    ParameterError
        The model has no trees, or not this one; or names do not fit.
    """
    shown = _Shown(model, tree, max_depth, feature_names, class_names, precision)
    at, cut = shown.places()
    columns = 1 + max(x for x, _ in at.values())
    rows = 1 + max(depth for _, depth in at.values())
    ax = axes_of(ax, max(6.0, _INCHES[0] * columns), max(2.0, _INCHES[1] * rows + 0.4))
    ax.set_axis_off()
    ax.set_xlim(-0.6, columns - 0.4)
    ax.set_ylim(-(rows - 0.45), 0.55)
    size = _letters(ax, columns)
    paint = _paint(shown)
    for node, (x, depth) in at.items():
        lines = [] if shown.leaf(node) else [shown.condition(node)]
        lines += [shown.value(node), f"{shown.t['samples'][node]:,} rows"]
        lines += [shown.note(node) if impurity else "", "…" if node in cut else ""]
        lines = [line for line in lines if line]
        ax.text(
            x, -depth, "\n".join(lines), ha="center", va="center", fontsize=size, color=INK,
            zorder=3, linespacing=1.25,
            bbox={"boxstyle": "round,pad=0.35", "facecolor": paint(node), "edgecolor": "0.7",
                  "linewidth": 0.8},
        )  # fmt: skip
        if shown.leaf(node) or node in cut:
            continue
        for child, word in zip(shown.children(node), ("yes", "no"), strict=True):
            cx = at[child][0]
            ax.plot([x, cx], [-depth, -depth - 1], color="0.75", linewidth=1.0, zorder=1)
            goes = bool(shown.t["missing_left"][node]) == (word == "yes")
            said = f"{word}, missing" if shown.missing and goes else word
            ax.text(
                (x + cx) / 2, -depth - 0.5, said, ha="center", va="center", fontsize=size - 0.5,
                color=SOFT, zorder=2, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
    ax.set_title(_title(shown, tree, bool(cut)), fontsize=10, color=INK, loc="left")
    return ax


def _letters(ax: Any, columns: float) -> float:
    """Return a size of letters at which boxes side by side do not meet."""
    inches = ax.get_position().width * ax.figure.get_size_inches()[0] / columns
    return float(np.clip(5.6 * inches, 3.0, 8.0))


def _title(shown: _Shown, tree: int, cut: bool) -> str:
    n, leaves = shown.grown.n_trees, int((shown.t["left"] < 0).sum())
    which = f"tree {tree} of {n}" if n > 1 else "the tree"
    of = f", for {shown.output}" if shown.output else ""
    rest = f"; drawn down to depth {shown.most}" if cut else ""
    root = "" if shown.leaf(0) else f", first by {short(shown.grown.names[shown.t['feature'][0]])}"
    return f"{type(shown.grown.model).__name__}, {which}{of}: {leaves} leaves{root}{rest}"


def _paint(shown: _Shown) -> Any:
    """Return what gives the colour of a node."""
    from matplotlib.colors import to_rgb

    value = shown.t["value"]

    def mixed(colour: str, share: float) -> tuple[float, ...]:
        return tuple(1 - 0.55 * share * (1 - c) for c in to_rgb(colour))

    if shown.classes:
        least = 1 / len(shown.classes)

        def by_class(node: int) -> Any:
            k = int(np.argmax(value[node]))
            share = (value[node][k] - least) / max(1 - least, 1e-12)
            return mixed(_CLASSES[k % len(_CLASSES)], float(np.clip(share, 0.05, 1)))

        return by_class
    first = value[:, 0]
    most = max(float(np.abs(first[shown.t["left"] < 0]).max()), 1e-300)
    low, high = float(first.min()), float(first.max())

    def by_value(node: int) -> Any:
        if shown.adds:
            if not shown.leaf(node):
                return "white"
            return mixed(_CLASSES[int(first[node] > 0)], abs(float(first[node])) / most)
        return mixed(_CLASSES[3], float((first[node] - low) / ((high - low) or 1.0)))

    return by_value


def export_text(
    model: Any,
    tree: int = 0,
    *,
    max_depth: int | None = None,
    feature_names: Any = None,
    class_names: Any = None,
    precision: int = 4,
) -> str:
    """Return a tree as lines of text.

    Parameters
    ----------
    model : fitted tree, forest or histogram boosting, of tamis or scikit-learn
        Or a pipeline that ends in one.
    tree : int, default=0
        Which tree of several.
    max_depth : int or None, default=None
        What lies deeper is left out.
    feature_names, class_names : sequence of str, optional
        By default those the model was fitted with.
    precision : int, default=4
        Digits of numbers.

    Returns
    -------
    str
        A line a branch, indented by its depth.

    Examples
    --------
    >>> from tamis.models import DecisionTreeClassifier, export_text
    >>> model = DecisionTreeClassifier().fit([[1.0], [2.0], [3.0]], ["no", "yes", "yes"])
    >>> print(export_text(model, feature_names=["age"]))
    age ≤ 1.5: no 100 % (1 row)
    otherwise: yes 100 % (2 rows)
    """
    shown = _Shown(model, tree, max_depth, feature_names, class_names, precision)
    lines: list[str] = []
    todo = [(0, 0, "all rows")]
    while todo:
        node, depth, words = todo.pop()
        n = int(shown.t["samples"][node])
        rows = f"({n:,} row{'s' * (n != 1)})"
        indent = "|  " * max(depth - 1, 0)
        end = shown.leaf(node) or (max_depth is not None and depth >= max_depth)
        if depth or end:
            rest = "" if shown.leaf(node) or not end else ", goes on"
            said = f": {shown.value(node)}" if end and shown.value(node) else ""
            lines.append(f"{indent}{words}{said} {rows}{rest}")
        if end:
            continue
        left, right = shown.children(node)
        yes, no = shown.condition(node), "otherwise"
        if shown.missing:
            goes = bool(shown.t["missing_left"][node])
            yes, no = (yes + " or missing", no) if goes else (yes, no + " or missing")
        todo += [(right, depth + 1, no), (left, depth + 1, yes)]
    return "\n".join(lines)
