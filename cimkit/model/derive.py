"""What is missing is derived by a stated rule, and said: storeys, windows, dwellings, residents, entrances."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.geometry.directions import azimuth_of, direction_of
from cimkit.geometry.ragged import numbers_within, offsets_of, positions, ragged_rows
from cimkit.geometry.sampling import walls_of
from cimkit.model import tables as t
from cimkit.model.kinds import AgeBand, BuildingUse, EntranceKind, Provenance, RoomKind, StoreyKind
from cimkit.model.notes import Note, Notes, noted

if TYPE_CHECKING:
    from cimkit.arrays import BoolArray, FloatArray, IntArray, TextArray
    from cimkit.geometry.polygons import Polygons
    from cimkit.model.community import Community

HOUSING = (BuildingUse.RESIDENTIAL, BuildingUse.ELDERLY_HOUSING)
MOST_STOREYS = 300  # no building has more; damaged numbers do
DEFAULT_STOREYS = 3  # where neither height nor storeys are known; the note says for how many
STOREY_HEIGHT = {  # [m] usual floor to floor by use; our assumption, printed in the notes
    BuildingUse.OFFICE: 3.9,
    BuildingUse.RETAIL: 4.5,
    BuildingUse.SCHOOL: 3.9,
    BuildingUse.KINDERGARTEN: 3.6,
    BuildingUse.HOSPITAL: 3.9,
    BuildingUse.CULTURE_SPORT: 4.5,
    BuildingUse.INDUSTRIAL: 4.5,
}
BASEMENT_HEIGHT = 3.6  # [m]
AREA_PER_DWELLING = 100.0  # [m²] of storey
AREA_PER_PERSON = 35.0  # [m²] housing floor area per person, commentary to GB 50180-2018 (mark S)
AGE_SHARES = {  # national census of 2020: 0–14, 15–59, 60 and over, of these 80 and over (mark M)
    AgeBand.CHILD: 0.1795,
    AgeBand.ADULT: 0.6335,
    AgeBand.ELDER: 0.1616,
    AgeBand.OLD_ELDER: 0.0254,
}


def usual_storey_height(use: Any) -> FloatArray:
    """Return the usual floor-to-floor height of each use, shape (n) [m]."""
    table = np.full(max(BuildingUse) + 1, 3.0)
    for kind, height in STOREY_HEIGHT.items():
        table[kind] = height
    usual: FloatArray = table[np.asarray(use)]
    return usual


def complete_heights(buildings: t.Buildings) -> tuple[t.Buildings, list[Note]]:
    """Fill missing heights and numbers of storeys, each with its provenance.

    Height from storeys × the use's usual storey height; storeys from height, rounded to the
    nearest; where both are missing, three storeys.

    Returns
    -------
    tuple
        The completed table and notes, one for each kind of guess.
    """
    usual = usual_storey_height(buildings.use)
    absurd = (buildings.n_above > MOST_STOREYS) | (buildings.n_below > MOST_STOREYS)
    height, storeys = buildings.height.copy(), np.where(absurd, -1, buildings.n_above)
    height_src, storeys_src = buildings.height_src.copy(), buildings.storeys_src.copy()
    no_height, no_storeys = ~(height > 0), storeys < 0
    neither = no_height & no_storeys
    storeys[neither] = DEFAULT_STOREYS
    from_height = no_storeys & ~neither
    tall = (height - buildings.base)[from_height] / usual[from_height]
    storeys[from_height] = np.clip(np.round(tall), 1, MOST_STOREYS)
    height[no_height] = (buildings.base + storeys * usual)[no_height]
    height_src[no_height] = np.where(neither, Provenance.DEFAULT, Provenance.FROM_STOREYS)[no_height]
    storeys_src[no_storeys] = np.where(neither, Provenance.DEFAULT, Provenance.FROM_HEIGHT)[no_storeys]
    height_src[~no_height & (height_src == 0)] = Provenance.TAGGED
    storeys_src[~no_storeys & (storeys_src == 0)] = Provenance.TAGGED
    below = np.where(absurd, 0, buildings.n_below)
    filled = dataclasses.replace(
        buildings, height=height, n_above=storeys, n_below=below, height_src=height_src, storeys_src=storeys_src
    )
    said = (
        ("height from storeys × usual storey height", no_height & ~neither),
        ("storeys from height, to the nearest", from_height),
        (f"no height and no storeys: {DEFAULT_STOREYS} storeys assumed", neither),
    )
    notes = noted("M05", f"more than {MOST_STOREYS} storeys count as unknown", absurd, "buildings", buildings.id)
    for text, which in said:
        notes += noted("H02", f"{text} ({which.sum()} of {len(which)})", which, "buildings", buildings.id)
    return filled, notes


def derive_storeys(buildings: t.Buildings) -> tuple[t.Plates, t.Storeys]:
    """Write out storeys over the footprint: equal heights above ground, 3.6 m basements below.

    The footprint is each building's one plate (row = building row).
    """
    above, below = np.maximum(buildings.n_above, 0), np.maximum(buildings.n_below, 0)
    count = above + below
    building = np.repeat(np.arange(len(buildings)), count)
    place = positions(count)  # 0 is the lowest
    deep = below[building]
    level = np.where(place < deep, place - deep, place - deep + 1)
    each = (buildings.height - buildings.base) / np.maximum(above, 1)
    height = np.where(level < 0, BASEMENT_HEIGHT, each[building])
    z = np.where(level < 0, level * BASEMENT_HEIGHT, buildings.base[building] + (level - 1) * each[building])
    kind = np.where(level < 0, StoreyKind.BASEMENT, StoreyKind.NORMAL)
    storeys = t.Storeys(building=building, level=level, plate=building.copy(), z=z, height=height, kind=kind)
    return t.Plates(outline=buildings.footprint), storeys


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


def derive_windows(
    buildings: t.Buildings,
    plates: t.Plates,
    storeys: t.Storeys,
    *,
    of: BoolArray | None = None,
    rule: WindowRule | None = None,
) -> t.Windows:
    """Place windows on the outer walls of storeys by rule.

    Each wall at least ``min_wall`` long gets windows evenly spaced, one for each full ``every``
    metres, on every walled storey above ground; none where another building touches the wall at
    that height.

    Parameters
    ----------
    buildings, plates, storeys
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
    fits = storeys.enclosed & (storeys.level > 0) & (storeys.kind != StoreyKind.EQUIPMENT)
    rows = np.flatnonzero(fits if of is None else fits & of)
    used, plate_of = np.unique(storeys.plate[rows], return_inverse=True)
    x, y, azimuth, width, first = _window_columns(plates.outline.take(used), rule)
    column, offsets = ragged_rows(first, plate_of)
    storey = np.repeat(rows, np.diff(offsets))
    building = storeys.building[storey]
    z = buildings.ground_z[building] + storeys.z[storey] + rule.sill
    free = _free_walls(buildings, building, np.column_stack([x, y])[column], azimuth[column], z)
    column, storey, building, z = column[free], storey[free], building[free], z[free]
    told = zip(buildings.id[building], storeys.level[storey], numbers_within(storey), strict=True)
    return t.Windows(
        id=np.array([f"{b}/F{v}-W{n}" for b, v, n in told], dtype=object),
        building=building,
        storey=storey,
        x=x[column],
        y=y[column],
        z=z,
        width=width[column],
        height=np.full(len(column), rule.height),
        azimuth=azimuth[column],
        room=np.where(np.isin(buildings.use[building], HOUSING), RoomKind.LIVING, RoomKind.OTHER),
    )


def _window_columns(
    outline: Polygons, rule: WindowRule
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, IntArray]:
    """Return x, y, azimuth and width of the windows on each outline, and the offsets of the outlines."""
    start, end, outward, outline_of = walls_of(outline)
    step = end - start
    length = np.hypot(step[:, 0], step[:, 1])
    count = np.where(length >= rule.min_wall, np.maximum(1, length // rule.every), 0).astype(np.int64)
    wall = np.repeat(np.arange(len(start)), count)
    xy = start[wall] + ((positions(count) + 0.5) / count[wall])[:, None] * step[wall]
    width = np.minimum(rule.width, length[wall] / count[wall] - 0.3)
    per_outline = np.bincount(outline_of[wall], minlength=len(outline))
    return xy[:, 0], xy[:, 1], azimuth_of(outward)[wall], width, offsets_of(per_outline)


def _free_walls(
    buildings: t.Buildings, building: IntArray, xy: FloatArray, azimuth: FloatArray, z: FloatArray
) -> BoolArray:
    """Return which windows have air before them: no other building covers a point 0.4 m outside."""
    outside = xy + 0.4 * direction_of(azimuth)[:, :2]
    spots, where = np.unique(np.column_stack([outside, building]), axis=0, return_inverse=True)
    tree = shapely.STRtree(buildings.footprint.to_shapely())
    spot, other = tree.query(shapely.points(spots[:, :2]), predicate="intersects")
    foreign = other != spots[spot, 2]
    cover = np.full(len(spots), -np.inf)
    np.maximum.at(cover, spot[foreign], (buildings.ground_z + buildings.height)[other[foreign]])
    free: BoolArray = z > cover[where.reshape(-1)]
    return free


def derive_dwellings(buildings: t.Buildings, plates: t.Plates, storeys: t.Storeys, names: TextArray) -> t.Dwellings:
    """Divide each walled housing storey above ground into dwellings of about 100 m².

    Parameters
    ----------
    buildings, plates, storeys
        Where people live.
    names
        Name of each storey, shape (s).

    Returns
    -------
    Dwellings
        Inner area is 85 % of the storey's share, habitable rooms one per 30 m² (our assumption).
    """
    use = np.where(storeys.use > 0, storeys.use, buildings.use[storeys.building])
    home = np.isin(use, HOUSING) & storeys.enclosed & (storeys.level > 0) & (storeys.kind == StoreyKind.NORMAL)
    rows = np.flatnonzero(home)
    area = plates.outline.areas()[storeys.plate[rows]]
    count = np.maximum(1, np.round(area / AREA_PER_DWELLING)).astype(np.int64)
    storey = np.repeat(rows, count)
    number = positions(count) + 1
    each = np.repeat(area / count, count)
    ids = np.array([f"{n}-{k:02d}" for n, k in zip(names[storey], number, strict=True)], dtype=object)
    rooms = np.maximum(1, np.round(0.85 * each / 30)).astype(np.int64)
    return t.Dwellings(
        id=ids, storey=storey, inner_area=0.85 * each, habitable_rooms=rooms, persons=each / AREA_PER_PERSON
    )


def derive_population(storeys: t.Storeys, dwellings: t.Dwellings, n_buildings: int) -> t.Population:
    """Split the residents of the dwellings by the national age shares, per building."""
    building = storeys.building[dwellings.storey] if len(dwellings) else np.zeros(0, np.int64)
    residents = np.bincount(building, weights=np.nan_to_num(dwellings.persons), minlength=n_buildings)
    rows = np.flatnonzero(residents > 0)
    bands = np.array([int(b) for b in AGE_SHARES], dtype=np.int8)
    shares = np.array(list(AGE_SHARES.values()))
    return t.Population(
        building=np.repeat(rows, len(bands)),
        band=np.tile(bands, len(rows)),
        persons=(residents[rows][:, None] * shares).reshape(-1),
    )


def derive_entrances(buildings: t.Buildings, path_edges: t.PathEdges, *, of: BoolArray) -> t.Entrances:
    """Put a door on each chosen building's outline where it is nearest to a path.

    Without paths the door is in the middle of the longest wall.

    Parameters
    ----------
    buildings
        Where the doors go.
    path_edges
        Paths; their courses decide.
    of
        Mask of the buildings that get a door, shape (n).
    """
    rows = np.flatnonzero(of)
    shapes = buildings.footprint.take(rows).to_shapely()
    courses = path_edges.course.to_shapely()
    courses = courses[~shapely.is_missing(courses)]
    if len(courses) and len(rows):
        tree = shapely.STRtree(courses)
        which, line = tree.query_nearest(shapes, all_matches=False)
        touch = shapely.shortest_line(shapely.boundary(shapes[which]), courses[line])
        xy = np.full((len(rows), 2), np.nan)
        xy[which] = shapely.get_coordinates(shapely.get_point(touch, 0))
    else:
        xy = np.array([_middle_of_longest(s) for s in shapes]).reshape(-1, 2)
    return t.Entrances(
        id=np.array([f"{name}/E1" for name in buildings.id[rows]], dtype=object),
        kind=np.full(len(rows), EntranceKind.UNIT),
        x=xy[:, 0],
        y=xy[:, 1],
        z=buildings.ground_z[rows],
        building=rows,
    )


def _middle_of_longest(shape: Any) -> FloatArray:
    """Return the middle of the longest side of an outline."""
    ring = shapely.get_coordinates(shapely.get_exterior_ring(shape))
    k = int(np.argmax(np.hypot(*np.diff(ring, axis=0).T)))
    middle: FloatArray = (ring[k] + ring[k + 1]) / 2
    return middle


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
    said: list[Note] = []
    changed: dict[str, Any] = {}
    buildings = community.buildings
    if assume_housing and not (buildings.use != BuildingUse.UNKNOWN).any():
        buildings = dataclasses.replace(buildings, use=np.full(len(buildings), BuildingUse.RESIDENTIAL))
        said.append(Note("D01", "no use is known; all buildings are taken as housing", "buildings"))
        changed["buildings"] = buildings
    doorless = ~np.isin(np.arange(len(buildings)), community.entrances.building)
    if doorless.any():
        doors = derive_entrances(buildings, community.path_edges, of=doorless)
        changed["entrances"] = community.entrances.stacked(doors)
        said.append(Note("N04", f"{len(doors)} entrances derived", "entrances", count=len(doors)))
    dwellings = community.dwellings
    if len(dwellings) == 0:
        names = community.storeys.names()
        dwellings = derive_dwellings(buildings, community.plates, community.storeys, names)
        changed["dwellings"] = dwellings
        if len(dwellings):
            said.append(Note("D01", f"{len(dwellings)} dwellings of about 100 m²", "dwellings", count=len(dwellings)))
    if len(community.population) == 0 and len(dwellings):
        people = derive_population(community.storeys, dwellings, len(buildings))
        changed["population"] = people
        text = f"{people.persons.sum():.0f} residents at 35 m² each, ages by the national census of 2020"
        said.append(Note("D02", text, "population", count=len(people)))
    if windows and len(community.windows) == 0 and len(community.storeys):
        made = derive_windows(buildings, community.plates, community.storeys)
        changed["windows"] = made
        said.append(Note("W01", f"{len(made)} windows: one each 3.6 m of wall, sill 0.9 m", "windows", count=len(made)))
    return dataclasses.replace(community, notes=community.notes + Notes.of(said), **changed)
