"""Colours and classes of plans: one meaning, one colour, readable for the colour-blind and in grey print."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cimkit.model.kinds import BuildingUse, PathKind, SpaceKind

if TYPE_CHECKING:
    from cimkit.arrays import IntArray


class Classes(NamedTuple):
    """Fixed classes of a quantity: ``colours[k]`` for values from ``edges[k]`` to below ``edges[k + 1]``."""

    english: str
    chinese: str
    unit: str
    edges: tuple[float, ...]
    colours: tuple[str, ...]
    threshold: float = float("nan")
    missing: str = "#c9ced3"
    names: tuple[str, ...] = ()  # labels, where they are not the edges

    @classmethod
    def listed(cls, given: dict[str, Any]) -> Classes:
        """Return the classes that a table of ``colours.toml`` lists."""
        return cls(**given | {"edges": tuple(given["edges"]), "colours": tuple(given["colours"])})

    def which(self, values: Any) -> IntArray:
        """Return the class of each value, -1 for nan; values at an edge, to 1 s or 1 mm, belong above it."""
        values = np.asarray(values, dtype=np.float64)
        found = np.searchsorted(self.edges[1:-1], values + 1e-6, side="right")
        return np.where(np.isnan(values), -1, found).astype(np.int64)

    def colour(self, value: float) -> str:
        """Return the colour of a value."""
        k = int(self.which([value])[0])
        return self.missing if k < 0 else self.colours[k]

    def labels(self) -> list[str]:
        """Return the names, or ``low–high`` of each class."""
        if self.names:
            return list(self.names)
        pairs = list(zip(self.edges[:-1], self.edges[1:], strict=True))
        text = [f"≥ {a:.3g}" if b == _INF else f"{a:.3g} … {b:.3g}" if a < 0 else f"{a:.3g}–{b:.3g}" for a, b in pairs]
        return [f"< {b:.3g}" if a == -_INF else t for t, (a, b) in zip(text, pairs, strict=True)]


def shades(colours: tuple[str, ...], n: int) -> tuple[str, ...]:
    """Return n colours spread evenly over a row of colours."""
    rgb = np.array([[int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in colours])
    at, known = np.linspace(0.0, len(colours) - 1.0, n), np.arange(len(colours))
    mixed = np.stack([np.interp(at, known, v) for v in rgb.T], axis=1).round().astype(int)
    return tuple("#{:02x}{:02x}{:02x}".format(*m) for m in mixed)


_INF = float("inf")
_LISTS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_NAMES = ("sunlight", "walk", "storeys", "change", "counted")
SUNLIGHT, WALK, STOREYS, CHANGE, COUNTED = (Classes.listed(_LISTS["classes"][name]) for name in _NAMES)
USES: dict[BuildingUse, str] = {BuildingUse.parse(code): colour for code, colour in _LISTS["uses"].items()}
OTHER_USE = "#c4bdb4"
GROUND: dict[SpaceKind, str] = {SpaceKind.parse(code): colour for code, colour in _LISTS["ground"].items()}
PATHS: dict[PathKind, tuple[str, float]] = {
    PathKind.parse(c): (colour, m) for c, (colour, m) in _LISTS["paths"].items()
}
OTHER_PATH = ("#b9b3a8", 0.9)
VERDICTS: dict[str, str] = _LISTS["verdicts"]
INK, TREE, WALL = "#26313a", "#9cbf83", "#f6f4f0"


def use_colour(use: int) -> str:
    """Return the colour of a building use."""
    return USES.get(BuildingUse(use), OTHER_USE)
