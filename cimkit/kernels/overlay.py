"""Areas of overlapping ragged polygons by class, by an exact slab sweep: no polygon is ever built.

One job is one floor plate with its voids and spaces, and one parcel it meets. The edges of all of them are
cut by horizontal lines through every end and every crossing; between two neighbouring lines no edges cross,
so the winding numbers of all classes are constant between two neighbouring edges, and each gap is a trapezoid
whose area goes to every class that covers it. Fill rule: a ring fills
where its winding number is not zero, a polygon is its outer ring less its holes, a class is all its polygons.
"""

from collections import namedtuple
from typing import Any

import numba
import numpy as np

from cimkit.kernels import overlay_clip as clip
from cimkit.kernels import overlay_edges as edges
from cimkit.kernels import overlay_sweep as slabs
from cimkit.kernels._jit import inner, kernel, woven
from cimkit.kernels.overlay_edges import Shapes


class Pairs(namedtuple("Pairs", "plate parcel inside")):
    """Which plate meets which parcel, and whether the parcel contains the plate (then its edges are not needed)."""


class Overlay(namedtuple("Overlay", "pairs total start share own")):
    """Areas of each pair of a plate and a parcel [m²].

    ``total`` (n, 4): gross, in voids, net, net covered by any space. ``share`` and ``own`` are ragged by
    ``start`` (n + 1): net area in each class of space, and the part of it in no class of a lower number.
    """


class Layers(namedtuple("Layers", "plates parts parcels")):
    """Polygons: plates, what each of them owns (voids and spaces), and parcels that cut them."""


@woven
def _find_parts(s, parts, plate, box):
    """List the parts whose box meets that of their plate; label those that hang together; return how many."""
    x_lo, y_lo, x_hi, y_hi = box
    n = 0
    for q in range(parts.start[plate], parts.start[plate + 1]):
        a, b, c, d = edges.bounds_of(parts, q)
        if a >= x_hi or c <= x_lo or b >= y_hi or d <= y_lo:
            continue
        s.box[n, 0], s.box[n, 1], s.box[n, 2], s.box[n, 3] = a, b, c, d
        s.row[n], s.kind[n], s.label[n] = q, slabs.SPACE + parts.kind[q], n
        for k in range(n):
            if s.box[k, 0] < c and s.box[k, 2] > a and s.box[k, 1] < d and s.box[k, 3] > b:
                old, new = s.label[n], s.label[k]
                for j in range(n + 1):
                    if s.label[j] == old:
                        s.label[j] = new
        n += 1
    return n


@woven
def _origin(plates, plate):
    """Return the first vertex of a plate, to which a job moves everything; so large coordinates cost no digits."""
    return plates.xy[plates.ring[plates.poly[plate]], 0], plates.xy[plates.ring[plates.poly[plate]], 1]


@woven
def _load_ring(s, layers, r, origin, parcel):
    """Put a ring of a plate, cut by a convex parcel (-1 for none), where cutting begins; tell whether it fits."""
    plates, parcels = layers.plates, layers.parcels
    size, at = plates.ring[r + 1] - plates.ring[r] - 1, 0
    if size > clip.CLIP_ROOM:
        return False
    for k in range(size):
        v = plates.ring[r] + k
        s.clip[0, 0, k], s.clip[0, 1, k] = plates.xy[v, 0] - origin[0], plates.xy[v, 1] - origin[1]
    if parcel >= 0:
        size, at = clip.cut_by_ring(s.clip, 0, size, 1, parcels, parcels.poly[parcel], origin)
    s.clip_size[0], s.clip_place[0] = max(0, size), at
    return size >= 0


@woven
def _gross(s, layers, plate, parcel):
    """Compute the area of a simple plate in a convex parcel (-1: in all parcels); -1 if it is better swept."""
    plates, parcels = layers.plates, layers.parcels
    if parcel < 0:
        return edges.polygon_area(plates, plate)
    if not edges.is_convex(parcels, parcel):
        return -1.0
    total = 0.0
    first, origin = plates.poly[plate], _origin(plates, plate)
    for r in range(first, plates.poly[plate + 1]):
        if not _load_ring(s, layers, r, origin, parcel):
            return -1.0
        area = 0.5 * abs(clip.twice_area(s.clip, s.clip_place[0], s.clip_size[0]))
        total += area if r == first else -area
    return total


@woven
def _clip_group(s, found, leader, layers, plate, parcel, out):
    """Add the areas of a group of a few convex parts without a sweep; tell whether it could be done.

    Nearly all groups are such; cutting them instead of sweeping makes the whole twice as fast.
    """
    n, plates, parts = 0, layers.plates, layers.parts
    for k in range(found):
        if s.label[k] != leader:
            continue
        if n == clip.CLIP_PARTS or not edges.is_convex(parts, s.row[k]):
            return False
        s.member[n], s.kind_of[n] = k, s.kind[k]
        n += 1
    s.table[: 1 << n] = 0.0
    first, origin = plates.poly[plate], _origin(plates, plate)
    for r in range(first, plates.poly[plate + 1]):
        if not _load_ring(s, layers, r, origin, parcel):
            return False
        if not clip.intersections(s, 1.0 if r == first else -1.0, n, parts, origin):
            return False
    clip.split_areas(s.table, n)
    for mask in range(1, 1 << n):
        if s.table[mask] > 0.0:
            slabs.add_set(s, mask, n, s.table[mask], out)
    return True


@woven
def _collect(s, found, leader, layers, plate, cut, parcel, window):
    """Collect the polygons of one group of parts (-1: of all), of the parcel (-1: none), and of the plate if it is cut.

    ``window``: right, low and high end of the group. One place in the code for all jobs: it compiles in half the time.
    """
    origin = _origin(layers.plates, plate)
    s.size[:] = 0
    s.fixed[slabs.PARCEL], s.fixed[slabs.PLATE] = parcel < 0, not cut
    for k in range(found + 2):
        if k < found:
            if leader >= 0 and s.label[k] != leader:
                continue
            shapes, row, kind, right = layers.parts, s.row[k], s.kind[k], 1e300
        elif k == found and parcel >= 0:
            shapes, row, kind, right = layers.parcels, parcel, slabs.PARCEL, 1e300
        elif k > found and cut:
            shapes, row, kind, right = layers.plates, plate, slabs.PLATE, window[0] - origin[0]
        else:
            continue
        slabs.add_polygon(s, shapes, row, kind, origin, (right, window[1] - origin[1], window[2] - origin[1]))


@woven
def _cut_parts(s, found, leader, layers, plate, parcel, out):
    """Add the areas of one group of parts without a sweep, if that can be done.

    Returns 0 if it was done, 1 if the group must be swept, 2 if in addition the plate cuts its window, and the window.
    """
    x_lo, y_lo, x_hi, y_hi, size = 1e300, 1e300, -1e300, -1e300, 0
    for k in range(found):
        if s.label[k] == leader:
            x_lo, y_lo, size = min(x_lo, s.box[k, 0]), min(y_lo, s.box[k, 1]), size + 1
            x_hi, y_hi = max(x_hi, s.box[k, 2]), max(y_hi, s.box[k, 3])
    window = (x_hi, y_lo, y_hi)
    touched = parcel >= 0 or edges.touches_box(layers.plates, plate, x_lo, y_lo, x_hi, y_hi)
    if not touched:
        if not edges.holds_point(layers.plates, plate, 0.5 * (x_lo + x_hi), 0.5 * (y_lo + y_hi)):
            return 0, window
        if size == 1 and edges.is_simple(layers.parts, s.row[leader]):
            s.kind_of[0] = s.kind[leader]
            slabs.add_set(s, 1, 1, edges.polygon_area(layers.parts, s.row[leader]), out)
            return 0, window
    if _clip_group(s, found, leader, layers, plate, parcel, out):
        return 0, window
    return 2 if touched else 1, window


@woven
def _job(s, layers, plate, parcel, heights, out, last):
    """Compute the areas of one plate in one parcel (-1: inside of it) into ``s.acc`` and ``out``; 0, or room needed."""
    share, own, first = out
    s.acc[:] = 0.0
    for k in range(first, last):
        share[k] = own[k] = 0.0
    box = edges.bounds_of(layers.plates, plate)
    found = _find_parts(s, layers.parts, plate, box)
    gross = _gross(s, layers, plate, parcel) if edges.is_simple(layers.plates, plate) else -1.0
    window = (1e300, box[1], box[3])  # of the whole plate: its right-hand edges close its last gaps
    for leader in range(found if gross >= 0.0 else 1):
        group, left = -1, 2
        if gross >= 0.0:
            if s.label[leader] != leader:
                continue
            group = leader
            left, window = _cut_parts(s, found, leader, layers, plate, parcel, out)
        if left > 0:
            _collect(s, found, group, layers, plate, left == 2, parcel, window)
            room = slabs.sweep(s, heights, out)
            if room > 0:
                return room
    if gross >= 0.0:
        s.acc[slabs.GROSS] = gross
    s.acc[slabs.NET] = s.acc[slabs.GROSS] - s.acc[slabs.VOIDS]
    return 0


@woven
def _size(shapes, lo, hi):
    """Return the number of vertices and of rings of the polygons lo to hi."""
    a, b = shapes.poly[lo], shapes.poly[hi]
    return shapes.ring[b] - shapes.ring[a], b - a


@inner
def _block(layers, pairs, start, total, share, own, lo, hi):
    """Compute the pairs lo to hi with working arrays of their own, large enough for the largest of them."""
    vertices, rings, classes, most = 0, 0, 0, 0
    for p in range(lo, hi):
        i, q = pairs.plate[p], pairs.parcel[p]
        a, b = layers.parts.start[i], layers.parts.start[i + 1]
        (v, r), (w, t) = _size(layers.plates, i, i + 1), _size(layers.parts, a, b)
        x, u = (0, 0) if pairs.inside[p] else _size(layers.parcels, q, q + 1)
        vertices, rings = max(vertices, v + w + x), max(rings, r + t + u)
        classes, most = max(classes, start[p + 1] - start[p]), max(most, b - a)
    s, heights = slabs.new_scratch(vertices, rings, classes, most), np.empty(256)
    for p in range(lo, hi):
        parcel = -1 if pairs.inside[p] else pairs.parcel[p]
        room = 1
        while room > 0:
            room = _job(s, layers, pairs.plate[p], parcel, heights, (share, own, start[p]), start[p + 1])
            if room > 0:
                heights = np.empty(2 * room)
        for k in range(4):  # a row as an array would compile the texts of its errors
            total[p, k] = s.acc[k]


@kernel(parallel=True)
def _jobs(plates, parts, parcels, pairs, start, total, share, own, blocks):
    """Compute all pairs, block by block; each pair writes its own rows."""
    n = pairs.plate.size
    for block in numba.prange(blocks):
        lo, hi = n * block // blocks, n * (block + 1) // blocks
        _block(Layers(plates, parts, parcels), pairs, start, total, share, own, lo, hi)


def overlay_areas(plates: Shapes, parts: Shapes, parcels: Shapes, pairs: Pairs, *, start: Any) -> Overlay:
    """Compute for each pair of a plate and a parcel the area in voids, in spaces, and in each class of space.

    Parameters
    ----------
    plates
        Polygons; coordinates in metres, whole coordinates of a map zone do no harm.
    parts
        Voids (``kind`` -1) and spaces (``kind`` their class from 0) of each plate. Only what lies on the plate counts;
        of a space only what lies over no void.
    parcels
        Polygons that cut the plates.
    pairs
        Which pairs to compute, from ``meet_parcels`` or ``every_plate``.
    start
        First result of each pair, shape (pairs + 1): ``start[p + 1] - start[p]`` is the number of classes that
        ``parts.kind`` may take there. Classes with lower numbers take overlaps first.

    Returns
    -------
    Overlay
        Areas [m²]. Each row depends on its own pair only, so the result has the same bits on any number of threads.
    """
    n = len(pairs.plate)
    total, share, own = np.empty((n, 4)), np.empty(start[n]), np.empty(start[n])
    _jobs(plates, parts, parcels, pairs, start, total, share, own, max(1, min(256, n // 32)))
    return Overlay(pairs, total, start, share, own)
