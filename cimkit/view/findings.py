"""What was judged: clause by clause, one by one, and what is left open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cimkit.view.colours import VERDICTS
from cimkit.view.html import Html, both, element, join
from cimkit.view.judged import ORDER, Clause, by_clause, counts, measured, origin, required
from cimkit.view.parts import mark_words, row, section, stacked, table
from cimkit.view.reasons import told
from cimkit.view.texts import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.rules.findings import Finding
    from cimkit.rules.rule import Rule

MOST_ROWS = 2_000  # on screen
PRINTED = 3  # of each rule that is not met
BAND = ("pass", "fail", "unknown", "not_applicable")


def verdict_band(rows: Sequence[Finding]) -> Html:
    """Return how many clauses are met, the band, and the clauses that are not met."""
    if not rows:
        return Html()
    clauses = by_clause(rows)
    found = {v: sum(c.verdict == v for c in clauses) for v in BAND}
    shares = [found[v] / len(clauses) for v in BAND]
    bar = stacked(shares, [VERDICTS[v] for v in BAND], width=1100, height=14, class_="band", preserveAspectRatio="none")
    items = [element("li", element("b", f"{found[v]:,}"), words(v), class_=v) for v in BAND]
    scope = both(f"{len(clauses)} clauses, {len(rows):,} findings", f"共 {len(clauses)} 条，{len(rows):,} 项结论")
    failed = [_failed(c) for c in clauses if c.verdict == "fail"]
    lead = [element("h3", both("Not met", "不符合的条目")), element("ul", *failed, class_="lead")] if failed else []
    return join(bar, element("ul", *items, element("li", element("b", " "), scope), class_="counts"), *lead)


def _failed(clause: Clause) -> Html:
    """Return a clause that is not met: how often, and the worst of it."""
    worst, n, of = clause.worst_first()[0], clause.counts["fail"], clause.judged
    often = both(f"{n:,} of {of:,}", f"{of:,} 项中 {n:,} 项") if of > 1 else ""
    first, limit = both("worst ", "最差 ") if of > 1 else "", f" ({required(worst)})" if worst.required_text else ""
    text = join(first, worst.object, ": ", element("b", measured(worst), class_="v-fail"), limit)
    need = element("span", often, " · " if of > 1 else "", text, class_="need")
    return element("li", element("span", titled(worst.rule)), need)


def findings_section(rows: Sequence[Finding]) -> Html:
    """Return clause by clause what was found, then each finding with a filter."""
    if not rows:
        return Html()
    each = element("h3", both("One by one", "逐项明细"))
    return section("findings", _by_clause(rows), each, _filter(rows), _details(rows))


def _by_clause(rows: Sequence[Finding]) -> Html:
    """Return one line a clause: text, limit, verdicts, how sure the limit is."""
    lines = []
    for clause in by_clause(rows):
        first, found = clause.rows[0], clause.counts
        text = titled(first.rule, "div")
        bar = stacked([found[v] / len(clause.rows) for v in ORDER], [VERDICTS[v] for v in ORDER], width=96)
        verdict = element("span", words(clause.verdict), class_=f"tag v-{clause.verdict}")
        numbers = [f"{found[v]:,}" if found[v] else "" for v in ("pass", "fail", "unknown")]
        cells = [verdict, text, clause.limit, *numbers, bar, mark_words(first.mark)]
        values = {0: ORDER.index(clause.verdict), 6: f"{found['fail'] / len(clause.rows):.4f}"}
        lines.append(row(cells, numbers=[2, 3, 4, 5], values=values))
    heads = [words(k) for k in ("verdict", "rule", "required", "pass", "fail", "unknown", "share", "source")]
    return table(heads, lines, numbers=[2, 3, 4, 5])


def _filter(rows: Sequence[Finding]) -> Html:
    """Return buttons and a search box for the table of findings."""
    found = counts(rows)
    chosen = [element("button", words("all"), type="button", data_verdict="", aria_pressed="true")]
    for verdict in ORDER:
        if found[verdict]:
            text = join(words(verdict), f" {found[verdict]:,}")
            chosen.append(element("button", text, type="button", data_verdict=verdict, aria_pressed="false"))
    box = Html('<input type="search" placeholder="搜索 Search" aria-label="Search">')
    return element("div", *chosen, box, class_="filter", data_filter="finding-rows")


def _details(rows: Sequence[Finding]) -> Html:
    """Return one line a finding, failures first; on paper the worst of each rule that is not met."""
    worst = {id(r) for c in by_clause(rows) for r in c.worst_first()[:PRINTED]}
    lines = []
    for r in rows[:MOST_ROWS]:
        verdict = element("span", words(r.verdict), class_=f"tag v-{r.verdict}")
        cells: list[Any] = [verdict, titled(r.rule), r.object, measured(r), required(r), told(r.note)]
        values = {0: ORDER.index(r.verdict), 3: measured(r).split(" ")[0].replace(",", "")}
        about: dict[str, Any] = {"data_verdict": r.verdict, "data_id": r.object or None, "data_go": "plan"}
        about["class_"] = "worst" if id(r) in worst else None
        if r.x == r.x:
            about["data_spot"] = f"{r.x:.1f} {r.y:.1f}"
        lines.append(row(cells, numbers=[3, 4], values=values, **about))
    heads = [words(k) for k in ("verdict", "rule", "object", "measured", "required", "note")]
    whole = table(heads, lines, name="finding-rows", numbers=[3, 4], tall=True)
    paper = both(
        f"Printed are the {PRINTED} worst findings of each rule that is not met: {len(worst):,} of {len(rows):,}. "
        "All of them stand in this page on screen and in the table of findings (findings.csv, .xlsx).",
        f"打印仅列出每个不符合条目中最差的 {PRINTED} 项：{len(rows):,} 项中的 {len(worst):,} 项。"
        "全部结论见本页屏幕显示与结论表文件（findings.csv、.xlsx）。",
    )
    said = element("p", paper, class_="soft small paper")
    left = len(rows) - MOST_ROWS
    more = both(f"{left:,} more stand in the table of findings.", f"另有 {left:,} 条，见结论表文件。")
    return join(whole, said, element("p", more, class_="soft small screen") if left > 0 else "")


def titled(rule: Rule, tag: str = "span") -> Html:
    """Return a rule in words with its standard and clause."""
    return join(both(rule.text, rule.title("zh")), " ", element(tag, told(origin(rule)), class_="soft small"))


def unknown_section(rows: Sequence[Finding], not_judged: Sequence[Any] = ()) -> Html:
    """Return what is missing, with all that waits for it, and rules no limit is known for."""
    groups: dict[str, list[Finding]] = {}
    for r in rows:
        if r.verdict == "unknown":
            groups.setdefault(_missing(r.note), []).append(r)
    lines = []
    for missing, own in sorted(groups.items(), key=lambda g: -len(by_clause(g[1]))):
        text = [element("div", titled(c.rows[0].rule)) for c in by_clause(own)]
        objects = list(dict.fromkeys(r.object for r in own if r.object))
        names = ", ".join(objects[:6]) + " …" * (len(objects) > 6)
        lines.append(row([told(missing), join(*text), f"{len(own):,}", names], numbers=[2]))
    heads = [both("Missing", "缺少"), words("rule"), words("count"), words("object")]
    parts = [table(heads, lines, numbers=[2], tall=len(lines) > 30)] if lines else []
    if len(not_judged):
        open_ = both("no limit is known", "限值未知，待填写")
        others = [row([titled(r), told(r.why) if r.why else open_]) for r in not_judged]
        title = both(f"Rules that were not judged: {len(others)}", f"未评估的条目：{len(others)} 条")
        heads = [words("rule"), both("Why", "原因")]
        parts += [element("h3", title), table(heads, others, tall=len(others) > 14)]
    return section("unknown_list", *parts)


def _missing(note: str) -> str:
    """Return what a note says is missing, without what it says of the limit and of how many it concerns."""
    parts = note.removeprefix("missing: ").split("; ")
    return "; ".join(p for p in parts if not p.startswith(("limit UNVERIFIED", "concerns all")))
