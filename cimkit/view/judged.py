"""Findings as the report reads them, whatever else a finding carries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

ORDER = ("fail", "unknown", "pass", "not_applicable")


class Judged(NamedTuple):
    """One finding: rule in words, clause, object, numbers, verdict, how sure the limit is, place."""

    rule: str
    english: str
    chinese: str
    standard: str
    clause: str
    object: str
    measured: str
    required: str
    unit: str
    verdict: str
    mark: str
    note: str
    source: str
    x: float
    y: float

    @property
    def placed(self) -> bool:
        """Whether the finding has a place on the plan."""
        return self.x == self.x and self.y == self.y


def judged(findings: Iterable[Any] | None) -> list[Judged]:
    """Return findings, failures first, then what is open, in the order of the check."""
    rows = [_row(f) for f in findings or ()]
    return sorted(rows, key=lambda r: ORDER.index(r.verdict))


def counts(rows: Iterable[Judged]) -> dict[str, int]:
    """Return how many findings have each verdict, all verdicts named."""
    found = Counter(r.verdict for r in rows)
    return {v: found[v] for v in ORDER}


def _row(finding: Any) -> Judged:
    """Return a finding of ``check`` as the report reads it."""
    rule = finding.rule
    title = getattr(rule, "title", None)
    english, chinese = (title("en"), title("zh")) if callable(title) else (str(rule), str(rule))
    name = str(getattr(rule, "id", rule))
    return Judged(
        rule=name,
        english=english or name,
        chinese=chinese or english or name,
        standard=str(getattr(rule, "standard", "")),
        clause=str(getattr(finding, "clause", "") or getattr(rule, "clause", "")),
        object=str(getattr(finding, "object", "")),
        measured=number(getattr(finding, "measured", None)),
        required=number(getattr(finding, "required", None)),
        unit=str(getattr(finding, "unit", "") or ""),
        verdict=_verdict(finding.verdict),
        mark=str(getattr(finding, "mark", "") or ""),
        note=str(getattr(finding, "note", "") or ""),
        source=str(getattr(rule, "source", "")),
        x=_coordinate(finding, "x"),
        y=_coordinate(finding, "y"),
    )


def _verdict(value: Any) -> str:
    """Return the verdict as one of the four words."""
    word = str(getattr(value, "value", value)).lower().replace(" ", "_")
    return word if word in ORDER else "unknown"


def _coordinate(finding: Any, name: str) -> float:
    """Return a coordinate, nan without one."""
    value = getattr(finding, name, None)
    return float("nan") if value is None else float(value)


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
    if value != value:
        return ""
    if abs(value) == float("inf"):
        return "∞" if value > 0 else "-∞"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
