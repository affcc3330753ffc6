"""Walks in cases: in an emergency (平战一体), between two variants, children and the old at their own pace (一老一小).

In an emergency: time to shelter, room in it, ways out of a zone, and what a blocked passage cuts off.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from cimkit.arrays import BoolArray, FloatArray, IntArray, TextArray
from cimkit.errors import InputError, MissingDataError
from cimkit.model.community import Community
from cimkit.model.drawn import Drawn
from cimkit.model.kinds import AgeBand, FacilityKind, PathKind, SpaceKind
from cimkit.model.table import lookup_names
from cimkit.model.tables import Facilities
from cimkit.sim.access import WalkTimes, walk_times
from cimkit.sim.joined import Hour
from cimkit.sim.network import ADULT, NOT_WALKABLE, STEPPED, WalkMethod

WAY_WIDTH = 4.0  # [m] secondary evacuation passage, GB/T 51327-2018 6.2.3 (mark P)
SAME = 20.0  # [m] a shelter facility this near to a shelter ground stands for it
_OUTSIDE = (PathKind.STREET, PathKind.MAIN_ROAD, PathKind.TRUNK_ROAD)
#: What children and the old walk to (一老一小): after the complete community standard of 2020, mark M.
YOUNG = ("nursery", "kindergarten", "primary_school", "sports_ground", "park")
OLD = ("elderly_service", "elderly_day_care", "health_station", "canteen", "park")
GROUPS = (
    (AgeBand.CHILD, WalkMethod.CHILD, YOUNG),
    (AgeBand.ELDER, WalkMethod.ELDER, OLD),
    (AgeBand.OLD_ELDER, WalkMethod.OLD_ELDER, OLD),
)


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
        lost: BoolArray = np.isfinite(self.reach_min) & ~np.isfinite(self.blocked_min)
        return lost

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
        import pandas as pd

        persons = np.array([self.persons[self.shelter == s].sum() for s in self.shelters])
        each = np.divide(self.shelter_area, persons, out=np.full(len(persons), np.inf), where=persons > 0)
        known = {"shelter": self.shelters, "area_m2": self.shelter_area}
        return pd.DataFrame(known | {"persons": persons, "m2_per_person": each})


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
        raise MissingDataError(
            "evacuation: shelters must be known; add spaces or facilities of kind shelter (避难场所)."
        )
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
    own = np.setdiff1d(np.arange(len(rows)), stood_for)
    rows, shapes = rows[own], shapes[own]
    if not len(rows):
        return community
    at = shapely.point_on_surface(shapes)
    courses = community.path_edges.course.to_shapely()
    if len(courses):
        near = shapely.STRtree(courses).nearest(shapes)
        at = shapely.get_point(shapely.shortest_line(shapes, courses[near]), 0)
    columns: dict[str, Any] = {"x": shapely.get_x(at), "y": shapely.get_y(at), "z": spaces.z[rows]}
    kind, land = np.full(len(rows), FacilityKind.SHELTER), shapely.area(shapes)
    made = Facilities(id=spaces.id[rows], kind=kind, land_area=land, status=spaces.status[rows], **columns)
    return dataclasses.replace(community, facilities=community.facilities.stacked(made))


def ways_out(community: Community, parcels: IntArray) -> tuple[FloatArray, FloatArray]:
    """Count the ways out of parcels to the streets outside that share no path.

    Parameters
    ----------
    community
        Parcels and paths.
    parcels
        Rows of the parcels, p of them.

    Returns
    -------
    tuple
        The number, paths of unknown width counted as wide enough, and without them, shape (p);
        nan where no path lies within the parcel or none outside. Without streets in the data all
        paths outside every parcel stand for them.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import maximum_flow

    e, nodes = community.path_edges, community.path_nodes
    result, usable = np.full((2, len(parcels)), np.nan), ~np.isin(e.kind, (*NOT_WALKABLE, *STEPPED))
    points, every = shapely.points(nodes.x, nodes.y), np.arange(len(nodes))
    on_street = np.isin(e.kind, _OUTSIDE)
    street = np.isin(every, np.append(e.start[on_street], e.end[on_street]))
    if not street.any():
        street = ~shapely.covers(shapely.union_all(community.parcels.outline.to_shapely()), points)
    for k, shape in enumerate(community.parcels.outline.take(parcels).to_shapely()):
        inside = shapely.covers(shape, points)
        if not inside.any() or not (street & ~inside).any():
            continue
        # nodes of the zone are one, the streets outside are one: 0 and 1, the rest from 2 on
        name = np.where(inside, 0, np.where(street, 1, every + 2))
        for which, wide in enumerate((~(e.width < WAY_WIDTH), e.width >= WAY_WIDTH)):
            a, b = name[e.start[usable & wide]], name[e.end[usable & wide]]
            ends = np.append(a[a != b], b[a != b]), np.append(b[a != b], a[a != b])
            ones, size = np.ones(len(ends[0]), dtype=np.int32), len(nodes) + 2
            graph = coo_matrix((ones, ends), shape=(size, size)).tocsr()
            result[which, k] = maximum_flow(graph, 0, 1).flow_value
    return result[0], result[1]


@dataclass(frozen=True, repr=False)
class WalkChange(Drawn):
    """Walking times of the homes that two variants share.

    Parameters
    ----------
    before, after
        The two variants.
    rows_before, rows_after
        Rows of the homes both have, shape (n).
    kinds
        Kinds of service both have, k of them.
    """

    before: WalkTimes
    after: WalkTimes
    rows_before: IntArray
    rows_after: IntArray
    kinds: tuple[FacilityKind, ...]

    @property
    def change_min(self) -> FloatArray:
        """Return the time after less before; ±inf where reached in one only, nan in neither, shape (n, k) [min]."""
        old = self.before.walk_min[self.rows_before][:, [self.before.of(k) for k in self.kinds]]
        new = self.after.walk_min[self.rows_after][:, [self.after.of(k) for k in self.kinds]]
        with np.errstate(invalid="ignore"):
            result: FloatArray = new - old
        return result

    def __repr__(self) -> str:
        parts = [f"{r.kind} {r.gain:,} gain, {r.lose:,} lose" for r in self.summary().itertuples() if r.gain or r.lose]
        return f"<WalkChange of {len(self.rows_after):,} homes: {'; '.join(parts) or 'nobody gains or loses'}>"

    def summary(self, *, more_than: float = 0.5) -> Any:
        """Return a DataFrame of homes and persons who gain or lose more than some minutes, one row a kind."""
        import pandas as pd

        change, persons = self.change_min, self.after.homes.persons[self.rows_after]
        who = {"gain": change < -more_than, "lose": change > more_than}
        homes = {name: which.sum(axis=0) for name, which in who.items()}
        people = {f"persons_{name}": [persons[k].sum() for k in which.T] for name, which in who.items()}
        return pd.DataFrame({"kind": [k.code for k in self.kinds]} | homes | people)

    def columns(self) -> dict[str, Any]:
        """Return the change, one row a home, one column a kind."""
        changes = zip(self.kinds, self.change_min.T, strict=True)
        ids = {self.after.homes.kind: self.after.homes.ids[self.rows_after]}
        return ids | {f"{kind.code}_change_min": change for kind, change in changes}


def compare_walks(before: WalkTimes, after: WalkTimes) -> WalkChange:
    """Compare two variants by the ids of their homes.

    Parameters
    ----------
    before, after
        Walking times of each.

    Raises
    ------
    MissingDataError
        If they share no home or no kind of service.
    """
    _, old, new = np.intersect1d(before.homes.ids.astype(str), after.homes.ids.astype(str), return_indices=True)
    kinds = tuple(k for k in before.kinds if k in after.kinds)
    if len(old) == 0 or not kinds:
        raise MissingDataError(
            f"compare_walks: both must share homes and kinds of service; they share {len(old)} and {len(kinds)}."
        )
    order = np.argsort(new)
    return WalkChange(before, after, old[order], new[order], kinds)


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
    import pandas as pd

    people, rows = community.population, []
    for band, method, names in GROUPS:
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
    return pd.DataFrame(rows)
