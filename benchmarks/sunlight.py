"""Sunlight against Embree: the scenes, receptors and sun directions of ../shared/peers/sunlight, in one run.

    python -m benchmarks.sunlight [--check] [--quick]

Peers: Embree 4 through its C interface, 16 minutes of one receptor a packet (``native``), and embreex (``embreex``).
Ours and theirs take turns; search trees, room for the answer and, for us, the groups of receptors are made
beforehand, but for the whole city, where ours makes all of them anew and counts minutes as the peer does. Medians and
their ratio are printed, one JSON line a comparison. ``--check`` fails below the bounds, ``--quick`` leaves the whole
city of 10,000 buildings and ten million receptors out.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib
import io
import itertools
import json
import platform
import resource
import statistics
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numpy as np
import shapely

import cimkit as ck
from cimkit.geometry.polygons import Polygons
from cimkit.geometry.triangles import Scene, Triangles, extrude
from cimkit.kernels.bvh import build
from cimkit.kernels.column_groups import group_columns
from cimkit.kernels.column_lit import column_lit
from cimkit.kernels.column_prisms import Prisms, prism_tree
from cimkit.kernels.column_sun import sun_table
from cimkit.kernels.columns import column_masks
from cimkit.kernels.sunfan import lit_intervals
from cimkit.sim.sunlight import SunlightMethod, _fan

SHARED = Path(__file__).parents[2] / "shared"
PEERS, DATA = SHARED / "peers" / "sunlight", SHARED / "data"
HANGZHOU = ck.Location(30.25, 120.17)


@cache
def peer(name: str) -> Any:
    """Import a file of the shared folder."""
    if str(PEERS) not in sys.path:
        sys.path.insert(0, str(PEERS))
    return importlib.import_module(name)


@cache
def sun() -> np.ndarray:
    """Directions of Great Cold 2026, 8:00 to 16:00 true solar time, a minute apart."""
    _, _, position = peer("sunpath").sun_table()
    return np.ascontiguousarray(peer("sunpath").directions(position))


@cache
def fan() -> Any:
    day = ck.SunDay.on(HANGZHOU, (2026, 1, 20), band=(8, 16))
    return _fan(ck.SunDay(30.25, 120.17, day.declination, (8, 16)), SunlightMethod.ALL_SUN)


def minutes(w: np.ndarray, fan: Any) -> np.ndarray:
    """Return the suns of a fan at hour angles, its declination fixed."""
    d = fan.declination[0]
    plane = np.column_stack([np.cos(d) * np.cos(w), np.cos(d) * np.sin(w), np.full(len(w), np.sin(d))])
    return np.ascontiguousarray(plane @ fan.axes)


class Mesh:
    """Triangles (m, 3, 3), receptors and the suns of a day, as ours and the peers read them.

    ``outer``: which corners belong to solids of whole surface, corners counter-clockwise seen from outside.
    """

    def __init__(self, corners: np.ndarray, points: np.ndarray, normals: np.ndarray, *, outer: Any) -> None:
        self.vertices, self.faces = corners.reshape(-1, 3), np.arange(3 * len(corners)).reshape(-1, 3)
        self.corners, self.points, self.normals, self.outer = corners, points, normals, outer
        self.fan = fan()
        self.suns = minutes(np.radians(np.linspace(-60.0, 60.0, 481)), self.fan)

    def take(self, rows: np.ndarray) -> Any:
        """Return the same scene with some receptors."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.points, other.normals = self.points[rows], self.normals[rows]
        return other

    def centred(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        middle = 0.5 * (self.vertices.min(0) + self.vertices.max(0))
        middle[2] = 0.0
        up = self.suns[self.suns[:, 2] > 0]
        arrays = (self.vertices - middle, self.points - middle, self.normals, up)
        return tuple(np.ascontiguousarray(a.astype(np.float32)) for a in arrays)

    def native(self) -> Any:
        """Return Embree 4 called from numba, 16-wide packets of consecutive minutes; tree ready."""
        module, threads = peer("run_embree_native"), numba.get_num_threads()
        v, points, normals, suns = self.centred()
        embree = module.open_embree()
        _, tree = module.build(embree, v, self.faces, 0)
        call = embree.rtcOccluded16
        call.restype, call.argtypes = None, [ctypes.c_size_t] * 4
        options = module.OccludedArgs(flags=1 << 16, feature_mask=0xFFFFFFFF, context=None, filter=None, occluded=None)
        _, kernel, _ = module.make_kernels(call, 16)
        out, rays = np.zeros(len(points), np.int32), np.zeros((threads, 12 * 16 + 512), np.float32)
        valid, eps = np.zeros((threads, 16 + 512), np.int32), np.float32(1e-6)

        def run() -> np.ndarray:
            address = ctypes.addressof(options)
            kernel(tree, address, points, normals, suns, eps, threads, rays, valid_rays, valid, out)
            return out

        valid_rays = rays.view(np.int32)
        kernel(
            tree, ctypes.addressof(options), points[:64], normals[:64], suns, eps, threads, rays, valid_rays, valid, out
        )
        return run

    def embreex(self) -> Any:
        """Return embreex with one receptor and all suns a call, receptors over the threads; tree ready."""
        from concurrent.futures import ThreadPoolExecutor

        from embreex import rtcore_scene
        from embreex.mesh_construction import TriangleMesh

        v, points, normals, suns = self.centred()
        tree = rtcore_scene.EmbreeScene(robust=True)
        TriangleMesh(tree, v, np.ascontiguousarray(self.faces, np.int32))
        tree.run(points[:1], suns[:1], query="OCCLUDED")

        def part(low: int, high: int) -> np.ndarray:
            out = np.zeros(high - low, np.int32)
            for a in range(low, high, 32):
                b = min(high, a + 32)
                i, k = np.nonzero((normals[a:b] @ suns.T) > 1e-6)
                hit = tree.run(points[a + i], suns[k], query="OCCLUDED")
                out[a - low : b - low] += np.bincount(i[hit < 0], minlength=b - a).astype(np.int32)
            return out

        def run() -> np.ndarray:
            cuts = np.linspace(0, len(points), numba.get_num_threads() * 4 + 1).astype(int)
            with ThreadPoolExecutor(numba.get_num_threads()) as pool:
                return np.concatenate(list(pool.map(part, cuts[:-1], cuts[1:])))

        return run

    def triangles(self, outer: Any) -> Any:
        """Return ours, lit intervals among any triangles; tree ready."""
        tree = build(self.corners, outer)
        return lambda: lit_intervals(tree, self.points, self.normals, self.fan)


class Case(Mesh):
    """One scene of extruded buildings."""

    def __init__(self, count: int, most: int = 100_000) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            s = self.scene = peer("scene").build(count, max_receptors=most)
        points, normals = (np.ascontiguousarray(s[k]) for k in ("receptors", "normals"))
        super().__init__(np.ascontiguousarray(s["tri_v"][s["tri_f"]]), points, normals, outer=True)
        self.vertices, self.faces, self.suns = s["tri_v"], s["tri_f"], sun()
        self.prisms = Prisms(s["xy"], s["ring_start"], s["bld_ring"], np.zeros(count), s["heights"])

    def masks(self, *, grouping: bool = False) -> Any:
        """Return ours, minute masks of extruded buildings; tree, groups and room for the answer ready unless asked."""
        table = sun_table(self.suns)
        groups, tree = group_columns(self.points, self.normals), prism_tree(self.prisms)
        out = column_masks(groups, self.points, self.normals, self.prisms, table, tree=tree)

        def run() -> np.ndarray:
            if grouping:
                g = group_columns(self.points, self.normals)
                return column_masks(g, self.points, self.normals, self.prisms, table, masks=False)[0]
            return column_masks(groups, self.points, self.normals, self.prisms, table, tree=tree, out=out)[0]

        return run

    def exact(self) -> Any:
        """Return ours, lit intervals of extruded buildings; tree ready and receptors grouped."""
        groups, tree = group_columns(self.points, self.normals), prism_tree(self.prisms)
        return lambda: column_lit(groups, self.points, self.normals, self.prisms, self.fan, tree=tree)

    def balconies(self) -> Mesh:
        """Return the same district with balconies on its sunny facades and every other building on stilts.

        The lowest 3 m of those are open. A balcony, 0.15 m thick and 1.5 m deep, hangs before the middle of every 6 m
        of a wall that faces south, at each floor from the second on.
        """
        s, p = self.scene, self.prisms
        p = p._replace(base=np.where(np.arange(len(p.top)) % 2 == 1, 3.0, 0.0))
        rings = [s["xy"][a:b] for a, b in itertools.pairwise(s["ring_start"])]
        start = np.concatenate(rings)
        side = np.concatenate([np.roll(r, -1, axis=0) for r in rings]) - start
        long = np.hypot(*side.T)
        building = np.repeat(np.repeat(np.arange(len(p.top)), np.diff(p.poly)), np.diff(p.ring))
        count = np.where(side[:, 0] > 0.5 * long, np.floor(long / 6.0), 0).astype(np.int64)  # outer normals look south
        wall = np.repeat(np.arange(len(side)), count)
        place = np.arange(len(wall)) - np.repeat(np.cumsum(count) - count, count)
        ahead = side[wall] / long[wall, None]
        left = start[wall] + ahead * ((place + 0.5) * (long / np.maximum(count, 1))[wall] - 1.75)[:, None]
        right, out = left + 3.5 * ahead, 1.5 * np.column_stack([ahead[:, 1], -ahead[:, 0]])
        floors = ((p.top - 0.6) / 3.0).round().astype(np.int64)[building[wall]] - 1
        outline = np.repeat(np.stack([left, left + out, right + out, right], axis=1), floors, axis=0)
        floor = np.concatenate([np.arange(1, n + 1) for n in floors]) * 3.0
        slabs = extrude(Polygons.from_shapely(shapely.polygons(outline)), floor - 0.15, floor, np.zeros(len(floor)))
        rings = [s["xy"][p.ring[r] : p.ring[r + 1]] for r in range(len(p.ring) - 1)]
        own = [rings[p.poly[b] : p.poly[b + 1]] for b in range(len(p.top))]
        houses = Polygons.from_shapely([shapely.Polygon(shell, holes) for shell, *holes in own])
        walls = extrude(houses, p.base, p.top, np.zeros(len(p.top)))
        return Mesh(np.concatenate([walls.corners, slabs.corners]), self.points, self.normals, outer=True)


def tile() -> Mesh | None:
    """Return a tile of LoD2 buildings and terrain under its own sun, receptors on facades and the ground; or None."""
    path = DATA / "denhaag_cityjson" / "DenHaag_01.city.json.zip"
    if not path.exists():
        return None
    town, _ = ck.read(path)
    place = town.require_location()
    sets = [ck.facade_receptors(town, spacing=1.0), ck.ground_receptors(town, spacing=2.0)]
    points, normals = (np.concatenate([getattr(r, k) for r in sets]) for k in ("points", "normals"))
    points[len(sets[0]) :, 2] += 0.05  # the ground itself would hide itself in float32
    mesh = Mesh(town.scene.triangles.corners, points, normals, outer=town.scene.triangles.outer)
    day = ck.SunDay.great_cold(place)
    mesh.fan = _fan(day, SunlightMethod.ALL_SUN, town.frame.convergence)
    mesh.suns = minutes(day.hour_angles(1.0), mesh.fan)
    return mesh


def in_turn(runs: dict[str, Any], repeat: int) -> dict[str, float]:
    """Return the median seconds of each, one after the other in every round, after one round to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for k in range(repeat + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if k:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(s) for name, s in seconds.items()}


class Report:
    """Lines printed, and bounds missed."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def line(self, what: str, value: float, bound: float, *, most: bool = False, **more: Any) -> None:
        """Print one comparison; with ``most`` the value must not be above the bound."""
        good = value <= bound if most else value >= bound
        record = {"what": what, "value": round(value, 6), "bound": bound, "met": good, **more}
        print(json.dumps(record, ensure_ascii=False), flush=True)
        if not good:
            self.missed.append(f"{what}: {value:.4g} against {bound:g}")


def speed(report: Report, name: str, case: Case, repeat: int) -> float:
    """Compare all ways on one scene; return our seconds a receptor."""
    wall = case.take(np.flatnonzero(case.scene["kind"] == 0))
    runs = {
        "native": case.native(), "masks": case.masks(), "exact": case.exact(), "closed": case.triangles(True),
        "open": case.triangles(False), "native facades": wall.native(), "masks facades": wall.masks(),
    }  # fmt: skip
    t = in_turn(runs, repeat)
    t["embreex"] = in_turn({"embreex": case.embreex()}, 1)["embreex"]
    ms = {k: round(1e3 * v, 2) for k, v in t.items()}
    report.line(f"{name} minute masks, native Embree / ours", t["native"] / t["masks"], 15, ms=ms)
    report.line(f"{name} minute masks, embreex / ours", t["embreex"] / t["masks"], 100)
    report.line(f"{name} facades alone, native Embree / ours", t["native facades"] / t["masks facades"], 40)
    report.line(f"{name} exact intervals, native Embree / ours", t["native"] / t["exact"], 6)
    report.line(f"{name} closed triangles, native Embree / ours", t["native"] / t["closed"], 3)
    report.line(f"{name} open triangles, native Embree / ours", t["native"] / t["open"], 1.5)
    report.line(f"{name} triangles, embreex / ours", t["embreex"] / max(t["open"], t["closed"]), 10)
    return t["masks"] / len(case.points)


def other_triangles(report: Report, name: str, mesh: Mesh, repeat: int) -> None:
    """Compare speed on any triangles, and our exact intervals, tried at the rays' minutes, with what native finds."""
    closed = bool(np.all(mesh.outer))
    runs = {"native": mesh.native(), "ours": mesh.triangles(mesh.outer)}
    t = in_turn(runs, repeat)
    t["embreex"] = in_turn({"embreex": mesh.embreex()}, 1)["embreex"]
    more = {
        "triangles": len(mesh.corners), "receptors": len(mesh.points), "closed": closed,
        "ms": {k: round(1e3 * v, 2) for k, v in t.items()},
    }  # fmt: skip
    report.line(f"{name}, native Embree / ours", t["native"] / t["ours"], 3 if closed else 1.5, **more)
    report.line(f"{name}, embreex / ours", t["embreex"] / t["ours"], 10)
    offsets, starts, ends = runs["ours"]()
    along = mesh.suns @ mesh.fan.axes.T
    w = np.sort(np.arctan2(along[:, 1], along[:, 0])[mesh.suns[:, 2] > 0])
    seen = np.searchsorted(w, ends, side="right") - np.searchsorted(w, starts)
    row = np.repeat(np.arange(len(mesh.points)), np.diff(offsets))
    off = np.abs(np.bincount(row, seen, len(mesh.points)) - runs["native"]())
    report.line(
        f"{name}, minutes as native Embree's [%]", 100 * float((off <= 1).mean()), 99.8, most_off=int(off.max())
    )


def agreement(report: Report, case: Case) -> None:
    """Compare minutes with the oracle in float64, and exact minutes with its sampling error."""
    oracle, s = peer("run_exact"), case.scene
    start = s["ring_start"]
    nexts = np.arange(1, len(s["xy"]) + 1)
    nexts[start[1:] - 1] = start[:-1]
    rings = np.repeat(np.arange(len(start) - 1), np.diff(start))
    building = np.searchsorted(s["bld_ring"], rings, side="right") - 1
    true, height = np.zeros(len(case.points), np.int32), s["heights"][building]
    oracle.kernel(case.points, case.normals, sun(), s["xy"], s["xy"][nexts], height, 1e-6, true)
    off = np.abs(case.masks()() - true)
    report.line("d100 minute masks identical to the oracle [%]", 100 * float((off == 0).mean()), 99.99)
    report.line("d100 minute masks, most minutes off", float(off.max()), 1, most=True)
    day = ck.SunDay.on(HANGZHOU, (2026, 1, 20), band=(8, 16))
    groups = group_columns(case.points, case.normals)
    offsets, a, b = column_lit(groups, case.points, case.normals, case.prisms, _fan(day, SunlightMethod.ALL_SUN))
    row = np.repeat(np.arange(len(true)), np.diff(offsets))
    exact = np.bincount(row, day.hour(b) - day.hour(a), len(true)) * 60
    # a change of state is seen up to half a minute early or late; the band's own ends are samples
    changes = 2 * np.diff(offsets) + 1
    excess = np.abs(exact + (exact > 0) * 0.5 - true) - 0.5 * changes
    report.line("d100 exact minutes, beyond the sampling error [s]", 60 * float(excess.max()), 2, most=True)


def one_edit(report: Report, repeat: int) -> None:
    """Change one building among 100 with some 50,000 windows and take the hours of all again."""
    storeys = 31

    def plan(height: int) -> ck.Community:
        import shapely

        slabs = [
            ck.Building(f"B{k}", shapely.box(x, y, x + 24, y + 14), storeys=height if k == 44 else storeys)
            for k, (x, y) in enumerate((70.0 * (k % 10), 60.0 * (k // 10)) for k in range(100))
        ]
        return ck.Community.of(buildings=slabs, location=HANGZHOU)

    before, day = plan(storeys), ck.SunDay.great_cold(HANGZHOU)
    rule = ck.WindowRule(every=4.0)
    windows = ck.window_receptors(before, rule=rule)
    windows = windows.take(np.arange(min(50_000, len(windows))))
    after = [plan(h) for h in (20, 26, 33, 18, 28, 24)]
    seconds = []
    for c in after[: repeat + 1]:
        edited = ck.replace_building(before, c.building("B44"))
        start = time.perf_counter()
        ck.sunlight(edited, windows, day)
        seconds.append(time.perf_counter() - start)
    report.line(
        "one edit, hours of all windows [s]", statistics.median(seconds[1:]), 0.1, most=True, windows=len(windows)
    )


def same_bits(report: Report, case: Case) -> None:
    """Compare one thread with all."""
    threads, answers = numba.get_num_threads(), []
    for k in (1, threads):
        numba.set_num_threads(k)
        answers.append([case.masks()(), *case.exact()(), *case.triangles(True)()])
    same = all(np.array_equal(a, b) for a, b in zip(*answers, strict=True))
    report.line(f"same bits on 1 and {threads} threads", float(same), 1)


def whole_city(report: Report, repeat: int) -> None:
    """Compare all six million receptors of 10,000 buildings, grouping included, and the memory of ten million."""
    case = Case(10_000, 0)
    t = in_turn({"ours": case.masks(grouping=True), "native": case.native()}, repeat)
    more = {"receptors": len(case.points), "s": {k: round(v, 3) for k, v in t.items()}}
    report.line("whole d10000, native Embree / ours with grouping", t["native"] / t["ours"], 10, **more)


def memory(report: Report) -> None:
    """Take the hours of ten million receptors with whole intervals."""
    case = Case(100)
    community = ck.Community(location=HANGZHOU)
    community.__dict__["shading"] = Scene(Triangles.empty(), prisms=case.prisms)
    xy = np.random.default_rng(0).uniform(0, 480, (10_000_000, 2))
    points = ck.Receptors.at(np.column_stack([xy, np.zeros(len(xy))]), ids=np.zeros(len(xy), np.int8))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ck.sunlight(community, points, ck.SunDay.great_cold(HANGZHOU))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
    report.line("10 million receptors, memory beyond their own [GB]", grown, 2, most=True)


def main() -> int:
    """Run all; return 1 with ``--check`` if a bound is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true", help="fail below the bounds")
    options.add_argument("--quick", action="store_true", help="without the whole city and without 10 million receptors")
    options.add_argument("--repeat", type=int, default=5)
    chosen = options.parse_args()
    if not PEERS.exists():
        print(f"skipped: {PEERS} is not there; it holds the scenes and the peers.", file=sys.stderr)
        return 0
    numba.set_num_threads(min(2, numba.get_num_threads()))
    report = Report()
    print(json.dumps({"machine": platform.processor() or platform.machine(), "threads": numba.get_num_threads(),
                      "python": platform.python_version(), "numba": numba.__version__}))  # fmt: skip
    small = Case(100)
    agreement(report, small)
    same_bits(report, small)
    each = [speed(report, f"d{n}", small if n == 100 else Case(n), chosen.repeat) for n in (100, 1000, 10_000)]
    other_triangles(report, "d1000 with balconies and stilts", Case(1000).balconies(), chosen.repeat)
    if (town := tile()) is None:
        print(f"skipped: a tile of LoD2; {DATA / 'denhaag_cityjson'} is not there.", file=sys.stderr)
    else:
        other_triangles(report, "tile of LoD2 with terrain", town, chosen.repeat)
    report.line("growth, time a receptor at 10,000 buildings / at 100", each[-1] / each[0], 2, most=True)
    one_edit(report, chosen.repeat)
    if not chosen.quick:
        whole_city(report, min(3, chosen.repeat))
        memory(report)
    for text in report.missed:
        print(f"missed  {text}", file=sys.stderr)
    return int(chosen.check and bool(report.missed))


if __name__ == "__main__":
    sys.exit(main())
