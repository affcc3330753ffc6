"""Areas of overlapping ragged polygons by class, by an exact slab sweep: no polygon is ever built.

One job is one floor plate with its voids and spaces, and one parcel it meets. The edges of all of them are
cut by horizontal lines through every end and every crossing; between two neighbouring lines no edges cross,
so the winding numbers of all classes are constant between two neighbouring edges, and each gap is a trapezoid
whose area goes to every class that covers it. Fill rule: a ring fills
where its winding number is not zero, a polygon is its outer ring less its holes, a class is all its polygons.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from cimkit.kernels._jit import inner, kernel
from cimkit.kernels.overlay_clip import CLIP_PARTS, CLIP_ROOM, cut_by_ring, intersections, split_areas, twice_area
from cimkit.kernels.overlay_edges import (
    Shapes,
    bounds_of,
    holds_point,
    is_convex,
    is_simple,
    lean,
    polygon_area,
    touches_box,
)
from cimkit.kernels.overlay_sweep import (
    COVERED,
    GROSS,
    NET,
    PARCEL,
    PLATE,
    SPACE,
    VOID,
    VOIDS,
    add_polygon,
    begin,
    new_scratch,
    sweep,
)


class Pairs(NamedTuple):
    """Which plate meets which parcel, and whether the parcel contains the plate (then its edges are not needed)."""

    plate: Any
    parcel: Any
    inside: Any


class Overlay(NamedTuple):
    """Areas of each pair of a plate and a parcel [m²].

    ``total`` (n, 4): gross, in voids, net, net covered by any space. ``share`` and ``own`` are ragged by
    ``start`` (n + 1): net area in each class of space, and the part of it in no class of a lower number.
    """

    pairs: Pairs
    total: Any
    start: Any
    share: Any
    own: Any


@lean()
def _find_parts(s, plate, voids, spaces, x_lo, y_lo, x_hi, y_hi):
    """List the voids and spaces whose box meets the plate's box; label those that hang together."""
    n = 0
    for pass_ in range(2):
        owned = voids if pass_ == 0 else spaces
        for q in range(owned.start[plate], owned.start[plate + 1]):
            a, b, c, d = bounds_of(owned, q)
            if a >= x_hi or c <= x_lo or b >= y_hi or d <= y_lo:
                continue
            s.box[n, 0], s.box[n, 1], s.box[n, 2], s.box[n, 3] = a, b, c, d
            s.row[n] = q
            s.kind[n] = VOID if pass_ == 0 else SPACE + spaces.kind[q]
            s.label[n] = n
            for k in range(n):
                if s.box[k, 0] < c and s.box[k, 2] > a and s.box[k, 1] < d and s.box[k, 3] > b:
                    old, new = s.label[n], s.label[k]
                    for j in range(n + 1):
                        if s.label[j] == old:
                            s.label[j] = new
            n += 1
    return n


@lean()
def _add_set(s, mask, area, share, own, first):
    """Add an area that lies within exactly the parts of a set."""
    lowest = 1 << 30
    for k in range(CLIP_PARTS):
        if mask >> k & 1:
            kind = s.kind[s.member[k]]
            if kind == VOID:
                s.acc[VOIDS] += area
                return
            lowest = min(lowest, kind)
    s.acc[COVERED] += area
    own[first + lowest - SPACE] += area
    for k in range(CLIP_PARTS):
        if mask >> k & 1:
            kind = s.kind[s.member[k]]
            again = False
            for j in range(k):
                again = again or (mask >> j & 1 and s.kind[s.member[j]] == kind)
            if not again:
                share[first + kind - SPACE] += area


@lean()
def _origin(plates, plate):
    """Return the first vertex of a plate, to which a job moves everything; so large coordinates cost no digits."""
    return plates.xy[plates.ring[plates.poly[plate]], 0], plates.xy[plates.ring[plates.poly[plate]], 1]


@lean()
def _load_ring(s, plates, r, origin, parcels, parcel):
    """Put a ring of a plate, cut by a convex parcel (-1 for none), where cutting begins; tell whether it fits."""
    size = plates.ring[r + 1] - plates.ring[r] - 1
    if size > CLIP_ROOM:
        return False
    for k in range(size):
        v = plates.ring[r] + k
        s.clip[0, 0, k], s.clip[0, 1, k] = plates.xy[v, 0] - origin[0], plates.xy[v, 1] - origin[1]
    at = 0
    if parcel >= 0:
        size, at = cut_by_ring(s.clip, 0, size, 1, parcels, parcels.poly[parcel], origin)
    s.clip_size[0, 0] = max(0, size)
    s.clip_place[0] = at
    return size >= 0


@lean()
def _gross(s, plates, plate, parcels, parcel):
    """Compute the area of a simple plate in a convex parcel (-1: in all parcels); -1 if it is better swept."""
    if parcel < 0:
        return polygon_area(plates, plate)
    p = parcels.poly[parcel]
    if parcels.poly[parcel + 1] - p != 1 or not is_convex(parcels.xy, parcels.ring[p], parcels.ring[p + 1]):
        return -1.0
    total = 0.0
    first, origin = plates.poly[plate], _origin(plates, plate)
    for r in range(first, plates.poly[plate + 1]):
        if not _load_ring(s, plates, r, origin, parcels, parcel):
            return -1.0
        area = 0.5 * abs(twice_area(s.clip, s.clip_place[0], s.clip_size[0, 0]))
        total += area if r == first else -area
    return total


@lean()
def _clip_group(s, parts, leader, plates, plate, parcels, parcel, voids, spaces, share, own, first):
    """Add the areas of a group of a few convex parts without a sweep; tell whether it could be done.

    Nearly all groups are such; cutting them instead of sweeping makes the whole twice as fast.
    """
    n = 0
    for k in range(parts):
        if s.label[k] != leader:
            continue
        shapes = voids if s.kind[k] == VOID else spaces
        r = shapes.poly[s.row[k]]
        if n == CLIP_PARTS or shapes.poly[s.row[k] + 1] - r != 1:
            return False
        if not is_convex(shapes.xy, shapes.ring[r], shapes.ring[r + 1]):
            return False
        s.member[n] = k
        s.clip_size[1, n], s.clip_size[2, n] = 0 if s.kind[k] == VOID else 1, s.row[k]
        n += 1
    for mask in range(1 << n):
        s.table[mask] = 0.0
    first_ring, origin = plates.poly[plate], _origin(plates, plate)
    for r in range(first_ring, plates.poly[plate + 1]):
        if not _load_ring(s, plates, r, origin, parcels, parcel):
            return False
        sign = 1.0 if r == first_ring else -1.0
        if not intersections(s, sign, n, voids, spaces, origin):
            return False
    split_areas(s.table, n)
    for mask in range(1, 1 << n):
        if s.table[mask] > 0.0:
            _add_set(s, mask, s.table[mask], share, own, first)
    return True


@lean()
def _single(s, part, voids, spaces, share, own, first):
    """Add the one part of a group that lies inside the plate, if shoelaces give its area; tell whether they do."""
    shapes = voids if s.kind[part] == VOID else spaces
    if not is_simple(shapes, s.row[part]):
        return False
    area = polygon_area(shapes, s.row[part])
    if s.kind[part] == VOID:
        s.acc[VOIDS] += area
    else:
        s.acc[COVERED] += area
        share[first + s.kind[part] - SPACE] += area
        own[first + s.kind[part] - SPACE] += area
    return True


@lean()
def _collect(s, parts, leader, plates, plate, cut, parcels, parcel, voids, spaces, window):
    """Collect the polygons of one group of parts (-1: of all), of the parcel (-1: none), and of the plate if it is cut.

    ``window``: right, low and high end of the group. One place in the code for all jobs: it compiles in half the time.
    """
    origin = _origin(plates, plate)
    low, high = window[1] - origin[1], window[2] - origin[1]
    begin(s)
    s.fixed[PARCEL] = 1 if parcel < 0 else 0
    s.fixed[PLATE] = 0 if cut else 1
    for k in range(parts + 2):
        if k < parts:
            if leader >= 0 and s.label[k] != leader:
                continue
            shapes, row, kind = voids if s.kind[k] == VOID else spaces, s.row[k], s.kind[k]
        elif k == parts:
            shapes, row, kind = parcels, parcel, PARCEL
        else:
            shapes, row, kind = plates, plate, PLATE
        if (kind == PARCEL and parcel < 0) or (kind == PLATE and not cut):
            continue
        right = window[0] - origin[0] if kind == PLATE else 1e300
        add_polygon(s, shapes, row, kind, origin, (right, low, high))


@lean()
def _cut_parts(s, parts, leader, plates, plate, parcels, parcel, voids, spaces, share, own, first):
    """Add the areas of one group of parts without a sweep, if that can be done.

    Returns 0 if it was done, 1 if the group must be swept, 2 if in addition the plate cuts its window, and the window.
    """
    x_lo, y_lo, x_hi, y_hi = 1e300, 1e300, -1e300, -1e300
    size = 0
    for k in range(parts):
        if s.label[k] == leader:
            size += 1
            x_lo, y_lo = min(x_lo, s.box[k, 0]), min(y_lo, s.box[k, 1])
            x_hi, y_hi = max(x_hi, s.box[k, 2]), max(y_hi, s.box[k, 3])
    touched = parcel >= 0 or touches_box(plates, plate, x_lo, y_lo, x_hi, y_hi)
    left = 2 if touched else 1
    if not touched:
        if not holds_point(plates, plate, 0.5 * (x_lo + x_hi), 0.5 * (y_lo + y_hi)):
            left = 0
        elif size == 1 and _single(s, leader, voids, spaces, share, own, first):
            left = 0
    if left > 0 and _clip_group(s, parts, leader, plates, plate, parcels, parcel, voids, spaces, share, own, first):
        left = 0
    return left, (x_hi, y_lo, y_hi)


@lean()
def _job(s, plates, plate, parcels, parcel, inside, voids, spaces, heights, share, own, first, last):
    """Compute the areas of one plate in one parcel into ``s.acc``, ``share`` and ``own``; 0, or room needed."""
    for k in range(4):
        s.acc[k] = 0.0
    for k in range(first, last):
        share[k] = own[k] = 0.0
    x_lo, y_lo, x_hi, y_hi = bounds_of(plates, plate)
    parts = _find_parts(s, plate, voids, spaces, x_lo, y_lo, x_hi, y_hi)
    needed = -1 if inside else parcel
    gross = _gross(s, plates, plate, parcels, needed) if is_simple(plates, plate) else -1.0
    groups = parts if gross >= 0.0 else 1
    window = (1e300, y_lo, y_hi)  # of the whole plate: its right-hand edges close its last gaps
    for leader in range(groups):
        left = 2
        if gross >= 0.0:
            if s.label[leader] != leader:
                continue
            left, window = _cut_parts(
                s, parts, leader, plates, plate, parcels, needed, voids, spaces, share, own, first
            )
        if left == 0:
            continue
        group = leader if gross >= 0.0 else -1
        _collect(s, parts, group, plates, plate, left == 2, parcels, needed, voids, spaces, window)
        room = sweep(s, heights, share, own, first)
        if room > 0:
            return room
    if gross >= 0.0:
        s.acc[GROSS] = gross
    s.acc[NET] = s.acc[GROSS] - s.acc[VOIDS]
    return 0


@lean()
def _vertices(shapes, lo, hi):
    """Return the number of vertices of the polygons lo to hi."""
    return shapes.ring[shapes.poly[hi]] - shapes.ring[shapes.poly[lo]]


@lean()
def _needs(plates, parcels, pairs, voids, spaces, start, lo, hi):
    """Return how many edges, rings, classes of space and parts the largest of the pairs lo to hi has."""
    edges, rings, classes, parts = 0, 0, 0, 0
    for p in range(lo, hi):
        i, q = pairs.plate[p], pairs.parcel[p]
        v0, v1, s0, s1 = voids.start[i], voids.start[i + 1], spaces.start[i], spaces.start[i + 1]
        size = _vertices(plates, i, i + 1) + _vertices(voids, v0, v1) + _vertices(spaces, s0, s1)
        count = (
            plates.poly[i + 1] - plates.poly[i] + voids.poly[v1] - voids.poly[v0] + spaces.poly[s1] - spaces.poly[s0]
        )
        if not pairs.inside[p]:
            size += _vertices(parcels, q, q + 1)
            count += parcels.poly[q + 1] - parcels.poly[q]
        edges, rings = max(edges, size), max(rings, count)
        classes, parts = max(classes, start[p + 1] - start[p]), max(parts, v1 - v0 + s1 - s0)
    return edges, rings, classes, parts


@inner()
def _block(plates, parcels, pairs, voids, spaces, start, total, share, own, lo, hi):
    """Compute the pairs lo to hi with working arrays of their own."""
    edges, rings, classes, parts = _needs(plates, parcels, pairs, voids, spaces, start, lo, hi)
    s = new_scratch(edges, rings, classes, parts)
    heights = np.empty(256)
    for p in range(lo, hi):
        room = 1
        while room > 0:
            room = _job(
                s, plates, pairs.plate[p], parcels, pairs.parcel[p], pairs.inside[p], voids, spaces, heights,
                share, own, start[p], start[p + 1],
            )  # fmt: skip
            if room > 0:
                heights = np.empty(2 * room)
        for k in range(4):
            total[p, k] = s.acc[k]


@kernel(parallel=True, no_cfunc_wrapper=True)
def _jobs(plates, parcels, pairs, voids, spaces, start, total, share, own, blocks):
    """Compute all pairs, block by block; each pair writes its own rows."""
    n = pairs.plate.size
    for block in numba.prange(blocks):
        _block(
            plates, parcels, pairs, voids, spaces, start, total, share, own,
            n * block // blocks, n * (block + 1) // blocks,
        )  # fmt: skip


def overlay_areas(
    plates: Shapes, voids: Shapes, spaces: Shapes, parcels: Shapes, pairs: Pairs, *, start: Any
) -> Overlay:
    """Compute for each pair of a plate and a parcel the area in voids, in spaces, and in each class of space.

    Parameters
    ----------
    plates
        Polygons; coordinates in metres, whole coordinates of a map zone do no harm.
    voids, spaces
        Polygons of each plate. Only what lies on the plate counts; of a space only what lies over no void.
    parcels
        Polygons that cut the plates.
    pairs
        Which pairs to compute, from ``meet_parcels`` or ``every_plate``.
    start
        First result of each pair, shape (pairs + 1): ``start[p + 1] - start[p]`` is the number of classes that
        ``spaces.kind`` may take there. Classes with lower numbers take overlaps first.

    Returns
    -------
    Overlay
        Areas [m²]. Each row depends on its own pair only, so the result has the same bits on any number of threads.
    """
    n = len(pairs.plate)
    total, share, own = np.empty((n, 4)), np.empty(start[n]), np.empty(start[n])
    _jobs(plates, parcels, pairs, voids, spaces, start, total, share, own, max(1, min(256, n // 32)))
    return Overlay(pairs, total, start, share, own)
