"""The page of standards, printed from packs and area methods: clause, number, mark, implemented or why not."""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from importlib.resources import files
from math import isfinite
from typing import TYPE_CHECKING, Any

from cimkit.rules.findings import limits_in_words
from cimkit.rules.indicators import INDICATORS
from cimkit.rules.load import load_pack, pack_names
from cimkit.rules.rule import LEVELS, MARKS, in_words
from cimkit.sim.area_rules import CODES, AreaRule, Exemption, HeightStep, LocalRules, UnitCaps

if TYPE_CHECKING:
    from cimkit.rules.rule import Pack, Requirement, Rule

_HEAD = """# Standards and rules

Printed from the packs (`cimkit/rules/packs/*.toml`) and the area methods (`cimkit/sim/area_rules.toml`,
`area_local.toml`, `spacing.toml`) by `make docs`; do not edit. Texts are our own words.
**Marks** say how sure a number is: {marks}.
Limits marked M are printed as unverified wherever they are used; `--verified-only` leaves them out.

Of several rules for one indicator one is effective: that of the project before the city's, the province's,
the nation's. In short:

| packs | rules | judged | measured, limit left to the project | of the method | preferences | open, with reason |
|---:|---:|---:|---:|---:|---:|---:|
| {packs} | {rules} | {judged} | {measured} | {method} | {advice} | {open} |

{doubtful} rules rest on numbers that nobody has verified. *Open* are those that need evidence, a document we have not
seen, or data no model holds; evidence is attached to them in a project file (see [rules.md](rules.md)).
"""


def standards() -> str:
    """Return the page.

    Examples
    --------
    >>> standards().splitlines()[0]
    '# Standards and rules'
    """
    packs = sorted((load_pack(n) for n in pack_names()), key=lambda p: (LEVELS.index(p.level), p.name))
    rules = [r for p in packs for r in p]
    states = Counter(r.state for r in rules)
    marks = ", ".join(f"{m} {en}" for m, (en, _) in MARKS.items())
    doubtful = sum(not r.verified for r in rules)
    lines = [_HEAD.format(marks=marks, packs=len(packs), rules=len(rules), doubtful=doubtful, **states)]
    lines += [line for p in packs for line in _pack(p)]
    lines += ["## Indicators", "", "What rules may measure, how, and where the way of computing comes from.", ""]
    lines += [
        "| indicator | 中文 | unit | meaning | formula | source | needs, options |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        _row(f"`{i.name}`", i.zh, i.unit, i.meaning, i.formula, i.source, ", ".join(i.parameters))
        for i in INDICATORS.values()
    ]
    lines.append("")
    lines += ["## Area methods", "", "How building area and area counted for FAR are computed, article by article.", ""]
    for name, articles in (("GB/T 50353-2013", CODES["GBT50353_2013"]), ("GB 55031-2022", CODES["GB55031_2022"])):
        lines += [f"### {name}, articles on area", *_table(map(_article, articles))]
    lines += ["### Articles without a rule of their own", "", "| clause | what | how | state |", "|---|---|---|---|"]
    lines += [*(_row(*r) for r in ELSEWHERE), ""]
    for local in (v for k, v in vars(LocalRules).items() if k.isupper() and isinstance(v, LocalRules)):
        lines += [f"### {local.name}: what counts for FAR", *_table(_local(local))]
    return "\n".join([*lines, *_spacing()]).rstrip() + "\n"


def _spacing() -> Iterator[str]:
    """Give the spacing rules of the cities."""
    yield from (
        "## Spacing of buildings",
        "",
        "Metres, and metres for each metre of height; `cimkit.building_spacing`, mark P.",
        "",
    )
    yield from ("| rule | numbers |", "|---|---|")
    text = files("cimkit.sim").joinpath("spacing.toml").read_text(encoding="utf-8")
    for given in list(tomllib.loads(text).values())[1:]:  # after the usual
        yield _row(given["name"], "; ".join(f"{k.replace('_', ' ')} {v}" for k, v in given.items() if k != "name"))


def _pack(pack: Pack) -> Iterator[str]:
    """Give the lines of one pack."""
    yield f"## {pack.name}"
    yield ""
    builds = f" Builds on {', '.join(pack.extends)}." if pack.extends else ""
    chosen = f" Chooses {in_words(pack.with_)}." if pack.with_ else ""
    yield f"{pack.title} ({pack.title_zh}); {f'{pack.level} {pack.place}'.strip()}.{builds}{chosen}"
    yield ""
    if pack.rules:
        usual = Counter(r.source for r in pack).most_common(1)[0][0]
        yield f"Source where no other is named: {usual}."
        yield ""
        yield "| clause | rule | limit | mark | judged by, or why not | source |"
        yield "|---|---|---|---|---|---|"
        yield from (
            _row(_clause(r), f"{r.text} {r.text_zh}", _limit(r), _marks(r), _state(r), r.source * (r.source != usual))
            for r in pack
        )
        yield ""


def _row(*cells: str) -> str:
    """Return a line of a table."""
    return "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"


def _clause(rule: Rule) -> str:
    """Return standard and clause, with the group the rule stands under."""
    must = ", mandatory" if rule.mandatory else ""
    return " ".join(t for t in (rule.standard, rule.group, rule.clause) if t) + must


def _limit(rule: Rule) -> str:
    """Return the limits of a rule, each under its condition."""
    return "; ".join(t for t in (_one_limit(rule, q) for q in rule.requirements) if t) or "–"


def _one_limit(rule: Rule, q: Requirement) -> str:
    """Return one limit under its condition."""
    if q.limit_from:
        return f"{rule.comparator} {q.limit_from}"
    limit = limits_in_words(rule, q.low, q.high)
    span = f" (stated as {q.usual[0]:g}–{q.usual[1]:g})" if len(q.usual) == 2 and rule.comparator != "within" else ""
    condition = in_words(dict(q.when) | dict(q.with_))
    return f"{limit}{span}{' where ' + condition if condition else ''}" if limit else ""


def _marks(rule: Rule) -> str:
    """Return the marks of a rule, M in bold."""
    found = {rule.mark, *(q.mark for q in rule.requirements)}
    return "".join("**M**" if m == "M" else m for m in MARKS if m in found)


def _state(rule: Rule) -> str:
    """Return what judges a rule, or why nothing does."""
    if rule.judged:
        return f"`{rule.indicator}`"
    return f"{rule.state}: {rule.why}" + (f" (`{rule.indicator}`)" if rule.indicator else "")


def _table(rows: Any) -> Iterator[str]:
    """Give the lines of a table of articles."""
    yield from ("", "| clause | what | counts | where | mark |", "|---|---|---|---|---|")
    yield from (_row(*r) for r in rows)
    yield ""


ELSEWHERE = (  # articles of GB/T 50353-2013 without a rule of their own: clause, what, how it is treated, state
    ("3.0.2", "partial upper floors", "a storey with a smaller plate, by 3.0.1", "yes"),
    (
        "3.0.10",
        "stack rooms, stores, automated garages",
        "each structural layer as a storey; racks are left out",
        "yes",
    ),
    ("3.0.11, 3.0.12, 3.0.15", "stage control room, show window, airlock", "a room or storey, by 3.0.1", "yes"),
    ("3.0.18", "floors with inclined envelope", "as attic with clear height at the eaves; else by 3.0.1", "in part"),
    ("3.0.23, 3.0.24", "curtain wall, external insulation", "outlines must be drawn to their outer face", "by drawing"),
    ("3.0.25", "expansion joints", "outlines run over them", "by drawing"),
    ("3.0.27", "racks, tanks, decoration, chimneys", "must not be drawn as spaces", "by drawing"),
    ("GB 55031 3.1.2, 3.1.3", "above and below ground apart", "in the sums, split at level 1", "yes"),
)


def _article(rule: AreaRule) -> tuple[str, ...]:
    """Return an article of an area code."""
    return rule.clause, rule.reason, f"{rule.factor:g}", _tests(rule.when), rule.mark


def _tests(tests: Any) -> str:
    """Return conditions of an area rule as text."""
    return ", ".join(f"{t.what.replace('_', ' ')} {t.sign} {t.value:g}" for t in tests)


def _local(local: LocalRules) -> Iterator[tuple[str, ...]]:
    """Give what a place says beyond the national codes."""
    sunk = ", more than half its height below the ground" if local.basement_half_sunk else ""
    top = f"top slab at most {local.basement_top:g} m above the ground{sunk}"
    yield local.basement_clause, "basement", "0", top, local.basement_mark
    for item in (*getattr(local, "rules", ()), *local.exemptions, *local.heights):
        if isinstance(item, AreaRule):
            yield _article(item)
        elif isinstance(item, Exemption):
            cap = f", at most {100 * item.cap_share:g} % of the {item.cap_of}" if isfinite(item.cap_share) else ""
            yield item.clause, item.name, f"0{cap}", _tests(item.tests), "".join(sorted({item.mark, item.limits}))
        elif isinstance(item, HeightStep):
            uses = ", ".join(u.code for u in item.uses)
            times = f"× heights of {item.per:g} m begun" if item.per else f"× {item.times:g}"
            upto = f" to {item.upto:g} m" if isfinite(item.upto) else " m and more"
            yield item.clause, f"high storeys: {uses}", times, f"above {item.above:g}{upto}", item.mark
    if local.caps:
        yield from _caps(local.caps)


def _caps(caps: UnitCaps) -> Iterator[tuple[str, ...]]:
    """Give the caps of each dwelling."""
    for f in fields(caps):
        value = getattr(caps, f.name)
        if f.name not in ("clause", "mark"):
            text = " / ".join(f"{v:g}" for v in (value if isinstance(value, tuple) else (value,)))
            yield caps.clause, f"cap of each dwelling: {f.name.replace('_', ' ')}", text, "", caps.mark


if __name__ == "__main__":
    sys.stdout.write(standards())
