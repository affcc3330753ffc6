"""What homes have within reach: the k nearest services, cumulative opportunities, gravity, floating catchments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.errors import InputError
from cimkit.model.drawn import Drawn
from cimkit.model.kinds import FacilityKind
from cimkit.model.notes import Note, Notes
from cimkit.sim.decay import Decay
from cimkit.sim.joined import Joined, join
from cimkit.sim.reach import floating_catchments, nearest_places
from cimkit.sim.walk_method import WalkMethod

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.arrays import FloatArray, IntArray, TextArray
    from cimkit.model.community import Community
    from cimkit.sim.homes import Homes
    from cimkit.sim.network import Places, WalkNetwork


@dataclass(frozen=True, repr=False)
class NearestServices(Drawn):
    """The k nearest services of one kind from n homes.

    Parameters
    ----------
    homes
        Where people set out.
    kind
        The service.
    cost
        Distance [m], or time with the way down [min]; inf beyond the last in reach, shape (n, k).
    facility
        Row of each, -1 for none, shape (n, k).
    facility_ids
        Ids of all facilities.
    timed
        Whether the cost is time.
    notes
        What was derived or could not be reached.
    """

    homes: Homes
    kind: FacilityKind
    cost: FloatArray
    facility: IntArray
    facility_ids: TextArray
    timed: bool
    notes: Notes = field(default_factory=Notes)

    def __repr__(self) -> str:
        found = (self.facility >= 0).all(axis=1).mean()
        return f"<NearestServices: {self.cost.shape[1]} {self.kind.code} for {found:.0%} of {len(self.homes)} homes>"

    def to_frame(self) -> Any:
        """Return a DataFrame, one row a home and rank."""
        import pandas as pd

        n, k = self.cost.shape
        return pd.DataFrame(
            {
                self.homes.kind: np.repeat(self.homes.ids, k),
                "rank": np.tile(np.arange(1, k + 1), n),
                "facility": np.append(self.facility_ids, "")[self.facility].reshape(-1),
                "walk_min" if self.timed else "distance_m": self.cost.reshape(-1).round(4),
            }
        )


@dataclass(frozen=True, repr=False)
class ServiceAccess(Drawn):
    """What services of k kinds offer to n homes.

    Parameters
    ----------
    homes
        Where people set out.
    kinds
        Kinds of service.
    score
        Facilities or places a person within reach, weighed by distance, shape (n, k).
    supply
        Capacity a person of weighted demand at each facility, nan where it was not asked, shape (f).
    facility_ids
        Ids of all facilities.
    decay
        Weight by distance.
    competition
        ``sum``, ``2sfca``, ``3sfca`` or ``balanced``.
    notes
        What was assumed.
    """

    homes: Homes
    kinds: tuple[FacilityKind, ...]
    score: FloatArray
    supply: FloatArray
    facility_ids: TextArray
    decay: Decay
    competition: str
    notes: Notes = field(default_factory=Notes)

    def __repr__(self) -> str:
        none = (self.score <= 0).mean(axis=0)
        worst = int(np.argmax(none))
        return (
            f"<ServiceAccess of {len(self.homes):,} homes, {self.competition}: "
            f"{none[worst]:.0%} without {self.kinds[worst].code}>"
        )

    def to_frame(self) -> Any:
        """Return a DataFrame, one row a home, one column a kind."""
        import pandas as pd

        data = {self.homes.kind: self.homes.ids, "persons": self.homes.persons}
        name = "reached" if self.competition == "sum" else "places_per_person"
        return pd.DataFrame(data | {f"{k.code}_{name}": self.score[:, j] for j, k in enumerate(self.kinds)})


def _home_places(joined: Joined, *, timed: bool) -> Places:
    """Return the place of each home; with ``timed`` the way down from its floor is part of the leg."""
    places, homes = joined.doors.take(joined.homes.door), joined.homes
    return places._replace(leg=places.leg + homes.indoor_min * 60.0 * joined.network.method.speed_ms * timed)


def nearest_services(
    community: Community,
    kind: str | FacilityKind,
    *,
    k: int = 3,
    timed: bool = False,
    method: WalkMethod = WalkMethod.ADULT,
    network: WalkNetwork | None = None,
    hour: float | None = None,
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
    with np.errstate(invalid="ignore"):
        places = _home_places(joined, timed=timed)
    cost, row = nearest_places(joined.network, places, joined.services.take(rows), k=k, timed=timed)
    found = np.where(row >= 0, np.append(rows, -1)[row], -1)[:, 0]
    return NearestServices(joined.homes, kinds[0], cost[:, 0], found, community.facilities.id, timed, joined.notes)


def service_access(
    community: Community,
    *,
    to: str | Sequence[str] | None = None,
    decay: Decay = Decay.E2SFCA,
    competition: str = "2sfca",
    method: WalkMethod = WalkMethod.ADULT,
    network: WalkNetwork | None = None,
    hour: float | None = None,
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
    capacity, notes = _capacities(community, kinds, rows, kind)
    persons = joined.homes.persons
    if competition != "sum" and persons.sum() <= 0:
        persons = np.ones(len(persons))
        notes.append(Note("D02", f"no residents known: every {joined.homes.kind} counts as one", "population"))
    with np.errstate(invalid="ignore"):
        places = _home_places(joined, timed=decay.timed)
    score, supply = np.zeros((len(persons), len(kinds))), np.full(len(community.facilities), np.nan)
    if len(rows):
        got, supply[rows] = floating_catchments(
            joined.network, places, joined.services.take(rows), persons=persons, kind=kind, decay=decay,
            capacity=np.ones(len(rows)) if competition == "sum" else capacity, method=competition,
        )  # fmt: skip
        score[:, : got.shape[1]] = got
    said = joined.notes + Notes.of([] if competition == "sum" else notes)
    return ServiceAccess(joined.homes, kinds, score, supply, community.facilities.id, decay, competition, said)


def _capacities(
    community: Community, kinds: tuple[FacilityKind, ...], rows: IntArray, kind: IntArray
) -> tuple[FloatArray, list[Note]]:
    """Return the capacity of each service, that of its kind's median where it is not known."""
    size = community.facilities.capacity[rows].astype(np.float64)
    missing = ~np.isfinite(size)
    notes = []
    for k in np.unique(kind[missing]):
        known = size[(kind == k) & ~missing]
        assumed = float(np.median(known)) if len(known) else 1.0
        which = (kind == k) & missing
        size[which] = assumed
        text = f"capacity of {which.sum()} {kinds[k].code} not known; {assumed:g} assumed"
        notes.append(Note("D01", text, "facilities", str(community.facilities.id[rows[which][0]]), count=which.sum()))
    if (size < 0).any():
        raise InputError(f"facilities: capacity must be ≥ 0; got {size.min()}.")
    return size, notes
