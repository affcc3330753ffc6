"""Space accounting timed: the area kernel against other libraries, the ledgers of the sample and of a city.

``python -m benchmarks.areas`` prints one JSON line a result; with ``--check`` the last lines compare them with
the bars, and the exit code is 1 if one is missed. Runners are interleaved, all with the same number of repeats;
compiling is not timed. The work and its right answers: ``../shared/peers/accounting/README.md``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cimkit.geometry.polygons import Polygons
from cimkit.geometry.ragged import offsets_of, owners
from cimkit.kernels.overlay import overlay_areas
from cimkit.kernels.overlay_edges import Shapes
from cimkit.kernels.overlay_groups import distinct_plates, meet_parcels

PEERS = Path(__file__).resolve().parents[2] / "shared" / "peers" / "accounting"
ANSWERS = {1_000: 1866672.9635, 10_000: 20061406.8812, 100_000: 197237853.2625, 1_000_000: 2004461947.8521}
LAYERS = ("plate", "parcel", "void", "space")
PARTS = ("overlay", "floors", "million", "sample", "city")


class Runner:
    """A library that does the work: its name, how it prepares its objects, how it runs."""

    def __init__(self, name: str, run: Callable[[Any], Any], prepare: Callable[[Any], Any]) -> None:
        self.name, self.run, self.prepare = name, run, prepare
        self.seconds: list[float] = []
        self.checksum = 0.0


def harness() -> Any:
    """Return the module that makes the work."""
    if not PEERS.exists():
        sys.exit(f"benchmarks.areas: the runners must lie in {PEERS}; they do not.")
    sys.path.insert(0, str(PEERS))
    return importlib.import_module("plates")


def peers(plates: Any, names: tuple[str, ...]) -> list[Runner]:
    """Return other libraries' runners; one whose package is missing is left out with a word."""
    found: list[Runner] = []
    plates.bench = lambda name, _, run, prepare=lambda w: w: found.append(Runner(name, run, prepare))
    for name in names:
        try:
            importlib.import_module(f"run_{name}")
        except ImportError as error:
            print(json.dumps({"runner": name, "left_out": str(error)}), flush=True)
    return found


def _owned_layers(w: dict[str, Any]) -> tuple[Shapes, Shapes, Shapes, Shapes]:
    """Return plates, voids, spaces and parcels of the harness."""
    flat = {k: Shapes(w[f"{k}_xy"], w[f"{k}_ring"], w[f"{k}_poly"]) for k in LAYERS}
    count = len(flat["plate"].poly) - 1

    def owned(name: str, kind: Any) -> Shapes:
        start = offsets_of(np.bincount(w[f"{name}_owner"], minlength=count))
        return flat[name]._replace(start=start, kind=np.asarray(kind, dtype=np.int64))

    voids = owned("void", np.full(len(w["void_owner"]), -1))
    return flat["plate"], voids, owned("space", w["space_cat"]), flat["parcel"]


def _layers(w: dict[str, Any]) -> tuple[Shapes, Shapes, Shapes]:
    """Return plates, what they own, voids first, and parcels, as the kernel reads them."""
    plates, voids, spaces, parcels = _owned_layers(w)
    order = np.argsort(np.concatenate([owners(voids.start), owners(spaces.start)]), kind="stable")
    parts = Polygons.concat([Polygons(s.xy, s.ring, s.poly) for s in (voids, spaces)]).take(order)
    kind = np.concatenate([voids.kind, spaces.kind])[order]
    return plates, Shapes(parts.xy, parts.ring, parts.poly, voids.start + spaces.start, kind), parcels


def _sums(layers: tuple[Shapes, ...], rows: Any, times: Any) -> Any:
    """Return the answer of the harness, nine areas for each parcel; the plates ``rows`` stand so many times."""
    plates, parts, parcels = layers
    pairs = meet_parcels(plates, parcels, rows)
    r = overlay_areas(plates, parts, parcels, pairs, start=4 * np.arange(len(pairs.plate) + 1))
    values = np.column_stack([r.total, r.share.reshape(-1, 4), r.total[:, 2] - r.total[:, 3]])
    parcel, count, weight = pairs.parcel, len(parcels.poly) - 1, times[pairs.plate]
    return np.column_stack([np.bincount(parcel, column * weight, count) for column in values.T])


def run_distinct(layers: tuple[Shapes, ...]) -> Any:
    """Do the work with every plate computed."""
    count = len(layers[0].poly) - 1
    return _sums(layers, np.arange(count), np.ones(count))


def _chosen(shapes: Shapes, rows: Any) -> Shapes:
    """Return the polygons of the given owners (or the given polygons, without owners)."""
    owned = len(shapes.start) > 0
    sizes = np.diff(shapes.start)[rows] if owned else np.ones(len(rows), np.int64)
    first = shapes.start[rows] if owned else rows
    polygons = np.repeat(first - offsets_of(sizes)[:-1], sizes) + np.arange(sizes.sum())
    taken = Polygons(shapes.xy, shapes.ring, shapes.poly).take(polygons)
    if not owned:
        return Shapes(taken.xy, taken.ring, taken.poly)
    return Shapes(taken.xy, taken.ring, taken.poly, offsets_of(sizes), shapes.kind[polygons])


def run_repeated(layers: tuple[Shapes, ...]) -> Any:
    """Do the work with equal storeys found and computed once, as the ledgers do; finding them is part of the time."""
    rows, equal = distinct_plates(*layers[:2])
    return _sums(layers, rows, np.bincount(rows[equal]).astype(np.float64))


def repeated(w: dict[str, Any], times: int) -> dict[str, Any]:
    """Return the work with each plate standing ``times`` times, one above the other."""
    count = len(w["floor"])
    rows = np.repeat(np.arange(count), times)
    made = dict(w, floor=np.tile(np.arange(times), count) + times * w["floor"][rows])
    plates, voids, spaces, _ = _owned_layers(w)
    for name, shapes in (("plate", plates), ("void", voids), ("space", spaces)):
        s = _chosen(shapes, rows)
        made[f"{name}_xy"], made[f"{name}_ring"], made[f"{name}_poly"] = s.xy, s.ring, s.poly
        if name != "plate":
            made[f"{name}_owner"] = np.repeat(np.arange(len(rows)), np.diff(s.start))
    made["space_cat"] = _chosen(spaces, rows).kind.astype(np.int8)
    return made


def race(plates: Any, work: dict[str, Any], runners: list[Runner], repeats: int, **about: Any) -> dict[str, float]:
    """Time the runners in turns; print one line each; return the median seconds by name."""
    small = plates.make(200)
    objects = []
    for r in runners:
        r.seconds = []
        r.run(r.prepare(small))
        objects.append(r.prepare(work))
    for _ in range(repeats):
        for r, o in zip(runners, objects, strict=True):
            begin = time.perf_counter()
            result = r.run(o)
            r.seconds.append(time.perf_counter() - begin)
            r.checksum = plates.checksum(result)
    count = len(work["floor"])
    for r in runners:
        line = {
            "runner": r.name, **about, "plates": count, "repeats": repeats,
            "median_s": round(statistics.median(r.seconds), 4), "min_s": round(min(r.seconds), 4),
            "us_per_plate": round(1e6 * statistics.median(r.seconds) / count, 3), "checksum": round(r.checksum, 4),
        }  # fmt: skip
        print(json.dumps(line), flush=True)
    return {r.name: statistics.median(r.seconds) for r in runners}


def _peak_mb() -> float:
    """Return the largest memory this process has had [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def overlay(bars: list[dict[str, Any]], sizes: list[int], repeats: int) -> None:
    """Time the kernel against other libraries with all plates different."""
    plates = harness()
    others = peers(plates, ("shapely_threads", "geopandas_overlay", "duckdb", "sedonadb"))
    per_plate = {}
    for count in sizes:
        ours = Runner("cimkit", run_distinct, _layers)
        median = race(plates, plates.make(count), [ours, *others], repeats, kind="all different")
        per_plate[count] = median["cimkit"] / count
        _bar(bars, f"checksum at {count:,}", abs(ours.checksum / ANSWERS[count] - 1), at_most=1e-9)
        if count >= 100_000:
            for name, factor in (("shapely-vectorised-2threads", 20), ("geopandas-overlay", 100)):
                _bar(bars, f"times {name} at {count:,}", median[name] / median["cimkit"], at_least=factor)


def floors(bars: list[dict[str, Any]], sizes: list[int], repeats: int) -> None:
    """Time the kernel with each plate standing five times."""
    plates = harness()
    others = peers(plates, ("shapely_threads",))
    count = max(sizes)
    ours = Runner("cimkit", run_repeated, _layers)
    work = repeated(plates.make(count // 5), 5)
    median = race(plates, work, [ours, *others], repeats, kind="a fifth different")
    _bar(bars, "typical floors: checksum against shapely", abs(ours.checksum / others[0].checksum - 1), at_most=1e-9)
    ratio = median[others[0].name] / median["cimkit"]
    _bar(bars, f"typical floors: times shapely-vectorised-2threads at {count:,}", ratio, at_least=60)


def million(bars: list[dict[str, Any]], _: list[int], repeats: int) -> None:
    """Time the kernel alone at three sizes: does time grow with the plates, does memory stay within 1 GB."""
    plates = harness()
    per_plate = {}
    for count in (10_000, 100_000, 1_000_000):
        ours = Runner("cimkit", run_distinct, _layers)
        median = race(plates, plates.make(count), [ours], repeats, kind="all different, alone")
        per_plate[count] = median["cimkit"] / count
        _bar(bars, f"checksum at {count:,}", abs(ours.checksum / ANSWERS[count] - 1), at_most=1e-9)
    _bar(bars, "time a plate, 1,000,000 over 100,000", per_plate[1_000_000] / per_plate[100_000], at_most=1.5)
    _bar(bars, "memory at 1,000,000 plates, the work itself included [MB]", _peak_mb(), at_most=1000)


def sample(bars: list[dict[str, Any]], _: list[int], repeats: int) -> None:
    """Time the ledgers of the sample community."""
    from cimkit.samples import future_community
    from cimkit.sim.areas import floor_areas

    town = future_community().after()
    areas, seconds = _timed(lambda: floor_areas(town), max(repeats, 5))
    line = {"work": "ledgers of the sample", "items": len(areas), "median_s": round(seconds, 4)}
    print(json.dumps(line), flush=True)
    _bar(bars, "ledgers of the sample, warm [s]", seconds, at_most=0.2)


def _timed(run: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    """Return a result and the median of its times, after one run that compiles."""
    result, seconds = run(), []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    return result, statistics.median(seconds)


def city_of(buildings: int, storeys: int) -> Any:
    """Make towers on a grid: an open ground storey, a balcony on every other storey, two basements in four towers."""
    import dataclasses

    from cimkit.model.community import Community
    from cimkit.model.kinds import SpaceKind, StoreyKind
    from cimkit.model.tables import Buildings, Parcels, Plates, Spaces, Storeys

    rng = np.random.default_rng(0)
    side = int(np.ceil(np.sqrt(buildings)))
    corner = 60.0 * np.column_stack(np.divmod(np.arange(buildings), side)) + rng.uniform(0, 10, (buildings, 2))
    size = rng.uniform(15, 40, (buildings, 2))
    unit = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)], float)

    def boxes(at: Any, by: Any) -> Polygons:
        n = len(at)
        xy = (unit[None] * by[:, None] + at[:, None]).reshape(-1, 2)
        return Polygons(np.ascontiguousarray(xy), 5 * np.arange(n + 1), np.arange(n + 1))

    n = buildings * storeys
    building = np.repeat(np.arange(buildings), storeys)
    level = np.tile(np.r_[np.arange(1, storeys - 1), -1, -2], buildings)
    kind = np.where(level == 1, StoreyKind.STILT, np.where(level < 0, StoreyKind.BASEMENT, StoreyKind.NORMAL))
    height = np.where(level == 1, 4.5, np.where(level < 0, 3.8, 3.0))
    z = np.where(level > 1, 4.5 + 3.0 * (level - 2), np.where(level < 0, 3.8 * level, 0.0))
    out = boxes(corner, size)
    open_rows, balconies = np.flatnonzero(level == 1), np.flatnonzero((level > 1) & (level % 2 == 0))
    b = building[balconies]
    m = len(balconies)
    hung = boxes(corner[b] + np.column_stack([rng.uniform(2, 8, m), np.full(m, -1.5)]), np.tile((4.0, 1.5), (m, 1)))
    spaces = Spaces(
        id=np.char.add("S", np.arange(buildings + m).astype(str)).astype(object),
        storey=np.r_[open_rows, balconies],
        outline=Polygons.concat([out, hung]),
        kind=np.r_[np.full(buildings, SpaceKind.STILT), np.full(m, SpaceKind.BALCONY)],
        clear_height=np.where(np.arange(buildings + m) % 7 == 0, 2.5, 3.9),
        roofed=np.ones(buildings + m, int),
        enclosed=np.zeros(buildings + m, int),
        public=np.arange(buildings + m) % 5 > 0,
    )
    blocks = -(-side // 4)
    parcels = boxes(
        240.0 * np.column_stack(np.divmod(np.arange(blocks * blocks), blocks)), np.full((blocks**2, 2), 239.0)
    )
    column, row = np.divmod(np.arange(buildings), side)
    ids = np.char.add("B", np.arange(buildings).astype(str)).astype(object)
    town = Community(
        parcels=Parcels(id=np.arange(blocks**2).astype(str).astype(object), outline=parcels),
        buildings=Buildings(
            id=ids, footprint=out, parcel=(column // 4) * blocks + row // 4, height=np.full(buildings, 60.0)
        ),
        plates=Plates(outline=out),
        storeys=Storeys(
            building=building, level=level, plate=building, z=z, height=height, kind=kind, enclosed=level != 1
        ),
    )
    assert len(town.storeys) == n
    return dataclasses.replace(town, spaces=spaces)


def city(bars: list[dict[str, Any]], _: list[int], __: int) -> None:
    """Time the ledgers and site indicators of a city of a million storeys, rules included."""
    from cimkit.sim.areas import floor_areas
    from cimkit.sim.site_ratios import site_indicators

    small = city_of(100, 20)
    site_indicators(small, floor_areas(small))
    town = city_of(50_000, 20)
    begin = time.perf_counter()
    areas = floor_areas(town)
    ledgers = time.perf_counter() - begin
    site = site_indicators(town, areas)
    whole = time.perf_counter() - begin
    line = {
        "work": "ledgers and site indicators of a city", "storeys": len(town.storeys), "spaces": len(town.spaces),
        "ledgers_s": round(ledgers, 2), "s": round(whole, 2), "peak_mb": round(_peak_mb()), "far": site.value("far"),
        "failed": len(areas.failed()),
    }  # fmt: skip
    print(json.dumps(line), flush=True)
    _bar(bars, "city of 1,000,000 storeys [s]", whole, at_most=30)
    _bar(bars, "city of 1,000,000 storeys, memory [MB]", _peak_mb(), at_most=4000)


def _bar(bars: list[dict[str, Any]], what: str, value: float, **bound: float) -> None:
    """Note a figure beside its bar."""
    met = value >= bound["at_least"] if "at_least" in bound else value <= bound["at_most"]
    bars.append({"bar": what, "value": float(f"{value:.4g}"), **bound, "met": bool(met)})


def main() -> int:
    """Run the parts asked for, each in a process of its own so that memory is its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.areas", description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append", help="run only this part")
    parser.add_argument("--plates", type=int, nargs="+", default=[10_000, 100_000], choices=sorted(ANSWERS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="compare with the bars; exit code 1 if one is missed")
    a = parser.parse_args()
    if a.part is None or len(a.part) > 1:
        codes = []
        for part in a.part or PARTS:
            given = ["--part", part, "--repeats", str(a.repeats), "--plates", *map(str, a.plates)]
            command = [sys.executable, "-m", "benchmarks.areas", *given, *(["--check"] if a.check else [])]
            codes.append(subprocess.run(command, check=False).returncode)
        return max(codes)
    bars: list[dict[str, Any]] = []
    globals()[a.part[0]](bars, a.plates, a.repeats)
    for bar in bars if a.check else ():
        print(json.dumps(bar), flush=True)
    return int(a.check and not all(b["met"] for b in bars))


if __name__ == "__main__":
    sys.exit(main())
