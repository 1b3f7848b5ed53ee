"""Models: linear and logistic regression, trees."""

from tamis.models._elastic import ElasticNet, Lasso
from tamis.models._finetune import finetune
from tamis.models._linear import LinearRegression, Ridge
from tamis.models._logistic import LogisticRegression
from tamis.models._path import RegularizationPath, regularization_path
from tamis.models._neighbors import KNeighborsClassifier, KNeighborsRegressor
from tamis.models._tree import DecisionTreeClassifier, DecisionTreeRegressor

__all__ = [
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "ElasticNet",
    "Lasso",
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "LinearRegression",
    "LogisticRegression",
    "RegularizationPath",
    "Ridge",
    "finetune",
    "regularization_path",
]
