"""Findings as pages read them: by clause, by place, by what is missing; numbers and limits as they are printed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from math import isinf, isnan, log2
from typing import Any, NamedTuple

from cimkit.rules.findings import Finding, Verdict
from cimkit.rules.rule import Rule
from cimkit.view.colours import VERDICTS

MOST_MARKS = 600
_NUMBER = re.compile(r"-?[\d.]+")
ORDER = tuple(v.value for v in Verdict)


class Clause(NamedTuple):
    """All findings of one rule."""

    rows: tuple[Finding, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many findings have each verdict."""
        return counts(self.rows)

    @property
    def judged(self) -> int:
        """How many findings passed or failed."""
        return self.counts["pass"] + self.counts["fail"]

    @property
    def verdict(self) -> str:
        """The worst verdict: one failure fails the clause."""
        return min((r.verdict for r in self.rows), key=ORDER.index)

    @property
    def worst_first(self) -> list[Finding]:
        """The failures, that farthest from the limit first."""
        return sorted((r for r in self.rows if r.verdict == "fail"), key=lambda r: r.margin)

    @property
    def limit(self) -> str:
        """The limit with its unit, or the least and the largest."""
        limits = sorted({required(r) for r in self.rows if r.required_text}, key=lambda t: float(_NUMBER.findall(t)[0]))
        return " … ".join(limits[:1] + limits[1:][-1:])


class Mark(NamedTuple):
    """Where something is not met: place, verdict, object, tooltip, how many findings."""

    x: float
    y: float
    verdict: str
    object: str
    text: str
    number: int = 1

    @property
    def radius(self) -> float:
        """Radius of its sign: many findings make it larger."""
        return min(3.6 + 0.9 * log2(self.number), 9.0)


def judged(findings: Iterable[Finding] | None) -> list[Finding]:
    """Return findings, failures first, then what is open, in the order of the check."""
    return sorted(findings or (), key=lambda r: ORDER.index(r.verdict))


def by_clause(rows: Sequence[Finding]) -> list[Clause]:
    """Return the findings by rule, failed clauses first."""
    groups: dict[str, list[Finding]] = {}
    for r in rows:
        groups.setdefault(r.rule.id, []).append(r)
    return sorted((Clause(tuple(own)) for own in groups.values()), key=lambda c: ORDER.index(c.verdict))


def by_missing(rows: Sequence[Finding]) -> list[tuple[str, list[Clause], list[Finding]]]:
    """Return what is missing, the clauses and findings that wait for it, what most clauses wait for first."""
    groups: dict[str, list[Finding]] = {}
    for r in rows:
        if r.verdict == "unknown":  # without what is said of the limit and of how many it concerns
            parts = r.note.removeprefix("missing: ").split("; ")
            told = "; ".join(p for p in parts if not p.startswith(("limit UNVERIFIED", "concerns all")))
            groups.setdefault(told, []).append(r)
    found = [(missing, by_clause(own), own) for missing, own in groups.items()]
    return sorted(found, key=lambda g: -len(g[1]))


def marks(rows: Sequence[Finding]) -> list[Mark]:
    """Return one mark a place where something is not met or open; the worst verdict is shown."""
    places: dict[tuple[float, float], list[Finding]] = {}
    for r in rows:
        if r.x == r.x and r.verdict in ("fail", "unknown"):
            places.setdefault((round(r.x, 1), round(r.y, 1)), []).append(r)
    found = []
    for (x, y), own in list(places.items())[:MOST_MARKS]:
        lines = [f"{r.object}: {r.rule.title('zh')} {measured(r)} ({required(r)})" for r in own[:6]]
        more = [f"… +{len(own) - 6}"] if len(own) > 6 else []
        found.append(Mark(x, y, own[0].verdict, own[0].object, "\n".join(lines + more), len(own)))
    return found


def counts(rows: Iterable[Any]) -> dict[str, int]:
    """Return how many findings or clauses have each verdict, all verdicts named."""
    found = Counter(str(r.verdict) for r in rows)
    return {v: found[v] for v in ORDER}


def shares(found: dict[str, int], order: Sequence[str]) -> list[tuple[float, str]]:
    """Return the share and the colour of each verdict."""
    return [(found[v] / sum(found.values()), VERDICTS[v]) for v in order]


def measured(f: Finding) -> str:
    """Return what was measured with its unit, empty if nothing was."""
    return f"{number(f.measured)} {pretty(f.unit)}".strip() if f.measured == f.measured else ""


def required(f: Finding) -> str:
    """Return what a rule requires as it is printed."""
    return pretty(f.required_text)


def origin(rule: Rule) -> str:
    """Return standard and clause of a rule, its id if it has none."""
    return f"{rule.standard} {rule.clause}".strip() or rule.id


def pretty(text: str) -> str:
    """Return limits and units as they are printed: ≥, ≤, m².

    Examples
    --------
    >>> pretty(">= 8 km/km2")
    '≥ 8 km/km²'
    """
    return text.replace(">=", "≥").replace("<=", "≤").replace("m2", "m²")


def number(value: float) -> str:
    """Return a number as people write it, nan as nothing.

    Examples
    --------
    >>> number(1.2345), number(12345.6), number(float("inf")), number(float("nan"))
    ('1.23', '12,346', '∞', '')
    """
    if isnan(value):
        return ""
    if isinf(value):
        return "∞" if value > 0 else "-∞"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
