"""Look into models: what they learned, what they say of a row, what more rows would bring."""

from tamis.models.inspect._shap import ShapValues, tree_shap

__all__ = ["ShapValues", "tree_shap"]
