"""find_label_errors: against a slow reference, on planted errors, and on hostile input."""

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits, load_wine, make_classification
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from tamis.exceptions import DataError, ParameterError, ShapeError
from tamis.labels import LabelIssues, find_label_errors
from tamis.labels._classes import METHODS, best_f1
from tamis.labels._folds import _joined, _splits, copies_of
from tamis.labels._targets import read

POWERS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


def flipped(y, share, seed, by_class=False):
    """Return labels with a share of them moved to another class, evenly or in some classes."""
    rng = np.random.default_rng(seed)
    k = int(y.max()) + 1
    out = y.copy()
    if not by_class:
        rows = rng.choice(len(y), round(share * len(y)), replace=False)
        out[rows] = (y[rows] + rng.integers(1, k, len(rows))) % k
        return out
    rates = np.linspace(0.0, 2.0 * share, k)[rng.permutation(k)]
    moved = rng.random(len(y)) < rates[y]
    out[moved] = ((np.arange(k) + rng.integers(1, k, k)) % k)[y[moved]]
    return out


def f1(mask, wrong):
    return 2 * (mask & wrong).sum() / max(1, mask.sum() + wrong.sum())


def draw(n=400, k=4, seed=0, share=0.15, dtype=np.float64):
    """Return probabilities, labels and which of these are wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    y = flipped(truth, share, seed + 1)
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), truth] += 3.0
    p = np.exp(logits)
    return (p / p.sum(axis=1, keepdims=True)).astype(dtype), y, y != truth


def slow(p, y):
    """Return thresholds, joint, noise, quality and the doubted rows, step by step."""
    p = np.asarray(p, dtype=np.float64)
    n, k = p.shape
    thresholds = [float(np.mean([p[i, j] for i in range(n) if y[i] == j])) for j in range(k)]
    joint = np.zeros((k, k))
    for i in range(n):
        sure = [j for j in range(k) if p[i, j] >= thresholds[j]]
        if sure:
            joint[y[i], max(sure, key=lambda j: p[i, j])] += 1
    for i in range(k):
        joint[i] = joint[i] / joint[i].sum() if joint[i].sum() else np.eye(k)[i]
        joint[i] *= np.sum(y == i)
    noise = joint + (1 - np.eye(k)) / (k - 1)
    noise /= noise.sum(axis=0)
    best = None
    for power in POWERS:
        q = np.maximum(p, 1e-6) ** power
        q /= q.sum(axis=1, keepdims=True)
        likely = np.log((q * noise[y]).sum(axis=1)).sum()
        if best is None or likely > best[0]:
            best = (likely, q * noise[y])
    part = best[1]
    quality = part[np.arange(n), y] / part.sum(axis=1)
    doubted = p.max(axis=1) > p[np.arange(n), y]
    return thresholds, joint, noise, quality, doubted


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("k", [2, 5])
def test_as_the_slow_reference(k, dtype):
    p, y, _ = draw(k=k, dtype=dtype)
    issues = find_label_errors(y, pred_probs=p)
    thresholds, joint, noise, quality, doubted = slow(p, y)
    np.testing.assert_allclose(issues.thresholds, thresholds, rtol=1e-9)
    np.testing.assert_allclose(issues.confident_joint, joint, atol=1e-9)
    np.testing.assert_allclose(issues.noise_matrix, noise, atol=1e-9)
    np.testing.assert_allclose(issues.quality, quality, atol=1e-9)
    assert not (issues.mask & ~doubted).any()
    np.testing.assert_array_equal(issues.suggested == issues.labels, ~issues.mask)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=9))
def test_the_set_of_the_greatest_expected_f1(rows):
    quality = np.array([q for q, _ in rows])
    doubted = np.array([d for _, d in rows])
    wrong = 1.0 - quality

    def value(mask):
        return 2 * wrong[mask].sum() / max(mask.sum() + wrong.sum(), 1e-300)

    got = best_f1(quality, np.flatnonzero(doubted))
    assert not (got & ~doubted).any()
    every = (np.array([i >> j & 1 for j in range(len(rows))], bool) for i in range(1 << len(rows)))
    assert value(got) >= max(value(m) for m in every if not (m & ~doubted).any()) - 1e-12


def test_weights_count_as_copies_and_zero_as_absent():
    p, y, _ = draw(n=120)
    times = np.random.default_rng(3).integers(0, 4, len(y))
    rows = np.repeat(np.arange(len(y)), times)
    weighted = find_label_errors(y, pred_probs=p, sample_weight=times)
    copied = find_label_errors(y[rows], pred_probs=p[rows])
    np.testing.assert_allclose(weighted.confident_joint, copied.confident_joint)
    np.testing.assert_allclose(weighted.quality[rows], copied.quality)
    np.testing.assert_array_equal(weighted.mask[rows], copied.mask)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_threads_and_layout_change_nothing(dtype):
    p, y, _ = draw(n=30_000, k=3, dtype=dtype)
    p.flags.writeable = False
    one = find_label_errors(y, pred_probs=p, n_jobs=1)
    wide = np.repeat(p, 2, axis=1)[:, ::2]
    for other, threads in ((p, 2), (p, 3), (np.asfortranarray(p), 2), (wide, 3)):
        issues = find_label_errors(y, pred_probs=other, n_jobs=threads)
        assert issues.quality.tobytes() == one.quality.tobytes()
        assert issues.mask.tobytes() == one.mask.tobytes()
        assert issues.confident_joint.tobytes() == one.confident_joint.tobytes()


@pytest.mark.parametrize("by_class", [False, True])
def test_f1_on_digits_is_that_of_the_best_cleanlab_filter(by_class):
    cleanlab = pytest.importorskip("cleanlab.filter")
    X, truth = load_digits(return_X_y=True)
    ours, theirs = [], {}
    for seed in range(2):
        y = flipped(truth, 0.1, seed, by_class)
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        p = cross_val_predict(
            LogisticRegression(C=0.1, max_iter=60, tol=1e-2), X / 16, y, cv=folds,
            method="predict_proba",
        )  # fmt: skip
        ours.append(f1(find_label_errors(y, pred_probs=p).mask, y != truth))
        for how in (
            "prune_by_class", "prune_by_noise_rate", "both", "confident_learning",
            "predicted_neq_given", "low_normalized_margin", "low_self_confidence",
        ):  # fmt: skip
            mask = cleanlab.find_label_issues(y, p, filter_by=how, n_jobs=1)
            theirs.setdefault(how, []).append(f1(mask, y != truth))
    assert np.mean(ours) >= max(np.mean(v) for v in theirs.values())


def test_methods():
    p, y, wrong = draw(n=3000, k=5)
    found = {m: find_label_errors(y, pred_probs=p, method=m) for m in METHODS}
    assert all(f1(issues.mask, wrong) > 0.75 for issues in found.values())
    both = found["class"].mask & found["noise_rate"].mask
    np.testing.assert_array_equal(found["both"].mask, both)
    np.testing.assert_array_equal(found["disagree"].mask, p.argmax(axis=1) != y)
    joint = found["class"].confident_joint
    off = np.rint(joint - np.diag(np.diag(joint))).sum(axis=1)
    rows = np.bincount(y[found["class"].mask], minlength=5)
    assert (rows <= off + 1).all()
    with pytest.raises(ParameterError, match="method must be one of"):
        find_label_errors(y, pred_probs=p, method="best")


@pytest.mark.parametrize(
    "make",
    [
        list, np.array, lambda v: np.array(v, dtype=object), pd.Series, pl.Series,
        lambda v: pd.Series(v, index=range(5, 5 + len(v)), dtype="category"),
        lambda v: pa.chunked_array([v]), lambda v: pl.DataFrame({"y": v}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("names", [["cat", "dog", "eel"], [False, True], [3, 7, 90000]])
def test_labels_of_every_kind(make, names):
    p, y, _ = draw(n=150, k=len(names))
    plain = find_label_errors(y, pred_probs=p)
    issues = find_label_errors(make([names[c] for c in y]), pred_probs=p)
    np.testing.assert_array_equal(issues.mask, plain.mask)
    assert issues.classes.tolist() == names
    assert issues.suggested.tolist() == [names[c] for c in plain.suggested]
    frame = nw.from_native(issues.to_frame(every_row=True))
    assert frame["issue"].to_list() == plain.mask.tolist()
    assert len(issues.to_frame()) == issues.n_issues


@pytest.mark.parametrize("dtype", [np.int8, np.uint64, np.int64])
def test_whole_numbers_far_apart(dtype):
    p, y, _ = draw(n=150, k=2)
    ends = np.array([np.iinfo(dtype).min, np.iinfo(dtype).max], dtype=dtype)
    issues = find_label_errors(ends[y], pred_probs=p)
    assert issues.classes.dtype == dtype and issues.classes.tolist() == ends.tolist()
    np.testing.assert_array_equal(issues.mask, find_label_errors(y, pred_probs=p).mask)
    given = y.copy()
    issues = find_label_errors(given, pred_probs=p)
    given[:] = 0
    np.testing.assert_array_equal(issues.labels, y)  # a result is its own


def test_classes_say_which_column_is_what():
    p, y, _ = draw(k=3)
    names = np.array(["b", "a", "c"])
    plain = find_label_errors(y, pred_probs=p)
    issues = find_label_errors(names[y], pred_probs=p, classes=["b", "a", "c"])
    np.testing.assert_array_equal(issues.mask, plain.mask)
    wide = np.column_stack([p, np.zeros(len(p))])  # a class that no row has
    more = find_label_errors(names[y], pred_probs=wide, classes=["b", "a", "c", "never"])
    np.testing.assert_array_equal(more.mask, plain.mask)
    with pytest.raises(ShapeError, match="4 columns, but y holds 3 classes"):
        find_label_errors(names[y], pred_probs=wide)
    with pytest.raises(ParameterError, match=r"label 'c' \(row .*\) is not among classes"):
        find_label_errors(names[y], pred_probs=p, classes=["a", "b", "d"])
    with pytest.raises(ParameterError, match="must differ"):
        find_label_errors(names[y], pred_probs=p, classes=["a", "b", "a"])


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (np.nan, "NaN in row 7, column 1"),
        (np.inf, "infinity in row 7"),
        (-0.5, "negative .-0.5. in row 7"),
        (0.9, "row 7 of pred_probs add up to"),
    ],
)
def test_what_is_no_probability_is_refused(bad, says):
    p, y, _ = draw(n=50)
    p[7, 1] = bad
    p[20] = np.nan
    with pytest.raises(DataError, match=says):
        find_label_errors(y, pred_probs=p)


@pytest.mark.parametrize(
    ("y", "error", "says"),
    [
        ([0, 1, None], DataError, "missing in 1 of 3 rows .the first is row 2"),
        (["a", float("nan"), "b"], DataError, "the first is row 1"),
        (pd.Series(["a", pd.NA, "b"]), DataError, "the first is row 1"),
        (pl.Series([True, None, False]), DataError, "the first is row 1"),
        ([1.0, np.nan, 0.0], DataError, "the first is row 1"),
        ([], DataError, "no labels"),
        (["a", "a", "a"], DataError, "one class .'a'. alone"),
        ([[0, 1], [1, 0], [1, 1]], ShapeError, "one dimension"),
        ([0, 1], ShapeError, "a row for each label"),
    ],
)
def test_labels_that_cannot_be_used(y, error, says):
    with pytest.raises(error, match=says):
        find_label_errors(y, pred_probs=np.full((3, 2), 0.5))


def test_sources_are_one():
    p, y, _ = draw(n=20)
    for sources in ({}, {"pred_probs": p, "X": p}):
        with pytest.raises(ParameterError, match="give one of"):
            find_label_errors(y, **sources)
    with pytest.raises(ParameterError, match="needs the rows X"):
        find_label_errors(y, pred_probs=p, estimator=LogisticRegression())
    with pytest.raises(ParameterError, match="has no predict_proba"):
        find_label_errors(y, X=p, estimator=LinearSVC())
    with pytest.raises(ShapeError, match="X has 20 rows, but y has 19"):
        find_label_errors(y[:19], X=p)
    with pytest.raises(ParameterError, match="task must be"):
        find_label_errors(y, pred_probs=p, task="ranking")
    with pytest.raises(DataError, match="zero for every row"):
        find_label_errors(y, pred_probs=p, sample_weight=np.zeros(20))


def mixed(n=240, seed=0):
    """Return a frame of numbers, categories and gaps, labels, and the rows labelled wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=n) + 3.0 * truth,
            "port": np.where(rng.random(n) < 0.9, np.array(["N", "S"])[truth], "W"),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D"),
        }
    )
    frame.loc[::9, "size"] = np.nan
    frame.loc[::11, "port"] = None
    wrong = np.zeros(n, dtype=bool)
    wrong[rng.choice(n, n // 12, replace=False)] = True
    return frame, np.array(["no", "yes"])[truth ^ wrong], wrong


def test_mixed_frames_by_the_default_model():
    frame, y, wrong = mixed()
    issues = find_label_errors(y, X=frame, random_state=0, n_jobs=1)
    assert f1(issues.mask, wrong) > 0.75
    assert issues.judged.all()


def test_a_pipeline_of_the_callers_with_weights():
    X, truth = load_wine(return_X_y=True)
    y = flipped(truth, 0.1, 0)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    issues = find_label_errors(
        y, X=X, estimator=model, sample_weight=np.ones(len(y)), random_state=0
    )
    assert f1(issues.mask, y != truth) > 0.75
    again = find_label_errors(y, X=X, estimator=model, random_state=0)
    np.testing.assert_array_equal(again.quality, issues.quality)
    from sklearn.neighbors import KNeighborsClassifier

    with pytest.raises(ParameterError, match="KNeighborsClassifier takes no sample_weight"):
        find_label_errors(y, X=X, estimator=KNeighborsClassifier(), sample_weight=np.ones(len(y)))


@pytest.mark.slow
def test_fits_at_once_change_nothing():
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    for model in (None, LogisticRegression()):
        one = find_label_errors(y, X=X, estimator=model, random_state=0, n_jobs=1)
        two = find_label_errors(y, X=X, estimator=model, random_state=0, n_jobs=2)
        # scikit-learn's forests add their trees' shares in the order in which threads end.
        np.testing.assert_allclose(one.quality, two.quality, rtol=0, atol=1e-9)
        np.testing.assert_array_equal(one.mask, two.mask)


def test_texts_and_sparse_rows():
    rng = np.random.default_rng(0)
    words = [["red", "warm", "sun"], ["blue", "cold", "snow"]]
    truth = rng.integers(0, 2, 80)
    texts = [" ".join(rng.choice(words[c], 3)) + f" {i}" for i, c in enumerate(truth)]
    y = truth.copy()
    y[[4, 50]] ^= 1
    issues = find_label_errors(y, X=texts, random_state=0)
    assert set(issues.indices[:2].tolist()) == {4, 50}
    from sklearn.feature_extraction.text import CountVectorizer

    sparse = CountVectorizer().fit_transform(texts)
    issues = find_label_errors(y, X=sparse, estimator=LogisticRegression(), random_state=0)
    assert set(issues.indices[:2].tolist()) == {4, 50}


def test_copies_and_groups_stay_in_one_fold():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    X[40:] = X[:20] + 1e-7  # nearly the same
    copies = copies_of(X, 1)
    assert (copies[40:] == copies[:20]).all()
    groups = np.array([f"g{i % 23}" for i in range(60)], dtype=object)
    y = rng.integers(0, 2, 60)
    together = _joined(copies, groups)
    for train, test in _splits(X, read(y), 5, groups, copies, 0):
        assert not set(together[train]) & set(together[test])
        assert not set(groups[train]) & set(groups[test])
    # A model that remembers rows cannot confirm a wrong label by its copy.
    frame = pd.DataFrame({"a": np.repeat(rng.normal(size=30), 2)})
    assert len(np.unique(copies_of(frame, 1))) == 30
    with pytest.raises(DataError, match="copies of one another"):
        find_label_errors([0, 1] * 5, X=np.ones((10, 2)))


def test_classes_with_fewer_rows_than_folds():
    X, y = make_classification(80, 4, n_informative=3, n_redundant=0, random_state=0)
    y = y.astype(object)
    y[:3], y[3] = "few", "one"
    issues = find_label_errors(y, X=X, random_state=0, n_jobs=1)
    assert issues.judged[[0, 1, 2]].all()
    assert not issues.judged[3] and not issues.mask[3] and issues.quality[3] == 1.0
    assert "1 could not be judged" in repr(issues)
    assert np.isfinite(issues.noise_matrix).all()
    assert issues.classes.tolist() == [0, 1, "few", "one"]


def test_splitters_of_the_callers():
    X, y = load_wine(return_X_y=True)
    fit = {"X": X, "estimator": make_pipeline(StandardScaler(), LogisticRegression())}
    groups = np.arange(len(y)) % 10
    issues = find_label_errors(y, **fit, cv=GroupKFold(5), groups=groups)
    assert isinstance(issues, LabelIssues)
    with pytest.raises(ParameterError, match="one fold exactly"):
        find_label_errors(y, **fit, cv=[(np.arange(100), np.arange(100, 178))])
    with pytest.raises(ParameterError, match="at least 2"):
        find_label_errors(y, **fit, cv=1)


# --- quantities ----------------------------------------------------------------------------------


def line(n, seed, noise="normal", grows=False):
    rng = np.random.default_rng(seed)
    X = rng.uniform(0, 10, size=(n, 2))
    draw = {"normal": rng.normal, "laplace": rng.laplace}.get(noise)
    error = draw(size=n) if draw else rng.standard_t(5, size=n)
    return X, 3.0 * X[:, 0] + X[:, 1] + error * (0.1 + 0.3 * X[:, 0] if grows else 1.0)


@pytest.mark.parametrize(
    ("noise", "grows"), [("normal", False), ("normal", True), ("t", False), ("laplace", True)]
)
def test_clean_quantities_are_hardly_flagged(noise, grows):
    shares = []
    for seed in range(2):
        X, y = line(3000, seed, noise, grows)
        issues = find_label_errors(y, X=X, estimator=LinearRegression(), random_state=0)
        shares.append(issues.mask.mean())
        # The noisy half is not flagged as a whole, nor does it hide the other.
        assert issues.mask[X[:, 0] > 5].mean() < 0.02
    assert np.mean(shares) < 0.01


def test_wrong_quantities_are_found_where_noise_is_low_and_high():
    X, y = line(2000, 0, grows=True)
    rng = np.random.default_rng(1)
    wrong = np.zeros(2000, dtype=bool)
    wrong[rng.choice(2000, 60, replace=False)] = True
    y[wrong] += rng.choice([-1, 1], 60) * 12.0 * (0.1 + 0.3 * X[wrong, 0])
    issues = find_label_errors(y, X=X, estimator=LinearRegression(), random_state=0)
    assert issues.task == "regression" and issues.classes is None
    assert f1(issues.mask, wrong) > 0.9
    np.testing.assert_array_equal(issues.suggested[~issues.mask], y[~issues.mask])
    assert (issues.quality >= 0).all() and (issues.quality <= 1).all()
    assert (issues.quality[issues.mask] < 0.5).all()
    assert list(issues.to_frame().columns) == ["row", "label", "suggested", "quality", "residual"]
    assert issues.summary["issues"].tolist() == [issues.n_issues]


def test_predictions_of_a_quantity():
    y = np.arange(40.0)
    said = y.copy()
    assert find_label_errors(y, predictions=said).n_issues == 0
    said[3] += 5
    assert find_label_errors(y, predictions=said).indices.tolist() == [3]
    with pytest.raises(DataError, match="not finite in row 2"):
        find_label_errors(y, predictions=np.where(y == 2, np.nan, y))
    with pytest.raises(DataError, match="infinite in row 1"):
        find_label_errors(np.where(y == 1, np.inf, y + 0.5), predictions=y)
    with pytest.raises(ParameterError, match="not by pred_probs"):
        find_label_errors(y, pred_probs=np.ones((40, 1)), task="regression")
    weights = np.ones(40)
    weights[3] = 0
    one = find_label_errors(y, predictions=said, sample_weight=weights)
    assert one.indices.tolist() == [3]
    assert find_label_errors([1.5, 2.5], predictions=[1.0, 2.0]).n_issues == 0


def test_the_default_model_of_a_quantity_takes_frames():
    frame, _, _ = mixed()
    rng = np.random.default_rng(0)
    y = frame["size"].fillna(0.0).to_numpy() * 10 + rng.normal(size=len(frame)) * 0.5
    y[10] += 500
    issues = find_label_errors(pl.Series("y", y), X=pl.from_pandas(frame), random_state=0, n_jobs=1)
    assert issues.indices[0] == 10
    assert isinstance(issues.to_frame(), pl.DataFrame)


def test_infinities_in_rows_are_named():
    X = np.arange(40.0).reshape(20, 2)
    X[3, 1] = np.inf
    with pytest.raises(DataError, match="row 3, column 1"):
        find_label_errors([0, 1] * 10, X=X)
