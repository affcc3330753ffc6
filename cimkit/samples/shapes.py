"""Outlines of usual buildings, drawn with the long side east to west [m]."""

from __future__ import annotations

from typing import Any

import shapely
from shapely.geometry import MultiPolygon


def slab(x: float, y: float, *, width: float, depth: float, stairs: int) -> Any:
    """Return a slab with its south-western corner at (x, y); stairs stand out 1.2 m to the north."""
    bay = width / stairs
    bumps = [box(x + (k + 0.5) * bay - 1.3, y + depth, 2.6, 1.2) for k in range(stairs)]
    return joined(box(x, y, width, depth), *bumps)


def tower(x: float, y: float, *, width: float = 32.0, depth: float = 17.0) -> Any:
    """Return a tower of four dwellings a storey: core recess to the north, two light slots to the south."""
    slots = [box(x + share * width - 0.8, y - 0.1, 1.6, 3.1) for share in (0.25, 0.75)]
    recess = box(x + width / 2 - 3.0, y + depth - 3.0, 6.0, 3.1)
    return box(x, y, width, depth).difference(shapely.union_all([recess, *slots]))


def point_house(x: float, y: float, *, size: float = 24.0) -> Any:
    """Return a cross-shaped point house with its middle at (x, y)."""
    long, short = size / 2, size / 2 - 4.0
    return joined(box(x - long, y - short, 2 * long, 2 * short), box(x - short, y - long, 2 * short, 2 * long))


def angle(x: float, y: float, *, width: float, depth: float, wing: float) -> Any:
    """Return an L: a wing to the north end of the west side, the long side to the south."""
    return joined(box(x, y, width, wing), box(x, y, wing, depth))


def box(x: float, y: float, width: float, depth: float) -> Any:
    """Return a rectangle by its south-western corner."""
    return shapely.box(x, y, x + width, y + depth)


def joined(*parts: Any) -> Any:
    """Return the parts as one outline."""
    return shapely.union_all(parts)


def pieces(shape: Any, *, smallest: float = 30.0) -> list[Any]:
    """Return the polygons of a shape that are not smaller than ``smallest`` [m²], west to east."""
    parts = shape.geoms if isinstance(shape, MultiPolygon) else [shape]
    kept = [p for p in parts if p.area >= smallest]
    return sorted(kept, key=lambda p: (round(p.centroid.x, 3), round(p.centroid.y, 3)))
