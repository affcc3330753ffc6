"""Who gains and who loses between two variants; children and the old at their own pace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray, IntArray
from cimkit.errors import MissingDataError
from cimkit.model.community import Community
from cimkit.model.drawn import Drawn
from cimkit.model.kinds import AgeBand, FacilityKind
from cimkit.sim.access import WalkTimes, walk_times
from cimkit.sim.walk_method import WalkMethod

#: What children and the old walk to (一老一小): after the complete community standard of 2020, mark M.
YOUNG = ("nursery", "kindergarten", "primary_school", "sports_ground", "park")
OLD = ("elderly_service", "elderly_day_care", "health_station", "canteen", "park")
GROUPS = (
    (AgeBand.CHILD, WalkMethod.CHILD, YOUNG),
    (AgeBand.ELDER, WalkMethod.ELDER, OLD),
    (AgeBand.OLD_ELDER, WalkMethod.OLD_ELDER, OLD),
)


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

        change, persons = self.change_min, self.after.homes.persons[self.rows_after, None]
        better, worse = change < -more_than, change > more_than
        homes = {"gain": better.sum(axis=0), "lose": worse.sum(axis=0)}
        people = {"persons_gain": (persons * better).sum(axis=0), "persons_lose": (persons * worse).sum(axis=0)}
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


def young_and_old(community: Community, *, hour: float | None = None) -> Any:
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
    have = set(np.unique(community.facilities.kind).tolist())
    for band, method, names in GROUPS:
        kinds = [FacilityKind.parse(n) for n in names]
        there = [k.code for k in kinds if k in have]
        walk = walk_times(community, to=there, method=method, hour=hour) if there else None
        of_band = people.band == band
        in_building = np.bincount(people.building[of_band], people.persons[of_band], len(community.buildings))
        for kind in kinds:
            persons, weight, minutes = in_building.sum(), np.ones(1), np.full(1, np.inf)
            if walk is not None and kind in walk.kinds:
                home = walk.homes.building
                weight = (in_building / np.maximum(np.bincount(home, minlength=len(in_building)), 1))[home]
                persons = weight.sum()
                weight, minutes = (weight if persons else np.ones(len(home))), walk.walk_min[:, walk.of(kind)]
            row = {"group": band.code, "walker": method.name, "kind": kind.code, "persons": persons or np.nan}
            row |= {f"share_{m}min": weight[minutes <= m].sum() / weight.sum() for m in (5, 10, 15)}
            order = np.argsort(minutes, kind="stable")
            middle = np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)
            rows.append(row | {"median_min": minutes[order][middle]})
    return pd.DataFrame(rows)
