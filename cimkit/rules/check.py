"""Judge a community by packs of rules: one effective rule per indicator, the most local one first."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cimkit.model.fingerprint import fingerprint
from cimkit.rules.compare import compared, compared_with_baseline
from cimkit.rules.conditions import NO, UNSURE, YES, holds, in_words
from cimkit.rules.findings import ORDER, Findings, Judged, Verdict, ordered
from cimkit.rules.indicator import Indicator, Subjects, Values
from cimkit.rules.indicators import INDICATORS
from cimkit.rules.load import load_packs
from cimkit.rules.measurements import Measurements
from cimkit.rules.place import Place, choices, city_packs, place_of, with_circle, zone_note
from cimkit.rules.rule import FAIL, LEVELS, PASS, Pack, Requirement, Rule
from cimkit.rules.subjects import NAMED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from cimkit.arrays import IntArray, TextArray
    from cimkit.model.community import Community

_OF = {PASS: ORDER.index(Verdict.PASS), FAIL: ORDER.index(Verdict.FAIL)}
_UNKNOWN, _SKIP = ORDER.index(Verdict.UNKNOWN), ORDER.index(Verdict.NOT_APPLICABLE)


class Measured(Protocol):
    """Whatever gives subjects and values; ``Measurements`` does, tests hand in their own."""

    def subjects(self, indicator: Indicator, given: Mapping[str, Any]) -> Subjects:
        """Return what an indicator is measured on."""

    def values(self, indicator: Indicator, given: Mapping[str, Any]) -> Values:
        """Return the measured values."""


def check(
    community: Community,
    *,
    packs: Sequence[str | PathLike[str]] | None = None,
    before: Community | None = None,
    baseline: Mapping[str, Any] | None = None,
    city: str = "",
    place: Mapping[str, str] | None = None,
    measurements: Measurements | None = None,
    verified_only: bool = False,
) -> Findings:
    """Judge a community by rules.

    Existing and planned things are judged; those to be demolished are left out. Of several rules
    for one indicator the most local one whose condition holds is effective: project, city,
    province, nation. What cannot be judged is *unknown* and says what is missing; a check always
    reaches its last rule.

    Parameters
    ----------
    community
        What is judged.
    packs
        Names of packs or .toml files; those of the city without it.
    before
        State to compare with, e.g. ``community.before()``.
    baseline
        Findings of an earlier check as ``Findings.to_dict`` gives them: only what is new or worse
        fails the whole.
    city
        City to judge by, instead of the community's.
    place
        What is known of the place: ``{"climate_zone": "III", "old_town": "yes"}``, see ``Place``.
    measurements
        Those of an earlier check of the same community: nothing is simulated again.
    verified_only
        Leave out limits that nobody has verified (mark M).

    Returns
    -------
    Findings
        One a rule and object.

    Raises
    ------
    InputError
        If a pack or city is not known.
    FormatError
        If a pack has a mistake.

    Examples
    --------
    >>> from cimkit.samples import slab_rows
    >>> check(slab_rows(rows=2, gap=30), packs=["CN-GB50180-2018"], place={"climate_zone": "III"})
    <Findings of ...>
    """
    stated = place_of(community, city=city, known=place)
    named = list(packs) if packs is not None else city_packs(stated.city)
    loaded = load_packs(named)
    measured = measurements or Measurements(community.after())
    measured.previous = Measurements(before.before(), weather=measured.weather) if before is not None else None
    rules = _rules(loaded, verified_only=verified_only)
    here, guessed = with_circle(stated, measured.counted, _circles(rules))
    judged = judge(rules, measured, here)
    if measured.previous is not None:
        judged = compared(judged, judge(rules, measured.previous, here))
    if baseline is not None:
        judged = compared_with_baseline(judged, baseline)
    return Findings(
        judged=judged,
        place=here,
        packs=tuple(p.name for p in loaded),
        not_judged=tuple(r for r in rules if not r.judged),
        measurements=measured,
        notes=community.notes + zone_note(community, here) + guessed,
        name=community.name,
        digests={"input": fingerprint(community)} | {p.name: p.digest for p in loaded},
        against_baseline=baseline is not None,
    )


def _rules(packs: Sequence[Pack], *, verified_only: bool) -> list[Rule]:
    """Return the rules that are not switched off, with the parameters of the most local pack that has them."""
    off = {name for p in packs for name in p.off}
    defaults: dict[str, Any] = {}
    for pack in sorted(packs, key=lambda p: -LEVELS.index(p.level)):
        defaults |= pack.with_
    kept = []
    for rule in (r for p in packs for r in p if r.id not in off):
        options = INDICATORS[rule.indicator].options if rule.indicator else ()
        own = {k: v for k, v in defaults.items() if k in options}
        known = [q for q in rule.requirements if q.mark != "M" or not verified_only]
        requirements = tuple(dataclasses.replace(q, with_=own | dict(q.with_)) for q in known)
        if requirements:
            kept.append(dataclasses.replace(rule, requirements=requirements))
    return kept


def _circles(rules: Sequence[Rule]) -> dict[str, tuple[float, float]]:
    """Return how many residents the rules give each circle and block."""
    every = [q for r in rules if r.indicator == "residents" for q in r.requirements if set(q.when) == {"circle"}]
    return {str(q.when["circle"]): (q.low, q.high) for q in every}


def judge(rules: Sequence[Rule], source: Measured, place: Place) -> tuple[Judged, ...]:
    """Judge rules on what was measured, in the order of the rules.

    Parameters
    ----------
    rules
        All rules that may hold.
    source
        Gives subjects and values.
    place
        Where.
    """
    groups: dict[tuple[str, ...], list[tuple[Rule, Requirement]]] = {}
    for rule in rules:
        if rule.indicator:
            for requirement in rule.requirements:
                if requirement.has_limit:
                    key = INDICATORS[rule.indicator].key(requirement.with_)
                    groups.setdefault(key, []).append((rule, requirement))
    judged: list[Judged] = []
    for candidates in groups.values():
        judged += _judge_group(candidates, source, place)
    return ordered(judged, rules)


def _rank(candidate: tuple[Rule, Requirement]) -> tuple[Any, ...]:
    """Return what orders candidates: local first, then special before general, mandatory, newer."""
    rule, requirement = candidate
    newer = tuple(-int(part) for part in rule.date.split("-") if part.isdigit())
    return LEVELS.index(rule.level), -len(requirement.when), not rule.mandatory, newer


def _judge_group(candidates: list[tuple[Rule, Requirement]], source: Measured, place: Place) -> list[Judged]:
    """Judge the rules of one indicator: each object by the first that holds for it."""
    candidates = sorted(candidates, key=_rank)
    indicator = INDICATORS[candidates[0][0].indicator]
    subjects = source.subjects(indicator, candidates[0][1].with_)
    if not len(subjects):
        return [_nothing(candidates[0], candidates, subjects)]
    attributes = place.attributes() | dict(subjects.attributes)
    open_, judged = np.ones(len(subjects), dtype=bool), []
    for k, (rule, requirement) in enumerate(candidates):
        state, unknown = holds(requirement.when, attributes, len(subjects))
        if requirement.limit_from:
            own = np.asarray(attributes.get(requirement.limit_from, np.full(len(subjects), np.nan)), dtype=np.float64)
            state = np.where(np.isnan(own), NO, state)
        rest = candidates[k + 1 :]
        for wanted in (YES, UNSURE):
            rows = np.flatnonzero(open_ & (state == wanted))
            if len(rows):
                also = _overridden(rule, rest, attributes, len(subjects), rows)
                if wanted == YES:
                    values = source.values(indicator, requirement.with_)
                    whole = bool(np.isnan(values.values).all())
                else:
                    values = Values.unknown(len(subjects), _question(unknown, place))
                    whole = unknown not in subjects.attributes or len(rows) == len(subjects)
                if whole and len(rows) > 1:
                    judged.append(_one_for_all((rule, requirement), subjects.table, values, len(rows), also))
                else:
                    judged.append(_judge_rows((rule, requirement), subjects, rows, values, also))
        open_ &= state == NO
        if not open_.any():
            break
    if not judged:
        return [_nothing(candidates[0], candidates, Subjects.none(subjects.table))]
    return judged


def _question(unknown: str, place: Place) -> str:
    """Return what must be known for a rule to apply, and how to say it."""
    how = f"; state it: --place {unknown}={'|'.join(choices(unknown)) or '…'}" if unknown in place.attributes() else ""
    if unknown in NAMED:
        how = f"; the name tells it: {', '.join(NAMED[unknown])}"
    return f"whether the rule applies: {unknown} is not known{how}"


def _overridden(
    rule: Rule, rest: list[tuple[Rule, Requirement]], attributes: Mapping[str, Any], count: int, rows: IntArray
) -> tuple[str, ...]:
    """Return the ids of the other rules that would hold for some of the objects."""
    found: dict[str, None] = {}
    for other, requirement in rest:
        if other.id != rule.id and (holds(requirement.when, attributes, count)[0][rows] == YES).any():
            found[other.id] = None
    return tuple(found)


def _judge_rows(
    effective: tuple[Rule, Requirement], subjects: Subjects, rows: IntArray, values: Values, overridden: tuple[str, ...]
) -> Judged:
    """Judge some objects by one requirement."""
    rule, requirement = effective
    attributes = {k: np.asarray(v)[rows] for k, v in subjects.attributes.items()}
    low, high = rule.limits(requirement, attributes, len(rows))
    measured = values.values[rows]
    first, margin = rule.judge(measured, low, high)
    verdict = np.array([_OF.get(int(v), _UNKNOWN) for v in first], dtype=np.int64)
    if values.least is not None:
        other, _ = rule.judge(values.least[rows], low, high)
        verdict = np.where(other == first, verdict, _UNKNOWN)
    return Judged(
        rule, requirement, subjects.table, subjects.ids[rows], subjects.places[rows],
        measured=measured, low=low, high=high, margin=margin, verdict=verdict,
        notes=_notes(values, verdict, requirement), overridden=overridden, evidence=values.evidence, rows=rows,
    )  # fmt: skip


def _notes(values: Values, verdict: IntArray, requirement: Requirement) -> TextArray:
    """Return the note of each finding: what is missing, assumed, unverified."""
    unverified = "limit UNVERIFIED, from memory (未核实)" if requirement.mark == "M" else ""
    said = "; ".join(t for t in (values.note, unverified) if t)
    missing = "; ".join(t for t in (f"missing: {values.missing or 'the value'}", said) if t)
    notes: TextArray = np.where(verdict == _UNKNOWN, missing, said).astype(object)
    return notes


def _nothing(
    effective: tuple[Rule, Requirement], candidates: list[tuple[Rule, Requirement]], subjects: Subjects
) -> Judged:
    """Return the one finding where there is no object: unknown with what is missing, else not applicable."""
    rule, requirement = effective
    others = tuple(dict.fromkeys(r.id for r, _ in candidates if r.id != rule.id))
    what = " ".join(str(requirement.with_[k]) for k in INDICATORS[rule.indicator].keys)
    condition = f" with {in_words(requirement.when)}" if requirement.when else ""
    if subjects.missing:
        return _one_for_all(effective, subjects.table, Values.unknown(1, subjects.missing), 1, others)
    return _single(effective, subjects.table, _SKIP, f"no {what or subjects.table} here{condition}", others)


def _one_for_all(
    effective: tuple[Rule, Requirement], table: str, values: Values, count: int, overridden: tuple[str, ...]
) -> Judged:
    """Return the one unknown finding of many objects of which nothing is known, for one and the same reason."""
    note = str(_notes(values, np.array([_UNKNOWN]), effective[1])[0])
    many = f"; concerns all {count:,} objects" if count > 1 else ""
    return _single(effective, table, _UNKNOWN, note + many, overridden)


def _single(
    effective: tuple[Rule, Requirement], table: str, verdict: int, note: str, overridden: tuple[str, ...]
) -> Judged:
    """Return one finding without an object."""
    rule, requirement = effective
    low, high = rule.limits(requirement, {}, 1)
    nan = np.full(1, np.nan)
    return Judged(
        rule, requirement, table, objects=np.array([""], dtype=object), places=np.full((1, 3), np.nan),
        measured=nan, low=low, high=high, margin=nan, verdict=np.array([verdict]),
        notes=np.array([note], dtype=object), overridden=overridden,
    )  # fmt: skip
