"""What a result looks like on a plan: values of buildings, strokes along walls, dots on the ground."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.errors import InputError
from cimkit.model.kinds import FacilityKind, RoomKind
from cimkit.sim.access import WalkTimes
from cimkit.sim.sunlight import Sunlight
from cimkit.view.colours import STOREYS, SUNLIGHT, WALK, Classes
from cimkit.view.texts import DAYS

if TYPE_CHECKING:
    from cimkit.arrays import FloatArray, IntArray
    from cimkit.model.community import Community

HABITABLE = (RoomKind.LIVING, RoomKind.BEDROOM)


@dataclass(frozen=True)
class Layer:
    """Coloured values over a plan.

    Parameters
    ----------
    classes
        Colours and unit.
    english, chinese
        What is shown.
    buildings
        Value of each building, nan for none, shape (b).
    strokes
        Ends of strokes or dots (both ends equal), shape (m, 4) [m].
    values
        Value of each stroke, shape (m).
    """

    classes: Classes
    english: str
    chinese: str
    buildings: FloatArray
    strokes: FloatArray = field(default_factory=lambda: np.zeros((0, 4)))
    values: FloatArray = field(default_factory=lambda: np.zeros(0))


def layer_of(community: Community, result: Any = None, *, column: str = "") -> Layer | None:
    """Return the layer of a result, or of a column of the buildings; None without both.

    Parameters
    ----------
    community
        Whose plan.
    result
        ``Sunlight`` or ``WalkTimes``.
    column
        For ``WalkTimes`` the kind of service, the first one without it; without a result a
        number column of the buildings, e.g. ``n_above``.

    Raises
    ------
    InputError
        If the result has no picture on a plan, or the column is unknown.
    """
    if isinstance(result, Sunlight):
        return sunlight_layer(community, result)
    if isinstance(result, WalkTimes):
        return walk_layer(community, result, column or result.kinds[0].code)
    if result is not None:
        raise InputError(f"plot_plan: result must be Sunlight or WalkTimes; got {type(result).__name__}.")
    if not column:
        return None
    values = getattr(community.buildings, column, None)
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "if":
        raise InputError(f"plot_plan: column must be a number column of the buildings; got {column!r}.")
    shown = values.astype(np.float64)
    if column == "n_above":
        return Layer(STOREYS, STOREYS.english, STOREYS.chinese, shown)
    named = next(c for c in community.buildings.columns() if c.name == column)
    return Layer(_even(shown, named), named.meaning, named.zh, shown)


def _even(values: FloatArray, col: Any) -> Classes:
    """Return five even classes over the values."""
    low, high = (np.nanmin(values), np.nanmax(values)) if np.isfinite(values).any() else (0.0, 1.0)
    edges = np.linspace(low, max(high, low + 1e-9), 6).round(2)
    return Classes(col.meaning, col.zh, col.unit, (*edges[:-1].tolist(), float("inf")), STOREYS.colours)


def sunlight_layer(community: Community, sunlight: Sunlight) -> Layer:
    """Return strokes along the walls; one above the other, the least of them counts."""
    r = sunlight.receptors
    ends = r.points if r.other_ends is None else r.other_ends
    strokes, values = least_at(np.column_stack([r.points[:, :2], ends[:, :2]]), sunlight.hours)
    worst = np.full(len(community.buildings), np.inf)
    np.minimum.at(worst, *best_of_dwellings(community, sunlight))
    worst[np.isinf(worst)] = np.nan
    day = sunlight.sun_day.name
    english = f"Hours of sun, {day}: windows, least over the storeys; buildings, the worst dwelling's best room"
    chinese = f"日照时数（{DAYS.get(day, day)}）：窗取各层最小值，建筑取最不利套型的最佳居室"
    return Layer(SUNLIGHT, english, chinese, worst, strokes, values)


def least_at(strokes: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return each different stroke once, with the least of its values."""
    if len(strokes) == 0:
        return strokes, values
    places, where = np.unique(strokes.round(2), axis=0, return_inverse=True)
    least = np.full(len(places), np.inf)
    np.minimum.at(least, where.reshape(-1), values)
    return places, least


def walk_layer(community: Community, walk: WalkTimes, kind: str | FacilityKind) -> Layer:
    """Return the longest walk from each building to the nearest service of a kind; unreached is infinite."""
    minutes = walk.walk_min[:, walk.of(kind)]
    worst = np.full(len(community.buildings), -np.inf)
    np.maximum.at(worst, walk.homes.building, minutes)
    service = FacilityKind.parse(kind)
    english = f"Longest walk to the nearest {service.code.replace('_', ' ')}"
    return Layer(WALK, english, f"至最近{service.zh}的最长步行时间", np.where(worst < 0, np.nan, worst))


def best_of_dwellings(community: Community, sunlight: Sunlight) -> tuple[IntArray, FloatArray]:
    """Return building and hours of the best living room or bedroom of each dwelling that has one."""
    row_of = {str(name): k for k, name in enumerate(community.windows.id)}
    rows = np.array([row_of.get(str(name), -1) for name in sunlight.receptors.ids], dtype=np.int64)
    w = community.windows
    if sunlight.receptors.kind != "window" or len(w) == 0:
        return np.zeros(0, np.int64), np.zeros(0)
    lived = np.append(np.isin(w.room, HABITABLE) & (w.dwelling >= 0), False)[rows]
    best = np.full(len(community.dwellings), -1.0)
    np.maximum.at(best, w.dwelling[rows[lived]], sunlight.hours[lived])
    seen = np.flatnonzero(best >= 0)
    return community.storeys.building[community.dwellings.storey[seen]], best[seen]
