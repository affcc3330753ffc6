"""Emergency (平战一体): time to shelter, room in it, ways out of a zone, and what a blocked passage cuts off."""

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
from cimkit.model.kinds import FacilityKind, PathKind, SpaceKind
from cimkit.model.table import lookup_names
from cimkit.model.tables import Facilities
from cimkit.sim.access import walk_times
from cimkit.sim.network import NOT_WALKABLE, STEPPED
from cimkit.sim.walk_method import WalkMethod

WAY_WIDTH = 4.0  # [m] secondary evacuation passage, GB/T 51327-2018 6.2.3 (mark P)
SAME = 20.0  # [m] a shelter facility this near to a shelter ground stands for it
_OUTSIDE = (PathKind.STREET, PathKind.MAIN_ROAD, PathKind.TRUNK_ROAD)


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


def evacuation(
    community: Community, *, blocked: Sequence[str] = (), method: WalkMethod = WalkMethod.ADULT
) -> Evacuation:
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
    times, nearest = (
        (walk.walk_min[:, 0], after.walk_min[:, 0]),
        np.append(there.facilities.id, "")[walk.facility[:, 0]],
    )
    shelters = there.facilities.id[kind], there.facilities.land_area[kind]
    return Evacuation(walk.homes.ids, building, walk.homes.persons, *times, nearest, *shelters, tuple(blocked))


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
