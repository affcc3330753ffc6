"""Where people set out and where services are entered, joined to one network; ways across open spaces."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import shapely
from shapely.ops import substring

from cimkit.arrays import FloatArray, IntArray, TextArray
from cimkit.errors import InputError, MissingDataError
from cimkit.geometry.polygons import Lines
from cimkit.geometry.ragged import totals
from cimkit.model.community import Community
from cimkit.model.derive import HOUSING, derive_entrances
from cimkit.model.kinds import BuildingUse, EntranceKind, FacilityKind, PathKind, SpaceKind
from cimkit.model.notes import Note, Notes, noted
from cimkit.sim.network import ADULT, Places, WalkMethod, WalkNetwork, open_at

STREETS = (PathKind.STREET, PathKind.MAIN_ROAD)
Kinds = str | Sequence[str] | None  #: Kinds of service asked for; without it all that exist.
Network = WalkNetwork | None  #: A network made before, to save making it again.
Hour = float | None  #: Hour of the day, for gates, paths and services that close [h]; without it all are open.
BESIDE = 20.0  # [m] a footway this near to the middle of a street runs along it
ACROSS = "open space"  # id of edges that no path is drawn for
OPEN = (SpaceKind.PLAZA, SpaceKind.PUBLIC_OPEN_SPACE, SpaceKind.PLAYGROUND, SpaceKind.CENTRAL_GREEN)
MARGIN = 3.0  # [m] paths this near to an open space lead onto it
MOST = 150  # points of one space: lines of sight grow with their square


@dataclass(frozen=True, repr=False)
class Homes:
    """Places people set out from, n of them.

    Parameters
    ----------
    ids
        Dwelling, or building where there are no dwellings, shape (n).
    kind
        ``dwelling`` or ``building``.
    building
        Building row, shape (n).
    door
        Row of ``doors``, shape (n).
    doors
        Places of the doors, shape (e, 3) [m].
    indoor_min
        Time from the dwelling's floor to the door, inf where there is no way [min].
    persons
        Residents, shape (n).
    notes
        What was derived.
    """

    ids: TextArray
    kind: str
    building: IntArray
    door: IntArray
    doors: FloatArray
    indoor_min: FloatArray
    persons: FloatArray
    notes: Notes

    def __len__(self) -> int:
        return len(self.ids)


def homes_of(community: Community, *, method: WalkMethod = ADULT) -> Homes:
    """Return where the community's people set out.

    Each dwelling leaves by its own entrance, else by the nearest unit door of its building. A
    building without a door gets one where it is nearest to a path; a door with steps is none for
    who cannot use them. Without dwellings each
    housing building (each building, where no use is known) is one home at its door.
    """
    dwellings, storeys, buildings = community.dwellings, community.storeys, community.buildings
    doors, door_of, notes = _doors(community)
    stepped = np.flatnonzero((community.entrances.step_free == 0) & (not method.steps))
    if len(dwellings) == 0:
        lived_in, people = np.isin(buildings.use, HOUSING), community.population
        building = np.flatnonzero(lived_in if lived_in.any() else buildings.use == BuildingUse.UNKNOWN)
        ids, kind, door, indoor = buildings.id[building], "building", door_of[building], np.zeros(len(building))
        persons = totals(people.building, people.persons, len(buildings))[building]
        said = Note("D01", f"no dwellings; {len(building)} buildings stand for their residents", "dwellings")
        notes += Notes.of([said])
    else:
        building = storeys.building[dwellings.storey]
        door = np.where(dwellings.entrance >= 0, dwellings.entrance, door_of[building])
        level, down = storeys.level[dwellings.storey], np.maximum(storeys.z[dwellings.storey], 0.0)
        lift = (buildings.lift == 1) | ((buildings.lift < 0) & (buildings.n_above >= method.lift_storeys))
        indoor = method.climb_minutes(down, np.maximum(level - 1.0, 0.0), lift[building])
        ids, kind, persons = dwellings.id, "dwelling", np.nan_to_num(dwellings.persons)
    indoor = np.where(np.isin(door, stepped), np.inf, indoor)
    return Homes(ids, kind, building, door, doors, indoor, persons, notes)


def _doors(community: Community) -> tuple[FloatArray, IntArray, Notes]:
    """Return all doors (e, 3), the door of each building, and a note on those derived."""
    buildings, entrances = community.buildings, community.entrances
    door_of = np.full(len(buildings), -1, dtype=np.int64)
    known = np.flatnonzero((entrances.building >= 0) & (entrances.kind != EntranceKind.GARAGE))[::-1]
    door_of[entrances.building[known]] = known
    missing = door_of < 0
    made = derive_entrances(community, of=missing)
    door_of[made.building] = len(entrances) + np.arange(len(made))
    doors = np.column_stack([np.append(getattr(entrances, axis), getattr(made, axis)) for axis in ("x", "y", "z")])
    where = "nearest to a path" if len(community.path_edges) else "in the middle of the longest wall"
    text = f"{len(made)} buildings without an entrance got one {where}"
    return doors, door_of, Notes.of(noted("N04", text, missing, "entrances", buildings.id))


def service_doors(community: Community) -> FloatArray:
    """Return where each facility is entered: its own entrance, else its point, shape (f, 3) [m]."""
    f, e = community.facilities, community.entrances
    doors = np.column_stack([f.x, f.y, f.z])
    own = np.flatnonzero((e.facility >= 0) & (e.kind != EntranceKind.GARAGE))[::-1]
    doors[e.facility[own]] = np.column_stack([e.x[own], e.y[own], e.z[own]])
    return doors


class Joined(NamedTuple):
    """Doors and services of a community as places on one network.

    Parameters
    ----------
    community
        Whose.
    homes
        Where people set out.
    service
        Where facilities are entered, shape (f, 3) [m].
    network
        Where people walk.
    doors, services
        Their places on the network; edge -1 where they cannot be reached.
    straight
        Whether straight lines stand for paths.
    notes
        What was derived and what cannot be reached, with the reason.
    """

    community: Community
    homes: Homes
    service: FloatArray
    network: WalkNetwork
    doors: Places
    services: Places
    straight: bool
    notes: Notes

    def of_kinds(self, to: Kinds) -> tuple[tuple[FacilityKind, ...], IntArray, IntArray]:
        """Return the kinds asked for, all that exist but ``other`` without; their facility rows, and each row's kind.

        Raises
        ------
        MissingDataError
            If there is none.
        """
        have = self.community.facilities.kind
        asked = [to] if isinstance(to, str | FacilityKind) else to
        every = np.setdiff1d(have, [FacilityKind.OTHER]).tolist()
        kinds = tuple(FacilityKind.parse(k) for k in (every if asked is None else asked))
        if not kinds:
            raise MissingDataError("services: there must be some; got none. Add facilities, or the file with them.")
        rows, kind = np.nonzero(have[:, None] == np.array(kinds))
        return kinds, rows, kind

    def home_places(self, *, timed: bool) -> Places:
        """Return the place of each home; the way down is part of the leg if ``timed``; who has none goes nowhere."""
        places, indoor = self.doors.take(self.homes.door), self.homes.indoor_min
        down = indoor * 60.0 * self.network.method.speed_ms if timed else np.where(np.isinf(indoor), np.inf, 0.0)
        return places._replace(leg=places.leg + down)

    def capacities(self, kinds: tuple[FacilityKind, ...], rows: IntArray, kind: IntArray) -> tuple[FloatArray, Notes]:
        """Return the capacity of each service, that of its kind's median where it is not known."""
        f, notes = self.community.facilities, list[Note]()
        size = f.capacity[rows].astype(np.float64)
        missing = ~np.isfinite(size)
        for k in np.unique(kind[missing]):
            known, which = size[(kind == k) & ~missing], (kind == k) & missing
            size[which] = assumed = float(np.median(known)) if len(known) else 1.0
            text = f"capacity of {which.sum()} {kinds[k].code} not known; {assumed:g} assumed"
            notes += noted("D01", text, which, "facilities", f.id[rows])
        if (size < 0).any():
            raise InputError(f"facilities: capacity must be ≥ 0; got {size.min()}.")
        return size, Notes.of(notes)


def join(community: Community, *, method: WalkMethod = ADULT, network: Network = None, hour: Hour = None) -> Joined:
    """Join a community's homes and services to its paths, or to straight lines where it has none.

    Services closed at ``hour``, and those with steps at the door for who cannot use steps, are not joined.

    Raises
    ------
    MissingDataError
        If there are no homes.
    """
    homes = homes_of(community, method=method)
    if len(homes) == 0:
        raise MissingDataError("homes: there must be some; got none. Give buildings a use (residential …).")
    service, f = service_doors(community), community.facilities
    straight = len(community.path_edges) == 0 and network is None
    if straight:
        network, at, there = WalkNetwork.straight(homes.doors, service, method=method)
        said = [Note("N05", f"no paths: straight distance × {method.detour:g}", "path_edges")]
    else:
        network = network or WalkNetwork.of(community, method=method, hour=hour)
        at, there = network.place(homes.doors), network.place(service)
        said = _centre_lines(community) + _lost(network, homes, at, there, f.id)
    closed = np.zeros(len(f), dtype=bool) if hour is None else ~open_at(f, hour)
    stepped = (f.step_free == 0) & (not method.steps)
    said += noted("N06", f"{closed.sum()} facilities closed at {hour or 0:g} h", closed, "facilities", f.id)
    said += noted("N06", f"{stepped.sum()} facilities with steps at the door", stepped, "facilities", f.id)
    inside = np.isinf(homes.indoor_min)
    text = f"{inside.sum()} {homes.kind}s have no way down for {method.name}: no lift, or steps at the door"
    said += noted("N06", text, inside, homes.kind + "s", homes.ids)
    there = there._replace(edge=np.where(closed | stepped, -1, there.edge))
    return Joined(community, homes, service, network, at, there, straight, homes.notes + Notes.of(said))


def _lost(network: WalkNetwork, homes: Homes, doors: Places, services: Places, facility_ids: TextArray) -> list[Note]:
    """Return notes on doors and services that no path is near to or that a barrier cuts off, and on separate parts."""
    used, first = np.unique(homes.door, return_index=True)
    limit, notes, doors = network.method.snap_limit, list[Note](), doors.take(used)
    apart = f"lie farther than {limit:g} m from any path; no way leads there"
    behind = f"are cut off by a barrier (trunk road, railway, water) from every path within {limit:g} m"
    asked = ((doors, "doors", "entrances", homes.ids[first]), (services, "facilities", "facilities", facility_ids))
    for places, what, table, ids in asked:
        for which, why in ((np.isinf(places.leg), apart), (np.isnan(places.leg), behind)):
            notes += noted("N02", f"{which.sum()} {what} {why}", which, table, ids)
    parts = network.part[network.start]
    count = np.bincount(parts)
    if (count > 0).sum() > 1:
        aside = [int(((parts[p.edge] != count.argmax()) & (p.edge >= 0)).sum()) for p in (doors, services)]
        joins = f"{aside[0]} doors and {aside[1]} facilities join a smaller one and reach only what is on it"
        share = f"{count.max() / len(parts):.0%} of the paths"
        text = f"the network has {(count > 0).sum()} parts, the largest with {share}; {joins}"
        notes.append(Note("N01", text, "path_edges", count=max(aside[0], 1)))
    return notes


def _centre_lines(community: Community) -> list[Note]:
    """Return a note on streets along which no footway is drawn: people are taken to walk along the centre line."""
    e = community.path_edges
    lines = e.course.to_shapely()
    streets = np.flatnonzero(np.isin(e.kind, STREETS))
    footways = shapely.STRtree(lines[np.isin(e.kind, (PathKind.FOOTWAY, PathKind.PEDESTRIAN))])
    middle = shapely.line_interpolate_point(lines[streets], 0.5, normalized=True)
    bare = ~np.isin(np.arange(len(streets)), footways.query(middle, predicate="dwithin", distance=BESIDE)[0])
    km = e.length[streets[bare]].sum() / 1000
    text = f"{km:.1f} km of streets have no footway within {BESIDE:g} m: their centre lines are walked"
    fix = "Draw footways and crossings where the side of the street matters."
    return [replace(note, fix=fix) for note in noted("N08", text, bare, "path_edges", e.id[streets])]


# Across squares and parks where no path is drawn: lines of sight around corners, joined to the network ----


def with_open_space(
    network: WalkNetwork, community: Community, *, kinds: tuple[SpaceKind, ...] = OPEN
) -> tuple[WalkNetwork, Notes]:
    """Add straight ways across open spaces: a visibility graph between the paths that lead there, around buildings.

    Paths are split where they enter ground within 3 m of a space. Spaces with more than 150 points, and those that no
    path leads to, are left alone and noted. Levels do not count: spaces on roofs are not crossed.

    Parameters
    ----------
    network
        The paths.
    community
        Whose open spaces and buildings.
    kinds
        Kinds of space that are crossed.

    Returns
    -------
    tuple
        The network with more nodes and edges, and notes.
    """
    s = community.spaces
    rows = np.flatnonzero(np.isin(s.kind, kinds) & (s.storey < 0))
    built = shapely.union_all(shapely.make_valid(community.buildings.footprint.to_shapely()))
    shapes = shapely.buffer(shapely.make_valid(s.outline.take(rows).to_shapely()), MARGIN, join_style="mitre")
    grounds = shapely.simplify(shapely.difference(shapes, built), 0.25)
    split = _split(network, grounds)
    tree, used = shapely.STRtree(shapely.points(split.nodes[:, :2])), np.append(split.start, split.end)
    nodes, ends, skipped = [split.nodes], [np.zeros((2, 0), np.int64)], dict[str, list[int]]()
    for row, ground in zip(rows, grounds, strict=True):
        doors = tree.query(ground, predicate="intersects")
        doors = doors[np.isin(doors, used)]
        corners = np.unique(shapely.get_coordinates(ground), axis=0)
        if len(doors) < 2 or len(doors) + len(corners) > MOST:
            why = f"more than {MOST} corners and ways in" if len(doors) > 1 else "fewer than two paths lead there"
            skipped.setdefault(why, []).append(int(row))
            continue
        nodes.append(np.column_stack([corners, np.full(len(corners), split.nodes[doors, 2].mean())]))
        places = np.concatenate([split.nodes[doors, :2], corners])
        pairs = np.stack(np.triu_indices(len(places), 1))
        seen = shapely.covered_by(shapely.linestrings(places[pairs.T]), shapely.buffer(ground, 0.01))
        ids = np.append(doors, sum(map(len, nodes[:-1])) + np.arange(len(corners)))
        ends.append(ids[pairs[:, seen]])
    across = WalkNetwork.from_arrays(np.concatenate(nodes), *np.concatenate(ends, axis=1), method=network.method)
    said = f"of {len(rows)} open spaces are not crossed"
    notes = [Note("N09", f"{len(k)} {said}: {why}", "spaces", s.id[k[0]], count=len(k)) for why, k in skipped.items()]
    return split.joined(replace(across, ids=np.full(len(across.start), ACROSS, dtype=object))), Notes.of(notes)


def _split(network: WalkNetwork, grounds: Any) -> WalkNetwork:
    """Return the network with a node wherever a path enters one of the grounds or bends in it."""
    lines = network.course.to_shapely()
    edge, ground = shapely.STRtree(shapely.boundary(grounds)).query(lines, predicate="intersects")
    cuts = shapely.intersection(shapely.force_2d(lines[edge]), shapely.boundary(grounds)[ground])
    points, which = shapely.get_parts(cuts, return_index=True)
    dot = shapely.get_type_id(points) == 0
    bends = shapely.points(network.course.xyz[:, :2])
    within = np.unique(shapely.STRtree(bends).query(grounds, predicate="intersects")[1])
    owner = np.append(edge[which[dot]], np.searchsorted(network.course.line, within, side="right") - 1)
    share = shapely.line_locate_point(lines[owner], np.append(points[dot], bends[within]), normalized=True)
    inside = (share > 1e-6) & (share < 1 - 1e-6)
    owner, share = owner[inside], share[inside]
    ends = np.unique(owner)  # stops of the paths that are cut: both ends and all cuts; a piece runs from stop to stop
    stops = np.append(owner, np.tile(ends, 2)), np.append(share, np.repeat([0.0, 1.0], len(ends)))
    owner, share = np.unique(np.column_stack(stops), axis=0).T
    owner = owner.astype(np.int64)
    new = len(network.nodes) - 1 + np.cumsum((share > 0) & (share < 1))
    node = np.where(share <= 0, network.start[owner], np.where(share >= 1, network.end[owner], new))
    begin = np.flatnonzero(share < 1)
    begin = begin[np.argsort(share[begin] > 0, kind="stable")]
    piece, low, high = owner[begin], share[begin], share[begin + 1]
    parts = [substring(lines[e], a, b, normalized=True) for e, a, b in zip(piece, low, high, strict=True)]
    cut, pieces = Lines.from_shapely(np.array(parts, dtype=object)), network.take(piece)
    sizes: dict[str, Any] = {n: getattr(pieces, n) * (high - low) for n in ("length", "forward_min", "backward_min")}
    nodes = np.concatenate([network.nodes, cut.xyz[cut.line[:-1]][low > 0]])
    pieces = replace(pieces, nodes=nodes, start=node[begin], end=node[begin + 1], course=cut, **sizes)
    return network.take(np.setdiff1d(np.arange(len(lines)), ends)).joined(pieces)
