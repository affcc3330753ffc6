"""The plans of the report: findings on the site, sunlight, walks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.view import svg
from cimkit.view.colours import WALK
from cimkit.view.html import Html, both, element, join
from cimkit.view.judged import measured, required
from cimkit.view.layers import is_a, layer_of, walk_layer
from cimkit.view.parts import section
from cimkit.view.texts import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cimkit.model.community import Community
    from cimkit.rules.findings import Finding
    from cimkit.sim.access import WalkTimes

MOST_MARKS = 600


def plans_section(community: Community, rows: Sequence[Finding], results: Sequence[Any]) -> Html:
    """Return the plans one can point at: findings on the site, then each result."""
    sheet = svg.sheet_of(community)
    marks = _marks(rows)
    key = join(svg.site_legend(community), svg.mark_legend() if marks else "")
    figures = [_figure(svg.plan(community, sheet, marks=marks), words("plan"), key, wide=True)]
    for result in results:
        if is_a(result, "Sunlight") and len(result):
            layer = layer_of(community, result)
            if layer is not None:
                drawing = svg.plan(community, sheet, layer)
                figures.append(_figure(drawing, both(*layer.title), svg.legend(layer.legend())))
        elif is_a(result, "WalkTimes") and len(result):
            figures.append(_walk_figure(community, sheet, result))
    return section("plans", svg.base(community, sheet), element("div", *figures, class_="plans"))


def _figure(drawing: Html, title: Html, key: Html, *, wide: bool = False) -> Html:
    """Return a plan with its title and legend."""
    caption = element("figcaption", element("b", title), key)
    return element("figure", drawing, caption, class_="wide" if wide else None)


def _walk_figure(community: Community, sheet: svg.Sheet, walk: WalkTimes) -> Html:
    """Return one plan whose buildings take the colours of the chosen service; the worst served is shown first."""
    codes = [k.code for k in walk.kinds]
    minutes = {code: walk_layer(community, walk, code).buildings for code in codes}
    first = max(codes, key=lambda c: float(np.nanmean(np.minimum(minutes[c], 60.0))))
    layer = walk_layer(community, walk, first)
    f = community.facilities
    spots = []
    for kind in walk.kinds:
        here = f.kind == int(kind)
        group = svg.places(sheet, np.column_stack([f.x[here], f.y[here]]), f.name[here])
        spots.append(element("g", group, data_service=kind.code, hidden=None if kind.code == first else ""))
    chosen = [
        element("option", f"{k.zh} {k.code.replace('_', ' ')}", value=k.code, selected="" if k.code == first else None)
        for k in walk.kinds
    ]
    choice = element("select", *chosen, data_walk="", aria_label="Service")
    title = both("Longest walk from each building to the nearest ", "各栋至最近设施的最长步行时间：")
    drawing = svg.plan(community, sheet, layer, over=join(*spots))
    listed = {c: _tenths(m) for c, m in minutes.items()}
    data = {"edges": _tenths(WALK.edges[1:-1]), "colours": WALK.colours, "minutes": listed}
    caption = element("figcaption", element("b", title), choice, svg.legend(layer.legend()))
    return element("figure", drawing, caption, data_block(data), data_walk_plan="")


def _tenths(minutes: Iterable[float]) -> list[float | None]:
    """Return minutes to a tenth, none for nan and a large number for infinity."""
    return [None if np.isnan(m) else round(min(float(m), 9999.0), 1) for m in minutes]


def data_block(data: Any) -> Html:
    """Return data for the page's script; ``<`` is written so that no text can end the block."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Html(f'<script type="application/json">{text.replace("<", chr(92) + "u003c")}</script>')


def _marks(rows: Sequence[Finding]) -> list[svg.Mark]:
    """Return one mark a place where something is not met or open; the worst verdict is shown."""
    places: dict[tuple[float, float], list[Finding]] = {}
    for r in rows:
        if r.x == r.x and r.verdict in ("fail", "unknown"):
            places.setdefault((round(r.x, 1), round(r.y, 1)), []).append(r)
    marks = []
    for (x, y), own in list(places.items())[:MOST_MARKS]:
        lines = [f"{r.object}: {r.rule.title('zh')} {measured(r)} ({required(r)})" for r in own[:6]]
        more = [f"… +{len(own) - 6}"] if len(own) > 6 else []
        marks.append(svg.Mark(x, y, own[0].verdict, own[0].object, "\n".join(lines + more), len(own)))
    return marks
