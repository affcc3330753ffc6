"""Walking from every dwelling to the nearest service of each kind, by distance and by time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.errors import InputError, MissingDataError
from cimkit.kernels.graph import FARTHEST, Csr, nearest_source
from cimkit.model.kinds import EntranceKind, FacilityKind
from cimkit.model.notes import Note, Notes
from cimkit.sim.homes import Homes, homes_of
from cimkit.sim.network import MM, MS, Places, WalkNetwork
from cimkit.sim.walk_method import WalkMethod

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.arrays import BoolArray, FloatArray, IntArray, TextArray
    from cimkit.model.community import Community


@dataclass(frozen=True, repr=False)
class WalkTimes:
    """Nearest service of k kinds from n homes.

    Parameters
    ----------
    homes
        Where people set out, n of them.
    kinds
        Kinds of service, k of them.
    distance
        Walking distance from the door to the nearest, inf where none is reached, shape (n, k) [m].
    walk_min
        Time from the dwelling's floor to the quickest one, shape (n, k) [min].
    facility
        Row of the nearest facility by distance, -1 for none, shape (n, k).
    facility_ids
        Ids of all facilities.
    method
        Who walks.
    straight
        Whether straight lines had to stand for paths.
    notes
        What was derived or could not be reached.
    """

    homes: Homes
    kinds: tuple[FacilityKind, ...]
    distance: FloatArray
    walk_min: FloatArray
    facility: IntArray
    facility_ids: TextArray
    method: WalkMethod
    straight: bool
    notes: Notes = field(default_factory=Notes)

    def __len__(self) -> int:
        return len(self.homes)

    def __repr__(self) -> str:
        if not len(self) or not self.kinds:
            return f"<WalkTimes: {len(self)} homes to {len(self.kinds)} kinds of service>"
        within = (self.walk_min <= 15).mean(axis=0)
        worst = int(np.argmin(within))
        way = " as the crow flies" if self.straight else ""
        return (
            f"<WalkTimes of {len(self):,} {self.homes.kind}s to {len(self.kinds)} kinds of service{way}, "
            f"{self.method.name}: 15 min reach {within[worst]:.0%} for {self.kinds[worst].code} at worst>"
        )

    def of(self, kind: str | FacilityKind) -> int:
        """Return the column of a kind of service.

        Raises
        ------
        InputError
            If the kind was not asked for.
        """
        wanted = FacilityKind.parse(kind)
        if wanted not in self.kinds:
            listed = ", ".join(k.code for k in self.kinds)
            raise InputError(f"WalkTimes: kind must be one of {listed}; got {wanted.code}.")
        return self.kinds.index(wanted)

    def share_within(self, minutes: float, kind: str | FacilityKind | None = None) -> Any:
        """Return the share of homes within some minutes of a kind, or of each kind as a dict.

        Examples
        --------
        See ``walk_times``.
        """
        if kind is not None:
            return float((self.walk_min[:, self.of(kind)] <= minutes).mean()) if len(self) else float("nan")
        return {k.code: self.share_within(minutes, k) for k in self.kinds}

    def to_frame(self) -> Any:
        """Return a DataFrame, one row a home and kind."""
        import pandas as pd

        n, k = self.distance.shape
        names = np.append(self.facility_ids, "")
        return pd.DataFrame(
            {
                self.homes.kind: np.repeat(self.homes.ids, k),
                "kind": np.tile([kind.code for kind in self.kinds], n),
                "facility": names[self.facility].reshape(-1),
                "distance_m": self.distance.reshape(-1).round(3),
                "walk_min": self.walk_min.reshape(-1).round(4),
                "indoor_min": np.repeat(self.homes.indoor_min, k).round(4),
                "persons": np.repeat(self.homes.persons, k),
            }
        )


def walk_times(
    community: Community,
    *,
    to: str | Sequence[str] | None = None,
    method: WalkMethod = WalkMethod.ADULT,
    network: WalkNetwork | None = None,
    hour: float | None = None,
) -> WalkTimes:
    """Compute walking distance and time from every dwelling to the nearest service of each kind.

    Doors and services join the network at the nearest place along the nearest path; the leg from
    door to path counts. Time includes stairs or lift from the dwelling's own floor. Without
    paths the distance is the straight one times the method's ``detour``, and the notes say so.

    Parameters
    ----------
    community
        Homes, services and paths.
    to
        Kinds of service; all that exist without it.
    method
        Who walks.
    network
        A network made before, to save making it again.
    hour
        Hour of the day, for gates and paths that close [h].

    Returns
    -------
    WalkTimes
        Distances (n, k) [m] and times (n, k) [min]; inf where nothing is reached, with the
        reason in the notes.

    Raises
    ------
    MissingDataError
        If there are no services or nobody lives there.
    """
    homes = homes_of(community, method=method)
    kinds = _kinds(community, to)
    if len(homes) == 0 or not kinds:
        raise MissingDataError(
            f"walking: homes and services must be there; got {len(homes)} homes and {len(kinds)} kinds of service."
        )
    straight = len(community.path_edges) == 0 and network is None
    service = service_doors(community)
    shape = (len(homes.doors), len(kinds))
    metres, minutes = np.full(shape, np.inf), np.full(shape, np.inf)
    nearest = np.full(shape, -1, dtype=np.int64)
    notes = list(homes.notes)
    if straight:
        notes.append(Note("N05", f"no paths: straight distance × {method.detour:g}", "path_edges"))
        for k, kind in enumerate(kinds):
            _crow(homes.doors, service, community.facilities.kind == kind, method, metres[:, k], nearest[:, k])
        minutes = metres / method.speed_ms / 60.0
    else:
        network = network or WalkNetwork.of(community, method=method, hour=hour)
        at, there = network.place(homes.doors), network.place(service)
        notes += _lost(at, there, homes, community, network)
        for k, kind in enumerate(kinds):
            rows = np.flatnonzero(community.facilities.kind == kind)
            metres[:, k], nearest[:, k] = _read(network, network.metres, at, there.take(rows), rows, timed=False)
            minutes[:, k], _ = _read(network, network.minutes, at, there.take(rows), rows, timed=True)
    walk = homes.indoor_min[:, None] + minutes[homes.door]
    return WalkTimes(
        homes,
        kinds,
        metres[homes.door],
        walk,
        nearest[homes.door],
        community.facilities.id,
        method,
        straight,
        Notes.of(notes),
    )


def _kinds(community: Community, to: str | Sequence[str] | None) -> tuple[FacilityKind, ...]:
    """Return the kinds asked for, or all that exist but ``other``."""
    if to is not None:
        return tuple(FacilityKind.parse(k) for k in ([to] if isinstance(to, str) else to))
    there = {int(k) for k in np.unique(community.facilities.kind)}
    return tuple(k for k in FacilityKind if int(k) in there and k is not FacilityKind.OTHER)


def service_doors(community: Community) -> FloatArray:
    """Return where each facility is entered: its own entrance, else its point, shape (f, 3) [m]."""
    f, e = community.facilities, community.entrances
    doors = np.column_stack([f.x, f.y, f.z])
    own = np.flatnonzero((e.facility >= 0) & (e.kind != EntranceKind.GARAGE))[::-1]
    doors[e.facility[own]] = np.column_stack([e.x[own], e.y[own], e.z[own]])
    return doors


def _crow(
    doors: FloatArray, service: FloatArray, which: BoolArray, method: WalkMethod, metres: FloatArray, nearest: IntArray
) -> None:
    """Fill straight distances × detour to the nearest chosen service."""
    from scipy.spatial import KDTree

    rows = np.flatnonzero(which)
    if len(rows) and len(doors):
        distance, found = KDTree(service[rows, :2]).query(doors[:, :2])
        metres[:], nearest[:] = distance * method.detour, rows[found]


def _read(
    network: WalkNetwork, graph: Csr, at: Places, there: Places, rows: IntArray, *, timed: bool
) -> tuple[FloatArray, IntArray]:
    """Return cost and facility row of the nearest of some services from each door [m or min]."""
    unit = MS if timed else MM
    nodes, offsets, owner = place_seeds(network, there, timed=timed)
    cost, which = nearest_source(graph, nodes, offsets, owner, float(FARTHEST))
    cost = np.where(which >= 0, cost.astype(np.float64), np.inf)
    on = np.flatnonzero(at.edge >= 0)
    best, found = np.full(len(at.edge), np.inf), np.full(len(at.edge), -1, dtype=np.int64)
    edge = at.edge[on]
    from_start, from_end, leg = _ends(network, at.take(on), timed=timed, outward=True)
    by_start, by_end = cost[network.start[edge]] + from_start, cost[network.end[edge]] + from_end
    shorter = by_start <= by_end
    best[on] = np.where(shorter, by_start, by_end) + leg
    found[on] = np.where(shorter, which[network.start[edge]], which[network.end[edge]])
    _same_edge(network, at, there, best, found, timed=timed)
    ok = np.isfinite(best)
    return np.where(ok, best / unit, np.inf), np.where(ok & (found >= 0), rows[found], -1) if len(rows) else found


def _ends(
    network: WalkNetwork, places: Places, *, timed: bool, outward: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return cost between places and the start and end of their edge, and of their legs, whole numbers.

    ``outward`` goes from the place to the ends, else from the ends to the place.
    """
    edge = places.edge
    share = np.clip(places.along / np.maximum(network.length[edge], 1e-9), 0.0, 1.0)
    if timed:
        ahead, back = network.forward_min[edge] * MS, network.backward_min[edge] * MS
        leg = places.leg / network.method.speed_ms / 60.0 * MS
    else:
        whole = network.length[edge] * MM
        ahead = np.where(np.isfinite(network.forward_min[edge]), whole, np.inf)
        back = np.where(np.isfinite(network.backward_min[edge]), whole, np.inf)
        leg = places.leg * MM
    to_start, to_end = (back, ahead) if outward else (ahead, back)
    return np.round(_part(share, to_start)), np.round(_part(1 - share, to_end)), np.round(leg)


def _part(share: FloatArray, cost: FloatArray) -> FloatArray:
    """Return a share of a cost; nothing of an infinite cost is nothing."""
    return np.where(share > 0, share, 1.0) * np.where(share > 0, cost, 0.0)


def place_seeds(network: WalkNetwork, there: Places, *, timed: bool) -> tuple[IntArray, IntArray, IntArray]:
    """Return seed nodes, whole offsets and owners of services along their edges."""
    on = np.flatnonzero(there.edge >= 0)
    edge = there.edge[on]
    from_start, from_end, leg = _ends(network, there.take(on), timed=timed, outward=False)
    nodes = np.concatenate([network.start[edge], network.end[edge]])
    offsets = np.concatenate([from_start + leg, from_end + leg])
    owner = np.concatenate([on, on])
    ok = np.isfinite(offsets) & (offsets < float(FARTHEST))
    return nodes[ok], offsets[ok].astype(np.int64), owner[ok].astype(np.int64)


def _same_edge(
    network: WalkNetwork, at: Places, there: Places, best: FloatArray, found: IntArray, *, timed: bool
) -> None:
    """Mend doors that share an edge with a service: the way between them along that edge."""
    for k in np.flatnonzero(there.edge >= 0):
        doors = np.flatnonzero(at.edge == there.edge[k])
        if len(doors) == 0:
            continue
        e = there.edge[k]
        ahead = there.along[k] - at.along[doors]
        minutes = np.where(ahead >= 0, network.forward_min[e], network.backward_min[e])
        legs = at.leg[doors] + there.leg[k]
        share = np.abs(ahead) / max(float(network.length[e]), 1e-9)
        if timed:
            cost = _part(share, minutes) * MS + legs / network.method.speed_ms / 60.0 * MS
        else:
            cost = np.where(np.isfinite(minutes), np.abs(ahead), np.inf) * MM + legs * MM
        cost = np.round(cost)
        closer = cost < best[doors]
        best[doors[closer]], found[doors[closer]] = cost[closer], k


def _lost(at: Places, there: Places, homes: Homes, community: Community, network: WalkNetwork) -> list[Note]:
    """Return notes on doors and services that no path is near to, and on separate parts."""
    notes = []
    limit = network.method.snap_limit
    used = np.zeros(len(at.edge), dtype=bool)
    used[homes.door] = True
    off = np.flatnonzero((at.edge < 0) & used)
    if len(off):
        first = str(homes.ids[np.isin(homes.door, off)][0])
        text = f"{len(off)} doors lie farther than {limit:g} m from any path; nothing is reached from them"
        notes.append(Note("N02", text, "entrances", first, count=len(off)))
    off = np.flatnonzero(there.edge < 0)
    if len(off):
        text = f"{len(off)} facilities lie farther than {limit:g} m from any path and cannot be reached"
        notes.append(Note("N02", text, "facilities", str(community.facilities.id[off[0]]), count=len(off)))
    parts = network.part[network.start]
    if len(np.unique(parts)) > 1:
        main = np.bincount(parts).argmax()
        outside = int((parts[at.edge[(at.edge >= 0) & used]] != main).sum())
        text = f"the network has {len(np.unique(parts))} parts; {outside} doors join a smaller one"
        notes.append(Note("N01", text, "path_edges", count=max(outside, 1)))
    return notes
