"""Networks for tests: loops, parallel edges, zero lengths, islands, one-way edges; places at nodes and on one edge."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from cimkit.geometry.polygons import Lines
from cimkit.kernels.graph import UNREACHED
from cimkit.sim.network import Places, WalkMethod, WalkNetwork

FLAT = WalkMethod("test", speed_ms=1.0, slopes=False)


class Case(NamedTuple):
    n: int
    u: np.ndarray
    v: np.ndarray
    forward: np.ndarray
    backward: np.ndarray
    homes: list
    services: list
    kind: np.ndarray
    people: np.ndarray
    capacity: np.ndarray

    @property
    def edges(self):
        return self.u, self.v, self.forward, self.backward

    def network(self):
        """Return the case with its weights as milliseconds, every edge 1 m long."""
        nodes = np.column_stack([np.arange(self.n) * 7.0 % 5, np.arange(self.n) * 3.0 % 4, np.zeros(self.n)])
        course = Lines(np.stack([nodes[self.u], nodes[self.v]], axis=1).reshape(-1, 3), 2 * np.arange(len(self.u) + 1))
        minutes = self.forward / 60_000, self.backward / 60_000
        return WalkNetwork(nodes, self.u, self.v, course, np.ones(len(self.u)), *minutes, FLAT, np.arange(len(self.u)))

    def places(self, which):
        """Return homes or services as places."""
        edge, share, leg = (np.array(c) for c in zip(*which, strict=True))
        return Places(edge, share.astype(float), leg / 1000)


@st.composite
def cases(draw, most=9):
    """Draw a network with homes and services, places being (edge, share, leg)."""
    n = draw(st.integers(1, most))
    m = draw(st.integers(1, 2 * most))
    node = st.integers(0, n - 1)
    weight = st.one_of(st.just(0.0), st.integers(1, 400).map(float), st.just(np.inf))
    u, v = (np.array(draw(st.lists(node, min_size=m, max_size=m))) for _ in range(2))
    forward = np.array(draw(st.lists(weight, min_size=m, max_size=m)))
    both = np.array(draw(st.lists(st.booleans(), min_size=m, max_size=m)))
    back = np.array(draw(st.lists(weight, min_size=m, max_size=m)))
    place = st.tuples(st.integers(-1, m - 1), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.integers(0, 30))
    homes = draw(st.lists(place, min_size=1, max_size=40))
    services = draw(st.lists(place, min_size=1, max_size=12))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    kind = rng.integers(0, 3, len(services))
    people, capacity = rng.integers(0, 9, len(homes)).astype(float), rng.integers(1, 9, len(services)).astype(float)
    return Case(n, u, v, forward, np.where(both, forward, back), homes, services, kind, people, capacity)


def lattice(side, step=40_000, seed=0):
    """Return edges u, v and weights of a full lattice, the densest thing that is still planar."""
    at = np.arange(side * side).reshape(side, side)
    u = np.concatenate([at[:, :-1].ravel(), at[:-1].ravel()])
    v = np.concatenate([at[:, 1:].ravel(), at[1:].ravel()])
    return u, v, np.random.default_rng(seed).integers(step // 2, step, len(u)).astype(float)


def whole(distances, limit):
    """Return naive distances as the kernels do: beyond the limit is UNREACHED."""
    return np.where(distances <= limit, distances, int(UNREACHED))
