"""Shadow outlines and isochrones by hand and against the kernel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely

from cimkit.errors import InputError
from cimkit.geometry.triangles import Triangles
from cimkit.model.community import Community
from cimkit.model.records import Building, Location, Parcel
from cimkit.sim.receptors import Receptors
from cimkit.sim.sunlight import SunlightMethod, sunlight
from cimkit.sim.sunlit import isochrones, shadows
from cimkit.sim.sunpath import SunDay

HANGZHOU = Location(30.25, 120.17)
DAY = SunDay.great_cold(HANGZHOU)


def test_shadows__noon_shadow_of_a_box_by_hand() -> None:
    c = Community.of(
        buildings=[Building("A", shapely.box(0, 0, 20, 10), storeys=1, storey_height=30.0)], location=HANGZHOU
    )
    noon = shadows(c, DAY, hours=[12.0]).outlines[0]
    length = 30.0 / np.tan(np.radians(DAY.position([12.0])[0][0]))
    assert noon.equals_exact(shapely.box(0, 0, 20, 10 + length).normalize(), 1e-6) or noon.area == pytest.approx(
        20 * (10 + length)
    )


def test_shadows__under_an_open_storey_light_falls_through() -> None:
    b = Building("A", shapely.box(0, 0, 20, 10), storeys=2, storey_height=3.0, ground_storey_height=20.0, stilt=True)
    c = Community.of(buildings=[b], location=HANGZHOU)
    noon = shadows(c, DAY, hours=[12.0]).outlines[0]
    assert not noon.contains(shapely.Point(10, 11))
    assert noon.contains(shapely.Point(10, 20 / np.tan(np.radians(DAY.position([12.0])[0][0])) + 5))


def test_shadows__agree_with_the_kernel_at_random_points() -> None:
    rng = np.random.default_rng(3)
    blocks = [Building(f"B{k}", shapely.box(x, y, x + 18, y + 12), storeys=int(n)) for k, (x, y, n) in enumerate(
        [(0, 0, 10), (40, 5, 6), (10, 50, 18)])]  # fmt: skip
    c = Community.of(buildings=blocks, location=HANGZHOU)
    xy = rng.uniform(-40, 120, (400, 2))
    free = ~shapely.contains_xy(shapely.union_all(c.buildings.footprint.to_shapely()), xy[:, 0], xy[:, 1])
    points = Receptors.at(np.column_stack([xy[free], np.zeros(free.sum())]))
    light = sunlight(c, points, DAY, method=SunlightMethod.ALL_SUN)
    for hour in (9.0, 11.5, 14.25):
        outline = shadows(c, DAY, hours=[hour]).outlines[0]
        dark = shapely.contains_xy(outline, points.points[:, 0], points.points[:, 1])
        near = shapely.distance(shapely.points(points.points[:, :2]), outline.boundary) < 1e-3
        lit = np.array([any(a <= hour <= b for a, b in light.intervals(k)) for k in range(len(light))])
        assert (lit == ~dark)[~near].all()


def test_shadows__of_a_deck_given_as_triangles() -> None:
    """A square 6 m up is thrown 6 cot h to the north at noon, whole, with light below it."""
    deck = np.array([[[0, 0, 6], [10, 0, 6], [10, 10, 6]], [[0, 0, 6], [10, 10, 6], [0, 10, 6]]], dtype=np.float64)
    c = replace(Community.of(location=HANGZHOU), mesh=Triangles.of(deck, np.array([-1, -1])))
    noon = shadows(c, DAY, hours=[12.0]).outlines[0]
    way = 6.0 / np.tan(np.radians(DAY.position([12.0])[0][0]))
    assert noon.symmetric_difference(shapely.box(0, way, 10, 10 + way)).area == pytest.approx(0, abs=1e-6)


def test_shadows__night_is_empty_and_bad_hours_are_refused() -> None:
    c = Community.of(buildings=[Building("A", shapely.box(0, 0, 20, 10))], location=HANGZHOU)
    assert shadows(c, DAY, hours=[0.0]).union().is_empty
    with pytest.raises(InputError, match=r"within 0\.\.24"):
        shadows(c, DAY, hours=[25.0])


def test_isochrones__shrink_with_the_hours_and_keep_off_buildings() -> None:
    c = Community.of(
        parcels=[Parcel("P", shapely.box(-20, -20, 60, 60))],
        buildings=[Building("A", shapely.box(0, 0, 30, 10), storeys=8)],
        location=HANGZHOU,
    )
    lines = isochrones(c, DAY, spacing=4.0, levels=(1, 2, 4, 8))
    sizes = shapely.area(lines.areas)
    assert (np.diff(sizes) <= 0).all()
    assert not lines.areas[0].intersects(shapely.box(1, 1, 29, 9))
    assert lines.to_frame()["area_m2"].tolist() == sizes.tolist()
    everywhere = shapely.box(-20, -20, 60, 60).difference(shapely.box(0, 0, 30, 10))
    south = everywhere.intersection(shapely.box(-20, -20, 60, 0))
    assert lines.areas[2].buffer(1e-9).contains(south)  # up to the sunny wall, whatever the grid
    with pytest.raises(InputError, match="levels must rise"):
        isochrones(c, DAY, levels=(3, 2))
