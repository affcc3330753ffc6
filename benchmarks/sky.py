"""Sky and a year of radiation: ``python -m benchmarks.sky [--check]`` prints JSON lines.

A made district of 1,000 buildings (slabs of 6 to 18 storeys, towers of 18 to 33) and 100,000 receptors, two thirds on
facades, one third on the ground; the weather is made, so that no file is needed.
"""

from __future__ import annotations

import json
import platform
import resource
import sys
import time

import numpy as np
import shapely

import cimkit as ck

BOUND_S = 60.0
ROWS, COLUMNS, COUNT = 25, 40, 100_000


def district() -> ck.Community:
    """A grid of 45 m × 48 m cells, a building in each, turned in blocks of 4 × 4."""
    rng = np.random.default_rng(20260120)
    houses = []
    for j in range(ROWS):
        for i in range(COLUMNS):
            slab = rng.random() < 0.6
            w, d = (rng.uniform(26, 34), rng.uniform(12, 14.5)) if slab else (rng.uniform(20, 26), rng.uniform(20, 23))
            storeys = int(rng.integers(6, 19) if slab else rng.integers(18, 34))
            shape = shapely.affinity.rotate(
                shapely.box(-w / 2, -d / 2, w / 2, d / 2), (j // 4 * 7 + i // 4 * 13) % 40 - 20
            )
            houses.append(
                ck.Building(f"B{j}-{i}", shapely.affinity.translate(shape, 45.0 * i, 48.0 * j), storeys=storeys)
            )
    return ck.Community.of(buildings=houses, location=ck.Location(30.25, 120.17))


def receptors(community: ck.Community) -> ck.Receptors:
    """100,000 points: facades on any storey, then ground."""
    rng = np.random.default_rng(1)
    facade = ck.facade_receptors(community, spacing=1.0)
    facade = facade.take(np.sort(rng.choice(len(facade), 2 * COUNT // 3, replace=len(facade) < 2 * COUNT // 3)))
    points = facade.points + np.column_stack([np.zeros((len(facade), 2)), 3.0 * rng.integers(0, 6, len(facade))])
    ground = ck.ground_receptors(community, spacing=6.0)
    ground = ground.take(np.arange(COUNT - len(facade)))
    return ck.Receptors.at(
        np.concatenate([points, ground.points]), normals=np.concatenate([facade.normals, ground.normals])
    )


def made_weather() -> ck.Weather:
    """A clear and an overcast day in turn."""
    hour = np.arange(8760)
    sun = np.maximum(0.0, np.sin(np.pi * (hour % 24 - 6) / 12))
    clear = (hour // 24) % 2 == 0
    dni, dhi = 700.0 * sun * clear, np.where(clear, 120.0, 250.0) * sun
    return ck.Weather(ck.Location(30.25, 120.17), 8.0, dni * sun + dhi, dni, dhi, np.full(8760, np.nan), "made")


def main() -> int:
    """Time the first call of each on a few receptors (compiling), then all of them."""
    c, w = district(), made_weather()
    r = receptors(c)
    few = r.take(np.arange(10))
    ck.irradiance(c, few, w)
    failed = 0
    for name, run, bound in (
        ("sky view and VSC", lambda: ck.sky_view(c, r), None),
        ("year of irradiance", lambda: ck.irradiance(c, r, w), BOUND_S),
        ("probable sunlight hours", lambda: ck.probable_sunlight(c, r, w), None),
    ):
        start, cpu = time.perf_counter(), time.process_time()
        run()
        wall = time.perf_counter() - start
        line = {"what": name, "receptors": len(r), "buildings": len(c.buildings), "wall_s": round(wall, 2)}
        line |= {"cpu_s": round(time.process_time() - cpu, 2), "bound_s": bound, "machine": platform.machine()}
        line["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps(line), flush=True)
        failed += bound is not None and wall > bound
    return 1 if failed and "--check" in sys.argv else 0


if __name__ == "__main__":
    raise SystemExit(main())
