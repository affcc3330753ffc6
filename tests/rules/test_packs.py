"""Each shipped rule passes, fails, holds exactly on its limit, and is unknown without data."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pytest

from cimkit.rules.check import judge
from cimkit.rules.findings import ORDER
from cimkit.rules.indicator import Indicator, Subjects, Values
from cimkit.rules.indicators import INDICATORS
from cimkit.rules.load import load_pack, pack_names
from cimkit.rules.place import Place
from cimkit.rules.rule import Requirement, Rule

CASES = ("passes", "fails", "on the limit", "data missing")
ALL = [rule for name in pack_names() for rule in load_pack(name)]
SHIPPED = [rule for rule in ALL if any(q.has_limit for q in rule.requirements)]
ran: Counter[str] = Counter()


class OneObject:
    """One object that meets a requirement's condition, with a given value."""

    def __init__(self, requirement: Requirement, value: float) -> None:
        self.attributes = {k: np.array([met(v)]) for k, v in requirement.when.items()}
        if requirement.limit_from:
            self.attributes[requirement.limit_from] = np.array([30.0])
        self.value = value

    def subjects(self, indicator: Indicator, given: Any) -> Subjects:
        return Subjects("thing", np.array(["T1"], dtype=object), np.zeros((1, 3)), self.attributes, np.zeros(1, int))

    def values(self, indicator: Indicator, given: Any) -> Values:
        return Values(np.array([self.value]), missing="the value")


def met(wanted: Any) -> Any:
    """A value that meets a condition."""
    if isinstance(wanted, list):
        return wanted[0]
    if isinstance(wanted, str) and wanted[:1] in "<>":
        sign, number = wanted.rstrip("0123456789.-"), float(wanted.lstrip("<>= "))
        return number + {">=": 0.0, ">": 1.0, "<=": 0.0, "<": -1.0}[sign.strip()]
    return wanted


def value_for(rule: Rule, requirement: Requirement, case: str) -> float:
    low, high = (30.0, 30.0) if requirement.limit_from else (requirement.low, requirement.high)
    up = rule.comparator.startswith(">")
    if case == "data missing":
        return float("nan")
    if rule.comparator == "within":
        return {"passes": (low + high) / 2, "fails": high + 1.0, "on the limit": high}[case]
    limit = low if up else high
    step = max(0.5, 0.1 * abs(limit)) * (1 if up else -1)
    return {"passes": limit + step, "fails": limit - step, "on the limit": limit}[case]


WANTED = {"passes": "pass", "fails": "fail", "on the limit": "pass", "data missing": "unknown"}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("rule", SHIPPED, ids=[r.id for r in SHIPPED])
def test_rule__shipped(rule: Rule, case: str) -> None:
    """Every row of the rule; a rule that no indicator computes yet is compared as it will be."""
    wanted = "fail" if case == "on the limit" and rule.comparator in ("<", ">") else WANTED[case]
    for requirement in rule.requirements:
        value = value_for(rule, requirement, case)
        if not rule.indicator:
            low, high = rule.limits(requirement, {}, 1)
            verdict, margin = rule.judge(np.array([value]), low, high)
            assert ORDER[int(verdict[0])] == wanted
            assert wanted != "fail" or margin[0] <= 0
            continue
        one = dataclasses.replace(rule, requirements=(requirement,))
        (judged,) = judge([one], OneObject(requirement, value), Place())
        finding = judged.finding(0)
        assert finding.verdict == wanted
        assert finding.mark == requirement.mark
        assert case != "data missing" or "missing: the value" in finding.note
        assert case != "fails" or finding.margin < 0
        assert requirement.mark != "M" or "UNVERIFIED" in finding.note
    ran[rule.id] += 1


def test_rule__each_has_four_tests(request: pytest.FixtureRequest) -> None:
    collected = [i for i in request.session.items if i.name.startswith("test_rule__shipped")]
    if len(collected) < len(CASES) * len(SHIPPED):
        pytest.skip("only some of the cases were chosen")
    assert len(collected) == len(CASES) * len(SHIPPED)
    assert len(SHIPPED) >= 240
    assert len({r.id for r in SHIPPED}) == len(SHIPPED)


def test_rule__without_a_limit_says_why() -> None:
    assert all(r.why for r in ALL if not any(q.has_limit for q in r.requirements))


def test_pack__ids_are_unique_over_all_packs() -> None:
    ids = Counter(rule.id for rule in ALL)
    assert [name for name, count in ids.items() if count > 1] == []


@pytest.mark.parametrize("name", pack_names())
def test_pack__is_documented_and_bilingual(name: str) -> None:
    pack = load_pack(name)
    assert pack.name == name
    assert pack.title
    assert pack.title_zh
    for rule in pack:
        assert rule.text
        assert rule.text_zh
        assert rule.source
        assert rule.standard
        assert rule.mark in "PSCM"
        assert rule.indicator in INDICATORS or rule.why
