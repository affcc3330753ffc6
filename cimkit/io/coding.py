"""Columns of a user's own, of any plain dtype, as numbers or text that every format can hold, and back."""

from __future__ import annotations

import json
from math import isnan
from typing import Any, NamedTuple

import numpy as np

from cimkit.errors import FormatError, InputError


class Coding(NamedTuple):
    """How a column was put into plain numbers or text.

    ``form`` is ``plain`` (bool, int64, float64), ``view`` (64-bit unsigned numbers and times as
    int64), ``text`` or ``json`` (any JSON value as text); ``dtype`` is the column's own.
    """

    form: str
    dtype: str


def encode_column(values: Any, who: str) -> tuple[Coding, Any]:
    """Return the coding and the values as bool, int64, float64 or an object array of text and None.

    Raises
    ------
    InputError
        If the dtype is one that files cannot hold (complex, structured, long double).
    """
    array = np.asarray(values)
    kind, dtype = array.dtype.kind, array.dtype.str
    if kind == "b":
        return Coding("plain", dtype), array
    if array.dtype.itemsize <= 8 and (kind in "if" or (kind == "u" and array.dtype.itemsize < 8)):
        return Coding("plain", dtype), array.astype(np.float64 if kind == "f" else np.int64)
    if kind in "mM" or kind == "u":
        return Coding("view", dtype), array.astype(array.dtype.newbyteorder("=")).view(np.int64)
    if kind == "U":
        return Coding("text", dtype), array.astype(object)
    if kind == "O":
        return _encode_objects(array, who)
    raise InputError(f"{who}: values must be numbers, truth values, times or text; got dtype {array.dtype}.")


def _encode_objects(array: Any, who: str) -> tuple[Coding, Any]:
    """Return text as it is, text with nan as text and None, anything else as JSON text."""
    texts = np.array([isinstance(v, str) for v in array], dtype=bool)
    if texts.all():
        return Coding("text", "O"), array
    rest = array[~texts]
    result = array.copy()
    if all(isinstance(v, float) and isnan(v) for v in rest):
        result[~texts] = None
        return Coding("text", "O:nan"), result
    if all(v is None for v in rest):
        return Coding("text", "O:none"), result
    try:
        result[:] = [json.dumps(v, ensure_ascii=False, default=_as_json) for v in array]
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{who}: values must be numbers, text or plain lists; {error}.") from error
    return Coding("json", "O"), result


def _as_json(value: Any) -> Any:
    """Return numpy scalars and arrays as plain values, anything else as its text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def decode_column(coding: Coding, values: Any, who: str) -> Any:
    """Return a column as it was before ``encode_column``.

    Raises
    ------
    FormatError
        If the values do not fit the coding.
    """
    form, dtype = coding
    try:
        if form == "text":
            fill = {"O:nan": np.nan, "O:none": None}.get(dtype, "")
            array = np.array([fill if v is None else v for v in values] + [None], dtype=object)[:-1]
            return array if dtype.startswith("O") else array.astype(np.dtype(dtype))
        if form == "json":
            decoded = [json.loads(v) for v in values]
            result = np.empty(len(decoded), dtype=object)
            result[:] = decoded
            return result
        own = _plain_dtype(dtype)
        array = np.asarray(values)
        if form == "view":
            return array.astype(np.int64).view(own.newbyteorder("="))
        return array.astype(own)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise FormatError(f"{who}: values must fit {dtype!r}; {error}. The file is damaged.") from error


def _plain_dtype(text: str) -> np.dtype[Any]:
    """Return a numpy dtype of plain numbers or times, or raise ValueError."""
    dtype = np.dtype(text)
    if dtype.kind not in "biufmMU" or (dtype.itemsize > 8 and dtype.kind != "U"):
        raise ValueError(f"dtype {text!r} is not one of plain numbers")
    return dtype
