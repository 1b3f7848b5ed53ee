"""From a plan to estimators."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder, RobustScaler, StandardScaler, TargetEncoder

from tamis._random import derive
from tamis.pipeline import Pipeline
from tamis.search._plan import Plan
from tamis.search._steps import DateParts, Flags, OnColumns, ScaledImputer
from tamis.search._table import FrameEncoder
from tamis.search._task import Task

__all__ = ["Builder"]

#: Categories rarer than this, or beyond this many, share one column.
_MIN_FREQUENCY = 5
_MAX_CATEGORIES = 40
#: The most levels that boosting takes as categories (its bins are bytes, one is for missing).
_MAX_LEVELS = 254
#: Trees and rounds of imputers that grow them, and what AutoImputer tries: a fit is to be quick.
_TREES, _ROUNDS = 40, 5
_TRIED = ("mean", "median", "knn", "iterative", "soft")


@dataclass(frozen=True)
class Builder:
    """What estimators are made from: the fitted encoder, the task, the seed, the facts.

    `smallest` is the number of rows of the smallest class (or of all rows in regression); `subset`
    are the columns by which rows are compared when duplicates are dropped.
    """

    encoder: FrameEncoder
    task: Task
    seed: int
    smallest: int
    subset: tuple[str, ...]

    @property
    def numbers(self) -> list[int]:
        """The matrix columns of numbers."""
        return list(range(len(self.encoder.numbers)))

    @property
    def times(self) -> list[int]:
        """The matrix columns of times."""
        first = len(self.encoder.numbers)
        return list(range(first, first + len(self.encoder.datetimes)))

    @property
    def categories(self) -> list[int]:
        """The matrix columns of category codes."""
        first = len(self.encoder.numbers) + len(self.encoder.datetimes)
        return list(range(first, first + len(self.encoder.categories)))

    def pipeline(self, plan: Plan) -> Pipeline:
        """Return the whole pipeline of a plan, from the raw frame to the prediction."""
        from tamis.dedup import RowDeduplicator

        first: list[tuple[str, Any]] = []
        if plan.duplicates == "drop":
            first.append(("duplicates", RowDeduplicator(subset=list(self.subset))))
        columns = ("columns", FrameEncoder(**self.encoder.get_params()))
        return Pipeline([*first, columns, *self.matrix_steps(plan)])

    def matrix_steps(self, plan: Plan) -> list[tuple[str, Any]]:
        """Return the steps that act on the encoder's matrix, the model last."""
        steps: list[tuple[str, Any]] = []
        if plan.outliers != "keep":
            steps.append(("outliers", OnColumns(_outliers(plan.outliers), self.numbers)))
        if plan.missing != "native":
            steps += self._fill(plan.missing)
        if plan.encode != "native" or self.times or plan.scale != "none":
            steps.append(("encode", self._encode(plan)))
        if plan.labels != "keep":
            steps.append(("labels", self._labels(plan)))
        if plan.classes in ("repeat", "smote"):
            steps.append(("classes", self._resampler(plan.classes)))
        return [*steps, ("model", self._model(plan))]

    def _resampler(self, choice: str) -> Any:
        from tamis import resample

        seed = derive(self.seed, "classes")
        if choice == "repeat":
            return resample.RandomOverSampler(random_state=seed)
        return resample.SMOTE(random_state=seed)

    def _labels(self, plan: Plan) -> Any:
        from tamis.labels import LabelCleaner

        task = "classification" if self.task.classifies else "regression"
        seed = derive(self.seed, "labels")
        judge = self._model(replace(plan, classes="keep"))  # probabilities as they are
        return LabelCleaner(plan.labels, judge, cv=3, task=task, random_state=seed)

    def _fill(self, choice: str) -> list[tuple[str, Any]]:
        from tamis.impute import SimpleImputer

        def simple(**how: Any) -> Any:
            return SimpleImputer(keep_empty_features=True, **how)

        plain = {"median": "median", "mode": "most_frequent", "flag": "median"}
        numbers = simple(strategy=plain[choice]) if choice in plain else self._imputer(choice)
        filled = [*self.numbers, *self.times]
        if choice != "flag":
            mode = simple(strategy="most_frequent")
            return [
                ("missing", OnColumns(numbers, filled)),
                ("missing-categories", OnColumns(mode, self.categories)),
            ]
        own = simple(strategy="constant", fill_value=-1.0)  # a code that no category has
        return [
            ("flags", Flags(filled)),
            ("missing", OnColumns(numbers, filled)),
            ("missing-categories", OnColumns(own, self.categories)),
        ]

    def _imputer(self, choice: str) -> ScaledImputer:
        """Return an imputer that fills numbers from one another."""
        from tamis import impute

        seed = derive(self.seed, "imputer")
        kept: dict[str, Any] = {"keep_empty_features": True}
        made: Any
        if choice == "knn":
            made = impute.KNNImputer(**kept)
        elif choice == "chained":
            made = impute.IterativeImputer(random_state=seed, **kept)
        elif choice == "low-rank":
            made = impute.SoftImputer(random_state=seed, **kept)
        elif choice == "chained-trees":
            made = impute.IterativeImputer("trees", max_iter=_ROUNDS, random_state=seed, **kept)
        elif choice == "forest":
            made = impute.ForestImputer(_TREES, max_iter=_ROUNDS, random_state=seed, **kept)
        else:
            made = impute.AutoImputer(_TRIED, n_repeats=3, random_state=seed, **kept)
        return ScaledImputer(made)

    def _encode(self, plan: Plan) -> ColumnTransformer:
        scaler = {"none": "passthrough", "standard": StandardScaler(), "robust": RobustScaler()}
        scale = scaler[plan.scale]
        dates: Any = DateParts()
        if plan.scale != "none":
            dates = Pipeline([("parts", DateParts()), ("scale", scaler[plan.scale])])
        return ColumnTransformer(
            [
                ("numbers", scale, self.numbers),
                ("times", dates, self.times),
                ("categories", self._categories(plan.encode), self.categories),
            ],
            remainder="passthrough",  # the flags of what was missing
        )

    def _categories(self, choice: str) -> Any:
        if choice == "native":
            return "passthrough"
        if choice == "target":
            kind = {"regression": "continuous"}.get(self.task.kind, self.task.kind)
            folds = max(2, min(5, self.smallest))
            seed = derive(self.seed, "target-encoder")
            return TargetEncoder(target_type=kind, cv=folds, random_state=seed)
        return OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            min_frequency=_MIN_FREQUENCY,
            max_categories=_MAX_CATEGORIES,
            sparse_output=False,
        )

    def _model(self, plan: Plan) -> Any:
        from tamis import models

        params = dict(plan.params)
        classifies = self.task.classifies
        seed = derive(self.seed, "model")
        if plan.classes == "weigh":
            params["class_weight"] = "balanced"
        if plan.loss != "own":
            params["loss"] = plan.loss
        if plan.family == "logistic":
            return models.LogisticRegression(max_iter=500, **params)
        if plan.family == "linear":
            return models.LinearRegression()
        if plan.family == "ridge":
            return models.Ridge(**params)
        if plan.family == "tree":
            tree = models.DecisionTreeClassifier if classifies else models.DecisionTreeRegressor
            return tree(random_state=seed, **params)
        return self._boosting(plan, params, seed)

    def _boosting(self, plan: Plan, params: dict[str, Any], seed: int) -> Any:
        from tamis.models import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        categorical = None
        if plan.encode == "native":
            # The encoder before it puts four parts of each time before the categories.
            first = len(self.numbers) + 4 * len(self.times)
            levels = [len(self.encoder.levels_[n]) for n in self.encoder.categories]
            categorical = [first + j for j, n in enumerate(levels) if n <= _MAX_LEVELS] or None
        kind = (
            HistGradientBoostingClassifier
            if self.task.classifies
            else HistGradientBoostingRegressor
        )
        return kind(
            early_stopping=False, random_state=seed, categorical_features=categorical, **params
        )


def _outliers(choice: str) -> Any:
    from tamis.outlier import IQRDetector, MADDetector, OutlierHandler

    action, rule = choice.split("-")
    far = action == "drop"  # a dropped row is lost whole: only far values cost it
    detector: Any = (
        IQRDetector(factor=3.0 if far else 1.5)
        if rule == "iqr"
        else MADDetector(threshold=7.0 if far else 3.5)
    )
    return OutlierHandler(detector, action=action)
