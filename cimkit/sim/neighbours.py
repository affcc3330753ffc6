"""Sun between neighbours: what hours are worth, what a plan takes and from whom, and sun spacing (日照间距)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from cimkit.arrays import BoolArray, FloatArray, IntArray, TextArray, one_of
from cimkit.errors import InputError, MissingDataError
from cimkit.geometry.directions import direction_of
from cimkit.lists import load_lists
from cimkit.model.community import Community
from cimkit.model.drawn import Drawn
from cimkit.model.kinds import BuildingUse, Status
from cimkit.sim.sunlight import Sunlight
from cimkit.sim.sunpath import SunDay

SECOND = 1.0 / 3600.0  # [h] changes below a second are none
EXPOSURE = {"minimum": 1.5, "medium": 3.0, "high": 4.0}  # [h] on a day from 1 February to 21 March (EN 17037, mark M)
HOMES = (BuildingUse.RESIDENTIAL, BuildingUse.ELDERLY_HOUSING, BuildingUse.DORMITORY)
SENSITIVE = (BuildingUse.ELDERLY_HOUSING, BuildingUse.HOSPITAL, BuildingUse.SCHOOL, BuildingUse.KINDERGARTEN)
LOW, HIGH = 10.0, 24.0  # [m] up to here low-rise (mark M), above that high-rise (Hangzhou, Wenzhou P; others M)
TOWER = 30.0  # [m] a high-rise with no longer side is a tower (mark M)
PARALLEL = 30.0  # [°] long sides that differ less face each other (mark M)


@dataclass(frozen=True, repr=False)
class SunlightChange(Drawn):
    """Hours of n receptors before and after.

    Parameters
    ----------
    ids, building_ids
        Of the receptors in both states, shape (n).
    before, after
        Hours, shape (n) [h].
    required
        Hours that are required [h].
    """

    ids: TextArray
    building_ids: TextArray
    before: FloatArray
    after: FloatArray
    required: float

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def newly_short(self) -> BoolArray:
        """Which had enough and have not any more, shape (n)."""
        return (self.before >= self.required - SECOND) & (self.after < self.required - SECOND)

    @property
    def worse(self) -> BoolArray:
        """Which had too little already and have less, which no rule allows, shape (n)."""
        return (self.before < self.required - SECOND) & (self.after < self.before - SECOND)

    @property
    def healed(self) -> BoolArray:
        """Which had too little and have enough, shape (n)."""
        return (self.before < self.required - SECOND) & (self.after >= self.required - SECOND)

    def __repr__(self) -> str:
        found = {"newly short": self.newly_short, "made worse": self.worse, "healed": self.healed}
        said = ", ".join(f"{int(which.sum()):,} {what}" for what, which in found.items())
        return f"<SunlightChange of {len(self):,} receptors at {self.required:g} h: {said}>"

    def columns(self) -> dict[str, Any]:
        """Return hours before and after and a verdict, one row a receptor."""
        states = [self.newly_short, self.worse, self.healed, self.after < self.required - SECOND]
        verdict = np.select(states, ["newly short", "made worse", "healed", "short as before"], "enough")
        columns = {"id": self.ids, "building": self.building_ids, "before_h": self.before, "after_h": self.after}
        return columns | {"change_h": self.after - self.before, "required_h": self.required, "verdict": verdict}


def compare_sunlight(before: Sunlight, after: Sunlight, *, required: float = 2.0) -> SunlightChange:
    """Compare the hours of the receptors that exist in both states.

    An existing shortfall must not get worse (Wenzhou 2017 art. 35, Jiaxing 2018 art. 19,
    Putian 2022 art. 6).

    Parameters
    ----------
    before, after
        Results on the same day by the same method; receptors are matched by id.
    required
        Hours that are required [h].

    Returns
    -------
    SunlightChange
        One row a receptor found in both.

    Raises
    ------
    InputError
        If day or method differ.
    """
    if before.method != after.method or before.sun_day != after.sun_day:
        got = " and ".join(f"{light.sun_day.name} by {light.method.name}" for light in (before, after))
        raise InputError(f"compare_sunlight: day and method must be the same; got {got}.")
    one, two = (light.receptors.ids.astype(str) for light in (before, after))
    _, first, second = np.intersect1d(one, two, return_indices=True)
    order, was = np.argsort(first), before.receptors.take(np.sort(first))
    return SunlightChange(was.ids, was.building_ids, before.hours[first[order]], after.hours[second[order]], required)


def exposure_levels(hours: Any) -> TextArray:
    """Return the level of EN 17037 that hours of sun reach: none, minimum (1.5 h), medium (3 h) or high (4 h).

    Parameters
    ----------
    hours
        Of sun at the reference points, or of each dwelling's best room, any shape [h].

    Returns
    -------
    TextArray
        Level of each.

    Examples
    --------
    >>> exposure_levels([1.4, 1.5, 3.9, 4.0]).tolist()
    ['none', 'minimum', 'medium', 'high']
    """
    names = np.array(["none", *EXPOSURE], dtype=object)
    return np.asarray(names[np.searchsorted(list(EXPOSURE.values()), np.asarray(hours) + 1e-9, side="right")])


def noticeable_loss(before: Any, after: Any, *, least: float, share: float = 0.8, drop: float = 0.0) -> BoolArray:
    """Tell which losses BRE 209 calls noticeable: less than ``least`` is left, and less than ``share`` of the former.

    Parameters
    ----------
    before, after
        Of each window: VSC (``least=27``), annual probable sunlight hours (``least=25, drop=4``), those of winter
        (``least=5, drop=4``), or of each space the share in the sun (``least=0.5``), shape (n).
    least
        What is enough whatever is lost.
    share
        Of the former, that must remain.
    drop
        A loss up to this is not noticed.

    Returns
    -------
    BoolArray
        Shape (n).

    References
    ----------
    .. [1] BRE 209 (2022): 27 % and 0.8, 25 % and 5 % (mark S); loss of 4 % (mark M).

    Examples
    --------
    >>> noticeable_loss([30.0, 30.0, 20.0], [27.5, 23.0, 17.0], least=27).tolist()
    [False, True, False]
    """
    one, two = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    return np.asarray((two < least) & (two < share * one) & (one - two > drop))


@dataclass(frozen=True, repr=False)
class Affected(Drawn):
    """The buildings a plan can shade, and the buildings that can shade those.

    Parameters
    ----------
    community
        The plan.
    sun_day
        The sun.
    affected, blockers
        Rows of the buildings that are affected, none of them planned, and of all that may take their sun, planned ones
        included.
    fan
        What the shadows of the planned buildings can reach, in local metres.
    """

    community: Community
    sun_day: SunDay
    affected: IntArray
    blockers: IntArray
    fan: Any

    def __repr__(self) -> str:
        return f"<Affected on {self.sun_day.name}: {len(self.affected):,} buildings; {len(self.blockers):,} blockers>"

    def roles(self) -> TextArray:
        """Return ``planned``, ``affected``, ``blocker`` or nothing, shape (b)."""
        role = np.full(len(self.community.buildings), "", dtype=object)
        role[self.blockers], role[self.affected] = "blocker", "affected"
        role[self.community.buildings.status == Status.PLANNED] = "planned"
        return role

    def columns(self) -> dict[str, Any]:
        """Return the role of each building that has one, whether it blocks, and its footprint."""
        b, role = self.community.buildings, self.roles()
        rows = np.flatnonzero(role != "")
        columns = {"building": b.id[rows], "role": role[rows], "blocks": np.isin(rows, self.blockers)}
        return columns | {"geometry": b.footprint.take(rows).to_shapely()}


def affected_buildings(
    community: Community, sun_day: SunDay, *, times_height: float = 1.5, most: float = 150.0
) -> Affected:
    """Find the buildings a plan can shade, and the buildings that can shade those.

    The shadow fan of each planned building reaches ``times_height`` times its height, at most
    ``most``, in every direction a shadow falls within the band; around each building it touches
    a fan of ``most`` towards the sun finds the blockers. What is to be demolished is left out.
    It is the set a rule has measured, not all that lose sun: in winter shadows are longer.

    Parameters
    ----------
    community
        With planned and other buildings.
    sun_day
        The sun.
    times_height
        Reach for each metre of height.
    most
        Farthest reach [m].

    Returns
    -------
    Affected
        Rows of both, and the fan.

    Raises
    ------
    MissingDataError
        If nothing is planned.

    References
    ----------
    .. [1] Putian 2022 (莆自然资规〔2022〕3号): fan of radius 1.5 H, at most 150 m (mark P).
    """
    buildings, shapes = community.buildings, community.buildings.footprint.to_shapely()
    planned, others = (np.flatnonzero(buildings.status == s) for s in (Status.PLANNED, Status.EXISTING))
    if len(planned) == 0:
        raise MissingDataError("affected_buildings: some buildings must have the status planned; none has.")
    azimuth = sun_day.position(np.linspace(*sun_day.band, 33))[1] - community.frame.convergence
    reach = np.minimum(times_height * buildings.height[planned], most)
    fans = [_fan_around(shapes[b], azimuth + 180.0, r) for b, r in zip(planned, reach, strict=True)]
    affected = others[np.unique(shapely.STRtree(shapes[others]).query(fans, predicate="intersects")[1])]
    sunward = np.array([_fan_around(shapes[b], azimuth, most) for b in affected], dtype=object)
    own, blocker = shapely.STRtree(shapes).query(sunward, predicate="intersects")
    blockers = np.unique(blocker[(affected[own] != blocker) & (buildings.status[blocker] != Status.DEMOLISH)])
    return Affected(community, sun_day, affected, blockers, shapely.union_all(fans))


def _fan_around(shape: Any, azimuth: FloatArray, radius: float) -> Any:
    """Return everything within a radius of a footprint in the given directions [°]."""
    sector = np.concatenate([[[0.0, 0.0]], direction_of(azimuth)[:, :2] * radius])
    ring = shapely.get_coordinates(shapely.get_exterior_ring(shape))
    swept = shapely.multipoints(np.concatenate([sector + ring[:-1, None], sector + ring[1:, None]], axis=1))
    return shapely.union_all([*shapely.convex_hull(swept), shape])


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
    rules = load_lists(__file__, "spacing")
    given = rules.pop("usual") | rules[one_of(rule, tuple(rules), name="building_spacing: rule")]
    b, shapes = community.buildings, community.buildings.footprint.to_shapely()
    stands = b.status != Status.DEMOLISH
    cared = np.flatnonzero(stands & np.isin(b.use, (*HOMES, *SENSITIVE)))
    sides = np.diff(shapely.get_coordinates(shapely.minimum_rotated_rectangle(shapes)).reshape(-1, 5, 2), axis=1)[:, :2]
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
    height = b.height[k] + b.ground_z[k] - b.ground_z[i] - _deducted(community, given)[i]
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
    place, first = (points * along[row]).sum(axis=1), np.flatnonzero(np.diff(row, prepend=-1))
    return np.minimum.reduceat(place, first), np.maximum.reduceat(place, first)


def _deducted(community: Community, given: dict[str, Any]) -> FloatArray:
    """Return the height of the lowest storeys that are no dwellings, as far as the rule deducts them [m]."""
    b, s = community.buildings, community.storeys
    lived = (s.level > 0) & np.isin(s.use, (BuildingUse.UNKNOWN, *HOMES, *SENSITIVE))
    first = np.full(len(b), np.inf)
    np.minimum.at(first, s.building[lived], s.z[lived])
    below = np.where(np.isinf(first), 0.0, np.maximum(first, 0.0))
    return np.asarray(np.minimum(below, np.where(b.height > HIGH, *given["deduct"][::-1])))


def _required(given: Any, height: FloatArray, turn: FloatArray, tower: BoolArray, sensitive: BoolArray) -> FloatArray:
    """Return the distance a rule asks for [m]."""
    factor = np.array(given["turn_factors"])[np.searchsorted(given["turn_limits"], turn, side="left")]
    usual = np.where(turn <= 60.0, *given["multi"]) * height * factor
    usual = np.maximum(usual, np.where(height <= LOW, *given["least"]))
    slope, added = np.where(tower[:, None], given["high_tower"], given["high_slab"]).T
    cap = np.minimum(given["high_cap"], given["high_cap_factor"] * height)
    asked = np.where(height > HIGH, np.minimum(np.maximum(slope * height + added, given["high_least"]), cap), usual)
    ratio, shortest = given["sensitive"]
    return np.asarray(np.where(sensitive, np.maximum(asked, np.maximum(ratio * height, shortest)), asked))
