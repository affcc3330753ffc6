"""One offline HTML page: what was read and guessed, plans, findings, tables, methods."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cimkit.arrays import one_of
from cimkit.errors import MissingDataError
from cimkit.io.atomic import write_text
from cimkit.model.fingerprint import fingerprint
from cimkit.model.notes import Notes
from cimkit.view.areas import areas_section
from cimkit.view.figures import plans_section
from cimkit.view.findings import findings_section, unknown_section
from cimkit.view.html import Html, both, element, join
from cimkit.view.judged import judged
from cimkit.view.layers import is_a
from cimkit.view.page import page, scene_element, template, viewer_files
from cimkit.view.parts import mark_words, page_tools, section
from cimkit.view.reasons import told
from cimkit.view.results import sunlight_section, walking_section
from cimkit.view.scene import scene_bytes
from cimkit.view.sections import header, methods_section, notes_section, summary
from cimkit.view.texts import LANGUAGES, TEXTS, day_words, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from os import PathLike

    from cimkit.model.community import Community
    from cimkit.rules.findings import Finding

_LINKED = ("summary", "model", "plans", "findings", "unknown_list", "sunlight", "walking", "areas", "data", "methods")


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
    rows = judged(findings)
    content = [
        summary(community, rows),
        model_section(community, rows, results),
        plans_section(community, rows, results),
        findings_section(rows),
        unknown_section(rows, getattr(findings, "not_judged", ())),
        sunlight_section(community, results),
        walking_section(results),
        areas_section(community, results),
        notes_section(_notes(community, findings, results)),
        methods_section(_methods(community, findings, results), rows),
    ]
    there = [name for name in _LINKED if any(f' id="{name}"' in part for part in content)]
    made = both("Made offline with cimkit. Colours are drawings; the numbers stand in the tables.",
                "由 cimkit 离线生成。颜色仅为示意，以表中数值为准。")  # fmt: skip
    rules_of = getattr(getattr(findings, "place", None), "city", "")
    body = join(header(community, title, rules_of), _nav(there), *content, element("footer", made))
    target = Path(path)
    main = element("main", body, class_="sheet")
    style, script = template("report.css"), template("report.js")
    whole = page(
        main,
        title or community.name or "cimkit",
        lang,
        style=style,
        script=script,
        viewer=any("cim-view" in c for c in content),
    )
    write_text(target, whole)
    return target


def model_section(community: Community, rows: Sequence[Finding], results: Sequence[Any]) -> Html:
    """Return the 3D model with results and findings, or what to do to get it."""
    said = both(
        "Drag to turn, wheel to come closer, click an object for its values and findings. Shadows are drawn; "
        "hours and verdicts come from the simulation.",
        "拖动旋转，滚轮缩放，点击对象查看数值与结论。阴影为示意；时数与结论来自模拟计算。",
    )
    try:
        viewer_files()
    except MissingDataError as error:
        return section("model", element("p", str(error), class_="soft small"))
    return section(
        "model", scene_element(scene_bytes(community, results, rows)), element("p", said, class_="soft small")
    )


def _nav(names: Sequence[str]) -> Html:
    """Return the way through the page and the switch of the language."""
    short = {
        "areas": ("Areas", "面积"),
        "data": ("Data", "数据"),
        "methods": ("Methods", "方法"),
        "walking": ("Walking", "步行"),
    }
    short |= {"unknown_list": ("Left open", "待定")}
    links = [element("a", both(*short.get(n, TEXTS[n])), href=f"#{n}") for n in names]
    return element("nav", *links, page_tools())


def _notes(community: Community, findings: Any, results: Sequence[Any]) -> Notes:
    """Return the notes of the community, the check and the results, each once."""
    notes = community.notes
    for part in (findings, *results, *(getattr(r, "receptors", None) for r in results)):
        own = getattr(part, "notes", None)
        if isinstance(own, Notes):
            notes = notes + own
    return notes


def _methods(community: Community, findings: Any, results: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Return how each result was computed, with which versions and from which input."""
    items: list[tuple[Any, Any]] = []
    for r in results:
        name = getattr(getattr(r, "method", None), "name", "")
        if is_a(r, "Sunlight"):
            day = join(day_words(r.sun_day.name), f" {r.sun_day.band[0]:g}–{r.sun_day.band[1]:g} h")
            items.append((words("sunlight"), join(day, " · ", told(name), " · ", mark_words(r.method.mark))))
        elif is_a(r, "WalkTimes"):
            items.append((words("walking"), join(told(name), f" · {r.method.speed_ms:g} m/s")))
        elif is_a(r, "FloorAreas"):
            items.append((words("areas"), join(name, " · ", told(r.method.local.name))))
    used = ", ".join(f"{n} {version(n)}" for n in ("numpy", "numba", "shapely"))
    packs = getattr(findings, "packs", ())
    if packs:
        items.append((both("Packs of rules", "规则包"), ", ".join(packs)))
    items.append(
        (both("Versions", "软件版本"), f"cimkit {version('cimkit')}, Python {platform.python_version()}, {used}")
    )
    items.append((both("Hash of the input", "输入数据校验值"), fingerprint(community)))
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):  # without it no time: the same input gives the same bytes
        made = datetime.datetime.fromtimestamp(int(epoch), datetime.UTC)
        items.append((both("Made", "生成时间"), f"{made:%Y-%m-%d %H:%M} UTC"))
    return items
