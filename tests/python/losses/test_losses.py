"""Losses beside finite differences, scikit-learn's and plain NumPy."""

import pickle

import numpy as np
import pytest
from sklearn._loss import loss as theirs
from sklearn.base import clone

import tamis
from tamis import losses
from tamis.exceptions import DataError, ParameterError, ShapeError

BINARY = [
    losses.CrossEntropy(),
    losses.CrossEntropy(class_weight=[1.0, 3.0], label_smoothing=0.2),
    losses.Focal(2.0),
    losses.Focal(0.5, class_weight=[0.25, 0.75]),
    losses.GeneralizedCrossEntropy(0.7),
    losses.SymmetricCrossEntropy(0.5, 2.0),
    losses.SquaredHinge(),
    losses.Hinge(),
    losses.ClassBalanced("focal", counts=[90, 10]),
]
NUMBERS = [
    losses.SquaredError(),
    losses.AbsoluteError(),
    losses.Huber(0.7),
    losses.LogCosh(),
    losses.Quantile(0.9),
]


def rows(n_classes, n=60, seed=0):
    rng = np.random.default_rng(seed)
    width = (n,) if n_classes <= 2 else (n, n_classes)
    return rng.integers(0, max(n_classes, 2), n), 3 * rng.normal(size=width)


@pytest.mark.parametrize("loss", [*BINARY, *NUMBERS], ids=repr)
def test_slopes_by_finite_differences(loss):
    y, score = rows(2)
    losses.check(loss, y if loss.classifies else 2.0 * y, score)
    if not loss.classifies:
        return
    y, score = rows(3)
    weights = [1.0, 3.0, 0.5]
    if getattr(loss, "class_weight", None) is not None:
        loss = clone(loss).set_params(class_weight=weights)
    if isinstance(loss, losses.ClassBalanced):
        loss = losses.ClassBalanced(loss.loss, counts=[90, 10, 30])
    losses.check(loss, y, score)


@pytest.mark.parametrize(
    ("ours", "other"),
    [
        (losses.CrossEntropy(), theirs.HalfBinomialLoss()),
        (losses.SquaredError(), theirs.HalfSquaredError()),
        (losses.AbsoluteError(), theirs.AbsoluteError()),
        (losses.Quantile(0.3), theirs.PinballLoss(quantile=0.3)),
        (losses.Huber(0.5), theirs.HuberLoss(delta=0.5)),
    ],
    ids=lambda v: type(v).__name__,
)
def test_scikit_learns(ours, other):
    y, score = rows(2)
    score = np.concatenate([score, [1e3, -1e3, 700.0, -40.0]])
    y = np.concatenate([y, [0, 1, 1, 1]]).astype(float)
    np.testing.assert_allclose(ours.value(y, score), other.loss(y, score), atol=1e-12)
    gradient, hessian = other.gradient_hessian(y, score)
    np.testing.assert_allclose(ours.gradient(y, score), gradient, atol=1e-12)
    if not getattr(other, "approx_hessian", False):
        np.testing.assert_allclose(ours.hessian(y, score), hessian, atol=1e-12)


def test_scikit_learns_of_many_classes():
    y, score = rows(4)
    other = theirs.HalfMultinomialLoss(n_classes=4)
    ours = losses.CrossEntropy()
    np.testing.assert_allclose(ours.value(y, score), other.loss(y.astype(float), score))
    gradient, hessian = other.gradient_hessian(y.astype(float), score)
    np.testing.assert_allclose(ours.gradient(y, score), gradient, atol=1e-12)
    np.testing.assert_allclose(ours.hessian(y, score), hessian, atol=1e-12)


def test_the_formulas_of_the_papers():
    y, score = rows(3)
    p = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    own = p[np.arange(len(y)), y]
    ce = -np.log(own)
    for loss, want in (
        (losses.Focal(1.5), (1 - own) ** 1.5 * ce),
        (losses.GeneralizedCrossEntropy(0.4), (1 - own**0.4) / 0.4),
        (losses.SymmetricCrossEntropy(0.3, 2.0, log_zero=-6.0), 0.3 * ce + 2 * 6 * (1 - own)),
        (
            losses.CrossEntropy(label_smoothing=0.3),
            -(0.7 * np.log(own) + 0.1 * np.log(p).sum(axis=1)),
        ),
        (losses.CrossEntropy(class_weight=[1, 2, 4]), np.array([1, 2, 4])[y] * ce),
    ):
        np.testing.assert_allclose(loss.value(y, score), want)
    side = np.where(np.arange(3) == y[:, None], 1, -1)
    hinge = np.maximum(0, 1 - side * score)
    np.testing.assert_allclose(losses.Hinge().value(y, score), hinge.sum(axis=1))
    np.testing.assert_allclose(losses.SquaredHinge().value(y, score), (hinge**2).sum(axis=1))
    np.testing.assert_allclose(
        losses.LogCosh().value(y, score[:, 0]), np.log(np.cosh(score[:, 0] - y))
    )


def test_limits_meet_cross_entropy():
    y, score = rows(3)
    ce = losses.CrossEntropy()
    for loss in (losses.Focal(0.0), losses.GeneralizedCrossEntropy(1e-9)):
        for part in ("value", "gradient", "hessian"):
            want = getattr(ce, part)(y, score)
            np.testing.assert_allclose(getattr(loss, part)(y, score), want, atol=1e-7)


@pytest.mark.parametrize("loss", [*BINARY, *NUMBERS], ids=repr)
def test_scores_far_out(loss):
    far = np.array([1e3, -1e3, 1e6, -1e6, 745.0, -745.0, 1e300])
    for y in (np.zeros(7), np.ones(7)):
        for part in ("value", "gradient", "hessian"):
            got = getattr(loss, part)(y, far)
            assert not np.isnan(got).any()
            assert np.isfinite(got[:6]).all()
        if loss.classifies:
            assert np.isfinite(loss.gradient(y, np.column_stack([far, -far]))).all()
    small = losses.CrossEntropy().value([0], [[50.0, 0.0]])
    np.testing.assert_allclose(small, np.exp(-50.0))


def test_class_balanced_weights():
    counts = np.array([5000, 50, 1])
    weights = losses.ClassBalanced(beta=0.99, counts=counts).class_weights()
    plain = 0.01 / (1 - 0.99**counts)
    np.testing.assert_allclose(weights, plain * 3 / plain.sum())
    near = losses.ClassBalanced(beta=1 - 1e-9, counts=counts).class_weights()
    np.testing.assert_allclose(near, (1 / counts) * 3 / (1 / counts).sum(), rtol=1e-4)
    assert losses.ClassBalanced(beta=0.0, counts=[3, 0]).class_weights().tolist() == [2.0, 0.0]
    y = np.array([0, 0, 0, 1])
    ready = losses.ClassBalanced().prepared(y)
    assert ready.counts == [3, 1]
    want = losses.CrossEntropy(class_weight=ready.class_weights())
    np.testing.assert_array_equal(ready.value(y, np.ones(4)), want.value(y, np.ones(4)))
    with pytest.raises(ParameterError, match="counts"):
        losses.ClassBalanced().value(y, np.ones(4))


def test_focal_is_recalibrated():
    truth = np.array([0.7, 0.2, 0.1])
    loss, score = losses.Focal(2.0), np.zeros(3)
    for _ in range(4000):  # the scores that are least in the mean over the classes
        score -= 0.3 * truth @ loss.gradient([0, 1, 2], np.tile(score, (3, 1)))
    softmax = losses.CrossEntropy().probabilities(score[None])[0]
    assert np.abs(softmax - truth).max() > 0.05
    np.testing.assert_allclose(loss.probabilities(score[None])[0], truth, atol=1e-4)
    far = loss.probabilities([1e4, -1e4, 0.0])
    np.testing.assert_allclose(far, [[0, 1], [1, 0], [0.5, 0.5]], atol=1e-12)


def test_names_and_objects(tmp_path):
    for name in losses.names():
        loss = losses.get(name)
        again = pickle.loads(pickle.dumps(loss))
        assert again.get_params() == clone(loss).get_params() == loss.get_params()
        back = tamis.load(tamis.save(loss, tmp_path / "loss.tamis"))
        assert type(back) is type(loss)
        assert back.get_params() == loss.get_params()
    assert losses.get("gce", q=0.3).q == 0.3
    given = losses.Focal(1.0)
    assert losses.get(given) is given
    assert losses.get(given, gamma=3.0).gamma == 3.0
    assert given.gamma == 1.0
    for bad, says in (("magic", "no loss 'magic'"), (3, "must be a name"), (losses.Focal, "name")):
        with pytest.raises(ParameterError, match=says):
            losses.get(bad)
    with pytest.raises(ParameterError, match="no parameter 'gama'"):
        losses.get("focal", gama=2)


class Wrong:
    def value(self, y, score):
        return (score - y) ** 2

    def gradient(self, y, score):
        return score - y


def test_a_loss_of_ones_own_is_checked():
    with pytest.raises(DataError, match="gradient of row 0"):
        losses.check(Wrong(), np.zeros(3), np.ones(3))
    with pytest.raises(ShapeError, match="value must have shape"):
        losses.check(Wrong(), np.zeros((3, 1)), np.ones(3))


@pytest.mark.parametrize(
    ("loss", "y", "score", "error", "says"),
    [
        (losses.CrossEntropy(), [0, 2], [1.0, 1.0], DataError, "row 1 has 2"),
        (losses.CrossEntropy(), [0, np.nan], [1.0, 1.0], DataError, "row 1"),
        (losses.CrossEntropy(), ["a"], [1.0], DataError, "encode it"),
        (losses.CrossEntropy(), [0], [1.0, 2.0], ShapeError, "2 rows"),
        (losses.CrossEntropy(class_weight=[1, 2, 3]), [0], [1.0], ShapeError, "3 values"),
        (losses.CrossEntropy(class_weight="balanced"), [0], [1.0], ParameterError, "class_weight"),
        (losses.CrossEntropy(class_weight=[1, -1]), [0], [1.0], ParameterError, "negative"),
        (losses.SquaredError(), [0], [[1.0, 2.0]], ShapeError, "one score"),
        (losses.GeneralizedCrossEntropy(0.0), [0], [1.0], ParameterError, r"q must .*\(0, 1\]"),
        (losses.Focal(-1.0), [0], [1.0], ParameterError, "gamma"),
        (losses.Huber("x"), [0], [1.0], ParameterError, "delta"),
    ],
)
def test_what_cannot_be_used_says_so(loss, y, score, error, says):
    with pytest.raises(error, match=says):
        loss.value(y, score)


def test_shapes_types_and_threads():
    y, score = rows(3, 70_000)
    loss = losses.GeneralizedCrossEntropy()
    want = loss.gradient(y, score)
    single = score.astype(np.float32)
    np.testing.assert_array_equal(loss.gradient(y, single), loss.gradient(y, single.astype(float)))
    np.testing.assert_array_equal(loss.gradient(y[::2], score[::2]), want[::2])
    score.flags.writeable = False
    np.testing.assert_array_equal(
        loss.gradient(y.tolist()[:9], np.asfortranarray(score)[:9]), want[:9]
    )
    spec, target = loss._spec(), y.astype(float)
    one, two, three = (tamis._core.loss_rows(spec, target, score, 1, n) for n in (1, 2, 3))
    assert one.tobytes() == two.tobytes() == three.tobytes()
    assert loss.value(y[:0], score[:0]).shape == (0,)
    assert losses.Hinge().hessian([1], [[0.5]]).shape == (1, 1)
