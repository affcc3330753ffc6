"""The sun of a day as a circle around the celestial pole, and half-spaces of it in closed form."""

import math
from collections import namedtuple

import numpy as np

from cimkit.kernels._jit import kernel, lean
from cimkit.kernels._lanes import trailing_zeros
from cimkit.kernels.intervals import insert

GAP = 1e-6  # lit gaps shorter than this are rounding [rad], 14 ms

CELLS = 63  # of a group's band, each a bit
U = np.uint64
EVERY = U(0x7FFFFFFFFFFFFFFF)


class Fan(namedtuple("Fan", "axes declination start stop least_height least_turn")):
    """The sun of a day.

    ``axes`` (3, 3): rows e0 (towards the sun's highest point on the equator), e1 (west), e2 (the celestial pole).
    ``declination`` (3): d(w) = d0 + d1 w + d2 w² [rad] of the hour angle w [rad]; the part left out is below 0.1″ in
    a day. ``start``, ``stop``: hour angles of the band [rad], at most 2 π apart. ``least_height``: sine of the lowest
    elevation that counts. ``least_turn``: suns closer in plan to the plane of the facade do not count [rad].
    """


class Sun(namedtuple("Sun", "e d0 d1 d2 half limit fit_a fit_b fit_c slack sin_low sin_high least_height least_turn")):
    """A fan turned so that its band is [-half, half]: axes, declination polynomial, circle through the band."""


def make_fan(latitude: float, declination: tuple[float, float, float], start: float, stop: float) -> Fan:
    """Make the fan of a place with y towards true north; all angles [rad]."""
    low, up = math.sin(latitude), math.cos(latitude)
    axes = np.array([[0.0, -low, up], [-1.0, 0.0, 0.0], [0.0, up, low]])
    return Fan(axes, np.array(declination, dtype=np.float64), float(start), float(stop), 0.0, 0.0)


@kernel
def turn(fan):
    """Turn the hour angles of a fan so that its band is centred on zero, and fit tan d by a circle."""
    mid, half = 0.5 * (fan.start + fan.stop), 0.5 * (fan.stop - fan.start)
    c, s, e = math.cos(mid), math.sin(mid), fan.axes.copy()
    for k in range(3):  # rows as arrays would compile the texts of their errors
        noon, west = fan.axes[0, k], fan.axes[1, k]
        e[0, k], e[1, k] = c * noon + s * west, c * west - s * noon
    d = fan.declination
    d0, d1, d2 = d[0] + mid * (d[1] + mid * d[2]), d[1] + 2.0 * mid * d[2], d[2]
    node = 0.866 * half
    low, high = math.tan(d0 + node * (node * d2 - d1)), math.tan(d0 + node * (node * d2 + d1))
    fit_b, fit_c, slack = 0.0, 0.0, 0.0
    if d1 != 0.0 or d2 != 0.0:
        fit_b = (0.5 * (low + high) - math.tan(d0)) / (math.cos(node) - 1.0)
        fit_c = 0.5 * (high - low) / math.sin(node)
    fit_a = math.tan(d0) - fit_b
    sin_low, sin_high = math.sin(d0), math.sin(d0)
    for k in range(65):
        w = half * (k / 32.0 - 1.0)
        true = d0 + w * (d1 + w * d2)
        sin_low, sin_high = min(sin_low, math.sin(true)), max(sin_high, math.sin(true))
        if d1 != 0.0 or d2 != 0.0:
            fit = fit_a + fit_b * math.cos(w) + fit_c * math.sin(w)
            slack = max(slack, 1.1 * abs(math.tan(true) - fit))
    limit, height, side = math.tan(0.5 * half), fan.least_height, fan.least_turn
    return Sun(e, d0, d1, d2, half, limit, fit_a, fit_b, fit_c, slack, sin_low, sin_high, height, side)


@lean
def solve(alpha, beta, gamma):
    """Return (number of roots, rising, falling root tan(w/2)) of alpha + beta cos w + gamma sin w.

    Without roots the second value is positive if the function is. It is positive from rising to falling root, through
    midnight if the falling one comes first.
    """
    qa, qc = alpha - beta, alpha + beta
    disc = gamma * gamma - qa * qc
    if disc <= 0.0:
        return 0, alpha, 0.0
    root = math.sqrt(disc)
    if gamma >= 0.0:
        q = -(gamma + root)
        return 2, qc / q, q / qa
    q = root - gamma
    return 2, q / qa, qc / q


@lean
def _solve_frozen(sun, w, nx, ny, nz, bound):
    """Solve n·s > bound as ``solve``, with the declination of an hour angle counted from the band's middle [rad]."""
    d = sun.d0 + w * (sun.d1 + w * sun.d2)
    c = math.cos(d)
    return solve(nz * math.sin(d) - bound, nx * c, ny * c)


@lean
def half_space(sun, nx, ny, nz, bound):
    """Solve n·s(w) > bound on the true sun, n in the fan's axes: as ``solve``, exact with a drifting declination."""
    w = 0.0
    if sun.slack > 0.0:  # freeze the declination where the sun is nearest to touching the plane
        w = math.atan2(ny, nx) if nz * math.sin(sun.d0) < bound else math.atan2(-ny, -nx)
        w = max(-sun.half, min(sun.half, w))
    number, rise, fall = _solve_frozen(sun, w, nx, ny, nz, bound)
    if sun.slack == 0.0 or number == 0:
        return number, rise, fall
    for _ in range(3):  # freeze it at the root; each step leaves the share of the drift, below 1/500
        again, better, _ = _solve_frozen(sun, 2.0 * math.atan(rise), nx, ny, nz, bound)
        rise = better if again == 2 else rise
        again, _, better = _solve_frozen(sun, 2.0 * math.atan(fall), nx, ny, nz, bound)
        fall = better if again == 2 else fall
    return number, rise, fall


@lean(inline="always")
def within(nx, ny, nz, circle, low, high):
    """Return the span of the sun on the inner side of a plane, whether it has a gap, and the gap.

    circle = (fit_a - fit_b, fit_a + fit_b, fit_c, slack); a normal without length rules nothing out.
    """
    minus, plus, fit_c, slack = circle
    more = abs(nz) * slack
    qa, qb, qc = nz * minus - nx + more, ny + nz * fit_c, nz * plus + nx + more
    never = qa + qc < 0.0  # an edge without length rules nothing out
    qa = qa if abs(qa) > 1e-200 else 1e-200
    disc = qb * qb - qa * qc
    root = np.sqrt(disc if disc > 0.0 else 0.0)
    positive = qb >= 0.0
    q = -(qb + root) if positive else root - qb
    share = 1.0 / (q * qa)  # one division for two
    one, two = q * q * share, qc * qa * share
    rise = two if positive else one
    fall = one if positive else two
    through = rise >= fall  # positive through midnight
    before, after, none = fall <= low, rise >= high, disc <= 0.0
    start = rise if (not through) | before else -np.inf
    stop = fall if (not through) | after else np.inf
    start = (np.inf if never else -np.inf) if none else start
    stop = np.inf if none else stop
    return start, stop, through & (not before) & (not after) & (not none), fall, rise


@lean
def _block_outside(sun, nx, ny, nz, bound, starts, ends, count):
    """Add to a list of blocked intervals where n·s < bound, n in x, y, z."""
    e = sun.e
    ex, ey = e[0, 0] * nx + e[0, 1] * ny + e[0, 2] * nz, e[1, 0] * nx + e[1, 1] * ny + e[1, 2] * nz
    ez = e[2, 0] * nx + e[2, 1] * ny + e[2, 2] * nz
    number, rise, fall = half_space(sun, ex, ey, ez, bound)
    t = sun.limit
    if number == 0:
        return count if rise > 0.0 else insert(starts, ends, count, -t, t)
    if rise < fall:
        if rise > -t:
            count = insert(starts, ends, count, -t, min(rise, t))
        if fall < t:
            count = insert(starts, ends, count, max(fall, -t), t)
    elif fall < t and rise > -t:
        count = insert(starts, ends, count, max(fall, -t), min(rise, t))
    return count


@lean
def block_band(sun, nx, ny, nz, starts, ends):
    """List when the sun stands too low, or behind a facade with normal n (0 for none).

    Return the number, and from when to when it may stand otherwise.
    """
    count = np.int64(0)  # no literal: a function is compiled again for each of those
    count = _block_outside(sun, 0.0, 0.0, 1.0, sun.least_height, starts, ends, count)
    if nx != 0.0 or ny != 0.0 or nz != 0.0:
        c, s = math.cos(sun.least_turn), math.sin(sun.least_turn)
        count = _block_outside(sun, nx * c - ny * s, nx * s + ny * c, nz, 0.0, starts, ends, count)
        if s != 0.0 and (nx != 0.0 or ny != 0.0):
            count = _block_outside(sun, nx * c + ny * s, ny * c - nx * s, nz, 0.0, starts, ends, count)
    low = ends[0] if count > 0 and starts[0] <= -sun.limit else -sun.limit
    high = starts[count - 1] if count > 0 and ends[count - 1] >= sun.limit else sun.limit
    return count, low, high


@lean
def narrow(pieces, count, number, rise, fall):
    """Cut the first ``count`` rows of pieces (start, end) by a half-space as solved; return their number."""
    if number == 0:
        return count if rise > 0.0 else 0
    left = 0
    work = pieces.shape[0] // 2
    for k in range(count):
        pieces[work + k, 0], pieces[work + k, 1] = pieces[k, 0], pieces[k, 1]
    for k in range(count):
        a, b = pieces[work + k, 0], pieces[work + k, 1]
        if rise < fall:
            a, b = max(a, rise), min(b, fall)
            if a < b:
                pieces[left, 0], pieces[left, 1] = a, b
                left += 1
            continue
        if a < min(b, fall):
            pieces[left, 0], pieces[left, 1] = a, min(b, fall)
            left += 1
        if max(a, rise) < b:
            pieces[left, 0], pieces[left, 1] = max(a, rise), b
            left += 1
    return left


@lean(inline="always")
def cell_of(t, low, scale):
    """Return a place among the cells of a band, whole numbers being their borders."""
    return min(max((t - low) * scale, 0.0), float(CELLS))


@lean(inline="always")
def bits_from(first, number):
    """Return so many bits from one on."""
    return (EVERY >> U(CELLS - number)) << U(first)


@lean(inline="always")
def full_cells(one, two):
    """Return the cells that a span between two places among them fills, as bits."""
    first, last = np.int32(np.ceil(one)), np.int32(two)
    return bits_from(first, max(last - first, 0))


@lean(inline="always")
def touched_cells(one, two):
    """Return the cells that a span between two places among them touches, as bits; no place is below -1."""
    first, last = min(np.int32(one), CELLS - 1), min(np.int32(two), CELLS - 1)
    return bits_from(first, max(last - first, 0) + 1)


@lean
def list_cover(cover, band, starts, ends, count):
    """Add cells to a list; return its number of intervals."""
    low, high = band
    scale = CELLS / (high - low)
    while cover != U(0):
        first = trailing_zeros(cover)
        last = first + trailing_zeros(~(cover >> U(first)))
        b = high if last == CELLS else low + last / scale
        count = insert(starts, ends, count, low + first / scale, b)
        cover = (cover >> U(last)) << U(last)
    return count


@lean
def write_lit(sun, fan_start, fan_stop, starts, ends, count, out_starts, out_ends):
    """Write what the blocked list leaves of the band as hour angles; return its number, even beyond the room."""
    reached, lit = -sun.limit, 0
    middle = 0.5 * (fan_start + fan_stop)
    for k in range(count + 1):
        stop = starts[k] if k < count else sun.limit
        if stop > reached:
            a = fan_start if reached <= -sun.limit else middle + 2.0 * math.atan(reached)
            b = fan_stop if stop >= sun.limit else middle + 2.0 * math.atan(stop)
            if b - a > GAP:
                if lit < out_starts.size:
                    out_starts[lit], out_ends[lit] = a, b
                lit += 1
        if k < count:
            reached = max(reached, ends[k])
    return lit


@kernel
def pack_rows(counts, order, room, starts, ends, offsets, out_starts, out_ends):
    """Move lists of at most ``room`` intervals from their place in the walk to their receptor's ragged place."""
    for g in range(counts.size):
        if counts[g] <= room:
            to = offsets[order[g]]
            for k in range(counts[g]):
                out_starts[to + k] = starts[g * room + k]
                out_ends[to + k] = ends[g * room + k]
