"""Types of the kernels. One section an area; checked against the module by stubtest."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

__version__: str
DEBUG_BUILD: bool

_Progress = Callable[[int, int], object] | None
_Matrix = NDArray[np.float32] | NDArray[np.float64]

# --- run ---------------------------------------------------------------------------------------

@final
class Scope:
    def __new__(cls) -> Scope: ...
    def stop(self) -> None: ...
    @property
    def stopped(self) -> bool: ...
    def __enter__(self) -> Scope: ...
    def __exit__(self, *_exc: Any) -> None: ...

def _spin(
    seconds: float, n_jobs: int = 1, fail: bool = False, progress: _Progress = None
) -> int: ...

# --- arrays ------------------------------------------------------------------------------------

def find_infinite(
    x: _Matrix, refuse_missing: bool = False, n_jobs: int = 1
) -> tuple[int, int] | None: ...

# --- augment -----------------------------------------------------------------------------------

_Key = tuple[int, int, int]
_Shapes = Sequence[tuple[int, ...]]

def augment_draw(plan: tuple, key: _Key, n: int) -> list[list[Any]]: ...
def image_apply(
    plan: tuple,
    key: _Key,
    images: Sequence[np.ndarray],
    make: Callable[[list[tuple[int, int, int, bool, bool]]], Sequence[np.ndarray]],
    fuse: bool = False,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> None: ...
def image_masks(
    plan: tuple,
    key: _Key,
    shapes: _Shapes,
    masks: Sequence[np.ndarray],
    fuse: bool = False,
    n_jobs: int = 1,
) -> list[np.ndarray]: ...
def image_boxes(
    plan: tuple,
    key: _Key,
    shapes: _Shapes,
    boxes: Sequence[Sequence[Sequence[float]]],
    fuse: bool = False,
) -> list[list[tuple[list[float], float]]]: ...
def image_points(
    plan: tuple,
    key: _Key,
    shapes: _Shapes,
    points: Sequence[Sequence[Sequence[float]]],
    fuse: bool = False,
) -> list[list[list[float]]]: ...
def augment_series(
    plan: tuple,
    key: _Key,
    items: Sequence[np.ndarray],
    outs: Sequence[np.ndarray],
    n_jobs: int = 1,
    progress: _Progress = None,
) -> None: ...
def augment_steps(
    plan: tuple, key: _Key, steps: Sequence[int], n_jobs: int = 1
) -> list[list[int]]: ...
def audio_augment_shapes(
    plan: tuple, key: _Key, shapes: _Shapes, n_jobs: int = 1
) -> list[tuple[int, int, int]]: ...
def audio_augment(
    plan: tuple,
    key: _Key,
    shapes: _Shapes,
    clips: Sequence[np.ndarray],
    outs: Sequence[np.ndarray],
    n_jobs: int = 1,
    progress: _Progress = None,
) -> None: ...

@final
class AudioClips:
    def __new__(cls, clips: Sequence[NDArray[np.float32]]) -> AudioClips: ...
    def __len__(self) -> int: ...

def audio_frames(given: Mapping[str, Any], samples: Sequence[int]) -> list[int]: ...
def audio_features(
    given: Mapping[str, Any],
    clips: Sequence[np.ndarray],
    outs: Sequence[np.ndarray],
    n_jobs: int = 1,
    progress: _Progress = None,
) -> None: ...
def audio_spec_augment(
    plan: tuple,
    key: _Key,
    pairs: tuple[Sequence[np.ndarray], Sequence[np.ndarray]],
    n_jobs: int = 1,
    progress: _Progress = None,
) -> None: ...
def text_apply(
    plan: tuple,
    key: _Key,
    texts: Sequence[str],
    spans: Sequence[Sequence[tuple[int, int]]],
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[list[str], list[list[tuple[int, int] | None]]]: ...
def text_tokens(
    plan: tuple,
    key: _Key,
    lists: Sequence[Sequence[str]],
    n_jobs: int = 1,
    progress: _Progress = None,
) -> list[list[tuple[str, int | None]]]: ...

@final
class TextTable:
    def __new__(cls, rows: dict[str, list[str]]) -> TextTable: ...
    def __len__(self) -> int: ...

# --- dedup -------------------------------------------------------------------------------------

_Cells = np.ndarray | tuple[np.ndarray, np.ndarray] | tuple[np.ndarray, Sequence[np.ndarray]]

def equal_rows(
    n_rows: int,
    columns: Sequence[tuple[_Cells, np.ndarray | None]],
    n_jobs: int = 1,
    progress: _Progress = None,
) -> NDArray[np.int64]: ...
def rows_within(
    n_rows: int,
    columns: Sequence[tuple[_Cells, np.ndarray | None]],
    measured: Sequence[tuple[tuple[np.ndarray, float], np.ndarray | None]],
    most: int,
    n_left: int | None = None,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[
    NDArray[np.int64],
    NDArray[np.uint64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.float64],
]: ...
def clusters(
    keys: NDArray[np.uint64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    star: bool,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]: ...
def repeated_passages(
    texts: tuple[NDArray[np.int64], NDArray[np.uint8]],
    min_length: int,
    min_share: float,
    n_left: int | None = None,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[
    list[NDArray[np.int64]],
    tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]],
    tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]],
]: ...
def cut_passages(
    texts: tuple[NDArray[np.int64], NDArray[np.uint8]],
    min_length: int,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]: ...
def audio_prints(
    items: Sequence[bytes | tuple[NDArray[np.float32], int]],
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[
    tuple[
        NDArray[np.float32],
        NDArray[np.int64],
        NDArray[np.uint64],
        NDArray[np.uint64],
        NDArray[np.int64],
    ],
    list[tuple[int, str]],
]: ...
def audio_pairs(
    bands: NDArray[np.float32],
    frames: NDArray[np.int64],
    codes: NDArray[np.uint64],
    clips: NDArray[np.int64],
    keys: NDArray[np.uint64],
    sides: NDArray[np.uint8] | None,
    threshold: float,
    overlap: float,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
]: ...
def audio_decode(file: bytes) -> tuple[NDArray[np.float32], int, int]: ...
def index_sets(
    offsets: NDArray[np.int64],
    data: NDArray[np.uint8],
    missing: NDArray[np.bool_] | None,
    shingle: str,
    size: int,
    form: Sequence[str],
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.uint64]]: ...
def index_postings(
    given: tuple[np.ndarray, ...],
    threshold: float,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[np.uint64], NDArray[np.uint32]]: ...
def index_query(
    queries: tuple[np.ndarray, ...],
    given: tuple[np.ndarray, ...],
    postings: tuple[np.ndarray, ...],
    dead: NDArray[np.bool_],
    threshold: float,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]: ...
def vector_pairs(
    x: _Matrix,
    cosine: bool,
    threshold: float,
    sides: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None = None,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.uint64]]: ...

_Codes = NDArray[np.int64]
_Field = tuple[str, _Codes, NDArray[np.uint8], _Codes]

def record_levels(
    columns: Sequence[_Field],
    left: _Codes,
    right: _Codes,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> NDArray[np.uint8]: ...
def record_keys(columns: Sequence[_Field]) -> tuple[NDArray[np.uint64], list[_Codes]]: ...
def record_candidates(
    n_rows: int,
    shared: tuple[Sequence[_Codes], Sequence[Sequence[int]], int],
    near: tuple[Sequence[_Codes], int],
    sides: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None = None,
    n_jobs: int = 1,
) -> tuple[_Codes, _Codes]: ...
def text_buffers(cells: Sequence[object]) -> tuple[np.ndarray, np.ndarray]: ...
def text_duplicates(
    offsets: NDArray[np.int64],
    data: NDArray[np.uint8],
    missing: NDArray[np.bool_] | None,
    shingle: str,
    size: int,
    form: Sequence[str],
    threshold: float,
    method: str,
    seed: int,
    n_left: int | None,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[
    NDArray[np.int64],
    NDArray[np.uint64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.float64],
    int,
    float,
]: ...

_Image = bytes | tuple[NDArray[np.uint8] | NDArray[np.uint16], int]

def image_sketches(
    items: Sequence[_Image], max_pixels: int, n_jobs: int = 1, progress: _Progress = None
) -> tuple[
    NDArray[np.uint8],
    NDArray[np.int64],
    NDArray[np.uint64],
    NDArray[np.bool_],
    list[tuple[int, str]],
]: ...
def image_pairs(
    small: NDArray[np.uint8],
    distance: int,
    turned: bool,
    sides: NDArray[np.uint8] | None = None,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.int64],
    NDArray[np.int64],
]: ...
def image_preview(item: _Image, side: int, max_pixels: int) -> tuple[int, int, bytes]: ...

# --- impute ------------------------------------------------------------------------------------

def column_statistics(
    x: _Matrix, strategy: str, missing: float, n_jobs: int = 1, progress: _Progress = None
) -> NDArray[np.float64]: ...
def integer_modes(
    x: NDArray[np.int64] | NDArray[np.uint64],
    missing: int | None,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> list[int | None]: ...
def fill_missing(
    x: _Matrix,
    values: NDArray[np.float64],
    missing: float,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> None: ...
def series_sources(
    missing: NDArray[np.bool_],
    codes: NDArray[np.int64] | None,
    n_series: int,
    order: NDArray[np.int64] | None,
    after: bool,
    limit: int | None,
    nearest: bool,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> NDArray[np.int64]: ...
def series_lines(
    values: NDArray[np.float64],
    codes: NDArray[np.int64] | None,
    n_series: int,
    order: NDArray[np.int64] | None,
    days: NDArray[np.float64] | None,
    limit: int | None,
    nearest: bool,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> NDArray[np.float64]: ...
def knn_impute(
    fit: _Matrix, x: _Matrix, k: int, weights: str, n_jobs: int = 1, progress: _Progress = None
) -> NDArray[np.float64]: ...
def knn_donors(
    fit: _Matrix,
    x: _Matrix,
    k: int,
    n_jobs: int = 1,
    progress: _Progress = None,
    named: list[bool] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]: ...
def soft_fit(
    filled: NDArray[np.float64],
    missing: NDArray[np.bool_],
    shrink: float,
    rank: int,
    max_iter: int,
    tol: float,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int, bool]: ...
def soft_largest(filled: NDArray[np.float64], n_jobs: int = 1) -> float: ...
def soft_project(
    x: NDArray[np.float64],
    vectors: NDArray[np.float64],
    values: NDArray[np.float64],
    shrink: float,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> NDArray[np.float64]: ...

@final
class Chain:
    def __new__(
        cls, filled: NDArray[np.float64], missing: NDArray[np.bool_], n_jobs: int = 1
    ) -> Chain: ...
    def refresh(self, n_jobs: int = 1) -> None: ...
    def fit(
        self,
        column: int,
        others: list[int],
        *,
        alpha: tuple[float, float],
        lambda_: tuple[float, float],
        alpha_init: float | None,
        lambda_init: float,
        tol: float,
        max_iter: int,
        n_jobs: int = 1,
    ) -> tuple[
        NDArray[np.float64], float, float, float, int, NDArray[np.float64], NDArray[np.float64]
    ]: ...
    def fill(
        self,
        column: int,
        others: list[int],
        coef: NDArray[np.float64],
        intercept: float,
        limits: tuple[float, float],
    ) -> None: ...
    def set(self, column: int, values: NDArray[np.float64]) -> None: ...
    def rows(self, column: int, others: list[int]) -> NDArray[np.float64]: ...
    def change(self) -> float: ...
    def filled(self) -> NDArray[np.float64]: ...

def match_donors(
    said: NDArray[np.float64],
    wanted: NDArray[np.float64],
    k: int,
    seed: int,
    epoch: int,
    n_jobs: int = 1,
) -> NDArray[np.int64]: ...

@final
class TreeTable:
    def __new__(
        cls,
        filled: NDArray[np.float64],
        missing: NDArray[np.bool_],
        cuts: Cuts,
        categories: list[int],
        n_jobs: int = 1,
    ) -> TreeTable: ...
    def fit(
        self,
        column: int,
        others: list[int],
        *,
        trees: int,
        bootstrap: bool,
        keep: bool,
        min_leaf: int,
        max_depth: int | None,
        max_leaves: int | None,
        max_features: int,
        rate: float | None,
        seed: int,
        epoch: int,
        n_jobs: int = 1,
    ) -> tuple[Forest, float, NDArray[np.float64]]: ...
    def predict(
        self, column: int, others: list[int], forest: Forest, n_jobs: int = 1
    ) -> NDArray[np.float64]: ...
    def draw(
        self,
        column: int,
        others: list[int],
        forest: Forest,
        seed: int,
        epoch: int,
        n_jobs: int = 1,
    ) -> NDArray[np.float64]: ...
    def set(self, column: int, values: NDArray[np.float64]) -> None: ...
    def filled(self) -> NDArray[np.float64]: ...

# --- losses ------------------------------------------------------------------------------------

def loss_rows(
    loss: tuple[str, list[float], list[float]],
    y: NDArray[np.float64],
    score: NDArray[np.float64],
    what: int,
    n_jobs: int,
) -> NDArray[np.float64]: ...

# --- models ------------------------------------------------------------------------------------

def linear_fit(
    x: NDArray[Any],
    y: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
    intercept: bool,
    alpha: NDArray[np.float64],
    n_jobs: int,
) -> tuple[
    NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], bool
]: ...
def bayes_moments(
    x: NDArray[Any],
    y: NDArray[np.uint32],
    n_classes: int,
    weights: NDArray[np.float64] | None,
    n_jobs: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...
def bayes_scores(
    x: NDArray[Any],
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
    constant: NDArray[np.float64],
    n_jobs: int,
) -> NDArray[np.float64]: ...
def svm_classify(
    x: NDArray[Any] | tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], int],
    y: NDArray[np.uint32],
    n_classes: int,
    bound: NDArray[np.float64],
    kernel: tuple[str, float, float, int],
    how: tuple[float, int, bool, int],
    n_jobs: int,
) -> tuple[NDArray[np.float64], list[float], list[int], bool, list[float]]: ...
def svm_regress(
    x: NDArray[Any] | tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], int],
    y: NDArray[np.float64],
    epsilon: float,
    bound: NDArray[np.float64],
    kernel: tuple[str, float, float, int],
    how: tuple[float, int, bool, int],
    n_jobs: int,
) -> tuple[NDArray[np.float64], list[float], list[int], bool, list[float]]: ...
def svm_scores(
    kernel: tuple[str, float, float, int],
    vectors: NDArray[Any] | tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], int],
    dual: NDArray[np.float64],
    parts: list[int],
    x: NDArray[Any] | tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], int],
    n_jobs: int,
) -> NDArray[np.float64]: ...
def elastic_path(
    x: NDArray[Any] | tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], int],
    gram: NDArray[np.float64] | None,
    y: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
    alphas: NDArray[np.float64],
    l1_ratio: float,
    intercept: bool,
    positive: bool,
    max_iter: int,
    tol: float,
    seed: int | None,
    start: NDArray[np.float64] | None,
    n_jobs: int,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.uint64],
    NDArray[np.float64],
    NDArray[np.float64],
]: ...
def group_path(
    x: NDArray[Any],
    y: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
    groups: tuple[list[list[int]], list[float]],
    alphas: NDArray[np.float64],
    l1_ratio: float,
    intercept: bool,
    max_iter: int,
    tol: float,
    n_jobs: int,
) -> tuple[
    NDArray[np.float64], NDArray[np.float64], NDArray[np.uint64], NDArray[np.float64], float
]: ...
def logistic_fit(
    x: NDArray[Any] | tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], int],
    y: NDArray[np.uint32],
    n_classes: int,
    weights: NDArray[np.float64] | None,
    loss: tuple[str, list[float], list[float]],
    c: float,
    l1_ratio: float,
    intercept: bool,
    tol: float,
    max_iter: int,
    groups: tuple[list[list[int]], list[float]] | None,
    start: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    n_jobs: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], int, bool]: ...
def sgd_fit(
    x: NDArray[Any] | tuple[NDArray[np.int32], NDArray[np.int32], NDArray[Any], int],
    y: NDArray[np.float64],
    weights: NDArray[np.float64],
    sides: NDArray[np.float64],
    held: NDArray[np.bool_] | None,
    loss: tuple[str, list[float]] | Callable[..., Any],
    settings: dict[str, Any],
    seeds: Sequence[int],
    start: tuple[NDArray[np.float64], ...],
    t: float,
    n_jobs: int,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    list[int],
]: ...
def svc_linear_fit(
    x: NDArray[Any] | tuple[NDArray[np.int32], NDArray[np.int32], NDArray[Any], int],
    y: NDArray[np.float64],
    costs: NDArray[np.float64],
    sides: NDArray[np.float64],
    classes: bool,
    loss: tuple[str, float],
    l1: bool,
    joint: bool,
    bias: float,
    tol: float,
    max_iter: int,
    seed: int,
    n_jobs: int,
) -> tuple[NDArray[np.float64], int, bool]: ...

_Csr: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], int]

@final
class Perceptron:
    def __new__(
        cls,
        params: NDArray[Any],
        widths: list[int],
        activation: str,
        *,
        loss: tuple[str, list[float], list[float]],
        output: tuple[bool, float, float | None],
        solver: tuple[str, float, float, float],
        alpha: float,
        weight_decay: float,
        dropout: float,
        seed: int,
        memory: tuple[NDArray[Any], NDArray[Any], int] | None,
    ) -> Perceptron: ...
    def epoch(
        self,
        x: NDArray[Any] | _Csr,
        y: NDArray[np.float64],
        weights: NDArray[np.float64] | None,
        order: NDArray[np.int64],
        batch: int,
        rate: float,
        n_jobs: int,
        short: bool,
    ) -> float: ...
    def ahead(
        self, x: NDArray[Any] | _Csr, rows: NDArray[np.int64], n_jobs: int
    ) -> NDArray[Any]: ...
    def back(
        self,
        x: NDArray[Any] | _Csr,
        rows: NDArray[np.int64],
        slopes: NDArray[np.float64],
        total: float | None,
        rate: float,
        n_jobs: int,
    ) -> float: ...
    def place(self, params: NDArray[Any]) -> None: ...
    def look(
        self,
        x: NDArray[Any] | _Csr,
        y: NDArray[np.float64],
        weights: NDArray[np.float64] | None,
        n_jobs: int,
        short: bool,
    ) -> float: ...
    def slopes(self) -> NDArray[Any]: ...
    def params(self) -> NDArray[Any]: ...
    def memory(self) -> tuple[NDArray[Any], NDArray[Any], int]: ...

def mlp_scores(
    x: NDArray[Any] | _Csr,
    params: NDArray[Any],
    widths: list[int],
    activation: str,
    rows: NDArray[np.int64] | None,
    n_jobs: int,
    short: bool,
) -> NDArray[Any]: ...

# --- near --------------------------------------------------------------------------------------

def nearest_rows(
    data: _Matrix,
    queries: _Matrix | None,
    k: int,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[NDArray[np.float64], NDArray[np.uint32]]: ...

# --- resample ----------------------------------------------------------------------------------

def nearest_mixed_rows(
    numbers: NDArray[np.float64],
    codes: NDArray[np.uint32],
    gap: float,
    k: int,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> NDArray[np.uint32]: ...
def nominal_distances(
    queries: NDArray[np.uint32],
    rows: NDArray[np.uint32],
    tables: NDArray[np.float64],
    sizes: list[int],
    n_jobs: int = 1,
) -> NDArray[np.float64]: ...

# --- outlier -----------------------------------------------------------------------------------

@final
class IsolationTree:
    def __new__(
        cls,
        max_depth: int,
        n_features: int,
        feature: NDArray[np.uint32],
        threshold: NDArray[np.float32],
        weight: NDArray[np.float32] | None,
        center: NDArray[np.float32] | None,
        expected: NDArray[np.float32],
    ) -> IsolationTree: ...
    @property
    def max_depth(self) -> int: ...
    @property
    def n_features(self) -> int: ...
    def arrays(self) -> dict[str, Any]: ...
    def __getnewargs__(self) -> tuple[Any, ...]: ...

def isolation_samples(
    seed: int,
    first: int,
    count: int,
    n: int,
    rows: int,
    replace: bool,
    weights: NDArray[np.float64] | None,
    n_jobs: int = 1,
) -> list[NDArray[np.uint32]]: ...
def isolation_grow(
    x: _Matrix,
    n: int,
    places: NDArray[np.int64] | None,
    seed: int,
    first: int,
    count: int,
    rows: int,
    features: int,
    replace: bool,
    weights: NDArray[np.float64] | None,
    extension: int,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> list[IsolationTree]: ...
def isolation_score(
    x: _Matrix, trees: list[IsolationTree], n_jobs: int = 1, progress: _Progress = None
) -> NDArray[np.float64]: ...
def isolation_shares(
    x: _Matrix, trees: list[IsolationTree], n_jobs: int = 1, progress: _Progress = None
) -> NDArray[np.float64]: ...

@final
class Tails:
    def __new__(cls, values: list[NDArray[np.float64]], skewness: list[float]) -> Tails: ...
    def parts(self) -> tuple[list[NDArray[np.float64]], list[float]]: ...
    def __getnewargs__(self) -> tuple[list[NDArray[np.float64]], list[float]]: ...
    def score(
        self, x: _Matrix, n_jobs: int = 1, progress: _Progress = None
    ) -> NDArray[np.float64]: ...
    def shares(
        self, x: _Matrix, n_jobs: int = 1, progress: _Progress = None
    ) -> NDArray[np.float64]: ...

def tails_fit(
    x: _Matrix, n_jobs: int = 1, progress: _Progress = None
) -> tuple[Tails, NDArray[np.float64]]: ...
def histogram_fit(
    x: _Matrix, bins: int | None, n_jobs: int = 1, progress: _Progress = None
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[NDArray[np.float64]]]: ...
def histogram_score(
    x: _Matrix,
    lows: NDArray[np.float64],
    highs: NDArray[np.float64],
    rarities: list[NDArray[np.float64]],
    n_jobs: int = 1,
    progress: _Progress = None,
) -> NDArray[np.float64]: ...
def histogram_shares(
    x: _Matrix,
    lows: NDArray[np.float64],
    highs: NDArray[np.float64],
    rarities: list[NDArray[np.float64]],
    n_jobs: int = 1,
    progress: _Progress = None,
) -> NDArray[np.float64]: ...
def label_joint(
    p: _Matrix,
    y: NDArray[np.uint32],
    weights: NDArray[np.float64] | None = None,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint32]]: ...
def label_sharpness(
    p: _Matrix,
    y: NDArray[np.uint32],
    noise: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[int, float]: ...
def label_verdicts(
    p: _Matrix,
    y: NDArray[np.uint32],
    noise: NDArray[np.float64],
    power: int,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]: ...
def label_margins(
    p: _Matrix, y: NDArray[np.uint32], n_jobs: int = 1, progress: _Progress = None
) -> tuple[NDArray[np.float64], NDArray[np.uint32], NDArray[np.float64]]: ...
def univariate_bounds(
    x: _Matrix, rule: str, limit: float, n_jobs: int = 1, progress: _Progress = None
) -> NDArray[np.float64]: ...
def univariate_decide(
    x: _Matrix,
    bounds: NDArray[np.float64],
    limit: float,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> NDArray[np.float64]: ...
def univariate_shares(
    x: _Matrix, bounds: NDArray[np.float64], n_jobs: int = 1, progress: _Progress = None
) -> NDArray[np.float64]: ...

# --- trees -------------------------------------------------------------------------------------

@final
class Cuts:
    def __new__(
        cls,
        *,
        categorical: NDArray[np.bool_],
        starts: NDArray[np.int64],
        cuts: NDArray[np.float64],
    ) -> Cuts: ...
    @staticmethod
    def find(
        x: NDArray[np.float64], categories: list[int], max_bins: int = 255, n_jobs: int = 1
    ) -> Cuts: ...
    def arrays(self) -> dict[str, Any]: ...
    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]: ...

@final
class Forest:
    def __new__(
        cls,
        *,
        categorical: NDArray[np.bool_],
        starts: NDArray[np.int64],
        cuts: NDArray[np.float64],
        classes: int,
        base: float,
        averaged: bool,
        roots: NDArray[np.uint32],
        steps: NDArray[np.uint32],
        sets: NDArray[np.uint64],
        value: NDArray[np.float64],
        lists: NDArray[np.uint32],
        item: NDArray[np.float64],
        share: NDArray[np.float64],
    ) -> Forest: ...
    @property
    def n_trees(self) -> int: ...
    @property
    def n_features(self) -> int: ...
    def arrays(self) -> dict[str, Any]: ...
    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]: ...
    def predict(self, x: NDArray[np.float64], n_jobs: int = 1) -> NDArray[np.float64]: ...
    def draw(
        self, x: NDArray[np.float64], seed: int, epoch: int, n_jobs: int = 1
    ) -> NDArray[np.float64]: ...

@final
class BinnedForest:
    def __new__(
        cls,
        x: NDArray[np.float32],
        y: NDArray[np.float64],
        classes: int,
        cuts: Cuts,
        *,
        criterion: str,
        random: bool,
        max_depth: int | None,
        min_split: int,
        min_leaf: int,
        min_share: float,
        max_features: int,
        max_leaves: int | None,
        min_decrease: float,
        n_jobs: int,
    ) -> BinnedForest: ...
    def grow(
        self, weights: list[NDArray[np.float64]], seeds: list[int], n_jobs: int
    ) -> list[FlatTree]: ...

def forest_mean(
    trees: list[FlatTree], x: NDArray[np.float32], n_jobs: int
) -> NDArray[np.float64]: ...
def boost_refit(
    leaf: NDArray[np.uint32],
    gradient: NDArray[np.float64],
    hessian: NDArray[np.float64],
    pull: NDArray[np.float64],
    start: NDArray[np.float64],
) -> NDArray[np.float64]: ...
def boost_cuts(
    x: NDArray[Any],
    rows: NDArray[np.int64] | None,
    weights: NDArray[np.float64] | None,
    categories: list[int],
    max_bins: int,
    n_jobs: int,
) -> Cuts: ...

@final
class Booster:
    def __new__(
        cls,
        x: NDArray[Any],
        y: NDArray[np.float64],
        weights: NDArray[np.float64] | None,
        raw: NDArray[np.float64],
        cuts: Cuts,
        *,
        loss: str,
        quantile: float,
        width: int,
        max_leaves: int | None,
        max_depth: int | None,
        min_leaf: int,
        min_hessian: float,
        l2: float,
        max_features: float,
        monotonic: list[int],
        interactions: list[list[int]] | None,
        rate: float,
        seed: int,
        before: int,
        n_jobs: int,
    ) -> Booster: ...
    def hold(
        self,
        x: NDArray[Any],
        y: NDArray[np.float64],
        weights: NDArray[np.float64] | None,
        raw: NDArray[np.float64],
        n_jobs: int,
    ) -> None: ...
    def rounds(self, n: int, n_jobs: int, progress: Callable[[int, int], None] | None) -> None: ...
    def round_on(
        self, gradient: NDArray[np.float64], hessian: NDArray[np.float64], n_jobs: int
    ) -> None: ...
    def raw(self) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]: ...
    def losses(self, n_jobs: int) -> tuple[float, float | None]: ...
    def trees(self) -> dict[str, NDArray[Any]]: ...

@final
class Ensemble:
    def __new__(
        cls,
        width: int,
        categories: list[int],
        *,
        starts: NDArray[np.int64],
        value: NDArray[np.float64],
        count: NDArray[np.uint32],
        feature: NDArray[np.uint32],
        threshold: NDArray[np.float64],
        missing_left: NDArray[np.bool_],
        left: NDArray[np.uint32],
        right: NDArray[np.uint32],
        gain: NDArray[np.float64],
        depth: NDArray[np.uint32],
        cut: NDArray[np.uint8],
        set: NDArray[np.int32],
        sets: NDArray[np.uint64],
    ) -> Ensemble: ...
    def arrays(self) -> dict[str, NDArray[Any]]: ...
    def add(
        self,
        x: NDArray[Any],
        start: NDArray[np.float64],
        first: int,
        last: int,
        n_jobs: int,
    ) -> NDArray[np.float64]: ...

@final
class FlatTree:
    def __new__(
        cls,
        n_features: int,
        n_outputs: int,
        max_n_classes: int,
        *,
        children_left: NDArray[np.int64],
        children_right: NDArray[np.int64],
        feature: NDArray[np.int64],
        threshold: NDArray[np.float64],
        impurity: NDArray[np.float64],
        n_node_samples: NDArray[np.int64],
        weighted_n_node_samples: NDArray[np.float64],
        missing_go_to_left: NDArray[np.bool_],
        value: NDArray[np.float64],
    ) -> FlatTree: ...
    @property
    def max_depth(self) -> int: ...
    @property
    def n_leaves(self) -> int: ...
    def arrays(self) -> dict[str, NDArray[Any]]: ...
    def apply(self, x: NDArray[np.float32], n_jobs: int) -> NDArray[np.int64]: ...
    def decision_path(
        self, x: NDArray[np.float32], n_jobs: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
    def importances(self, normalize: bool) -> NDArray[np.float64]: ...
    def prune(self, alpha: float) -> FlatTree: ...
    def pruning_path(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

def tree_grow(
    x: NDArray[np.float32],
    y: NDArray[np.float64],
    counts: list[int] | None,
    weights: NDArray[np.float64] | None,
    *,
    criterion: str,
    random: bool,
    max_depth: int,
    min_split: int,
    min_leaf: int,
    min_weight: float,
    max_features: int,
    max_leaves: int | None,
    min_decrease: float,
    seed: int,
    monotonic: list[int] | None,
    presort: bool | None,
    n_jobs: int,
) -> FlatTree: ...
def tree_shap(
    x: NDArray[np.float64],
    background: NDArray[np.float64] | None,
    *,
    starts: NDArray[np.int64],
    outputs: NDArray[np.int64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    feature: NDArray[np.int64],
    threshold: NDArray[np.float64],
    missing_left: NDArray[np.bool_],
    cover: NDArray[np.float64],
    set: NDArray[np.int64],
    sets: NDArray[np.uint64],
    value: NDArray[np.float64],
    n_outputs: int,
    categories: NDArray[np.uint32],
    n_jobs: int,
    progress: Callable[[int, int], object] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
