"""Records typed in by hand, turned into tables, and what is missing derived by a stated rule, and said.

Storeys, windows, dwellings, residents, entrances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import shapely

from cimkit.arrays import BoolArray, FloatArray, IntArray, one_of
from cimkit.errors import InputError
from cimkit.geometry.directions import azimuth_of, direction_of
from cimkit.geometry.polygons import Lines, Polygons
from cimkit.geometry.ragged import numbers_within, offsets_of, positions, ragged_rows, totals
from cimkit.geometry.topology import Network, connect_lines
from cimkit.model import tables as t
from cimkit.model.kinds import AgeBand, BuildingUse, EntranceKind, Provenance, RoomKind, StoreyKind
from cimkit.model.notes import Note, Notes, noted
from cimkit.model.records import Building, Facility, Parcel, Path, Space, Window
from cimkit.model.table import Table

if TYPE_CHECKING:
    from cimkit.model.community import Community

T = TypeVar("T", bound=Table)
HOUSING = (BuildingUse.RESIDENTIAL, BuildingUse.ELDERLY_HOUSING)
MOST_STOREYS = 300  # no building has more; damaged numbers do
DEFAULT_STOREYS = 3  # where neither height nor storeys are known; the note says for how many
STOREY_HEIGHT = {  # [m] usual floor to floor by use, 3.0 of others; our assumption, printed in the notes
    BuildingUse.KINDERGARTEN: 3.6,
    **dict.fromkeys((BuildingUse.OFFICE, BuildingUse.SCHOOL, BuildingUse.HOSPITAL), 3.9),
    **dict.fromkeys((BuildingUse.RETAIL, BuildingUse.CULTURE_SPORT, BuildingUse.INDUSTRIAL), 4.5),
}
BASEMENT_HEIGHT = 3.6  # [m]
AREA_PER_DWELLING = 100.0  # [m²] of storey
AREA_PER_PERSON = 35.0  # [m²] housing floor area per person, commentary to GB 50180-2018 (mark S)
AGE_SHARES = (0.1795, 0.6335, 0.1616, 0.0254)  # by age band, national census of 2020 (mark M)


def complete_heights(buildings: t.Buildings) -> tuple[t.Buildings, list[Note]]:
    """Fill missing heights and numbers of storeys, each with its provenance.

    Height from storeys × the use's usual storey height; storeys from height, rounded to the
    nearest; where both are missing, three storeys.

    Returns
    -------
    tuple
        The completed table and notes, one for each kind of guess.
    """
    b = buildings
    usual = np.array([STOREY_HEIGHT.get(use, 3.0) for use in BuildingUse])[b.use]
    absurd = (b.n_above > MOST_STOREYS) | (b.n_below > MOST_STOREYS)
    no_height, no_storeys = ~(b.height > 0), absurd | (b.n_above < 0)
    neither, from_height = no_height & no_storeys, no_storeys & ~no_height
    counted = np.clip(np.round((b.height - b.base) / usual), 1, MOST_STOREYS)
    storeys = np.select([neither, from_height], [DEFAULT_STOREYS, counted], b.n_above)
    sources: list[Any] = [Provenance.DEFAULT, Provenance.FROM_STOREYS, Provenance.TAGGED]
    height_src = np.select([neither, no_height, b.height_src == Provenance.UNKNOWN], sources, b.height_src)
    sources[1] = Provenance.FROM_HEIGHT
    storeys_src = np.select([neither, no_storeys, b.storeys_src == Provenance.UNKNOWN], sources, b.storeys_src)
    height = np.where(no_height, b.base + storeys * usual, b.height)
    filled = replace(b, height=height, n_above=storeys, height_src=height_src, storeys_src=storeys_src)
    notes = noted("M05", f"more than {MOST_STOREYS} storeys count as unknown", absurd, "buildings", buildings.id)
    for text, which in (
        ("height from storeys × usual storey height", no_height & ~neither),
        ("storeys from height, to the nearest", from_height),
        (f"no height and no storeys: {DEFAULT_STOREYS} storeys assumed", neither),
    ):
        notes += noted("H02", f"{text} ({which.sum()} of {len(which)})", which, "buildings", buildings.id)
    return replace(filled, n_below=np.where(absurd, 0, buildings.n_below)), notes


def derive_storeys(buildings: t.Buildings, *, each: Any = None, low: Any = None, stilt: Any = False) -> dict[str, Any]:
    """Write out plates and storeys over the footprint, each building's one plate (row = building row).

    Parameters
    ----------
    buildings
        With their numbers of storeys; basements are 3.6 m high.
    each
        Storey heights, shape (n) [m]; equal parts of the building's height without them.
    low
        Height of the ground storey where it differs, shape (n) [m].
    stilt
        Whether the ground storey is an open one, shape (n).
    """
    above, below = np.maximum(buildings.n_above, 0), np.maximum(buildings.n_below, 0)
    building = np.repeat(np.arange(len(buildings)), above + below)
    level = positions(above + below) - below[building]
    level += level >= 0  # there is no 0
    each = (buildings.height - buildings.base) / np.maximum(above, 1) if each is None else each
    low = each if low is None else low
    rise = np.where(level > 1, (low - each)[building], 0.0)  # what the ground storey lifts those above it
    z = np.where(level < 0, level * BASEMENT_HEIGHT, buildings.base[building] + (level - 1) * each[building] + rise)
    height = np.select([level < 0, level == 1], [BASEMENT_HEIGHT, low[building]], each[building])
    is_open = (level == 1) & np.broadcast_to(stilt, len(buildings))[building]
    kind = np.select([level < 0, is_open], [StoreyKind.BASEMENT, StoreyKind.STILT], StoreyKind.NORMAL)
    about: dict[str, Any] = {"building": building, "plate": building.copy(), "level": level, "z": z, "height": height}
    return {"plates": t.Plates(buildings.footprint), "storeys": t.Storeys(**about, kind=kind, enclosed=~is_open)}


@dataclass(frozen=True)
class WindowRule:
    """How windows are placed where none are given.

    Parameters
    ----------
    every
        One window for each full length of wall [m].
    min_wall
        Walls shorter than this have none [m].
    width, height, sill
        Of each window; the sill above the floor [m].
    """

    every: float = 3.6
    min_wall: float = 2.4
    width: float = 1.8
    height: float = 1.5
    sill: float = 0.9


def derive_windows(community: Community, *, of: BoolArray | None = None, rule: WindowRule | None = None) -> t.Windows:
    """Place windows on the outer walls of storeys by rule.

    Each wall at least ``min_wall`` long gets windows evenly spaced, one for each full ``every``
    metres, on every walled storey above ground; none where another building touches the wall at
    that height.

    Parameters
    ----------
    community
        Where the windows go.
    of
        Mask of the storeys (s) that get windows; all walled ones above ground without it.
    rule
        Sizes and spacing.

    Returns
    -------
    Windows
        Ids are ``building/level-Wnumber``.
    """
    rule = rule or WindowRule()
    buildings, storeys = community.buildings, community.storeys
    fits = storeys.enclosed & (storeys.level > 0) & (storeys.kind != StoreyKind.EQUIPMENT)
    rows = np.flatnonzero(fits if of is None else fits & of)
    used, plate_of = np.unique(storeys.plate[rows], return_inverse=True)
    xy, azimuth, width, first = _window_columns(community.plates.outline.take(used), rule)
    column, offsets = ragged_rows(first, plate_of)
    storey = np.repeat(rows, np.diff(offsets))
    building = storeys.building[storey]
    z = buildings.ground_z[building] + storeys.z[storey] + rule.sill
    free = _free_walls(buildings, building, (xy + 0.4 * direction_of(azimuth)[:, :2])[column], z)
    column, storey, building = column[free], storey[free], building[free]
    told = zip(buildings.id[building], storeys.level[storey], numbers_within(storey), strict=True)
    ids = np.array([f"{b}/F{v}-W{n}" for b, v, n in told], dtype=object)
    room = np.where(np.isin(buildings.use[building], HOUSING), RoomKind.LIVING, RoomKind.OTHER)
    x, y = xy[column].T
    place: dict[str, Any] = {"x": x, "y": y, "z": z[free], "azimuth": azimuth[column], "width": width[column]}
    return t.Windows(id=ids, building=building, storey=storey, room=room, height=np.full(len(x), rule.height), **place)


def _window_columns(outline: Polygons, rule: WindowRule) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
    """Return place (c, 2), azimuth and width of the windows on each outline, and the offsets of the outlines."""
    start, end, outward, outline_of = outline.walls()
    length = np.hypot(*(end - start).T)
    count = np.where(length >= rule.min_wall, np.maximum(1, length // rule.every), 0).astype(np.int64)
    wall = np.repeat(np.arange(len(start)), count)
    xy = start[wall] + ((positions(count) + 0.5) / count[wall])[:, None] * (end - start)[wall]
    width = np.minimum(rule.width, length[wall] / count[wall] - 0.3)
    return xy, azimuth_of(outward)[wall], width, offsets_of(np.bincount(outline_of[wall], minlength=len(outline)))


def _free_walls(buildings: t.Buildings, building: IntArray, outside: FloatArray, z: FloatArray) -> BoolArray:
    """Return which windows have air before them: no other building covers the point 0.4 m outside."""
    spots, where = np.unique(np.column_stack([outside, building]), axis=0, return_inverse=True)
    tree = shapely.STRtree(buildings.footprint.to_shapely())
    spot, other = tree.query(shapely.points(spots[:, :2]), predicate="intersects")
    foreign = other != spots[spot, 2]
    cover = np.full(len(spots), -np.inf)
    np.maximum.at(cover, spot[foreign], (buildings.ground_z + buildings.height)[other[foreign]])
    return np.asarray(z > cover[where.reshape(-1)])


def derive_dwellings(community: Community) -> t.Dwellings:
    """Divide each walled housing storey above ground into dwellings of about 100 m².

    Returns
    -------
    Dwellings
        Inner area is 85 % of the storey's share, habitable rooms one per 30 m² (our assumption).
    """
    s = community.storeys
    use = np.where(s.use > 0, s.use, community.buildings.use[s.building])
    rows = np.flatnonzero(np.isin(use, HOUSING) & s.enclosed & (s.level > 0) & (s.kind == StoreyKind.NORMAL))
    area = community.plates.outline.areas()[s.plate[rows]]
    count = np.maximum(1, np.round(area / AREA_PER_DWELLING)).astype(np.int64)
    storey, number = np.repeat(rows, count), positions(count) + 1
    each = np.repeat(area / count, count)
    ids = np.array([f"{n}-{k:02d}" for n, k in zip(s.names()[storey], number, strict=True)], dtype=object)
    rooms, persons = np.maximum(1, np.round(0.85 * each / 30)).astype(np.int64), each / AREA_PER_PERSON
    return t.Dwellings(id=ids, storey=storey, inner_area=0.85 * each, habitable_rooms=rooms, persons=persons)


def derive_population(community: Community) -> t.Population:
    """Split the residents of the dwellings by the national age shares, per building."""
    homes, bands = community.dwellings, list(AgeBand)
    residents = totals(community.storeys.building[homes.storey], np.nan_to_num(homes.persons), len(community.buildings))
    rows = np.flatnonzero(residents > 0)
    persons = np.outer(residents[rows], AGE_SHARES).reshape(-1)
    return t.Population(building=np.repeat(rows, len(bands)), band=np.tile(bands, len(rows)), persons=persons)


def derive_entrances(community: Community, *, of: BoolArray) -> t.Entrances:
    """Put a door on each chosen building's outline where it is nearest to a path.

    Without paths the door is in the middle of the longest wall.

    Parameters
    ----------
    community
        Where the doors go; the courses of its paths decide.
    of
        Mask of the buildings that get a door, shape (n).
    """
    rows = np.flatnonzero(of)
    shapes = community.buildings.footprint.take(rows).to_shapely()
    courses = community.path_edges.course.to_shapely()
    courses = courses[~shapely.is_missing(courses)]
    if len(courses) and len(rows):
        which, line = shapely.STRtree(courses).query_nearest(shapes, all_matches=False)
        touch = shapely.shortest_line(shapely.boundary(shapes[which]), courses[line])
        xy = np.full((len(rows), 2), np.nan)
        xy[which] = shapely.get_coordinates(shapely.get_point(touch, 0))
    else:
        xy = np.array([_middle_of_longest(s) for s in shapes]).reshape(-1, 2)
    x, y = xy.T
    kind, z = np.full(len(rows), EntranceKind.UNIT), community.buildings.ground_z[rows]
    ids = np.array([f"{name}/E1" for name in community.buildings.id[rows]], dtype=object)
    return t.Entrances(id=ids, kind=kind, x=x, y=y, z=z, building=rows)


def _middle_of_longest(shape: Any) -> FloatArray:
    """Return the middle of the longest side of an outline."""
    ring = shapely.get_coordinates(shapely.get_exterior_ring(shape))
    k = int(np.argmax(np.hypot(*np.diff(ring, axis=0).T)))
    return np.asarray((ring[k] + ring[k + 1]) / 2)


def complete(community: Community, *, windows: bool = True, assume_housing: bool = False) -> Community:
    """Return the community with doors, dwellings, residents and windows where it has none.

    Each door where a building is nearest to a path, dwellings of about 100 m², residents at
    35 m² each by the national age shares, a window for each 3.6 m of wall. What is there is kept.

    Parameters
    ----------
    community
        What is completed; it is not changed.
    windows
        Whether windows are written out; sunlight places them itself where there are none.
    assume_housing
        Whether buildings of unknown use count as housing, which the notes then say.

    Examples
    --------
    >>> from cimkit.model.community import Community
    >>> from cimkit.model.records import Building
    >>> bare = Community.of(buildings=[Building("A", [(0, 0), (40, 0), (40, 12), (0, 12)], storeys=6)])
    >>> complete(bare)
    <Community: 1 building, 6 storeys, 30 dwellings, 168 windows>
    """
    c: Community = community
    said: list[Note] = []
    if assume_housing and not (c.buildings.use != BuildingUse.UNKNOWN).any():
        c = replace(c, buildings=replace(c.buildings, use=np.full(len(c.buildings), BuildingUse.RESIDENTIAL)))
        said.append(Note("D01", "no use is known; all buildings are taken as housing", "buildings"))
    if (doorless := ~np.isin(np.arange(len(c.buildings)), c.entrances.building)).any():
        c = replace(c, entrances=c.entrances.stacked(derive_entrances(c, of=doorless)))
        said.append(Note("N04", f"{doorless.sum()} entrances derived", "entrances", count=int(doorless.sum())))
    if not len(c.dwellings):
        c = replace(c, dwellings=derive_dwellings(c))
        said += noted("D01", f"{len(c.dwellings)} dwellings of about 100 m²", len(c.dwellings), "dwellings")
    if len(c.dwellings) and not len(c.population):
        c = replace(c, population=derive_population(c))
        text = f"{c.population.persons.sum():.0f} residents at 35 m² each, ages by the national census of 2020"
        said.append(Note("D02", text, "population", count=len(c.population)))
    if windows and len(c.storeys) and not len(c.windows):
        c = replace(c, windows=derive_windows(c))
        count = len(c.windows)
        said += noted("W01", f"{count} windows: one each 3.6 m of wall, sill 0.9 m", count, "windows")
    return replace(c, notes=c.notes + Notes.of(said))


def tables_from_records(
    buildings: Sequence[Building], parcels: Sequence[Parcel], others: Sequence[Any]
) -> tuple[dict[str, Any], Notes]:
    """Return tables and notes for records of buildings, parcels and other things.

    Raises
    ------
    InputError
        If ids repeat, a reference names nothing, or an outline is not valid.
    """
    tables: dict[str, Any] = {"parcels": _filled(t.Parcels, Parcel, parcels)}
    tables |= buildings_from_records(buildings, tables["parcels"])
    sorts: dict[type, Any] = {s: [r for r in others if type(r) is s] for s in (Space, Window, Facility, Path)}
    for record in others:
        one_of(type(record).__name__, [s.__name__ for s in sorts], name="others: records")
    house, storeys = tables["buildings"], tables["storeys"]
    tables["spaces"] = _filled(t.Spaces, Space, sorts[Space], storey=_storey_rows(sorts[Space], house, storeys))
    own = [house.row_of(w.building) for w in sorts[Window]]
    tables["windows"] = _filled(t.Windows, Window, sorts[Window], building=own)
    tables["facilities"] = _filled(t.Facilities, Facility, sorts[Facility])
    tables |= _paths(sorts[Path])
    for title, table in tables.items():
        words, counts = np.unique(table.names().astype(str), return_counts=True)
        if (counts > 1).any():
            most = counts.argmax()
            raise InputError(f"{title}: ids must be unique; got {str(words[most])!r} {counts[most]} times.")
    notes = [Note("H07", f"storeys written out from {len(buildings)} building records", "storeys")] if buildings else []
    return tables, Notes.of(notes)


def _filled(table: type[T], sort: type, records: Sequence[Any], **given: Any) -> T:
    """Return the table of records of one sort: what both know by one name, and the columns ``given``."""
    wanted = {f.name for f in fields(sort)} - given.keys()
    for col in (c for c in table.columns() if c.name in wanted):
        values = [getattr(r, col.name) for r in records]
        given[col.name] = _outlines(values, [r.id for r in records]) if col.is_shape else values
    return table(**given)


def buildings_from_records(buildings: Sequence[Building], parcels: t.Parcels) -> dict[str, Table]:
    """Return buildings, plates and storeys written out from records."""
    for b in buildings:
        if any(n < 0 or n % 1 for n in (b.storeys, b.basements)) or not b.storey_height > 0:
            wanted = "storeys and basements must be whole numbers >= 0 and storey_height > 0 m"
            raise InputError(f"building {b.id!r}: {wanted}; got {b.storeys}, {b.basements} and {b.storey_height}.")
    names = ("storeys", "basements", "storey_height", "ground_storey_height", "parapet", "stilt")
    above, below, each, ground, parapet, stilt = np.array([[getattr(b, n) for b in buildings] for n in names], float)
    ground = np.where(np.isnan(ground), each, ground)
    height = parapet + np.where(above > 0, ground + (above - 1) * each, 0.0)
    sources = {"height_src": ["from_storeys"] * len(buildings), "storeys_src": ["measured"] * len(buildings)}
    table = _filled(t.Buildings, Building, buildings, height=height, n_above=above, n_below=below, **sources)
    table = replace(table, parcel=parcel_of(table.footprint, parcels))
    return {"buildings": table, **derive_storeys(table, each=each, low=ground, stilt=stilt > 0)}


def parcel_of(footprint: Polygons, parcels: t.Parcels) -> Any:
    """Return the parcel row that holds an inner point of each footprint, -1 for none."""
    result = np.full(len(footprint), -1, dtype=np.int64)
    if len(parcels) and len(footprint):
        points = shapely.points(np.nan_to_num(footprint.inner_points()))
        point, parcel = shapely.STRtree(parcels.outline.to_shapely()).query(points, predicate="within")
        result[point[::-1]] = parcel[::-1]
    return result


def _storey_rows(records: Sequence[Space], buildings: Table, storeys: t.Storeys) -> list[int]:
    """Return the storey that ``building`` and ``level`` of each space name, -1 for open ground."""
    floors = zip(buildings.names()[storeys.building], storeys.level.tolist(), strict=True)
    row = {floor: k for k, floor in enumerate(floors)}
    for r in records:
        if r.building and (r.building, r.level) not in row:
            raise InputError(f"space {r.id!r}: building and level must name a storey; got {r.building!r}, {r.level}.")
    return [row[r.building, r.level] if r.building else -1 for r in records]


def _paths(records: Sequence[Path]) -> dict[str, Table]:
    """Return nodes and edges; paths are split where they share a point."""
    for p in records:
        if len(p.points) < 2:
            raise InputError(f"path {p.id!r}: points must be two or more; got {len(p.points)}.")
    net = connect_lines(Lines.from_shapely([shapely.linestrings(p.points) for p in records]))
    pieces = np.bincount(net.source, minlength=len(records))
    number = numbers_within(net.source)
    chosen = [records[k] for k in net.source]
    ids = [r.id if pieces[k] == 1 else f"{r.id}/{n}" for r, k, n in zip(chosen, net.source, number, strict=True)]
    return path_tables(net, _filled(t.PathEdges, Path, chosen, id=ids))


def path_tables(net: Network, edges: t.PathEdges) -> dict[str, Any]:
    """Return the nodes of a network of lines, and its edges, whose other columns stand in ``edges``."""
    x, y, z = net.nodes.T
    ids = np.array([f"N{k}" for k in range(len(net.nodes))], dtype=object)
    edges = replace(edges, start=net.start, end=net.end, course=net.course, length=net.course.lengths())
    return {"path_nodes": t.PathNodes(id=ids, x=x, y=y, z=z), "path_edges": edges}


def _outlines(outlines: Sequence[Any], ids: Sequence[str]) -> Polygons:
    """Return polygons of outlines given as points or shapely polygons; invalid ones are refused."""
    shapes = np.array([o if isinstance(o, shapely.Geometry) else shapely.Polygon(o) for o in outlines], dtype=object)
    for bad in np.flatnonzero(~shapely.is_valid(shapes)).tolist():
        reason = shapely.is_valid_reason(shapes[bad])
        raise InputError(f"{ids[bad]!r}: outline must not cross itself; got {reason}. Use clean_polygons().")
    return Polygons.from_shapely(shapes)
