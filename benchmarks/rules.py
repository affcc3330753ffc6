"""Judging: ``python -m benchmarks.rules [--check]`` prints JSON lines; with --check it fails above the bounds.

The sample with all packs of its city, warm, at most 10 s, of which judging without simulating at
most 0.5 s; a thousand small communities one after the other in one process.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from cimkit.rules.check import check
from cimkit.rules.measurements import Measurements
from cimkit.samples import future_community, slab_rows

PACKS = ["PLAN", "CN-ZJ-Hangzhou-2026", "CN-ZJ-FutureCommunity", "SDG-11", "EN-17037"]
MOST_S, MOST_JUDGING_S = 10.0, 0.5


def timed(work: Any) -> tuple[float, Any]:
    """Return the seconds of a call and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def main() -> int:
    """Run, print, compare with the bounds."""
    site = future_community()
    check(site, packs=PACKS, city="hangzhou")  # compiled and loaded
    whole, first = min((timed(lambda: check(site, packs=PACKS, city="hangzhou")) for _ in range(3)), key=lambda r: r[0])
    known = first.measurements
    again = min(timed(lambda: check(site, packs=PACKS, city="hangzhou", measurements=known))[0] for _ in range(3))
    print(json.dumps({"case": "sample, all packs", "findings": len(first), "s": round(whole, 3)}))
    print(json.dumps({"case": "judging again without simulating", "s": round(again, 4)}))
    blocks = [slab_rows(rows=2, gap=20.0 + 0.02 * k) for k in range(200)]
    check(blocks[0], city="hangzhou")
    many, _ = timed(lambda: [check(b, city="hangzhou", measurements=Measurements(b)).exit_code for b in blocks])
    print(json.dumps({"case": "communities one by one", "count": len(blocks), "ms_each": round(1e3 * many / 200, 1)}))
    return int("--check" in sys.argv and (whole > MOST_S or again > MOST_JUDGING_S))


if __name__ == "__main__":
    sys.exit(main())
