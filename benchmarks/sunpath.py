"""Sun positions against pvlib's NREL algorithm: ``python -m benchmarks.sunpath [--check]`` prints one JSON line.

A million random instants from the year −2000 to 6000, each at a random place; the bound is 0.0003°.
"""

from __future__ import annotations

import json
import sys

import numpy as np

from cimkit.kernels.solar import solar_positions
from cimkit.sim.sunpath import delta_t, julian_day

BOUND_DEG = 0.0003


def deviations(count: int, *, seed: int = 0, places: int = 20) -> dict[str, float]:
    """Return the largest differences over random instants shared evenly by random places."""
    from pvlib import spa

    rng = np.random.default_rng(seed)
    worst = {"elevation_deg": 0.0, "azimuth_deg": 0.0, "equation_of_time_min": 0.0}
    for _ in range(places):
        days = rng.uniform(float(julian_day(-2000, 1, 1)), float(julian_day(6001, 1, 1)), count // places)
        latitude, longitude = np.degrees(np.arcsin(rng.uniform(-1, 1))), rng.uniform(-180, 180)
        ours = solar_positions(days, delta_t(days), np.array([latitude, longitude, 0.0]))
        seconds = (days - 2440587.5) * 86400
        theirs = spa.solar_position_numpy(seconds, latitude, longitude, 0, 1013, 12, delta_t(days), 0.5667, 1)
        turn = np.abs((ours[:, 1] - theirs[4] + 180) % 360 - 180) * np.cos(np.radians(ours[:, 0]))
        differences = np.abs(ours[:, 0] - theirs[3]), turn, np.abs(ours[:, 5] - theirs[5])
        worst = {k: max(w, float(d.max())) for (k, w), d in zip(worst.items(), differences, strict=True)}
    return worst


def main() -> int:
    """Print the largest differences."""
    worst = deviations(1_000_000)
    print(json.dumps({"what": "sun position against pvlib nrel_numpy", "instants": 1_000_000, **worst}))
    return int("--check" in sys.argv and max(worst["elevation_deg"], worst["azimuth_deg"]) > BOUND_DEG)


if __name__ == "__main__":
    raise SystemExit(main())
