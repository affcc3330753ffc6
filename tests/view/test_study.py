"""What if: an edit measured again in part gives what measuring anew gives; undo, variants, scenarios."""

from __future__ import annotations

import numpy as np
import pytest

import cimkit as ck
from cimkit.errors import InputError
from cimkit.rules.measurements import Measurements

TOWER = [[120, 60], [145, 60], [145, 75], [120, 75]]
BY = {"packs": ["CN-GB50180-2018"], "place": {"climate_zone": "III"}}


@pytest.fixture(scope="module")
def study(site: ck.Community) -> ck.Study:
    return ck.Study(site, **BY)


def anew(community: ck.Community) -> tuple[list[tuple[object, ...]], np.ndarray]:
    m = Measurements(community)
    found = ck.check(community, measurements=m, **BY)
    light = next(r for r in m.results() if isinstance(r, ck.Sunlight))
    return [(f.rule.id, f.object, f.verdict, f.measured) for f in found], light.hours


@pytest.mark.parametrize(
    "edit",
    [
        ck.Edit("storeys", "B11", {"count": 12}),
        ck.Edit("move", "B20", {"dx": 6.0, "dy": 4.0, "turn": 12.0}),
        ck.Edit("remove", "B05"),
        ck.Edit("add", "TOWER", {"kind_of": "building", "storeys": 20, "footprint": TOWER}),
    ],
    ids=lambda e: e.do,
)  # fmt: skip
def test_edit__in_part_is_as_anew(study: ck.Study, edit: ck.Edit) -> None:
    state = study.edit(edit)
    rows, hours = anew(state.community)
    mine = [(f.rule.id, f.object, f.verdict, f.measured) for f in state.findings]
    assert [r[:3] for r in mine] == [r[:3] for r in rows]
    assert np.allclose([r[3] for r in mine], [r[3] for r in rows], equal_nan=True, atol=1e-9)
    assert np.allclose(state.first(ck.Sunlight).hours, hours, atol=1e-9)


def test_undo_and_variants__come_back_to_where_they_were(site: ck.Community) -> None:
    study = ck.Study(ck.samples.slab_rows(rows=2, gap=20), **BY)
    first = study.state.figures()
    study.variant("tall").storeys("S1", 12)
    tall = study.state.figures()
    assert tall["far"] > first["far"]
    assert study.undo().figures() == first
    assert study.redo().figures() == tall
    text = study.to_json()
    study.replay(text, name="again")
    assert study.state.figures() == tall
    assert list(study.figures().columns) == ["base", "tall", "again"]
    assert study.compare().shape[0] > 0
    assert study.variant("base").state.figures() == first
    with pytest.raises(InputError, match="there must be an edit"):
        study.undo()


def test_edit__that_cannot_be_done_is_not_recorded() -> None:
    study = ck.Study(ck.samples.slab_rows(rows=2, gap=20), **BY)
    with pytest.raises(InputError):
        study.storeys("nobody", 3)
    with pytest.raises(InputError, match="whole number"):
        study.storeys("S1", 7.5)  # type: ignore[arg-type]
    assert study.variants["base"].edits == []
    assert study.state.community is study.base


def test_storeys__of_any_whole_number_are_written_as_such() -> None:
    study = ck.Study(ck.samples.slab_rows(rows=2, gap=20), **BY)
    study.storeys("S1", np.int64(7))  # type: ignore[arg-type]
    study.storeys("S1", 8.0)  # type: ignore[arg-type]
    assert [e.values for e in study.variants["base"].edits] == [{"count": 7}, {"count": 8}]
    assert '"count": 7' in study.to_json()
