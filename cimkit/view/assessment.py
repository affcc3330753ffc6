"""The self-assessment (自评报告) of a Future Community as one HTML page."""

from __future__ import annotations

import re
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cimkit.io.atomic import write_text
from cimkit.view.html import Html, both, element, join
from cimkit.view.judged import pretty
from cimkit.view.page import page, template
from cimkit.view.parts import page_tools, row, table
from cimkit.view.reasons import chinese

if TYPE_CHECKING:
    from os import PathLike

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
    name = title or assessment.findings.name or "cimkit"
    head = element("header", element("div", both("Self-assessment", "自评报告"), class_="kicker"), element("h1", name))
    parts = [_dimensions(assessment), _scenes(assessment), _survey(assessment)]
    note = both(
        "Thresholds and weights are those of the project file; what it does not state stays open.",
        "限值与权重取自项目文件，未填写的保持待定。",
    )
    body = element("main", join(head, element("nav", page_tools()), *parts, element("footer", note)), class_="sheet")
    write_text(path, page(body, name, lang, style=template("report.css"), script=template("report.js")))
    return Path(path)


def _dimensions(a: Assessment) -> Html:
    """Return the four acceptance dimensions and the total."""
    open_ = both("open", "待定")

    def said(value: float, how: str = ".1f") -> Any:
        return open_ if isnan(value) else format(value, how)

    lines = [
        row([both(d.name, d.zh), said(d.score), said(d.weight, "g"), _by(d.by)], numbers=[1, 2]) for d in a.dimensions
    ]
    lines.append(row([element("b", both("total", "总分")), element("b", said(a.total)), "", ""], numbers=[1, 2]))
    heads = [both("Dimension", "维度"), both("Score", "得分"), both("Weight", "权重"), both("Stated by", "认定方")]
    return element("section", element("h2", both("Acceptance", "验收维度")), table(heads, lines, numbers=[1, 2]))


def _by(by: str) -> Any:
    """Return who states a score, in both languages where it is computed."""
    return both(by, "按指标达标比例计算") if by == "share of indicators met" else by


def _scenes(a: Assessment) -> Html:
    """Return the 33 indicators by scene."""
    counted = both(
        ", ".join(f"{n} {s}" for s, n in a.counts().items() if n),
        "，".join(f"{a.states[s]} {n}" for s, n in a.counts().items() if n),
    )
    lines = []
    for values in a.to_frame().itertuples(index=False):
        colour = _COLOURS.get(values.state, "unknown")
        tag = element("span", both(values.state, values.state_zh), class_=f"tag v-{colour}")
        scene, name = both(values.scene_en, values.scene), both(values.indicator_en, values.indicator)
        in_chinese = _UNKNOWN.sub(lambda m: f"? （{chinese(m[1])}）", values.measured_zh)
        measured = both(pretty(values.measured), pretty(in_chinese))
        lines.append(row([scene, name, both(*_KINDS[values.kind]), tag, measured, values.evidence], names=[0, 1, 4]))
    heads = [
        *(both("Scene", "场景"), both("Indicator", "指标"), both("Kind", "类别"), both("State", "状态")),
        *(both("Measured (least – middle – most)", "计算值（最小 – 中位 – 最大）"), both("Evidence", "佐证")),
    ]
    title = element("h2", both("Nine scenes, 33 indicators", "九场景三十三项指标"))
    return element("section", title, element("p", counted), table(heads, lines))


def _survey(a: Assessment) -> Html:
    """Return the satisfaction survey."""
    if a.survey is None:
        return Html()
    lines = []
    for q in a.survey.to_frame().itertuples(index=False):
        span = f"{q.score:.1f} ({q.low:.1f} – {q.high:.1f})" if q.answers and not isnan(q.score) else ""
        lines.append(row([both(q.text, q.text_zh or q.text), f"{q.answers:,}", span, q.note], numbers=[1, 2]))
    level = f"{100 * a.survey.questionnaire.confidence:g} %"
    heads = [
        *(both("Question", "问题"), both("Answers", "样本量")),
        *(both(f"Score ({level} interval)", f"得分（{level} 置信区间）"), both("Note", "说明")),
    ]
    return element("section", element("h2", both("Satisfaction", "满意度")), table(heads, lines, numbers=[1, 2]))
