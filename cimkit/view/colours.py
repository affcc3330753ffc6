"""Colours and classes of plans: one meaning, one colour, readable for the colour-blind and in grey print."""

from __future__ import annotations

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
        """Return ``low–high`` of each class."""
        pairs = zip(self.edges[:-1], self.edges[1:], strict=True)
        return [f"≥ {a:.3g}" if b == _INF else f"{a:.3g} … {b:.3g}" if a < 0 else f"{a:.3g}–{b:.3g}" for a, b in pairs]


_INF = float("inf")
SUNLIGHT = Classes(
    "Sunlight",
    "日照时数",
    "h",
    (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, _INF),
    ("#2b1d52", "#51337f", "#8a5a9e", "#f2c879", "#f0a93f", "#e38321", "#c95c10"),
    2.0,
)
WALK = Classes(
    "Walking time",
    "步行时间",
    "min",
    (0.0, 3.0, 5.0, 10.0, 15.0, 20.0, _INF),
    ("#0f5c57", "#3a8f83", "#8cc3a8", "#e6d98f", "#d99a5b", "#a9523f"),
    float("nan"),
)
STOREYS = Classes(
    "Storeys above ground",
    "地上层数",
    "",
    (0.0, 4.0, 7.0, 10.0, 19.0, _INF),
    ("#dbe4ea", "#b3c7d6", "#87a6bd", "#57809d", "#2d5876"),
)

CHANGE = Classes(
    "Change of sunlight",
    "日照变化",
    "h",
    (-24.0, -2.0, -1.0, -1 / 60, 1 / 60, _INF),
    ("#6b1f4f", "#b0477f", "#dda0bd", "#e4e2dd", "#7fb391"),
)
COUNTED = Classes(
    "Share counted for FAR",
    "计容系数",
    "",
    (0.0, 0.01, 0.99, 1.01, _INF),
    ("#58a07c", "#e6d98f", "#8fa6c4", "#a5695c"),
)

USES = {
    BuildingUse.RESIDENTIAL: "#dba98a",
    BuildingUse.ELDERLY_HOUSING: "#c98fa0",
    BuildingUse.DORMITORY: "#d3b28d",
    BuildingUse.KINDERGARTEN: "#e0b33f",
    BuildingUse.SCHOOL: "#cfa233",
    BuildingUse.HOSPITAL: "#c9695d",
    BuildingUse.OFFICE: "#8fa6c4",
    BuildingUse.RETAIL: "#c77d6a",
    BuildingUse.COMMUNITY: "#7f9ec2",
    BuildingUse.CULTURE_SPORT: "#8fb0a6",
    BuildingUse.INDUSTRIAL: "#a99f94",
    BuildingUse.PARKING: "#b5b9bd",
    BuildingUse.UTILITY: "#a3a8ad",
}
OTHER_USE = "#c4bdb4"

GROUND = {  # drawn in this order, lowest first
    SpaceKind.ROAD: "#eceae6",
    SpaceKind.WATER: "#c3dcea",
    SpaceKind.GREEN: "#dfead2",
    SpaceKind.CENTRAL_GREEN: "#bcd8a4",
    SpaceKind.PUBLIC_OPEN_SPACE: "#e9e4bf",
    SpaceKind.PLAZA: "#f1e4cb",
    SpaceKind.PLAYGROUND: "#f3d6b8",
    SpaceKind.SHELTER: "#eccfc4",
    SpaceKind.PARKING: "#dcdcdc",
    SpaceKind.FIRE_LANE: "#e6dfe6",
    SpaceKind.EVACUATION_CORRIDOR: "#f6dc9c",
}
PATHS = {  # colour, drawn width [m]
    PathKind.STEPS: ("#b5402f", 2.0),
    PathKind.RAMP: ("#3f7fb0", 1.6),
    PathKind.CROSSING: ("#7a7f85", 2.4),
    PathKind.EVACUATION_CORRIDOR: ("#d19a2a", 1.2),
}
OTHER_PATH = ("#b9b3a8", 0.9)
VERDICTS = {"pass": "#2f7d5b", "fail": "#b5402f", "unknown": "#b07d1c", "not_applicable": "#9aa3ab"}
INK, TREE, WALL = "#26313a", "#9cbf83", "#f6f4f0"


def use_colour(use: int) -> str:
    """Return the colour of a building use."""
    return USES.get(BuildingUse(use), OTHER_USE)
