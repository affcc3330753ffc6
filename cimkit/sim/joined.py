"""Homes and services of a community joined to one network, and why some are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.errors import MissingDataError
from cimkit.model.kinds import FacilityKind, PathKind
from cimkit.model.notes import Note, Notes, noted
from cimkit.sim.homes import Homes, homes_of, service_doors
from cimkit.sim.network import Places, WalkNetwork, open_at
from cimkit.sim.walk_method import WalkMethod

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.arrays import BoolArray, FloatArray, IntArray
    from cimkit.model.community import Community

STREETS = (PathKind.STREET, PathKind.MAIN_ROAD)
BESIDE = 20.0  # [m] a footway this near to the middle of a street runs along it


@dataclass(frozen=True, repr=False)
class Joined:
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

    def of_kinds(self, to: str | Sequence[str] | None) -> tuple[tuple[FacilityKind, ...], IntArray, IntArray]:
        """Return the kinds asked for, all that exist but ``other`` without; their facility rows, and each row's kind.

        Raises
        ------
        MissingDataError
            If there is none.
        """
        have = self.community.facilities.kind
        if to is None:
            there = {int(k) for k in np.unique(have)}
            kinds = tuple(k for k in FacilityKind if int(k) in there - {int(FacilityKind.OTHER)})
        else:
            kinds = tuple(FacilityKind.parse(k) for k in ([to] if isinstance(to, str | FacilityKind) else to))
        if not kinds:
            raise MissingDataError(
                "services: there must be some; got none. Add facilities, or the file that holds them."
            )
        rows = np.flatnonzero(np.isin(have, kinds))
        index = np.full(max(FacilityKind) + 1, -1, dtype=np.int64)
        index[list(kinds)] = np.arange(len(kinds))
        return kinds, rows, index[have[rows]]


def join(
    community: Community,
    *,
    method: WalkMethod = WalkMethod.ADULT,
    network: WalkNetwork | None = None,
    hour: float | None = None,
) -> Joined:
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
        said = _centre_lines(community) + _lost(at, there, homes, community, network, service)
    closed = np.zeros(len(f), dtype=bool) if hour is None else ~open_at(f, hour)
    stepped = (f.step_free == 0) & (not method.steps)
    said += noted("N06", f"{closed.sum()} facilities closed at {hour or 0:g} h", closed, "facilities", f.id)
    said += noted("N06", f"{stepped.sum()} facilities with steps at the door", stepped, "facilities", f.id)
    inside = np.isinf(homes.indoor_min)
    text = f"{inside.sum()} {homes.kind}s have no way down for {method.name}: no lift, or steps at the door"
    said += noted("N06", text, inside, homes.kind + "s", homes.ids)
    there = there._replace(edge=np.where(closed | stepped, -1, there.edge))
    return Joined(community, homes, service, network, at, there, straight, homes.notes + Notes.of(said))


def _lost(
    at: Places, there: Places, homes: Homes, community: Community, network: WalkNetwork, service: FloatArray
) -> list[Note]:
    """Return notes on doors and services that no path is near to or that a barrier cuts off, and on separate parts."""
    used, first = np.unique(homes.door, return_index=True)
    notes = _off(at.edge[used] < 0, homes.doors[used], network, "doors", "entrances", homes.ids[first])
    notes += _off(there.edge < 0, service, network, "facilities", "facilities", community.facilities.id)
    parts = network.part[network.start]
    count = np.bincount(parts)
    if (count > 0).sum() > 1:
        main = count.argmax()
        doors, places = (int(((parts[p.edge] != main) & (p.edge >= 0)).sum()) for p in (at.take(used), there))
        text = (
            f"the network has {(count > 0).sum()} parts, the largest with {count.max() / len(parts):.0%} of the paths; "
            f"{doors} doors and {places} facilities join a smaller one and reach only what is on it"
        )
        notes.append(Note("N01", text, "path_edges", count=max(doors, 1)))
    return notes


def _centre_lines(community: Community) -> list[Note]:
    """Return a note on streets along which no footway is drawn: people are taken to walk along the centre line."""
    e = community.path_edges
    lines = e.course.to_shapely()
    streets = np.flatnonzero(np.isin(e.kind, STREETS))
    footways = shapely.STRtree(lines[np.isin(e.kind, (PathKind.FOOTWAY, PathKind.PEDESTRIAN))])
    middle = shapely.line_interpolate_point(lines[streets], 0.5, normalized=True)
    bare = np.setdiff1d(np.arange(len(streets)), footways.query(middle, predicate="dwithin", distance=BESIDE)[0])
    if len(bare) == 0:
        return []
    km = e.length[streets[bare]].sum() / 1000
    text = f"{km:.1f} km of streets have no footway within {BESIDE:g} m: their centre lines are walked"
    fix = "Draw footways and crossings where the side of the street matters."
    return [Note("N08", text, "path_edges", str(e.id[streets[bare[0]]]), count=len(bare), fix=fix)]


def _off(off: BoolArray, xy: FloatArray, network: WalkNetwork, what: str, table: str, ids: Any) -> list[Note]:
    """Return notes on what does not join the network, by reason."""
    far, limit = off & network.too_far(xy), network.method.snap_limit
    cut = off & ~far
    text = (
        f"{cut.sum()} {what} are cut off by a barrier (trunk road, railway, water) from every path within {limit:g} m"
    )
    return [
        *noted(
            "N02", f"{far.sum()} {what} lie farther than {limit:g} m from any path; no way leads there", far, table, ids
        ),
        *noted("N02", text, cut, table, ids),
    ]
