"""What was judged: clause by clause, one by one, and what is left open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cimkit.view.colours import VERDICTS
from cimkit.view.html import Html, both, element, join
from cimkit.view.judged import ORDER, Clause, Judged, by_clause, counts
from cimkit.view.parts import mark_words, row, section, stacked, table
from cimkit.view.texts import words

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_ROWS = 2_000  # on screen
PRINTED = 3  # of each rule that is not met
BAND = ("pass", "fail", "unknown", "not_applicable")


def verdict_band(rows: Sequence[Judged]) -> Html:
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
    limit = f" ({worst.required})" if worst.required else ""
    text = join(
        both("worst ", "最差 ") if of > 1 else "",
        worst.object,
        ": ",
        element("b", _measured(worst), class_="v-fail"),
        limit,
    )
    name = join(both(worst.english, worst.chinese), " ", element("span", worst.origin, class_="soft small"))
    need = element("span", often, " · " if of > 1 else "", text, class_="need")
    return element("li", element("span", name), need)


def findings_section(rows: Sequence[Judged]) -> Html:
    """Return clause by clause what was found, then each finding with a filter."""
    if not rows:
        return Html()
    each = element("h3", both("One by one", "逐项明细"))
    return section("findings", _by_clause(rows), each, _filter(rows), _details(rows))


def _by_clause(rows: Sequence[Judged]) -> Html:
    """Return one line a clause: text, limit, verdicts, how sure the limit is."""
    lines = []
    for clause in by_clause(rows):
        first, found = clause.rows[0], clause.counts
        text = join(both(first.english, first.chinese), element("div", first.origin or first.rule, class_="soft small"))
        bar = stacked([found[v] / len(clause.rows) for v in ORDER], [VERDICTS[v] for v in ORDER], width=96)
        verdict = element("span", words(clause.verdict), class_=f"tag v-{clause.verdict}")
        numbers = [f"{found[v]:,}" if found[v] else "" for v in ("pass", "fail", "unknown")]
        cells = [verdict, text, clause.limit, *numbers, bar, mark_words(first.mark)]
        values = {0: ORDER.index(clause.verdict), 6: f"{found['fail'] / len(clause.rows):.4f}"}
        lines.append(row(cells, numbers=[2, 3, 4, 5], values=values))
    heads = [words(k) for k in ("verdict", "rule", "required", "pass", "fail", "unknown", "share", "source")]
    return table(heads, lines, numbers=[2, 3, 4, 5])


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
    """Return one line a finding, failures first; on paper the worst of each rule that is not met."""
    worst = {id(r) for c in by_clause(rows) for r in c.worst_first()[:PRINTED]}
    lines = []
    for r in rows[:MOST_ROWS]:
        rule = join(both(r.english, r.chinese), " ", element("span", r.origin, class_="soft small"))
        verdict = element("span", words(r.verdict), class_=f"tag v-{r.verdict}")
        cells: list[Any] = [verdict, rule, r.object, _measured(r), r.required, r.note]
        values = {0: ORDER.index(r.verdict), 3: r.measured.replace(",", "")}
        about: dict[str, Any] = {"data_verdict": r.verdict, "data_id": r.object or None, "data_go": "plan"}
        about["class_"] = "worst" if id(r) in worst else None
        if r.placed:
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


def _measured(r: Judged) -> str:
    """Return what was measured, with its unit."""
    return f"{r.measured} {r.unit}".strip() if r.measured else ""


def unknown_section(rows: Sequence[Judged], not_judged: Sequence[Any] = ()) -> Html:
    """Return what could not be judged, grouped by what is missing, and rules no limit is known for."""
    groups: dict[tuple[str, str, str, str], list[Judged]] = {}
    for r in rows:
        if r.verdict == "unknown":
            groups.setdefault((r.english, r.chinese, r.origin, r.note), []).append(r)
    lines = []
    for (english, chinese, origin, note), own in groups.items():
        rule = join(both(english, chinese), element("div", origin, class_="soft small"))
        names = ", ".join(r.object for r in own[:6] if r.object) + (" …" if len(own) > 6 else "")
        lines.append(row([rule, note, f"{len(own):,}", names], numbers=[2]))
    heads = [words("rule"), both("Missing", "缺少"), words("count"), words("object")]
    parts = [table(heads, lines, numbers=[2], tall=len(lines) > 30)] if lines else []
    if len(not_judged):
        others = [_not_judged(rule) for rule in not_judged]
        title = both(f"Rules that were not judged: {len(others)}", f"未评估的条目：{len(others)} 条")
        heads = [words("rule"), both("Why", "原因")]
        parts += [element("h3", title), table(heads, others, tall=len(others) > 14)]
    return section("unknown_list", *parts)


def _not_judged(rule: Any) -> Html:
    """Return a rule that no indicator or limit is known for."""
    origin = f"{rule.standard} {rule.clause}".strip()
    text = join(both(rule.title("en"), rule.title("zh")), " ", element("span", origin, class_="soft small"))
    return row([text, rule.why or both("no limit is known", "限值未知，待填写")])
