"""What was measured: sunlight by building, walks by service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.model.kinds import Status
from cimkit.view.colours import SUNLIGHT, WALK
from cimkit.view.html import Html, both, element, join
from cimkit.view.judged import number
from cimkit.view.layers import best_of_dwellings, is_a
from cimkit.view.parts import row, section, spread, table
from cimkit.view.reasons import told
from cimkit.view.texts import day_words, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cimkit.arrays import FloatArray, IntArray
    from cimkit.model.community import Community
    from cimkit.sim.access import WalkTimes
    from cimkit.sim.sunlight import Sunlight


def sunlight_section(community: Community, results: Iterable[Any]) -> Html:
    """Return hours of sun building by building, for each day."""
    parts: list[Html] = []
    for light in results:
        if is_a(light, "Sunlight") and len(light):
            title = join(day_words(light.sun_day.name), " · ", told(light.method.name))
            parts += [element("h3", title), _sunlight_table(community, light)]
    return section("sunlight", *parts)


def _sunlight_table(community: Community, light: Sunlight) -> Html:
    """Return one line a building: its dwellings by their best habitable room, else its windows."""
    limit, b = SUNLIGHT.threshold, community.buildings
    home_of, best = best_of_dwellings(community, light)
    by_home, by_window = _grouped(home_of, best), _grouped(light.receptors.building, light.hours)
    lines = []
    for k, windows in by_window.items():
        if k < 0:
            continue
        hours = by_home.get(k, windows)
        short = int((hours < limit - 1e-6).sum())
        what = both("best room of dwellings", "各套最佳居室") if k in by_home else both("windows", "各窗")
        state = Status(b.status[k])
        cells: list[Any] = [b.id[k], b.name[k], both(state.code, state.zh), what, f"{len(hours):,}"]
        cells += [f"{hours.min():.2f}", f"{np.median(hours):.2f}", spread(hours, SUNLIGHT)]
        cells.append(element("b", f"{short:,}", class_="v-fail" if k in by_home else None) if short else 0)
        lines.append(row(cells, numbers=[4, 5, 6, 8], values={7: f"{hours.mean():.3f}"}, data_id=b.id[k]))
    heads = [words(k) for k in ("building", "name", "status")] + [both("Measured", "统计对象"), words("count")]
    heads += [join(words("least"), " [h]"), join(words("median"), " [h]"), words("spread")]
    heads.append(both(f"Below {limit:g} h", f"不足 {limit:g} h"))
    return table(heads, lines, numbers=[4, 5, 6, 8])


def _grouped(owner: IntArray, values: FloatArray) -> dict[int, FloatArray]:
    """Return the values of each owner."""
    order = np.argsort(owner, kind="stable")
    rows, first = np.unique(owner[order], return_index=True)
    return dict(zip(rows.tolist(), np.split(values[order], first[1:]), strict=False))


def walking_section(results: Iterable[Any]) -> Html:
    """Return the walk to the nearest service of each kind."""
    parts: list[Html] = []
    for walk in results:
        if is_a(walk, "WalkTimes") and len(walk):
            straight = both(", straight lines", "，直线距离") if walk.straight else ""
            parts += [element("h3", told(walk.method.name), straight), _walk_table(walk)]
    return section("walking", *parts)


def _walk_table(walk: WalkTimes) -> Html:
    """Return one line a kind: median and longest walk, share of homes within minutes and metres."""
    lines = []
    for k, kind in enumerate(walk.kinds):
        minutes, metres = walk.walk_min[:, k], walk.distance[:, k]
        near = [float((minutes <= m).mean()) for m in (5, 10, 15)]
        near += [float((metres <= m).mean()) for m in (300, 500, 1000)]
        cells: list[Any] = [both(*kind.title), f"{np.median(metres):.0f}", _farthest(metres)]
        cells += [f"{np.median(minutes):.1f}", spread(minutes, WALK), *[f"{100 * share:.0f} %" for share in near]]
        values = {4: f"{-np.mean(np.minimum(minutes, 60)):.3f}"} | {5 + i: f"{s:.4f}" for i, s in enumerate(near)}
        lines.append(row(cells, numbers=[1, 2, 3, 5, 6, 7, 8, 9, 10], names=[0], values=values))
    heads = [words("service"), join(words("middle"), " [m]"), join(words("farthest"), " [m]")]
    heads += [join(words("middle"), " [min]"), words("spread_min")]
    heads += [Html(f"≤ {m} min") for m in (5, 10, 15)] + [Html(f"≤ {m} m") for m in (300, 500, 1000)]
    return table(heads, lines, numbers=[1, 2, 3, 5, 6, 7, 8, 9, 10])


def _farthest(metres: FloatArray) -> str:
    """Return the farthest walk; ∞ where a home reaches none."""
    return number(round(float(metres.max())) if np.isfinite(metres).all() else float("inf"))
