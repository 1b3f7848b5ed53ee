"""Pictures: scores with the threshold, explanations, galleries of images and texts."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

from tamis.exceptions import DataError, ParameterError, ShapeError
from tamis.outlier import (
    HBOS,
    IQRDetector,
    KNNDetector,
    LocalOutlierFactor,
    MADDetector,
    plot_explanation,
    plot_gallery,
    plot_scores,
)

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def drawn(ax):
    """Draw the figure: what matplotlib would warn of fails the test."""
    ax.figure.canvas.draw()
    return ax


def table(n=300):
    X = np.random.default_rng(0).normal(size=(n, 3))
    X[7, 1] = 400.0
    return X


def test_scores_with_the_threshold():
    X = table()
    for detector in (HBOS(), KNNDetector(), LocalOutlierFactor(threshold="auto")):
        detector.fit(X)
        ax = drawn(plot_scores(detector))
        kept = detector.scores_ if hasattr(detector, "scores_") else None
        kept = detector.negative_outlier_factor_ if kept is None else kept
        count = (kept < detector.offset_).sum()
        assert f": {count} of 300 rows" in ax.get_title(loc="left")
        assert_allclose(ax.lines[0].get_xdata(), detector.offset_)
        assert sum(p.get_height() for p in ax.patches) == 300
        assert isinstance(detector, HBOS) or "at the left edge" in ax.get_xlabel()
    _, own = plt.subplots()
    assert plot_scores(MADDetector().fit(X), X, ax=own) is own
    plot_scores(IQRDetector().fit(np.ones((5, 1))), np.ones((5, 1)))


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, lambda d: pl.DataFrame(d).to_arrow()])
def test_explanation_names_rows_features_and_values(make):
    X = make(dict(zip("abc", table().T, strict=True)))
    ax = drawn(plot_explanation(KNNDetector().fit(X), X, n_rows=4, n_features=2))
    names = [t.get_text() for t in ax.get_xticklabels()]
    assert names[0] == "b" and len(names) == 2
    assert ax.get_yticklabels()[0].get_text().startswith("7 ")
    assert ax.texts[0].get_text() == "400"
    shares = ax.images[0].get_array()
    assert shares.shape == (4, 2) and shares[0, 0] > 0.9


def test_what_cannot_be_drawn():
    X = table(50)
    with pytest.raises(ParameterError, match="keeps no scores"):
        plot_scores(MADDetector().fit(X))
    with pytest.raises(ShapeError, match="50 were seen"):
        plot_explanation(KNNDetector(5).fit(X), X[:9])
    with pytest.raises(ParameterError, match="from 1 on"):
        plot_explanation(HBOS().fit(X), X, n_rows=0)
    for items, more, error in (
        (["a", "b"], {"mask": [True]}, ShapeError),
        (["a", "b"], {"scores": [1.0]}, ShapeError),
        (["a", "b"], {"captions": ["x"]}, ShapeError),
        (["a", "b"], {"mask": [False, False]}, ParameterError),
        (["a", "b"], {"n": 0}, ParameterError),
        ("ab", {}, ParameterError),
        ([np.zeros((3, 3, 7))], {}, DataError),
        ([{}], {}, DataError),
        ([b"no image"], {}, DataError),
    ):
        with pytest.raises(error):
            plot_gallery(items, **more)


def test_gallery_of_images_the_lowest_scores_first(tmp_path):
    image = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    plt.imsave(tmp_path / "a.png", image)
    items = [
        image, image[:, :, 0] / 255.0, image.astype(np.float32) - 90, np.ones((700, 900), bool),
        tmp_path / "a.png", str(tmp_path / "a.png"), (tmp_path / "a.png").read_bytes(),
    ]  # fmt: skip
    axes = plot_gallery(items, scores=np.arange(7.0)[::-1], n=6, columns=3)
    drawn(axes[0])
    assert [ax.get_title() for ax in axes] == ["6: 0", "5: 1", "4: 2", "3: 3", "2: 4", "1: 5"]
    for ax in axes[:3]:
        np.testing.assert_array_equal(np.asarray(ax.images[0].get_array())[:, :, :3], image)
    assert max(axes[3].images[0].get_array().shape) <= 320


def test_gallery_of_texts_with_captions():
    texts = pd.Series(["price $5 or $6", "", "long words " * 100, "left out"], index=list("wxyz"))
    mask = np.array([True, True, True, False])
    axes = plot_gallery(texts, mask=mask, captions=[f"given: {c}, suggested: $x$" for c in "abcd"])
    drawn(axes[0])
    assert [ax.texts[0].get_text() for ax in axes[:2]] == ["price $5 or $6", "(empty)"]
    assert axes[2].texts[0].get_text().endswith("…")
    assert axes[1].get_title() == "given: b, suggested: $x$"
    with pytest.raises(ShapeError, match="1 axes for 3"):
        plot_gallery(texts, mask=mask, axes=axes[:1])
