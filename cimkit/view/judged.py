"""Findings as the report reads them."""

from __future__ import annotations

from collections import Counter
from math import isinf, isnan
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cimkit.rules.findings import Finding

ORDER = ("fail", "unknown", "pass", "not_applicable")


class Judged(NamedTuple):
    """One finding: rule in words, clause, object, numbers, verdict, how sure the limit is, place."""

    rule: str
    english: str
    chinese: str
    origin: str
    object: str
    measured: str
    required: str
    unit: str
    verdict: str
    mark: str
    note: str
    source: str
    gap: float
    x: float
    y: float

    @property
    def placed(self) -> bool:
        """Whether the finding has a place on the plan."""
        return not (isnan(self.x) or isnan(self.y))


class Clause(NamedTuple):
    """All findings of one rule."""

    rows: tuple[Judged, ...]

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

    def worst_first(self) -> list[Judged]:
        """Return the failures, that farthest from the limit first."""
        return sorted((r for r in self.rows if r.verdict == "fail"), key=lambda r: -r.gap)

    @property
    def limit(self) -> str:
        """The limit with its unit, if all findings share one."""
        limits = {r.required for r in self.rows if r.required}
        return limits.pop() if len(limits) == 1 else "…" if limits else ""


def judged(findings: Iterable[Finding] | None) -> list[Judged]:
    """Return findings, failures first, then what is open, in the order of the check."""
    rows = [_row(f) for f in findings or ()]
    return sorted(rows, key=lambda r: ORDER.index(r.verdict))


def by_clause(rows: Sequence[Judged]) -> list[Clause]:
    """Return the findings by rule, failed clauses first."""
    groups: dict[str, list[Judged]] = {}
    for r in rows:
        groups.setdefault(r.rule, []).append(r)
    return sorted((Clause(tuple(own)) for own in groups.values()), key=lambda c: ORDER.index(c.verdict))


def counts(rows: Iterable[Judged]) -> dict[str, int]:
    """Return how many findings have each verdict, all verdicts named."""
    found = Counter(r.verdict for r in rows)
    return {v: found[v] for v in ORDER}


def _row(f: Finding) -> Judged:
    """Return a finding of ``check`` as the report reads it."""
    return Judged(
        rule=f.rule.id,
        english=f.rule.title("en"),
        chinese=f.rule.title("zh"),
        origin=f"{f.standard} {f.clause}".strip(),
        object=f.object,
        measured=number(f.measured),
        required=pretty(f.required_text),
        unit=pretty(f.unit),
        verdict=f.verdict.value,
        mark=f.mark,
        note=f.note,
        source=f.rule.source,
        gap=-f.margin if f.margin == f.margin else 0.0,
        x=f.x,
        y=f.y,
    )


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
