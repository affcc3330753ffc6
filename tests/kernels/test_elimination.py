"""Elimination and sweeps: every label up to the limit as in the bounded search; dense graphs fall back to it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cimkit.kernels import elimination, graph, sweep
from cimkit.kernels.graph import UNREACHED
from cimkit.kernels.sweep import nearest_kinds, sweep_kinds, sweep_owners
from tests.naive_walk import between_nodes
from tests.walk_networks import cases, lattice, whole


@settings(max_examples=120, deadline=None)
@given(cases(most=12), st.sampled_from([0, 60, 400, np.inf]), st.integers(1, 20))
def test_sweep__labels_and_owners_as_floyd_warshall(case, limit, kinds):
    csr = graph.build_csr(case.n, *case.edges)
    rng = np.random.default_rng(kinds)
    start = np.append(0, np.cumsum(rng.integers(0, 4, kinds)))
    seeds, offsets = rng.integers(0, case.n, start[-1]), rng.integers(0, 60, start[-1]).astype(float)
    owners = rng.permutation(start[-1])
    tree = elimination.build(csr, limit)
    assert tree.complete
    d = np.concatenate([between_nodes(case.n, *case.edges)[seeds] + offsets[:, None].astype(int)])
    want = [d[a:b].min(axis=0) if b > a else np.full(case.n, 1 << 60) for a, b in pairwise(start)]
    want = whole(np.array(want).T, min(limit, 1 << 31))
    assert np.array_equal(sweep_kinds(tree, start, seeds, offsets, limit), want)
    time, owner = sweep_owners(tree, start, seeds, offsets, owners, limit)
    again, who = graph.nearest_by_kind(csr, start, seeds, offsets, owners, limit)
    assert np.array_equal(time, want)
    assert np.array_equal(again.T, want)
    assert np.array_equal(owner, who.T)


@settings(max_examples=60, deadline=None)
@given(cases(most=12))
def test_build__positions_are_a_permutation_and_arcs_climb(case):
    tree = elimination.build(graph.build_csr(case.n, *case.edges), np.inf)
    assert np.array_equal(tree.node[tree.position], np.arange(case.n))
    lower = np.repeat(np.arange(case.n), np.diff(tree.first))
    assert (tree.upper > lower).all()


def test_nearest_kinds__a_dense_graph_falls_back_to_the_search():
    u, v = np.triu_indices(400, 1)
    w = np.random.default_rng(0).integers(1, 1_000_000, len(u)).astype(float)
    csr = graph.build_csr(400, u, v, w, w)
    tree, near = elimination.build(csr, np.inf), elimination.build(csr, 9000)
    assert not tree.complete  # all lines of sight: it would fill up
    assert near.complete
    seeds = np.array([0, 70, 399])
    by_search = nearest_kinds(csr, tree, np.array([0, 3]), seeds, np.zeros(3), np.arange(3), 9000)
    by_sweep = nearest_kinds(csr, near, np.array([0, 3]), seeds, np.zeros(3), np.arange(3), 9000)
    assert np.array_equal(by_search[0], by_sweep[0])
    assert np.array_equal(by_search[1], by_sweep[1])
    assert (by_search[0] == UNREACHED).any()


@pytest.mark.parametrize("side", [5, 60])
def test_build__a_lattice_as_the_search(side):
    u, v, w = lattice(side)
    csr = graph.build_csr(side * side, u, v, w, w)
    for limit in (200_000, np.inf):
        tree = elimination.build(csr, limit)
        got = sweep_kinds(tree, np.array([0, 1]), np.array([side]), np.zeros(1), limit)
        assert np.array_equal(got[:, 0], graph.shortest_tree(csr, [side], [0.0], limit)[0])


@pytest.mark.parametrize("n", [1, 2])
def test_build__no_edges_at_all(n):
    none = np.zeros(0, int)
    tree = elimination.build(graph.build_csr(n, none, none, none, none), 100.0)
    got = sweep_kinds(tree, np.array([0, 1]), np.array([0]), np.array([3.0]), 100.0)
    assert got[0, 0] == 3
    assert (got[1:] == UNREACHED).all()


@pytest.mark.parametrize("kinds", [1, 16, 37])
def test_sweep_kinds__same_numbers_from_one_thread_and_from_all(kinds, monkeypatch):
    u, v, w = lattice(30)
    tree, rng = elimination.build(graph.build_csr(900, u, v, w, w), 500_000), np.random.default_rng(kinds)
    start, seeds = np.arange(0, 3 * kinds + 1, 3), rng.integers(0, 900, 3 * kinds)
    one = sweep_kinds(tree, start, seeds, np.zeros(3 * kinds), 400_000)
    monkeypatch.setattr(sweep, "SMALL", 0)
    assert np.array_equal(one, sweep_kinds(tree, start, seeds, np.zeros(3 * kinds), 400_000))
    assert np.array_equal(one, sweep_owners(tree, start, seeds, np.zeros(3 * kinds), seeds, 400_000)[0])
