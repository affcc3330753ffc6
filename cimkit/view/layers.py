"""What a result looks like on a plan: values of buildings, strokes along walls, dots on the ground."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.errors import InputError
from cimkit.model.kinds import FacilityKind, RoomKind
from cimkit.view.colours import CHANGE, COUNTED, INK, STOREYS, SUNLIGHT, WALK, Classes, Row, shades
from cimkit.view.texts import DAYS

if TYPE_CHECKING:
    from cimkit.arrays import FloatArray, IntArray
    from cimkit.model.community import Community
    from cimkit.rules.findings import Findings
    from cimkit.sim.access import WalkTimes
    from cimkit.sim.areas import FloorAreas
    from cimkit.sim.blockers import Blockers
    from cimkit.sim.envelope import SolarEnvelope
    from cimkit.sim.isochrones import Isochrones
    from cimkit.sim.receptors import Receptors
    from cimkit.sim.routes import LivingCircles, PathUse, Route
    from cimkit.sim.shadows import Shadows
    from cimkit.sim.site_ratios import SiteIndicators
    from cimkit.sim.spacing import Spacing
    from cimkit.sim.sunlight import Sunlight
    from cimkit.sim.sunlight_change import Affected, SunlightChange
    from cimkit.sim.sunlit import SunPatches
    from cimkit.sim.sunpath import SunDay
    from cimkit.sim.supply import Improvement
    from cimkit.sim.walk_change import WalkChange

HABITABLE = (RoomKind.LIVING, RoomKind.BEDROOM)


@dataclass(frozen=True)
class Layer:
    """Coloured values over a plan.

    Parameters
    ----------
    classes
        Colours, unit, and what is shown.
    buildings
        Value of each building, nan for none, shape (b); empty where none has one.
    strokes
        Ends of strokes or dots (both ends equal), shape (m, 4) [m].
    values
        Value of each stroke, shape (m).
    areas
        Polygons on the ground, drawn in this order, and the value of each.
    receptors, at
        Where values were measured and what, one by one; without receptors at the windows of the community.
    alpha
        How opaque the areas are, 0–1.
    inside
        Whether the areas lie on floors and cover the buildings.
    """

    classes: Classes
    buildings: FloatArray = field(default_factory=lambda: np.zeros(0))
    strokes: FloatArray = field(default_factory=lambda: np.zeros((0, 4)))
    values: FloatArray = field(default_factory=lambda: np.zeros(0))
    areas: tuple[tuple[Any, float], ...] = ()
    receptors: Receptors | None = None
    at: FloatArray | None = None
    alpha: float = 1.0
    inside: bool = False

    @property
    def title(self) -> tuple[str, str]:
        """What is shown, in English and Chinese."""
        return self.classes.english, self.classes.chinese

    def legend(self) -> tuple[Row, ...]:
        """Return what the colours mean, that of buildings without a value too where others have one."""
        none = np.isnan(self.buildings)
        rest = ((self.classes.missing, "no value", "无数值"),) if none.any() and not none.all() else ()
        return (*self.classes.legend(), *rest)

    def least(self) -> tuple[FloatArray, FloatArray]:
        """Return each different stroke once, with the least of its values."""
        if len(self.strokes) == 0:
            return self.strokes, self.values
        places, where = np.unique(self.strokes.round(2), axis=0, return_inverse=True)
        least = np.full(len(places), np.inf)
        np.minimum.at(least, where.reshape(-1), self.values)
        return places, least


def rows_of(ids: Any, names: Any) -> IntArray:
    """Return the row of each id among names, -1 for none; equal lists are seen at once."""
    if len(ids) == len(names) and np.array_equal(ids, names):
        return np.arange(len(ids))
    row = {str(name): k for k, name in enumerate(names)}
    return np.array([row.get(str(name), -1) for name in ids], dtype=np.int64)


def is_a(result: Any, *kinds: str) -> bool:
    """Tell whether a result is of some kind, by its name: pages show results without loading every simulation."""
    return type(result).__name__ in kinds


def layer_of(community: Community, result: Any = None, *, column: str = "") -> Layer | None:
    """Return the layer of a result, or of a column of the buildings; None without both.

    Parameters
    ----------
    community
        Whose plan.
    result
        Any result of a simulation.
    column
        For ``WalkTimes`` the kind of service, the first one without it; without a result a
        number column of the buildings, e.g. ``n_above``.

    Raises
    ------
    InputError
        If the result has no picture on a plan, or the column is unknown.
    """
    if is_a(result, "WalkTimes"):
        return walk_layer(community, result, column or result.kinds[0].code)
    if result is not None:
        maker = _MAKERS.get(type(result).__name__)
        if maker is None:
            listed = ", ".join(sorted((*_MAKERS, "WalkTimes")))
            raise InputError(f"plot: result must be one of {listed}; got {type(result).__name__}.")
        made: Layer = maker(community, result)
        return made
    if not column:
        return None
    values = getattr(community.buildings, column, None)
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "if":
        raise InputError(f"plot: column must be a number column of the buildings; got {column!r}.")
    shown = values.astype(np.float64)
    if column == "n_above":
        return Layer(STOREYS, shown)
    named = next(c for c in community.buildings.columns() if c.name == column)
    return Layer(even_classes(shown, named.meaning, named.zh, named.unit), shown)


def even_classes(values: FloatArray, english: str, chinese: str, unit: str) -> Classes:
    """Return classes of one round step over the values, about five; one class where all are equal."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    if high - low <= 1e-9 * max(1.0, abs(high)):
        same = f"{low:.3g} {unit}".strip()
        names = ((f"all {same}", f"均为 {same}"),)
        return Classes(english, chinese, unit, (low, float("inf")), STOREYS.colours[2:3], names=names)
    whole = bool((known == known.round()).all())
    power = 10.0 ** np.floor(np.log10((high - low) / 5))
    step = next(s for s in power * np.array([1, 2, 5, 10]) if 5 * s >= high - low - 1e-9 and (s >= 1 or not whole))
    first, last = np.floor(np.array([low, high]) / step + min(1e-9, 1e-6 / step))  # no edge above a value by 1e-6
    edges = (np.arange(first, last + 1) * step).round(9).tolist()
    return Classes(english, chinese, unit, (*edges, float("inf")), shades(STOREYS.colours, len(edges)))


def sunlight_layer(community: Community, sunlight: Sunlight) -> Layer:
    """Return strokes along the walls; one above the other, the least of them counts."""
    worst = np.full(len(community.buildings), np.inf)
    np.minimum.at(worst, *best_of_dwellings(community, sunlight))
    worst[np.isinf(worst)] = np.nan
    day = sunlight.sun_day.name
    english, chinese = f"Hours of sun, {day}", f"日照时数（{DAYS.get(day, day)}）"
    if sunlight.receptors.kind == "window":
        english, chinese = f"{english}: windows, least over the storeys", f"{chinese}：窗取各层最小值"
    if not np.isnan(worst).all():
        english += "; buildings, the worst dwelling's best room"
        chinese += "，建筑取最不利套型的最佳居室"
    return _measured(SUNLIGHT.of(english, chinese), sunlight.receptors, sunlight.hours, worst)


def _measured(classes: Classes, receptors: Receptors, values: FloatArray, buildings: FloatArray | None = None) -> Layer:
    """Return the layer of values at receptors."""
    ends = receptors.points if receptors.other_ends is None else receptors.other_ends
    strokes = np.column_stack([receptors.points[:, :2], ends[:, :2]])
    none = np.zeros(0) if buildings is None else buildings
    return Layer(classes, none, strokes, values, receptors=receptors, at=values)


def _at_receptors(attribute: str, english: str, chinese: str, unit: str) -> Any:
    """Return what makes the layer of one attribute of a result with receptors."""

    def make(_: Community, result: Any) -> Layer:
        values = np.asarray(getattr(result, attribute), dtype=np.float64)
        return _measured(even_classes(values, english, chinese, unit), result.receptors, values)

    return make


def _by_building(community: Community, names: Any, values: Any, worst: Any, title: tuple[str, str, str]) -> Layer:
    """Return the layer of the worst value of each building named; ``worst`` is ``np.fmax`` or ``np.fmin``."""
    rows = rows_of(np.asarray(names, dtype=object), community.buildings.id)
    found = np.full(len(community.buildings), np.nan)
    worst.at(found, rows[rows >= 0], np.asarray(values, dtype=np.float64)[rows >= 0])
    return Layer(even_classes(found, *title), found)


def _change_layer(community: Community, change: SunlightChange) -> Layer:
    """Return what windows win and lose."""
    title = ("Change of sunlight at windows", "窗日照变化")
    light = windows_by_id(community, change.ids, change.after - change.before)
    if not (np.abs(light) >= CHANGE.edges[-2]).any():
        title = ("Sunlight of no window changes by a minute or more", "各窗日照变化均不足 1 分钟")
    worst = np.full(len(community.buildings), np.nan)
    w = community.windows
    np.fmin.at(worst, w.building[w.building >= 0], light[w.building >= 0])
    along = np.column_stack([np.cos(np.radians(w.azimuth)), -np.sin(np.radians(w.azimuth))])
    half = np.nan_to_num(w.width, nan=1.5)[:, None] / 2 * along
    xy, known = np.column_stack([w.x, w.y]), ~np.isnan(light)
    strokes = np.column_stack([xy - half, xy + half])[known]
    return Layer(CHANGE.of(*title), worst, strokes, light[known], at=light)


def windows_by_id(community: Community, ids: Any, values: FloatArray) -> FloatArray:
    """Return values given by window id, one a window of the community, nan where none is given."""
    rows = rows_of(ids, community.windows.id)
    found = np.full(len(community.windows), np.nan)
    found[rows[rows >= 0]] = values[rows >= 0]
    return found


def _floor_layer(community: Community, areas: FloorAreas) -> Layer:
    """Return the share of each building's area that counts for FAR."""
    t = areas.totals("building")
    share = t["far_area_m2"] / t["building_area_m2"].where(t["building_area_m2"] > 0)
    layer = _by_building(community, t["building"], share, np.fmax, ("", "", ""))
    return Layer(COUNTED.of("Share of building area counted for FAR", "计容面积占建筑面积比"), layer.buildings)


def _site_layer(community: Community, site: SiteIndicators) -> Layer:
    """Return the floor area ratio of each parcel."""
    far = np.array([site.value("far", k) for k in range(len(community.parcels))])
    land = community.parcels.outline.to_shapely()
    return Layer(even_classes(far, "Floor area ratio", "容积率", ""), areas=tuple(zip(land, far, strict=True)))


def _shadow_layer(_: Community, cast: Shadows) -> Layer:
    """Return the ground in shadow at each hour."""
    title = _on("Shadow range, true solar time", "阴影范围，真太阳时", cast.sun_day)
    names = (("any of these", "任一时刻"), *((t, t) for t in cast.sun_day.times(cast.hours)))
    edges, colours = (-1.0, *cast.hours, float("inf")), (INK, *shades(STOREYS.colours, len(cast.hours)))
    classes = Classes(*title, "", edges, colours, names=names)
    return Layer(classes, areas=tuple(zip([cast.union(), *cast.outlines], edges, strict=False)), alpha=0.2)


def _patch_layer(_: Community, sun: SunPatches) -> Layer:
    """Return the patches of sun: the more of the hours, the more opaque."""
    title = _on("Patches of sun, true solar time", "光斑，真太阳时", sun.sun_day)
    said = ", ".join(hours := sun.sun_day.times(np.unique(sun.hours)))
    classes = Classes(*title, "", (0.0, float("inf")), SUNLIGHT.colours[5:6], names=((said, said),))
    pairs, alpha = tuple(zip(sun.areas, sun.hours, strict=True)), 0.9 / max(len(hours), 1)
    return Layer(classes, areas=pairs, alpha=alpha, inside=bool((sun.windows != "").any()))


def _on(english: str, chinese: str, sun_day: SunDay) -> tuple[str, str]:
    """Return a title with the day."""
    return f"{english}, {sun_day.name}", f"{chinese}（{DAYS.get(sun_day.name, sun_day.name)}）"


def _affected_layer(_: Community, found: Affected) -> Layer:
    """Return the buildings by their part, and what the shadows of the planned ones can reach."""
    title = _on("Whom the plan can shade, and who else shades them", "受影响建筑与其他遮挡建筑", found.sun_day)
    parts = {"planned": "拟建", "affected": "受影响", "blocker": "其他遮挡", "reach of the shadows": "阴影可及范围"}
    colours = (STOREYS.colours[3], SUNLIGHT.colours[4], "#a99f94", STOREYS.colours[1])
    classes = Classes(*title, "", (0.0, 1.0, 2.0, 3.0, 4.0), colours, names=tuple(parts.items()))
    kinds, roles = list(parts), found.roles()
    values = np.array([kinds.index(r) if r else np.nan for r in roles], dtype=np.float64)
    return Layer(classes, values, areas=((found.fan, 3.0),), alpha=0.35)


def _blocker_layer(community: Community, who: Blockers) -> Layer:
    """Return what the building takes that takes most from each receptor, and the most that each takes from any."""
    title = _on("Most sun one building takes: from a receptor, by a building", "遮挡：单栋最大影响时数", who.sun_day)
    most = np.zeros(len(who.receptors))
    np.maximum.at(most, who.receptor, who.gain)
    by = _by_building(community, who.blocker_ids, who.gain, np.fmax, (*title, "h"))
    return _measured(even_classes(most, *title, "h"), who.receptors, most, by.buildings)


def _isochrone_layer(_: Community, lines: Isochrones) -> Layer:
    """Return the ground by hours, that below the first level too."""
    title = _on("Hours of sun on the ground", "地面日照等时线", lines.sun_day)
    edges = np.array([0.0, *lines.levels])
    few = int((edges < SUNLIGHT.threshold).sum())
    colours = shades(SUNLIGHT.colours[:3], few) + shades(SUNLIGHT.colours[3:], len(edges) - few)
    classes = Classes(*title, "h", (*edges, float("inf")), colours, SUNLIGHT.threshold)
    return Layer(classes, areas=tuple(zip([lines.ground, *lines.areas], edges, strict=True)))


def _spacing_layer(_: Community, pairs: Spacing) -> Layer:
    """Return the least distance of each building to a facing one over what the rule asks."""
    title = (f"Distance to facing buildings over what {pairs.rule} asks", f"日照间距余量（{pairs.rule}）")
    edges = (-float("inf"), -10.0, -3.0, 0.0, 3.0, float("inf"))
    return Layer(Classes(*title, "m", edges, CHANGE.colours, 0.0), pairs.margins())


def _of_homes(
    community: Community, rows: IntArray, values: Any, worst: Any, title: tuple[str, str], unit: str
) -> Layer:
    """Return the layer of the worst value of the homes of each building; ``rows`` are the buildings of the homes."""
    found = _by_building(community, np.append(community.buildings.id, "")[rows], values, worst, (*title, unit))
    return replace(found, classes=WALK.of(*title)) if unit == "min" else found


def _walk_change_layer(community: Community, change: WalkChange) -> Layer:
    """Return the most that a home of each building loses: to the nearest service of each kind."""
    most = np.nanmax(np.nan_to_num(change.change_min, posinf=60.0, neginf=-60.0), axis=1, initial=-60.0)
    title = ("Change of walking time, the worst home", "步行时间变化（最不利住户）")
    owner = change.after.homes.building[change.rows_after]
    layer = _of_homes(community, owner, most, np.fmax, title, "")
    return replace(layer, classes=layer.classes._replace(unit="min"))


def _route_layer(_: Community, route: Route) -> Layer:
    """Return the way walked."""
    strokes = np.column_stack([route.line[:-1, :2], route.line[1:, :2]])
    title = (f"Way from {route.home} to {route.facility}", f"路线：{route.home} 至 {route.facility}")
    return Layer(WALK.of(*title), strokes=strokes, values=np.full(len(strokes), route.walk_min))


def _use_layer(_: Community, use: PathUse) -> Layer:
    """Return how many people pass each path."""
    xy, line = use.network.course.xyz[:, :2], use.network.course.line
    pieces, owner = np.ones(len(xy), dtype=bool), np.repeat(np.arange(len(line) - 1), np.diff(line))
    pieces[line[1:] - 1] = False  # the last point of a path begins no piece
    first = np.flatnonzero(pieces)
    values, strokes = use.persons[owner[first]], np.column_stack([xy[first], xy[first + 1]])
    return Layer(even_classes(values, "People who pass", "经过人数", ""), strokes=strokes, values=values)


def _findings_layer(community: Community, found: Findings) -> Layer:
    """Return how many findings fail at each building, what lies in it included."""
    row = {str(name): k for k, name in enumerate(community.buildings.id)}
    at = [row.get(f.object.split("/")[0], -1) for f in found.failures()]
    count = np.bincount([k for k in at if k >= 0], minlength=len(row)).astype(np.float64)
    return Layer(even_classes(count, "Findings that fail", "不满足项数", ""), count)


def _circle_layer(_: Community, circles: LivingCircles) -> Layer:
    """Return the ground within each number of minutes of a service, the widest below."""
    english, chinese = circles.kind.title
    edges = np.asarray(circles.minutes, dtype=np.float64)
    names = tuple((f"within {m:g} min", f"{m:g} 分钟内") for m in edges)
    colours = shades(WALK.colours[: max(2, len(edges))], len(edges))
    title = (f"Living circle: {english}", f"生活圈：{chinese}")
    classes = Classes(*title, "", (*edges, float("inf")), colours, names=names)
    return Layer(classes, areas=tuple(zip(circles.areas[::-1], edges[::-1], strict=True)))


def _envelope_layer(community: Community, envelope: SolarEnvelope) -> Layer:
    """Return the storeys of the massing, the buildings around it without a value."""
    b, name = community.buildings, envelope.parcel
    storeys = np.where(np.char.startswith(b.id.astype(str), f"{name}-E"), b.n_above, np.nan)
    return Layer(STOREYS.of(f"Storeys of the solar envelope of {name}", f"日照包络层数：{name}"), storeys)


def _improvement_layer(_: Community, plan: Improvement) -> Layer:
    """Return where services are added or enlarged, the first the most useful."""
    order, (english, chinese) = np.arange(1.0, len(plan.xy) + 1), plan.kind.title
    classes = even_classes(order, f"Where to add: {english}", f"建议增设：{chinese}", "")
    return Layer(classes, strokes=np.column_stack([plan.xy, plan.xy]), values=order)


_MAKERS: dict[str, Any] = {
    "Route": _route_layer,
    "PathUse": _use_layer,
    "WalkChange": _walk_change_layer,
    "Findings": _findings_layer,
    "Improvement": _improvement_layer,
    "NearestServices": lambda c, r: _of_homes(
        c, r.homes.building, r.cost[:, 0], np.fmax,
        (f"Way to the nearest {r.kind.title[0]}", f"至最近{r.kind.zh}"), "min" if r.timed else "m",
    ),
    "ServiceAccess": lambda c, r: _of_homes(
        c, r.homes.building, r.score.mean(axis=1), np.fmin,
        ("Access to services, the worst home", "服务可达性（最不利住户）"), "",
    ),
    "Sunlight": sunlight_layer,
    "SunlightChange": _change_layer,
    "FloorAreas": _floor_layer,
    "SiteIndicators": _site_layer,
    "Shadows": _shadow_layer,
    "Spacing": _spacing_layer,
    "SunPatches": _patch_layer,
    "SkyView": _at_receptors("sky_view", "Sky view factor", "天空视域因子", ""),
    "Irradiance": _at_receptors("total", "Solar energy", "太阳辐射量", "kWh/m²"),
    "ProbableSunlight": _at_receptors("annual", "Annual probable sunlight", "全年可能日照", "%"),
    "SolarPotential": lambda c, r: layer_of(c, r.irradiance),
    "Isochrones": _isochrone_layer,
    "LivingCircles": _circle_layer,
    "Evacuation": lambda c, r: _by_building(
        c, r.building, r.reach_min, np.fmax, ("Longest way to shelter", "至避难场所最长时间", "min")
    ),
    "Blockers": _blocker_layer,
    "Affected": _affected_layer,
    "SolarEnvelope": _envelope_layer,
}  # fmt: skip
LAYERED = tuple(_MAKERS)


def walk_layer(community: Community, walk: WalkTimes, kind: str | FacilityKind) -> Layer:
    """Return the longest walk from each building to the nearest service of a kind; unreached is infinite."""
    minutes = walk.walk_min[:, walk.of(kind)]
    worst = np.full(len(community.buildings), -np.inf)
    np.maximum.at(worst, walk.homes.building, minutes)
    english, chinese = FacilityKind.parse(kind).title
    classes = WALK.of(f"Longest walk to the nearest {english}", f"至最近{chinese}的最长步行时间")
    return Layer(classes, np.where(worst < 0, np.nan, worst))


def best_of_dwellings(community: Community, sunlight: Sunlight) -> tuple[IntArray, FloatArray]:
    """Return building and hours of the best living room or bedroom of each dwelling that has one."""
    rows = rows_of(sunlight.receptors.ids, community.windows.id)
    w = community.windows
    if sunlight.receptors.kind != "window" or len(w) == 0:
        return np.zeros(0, np.int64), np.zeros(0)
    lived = np.append(np.isin(w.room, HABITABLE) & (w.dwelling >= 0), False)[rows]
    best = np.full(len(community.dwellings), -1.0)
    np.maximum.at(best, w.dwelling[rows[lived]], sunlight.hours[lived])
    seen = np.flatnonzero(best >= 0)
    return community.storeys.building[community.dwellings.storey[seen]], best[seen]
