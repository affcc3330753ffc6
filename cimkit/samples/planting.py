"""Green areas and trees of the invented site: what is left between houses, paths and hard ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.model.kinds import SpaceKind, Status
from cimkit.model.tables import Buildings, Spaces, Trees
from cimkit.samples.ground import GOES, NEW, OLD, PARCELS, Walk, walks
from cimkit.samples.shapes import box, pieces

if TYPE_CHECKING:
    from cimkit.samples.rows import Rows

_GREEN = (SpaceKind.GREEN, SpaceKind.CENTRAL_GREEN)


def add_greens(rows: Rows) -> None:
    """Add green areas: 2 m off the houses, beside paths and hard ground; the river bank too."""
    west, east, school, centre = (p["outline"] for p in PARCELS)
    north = box(0, 246, 218, 154)
    south = west.difference(north)
    areas = [(land, OLD, (OLD, NEW)) for land in (north, east, school)]
    areas += [(land, status, (OLD, status)) for land in (south, centre) for status in (NEW, GOES)]
    number = 0
    for land, status, there in areas:
        for piece in pieces(land.difference(_taken(rows, there)).buffer(-0.6).buffer(0.6, join_style="mitre")):
            number += 1
            rows.add(
                Spaces, id=f"G{number:03d}", kind=SpaceKind.GREEN, outline=shapely.set_precision(piece, 0.01),
                status=status, stage=0 if status == OLD else 2, public=True, planted_share=1.0,
            )  # fmt: skip
    bank = box(434, -32, 12, 456).difference(_paved(walks(), (OLD, NEW)))
    for k, piece in enumerate(pieces(bank)):
        rows.add(
            Spaces, id=f"G9{k + 1:02d}", kind=SpaceKind.GREEN, name="滨江绿带", outline=piece, public=True,
            planted_share=1.0,
        )  # fmt: skip


def _taken(rows: Rows, there: tuple[Status, ...]) -> Any:
    """Return the ground that is not green while things of these states stand."""
    houses = [b["footprint"].buffer(2.0, join_style="mitre") for b in rows.of(Buildings) if b["status"] in there]
    ground = [s["outline"] for s in rows.of(Spaces) if s.get("storey", -1) < 0 and s.get("status", OLD) in there]
    return shapely.union_all([*houses, *ground, _paved(walks(), there)])


def _paved(paths: list[Walk], there: tuple[Status, ...]) -> Any:
    """Return the ground under the paths of these states."""
    lines = [(shapely.LineString(w.points), w.width / 2) for w in paths if w.status in there]
    return shapely.union_all([line.buffer(half, cap_style="flat", join_style="mitre") for line, half in lines])


def add_trees(rows: Rows, rng: np.random.Generator) -> None:
    """Add trees along the streets, each 12 m, and scattered over the green that stays or comes."""
    spots: list[tuple[float, float]] = []
    spots += [
        (x, float(y)) for x in (-1.5, 216.0, 236.5) for y in range(6, 400, 12) if not (60 < y < 84 or 222 < y < 246)
    ]
    spots += [(float(x), y) for y in (-1.5, 402.0) for x in range(10, 430, 12) if not 214 < x < 238]
    for space in rows.of(Spaces):
        if space["kind"] in _GREEN and space.get("status", OLD) != GOES:
            inner = space["outline"].buffer(-2.0)
            west, south, east, north = space["outline"].bounds
            count = int(space["outline"].area / 90)
            tries = rng.uniform((west, south), (east, north), (3 * count, 2))
            inside = tries[shapely.contains_xy(inner, tries)] if not inner.is_empty else tries[:0]
            spots += [(round(float(x), 1), round(float(y), 1)) for x, y in inside[:count]]
    for k, (x, y) in enumerate(spots):
        height = round(float(rng.uniform(5.0, 11.0)), 1)
        rows.add(
            Trees, id=f"T{k + 1:03d}", x=x, y=y, height=height, crown_radius=round(0.28 * height, 1),
            crown_base=round(0.3 * height, 1),
        )  # fmt: skip
