"""Public services (公共服务设施数据库): what the survey says, supply against demand, where to add or enlarge what.

Also shelter in an emergency (平战一体), and children and the old at their own pace (一老一小).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from cimkit.arrays import BoolArray, FloatArray, TextArray, one_of
from cimkit.errors import InputError, MissingDataError
from cimkit.geometry.ragged import totals
from cimkit.lists import load_lists
from cimkit.model.community import Community
from cimkit.model.drawn import Drawn, data_frame
from cimkit.model.kinds import AgeBand, BuildingUse, FacilityKind, SpaceKind, Status
from cimkit.model.table import lookup_names
from cimkit.model.tables import Facilities
from cimkit.sim.access import walk_times
from cimkit.sim.joined import Hour, join
from cimkit.sim.network import ADULT, WalkMethod, WalkNetwork
from cimkit.sim.reach import walk_matrix

_LISTS = load_lists(__file__)
CIRCLES = {int(minutes): kinds for minutes, kinds in _LISTS["circles"].items()}
CIRCLE_OF = {kind: minutes for minutes, kinds in CIRCLES.items() for kind in kinds}
GROUPS = {AgeBand.parse(band): kinds for band, kinds in _LISTS["groups"].items()}
LIVED_IN = (BuildingUse.UNKNOWN, BuildingUse.RESIDENTIAL, BuildingUse.ELDERLY_HOUSING, BuildingUse.DORMITORY)
SAME = 20.0  # [m] a shelter facility this near to a shelter ground stands for it


def facility_database(community: Community) -> Any:
    """Return the survey of services.

    Parameters
    ----------
    community
        Its facilities.

    Returns
    -------
    DataFrame
        One row a facility: its fields, the circle it belongs to [min] (0 for none), and which fields are missing.
    """
    f, names = community.facilities, _LISTS["fields"]
    frame = f.to_frame()
    frame["circle_min"] = [CIRCLE_OF.get(code, 0) for code in FacilityKind.codes(f.kind)]
    empty = np.array([v == "" if v.dtype == object else ~(v >= 0) for v in (getattr(f, name) for name in names)])
    frame["missing"] = [", ".join(n for n, e in zip(names, column, strict=True) if e) for column in empty.T]
    return frame


def supply(community: Community, *, kinds: Sequence[str] | None = None) -> Any:
    """Compare services with the residents who reach them on foot within their circle, unit by unit.

    Parameters
    ----------
    community
        Homes, services and paths.
    kinds
        Kinds of service; without it those of the three circles and of 一老一小.

    Returns
    -------
    DataFrame
        One row a kind and unit (the whole, then each parcel with residents): facilities, area and
        places of the whole, residents, those within the circle, the gap, and amounts per 1000 residents.

    Raises
    ------
    MissingDataError
        If nobody lives there.

    References
    ----------
    .. [1] GB 50180-2018, Standard for urban residential area planning and design, appendix B.
    """
    codes, rows = list(kinds or dict.fromkeys((*reversed(CIRCLE_OF), *_LISTS["old_and_young"]))), []
    f, walk = community.facilities, walk_times(community, to=codes)
    homes = walk.homes
    if not homes.persons.sum() > 0:
        raise MissingDataError("supply: residents must be known; add population or dwellings with persons.")
    parcel = lookup_names(community.parcels.id, community.buildings.parcel[homes.building])
    units = [("", np.ones(len(homes), dtype=bool)), *((str(p), parcel == p) for p in sorted(set(parcel) - {""}))]
    for code, kind, minutes in zip(codes, walk.kinds, walk.walk_min.T, strict=True):
        own, limit = np.flatnonzero(f.kind == kind), CIRCLE_OF.get(code, 15)
        area, places = (float(np.nansum(v[own])) for v in (f.area, f.capacity))
        for name, within in units:
            persons = float(homes.persons[within].sum())
            near = float(homes.persons[within & (minutes <= limit)].sum())
            each = (1000.0 * area / persons, 1000.0 * places / persons) if not name and persons else (np.nan, np.nan)
            rows.append((code, limit, name, len(own), area, places, persons, near, persons - near, *each))
    names = ["kind", "circle_min", "unit", "facilities", "area_m2", "places", "persons", "persons_within"]
    return data_frame(rows, columns=[*names, "persons_without", "area_m2_per_1000", "places_per_1000"])


@dataclass(frozen=True, repr=False)
class Improvement(Drawn):
    """Where to add or enlarge services of one kind, and what is gained.

    Parameters
    ----------
    kind
        Kind of service.
    objective
        What was made best.
    action
        ``add`` or ``enlarge``, shape (p).
    site
        Building to add it in, or facility to enlarge, shape (p).
    xy
        Where, shape (p, 2) [m].
    before, after
        Residents served, or metres of the mean way for ``p_median``.
    persons
        All residents.
    """

    kind: FacilityKind
    objective: str
    action: tuple[str, ...]
    site: tuple[str, ...]
    xy: FloatArray
    before: float
    after: float
    persons: float

    def __repr__(self) -> str:
        what = ", ".join(f"{a} {s}" for a, s in zip(self.action, self.site, strict=True)) or "nothing to gain"
        unit = "m mean way" if self.objective == "p_median" else f"of {self.persons:,.0f} residents served"
        return f"<Improvement for {self.kind.code}: {what}; {self.before:,.0f} → {self.after:,.0f} {unit}>"

    def columns(self) -> dict[str, Any]:
        """Return what to do where, one row an action."""
        return {"action": self.action, "site": self.site, "x_m": self.xy[:, 0], "y_m": self.xy[:, 1]}


def improvement_plan(
    community: Community,
    kind: str | FacilityKind,
    *,
    count: int = 1,
    within: float = 300.0,
    objective: str = "coverage",
    capacity: float = 0.0,
    sites: Sequence[str] | None = None,
) -> Improvement:
    """Choose where to add or enlarge services of one kind: exact, as an integer program (HiGHS).

    Parameters
    ----------
    community
        Homes, services and paths.
    kind
        Kind of service.
    count
        Number of additions and enlargements, at most.
    within
        Walking distance that counts as served [m].
    objective
        ``coverage``: most residents within the distance. ``p_median``: shortest mean way to the nearest.
        ``capacity``: most residents who find a place within the distance, where each addition and
        enlargement has ``capacity`` places and each facility those it states.
    capacity
        Residents that one addition or enlargement serves.
    sites
        Ids of buildings that may take a new one; without it all that are not homes.

    Returns
    -------
    Improvement
        What to do, with the gain.

    Raises
    ------
    InputError
        If an option is wrong or there is no site.
    MissingDataError
        If nobody lives there, or a facility does not state its places where they count.

    References
    ----------
    .. [1] Church, ReVelle, The maximal covering location problem, Papers of the Regional Science Association 32, 1974.
    .. [2] Hakimi, Optimum locations of switching centers, Operations Research 12, 1964.
    """
    wanted = FacilityKind.parse(kind)
    one_of(objective, ("coverage", "p_median", "capacity"), name="improvement_plan: objective")
    if count < 1 or within <= 0 or (objective == "capacity" and capacity <= 0):
        raise InputError(f"improvement_plan: count, within, capacity must be > 0; got {count}, {within}, {capacity}.")
    joined = join(community)
    homes, f, b = joined.homes, community.facilities, community.buildings
    used = np.unique(homes.door)
    persons = totals(homes.door, homes.persons, len(homes.doors))[used]
    if not persons.sum() > 0:
        raise MissingDataError("improvement_plan: residents must be known; add population or dwellings with persons.")
    own = np.flatnonzero((f.kind == wanted) & (f.status != Status.DEMOLISH))
    free = np.flatnonzero(~np.isin(b.use, LIVED_IN) & (b.status != Status.DEMOLISH))
    if sites is None and not len(free):
        raise InputError("improvement_plan: there must be buildings that can take a service; name them in sites=.")
    rows = free if sites is None else np.array([b.row_of(s) for s in sites], dtype=np.int64)
    there = np.concatenate([np.column_stack([f.x[own], f.y[own]]), b.footprint.inner_points()[rows]])
    ways = joined.network, joined.doors, joined.network.place(there)
    if joined.straight:
        ways = WalkNetwork.straight(homes.doors, np.insert(there, 2, 0.0, axis=1))
    way = walk_matrix(*ways)[used]
    if objective == "capacity" and np.isnan(f.capacity[own]).any():
        raise MissingDataError(f"improvement_plan: each {wanted.code} must state its capacity for this objective.")
    room = np.concatenate([np.nan_to_num(f.capacity[own]), np.zeros(len(rows))])
    chosen, before, after = _solve(objective, way, persons, len(own), room, (count, within, capacity))
    names = [*f.id[own], *b.id[rows]]
    actions = tuple("enlarge" if j < len(own) else "add" for j in chosen), tuple(str(names[j]) for j in chosen)
    return Improvement(wanted, objective, *actions, there[chosen], before, after, float(persons.sum()))


def _solve(
    objective: str, way: FloatArray, persons: FloatArray, old: int, places: FloatArray, limits: tuple[int, float, float]
) -> tuple[list[int], float, float]:
    """Return the chosen columns, and what is served without and with them.

    Variables: one y a column (1 chosen), one x a pair of door and column within reach (share of
    the door that goes there). For coverage and p-median the first ``old`` columns are open anyway;
    for p-median a door that reaches none counts as one metre farther than the farthest.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_matrix

    count, within, capacity = limits
    median, sized = objective == "p_median", objective == "capacity"
    reach = np.isfinite(way) if median else way <= within + 1e-9
    (door, column), k = np.nonzero(reach), way.shape[1]
    m, far = len(door), float(way[np.isfinite(way)].max(initial=0.0)) + 1.0
    pair, site, ones = k + np.arange(m), np.arange(k), np.ones(m)
    worth = np.concatenate([np.full(k, 1e-9), persons[door] * (way[reach] - far if median else -ones)])

    def matrix(values: Any, rows: Any, columns: Any, height: int) -> Any:
        return coo_matrix((values, (rows, columns)), shape=(height, k + m)).tocsr()

    once = matrix(ones, door, pair, len(persons))
    if sized:  # who goes there finds a place
        fits = matrix(np.r_[persons[door], np.full(k, -capacity)], np.r_[column, site], np.r_[pair, site], k)
    else:  # it is open
        fits = matrix(np.r_[ones, -ones], np.r_[np.arange(m), np.arange(m)], np.r_[pair, column], m)
    given, whole = np.zeros(k + m), np.repeat([1.0, 0.0], [k, m])
    given[: 0 if sized else old] = 1.0

    def best(number: int) -> tuple[list[int], float]:
        bounds = (once, 1.0), (fits, places if sized else np.zeros(m)), (whole, number + given.sum())
        rules = [LinearConstraint(left, -np.inf, right) for left, right in bounds]
        x = milp(worth, constraints=rules, bounds=Bounds(given, 1.0), integrality=whole).x
        value = float(worth[k:] @ x[k:])
        chosen = np.flatnonzero((x[:k] > 0.5) & (given[:k] == 0)).tolist()
        return chosen, far + value / float(persons.sum()) if median else -value

    (_, before), (chosen, after) = best(0), best(count)
    return chosen, before, after


@dataclass(frozen=True, repr=False)
class Evacuation(Drawn):
    """How n dwellings (or buildings) reach shelter, and how they do with passages blocked.

    Parameters
    ----------
    homes
        Their ids, shape (n).
    building
        Building of each, shape (n).
    persons
        Residents of each, shape (n).
    reach_min, blocked_min
        Time to the nearest shelter, with all passages open and with ``blocked`` closed, inf for none, shape (n) [min].
    shelter
        Nearest shelter of each, empty for none, shape (n).
    shelters, shelter_area
        All k shelters and their area, shape (k) [m²].
    blocked
        Ids of the paths that were closed.
    """

    homes: TextArray
    building: TextArray
    persons: FloatArray
    reach_min: FloatArray
    blocked_min: FloatArray
    shelter: TextArray
    shelters: TextArray
    shelter_area: FloatArray
    blocked: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.homes)

    @property
    def cut_off(self) -> BoolArray:
        """Which homes reach shelter with all passages open, and none with some blocked, shape (n)."""
        return np.isfinite(self.reach_min) & ~np.isfinite(self.blocked_min)

    def __repr__(self) -> str:
        near = self.reach_min[np.isfinite(self.reach_min)]
        far = f"{near.max():.1f} min at most" if len(near) else "no shelter reached"
        lost = f"; {int(self.cut_off.sum())} cut off by {', '.join(self.blocked)}" if self.blocked else ""
        return f"<Evacuation of {len(self)} homes to {len(self.shelters)} shelters: {far}{lost}>"

    def columns(self) -> dict[str, Any]:
        """Return who reaches which shelter, one row a home."""
        names = ("building", "persons", "shelter", "reach_min", "blocked_min", "cut_off")
        return {"home": self.homes} | {name: getattr(self, name) for name in names}

    def loads(self) -> Any:
        """Return a DataFrame, one row a shelter: residents nearest to it and area for each of them."""
        persons = np.array([self.persons[self.shelter == s].sum() for s in self.shelters])
        each = np.divide(self.shelter_area, persons, out=np.full(len(persons), np.inf), where=persons > 0)
        known = {"shelter": self.shelters, "area_m2": self.shelter_area}
        return data_frame(known | {"persons": persons, "m2_per_person": each})


def evacuation(community: Community, *, blocked: Sequence[str] = (), method: WalkMethod = ADULT) -> Evacuation:
    """Compute how every home reaches shelter, and what is cut off when passages are blocked.

    Shelters are facilities of kind ``shelter`` and open spaces of kind ``shelter``, reached at
    the place of the outline that is nearest to a path.

    Parameters
    ----------
    community
        Homes, shelters and paths.
    blocked
        Ids of paths that cannot be used.
    method
        Who walks.

    Raises
    ------
    InputError
        If a path is not there.
    MissingDataError
        If there are no shelters, homes or paths.

    References
    ----------
    .. [1] GB/T 51327-2018, Standard for urban planning on comprehensive disaster prevention, 5.3, 6.2.
    """
    e = community.path_edges
    unknown = [name for name in blocked if name not in set(e.id)]
    if unknown:
        raise InputError(f"evacuation: blocked must name paths of the community; there is no {unknown[0]!r}.")
    there = _with_shelters(community)
    kind = there.facilities.kind == FacilityKind.SHELTER
    if not kind.any():
        raise MissingDataError("evacuation: shelters must be known; add spaces/facilities of kind shelter (避难场所).")
    closed = there.keep({"path_edges": ~np.isin(e.id, blocked)}) if blocked else there
    walk = walk_times(there, to="shelter", method=method)
    after = walk_times(closed, to="shelter", method=method) if blocked else walk
    building = lookup_names(community.buildings.id, walk.homes.building)
    ways = walk.walk_min[:, 0], after.walk_min[:, 0], np.append(there.facilities.id, "")[walk.facility[:, 0]]
    shelters = there.facilities.id[kind], there.facilities.land_area[kind]
    return Evacuation(walk.homes.ids, building, walk.homes.persons, *ways, *shelters, tuple(blocked))


def _with_shelters(community: Community) -> Community:
    """Return the community with shelter grounds that no facility stands for as facilities, at their nearest path."""
    spaces, f = community.spaces, community.facilities
    rows = np.flatnonzero((spaces.kind == SpaceKind.SHELTER) & (spaces.storey < 0))
    known = shapely.points(f.x, f.y)[f.kind == FacilityKind.SHELTER]
    shapes = spaces.outline.take(rows).to_shapely()
    stood_for = shapely.STRtree(known).query(shapes, predicate="dwithin", distance=SAME)[0]
    rows, shapes = np.delete(rows, stood_for), np.delete(shapes, stood_for)
    at = shapely.point_on_surface(shapes)
    courses = community.path_edges.course.to_shapely()
    if len(courses):
        at = shapely.get_point(shapely.shortest_line(shapes, courses[shapely.STRtree(courses).nearest(shapes)]), 0)
    columns: dict[str, Any] = {"x": shapely.get_x(at), "y": shapely.get_y(at), "z": spaces.z[rows]}
    kind, land = np.full(len(rows), FacilityKind.SHELTER), shapely.area(shapes)
    made = Facilities(id=spaces.id[rows], kind=kind, land_area=land, status=spaces.status[rows], **columns)
    return replace(community, facilities=community.facilities.stacked(made))


def young_and_old(community: Community, *, hour: Hour = None) -> Any:
    """Summarise how children and the old reach their own services at their own pace (一老一小).

    Residents of an age band in a building count at all its homes alike; where no ages are known every home counts
    alike and ``persons`` is nan. Kinds of service that do not exist are listed with a share of 0.

    Parameters
    ----------
    community
        Homes, residents by age, services and paths.
    hour
        Hour of the day, for what closes [h].

    Returns
    -------
    DataFrame
        One row a group and kind: persons, share of them within 5, 10 and 15 minutes, median time [min].

    Examples
    --------
    >>> import cimkit as ck
    >>> ck.young_and_old(ck.samples.future_community())["group"].unique().tolist()
    ['child', 'elder', 'old_elder']
    """
    people, rows = community.population, []
    for band, names in GROUPS.items():
        method: WalkMethod = getattr(WalkMethod, band.name)
        walk = walk_times(community, to=names, method=method, hour=hour)
        of_band, home = people.band == band, walk.homes.building
        in_building = np.bincount(people.building[of_band], people.persons[of_band], len(community.buildings))
        weight = (in_building / np.maximum(np.bincount(home, minlength=len(in_building)), 1))[home]
        persons = weight.sum()
        weight = weight if persons else np.ones(len(home))
        for kind, minutes in zip(walk.kinds, walk.walk_min.T, strict=True):
            row = {"group": band.code, "walker": method.name, "kind": kind.code, "persons": persons or np.nan}
            row |= {f"share_{m}min": weight[minutes <= m].sum() / weight.sum() for m in (5, 10, 15)}
            order = np.argsort(minutes, kind="stable")
            middle = np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)
            rows.append(row | {"median_min": minutes[order][middle]})
    return data_frame(rows)
