"""Reports as one offline HTML page each: of a plan (``templates/report.html``), and the self-assessment (自评报告)."""

from __future__ import annotations

import datetime
import os
import platform
import re
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.arrays import one_of
from cimkit.errors import MissingDataError
from cimkit.io.atomic import File, write_text
from cimkit.model.community import Community, fingerprint
from cimkit.model.kinds import Status
from cimkit.model.notes import CODES, SEVERITIES, Note, Notes
from cimkit.rules.findings import Finding
from cimkit.rules.place import city_zh, find_city
from cimkit.sim.access import WalkTimes
from cimkit.view import svg, tables
from cimkit.view.layers import is_a, layer_of, walk_layer
from cimkit.view.lists import LANGUAGES, MARKS, TEXTS, WALK, chinese, use_legend
from cimkit.view.page import page, render, scene_element, template, viewer_files
from cimkit.view.scene import scene_bytes

if TYPE_CHECKING:
    from cimkit.rules.future import Assessment

SHOWN = ("Sunlight", "WalkTimes", "FloorAreas")
MOST_ROWS, PRINTED_WORST, PRINTED_NOTES = 2_000, 3, 6  # rows on screen; on paper, of a rule not met, of each code
_UNKNOWN = re.compile(r"\? \((.+?)\)(?=; |$)")  # what is missing


def report(
    community: Community, findings: Any = None, *, path: File, results: Any = (), lang: str = "zh-en", title: str = ""
) -> Path:
    """Write a report as one HTML file that needs no network.

    Parameters
    ----------
    community
        What was judged.
    findings
        ``Findings`` of ``check``; without them the page shows the results only.
    path
        File to write.
    results
        ``Sunlight``, ``WalkTimes``, ``FloorAreas``, ``SiteIndicators`` to show, in any order.
    lang
        ``zh-en`` and ``zh`` open in Chinese, ``en`` in English; a switch in the page changes it.
    title
        Heading; the community's name without it.

    Returns
    -------
    Path
        The file written, whole or not at all.

    Raises
    ------
    InputError
        If ``lang`` is unknown or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from cimkit.samples import slab_rows
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report(slab_rows(), path=Path(folder) / "block.html").name
    'block.html'
    """
    one_of(lang, LANGUAGES, name="lang")
    rows, title = tables.judged(findings), title or community.name or "cimkit"
    shown = [r for r in results if is_a(r, "SiteIndicators") or (is_a(r, *SHOWN) and len(r))]
    clauses = tables.by_clause(rows)
    worst = {id(r) for c in clauses for r in c.worst_first[:PRINTED_WORST]}
    about = {"c": community, "title": title, "rules_of": getattr(getattr(findings, "place", None), "city", "")}
    about |= {"city_zh": city_zh, "find_city": find_city, "tables": tables, "is_a": is_a, "id": id}
    about |= {"results": shown, "of": lambda kind: [r for r in shown if is_a(r, kind)], "size": _size(community)}
    about |= {"notes": _notes(community, findings, results), "printed_notes": PRINTED_NOTES}
    about |= {"rows": rows, "clauses": clauses, "missing": tables.by_missing(rows), "worst": worst}
    about |= {"most_findings": MOST_ROWS, "printed_worst": PRINTED_WORST}
    about |= {"not_judged": getattr(findings, "not_judged", ()), "packs": getattr(findings, "packs", ())}
    about |= _model(community, rows, results) | _plans(community, rows, shown) | _methods(community, rows)
    how: dict[str, Any] = {"style": template("report.css"), "script": template("report.js")}
    return write_text(path, page(render("report.html", **about), title, lang, viewer=bool(about["scene"]), **how))


def self_assessment(assessment: Assessment, *, path: File, lang: str = "zh-en", title: str = "") -> Path:
    """Write a self-assessment as one HTML file that needs no network.

    Parameters
    ----------
    assessment
        Of ``assess``.
    path
        File to write.
    lang
        Language it opens in: zh-en, zh or en.
    title
        Heading; the community's name without it.

    Returns
    -------
    Path
        The file written, whole or not at all.
    """
    title = title or assessment.findings.name or "cimkit"
    found = {state: count for state, count in assessment.counts().items() if count}
    zh = "，".join(f"{assessment.states[state]} {count}" for state, count in found.items())
    counted = ", ".join(f"{count} {state}" for state, count in found.items()), zh
    indicators = []
    for line in assessment.to_frame().itertuples(index=False):
        in_chinese = _UNKNOWN.sub(lambda m: f"? （{chinese(m[1])}）", line.measured_zh)
        indicators.append((line, (tables.pretty(line.measured), tables.pretty(in_chinese))))
    body = render("self.html", a=assessment, title=title, counted=counted, indicators=indicators)
    return write_text(path, page(body, title, lang, style=template("report.css"), script=template("report.js")))


def _size(c: Community) -> list[tuple[str, str]]:
    """Return the size of the place in a few numbers, nothing for those that are none."""
    people, standing = float(np.nansum(c.population.persons)), (c.buildings.status != Status.DEMOLISH).sum()
    counts = {"buildings": standing, "dwellings": len(c.dwellings), "residents": round(people)}
    counts |= {"windows": len(c.windows), "facilities": len(c.facilities)}
    land = f"{c.parcels.outline.areas().sum() / 1e4:,.2f} ha" if len(c.parcels) else ""
    return [*((key, f"{value:,}" if value else "") for key, value in counts.items()), ("land", land)]


def _model(community: Community, rows: Sequence[Finding], results: Sequence[Any]) -> dict[str, Any]:
    """Return the 3D model with results and findings, or what to do to get it."""
    try:
        viewer_files()
    except MissingDataError as error:
        return {"scene": "", "no_viewer": str(error)}
    return {"scene": scene_element(scene_bytes(community, results, rows))}


def _plans(community: Community, rows: Sequence[Finding], results: Sequence[Any]) -> dict[str, Any]:
    """Return the plans one can point at: findings on the site, then sunlight and walks."""
    sheet = svg.sheet_of(community)
    states = [s for s in (Status.PLANNED, Status.DEMOLISH) if (community.buildings.status == s).any()]
    site = {"plan": svg.plan(community, sheet, marks=tables.marks(rows)), "states": states}
    figures: list[dict[str, Any]] = [{"title": TEXTS["plan"], "legend": use_legend(community), **site}]
    for result in results:
        walk = _walk(community, sheet, result) if is_a(result, "WalkTimes") else {}
        column = walk.get("first", "")
        if is_a(result, "Sunlight", "WalkTimes") and (layer := layer_of(community, result, column=column)):
            figure = {"plan": svg.plan(community, sheet, layer), "title": layer.classes.title, "legend": layer.legend()}
            figures.append(figure | walk)
    return {"site": svg.base(community, sheet), "sheet": sheet, "figures": figures}


def _walk(community: Community, sheet: svg.Sheet, walk: WalkTimes) -> dict[str, Any]:
    """Return what lets one choose the service on the plan of a walk; the worst served is shown first."""
    minutes = {k.code: walk_layer(community, walk, k).buildings for k in walk.kinds}
    f, tenths = community.facilities, {code: tables.rounded(found, 1, far=9999.0) for code, found in minutes.items()}
    at = np.array(sheet.at(np.column_stack([f.x, f.y])), dtype=object)
    spots = [(k, list(zip(f.name[f.kind == k], at[f.kind == k], strict=True))) for k in walk.kinds]
    first = max(minutes, key=lambda code: float(np.nanmean(np.minimum(minutes[code], 60.0))))
    data = {"edges": tables.rounded(WALK.edges[1:-1], 1, far=9999.0), "colours": WALK.colours, "minutes": tenths}
    return {"title": TEXTS["walk_plan"], "first": first, "spots": spots, "data": data}


def _notes(community: Community, findings: Any, results: Sequence[Any]) -> list[tuple[Note, tuple[str, str], bool]]:
    """Return the notes of the community, the check and the results, each once, with its title, and if paper has it."""
    parts = (findings, *results, *(getattr(r, "receptors", None) for r in results))
    notes = sum((own for p in parts if isinstance(own := getattr(p, "notes", None), Notes)), community.notes)
    lines, seen = [], Counter[str]()
    for note in sorted(notes, key=lambda n: SEVERITIES.index(n.severity))[:MOST_ROWS]:
        seen[note.code] += 1
        lines.append((note, CODES[note.code][1:], seen[note.code] <= PRINTED_NOTES))
    return lines


def _methods(community: Community, rows: Sequence[Finding]) -> dict[str, Any]:
    """Return versions, the hash of the input, marks and sources; without a date the same input gives the same bytes."""
    used = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "shapely"))
    about = {"versions": f"cimkit {version('cimkit')}, Python {platform.python_version()}, {used}"}
    if made := os.environ.get("SOURCE_DATE_EPOCH", ""):
        made = f"{datetime.datetime.fromtimestamp(int(made), datetime.UTC):%Y-%m-%d %H:%M} UTC"
    marks = [m for m in MARKS if any(r.mark == m for r in rows)]
    sources = sorted({r.rule.source for r in rows if r.rule.source})
    return {**about, "fingerprint": fingerprint(community), "made": made, "marks": marks, "sources": sources}
