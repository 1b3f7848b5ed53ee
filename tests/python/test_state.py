"""Saving and loading: what is saved comes back, and no file can do harm."""

import json
import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save_file
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import Lasso
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    LabelEncoder,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

import tamis
from tamis import _state
from tamis._state import _file
from tamis.exceptions import ParameterError, StateError, VersionWarning

FLOATS = st.floats(allow_nan=True, allow_infinity=True)
SCALARS = st.none() | st.booleans() | st.integers() | FLOATS | st.text() | st.binary(max_size=20)
KEYS = st.booleans() | st.integers() | st.text() | st.tuples(st.integers(), st.text())
DTYPES = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    hnp.complex_number_dtypes(endianness="?", sizes=(64, 128)),
    hnp.datetime64_dtypes(endianness="<"),
    hnp.timedelta64_dtypes(endianness="<"),
    hnp.unicode_string_dtypes(endianness="?"),
    hnp.byte_string_dtypes(),
)
ARRAYS = DTYPES.flatmap(lambda t: hnp.arrays(t, hnp.array_shapes(min_dims=0, min_side=0)))
VALUES = st.recursive(
    SCALARS | ARRAYS | st.builds(slice, st.integers() | st.none(), st.integers()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.sets(KEYS, max_size=4)
    ),
    max_leaves=12,
)


def same(a, b):
    """Return whether two values are equal in type and content, NaN equal to NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        if a.dtype == object:
            pairs = zip(a.ravel(), b.ravel(), strict=True)
            return a.shape == b.shape and all(same(u, v) for u, v in pairs)
        plain = a.dtype.newbyteorder("<")
        return a.shape == b.shape and b.dtype == plain and a.astype(plain).tobytes() == b.tobytes()
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (
            a == b and math.copysign(1, a) == math.copysign(1, b)
        )
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return a == b


@pytest.fixture
def trip(tmp_path):
    """Save and load."""

    def there_and_back(obj):
        return tamis.load(tamis.save(obj, tmp_path / "x.tamis"))

    return there_and_back


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "a": rng.normal(size=200),
            "b": pd.Categorical(rng.choice(list("xyz"), 200)),
            "c": np.where(rng.random(200) < 0.1, np.nan, rng.normal(size=200)),
        }
    )
    return X, np.where(X["a"] + (X["b"] == "x") > 0.3, "yes", "no")


# --- values ------------------------------------------------------------------------------------


@given(VALUES)
def test_values_come_back(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("s") / "x.tamis"
    assert same(value, tamis.load(tamis.save(value, path)))


@given(st.one_of(DTYPES.map(lambda t: np.zeros(2, t)[0]), ARRAYS.filter(lambda a: a.size > 0)))
def test_numpy_scalars_come_back(tmp_path_factory, value):
    value = value.reshape(-1)[0] if isinstance(value, np.ndarray) else value
    back = tamis.load(tamis.save([value], tmp_path_factory.mktemp("s") / "x.tamis"))[0]
    assert type(back) is type(value)
    assert np.asarray(back).tobytes() == np.asarray(value).astype(back.dtype).tobytes()


@pytest.mark.parametrize(
    "value",
    [
        2**63,
        pytest.param(-(1 << 20_000), id="an int too long for decimal text"),
        -0.0,
        "\ud800 alone",
        np.float64("nan"),
        np.array(["a", None, 3, 2.5, (1, "t")], dtype=object),
        np.empty((0, 3), dtype=object),
        np.array([["x"], ["long text"]]),
        np.array(["2020-01-01", "NaT"], dtype="M8[ns]"),
        np.zeros((0, 8), np.uint32),
        np.array(3.5),
        np.dtype("f4"),
        np.float32,
        int,
        frozenset({1, 2}),
        {None: 1, (1, 2): [3]},
    ],
)
def test_single_values(trip, value):
    back = trip(value)
    assert same(value, back) or back is value


def test_structured_arrays(trip):
    a = np.array([(1, 2.5), (3, np.nan)], dtype=[("left", "u4"), ("value", "f8")])
    back = trip(a)
    assert back.dtype == a.dtype
    assert back.tobytes() == a.tobytes()


def test_layout_and_writability(trip):
    by_columns = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    strided = np.arange(10.0)[::3]
    frozen = np.arange(3)
    frozen.flags.writeable = False
    back = trip([by_columns, strided, frozen])
    assert back[0].flags.f_contiguous
    assert not back[0].flags.c_contiguous
    assert np.array_equal(back[0], by_columns)
    assert np.array_equal(back[1], strided)
    assert all(a.flags.writeable for a in back)
    assert not frozen.flags.writeable


def test_what_is_shared_stays_shared_and_is_stored_once(tmp_path):
    a = np.arange(100_000.0)
    inner = [1]
    path = tamis.save({"first": a, "again": [a], "x": inner, "y": inner}, tmp_path / "x.tamis")
    assert path.stat().st_size < 1.1 * a.nbytes
    back = tamis.load(path)
    assert back["first"] is back["again"][0]
    assert back["x"] is back["y"]


def test_random_states_go_on_where_they_were(trip):
    old, new = np.random.RandomState(3), np.random.default_rng(3)
    old.normal(size=5)  # leaves half a pair behind
    new.integers(5, size=3, dtype=np.int32)
    old2, new2 = trip([old, new])
    assert np.array_equal(old.normal(size=9), old2.normal(size=9))
    assert np.array_equal(new.integers(9, size=9), new2.integers(9, size=9))


def test_pandas_values(trip):
    dtypes = ["Int64", "boolean", "str", "string", "Float32", "datetime64[ns, Europe/Paris]"]
    values = [pd.api.types.pandas_dtype(d) for d in dtypes]
    values += [pd.CategoricalDtype(["b", "a"], ordered=True), pd.CategoricalDtype()]
    for value, back in zip(values, trip(values), strict=True):
        assert back == value
    index = pd.Index(["u", "v"], name="n")
    assert trip(index).equals(index)
    assert trip(index).name == "n"


def test_a_cycle_is_refused(tmp_path):
    loop = [1]
    loop.append({"again": loop})
    with pytest.raises(StateError, match="contains itself"):
        tamis.save(loop, tmp_path / "x.tamis")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"f": [np.log]}, r"\['f'\]\[0\] is .*log.*never code"),
        (FunctionTransformer(np.log), "function"),
        (OneHotEncoder(feature_name_combiner=lambda a, b: a), "feature_name_combiner is .*lambda"),
        (Lasso(), "Lasso, which is not among the types"),
        (threading.Lock(), "lock"),
        (np.zeros(2, np.longdouble), "cannot be saved"),
        (np.random.Generator(np.random.Philox(1)), "Philox"),
        (pd.DataFrame({"a": [1]}), "DataFrame"),
    ],
)
def test_what_cannot_be_saved_is_named(tmp_path, value, says):
    with pytest.raises(StateError, match=says):
        tamis.save(value, tmp_path / "x.tamis")
    assert list(tmp_path.iterdir()) == []


def test_too_deep(tmp_path):
    deep = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(StateError, match="deep"):
        tamis.save(deep, tmp_path / "x.tamis")


# --- estimators --------------------------------------------------------------------------------


def classifiers():
    boost = HistGradientBoostingClassifier(max_iter=8, random_state=0)
    mixed = ColumnTransformer(
        [
            ("one", OneHotEncoder(min_frequency=5, handle_unknown="infrequent_if_exist"), ["b"]),
            ("two", OrdinalEncoder(), ["b"]),
            ("mean", TargetEncoder(cv=2), ["b"]),
            ("both", FeatureUnion([("s", StandardScaler()), ("r", RobustScaler())]), ["a"]),
            ("left", "passthrough", ["c"]),
        ],
        remainder="drop",
    )
    return [
        clone(boost).set_params(categorical_features="from_dtype"),
        clone(boost).set_params(
            categorical_features=["b"], early_stopping=True, scoring="accuracy"
        ),
        Pipeline([("mixed", mixed), ("boost", boost)]),
        Pipeline([("mixed", mixed), ("c", CalibratedClassifierCV(boost, cv=2))]),
        Pipeline([("mixed", mixed), ("c", CalibratedClassifierCV(boost, cv=2, method="isotonic"))]),
        DummyClassifier(),
    ]


@pytest.mark.filterwarnings("ignore:.*shuffle.*:FutureWarning")
@pytest.mark.parametrize("est", classifiers(), ids=lambda e: type(e).__name__)
def test_classifiers_answer_the_same(trip, table, est):
    X, y = table
    back = trip(est.fit(X, y))
    new = X.iloc[::-1].assign(b=pd.Categorical(["x", "new"] * 100), a=np.nan).head(50)
    for rows in (X,) if isinstance(est, Pipeline) else (X, new):
        assert np.array_equal(back.predict_proba(rows), est.predict_proba(rows))
        assert np.array_equal(back.predict(rows), est.predict(rows))
    if not isinstance(est, Pipeline):  # its target encoder shuffles
        assert np.array_equal(clone(back).fit(X, y).predict_proba(X), est.predict_proba(X))


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "quantile", "poisson"])
def test_regressors_answer_the_same(trip, table, loss):
    X, _ = table
    y = np.abs(X["a"].to_numpy()) + 0.1
    est = HistGradientBoostingRegressor(loss=loss, quantile=0.3, max_iter=8, max_depth=3)
    est.fit(X[["a", "c"]], y)
    back = trip(est)
    assert np.array_equal(back.predict(X[["a", "c"]]), est.predict(X[["a", "c"]]))
    assert back._loss.constant_hessian == est._loss.constant_hessian


def test_boosting_of_many_classes_goes_on_after_loading(trip, table):
    X, _ = table
    y = np.digitize(X["a"], [-0.5, 0.5])
    est = HistGradientBoostingClassifier(max_iter=4, warm_start=True, random_state=0)
    back = trip(est.fit(X[["a", "c"]], y))
    for e in (est, back):
        e.set_params(max_iter=7).fit(X[["a", "c"]], y)
    assert np.array_equal(back.predict_proba(X[["a", "c"]]), est.predict_proba(X[["a", "c"]]))


def test_small_estimators(trip, table):
    X, y = table
    assert list(trip(LabelEncoder().fit(y)).transform(["no"])) == [0]
    assert trip(DummyRegressor().fit(X[["a"]], X["a"])).predict(X[["a"]])[0] == X["a"].mean()
    scaler = StandardScaler().set_output(transform="pandas").fit(X[["a", "c"]])
    back = trip(scaler)
    pd.testing.assert_frame_equal(back.transform(X[["a", "c"]]), scaler.transform(X[["a", "c"]]))
    assert trip(StandardScaler(with_mean=False)).with_mean is False


def test_a_parameter_that_the_file_lacks_has_its_default(tmp_path):
    path = tamis.save(StandardScaler(), tmp_path / "x.tamis")
    forge(path, lambda m, _: m["objects"][0]["state"].pop("with_std"))
    assert tamis.load(path).with_std is True


def test_another_scikit_learn_is_a_warning_naming_both(tmp_path):
    path = tamis.save([StandardScaler()], tmp_path / "x.tamis")
    forge(path, lambda m, _: m.update({"scikit-learn": "1.2.3"}))
    with pytest.warns(VersionWarning, match=r"1\.2\.3.*StandardScaler"):
        tamis.load(path)
    path = tamis.save([1], path)
    forge(path, lambda m, _: m.update({"scikit-learn": "1.2.3"}))
    tamis.load(path)  # nothing of it inside: nothing to warn of


# --- the file ----------------------------------------------------------------------------------


def test_it_is_a_plain_safetensors_file(tmp_path):
    path = tamis.save({"x": np.arange(3)}, tmp_path / "x.tamis")
    with safetensors.safe_open(path, framework="numpy") as file:
        head = file.metadata()
        assert np.array_equal(file.get_tensor("a0"), np.arange(3))
    assert json.loads(head["manifest"])["tamis"] == tamis.__version__


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tamis.save([1], tmp_path / "x.tamis")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ParameterError, match="No space left"):
        tamis.save([2], path)
    assert tamis.load(path) == [1]
    assert [p.name for p in tmp_path.iterdir()] == ["x.tamis"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link.tamis").symlink_to("real.tamis")
    tamis.save([1], tmp_path / "link.tamis")
    assert (tmp_path / "link.tamis").is_symlink()
    assert tamis.load(tmp_path / "real.tamis") == [1]


def test_paths_that_cannot_be(tmp_path):
    with pytest.raises(ParameterError, match="no folder"):
        tamis.save(1, tmp_path / "no" / "x.tamis")
    with pytest.raises(ParameterError, match="is a folder"):
        tamis.save(1, tmp_path)
    with pytest.raises(ParameterError, match="does not exist"):
        tamis.load(tmp_path / "no.tamis")
    with pytest.raises(ParameterError, match="is a folder"):
        tamis.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04.", b"a,b\n1,2\n", b"\xff" * 64, b"{}" * 50])
def test_files_of_other_kinds(tmp_path, content):
    path = tmp_path / "x.tamis"
    path.write_bytes(content)
    with pytest.raises(StateError, match="not a file that tamis"):
        tamis.load(path)


def test_safetensors_files_of_others(tmp_path):
    save_file({"w": np.zeros(2)}, tmp_path / "x.tamis")
    with pytest.raises(StateError, match="not one that tamis"):
        tamis.load(tmp_path / "x.tamis")


def test_a_newer_format_says_upgrade(tmp_path, monkeypatch):
    monkeypatch.setattr(_file, "FORMAT", 2)
    path = tamis.save([1], tmp_path / "x.tamis")
    monkeypatch.undo()
    with pytest.raises(StateError, match=r"format 2.*upgrade tamis"):
        tamis.load(path)


def test_every_cut_and_every_flipped_byte_is_noticed(tmp_path):
    value = {"x": np.arange(6.0), "s": StandardScaler().fit([[1.0], [2.0]])}
    path = tamis.save(value, tmp_path / "x.tamis")
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for cut in rng.integers(len(whole), size=60):
        path.write_bytes(whole[:cut])
        with pytest.raises(StateError):
            tamis.load(path)
    for at in rng.integers(len(whole), size=400):
        bad = bytearray(whole)
        bad[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(bad))
        try:
            back = tamis.load(path)
        except StateError:
            continue
        assert np.array_equal(back["x"], value["x"]), "only padding may change unnoticed"


# --- hostile files: everything below carries a right checksum ------------------------------------


def forge(path, change):
    """Change manifest and arrays of a file and sign it anew."""
    head, arrays = _file._open(path)
    manifest = json.loads(head["manifest"])
    arrays = {k: a.copy() for k, a in arrays.items()}
    change(manifest, arrays)
    _file.write_file(path, manifest, arrays)


def refuse(path, manifest, says):
    _file.write_file(path, manifest, {})
    with pytest.raises(StateError, match=says):
        tamis.load(path)


@pytest.mark.parametrize(
    ("objects", "says"),
    [
        ([{"kind": "list", "items": [{"ref": 0}]}], "not there"),
        ([{"kind": "list", "items": [{"ref": -1}]}], "not there"),
        ([{"kind": "list", "items": [{"ref": True}]}], "not there"),
        ([{"kind": "exec", "items": []}], "unknown kind"),
        ([{"kind": ["list"], "items": []}], "unknown kind"),
        ([["list"]], "expected"),
        ([{"kind": "list", "items": {}}], "expected"),
        ([{"kind": "list", "items": [{"type": "os.system"}]}], "unknown kind"),
        ([{"kind": "list", "items": [{"type": ["x"]}]}], "unknown kind"),
        ([{"kind": "list", "items": [{"int": 3}]}], "expected"),
        ([{"kind": "list", "items": [{"scalar": ["|b1", "02"]}]}], "boolean"),
        ([{"kind": "list", "items": [{"scalar": ["<f8", "00"]}]}], "number"),
        ([{"kind": "list", "items": [{"scalar": ["|O", "00" * 8]}]}], "number"),
        ([{"kind": "list", "items": [{"scalar": ["<U1", "ffffffff"]}]}], "fit"),
        ([{"kind": "list", "items": [{"dtype": "f8,O"}]}], "dtype"),
        ([{"kind": "list", "items": [{"dtype": [["a", "|O"]]}]}], "dtype"),
        ([{"kind": "array", "array": "a0", "dtype": "<f8", "order": "C"}], "not there"),
        ([{"kind": "objects", "shape": [10**12], "items": [1]}], "fit"),
        ([{"kind": "objects", "shape": ["1"], "items": [1]}], "expected"),
        ([{"kind": "dict", "keys": [1, 1], "values": [1, 2]}], "twice"),
        ([{"kind": "dict", "keys": [1], "values": []}], "fit"),
        ([{"kind": "random", "name": "RandomState", "state": 1}], "random"),
        ([{"kind": "pandas", "name": "eval", "state": "1"}], "pandas"),
        ([{"kind": "estimator", "class": "os.system", "state": {}}], "not among the classes"),
        ([{"kind": "estimator", "class": "tamis.cli.main", "state": {}}], "not among the classes"),
        (
            [{"kind": "estimator", "class": "sklearn.preprocessing.FunctionTransformer",
              "state": {"func": {"type": "int"}}}],
            "function",
        ),
        (
            [{"kind": "estimator", "class": "sklearn.preprocessing.StandardScaler",
              "state": {"__class__": 1}}],
            "no attribute",
        ),
        (
            [{"kind": "estimator", "class": "sklearn.preprocessing.StandardScaler",
              "state": {"transform": 1}}],
            "no attribute",
        ),
        (
            [{"kind": "estimator", "class": "sklearn.pipeline.Pipeline", "state": {}}],
            "lacks its parameter steps",
        ),
        (
            [{"kind": "estimator", "class": "sklearn.pipeline.Pipeline", "state": {"steps": 3}}],
            "steps is malformed",
        ),
    ],
)  # fmt: skip
def test_hostile_manifests(tmp_path, objects, says):
    refuse(tmp_path / "x.tamis", {"objects": objects, "root": {"ref": 0}}, says)


def test_hostile_manifests_as_a_whole(tmp_path):
    path = tmp_path / "x.tamis"
    refuse(path, [], "manifest")
    refuse(path, {}, "expected")
    refuse(path, {"objects": [], "root": {"ref": 0}}, "not there")
    text = "[" * 200_000
    head = {"format": "1", "manifest": text, "sha256": _file._digest(1, text, {})}
    save_file({}, path, metadata=head)
    with pytest.raises(StateError, match="manifest"):
        tamis.load(path)


def test_values_that_unfold_without_end(tmp_path):
    deep = [{"kind": "list", "items": []}]
    deep += [{"kind": "tuple", "items": [{"ref": i}]} for i in range(5000)]
    refuse(tmp_path / "x.tamis", {"objects": deep, "root": {"ref": 5000}}, "deep")
    wide = [{"kind": "tuple", "items": [1]}]
    wide += [{"kind": "tuple", "items": [{"ref": i}, {"ref": i}]} for i in range(60)]
    refuse(tmp_path / "x.tamis", {"objects": wide, "root": {"ref": 60}}, "deep")


def test_arrays_that_lie(tmp_path):
    path = tamis.save([np.array(["ab"]), np.array([True])], tmp_path / "x.tamis")
    whole = path.read_bytes()
    for change in (
        lambda m, a: a["a0"].fill(0x110000),
        lambda m, a: a.update(a1=np.array([2], np.uint8)),
        lambda m, a: a.update(a0=np.zeros(3, np.uint32)),
        lambda m, a: a.update(a2=np.zeros(2)),
        lambda m, a: m["objects"][0].update(dtype="<U999999999"),
        lambda m, a: m["objects"][0].update(dtype="|O"),
        lambda m, a: m["objects"][1].update(array="a0"),
    ):
        path.write_bytes(whole)
        forge(path, change)
        with pytest.raises(StateError):
            tamis.load(path)


def test_a_random_state_that_would_read_beyond_its_key(tmp_path):
    path = tamis.save(np.random.RandomState(0), tmp_path / "x.tamis")

    def change(m, _):
        for entry in m["objects"]:
            if entry["kind"] == "dict" and "pos" in entry["keys"]:
                entry["values"][entry["keys"].index("pos")] = 10**6

    forge(path, change)
    with pytest.raises(StateError, match="random state"):
        tamis.load(path)


TREE = {
    "a child beyond": lambda n: n["left"].__setitem__(0, len(n)),
    "a child before": lambda n: n["right"].__setitem__(np.flatnonzero(n["is_leaf"] == 0)[-1], 0),
    "a shared child": lambda n: n["left"].__setitem__(0, n["right"][0]),
    "a column beyond": lambda n: n["feature_idx"].__setitem__(0, 10**6),
    "a column before": lambda n: n["feature_idx"].__setitem__(0, -1),
    "a set beyond": lambda n: (
        n["is_categorical"].fill(1),
        n["bitset_idx"].fill(10**6),
        n["feature_idx"].fill(0),
    ),
    "a number as category": lambda n: (n["is_categorical"].fill(1), n["feature_idx"].fill(1)),
    "a flag of 2": lambda n: n["is_leaf"].__setitem__(0, 2),
}


@pytest.fixture(scope="module")
def boosted(tmp_path_factory, table):
    """A saved boosting model with categories, and its bytes."""
    X, y = table
    est = HistGradientBoostingClassifier(max_iter=3, categorical_features=["b"], random_state=0)
    path = tmp_path_factory.mktemp("b") / "x.tamis"
    tamis.save(est.fit(X, y), path)
    return path, path.read_bytes()


@pytest.mark.parametrize("attack", TREE.values(), ids=TREE)
def test_trees_that_lead_astray(boosted, attack):
    path, whole = boosted
    path.write_bytes(whole)

    def change(m, arrays):
        for entry in m["objects"]:
            if entry["kind"] == "array" and isinstance(entry["dtype"], list):
                dtype = np.dtype([tuple(f) for f in entry["dtype"]])
                attack(arrays[entry["array"]].reshape(-1).view(dtype))

    forge(path, change)
    with pytest.raises(StateError):
        tamis.load(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_features_in_", 2),
        ("n_features_in_", 10**9),
        ("n_features_in_", "3"),
        ("_in_fit", True),
        ("_preprocessor", None),
        ("n_trees_per_iteration_", 3),
        ("n_trees_per_iteration_", 10**9),
        ("_predictors", None),
        ("_bin_mapper", None),
        ("is_categorical_", None),
        ("_label_encoder", None),
    ],
)
def test_boosting_whose_parts_do_not_fit(boosted, key, value):
    path, whole = boosted
    path.write_bytes(whole)

    def change(m, _):
        for entry in m["objects"]:
            if entry["kind"] == "dict" and "_bin_mapper" in entry["keys"]:
                held = dict(zip(entry["keys"], entry["values"], strict=True)) | {key: value}
                entry["keys"], entry["values"] = list(held), list(held.values())

    forge(path, change)
    with pytest.raises(StateError):
        tamis.load(path)


FUZZ = """
import sys, json, random, warnings
import numpy as np, pandas as pd
sys.path.insert(0, {tests!r})
from test_state import forge
import tamis
from tamis.exceptions import StateError

warnings.simplefilter("ignore")
path, rounds = {path!r}, {rounds}
whole = open(path, "rb").read()
category = pd.Categorical(["x", "q", None])
X = pd.DataFrame({{"a": [0.1, np.nan, 9e9], "b": category, "c": [1.0, 2, 3]}})
random.seed({seed})
loaded = 0

def mutate(node):
    inner = node[random.choice(list(node))] if isinstance(node, dict) else random.choice(node)
    if isinstance(inner, (dict, list)) and inner and random.random() < 0.9:
        return mutate(inner)
    place = random.choice(list(node)) if isinstance(node, dict) else random.randrange(len(node))
    ref = {{"ref": random.randrange(99)}}
    node[place] = random.choice([None, -1, 0, 1, 255, 2**31, 1e300, "x", [], {{}}, ref])

def change(m, arrays):
    for _ in range(random.randint(0, 2)):
        mutate(m["objects"])
    for _ in range(random.randint(0, 3)):
        flat = arrays[random.choice(list(arrays))].reshape(-1).view(np.uint8)
        if len(flat):
            flat[random.randrange(len(flat))] = random.randrange(256)

for _ in range(rounds):
    open(path, "wb").write(whole)
    forge(path, change)
    try:
        est = tamis.load(path)
    except StateError:
        continue
    loaded += 1
    try:
        est.predict_proba(X)
        est.predict(X)
    except Exception:
        pass
print(loaded)
"""


@pytest.mark.parametrize("rounds", [150, pytest.param(1500, marks=pytest.mark.slow)])
def test_forged_models_never_crash(boosted, tmp_path, rounds):
    target = tmp_path / "x.tamis"
    target.write_bytes(boosted[1])
    code = FUZZ.format(
        tests=str(Path(__file__).parent), path=str(target), rounds=rounds, seed=rounds
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > rounds // 50, "some must load, or prediction was never tried"


def test_only_classes_of_tamis_can_be_registered():
    with pytest.raises(ValueError, match="only classes of tamis"):
        _state.register(Lasso)


@settings(max_examples=20)
@given(st.binary(max_size=300))
def test_any_bytes(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("s") / "x.tamis"
    path.write_bytes(content)
    with pytest.raises(StateError):
        tamis.load(path)
