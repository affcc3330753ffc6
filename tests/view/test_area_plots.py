"""Pictures of the ledgers show the ledgers' numbers."""

from __future__ import annotations

import pytest

from cimkit.errors import InputError
from cimkit.samples import future_community
from cimkit.sim.areas import floor_areas
from cimkit.view import plot_public_space, plot_storeys, plot_waterfall
from cimkit.view.tables import far_steps

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(scope="module")
def areas():
    return floor_areas(future_community(1).after())


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_far_steps__lead_from_gross_to_counted(areas):
    first, *between, last = far_steps(areas)
    assert first[2] + sum(s[2] for s in between) == pytest.approx(last[2])


def test_plot_waterfall__bars_are_the_steps(areas):
    bars = [p.get_height() for p in plot_waterfall(areas).patches]
    assert bars == pytest.approx([abs(s[2]) for s in far_steps(areas)])


@pytest.mark.parametrize("exploded", [False, True])
def test_plot_storeys__a_line_a_storey(areas, exploded):
    ax = plot_storeys(areas, "B04", exploded=exploded)
    texts = [t.get_text() for t in ax.texts]
    own = areas.community.storeys.building == list(areas.community.buildings.id).index("B04")
    assert len(texts) == own.sum()
    assert f"{areas.of_storeys()[own][0]:,.1f} → {areas.of_storeys('far_area')[own][0]:,.1f} m²" in texts[0]
    with pytest.raises(InputError, match="building must be one of"):
        plot_storeys(areas, "nowhere")


def test_plot_public_space__legend_has_the_areas(areas):
    texts = [t.get_text() for t in plot_public_space(areas).get_legend().get_texts()]
    assert f"exempt public space: {areas.totals()['exempt_m2']:,.0f} m²" in texts  # as the waterfall says
    passed = (areas.items["exempt"] == 1) & (areas.items["space"] >= 0)
    ground = areas.area[passed & (areas.by_item()["exempt_m2"] == 0)].sum()
    assert f"passed, no floor area: {ground:,.0f} m²" in texts
