"""What must hold of areas, on 10,000 random cases at once: for the sweep, for the ledgers, against shapely.

Half of the cases lie on a grid of whole metres, where edges touch, cross in corners and coincide; half anywhere, to
0.1 mm. The same laws are tested by hypothesis, which looks for the smallest case that breaks them, in
``tests/kernels/test_overlay.py`` and ``tests/sim/test_areas.py``; 10,000 times with ``--hypothesis-profile=many``.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import pytest
import shapely

from cimkit.geometry.polygons import Polygons
from cimkit.geometry.ragged import offsets_of
from cimkit.kernels.overlay import Pairs, Shapes, overlay_areas
from cimkit.model.community import Community
from cimkit.model.kinds import SpaceKind, StoreyKind, VoidKind
from cimkit.model.tables import Buildings, Parcels, Plates, Spaces, Storeys, Voids
from cimkit.sim.area_items import INSIDE, LEAST, OPENINGS, OUTSIDE
from cimkit.sim.area_rules import LocalRules
from cimkit.sim.areas import AreaMethod, floor_areas
from tests.naive_overlay import parts_of

COUNT = 10_000
SPAN = 60.0  # [m] from one case to the next
CLASSES = 3


class Cases(NamedTuple):
    """Plates and parcels (n), voids and spaces with the case each belongs to, and classes of spaces."""

    plates: np.ndarray
    parcels: np.ndarray
    voids: np.ndarray
    void_of: np.ndarray
    spaces: np.ndarray
    space_of: np.ndarray
    kind: np.ndarray


def shapes_in(rng, case, size):
    """Draw a rectangle on whole metres for even cases, a star of five to nine corners for odd ones."""
    n = len(case)
    at = np.column_stack([case % 100, case // 100]) * SPAN
    low, extent = at + rng.integers(-12, 9, (n, 2)), rng.integers(1, size, (n, 2))
    corners = rng.integers(5, 10, n)
    row = np.repeat(np.arange(n), corners)
    turn = (np.arange(len(row)) - offsets_of(corners)[row] + rng.uniform(0, 0.9, len(row))) / corners[row] * 2 * np.pi
    reach = rng.uniform(0.3, 1.0, len(row)) * size
    xy = (at + rng.uniform(-12, 12, (n, 2)))[row] + reach[:, None] * np.column_stack([np.cos(turn), np.sin(turn)])
    stars = shapely.polygons(shapely.linearrings(np.round(xy, 4), indices=row))
    return np.where(case % 2, stars, shapely.box(*low.T, *(low + extent).T))


@pytest.fixture(scope="module")
def cases():
    rng = np.random.default_rng(5)
    every = np.arange(COUNT)
    void_of, space_of = (np.repeat(every, rng.integers(0, most, COUNT)) for most in (3, 5))
    return Cases(
        shapes_in(rng, every, 18), shapes_in(rng, every, 25), shapes_in(rng, void_of, 6), void_of,
        shapes_in(rng, space_of, 9), space_of, rng.integers(0, CLASSES, len(space_of)),
    )  # fmt: skip


def ragged(shapes, owner=None, kind=None):
    """Lay shapes out for the kernel."""
    p = Polygons.from_shapely(shapes)
    laid = Shapes(p.xy, p.ring, p.poly)
    if owner is None:
        return laid
    return laid._replace(start=offsets_of(np.bincount(owner, minlength=COUNT)), kind=kind.astype(np.int64))


def swept(c):
    """Return gross, void, net, covered area, and share and own of each class, shape (n, 10)."""
    order, at = np.argsort(c.void_of, kind="stable"), np.argsort(c.space_of, kind="stable")
    every = np.arange(COUNT)
    r = overlay_areas(
        ragged(c.plates),
        parts_of(ragged(c.voids[order], c.void_of, np.zeros(len(order))), ragged(c.spaces[at], c.space_of, c.kind[at])),
        ragged(c.parcels),
        Pairs(every, every, np.zeros(COUNT, dtype=bool)), start=CLASSES * np.arange(COUNT + 1),
    )  # fmt: skip
    return np.column_stack([r.total, r.share.reshape(-1, CLASSES), r.own.reshape(-1, CLASSES)])


def moved(c, change):
    """Return the cases with all coordinates changed."""
    names = ("plates", "parcels", "voids", "spaces")
    return c._replace(**{k: shapely.transform(getattr(c, k), change) for k in names})


def united(shapes, owner):
    """Return the union of the shapes of each case."""
    result = np.full(COUNT, shapely.Polygon(), dtype=object)
    groups, place = np.unique(owner, return_inverse=True)
    result[groups] = shapely.union_all(shapely.geometrycollections(shapes, indices=place)[:, None], axis=1)
    return result


def test_area_sweep__agrees_with_shapely(cases):
    c = cases
    gross = shapely.intersection(c.plates, c.parcels)
    net = shapely.difference(gross, united(c.voids, c.void_of))
    parts = [united(c.spaces[c.kind == k], c.space_of[c.kind == k]) for k in range(CLASSES)]
    first = shapely.union(parts[0], parts[1])
    regions = [gross, gross, net, shapely.union(first, parts[2]), *parts, parts[0]]
    regions += [shapely.difference(parts[1], parts[0]), shapely.difference(parts[2], first)]
    expected = np.column_stack([shapely.area(shapely.intersection(net, r)) for r in regions])
    expected[:, 0] = shapely.area(gross)
    expected[:, 1] = expected[:, 0] - expected[:, 2]
    assert (np.abs(swept(c) - expected) <= 1e-9 * shapely.area(c.plates)[:, None]).all()


def test_area_sweep__parts_sum_and_no_void_adds(cases):
    gross, void, net, covered, *classes = swept(cases).T
    share, own = np.array(classes[:CLASSES]), np.array(classes[CLASSES:])
    assert net + void == pytest.approx(gross, abs=1e-9)
    assert own.sum(axis=0) == pytest.approx(covered, abs=1e-9)
    assert (own <= share + 1e-9).all()
    assert (share <= net + 1e-9).all()
    fresh = np.arange(COUNT)
    more = shapes_in(np.random.default_rng(6), fresh, 8)
    holed = cases._replace(voids=np.append(cases.voids, more), void_of=np.append(cases.void_of, fresh))
    after = swept(holed)
    assert after[:, 0] == pytest.approx(gross, abs=1e-9)
    assert (after[:, 1] >= void - 1e-9).all()
    assert ([net, covered, *share] + np.float64(1e-9) >= after[:, 2:7].T).all()


def shuffled(c):
    """Return the cases with voids and spaces in another order."""
    rng = np.random.default_rng(7)
    a, b = rng.permutation(len(c.void_of)), rng.permutation(len(c.space_of))
    return c._replace(
        voids=c.voids[a], void_of=c.void_of[a], spaces=c.spaces[b], space_of=c.space_of[b], kind=c.kind[b]
    )


def turned(v):
    """Mirror, turn by a Pythagorean angle and move."""
    return (v * [-1, 1]) @ np.array([[0.8, 0.6], [-0.6, 0.8]]) + [123.456, -777.7]


@pytest.mark.parametrize(
    ("change", "accuracy"),
    [(turned, 1e-9), (lambda v: v + [40_500_000, 3_340_000], 1e-6)],  # there coordinates are good to 7e-9 m
    ids=["mirrored, turned, moved", "zone-prefixed"],
)
def test_area_sweep__order_moving_and_mirroring_change_nothing(cases, change, accuracy):
    assert swept(moved(shuffled(cases), change)) == pytest.approx(swept(cases), abs=accuracy)


def town_of(c, seed=8):
    """Return a community of one building for each case: a storey on a basement, with all kinds of space and void."""
    rng = np.random.default_rng(seed)
    n, m = len(c.void_of), len(c.space_of)
    every = np.arange(COUNT)
    ids = np.char.add("B", every.astype(str)).astype(object)
    footprint = Polygons.from_shapely(c.plates)
    own = {
        "kind": rng.permutation(np.arange(m) % len(SpaceKind)), "clear_height": rng.uniform(2, 6, m),
        "roofed": rng.integers(-1, 2, m), "enclosed": rng.integers(-1, 2, m),
        "inside_structure": rng.integers(-1, 2, m), "columns_rows": rng.integers(-1, 3, m),
        "public": rng.random(m) < 0.5, "planted_share": rng.random(m), "soil_depth": rng.uniform(0, 0.8, m),
        "sill_height": rng.uniform(0, 1, m),
    }  # fmt: skip
    level, basement = np.tile([1, -1], COUNT), np.tile([False, True], COUNT)
    return Community(
        parcels=Parcels(id=ids, outline=Polygons.from_shapely(c.parcels)),
        buildings=Buildings(id=ids, footprint=footprint, parcel=every, height=np.full(COUNT, 4.0)),
        plates=Plates(outline=footprint),
        storeys=Storeys(
            building=np.repeat(every, 2), level=level, plate=np.repeat(every, 2), height=rng.uniform(2, 6, 2 * COUNT),
            z=np.where(basement, -6.0, 0.0), enclosed=rng.random(2 * COUNT) < 0.5,
            kind=np.where(basement, StoreyKind.BASEMENT, rng.integers(0, 2, 2 * COUNT) * StoreyKind.STILT),
        ),
        voids=Voids(storey=2 * c.void_of, outline=Polygons.from_shapely(c.voids), kind=np.arange(n) % len(VoidKind)),
        spaces=Spaces(
            id=np.char.add("S", np.arange(m).astype(str)).astype(object), outline=Polygons.from_shapely(c.spaces),
            storey=2 * c.space_of, **own,
        ),
    )  # fmt: skip


METHODS = (
    AreaMethod.GBT50353_2013,
    AreaMethod.GB55031_2022.at(LocalRules.NANNING),
    AreaMethod.GBT50353_2013.at(LocalRules.SINGAPORE_URA),
)


@pytest.fixture(scope="module")
def town(cases):
    return town_of(cases)


@pytest.fixture(scope="module", params=METHODS, ids=[m.local.name for m in METHODS])
def ledgers(request, town):
    return floor_areas(town, method=request.param)


def test_ledgers__order_moving_and_mirroring_change_nothing(cases, ledgers):
    other = town_of(moved(cases, turned))
    rng = np.random.default_rng(9)
    spaces, voids = (t.take(rng.permutation(len(t))) for t in (other.spaces, other.voids))
    other = dataclasses.replace(other, spaces=spaces, voids=voids)
    after = floor_areas(other, method=ledgers.method).totals("building").drop(columns="building").to_numpy()
    before = ledgers.totals("building").drop(columns="building").to_numpy()
    assert after == pytest.approx(before, abs=1e-6)
    assert (before[:, 6] > 0).sum() > 10  # some have exempt space


def test_ledgers__counted_and_exempt_are_the_whole(ledgers):
    t = ledgers.totals("building")
    counted = t["far_area_m2"] + t["exempt_m2"] + t["below_ground_m2"]
    assert counted.to_numpy() == pytest.approx((t["building_area_m2"] + t["multiplied_m2"]).to_numpy(), abs=1e-6)
    assert (ledgers.factor >= 0).all()


def test_ledgers__square_metres_are_those_of_shapely(cases, town):
    kind, storey = town.spaces.kind, town.spaces.storey // 2
    hung, ground = np.isin(kind, OUTSIDE), ~np.isin(kind, [*INSIDE, *OUTSIDE])
    beyond = shapely.difference(united(cases.spaces[hung], storey[hung]), cases.plates)
    expected = 2 * shapely.area(cases.plates) + shapely.area(beyond)
    expected += np.bincount(storey[ground], shapely.area(cases.spaces[ground]), COUNT)
    areas = floor_areas(town)
    gross = np.bincount(areas.items["building"], areas.area, COUNT)
    # Nothing below 0.01 m² is listed; each case has at most eight items.
    assert (expected - gross <= 8 * LEAST).all()
    assert (gross - expected <= 1e-9 * expected).all()


def test_ledgers__an_opening_never_adds_building_area(cases, town):
    method = AreaMethod.GBT50353_2013.at(LocalRules.NATIONAL)
    more = shapes_in(np.random.default_rng(6), np.arange(COUNT), 8)
    outline = Polygons.concat([town.voids.outline, Polygons.from_shapely(more)])
    extra = np.arange(COUNT) % len(OPENINGS)
    voids = Voids(
        storey=np.append(town.voids.storey, 2 * np.arange(COUNT)), outline=outline,
        kind=np.append(town.voids.kind, np.array(OPENINGS)[extra]),
    )  # fmt: skip
    before, after = (
        floor_areas(t, method=method).totals("building")["building_area_m2"].to_numpy()
        for t in (town, dataclasses.replace(town, voids=voids))
    )
    assert (after <= before + 1e-6).all()
    assert (after < before - 1).mean() > 0.3
