"""Surfaces of CityJSON geometries: nested boundaries as faces, faces as triangles and as outlines in plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from cimkit.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cimkit.arrays import FloatArray

_DEPTH = {"MultiSurface": 0, "CompositeSurface": 0, "Solid": 1, "MultiSolid": 2, "CompositeSolid": 2}
_SNAP = 0.001  # [m] vertices closer than this are one when outlines are united
_STEEP = 0.1  # |cosine| below which a face counts as a wall


class Face(NamedTuple):
    """One surface: its rings of points (n, 3), its unit normal, and what it is called (``RoofSurface`` …)."""

    rings: list[FloatArray]
    normal: FloatArray
    kind: str


def lod_of(geometry: Any) -> float:
    """Return the level of detail as a number, -1 if it has none."""
    try:
        return float(geometry.get("lod", -1))
    except (TypeError, ValueError):
        return -1.0


def faces_of(geometry: Any, vertices: FloatArray, who: str) -> list[Face]:
    """Return the surfaces of a geometry; points, lines and templates have none.

    Raises
    ------
    FormatError
        If boundaries point past the vertices or are not nested as their type says.
    """
    depth = _DEPTH.get(geometry.get("type"), -1)
    if depth < 0:
        return []
    semantics = geometry.get("semantics") or {}
    surfaces, values = semantics.get("surfaces") or [], semantics.get("values")
    try:
        faces = []
        for rings, value in _flat(geometry["boundaries"], values, depth):
            kind = str(surfaces[value].get("type", "")) if isinstance(value, int) and 0 <= value < len(surfaces) else ""
            points = [_points(r, vertices) for r in rings]
            points = [p for p in points if len(p) >= 3]
            if points:
                normal = newell(points[0])
                if normal.any():
                    faces.append(Face(points, normal, kind))
        return faces
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise FormatError(f"{who}: boundaries must be nested lists of vertex numbers; {error!r}.") from error


def _flat(boundaries: Any, values: Any, depth: int) -> Iterator[tuple[Any, Any]]:
    """Yield each surface and its semantic value out of shells and solids."""
    for k, item in enumerate(boundaries):
        value = values[k] if isinstance(values, list) and k < len(values) else None
        if depth:
            yield from _flat(item, value, depth - 1)
        else:
            yield item, value


def _points(ring: Sequence[int], vertices: FloatArray) -> FloatArray:
    """Return the points of a ring without repeats, or raise IndexError."""
    index = np.asarray(ring, dtype=np.int64)
    if index.ndim != 1 or (len(index) and (index.min() < 0 or index.max() >= len(vertices))):
        raise IndexError(f"vertex {index.max() if index.size else ring} of {len(vertices)}")
    points = vertices[index]
    fresh = (points != np.roll(points, 1, axis=0)).any(axis=1)
    clean: FloatArray = points[fresh]
    return clean


def newell(points: FloatArray) -> FloatArray:
    """Return the unit normal of a ring by Newell's method, zeros if it has no area."""
    (a, b, c), (d, e, f) = (points[1:-1] - points[0]).T, (points[2:] - points[0]).T
    normal = np.array([b @ f - c @ e, c @ d - a @ f, a @ e - b @ d])
    size = float(np.linalg.norm(normal))
    return normal / size if size > 1e-9 else np.zeros(3)


def outline(faces: Sequence[Face]) -> Any:
    """Return the union of faces in plan as a shapely polygon, multi-polygon, or None."""
    flat = [f for f in faces if abs(f.normal[2]) > _STEEP]
    if not flat:
        return None
    shapes = np.array([shapely.Polygon(f.rings[0][:, :2], [r[:, :2] for r in f.rings[1:]]) for f in flat], dtype=object)
    union = shapely.union_all(shapely.make_valid(shapes), grid_size=_SNAP)
    parts = shapely.get_parts(union)
    parts = parts[(shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & (shapely.area(parts) > 0.01)]
    return shapely.union_all(parts) if len(parts) else None


def triangles_of(faces: Sequence[Face]) -> FloatArray:
    """Cut faces into triangles in space, turned as the faces are, shape (m, 3, 3) [m]."""
    done = [f.rings[0] for f in faces if len(f.rings) == 1 and len(f.rings[0]) == 3]
    pieces = [np.array(done).reshape(-1, 3, 3)]
    pieces += [_cut(f) for f in faces if len(f.rings) > 1 or len(f.rings[0]) > 3]
    return np.concatenate(pieces)


def _cut(face: Face) -> FloatArray:
    """Return the triangles of one face: a fan if it is convex, else a constrained Delaunay triangulation."""
    points = face.rings[0]
    if len(face.rings) == 1 and _is_convex(points, face.normal):
        return _fan(points)
    axis = int(np.abs(face.normal).argmax())
    keep = [a for a in range(3) if a != axis]
    polygon = shapely.Polygon(points[:, keep], [r[:, keep] for r in face.rings[1:]])
    if not shapely.is_valid(polygon):
        return _fan(points)
    height = {(p[keep[0]], p[keep[1]]): p[axis] for ring in face.rings for p in ring}
    flat = shapely.get_coordinates(shapely.constrained_delaunay_triangles(polygon)).reshape(-1, 4, 2)[:, :3]
    corners = np.empty((len(flat), 3, 3))
    corners[:, :, keep] = flat
    corners[:, :, axis] = [[height[(p[0], p[1])] for p in t] for t in flat]
    turned = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) @ face.normal < 0
    corners[turned] = corners[turned][:, ::-1]
    return corners


def _is_convex(points: FloatArray, normal: FloatArray) -> bool:
    """Tell whether a ring turns one way only."""
    step = np.roll(points, -1, axis=0) - points
    turn = np.cross(step, np.roll(step, -1, axis=0)) @ normal
    return len(points) <= 6 and bool((turn > -1e-9).all())


def _fan(points: FloatArray) -> FloatArray:
    """Return the triangles of a fan around the first point."""
    return np.stack([np.broadcast_to(points[0], (len(points) - 2, 3)), points[1:-1], points[2:]], axis=1)
