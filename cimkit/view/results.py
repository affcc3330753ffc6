"""What was measured: sunlight by building, walks by service, areas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray
from cimkit.model.community import Community
from cimkit.model.kinds import BuildingUse, Status
from cimkit.sim.access import WalkTimes
from cimkit.sim.sunlight import Sunlight
from cimkit.view.colours import SUNLIGHT, WALK
from cimkit.view.html import Html, both, element, join
from cimkit.view.judged import number
from cimkit.view.layers import best_of_dwellings
from cimkit.view.parts import row, section, spread, table
from cimkit.view.texts import COLUMNS, TEXTS, words

MOST_ROWS = 2_000
UNITS = {"m2": "m²", "m": "m", "h": "h", "min": "min", "deg": "°", "pct": "%"}


def sunlight_section(community: Community, results: Iterable[Any]) -> Html:
    """Return hours of sun building by building, for each day."""
    parts: list[Html] = []
    for light in results:
        if isinstance(light, Sunlight) and len(light):
            title = join(light.sun_day.name, " · ", light.method.name)
            parts += [element("h3", title), _sunlight_table(community, light)]
    return section("sunlight", *parts)


def _sunlight_table(community: Community, light: Sunlight) -> Html:
    """Return one line a building: windows, hours, dwellings whose best habitable room falls short."""
    limit = SUNLIGHT.threshold
    b, (home_of, best) = community.buildings, best_of_dwellings(community, light)
    owner = light.receptors.building
    order = np.argsort(owner, kind="stable")
    rows, first = np.unique(owner[order], return_index=True)
    lines = []
    for k, hours in zip(rows, np.split(light.hours[order], first[1:]), strict=True):
        if k < 0:
            continue
        homes = best[home_of == k]
        short = int((homes < limit - 1e-6).sum())
        fails: Any = element("b", short, class_="v-fail") if short else 0 if len(homes) else ""
        state = Status(b.status[k])
        cells = [b.id[k], b.name[k], both(state.code, state.zh), len(hours), f"{hours.min():.2f}"]
        cells += [f"{np.median(hours):.2f}", spread(hours, SUNLIGHT), len(homes) or "", fails]
        lines.append(row(cells, numbers=[3, 4, 5, 7, 8], values={6: f"{hours.mean():.3f}"}, data_id=b.id[k]))
    heads = [words(k) for k in ("building", "name", "status")]
    heads += [both("Windows", "窗"), join(words("least"), " [h]"), join(words("median"), " [h]"), words("spread")]
    heads += [both("Dwellings", "住宅套数"), both(f"Best room < {limit:g} h", f"最佳居室 < {limit:g} h")]
    return table(heads, lines, numbers=[3, 4, 5, 7, 8])


def walking_section(results: Iterable[Any]) -> Html:
    """Return the walk to the nearest service of each kind."""
    parts: list[Html] = []
    for walk in results:
        if isinstance(walk, WalkTimes) and len(walk):
            straight = both(", straight lines", "，直线距离") if walk.straight else ""
            parts += [element("h3", walk.method.name, straight), _walk_table(walk)]
    return section("walking", *parts)


def _walk_table(walk: WalkTimes) -> Html:
    """Return one line a kind: median and longest walk, share of homes within minutes and metres."""
    lines = []
    for k, kind in enumerate(walk.kinds):
        minutes, metres = walk.walk_min[:, k], walk.distance[:, k]
        near = [float((minutes <= m).mean()) for m in (5, 10, 15)]
        near += [float((metres <= m).mean()) for m in (300, 500, 1000)]
        cells: list[Any] = [both(kind.code.replace("_", " "), kind.zh), f"{np.median(metres):.0f}", _farthest(metres)]
        cells += [f"{np.median(minutes):.1f}", spread(minutes, WALK), *[f"{100 * share:.0f} %" for share in near]]
        values = {4: f"{-np.mean(np.minimum(minutes, 60)):.3f}"} | {5 + i: f"{s:.4f}" for i, s in enumerate(near)}
        lines.append(row(cells, numbers=[1, 2, 3, 5, 6, 7, 8, 9, 10], values=values))
    heads = [words("service"), join(words("middle"), " [m]"), join(words("farthest"), " [m]")]
    heads += [join(words("middle"), " [min]"), words("spread_min")]
    heads += [Html(f"≤ {m} min") for m in (5, 10, 15)] + [Html(f"≤ {m} m") for m in (300, 500, 1000)]
    return table(heads, lines, numbers=[1, 2, 3, 5, 6, 7, 8, 9, 10])


def _farthest(metres: FloatArray) -> str:
    """Return the farthest walk; ∞ where a home reaches none."""
    return number(round(float(metres.max())) if np.isfinite(metres).all() else float("inf"))


def areas_section(community: Community, results: Sequence[Any]) -> Html:
    """Return the buildings by use and state, then each area result as a table."""
    parts = [element("h3", both("Buildings", "建筑")), _buildings(community)]
    for result in results:
        if not isinstance(result, (Sunlight, WalkTimes)) and hasattr(result, "to_frame"):
            parts += [element("h3", type(result).__name__), frame_table(result.to_frame())]
    return section("areas", *parts)


def _buildings(community: Community) -> Html:
    """Return how many buildings of each use and state there are."""
    b = community.buildings
    lines = []
    for use in (BuildingUse(u) for u in np.unique(b.use)):
        found = [int((b.status[b.use == use] == s).sum()) for s in Status]
        lines.append(row([both(use.code.replace("_", " "), use.zh), *[n or "" for n in found]], numbers=[1, 2, 3]))
    heads = [words("use"), *[words(s.code) for s in Status]]
    return table(heads, lines, numbers=[1, 2, 3])


def frame_table(frame: Any) -> Html:
    """Return a DataFrame as a table, units from the names of its columns."""
    numeric = [k for k, dtype in enumerate(frame.dtypes) if dtype.kind in "if"]
    lines = []
    for values in frame.head(MOST_ROWS).itertuples(index=False):
        cells = [number(v) if k in numeric else v for k, v in enumerate(values)]
        lines.append(row(cells, numbers=numeric, values={k: values[k] for k in numeric}))
    return table([heading(str(c)) for c in frame.columns], lines, numbers=numeric, tall=len(lines) > 30)


def heading(column: str) -> Html:
    """Return the name of a column with its unit in brackets, in both languages where the words are known."""
    stem, _, last = column.rpartition("_")
    unit = f" [{UNITS[last]}]" if stem and last in UNITS else ""
    name = stem if unit else column
    plain = name.replace("_", " ")
    english, chinese = TEXTS.get(name, (plain, COLUMNS.get(name, plain)))
    return join(both(english, chinese), unit)
