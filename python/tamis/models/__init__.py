"""Models: linear and logistic regression, trees."""

from tamis.models._finetune import finetune
from tamis.models._linear import LinearRegression, Ridge
from tamis.models._logistic import LogisticRegression
from tamis.models._tree import DecisionTreeClassifier, DecisionTreeRegressor

__all__ = [
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "LinearRegression",
    "LogisticRegression",
    "Ridge",
    "finetune",
]
