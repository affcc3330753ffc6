"""Site indicators (技术经济指标), each with numerator, denominator and objects; the site roads in front of walls."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from cimkit.arrays import FloatArray, IntArray
from cimkit.geometry.polygons import Polygons
from cimkit.geometry.ragged import totals
from cimkit.lists import load_lists
from cimkit.model.drawn import Drawn, data_frame
from cimkit.model.kinds import FacilityKind, PathKind, SpaceKind

if TYPE_CHECKING:
    from cimkit.model.community import Community
    from cimkit.sim.areas import FloorAreas

GREEN_WALL, CENTRAL_WALL, CENTRAL_ROAD = 1.0, 1.5, 1.0  # [m] taken off beside walls and roads, GB 50180 A.0.2 (M)
CENTRAL_WIDTH = 8.0  # [m] GB 55038-2025 3.2.2 (P)
CENTRAL_SUNLIT = 1 / 3  # share outside the standard shadow line, GB 55038-2025 3.2.2 (P)
BESIDE = 10.0  # [m] as far as a road is looked for in front of a wall
HALF = 15.0  # [m] half the width of the widest road
GABLE = 0.75  # a building whose sides are more alike than this has no gables
ROUNDING = 1e-6  # [m²] what shapes that only touch may share
GREENS = (SpaceKind.GREEN, SpaceKind.CENTRAL_GREEN)
ELDERLY = (FacilityKind.ELDERLY_DAY_CARE, FacilityKind.ELDERLY_SERVICE, FacilityKind.CARE_HOME)
STREETS = (PathKind.STREET, PathKind.MAIN_ROAD, PathKind.TRUNK_ROAD)


class Ratio(NamedTuple):
    """An indicator of a parcel (row number; -1 is all together) with what it was made of."""

    name: str
    parcel: int
    value: float
    unit: str
    numerator: float
    denominator: float
    counting: str
    objects: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class SiteIndicators(Drawn):
    """Indicators of each parcel and of all together.

    Parameters
    ----------
    areas
        The ledgers they rest on.
    rows
        One for each indicator and parcel; parcel -1 is all together.
    """

    areas: FloorAreas
    rows: tuple[Ratio, ...]

    def __repr__(self) -> str:
        known = [r for r in self.rows if r.parcel == -1 and not np.isnan(r.value)]
        told = ", ".join(f"{r.name} {r.value:.3g}{' ' * bool(r.unit)}{r.unit}" for r in known)
        return f"<SiteIndicators of {len(self.areas.community.parcels)} parcels: {told}>"

    def value(self, name: str, parcel: int = -1, *, part: str = "value") -> float:
        """Return an indicator of a parcel (row number), or of all together; nan where it is not known.

        ``part`` may be ``numerator`` or ``denominator`` instead.
        """
        return next((getattr(r, part) for r in self.rows if r.name == name and r.parcel == parcel), float("nan"))

    def columns(self) -> dict[str, Any]:
        """Return indicators with numerator, denominator and objects, one row an indicator and parcel."""
        names = np.append(self.areas.community.parcels.names(), "all")
        rows = [(r.name, names[r.parcel], *r[2:-1], ", ".join(r.objects)) for r in self.rows]
        return dict(zip(("indicator", *Ratio._fields[1:]), zip(*rows, strict=True), strict=True))

    def sheet(self) -> Any:
        """Return the sheet of indicators (经济技术指标表) as planners hand it in; unknown values are empty."""
        sums = self.areas.totals()
        rows = [(name, round(_value(self, source, unit, sums), 3), unit, source) for name, _, unit, source in _LINES]
        return data_frame(rows, columns=["指标 indicator", "数值 value", "单位 unit", "出处 source"])

    def reconcile(self, declared: Sequence[Any], *, tolerance: float = 0.01) -> Any:
        """Return a DataFrame of declared indicators, from ``read_indicators``, beside the computed ones.

        ``agrees`` tells whether they differ by at most ``tolerance`` (1 % without it) of the computed value, and is
        empty where that is not known.
        """
        sums = self.areas.totals()
        known = {n: (unit, source) for name, also, unit, source in _LINES for n in (name, *also.split("|")) if n}
        rows: list[tuple[Any, ...]] = []
        for name, given, unit, cell in declared:
            own_unit, source = known.get(_NOISE.sub("", name), ("", ""))
            own = _value(self, source, own_unit, sums)
            if own_unit == "%":
                given, unit = given * (100.0 if given <= 1.0 else 1.0), "%"  # noqa: PLW2901
            agrees = None if np.isnan(own) else bool(abs(given - own) <= tolerance * abs(own) + 1e-9)
            rows.append((name, given, own, given - own, unit or own_unit, agrees, cell))
        return data_frame(rows, ["指标 indicator", "declared", "computed", "difference", "unit", "agrees", "cell"])


class _Sheet(list[Ratio]):
    """Indicators: amounts of each parcel and of all together, over a base."""

    def add(self, name: str, unit: str, top: Any, base: Any, counting: str, of: Any = (), factor: float = 1.0) -> None:
        """Add an indicator; ``top`` and ``base``: of each parcel, then of all together, or of all together only."""
        amounts = np.column_stack([np.atleast_1d(top), np.atleast_1d(base)]).tolist()
        for k, (above, below) in enumerate(amounts):
            value = factor * above / below if below > 0 else float("nan")
            objects = of[k] if k < len(of) else tuple(o for part in of for o in part)
            self.append(Ratio(name, k if k < len(amounts) - 1 else -1, value, unit, above, below, counting, objects))


def site_indicators(community: Community, areas: FloorAreas, *, sunlit: Any = None) -> SiteIndicators:
    """Compute the indicators of each parcel and of all parcels together, with what they are made of.

    Parcels have FAR, density, green ratio, central green (集中绿地), height, open space, land and central green a
    person; all together also public green and shelter a person, care for the elderly, parking and roads.
    Green on roofs counts as ``roof_green`` of the local rules says.
    Green counts from 1 m, central green from 1.5 m beside walls and 1 m beside roads, as far as it is 8 m wide
    (GB 50180-2018 appendix A, GB 55038-2025 3.2.2).

    Parameters
    ----------
    community
        Parcels, footprints and green.
    areas
        Ledgers of the same community, from ``floor_areas``.
    sunlit
        Shapely area with the hours of sun the standard asks for. A central green of which less than a third
        lies in it does not count; without it that is not tested, and the counting says so.

    Returns
    -------
    SiteIndicators
        What cannot be told (no land, no residents, no parking in the data) is nan.
    """
    parcels, buildings = community.parcels, community.buildings
    n, sheet = len(parcels), _Sheet()
    land, persons = _with_sum(parcels.outline.areas()), _with_sum(_persons(community))
    own = _by_parcel(buildings.id, buildings.parcel, n)
    sums = areas.totals("parcel")
    far, built = (_with_sum(sums[name].to_numpy()) for name in ("far_area_m2", "above_ground_m2"))
    base = _with_sum(totals(buildings.parcel + 1, buildings.footprint.areas(), n + 1)[1:])
    sheet.add("far", "", far, land, "area counted for FAR / land", own)
    sheet.add("building_density", "", base, land, "area of footprints / land", own)
    green, green_ids = _green(community, GREENS, GREEN_WALL, 0.0)
    roofs, roof_ids, said = _roof_green(community, areas.method.local.roof_green)
    green = np.where(roofs > 0, np.nan_to_num(green), green) + roofs
    green_ids = [(*a, *b) for a, b in zip(green_ids, roof_ids, strict=True)]
    text = f"green on the ground / land; from 1 m beside walls{said}"
    sheet.add("green_ratio", "", _with_sum(green), land, text, green_ids)
    central, central_ids = _green(community, (SpaceKind.CENTRAL_GREEN,), CENTRAL_WALL, CENTRAL_ROAD, sunlit)
    text = "central green, as far as 8 m wide, from 1.5 m beside walls and 1 m beside roads"
    text += "; sun not tested" if sunlit is None else "; a third or more sunlit"
    sheet.add("central_green_per_person", "m²", _with_sum(central), persons, f"{text} / residents", central_ids)
    sheet.add("land_per_person", "m²", land, persons, "land / residents")
    sheet.add("height", "m", _heights(community), np.ones(n + 1), "height of the highest building", own)
    sheet.add("open_space_ratio", "", land - base, built, "land without buildings / building area above ground")
    _of_all(community, sheet, persons[-1])
    return SiteIndicators(areas, tuple(sheet))


def _with_sum(values: Any) -> FloatArray:
    """Return values with their sum at the end."""
    return np.append(values, np.sum(values)).astype(np.float64)


def _by_parcel(names: Any, parcel: IntArray, count: int) -> list[tuple[str, ...]]:
    """Return the names in each parcel, each once."""
    order = np.argsort(parcel, kind="stable")
    cuts = np.searchsorted(parcel[order], np.arange(count + 1))
    return [tuple(dict.fromkeys(part)) for part in np.split(names[order], cuts)[1:-1]]


def _heights(community: Community) -> FloatArray:
    """Return the height of the highest building of each parcel, and of all."""
    buildings, highest = community.buildings, np.zeros(len(community.parcels) + 1)
    np.maximum.at(highest, buildings.parcel, np.nan_to_num(buildings.height))
    highest[-1] = highest[:-1].max(initial=0.0)
    return np.where(highest > 0, highest, np.nan)


def _persons(c: Community) -> FloatArray:
    """Return the residents of each parcel, by the population or else by dwellings."""
    homes, people = c.dwellings, c.population
    building = people.building if len(people) else c.storeys.building[homes.storey]
    parcel = np.append(c.buildings.parcel, -1)[building]
    return totals(parcel + 1, np.nan_to_num(people.persons if len(people) else homes.persons), len(c.parcels) + 1)[1:]


def _green(
    community: Community, kinds: tuple[SpaceKind, ...], wall: float, road: float, sunlit: Any = None
) -> tuple[FloatArray, list[tuple[str, ...]]]:
    """Return the green on the ground within each parcel [m²], and the ids of what counts there.

    With ``road`` > 0 it is central green, which must be wide and, where ``sunlit`` is given, in the sun.
    """
    spaces, n = community.spaces, len(community.parcels)
    chosen = np.flatnonzero(np.isin(spaces.kind, kinds) & (spaces.storey < 0))
    if not len(chosen) or not n:  # no green in the data: not known
        return np.full(n, np.nan), [() for _ in range(n)]
    shapes = spaces.outline.take(chosen).to_shapely()
    near = shapely.buffer(shapely.union_all(shapes), 2.0)
    houses = community.buildings.footprint.to_shapely()
    houses = houses[shapely.intersects(houses, near) & (community.buildings.base <= 0)]
    roads = spaces.outline.take(np.flatnonzero(spaces.kind == SpaceKind.ROAD)).to_shapely()
    taken = [shapely.buffer(houses, wall, join_style="mitre"), shapely.buffer(roads, road, join_style="mitre")]
    shapes = shapely.difference(shapes, shapely.union_all(np.concatenate(taken)))
    if road > 0:
        half = 0.5 * CENTRAL_WIDTH - 1e-6
        wide = shapely.buffer(shapely.buffer(shapes, -half), 1.5 * half, join_style="mitre")
        shapes = shapely.intersection(shapes, wide)
        if sunlit is not None:
            lit = shapely.area(shapely.intersection(shapes, sunlit))
            shapes = np.where(lit >= CENTRAL_SUNLIT * shapely.area(shapes), shapes, shapely.Polygon())
    return _within(community, chosen, shapes)


def _within(community: Community, rows: IntArray, shapes: Any, share: Any = None) -> tuple[FloatArray, list[Any]]:
    """Return the area of spaces within each parcel, overlaps once, or a share of each [m²], and ids of what counts."""
    from cimkit.sim.area_items import areas_within  # late: rules read this file and need no kernel

    parts, source = shapely.get_parts(shapes, return_index=True)
    filled = shapely.get_dimensions(parts) == 2
    outlines, n = community.parcels.outline, len(community.parcels)
    area, parcel, part, shared = areas_within(outlines, Polygons.from_shapely(parts[filled]))
    source = source[filled][part]
    if share is not None:
        shared = shared * share[source]
        area = totals(parcel, shared, n)
    kept = shared > ROUNDING
    return area, _by_parcel(community.spaces.id[rows[source[kept]]], parcel[kept], n)


def _roof_green(community: Community, steps: Sequence[Any]) -> tuple[FloatArray, list[tuple[str, ...]], str]:
    """Return what counts of the green on roofs within each parcel [m²], its ids, and how it was counted."""
    spaces, n = community.spaces, len(community.parcels)
    rows = np.flatnonzero((spaces.kind == SpaceKind.ROOF_GREEN) | np.isin(spaces.kind, GREENS) & (spaces.storey >= 0))
    if not len(rows) or not steps:
        whole = spaces.outline.take(rows).areas().sum()
        said = f"; {whole:,.0f} m² on roofs not counted: no local rule stated" if len(rows) else ""
        return np.zeros(n), [() for _ in range(n)], said
    least, share = (np.array(v) for v in zip(*sorted(steps), strict=True))
    step = np.searchsorted(least, np.nan_to_num(spaces.soil_depth[rows], nan=-1.0), side="right") - 1
    area, ids = _within(community, rows, spaces.outline.take(rows).to_shapely(), np.where(step < 0, 0.0, share[step]))
    told = ", ".join(f"{s:g} from {d:g} m of soil" for d, s in zip(least, share, strict=True))
    return area, ids, f"; on roofs times {told}"


def _of_all(community: Community, sheet: _Sheet, persons: float) -> None:
    """Add the indicators of all parcels together."""
    spaces, facilities, edges, homes = community.spaces, community.facilities, community.path_edges, community.dwellings
    outdoors, public = spaces.storey < 0, np.isin(spaces.kind, GREENS) & spaces.public
    for name, which, text in (
        ("public_green", public, "green open to everybody / residents"),
        ("shelter_area", spaces.kind == SpaceKind.SHELTER, "shelter grounds / residents"),
    ):
        own = np.flatnonzero(which & outdoors)
        area = shapely.area(shapely.union_all(spaces.outline.take(own).to_shapely())) if len(own) else np.nan
        sheet.add(f"{name}_per_person", "m²", area, persons, text, [tuple(spaces.id[own])])
    care, spots = np.flatnonzero(np.isin(facilities.kind, ELDERLY)), np.flatnonzero(spaces.parking > 0)
    amount = facilities.area[care].sum() if len(care) else np.nan
    text, ids = "100 × building area of care for the elderly / dwellings", [tuple(facilities.id[care])]
    sheet.add("elderly_area_per_100_households", "m²", amount, float(len(homes)), text, ids, factor=100.0)
    amount, ids = spaces.parking[spots].sum() if len(spots) else np.nan, [tuple(spaces.id[spots])]
    sheet.add("parking_per_dwelling", "", amount, float(len(homes)), "parking spaces / dwellings", ids)
    streets = np.flatnonzero(np.isin(edges.kind, STREETS))
    if len(streets):
        hull = shapely.area(shapely.convex_hull(shapely.union_all(edges.course.to_shapely()))) / 1e6
        text, ids = "length of streets / area of the hull of all paths", [tuple(dict.fromkeys(edges.name[streets]))]
        sheet.add("road_density", "km/km²", edges.length[streets].sum() / 1e3, hull, text, ids)


# The sheet of indicators that planners hand in (经济技术指标表): ours in that form, and theirs beside ours ----


_LINES = load_lists(__file__)["lines"]
_NOISE = re.compile(r"[(（\[].*?[)）\]]|^[\d一二三四五六七八九十]+[、.．)]|其中|[:：\s]")


def _value(site: SiteIndicators, source: str, unit: str, sums: dict[str, float]) -> float:
    """Return the value of a line, of all parcels together; nan where it is not known."""
    if source in sums:
        return sums[source]
    name, _, part = source.partition(".")
    value = site.value(name, part={"top": "numerator", "base": "denominator"}.get(part, "value"))
    return value * (100.0 if unit == "%" else 1.0)


# Walls and the site roads in front of them: entrance side, gable, other wall ----


def wall_roads(community: Community) -> dict[str, dict[int, tuple[float, float]]]:
    """Return distance and width of the nearest site road in front of each kind of wall of each building.

    The distance is from the wall to the road's edge: to its middle less half its width [m].

    Parameters
    ----------
    community
        Buildings with their entrances, and paths of kind service with their width.

    Returns
    -------
    dict
        Kind of wall (``entrance``, ``wall``, ``gable``) → row of the building → distance and width [m];
        inf and nan where there is none in front.
    """
    e = community.path_edges
    rows = np.flatnonzero((e.kind == PathKind.SERVICE) & (e.width > 0))
    lines = shapely.force_2d(e.course.take(rows).to_shapely())
    walls, kind, building = _walls(community)
    front = shapely.buffer(walls, -(BESIDE + HALF), single_sided=True)
    wall, road = shapely.STRtree(lines).query(front, predicate="intersects")
    width = e.width[rows[road]]
    gap = shapely.distance(walls[wall], shapely.intersection(lines[road], front[wall])) - 0.5 * width
    nowhere = dict.fromkeys(range(len(community.buildings)), (np.inf, np.nan))
    out = {name: dict(nowhere) for name in ("entrance", "wall", "gable")}
    for k in np.argsort(gap, kind="stable")[::-1]:  # the nearest is written last
        if gap[k] < BESIDE:
            out[kind[wall[k]]][int(building[wall[k]])] = max(round(float(gap[k]), 3), 0.0), float(width[k])
    return out


def _walls(community: Community) -> tuple[Any, Any, IntArray]:
    """Return the walls of all outlines, counter-clockwise, the kind of each, and its building."""
    doors, shapes = community.entrances, community.buildings.footprint.to_shapely()
    start, end, normal, owner = Polygons.from_shapely(shapely.polygons(shapely.get_exterior_ring(shapes))).walls()
    walls = shapely.linestrings(np.stack([start, end], axis=1))
    sides = np.diff(shapely.get_coordinates(shapely.minimum_rotated_rectangle(shapes)).reshape(-1, 5, 2), axis=1)[:, :2]
    length = np.linalg.norm(sides, axis=2)
    along = sides[np.arange(len(sides)), length.argmax(axis=1)] / length.max(axis=1)[:, None]
    across = np.abs((normal * along[owner]).sum(axis=1)) > 0.9
    kind = np.where((length.min(axis=1) < GABLE * length.max(axis=1))[owner] & across, "gable", "wall").astype(object)
    near, door = shapely.STRtree(shapely.points(doors.x, doors.y)).query(walls, predicate="dwithin", distance=1.0)
    kind[near[doors.building[door] == owner[near]]] = "entrance"
    return walls, kind, owner
