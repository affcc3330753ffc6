"""The slab sweep itself: edges of one job in, areas by class out."""

from collections import namedtuple

import numpy as np

from cimkit.kernels._jit import inner, woven
from cimkit.kernels.overlay_clip import CLIP_PARTS, CLIP_ROOM

PARCEL, PLATE, VOID, SPACE = 0, 1, 2, 3  # classes of edges; spaces of class c have SPACE + c, voids are class -1
GROSS, VOIDS, NET, COVERED = 0, 1, 2, 3  # columns of Overlay.total
EDGES, RINGS, PARTS, LOOSE = 0, 1, 2, 3  # places in Scratch.size
FLAT = 1e-200  # [m] rise of edges that are taken as level: their slope would be infinite
HOLE = -1_000_000  # weight of a hole in its polygon's score
TABLE_BITS = 12  # parcel, plate, void and up to nine classes of space have one table entry for each combination
_SCRATCH = (
    "x0 y0 y1 slope key at ring turn order active ring_count ring_part ring_weight part_score part_kind part_bit "
    "size fixed count local live kind_of table acc box row kind label member clip clip_size clip_place"
)


class Scratch(namedtuple("Scratch", _SCRATCH)):
    """Working arrays of one block of jobs, allocated once for it.

    Rising edges: lower end ``x0``, ``y0``, upper height ``y1``, ``slope`` dx/dy, ``ring``, and ``turn``, 1 or -1 if
    drawn upwards or down; their ``order`` by ``key``; those in a slab ``active``, crossing its middle ``at``. State of
    rings and of polygons (``part_``); ``count`` of polygons of each class here, ``fixed`` those of the whole window,
    ``live`` classes here; ``local`` numbers of classes, ``kind_of`` the bits of a set, the ``table`` of all sets.
    Parts of the plate: ``box``, ``row``, ``kind``, ``label`` of the group, ``member`` of it; rings to ``clip``.
    """


@inner
def new_scratch(edges, rings, classes, parts):
    """Allocate the working arrays for jobs of up to so many edges, rings, classes of space, and parts."""
    i = np.intp
    return Scratch(
        x0=np.empty(edges),
        y0=np.empty(edges),
        y1=np.empty(edges),
        slope=np.empty(edges),
        ring=np.empty(edges, i),
        turn=np.empty(edges, i),
        order=np.empty(edges, i),
        key=np.empty(edges),
        active=np.empty(edges, i),
        at=np.empty(edges),
        size=np.zeros(4, i),
        ring_count=np.zeros(rings, i),
        ring_part=np.zeros(rings, i),
        ring_weight=np.zeros(rings, i),
        part_score=np.zeros(parts + 2, i),
        part_kind=np.zeros(parts + 2, i),
        part_bit=np.zeros(parts + 2, i),
        count=np.zeros(SPACE + classes, i),
        fixed=np.zeros(2, i),
        live=np.empty(classes + 1, i),
        local=np.zeros(SPACE + classes, i),
        kind_of=np.zeros(TABLE_BITS + classes, i),
        table=np.zeros(1 << TABLE_BITS),
        acc=np.zeros(4),
        box=np.empty((parts, 4)),
        row=np.empty(parts, i),
        kind=np.empty(parts, i),
        label=np.empty(parts, i),
        member=np.zeros(CLIP_PARTS, i),
        clip=np.empty((2 << CLIP_PARTS, 2, CLIP_ROOM)),
        clip_size=np.zeros(1 << CLIP_PARTS, i),
        clip_place=np.zeros(1 << CLIP_PARTS, i),
    )


@woven
def _insert(keys, rows, n, key, row):
    """Put a row behind the first n, which are in order of their keys (jobs have about twenty edges)."""
    k = n - 1
    while k >= 0 and keys[k] > key:
        keys[k + 1], rows[k + 1] = keys[k], rows[k]
        k -= 1
    keys[k + 1], rows[k + 1] = key, row


@woven
def _crossings(s, m, heights):
    """Write the heights at which two edges cross; return how many there are (perhaps more than fit)."""
    n = 0
    for p in range(m):
        i = s.order[p]
        x0, y0, y1, slope = s.x0[i], s.y0[i], s.y1[i], s.slope[i]
        for q in range(p + 1, m):
            low = s.key[q]
            if low >= y1:
                break
            j = s.order[q]
            high = min(y1, s.y1[j])
            gap = (s.x0[j] - x0) - (low - y0) * slope  # signed gap at both ends of the common range
            end = gap + (high - low) * (s.slope[j] - slope)
            if gap * end < 0.0:
                if n < heights.size:
                    heights[n] = low + (high - low) * (gap / (gap - end))
                n += 1
    return n


@woven
def _sort(values, n):
    """Sort the first n values (by shrinking gaps: insertion for the usual ten, no memory for thousands)."""
    gap = 1
    while gap < n // 9:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, n):
            value = values[i]
            k = i - gap
            while k >= 0 and values[k] > value:
                values[k + gap] = values[k]
                k -= gap
            values[k + gap] = value
        gap //= 3


@woven
def add_polygon(s, shapes, row, kind, origin, window):
    """Append the rising edges of a polygon of a class, moved to the origin and clipped to the window.

    ``window``: right, low and high end. Edges right of it are left out: the sweep goes from left to right and never
    needs them; only the last polygon may lack some.
    """
    xy, m, ring, part = shapes.xy, s.size[EDGES], s.size[RINGS], s.size[PARTS]
    (ox, oy), (x_hi, y_lo, y_hi) = origin, window
    s.size[LOOSE], s.part_score[part], s.part_kind[part] = ring, 0, kind
    for r in range(shapes.poly[row], shapes.poly[row + 1]):
        s.ring_count[ring], s.ring_part[ring] = 0, part
        s.ring_weight[ring] = 1 if r == shapes.poly[row] else HOLE
        for k in range(shapes.ring[r], shapes.ring[r + 1] - 1):
            x0, y0, x1, y1 = xy[k, 0] - ox, xy[k, 1] - oy, xy[k + 1, 0] - ox, xy[k + 1, 1] - oy
            turn = 1
            if y1 < y0:
                x0, y0, x1, y1 = x1, y1, x0, y0
                turn = -1
            if y1 - y0 < FLAT or y1 <= y_lo or y0 >= y_hi or min(x0, x1) >= x_hi:
                continue
            slope = (x1 - x0) / (y1 - y0)
            if y0 < y_lo:
                x0 += (y_lo - y0) * slope
                y0 = y_lo
            s.x0[m], s.y0[m], s.y1[m], s.slope[m] = x0, y0, min(y1, y_hi), slope
            s.ring[m], s.turn[m] = ring, turn
            m += 1
        ring += 1
    s.size[EDGES], s.size[RINGS], s.size[PARTS] = m, ring, part + 1


@woven
def _cross(s, edge):
    """Cross an edge from left to right: return by how much the number of its class's polygons here changes.

    A ring fills where its winding number is not 0; a polygon is its outer ring less its holes; so a score of 1
    says inside, whichever way round rings are drawn and however they cross themselves.
    """
    ring = s.ring[edge]
    before = s.ring_count[ring]
    after = before - s.turn[edge]
    s.ring_count[ring] = after
    part = s.ring_part[ring]
    score = s.part_score[part]
    changed = score + (int(after != 0) - int(before != 0)) * s.ring_weight[ring]
    s.part_score[part] = changed
    return int(changed == 1) - int(score == 1)


@woven
def _list_space(s, kind, live, change):
    """Put a class of space on the list of those that cover this place, kept in order, or take it off."""
    k = live - 1
    if change > 0:
        while k >= 0 and s.live[k] > kind:
            s.live[k + 1] = s.live[k]
            k -= 1
        s.live[k + 1] = kind
        return live + 1
    while s.live[k] != kind:
        k -= 1
    while k < live - 1:
        s.live[k] = s.live[k + 1]
        k += 1
    return live - 1


@woven
def _scan_lists(s, active, height, out):
    """Walk one slab from left to right and add each gap's area to all that cover it, however many they are."""
    live, (share, own, first) = 0, out
    for t in range(active):
        e = s.active[t]
        kind = s.part_kind[s.ring_part[s.ring[e]]]
        before = s.count[kind]
        after = before + _cross(s, e)
        s.count[kind] = after
        if kind >= SPACE and (before != 0) != (after != 0):
            live = _list_space(s, kind, live, after - before)
        if t + 1 < active and s.count[PARCEL] != 0 and s.count[PLATE] != 0:
            area = (s.at[t + 1] - s.at[t]) * height
            s.acc[GROSS] += area
            if s.count[VOID] != 0:
                s.acc[VOIDS] += area
            elif live > 0:
                s.acc[COVERED] += area
                own[first + s.live[0] - SPACE] += area
                for k in range(live):
                    share[first + s.live[k] - SPACE] += area


@woven
def _scan_table(s, active, height, state):
    """Walk one slab from left to right and add each gap's area to the entry of its combination of classes."""
    e = s.active[0]
    for t in range(active):
        bit = s.part_bit[s.ring_part[s.ring[e]]]
        after = s.count[bit] + _cross(s, e)
        s.count[bit] = after
        state = (state & ~(1 << bit)) | ((after != 0) << bit)
        if t + 1 < active:
            e = s.active[t + 1]
            s.table[state] += (s.at[t + 1] - s.at[t]) * height


@woven
def _number_classes(s):
    """Give the classes at hand small numbers, so that each combination has a table entry; return their number."""
    n, s.kind_of[VOID] = SPACE, VOID
    for part in range(s.size[PARTS]):
        kind = s.part_kind[part]
        if kind >= SPACE and s.local[kind] == 0:
            s.local[kind], s.kind_of[n] = n, kind
            n += 1
        s.part_bit[part] = kind if kind < SPACE else s.local[kind]
    for part in range(s.size[PARTS]):
        s.local[s.part_kind[part]] = 0
    if n <= TABLE_BITS:
        s.table[: 1 << n] = 0.0
    return n


@woven
def add_set(s, mask, n, area, out):
    """Add an area that lies within exactly those of the first n classes ``s.kind_of`` that are bits of a set."""
    share, own, first = out
    lowest = 1 << 30
    for k in range(n):
        if mask >> k & 1:
            if s.kind_of[k] == VOID:
                s.acc[VOIDS] += area
                return
            lowest = min(lowest, s.kind_of[k])
    s.acc[COVERED] += area
    own[first + lowest - SPACE] += area
    for k in range(n):
        if mask >> k & 1:
            again = False
            for j in range(k):
                again = again or (mask >> j & 1 and s.kind_of[j] == s.kind_of[k])
            if not again:
                share[first + s.kind_of[k] - SPACE] += area


@woven
def _read_table(s, bits, out):
    """Add the areas of all combinations of classes within parcel and plate to what they belong to."""
    for state in range(3, 1 << bits, 4):
        area = s.table[state]
        if area != 0.0:
            s.acc[GROSS] += area
            if state > 3:
                add_set(s, state - 3, bits, area, out)


@woven
def _renew(s):
    """Make the state left of all edges: only the last polygon may lack edges on the right and need it."""
    for ring in range(s.size[LOOSE], s.size[RINGS]):
        s.ring_count[ring] = 0
    s.part_score[s.size[PARTS] - 1] = 0
    s.count[PARCEL], s.count[PLATE] = s.fixed[PARCEL], s.fixed[PLATE]


@woven
def sweep(s, heights, out):
    """Add the areas of the polygons collected; return 0, or for how many heights there should be room.

    ``s.fixed`` says in which of parcel and plate the whole window lies.
    """
    m = s.size[EDGES]
    for i in range(m):
        _insert(s.key, s.order, i, s.y0[i], i)
    crossings = _crossings(s, m, heights)
    if crossings > heights.size:  # rare: hundreds of edges that cross one another
        return crossings
    _sort(heights, crossings)
    # A table entry for each combination of classes: 1.4 times faster than lists of covering spaces.
    bits = _number_classes(s)
    base = s.fixed[PARCEL] | (s.fixed[PLATE] << PLATE)
    s.count[:] = 0
    active, started, crossed = 0, 0, 0
    low = 0.0
    while active > 0 or started < m:
        if active == 0:
            low = s.key[started]
        kept = 0
        high = 1e300
        for t in range(active):
            i = s.active[t]
            s.active[kept] = i
            if s.y1[i] > low:
                kept += 1
                high = min(high, s.y1[i])
        while started < m and s.key[started] <= low:
            i = s.order[started]
            s.active[kept] = i
            started += 1
            kept += 1
            high = min(high, s.y1[i])
        active = kept
        if active == 0:
            continue
        if started < m:
            high = min(high, s.key[started])
        while crossed < crossings and heights[crossed] <= low:
            crossed += 1
        if crossed < crossings:
            high = min(high, heights[crossed])
        middle = 0.5 * (low + high)
        for t in range(active):
            i = s.active[t]
            _insert(s.at, s.active, t, s.x0[i] + (middle - s.y0[i]) * s.slope[i], i)
        _renew(s)
        if bits <= TABLE_BITS:
            _scan_table(s, active, high - low, base)
        else:
            _scan_lists(s, active, high - low, out)
        low = high
    if bits <= TABLE_BITS:
        _read_table(s, bits, out)
    return 0
