"""Zhejiang's Future Community: 33 indicators in nine scenes, evidence, four dimensions, self-assessment (自评)."""

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cimkit.errors import FormatError
from cimkit.lists import load_lists
from cimkit.model.community import Community
from cimkit.model.drawn import Drawn
from cimkit.model.kinds import ProjectType
from cimkit.rules.check import check
from cimkit.rules.findings import Findings
from cimkit.rules.indicators import INDICATORS
from cimkit.rules.load import load_pack
from cimkit.rules.measurements import Measurements
from cimkit.rules.rule import NO, Rule, holds
from cimkit.rules.survey import Question, Questionnaire, Satisfaction, satisfaction

PACK = "CN-ZJ-FutureCommunity"
_LISTS = load_lists(__file__)
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
    states: ClassVar[dict[str, str]] = STATES

    @property
    def total(self) -> float:
        """Weighted mean of the dimensions, nan while a score or a weight is missing."""
        weights = np.array([d.weight for d in self.dimensions])
        return float(np.array([d.score for d in self.dimensions]) @ weights / weights.sum())

    def counts(self) -> dict[str, int]:
        """Return how many indicators are in each state."""
        return {s: sum(i.state == s for i in self.indicators) for s in STATES}

    def __repr__(self) -> str:
        states = ", ".join(f"{n} {s}" for s, n in self.counts().items() if n)
        total = "no total: weights or scores are missing" if np.isnan(self.total) else f"{self.total:.1f} of 100"
        return f"<Assessment of {len(self.indicators)} indicators: {states}; {total}>"

    def columns(self) -> dict[str, Any]:
        """Return what each indicator comes to, one row an indicator."""
        names, rows = ["scene", "scene_en", "indicator", "indicator_en", "kind", "state", "state_zh"], []
        for i in self.indicators:
            said = ["; ".join(texts[language] for texts in i.measured) for language in (0, 1)]
            shown = "; ".join(e.told for e in i.evidence)
            rows.append((i.scene, SCENES[i.scene], i.name, i.english, i.kind, i.state, STATES[i.state], *said, shown))
        names += ["measured", "measured_zh", "evidence"]
        return {name: [row[k] for row in rows] for k, name in enumerate(names)}


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
    path = Path(project)
    pack = load_pack(path)  # names mistakes with file and line
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    acceptance = data.get("acceptance", {})
    _known("acceptance", acceptance, {"project_type", "weights"}, path)
    _known("acceptance.weights", acceptance.get("weights", {}), set(DIMENSIONS), path)
    sort = acceptance.get("project_type")
    rules = [r for r in load_pack(PACK) if r.group and r.id not in pack.off]
    evidence = [_evidence(e, k, {r.id: r for r in rules}, path) for k, e in enumerate(data.get("evidence", []), 1)]
    names: list[str | Path] = [path] if PACK in pack.extends else [PACK, path]
    stated = {"project_type": ProjectType.parse(sort).code} if sort else None
    findings = check(community, packs=names, place=stated, measurements=measurements)
    groups: dict[tuple[str, str], list[Rule]] = {}
    for rule in rules:
        groups.setdefault((rule.group, rule.clause), []).append(rule)
    indicators = tuple(_scored(own, findings, evidence) for own in groups.values())
    survey = satisfaction(responses, _questionnaire(data, path)) if responses is not None else None
    return Assessment(indicators, _dimensions(indicators, data, path), findings, survey)


def _known(what: str, table: Mapping[str, Any], allowed: set[str], path: Path) -> None:
    """Raise FormatError for a key that is not in the schema."""
    for key in sorted(set(table) - allowed):
        raise FormatError(f"{path.name}, {what}: keys must be among {', '.join(sorted(allowed))}; got {key!r}.")


def _evidence(entry: Mapping[str, Any], number: int, rules: Mapping[str, Rule], path: Path) -> Evidence:
    """Return a piece of evidence, checked: a known rule, a document, a date, who states it, the rule's unit."""
    where = f"{path.name}, evidence {number}"
    _known(f"evidence {number}", entry, {"rule", "document", "date", "by", "value", "unit", "meets", "file"}, path)
    rule, value, unit = rules.get(entry.get("rule", "")), entry.get("value", 0.0), entry.get("unit", "")
    if rule is None:
        raise FormatError(f"{where}: rule must be one of {PACK}; got {entry.get('rule')!r}. See docs/standards.md.")
    for key in ("document", "by"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise FormatError(f"{where}: there must be a text {key!r}; got {entry.get(key)!r}. Say which, or who.")
    if type(entry.get("date")) is not datetime.date:
        raise FormatError(f"{where}: date must be a day such as 2026-01-31; got {entry.get('date')!r}.")
    if isinstance(value, bool) or not np.isfinite(float(value)):
        raise FormatError(f"{where}: value must be a finite number; got {value!r}.")
    if rule.indicator and "value" in entry and unit != rule.unit:
        raise FormatError(f"{where}: unit must be {rule.unit!r}, that of {rule.id}; got {unit!r}.")
    if "file" in entry and not (path.parent / entry["file"]).is_file():
        raise FormatError(f"{where}: the file must be there; got {entry['file']!r}. Put it beside {path.name}.")
    return Evidence(**{k: v for k, v in entry.items() if k != "file"})


def _scored(rules: list[Rule], findings: Findings, evidence: list[Evidence]) -> Scored:
    """Return what one indicator comes to: the worst of what its rules and its evidence say."""
    place, first, names = findings.place.attributes(), rules[0], {r.id for r in rules}
    applies = [r for r in rules if holds(r.requirements[0].when, place, 1)[0][0] != NO]
    own = tuple(e for e in evidence if e.rule in names)
    told = [(r, *_measured(r, findings)) for r in applies if r.indicator]
    states = [state for _, state, _ in told]
    if "E" in first.kind or not states:
        states.append(("met" if all(e.meets for e in own) else "not met") if own else "evidence missing")
    state = min(states, key=list(STATES).index) if applies else "not applicable"
    measured = tuple((r.text.split(": ")[-1] + rest, r.text_zh.split("：")[-1] + rest) for r, _, rest in told)
    english = first.text.split(":")[0].split(";")[0]
    return Scored(first.group, first.clause, english, first.kind, state, measured, own)


def _measured(rule: Rule, findings: Findings) -> tuple[str, str]:
    """Return the state of one rule and what was measured, as it follows its name."""
    judged = [j for j in findings.judged if j.rule.id == rule.id]
    if judged:
        counts = np.bincount(np.concatenate([j.verdict for j in judged]), minlength=4)
        state = ("not met", "unknown", "met", "unknown")[int(np.flatnonzero(counts)[0])]
        return state, f" {judged[0].finding(0).required_text}: {counts[2]}/{counts[:3].sum()}"
    measured = findings.measurements
    indicator, given = INDICATORS[rule.indicator], rule.requirements[0].with_
    if measured is None or not len(measured.subjects(indicator, given)):
        return "unknown", ": –"
    values = measured.values(indicator, given)
    known = values.values[np.isfinite(values.values)]
    if not len(known):
        return "unknown", f": ? ({values.missing})"
    low, middle, high = np.percentile(known, [0, 50, 100])
    span = f"{middle:.4g}" if low == high else f"{low:.4g} – {middle:.4g} – {high:.4g}"
    return "no threshold", f": {span} {rule.unit}".rstrip()


def _dimensions(indicators: tuple[Scored, ...], data: Mapping[str, Any], path: Path) -> tuple[Dimension, ...]:
    """Return the four dimensions: the first from the scenes, the others as people score them."""
    open_ = [i.state == "met" for i in indicators if i.state != "not applicable"]
    share = 100.0 * np.mean(open_) if open_ else np.nan
    given: dict[str, Any] = {"response": {"score": share, "by": "share of indicators met"}}
    for number, entry in enumerate(data.get("dimension", []), 1):
        _known(f"dimension {number}", entry, {"name", "score", "by", "date"}, path)
        if entry.get("name") not in DIMENSIONS or not 0 <= float(entry.get("score", -1)) <= 100 or not entry.get("by"):
            what = f"name one of {', '.join(DIMENSIONS)}, score 0 to 100, and by whom"
            raise FormatError(f"{path.name}, dimension {number}: it must {what}; got {dict(entry)!r}.")
        given[entry["name"]] = entry
    nobody, weights = {"score": np.nan, "by": ""}, data.get("acceptance", {}).get("weights", {})
    rows = [(n, zh, given.get(n, nobody), float(weights.get(n, np.nan))) for n, zh in DIMENSIONS.items()]
    return tuple(Dimension(n, zh, float(own["score"]), weight, str(own["by"])) for n, zh, own, weight in rows)


def _questionnaire(data: Mapping[str, Any], path: Path) -> Questionnaire:
    """Return the questions of the project file."""
    table = dict(data.get("survey", {}))
    _known("survey", table, {"questions", "steps", "min_sample", "confidence", "residents"}, path)
    questions = table.pop("questions", ())
    if not questions:
        raise FormatError(f"{path.name}: answers need [survey] with questions = [{{ id = …, text = … }}]; it has none.")
    for entry in questions:
        _known("survey.questions", entry, {"id", "text", "text_zh", "scene"}, path)
    return Questionnaire(tuple(Question(**q) for q in questions), **table)
