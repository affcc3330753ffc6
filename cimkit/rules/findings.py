"""Findings: one rule judged on one object, kept in columns, handed out one by one, as table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from functools import cached_property
from importlib.metadata import version
from itertools import groupby
from math import isfinite
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.arrays import FloatArray, IntArray, TextArray
from cimkit.geometry.frame import Frame
from cimkit.io.results import plain
from cimkit.model.drawn import Drawn
from cimkit.model.notes import Notes
from cimkit.rules.indicator import Subjects, Values
from cimkit.rules.rule import FAIL, MARKS, SKIP, Requirement, Rule

if TYPE_CHECKING:
    from cimkit.model.community import Community
    from cimkit.rules.measurements import Measurements
    from cimkit.rules.place import Place

SCHEMA = "cimkit-findings/1"


class Verdict(StrEnum):
    """What became of a rule on an object."""

    FAIL = "fail"
    UNKNOWN = "unknown"
    PASS = "pass"  # noqa: S105
    NOT_APPLICABLE = "not_applicable"


_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
VERDICTS_ZH = {"fail": "不满足", "unknown": "无法判定", "pass": "满足", "not_applicable": "不适用"}
ORDER = tuple(Verdict)
_KEYS = (  # of a finding as plain data
    *("key", "rule", "standard", "clause", "edition", "object", "table", "measured", "required", "comparator"),
    *("required_text", "unit", "margin", "verdict", "mark", "place", "evidence", "note", "overridden", "change"),
    "before",
)
_RULE_KEYS = [f.name for f in fields(Rule) if f.default is MISSING and f.name != "requirements"]  # as every rule has it
_COLUMNS = (  # of findings as a table, and where they stand in a finding
    {"verdict": "verdict.value", "standard": "standard", "clause": "clause", "rule": "rule.id", "text": "rule.text"}
    | {"text_zh": "rule.text_zh", "table": "table", "object": "object", "measured": "measured"}
    | {"required": "required_text", "unit": "unit", "margin": "margin", "mark": "mark", "note": "note"}
    | {"change": "change", "before": "before", "overridden": "overridden", "x_m": "x", "y_m": "y", "z_m": "z"}
)


@dataclass(frozen=True)
class Finding:
    """One rule judged on one object.

    Parameters
    ----------
    rule
        The rule.
    table, object
        What was judged and its id.
    measured, required
        In ``unit``; nan where not known or without a limit.
    margin
        What is to spare, negative what is missing, in ``unit``.
    verdict
        One of pass, fail, unknown, not_applicable.
    mark
        How sure the limit is: P, S, C, or M unverified.
    x, y, z
        Where, local metres.
    evidence
        What the measured value rests on.
    note
        What is missing, assumed or unverified.
    required_text
        Comparator and limits as text.
    overridden
        Ids of the rules that would hold without this one.
    change
        Against the state before: ``new``, ``healed``, ``worse``, ``better``, ``same``, empty without one.
    before
        Measured in the state before.
    """

    rule: Rule
    table: str
    object: str
    measured: float
    required: float
    margin: float
    verdict: Verdict
    mark: str
    x: float
    y: float
    z: float
    evidence: Mapping[str, Any]
    note: str
    required_text: str
    overridden: tuple[str, ...] = ()
    change: str = ""
    before: float = float("nan")

    @property
    def key(self) -> str:
        """Its stable name: ``rule@object``."""
        return f"{self.rule.id}@{self.object}"

    standard = property(attrgetter("rule.standard"), doc="The standard.")
    clause = property(attrgetter("rule.clause"), doc="The clause of the standard.")
    unit = property(attrgetter("rule.unit"), doc="Unit of measured, required and margin.")
    comparator = property(attrgetter("rule.comparator"), doc="How measured is compared with required.")

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data; numbers that are not known are None."""
        place = {k: _plain(getattr(self, k)) for k in "xyz"}
        own = {"rule": self.rule.id, "edition": self.rule.edition, "verdict": self.verdict.value, "place": place}
        return {key: _plain(own[key] if key in own else getattr(self, key)) for key in _KEYS}


@dataclass(frozen=True)
class Judged:
    """One requirement of a rule judged on n objects, in columns."""

    rule: Rule
    requirement: Requirement
    subjects: Subjects
    values: Values  # of all objects of the indicator
    rows: IntArray  # of these objects among them
    low: FloatArray
    high: FloatArray
    margin: FloatArray
    verdict: IntArray  # position in ORDER
    notes: TextArray
    overridden: tuple[str, ...] = ()
    change: TextArray | None = None
    before: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.subjects)

    @property
    def measured(self) -> FloatArray:
        """What was measured of each, shape (n)."""
        return self.values.values[self.rows]

    def finding(self, k: int) -> Finding:
        """Return one of them."""
        row, low, high = int(self.rows[k]), float(self.low[k]), float(self.high[k])
        measured, margin = float(self.values.values[row]), float(self.margin[k])
        return Finding(
            rule=self.rule,
            table=self.subjects.table,
            object=str(self.subjects.ids[k]),
            measured=measured,
            required=min(filter(isfinite, (low, high)), key=lambda end: abs(end - measured), default=np.nan),
            margin=margin if isfinite(margin) else np.nan,
            verdict=ORDER[int(self.verdict[k])],
            mark=self.requirement.mark,
            **dict(zip("xyz", self.subjects.places[k].tolist(), strict=True)),
            evidence=self.values.evidence(row) if self.values.evidence else {},
            note=str(self.notes[k]),
            required_text=limits_in_words(self.rule, low, high),
            overridden=self.overridden,
            change="" if self.change is None else str(self.change[k]),
            before=np.nan if self.before is None else float(self.before[k]),
        )


def limits_in_words(rule: Rule, low: float, high: float) -> str:
    """Return comparator and limits as text with the unit, with two decimals, below 1 with four; empty without one."""
    ends = [f"{round(end, 2 if abs(end) >= 1 else 4):g}" for end in filter(isfinite, (low, high))]
    sign = f"{rule.comparator} " if len(ends) == 1 else ""
    return f"{sign}{'–'.join(ends)} {rule.unit}".strip() if ends else ""


@dataclass(frozen=True, repr=False)
class Findings(Drawn):
    """What a check found, in a stable order: as the packs order their rules, then by object.

    Parameters
    ----------
    judged
        Rules judged, in columns.
    place
        Where.
    packs
        Names of the packs.
    not_judged
        Rules that no indicator computes yet, with the reason in ``why``.
    measurements
        What was measured; hand it to ``check`` to judge again by other limits.
    notes
        What is doubtful in the data.
    name
        Name of the community.
    digests
        Hashes of what went in: the community as ``input``, and each pack.
    against_baseline
        Whether only what is new or worse than a baseline fails the whole.
    """

    judged: tuple[Judged, ...]
    place: Place
    packs: tuple[str, ...]
    not_judged: tuple[Rule, ...] = ()
    measurements: Measurements | None = None
    notes: Notes = field(default_factory=Notes)
    name: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    against_baseline: bool = False

    @property
    def community(self) -> Community | None:
        """What was judged, None if it was not kept."""
        return self.measurements.community if self.measurements else None

    def __len__(self) -> int:
        return sum(len(j) for j in self.judged)

    def __iter__(self) -> Iterator[Finding]:
        return (j.finding(k) for j in self.judged for k in range(len(j)))

    def of(self, verdict: str | Verdict) -> list[Finding]:
        """Return the findings of one verdict."""
        code = ORDER.index(Verdict(verdict))
        return [j.finding(int(k)) for j in self.judged for k in np.flatnonzero(j.verdict == code)]

    def failures(self) -> list[Finding]:
        """Return the findings that fail."""
        return self.of(Verdict.FAIL)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many findings have each verdict."""
        found = sum((np.bincount(j.verdict, minlength=len(ORDER)) for j in self.judged), np.zeros(len(ORDER), int))
        return {v.value: int(n) for v, n in zip(ORDER, found, strict=True)}

    @property
    def unverified(self) -> int:
        """How many findings rest on a limit that nobody has verified."""
        return sum(int((j.verdict != SKIP).sum()) for j in self.judged if j.requirement.mark == "M")

    @property
    def exit_code(self) -> int:
        """0 all passed, 1 something fails, 3 nothing fails but something is unknown or unverified.

        Against a baseline, what failed before and is no worse does not count.
        """
        kept = ("same", "better") if self.against_baseline else ()
        if any(((j.verdict == FAIL) & ~np.isin(np.asarray(j.change), kept)).any() for j in self.judged):
            return 1
        return 3 if self.counts["unknown"] or self.unverified else 0

    def __repr__(self) -> str:
        rules = len({j.rule.id for j in self.judged})
        counts = ", ".join(f"{n:,} {v.replace('_', ' ')}" for v, n in self.counts.items() if n)
        doubt = f"; {self.unverified:,} rest on unverified limits (M)" if self.unverified else ""
        left = f"; {len(self.not_judged)} rules not judged" if self.not_judged else ""
        where = f" in {self.place.city}" if self.place.city else ""
        return f"<Findings of {rules} rules{where}: {counts or 'nothing judged'}{doubt}{left}>"

    def summary(self) -> Any:
        """Return a DataFrame, one row a rule, with the number of findings of each verdict."""
        import pandas as pd

        rows = []
        for group in (list(judged) for _, judged in groupby(self.judged, key=attrgetter("rule.id"))):
            rule, given = group[0].rule, {j.requirement.mark for j in group}
            words = {limits_in_words(rule, a, b) for j in group for a, b in zip(j.low, j.high, strict=True)}
            counts = np.bincount(np.concatenate([j.verdict for j in group]), minlength=len(ORDER))
            limits, marks = "; ".join(sorted(words - {""})), "".join(m for m in MARKS if m in given)
            rows.append((rule.id, rule.standard, rule.clause, rule.text, rule.text_zh, limits, marks, *counts.tolist()))
        names = ["rule", "standard", "clause", "text", "text_zh", "required", "mark", *(v.value for v in ORDER)]
        return pd.DataFrame(rows, columns=names)

    def to_frame(self) -> Any:
        """Return a DataFrame, one row a finding; measured, required and margin are in ``unit``."""
        import pandas as pd

        row = attrgetter(*_COLUMNS.values())
        frame = pd.DataFrame(map(row, self), columns=list(_COLUMNS))
        return frame.assign(overridden=frame["overridden"].map(" ".join))

    def to_geoframe(self, verdict: str | Verdict | None = Verdict.FAIL) -> Any:
        """Return a GeoDataFrame of points in map coordinates, of one verdict or of all."""
        import shapely

        frame = self.to_frame()
        if verdict is not None:
            frame = frame[frame["verdict"] == Verdict(verdict).value].reset_index(drop=True)
        own = self.community.frame if self.community else Frame()
        return own.to_geoframe(frame, shapely.points(frame["x_m"], frame["y_m"], frame["z_m"]))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, see ``docs/schema/findings-1.json``."""
        rules = {j.rule.id: j.rule for j in self.judged} | {r.id: r for r in self.not_judged}
        whole: dict[str, Any] = {"schema": SCHEMA, "community": self.name, "place": self.place.attributes()}
        whole |= {"packs": list(self.packs), "digests": dict(self.digests), "cimkit": version("cimkit")}
        whole |= {name: getattr(self, name) for name in ("counts", "unverified", "exit_code")}
        whole |= {"marks": {m: en for m, (en, _) in MARKS.items()}, "rules": [_rule_dict(r) for r in rules.values()]}
        left = [{"rule": r.id, "why": r.why} for r in self.not_judged]
        return whole | {"not_judged": left, "findings": [f.to_dict() for f in self]}

    def to_json(self) -> str:
        """Return everything as JSON; the same input gives the same bytes."""
        data = self.to_dict()
        lines = ",\n  ".join(map(_ENCODE, data.pop("findings")))  # one a line: with indent json is ten times slower
        head = json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False)
        return f'{head[:-2]},\n "findings": [\n  {lines}\n ]\n}}\n'

    def _repr_html_(self) -> str:
        """Return the rules that fail most, for notebooks."""
        from html import escape

        rules = self.summary().sort_values(["fail", "unknown"], ascending=False, kind="stable")
        table = rules.head(12).drop(columns="text_zh").to_html(index=False, escape=True)
        more = f"<p>… {len(rules) - 12:,} rules more: .summary()</p>" if len(rules) > 12 else ""
        return f"<p>{escape(repr(self)[1:-1])}</p>{table}{more}"


def _rule_dict(rule: Rule) -> dict[str, Any]:
    """Return a rule as plain data, with how its indicator is computed."""
    from cimkit.rules.indicators import INDICATORS

    how = INDICATORS.get(rule.indicator)
    method = {"formula": how.formula, "method_source": how.source} if how else {}
    return {n: getattr(rule, n) for n in _RULE_KEYS} | method


def _plain(value: Any) -> Any:
    """Return a value as plain data, a finite number rounded to what can be meant, one that is not as None."""
    return plain(round(value, 6) if isinstance(value, float) else value)
