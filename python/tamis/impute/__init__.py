"""Missing values."""

from tamis.impute._auto import AutoImputer
from tamis.impute._forest import ForestImputer
from tamis.impute._iterative import IterativeImputer
from tamis.impute._knn import KNNImputer
from tamis.impute._multiple import MultipleImputer
from tamis.impute._plot_values import plot_imputed
from tamis.impute._plots import plot_missing
from tamis.impute._series import SeriesImputer
from tamis.impute._simple import SimpleImputer
from tamis.impute._soft import SoftImputer

__all__ = [
    "AutoImputer",
    "ForestImputer",
    "IterativeImputer",
    "KNNImputer",
    "MultipleImputer",
    "SeriesImputer",
    "SimpleImputer",
    "SoftImputer",
    "plot_imputed",
    "plot_missing",
]
