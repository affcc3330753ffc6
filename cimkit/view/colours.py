"""Colours and classes of plans: one meaning, one colour, readable for the colour-blind and in grey print."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cimkit.arrays import IntArray
from cimkit.model.kinds import BuildingUse, PathKind, SpaceKind
from cimkit.model.tables import Buildings, Spaces

Row = tuple[str, str, str]  # of a legend: colour, English, Chinese


class Classes(NamedTuple):
    """Fixed classes of a quantity: ``colours[k]`` for values from ``edges[k]`` to below ``edges[k + 1]``."""

    english: str
    chinese: str
    unit: str
    edges: Sequence[float]
    colours: Sequence[str]
    threshold: float = float("nan")
    missing: str = "#c9ced3"
    names: Sequence[Sequence[str]] = ()  # English and Chinese, where they are not the edges

    def of(self, english: str, chinese: str) -> Classes:
        """Return the classes of something with a name of its own."""
        return self._replace(english=english, chinese=chinese)

    def which(self, values: Any) -> IntArray:
        """Return the class of each value, -1 for nan; values at an edge, to 1 s or 1 mm, belong above it."""
        values = np.asarray(values, dtype=np.float64)
        found = np.searchsorted(self.edges[1:-1], values + 1e-6, side="right")
        return np.where(np.isnan(values), -1, found).astype(np.int64)

    def shares(self, values: Any) -> list[tuple[float, str]]:
        """Return the share of values in each class and its colour."""
        which = self.which(values)
        return [(float((which == k).sum()) / max(len(which), 1), colour) for k, colour in enumerate(self.colours)]

    def colour(self, value: float) -> str:
        """Return the colour of a value."""
        k = int(self.which([value])[0])
        return self.missing if k < 0 else self.colours[k]

    def legend(self) -> tuple[Row, ...]:
        """Return the colour of each class, and its name or range with the unit in English and Chinese, limit marked."""
        rows = []
        for k, (colour, low, high) in enumerate(zip(self.colours, self.edges[:-1], self.edges[1:], strict=True)):
            a, b = f"{low:,.10g}", f"{high:,.10g}"
            text = f"< {b}" if low == -_INF else f"≥ {a}" if high == _INF else f"{a} … {b}" if low < 0 else f"{a}–{b}"
            english, chinese = self.names[k] if self.names else (f"{text} {self.unit}".strip(),) * 2
            if low == _INF:
                english, chinese = "not reached", "不可达"
            mark = (" ◂ limit", " ◂ 限值") if low == self.threshold else ("", "")
            rows.append((colour, english + mark[0], chinese + mark[1]))
        return tuple(rows)


def rgb_of(colours: Sequence[str]) -> IntArray:
    """Return colours as red, green and blue of 0–255, shape (n, 3)."""
    return np.array([[int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in colours], dtype=np.int64).reshape(-1, 3)


def shades(colours: Sequence[str], n: int) -> tuple[str, ...]:
    """Return n colours spread evenly over a row of colours."""
    at, known = np.linspace(0.0, len(colours) - 1.0, n), np.arange(len(colours))
    mixed = np.stack([np.interp(at, known, v) for v in rgb_of(colours).T], axis=1).round().astype(int)
    return tuple("#{:02x}{:02x}{:02x}".format(*m) for m in mixed)


_INF = float("inf")
_LISTS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_NAMES = ("sunlight", "walk", "storeys", "change", "counted")
SUNLIGHT, WALK, STOREYS, CHANGE, COUNTED = (Classes(**_LISTS["classes"][name]) for name in _NAMES)
USES: dict[BuildingUse, str] = {BuildingUse.parse(code): colour for code, colour in _LISTS["uses"].items()}
OTHER_USE = "#c4bdb4"
GROUND: dict[SpaceKind, str] = {SpaceKind.parse(code): colour for code, colour in _LISTS["ground"].items()}
PATHS: dict[PathKind, tuple[str, float]] = {
    PathKind.parse(c): (colour, m) for c, (colour, m) in _LISTS["paths"].items()
}
OTHER_PATH = ("#b9b3a8", 0.9)
VERDICTS: dict[str, str] = _LISTS["verdicts"]
STATES: dict[str, str] = _LISTS["states"]  # of indicators, worst first
SCENE: dict[str, str] = _LISTS["scene"]
INK, TREE, WALL = "#26313a", SCENE["tree"], SCENE["wall"]


def use_colour(use: int) -> str:
    """Return the colour of a building use."""
    return USES.get(BuildingUse(use), OTHER_USE)


def use_legend(buildings: Buildings, spaces: Spaces) -> list[Row]:
    """Return the uses of buildings and the kinds of ground that occur."""
    uses = (BuildingUse(u) for u in np.unique(buildings.use))
    rows = [(use_colour(u), *u.title) for u in uses]
    return rows + [(c, *k.title) for k, c in GROUND.items() if (spaces.kind == k).any()]


def bar_length(width: float) -> int:
    """Return the length of the scale bar of a plan some metres wide [m]."""
    return max((m for m in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if m <= width / 4), default=1)
