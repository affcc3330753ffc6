"""Walking against other people's numbers: scipy, the checksums of six other tools, Tobler's table."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from cimkit.sim.network import Places, WalkMethod, WalkNetwork
from cimkit.sim.reach import floating_catchments, nearest_places, reach_sums, walk_matrix
from tests.conftest import SHARED
from tests.walk_networks import FLAT, cases

pytestmark = pytest.mark.validation
HARNESS = SHARED / "peers" / "walking"
#: Sums of all answers on the 1k and 10k networks of the harness: scipy, NetworKit, igraph, pandana, graph-tool agree.
BANDS = (300.0, 500.0, 1000.0)


def test_walk__tobler_speeds() -> None:
    """Slopes and speeds of Tobler (1993), as tabulated."""
    slopes = np.array([-0.10, -0.05, 0.0, 0.05, 0.10, 0.20])
    speeds = WalkMethod(speed_ms=6 * np.exp(-3.5 * 0.05) / 3.6).speeds(slopes) * 3.6
    assert speeds.round(3).tolist() == [5.037, 6.0, 5.037, 4.228, 3.549, 2.501]


def csgraph(n: int, u: np.ndarray, v: np.ndarray, w: np.ndarray) -> coo_array:
    """Return the graph for scipy, the shortest of parallel edges; zeros as a tiny weight, for scipy drops them."""
    tails, heads, cost = np.concatenate([u, v]), np.concatenate([v, u]), np.concatenate([w, w]) + 1e-7
    order = np.lexsort((cost, heads, tails))
    tails, heads, cost = tails[order], heads[order], cost[order]
    first = np.append(True, (np.diff(tails) != 0) | (np.diff(heads) != 0))[: len(tails)]
    return coo_array((cost[first], (tails[first], heads[first])), shape=(n, n)).tocsr()


def split(network: WalkNetwork, places: Places) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Return nodes and edges [mm] of the network with a node for every place, at its whole millimetre."""
    n, u, v, w = len(network.nodes), [], [], []
    size = np.round(network.length * 1000)
    at = np.round(np.clip(places.along / np.maximum(network.length[places.edge], 1e-9), 0, 1) * size[places.edge])
    for e in range(len(size)):
        own = np.flatnonzero(places.edge == e)
        own = own[np.argsort(at[own], kind="stable")]
        u += [network.start[e], *(n + own)]
        v += [*(n + own), network.end[e]]
        w += np.diff([0.0, *at[own], size[e]]).tolist()
    return n + len(places.edge), np.array(u), np.array(v), np.array(w)


def scipy_pairs(network: WalkNetwork, a: Places, b: Places) -> np.ndarray:
    """Return all distances [mm] from places a to b by scipy on the split network."""
    both = Places(*(np.concatenate(x) for x in zip(a, b, strict=True)))
    n, u, v, w = split(network, both)
    first = n - len(both.edge)
    full = dijkstra(csgraph(n, u, v, w), indices=first + np.arange(len(a.edge)))[:, first + len(a.edge) :]
    leg = np.round(both.leg * 1000)
    return np.round(full) + leg[: len(a.edge), None] + leg[len(a.edge) :]


@settings(max_examples=60, deadline=None)
@given(cases())
def test_walk__drawn_networks_equal_scipy_to_the_millimetre(case) -> None:
    metres = np.where(np.isfinite(case.forward), case.forward, 50.0) / 1000
    nodes = np.column_stack([np.arange(case.n) * 3.0, np.zeros(case.n)])
    network = WalkNetwork.from_arrays(nodes, case.u, case.v, length=np.maximum(metres, 0.0), method=FLAT)
    a, b = case.places(case.homes), case.places(case.services)
    a, b = (
        p._replace(edge=np.maximum(p.edge, 0), along=p.along * network.length[np.maximum(p.edge, 0)]) for p in (a, b)
    )
    want = scipy_pairs(network, a, b)
    got = walk_matrix(network, a, b) * 1000
    assert np.array_equal(np.round(got[np.isfinite(want)]), want[np.isfinite(want)])
    assert np.isinf(got[~np.isfinite(want)]).all()


def real(path: Path) -> tuple[WalkNetwork, Places, Places, dict[str, np.ndarray]]:
    data = dict(np.load(path))
    xy = np.column_stack([data["x"], data["y"]])
    network = WalkNetwork.from_arrays(xy, data["eu"], data["ev"], length=data["length_mm"] / 1000, method=FLAT)
    homes, shops = (
        Places(
            data[f"{k}_edge"].astype(np.int64),
            data[f"{k}_t"] * network.length[data[f"{k}_edge"]],
            np.zeros(len(data[f"{k}_t"])),
        )
        for k in ("pop", "fac")
    )
    return network, homes, shops, data


def test_walk__helsinki_every_label_of_every_measure_equals_scipy(shared_data: Path) -> None:
    """2,364 nodes of central Helsinki; people and facilities along its edges."""
    network, homes, shops, data = real(shared_data / "walking" / "net_helsinki.npz")
    want = scipy_pairs(network, homes, shops)
    got = walk_matrix(network, homes, shops)
    assert np.array_equal(np.round(got * 1000), want)
    kind = data["fac_cat"].astype(np.int64)
    near, row = nearest_places(network, homes, shops, kind=kind, limit=1200)
    for k in range(20):
        least = want[:, kind == k].min(axis=1)
        assert np.array_equal(near[:, k, 0], np.where(least <= 1_200_000, least / 1000, np.inf))
        on = np.isfinite(near[:, k, 0])
        assert np.array_equal(want[on, row[on, k, 0]], least[on])
    people = data["pop_w"]
    sums = reach_sums(network, shops, homes, people, within=BANDS)
    assert np.array_equal(sums, np.stack([(1000 * r >= want.T) @ people for r in BANDS], axis=1))
    w = np.select([want <= 1000 * r for r in BANDS], (1.0, 0.68, 0.22), 0.0)
    demand = w.T @ people
    ratio = np.divide(data["fac_cap"], demand, out=np.zeros(len(demand)), where=demand > 0)
    score, supply = floating_catchments(network, homes, shops, persons=people, capacity=data["fac_cap"], kind=kind)
    np.testing.assert_allclose(supply, ratio, rtol=1e-12)
    np.testing.assert_allclose(
        score, np.stack([(w * ratio)[:, kind == k].sum(axis=1) for k in range(20)], axis=1), rtol=1e-9
    )


def test_walk__harness_checksums_of_other_tools() -> None:
    """W1 to W4 at 10k nodes: sums on which scipy, pandana, NetworKit, RoutingKit, igraph and graph-tool agree."""
    if not HARNESS.is_dir():
        pytest.skip("../shared/peers/walking is not beside this checkout")
    import json
    import tempfile

    from benchmarks.walking import Town, checksum

    sys.path.insert(0, str(HARNESS))
    try:
        made = importlib.import_module("network").make(10_000)
    finally:
        sys.path.remove(str(HARNESS))
    lines = [json.loads(t) for t in (HARNESS / "baseline.jsonl").read_text().splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net_10k.npz"
        np.savez(path, **made)
        town = Town(path)
        for work in ("W1", "W2", "W3", "W4"):
            sums = [
                r["checksum"]
                for r in lines
                if r["net"] == "net_10k" and r["work"] == work and r["peer"] == "scipy" and "sampled_sources" not in r
            ]
            assert sums
            assert checksum(work, town.prepare(work)()) == pytest.approx(sums[0], rel=1e-12, abs=1e-3)
