"""Walking from every dwelling to the nearest service of each kind, by distance and by time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.errors import InputError
from cimkit.model.drawn import Drawn
from cimkit.model.kinds import FacilityKind
from cimkit.model.notes import Notes
from cimkit.sim.joined import join
from cimkit.sim.reach import nearest_places
from cimkit.sim.walk_method import WalkMethod

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.arrays import BoolArray, FloatArray, IntArray, TextArray
    from cimkit.model.community import Community
    from cimkit.sim.homes import Homes
    from cimkit.sim.network import WalkNetwork

#: Walking distances of the circles of 5, 10, 15 minutes (GB 50180-2018 table 3.0.4, mark S) [m].
TIERS = {5.0: 300.0, 10.0: 500.0, 15.0: 1000.0}


@dataclass(frozen=True, repr=False)
class WalkTimes(Drawn):
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
        Ids of all facilities, f of them.
    facility_doors
        Where they are entered, shape (f, 3) [m].
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
    facility_doors: FloatArray
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

    def with_homes(self, homes: Homes) -> WalkTimes | None:
        """Return the walks of other homes behind the same doors; None where they leave by other doors.

        Parameters
        ----------
        homes
            Where people set out now; paths and services must be as they were.
        """
        if not np.array_equal(homes.doors, self.homes.doors):
            return None
        first = np.full(len(homes.doors), -1)
        reached = np.flatnonzero(np.isfinite(self.homes.indoor_min))[::-1]
        first[self.homes.door[reached]] = reached
        row = first[homes.door]
        if (row < 0).any():
            return None
        outdoors = self.walk_min[row] - self.homes.indoor_min[row, None]
        walk_min = homes.indoor_min[:, None] + outdoors
        return replace(self, homes=homes, distance=self.distance[row], walk_min=walk_min, facility=self.facility[row])

    def share_within(self, minutes: float, kind: str | FacilityKind | None = None) -> Any:
        """Return the share of homes within some minutes of a kind, or of each kind as a dict.

        Examples
        --------
        See ``walk_times``.
        """
        if kind is not None:
            return float((self.walk_min[:, self.of(kind)] <= minutes).mean()) if len(self) else float("nan")
        return {k.code: self.share_within(minutes, k) for k in self.kinds}

    @property
    def straight_distance(self) -> FloatArray:
        """Return the distance as the crow flies from door to the nearest facility, inf where none, shape (n, k) [m]."""
        door = self.homes.doors[self.homes.door, None, :2]
        gap = np.linalg.norm(self.facility_doors[self.facility, :2] - door, axis=2)
        result: FloatArray = np.where(self.facility >= 0, gap, np.inf)
        return result

    @property
    def detour(self) -> FloatArray:
        """Return walking over straight distance to the nearest facility, nan where none is reached, shape (n, k)."""
        straight = self.straight_distance
        with np.errstate(invalid="ignore"):
            ratio: FloatArray = np.where(np.isfinite(straight), self.distance / np.maximum(straight, 1e-9), np.nan)
        return np.where(straight < 1.0, np.nan, ratio)

    def circles(self, tiers: dict[float, float] = TIERS) -> Any:
        """Return a DataFrame of who lives in the circles: the distance test and the time test side by side.

        Parameters
        ----------
        tiers
            Minutes → metres of each circle.

        Examples
        --------
        See ``walk_times``.
        """
        import pandas as pd

        persons = self.homes.persons
        rows = []
        for k, kind in enumerate(self.kinds):
            for minutes, metres in tiers.items():
                row: dict[str, Any] = {"kind": kind.code, "circle_min": minutes, "circle_m": metres}
                tests = {"by_time": self.walk_min[:, k] <= minutes, "by_distance": self.distance[:, k] <= metres + 1e-9}
                for name, near in tests.items():
                    row[f"{self.homes.kind}s_{name}"] = int(near.sum())
                    row[f"share_{name}"] = near.mean()
                    row[f"persons_{name}"] = persons[near].sum()
                rows.append(row)
        return pd.DataFrame(rows)

    def blind_spots(
        self, kinds: Sequence[str] = ("market", "pharmacy", "primary_school"), *, beyond: float = 1000.0
    ) -> BoolArray:
        """Return which homes have every one of some services farther than a distance, shape (n).

        Parameters
        ----------
        kinds
            Kinds of service that make a blind spot when all are far (a rule of Chinese planning tools, mark S);
            one that does not exist at all is far from everybody.
        beyond
            Distance [m].
        """
        far = np.ones(len(self), dtype=bool)
        for kind in map(FacilityKind.parse, kinds):
            if kind in self.kinds:
                far &= self.distance[:, self.of(kind)] > beyond
        return far

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
                "straight_m": self.straight_distance.reshape(-1).round(3),
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
        Hour of the day, for gates, paths and services that close [h].

    Returns
    -------
    WalkTimes
        Distances (n, k) [m] and times (n, k) [min]; inf where nothing is reached, with the
        reason in the notes.

    Raises
    ------
    MissingDataError
        If there are no services or nobody lives there.

    Examples
    --------
    >>> import cimkit as ck
    >>> walk = ck.walk_times(ck.samples.future_community(), to="kindergarten")
    >>> walk.circles()[["circle_min", "share_by_time", "share_by_distance"]].round(2).values.tolist()
    [[5.0, 0.18, 0.17], [10.0, 1.0, 0.89], [15.0, 1.0, 1.0]]
    """
    joined = join(community, method=method, network=network, hour=hour)
    kinds, rows, kind = joined.of_kinds(to)
    homes, places = joined.homes, joined.services.take(rows)
    shape = (len(homes.doors), len(kinds))
    metres, minutes, nearest = np.full(shape, np.inf), np.full(shape, np.inf), np.full(shape, -1)
    if len(rows):
        n = int(kind.max()) + 1
        found, row = nearest_places(joined.network, joined.doors, places, kind=kind)
        metres[:, :n], nearest[:, :n] = found[:, :, 0], np.where(row >= 0, rows[row], -1)[:, :, 0]
        minutes[:, :n] = nearest_places(joined.network, joined.doors, places, kind=kind, timed=True)[0][:, :, 0]
    return WalkTimes(
        homes,
        kinds,
        metres[homes.door],
        homes.indoor_min[:, None] + minutes[homes.door],
        nearest[homes.door],
        community.facilities.id,
        joined.service,
        method,
        joined.straight,
        joined.notes,
    )
