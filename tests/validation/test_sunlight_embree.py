"""Lit intervals of real tiles and of the sample against Embree; each difference explained by float64 rays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cimkit as ck
from cimkit.geometry.triangles import Scene
from cimkit.io.files import read
from cimkit.sim.receptors import facade_receptors, ground_receptors, window_receptors
from cimkit.sim.sunlight import SunlightMethod, _fan, _lit_points

pytestmark = pytest.mark.validation

MOST = 1500  # receptors of a case
TILES = {
    "delft": "delft_cityjson/delft.city.json",
    "denhaag": "denhaag_cityjson/DenHaag_01.city.json.zip",
    "sample": "",
}


@pytest.fixture(scope="module", params=TILES)
def tile(request: pytest.FixtureRequest) -> ck.Community:
    if not TILES[request.param]:
        return ck.samples.future_community()
    folder: Path = request.getfixturevalue("shared_data")
    return read(folder / TILES[request.param])[0]


def embree_hits(triangles: np.ndarray, points: np.ndarray, suns: np.ndarray) -> np.ndarray:
    """Whether Embree finds anything, in float32 from the middle of the scene, shape (n, t)."""
    scene = pytest.importorskip("embreex.rtcore_scene").EmbreeScene()
    from embreex.mesh_construction import TriangleMesh

    middle = 0.5 * (triangles.min(axis=(0, 1)) + triangles.max(axis=(0, 1)))
    mesh = TriangleMesh(scene, (triangles - middle).astype(np.float32))
    assert mesh is not None
    i, j = np.divmod(np.arange(len(points) * len(suns)), len(suns))
    hit = scene.run((points - middle)[i].astype(np.float32), suns[j].astype(np.float32), query="OCCLUDED")
    return (np.asarray(hit) >= 0).reshape(len(points), -1)


def plain_hit(triangles: np.ndarray, origin: np.ndarray, direction: np.ndarray) -> bool:
    """Möller and Trumbore in float64 on every triangle."""
    one, two = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    p, s = np.cross(direction, two), origin - triangles[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        det = np.einsum("ij,ij->i", one, p)
        u = np.einsum("ij,ij->i", s, p) / det
        q = np.cross(s, one)
        v, t = q @ direction / det, np.einsum("ij,ij->i", two, q) / det
        return bool(((u >= 0) & (v >= 0) & (u + v <= 1) & (t > 1e-9)).any())


def spots(c: ck.Community) -> tuple[np.ndarray, np.ndarray]:
    """Some windows or facade points and some of the ground, points and normals."""
    sets = [window_receptors(c) if len(c.windows) else facade_receptors(c, spacing=3.0), ground_receptors(c)]
    rng = np.random.default_rng(3)
    some = [r.take(np.sort(rng.choice(len(r), min(MOST // 2, len(r)), replace=False))) for r in sets]
    lifted = [r.points + [0, 0, 0.05 * (k == 1)] for k, r in enumerate(some)]
    return np.concatenate(lifted), np.concatenate([r.normals for r in some])


@pytest.mark.parametrize("way", ["columns", "triangles"])
def test_sunlight__equals_embree_on_real_tiles(tile: ck.Community, way: str) -> None:
    """Every instant of the day at which the two differ is one where a float64 ray agrees with us, or a second off."""
    day = ck.SunDay.great_cold(tile.require_location())
    fan = _fan(day, SunlightMethod.ALL_SUN, tile.frame.convergence)
    points, normals = spots(tile)
    triangles = tile.scene.triangles.corners
    scene = tile.shading if way == "columns" else Scene(tile.scene.triangles)
    offsets, starts, ends = _lit_points(scene, points, normals, fan)

    w = day.hour_angles(2.0)[:-1] + np.radians(0.25)
    d = np.full(w.shape, fan.declination[0])
    suns = np.column_stack([np.cos(d) * np.cos(w), np.cos(d) * np.sin(w), np.sin(d)]) @ fan.axes
    w, suns = w[suns[:, 2] > 0], np.ascontiguousarray(suns[suns[:, 2] > 0])
    facing = (normals @ suns.T > 0) | (normals[:, 2:] == 1)
    embree = ~embree_hits(triangles, points, suns) & facing
    row = np.repeat(np.arange(len(points)), np.diff(offsets))
    ours = np.zeros(embree.shape, dtype=bool)
    for a, b, i in zip(starts, ends, row, strict=True):
        ours[i] |= (w > a) & (w < b)

    second = np.radians(15) / 3600
    differs = np.argwhere(ours != embree)
    unexplained = []
    for i, j in differs:
        own = slice(offsets[i], offsets[i + 1])
        near_an_end = (np.abs(w[j] - np.concatenate([starts[own], ends[own]])) < 2 * second).any()
        if not near_an_end and plain_hit(triangles, points[i], suns[j]) == ours[i, j]:
            unexplained.append((points[i].tolist(), float(w[j])))
    assert not unexplained
    assert len(differs) <= 1e-4 * ours.size
    assert 0.05 < ours.mean() < 0.95
