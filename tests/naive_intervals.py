"""Plain slow twins of ``cimkit.kernels.intervals`` on lists of (start, end)."""


def union(one, two):
    """Return the union of two lists."""
    out = []
    for a, b in sorted([*one, *two]):
        if out and a <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], b))
        else:
            out.append((a, b))
    return out


def insert(intervals, a, b):
    """Return a list with [a, b] merged in."""
    return union(intervals, [(a, b)])


def complement(intervals, low, high, gap=0.0):
    """Return the pieces longer than ``gap`` that a list leaves of a band."""
    inside = [(max(a, low), min(b, high)) for a, b in intervals if b >= low and a <= high]
    ends = [low, *[x for pair in union(inside, []) for x in pair], high]
    return [(a, b) for a, b in zip(ends[::2], ends[1::2], strict=True) if b - a > gap]


def intersect(one, two):
    """Return what two lists share."""
    pairs = [(max(a, c), min(b, d)) for a, b in one for c, d in two]
    return sorted((a, b) for a, b in pairs if a < b)


def total(intervals):
    """Sum the lengths."""
    return sum(b - a for a, b in intervals)


def longest(intervals):
    """Return the longest length."""
    return max((b - a for a, b in intervals), default=0.0)


def countable(intervals, least, most):
    """Sum the ``most`` longest (0: all) of those of at least ``least``."""
    lengths = sorted((b - a for a, b in intervals if b - a >= least - 1e-9), reverse=True)
    return sum(lengths[: most or None])


def ragged(kernel_of_one, lists):
    """Apply the twin of one list to each of many."""
    return [kernel_of_one(x) for x in lists]
