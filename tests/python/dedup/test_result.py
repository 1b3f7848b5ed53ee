"""The result of every search: clusters, pairs, which copy stays."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tamis
from tamis.dedup import Duplicates, Leakage
from tamis.dedup import _result as module
from tamis.dedup._found import Found
from tamis.dedup._result import Cells
from tamis.exceptions import DuplicatesWarning


def found_of(group, pairs, **more):
    group = np.array(group)
    left, right = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    n = int(group.max()) + 1 if len(group) else 0
    return Found(
        group,
        left.copy(),
        right.copy(),
        np.linspace(0.8, 0.9, len(left)),
        np.ones(len(left), dtype=np.int64),
        ("equal", "alike"),
        np.arange(n, dtype=np.uint64),
        **more,
    )


CHAIN = found_of([0, 1, 1, 2, 3], [(0, 1), (1, 2)])


def test_a_star_keeps_a_row_that_every_dropped_row_is_paired_with():
    star = Duplicates(CHAIN)
    assert star.labels.tolist() == [0, 0, 0, 0, 1]
    assert star.keep.tolist() == [False, True, False, False, True]  # 0 and 3 are no pair
    connected = Duplicates(CHAIN, linkage="connected")
    assert connected.keep.tolist() == [True, False, False, False, True]
    last = Duplicates(CHAIN, order=np.arange(5)[::-1])
    assert last.keep.tolist() == [False, False, True, False, True]


def test_pairs_name_every_two_items():
    pairs = Duplicates(CHAIN).pairs
    assert list(zip(pairs["left"], pairs["right"], strict=True)) == [
        (0, 1), (0, 2), (1, 2), (1, 3), (2, 3),
    ]  # fmt: skip
    assert pairs["evidence"].tolist() == ["alike", "alike", "equal", "alike", "alike"]
    assert pairs["score"].round(3).tolist() == [0.8, 0.8, 1.0, 0.9, 0.9]
    assert Duplicates(CHAIN).n_pairs == 5


groups = st.lists(st.integers(0, 4), max_size=12).map(
    lambda g: [sorted(set(g), key=g.index).index(v) for v in g]
)


@given(groups, st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4))), st.integers(0, 12))
def test_pairs_are_those_of_the_slow_expansion(group, raw, n_train):
    n = max(group, default=-1) + 1
    edges = sorted((i, j) for i, j in raw if i < j < n)
    joined = {(i, j) for i, j in edges} | {(g, g) for g in range(n)}
    alike = lambda i, j: (min(group[i], group[j]), max(group[i], group[j])) in joined  # noqa: E731
    want = [(i, j) for i in range(len(group)) for j in range(i + 1, len(group)) if alike(i, j)]
    found = found_of(group, edges) if group else Found(np.zeros(0, np.int64))
    both = Duplicates(found)
    assert list(zip(both.pairs["left"], both.pairs["right"], strict=True)) == want
    assert both.n_pairs == len(want)
    for cluster in both.clusters:
        (kept,) = [i for i in cluster if both.keep[i]]
        assert all(i == kept or alike(i, kept) for i in cluster)
    k = min(n_train, len(group))
    across = [(i, j - k) for i, j in want if i < k <= j]
    leak = Leakage(found, k)
    assert list(zip(leak.pairs["left"], leak.pairs["right"], strict=True)) == sorted(across)
    assert leak.n_pairs == len(across)
    assert leak.left_rows.tolist() == sorted({i for i, _ in across})
    assert np.flatnonzero(~leak.keep).tolist() == sorted({j for _, j in across})


def test_too_many_pairs_are_not_listed(monkeypatch):
    monkeypatch.setattr(module, "_MOST_PAIRS", 10)
    found = found_of([0] * 6 + [1], [(0, 1)])
    with pytest.warns(DuplicatesWarning, match="21 pairs are too many"):
        pairs = Duplicates(found).pairs
    assert pairs["left"].tolist() == [0] * 6
    assert pairs["right"].tolist() == [1, 2, 3, 4, 5, 6]
    leak = Leakage(found_of([0] * 5 + [0] * 5, []), 5)
    with pytest.warns(DuplicatesWarning, match="25 pairs are too many"):
        assert leak.pairs["left"].tolist() == [0] * 5


def test_a_large_cluster_is_warned_of():
    with pytest.warns(DuplicatesWarning, match=r"holds 30 of 50 rows: look at `clusters\[1\]`"):
        found = Duplicates(found_of([0, 0, *[1] * 30, *range(2, 20)], []))
    assert len(found.clusters[1]) == 30


def test_html_shows_pairs_side_by_side():
    shown = Cells(["text"], [["one <b>"], ["one"]])
    found = Duplicates(found_of([0, 1], [(0, 1)]), unit="text", cells=lambda rows: shown)
    html = found._repr_html_()
    assert "text 0" in html
    assert "text 1" in html
    assert "one &lt;b&gt;" in html
    assert "0.8 alike" in html


def test_saved_and_loaded(tmp_path):
    found = Duplicates(found_of([0, 1, 1], [(0, 1)], recall=0.97))
    again = tamis.load(tamis.save(found, tmp_path / "found.tamis"))
    assert isinstance(again, Duplicates)
    pd.testing.assert_frame_equal(again.pairs, found.pairs)
    assert again.keep.tolist() == found.keep.tolist()
    assert repr(again) == repr(found)
    assert "expected recall 0.970" in repr(found)
