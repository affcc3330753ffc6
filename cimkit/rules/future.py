"""Zhejiang's Future Community: 33 indicators in nine scenes, evidence, four dimensions, self-assessment (自评)."""

from __future__ import annotations

import datetime
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.errors import FormatError
from cimkit.model.drawn import Drawn
from cimkit.model.kinds import ProjectType
from cimkit.rules.conditions import NO, holds
from cimkit.rules.indicators import INDICATORS
from cimkit.rules.load import load_pack
from cimkit.rules.survey import Question, Questionnaire, Satisfaction, satisfaction

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from cimkit.model.community import Community
    from cimkit.rules.findings import Findings
    from cimkit.rules.measurements import Measurements
    from cimkit.rules.rule import Rule

PACK = "CN-ZJ-FutureCommunity"
_LISTS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
DIMENSIONS: dict[str, str] = _LISTS["dimensions"]  # of the acceptance, with their Chinese names
SCENES: dict[str, str] = _LISTS["scenes"]  # 中文, English
STATES: dict[str, str] = _LISTS["states"]  # of an indicator, worst first, with their Chinese names


@dataclass(frozen=True)
class Evidence:
    """A document that shows an indicator: what it says, its date, who states it."""

    rule: str
    document: str
    date: datetime.date
    by: str
    value: float = float("nan")
    unit: str = ""
    meets: bool = True

    @property
    def told(self) -> str:
        """The whole in one line."""
        number = f" {self.value:g} {self.unit}".rstrip() if self.value == self.value else ""
        return f"{self.document}{number} ({self.by}, {self.date.isoformat()})"


@dataclass(frozen=True)
class Scored:
    """One of the 33 indicators: its scene, what was measured, the evidence, and what it comes to."""

    scene: str
    name: str
    english: str
    kind: str
    state: str
    measured: tuple[tuple[str, str], ...]  # English, 中文
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Dimension:
    """One acceptance dimension: score of 100 and weight, nan where the project states none, and who says so."""

    name: str
    zh: str
    score: float
    weight: float
    by: str


@dataclass(frozen=True, repr=False)
class Assessment(Drawn):
    """A self-assessment.

    Parameters
    ----------
    indicators
        The 33 indicators.
    dimensions
        The four dimensions.
    findings
        Of the rules with limits.
    survey
        Satisfaction, None without answers.
    """

    indicators: tuple[Scored, ...]
    dimensions: tuple[Dimension, ...]
    findings: Findings
    survey: Satisfaction | None = None

    @property
    def total(self) -> float:
        """Weighted mean of the dimensions, nan while a score or a weight is missing."""
        weights = np.array([d.weight for d in self.dimensions])
        return float(np.array([d.score for d in self.dimensions]) @ weights / weights.sum())

    @property
    def states(self) -> dict[str, str]:
        """The states an indicator may be in, worst first, with their Chinese names."""
        return STATES

    def counts(self) -> dict[str, int]:
        """Return how many indicators are in each state."""
        return {s: sum(i.state == s for i in self.indicators) for s in STATES}

    def __repr__(self) -> str:
        states = ", ".join(f"{n} {s}" for s, n in self.counts().items() if n)
        total = "no total: weights or scores are missing" if np.isnan(self.total) else f"{self.total:.1f} of 100"
        return f"<Assessment of {len(self.indicators)} indicators: {states}; {total}>"

    def to_frame(self) -> Any:
        """Return a DataFrame, one row an indicator."""
        import pandas as pd

        names = ["scene", "scene_en", "indicator", "indicator_en", "kind", "state", "state_zh", "measured"]
        names += ["measured_zh", "evidence"]
        rows = [
            (
                *(i.scene, SCENES[i.scene], i.name, i.english, i.kind, i.state, STATES[i.state]),
                *("; ".join(texts) for texts in (zip(*i.measured, strict=True) if i.measured else ((), ()))),
                "; ".join(e.told for e in i.evidence),
            )
            for i in self.indicators
        ]
        return pd.DataFrame(rows, columns=names)


def assess(
    community: Community,
    project: str | PathLike[str],
    *,
    responses: Any = None,
    measurements: Measurements | None = None,
) -> Assessment:
    """Assess a community by the nine scenes.

    Parameters
    ----------
    community
        What is assessed.
    project
        Project file: a pack that extends CN-ZJ-FutureCommunity, with ``[limits]`` for the thresholds,
        ``[[evidence]]`` for documents, ``[acceptance]`` for project type and weights, ``[[dimension]]``
        for scores that people give, ``[survey]`` for the questions.
    responses
        DataFrame of answers to the survey.
    measurements
        Those of an earlier check of the same community.

    Returns
    -------
    Assessment
        An indicator is met if all its limits are and, where it needs evidence, there is some.
        场景响应度 is the share of applicable indicators that are met.

    Raises
    ------
    FormatError
        If the project file has a mistake.
    """
    from cimkit.rules.check import check

    path = Path(project)
    pack = load_pack(path)  # names mistakes with file and line
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    acceptance = _acceptance(data, path)
    rules = [r for r in load_pack(PACK) if r.group and r.id not in pack.off]
    evidence = [_evidence(e, k + 1, {r.id: r for r in rules}, path) for k, e in enumerate(data.get("evidence", []))]
    stated = {"project_type": acceptance["project_type"]} if acceptance.get("project_type") else None
    names: list[str | Path] = [path] if PACK in pack.extends else [PACK, path]
    findings = check(community, packs=names, place=stated, measurements=measurements)
    groups: dict[tuple[str, str], list[Rule]] = {}
    for rule in rules:
        groups.setdefault((rule.group, rule.clause), []).append(rule)
    indicators = tuple(_scored(own, findings, evidence) for own in groups.values())
    survey = satisfaction(responses, _questionnaire(data, path)) if responses is not None else None
    return Assessment(indicators, _dimensions(indicators, acceptance, data, path), findings, survey)


def _acceptance(data: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return the acceptance table, checked."""
    table = dict(data.get("acceptance", {}))
    _known("acceptance", table, {"project_type", "weights"}, path)
    _known("acceptance.weights", table.get("weights", {}), set(DIMENSIONS), path)
    if table.get("project_type"):
        table["project_type"] = ProjectType.parse(table["project_type"]).code
    return table


def _known(what: str, table: Mapping[str, Any], allowed: set[str], path: Path) -> None:
    """Raise FormatError for a key that is not in the schema."""
    for key in sorted(set(table) - allowed):
        raise FormatError(f"{path.name}, {what}: keys must be among {', '.join(sorted(allowed))}; got {key!r}.")


def _evidence(entry: Mapping[str, Any], number: int, rules: Mapping[str, Rule], path: Path) -> Evidence:
    """Return a piece of evidence, checked: a known rule, a document, a date, who states it, the rule's unit."""
    where = f"{path.name}, evidence {number}"
    _known(f"evidence {number}", entry, {"rule", "document", "date", "by", "value", "unit", "meets", "file"}, path)
    rule = rules.get(entry.get("rule", ""))
    if rule is None:
        raise FormatError(f"{where}: rule must be one of {PACK}; got {entry.get('rule')!r}. See docs/standards.md.")
    for key in ("document", "by"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise FormatError(f"{where}: there must be a text {key!r}; got {entry.get(key)!r}. Say which, or who.")
    if type(entry.get("date")) is not datetime.date:
        raise FormatError(f"{where}: date must be a day such as 2026-01-31; got {entry.get('date')!r}.")
    if "value" in entry and (isinstance(entry["value"], bool) or not np.isfinite(float(entry["value"]))):
        raise FormatError(f"{where}: value must be a finite number; got {entry['value']!r}.")
    if rule.indicator and "value" in entry and entry.get("unit", "") != rule.unit:
        raise FormatError(f"{where}: unit must be {rule.unit!r}, that of {rule.id}; got {entry.get('unit', '')!r}.")
    if "file" in entry and not (path.parent / entry["file"]).is_file():
        raise FormatError(f"{where}: the file must be there; got {entry['file']!r}. Put it beside {path.name}.")
    return Evidence(**{k: v for k, v in entry.items() if k != "file"})


def _scored(rules: list[Rule], findings: Findings, evidence: list[Evidence]) -> Scored:
    """Return what one indicator comes to: the worst of what its rules and its evidence say."""
    place = findings.place.attributes()
    applies = [r for r in rules if holds(r.requirements[0].when, place, 1)[0][0] != NO]
    first, names = rules[0], {r.id for r in rules}
    english = first.text.split(":")[0].split(";")[0]
    own = tuple(e for e in evidence if e.rule in names)
    if not applies:
        return Scored(first.group, first.clause, english, first.kind, "not applicable", (), own)
    told = [_measured(r, findings) for r in applies]
    states = [s for s, _, _ in told if s]
    if "E" in first.kind:
        states.append("not met" if any(not e.meets for e in own) else "met" if own else "evidence missing")
    order = list(STATES)
    state = min(states, key=order.index) if states else "evidence missing"
    if not states and own:
        state = "met" if all(e.meets for e in own) else "not met"
    return Scored(
        first.group, first.clause, english, first.kind, state, tuple((en, zh) for _, en, zh in told if en), own
    )


def _measured(rule: Rule, findings: Findings) -> tuple[str, str, str]:
    """Return the state of one rule and what was measured, English and 中文, empty for a rule without indicator."""
    if not rule.indicator:
        return "", "", ""
    titles = rule.text.split(": ")[-1], rule.text_zh.split("：")[-1]

    def told(state: str, rest: str) -> tuple[str, str, str]:
        return state, f"{titles[0]}{rest}", f"{titles[1]}{rest}"

    judged = [j for j in findings.judged if j.rule.id == rule.id]
    if judged:
        counts = np.sum([np.bincount(j.verdict, minlength=4) for j in judged], axis=0)
        state = ("not met", "unknown", "met", "unknown")[int(np.flatnonzero(counts)[0])]
        limit = judged[0].finding(0).required_text
        return told(state, f" {limit}: {counts[2]}/{counts[:3].sum()}")
    measured = findings.measurements
    indicator, given = INDICATORS[rule.indicator], rule.requirements[0].with_
    if measured is None or not len(measured.subjects(indicator, given)):
        return told("unknown", ": –")
    values = measured.values(indicator, given)
    known = values.values[np.isfinite(values.values)]
    if not len(known):
        return told("unknown", f": ? ({values.missing})")
    low, middle, high = np.percentile(known, [0, 50, 100])
    span = f"{middle:.4g}" if low == high else f"{low:.4g} – {middle:.4g} – {high:.4g}"
    return told("no threshold", f": {span} {rule.unit}".rstrip())


def _dimensions(
    indicators: tuple[Scored, ...], acceptance: Mapping[str, Any], data: Mapping[str, Any], path: Path
) -> tuple[Dimension, ...]:
    """Return the four dimensions: the first from the scenes, the others as people score them."""
    given = {}
    for number, entry in enumerate(data.get("dimension", []), 1):
        _known(f"dimension {number}", entry, {"name", "score", "by", "date"}, path)
        if entry.get("name") not in DIMENSIONS or not 0 <= float(entry.get("score", -1)) <= 100 or not entry.get("by"):
            what = f"name one of {', '.join(DIMENSIONS)}, score 0 to 100, and by whom"
            raise FormatError(f"{path.name}, dimension {number}: it must {what}; got {dict(entry)!r}.")
        given[entry["name"]] = entry
    open_ = [i for i in indicators if i.state != "not applicable"]
    share = 100.0 * sum(i.state == "met" for i in open_) / len(open_) if open_ else float("nan")
    weights, nan = acceptance.get("weights", {}), float("nan")
    made = []
    for name, zh in DIMENSIONS.items():
        entry = given.get(name, {"score": share, "by": "share of indicators met"} if name == "response" else {})
        score, weight = float(entry.get("score", nan)), float(weights.get(name, nan))
        made.append(Dimension(name, zh, score, weight, str(entry.get("by", ""))))
    return tuple(made)


def _questionnaire(data: Mapping[str, Any], path: Path) -> Questionnaire:
    """Return the questions of the project file."""
    table = dict(data.get("survey", {}))
    _known("survey", table, {"questions", "steps", "min_sample", "confidence", "residents"}, path)
    if not table.get("questions"):
        raise FormatError(f"{path.name}: answers need [survey] with questions = [{{ id = …, text = … }}]; it has none.")
    for entry in table["questions"]:
        _known("survey.questions", entry, {"id", "text", "text_zh", "scene"}, path)
    return Questionnaire(tuple(Question(**q) for q in table.pop("questions")), **table)
