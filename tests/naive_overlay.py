"""Slow twin of the area sweep: the whole arrangement of lines built by shapely, each face judged by its winding."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import shapely

from cimkit.geometry.polygons import Polygons
from cimkit.geometry.ragged import owners
from cimkit.kernels.overlay import Overlay, Shapes


def _rings(shapes, row):
    """Return the rings of a polygon."""
    rings = range(shapes.poly[row], shapes.poly[row + 1])
    return [shapes.xy[shapes.ring[r] : shapes.ring[r + 1]] for r in rings]


def _winds(xy, x, y):
    """Tell whether a ring winds round a point."""
    total = 0
    for (x0, y0), (x1, y1) in pairwise(xy):
        if (y0 > y) != (y1 > y) and x0 + (y - y0) * (x1 - x0) / (y1 - y0) > x:
            total += 1 if y1 > y0 else -1
    return total != 0


def _inside(rings, x, y):
    """Tell whether a point is in the outer ring and in no hole."""
    return bool(rings) and _winds(rings[0], x, y) and not any(_winds(r, x, y) for r in rings[1:])


def _faces(ring_lists):
    """Return the bounded faces of the arrangement of all rings."""
    lines = [shapely.LineString(xy) for rings in ring_lists for xy in rings if len(xy) > 1]
    if not lines:
        return []
    noded = shapely.node(shapely.MultiLineString(lines))
    return list(shapely.get_parts(shapely.polygonize([noded])))


def parts_of(voids, spaces):
    """Return voids and spaces of the same plates as parts, as the kernel reads them."""
    order = np.argsort(np.concatenate([owners(voids.start), owners(spaces.start)]), kind="stable")
    parts = Polygons.concat([Polygons(s.xy, s.ring, s.poly) for s in (voids, spaces)]).take(order)
    kind = np.concatenate([np.full(len(voids.kind), -1), spaces.kind])[order]
    return Shapes(parts.xy, parts.ring, parts.poly, voids.start + spaces.start, kind.astype(np.int64))


def overlay_areas(plates, parts, parcels, pairs, *, start):
    """Compute the areas of ``cimkit.kernels.overlay.overlay_areas`` face by face."""
    n = len(pairs.plate)
    total, share, own = np.zeros((n, 4)), np.zeros(start[-1]), np.zeros(start[-1])
    for p in range(n):
        i = pairs.plate[p]
        plate = _rings(plates, i)
        owned = [(parts.kind[q], _rings(parts, q)) for q in range(parts.start[i], parts.start[i + 1])]
        void, space = [r for k, r in owned if k < 0], [(k, r) for k, r in owned if k >= 0]
        parcel = None if pairs.inside[p] else _rings(parcels, pairs.parcel[p])
        for face in _faces([plate, *void, *(r for _, r in space), *([parcel] if parcel else [])]):
            at = face.representative_point()
            if not _inside(plate, at.x, at.y) or (parcel and not _inside(parcel, at.x, at.y)):
                continue
            total[p, 0] += face.area
            if any(_inside(v, at.x, at.y) for v in void):
                total[p, 1] += face.area
                continue
            total[p, 2] += face.area
            kinds = sorted({k for k, rings in space if _inside(rings, at.x, at.y)})
            if kinds:
                total[p, 3] += face.area
                own[start[p] + kinds[0]] += face.area
                for k in kinds:
                    share[start[p] + k] += face.area
    return Overlay(pairs, total, start, share, own)
