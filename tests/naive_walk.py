"""Plain slow twins of the walking kernels: every distance by Floyd and Warshall, in whole numbers without limits."""

import numpy as np

FAR = 1 << 60  # farther than anything; sums of a few do not overflow


def between_nodes(n, u, v, forward, backward):
    """Return the distance (n, n) int64 of all pairs; weights that are not finite close a direction."""
    d = np.full((n, n), FAR, np.int64)
    d[np.arange(n), np.arange(n)] = 0
    for a, b, there, back in zip(u, v, forward, backward, strict=True):
        if np.isfinite(there):
            d[a, b] = min(d[a, b], int(there))
        if np.isfinite(back):
            d[b, a] = min(d[b, a], int(back))
    for k in range(n):
        d = np.minimum(d, d[:, k : k + 1] + d[k])
    return np.minimum(d, FAR)


def _mark(share, cost):
    """Return the whole number at a share of a cost; nothing of a closed way is nothing."""
    return 0 if share == 0 else (int(np.round(share * cost)) if np.isfinite(cost) else FAR)


def _rest(share, cost):
    """Return what is left of a cost after a share; the end itself costs nothing."""
    return 0 if share == 1 else (int(cost) - _mark(share, cost) if np.isfinite(cost) else FAR)


def _along(share, there, ahead, back):
    """Return the cost from a share of an edge to another one."""
    if share == there:
        return 0
    cost, low, high = (ahead, share, there) if there > share else (back, there, share)
    return _mark(high, cost) - _mark(low, cost) if np.isfinite(cost) else FAR


def between_places(d, network, a, b):
    """Return the distance (p, q) from places a to b, each (edge, share, leg): by both ends and along the edge."""
    u, v, forward, backward = network
    out = np.full((len(a), len(b)), FAR, np.int64)
    for i, (edge, share, leg) in enumerate(a):
        if edge < 0:
            continue
        leave = [(u[edge], _mark(share, backward[edge])), (v[edge], _rest(share, forward[edge]))]
        for j, (other, there, far_leg) in enumerate(b):
            if other < 0:
                continue
            arrive = [(u[other], _mark(there, forward[other])), (v[other], _rest(there, backward[other]))]
            ways = [x + d[m, n] + y for m, x in leave for n, y in arrive]
            if other == edge:
                ways.append(_along(share, there, forward[edge], backward[edge]))
            out[i, j] = min(FAR, min(ways) + leg + far_leg)
    return out


def weight(distance, breaks, weights):
    """Return the stepped weight of distances, the limits inclusive."""
    w = np.zeros(distance.shape)
    for limit, value in reversed(list(zip(breaks, weights, strict=True))):
        w[distance <= limit] = value
    return w


def catchments(w, people, kind, capacity, method):
    """Return scores (p, k) and ratios (s) of weights (s, p): 0 spread, 1 two steps, 2 three steps, 3 balanced."""
    kinds = int(kind.max()) + 1
    of_kind = np.array([w[kind == k].sum(axis=0) for k in range(kinds)])[kind]
    g = np.divide(w, of_kind, out=np.zeros_like(w), where=of_kind > 0)
    taken = {0: w, 1: w, 2: w * g, 3: g}[method]
    demand = (taken * people).sum(axis=1)
    ratio = capacity.astype(float)
    if method:
        ratio = np.divide(capacity, demand, out=np.zeros(len(demand)), where=demand > 0)
    given = taken
    if method == 3:
        near = w.sum(axis=1)[:, None]
        given = np.divide(w, near, out=np.zeros_like(w), where=near > 0)
    return np.array([(given * ratio[:, None])[kind == k].sum(axis=0) for k in range(kinds)]).T, ratio
