"""Cells, matrix, reach and catchments: places along edges against sums over all naive distances."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cimkit.kernels.elimination import Hierarchy
from cimkit.kernels.hilbert import hilbert_order
from cimkit.sim.network import WalkNetwork
from cimkit.sim.reach import METHODS, Decay, floating_catchments, nearest_places, reach_sums, walk_matrix
from tests import naive_walk
from tests.walk_networks import cases, lattice

MS = 60_000
BREAKS = np.array([90, 400, 1000])
WEIGHTS = (1.0, 0.68, 0.22)
STEPS = Decay.steps(BREAKS / MS, WEIGHTS, timed=True)
LINEAR = Decay.of(lambda d: 1.0 - d * MS / 1000, 1000 / MS, timed=True)


def distances(case, a, b):
    return naive_walk.between_places(naive_walk.between_nodes(case.n, *case.edges), case.edges, a, b)


def network_of(case, dense):
    """Return the network, its hierarchies given up if ``dense``: the same answers must come from searches."""
    network = case.network()
    if dense:
        for timed, towards in ((True, True), (True, False)):
            graph = network.graph(timed=timed, towards=towards)
            nodes, none = np.arange(case.n, dtype=np.int32), np.empty(0, np.uint32)
            first = np.zeros(case.n + 1, np.int64)
            given_up = Hierarchy(
                nodes, nodes, first, none.view(np.int32), none, none, np.uint32(0x7FFFFFFE), complete=False
            )
            network._prepared[timed, towards] = (graph, given_up)
    return network


@settings(max_examples=100, deadline=None)
@given(cases(), st.sampled_from([90, 1000, np.inf]), st.booleans())
def test_distances__every_pair_of_places(case, limit, dense):
    network = network_of(case, dense)
    got = walk_matrix(network, case.places(case.homes), case.places(case.services), timed=True, limit=limit / MS)
    want = distances(case, case.homes, case.services)
    want = np.where(want <= min(limit, 1 << 31), want / MS, np.inf)
    assert np.array_equal(got, want)


@settings(max_examples=100, deadline=None)
@given(cases(), st.booleans())
def test_sums_within__as_adding_up_all_pairs(case, dense):
    network = network_of(case, dense)
    a, b = case.places(case.services), case.places(case.homes)
    d = distances(case, case.services, case.homes)
    got = reach_sums(network, a, b, case.people, within=BREAKS / MS, timed=True)
    assert np.array_equal(got, np.stack([(d <= r) @ case.people for r in BREAKS], axis=1))
    got = reach_sums(network, a, b, case.people, within=STEPS)
    np.testing.assert_allclose(got, naive_walk.weight(d, BREAKS, WEIGHTS) @ case.people, atol=1e-9)
    got = reach_sums(network, a, b, case.people, within=LINEAR)
    np.testing.assert_allclose(got, np.where(d <= 1000, 1 - np.minimum(d, 1000) / 1000, 0) @ case.people, atol=1e-9)


@settings(max_examples=120, deadline=None)
@given(cases(), st.sampled_from(sorted(METHODS)), st.booleans(), st.booleans())
def test_catchments__as_the_formulas_over_all_pairs(case, method, dense, linear):
    network = network_of(case, dense)
    d = distances(case, case.homes, case.services).T
    w = np.where(d <= 1000, 1 - np.minimum(d, 1000) / 1000, 0) if linear else naive_walk.weight(d, BREAKS, WEIGHTS)
    want, want_ratio = naive_walk.catchments(w, case.people, case.kind, case.capacity, METHODS[method])
    got, ratio = floating_catchments(
        network,
        case.places(case.homes),
        case.places(case.services),
        persons=case.people,
        capacity=case.capacity,
        kind=case.kind,
        decay=LINEAR if linear else STEPS,
        method=method,
    )
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ratio, want_ratio, rtol=1e-9, atol=1e-9)


@settings(max_examples=80, deadline=None)
@given(cases(), st.integers(1, 4), st.sampled_from([400, np.inf]))
def test_nearest_places__k_nearest_with_ids_as_sorting(case, k, limit):
    got, row = nearest_places(
        case.network(),
        case.places(case.homes),
        case.places(case.services),
        k=k,
        kind=case.kind,
        timed=True,
        limit=limit / MS,
    )
    d = distances(case, case.homes, case.services)
    for c in range(int(case.kind.max()) + 1):
        rows = np.flatnonzero(case.kind == c)
        order = rows[np.argsort(d[:, rows], axis=1, kind="stable")[:, :k]]
        near = np.take_along_axis(d, order, 1)
        ok = near <= min(limit, 1 << 31)
        n = order.shape[1]
        assert np.array_equal(got[:, c, :n], np.where(ok, near / MS, np.inf))
        assert np.array_equal(row[:, c, :n], np.where(ok, order, -1))
        assert np.isinf(got[:, c, n:]).all()


@pytest.fixture(scope="module")
def town():
    u, v, w = lattice(60)
    keep = np.random.default_rng(3).random(len(u)) < 0.8
    nodes = np.column_stack([np.arange(3600) % 60, np.arange(3600) // 60]) * 30.0
    network = WalkNetwork.from_arrays(nodes, u[keep], v[keep], length=w[keep] / 1000)
    rng = np.random.default_rng(4)
    homes, shops = rng.uniform(0, 1770, (1500, 2)), rng.uniform(0, 1770, (300, 2))
    return network, network.place(homes), network.place(shops)


def everything(town):
    network, homes, shops = town
    fresh = WalkNetwork.from_arrays(network.nodes, network.start, network.end, length=network.length)
    people, kind = np.arange(len(homes.edge)) % 7 + 0.1, np.arange(len(shops.edge)) % 5
    out = [walk_matrix(fresh, homes.take(slice(0, 99)), shops)]
    out.append(reach_sums(fresh, homes, shops, people[: len(shops.edge)], within=(300, 500, 1000)))
    for method in METHODS:
        args = {"persons": people, "capacity": people[:300], "kind": kind, "method": method}
        out += floating_catchments(fresh, homes, shops, **args)
        out += floating_catchments(fresh, homes, shops, decay=Decay.gaussian(900), **args)
    return [*out, *nearest_places(fresh, homes, shops, kind=kind, limit=1200)]


def test_all_kernels__bit_identical_on_one_and_two_threads(town):
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one thread only")
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(2)
        two = everything(town)
        numba.set_num_threads(1)
        one = everything(town)
    finally:
        numba.set_num_threads(before)
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a, b)


def test_hilbert_order__a_permutation_whose_steps_are_short():
    xy = np.stack(np.meshgrid(np.arange(32), np.arange(32)), axis=-1).reshape(-1, 2)
    order = hilbert_order(xy)
    assert sorted(order.tolist()) == list(range(1024))
    assert np.abs(np.diff(xy[order], axis=0)).sum(axis=1).mean() < 1.6
    assert len(hilbert_order(np.zeros((0, 2)))) == 0
