"""Look into models: what they learned, what they say of a row, what more rows would bring."""

from tamis.models.inspect._calibration import CalibrationCurve, calibration_curve
from tamis.models.inspect._coefficients import Coefficients, coefficients
from tamis.models.inspect._dependence import PartialDependence, partial_dependence
from tamis.models.inspect._json import export_json
from tamis.models.inspect._learning import LearningCurve, learning_curve
from tamis.models.inspect._permutation import PermutationImportance, permutation_importance
from tamis.models.inspect._shap import ShapValues, tree_shap
from tamis.models.inspect._tree import export_text, plot_tree

__all__ = [
    "CalibrationCurve",
    "Coefficients",
    "LearningCurve",
    "PartialDependence",
    "PermutationImportance",
    "ShapValues",
    "calibration_curve",
    "coefficients",
    "export_json",
    "export_text",
    "learning_curve",
    "partial_dependence",
    "permutation_importance",
    "plot_tree",
    "tree_shap",
]
