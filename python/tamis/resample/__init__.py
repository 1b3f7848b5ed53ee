"""Imbalanced classes: rows drawn, made, removed and mixed, as imbalanced-learn has it."""

from tamis.resample._adasyn import ADASYN
from tamis.resample._clean import (
    AllKNN,
    EditedNearestNeighbours,
    RepeatedEditedNearestNeighbours,
    TomekLinks,
)
from tamis.resample._combine import SMOTEENN, SMOTETomek
from tamis.resample._kmeans import KMeansSMOTE
from tamis.resample._mixup import MixUp
from tamis.resample._nearmiss import NearMiss
from tamis.resample._nominal import SMOTEN, SMOTENC
from tamis.resample._random import RandomOverSampler, RandomUnderSampler
from tamis.resample._smote import SMOTE, SVMSMOTE, BorderlineSMOTE
from tamis.resample._sources import SourceSplit, check_split, source_groups

__all__ = [
    "ADASYN",
    "SMOTE",
    "SMOTEENN",
    "SMOTEN",
    "SMOTENC",
    "SVMSMOTE",
    "AllKNN",
    "BorderlineSMOTE",
    "EditedNearestNeighbours",
    "KMeansSMOTE",
    "MixUp",
    "NearMiss",
    "RandomOverSampler",
    "RandomUnderSampler",
    "RepeatedEditedNearestNeighbours",
    "SMOTETomek",
    "SourceSplit",
    "TomekLinks",
    "check_split",
    "source_groups",
]
