"""Records of one thing: made with errors, and found again without labels."""

import pickle
import string

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

import tamis
from tamis import _core
from tamis.dedup import RecordDeduplicator, duplicate_groups, find_leakage
from tamis.dedup._blocking import automatic, everything
from tamis.dedup._fields import field
from tamis.exceptions import DataError, ParameterError, StoppedError

GIVEN = [
    "anna",
    "ben",
    "carla",
    "david",
    "elena",
    "frank",
    "greta",
    "hans",
    "irene",
    "jonas",
    "karla",
    "luis",
    "maria",
    "nils",
    "olga",
]
FAMILY = [
    a + b
    for a in ["mc", "van", "ber", "hol", "sten", "gra", "wil"]
    for b in ["donald", "den", "gren", "berg", "mann", "ter", "son", "ley", "ford", "wood"]
]
STREETS = [f"{a} {b}" for a in FAMILY[:40] for b in ("road", "street", "lane")]


def damaged(rng, text):
    """Return a text with one typing error."""
    place, letter = rng.integers(len(text)), rng.choice(list(string.ascii_lowercase))
    how = rng.integers(3)
    return text[:place] + ("" if how == 0 else letter) + text[place + (how < 2) :]


def people(n=600, copies=200, seed=0):
    """Return a frame of people, some of them twice, and the true pairs."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "given": rng.choice(GIVEN, n), "family": rng.choice(FAMILY, n),
        "street": rng.choice(STREETS, n), "house": rng.integers(1, 200, n).astype(str),
        "born": (np.datetime64("1940-01-01") + rng.integers(0, 25_000, n)).astype(str),
        "income": rng.normal(50_000, 9_000, n).round(),
    }).astype(dict.fromkeys(("given", "family", "street", "house", "born"), object))  # fmt: skip
    again = frame.iloc[rng.choice(n, copies, replace=False)].copy()
    for row in range(copies):
        for column in rng.choice(5, 2, replace=False):
            text = again.iat[row, column]
            again.iat[row, column] = None if rng.random() < 0.3 else damaged(rng, text)
    both = pd.concat([frame, again])
    order = rng.permutation(len(both))
    place = np.argsort(order)
    links = {tuple(sorted((place[i], place[n + k]))) for k, i in enumerate(again.index)}
    return both.iloc[order].reset_index(drop=True), {(int(i), int(j)) for i, j in links}


def pairs(found):
    frame = found.pairs
    left, right = (np.asarray(frame[side]).tolist() for side in ("left", "right"))
    return set(zip(left, right, strict=True))


@pytest.mark.parametrize("seed", [0, 1])
def test_copies_with_errors_are_found(seed):
    frame, links = people(seed=seed)
    step = RecordDeduplicator().fit(frame)
    got = pairs(step.duplicates_)
    assert len(got & links) >= 0.95 * len(links)
    assert len(got & links) >= 0.99 * len(got)
    assert 0.9 < step.duplicates_.expected_recall <= 1
    assert step.weights_["born"]["comparator"] == "date"
    assert step.weights_["house"]["comparator"] == "levenshtein"
    assert step.weights_["income"]["comparator"] == "numeric"
    for weights in step.weights_.values():
        assert weights["m"].sum() == pytest.approx(1)
        assert weights["u"].sum() == pytest.approx(1)
        assert weights["weight"][3] > 0 > weights["weight"][0]


def test_keys_lose_little_and_recall_is_said_honestly():
    frame, links = people(3000, 800, 3)
    fields = ["given", "family", "born"]
    found = RecordDeduplicator(fields, threshold=0.5).fit(frame).duplicates_
    slow = RecordDeduplicator(fields, threshold=0.5, blocking=None)
    items = [field({"text"}, frame[c].to_numpy(), None) for c in fields]
    left, _right = everything(items).pairs(None, 1)
    assert len(left) == 3800 * 3799 // 2
    _, coarse = _core.record_keys([f.column for f in items])
    near = set(zip(*(a.tolist() for a in automatic(items, coarse).pairs(None, 2)), strict=True))
    met = len(near & links) / len(links)
    assert met > 0.8
    assert len(near) < 60 * len(frame)
    assert slow.get_params()["fields"] == fields
    hit = len(pairs(found) & links) / len(links)
    assert abs(found.expected_recall - hit) < 0.25


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_order_and_threads_are_of_no_account(n_jobs):
    frame, _ = people(400, 150, 4)
    order = np.random.default_rng(0).permutation(len(frame))
    one = RecordDeduplicator(n_jobs=1).fit(frame).duplicates_
    other = RecordDeduplicator(n_jobs=n_jobs).fit(frame.iloc[order]).duplicates_
    turned = other.pairs
    named = {
        tuple(sorted(order[[i, j]].tolist())): s
        for i, j, s in zip(turned["left"], turned["right"], turned["score"], strict=True)
    }
    want = one.pairs
    keys = zip(want["left"], want["right"], strict=True)
    assert named == dict(zip(keys, want["score"], strict=True))
    clusters = lambda found, name: {frozenset(name[c].tolist()) for c in found.clusters}  # noqa: E731
    assert clusters(one, np.arange(len(frame))) == clusters(other, order)


def test_evidence_names_the_fields():
    frame, _ = people()
    found = (
        RecordDeduplicator(["family", "born", "given", "house", "street"]).fit(frame).duplicates_
    )
    evidence = set(found.pairs["evidence"])
    assert any("~" in e for e in evidence)
    assert all(set(e.replace("~", "").split(", ")) <= {*frame.columns, "equal"} for e in evidence)
    assert "family" in found._repr_html_()
    assert "income" not in found._repr_html_()
    assert found.pairs["score"].between(0.9, 1).all()


def test_equal_records_are_one_group_if_they_say_enough():
    frame, _ = people(300, 50, 6)
    same = pd.concat(
        [frame, frame.iloc[[0] * 3], pd.DataFrame({"given": ["anna"] * 4 + [None] * 4})]
    )
    found = RecordDeduplicator().fit(same).duplicates_
    n = len(frame)
    assert len({*found.labels[[0, n, n + 1, n + 2]]}) == 1
    assert len({*found.labels[n + 3 :]}) == 8
    assert not set(range(n + 3, len(same))) & {i for p in pairs(found) for i in p}


def test_blocking_given():
    frame, links = people()
    found = RecordDeduplicator(blocking=["street", ("given", "family")]).fit(frame).duplicates_
    for i, j in pairs(found):
        a, b = frame.iloc[i], frame.iloc[j]
        assert a.street == b.street or (a.given, a.family) == (b.given, b.family)
    assert len(pairs(found) & links) > 0.5 * len(links)
    for bad in (["nobody"], [], [()]):
        with pytest.raises(ParameterError, match="blocking names"):
            RecordDeduplicator(blocking=bad).fit(frame)


def test_comparators_given():
    frame, links = people()
    step = RecordDeduplicator({"given": None, "family": "levenshtein", "born": "exact",
                               "street": "jaro_winkler", "house": "numeric"})  # fmt: skip
    got = pairs(step.fit(frame).duplicates_)
    assert len(got & links) > 0.8 * len(links)
    assert [w["comparator"] for w in step.weights_.values()] == [
        "jaro_winkler", "levenshtein", "exact", "jaro_winkler", "numeric",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1980-02-03", "3.2.1980", "03/02/1980", "19800203"], "date", ["19800203"]),
        (["2119", " 21  19 ", "2119"], "levenshtein", ["21 19", "2119"]),
        (["Straße", "STRASSE", "ｓｔｒａｓｓｅ", ""], "jaro_winkler", ["strasse"]),  # noqa: RUF001
        (["a1", "b2"], "jaro_winkler", ["a1", "b2"]),
    ],
)
def test_values_are_evened_out(cells, kind, values):
    got = field({"text"}, np.array([*cells, None], dtype=object), None)
    assert (got.comparator, got.values) == (kind, values)
    assert got.codes[-1] == -1


texts = st.one_of(st.none(), st.text("ab1 é", max_size=4))


@pytest.mark.filterwarnings("ignore:one cluster holds")
@given(st.lists(st.tuples(texts, texts, st.sampled_from([1.0, np.nan, 2.5])), max_size=30))
def test_any_input_gives_a_sound_result(rows):
    frame = pd.DataFrame(rows, columns=["a", "b", "c"]).astype({"a": object, "b": object})
    found = RecordDeduplicator().fit(frame).duplicates_
    assert found.keep.sum() == len(set(found.labels))
    assert 0 <= found.expected_recall <= 1
    assert all(i < j for i, j in pairs(found))
    empty = frame.isna() | frame.isin(["", " ", "  ", "   ", "    "])
    assert not set(np.flatnonzero(empty.all(axis=1))) & {i for p in pairs(found) for i in p}


def test_every_container_gives_the_same():
    frame, _ = people(200, 80, 2)
    want = pairs(RecordDeduplicator().fit(frame).duplicates_)
    assert want
    columns = {c: [None if v is None or v != v else v for v in frame[c]] for c in frame}  # noqa: PLR0124
    for form in (pl.DataFrame(columns), pa.table(columns), frame.to_numpy()):
        assert pairs(RecordDeduplicator().fit(form).duplicates_) == want
    out = RecordDeduplicator(keep="most_complete").fit_resample(pl.DataFrame(columns))[0]
    assert isinstance(out, pl.DataFrame)
    assert len(out) < len(frame)
    typed = frame.assign(born=pd.to_datetime(frame["born"], errors="coerce", format="%Y-%m-%d"))
    assert RecordDeduplicator().fit(typed).weights_["born"]["comparator"] == "date"


def test_leakage_and_groups():
    frame, links = people()
    found = find_leakage(frame[:400], frame[400:], "record", fields=list(frame.columns))
    want = {(i, j - 400) for i, j in links if i < 400 <= j}
    got = pairs(found)
    assert len(got & want) >= 0.95 * len(want)
    assert len(got & want) >= 0.98 * len(got)
    assert "record" in found._repr_html_()
    groups = duplicate_groups(frame, kind="record")
    assert sum(groups[i] == groups[j] for i, j in links) >= 0.95 * len(links)
    with pytest.raises(DataError, match="no column in common"):
        find_leakage(frame[["given"]], frame[["family"]], "record")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threshold": 0}, "threshold must be above 0"),
        ({"threshold": 1}, "threshold must be above 0"),
        ({"fields": {"given": "soundex"}}, "comparator of 'given' must be one of"),
        ({"fields": ["nobody"]}, "no column named 'nobody'"),
        ({"fields": []}, "names no column"),
        ({"linkage": "x"}, "linkage must be"),
    ],
)
def test_parameters_that_cannot_be_used(options, words):
    with pytest.raises(ParameterError, match=words):
        RecordDeduplicator(**options).fit(people(20, 5)[0])


@pytest.mark.filterwarnings("ignore:one cluster holds")
def test_check_estimator():
    check_estimator(RecordDeduplicator(n_jobs=1), on_skip=None)


def test_pickle_clone_and_save(tmp_path):
    step = RecordDeduplicator(["given", "born", "street"]).fit(people(200, 80)[0])
    for again in (
        pickle.loads(pickle.dumps(step)),
        tamis.load(tamis.save(step, tmp_path / "r.tamis")),
    ):
        assert again.duplicates_.pairs.equals(step.duplicates_.pairs)
        assert (again.weights_["born"]["m"] == step.weights_["born"]["m"]).all()
    assert clone(step).get_params() == step.get_params()


def test_it_stops():
    scope = _core.Scope()
    scope.stop()
    with scope, pytest.raises(StoppedError):
        RecordDeduplicator().fit(people(100, 20)[0])
