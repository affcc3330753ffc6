"""The areas of the report: three ledgers, how the counted area comes about, each parcel against its plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.model.kinds import BuildingUse, Status
from cimkit.view.html import Html, both, element, join
from cimkit.view.layers import is_a
from cimkit.view.parts import mark_words, row, section, table
from cimkit.view.reasons import told
from cimkit.view.texts import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.model.community import Community
    from cimkit.sim.areas import FloorAreas
    from cimkit.sim.site_ratios import SiteIndicators

MOST_ROWS = 500
RATIOS = (  # indicator, column of the parcels, whether the limit is a largest value, words
    ("far", "far_max", True, ("Floor area ratio", "容积率")),
    ("building_density", "density_max", True, ("Building density", "建筑密度")),
    ("green_ratio", "green_min", False, ("Green ratio", "绿地率")),
)
FILL = {"whole": "#57809d", "less": "#d3a06b", "more": "#a5695c", "result": "#2d5876"}


def areas_section(community: Community, results: Sequence[Any]) -> Html:
    """Return the ledgers, the steps from building area to counted area, the parcels, and the buildings by use."""
    parts: list[Html] = []
    for areas in (r for r in results if is_a(r, "FloorAreas") and len(r)):
        said = join(areas.method.name, " · ", both("FAR after ", "计容按 "), told(areas.method.local.name))
        parts += [element("p", said, class_="soft small"), _ledgers(areas), _waterfall(areas)]
    for site in (r for r in results if is_a(r, "SiteIndicators")):
        if len(community.parcels):
            parts += [element("h3", both("Parcels against the plan", "各地块与规划指标")), _parcels(community, site)]
    for areas in (r for r in results if is_a(r, "FloorAreas") and len(r.failed())):
        parts += [element("h3", both("Spaces that miss their exemption", "未能豁免计容的空间")), _failed(areas)]
    parts += [element("h3", both("Buildings by use", "建筑用途")), _buildings(community)]
    return section("areas", *parts)


def _ledgers(areas: FloorAreas) -> Html:
    """Return the sums of the three ledgers."""
    t = areas.totals()
    figures = (
        (t["building_area_m2"], "Building area", "建筑面积"),
        (t["far_area_m2"], "Counted for FAR", "计容面积"),
        (t["exempt_m2"], "Exempt public space", "不计容公共空间"),
        (t["public_space_m2"], "Public space in all", "公共空间合计"),
        (t["above_ground_m2"], "Above ground", "地上"),
        (t["below_ground_m2"], "Below ground", "地下"),
    )
    items = [element("li", element("b", f"{v:,.0f} m²"), both(english, chinese)) for v, english, chinese in figures]
    return element("ul", *items, class_="figures")


def far_steps(areas: FloorAreas) -> list[tuple[str, str, float, str]]:
    """Return the steps from building area to the area counted for FAR: English, Chinese, m², kind of step."""
    t = areas.totals()
    whole, result = t["building_area_m2"], t["far_area_m2"]
    rest = result - (whole - t["below_ground_m2"] - t["exempt_m2"] + t["multiplied_m2"])
    steps = [
        ("Building area", "建筑面积", whole, "whole"),
        ("Below ground", "地下不计容", -t["below_ground_m2"], "less"),
        ("Exempt public space", "公共空间不计容", -t["exempt_m2"], "less"),
        ("Storey height, caps", "层高与限额加计", t["multiplied_m2"], "more"),
        ("Other rules", "其他规则", rest, "more" if rest > 0 else "less"),
        ("Counted for FAR", "计容面积", result, "result"),
    ]
    return [s for s in steps if abs(s[2]) >= 0.5]


def _waterfall(areas: FloorAreas) -> Html:
    """Return how the area counted for FAR comes about from the building area, step by step."""
    steps = far_steps(areas)
    if not steps:
        return Html()
    lines, level, scale = [], 0.0, 520.0 / max(value for *_, value, _ in steps)
    for english, chinese, value, kind in steps:
        start = 0.0 if kind in ("whole", "result") else min(level, level + value)
        level = value if kind in ("whole", "result") else level + value
        x, width = f"{start * scale:.1f}", f"{max(abs(value) * scale, 1.0):.1f}"
        bar = element("rect", x=x, y=2, width=width, height=12, fill=FILL[kind])
        drawn = element("svg", bar, width=520, height=16, viewBox="0 0 520 16", aria_hidden="true")
        sign = "" if kind in ("whole", "result") else "+" if value > 0 else "−"
        lines.append(row([both(english, chinese), f"{sign}{abs(value):,.0f}", drawn], numbers=[1]))
    title = element("h3", both("From building area to the area counted for FAR", "从建筑面积到计容面积"))
    return join(title, table([both("Step", "步骤"), "m²", ""], lines, numbers=[1], sort=False))


def _parcels(community: Community, site: SiteIndicators) -> Html:
    """Return one line a parcel: land, ratios, and the limits of the plan."""
    parcels = community.parcels
    land = parcels.outline.areas()
    lines = []
    for p in range(len(parcels)):
        cells: list[Any] = [parcels.id[p], parcels.name[p], parcels.land_use[p], f"{land[p]:,.0f}"]
        for name, column, largest, _ in RATIOS:
            value, limit = site.value(name, p), float(getattr(parcels, column)[p])
            missed = value > limit + 1e-9 if largest else value < limit - 1e-9
            text = "" if np.isnan(value) else f"{value:.3f}"
            cells.append(element("b", text, class_="v-fail") if missed else text)
            cells.append("" if np.isnan(limit) else f"{'≤' if largest else '≥'} {limit:g}")
        lines.append(row(cells, numbers=range(3, 10), data_id=parcels.id[p]))
    heads = [both("Parcel", "地块"), words("name"), both("Land use", "用地性质"), join(words("land"), " [m²]")]
    for *_, title in RATIOS:
        heads += [both(*title), both("plan", "规划")]
    return table(heads, lines, numbers=range(3, 10))


def _failed(areas: FloorAreas) -> Html:
    """Return the spaces that a local rule would free, had they passed its tests, and why they did not."""
    frame = areas.failures()
    lines = []
    for line in frame.head(MOST_ROWS).itertuples(index=False):
        source = told(f"{line.standard} {line.clause}")
        cells = [line.item, f"{line.area_m2:,.1f}", told(line.reason), source, mark_words(line.mark)]
        lines.append(row(cells, numbers=[1], data_id=line.item))
    heads = [
        words("object"),
        join(both("Area", "面积"), " [m²]"),
        both("Why", "原因"),
        words("clause"),
        words("source"),
    ]
    return table(heads, lines, numbers=[1], tall=len(lines) > 14)


def _buildings(community: Community) -> Html:
    """Return how many buildings of each use and state there are."""
    b = community.buildings
    lines = []
    for use in (BuildingUse(u) for u in np.unique(b.use)):
        counts = [int((b.status[b.use == use] == s).sum()) for s in Status]
        found = [f"{n:,}" if n else "" for n in counts]
        lines.append(row([both(*use.title), *found], numbers=[1, 2, 3]))
    heads = [words("use"), *[words(s.code) for s in Status]]
    return table(heads, lines, numbers=[1, 2, 3])
