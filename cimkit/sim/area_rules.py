"""Articles of the two national area codes and of cities: what counts in full, half or not at all, and for FAR (计容).

All of it is data: ``area_rules.toml`` has the national codes; ``area_local.toml`` has what cities say beyond them: what
counts for FAR, caps per dwelling, public space outside FAR. Thresholds marked M are our own where the text that frees a
space gives no number; replace them as soon as the local text is at hand (``dataclasses.replace``). What exemptions ask
of a space is measured from the drawing (``MEASURES``): a label alone frees nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
import shapely

from cimkit.arrays import BoolArray, FloatArray, IntArray, one_of
from cimkit.geometry.ragged import equal_pairs
from cimkit.geometry.topology import connected_parts
from cimkit.lists import load_lists
from cimkit.model.community import Community
from cimkit.model.kinds import BuildingUse, FacilityKind, Kind, PathKind, SpaceKind, StoreyKind, VoidKind
from cimkit.model.tables import Storeys

OPERATORS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "==": operator.eq}
STATES = {"enclosed", "roofed", "public", "inside_structure", "continuous"}
T = TypeVar("T")
FAMILIES: dict[str, type[Kind]] = {"storey": StoreyKind, "void": VoidKind, "space": SpaceKind}  # of items
_LISTS, _PLACES = load_lists(__file__), load_lists(__file__, "area_local")
_LISTS["kinds"]["anywhere"] = [f"space.{kind.code}" for kind in SpaceKind]


def of_kinds(items: Mapping[str, Any], kinds: Sequence[Kind]) -> BoolArray:
    """Return which items are of one of these kinds, each numbered among those of all families."""
    families = list(FAMILIES.values())
    return np.isin(items["code"], [families.index(type(kind)) * 256 + int(kind) for kind in kinds])


@dataclass(frozen=True)
class Test:
    """A condition on the values (n) of one measured or stated property of items.

    An unknown property does not meet it, unless ``required`` is False.

    Examples
    --------
    >>> Test("clear_height", ">=", 2.2).holds(np.array([2.2, 2.1, np.nan]))
    array([ True, False, False])
    """

    __test__ = False  # not a test case of pytest

    what: str
    sign: str
    value: float
    required: bool = True

    def __post_init__(self) -> None:
        one_of(self.sign, tuple(OPERATORS), name="Test.sign")

    @classmethod
    def read(cls, text: str) -> Test:
        """Return the condition that a text states.

        Examples
        --------
        >>> Test.read("path_gap <= 15 or unknown")
        Test(what='path_gap', sign='<=', value=15.0, required=False)
        """
        what, sign, value, *rest = text.split()
        return cls(what, sign, float(value), required=rest != ["or", "unknown"])

    def known(self, values: Any) -> BoolArray:
        """Return which values are known."""
        return ~np.isnan(values) if values.dtype.kind == "f" else np.asarray(values != -1)

    def holds(self, values: Any) -> BoolArray:
        """Return which values meet the condition."""
        met, known = OPERATORS[self.sign](values, self.value), self.known(values)
        return np.asarray(met & known if self.required else met | ~known)

    def told(self, value: float) -> str:
        """Return what was found and what must be, for a value that does not meet the condition.

        Examples
        --------
        >>> Test("clear_height", ">=", 2.8).told(2.2)
        'clear height 2.2 m, must be >= 2.8 m'
        """
        name, unit = _LISTS["properties"].get(self.what, (self.what.replace("_", " "), ""))
        if np.isnan(value) or (self.what in STATES and value == -1):
            return f"{name} not known"
        if self.what in STATES:
            return f"{name}: no" if self.what == "continuous" else f"{'' if value else 'not '}{name}"
        return f"{name} {value:g}{unit}, must be {self.sign} {self.value:g}{unit}"


@dataclass(frozen=True)
class AreaRule:
    """One article: the factor it gives to certain items under certain conditions.

    Parameters
    ----------
    clause
        Number of the article.
    kinds
        Kinds of storey, void and space it speaks of.
    factor
        1, ½ or 0.
    reason
        What the article says, in short.
    when
        Conditions, all of which must hold.
    mark
        How sure the article is: P primary text, S secondary source, M our reading of it.
    """

    clause: str
    kinds: tuple[Kind, ...]
    factor: float
    reason: str
    when: tuple[Test, ...] = ()
    mark: str = "P"


def kinds_named(names: Sequence[str]) -> tuple[Kind, ...]:
    """Return the kinds of ``family.kind`` names and of the groups in ``area_rules.toml``; ``anywhere`` is any space.

    Examples
    --------
    >>> kinds_named(["storey.attic", "basements"])
    (<StoreyKind.ATTIC: 4>, <StoreyKind.BASEMENT: 6>, <StoreyKind.HALF_BASEMENT: 7>)
    """
    found: list[Kind] = []
    for name in names:
        family, _, code = name.partition(".")
        found += [FAMILIES[family].parse(code)] if code else kinds_named(_LISTS["kinds"][name])
    return tuple(found)


_READ: dict[str, Callable[[str], Any]] = {"tests": Test.read, "when": Test.read, "uses": BuildingUse.parse}


def stated(kind: type[T], given: Mapping[str, Any]) -> T:
    """Return an article, exemption or step as a line of the lists states it."""
    read: dict[str, Any] = {name: tuple(map(_READ[name], v)) for name, v in given.items() if name in _READ}
    if "kinds" in given:
        read["kinds"] = kinds_named(given["kinds"])
    return kind(**{**given, **read})


CODES = {code: tuple(stated(AreaRule, line) for line in lines) for code, lines in _LISTS["codes"].items()}


def first_rules(rules: Sequence[AreaRule], items: Mapping[str, Any]) -> Any:
    """Return the number of the first rule that applies to each item, -1 for none, shape (n)."""
    result = np.full(len(items["code"]), -1, dtype=np.int64)
    for number, rule in enumerate(rules):
        rows = np.flatnonzero((result < 0) & of_kinds(items, rule.kinds))
        meets = [t.holds(items[t.what][rows]) for t in rule.when]
        result[rows[np.all(meets, axis=0)] if meets else rows] = number
    return result


@dataclass(frozen=True)
class Exemption:
    """A space that does not count for FAR if it passes tests of its geometry.

    Parameters
    ----------
    clause, name
        Where it stands and what it is.
    kinds
        Kinds of space or storey it may be.
    tests
        All must hold; otherwise the space counts, and the reason says which did not.
    part
        Column with the share of the area that is free, ``planted_share`` or ``share_45``; all of it without.
    from_area
        It is outside the building area too, not only outside FAR.
    otherwise
        Factor for FAR of what is not granted; nan leaves the factor it has.
    cap_of, cap_share
        Cap: all such space of a ``dwelling``, ``building`` or ``parcel`` is free up to this share of the
        dwelling's inner area, or of the area that counts there for FAR; the excess counts.
    mark, limits
        How sure the rule is, and how sure the limits of its tests are: P, S or M.
    """

    clause: str
    name: str
    kinds: tuple[Kind, ...]
    tests: tuple[Test, ...] = ()
    part: str = ""
    from_area: bool = False
    otherwise: float = nan
    cap_of: str = ""
    cap_share: float = inf
    mark: str = "P"
    limits: str = "P"


@dataclass(frozen=True)
class HeightStep:
    """Storeys of some uses, higher than ``above`` and up to ``upto`` [m], count ``times`` their area.

    With ``per`` [m] the factor is the number of heights ``per`` begun.
    """

    clause: str
    uses: tuple[BuildingUse, ...]
    above: float
    upto: float = inf
    times: float = 1.0
    per: float = 0.0
    mark: str = "P"


@dataclass(frozen=True)
class UnitCaps:
    """Caps per dwelling, after DB33/T 1152-2018 pages 20–21: what exceeds them counts more.

    Parameters
    ----------
    clause
        Where they stand.
    small
        Dwellings below this inner area have the small allowance [m²].
    bays
        Bay windows that do not count, in small and other dwellings; the rest counts half [m²].
    platforms
        Equipment platforms that do not count; the rest counts in full [m²].
    half_share
        Share of the inner area that half-counted balconies and bays may reach; the rest counts in full.
    """

    clause: str = "DB33/T 1152-2018 p. 20–21"
    small: float = 70.0
    bays: tuple[float, float] = (3.0, 5.0)
    platforms: tuple[float, float] = (3.0, 5.0)
    half_share: float = 0.07
    mark: str = "S"


@dataclass(frozen=True)
class LocalRules:
    """What a place counts for FAR.

    Parameters
    ----------
    name
        Place and document.
    basement_top
        Basements whose top slab is at most this high above the ground outside do not count [m].
    basement_half_sunk
        They must also lie more than half their height below the ground.
    basement_clause, basement_mark
        Where that stands and how sure it is.
    heights
        Multipliers for high storeys.
    exemptions
        Public space outside FAR.
    caps
        Caps per dwelling.
    rules
        Articles on the building area that come before those of the national code.
    roof_green
        Green on roofs in the green ratio: steps of least depth of soil [m] and the share that counts; GB 50180-2018
        A.0.2 leaves both to the place (M), and no text of a place was at hand, so without steps none counts.
    """

    name: str
    basement_top: float = 1.5
    basement_half_sunk: bool = False
    basement_clause: str = "Jiaxing 2018 art. 80, taken over"
    basement_mark: str = "M"
    heights: tuple[HeightStep, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    caps: UnitCaps | None = None
    rules: tuple[AreaRule, ...] = ()
    roof_green: tuple[tuple[float, float], ...] = ()

    NATIONAL: ClassVar[LocalRules]
    HUZHOU_2020: ClassVar[LocalRules]
    LONGGANG_2025: ClassVar[LocalRules]
    WENZHOU_2017: ClassVar[LocalRules]
    TAIZHOU_2025: ClassVar[LocalRules]
    JIAXING_2018: ClassVar[LocalRules]
    SHANGHAI_2021: ClassVar[LocalRules]
    NANNING: ClassVar[LocalRules]
    SINGAPORE_URA: ClassVar[LocalRules]
    HONG_KONG_JPN: ClassVar[LocalRules]


_PARTS = {"heights": HeightStep, "exemptions": Exemption, "rules": AreaRule}
for _place, _given in _PLACES.items():
    _given |= {part: tuple(stated(kind, line) for line in _given.get(part, ())) for part, kind in _PARTS.items()}
    setattr(LocalRules, _place, LocalRules(**{**_given, "caps": UnitCaps() if _given.get("caps") else None}))

# What exemptions ask of a space, measured from the drawing ----

SAME_PLACE = 0.05  # [m] drawings meet to this
SLIVER = 0.005  # [m]
STREETS = (PathKind.STREET, PathKind.MAIN_ROAD)
COVERABLE = kinds_named(["coverable"])
ROUTES = (SpaceKind.EVACUATION_CORRIDOR, SpaceKind.FIRE_LANE, SpaceKind.ROAD)
REACH, DOOR = 0.5, 30.0  # [m] parts of a route join across a kerb; a door joins it over so much open ground


class _Asked(NamedTuple):
    """Items of which something is asked: ``rows`` of all items."""

    community: Community
    items: Mapping[str, Any]
    rows: IntArray

    def of(self, name: str) -> Any:
        """Return a column of these items."""
        return self.items[name][self.rows]

    def shapes(self) -> Any:
        """Return the outline of each of them."""
        return item_shapes(self.community, self.items, self.rows)

    def plates(self, storey: IntArray) -> Any:
        """Return the outlines of storeys."""
        return self.community.plates.outline.take(self.community.storeys.plate[storey]).to_shapely()


def next_storeys(storeys: Storeys, step: int) -> IntArray:
    """Return the row of the storey above (``step`` 1) or below (-1) each storey of a building, -1 for none."""
    rank = storeys.level - (storeys.level > 0)  # there is no level 0
    key = storeys.building * 100_000 + rank
    order = np.argsort(key)
    at = np.minimum(np.searchsorted(key[order], key + step), max(len(order) - 1, 0))
    return np.where(key[order][at] == key + step, order[at], -1) if len(order) else order


def _rectangles(shapes: Any) -> FloatArray:
    """Return three corners of the smallest rectangle around each shape, shape (n, 3, 2) [m].

    Around a triangle two or three are equally small: the narrowest is taken. Of lines they are 0.
    """
    hulls = shapely.convex_hull(shapes)
    size = np.where(shapely.get_dimensions(hulls) == 2, shapely.get_num_coordinates(hulls), 0)
    corners = np.zeros((len(hulls), 3, 2))
    for count in np.unique(size[size > 0]):
        rows = np.flatnonzero(size == count)
        xy = shapely.get_coordinates(hulls[rows]).reshape(len(rows), count, 2)
        side = np.diff(xy, axis=1)  # one of them lies on the rectangle
        along = side / np.hypot(side[..., 0], side[..., 1])[..., None]
        across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
        u, v = along @ xy.swapaxes(1, 2), across @ xy.swapaxes(1, 2)
        width, area = np.ptp(v, axis=2), np.ptp(u, axis=2) * np.ptp(v, axis=2)
        smallest = area <= area.min(axis=1, keepdims=True) * (1 + 1e-9)
        best = np.arange(len(rows)), np.where(smallest, width, np.inf).argmin(axis=1)
        ends = [(u.min(axis=2), v.min(axis=2)), (u.max(axis=2), v.min(axis=2)), (u.max(axis=2), v.max(axis=2))]
        for k, (a, b) in enumerate(ends):
            corners[rows, k] = a[best][:, None] * along[best] + b[best][:, None] * across[best]
    return corners


def short_sides(shapes: Any) -> FloatArray:
    """Return the short side of the smallest rectangle around each shape, to the millimetre, shape (n) [m]."""
    sides = np.hypot(*np.moveaxis(np.diff(_rectangles(shapes), axis=1), 2, 0))
    return np.round(sides.min(axis=1), 3) if len(sides) else np.zeros(0)


def measure(community: Community, items: Mapping[str, Any], exemptions: Sequence[Exemption]) -> dict[str, FloatArray]:
    """Return columns of measured properties; what no exemption asks for, or cannot be told, is nan."""
    columns = {name: np.full(len(items["area"]), np.nan) for name in MEASURES}
    for name, measured in MEASURES.items():
        asked = [kind for e in exemptions if name in {e.part, *(t.what for t in e.tests)} for kind in e.kinds]
        rows = np.flatnonzero(of_kinds(items, COVERABLE if name == "covered_share" else asked))
        if len(rows):
            columns[name][rows] = measured(_Asked(community, items, rows))
    return columns


def item_shapes(community: Community, items: Mapping[str, Any], rows: IntArray) -> Any:
    """Return the outline of each item: the space's or opening's, else the plate of the storey."""
    shapes = np.empty(len(rows), dtype=object)
    storey = items["storey"][rows]
    for name, table in (("space", community.spaces), ("void", community.voids)):
        own = items[name][rows] >= 0
        shapes[own] = table.outline.take(items[name][rows][own]).to_shapely()
    rest = shapely.is_missing(shapes)
    shapes[rest] = community.plates.outline.take(community.storeys.plate[storey[rest]]).to_shapely()
    return shapes


def _united(shapes: Any, owner: IntArray, count: int) -> Any:
    """Return the union of the shapes of each owner, empty for those without, shape (count)."""
    order, held = np.argsort(owner, kind="stable"), np.full(count, shapely.Polygon(), dtype=object)
    shapely.geometrycollections(shapes[order], indices=owner[order], out=held)
    return shapely.union_all(held[:, None], axis=1)


def _free_borders(asked: _Asked, shapes: Any) -> tuple[Any, Any]:
    """Return the outline of each item, and what of it no wall stands along.

    Walls are closed spaces of the storey, what remains of a storey with outer walls, and other buildings.
    """
    storeys, spaces, buildings = asked.community.storeys, asked.community.spaces, asked.community.buildings
    storey, count = asked.of("storey"), len(shapes)
    owner, other = equal_pairs(storey, spaces.storey)
    apart = other != asked.of("space")[owner]
    owner, other = owner[apart], other[apart]
    outlines = spaces.outline.take(other).to_shapely()
    closed, opened = spaces.enclosed[other] == 1, spaces.enclosed[other] == 0
    walls = _united(outlines[closed], owner[closed], count)
    solid = np.flatnonzero((storey >= 0) & np.append(storeys.enclosed, False)[storey])
    open_parts = shapely.union(shapes[solid], _united(outlines[opened], owner[opened], count)[solid])
    walls[solid] = shapely.union(walls[solid], shapely.difference(asked.plates(storey[solid]), open_parts))
    footprints = buildings.footprint.to_shapely()
    near, building = shapely.STRtree(footprints).query(shapes, predicate="dwithin", distance=SAME_PLACE)
    floor = np.append(storeys.z, 0.0)[storey]
    beside = (building != asked.of("building")[near]) & (buildings.height[building] > floor[near])
    walls = shapely.union(walls, _united(footprints[building[beside]], near[beside], count))
    border = shapely.boundary(shapes)
    free, some = border.copy(), np.flatnonzero(~shapely.is_empty(walls))
    thick = shapely.buffer(walls[some], -SLIVER, join_style="mitre")  # what rounding leaves between edges is no wall
    free[some] = shapely.difference(border[some], shapely.buffer(thick, SAME_PLACE + SLIVER))
    return border, free


def _open_share(asked: _Asked) -> FloatArray:
    """Return the share of the perimeter of each item that no wall stands along."""
    border, free = (shapely.length(lines) for lines in _free_borders(asked, asked.shapes()))
    return np.asarray(np.round(free / border, 3))


def _open_sides(asked: _Asked) -> FloatArray:
    """Return how many of the four sides of the smallest rectangle around are open over half their length."""
    shapes = asked.shapes()
    corners = _rectangles(shapes)
    axis = corners[:, 1] - corners[:, 0]
    axis /= np.maximum(np.hypot(*axis.T), 1e-9)[:, None]
    middle = 0.5 * (corners[:, 0] + corners[:, 2])

    def by_side(lines: Any) -> FloatArray:
        parts, row = shapely.get_parts(lines, return_index=True)
        xy, part = shapely.get_coordinates(parts, return_index=True)
        same = part[1:] == part[:-1]
        step, k = np.diff(xy, axis=0)[same], row[part[1:][same]]
        length, off = np.hypot(*step.T), (0.5 * (xy[1:] + xy[:-1]))[same] - middle[k]
        along = np.abs((step * axis[k]).sum(axis=1)) > 0.7071 * length
        u, v = (off * axis[k]).sum(axis=1), axis[k, 0] * off[:, 1] - axis[k, 1] * off[:, 0]
        side = np.where(along, (v > 0).astype(int), 2 + (u > 0))
        return np.bincount(4 * k + side, length, 4 * len(shapes)).reshape(-1, 4).astype(np.float64)

    whole, free = (by_side(lines) for lines in _free_borders(asked, shapes))
    return np.asarray(((free >= 0.5 * whole) & (whole > 0)).sum(axis=1), dtype=np.float64)


def _share_45(asked: _Asked) -> FloatArray:
    """Return the share of each space within the line that falls at 45° from the edge of what covers it."""
    shapes, height = asked.shapes(), asked.of("clear_height")
    free = _free_borders(asked, shapes)[1]
    lit = shapely.intersection(shapes, shapely.buffer(free, np.nan_to_num(height, posinf=1e4), quad_segs=32))
    return np.where(np.isnan(height), np.nan, np.round(shapely.area(lit) / shapely.area(shapes), 4))


def _width(asked: _Asked) -> FloatArray:
    """Return the diameter of the largest circle within each outline [m]."""
    return np.round(2.0 * np.asarray(shapely.length(shapely.maximum_inscribed_circle(asked.shapes(), 0.01))), 2)


def _short_side(asked: _Asked) -> FloatArray:
    """Return the short side of the smallest rectangle around each item [m]."""
    return short_sides(asked.shapes())


def _corridor_width(asked: _Asked) -> FloatArray:
    """Return the diameter of the largest circle that can be rolled through each outline, to 1 cm [m]."""
    shapes = asked.shapes()
    low, high = np.zeros(len(shapes)), 2.0 * shapely.length(shapely.maximum_inscribed_circle(shapes, 0.01)) + 0.02
    while (high - low > 0.005).any():
        middle = 0.5 * (low + high)
        left = shapely.buffer(shapes, -0.5 * middle, join_style="mitre")
        passes = ~shapely.is_empty(left) & (shapely.get_num_geometries(left) == 1)
        low, high = np.where(passes, middle, low), np.where(passes, high, middle)
    return np.asarray(np.round(0.5 * (low + high), 2))


def _path_gap(asked: _Asked) -> FloatArray:
    """Return the distance to the nearest public path from which a street can be reached [m]."""
    edges, gaps = asked.community.path_edges, np.full(len(asked.rows), np.nan)
    public = np.flatnonzero(edges.public)
    if len(public) == 0:
        return gaps
    start = edges.start[public]
    part = connected_parts(start, edges.end[public], len(asked.community.path_nodes))[start]
    streets = np.isin(edges.kind[public], STREETS)
    reached = np.isin(part, part[streets]) if streets.any() else part == np.bincount(part).argmax()
    tree = shapely.STRtree(edges.course.to_shapely()[public[reached]])
    found, distance = tree.query_nearest(asked.shapes(), all_matches=False, return_distance=True)
    gaps[found[0]] = np.round(distance, 2)
    return gaps


def _continuous(asked: _Asked) -> FloatArray:
    """Return 1 where a route leads on from a building to a shelter, 0 where it breaks off.

    Routes go over corridors, fire lanes, roads and paths that can be walked; nan where the data knows no shelter.
    """
    c, spaces, edges = asked.community, asked.community.spaces, asked.community.path_edges
    points = c.facilities.shapes()[c.facilities.kind == FacilityKind.SHELTER]
    grounds = spaces.outline.take(np.flatnonzero(spaces.kind == SpaceKind.SHELTER)).to_shapely()
    if len(points) + len(grounds) == 0:
        return np.full(len(asked.rows), np.nan)
    lanes = spaces.outline.take(np.flatnonzero(np.isin(spaces.kind, ROUTES))).to_shapely()
    walkable = ~np.isin(edges.kind, (PathKind.TRUNK_ROAD, PathKind.RAILWAY))
    half = 0.5 * np.nan_to_num(edges.width[walkable], nan=0.0)
    paths = shapely.buffer(edges.course.to_shapely()[walkable], half, quad_segs=2)
    shapes = np.concatenate([lanes, paths, asked.shapes()])
    tree = shapely.STRtree(shapes)
    one, other = tree.query(shapes, predicate="dwithin", distance=REACH)
    part = connected_parts(one, other, len(shapes))

    def met(ends: Any, distance: float) -> Any:
        return part[tree.query(ends, predicate="dwithin", distance=distance)[1]]

    own = part[len(shapes) - len(asked.rows) :]
    begins = np.concatenate([met(c.buildings.footprint.to_shapely(), DOOR), own[asked.of("building") >= 0]])
    ends = np.concatenate([met(grounds, REACH), met(points, DOOR)])
    return np.isin(own, np.intersect1d(begins, ends)).astype(np.float64)


def _covered_share(asked: _Asked) -> FloatArray:
    """Return which share of each space lies under the next storey of its building."""
    above = np.append(next_storeys(asked.community.storeys, 1), -1)[asked.of("storey")]
    share = np.where(asked.of("storey") >= 0, 0.0, np.nan)
    found = np.flatnonzero(above >= 0)
    shapes = asked.shapes()[found]
    under = shapely.intersection(shapes, asked.plates(above[found]))
    share[found] = shapely.area(under) / shapely.area(shapes)
    return np.asarray(np.round(share, 3), dtype=np.float64)


def _void_height(asked: _Asked) -> FloatArray:
    """Return the height of each hall under an opening: that of its storey and the one below [m]."""
    storeys, storey = asked.community.storeys, asked.of("storey")
    below = next_storeys(storeys, -1)[storey]
    top = storeys.z[storey] + storeys.height[storey]
    return np.where(below >= 0, np.round(top - storeys.z[below], 3), np.nan)


_AROUND_AND_ABOVE = (_open_share, _open_sides, _share_45, _covered_share, _void_height)
_WIDTHS_AND_WAYS = (_width, _short_side, _corridor_width, _path_gap, _continuous)
#: Each by the name of what it measures.
MEASURES = {measured.__name__.removeprefix("_"): measured for measured in (*_AROUND_AND_ABOVE, *_WIDTHS_AND_WAYS)}
