"""Walking from every dwelling to services: the nearest of each kind, the k nearest, what they offer; what changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cimkit.arrays import BoolArray, FloatArray, IntArray, TextArray, one_of
from cimkit.errors import MissingDataError
from cimkit.model.community import Community
from cimkit.model.drawn import Drawn, data_frame
from cimkit.model.kinds import FacilityKind
from cimkit.model.notes import Note, Notes
from cimkit.model.table import lookup_names
from cimkit.sim.joined import Homes, Hour, Kinds, Network, join
from cimkit.sim.network import ADULT, WalkMethod
from cimkit.sim.reach import Decay, floating_catchments, nearest_places

#: Walking distances of the circles of 5, 10, 15 minutes (GB 50180-2018 table 3.0.4, mark S) [m].
TIERS = {5.0: 300.0, 10.0: 500.0, 15.0: 1000.0}


@dataclass(frozen=True, repr=False)
class OfHomes(Drawn):
    """What is known of the ways from n homes.

    Parameters
    ----------
    homes
        Where people set out, n of them.
    facility_ids
        Ids of all facilities, f of them.
    notes
        What was derived or assumed, or could not be reached.
    """

    homes: Homes
    facility_ids: TextArray
    notes: Notes

    def __len__(self) -> int:
        return len(self.homes)

    def _of_each(self, count: int, columns: dict[str, Any]) -> dict[str, Any]:
        """Return columns with ``count`` rows a home, of values of shape (n, count), (n, 1) or (count)."""
        columns = {self.homes.kind: self.homes.ids[:, None]} | columns
        return {name: np.broadcast_to(v, (len(self), count)).reshape(-1) for name, v in columns.items()}


@dataclass(frozen=True, repr=False)
class WalkTimes(OfHomes):
    """Nearest service of k kinds from n homes.

    Parameters
    ----------
    kinds
        Kinds of service, k of them.
    by_door
        Distance to the nearest [m], time to the quickest [min] and row of the nearest from each door, shapes (e, k).
    facility_doors
        Where they are entered, shape (f, 3) [m].
    method
        Who walks.
    straight
        Whether straight lines had to stand for paths.
    """

    kinds: tuple[FacilityKind, ...]
    by_door: tuple[FloatArray, FloatArray, IntArray]
    facility_doors: FloatArray
    method: WalkMethod
    straight: bool

    @cached_property
    def distance(self) -> FloatArray:
        """Walking distance from the door to the nearest, inf where none is reached, shape (n, k) [m]."""
        return self.by_door[0][self.homes.door]

    @cached_property
    def walk_min(self) -> FloatArray:
        """Time from the dwelling's floor to the quickest one, shape (n, k) [min]."""
        return self.homes.indoor_min[:, None] + self.by_door[1][self.homes.door]

    @cached_property
    def facility(self) -> IntArray:
        """Row of the nearest facility by distance, -1 for none, shape (n, k)."""
        return self.by_door[2][self.homes.door]

    def __repr__(self) -> str:
        within = (self.walk_min <= 15).mean(axis=0)
        worst = f"15 min reach {within.min():.0%} for {self.kinds[int(within.argmin())].code} at worst"
        way = " as the crow flies" if self.straight else ""
        ways = f"{len(self):,} {self.homes.kind}s to {len(self.kinds)} kinds of service{way}"
        return f"<WalkTimes of {ways}, {self.method.name}: {worst}>"

    def of(self, kind: str | FacilityKind) -> int:
        """Return the column of a kind of service.

        Raises
        ------
        InputError
            If the kind was not asked for.
        """
        codes = [k.code for k in self.kinds]
        return codes.index(one_of(FacilityKind.parse(kind).code, codes, name="WalkTimes: kind"))

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
        return np.where(self.facility >= 0, gap, np.inf)

    @property
    def detour(self) -> FloatArray:
        """Return walking over straight distance to the nearest facility, nan where none is reached, shape (n, k)."""
        straight = np.where(self.straight_distance >= 1.0, self.straight_distance, np.nan)
        return np.where(np.isfinite(straight), self.distance, np.nan) / straight

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
        rows = []
        for k, kind in enumerate(self.kinds):
            for minutes, metres in tiers.items():
                row: dict[str, Any] = {"kind": kind.code, "circle_min": minutes, "circle_m": metres}
                tests = {"time": self.walk_min[:, k] <= minutes, "distance": self.distance[:, k] <= metres + 1e-9}
                for by, near in tests.items():
                    row |= {f"{self.homes.kind}s_by_{by}": int(near.sum()), f"share_by_{by}": near.mean()}
                    row[f"persons_by_{by}"] = self.homes.persons[near].sum()
                rows.append(row)
        return data_frame(rows)

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
        asked = [self.of(kind) for kind in map(FacilityKind.parse, kinds) if kind in self.kinds]
        return np.asarray((self.distance[:, asked] > beyond).all(axis=1))

    def columns(self) -> dict[str, Any]:
        """Return the nearest of each kind, one row a home and kind."""
        named = {"kind": [kind.code for kind in self.kinds], "facility": lookup_names(self.facility_ids, self.facility)}
        metres = {"distance_m": self.distance.round(3), "straight_m": self.straight_distance.round(3)}
        minutes = {"walk_min": self.walk_min.round(4), "indoor_min": self.homes.indoor_min[:, None].round(4)}
        return self._of_each(len(self.kinds), named | metres | minutes | {"persons": self.homes.persons[:, None]})


@dataclass(frozen=True, repr=False)
class NearestServices(OfHomes):
    """The k nearest services of one kind from n homes.

    Parameters
    ----------
    kind
        The service.
    cost
        Distance [m], or time with the way down [min]; inf beyond the last in reach, shape (n, k).
    facility
        Row of each, -1 for none, shape (n, k).
    timed
        Whether the cost is time.
    """

    kind: FacilityKind
    cost: FloatArray
    facility: IntArray
    timed: bool

    def __repr__(self) -> str:
        found = (self.facility >= 0).all(axis=1).mean()
        return f"<NearestServices: {self.cost.shape[1]} {self.kind.code} for {found:.0%} of {len(self.homes)} homes>"

    def columns(self) -> dict[str, Any]:
        """Return the nearest, one row a home and rank."""
        k = self.cost.shape[1]
        columns = {"rank": np.arange(1, k + 1), "facility": lookup_names(self.facility_ids, self.facility)}
        return self._of_each(k, columns | {"walk_min" if self.timed else "distance_m": self.cost.round(4)})


@dataclass(frozen=True, repr=False)
class ServiceAccess(OfHomes):
    """What services of k kinds offer to n homes.

    Parameters
    ----------
    kinds
        Kinds of service.
    score
        Facilities or places a person within reach, weighed by distance, shape (n, k).
    supply
        Capacity a person of weighted demand at each facility, nan where it was not asked, shape (f).
    decay
        Weight by distance.
    competition
        ``sum``, ``2sfca``, ``3sfca`` or ``balanced``.
    """

    kinds: tuple[FacilityKind, ...]
    score: FloatArray
    supply: FloatArray
    decay: Decay
    competition: str

    def __repr__(self) -> str:
        none = (self.score <= 0).mean(axis=0)
        worst = f"{none.max():.0%} without {self.kinds[int(none.argmax())].code}"
        return f"<ServiceAccess of {len(self.homes):,} homes, {self.competition}: {worst}>"

    def columns(self) -> dict[str, Any]:
        """Return what is offered, one row a home, one column a kind."""
        what = "reached" if self.competition == "sum" else "places_per_person"
        scores = {f"{kind.code}_{what}": score[:, None] for kind, score in zip(self.kinds, self.score.T, strict=True)}
        return self._of_each(1, {"persons": self.homes.persons[:, None]} | scores)


def walk_times(
    community: Community, *, to: Kinds = None, method: WalkMethod = ADULT, network: Network = None, hour: Hour = None
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
    ways = joined.network, joined.doors, joined.services.take(rows)
    (metres, row), (minutes, _) = (nearest_places(*ways, kind=kind, timed=timed) for timed in (False, True))
    unknown = (0, 0), (0, len(kinds) - metres.shape[1])  # kinds at the end that do not exist
    metres, minutes = (np.pad(v[:, :, 0], unknown, constant_values=np.inf) for v in (metres, minutes))
    by_door = metres, minutes, np.pad(np.append(rows, -1)[row[:, :, 0]], unknown, constant_values=-1)
    known = joined.homes, community.facilities.id, joined.notes
    return WalkTimes(*known, kinds, by_door, joined.service, method, joined.straight)


def nearest_services(
    community: Community,
    kind: str | FacilityKind,
    *,
    k: int = 3,
    timed: bool = False,
    method: WalkMethod = ADULT,
    network: Network = None,
    hour: Hour = None,
) -> NearestServices:
    """Find the k nearest services of a kind from every home.

    Parameters
    ----------
    community
        Homes, services and paths.
    kind
        Kind of service.
    k
        How many.
    timed
        By time, the way down from the dwelling's floor included, instead of distance from the door.
    method, network, hour
        As in ``walk_times``.

    Examples
    --------
    >>> import cimkit as ck
    >>> near = ck.nearest_services(ck.samples.future_community(), "bus_stop", k=2)
    >>> bool((near.cost[:, 0] <= near.cost[:, 1]).all())
    True
    """
    joined = join(community, method=method, network=network, hour=hour)
    kinds, rows, _ = joined.of_kinds(FacilityKind.parse(kind).code)
    places = joined.home_places(timed=timed)
    cost, row = nearest_places(joined.network, places, joined.services.take(rows), k=k, timed=timed)
    known = joined.homes, community.facilities.id, joined.notes
    return NearestServices(*known, kinds[0], cost[:, 0], np.append(rows, -1)[row[:, 0]], timed)


def service_access(
    community: Community,
    *,
    to: Kinds = None,
    decay: Decay = Decay.E2SFCA,
    competition: str = "2sfca",
    method: WalkMethod = ADULT,
    network: Network = None,
    hour: Hour = None,
) -> ServiceAccess:
    """Compute what services offer to every home, by themselves or shared among all who reach them.

    ``sum`` counts facilities (cumulative opportunities with a stepped decay, gravity with any other); the catchments
    share capacities. A capacity that is not known is the median of its kind, and 1 for all where none is known.

    Parameters
    ----------
    community
        Homes with residents, services with capacities, paths.
    to
        Kinds of service; all that exist without it.
    decay
        Weight by distance or time.
    competition
        ``sum``, ``2sfca`` (with steps E2SFCA), ``3sfca`` or ``balanced``; see ``floating_catchments``.
    method, network, hour
        As in ``walk_times``.

    Returns
    -------
    ServiceAccess
        Scores (n, k) and the supply of each facility (f).

    Examples
    --------
    >>> import cimkit as ck
    >>> site = ck.samples.future_community()
    >>> access = ck.service_access(site, to="kindergarten", decay=ck.Decay.steps([1000]))
    >>> offered = site.facilities.capacity[site.facilities.kind == ck.FacilityKind.KINDERGARTEN].sum()
    >>> round((access.score[:, 0] * access.homes.persons).sum() / offered, 6)
    np.float64(1.0)
    """
    joined = join(community, method=method, network=network, hour=hour)
    kinds, rows, kind = joined.of_kinds(to)
    shared, persons = competition != "sum", joined.homes.persons
    size, notes = joined.capacities(kinds, rows, kind) if shared else (np.ones(len(rows)), Notes())
    if shared and persons.sum() <= 0:
        persons = np.ones(len(persons))
        notes += Notes.of([Note("D02", f"no residents known: every {joined.homes.kind} counts as one", "population")])
    score, supply = np.zeros((len(persons), len(kinds))), np.full(len(community.facilities), np.nan)
    places = joined.home_places(timed=decay.timed), joined.services.take(rows)
    given: dict[str, Any] = {"persons": persons, "kind": kind, "decay": decay, "method": competition}
    got, supply[rows] = floating_catchments(joined.network, *places, capacity=size, **given)
    score[:, : got.shape[1]] = got
    known = joined.homes, community.facilities.id, joined.notes + notes
    return ServiceAccess(*known, kinds, score, supply, decay, competition)


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
            return new - old

    def __repr__(self) -> str:
        parts = [f"{r.kind} {r.gain:,} gain, {r.lose:,} lose" for r in self.summary().itertuples() if r.gain or r.lose]
        return f"<WalkChange of {len(self.rows_after):,} homes: {'; '.join(parts) or 'nobody gains or loses'}>"

    def summary(self, *, more_than: float = 0.5) -> Any:
        """Return a DataFrame of homes and persons who gain or lose more than some minutes, one row a kind."""
        change, persons = self.change_min, self.after.homes.persons[self.rows_after]
        who = {"gain": change < -more_than, "lose": change > more_than}
        homes = {name: which.sum(axis=0) for name, which in who.items()}
        people = {f"persons_{name}": [persons[k].sum() for k in which.T] for name, which in who.items()}
        return data_frame({"kind": [k.code for k in self.kinds]} | homes | people)

    def columns(self) -> dict[str, Any]:
        """Return the change, one row a home, one column a kind."""
        ids = {self.after.homes.kind: self.after.homes.ids[self.rows_after]}
        return ids | {f"{k.code}_change_min": v for k, v in zip(self.kinds, self.change_min.T, strict=True)}


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
        raise MissingDataError(f"compare_walks: both must share homes and kinds; got {len(old)} and {len(kinds)}.")
    order = np.argsort(new)
    return WalkChange(before, after, old[order], new[order], kinds)
