"""Public services (公共服务设施数据库): what the survey says, supply against demand, where to add or enlarge what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray, IntArray, one_of
from cimkit.errors import InputError, MissingDataError
from cimkit.model.community import Community
from cimkit.model.drawn import Drawn
from cimkit.model.kinds import BuildingUse, FacilityKind, Status
from cimkit.model.table import lookup_names
from cimkit.sim.access import walk_times
from cimkit.sim.joined import homes_of, join
from cimkit.sim.network import WalkNetwork
from cimkit.sim.reach import walk_matrix

CIRCLES = {  # [min] circle a kind belongs to, GB 50180-2018 appendix B (mark M; elderly day care P, GB 50437)
    15: ("middle_school", "sports_hall", "health_centre", "care_home", "culture_centre", "metro_station"),
    10: ("primary_school", "shop", "market", "bus_stop"),
    5: (
        *("kindergarten", "nursery", "sports_ground", "fitness", "health_station", "elderly_day_care"),
        *("elderly_service", "culture_station", "community_service", "canteen", "park", "parcel_station"),
    ),
}
OLD_AND_YOUNG = ("nursery", "kindergarten", "elderly_day_care", "elderly_service", "care_home", "canteen")  # 一老一小
CIRCLE_OF = {kind: minutes for minutes, kinds in CIRCLES.items() for kind in kinds}
_FIELDS = ("name", "area", "land_area", "capacity", "operator", "independent_entrance", "step_free", "year")
OBJECTIVES = ("coverage", "p_median", "capacity")


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
    f = community.facilities
    frame = f.to_frame()
    frame["circle_min"] = [CIRCLE_OF.get(code, 0) for code in FacilityKind.codes(f.kind)]
    empty = np.array([_empty(getattr(f, name)) for name in _FIELDS])
    frame["missing"] = [", ".join(n for n, e in zip(_FIELDS, column, strict=True) if e) for column in empty.T]
    return frame


def _empty(values: Any) -> Any:
    """Return which values are not known."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    return values == "" if values.dtype == object else values < 0


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
    import pandas as pd

    f, homes = community.facilities, homes_of(community)
    if not homes.persons.sum() > 0:
        raise MissingDataError("supply: residents must be known; add population or dwellings with persons.")
    parcel = lookup_names(community.parcels.id, community.buildings.parcel[homes.building])
    units = [("", np.ones(len(homes), dtype=bool)), *((str(p), parcel == p) for p in sorted(set(parcel) - {""}))]
    codes, rows = list(kinds or dict.fromkeys((*reversed(CIRCLE_OF), *OLD_AND_YOUNG))), []
    walk = walk_times(community, to=codes)
    for code, kind, minutes in zip(codes, walk.kinds, walk.walk_min.T, strict=True):
        own, limit = np.flatnonzero(f.kind == kind), CIRCLE_OF.get(code, 15)
        area, places = (float(np.nansum(v[own])) for v in (f.area, f.capacity))
        for name, within in units:
            persons = float(homes.persons[within].sum())
            near = float(homes.persons[within & (minutes <= limit)].sum())
            each = (1000.0 * area / persons, 1000.0 * places / persons) if not name and persons else (np.nan, np.nan)
            rows.append((code, limit, name, len(own), area, places, persons, near, persons - near, *each))
    names = ["kind", "circle_min", "unit", "facilities", "area_m2", "places", "persons", "persons_within"]
    return pd.DataFrame(rows, columns=[*names, "persons_without", "area_m2_per_1000", "places_per_1000"])


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
    one_of(objective, OBJECTIVES, name="improvement_plan: objective")
    if count < 1 or within <= 0 or (objective == "capacity" and capacity <= 0):
        raise InputError(
            f"improvement_plan: count, within and capacity must be > 0; got {count}, {within}, {capacity}."
        )
    homes = homes_of(community)
    used = np.unique(homes.door)
    persons = np.bincount(homes.door, weights=homes.persons)[used].astype(np.float64)
    if not persons.sum() > 0:
        raise MissingDataError("improvement_plan: residents must be known; add population or dwellings with persons.")
    f, b = community.facilities, community.buildings
    own = np.flatnonzero((f.kind == wanted) & (f.status != Status.DEMOLISH))
    rows = _sites(community, sites)
    middle = b.footprint.inner_points()[rows]
    there = np.concatenate([np.column_stack([f.x[own], f.y[own]]), middle])
    joined = join(community)
    network, doors, places = joined.network, joined.doors, joined.network.place(there)
    if joined.straight:
        network, doors, places = WalkNetwork.straight(homes.doors, np.insert(there, 2, 0.0, axis=1))
    way = walk_matrix(network, doors, places)[used]
    if objective == "capacity" and np.isnan(f.capacity[own]).any():
        raise MissingDataError(
            f"improvement_plan: each {wanted.code} must state its places (capacity) for this objective."
        )
    room = np.concatenate([np.nan_to_num(f.capacity[own]), np.zeros(len(rows))])
    chosen, before, after = _solve(objective, way, persons, len(own), room, (count, within, capacity))
    names = [*f.id[own], *b.id[rows]]
    actions = tuple("enlarge" if j < len(own) else "add" for j in chosen), tuple(str(names[j]) for j in chosen)
    return Improvement(wanted, objective, *actions, there[chosen], before, after, float(persons.sum()))


def _sites(community: Community, sites: Sequence[str] | None) -> IntArray:
    """Return the buildings that may take a new service."""
    b = community.buildings
    if sites is not None:
        return np.array([b.row_of(s) for s in sites], dtype=np.int64)
    homes = (BuildingUse.UNKNOWN, BuildingUse.RESIDENTIAL, BuildingUse.ELDERLY_HOUSING, BuildingUse.DORMITORY)
    rows = np.flatnonzero(~np.isin(b.use, homes) & (b.status != Status.DEMOLISH))
    if not len(rows):
        raise InputError("improvement_plan: there must be buildings that can take a service; name them in sites=.")
    return rows


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
    load, room = (persons[door], capacity) if sized else (ones, 0.0)

    def matrix(values: Any, rows: Any, columns: Any, height: int) -> Any:
        return coo_matrix((values, (rows, columns)), shape=(height, k + m)).tocsr()

    once = matrix(ones, door, pair, len(persons))
    open_first = matrix(np.r_[ones, -ones], np.r_[np.arange(m), np.arange(m)], np.r_[pair, column], m)
    fits = matrix(np.r_[load, np.full(k, -room)], np.r_[column, site], np.r_[pair, site], k)
    budget = matrix(np.ones(k), np.zeros(k, dtype=np.int64), site, 1)
    given = np.zeros(k + m)
    given[: 0 if sized else old] = 1.0

    def best(number: int) -> tuple[list[int], float]:
        rules = [
            LinearConstraint(once, -np.inf, 1.0),
            LinearConstraint(fits, -np.inf, places) if sized else LinearConstraint(open_first, -np.inf, 0.0),
            LinearConstraint(budget, -np.inf, number + given.sum()),
        ]
        whole = np.concatenate([np.ones(k), np.zeros(m)])
        x = milp(worth, constraints=rules, bounds=Bounds(given, 1.0), integrality=whole).x
        value = float(worth[k:] @ x[k:])
        chosen = np.flatnonzero((x[:k] > 0.5) & (given[:k] == 0)).tolist()
        return chosen, far + value / float(persons.sum()) if median else -value

    (_, before), (chosen, after) = best(0), best(count)
    return chosen, before, after
