"""Polygons and lines in ragged layout: vertices in one array, offsets in others, as kernels and shapely read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
import shapely

from cimkit.errors import InputError
from cimkit.geometry.ragged import offsets_of, owners, ragged_rows, totals

if TYPE_CHECKING:
    from cimkit.arrays import FloatArray, IntArray


class Shapes:
    """Shapes of one kind in ragged layout: a dataclass of vertices and offsets, those of the shapes last.

    A subclass says how an empty shape of its kind looks, whether vertices have heights, and what to do about shapes of
    another kind and about coordinates that are not finite.
    """

    NONE: ClassVar[Any]
    DEEP: ClassVar[bool] = False
    MEND: ClassVar[tuple[str, str]]

    def __init__(self, *arrays: Any) -> None:
        """Take the arrays, as the dataclass says."""

    @classmethod
    def from_shapely(cls, shapes: Any) -> Self:
        """Build from an array of shapely shapes; missing and empty ones have no vertices.

        Raises
        ------
        InputError
            If a shape is of another kind, or a coordinate is not finite.
        """
        shapes, title = np.asarray(shapes, dtype=object), cls.__name__.lower()
        kinds = shapely.get_type_id(shapes)
        if len(wrong := np.flatnonzero((kinds != shapely.get_type_id(cls.NONE)) & (kinds != -1))):
            wanted, got = cls.NONE.geom_type, shapes[wrong[0]].geom_type
            raise InputError(f"{title}, row {wrong[0]}: shape must be a {wanted}; got {got}. {cls.MEND[0]}.")
        filled = np.append(np.where(kinds == -1, cls.NONE, shapes), cls.NONE)  # one more, as there may be none
        _, vertices, offsets = shapely.to_ragged_array(shapely.orient_polygons(filled), include_z=cls.DEEP)
        if not np.isfinite(vertices[:, :2]).all():
            raise InputError(f"{title}: coordinates must be finite; got nan or infinity. {cls.MEND[1]}.")
        *inner, outer = (np.asarray(o, dtype=np.int64) for o in offsets)
        vertices[np.isnan(vertices)] = 0.0  # a missing height
        return cls(vertices, *inner, outer[:-1])

    @classmethod
    def empty(cls, count: int = 0) -> Self:
        """Return ``count`` shapes without vertices."""
        return cls.from_shapely(np.full(count, None))

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """Return all shapes of the parts, one after the other."""
        vertices, *levels = zip(*(vars(p).values() for p in (cls.empty(), *parts)), strict=True)
        joined = [offsets_of(np.concatenate([np.diff(o) for o in level])) for level in levels]
        return cls(np.concatenate(vertices), *joined)

    def take(self, rows: Any) -> Self:
        """Return the shapes of the given rows."""
        vertices, *levels = vars(self).values()
        taken: list[IntArray] = []
        for offsets in reversed(levels):
            rows, new = ragged_rows(offsets, np.asarray(rows, dtype=np.int64))
            taken.insert(0, new)
        return type(self)(vertices[rows], *taken)

    def __len__(self) -> int:
        *_, outer = vars(self).values()
        return len(outer) - 1

    def __repr__(self) -> str:
        vertices, *_ = vars(self).values()
        return f"<{len(self)} {type(self).__name__.lower()}, {len(vertices)} vertices>"


@dataclass(frozen=True, repr=False)
class Polygons(Shapes):
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

    NONE, MEND = shapely.Polygon(), ("Use clean_polygons()", "Use clean_polygons()")

    def to_shapely(self) -> Any:
        """Return an array of shapely polygons, shape (n)."""
        return shapely.from_ragged_array(shapely.GeometryType.POLYGON, self.xy, (self.ring, self.poly))

    def vertex_rows(self) -> IntArray:
        """Return the polygon row of each vertex, shape (v)."""
        return owners(self.poly)[owners(self.ring)]

    def sides(self) -> tuple[IntArray, IntArray]:
        """Return the vertex each side begins at, shape (w), and its polygon row (w); it ends at the next vertex."""
        begins = np.ones(len(self.xy), dtype=bool)
        begins[self.ring[1:] - 1] = False
        return np.flatnonzero(begins), self.vertex_rows()[begins]

    def walls(self) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
        """Return start (w, 2), end (w, 2) and outward normal (w, 2) of each wall, and its polygon row (w)."""
        side, row = self.sides()
        start, end = self.xy[side], self.xy[side + 1]
        east, north = (end - start).T
        length = np.hypot(east, north)
        keep = length > 1e-9
        return start[keep], end[keep], np.column_stack([north, -east])[keep] / length[keep, None], row[keep]

    def areas(self) -> FloatArray:
        """Return the area of each polygon, holes taken off, shape (n) [m²]."""
        start, row = self.sides()
        corner = self.xy[self.ring[:-1]][owners(self.ring)[start]]  # as origin, so that large numbers cost no digits
        (ax, ay), (bx, by) = (self.xy[start] - corner).T, (self.xy[start + 1] - corner).T
        return totals(row, 0.5 * (ax * by - bx * ay), len(self))

    def bounds(self) -> FloatArray:
        """Return (min x, min y, max x, max y) of each polygon, nan where empty, shape (n, 4) [m]."""
        return np.asarray(shapely.bounds(self.to_shapely())).reshape(-1, 4)

    def centroids(self) -> FloatArray:
        """Return the centroid of each polygon, nan where empty, shape (n, 2) [m]."""
        return point_coordinates(shapely.centroid(self.to_shapely()))

    def inner_points(self) -> FloatArray:
        """Return a point inside each polygon (concave ones too), nan where empty, shape (n, 2) [m]."""
        return point_coordinates(shapely.point_on_surface(self.to_shapely()))


@dataclass(frozen=True, repr=False)
class Lines(Shapes):
    """Polylines in ragged layout.

    Parameters
    ----------
    xyz
        Vertices, shape (v, 3) [m].
    line
        First vertex of each line, shape (n + 1).
    """

    xyz: FloatArray
    line: IntArray

    NONE, DEEP, MEND = shapely.LineString(), True, ("Explode it first", "Remove them first")

    def to_shapely(self) -> Any:
        """Return an array of shapely line strings with heights, None for those without vertices, shape (n)."""
        shapes, whole = np.full(len(self), None), np.flatnonzero(np.diff(self.line) >= 2)
        drawn = self.take(whole)
        shapes[whole] = shapely.from_ragged_array(shapely.GeometryType.LINESTRING, drawn.xyz, (drawn.line,))
        return shapes

    def lengths(self) -> FloatArray:
        """Return the length of each line in plan, 0 without vertices, shape (n) [m]."""
        return np.asarray(np.nan_to_num(shapely.length(self.to_shapely())))


def point_coordinates(points: Any) -> FloatArray:
    """Return coordinates of shapely points, nan where empty, shape (n, 2)."""
    return np.ascontiguousarray(shapely.bounds(points).reshape(-1, 4)[:, :2])


Fault = tuple[int, str, str, float, float]  # row, code, text, x and y [m]


class Cleaned(NamedTuple):
    """Polygons made valid, the input row of each, and what was wrong with which row."""

    polygons: Polygons
    source: IntArray
    faults: list[Fault]


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
    shapes = shapely.force_2d(np.asarray(shapes, dtype=object))
    xy, row = shapely.get_coordinates(shapes, return_index=True)
    endless = np.unique(row[~np.isfinite(xy).all(axis=1)])
    text = "a coordinate is nan or infinite; the shape is left out"
    faults: list[Fault] = [(int(k), "G101", text, np.nan, np.nan) for k in endless]
    shapes[endless] = None
    broken = np.flatnonzero(~shapely.is_valid(shapes) & ~shapely.is_missing(shapes))
    for k in broken:
        reason = str(shapely.is_valid_reason(shapes[k]))
        text = f"{reason.partition('[')[0]}; mended, area after mending kept"
        faults.append((int(k), "G104", text, *_place(reason, shapes[k])))
    shapes[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    parts, source = shapes, np.arange(len(shapes))
    while (shapely.get_type_id(parts) > shapely.GeometryType.POLYGON).any():
        parts, deeper = shapely.get_parts(parts, return_index=True)
        source = source[deeper]
    keep = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & (shapely.area(parts) >= min_area)
    parts, source = parts[keep], source[keep]
    gone = np.setdiff1d(np.arange(len(shapes)), [*source, *endless])
    faults += [(int(k), "G101", "no area is left; the shape is left out", np.nan, np.nan) for k in gone]
    return Cleaned(Polygons.from_shapely(parts), source, faults)


def _place(reason: str, shape: Any) -> tuple[float, float]:
    """Return the coordinates that GEOS names in its reason, else the centre of the shape."""
    if "[" in reason:
        x, y = reason[reason.index("[") + 1 : reason.index("]")].split()[:2]
        return float(x), float(y)
    box = shapely.bounds(shape)
    return float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2
