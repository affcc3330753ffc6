"""What is doubtful in a community, table by table, each with a code, a place and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.geometry.polygons import Polygons
from cimkit.geometry.topology import connected_parts
from cimkit.model.kinds import PathKind, Provenance, SpaceKind, Status, StoreyKind
from cimkit.model.notes import Note, Notes, noted

if TYPE_CHECKING:
    from cimkit.model.community import Community
    from cimkit.model.table import Table

MOST = 1000  # objects listed one by one for each finding; the rest are counted
STOREY_HEIGHTS = (2.2, 6.0)  # [m] outside this a storey height is doubtful
FAR_FROM_PATH = 50.0  # [m] an entrance farther than this from any path is doubtful
SAME_AREA = 0.01  # relative difference up to which declared and computed area agree
OVERLAP = 0.5  # [m²] smaller overlaps are drawing accuracy
_HANGING = range(SpaceKind.SKY_GARDEN, SpaceKind.EQUIPMENT_PLATFORM + 1)  # may stand out from the storey
SHARES = {"planted_share", "density_max", "green_min"}
POSITIVE = {"height", "area", "land_area", "capacity", "width", "persons", "area_declared", "inner_area", "length"}


def validate(community: Community) -> Notes:
    """List what is doubtful in a community.

    Parameters
    ----------
    community
        What to look at.

    Returns
    -------
    The report
        What was noted while it was built, and one note per doubtful object; codes as in
        ``cimkit.model.notes.CODES``.

    Examples
    --------
    >>> from cimkit.model.community import Community
    >>> from cimkit.model.records import Building
    >>> flat = Building("B1", [(0, 0), (9, 0), (9, 9), (0, 9)], storeys=3, storey_height=1.5)
    >>> validate(Community.of(buildings=[flat])).summary()["H03"]
    1
    """
    found: list[Note] = []
    for title, table in community.tables.items():
        found += _ids(title, table) + _numbers(table)
        shape = getattr(table, table.shape_column() or "-", None)
        if isinstance(shape, Polygons):
            found += _outlines(title, table, shape)
    found += _heights(community) + _storeys(community) + _footprints(community) + _parcels(community)
    found += _spaces(community) + _declared(community) + _network(community) + _frame(community)
    return community.notes + Notes.of(found)


def _each(code: str, text: str, table: Table, rows: Any, *, values: Any = None, fix: str = "") -> list[Note]:
    """Return a note per row, at most ``MOST``, then one that counts the rest."""
    rows = np.asarray(rows)
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    shown, names = rows[:MOST], table.names()
    places = table.places(shown).tolist()
    texts = [""] * len(shown) if values is None else [_short(v) for v in values[:MOST]]
    notes = [
        Note(code, text, table.title(), str(names[row]), x, y, value=value, fix=fix)
        for row, (x, y), value in zip(shown, places, texts, strict=True)
    ]
    if len(rows) > MOST:
        notes.append(Note(code, f"{text} (and {len(rows) - MOST} more)", table.title(), count=len(rows) - MOST))
    return notes


def _short(value: Any) -> str:
    """Return a value as short text."""
    return f"{value:.3g}" if isinstance(value, (float, np.floating)) else str(value)


def _ids(title: str, table: Table) -> list[Note]:
    """Return repeated and missing ids."""
    if not hasattr(table, "id"):
        return []
    ids = table.id.astype(str)
    _, where, counts = np.unique(ids, return_inverse=True, return_counts=True)
    empty = ids == ""
    repeated = (counts[where] > 1) & ~empty
    notes = _each("M01", "the id stands more than once", table, repeated, fix="Give each its own id.")
    return notes + noted("M02", f"{empty.sum()} rows have no id", empty, title)


def _numbers(table: Table) -> list[Note]:
    """Return infinite numbers, shares outside 0–1, and negative sizes."""
    notes: list[Note] = []
    for col in table.columns():
        if col.dtype is not float:
            continue
        values = getattr(table, col.name)
        low = 0.0 if col.name in SHARES | POSITIVE else -np.inf
        bad = np.isinf(values) | (values < low) | (values > (1.0 if col.name in SHARES else np.inf))
        text = f"{col.name} is out of range"
        notes += _each("M05", text, table, bad, values=values[bad], fix="Correct the number.")
    return notes


def _outlines(title: str, table: Table, outlines: Polygons) -> list[Note]:
    """Return empty, self-crossing, repeated-point and wrongly turned outlines."""
    shapes = outlines.to_shapely()
    empty = shapely.is_empty(shapes) & (title != "plates")
    notes = _each("G101", "the outline has no area", table, empty)
    broken = np.flatnonzero(~shapely.is_valid(shapes))
    for row in broken[:MOST]:
        reason = str(shapely.is_valid_reason(shapes[row]))
        code = "G201" if "hole" in reason.lower() else "G104"
        notes += _each(code, reason.partition("[")[0], table, [row], fix="Use clean_polygons().")
    start, row = outlines.sides()
    repeated = np.unique(row[(outlines.xy[start] == outlines.xy[start + 1]).all(axis=1)])
    return notes + _each("G102", "points of the outline repeat", table, repeated)


def _heights(community: Community) -> list[Note]:
    """Return missing, guessed and implausible heights of buildings."""
    b = community.buildings
    if len(b) == 0:
        return []
    notes = _each("H01", "the height is missing", b, ~(b.height > 0), fix="Give height or storeys.")
    guessed = np.isin(b.height_src, (Provenance.DEFAULT, Provenance.FROM_STOREYS))
    guessed |= b.storeys_src == Provenance.DEFAULT
    if not any(n.code == "H02" for n in community.notes):
        text = f"{guessed.sum()} buildings have a guessed height or number of storeys"
        notes += noted("H02", text, guessed, "buildings", b.id)
    return notes


def _storeys(community: Community) -> list[Note]:
    """Return implausible storey heights, gaps between storeys, overhangs, and all-open buildings."""
    s, b = community.storeys, community.buildings
    if len(s) == 0:
        return []
    low, high = STOREY_HEIGHTS
    odd = (s.level > 0) & ((s.height < low) | (s.height > high)) & (s.kind != StoreyKind.ATTIC)
    rows, first = np.unique(s.building[odd], return_index=True)
    text = f"a storey height lies outside {low:g}–{high:g} m"
    notes = _each("H03", text, b, rows, values=s.height[odd][first], fix="Check height against number of storeys.")
    order = np.lexsort((s.level, s.building))
    building, z, height = s.building[order], s.z[order], s.height[order]
    gap = z[1:] - (z + height)[:-1]
    loose = (building[1:] == building[:-1]) & (np.abs(gap) > 0.01)
    rows, first = np.unique(building[1:][loose], return_index=True)
    notes += _each("H04", "storeys leave a gap or overlap [m]", b, rows, values=gap[loose][first])
    walled = np.bincount(s.building, weights=s.enclosed, minlength=len(b))
    none = (np.bincount(s.building, minlength=len(b)) > 0) & (walled == 0)
    notes += _each("H06", "no storey has walls", b, none, fix="Check the kinds of its storeys.")
    plate = s.plate[order]
    other = (building[1:] == building[:-1]) & (plate[1:] != plate[:-1]) & (s.level[order][1:] > 1)
    if other.any():
        shapes = community.plates.outline.to_shapely()
        over = shapely.area(shapely.difference(shapes[plate[1:][other]], shapes[plate[:-1][other]]))
        rows, first = np.unique(building[1:][other][over > 1.0], return_index=True)
        values = over[over > 1.0][first]
        notes += _each("H05", "a storey reaches beyond the one below [m²]", b, rows, values=values)
    return notes


def _footprints(community: Community) -> list[Note]:
    """Return equal, overlapping and nearly touching footprints of buildings that stand at one time."""
    b = community.buildings
    shapes = b.footprint.to_shapely()
    if len(shapes) < 2:
        return []
    first, second = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=0.5)
    once = first < second
    first, second = first[once], second[once]
    low, high = b.ground_z + b.base, b.ground_z + b.height
    at_once = b.status[first] + b.status[second] != Status.PLANNED + Status.DEMOLISH  # one goes, the other comes
    bridges = (low[first] >= high[second] - 0.01) | (low[second] >= high[first] - 0.01)
    whole = shapely.is_valid(shapes[first]) & shapely.is_valid(shapes[second])
    first, second = (v[at_once & ~bridges & whole] for v in (first, second))
    touching = shapely.intersects(shapes[first], shapes[second])
    shared = np.zeros(len(first))
    shared[touching] = shapely.area(shapely.intersection(shapes[first[touching]], shapes[second[touching]]))
    union = shapely.area(shapes[first]) + shapely.area(shapes[second]) - shared
    equal = shared > 0.98 * union
    overlap = (shared > OVERLAP) & ~equal
    names = b.id
    notes = _each("P01", "the footprint stands twice", b, second[equal], values=names[first[equal]])
    fix = "Stacked volumes: give storeys their own outlines. Else mend the drawing."
    text = "footprints overlap, see value for the other"
    notes += _each("P02", text, b, second[overlap], values=names[first[overlap]], fix=fix)
    gaps = ~touching & (shapely.distance(shapes[first], shapes[second]) > 1e-6)
    text = f"{gaps.sum()} pairs of footprints are closer than 0.5 m without touching"
    return notes + noted("P03", text, gaps, "buildings", names[first])


def _parcels(community: Community) -> list[Note]:
    """Return buildings that lie on no parcel or on more than one."""
    b, p = community.buildings, community.parcels
    if len(p) == 0 or len(b) == 0:
        return []
    plots, shapes = p.outline.to_shapely(), b.footprint.to_shapely()
    parcel, building = shapely.STRtree(shapes).query(plots, predicate="intersects")
    shared = shapely.area(shapely.intersection(shapes[building], plots[parcel]))
    most = np.zeros(len(b))
    np.maximum.at(most, building, shared / np.maximum(shapely.area(shapes[building]), 1e-9))
    outside = most == 0
    split = ~outside & (most < 0.98)
    notes = _each("P04", "the building lies across the parcel's border", b, split, values=most[split])
    return notes + noted("P04", f"{outside.sum()} buildings lie on no parcel", outside, "buildings", b.id)


def _spaces(community: Community) -> list[Note]:
    """Return spaces and voids that reach beyond their plate, and spaces over voids."""
    s, v = community.spaces, community.voids
    plates = community.plates.outline.to_shapely()[community.storeys.plate]
    notes: list[Note] = []
    hangs = np.isin(s.kind, _HANGING) & (s.inside_structure < 0)
    inner = np.flatnonzero((s.storey >= 0) & (s.inside_structure != 0) & ~hangs)
    for table, rows in ((s, inner), (v, np.arange(len(v)))):
        out = shapely.area(shapely.difference(table.outline.take(rows).to_shapely(), plates[table.storey[rows]]))
        bad = out > OVERLAP
        notes += _each("P05", "reaches beyond its storey's plate [m²]", table, rows[bad], values=out[bad])
    shapes, voids = s.outline.to_shapely(), v.outline.to_shapely()
    space, void = shapely.STRtree(voids).query(shapes, predicate="intersects")
    same = s.storey[space] == v.storey[void]
    space, void = space[same], void[same]
    over = shapely.area(shapely.intersection(shapes[space], voids[void]))
    return notes + _each("P06", "lies over a void [m²]", s, space[over > OVERLAP], values=over[over > OVERLAP])


def _declared(community: Community) -> list[Note]:
    """Return storeys and parcels whose declared area differs from the computed one."""
    notes: list[Note] = []
    s, p = community.storeys, community.parcels
    storey_areas = community.plates.outline.areas()[s.plate] if len(s) else np.zeros(0)
    for table, computed in ((p, p.outline.areas()), (s, storey_areas)):
        off = np.abs(table.area_declared - computed) > SAME_AREA * np.maximum(computed, 1e-9)
        values = np.round((table.area_declared / np.maximum(computed, 1e-9) - 1)[off] * 100, 1)
        notes += _each("P07", "declared differs from computed area [%]", table, off, values=values)
    return notes


def _network(community: Community) -> list[Note]:
    """Return separate parts of the path network, and entrances far from it or reached by steps only."""
    nodes, edges, doors = community.path_nodes, community.path_edges, community.entrances
    if len(edges) == 0:
        text = "there are no paths; walking uses straight lines"
        return [Note("N05", text, "path_edges")] if len(community.buildings) else []
    label = connected_parts(edges.start, edges.end, len(nodes))
    notes: list[Note] = []
    used = np.unique(np.concatenate([edges.start, edges.end]))
    sizes = np.bincount(label[used])
    if (sizes > 0).sum() > 1:
        small = np.sort(sizes[sizes > 0])[::-1]
        text = f"{len(small)} separate parts; the largest has {small[0]} of {len(used)} nodes"
        notes.append(Note("N01", text, "path_edges", count=len(small), fix="Join the parts where people can walk."))
    if len(doors):
        tree = shapely.STRtree(edges.course.to_shapely())
        at = shapely.points(np.column_stack([doors.x, doors.y]))
        which, distance = tree.query_nearest(at, all_matches=False, return_distance=True)
        far = distance > FAR_FROM_PATH
        notes += _each("N02", "the nearest path is far [m]", doors, which[0][far], values=distance[far])
        stairs = edges.kind == PathKind.STEPS
        flat = np.unique(np.concatenate([edges.start[~stairs], edges.end[~stairs]]))
        level = connected_parts(edges.start[~stairs], edges.end[~stairs], len(nodes))
        main = np.bincount(level[flat]).argmax() if len(flat) else -1
        near = edges.start[which[1]]
        only = (level[near] != main) & (label[near] == label[flat[0]] if len(flat) else False)
        notes += _each("N03", "reached by steps only", doors, which[0][only & ~far])
    return notes


def _frame(community: Community) -> list[Note]:
    """Return a missing CRS where nothing else says where the place is, and an origin outside the CRS's area of use."""
    frame = community.frame
    if not frame.crs:
        fix = "Give crs= or a location."
        none = Note("C01", "the frame has no CRS and no location is given; there is no map and no sun from it", fix=fix)
        return [none] if community.location is None else []
    import pyproj

    area = pyproj.CRS(frame.crs).area_of_use
    lon, lat = frame.lonlat()[0]
    if area and not (area.west - 1 <= lon <= area.east + 1 and area.south - 1 <= lat <= area.north + 1):
        text = f"the origin ({lon:.3f}° E, {lat:.3f}° N) lies outside {area.name}"
        return [Note("C02", text, value=frame.crs, fix="Check the CRS label and swapped axes.")]
    return []
