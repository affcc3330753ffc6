"""The self-assessment (自评报告) of a Future Community as one HTML page (``templates/self.html``)."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from cimkit.io.atomic import write_text
from cimkit.view.judged import pretty
from cimkit.view.page import page, render, template
from cimkit.view.texts import chinese

if TYPE_CHECKING:
    from cimkit.rules.future import Assessment

_UNKNOWN = re.compile(r"\? \((.+?)\)(?=; |$)")  # what is missing
_KINDS = {"G": ("computed", "计算"), "E": ("evidence", "佐证"), "G+E": ("both", "计算与佐证")}
_COLOURS = {"met": "pass", "not met": "fail", "not applicable": "not_applicable"}


def self_assessment(assessment: Assessment, *, path: str | PathLike[str], lang: str = "zh-en", title: str = "") -> Path:
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
        measured = pretty(line.measured), pretty(in_chinese)
        indicators.append((line, _KINDS[line.kind], _COLOURS.get(line.state, "unknown"), measured))
    body = render("self.html", a=assessment, title=title, counted=counted, indicators=indicators)
    write_text(path, page(body, title, lang, style=template("report.css"), script=template("report.js")))
    return Path(path)
