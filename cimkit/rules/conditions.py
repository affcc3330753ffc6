"""Whether a condition, which is data, holds for objects and the place they are in."""

from __future__ import annotations

import re
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cimkit.arrays import IntArray

YES, NO, UNSURE = 1, 0, -1
_BOUND = re.compile(r"^\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)\s*$")


def holds(when: Mapping[str, Any], attributes: Mapping[str, Any], count: int) -> tuple[IntArray, str]:
    """Return whether a condition holds for each of n objects, and the first attribute that is not known.

    Parameters
    ----------
    when
        Name → value, list of values, or text like ``">=4"``.
    attributes
        Name → one value, or one a object; "" and nan are not known.
    count
        Number of objects, n.

    Returns
    -------
    tuple
        1 yes, 0 no, -1 not known, shape (n); and a name, empty if all is known.

    Examples
    --------
    >>> holds({"storeys": ">=4"}, {"storeys": np.array([3.0, 4.0, np.nan])}, 3)
    (array([ 0,  1, -1]), 'storeys')
    """
    state = np.ones(count, dtype=np.int64)
    unknown = ""
    for name, wanted in when.items():
        one = _one(attributes.get(name), wanted, count)
        if not unknown and (one == UNSURE).any():
            unknown = name
        state = np.where((state == NO) | (one == NO), NO, np.minimum(state, one))
    return state, unknown if (state == UNSURE).any() else ""


def _one(given: Any, wanted: Any, count: int) -> IntArray:
    """Return whether one attribute is as wanted, shape (n)."""
    if given is None:
        return np.full(count, UNSURE, dtype=np.int64)
    values = np.asarray(given)
    values = np.full(count, given, dtype=object) if values.ndim == 0 else values
    if values.dtype.kind in "fiub":
        known = ~np.isnan(values.astype(np.float64))
    else:
        known = np.array([v not in ("", None) and not (isinstance(v, float) and isnan(v)) for v in values], dtype=bool)
    met = np.zeros(count, dtype=bool)
    met[known] = _meets(values[known], wanted)
    return np.where(known, np.where(met, YES, NO), UNSURE).astype(np.int64)


def _meets(values: Any, wanted: Any) -> Any:
    """Return which known values are as wanted."""
    bound = _BOUND.match(wanted) if isinstance(wanted, str) else None
    if bound:
        numbers, limit = values.astype(np.float64), float(bound[2])
        met = {">=": numbers >= limit, "<=": numbers <= limit, ">": numbers > limit, "<": numbers < limit}
        return met[bound[1]]
    allowed = set(wanted) if isinstance(wanted, (list, tuple)) else {wanted}
    return np.array([v in allowed for v in values.tolist()], dtype=bool)


def in_words(when: Mapping[str, Any]) -> str:
    """Return a condition as text.

    Examples
    --------
    >>> in_words({"climate_zone": ["I", "II"], "city_size": "large", "storeys": ">=4"})
    'climate_zone I/II, city_size large, storeys >=4'
    """
    return ", ".join(f"{k} {'/'.join(map(str, v)) if isinstance(v, (list, tuple)) else v}" for k, v in when.items())
