"""Sun spacing of facing buildings: what a city's rule asks for and what there is (日照间距)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.arrays import BoolArray, FloatArray, IntArray, one_of
from cimkit.model.drawn import Drawn
from cimkit.model.kinds import BuildingUse, Status

if TYPE_CHECKING:
    from cimkit.model.community import Community

HOMES = (BuildingUse.RESIDENTIAL, BuildingUse.ELDERLY_HOUSING, BuildingUse.DORMITORY)
SENSITIVE = (BuildingUse.ELDERLY_HOUSING, BuildingUse.HOSPITAL, BuildingUse.SCHOOL, BuildingUse.KINDERGARTEN)
LOW, HIGH = 10.0, 24.0  # [m] up to here low-rise (mark M), above that high-rise (Hangzhou, Wenzhou P; others M)
TOWER = 30.0  # [m] a high-rise with no longer side is a tower (mark M)
PARALLEL = 30.0  # [°] long sides that differ less face each other (mark M)


@dataclass(frozen=True, repr=False)
class Spacing(Drawn):
    """Distances of p pairs of facing buildings.

    Parameters
    ----------
    community
        Whose buildings.
    rule
        Name of the rule.
    shaded, blocker
        Building rows of each pair, shape (p).
    distance, required
        Between the outlines, and by the rule, shape (p) [m].
    height
        Of the blocker's top above the ground floor of the shaded building, shape (p) [m].
    turn
        Of the shaded building's main facade from due south, shape (p) [°].
    """

    community: Community
    rule: str
    shaded: IntArray
    blocker: IntArray
    distance: FloatArray
    required: FloatArray
    height: FloatArray
    turn: FloatArray

    def __len__(self) -> int:
        return len(self.shaded)

    @property
    def short(self) -> BoolArray:
        """Which pairs stand closer than required, to 1 cm, shape (p)."""
        return self.distance < self.required - 0.01

    def __repr__(self) -> str:
        return f"<Spacing of {len(self):,} facing pairs by {self.rule}: {int(self.short.sum()):,} too close>"

    def margins(self) -> FloatArray:
        """Return the least distance over what is required of each building, nan where nothing faces it [m]."""
        least = np.full(len(self.community.buildings), np.inf)
        np.minimum.at(least, self.shaded, self.distance - self.required)
        return np.where(np.isinf(least), np.nan, least)

    def columns(self) -> dict[str, Any]:
        """Return both buildings, their distance and what is required, one row a pair."""
        ids, ask = self.community.buildings.id, {"required_m": self.required, "height_m": self.height}
        columns = {"building": ids[self.shaded], "blocker": ids[self.blocker], "distance_m": self.distance}
        return columns | ask | {"turn_deg": self.turn, "too_close": self.short}


def building_spacing(community: Community, *, rule: str) -> Spacing:
    """Compare the distances of facing buildings with a city's sun spacing.

    Two buildings face each other where their long sides are parallel to 30° and overlap by a metre
    or more, seen along the shaded building's facade normal; the blocker stands on its sunny side (of
    facades turned more than 60° from south, on either side). Heights count from the ground floor of the
    shaded building to the blocker's top.

    Parameters
    ----------
    community
        Whose buildings; those to be demolished are left out.
    rule
        ``hangzhou``, ``ningbo``, ``jiaxing-old``, ``jiaxing-new``, ``taizhou-new``, ``taizhou-renewal`` or
        ``wenzhou``.

    Returns
    -------
    Spacing
        Pairs up to twice the required distance apart.

    References
    ----------
    .. [1] Planning rules of Hangzhou (2026), Ningbo (2014), Jiaxing (2018), Taizhou (2025), Wenzhou (2017): mark P;
       what is assumed beside their text stands in ``spacing.toml``.
    """
    rules = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    given = rules.pop("usual") | rules[one_of(rule, tuple(rules), name="building_spacing: rule")]
    b, shapes = community.buildings, community.buildings.footprint.to_shapely()
    stands = b.status != Status.DEMOLISH
    cared = np.flatnonzero(stands & np.isin(b.use, (*HOMES, *SENSITIVE)))
    box = shapely.get_coordinates(shapely.minimum_rotated_rectangle(shapes)).reshape(-1, 5, 2)
    sides = np.diff(box, axis=1)[:, :2]
    length = np.hypot(*np.moveaxis(sides, -1, 0))
    along = sides[np.arange(len(b)), length.argmax(axis=1)] / length.max(axis=1)[:, None]
    south = np.column_stack([along[:, 1], -along[:, 0]])
    south *= np.where(south[:, 1] > 0, -1.0, 1.0)[:, None]
    turn = np.degrees(np.arccos(np.clip(-south[:, 1], -1, 1)))
    reach = 2.0 * max(60.0, 2.0 * float(np.nanmax(b.height, initial=0.0)))
    i, k = shapely.STRtree(shapes).query(shapes[cared], predicate="dwithin", distance=reach)
    i = cared[i]
    middle = b.footprint.centroids()
    sunny = ((middle[k] - middle[i]) * south[i]).sum(axis=1) > 0
    parallel = np.abs((along[i] * along[k]).sum(axis=1)) >= np.cos(np.radians(PARALLEL))
    ok = (i != k) & stands[k] & parallel & (sunny | (turn[i] > 60.0))
    i, k = i[ok], k[ok]
    spans = [_span(shapes[r], along[i]) for r in (i, k)]
    overlap = np.minimum(spans[0][1], spans[1][1]) - np.maximum(spans[0][0], spans[1][0])
    i, k = i[overlap >= 1.0], k[overlap >= 1.0]
    deduct = _deducted(community, given)
    height = b.height[k] + b.ground_z[k] - b.ground_z[i] - deduct[i]
    required = _required(given, height, turn[i], length.max(axis=1)[k] <= TOWER, np.isin(b.use[i], SENSITIVE))
    if "mixed" in given:
        required = np.where((b.height[i] > HIGH) != (height > HIGH), given["mixed"], required)
    distance = shapely.distance(shapes[i], shapes[k])
    near = (height > 0) & (distance <= 2.0 * required)
    i, k = i[near], k[near]
    return Spacing(community, given["name"], i, k, distance[near], required[near], height[near], turn[i])


def _span(shapes: Any, along: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where outlines begin and end along a direction each [m]."""
    points, row = shapely.get_coordinates(shapes, return_index=True)
    place = (points * along[row]).sum(axis=1)
    low, high = np.full(len(shapes), np.inf), np.full(len(shapes), -np.inf)
    np.minimum.at(low, row, place)
    np.maximum.at(high, row, place)
    return low, high


def _deducted(community: Community, given: dict[str, Any]) -> FloatArray:
    """Return the height of the lowest storeys that are no dwellings, as far as the rule deducts them [m]."""
    b, s = community.buildings, community.storeys
    other = (s.level > 0) & (s.use != BuildingUse.UNKNOWN) & ~np.isin(s.use, (*HOMES, *SENSITIVE))
    lived = (s.level > 0) & ~other
    first = np.full(len(b), np.inf)
    np.minimum.at(first, s.building[lived], s.z[lived])
    below = np.where(np.isinf(first), 0.0, np.maximum(first, 0.0))
    return np.asarray(np.minimum(below, np.where(b.height > HIGH, *given["deduct"][::-1])))


def _required(
    given: dict[str, Any], height: FloatArray, turn: FloatArray, tower: BoolArray, sensitive: BoolArray
) -> FloatArray:
    """Return the distance a rule asks for [m]."""
    factor = np.array(given["turn_factors"])[np.searchsorted(given["turn_limits"], turn, side="left")]
    usual = np.where(turn <= 60.0, *given["multi"]) * height * factor
    usual = np.maximum(usual, np.where(height <= LOW, *given["least"]))
    slope, added = np.where(tower[:, None], given["high_tower"], given["high_slab"]).T
    high = np.maximum(slope * height + added, given["high_least"])
    cap = np.minimum(given["high_cap"], given["high_cap_factor"] * height)
    asked = np.where(height > HIGH, np.minimum(high, cap), usual)
    ratio, shortest = given["sensitive"]
    return np.asarray(np.where(sensitive, np.maximum(asked, np.maximum(ratio * height, shortest)), asked))
