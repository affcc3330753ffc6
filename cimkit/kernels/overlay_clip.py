"""Overlaps of a few convex rings within a simple polygon, by cutting along sides (Sutherland & Hodgman 1974).

Most spaces are rectangles, few of which overlap. The area of every combination follows from the areas of
their intersections, and those from cutting: far less work than a sweep.
"""

from cimkit.kernels._jit import woven
from cimkit.kernels.overlay_edges import ring_area

CLIP_PARTS = 4  # more parts in a group have too many combinations; they are swept
CLIP_ROOM = 64  # vertices of a cut ring; larger ones are swept


@woven
def _cut(clip, source, n, target, ax, ay, dx, dy):
    """Keep what lies left of the line through (ax, ay) along (dx, dy); return the vertices, -1 if they do not fit."""
    m = 0
    px, py = clip[source, 0, n - 1], clip[source, 1, n - 1]
    before = dx * (py - ay) - dy * (px - ax)
    for k in range(n):
        qx, qy = clip[source, 0, k], clip[source, 1, k]
        here = dx * (qy - ay) - dy * (qx - ax)
        if (here >= 0.0) != (before >= 0.0):
            t = before / (before - here)
            clip[target, 0, m], clip[target, 1, m] = px + t * (qx - px), py + t * (qy - py)
            m += 1
        if here >= 0.0:
            clip[target, 0, m], clip[target, 1, m] = qx, qy
            m += 1
        if m + 2 > clip.shape[2]:
            return -1
        px, py, before = qx, qy, here
    return m


@woven
def twice_area(clip, at, n):
    """Compute twice the signed area of a ring without its closing vertex [m²]."""
    twice = 0.0
    px, py = clip[at, 0, n - 1], clip[at, 1, n - 1]
    for k in range(n):
        x, y = clip[at, 0, k], clip[at, 1, k]
        twice += px * y - x * py
        px, py = x, y
    return twice


@woven
def cut_by_ring(clip, source, n, target, shapes, ring, origin):
    """Cut a ring by a convex one into the places ``target`` and ``target`` + 1; return its vertices and place."""
    xy, a, b = shapes.xy, shapes.ring[ring], shapes.ring[ring + 1]
    turn = 1.0 if ring_area(xy, a, b) > 0.0 else -1.0
    for k in range(a, b - 1):
        dx, dy = turn * (xy[k + 1, 0] - xy[k, 0]), turn * (xy[k + 1, 1] - xy[k, 1])
        n = _cut(clip, source, n, target, xy[k, 0] - origin[0], xy[k, 1] - origin[1], dx, dy)
        if n <= 0:
            return n, target
        source, target = target, target ^ 1
    return n, source


@woven
def intersections(s, sign, count, parts, origin):
    """Add the area of a ring within each set of convex parts to ``s.table``; tell whether all fitted.

    The ring stands at place 0 of ``s.clip``. A set of parts is a bit mask; its ring is that of the set without the
    highest part, cut by that part. ``s.clip_size``: vertices of each set.
    """
    clip, size, place = s.clip, s.clip_size, s.clip_place
    for mask in range(1, 1 << count):
        top = 0
        while mask >> (top + 1):
            top += 1
        parent = mask ^ (1 << top)
        size[mask] = 0
        if size[parent] == 0:
            continue
        ring = parts.poly[s.row[s.member[top]]]
        n, at = cut_by_ring(clip, place[parent], size[parent], 2 * mask, parts, ring, origin)
        if n < 0:
            return False
        size[mask], place[mask] = n, at
        s.table[mask] += 0.5 * sign * abs(twice_area(clip, at, n))
    return True


@woven
def split_areas(table, count):
    """Turn areas within at least the parts of each set into areas within exactly those parts."""
    for bit in range(count):
        for mask in range(1 << count):
            if not mask >> bit & 1:
                table[mask] -= table[mask | (1 << bit)]
