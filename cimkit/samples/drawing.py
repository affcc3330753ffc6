"""The invented renewal site as it is drawn in ``drawing.toml``, and rows of tables drawn one by one."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import shapely

from cimkit.arrays import FloatArray
from cimkit.lists import load_lists
from cimkit.model.kinds import BuildingUse, EntranceKind, FacilityKind, Kind, PathKind, SpaceKind, Status, StoreyKind
from cimkit.model.table import Table

TURN = np.radians(6.0)  # the rows look 6° east of south
COS, SIN = np.cos(TURN), np.sin(TURN)
NEW, OLD, GOES = Status.PLANNED, Status.EXISTING, Status.DEMOLISH
_LISTS = load_lists(__file__)


def turned(xy: FloatArray) -> Any:
    """Return local coordinates of the drawing: turned by 6° and rounded to 1 mm."""
    return np.round(np.asarray(xy, dtype=np.float64) @ np.array([[COS, SIN], [-SIN, COS]]), 3)


def box(x: float, y: float, width: float, depth: float) -> Any:
    """Return a rectangle by its south-western corner [m]."""
    return shapely.box(x, y, x + width, y + depth)


def boxes(x: float, y: float, *each: tuple[float, float, float, float]) -> Any:
    """Return rectangles as one outline, each by its corner from (x, y) and its sizes."""
    return shapely.union_all([box(x + right, y + up, *sizes) for right, up, *sizes in each])


def slab(x: float, y: float, width: float, depth: float, stairs: int) -> Any:
    """Return a slab with its south-western corner at (x, y); stairs stand out 1.2 m to the north."""
    bay = width / stairs
    bumps = [box(x + (k + 0.5) * bay - 1.3, y + depth, 2.6, 1.2) for k in range(stairs)]
    return shapely.union_all([box(x, y, width, depth), *bumps])


def tower(x: float, y: float, width: float = 32.0, depth: float = 17.0) -> Any:
    """Return a tower of four dwellings a storey: core recess to the north, two light slots to the south."""
    slots = [box(x + share * width - 0.8, y - 0.1, 1.6, 3.1) for share in (0.25, 0.75)]
    recess = box(x + width / 2 - 3.0, y + depth - 3.0, 6.0, 3.1)
    return box(x, y, width, depth).difference(shapely.union_all([recess, *slots]))


_SHAPES: dict[str, Any] = {"box": box, "boxes": boxes, "slab": slab, "tower": tower}


def _read(row: dict[str, Any], kind: type[Kind] = Kind, at: Sequence[float] = ()) -> dict[str, Any]:
    """Return a row of the file as columns of a table; the outline of a house stands ``at`` a corner."""
    made = dict(row)
    if "outline" in row:
        shape, *sizes = row["outline"]
        made["outline"] = _SHAPES[shape](*at, *sizes)
    if "points" in row:
        made["line"] = shapely.LineString(made.pop("points"))
    words: dict[str, type[Kind]] = {"kind": kind, "status": Status, "use": BuildingUse}
    return made | {name: words[name].parse(row[name]) for name in words if name in row}


PARCELS, STREETS = (list(map(_read, _LISTS[title])) for title in ("parcels", "streets"))
OPEN_SPACES = [_read({"status": "existing"} | row, SpaceKind) for row in _LISTS["open_spaces"]]
SERVICES = [_read({"status": "existing"} | row, FacilityKind) for row in _LISTS["services"]]
GATES = [_read(row, EntranceKind) for row in _LISTS["gates"]]
FITTINGS = {name: _read(row, SpaceKind) for name, row in _LISTS["fittings"].items()}
RIVER, NOTES = shapely.Polygon(_LISTS["river"]), _LISTS["notes"]


class Walk(NamedTuple):
    """A path as it is drawn, by its middle line; it meets every path it touches."""

    line: Any
    kind: PathKind
    width: float
    status: Status = OLD
    clearance: float = float("nan")


WALKS = [Walk(**_read(row, PathKind)) for row in _LISTS["paths"]]  # pavements and crossings, then those of each parcel


class Run(NamedTuple):
    """Storeys of one kind, counted upwards; basements are counted downwards."""

    storeys: int
    height: float
    outline: Any
    kind: StoreyKind = StoreyKind.NORMAL
    use: BuildingUse = BuildingUse.UNKNOWN


class House(NamedTuple):
    """A building as it is thought of; ``cells`` dwellings lie side by side on each housing storey."""

    id: str
    name: str
    outline: Any
    runs: tuple[Run, ...]
    use: BuildingUse = BuildingUse.RESIDENTIAL
    status: Status = OLD
    stage: int = 0
    stairs: int = 1
    cells: int = 0
    parapet: float = 0.6
    year: int = -1
    lift: int = 0
    garden: float = 0.0  # depth of sky gardens, 0 without [m]

    @property
    def top(self) -> Any:
        """Outline of the uppermost storeys."""
        return self.runs[-1].outline


def houses(rng: np.random.Generator) -> list[House]:
    """Return all buildings, numbered in the order of the file."""
    made: list[House] = []
    for group in _LISTS["houses"]:
        for at in group["at"]:
            own = _read(group, at=at) | {"id": f"B{len(made) + 1:02d}", "name": group["name"].format(len(made) + 1)}
            runs = [{"outline": own["outline"]} | _read(run, StoreyKind) for run in group["runs"]]
            own["runs"] = tuple(Run(**(run | {"storeys": _drawn(run["storeys"], rng)})) for run in runs)
            own |= {name: _drawn(own[name], rng) for name in ("year_before", "year") if name in own}
            made.append(House(**{name: own[name] for name in House._fields if name in own}))
    return made


def _drawn(number: Any, rng: np.random.Generator) -> int:
    """Return a number, one from the first up to below the second where two are given."""
    return int(rng.integers(*number)) if isinstance(number, list) else number


class Rows(defaultdict[type[Table], list[dict[str, Any]]]):
    """Rows of tables being collected; shapes and points lie in the drawing and are turned when a table is made."""

    def add(self, table: type[Table], **values: Any) -> int:
        """Add a row and return its number."""
        self[table].append(values)
        return len(self[table]) - 1

    def column(self, table: type[Table], name: str) -> list[Any]:
        """Return one value of each row."""
        return [row[name] for row in self[table]]

    def made(self, table: type[Table]) -> Table:
        """Return the table of the rows; a value not given takes the column's default."""
        given: dict[str, Any] = {}
        for col in table.columns():
            if col.is_shape:
                shapes = np.array(self.column(table, col.name), dtype=object)
                given[col.name] = col.dtype.from_shapely(shapely.transform(shapes, turned))
            elif any(col.name in row for row in self[table]):
                given[col.name] = [row.get(col.name, col.usual) for row in self[table]]
        if "x" in given:
            given["x"], given["y"] = turned(np.column_stack([given["x"], given["y"]])).T
        return table(**given)
