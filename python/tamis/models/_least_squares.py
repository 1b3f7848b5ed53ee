"""Least squares where one pass over the rows is not enough: sparse, dependent, not negative."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg, optimize
from scipy.sparse.linalg import LinearOperator, lsqr

__all__ = ["least_norm", "not_negative", "sparse_fit"]

#: Up to so many columns a sparse table is solved by its Gram matrix, which is dense.
_MOST_GRAM = 1000
#: Below this share of its column a pivot has lost half of its digits.
_LEAST_PIVOT = 1e-9


def centred(
    X: np.ndarray, y: np.ndarray, weights: np.ndarray | None, intercept: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return X and y less their means and times the roots of the weights, and the means."""
    X = X.astype(np.float64)
    x_mean, y_mean = np.zeros(X.shape[1]), np.zeros(y.shape[1])
    if intercept:
        x_mean = np.average(X, axis=0, weights=weights)
        y_mean = np.average(y, axis=0, weights=weights)
    X, y = X - x_mean, y - y_mean
    if intercept:
        # What is left of a constant column is rounding.
        X[:, np.abs(X).max(axis=0) <= 4 * np.finfo(float).eps * np.abs(x_mean)] = 0.0
    if weights is not None:
        root = np.sqrt(weights)[:, None]
        X, y = X * root, y * root
    return X, y, x_mean, y_mean


def least_norm(
    X: np.ndarray, y: np.ndarray, weights: np.ndarray | None, intercept: bool, alpha: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Solve by the singular value decomposition: of all best solutions the one of least norm.

    Returns (coef, intercept, singular values, rank).
    """
    X, y, x_mean, y_mean = centred(X, y, weights, intercept)
    left, values, right = linalg.svd(X, full_matrices=False)
    keep = values > values.max(initial=0.0) * max(X.shape) * np.finfo(np.float64).eps
    shrunk = values[keep, None] / (values[keep, None] ** 2 + alpha[None, :])
    coef = (right[keep].T @ (shrunk * (left[:, keep].T @ y))).T
    return coef, y_mean - coef @ x_mean, values, int(keep.sum())


def _factor(gram: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the Cholesky factor of the scaled matrix and the scale; None if it is not sound."""
    scale = np.sqrt(np.diag(gram) + alpha)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        return None
    scaled = (gram + alpha * np.eye(len(gram))) / np.outer(scale, scale)
    try:
        factor = linalg.cholesky(scaled)
    except linalg.LinAlgError:
        return None
    return (factor, scale) if (np.diag(factor) ** 2 > _LEAST_PIVOT).all() else None


def not_negative(gram: np.ndarray, free: np.ndarray, alpha: np.ndarray, rows: Any) -> np.ndarray:
    """Return the coefficients that are not negative, by the active sets of Lawson and Hanson.

    `gram` is X'WX of the centred columns, of which the problem is all that is left once the best
    coefficients without a sign, `free`, are known. Where that matrix is not to be trusted,
    ``rows()`` gives the centred X and y, which are turned to triangles.
    """
    out = np.zeros_like(free)
    X: Any = None
    y: Any = None
    for t, coef in enumerate(free):
        a = float(alpha[min(t, len(alpha) - 1)])
        sound = _factor(gram, a) if np.isfinite(coef).all() else None
        if sound is not None:
            factor, scale = sound
            out[t] = _nnls(factor, factor @ (coef * scale)) / scale
            continue
        if X is None:
            X, y = rows()
        ridge = np.sqrt(a) * np.eye(X.shape[1] if a > 0 else 0, X.shape[1])
        both = np.column_stack([np.vstack([X, ridge]), np.append(y[:, t], np.zeros(len(ridge)))])
        triangle = linalg.qr(both, mode="r")[0][: both.shape[1]]
        out[t] = _nnls(triangle[:, :-1], triangle[:, -1])
    return out


def _signed(gram: Any, right: np.ndarray, alpha: float, sound: Any) -> np.ndarray:
    """Return the best coefficients that are not negative, by the products of columns alone."""
    if sound is not None:
        factor, scale = sound
        goal = linalg.solve_triangular(factor, right / scale, trans="T")
        return _nnls(factor, goal) / scale
    values, vectors = linalg.eigh(gram + alpha * np.eye(len(gram)))
    keep = values > values.max(initial=0.0) * len(values) * np.finfo(float).eps
    root = np.sqrt(values[keep])
    return _nnls(root[:, None] * vectors[:, keep].T, (vectors[:, keep].T @ right) / root)


def _nnls(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(optimize.nnls(a, b, maxiter=30 * max(a.shape[1], 10))[0])


def sparse_fit(
    X: Any,
    y: np.ndarray,
    weights: np.ndarray | None,
    intercept: bool,
    alpha: np.ndarray,
    tol: float,
    positive: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Solve with sparse rows, which are centred without being made dense.

    Few columns by their Gram matrix; many, or dependent ones, by LSQR, which gives the solution of
    least norm. Coefficients that must not be negative always take that matrix.
    """
    X = X.astype(np.float64)
    n, p = X.shape
    w = np.ones(n) if weights is None else weights
    x_mean, y_mean = np.zeros(p), np.zeros(y.shape[1])
    if intercept:
        x_mean, y_mean = np.asarray(X.T @ w).ravel() / w.sum(), np.average(y, axis=0, weights=w)
    y = y - y_mean
    coef = np.zeros((y.shape[1], p))
    gram = None
    if positive or p <= min(n, _MOST_GRAM):
        gram = (X.T @ X.multiply(w[:, None])).toarray() - w.sum() * np.outer(x_mean, x_mean)
        right = (X.T @ (w[:, None] * y)).T
    root = np.sqrt(w)
    centred_rows = LinearOperator(
        (n, p),
        matvec=lambda v: root * (X @ v.ravel() - x_mean @ v.ravel()),
        rmatvec=lambda v: X.T @ (root * v.ravel()) - x_mean * (root @ v.ravel()),
        dtype=np.float64,
    )
    for t in range(len(coef)):
        a = float(alpha[min(t, len(alpha) - 1)])
        sound = None if gram is None else _factor(gram, a)
        if positive:
            coef[t] = _signed(gram, right[t], a, sound)
            continue
        if sound is not None:
            coef[t] = linalg.cho_solve((sound[0], False), right[t] / sound[1]) / sound[1]
            continue
        goal = min(tol, 1e-9)
        steps = 10 * min(n, p) + 100
        coef[t] = lsqr(
            centred_rows, root * y[:, t], damp=np.sqrt(a), atol=goal, btol=goal, iter_lim=steps
        )[0]
    return coef, y_mean - coef @ x_mean
