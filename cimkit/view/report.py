"""One offline HTML page: what was read and guessed, plans, findings, tables, methods (``templates/report.html``)."""

from __future__ import annotations

import datetime
import os
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from cimkit.arrays import one_of
from cimkit.errors import MissingDataError
from cimkit.io.atomic import write_text
from cimkit.model.community import Community
from cimkit.model.fingerprint import fingerprint
from cimkit.model.kinds import Status
from cimkit.model.notes import CODES, SEVERITIES, Note, Notes
from cimkit.rules.findings import Finding
from cimkit.rules.place import city_zh, find_city
from cimkit.sim.access import WalkTimes
from cimkit.view import judged, svg, tables
from cimkit.view.colours import WALK
from cimkit.view.layers import is_a, layer_of, walk_layer
from cimkit.view.page import page, render, scene_element, template, viewer_files
from cimkit.view.scene import scene_bytes
from cimkit.view.texts import LANGUAGES, MARKS, TEXTS

MOST_ROWS = 2_000  # findings and notes on screen
SHOWN = ("Sunlight", "WalkTimes", "FloorAreas")
PRINTED_WORST, PRINTED_NOTES = 3, 6  # on paper, of each rule that is not met and of each code


def report(
    community: Community,
    findings: Iterable[Any] | None = None,
    *,
    path: str | PathLike[str],
    results: Sequence[Any] = (),
    lang: str = "zh-en",
    title: str = "",
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
    rows = judged.judged(findings)
    title = title or community.name or "cimkit"
    about = {"c": community, "title": title, "rules_of": getattr(getattr(findings, "place", None), "city", "")}
    about |= {"city_zh": city_zh, "find_city": find_city, "judged": judged, "tables": tables, "is_a": is_a}
    shown = [r for r in results if is_a(r, "SiteIndicators") or (is_a(r, *SHOWN) and len(r))]
    about |= {"results": shown, "of": lambda kind: [r for r in shown if is_a(r, kind)]}
    about |= {"size": _size(community), "notes": _notes(community, findings, results), "printed_notes": PRINTED_NOTES}
    about |= _model(community, rows, results) | _plans(community, rows, results) | _findings(rows)
    about |= {"not_judged": getattr(findings, "not_judged", ()), "packs": getattr(findings, "packs", ())}
    about |= _methods(community, rows)
    how: dict[str, Any] = {"style": template("report.css"), "script": template("report.js")}
    write_text(path, page(render("report.html", **about), title, lang, viewer=bool(about["scene"]), **how))
    return Path(path)


def _size(community: Community) -> list[tuple[str, str]]:
    """Return the size of the place in a few numbers, nothing for those that are none."""
    numbers = {
        "buildings": int((community.buildings.status != Status.DEMOLISH).sum()),
        "dwellings": len(community.dwellings),
        "residents": round(float(np.nansum(community.population.persons))),
        "windows": len(community.windows),
        "facilities": len(community.facilities),
    }
    land = f"{community.parcels.outline.areas().sum() / 1e4:,.2f} ha" if len(community.parcels) else ""
    return [*((key, f"{value:,}" if value else "") for key, value in numbers.items()), ("land", land)]


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
    legend, states = svg.site_legend(community)
    site = svg.plan(community, sheet, marks=judged.marks(rows))
    figures: list[dict[str, Any]] = [{"plan": site, "title": TEXTS["plan"], "legend": legend, "states": states}]
    for result in results:
        walk = _walk(community, sheet, result) if is_a(result, "WalkTimes") and len(result) else {}
        drawn = walk or (is_a(result, "Sunlight") and len(result))
        layer = layer_of(community, result, column=walk.get("first", "")) if drawn else None
        if layer is not None:
            figure = {"plan": svg.plan(community, sheet, layer), "title": layer.title, "legend": layer.legend()}
            figures.append(figure | walk)
    return {"site": svg.base(community, sheet), "sheet": sheet, "figures": figures}


def _walk(community: Community, sheet: svg.Sheet, walk: WalkTimes) -> dict[str, Any]:
    """Return what lets one choose the service on the plan of a walk; the worst served is shown first."""
    minutes = {k.code: walk_layer(community, walk, k).buildings for k in walk.kinds}
    f, spots = community.facilities, []
    for kind in walk.kinds:
        here = f.kind == int(kind)
        at = sheet.at(np.column_stack([f.x[here], f.y[here]]))
        spots.append((kind, list(zip(f.name[here], at, strict=True))))
    return {
        "title": ("Longest walk from each building to the nearest ", "各栋至最近设施的最长步行时间："),
        "first": max(minutes, key=lambda code: float(np.nanmean(np.minimum(minutes[code], 60.0)))),
        "spots": spots,
        "data": {
            "edges": [_tenths(m) for m in WALK.edges[1:-1]],
            "colours": WALK.colours,
            "minutes": {code: [_tenths(m) for m in found] for code, found in minutes.items()},
        },
    }


def _tenths(minutes: float) -> float | None:
    """Return minutes to a tenth, none for nan and a large number for infinity."""
    return None if np.isnan(minutes) else round(min(float(minutes), 9999.0), 1)


def _findings(rows: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings by clause, one by one, and by what is missing."""
    clauses = judged.by_clause(rows)
    worst = {id(r) for c in clauses for r in c.worst_first[:PRINTED_WORST]}
    found = {"rows": rows, "clauses": clauses, "missing": judged.by_missing(rows), "worst": worst, "id": id}
    return found | {"most_findings": MOST_ROWS, "printed_worst": PRINTED_WORST}


def _notes(community: Community, findings: Any, results: Sequence[Any]) -> list[tuple[Note, tuple[str, str], bool]]:
    """Return the notes of the community, the check and the results, each once, with its title, and if paper has it."""
    notes, seen = community.notes, Counter[str]()
    for part in (findings, *results, *(getattr(r, "receptors", None) for r in results)):
        own = getattr(part, "notes", None)
        notes = notes + own if isinstance(own, Notes) else notes
    lines = []
    for note in sorted(notes, key=lambda n: SEVERITIES.index(n.severity))[:MOST_ROWS]:
        seen[note.code] += 1
        lines.append((note, CODES[note.code][1:], seen[note.code] <= PRINTED_NOTES))
    return lines


def _methods(community: Community, rows: Sequence[Finding]) -> dict[str, Any]:
    """Return versions, the hash of the input, marks and sources; without a date the same input gives the same bytes."""
    made = os.environ.get("SOURCE_DATE_EPOCH")
    used = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "shapely"))
    return {
        "versions": f"cimkit {version('cimkit')}, Python {platform.python_version()}, {used}",
        "fingerprint": fingerprint(community),
        "made": made and f"{datetime.datetime.fromtimestamp(int(made), datetime.UTC):%Y-%m-%d %H:%M} UTC",
        "marks": [m for m in MARKS if any(r.mark == m for r in rows)],
        "sources": sorted({r.rule.source for r in rows if r.rule.source}),
    }
