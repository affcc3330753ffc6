import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cimkit.kernels import intervals as K
from tests import naive_intervals as naive

pairs = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=9).map(
    lambda raw: naive.union([(float(a), float(a + b)) for a, b in raw], [])
)


def arrays(intervals):
    both = np.array(intervals, float).reshape(-1, 2)
    return np.ascontiguousarray(both[:, 0]), np.ascontiguousarray(both[:, 1])


def ragged(lists):
    offsets = np.concatenate(([0], np.cumsum([len(x) for x in lists]))).astype(np.int64)
    return offsets, *arrays([pair for x in lists for pair in x])


def lists_of(offsets, starts, ends):
    rows = list(zip(starts.tolist(), ends.tolist(), strict=True))
    return [rows[offsets[i] : offsets[i + 1]] for i in range(offsets.size - 1)]


def test_insert__merges_touching_and_reports_a_full_list():
    starts, ends = np.array([1.0, 5.0]), np.array([2.0, 6.0])
    assert K.insert(starts, ends, 2, 3.0, 4.0) == -1
    assert K.insert(starts, ends, 2, 2.0, 5.0) == 1
    assert (starts[0], ends[0]) == (1.0, 6.0)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), max_size=12))
def test_insert__equals_naive(raw):
    starts, ends, count, expected = np.empty(12), np.empty(12), 0, []
    for a, length in raw:
        count = K.insert(starts, ends, count, float(a), float(a + length))
        expected = naive.insert(expected, float(a), float(a + length))
    assert list(zip(starts[:count], ends[:count], strict=True)) == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(pairs, min_size=1, max_size=6))
def test_intersect_rows__equals_naive(lists):
    one, two = np.arange(len(lists)), np.arange(len(lists))[::-1].copy()
    met = lists_of(*K.intersect_rows(*ragged(lists), one, two))
    assert met == [naive.intersect(lists[i], lists[j]) for i, j in zip(one, two, strict=True)]
