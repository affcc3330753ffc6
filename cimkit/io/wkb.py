"""A look at foreign WKB before GEOS sees it: deeply nested collections end the process there."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from cimkit.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_DEPTH = 4
_HAS_SRID = 0x20000000
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
    """Tell whether a geometry is nested deeper than allowed; what is cut short or of no known kind is left to GEOS."""
    try:
        return _end(wkb, 0, 0) < 0
    except (struct.error, IndexError, ValueError):
        return False


def _end(wkb: bytes, at: int, depth: int) -> int:
    """Return where the geometry that begins at a place ends, -1 if collections in it are nested too deep."""
    order = "<" if wkb[at] == 1 else ">"
    (kind,) = struct.unpack_from(order + "I", wkb, at + 1)
    at += 9 if kind & _HAS_SRID else 5
    base, iso = kind & 0xFFFF, (kind & 0xFFFF) // 1000
    size = 8 * (2 + bool(kind & 0x80000000) + bool(kind & 0x40000000) + (0, 1, 1, 2)[min(iso, 3)])
    if base % 1000 == 1:
        return at + size
    (count,) = struct.unpack_from(order + "I", wkb, at)
    at += 4
    if base % 1000 == 2:
        return at + size * int(count)
    if base % 1000 not in (3, 4, 5, 6, 7):
        raise ValueError(f"kind {kind}")
    for _ in range(count):
        if base % 1000 == 3:
            (points,) = struct.unpack_from(order + "I", wkb, at)
            at += 4 + size * int(points)
        else:
            at = -1 if depth == MAX_DEPTH else _end(wkb, at, depth + 1)
            if at < 0:
                return -1
    return at
