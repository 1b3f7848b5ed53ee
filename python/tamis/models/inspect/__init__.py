"""Look into models: what they learned, what they say of a row, what more rows would bring."""

from tamis.models.inspect._coefficients import Coefficients, coefficients
from tamis.models.inspect._json import export_json
from tamis.models.inspect._shap import ShapValues, tree_shap
from tamis.models.inspect._tree import export_text, plot_tree

__all__ = [
    "Coefficients",
    "ShapValues",
    "coefficients",
    "export_json",
    "export_text",
    "plot_tree",
    "tree_shap",
]
