"""Findings as the report reads them."""

from __future__ import annotations

import re
from collections import Counter
from math import isinf, isnan
from typing import TYPE_CHECKING, Any, NamedTuple

from cimkit.rules.findings import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cimkit.rules.findings import Finding
    from cimkit.rules.rule import Rule

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

    def worst_first(self) -> list[Finding]:
        """Return the failures, that farthest from the limit first."""
        return sorted((r for r in self.rows if r.verdict == "fail"), key=lambda r: r.margin)

    @property
    def limit(self) -> str:
        """The limit with its unit, or the least and the largest."""
        limits = sorted({required(r) for r in self.rows if r.required_text}, key=lambda t: float(_NUMBER.findall(t)[0]))
        return " … ".join(limits[:1] + limits[1:][-1:])


def judged(findings: Iterable[Finding] | None) -> list[Finding]:
    """Return findings, failures first, then what is open, in the order of the check."""
    return sorted(findings or (), key=lambda r: ORDER.index(r.verdict))


def by_clause(rows: Sequence[Finding]) -> list[Clause]:
    """Return the findings by rule, failed clauses first."""
    groups: dict[str, list[Finding]] = {}
    for r in rows:
        groups.setdefault(r.rule.id, []).append(r)
    return sorted((Clause(tuple(own)) for own in groups.values()), key=lambda c: ORDER.index(c.verdict))


def counts(rows: Iterable[Finding]) -> dict[str, int]:
    """Return how many findings have each verdict, all verdicts named."""
    found = Counter(r.verdict.value for r in rows)
    return {v: found[v] for v in ORDER}


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


def number(value: Any) -> str:
    """Return a number as people write it; text stays, nan and None are empty.

    Examples
    --------
    >>> number(1.2345), number(12345.6), number(float("inf")), number(None), number(">= 2")
    ('1.23', '12,346', '∞', '', '>= 2')
    """
    if value is None or isinstance(value, str):
        return value or ""
    value = float(value)
    if isnan(value):
        return ""
    if isinf(value):
        return "∞" if value > 0 else "-∞"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
