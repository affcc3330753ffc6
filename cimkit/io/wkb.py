"""A look at foreign WKB before GEOS sees it: deeply nested collections end the process there."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from cimkit.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_DEPTH = 4
_SHORT = 9 * 2_000  # bytes; a level takes at least nine, and GEOS bears two thousand levels


def check_wkb(shapes: Iterable[Any], who: str) -> None:
    """Raise FormatError if a WKB geometry is nested deeper than its type allows.

    Parameters
    ----------
    shapes
        WKB of each geometry, None for missing.
    who
        File and layer, for the message.

    Raises
    ------
    FormatError
        If a geometry is a deep nest of collections, or cut short.
    """
    for row, wkb in enumerate(shapes):
        if wkb is not None and len(wkb) > _SHORT and _is_nest(wkb):
            raise FormatError(
                f"{who}, row {row}: collections must be nested at most {MAX_DEPTH} deep; got more. "
                "The file is damaged or meant to do harm."
            )


def _is_nest(wkb: bytes) -> bool:
    """Tell whether the first elements of a geometry are nested deeper than allowed.

    A nest is followed along its first elements and along every element of the outer levels;
    simple shapes are stepped over.
    """
    deepest, at = 0, 0
    open_levels: list[int] = []  # elements still to come at each level
    while at + 9 <= len(wkb):
        order = "<" if wkb[at] == 1 else ">"
        kind, count = struct.unpack_from(order + "II", wkb, at + 1)
        at += 5 + (4 if kind & 0x20000000 else 0)
        dims = 2 + bool(kind & 0x80000000) + bool(kind & 0x40000000) + (0, 1, 1, 2)[min((kind & 0xFFFF) // 1000, 3)]
        base = (kind & 0xFFFF) % 1000
        if kind & 0x20000000 and at + 4 <= len(wkb):
            (count,) = struct.unpack_from(order + "I", wkb, at)
        if base in (4, 5, 6, 7):
            at += 4
            open_levels.append(count)
            deepest = max(deepest, len(open_levels))
            if deepest > MAX_DEPTH:
                return True
        else:
            at = _after(wkb, at, order, base, dims)
        if at < 0:
            return False
        while open_levels and open_levels[-1] == 0:
            open_levels.pop()
        if not open_levels:
            return False
        open_levels[-1] -= 1
    return False


def _after(wkb: bytes, at: int, order: str, base: int, dims: int) -> int:
    """Return the place after a point, line or polygon, -1 if there is none."""
    if base == 1:
        return at + 8 * dims
    if at + 4 > len(wkb):
        return -1
    (count,) = struct.unpack_from(order + "I", wkb, at)
    at += 4
    if base == 2:
        return at + 8 * dims * int(count)
    if base != 3:
        return -1
    for _ in range(count):
        if at + 4 > len(wkb):
            return -1
        (points,) = struct.unpack_from(order + "I", wkb, at)
        at += 4 + 8 * dims * int(points)
    return at
