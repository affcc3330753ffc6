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


def intersect(one, two):
    """Return what two lists share."""
    pairs = [(max(a, c), min(b, d)) for a, b in one for c, d in two]
    return sorted((a, b) for a, b in pairs if a < b)
