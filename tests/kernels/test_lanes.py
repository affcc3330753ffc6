"""Rows as vectors: each operation as its plain twin, and all kernels with plain rows in a process of their own."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from cimkit.kernels import _lanes, lanes
from cimkit.kernels.graph import UNREACHED


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="vectors are compiled")
@pytest.mark.parametrize("width", [lanes.OWNED, lanes.KINDS, lanes.WIDE])
def test_push_and_pull__as_their_plain_twins(width):
    kind = np.uint64 if width == lanes.OWNED else np.uint32
    rng = np.random.default_rng(width)
    heads, low, high = rng.integers(0, 9, 20).astype(np.int32), 3, 17
    weights = rng.integers(0, 1 << 20, 20).astype(kind)
    push, pull, clear = (lanes.VECTOR[name] for name in ("push", "pull", "clear"))

    @numba.njit
    def vector(table, hot):
        push(width, table, 9, heads_, weights_, low, high, hot)
        pull(width, table, 10, heads_, weights_, low, high)
        clear(width, table, 11, table[0, 0])

    heads_, weights_ = heads, weights
    first = rng.integers(0, 1 << 30, (12, width)).astype(kind)
    a, b, hot_a, hot_b = first.copy(), first.copy(), np.zeros(12, np.uint8), np.zeros(12, np.uint8)
    vector(a, hot_a)
    lanes.PLAIN["push"](width, b, 9, heads, weights, low, high, hot_b)
    lanes.PLAIN["pull"](width, b, 10, heads, weights, low, high)
    lanes.PLAIN["clear"](width, b, 11, b[0, 0])
    assert np.array_equal(a, b)
    assert np.array_equal(hot_a, hot_b)


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="vectors are compiled")
def test_equal_lanes_and_give__as_their_plain_twins():
    rng = np.random.default_rng(5)
    words = rng.integers(0, 4, 40).astype(np.int32)
    equal = numba.njit(lambda table, place, word: _lanes.equal_lanes(table, place, np.int32(word)))
    for place in range(24):
        assert equal(words, place, 3) == _lanes._plain_equal_lanes(words, place, 3)
    rows = rng.integers(0, 1 << 32, (5, 16)).astype(np.uint32)
    a, b = np.zeros((2, 40), np.uint32)
    rows[3, 4] = 1 << 31  # the limit belongs to it
    vector, lost = lanes.VECTOR["give"], UNREACHED

    @numba.njit
    def give(table, out):
        vector(16, table, 3, np.uint32(1 << 31), lost, out, 1)

    give(rows, a)
    lanes.PLAIN["give"](16, rows, 3, np.uint32(1 << 31), lost, b, 1)
    assert np.array_equal(a, b)


@pytest.mark.slow
@pytest.mark.skipif(lanes._USE_PLAIN, reason="rows are plain already")
def test_plain_lanes__the_same_answers_in_a_process_without_vectors():
    """Runs the drawn networks of ``test_cells`` with plain rows: other platforms get these."""
    which = "test_distances"  # the same rows serve sums and catchments; compiling those too would take a minute
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/kernels/test_cells.py",
        "-k",
        which,
    ]
    env = os.environ | {"CIMKIT_PLAIN_LANES": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
