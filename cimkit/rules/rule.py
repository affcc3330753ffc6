"""A rule as a record, what it requires under which condition, and a pack of rules of one standard or place."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite, isnan
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray, IntArray

LEVELS = ("project", "city", "province", "nation", "international")  # the first goes before the next
MARKS = {  # how sure a number is: English, 中文
    "P": ("primary text seen", "见原文"),
    "S": ("secondary source seen", "见二手资料"),
    "C": ("computed", "推算"),
    "M": ("UNVERIFIED, from memory", "未核实"),
}
COMPARATORS = (">=", "<=", ">", "<", "within")
ROLES = ("limit", "method", "advice")
KINDS = ("G", "E", "G+E")  # computed from geometry, shown by evidence, both
FAIL, UNKNOWN, PASS, SKIP = range(4)  # of one value, see ``Rule.judge``: positions in ``findings.ORDER``
YES, NO, UNSURE = 1, 0, -1  # whether a condition holds
_BOUND = re.compile(r"^\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)\s*$")
_SIGNS = {">=": np.greater_equal, "<=": np.less_equal, ">": np.greater, "<": np.less}


@dataclass(frozen=True)
class Requirement:
    """What a rule requires under one condition: a rule without a table has one, else one a row.

    Parameters
    ----------
    when
        Condition on the object and its place: name → value, list of values, or text like ``">=4"``.
    low, high
        Limits; nan where there is none, or where ``limit_from`` names it.
    mark
        How sure the numbers are.
    with_
        Parameters of the indicator.
    limit_from
        Attribute of the object that holds the limit.
    usual
        The numbers as the standard states them: a range of which only one end may bind.
    """

    when: Mapping[str, Any]
    low: float
    high: float
    mark: str
    with_: Mapping[str, Any] = field(default_factory=dict)
    limit_from: str = ""
    usual: tuple[float, ...] = ()

    @property
    def has_limit(self) -> bool:
        """Whether a limit is known here."""
        return isfinite(self.low) or isfinite(self.high) or bool(self.limit_from)


@dataclass(frozen=True)
class Rule:
    """One clause: what is measured, how it compares, where it comes from, how sure it is."""

    id: str
    pack: str
    standard: str
    clause: str
    edition: str
    date: str
    level: str
    place: str
    mandatory: bool
    indicator: str
    comparator: str
    unit: str
    kind: str
    mark: str
    text: str
    text_zh: str
    source: str
    requirements: tuple[Requirement, ...]
    shortfall: str = ""
    why: str = ""
    group: str = ""  # what rules stand under in a report, e.g. a scene
    role: str = "limit"  # "method": a number of the way of computing; "advice": a preference beside a limit

    @property
    def judged(self) -> bool:
        """Whether an indicator measures it and a limit is known."""
        return bool(self.indicator) and any(q.has_limit for q in self.requirements)

    @property
    def state(self) -> str:
        """How the rule is dealt with: ``judged``, ``measured`` (limit left to the project), its role, ``open``."""
        if self.judged:
            return "judged"
        return "measured" if self.indicator else self.role if self.role != "limit" else "open"

    @property
    def verified(self) -> bool:
        """Whether every number of it was seen in a source."""
        return all(r.mark != "M" for r in self.requirements) and self.mark != "M"

    def title(self, lang: str = "en") -> str:
        """Return the clause in words."""
        return self.text_zh if lang == "zh" and self.text_zh else self.text

    def limits(self, requirement: Requirement, attributes: Mapping[str, Any], count: int) -> tuple[FloatArray, ...]:
        """Return the lower and upper limit of each of some objects, -inf and inf where there is none."""
        low, high = np.full(count, requirement.low), np.full(count, requirement.high)
        if requirement.limit_from:
            own = np.asarray(attributes.get(requirement.limit_from, np.full(count, np.nan)), dtype=np.float64)
            low, high = (own, high) if self.comparator.startswith(">") else (low, own)
        return np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)

    def judge(self, values: FloatArray, low: FloatArray, high: FloatArray) -> tuple[IntArray, FloatArray]:
        """Compare values with limits.

        Returns
        -------
        tuple
            ``PASS``, ``FAIL``, ``UNKNOWN`` for nan, shape (n); and the margin, negative by what is missing.
        """
        with np.errstate(invalid="ignore"):  # an infinite value has nothing to spare above an infinite limit
            margin = np.fmin(values - low, high - values)
        scale = np.maximum(1.0, np.abs(np.where(np.isfinite(low), low, high)))
        slack = 1e-9 * np.where(np.isfinite(scale), scale, 1.0)
        met = margin > slack if self.comparator in ("<", ">") else margin >= -slack
        verdict = np.where(np.isnan(values), UNKNOWN, np.where(met, PASS, FAIL))
        return verdict.astype(np.int64), margin


@dataclass(frozen=True, repr=False)
class Pack:
    """Rules of one standard or place.

    Parameters
    ----------
    name
        Name to load it by.
    title, title_zh
        What it is.
    level
        ``project``, ``city``, ``province``, ``nation`` or ``international``.
    place
        City, province or country.
    rules
        Its own rules.
    extends
        Packs that it builds on, loaded before it.
    off
        Ids of rules of those that do not hold here.
    with_
        Parameters of indicators that hold for this place, where no rule gives its own.
    limits
        Rule of a pack it extends → limit that holds instead, stated by the project.
    digest
        Hash of its file.
    """

    name: str
    title: str
    title_zh: str
    level: str
    place: str
    rules: tuple[Rule, ...]
    extends: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    with_: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""

    def __len__(self) -> int:
        return len(self.rules)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __repr__(self) -> str:
        judged = sum(r.judged for r in self.rules)
        doubtful = sum(not r.verified for r in self.rules)
        return f"<Pack {self.name}: {len(self.rules)} rules, {judged} judged, {doubtful} unverified>"


def holds(when: Mapping[str, Any], attributes: Mapping[str, Any], count: int) -> tuple[IntArray, str]:
    """Return whether a condition holds for each of n objects, and the first attribute that is not known.

    Parameters
    ----------
    when
        Name → value, list of values, or text like ``">=4"``.
    attributes
        Name → one value, or one a object; "" and nan are not known.
    count
        Number of objects, n.

    Returns
    -------
    tuple
        1 yes, 0 no, -1 not known, shape (n); and a name, empty if all is known.

    Examples
    --------
    >>> holds({"storeys": ">=4"}, {"storeys": np.array([3.0, 4.0, np.nan])}, 3)
    (array([ 0,  1, -1]), 'storeys')
    """
    state = np.ones(count, dtype=np.int64)
    unknown = ""
    for name, wanted in when.items():
        one = _one(attributes.get(name), wanted, count)
        if not unknown and (one == UNSURE).any():
            unknown = name
        state = np.where((state == NO) | (one == NO), NO, np.minimum(state, one))
    return state, unknown if (state == UNSURE).any() else ""


def _one(given: Any, wanted: Any, count: int) -> IntArray:
    """Return whether one attribute is as wanted, shape (n), or (1) where it is the same for all."""
    values = np.asarray(given, dtype=object).reshape(-1)[:count]
    known = np.array([v not in ("", None) and not (isinstance(v, float) and isnan(v)) for v in values], dtype=bool)
    state = np.full(len(values), UNSURE, dtype=np.int64)
    if bound := _BOUND.match(wanted) if isinstance(wanted, str) else None:
        state[known] = np.where(_SIGNS[bound[1]](values[known].astype(np.float64), float(bound[2])), YES, NO)
    else:
        allowed = set(wanted) if isinstance(wanted, (list, tuple)) else {wanted}
        state[known] = [YES if v in allowed else NO for v in values[known]]
    return state


def in_words(when: Mapping[str, Any]) -> str:
    """Return a condition as text.

    Examples
    --------
    >>> in_words({"climate_zone": ["I", "II"], "city_size": "large", "storeys": ">=4"})
    'climate_zone I/II, city_size large, storeys >=4'
    """
    return ", ".join(f"{k} {'/'.join(map(str, v)) if isinstance(v, (list, tuple)) else v}" for k, v in when.items())
