"""The gate to the kernels: float64, C-contiguous arrays of a stated shape, and checked options."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cimkit.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
TextArray = NDArray[np.object_]

E = TypeVar("E", bound=Enum)


def as_floats(values: ArrayLike, *, name: str, ndim: int = 1, width: int | None = None) -> FloatArray:
    """Return finite float64 values, C-contiguous, of ``ndim`` dimensions and last axis ``width``.

    Raises
    ------
    InputError
        If the shape differs, or a value is not a finite number.
    """
    try:
        array = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: values must be numbers; got {type(values).__name__} ({error}).") from error
    if array.size == 0 and array.ndim <= ndim:
        array = array.reshape((0,) * (ndim - 1) + ((width,) if width else (0,)))
    wanted = f"(n, {width})" if width else f"{ndim} dimension(s)"
    if array.ndim != ndim or (width and array.shape[-1] != width):
        raise InputError(f"{name}: shape must be {wanted}; got {array.shape}.")
    finite = np.isfinite(array)
    if not finite.all():
        row = int(np.argwhere(~finite)[0][0])
        raise InputError(f"{name}, row {row}: values must be finite; got {array[row]}. Remove nan and infinities.")
    return array


def as_points(values: ArrayLike, *, name: str = "points") -> FloatArray:
    """Return points, float64 of shape (n, 3) [m]."""
    return as_floats(values, name=name, ndim=2, width=3)


def as_directions(values: ArrayLike, *, name: str = "directions") -> FloatArray:
    """Return unit vectors, float64 of shape (n, 3); zero vectors are refused."""
    vectors = as_floats(values, name=name, ndim=2, width=3)
    length = np.linalg.norm(vectors, axis=1)
    if len(length) and length.min() == 0.0:
        raise InputError(f"{name}, row {int(length.argmin())}: length must be > 0; got 0.0.")
    unit: FloatArray = vectors / length[:, None] if len(vectors) else vectors
    return unit


def one_of(value: Any, allowed: Collection[str], *, name: str) -> str:
    """Return ``value`` if it is among ``allowed``, else raise InputError with the list.

    Examples
    --------
    >>> one_of("sum", ("sum", "longest"), name="count")
    'sum'
    """
    if value not in allowed:
        listing = ", ".join(repr(a) for a in allowed)
        raise InputError(f"{name} must be one of {listing}; got {value!r}.")
    return str(value)
