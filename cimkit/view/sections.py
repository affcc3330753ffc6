"""The sections of the report, each from the community, the findings and the results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray
from cimkit.model.community import Community
from cimkit.model.kinds import BuildingUse, FacilityKind, ProjectType, Status
from cimkit.model.notes import CODES, SEVERITIES, Notes
from cimkit.sim.access import WalkTimes
from cimkit.sim.sunlight import Sunlight
from cimkit.view.colours import SUNLIGHT, VERDICTS, WALK
from cimkit.view.html import Html, both, element, join
from cimkit.view.judged import ORDER, Judged, counts, number
from cimkit.view.layers import best_of_dwellings
from cimkit.view.tables import MOST_ROWS, pairs, row, spread, stacked, table
from cimkit.view.texts import MARKS, TEXTS, words


def section(name: str, *content: Any) -> Html:
    """Return a section with its heading, or nothing if it has no content."""
    return element("section", element("h2", words(name)), *content, id=name) if any(content) else Html()


def header(community: Community, title: str) -> Html:
    """Return the name of the project and what it is."""
    kind = community.project_type
    facts = [both(community.city.title(), _city(community.city))] if community.city else []
    if kind != ProjectType.UNKNOWN:
        facts.append(both(kind.code.replace("_", " "), kind.zh))
    facts += [join(part) for part in (community.unit, community.frame.crs) if part]
    if community.location is not None:
        facts.append(join(f"{community.location.latitude:.4f}° N, {community.location.longitude:.4f}° E"))
    return element(
        "header",
        element("div", words("report"), class_="kicker"),
        element("h1", title or community.name or "cimkit"),
        element("div", *[element("span", f) for f in facts], class_="facts"),
    )


def _city(name: str) -> str:
    """Return the Chinese name of a city that packs know, else the name."""
    known = {
        "hangzhou": "杭州",
        "ningbo": "宁波",
        "wenzhou": "温州",
        "jiaxing": "嘉兴",
        "taizhou": "台州",
        "huzhou": "湖州",
    }
    return known.get(name, name)


def summary(community: Community, rows: Sequence[Judged]) -> Html:
    """Return the verdict band, the failures that weigh most, and the figures of the place."""
    parts: list[Html] = []
    if rows:
        found = counts(rows)
        total = max(sum(found.values()), 1)
        shares = [found[v] / total for v in ("pass", "fail", "unknown", "not_applicable")]
        bar = stacked(
            shares, [VERDICTS[v] for v in ("pass", "fail", "unknown", "not_applicable")], width=1100, height=14
        )
        parts.append(
            Html(str(bar).replace("<svg ", '<svg class="band" viewBox="0 0 1100 14" preserveAspectRatio="none" ', 1))
        )
        items = [
            element("li", element("b", f"{found[v]:,}"), words(v), class_=v)
            for v in ("pass", "fail", "unknown", "not_applicable")
        ]
        parts.append(element("ul", *items, class_="counts"))
    parts.append(_figures(community))
    return section("summary", *parts)


def _figures(community: Community) -> Html:
    """Return the size of the place in a few numbers."""
    b = community.buildings
    figures = [
        (f"{int((b.status != Status.DEMOLISH).sum()):,}", "buildings"),
        (f"{len(community.dwellings):,}", "dwellings"),
        (f"{np.nansum(community.population.persons):,.0f}", "residents"),
        (f"{len(community.windows):,}", "windows"),
        (f"{len(community.facilities):,}", "facilities"),
        (f"{community.parcels.outline.areas().sum() / 1e4:,.2f} ha", "land"),
    ]
    shown = [
        element("li", element("b", value), words(key)) for value, key in figures if not value.startswith(("0 ", "0.00"))
    ]
    return element("ul", *shown, class_="figures")


def notes_section(notes: Notes) -> Html:
    """Return what was read, mended and guessed."""
    if not len(notes):
        return section("data", element("p", words("nothing"), class_="soft"))
    lines = []
    for note in sorted(notes, key=lambda n: SEVERITIES.index(n.severity))[:MOST_ROWS]:
        _, english, chinese = CODES[note.code]
        place = " ".join(p for p in (note.table, note.object) if p)
        said = join(both(english, chinese), element("div", note.text, class_="soft"))
        state = element("span", words(note.severity), class_=f"tag sev-{note.severity}")
        lines.append(row([state, note.code, said, place, note.value, note.fix, note.count], numbers=[6]))
    heads = [words(k) for k in ("severity", "code", "what", "place", "measured", "fix", "count")]
    return section("data", table(heads, lines, numbers=[6]))


def findings_section(rows: Sequence[Judged]) -> Html:
    """Return clause by clause what was found, then each finding with a filter."""
    if not rows:
        return Html()
    return section(
        "findings", _by_rule(rows), element("h3", both("One by one", "逐项明细")), _filter(rows), _details(rows)
    )


def _by_rule(rows: Sequence[Judged]) -> Html:
    """Return one line a rule: text, clause, limit, verdicts, how sure."""
    groups: dict[str, list[Judged]] = {}
    for r in rows:
        groups.setdefault(r.rule, []).append(r)
    lines = []
    for name, own in sorted(groups.items(), key=lambda kv: min(ORDER.index(r.verdict) for r in kv[1])):
        first, found = own[0], counts(own)
        clause = " ".join(p for p in (first.standard, first.clause) if p)
        text = join(both(first.english, first.chinese), element("div", clause or name, class_="soft small"))
        bar = stacked([found[v] / len(own) for v in ORDER], [VERDICTS[v] for v in ORDER], width=96)
        limits = {(r.required, r.unit) for r in own if r.required}
        limit = " ".join(limits.pop()) if len(limits) == 1 else "…" if limits else ""
        lines.append(
            row(
                [text, limit, found["pass"], found["fail"], found["unknown"], bar, _mark(first.mark)],
                numbers=[1, 2, 3, 4],
            )
        )
    heads = [words(k) for k in ("rule", "required", "pass", "fail", "unknown", "share", "source")]
    return table(heads, lines, numbers=[1, 2, 3, 4])


def _mark(mark: str) -> Html:
    """Return how sure a number is, in words."""
    return element("span", both(*MARKS.get(mark, (mark, mark))), class_=f"mark-{mark}" if mark in MARKS else None)


def _filter(rows: Sequence[Judged]) -> Html:
    """Return buttons and a search box for the table of findings."""
    found = counts(rows)
    chosen = [element("button", words("all"), type="button", data_verdict="", aria_pressed="true")]
    for verdict in ORDER:
        if found[verdict]:
            text = join(words(verdict), f" {found[verdict]:,}")
            chosen.append(element("button", text, type="button", data_verdict=verdict, aria_pressed="false"))
    box = Html('<input type="search" placeholder="搜索 Search" aria-label="Search">')
    return element("div", *chosen, box, class_="filter", data_filter="finding-rows")


def _details(rows: Sequence[Judged]) -> Html:
    """Return one line a finding."""
    lines = []
    for r in rows[:MOST_ROWS]:
        clause = " ".join(p for p in (r.standard, r.clause) if p)
        rule = join(both(r.english, r.chinese), element("div", clause or r.rule, class_="soft small"))
        verdict = element("span", words(r.verdict), class_=f"tag v-{r.verdict}")
        cells = [verdict, rule, r.object, r.measured, r.required, r.unit, _mark(r.mark), r.note]
        values = {0: ORDER.index(r.verdict), 3: r.measured.replace(",", "")}
        lines.append(
            row(cells, numbers=[3, 4], values=values, data_verdict=r.verdict, data_id=r.object or None, data_go="plan")
        )
    heads = [words(k) for k in ("verdict", "rule", "object", "measured", "required", "unit", "source", "note")]
    parts = [table(heads, lines, name="finding-rows", numbers=[3, 4])]
    if len(rows) > MOST_ROWS:
        left = len(rows) - MOST_ROWS
        text = both(
            f"{left:,} more stand in the table of findings (CSV, JSON).", f"另有 {left:,} 条见结论表（CSV、JSON）。"
        )
        parts.append(element("p", text, class_="soft small"))
    return join(*parts)


def unknown_section(rows: Sequence[Judged]) -> Html:
    """Return what could not be judged, grouped by what is missing."""
    groups: dict[tuple[str, str, str], list[Judged]] = {}
    for r in rows:
        if r.verdict == "unknown":
            groups.setdefault((r.english, r.chinese, r.note), []).append(r)
    lines = [
        row([both(english, chinese), note, len(own), ", ".join(r.object for r in own[:6] if r.object)], numbers=[2])
        for (english, chinese, note), own in groups.items()
    ]
    if not lines:
        return Html()
    heads = [words("rule"), both("Missing", "缺少"), words("count"), words("object")]
    return section("unknown_list", table(heads, lines, numbers=[2]))


def sunlight_section(community: Community, results: Iterable[Any]) -> Html:
    """Return hours of sun building by building, for each day."""
    parts = []
    for light in results:
        if isinstance(light, Sunlight) and len(light):
            parts += [element("h3", _day(light)), _sunlight_table(community, light)]
    return section("sunlight", *parts)


def _day(light: Sunlight) -> Html:
    """Return the day and method of a result."""
    return join(light.sun_day.name, " · ", light.method.name)


def _sunlight_table(community: Community, light: Sunlight) -> Html:
    """Return one line a building: windows, hours, dwellings whose best habitable room falls short."""
    limit = SUNLIGHT.threshold
    b, best = community.buildings, best_of_dwellings(community, light)
    of_building = light.receptors.building
    lines = []
    for k in np.unique(of_building[of_building >= 0]):
        hours = light.hours[of_building == k]
        home = best[1][best[0] == k]
        short = int((home < limit - 1e-6).sum())
        cells = [
            b.id[k],
            b.name[k],
            both(Status(b.status[k]).code, Status(b.status[k]).zh),
            len(hours),
            f"{hours.min():.2f}",
            f"{np.median(hours):.2f}",
            spread(hours, SUNLIGHT),
            len(home) or "",
            element("b", short, class_="v-fail") if short else (0 if len(home) else ""),
        ]
        lines.append(row(cells, numbers=[3, 4, 5, 7, 8], values={6: f"{np.mean(hours):.3f}"}, data_id=b.id[k]))
    heads = [words(k) for k in ("building", "name", "status")]
    heads += [both("Points", "计算点"), join(words("least"), " [h]"), join(words("median"), " [h]"), words("spread")]
    heads += [both("Dwellings", "住宅套数"), both(f"Best room < {limit:g} h", f"最佳居室 < {limit:g} h")]
    return table(heads, lines, numbers=[3, 4, 5, 7, 8])


def walking_section(results: Iterable[Any]) -> Html:
    """Return the walk to the nearest service of each kind."""
    parts = []
    for walk in results:
        if isinstance(walk, WalkTimes) and len(walk):
            straight = both(", straight lines", "，直线距离") if walk.straight else ""
            parts += [element("h3", join(walk.method.name, straight)), _walk_table(walk)]
    return section("walking", *parts)


def _walk_table(walk: WalkTimes) -> Html:
    """Return one line a kind: median and longest walk, share of homes within 5, 10, 15 minutes and 300, 500, 1000 m."""
    lines = []
    for k, kind in enumerate(walk.kinds):
        minutes, metres = walk.walk_min[:, k], walk.distance[:, k]
        near = [float((minutes <= m).mean()) for m in (5, 10, 15)] + [
            float((metres <= m).mean()) for m in (300, 500, 1000)
        ]
        service = both(kind.code.replace("_", " "), kind.zh)
        cells = [
            service,
            f"{np.median(metres):.0f}",
            _metres(metres),
            f"{np.median(minutes):.1f}",
            spread(minutes, WALK),
        ]
        cells += [f"{100 * share:.0f} %" for share in near]
        values = {4: f"{-np.mean(np.minimum(minutes, 60)):.3f}"} | {5 + i: f"{s:.4f}" for i, s in enumerate(near)}
        lines.append(row(cells, numbers=[1, 2, 3, 5, 6, 7, 8, 9, 10], values=values))
    heads = [
        words("service"),
        join(words("middle"), " [m]"),
        join(words("farthest"), " [m]"),
        join(words("middle"), " [min]"),
    ]
    heads += [words("spread_min"), *[f"≤ {m} min" for m in (5, 10, 15)], *[f"≤ {m} m" for m in (300, 500, 1000)]]
    return table(heads, lines, numbers=[1, 2, 3, 5, 6, 7, 8, 9, 10])


def _metres(metres: FloatArray) -> str:
    """Return the farthest reached walk; ∞ where a home reaches none."""
    return number(round(float(metres.max())) if np.isfinite(metres).all() else float("inf"))


def frame_table(frame: Any) -> Html:
    """Return a DataFrame as a table, units from the names of its columns."""
    numeric = [k for k, dtype in enumerate(frame.dtypes) if dtype.kind in "if"]
    lines = []
    for values in frame.head(MOST_ROWS).itertuples(index=False):
        cells = [number(v) if k in numeric else v for k, v in enumerate(values)]
        lines.append(row(cells, numbers=numeric, values={k: values[k] for k in numeric}))
    return table([heading(str(c)) for c in frame.columns], lines, numbers=numeric)


def heading(column: str) -> Html:
    """Return the name of a column with its unit in brackets, in both languages where the words are known."""
    units = {"m2": "m²", "m": "m", "h": "h", "min": "min", "deg": "°", "h2": "h"}
    stem, _, last = column.rpartition("_")
    unit = f" [{units[last]}]" if stem and last in units else ""
    name = stem if unit else column
    english, chinese = TEXTS.get(name, (name.replace("_", " "), COLUMNS.get(name, name.replace("_", " "))))
    return join(both(english, chinese), unit)


COLUMNS = {
    "parcel": "地块",
    "building": "建筑",
    "storey": "楼层",
    "floor_area": "建筑面积",
    "counted": "计容面积",
    "counted_area": "计容面积",
    "exempt": "不计容面积",
    "exempt_area": "不计容面积",
    "public": "公共空间",
    "public_area": "公共空间面积",
    "far": "容积率",
    "floor_area_ratio": "容积率",
    "building_density": "建筑密度",
    "green_ratio": "绿地率",
    "parcel_area": "用地面积",
    "area": "面积",
    "use": "用途",
    "kind": "类型",
    "reason": "原因",
    "rule": "规则",
    "clause": "条款",
    "ledger": "账",
    "footprint_area": "基底面积",
    "green_area": "绿地面积",
}


def status_counts(community: Community) -> Html:
    """Return how many buildings of each use and state there are."""
    b = community.buildings
    lines = []
    for use in (BuildingUse(u) for u in np.unique(b.use)):
        own = b.status[b.use == use]
        numbers = [int((own == s).sum()) for s in Status]
        lines.append(row([both(use.code.replace("_", " "), use.zh), *[n or "" for n in numbers]], numbers=[1, 2, 3]))
    heads = [words("use"), *[words(s.code) for s in Status]]
    return table(heads, lines, numbers=[1, 2, 3])


def methods_section(items: Iterable[tuple[Any, Any]], rows: Sequence[Judged]) -> Html:
    """Return methods, versions, the hash of the input, and what the marks mean."""
    used = sorted({r.mark for r in rows if r.mark in MARKS})
    marks = pairs([(both(*MARKS[m]), _meaning(m)) for m in used])
    head = element("h3", both("How sure the limits are", "限值的可信度")) if used else ""
    sources = sorted({r.source for r in rows if r.source})
    listed = element("ul", *[element("li", s) for s in sources], class_="small") if sources else ""
    where = element("h3", both("Sources", "来源")) if sources else ""
    return section("methods", pairs(items), head, marks if used else "", where, listed)


def _meaning(mark: str) -> Html:
    """Return what a verification mark means for the reader."""
    meanings = {
        "P": ("The text of the standard was read.", "已阅读标准或法规原文。"),
        "S": ("Another source quotes the number; check it before you rely on it.", "数值引自其他资料，使用前请核对。"),
        "M": (
            "Nobody has checked this number against the text. Do not rely on it.",
            "数值尚未与原文核对，不可作为依据。",
        ),
        "C": ("Computed, not stated by a standard.", "由计算得出，非标准直接规定。"),
        "U": ("Entered by the user of this report.", "由报告使用者填写。"),
    }
    return both(*meanings[mark])


def service_names(walk: WalkTimes) -> list[tuple[str, Html]]:
    """Return code and name of each kind of service of a result."""
    return [(k.code, both(k.code.replace("_", " "), FacilityKind(k).zh)) for k in walk.kinds]
