"""The sun fan and the rays against closed forms, the reference cases and Embree."""

import json
from pathlib import Path

import numpy as np
import pytest

from cimkit.kernels import bvh, sunfan

pytestmark = pytest.mark.validation

REFERENCE = Path(__file__).parents[2] / ".." / "shared" / "peers" / "sunlight" / "reference" / "analytic_cases.json"
HANGZHOU, GREAT_COLD = 30.25, -20.116
MINUTE = 1 / 60


def cases(kind):
    return json.loads(REFERENCE.read_text())[kind] if REFERENCE.exists() else []


needs_reference = pytest.mark.skipif(not REFERENCE.exists(), reason="../shared/peers/sunlight is not there")


def box(x0, x1, y0, y1, top):
    c = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    out = []
    for (a, b), (p, q) in zip(c, c[1:] + c[:1], strict=True):
        out += [[(a, b, 0), (p, q, 0), (p, q, top)], [(a, b, 0), (p, q, top), (a, b, top)]]
    for z, turn in ((top, 1), (0, -1)):
        ring = [(*p, z) for p in c][::turn]
        out += [[ring[0], ring[1], ring[2]], [ring[0], ring[2], ring[3]]]
    return np.array(out, float)


def wall(height, distance):
    """Return a wall without end to the south, at y = -distance."""
    far = 1e6
    return np.array(
        [
            [(-far, -distance, 0), (far, -distance, 0), (far, -distance, height)],
            [(-far, -distance, 0), (far, -distance, height), (-far, -distance, height)],
        ],
        float,
    )


def lit_hours(triangles, point, latitude, declination, band=(8, 16), normal=(0, 0, 0), closed=False):
    """Return the lit intervals of a point in solar hours."""
    start, stop = (np.radians(15 * (h - 12)) for h in band)
    fan = sunfan.make_fan(np.radians(latitude), (np.radians(declination), 0.0, 0.0), start, stop)
    triangles = np.array(triangles, float).reshape(-1, 3, 3)
    _, starts, ends = sunfan.lit_intervals(
        bvh.build(triangles, closed), np.array([point], float), np.array([normal], float), fan
    )
    return np.column_stack((starts, ends)) / np.radians(15) + 12


@needs_reference
@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("case", cases("boxes"), ids=lambda c: f"{c['name']}, {c['lat']}, {c['dec']}")
def test_lit_intervals__reference_boxes(case, closed):
    solids = [box(*b) for b in case["boxes"]]
    got = lit_hours(
        np.concatenate(solids) if solids else [],
        case["receptor"],
        case["lat"],
        case["dec"],
        case["window"],
        case["normal"] or (0, 0, 0),
        closed,
    )
    assert np.allclose(got, np.array(case["lit"]).reshape(-1, 2), atol=1 / 3600)
    assert abs((got[:, 1] - got[:, 0]).sum() - case["lit_hours"]) < 0.1 * MINUTE


@needs_reference
@pytest.mark.parametrize("case", cases("endless_wall"), ids=str)
def test_lit_intervals__reference_endless_wall(case):
    got = lit_hours(wall(100 * case["H_over_D"], 100), (0, 0, 0), case["lat"], case["dec"])
    assert abs((got[:, 1] - got[:, 0]).sum() - case["lit_hours_8_16"]) < 0.1 * MINUTE


@needs_reference
@pytest.mark.parametrize("case", cases("spacing"), ids=str)
def test_lit_intervals__reference_spacing_ratio(case):
    got = lit_hours(wall(10, 10 * case["D_over_H"]), (0, 0, 0), case["lat"], case["dec"])
    assert abs((got[:, 1] - got[:, 0]).sum() - case["hours"]) < 0.1 * MINUTE + 0.02 * (case["hours"] == 1)


@pytest.mark.parametrize(
    ("k", "hours"),
    [(1.20, 0), (1.21, 0.625), (1.22, 1.353), (1.25, 2.434), (1.30, 3.475), (1.40, 4.728), (1.50, 5.533), (2.0, 7.459)],
)
def test_lit_intervals__hours_behind_an_endless_wall_great_cold(k, hours):
    got = lit_hours(wall(30, 30 * k), (0, 0, 0), HANGZHOU, GREAT_COLD)
    assert abs((got[:, 1] - got[:, 0]).sum() - hours) < 0.005


@pytest.mark.parametrize(
    ("size", "hours"), [((30, 30, 30), 4.94), ((30, 30, 20), 3.53), ((60, 54, 40), 3.53), ((20, 100, 60), 6.96)]
)
def test_lit_intervals__hours_behind_a_slab(size, hours):
    width, height, distance = size
    slab = box(-width / 2, width / 2, -distance - 12, -distance, height)
    got = lit_hours(slab, (0, 0, 0), HANGZHOU, GREAT_COLD, closed=True)
    assert abs((got[:, 1] - got[:, 0]).sum() - hours) < 0.01


@pytest.mark.parametrize(
    ("turn", "hours"),
    [(0, 8), (15, 8), (30, 8), (45, 6.883), (60, 5.75), (90, 4), (135, 1.117), (180, 0)],
)
def test_lit_intervals__hours_of_a_free_facade(turn, hours):
    for side in (1, -1):
        normal = (side * np.sin(np.radians(turn)), -np.cos(np.radians(turn)), 0)
        got = lit_hours([], (0, 0, 3), HANGZHOU, GREAT_COLD, normal=normal)
        assert abs((got[:, 1] - got[:, 0]).sum() - hours) < 0.02


def random_scene(rng, m):
    x, y = rng.uniform(-150, 150, (2, m))
    w, d, h = rng.uniform(8, 30, m), rng.uniform(8, 16, m), rng.uniform(8, 60, m)
    closed = [box(x[k], x[k] + w[k], y[k], y[k] + d[k], h[k]) for k in range(m)]
    return np.concatenate((*closed, rng.uniform(-150, 150, (60, 1, 3)) + rng.uniform(-8, 8, (60, 3, 3)) + [0, 0, 150]))


def embree_hits(triangles, origins, directions):
    scene = pytest.importorskip("embreex.rtcore_scene").EmbreeScene()
    from embreex.mesh_construction import TriangleMesh

    mesh = TriangleMesh(scene, triangles.astype(np.float32))
    assert mesh is not None
    i, j = np.divmod(np.arange(len(origins) * len(directions)), len(directions))
    hit = scene.run(origins[i].astype(np.float32), directions[j].astype(np.float32), query="OCCLUDED")
    return (np.asarray(hit) >= 0).reshape(len(origins), -1)


@pytest.mark.parametrize("seed", [1, 2])
def test_rays_and_fan__agree_with_embree(seed):
    rng = np.random.default_rng(seed)
    triangles = random_scene(rng, 60)
    points = np.column_stack((rng.uniform(-150, 150, (600, 2)), rng.uniform(0, 30, 600)))
    latitude, declination = rng.uniform(-50, 50), rng.uniform(-23, 23)
    w = np.radians(np.linspace(-60, 60, 481))
    fan = sunfan.make_fan(np.radians(latitude), (np.radians(declination), 0.0, 0.0), w[0], w[-1])
    d = np.full(w.shape, fan.declination[0])
    suns = np.column_stack((np.cos(d) * np.cos(w), np.cos(d) * np.sin(w), np.sin(d))) @ fan.axes
    suns, w = suns[suns[:, 2] > 0.01], w[suns[:, 2] > 0.01]
    tree = bvh.build(triangles)
    ours = bvh.any_hits(tree, points, np.ascontiguousarray(suns))
    embree = embree_hits(triangles, points, suns)
    assert (ours != embree).mean() < 1e-4  # Embree computes in float32

    offsets, starts, ends = sunfan.lit_intervals(tree, points, np.zeros(points.shape), fan)
    near = np.radians(15) / 3600  # one second
    for i in range(len(points)):
        a, b = starts[offsets[i] : offsets[i + 1]], ends[offsets[i] : offsets[i + 1]]
        inside = ((w[:, None] > a) & (w[:, None] < b)).any(axis=1)
        at_an_end = (np.abs(w[:, None] - np.concatenate((a, b))) < 2 * near).any(axis=1)
        assert (inside == ~embree[i])[~at_an_end].all(), points[i]
