"""Judge a community by packs of rules: one effective rule per indicator, the most local one first."""

import dataclasses
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from cimkit.arrays import IntArray
from cimkit.model.community import Community, fingerprint
from cimkit.rules.compare import compared, compared_with_baseline
from cimkit.rules.findings import Findings, Judged
from cimkit.rules.indicator import Subjects, Values
from cimkit.rules.indicators import INDICATORS
from cimkit.rules.load import load_packs
from cimkit.rules.measurements import Measurements
from cimkit.rules.place import Place, choices, city_packs, place_of, with_circle, zone_note
from cimkit.rules.rule import LEVELS, NO, SKIP, UNKNOWN, UNSURE, YES, Pack, Requirement, Rule, holds, in_words
from cimkit.rules.subjects import NAMED

Candidate = tuple[Rule, Requirement]  # for one indicator


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
    loaded = load_packs(city_packs(stated.city) if packs is None else packs)
    measured = measurements or Measurements(community.after())
    measured.previous = Measurements(before.before(), weather=measured.weather) if before is not None else None
    rules = _rules(loaded, verified_only=verified_only)
    here, guessed = with_circle(stated, measured.counted, _circles(rules))
    judged = judge(rules, measured, here)
    if measured.previous is not None:
        judged = compared(judged, judge(rules, measured.previous, here))
    if baseline is not None:
        judged = compared_with_baseline(judged, baseline)
    names, left = tuple(p.name for p in loaded), tuple(r for r in rules if not r.judged)
    notes = community.notes + zone_note(community, here) + guessed
    digests = {"input": fingerprint(community)} | {p.name: p.digest for p in loaded}
    return Findings(judged, here, names, left, measured, notes, community.name, digests, baseline is not None)


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


def judge(rules: Sequence[Rule], source: Measurements, place: Place) -> tuple[Judged, ...]:
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
    groups: dict[tuple[str, ...], list[Candidate]] = {}
    for rule in rules:
        for requirement in (q for q in rule.requirements if rule.indicator and q.has_limit):
            key = INDICATORS[rule.indicator].key(requirement.with_)
            groups.setdefault(key, []).append((rule, requirement))
    order = {r.id: k for k, r in enumerate(rules)}
    judged = [j for candidates in groups.values() for j in _judge_group(candidates, source, place)]
    return tuple(sorted(judged, key=lambda j: order[j.rule.id]))


def _rank(candidate: Candidate) -> tuple[Any, ...]:
    """Return what orders candidates: local first, then special before general, mandatory, newer."""
    rule, requirement = candidate
    newer = tuple(-int(part) for part in rule.date.split("-") if part.isdigit())
    return LEVELS.index(rule.level), -len(requirement.when), not rule.mandatory, newer


def _judge_group(candidates: list[Candidate], source: Measurements, place: Place) -> list[Judged]:
    """Judge the rules of one indicator: each object by the first that holds for it."""
    candidates = sorted(candidates, key=_rank)
    indicator = INDICATORS[candidates[0][0].indicator]
    subjects = source.subjects(indicator, candidates[0][1].with_)
    attributes, count = place.attributes() | dict(subjects.attributes), len(subjects)
    holding = [(rule.id, *holds(requirement.when, attributes, count)) for rule, requirement in candidates]
    open_, judged = np.ones(count, dtype=bool), []
    for k, (rule, requirement) in enumerate(candidates):
        name, state, unknown = holding[k]
        if requirement.limit_from:
            own = np.asarray(attributes.get(requirement.limit_from, np.full(count, np.nan)), dtype=np.float64)
            state = np.where(np.isnan(own), NO, state)
        for wanted in (YES, UNSURE):
            rows = np.flatnonzero(open_ & (state == wanted))
            if not len(rows):
                continue
            if wanted == YES:
                values = source.values(indicator, requirement.with_)
                whole = bool(np.isnan(values.values).all())
            else:
                values = Values.unknown(count, _question(unknown, place))
                whole = unknown not in subjects.attributes or len(rows) == count
            others = (other for other, there, _ in holding[k + 1 :] if other != name and (there[rows] == YES).any())
            also = tuple(dict.fromkeys(others))  # what would hold for some of the objects without this rule
            if whole and len(rows) > 1:
                judged.append(_one_for_all((rule, requirement), subjects.table, values, len(rows), also))
            else:
                judged.append(_judge_rows((rule, requirement), subjects, rows, values, also))
        open_ &= state == NO
        if not open_.any():
            break
    return judged or [_nothing(candidates, subjects)]


def _question(unknown: str, place: Place) -> str:
    """Return what must be known for a rule to apply, and how to say it."""
    how = f"; state it: --place {unknown}={'|'.join(choices(unknown)) or '…'}" if unknown in place.attributes() else ""
    if unknown in NAMED:
        how = f"; the name tells it: {', '.join(NAMED[unknown])}"
    return f"whether the rule applies: {unknown} is not known{how}"


def _judge_rows(by: Candidate, subjects: Subjects, rows: IntArray, values: Values, also: tuple[str, ...]) -> Judged:
    """Judge some objects by one requirement; ``also`` are the rules that would hold without this one."""
    (rule, requirement), mine = by, subjects.take(rows)
    low, high = rule.limits(requirement, mine.attributes, len(rows))
    verdict, margin = rule.judge(values.values[rows], low, high)
    if values.least is not None:
        verdict = np.where(rule.judge(values.least[rows], low, high)[0] == verdict, verdict, UNKNOWN)
    unverified = "limit UNVERIFIED, from memory (未核实)" if requirement.mark == "M" else ""
    said = "; ".join(t for t in (values.note, unverified) if t)
    missing = "; ".join(t for t in (f"missing: {values.missing or 'the value'}", said) if t)
    notes = np.where(verdict == UNKNOWN, missing, said).astype(object)
    return Judged(rule, requirement, mine, values, rows, low, high, margin, verdict, notes, also)


def _one_for_all(by: Candidate, table: str, values: Values, count: int, also: tuple[str, ...]) -> Judged:
    """Return the one unknown finding of many objects of which nothing is known, for one and the same reason."""
    nobody = Subjects(table, np.array([""], dtype=object), np.full((1, 3), np.nan), rows=np.zeros(1, dtype=np.int64))
    unknown = Values(np.full(1, np.nan), missing=values.missing, note=values.note)
    judged = _judge_rows(by, nobody, nobody.rows, unknown, also)
    judged.notes[0] += f"; concerns all {count:,} objects" if count > 1 else ""
    return judged


def _nothing(candidates: list[Candidate], subjects: Subjects) -> Judged:
    """Return the one finding where there is no object: unknown with what is missing, else not applicable."""
    rule, requirement = candidates[0]
    others = tuple(dict.fromkeys(r.id for r, _ in candidates if r.id != rule.id))
    judged = _one_for_all(candidates[0], subjects.table, Values.unknown(1, subjects.missing), 1, others)
    if subjects.missing and not len(subjects):
        return judged
    what = " ".join(str(requirement.with_[k]) for k in INDICATORS[rule.indicator].keys) or subjects.table
    condition = f" with {in_words(requirement.when)}" if requirement.when else ""
    note = np.array([f"no {what} here{condition}"], dtype=object)
    return dataclasses.replace(judged, verdict=np.array([SKIP]), notes=note)
