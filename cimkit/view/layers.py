"""What a result looks like on a plan: values of buildings, strokes along walls, dots on the ground."""

from collections.abc import Sized
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray, IntArray
from cimkit.errors import InputError
from cimkit.geometry.ragged import owners
from cimkit.model.community import Community
from cimkit.model.kinds import FacilityKind, RoomKind
from cimkit.sim.receptors import Receptors
from cimkit.view.lists import CLASSES, COUNTED, INK, LAYERS, STOREYS, SUNLIGHT, WALK, Classes, Row, chinese, shades

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

    def legend(self) -> tuple[Row, ...]:
        """Return what the colours mean, that of buildings without a value too where others have one."""
        none = np.isnan(self.buildings)
        rest = ((self.classes.missing, "no value", "无数值"),) if none.any() and not none.all() else ()
        return (*self.classes.legend(), *rest)

    def least(self) -> tuple[FloatArray, FloatArray]:
        """Return each different stroke once, with the least of its values."""
        places, where = np.unique(self.strokes.round(2), axis=0, return_inverse=True)
        return places, _worst(places, where.reshape(-1), self.values, np.fmin)


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
    if is_a(result, *_MAKERS):
        made: Layer = _MAKERS[type(result).__name__](community, result)
        return made
    if result is not None:
        listed = ", ".join(sorted((*_MAKERS, "WalkTimes")))
        raise InputError(f"plot: result must be one of {listed}; got {type(result).__name__}.")
    if not column:
        return None
    values = getattr(community.buildings, column, None)
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "if":
        raise InputError(f"plot: column must be a number column of the buildings; got {column!r}.")
    shown = values.astype(np.float64)
    if column == "n_above":
        return Layer(STOREYS, shown)
    named = next(c for c in community.buildings.columns() if c.name == column)
    return Layer(even_classes(shown, (named.meaning, named.zh), named.unit), shown)


def even_classes(values: FloatArray, title: tuple[str, str], unit: str) -> Classes:
    """Return classes of one round step over the values, about five; one class where all are equal."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    if high - low <= 1e-9 * max(1.0, abs(high)):
        same = f"{low:.3g} {unit}".strip()
        names = ((f"all {same}", f"均为 {same}"),)
        return Classes(title, unit, (low, float("inf")), STOREYS.colours[2:3], names=names)
    whole = bool((known == known.round()).all())
    power = 10.0 ** np.floor(np.log10((high - low) / 5))
    step = next(s for s in power * np.array([1, 2, 5, 10]) if 5 * s >= high - low - 1e-9 and (s >= 1 or not whole))
    first, last = np.floor(np.array([low, high]) / step + min(1e-9, 1e-6 / step))  # no edge above a value by 1e-6
    edges = (np.arange(first, last + 1) * step).round(9).tolist()
    return Classes(title, unit, (*edges, float("inf")), shades(STOREYS.colours, len(edges)))


def _title(result: Any, kind: Any = None) -> tuple[str, str]:
    """Return what the picture of a result shows, in English and Chinese, with its day and its kind of service."""
    day = getattr(getattr(result, "sun_day", None), "name", "")
    english, zh = getattr(kind or getattr(result, "kind", None), "title", ("", ""))
    said = LAYERS[type(result).__name__]
    return said[0].format(r=result, day=day, kind=english), said[1].format(r=result, day=chinese(day), kind=zh)


def _worst(things: Sized, rows: IntArray, values: Any, worst: np.ufunc = np.fmax) -> FloatArray:
    """Return the worst of the values that belong to each thing, nan for none; a row of -1 belongs to none."""
    found = np.full(len(things), np.nan)
    worst.at(found, rows[rows >= 0], np.asarray(values, dtype=np.float64)[rows >= 0])
    return found


def _named(community: Community, names: Any, values: Any) -> FloatArray:
    """Return the largest of the values that belong to each building, by its id."""
    return _worst(community.buildings, rows_of(np.asarray(names, dtype=object), community.buildings.id), values)


def _measured(classes: Classes, receptors: Receptors, values: FloatArray, buildings: FloatArray | None = None) -> Layer:
    """Return the layer of values at receptors."""
    ends = receptors.points if receptors.other_ends is None else receptors.other_ends
    strokes = np.column_stack([receptors.points[:, :2], ends[:, :2]])
    none = np.zeros(0) if buildings is None else buildings
    return Layer(classes, none, strokes, values, receptors=receptors, at=values)


def _at_receptors(result: Any, values: Any, unit: str) -> Layer:
    """Return the layer of values of a result with receptors, in even classes."""
    values = np.asarray(values, dtype=np.float64)
    return _measured(even_classes(values, _title(result), unit), result.receptors, values)


def _even(result: Any, buildings: FloatArray, unit: str) -> Layer:
    """Return the layer of values of buildings, in even classes."""
    return Layer(even_classes(buildings, _title(result), unit), buildings)


def _sunlight(community: Community, light: Any) -> Layer:
    """Return strokes along the walls; one above the other, the least of them counts."""
    worst = _worst(community.buildings, *best_of_dwellings(community, light), np.fmin)
    english, chinese = _title(light)
    if light.receptors.kind == "window":
        english, chinese = f"{english}: windows, least over the storeys", f"{chinese}：窗取各层最小值"
    if not np.isnan(worst).all():
        english += "; buildings, the worst dwelling's best room"
        chinese += "，建筑取最不利套型的最佳居室"
    return _measured(SUNLIGHT._replace(title=(english, chinese)), light.receptors, light.hours, worst)


def _change(community: Community, change: Any) -> Layer:
    """Return what windows win and lose."""
    w, title = community.windows, _title(change)
    rows, light = rows_of(change.ids, w.id), np.full(len(w), np.nan)
    light[rows[rows >= 0]] = (change.after - change.before)[rows >= 0]
    if not (np.abs(light) >= CLASSES["change"].edges[-2]).any():
        title = ("Sunlight of no window changes by a minute or more", "各窗日照变化均不足 1 分钟")
    along = np.column_stack([np.cos(np.radians(w.azimuth)), -np.sin(np.radians(w.azimuth))])
    half = np.nan_to_num(w.width, nan=1.5)[:, None] / 2 * along
    xy, known = np.column_stack([w.x, w.y]), ~np.isnan(light)
    strokes = np.column_stack([xy - half, xy + half])[known]
    worst = _worst(community.buildings, w.building, light, np.fmin)
    return Layer(CLASSES["change"]._replace(title=title), worst, strokes, light[known], at=light)


def _floor_areas(community: Community, areas: Any) -> Layer:
    """Return the share of each building's area that counts for FAR."""
    t = areas.totals("building")
    share = t["far_area_m2"] / t["building_area_m2"].where(t["building_area_m2"] > 0)
    return Layer(COUNTED._replace(title=_title(areas)), _named(community, t["building"], share))


def _site(community: Community, site: Any) -> Layer:
    """Return the floor area ratio of each parcel."""
    far = np.array([site.value("far", k) for k in range(len(community.parcels))])
    land = community.parcels.outline.to_shapely()
    return Layer(even_classes(far, _title(site), ""), areas=tuple(zip(land, far, strict=True)))


def _shadows(_: Community, cast: Any) -> Layer:
    """Return the ground in shadow at each hour."""
    names = (("any of these", "任一时刻"), *((t, t) for t in cast.sun_day.times(cast.hours)))
    edges, colours = (-1.0, *cast.hours, float("inf")), (INK, *shades(STOREYS.colours, len(cast.hours)))
    classes = Classes(_title(cast), "", edges, colours, names=names)
    return Layer(classes, areas=tuple(zip([cast.union(), *cast.outlines], edges, strict=False)), alpha=0.2)


def _patches(_: Community, sun: Any) -> Layer:
    """Return the patches of sun: the more of the hours, the more opaque."""
    said = ", ".join(hours := sun.sun_day.times(np.unique(sun.hours)))
    classes = Classes(_title(sun), "", (0.0, float("inf")), SUNLIGHT.colours[5:6], names=((said, said),))
    pairs, alpha = tuple(zip(sun.areas, sun.hours, strict=True)), 0.9 / max(len(hours), 1)
    return Layer(classes, areas=pairs, alpha=alpha, inside=bool((sun.windows != "").any()))


def _affected(_: Community, found: Any) -> Layer:
    """Return the buildings by their part, and what the shadows of the planned ones can reach."""
    parts = [english for english, _ in CLASSES["affected"].names]
    values = np.array([parts.index(r) if r else np.nan for r in found.roles()], dtype=np.float64)
    return Layer(CLASSES["affected"]._replace(title=_title(found)), values, areas=((found.fan, 3.0),), alpha=0.35)


def _blockers(community: Community, who: Any) -> Layer:
    """Return what the building takes that takes most from each receptor, and the most that each takes from any."""
    most = np.fmax(_worst(who.receptors, who.receptor, who.gain), 0.0)
    taken = _named(community, who.blocker_ids, who.gain)
    return _measured(even_classes(most, _title(who), "h"), who.receptors, most, taken)


def _isochrones(_: Community, lines: Any) -> Layer:
    """Return the ground by hours, that below the first level too."""
    edges = np.array([0.0, *lines.levels])
    few = int((edges < SUNLIGHT.threshold).sum())
    colours = shades(SUNLIGHT.colours[:3], few) + shades(SUNLIGHT.colours[3:], len(edges) - few)
    classes = Classes(_title(lines), "h", (*edges, float("inf")), colours, SUNLIGHT.threshold)
    return Layer(classes, areas=tuple(zip([lines.ground, *lines.areas], edges, strict=True)))


def _spacing(_: Community, pairs: Any) -> Layer:
    """Return the least distance of each building to a facing one over what the rule asks."""
    return Layer(CLASSES["spacing"]._replace(title=_title(pairs)), pairs.margins())


def _walk_change(community: Community, change: Any) -> Layer:
    """Return the most that a home of each building loses: to the nearest service of each kind."""
    most = np.nanmax(np.nan_to_num(change.change_min, posinf=60.0, neginf=-60.0), axis=1, initial=-60.0)
    return _even(change, _worst(community.buildings, change.after.homes.building[change.rows_after], most), "min")


def _route(_: Community, route: Any) -> Layer:
    """Return the way walked."""
    strokes = np.column_stack([route.line[:-1, :2], route.line[1:, :2]])
    classes = WALK._replace(title=_title(route))
    return Layer(classes, strokes=strokes, values=np.full(len(strokes), route.walk_min))


def _path_use(_: Community, use: Any) -> Layer:
    """Return how many people pass each path."""
    xy, owner = use.network.course.xyz[:, :2], owners(use.network.course.line)
    first = np.flatnonzero(owner[:-1] == owner[1:])  # the last point of a path begins no piece
    values, strokes = use.persons[owner[first]], np.column_stack([xy[first], xy[first + 1]])
    return Layer(even_classes(values, _title(use), ""), strokes=strokes, values=values)


def _findings(community: Community, found: Any) -> Layer:
    """Return how many findings fail at each building, what lies in it included."""
    rows = rows_of([f.object.split("/")[0] for f in found.failures()], community.buildings.id)
    count = np.bincount(rows[rows >= 0], minlength=len(community.buildings)).astype(np.float64)
    return _even(found, count, "")


def _circles(_: Community, circles: Any) -> Layer:
    """Return the ground within each number of minutes of a service, the widest below."""
    edges = np.asarray(circles.minutes, dtype=np.float64)
    names = tuple((f"within {m:g} min", f"{m:g} 分钟内") for m in edges)
    colours = shades(WALK.colours[: max(2, len(edges))], len(edges))
    classes = Classes(_title(circles), "", (*edges, float("inf")), colours, names=names)
    return Layer(classes, areas=tuple(zip(circles.areas[::-1], edges[::-1], strict=True)))


def _envelope(community: Community, envelope: Any) -> Layer:
    """Return the storeys of the massing, the buildings around it without a value."""
    b = community.buildings
    storeys = np.where(np.char.startswith(b.id.astype(str), f"{envelope.parcel}-E"), b.n_above, np.nan)
    return Layer(STOREYS._replace(title=_title(envelope)), storeys)


def _improvement(_: Community, plan: Any) -> Layer:
    """Return where services are added or enlarged, the first the most useful."""
    order = np.arange(1.0, len(plan.xy) + 1)
    classes = even_classes(order, _title(plan), "")
    return Layer(classes, strokes=np.column_stack([plan.xy, plan.xy]), values=order)


def _nearest(community: Community, way: Any) -> Layer:
    """Return the longest way of each building."""
    worst = _worst(community.buildings, way.homes.building, way.cost[:, 0])
    return Layer(WALK._replace(title=_title(way)), worst) if way.timed else _even(way, worst, "m")


_MAKERS: dict[str, Any] = {"Sunlight": _sunlight, "SunlightChange": _change, "Shadows": _shadows}
_MAKERS |= {"SunPatches": _patches, "Isochrones": _isochrones, "Blockers": _blockers, "Spacing": _spacing}
_MAKERS |= {"SolarEnvelope": _envelope, "FloorAreas": _floor_areas, "SiteIndicators": _site, "Findings": _findings}
_MAKERS |= {"Route": _route, "PathUse": _path_use, "WalkChange": _walk_change, "LivingCircles": _circles}
_MAKERS |= {"NearestServices": _nearest, "Improvement": _improvement, "Affected": _affected}
_MAKERS |= {
    "ServiceAccess": lambda c, r: _even(r, _worst(c.buildings, r.homes.building, r.score.mean(axis=1), np.fmin), ""),
    "Evacuation": lambda c, r: _even(r, _named(c, r.building, r.reach_min), "min"),
    "SkyView": lambda _, r: _at_receptors(r, r.sky_view, ""),
    "Irradiance": lambda _, r: _at_receptors(r, r.total, "kWh/m²"),
    "ProbableSunlight": lambda _, r: _at_receptors(r, r.annual, "%"),
    "SolarPotential": lambda _, r: _at_receptors(r.irradiance, r.irradiance.total, "kWh/m²"),
}
LAYERED = tuple(_MAKERS)


def walk_layer(community: Community, walk: Any, kind: str | FacilityKind) -> Layer:
    """Return the longest walk from each building to the nearest service of a kind; unreached is infinite."""
    worst = _worst(community.buildings, walk.homes.building, walk.walk_min[:, walk.of(kind)])
    return Layer(WALK._replace(title=_title(walk, FacilityKind.parse(kind))), worst)


def best_of_dwellings(community: Community, sunlight: Any) -> tuple[IntArray, FloatArray]:
    """Return building and hours of the best living room or bedroom of each dwelling that has one."""
    w, rows = community.windows, rows_of(sunlight.receptors.ids, community.windows.id)
    habitable = np.append(np.isin(w.room, HABITABLE) & (w.dwelling >= 0), False)  # the last is no window
    lived = habitable[rows] & (sunlight.receptors.kind == "window")
    best = _worst(community.dwellings, w.dwelling[rows[lived]], sunlight.hours[lived])
    seen = np.flatnonzero(~np.isnan(best))
    return community.storeys.building[community.dwellings.storey[seen]], best[seen]
