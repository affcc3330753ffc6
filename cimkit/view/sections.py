"""The head of the report, its figures, notes and methods."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.model.kinds import ProjectType, Status
from cimkit.model.notes import CODES, SEVERITIES, Notes
from cimkit.rules.place import city_zh, find_city
from cimkit.view.findings import verdict_band
from cimkit.view.html import Html, both, element, join
from cimkit.view.parts import mark_words, pairs, row, section, table
from cimkit.view.reasons import told
from cimkit.view.texts import MARKS, MEANINGS, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cimkit.model.community import Community
    from cimkit.rules.findings import Finding

MOST_ROWS = 2_000  # on screen
PRINTED = 6  # notes of a code


def header(community: Community, title: str, rules_of: str = "") -> Html:
    """Return the name of the project and what it is, and the city by whose rules it is judged if that is another."""
    kind = community.project_type
    facts = [both(community.city.title(), city_zh(community.city))] if community.city else []
    if rules_of and rules_of != find_city(community.city):
        facts.append(both(f"judged by the rules of {rules_of.title()}", f"按{city_zh(rules_of)}规定评估"))
    if kind != ProjectType.UNKNOWN:
        facts.append(both(*kind.title))
    facts += [join(part) for part in (community.unit, community.frame.crs) if part]
    if community.location is not None:
        facts.append(join(f"{community.location.latitude:.4f}° N, {community.location.longitude:.4f}° E"))
    return element(
        "header",
        element("div", words("report"), class_="kicker"),
        element("h1", title or community.name or "cimkit"),
        element("div", *[element("span", f) for f in facts], class_="facts"),
    )


def summary(community: Community, rows: Sequence[Finding]) -> Html:
    """Return the verdict band, the clauses that are not met, and the figures of the place."""
    return section("summary", verdict_band(rows), _figures(community))


def _figures(community: Community) -> Html:
    """Return the size of the place in a few numbers."""
    standing = int((community.buildings.status != Status.DEMOLISH).sum())
    counted = {"buildings": standing, "dwellings": len(community.dwellings)}
    counted |= {"residents": round(float(np.nansum(community.population.persons))), "windows": len(community.windows)}
    counted |= {"facilities": len(community.facilities)}
    figures = [(f"{value:,}", key) for key, value in counted.items() if value]
    if len(community.parcels):
        figures.append((f"{community.parcels.outline.areas().sum() / 1e4:,.2f} ha", "land"))
    return element("ul", *[element("li", element("b", v), words(key)) for v, key in figures], class_="figures")


def notes_section(notes: Notes) -> Html:
    """Return what was read, mended and guessed."""
    if not len(notes):
        return section("data", element("p", words("nothing"), class_="soft"))
    lines, seen = [], Counter[str]()
    for note in sorted(notes, key=lambda n: SEVERITIES.index(n.severity))[:MOST_ROWS]:
        _, english, chinese = CODES[note.code]
        place = " ".join(p for p in (note.table, note.object) if p)
        said = join(both(english, chinese), element("div", told(note.text), class_="soft"))
        state = element("span", words(note.severity), class_=f"tag sev-{note.severity}")
        seen[note.code] += 1
        first = seen[note.code] <= PRINTED
        cells = [state, note.code, said, place, note.value, told(note.fix), note.count]
        lines.append(row(cells, numbers=[6], class_="worst" if first else None))
    heads = [words(k) for k in ("severity", "code", "what", "place", "measured", "fix", "count")]
    return section("data", table(heads, lines, name="note-rows", numbers=[6]), *_printed(seen))


def _printed(seen: Counter[str]) -> list[Html]:
    """Return what paper leaves out of the notes."""
    total, left = seen.total(), sum(min(n, PRINTED) for n in seen.values())
    english = f"Printed are the first {PRINTED} notes of each code, {left:,} of {total:,}; this page on screen has all."
    chinese = f"打印仅列出每类说明的前 {PRINTED} 条，{total:,} 条中的 {left:,} 条；全部见本页屏幕显示。"
    return [element("p", both(english, chinese), class_="soft small paper")] if left < total else []


def methods_section(items: Iterable[tuple[Any, Any]], rows: Sequence[Finding]) -> Html:
    """Return methods, versions, the hash of the input, and what the marks mean."""
    parts = [pairs(items)]
    used = [m for m in MARKS if any(r.mark == m for r in rows)]
    if used:
        parts.append(element("h3", both("How sure the limits are", "限值的可信度")))
        parts.append(pairs((mark_words(m), both(*MEANINGS[m])) for m in used))
    sources = sorted({r.rule.source for r in rows if r.rule.source})
    if sources:
        parts.append(element("h3", both("Sources", "来源")))
        parts.append(element("ul", *[element("li", told(s)) for s in sources], class_="small"))
    return section("methods", *parts)
