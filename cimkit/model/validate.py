"""What is doubtful in a community, table by table, each with a code, a place and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely

from cimkit.geometry.polygons import Polygons
from cimkit.geometry.topology import connected_parts
from cimkit.model.community import Community
from cimkit.model.kinds import PathKind, Provenance, SpaceKind, Status, StoreyKind
from cimkit.model.notes import Note, Notes, noted
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
    checks = (_tables, _heights, _storeys, _footprints, _parcels, _spaces, _declared, _network, _frame)
    return community.notes + Notes.of(note for check in checks for note in check(community))


def _each(code: str, text: str, table: Table, rows: Any, values: Any = None, *, fix: str = "") -> Iterator[Note]:
    """Yield a note per row, with its value if there are values, at most ``MOST``; then one that counts the rest."""
    rows = np.asarray(rows)
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    shown, more = rows[:MOST], max(len(rows) - MOST, 0)
    told = [""] * MOST if values is None else [f"{v:.3g}" if isinstance(v, float) else str(v) for v in values[:MOST]]
    for row, (x, y), value in zip(shown, table.places(shown).tolist(), told, strict=False):
        yield Note(code, text, table.title(), str(table.names()[row]), x, y, value, fix)
    yield from noted(code, f"{text} (and {more} more)", more, table.title())


def _once(rows: Any, values: Any) -> tuple[Any, Any]:
    """Return each row once, and the first of its values."""
    rows, first = np.unique(rows, return_index=True)
    return rows, values[first]


def _tables(community: Community) -> Iterator[Note]:
    """Yield repeated and missing ids, infinite numbers, shares outside 0–1, negative sizes, and faulty outlines."""
    for title, table in community.tables.items():
        if hasattr(table, "id"):
            ids = table.id.astype(str)
            _, where, counts = np.unique(ids, return_inverse=True, return_counts=True)
            repeated = (counts[where] > 1) & (ids != "")
            yield from _each("M01", "the id stands more than once", table, repeated, fix="Give each its own id.")
            yield from noted("M02", f"{(ids == '').sum()} rows have no id", ids == "", title)
        for col in (c for c in table.columns() if c.dtype is float):
            values = getattr(table, col.name)
            low = 0.0 if col.name in SHARES | POSITIVE else -np.inf
            bad = np.isinf(values) | (values < low) | (values > (1.0 if col.name in SHARES else np.inf))
            yield from _each("M05", f"{col.name} is out of range", table, bad, values[bad], fix="Correct the number.")
        shape = getattr(table, table.shape_column() or "-", None)
        if isinstance(shape, Polygons):
            yield from _outlines(table, shape)


def _outlines(table: Table, outlines: Polygons) -> Iterator[Note]:
    """Yield empty, self-crossing, repeated-point and wrongly turned outlines."""
    shapes = outlines.to_shapely()
    yield from _each("G101", "the outline has no area", table, shapely.is_empty(shapes) & (table.title() != "plates"))
    for row in np.flatnonzero(~shapely.is_valid(shapes))[:MOST]:
        reason = str(shapely.is_valid_reason(shapes[row]))
        code = "G201" if "hole" in reason.lower() else "G104"
        yield from _each(code, reason.partition("[")[0], table, [row], fix="Use clean_polygons().")
    start, row = outlines.sides()
    repeated = np.unique(row[(outlines.xy[start] == outlines.xy[start + 1]).all(axis=1)])
    yield from _each("G102", "points of the outline repeat", table, repeated)


def _heights(community: Community) -> Iterator[Note]:
    """Yield missing, guessed and implausible heights of buildings."""
    b = community.buildings
    yield from _each("H01", "the height is missing", b, ~(b.height > 0), fix="Give height or storeys.")
    guesses = (Provenance.DEFAULT, Provenance.FROM_STOREYS)
    guessed = np.isin(b.height_src, guesses) | (b.storeys_src == Provenance.DEFAULT)
    if not any(n.code == "H02" for n in community.notes):
        text = f"{guessed.sum()} buildings have a guessed height or number of storeys"
        yield from noted("H02", text, guessed, "buildings", b.id)


def _storeys(community: Community) -> Iterator[Note]:
    """Yield implausible storey heights, gaps between storeys, all-open buildings, and overhangs."""
    s, b = community.storeys, community.buildings
    low, high = STOREY_HEIGHTS
    odd = (s.level > 0) & ((s.height < low) | (s.height > high)) & (s.kind != StoreyKind.ATTIC)
    text, fix = f"a storey height lies outside {low:g}–{high:g} m", "Check height against number of storeys."
    yield from _each("H03", text, b, *_once(s.building[odd], s.height[odd]), fix=fix)
    order = np.lexsort((s.level, s.building))
    building, z, height, plate = s.building[order], s.z[order], s.height[order], s.plate[order]
    gap, stacked = z[1:] - (z + height)[:-1], building[1:] == building[:-1]
    loose = stacked & (np.abs(gap) > 0.01)
    yield from _each("H04", "storeys leave a gap or overlap [m]", b, *_once(building[1:][loose], gap[loose]))
    walled = np.bincount(s.building, weights=s.enclosed, minlength=len(b))
    none = (np.bincount(s.building, minlength=len(b)) > 0) & (walled == 0)
    yield from _each("H06", "no storey has walls", b, none, fix="Check the kinds of its storeys.")
    if len(other := np.flatnonzero(stacked & (plate[1:] != plate[:-1]) & (s.level[order][1:] > 1))):
        shapes = community.plates.outline.to_shapely()
        over = shapely.area(shapely.difference(shapes[plate[other + 1]], shapes[plate[other]]))
        found = _once(building[other][over > 1.0], over[over > 1.0])
        yield from _each("H05", "a storey reaches beyond the one below [m²]", b, *found)


def _footprints(community: Community) -> Iterator[Note]:
    """Yield equal, overlapping and nearly touching footprints of buildings that stand at one time."""
    b = community.buildings
    shapes = b.footprint.to_shapely()
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
    equal = shared > 0.98 * (shapely.area(shapes[first]) + shapely.area(shapes[second]) - shared)
    overlap = (shared > OVERLAP) & ~equal
    yield from _each("P01", "the footprint stands twice", b, second[equal], b.id[first[equal]])
    text = "footprints overlap, see value for the other"
    fix = "Stacked volumes: give storeys their own outlines. Else mend the drawing."
    yield from _each("P02", text, b, second[overlap], b.id[first[overlap]], fix=fix)
    gaps = ~touching & (shapely.distance(shapes[first], shapes[second]) > 1e-6)
    text = f"{gaps.sum()} pairs of footprints are closer than 0.5 m without touching"
    yield from noted("P03", text, gaps, "buildings", b.id[first])


def _parcels(community: Community) -> Iterator[Note]:
    """Yield buildings that lie on no parcel or on more than one."""
    b, p = community.buildings, community.parcels
    if not len(p):
        return
    plots, shapes = p.outline.to_shapely(), b.footprint.to_shapely()
    parcel, building = shapely.STRtree(shapes).query(plots, predicate="intersects")
    shared = shapely.area(shapely.intersection(shapes[building], plots[parcel]))
    most = np.zeros(len(b))
    np.maximum.at(most, building, shared / np.maximum(shapely.area(shapes[building]), 1e-9))
    outside, split = most == 0, (most > 0) & (most < 0.98)
    yield from _each("P04", "the building lies across the parcel's border", b, split, most[split])
    yield from noted("P04", f"{outside.sum()} buildings lie on no parcel", outside, "buildings", b.id)


def _spaces(community: Community) -> Iterator[Note]:
    """Yield spaces and voids that reach beyond their plate, and spaces over voids."""
    s, v = community.spaces, community.voids
    plates = community.plates.outline.to_shapely()[community.storeys.plate]
    hangs = np.isin(s.kind, _HANGING) & (s.inside_structure < 0)
    inner = np.flatnonzero((s.storey >= 0) & (s.inside_structure != 0) & ~hangs)
    for table, rows in ((s, inner), (v, np.arange(len(v)))):
        out = shapely.area(shapely.difference(table.outline.take(rows).to_shapely(), plates[table.storey[rows]]))
        bad = out > OVERLAP
        yield from _each("P05", "reaches beyond its storey's plate [m²]", table, rows[bad], out[bad])
    shapes, voids = s.outline.to_shapely(), v.outline.to_shapely()
    space, void = shapely.STRtree(voids).query(shapes, predicate="intersects")
    same = s.storey[space] == v.storey[void]
    space, void = space[same], void[same]
    over = shapely.area(shapely.intersection(shapes[space], voids[void]))
    yield from _each("P06", "lies over a void [m²]", s, space[over > OVERLAP], over[over > OVERLAP])


def _declared(community: Community) -> Iterator[Note]:
    """Yield storeys and parcels whose declared area differs from the computed one."""
    s, p = community.storeys, community.parcels
    for table, areas in ((p, p.outline.areas()), (s, community.plates.outline.areas()[s.plate])):
        off = np.abs(table.area_declared - areas) > SAME_AREA * np.maximum(areas, 1e-9)
        values = np.round((table.area_declared / np.maximum(areas, 1e-9) - 1)[off] * 100, 1)
        yield from _each("P07", "declared differs from computed area [%]", table, off, values)


def _network(community: Community) -> Iterator[Note]:
    """Yield separate parts of the path network, and entrances far from it or reached by steps only."""
    nodes, edges, doors = community.path_nodes, community.path_edges, community.entrances
    if not len(edges):
        if len(community.buildings):
            yield Note("N05", "there are no paths; walking uses straight lines", "path_edges")
        return
    label = connected_parts(edges.start, edges.end, len(nodes))
    used = np.unique(np.concatenate([edges.start, edges.end]))
    if len(sizes := np.unique(label[used], return_counts=True)[1]) > 1:
        text = f"{len(sizes)} separate parts; the largest has {sizes.max()} of {len(used)} nodes"
        yield Note("N01", text, "path_edges", count=len(sizes), fix="Join the parts where people can walk.")
    if len(doors):
        tree = shapely.STRtree(edges.course.to_shapely())
        at = shapely.points(np.column_stack([doors.x, doors.y]))
        which, distance = tree.query_nearest(at, all_matches=False, return_distance=True)
        far = distance > FAR_FROM_PATH
        yield from _each("N02", "the nearest path is far [m]", doors, which[0][far], distance[far])
        stairs = edges.kind == PathKind.STEPS
        flat = np.unique(np.concatenate([edges.start[~stairs], edges.end[~stairs]]))
        level = connected_parts(edges.start[~stairs], edges.end[~stairs], len(nodes))
        main = np.bincount(level[flat]).argmax() if len(flat) else -1
        near = edges.start[which[1]]
        only = (level[near] != main) & (label[near] == label[flat[0]] if len(flat) else False)
        yield from _each("N03", "reached by steps only", doors, which[0][only & ~far])


def _frame(community: Community) -> Iterator[Note]:
    """Yield a missing CRS where nothing else says where the place is, and an origin outside the CRS's area of use."""
    frame = community.frame
    if not frame.crs:
        if community.location is None:
            text = "the frame has no CRS and no location is given; there is no map and no sun from it"
            yield Note("C01", text, fix="Give crs= or a location.")
        return
    import pyproj

    area = pyproj.CRS(frame.crs).area_of_use
    lon, lat = frame.lonlat()[0]
    if area and not (area.west - 1 <= lon <= area.east + 1 and area.south - 1 <= lat <= area.north + 1):
        text = f"the origin ({lon:.3f}° E, {lat:.3f}° N) lies outside {area.name}"
        yield Note("C02", text, value=frame.crs, fix="Check the CRS label and swapped axes.")
