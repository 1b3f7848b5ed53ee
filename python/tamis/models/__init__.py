"""Models: linear and logistic regression, trees, forests, boosting; looking into them."""

from tamis.models import _svm_saved as _svm_saved  # puts them on the list of what is saved
from tamis.models._bayes import GaussianNB
from tamis.models._bayes_counts import BernoulliNB, ComplementNB, MultinomialNB
from tamis.models._boost import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from tamis.models._calibrated import CalibratedClassifierCV, CalibrationReport
from tamis.models._elastic import ElasticNet, Lasso
from tamis.models._finetune import finetune
from tamis.models._forest import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from tamis.models._group import GroupLasso
from tamis.models._huber import HuberRegressor
from tamis.models._linear import LinearRegression, Ridge
from tamis.models._linear_svc import LinearSVC, LinearSVR
from tamis.models._logistic import LogisticRegression
from tamis.models._mlp import MLPClassifier
from tamis.models._mlp_numbers import MLPRegressor
from tamis.models._neighbors import KNeighborsClassifier, KNeighborsRegressor
from tamis.models._path import RegularizationPath, regularization_path
from tamis.models._quantile import QuantileRegressor
from tamis.models._sgd import SGDClassifier
from tamis.models._sgd_regressor import SGDRegressor
from tamis.models._svm import SVC, SVR
from tamis.models._tree import DecisionTreeClassifier, DecisionTreeRegressor
from tamis.models.inspect import (
    calibration_curve,
    coefficients,
    export_json,
    export_text,
    learning_curve,
    partial_dependence,
    permutation_importance,
    plot_tree,
    tree_shap,
)

__all__ = [
    "SVC",
    "SVR",
    "BernoulliNB",
    "CalibratedClassifierCV",
    "CalibrationReport",
    "ComplementNB",
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "ElasticNet",
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "GaussianNB",
    "GroupLasso",
    "HistGradientBoostingClassifier",
    "HistGradientBoostingRegressor",
    "HuberRegressor",
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "Lasso",
    "LinearRegression",
    "LinearSVC",
    "LinearSVR",
    "LogisticRegression",
    "MLPClassifier",
    "MLPRegressor",
    "MultinomialNB",
    "QuantileRegressor",
    "RandomForestClassifier",
    "RandomForestRegressor",
    "RegularizationPath",
    "Ridge",
    "SGDClassifier",
    "SGDRegressor",
    "calibration_curve",
    "coefficients",
    "export_json",
    "export_text",
    "finetune",
    "learning_curve",
    "partial_dependence",
    "permutation_importance",
    "plot_tree",
    "regularization_path",
    "tree_shap",
]
