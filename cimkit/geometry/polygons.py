"""Ragged polygons: one coordinate array and two offset arrays, as the kernels and shapely read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.errors import InputError
from cimkit.geometry.ragged import offsets_of, owners, ragged_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cimkit.arrays import FloatArray, IntArray


@dataclass(frozen=True, repr=False)
class Polygons:
    """Polygons with holes in ragged layout.

    Parameters
    ----------
    xy
        Vertices of closed rings, first vertex repeated, shape (v, 2) [m].
    ring
        First vertex of each ring, shape (r + 1).
    poly
        First ring of each polygon, shape (n + 1); outer ring counter-clockwise, then holes clockwise.
    """

    xy: FloatArray
    ring: IntArray
    poly: IntArray

    @classmethod
    def empty(cls, count: int = 0) -> Polygons:
        """Return ``count`` polygons without vertices."""
        return cls(np.zeros((0, 2)), np.zeros(1, np.int64), np.zeros(count + 1, np.int64))

    @classmethod
    def from_rings(cls, polygons: Iterable[Sequence[Any]]) -> Polygons:
        """Build from rings given as coordinate lists: for each polygon its outer ring, then its holes.

        Rings are closed and turned (outer counter-clockwise, holes clockwise).

        Examples
        --------
        >>> Polygons.from_rings([[[(0, 0), (4, 0), (4, 3), (0, 3)]]]).areas()
        array([12.])
        """
        return cls.from_shapely([shapely.Polygon(rings[0], list(rings[1:])) for rings in polygons])

    @classmethod
    def from_shapely(cls, shapes: Any) -> Polygons:
        """Build from an array of shapely polygons; missing and empty ones have no vertices.

        Raises
        ------
        InputError
            If a shape is not a polygon, or a coordinate is not finite.
        """
        shapes = np.asarray(shapes, dtype=object)
        kinds = shapely.get_type_id(shapes)
        wrong = np.flatnonzero((kinds != shapely.GeometryType.POLYGON) & (kinds != -1))
        if len(wrong):
            got = shapes[wrong[0]].geom_type
            raise InputError(f"polygons, row {wrong[0]}: shape must be a Polygon; got {got}. Use clean_polygons().")
        shapes = shapely.orient_polygons(shapely.force_2d(shapes))
        filled = np.where(kinds == -1, shapely.Polygon(), shapes)
        _, xy, offsets = shapely.to_ragged_array(filled) if len(filled) else (0, np.zeros((0, 2)), ([0], [0]))
        if not np.isfinite(xy).all():
            raise InputError("polygons: coordinates must be finite; got nan or infinity. Use clean_polygons().")
        ring, poly = (np.asarray(o, dtype=np.int64) for o in offsets)
        return cls(np.ascontiguousarray(xy[:, :2], dtype=np.float64), ring, poly)

    @classmethod
    def concat(cls, parts: Sequence[Polygons]) -> Polygons:
        """Return all polygons of the parts, one after the other."""
        if not parts:
            return cls.empty()
        xy = np.concatenate([p.xy for p in parts])
        ring = offsets_of(np.concatenate([np.diff(p.ring) for p in parts]))
        poly = offsets_of(np.concatenate([np.diff(p.poly) for p in parts]))
        return cls(xy, ring, poly)

    def __len__(self) -> int:
        return len(self.poly) - 1

    def __repr__(self) -> str:
        return f"<{len(self)} polygons, {len(self.xy)} vertices>"

    def to_shapely(self) -> Any:
        """Return an array of shapely polygons, shape (n)."""
        if len(self) == 0:
            return np.zeros(0, dtype=object)
        return shapely.from_ragged_array(shapely.GeometryType.POLYGON, self.xy, (self.ring, self.poly))

    def take(self, rows: Any) -> Polygons:
        """Return the polygons of the given rows."""
        rings, poly = ragged_rows(self.poly, np.asarray(rows, dtype=np.int64))
        vertices, ring = ragged_rows(self.ring, rings)
        return Polygons(self.xy[vertices], ring, poly)

    def moved(self, dx: float, dy: float) -> Polygons:
        """Return the polygons moved by (dx, dy) [m]."""
        return Polygons(self.xy + (dx, dy), self.ring, self.poly)

    def vertex_rows(self) -> IntArray:
        """Return the polygon row of each vertex, shape (v)."""
        return owners(self.poly)[owners(self.ring)]

    def sides(self) -> tuple[IntArray, IntArray]:
        """Return the vertex each side begins at, shape (w), and its polygon row (w); it ends at the next vertex."""
        begins = np.ones(len(self.xy), dtype=bool)
        begins[self.ring[1:] - 1] = False
        return np.flatnonzero(begins), self.vertex_rows()[begins]

    def areas(self) -> FloatArray:
        """Return the area of each polygon, holes taken off, shape (n) [m²]."""
        start, row = self.sides()
        corner = self.xy[self.ring[:-1]][owners(self.ring)[start]]  # as origin, so that large numbers cost no digits
        (ax, ay), (bx, by) = (self.xy[start] - corner).T, (self.xy[start + 1] - corner).T
        return np.bincount(row, 0.5 * (ax * by - bx * ay), len(self)).astype(np.float64)

    def bounds(self) -> FloatArray:
        """Return (min x, min y, max x, max y) of each polygon, nan where empty, shape (n, 4) [m]."""
        result: FloatArray = shapely.bounds(self.to_shapely()).reshape(-1, 4)
        return result

    def centroids(self) -> FloatArray:
        """Return the centroid of each polygon, nan where empty, shape (n, 2) [m]."""
        return point_coordinates(shapely.centroid(self.to_shapely()))

    def inner_points(self) -> FloatArray:
        """Return a point inside each polygon (concave ones too), nan where empty, shape (n, 2) [m]."""
        return point_coordinates(shapely.point_on_surface(self.to_shapely()))


def point_coordinates(points: Any) -> FloatArray:
    """Return coordinates of shapely points, nan where empty, shape (n, 2)."""
    xy = np.full((len(points), 2), np.nan)
    there = ~(shapely.is_empty(points) | shapely.is_missing(points))
    xy[there] = shapely.get_coordinates(points[there])
    return xy


@dataclass(frozen=True)
class Cleaned:
    """Polygons made valid, the input row of each, and what was wrong with which row."""

    polygons: Polygons
    source: IntArray
    faults: list[tuple[int, str, str, float, float]]


def clean_polygons(shapes: Any, *, min_area: float = 0.01) -> Cleaned:
    """Repair shapely areas and lay them out as polygons; every change is reported.

    Multi-polygons are split into rows; self-crossings are mended with shapely's ``make_valid``
    (structure method); pieces below ``min_area``, lines and points are left out.

    Parameters
    ----------
    shapes
        Shapely geometries, shape (n).
    min_area
        Smallest area that is kept [m²].

    Returns
    -------
    Cleaned
        The polygons (m), the input row of each, and faults as (row, code, text, x, y); the
        codes are those of the validation report (G101 nothing left, G104 mended, I04 type changed).

    Examples
    --------
    >>> bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    >>> cleaned = clean_polygons([bow])
    >>> float(cleaned.polygons.areas().sum()), cleaned.faults[0][1]
    (2.0, 'G104')
    """
    shapes = np.asarray(shapes, dtype=object).copy()
    faults: list[tuple[int, str, str, float, float]] = []
    finite = np.array([s is None or bool(np.isfinite(shapely.get_coordinates(s)).all()) for s in shapes], dtype=bool)
    for row in np.flatnonzero(~finite):
        faults.append((int(row), "G101", "a coordinate is nan or infinite; the shape is left out", np.nan, np.nan))
        shapes[row] = None
    shapes = shapely.force_2d(shapes)
    broken = np.flatnonzero(~shapely.is_valid(shapes) & ~shapely.is_missing(shapes))
    for row in broken:
        reason = str(shapely.is_valid_reason(shapes[row]))
        x, y = _place(reason, shapes[row])
        faults.append((int(row), "G104", f"{reason.partition('[')[0]}; mended, area after mending kept", x, y))
    if len(broken):
        shapes[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    parts, source = shapely.get_parts(shapes, return_index=True)
    while (shapely.get_type_id(parts) > shapely.GeometryType.POLYGON).any():
        parts, deeper = shapely.get_parts(parts, return_index=True)
        source = source[deeper]
    keep = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & (shapely.area(parts) >= min_area)
    parts, source = parts[keep], source[keep].astype(np.int64)
    present = ~shapely.is_missing(shapes)
    for row in np.setdiff1d(np.flatnonzero(present | (finite & ~present)), source):
        faults.append((int(row), "G101", "no area is left; the shape is left out", np.nan, np.nan))
    return Cleaned(Polygons.from_shapely(parts), source, faults)


def _place(reason: str, shape: Any) -> tuple[float, float]:
    """Return the coordinates that GEOS names in its reason, else the centre of the shape."""
    if "[" in reason:
        x, y = reason[reason.index("[") + 1 : reason.index("]")].split()[:2]
        return float(x), float(y)
    box = shapely.bounds(shape)
    return float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2
