"""Services against demand, and plans that a search through all choices confirms."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from cimkit.errors import InputError, MissingDataError
from cimkit.model.community import Community
from cimkit.samples import future_community, slab_rows
from cimkit.sim.supply import _solve, facility_database, improvement_plan, supply


@pytest.fixture(scope="module")
def site() -> Community:
    return future_community().after()


def by_hand(objective: str, way: np.ndarray, persons: np.ndarray, old: int, count: int, within: float) -> float:
    """Every choice tried."""
    far = way.max() + 1
    worth = []
    for more in combinations(range(old, way.shape[1]), count):
        nearest = way[:, [*range(old), *more]].min(axis=1)
        served = persons[nearest <= within].sum()
        worth.append((persons @ np.minimum(nearest, far)) / persons.sum() if objective == "p_median" else -served)
    return abs(min(worth))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("objective", ["coverage", "p_median"])
@pytest.mark.parametrize("old", [0, 2])
def test_solve__equals_every_choice_tried(seed: int, objective: str, old: int) -> None:
    rng = np.random.default_rng(seed)
    homes, sites = rng.uniform(0, 1000, (14, 2)), rng.uniform(0, 1000, (7, 2))
    way = np.hypot(*(homes[:, None] - sites[None]).transpose(2, 0, 1))
    persons = rng.integers(1, 50, 14).astype(float)
    chosen, before, after = _solve(objective, way, persons, old, np.zeros(7), (2, 300.0, 0.0))
    assert after == pytest.approx(by_hand(objective, way, persons, old, 2, 300.0))
    assert len(chosen) <= 2
    assert all(j >= old for j in chosen)
    assert (after <= before + 1e-6) if objective == "p_median" else (after >= before - 1e-6)


def test_solve__capacity_enlarges_where_the_places_run_out() -> None:
    way = np.array([[100.0, 900.0], [120.0, 900.0], [900.0, 100.0]])
    persons = np.array([40.0, 40.0, 10.0])
    chosen, before, after = _solve("capacity", way, persons, 1, np.array([50.0, 0.0]), (1, 300.0, 30.0))
    assert (chosen, before, after) == ([0], pytest.approx(50.0), pytest.approx(80.0))
    chosen, _, after = _solve("capacity", way, persons, 1, np.array([50.0, 0.0]), (2, 300.0, 30.0))
    assert (chosen, after) == ([0, 1], pytest.approx(90.0))


def test_supply__residents_within_and_without_add_up(site: Community) -> None:
    frame = supply(site, kinds=["kindergarten", "care_home"])
    whole = frame[frame["unit"] == ""].set_index("kind")
    assert (frame["persons_within"] + frame["persons_without"]).to_numpy() == pytest.approx(frame["persons"].to_numpy())
    assert whole.loc["care_home", "facilities"] == 0
    assert whole.loc["care_home", "persons_within"] == 0
    units = frame[(frame["unit"] != "") & (frame["kind"] == "kindergarten")]
    assert units["persons"].sum() == pytest.approx(whole.loc["kindergarten", "persons"])
    assert units["persons_within"].sum() == pytest.approx(whole.loc["kindergarten", "persons_within"])


def test_facility_database__says_what_the_survey_left_out(site: Community) -> None:
    frame = facility_database(site)
    assert {"circle_min", "missing"} <= set(frame.columns)
    assert frame["circle_min"].isin([0, 5, 10, 15]).all()
    lacking = frame["area_m2"].isna()
    assert frame.loc[lacking, "missing"].str.contains("area").all()


def test_improvement_plan__gains_and_is_monotone(site: Community) -> None:
    names = [str(n) for n in site.buildings.id[:6]]
    one = improvement_plan(site, "elderly_day_care", sites=names)
    two = improvement_plan(site, "elderly_day_care", count=2, sites=names)
    assert one.before <= one.after <= two.after <= one.persons
    assert one.before == two.before
    assert len(two.to_frame()) == 2


def test_improvement_plan__says_what_is_wrong() -> None:
    block = slab_rows(rows=2, gap=30)
    with pytest.raises(InputError, match="must be > 0"):
        improvement_plan(block, "nursery", count=0)
    with pytest.raises((InputError, MissingDataError), match="improvement_plan"):
        improvement_plan(block, "nursery")
