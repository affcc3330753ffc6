"""What the pages say: findings by clause, by place and by what is missing, and the lines of the tables of results."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from math import isinf, isnan, log2
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cimkit.arrays import FloatArray, IntArray
from cimkit.model.community import Community
from cimkit.model.kinds import BuildingUse, Status
from cimkit.rules.findings import ORDER, Finding
from cimkit.rules.rule import Rule
from cimkit.sim.site_ratios import SiteIndicators
from cimkit.sim.sunlight import Sunlight
from cimkit.view.layers import best_of_dwellings
from cimkit.view.lists import FAR_STEPS, RATIOS, SUNLIGHT, VERDICTS, WALK

if TYPE_CHECKING:
    from cimkit.sim.access import WalkTimes
    from cimkit.sim.areas import FloorAreas

MOST_MARKS, MOST_FAILURES = 600, 500
_NUMBER = re.compile(r"-?[\d.]+")
SHORT_H = SUNLIGHT.threshold
STEP_COLOURS = {"whole": "#57809d", "less": "#d3a06b", "more": "#a5695c", "result": "#2d5876"}


class Clause(NamedTuple):
    """All findings of one rule."""

    rows: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """The worst verdict: one failure fails the clause."""
        return min((r.verdict for r in self.rows), key=ORDER.index)

    @property
    def worst_first(self) -> list[Finding]:
        """The failures, that farthest from the limit first."""
        return sorted((r for r in self.rows if r.verdict == "fail"), key=lambda r: r.margin)

    @property
    def limit(self) -> str:
        """The limit with its unit, or the least and the largest."""
        limits = sorted({required(r) for r in self.rows if r.required_text}, key=lambda t: float(_NUMBER.findall(t)[0]))
        return " … ".join(limits[:1] + limits[1:][-1:])


class Mark(NamedTuple):
    """Where something is not met: place, verdict, object, tooltip, how many findings."""

    x: float
    y: float
    verdict: str
    object: str
    text: str
    number: int = 1

    @property
    def radius(self) -> float:
        """Radius of its sign: many findings make it larger."""
        return min(3.6 + 0.9 * log2(self.number), 9.0)


def judged(findings: Iterable[Finding] | None) -> list[Finding]:
    """Return findings, failures first, then what is open, in the order of the check."""
    return sorted(findings or (), key=lambda r: ORDER.index(r.verdict))


def by_clause(rows: Sequence[Finding]) -> list[Clause]:
    """Return the findings by rule, failed clauses first."""
    groups: dict[str, list[Finding]] = {}
    for r in rows:
        groups.setdefault(r.rule.id, []).append(r)
    return sorted((Clause(tuple(own)) for own in groups.values()), key=lambda c: ORDER.index(c.verdict))


def by_missing(rows: Sequence[Finding]) -> list[tuple[str, list[Clause], list[Finding]]]:
    """Return what is missing, the clauses and findings that wait for it, what most clauses wait for first."""
    groups: dict[str, list[Finding]] = {}
    for r in rows:
        if r.verdict == "unknown":  # without what is said of the limit and of how many it concerns
            parts = r.note.removeprefix("missing: ").split("; ")
            told = "; ".join(p for p in parts if not p.startswith(("limit UNVERIFIED", "concerns all")))
            groups.setdefault(told, []).append(r)
    found = [(missing, by_clause(own), own) for missing, own in groups.items()]
    return sorted(found, key=lambda g: -len(g[1]))


def marks(rows: Sequence[Finding]) -> list[Mark]:
    """Return one mark a place where something is not met or open; the worst verdict is shown."""
    places: dict[tuple[float, float], list[Finding]] = {}
    for r in rows:
        if r.x == r.x and r.verdict in ("fail", "unknown"):
            places.setdefault((round(r.x, 1), round(r.y, 1)), []).append(r)
    found = []
    for (x, y), own in list(places.items())[:MOST_MARKS]:
        lines = [f"{r.object}: {r.rule.title('zh')} {measured(r)} ({required(r)})" for r in own[:6]]
        more = [f"… +{len(own) - 6}"] if len(own) > 6 else []
        found.append(Mark(x, y, own[0].verdict, own[0].object, "\n".join(lines + more), len(own)))
    return found


def counts(rows: Iterable[Any]) -> dict[str, int]:
    """Return how many findings or clauses have each verdict, all verdicts named."""
    found = Counter(str(r.verdict) for r in rows)
    return {v: found[v] for v in ORDER}


def shares(found: dict[str, int], order: Sequence[str]) -> list[tuple[float, str]]:
    """Return the share and the colour of each verdict."""
    return [(found[v] / sum(found.values()), VERDICTS[v]) for v in order]


def measured(f: Finding) -> str:
    """Return what was measured with its unit, empty if nothing was."""
    return f"{number(f.measured)} {pretty(f.unit)}".strip() if f.measured == f.measured else ""


def required(f: Finding) -> str:
    """Return what a rule requires as it is printed."""
    return pretty(f.required_text)


def origin(rule: Rule) -> str:
    """Return standard and clause of a rule, its id if it has none."""
    return f"{rule.standard} {rule.clause}".strip() or rule.id


def pretty(text: str) -> str:
    """Return limits and units as they are printed: ≥, ≤, m².

    Examples
    --------
    >>> pretty(">= 8 km/km2")
    '≥ 8 km/km²'
    """
    return text.replace(">=", "≥").replace("<=", "≤").replace("m2", "m²")


def number(value: float) -> str:
    """Return a number as people write it, nan as nothing.

    Examples
    --------
    >>> number(1.2345), number(12345.6), number(float("inf")), number(float("nan"))
    ('1.23', '12,346', '∞', '')
    """
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    text = f"{value:,.{digits}f}".replace("inf", "∞").replace("nan", "")
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(values: Iterable[float], digits: int = 2, *, far: Any = "∞") -> list[Any]:
    """Return numbers as JSON has them: rounded, None for nan, ``far`` for infinity."""
    return [None if isnan(v) else far if isinf(v) else round(float(v), digits) for v in values]


def sunlight_lines(community: Community, light: Sunlight) -> list[dict[str, Any]]:
    """Return one line a building: its dwellings by their best habitable room, else what is measured at it.

    What belongs to no building has one line, which names none.
    """
    b, lines = community.buildings, []
    by_home = _grouped(*best_of_dwellings(community, light))
    for k, measured in _grouped(light.receptors.building, light.hours).items():
        hours = by_home.get(k, measured)
        line = {"id": b.id[k], "name": b.name[k], "state": Status(b.status[k])} if k >= 0 else {}
        line |= {"count": len(hours), "least": hours.min(), "median": np.median(hours), "mean": hours.mean()}
        line |= {"homes": k in by_home, "short": int((hours < SHORT_H - 1e-6).sum())}
        lines.append({**line, "shares": SUNLIGHT.shares(hours)})
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
        line |= {"mean": -np.mean(np.minimum(minutes, 60)), "shares": WALK.shares(minutes)}
        lines.append({**line, "within": within})
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
    steps, level, values = [], 0.0, (whole, -below, -exempt, more, rest, t["far_area_m2"])
    for (english, chinese, total), value in zip(FAR_STEPS, values, strict=True):
        if abs(value) >= 0.5:
            start = 0.0 if total else level
            level = start + value
            steps.append(Step(english, chinese, value, total or ("more" if value > 0 else "less"), start))
    return steps


def failures(areas: FloorAreas) -> list[Any]:
    """Return the spaces that a local rule would free, had they passed its tests, and why they did not."""
    return list(areas.failures().head(MOST_FAILURES).itertuples(index=False))


def parcel_lines(community: Community, site: SiteIndicators) -> list[tuple[Any, ...]]:
    """Return one line a parcel: land, ratios, whether each misses the limit of the plan, and that limit."""
    parcels, lines = community.parcels, []
    for p, land in enumerate(parcels.outline.areas()):
        values = []
        for name, (column, sign, _) in RATIOS.items():
            value, limit = site.value(name, p), float(getattr(parcels, column)[p])
            missed = value > limit + 1e-9 if sign == "≤" else value < limit - 1e-9
            said = "" if np.isnan(limit) else f"{sign} {limit:g}"
            values.append(("" if np.isnan(value) else f"{value:.3f}", missed, said))
        lines.append((parcels.id[p], parcels.name[p], parcels.land_use[p], land, values))
    return lines


def uses(community: Community) -> list[tuple[BuildingUse, list[int]]]:
    """Return how many buildings of each use and state there are."""
    b = community.buildings
    found = [BuildingUse(u) for u in np.unique(b.use)]
    return [(use, [int((b.status[b.use == use] == s).sum()) for s in Status]) for use in found]
