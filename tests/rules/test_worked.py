"""Worked examples of the standards that are rules, what holds in which city, what a check does without data."""

from __future__ import annotations

import dataclasses
from math import acos, cos, pi, radians, sin

import numpy as np
import pytest

from cimkit.model.community import Community
from cimkit.model.kinds import RoomKind
from cimkit.model.records import Location, Path, Space
from cimkit.model.tables import Population
from cimkit.rules.check import check, judge
from cimkit.rules.findings import Finding, Findings
from cimkit.rules.indicators import INDICATORS
from cimkit.rules.load import load_pack
from cimkit.rules.measurements import Measurements
from cimkit.rules.place import city_names, place_of
from cimkit.samples import slab_rows
from cimkit.sim.receptors import WALL_OFFSET

JIAXING = Location(30.75, 120.76)
DECLINATION = radians(-20.116)  # Great Cold 2001, standards of the field


@pytest.fixture(scope="module")
def by_city(site: Community) -> dict[str, Findings]:
    first = check(site, city="hangzhou")
    others = {
        c: check(site, city=c, measurements=first.measurements) for c in ("jiaxing", "huzhou", "taizhou", "shanghai")
    }
    return {"hangzhou": first} | others


def sun_behind_a_wall(k: float, latitude: float) -> float:
    """Hours at Great Cold of a point k heights north of an endless wall: closed form."""
    a, d = radians(latitude), DECLINATION
    c = (-cos(a) * sin(d) - k * sin(a) * sin(d)) / (k * cos(a) * cos(d) - sin(a) * cos(d))
    return 0.0 if c >= 1 else min(8.0, 2 * acos(max(c, -1.0)) / (pi / 12))


def jiaxing_slabs(gap: float) -> Community:
    """Two slabs of 400 m, 18 m high, each window in a living room of the dwelling behind it."""
    block = slab_rows(gap=gap, length=400, location=JIAXING)
    w, d = block.windows, block.dwellings
    dwelling = np.full(len(w), -1)
    for storey in np.unique(w.storey):
        mine, homes = np.flatnonzero(w.storey == storey), np.flatnonzero(d.storey == storey)
        order = mine[np.argsort(w.x[mine])]
        dwelling[order] = homes[np.arange(len(order)) * len(homes) // len(order)]
    windows = dataclasses.replace(w, dwelling=dwelling, room=np.full(len(w), RoomKind.LIVING))
    return dataclasses.replace(block, windows=windows)


def darkest(block: Community, **options: object) -> Finding:
    """The dwelling with the least sun: on the ground floor in the north, in the middle, far from the ends."""
    findings = check(block, packs=["CN-ZJ-Jiaxing-2018"], city="jiaxing", **options)  # type: ignore[arg-type]
    return min((f for f in findings if f.rule.indicator == "dwelling_sunlight"), key=lambda f: f.measured)


def test_jiaxing__spacing_of_1_3_heights_gives_its_three_hours() -> None:
    assert sun_behind_a_wall(1.3, JIAXING.latitude) == pytest.approx(3.05, abs=0.01)
    block = jiaxing_slabs(1.3 * 18)
    found = darkest(block)
    assert found.measured == pytest.approx(
        sun_behind_a_wall((1.3 * 18 - WALL_OFFSET) / (18 - 0.9), JIAXING.latitude), abs=0.003
    )
    assert (found.verdict, found.required) == ("pass", 3.0)


def test_jiaxing__old_town_at_1_2_heights_has_its_two_hours_and_elsewhere_falls_short() -> None:
    block = jiaxing_slabs(1.2 * 18)
    old = darkest(block, place={"old_town": "yes"})
    assert old.measured == pytest.approx(
        sun_behind_a_wall((1.2 * 18 - WALL_OFFSET) / (18 - 0.9), JIAXING.latitude), abs=0.003
    )
    assert old.measured == pytest.approx(2.17, abs=0.05)  # the published reckoning
    assert (old.verdict, old.required) == ("pass", 2.0)
    new = darkest(block)
    assert (new.verdict, new.required) == ("fail", 3.0)
    assert new.margin == pytest.approx(old.measured - 3.0)


def test_gbt51327__shelter_of_three_thousand_people() -> None:
    def found(area: float, **place: str) -> Finding:
        block = slab_rows()
        persons = Population(building=np.array([0]), band=np.array([1]), persons=np.array([3000.0]))
        ground = Community.of(others=[Space("A", "shelter", [(0, 0), (area / 10, 0), (area / 10, 10), (0, 10)])]).spaces
        full = dataclasses.replace(block, population=persons, spaces=ground)
        given = check(full, packs=["CN-GBT51327-2018"], place=place)
        return next(f for f in given if f.rule.indicator == "shelter_area_per_person")

    assert found(2100.0).verdict == "pass"
    assert found(2099.0).verdict == "fail"
    assert found(1350.0, renewal_relief="yes").verdict == "pass"
    assert found(1349.0, renewal_relief="yes").verdict == "fail"


def test_check__cities_have_different_effective_rules(by_city: dict[str, Findings]) -> None:
    hours = {c: {f.required for f in fs if f.rule.indicator == "dwelling_sunlight"} for c, fs in by_city.items()}
    assert hours["hangzhou"] == {2.0}
    assert hours["jiaxing"] == {3.0}
    free = {c: {f.rule.id for f in fs if f.rule.indicator == "freed_share"} for c, fs in by_city.items()}
    assert free["hangzhou"] == set()
    assert free["huzhou"] == {"huzhou-stilt", "huzhou-evacuation-corridor", "huzhou-public-open-space"}
    assert "taizhou-58-stilt" in free["taizhou"]
    jiaxing = next(f for f in by_city["jiaxing"] if f.rule.id == "jiaxing-19-dwelling")
    assert "gb50180-4.0.9" in jiaxing.overridden
    assert jiaxing.rule.level == "city"


def test_check__the_plan_goes_before_the_city_and_the_city_before_the_nation(by_city: dict[str, Findings]) -> None:
    density = [f for f in by_city["hangzhou"] if f.rule.indicator == "building_density"]
    assert {f.rule.id for f in density} == {"plan-density"}
    assert {"hangzhou-density", "gb50180-4.0.2-density"} <= {o for f in density for o in f.overridden}


def test_check__one_effective_rule_an_indicator_and_object(by_city: dict[str, Findings]) -> None:
    for findings in by_city.values():
        seen: set[tuple[object, ...]] = set()
        for j in findings.judged:
            keys = tuple((k, str(j.requirement.with_.get(k))) for k in INDICATORS[j.rule.indicator].keys)
            for name in j.subjects.ids:
                assert (j.rule.indicator, keys, name) not in seen
                seen.add((j.rule.indicator, keys, name))


def test_check__unverified_limits_are_marked_and_can_be_left_out(site: Community, by_city: dict[str, Findings]) -> None:
    first = by_city["hangzhou"]
    doubtful = [f for f in first if f.mark == "M" and f.verdict != "not_applicable"]
    assert len(doubtful) == first.unverified > 0
    assert all("UNVERIFIED" in f.note for f in doubtful)
    sure = check(site, city="hangzhou", measurements=first.measurements, verified_only=True)
    assert sure.unverified == 0
    assert all(f.mark != "M" for f in sure)


@pytest.mark.parametrize("city", city_names())
def test_check__of_nothing_reaches_the_last_rule_in_every_city(city: str) -> None:
    findings = check(Community(), city=city)
    assert len(findings.judged) > 40
    assert findings.counts["fail"] == findings.counts["pass"] == 0
    assert all(f.note for f in findings)


def test_check__level_paths_without_heights_are_not_called_level() -> None:
    flat = Community.of(others=[Path("a", [(0, 0), (50, 0)], kind="footway", width=3.0)])
    slope = next(f for f in check(flat) if f.rule.indicator == "path_slope" and f.object)
    assert slope.verdict == "unknown"
    assert "height" in slope.note


@pytest.mark.parametrize(
    ("pack", "city", "gap", "place"),
    [
        ("CN-ZJ-Hangzhou-2026", "hangzhou", 1.2 * 18, {}),
        ("CN-ZJ-Ningbo-2014", "ningbo", 1.25 * 18, {}),
        ("CN-ZJ-Jiaxing-2018", "jiaxing", 1.3 * 18, {"old_town": "no"}),
        ("CN-ZJ-Jiaxing-2018", "jiaxing", 1.2 * 18, {"old_town": "yes"}),
        ("CN-ZJ-Taizhou-2025", "taizhou", 1.15 * 18, {"site": "new"}),
        ("CN-ZJ-Taizhou-2025", "taizhou", 1.1 * 18, {"site": "renewal"}),
        ("CN-ZJ-Wenzhou-2017", "wenzhou", 9.0, {}),
    ],
)
@pytest.mark.parametrize("less", [0.0, 0.5])
def test_spacing__of_each_city_holds_on_the_limit_and_fails_below(
    pack: str, city: str, gap: float, place: dict[str, str], less: float
) -> None:
    block = slab_rows(gap=gap - less)
    judged = [f for f in judge_only(block, pack, city, place) if f.object == "S2"]
    assert [f.verdict for f in judged] == ["fail" if less else "pass"]
    assert judged[0].margin == pytest.approx(-less, abs=0.01)
    assert judged[0].evidence["blocker"] == "S1"


def judge_only(block: Community, pack: str, city: str, place: dict[str, str]) -> list[Finding]:
    """The spacing findings alone; nothing else is measured."""
    rules = [r for r in load_pack(pack) if r.indicator == "spacing_margin"]
    judged = judge(rules, Measurements(block), place_of(block, city=city, known=place))
    return [j.finding(k) for j in judged for k in range(len(j))]
