"""Saving and loading: one safetensors file, a closed list of types, no code run on loading."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tamis._state._classes import register
from tamis._state._decode import decode
from tamis._state._encode import encode
from tamis._state._file import read_file, write_file

__all__ = ["load", "register", "save"]


def save(obj: Any, path: str | os.PathLike[str]) -> Path:
    """Save a fitted model, or any value made of the types listed below, to one file.

    The file is a safetensors file: the arrays as they are, and in its metadata a JSON manifest
    with the versions, the object graph and a checksum. It is written beside `path` and then
    renamed, so that `path` holds the whole of the old file or the whole of the new one.

    Parameters
    ----------
    obj : object
        An estimator of tamis, one of scikit-learn's that `tamis.tune` uses (Pipeline,
        ColumnTransformer, FeatureUnion, the encoders and scalers, histogram boosting,
        CalibratedClassifierCV and the dummies), NumPy arrays, scalars and random states, or
        None, bool, int, float, str, bytes, list, tuple, dict, set, slice of such. What is shared
        stays shared.
    path : str or path-like
        Where to; by convention ``*.tamis``. A file that is there is replaced.

    Returns
    -------
    Path
        Where it was written.

    Raises
    ------
    StateError
        If `obj` holds something that is not on the list (a function, say) or contains itself;
        the message says where in `obj` it is.
    ParameterError
        If the folder does not exist or cannot be written to.

    See Also
    --------
    load : The way back.

    Examples
    --------
    >>> import tempfile, tamis
    >>> from pathlib import Path
    >>> from sklearn.preprocessing import StandardScaler
    >>> scaler = StandardScaler().fit([[1.0], [3.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = tamis.save(scaler, Path(folder) / "scaler.tamis")
    ...     tamis.load(path).transform([[5.0]])
    array([[3.]])
    """
    manifest, arrays = encode(obj)
    return write_file(Path(path), manifest, arrays)


def load(path: str | os.PathLike[str]) -> Any:
    """Load what `save` wrote. No code of the file is run, whatever the file holds.

    Only types of a closed list are made, from values that were checked: a damaged or hostile file
    is an error, never a crash and never another behaviour than its class has. (A model that
    somebody made to answer wrongly is still a valid model: load files of those you trust to train.)

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    object
        What was saved.

    Raises
    ------
    StateError
        If the file is damaged, is not tamis', is of a newer version, or holds what is not on the
        list.
    ParameterError
        If there is no such file.

    Warns
    -----
    VersionWarning
        If estimators of scikit-learn were saved under another version of it.
    """
    path = Path(path)
    manifest, arrays = read_file(path)
    return decode(manifest, arrays, path)
