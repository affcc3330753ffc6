"""The ground of the invented renewal site, read from ``ground.toml``: streets, paths, spaces, gates, services."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import shapely

from cimkit.model.kinds import EntranceKind, FacilityKind, Kind, PathKind, SpaceKind, Status
from cimkit.samples.shapes import box

NEW, OLD, GOES = Status.PLANNED, Status.EXISTING, Status.DEMOLISH
_LISTS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def _rows(title: str, kind: type[Kind] = Kind) -> list[dict[str, Any]]:
    """Return a list of the file as columns of a table."""
    rows = [dict(row) for row in _LISTS[title]]
    for row in rows:
        if "box" in row:
            row["outline"] = box(*row.pop("box"))
        if "kind" in row:
            row["kind"] = kind.parse(row["kind"])
        if title in ("open_spaces", "services"):
            row["status"] = Status.parse(row.get("status", "existing"))
    return rows


PARCELS, STREETS = _rows("parcels"), _rows("streets")
OPEN_SPACES, GATES = _rows("open_spaces", SpaceKind), _rows("gates", EntranceKind)
SERVICES = _rows("services", FacilityKind)


class Walk(NamedTuple):
    """A path as it is drawn; it meets every path it touches."""

    points: tuple[tuple[float, float], ...]
    kind: PathKind
    width: float
    status: Status = OLD
    clearance: float = float("nan")


def walks() -> list[Walk]:
    """Return pavements and crossings, then the paths of each parcel."""
    return [
        Walk(
            tuple((float(x), float(y)) for x, y in p["points"]),
            PathKind.parse(p["kind"]),
            p["width"],
            Status.parse(p.get("status", "existing")),
            p.get("clearance", float("nan")),
        )
        for p in _LISTS["paths"]
    ]


def river() -> Any:
    """Return the water along the east."""
    return shapely.Polygon(_LISTS["river"])
