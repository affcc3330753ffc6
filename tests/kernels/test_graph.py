"""Bounded searches: against Floyd and Warshall and scipy on drawn networks."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cimkit.kernels import graph
from cimkit.kernels.graph import NOBODY, UNREACHED
from tests.naive_walk import between_nodes
from tests.walk_networks import cases, whole

LIMIT = st.sampled_from([0, 90, 400, 2000])


def _route(previous, node):
    way = [int(node)]
    while previous[way[-1]] != NOBODY:
        way.append(int(previous[way[-1]]))
    return way[::-1]


@settings(max_examples=80, deadline=None)
@given(cases(), LIMIT)
def test_shortest_tree__every_pair_as_floyd_warshall(case, limit):
    csr = graph.build_csr(case.n, *case.edges)
    got = np.stack([graph.shortest_tree(csr, [node], [0.0], limit)[0] for node in range(case.n)])
    assert np.array_equal(got, whole(between_nodes(case.n, *case.edges), limit))


@settings(max_examples=80, deadline=None)
@given(cases(), LIMIT, st.integers(1, 4))
def test_nearest_k__owners_and_ties_as_sorting_all_distances(case, limit, k):
    csr = graph.build_csr(case.n, *case.edges)
    rng = np.random.default_rng(k)
    seeds, offsets = rng.integers(0, case.n, 7), rng.integers(0, 50, 7).astype(float)
    owners = rng.integers(0, 4, 7)
    d = between_nodes(case.n, *case.edges)[seeds] + offsets[:, None].astype(int)
    least = np.array([d[owners == o].min(axis=0) if (owners == o).any() else d[0] * 0 + (1 << 60) for o in range(4)])
    order = np.argsort(least, axis=0, kind="stable")[:k]
    want = whole(np.take_along_axis(least, order, 0), limit).T
    time, owner = graph.nearest_k(csr, seeds, offsets, owners, k, limit)
    assert np.array_equal(time, want)
    assert np.array_equal(owner, np.where(want == int(UNREACHED), NOBODY, order.T))
    first, who = graph.nearest_by_kind(csr, np.array([0, len(seeds)]), seeds, offsets, owners, limit)
    assert np.array_equal(first[0], time[:, 0])
    assert np.array_equal(who[0], owner[:, 0])


@settings(max_examples=60, deadline=None)
@given(cases())
def test_shortest_tree__routes_add_up_and_loads_sum_to_all_who_arrive(case):
    csr = graph.build_csr(case.n, *case.edges)
    time, previous = graph.shortest_tree(csr, [0], [0.0], np.inf)
    d = between_nodes(case.n, *case.edges)
    load = np.where(time != UNREACHED, 1.0, 0.0)
    for node in np.flatnonzero(time != UNREACHED):
        way = _route(previous, node)
        assert way[0] == 0
        arcs = [min(d[a, b], 1 << 40) for a, b in pairwise(way)]
        assert sum(arcs) == time[node]
    passing = graph.tree_loads(previous, load)
    assert passing[0] == load.sum()
    want = np.zeros(case.n)
    for node in np.flatnonzero(load):
        want[_route(previous, node)] += 1
    assert np.array_equal(passing, want)


def test_build_csr__weights_that_are_no_way():
    csr = graph.build_csr(3, [0, 0, 1], [1, 1, 2], [np.nan, -1.0, 5.0], [np.inf, 7.0, 3e9])
    assert csr.heads.tolist() == [0, 2]
    assert sorted(csr.weights.tolist()) == [5, 7]


@pytest.mark.parametrize("limit", [-5.0, 0.0, np.inf])
def test_as_limit__whole_and_bounded(limit):
    assert 0 <= graph.as_limit(limit) <= graph.FARTHEST
