"""What the tables of the report hold: sunlight by building, walks by service, ledgers, parcels, uses."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cimkit.arrays import FloatArray, IntArray
from cimkit.model.community import Community
from cimkit.model.kinds import BuildingUse, Status
from cimkit.sim.access import WalkTimes
from cimkit.sim.areas import FloorAreas
from cimkit.sim.site_ratios import SiteIndicators
from cimkit.sim.sunlight import Sunlight
from cimkit.view.colours import SUNLIGHT, WALK
from cimkit.view.judged import number
from cimkit.view.layers import best_of_dwellings

MOST_FAILURES = 500
SHORT_H = SUNLIGHT.threshold
RATIOS = (  # indicator, column of the parcels, whether the limit is a largest value, words
    ("far", "far_max", True, ("Floor area ratio", "容积率")),
    ("building_density", "density_max", True, ("Building density", "建筑密度")),
    ("green_ratio", "green_min", False, ("Green ratio", "绿地率")),
)
STEP_COLOURS = {"whole": "#57809d", "less": "#d3a06b", "more": "#a5695c", "result": "#2d5876"}


def sunlight_lines(community: Community, light: Sunlight) -> list[dict[str, Any]]:
    """Return one line a building: its dwellings by their best habitable room, else its windows."""
    b, lines = community.buildings, []
    by_home = _grouped(*best_of_dwellings(community, light))
    for k, windows in _grouped(light.receptors.building, light.hours).items():
        if k >= 0:
            hours = by_home.get(k, windows)
            line = {"id": b.id[k], "name": b.name[k], "state": Status(b.status[k]), "homes": k in by_home}
            line |= {"count": len(hours), "least": hours.min(), "median": np.median(hours), "mean": hours.mean()}
            line["short"] = int((hours < SHORT_H - 1e-6).sum())
            lines.append(line | {"shares": SUNLIGHT.shares(hours)})
    return lines


def _grouped(owner: IntArray, values: FloatArray) -> dict[int, FloatArray]:
    """Return the values of each owner."""
    order = np.argsort(owner, kind="stable")
    rows, first = np.unique(owner[order], return_index=True)
    return dict(zip(rows.tolist(), np.split(values[order], first[1:]), strict=False))


def walk_lines(walk: WalkTimes) -> list[dict[str, Any]]:
    """Return one line a kind: median and longest walk, share of homes within minutes and metres."""
    lines = []
    for k, kind in enumerate(walk.kinds):
        minutes, metres = walk.walk_min[:, k], walk.distance[:, k]
        within = [float((minutes <= m).mean()) for m in (5, 10, 15)]
        within += [float((metres <= m).mean()) for m in (300, 500, 1000)]
        farthest = number(round(float(metres.max())) if np.isfinite(metres).all() else float("inf"))
        line = {"kind": kind, "metres": np.median(metres), "farthest": farthest, "minutes": np.median(minutes)}
        line |= {"mean": -np.mean(np.minimum(minutes, 60)), "shares": WALK.shares(minutes), "within": within}
        lines.append(line)
    return lines


class Step(NamedTuple):
    """One step from building area to the area counted for FAR; ``start`` is where its bar begins [m²]."""

    english: str
    chinese: str
    value: float
    kind: str
    start: float

    @property
    def low(self) -> float:
        """Lower end of the bar [m²]."""
        return min(self.start, self.start + self.value)


def far_steps(areas: FloorAreas) -> list[Step]:
    """Return the steps from building area to the area counted for FAR."""
    t = areas.totals()
    whole, below, exempt, more = (t[k] for k in ("building_area_m2", "below_ground_m2", "exempt_m2", "multiplied_m2"))
    rest = t["far_area_m2"] - (whole - below - exempt + more)
    listed = [
        ("Building area", "建筑面积", whole, "whole"),
        ("Below ground", "地下不计容", -below, "less"),
        ("Exempt public space", "公共空间不计容", -exempt, "less"),
        ("Storey height, caps", "层高与限额加计", more, "more"),
        ("Other rules", "其他规则", rest, "more" if rest > 0 else "less"),
        ("Counted for FAR", "计容面积", t["far_area_m2"], "result"),
    ]
    steps, level = [], 0.0
    for english, chinese, value, kind in listed:
        if abs(value) >= 0.5:
            start = 0.0 if kind in ("whole", "result") else level
            level = start + value
            steps.append(Step(english, chinese, value, kind, start))
    return steps


def failures(areas: FloorAreas) -> list[Any]:
    """Return the spaces that a local rule would free, had they passed its tests, and why they did not."""
    return list(areas.failures().head(MOST_FAILURES).itertuples(index=False))


def parcel_lines(community: Community, site: SiteIndicators) -> list[tuple[Any, ...]]:
    """Return one line a parcel: land, ratios, whether each misses the limit of the plan, and that limit."""
    parcels, lines = community.parcels, []
    for p, land in enumerate(parcels.outline.areas()):
        values = []
        for name, column, largest, _ in RATIOS:
            value, limit = site.value(name, p), float(getattr(parcels, column)[p])
            missed = value > limit + 1e-9 if largest else value < limit - 1e-9
            said = "" if np.isnan(limit) else f"{'≤' if largest else '≥'} {limit:g}"
            values.append(("" if np.isnan(value) else f"{value:.3f}", missed, said))
        lines.append((parcels.id[p], parcels.name[p], parcels.land_use[p], land, values))
    return lines


def uses(community: Community) -> list[tuple[BuildingUse, list[int]]]:
    """Return how many buildings of each use and state there are."""
    b = community.buildings
    found = [BuildingUse(u) for u in np.unique(b.use)]
    return [(use, [int((b.status[b.use == use] == s).sum()) for s in Status]) for use in found]
