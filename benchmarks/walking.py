"""Walking timed against other tools: ``python -m benchmarks.walking [--check]`` prints JSON lines.

The works W1 to W4 and their right answers: ``../shared/peers/walking/README.md``. Peers run there in processes of their
own, in turn with ours, all with the same number of rounds; medians count. ``--check`` adds ratios and bounds and exits
with 1 if one is missed. Ours are the kernels, two threads, whole millimetres out; compiling is not timed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

from cimkit.kernels.cells import by_position, readers_of, sources_of, step_decay
from cimkit.kernels.elimination import build
from cimkit.kernels.graph import UNREACHED, build_csr
from cimkit.kernels.hilbert import hilbert_order
from cimkit.kernels.reach import TWO_STEPS, Supply, catchments, distances, sums_within
from cimkit.kernels.sweep import sweep_kinds

PEERS = Path(os.environ.get("CIMKIT_PEERS", Path(__file__).resolve().parents[2] / "shared" / "peers" / "walking"))
BEST = {
    "W1": ("scipy", "networkit", "routingkit_cch", "edsger"),
    "W2": ("pandana",),
    "W3": ("scipy",),
    "W4": ("routingkit_cch",),
}
LIMITS = {"W1": 1_200_000, "W2": 1_000_000, "W3": 1_000_000, "W4": np.inf}
RATIOS = {"W1": (30, 5), "W2": (70, 50), "W3": (30, 18), "W4": (35, 20)}  # prepared, cold
BANDS, WEIGHTS = np.array([300_000, 500_000, 1_000_000]), (1.0, 0.68, 0.22)


class Town:
    """One network of the harness, its preparation for a work, and the works."""

    def __init__(self, path: Path) -> None:
        data = np.load(path)
        self.data = {k: data[k] for k in data.files}
        self.n = len(self.data["x"])
        self.xy = np.column_stack([self.data["x"], self.data["y"]])
        self.people = np.bincount(self.data["pop_node"], self.data["pop_w"], self.n)
        order = np.argsort(self.data["fac_cat"], kind="stable")
        self.facilities, self.kind = self.data["fac_node"][order].astype(np.int64), self.data["fac_cat"][order]
        self.capacity = self.data["fac_cap"][order]
        rng = np.random.default_rng(7)
        k = min(2000, self.n // 4)
        self.ends = rng.choice(self.n, k, replace=False), rng.choice(self.n, k, replace=False)

    def prepare(self, work: str, edges: Any = None) -> Callable[[], Any]:
        """Return the work, everything ready that does not depend on the answer asked for."""
        u, v, w = edges or (self.data["eu"], self.data["ev"], self.data["length_mm"])
        csr = build_csr(self.n, u, v, w, w)
        tree = build(csr, LIMITS[work])
        if work == "W1":
            start = np.searchsorted(self.kind, np.arange(int(self.kind.max()) + 2))
            zeros = np.zeros(len(self.facilities))
            return lambda: sweep_kinds(tree, start, self.facilities, zeros, LIMITS["W1"])
        graph = by_position(csr, tree)
        if work == "W2":
            every = self._sources(tree, np.arange(self.n))
            homes = np.flatnonzero(self.people)
            readers = self._readers(tree, homes, self.people[homes])
            return lambda: sums_within(graph, tree, every, readers, BANDS)
        if work == "W3":
            services, readers = (
                self._sources(tree, self.facilities),
                self._readers(tree, np.arange(self.n), self.people),
            )
            decay = step_decay(BANDS, WEIGHTS)
            supply = Supply(self.kind, self.capacity)
            return lambda: catchments(graph, tree, services, supply, readers, decay, TWO_STEPS)[0]
        origins, places = (
            self._sources(tree, self.ends[0]),
            self._readers(tree, self.ends[1], np.ones(len(self.ends[1]))),
        )
        return lambda: distances(graph, tree, origins, places)

    def _sources(self, tree: Any, nodes: Any) -> Any:
        return sources_of(tree, np.arange(len(nodes) + 1), nodes, np.zeros(len(nodes)), hilbert_order(self.xy[nodes]))

    @staticmethod
    def _readers(tree: Any, nodes: Any, weight: Any) -> Any:
        return readers_of(tree, np.column_stack([nodes, nodes]), np.zeros((len(nodes), 2)), weight)


def checksum(work: str, answer: Any) -> float:
    """Return the sum of an answer as the harness does [m, persons]."""
    if work in ("W1", "W4"):
        return round(float(answer[answer != UNREACHED].astype(np.float64).sum() / 1000), 3)
    return round(float(answer.sum()), 3)


def clock(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def ours(town: Town, work: str, repeat: int = 3) -> tuple[float, float, float]:
    """Return seconds to prepare, of the median run, and the checksum."""
    prepare, run = clock(lambda: town.prepare(work))
    times = []
    for _ in range(repeat):  # an answer is let go before the next: as the peers do
        seconds, answer = clock(run)
        times.append(seconds)
        total = checksum(work, answer)
        del answer
    return prepare, statistics.median(times), total


def peer(name: str, path: Path, work: str) -> dict[str, Any] | None:
    """Return the JSON line of a peer's runner, None where its package is missing or it fails."""
    env = os.environ | {"PEER_THREADS": "2"}
    command = [sys.executable, str(PEERS / f"peer_{name}.py"), str(path), "--work", work, "--repeat", "1"]
    done = subprocess.run(command, cwd=PEERS, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        print(json.dumps({"peer": name, "work": work, "failed": done.stderr.strip().splitlines()[-1:]}))
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def against_peers(path: Path, works: list[str], rounds: int) -> list[tuple[str, float, float]]:
    """Print every tool's medians, interleaved rounds; return name, value and bound of each ratio."""
    town, found = Town(path), []
    for work in works:
        town.prepare(work)()  # compiles
        seconds: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
        for _ in range(rounds):
            seconds["cimkit"].append(ours(town, work))
            for name in BEST[work]:
                line = peer(name, path, work)
                if line:
                    row = line["seconds_prepare"], line["seconds_run"], line["checksum"]
                    seconds[name].append(row)
        middle = {k: [statistics.median(r[q] for r in v) for q in range(3)] for k, v in seconds.items()}
        for name, (prepare, run, total) in middle.items():
            print(json.dumps({"net": path.stem, "work": work, "tool": name, "prepare_s": round(prepare, 5),
                              "run_s": round(run, 5), "checksum": total, "rounds": rounds}))  # fmt: skip
        mine, others = middle.pop("cimkit"), list(middle.values())
        if others:
            found.append((f"{work} prepared", min(o[1] for o in others) / mine[1], RATIOS[work][0]))
            found.append((f"{work} cold", min(o[0] + o[1] for o in others) / (mine[0] + mine[1]), RATIOS[work][1]))
            # float32 and metre tools round; 1 part in a million is the same answer
            off = max(abs(o[2] / mine[2] - 1) for o in others)
            found.append((f"{work} answers agree", 1e-6 / max(off, 1e-12), 1.0))
    return found


def what_if(path: Path, rounds: int = 15) -> float:
    """Return the median of the seconds to close a path, move a facility and answer W1 and W3 again, unprepared."""
    town, times = Town(path), []
    u, v, w = town.data["eu"], town.data["ev"], town.data["length_mm"].astype(np.float64)
    for k in range(rounds + 1):
        changed = w.copy()
        changed[(k * 997) % len(w)] = np.inf
        town.facilities[k % len(town.facilities)] = (k * 131) % town.n
        start = time.perf_counter()
        csr = build_csr(town.n, u, v, changed, changed)
        tree = build(csr, LIMITS["W1"])
        first = np.searchsorted(town.kind, np.arange(int(town.kind.max()) + 2))
        sweep_kinds(tree, first, town.facilities, np.zeros(len(town.facilities)), LIMITS["W1"])
        services, readers = town._sources(tree, town.facilities), town._readers(tree, np.arange(town.n), town.people)
        decay = step_decay(BANDS, WEIGHTS)
        near = tree._replace(limit=np.uint32(LIMITS["W3"]))
        supply = Supply(town.kind, town.capacity)
        catchments(by_position(csr, tree), near, services, supply, readers, decay, TWO_STEPS)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def million(path: Path) -> list[tuple[str, float, float]]:
    """Return name, bound over value and 1 for a million nodes, so that 1 or more is within."""
    town, rows = Town(path), []
    for work, bound, prepared in (("W1", 0.2, 2.0), ("W2", 3.0, 2.0), ("W4", np.inf, 15.0)):
        prepare, run, total = ours(town, work, 1 if work == "W4" else 3)
        line = {
            "net": path.stem,
            "work": work,
            "tool": "cimkit",
            "prepare_s": round(prepare, 4),
            "run_s": round(run, 4),
        }
        print(json.dumps(line | {"checksum": total}))
        rows += [
            (f"1M {work} run ≤ {bound} s", bound / run, 1.0),
            (f"1M {work} preparation ≤ {prepared} s", prepared / prepare, 1.0),
        ]
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return [*rows, ("1M memory ≤ 2 GB", 2.0 / gigabytes, 1.0)]


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail below the bounds")
    parser.add_argument("--work", default="W1,W2,W3,W4,edit,1m")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "cimkit-walking")
    asked = parser.parse_args()
    numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
    works, found = asked.work.split(","), []
    sizes = {"100k": bool({"W1", "W2", "W3", "W4"} & set(works)), "10k": "edit" in works, "1m": "1m" in works}
    for size in (s for s, wanted in sizes.items() if wanted and not (asked.data / f"net_{s}.npz").exists()):
        if not PEERS.exists():
            sys.exit(f"benchmarks.walking: the runners must lie in {PEERS}; they do not. Set CIMKIT_PEERS.")
        subprocess.run([sys.executable, str(PEERS / "network.py"), size, "--out", str(asked.data)], check=True)
    if against := [w for w in works if w in BEST]:
        found += against_peers(asked.data / "net_100k.npz", against, asked.rounds)
    if "edit" in works:
        seconds = what_if(asked.data / "net_10k.npz")
        print(json.dumps({"net": "net_10k", "work": "edit, W1 and W3", "tool": "cimkit", "run_s": round(seconds, 5)}))
        found.append(("10k edit ≤ 20 ms", 0.020 / seconds, 1.0))
    if "1m" in works:
        found += million(asked.data / "net_1m.npz")
    if asked.check:
        for name, value, bound in found:
            print(json.dumps({"bound": name, "value": round(value, 2), "at_least": bound, "held": value >= bound}))
    return int(asked.check and any(value < bound for _, value, bound in found))


if __name__ == "__main__":
    sys.exit(main())
