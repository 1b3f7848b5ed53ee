"""Missing values."""

from tamis.impute._iterative import IterativeImputer
from tamis.impute._knn import KNNImputer
from tamis.impute._multiple import MultipleImputer
from tamis.impute._series import SeriesImputer
from tamis.impute._simple import SimpleImputer

__all__ = ["IterativeImputer", "KNNImputer", "MultipleImputer", "SeriesImputer", "SimpleImputer"]
