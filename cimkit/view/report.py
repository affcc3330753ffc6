"""One offline HTML page: what was read and guessed, plans, findings, tables, methods."""

from __future__ import annotations

import datetime
import hashlib
import platform
from base64 import b64encode
from collections.abc import Iterable, Sequence
from importlib import resources
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from cimkit.arrays import one_of
from cimkit.io.atomic import write_text
from cimkit.model.community import Community
from cimkit.model.notes import Notes
from cimkit.sim.access import WalkTimes
from cimkit.sim.sunlight import Sunlight
from cimkit.view import sections, svg
from cimkit.view.areas import areas_section
from cimkit.view.html import Html, both, element, join
from cimkit.view.judged import Judged, judged
from cimkit.view.layers import layer_of
from cimkit.view.texts import LANGUAGES, words

MOST_MARKS = 400


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
    """
    one_of(lang, LANGUAGES, name="lang")
    rows = judged(findings)
    body = join(
        sections.header(community, title),
        _nav(rows, results),
        sections.summary(community, rows),
        _plans(community, rows, results),
        sections.findings_section(rows),
        sections.unknown_section(rows),
        sections.sunlight_section(community, results),
        sections.walking_section(results),
        areas_section(community, results),
        sections.notes_section(_notes(community, findings, results)),
        sections.methods_section(_methods(community, results), rows),
        element("footer", both("Made offline with cimkit. Colours are drawings; the numbers stand in the tables.",
                               "由 cimkit 离线生成。颜色仅供示意，数值以表格为准。")),
    )  # fmt: skip
    target = Path(path)
    write_text(target, page(body, title or community.name or "cimkit", lang))
    return target


def page(body: Html, title: str, lang: str) -> str:
    """Return the whole page; its policy lets only its own script and style run and nothing load."""
    folder = resources.files("cimkit.view") / "templates"
    style = (folder / "report.css").read_text(encoding="utf-8")
    script = (folder / "report.js").read_text(encoding="utf-8")
    policy = f"default-src 'none'; script-src {_sha256(script)}; style-src {_sha256(style)}; img-src data:; base-uri 'none'; form-action 'none'"
    shown = "en" if lang == "en" else "zh"
    head = element(
        "head",
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        Html(f"<style>{style}</style>"),
    )
    tail = Html(f"<script>{script}</script>")
    whole = element(
        "html", head, element("body", element("main", body, class_="sheet"), tail), lang=shown, data_lang=shown
    )
    return f"<!DOCTYPE html>\n{whole}\n"


def _sha256(text: str) -> str:
    """Return the source expression that lets exactly this text run."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _nav(rows: Sequence[Judged], results: Sequence[Any]) -> Html:
    """Return the way through the page and the switch of the language."""
    there = {
        "findings": bool(rows),
        "sunlight": any(isinstance(r, Sunlight) for r in results),
        "walking": any(isinstance(r, WalkTimes) for r in results),
    }
    names = ("summary", "plans", "findings", "sunlight", "walking", "areas", "data", "methods")
    links = [element("a", words(n), href=f"#{n}") for n in names if there.get(n, True)]
    tools = element(
        "span",
        element("button", "中文", type="button", data_say="zh"),
        element("button", "English", type="button", data_say="en"),
        element("button", words("print"), type="button", data_print=""),
        class_="tools",
    )
    return element("nav", *links, tools)


def _plans(community: Community, rows: Sequence[Judged], results: Sequence[Any]) -> Html:
    """Return the plans: findings on the site, sunlight, walking."""
    sheet = svg.sheet_of(community)
    wide = sheet.width > 1.7 * sheet.height
    figures = [_figure(svg.plan(community, sheet, marks=_marks(rows)), words("plan"), svg.use_legend(community))]
    for result in results:
        if isinstance(result, Sunlight) and len(result):
            layer = layer_of(community, result)
            if layer is not None:
                figures.append(
                    _figure(svg.plan(community, sheet, layer), both(layer.english, layer.chinese), svg.legend(layer))
                )
        elif isinstance(result, WalkTimes) and len(result):
            figures.append(_walk_figure(community, sheet, result))
    inner = element("div", *figures, class_="plans" if len(figures) > 1 and not wide else "")
    return sections.section("plans", svg.base(community, sheet), inner)


def _figure(drawing: Html, title: Html, key: Html) -> Html:
    """Return a plan with its title and legend."""
    return element("figure", drawing, element("figcaption", element("b", title), key))


def _walk_figure(community: Community, sheet: svg.Sheet, walk: WalkTimes) -> Html:
    """Return one plan a kind of service, of which a choice shows one."""
    kinds = sections.service_names(walk)
    share = [walk.share_within(5, code) for code, _ in kinds]
    first = int(np.argmin(share))
    choice = element(
        "select",
        *[Html(f'<option value="{code}"{" selected" if k == first else ""}>{walk.kinds[k].zh} {code.replace("_", " ")}</option>')
          for k, (code, _) in enumerate(kinds)],
        data_choose="walk", aria_label="Service",
    )  # fmt: skip
    members = []
    for k, (code, _) in enumerate(kinds):
        layer = layer_of(community, walk, column=code)
        if layer is None:
            continue
        f = community.facilities
        here = f.kind == int(walk.kinds[k])
        spots = svg.places(sheet, np.column_stack([f.x[here], f.y[here]]), f.name[here])
        drawing = element("div", svg.plan(community, sheet, layer, over=spots), data_group="walk", data_member=code)
        members.append(drawing if k == first else Html(str(drawing).replace("<div ", "<div hidden ", 1)))
    layer = layer_of(community, walk, column=kinds[first][0])
    title = both("Longest walk from each building to the nearest", "各栋至最近设施的最长步行时间")
    key = svg.legend(layer) if layer is not None else ""
    return element("figure", *members, element("figcaption", element("b", title), " ", choice, key))


def _marks(rows: Sequence[Judged]) -> list[tuple[float, float, str, str, str]]:
    """Return the findings that have a place and are not passed."""
    bad = [r for r in rows if r.placed and r.verdict in ("fail", "unknown")]
    return [
        (r.x, r.y, r.verdict, r.object, f"{r.object} · {r.chinese} {r.english}: {r.measured} ({r.required}) {r.unit}")
        for r in bad[:MOST_MARKS]
    ]


def _notes(community: Community, findings: Any, results: Sequence[Any]) -> Notes:
    """Return the notes of the community, the check and the results, each once."""
    notes = community.notes
    for part in (findings, *results):
        own = getattr(part, "notes", None)
        notes = notes + own if isinstance(own, Notes) else notes
        receptors = getattr(getattr(part, "receptors", None), "notes", None)
        notes = notes + receptors if isinstance(receptors, Notes) else notes
    return notes


def _methods(community: Community, results: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Return how each result was computed, with which versions and from which input."""
    items: list[tuple[Any, Any]] = []
    for r in results:
        name = getattr(getattr(r, "method", None), "name", "")
        if isinstance(r, Sunlight):
            mark = sections._mark(r.method.mark)
            items.append((words("sunlight"), join(name, " · ", r.sun_day.name, " · ", mark)))
        elif isinstance(r, WalkTimes):
            items.append((words("walking"), join(name, f" · {r.method.speed_ms:g} m/s")))
        elif name:
            items.append((words("areas"), name))
    made = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    used = ", ".join(f"{n} {version(n)}" for n in ("numpy", "numba", "shapely"))
    items.append((both("Versions", "软件版本"), f"cimkit {_own_version()}, Python {platform.python_version()}, {used}"))
    items.append((both("Hash of the input", "输入数据校验值"), fingerprint(community)))
    items.append((both("Made", "生成时间"), made))
    return items


def _own_version() -> str:
    """Return the version of this package."""
    from cimkit import __version__

    return __version__


def fingerprint(community: Community) -> str:
    """Return a hash of everything in the tables of a community: equal input, equal hash."""
    digest = hashlib.blake2b(digest_size=16)
    for title, table in community.tables.items():
        digest.update(title.encode())
        for col in table.columns():
            value = getattr(table, col.name)
            for array in getattr(value, "__dict__", {"": value}).values():
                raw = np.asarray(array)
                digest.update(
                    "\0".join(map(str, raw)).encode() if raw.dtype == object else np.ascontiguousarray(raw).tobytes()
                )
    return digest.hexdigest()
