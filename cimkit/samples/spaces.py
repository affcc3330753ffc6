"""Open storeys, gardens, balconies, bays and platforms of the invented houses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shapely

from cimkit.model.kinds import SpaceKind, Status, StoreyKind
from cimkit.model.tables import Buildings, Spaces, Storeys
from cimkit.samples.shapes import box

if TYPE_CHECKING:
    from cimkit.samples.houses import House
    from cimkit.samples.rows import Rows

BEAM = 0.6  # [m] below an open storey's ceiling
PRIVATE = ("B06",)  # houses whose open storey is kept for their own residents


def add_building_spaces(rows: Rows, house: House) -> None:
    """Add the space of an open storey and its lobby, the garden on a podium, a public passage."""
    shared = {"status": house.status, "stage": house.stage}
    row = next(k for k, b in enumerate(rows.of(Buildings)) if b["id"] == house.id)
    for storey, s in enumerate(rows.of(Storeys)):
        if s["building"] != row or s["kind"] != StoreyKind.STILT:
            continue
        tall = house.runs[-1].outline or house.outline
        x, _, east, y = tall.bounds
        lobby = box((x + east) / 2 - 4.0, y - 12.0, 8.0, 9.0)
        inside = {"storey": storey, "clear_height": round(s["height"] - BEAM, 2), "roofed": 1, "inside_structure": 1}
        rows.add(
            Spaces, id=f"{house.id}-J1", outline=tall.difference(lobby), kind=SpaceKind.STILT, name="架空层公共空间",
            enclosed=0, public=house.id not in PRIVATE, **inside, **shared,
        )  # fmt: skip
        rows.add(
            Spaces, id=f"{house.id}-L1", outline=lobby, kind=SpaceKind.ROOM, name="门厅", enclosed=1, **inside, **shared
        )
        if s["level"] > 1:
            rows.add(
                Spaces, id=f"{house.id}-R1", outline=house.outline.difference(tall.buffer(2.0, join_style="mitre")),
                kind=SpaceKind.ROOF_GREEN, name="屋顶花园", z=s["z"], roofed=0, enclosed=0, public=True,
                planted_share=0.65, soil_depth=0.6, **shared,
            )  # fmt: skip
    if house.name.endswith("邻里中心"):
        ground = next(k for k, s in enumerate(rows.of(Storeys)) if s["building"] == row and s["level"] == 1)
        rows.add(
            Spaces, id=f"{house.id}-P1", storey=ground, outline=box(134, 24, 18, 6), kind=SpaceKind.PUBLIC_PASSAGE,
            name="过街通廊", clear_height=3.8, roofed=1, enclosed=0, inside_structure=1, public=True, **shared,
        )  # fmt: skip


def add_home_spaces(rows: Rows, house: House, storey: int, dwelling: int, cell: int, level: int) -> None:
    """Add what hangs outside a dwelling: balcony or sky garden; in new houses a bay and a platform too."""
    outline = house.runs[-1].outline or house.outline
    west, south, east, north = outline.bounds
    width = (east - west) / house.cells
    middle = west + (cell + 0.5) * width
    new = house.status == Status.PLANNED
    garden = house.garden > 0 and cell in (1, 2) and level % 2 == 0
    about = {"storey": storey, "dwelling": dwelling, "status": house.status, "stage": house.stage}
    about |= {"roofed": 1, "inside_structure": 0}
    stem = f"{house.id}/F{level}-{cell + 1:02d}"
    depth = house.garden if garden else 1.5 if new else 1.2
    front = _wall(outline, middle, south, 1)
    hung: dict[str, Any] = {"kind": SpaceKind.BALCONY, "clear_height": 2.8}
    if garden:
        hung = {"kind": SpaceKind.SKY_GARDEN, "clear_height": 5.5, "soil_depth": 0.3}
        hung["planted_share"] = 0.55 if depth < 2.5 else 0.3
    rows.add(
        Spaces, id=f"{stem}-{'G' if garden else 'Y'}", outline=box(middle - 2.1, front - depth, 4.2, depth),
        enclosed=int(not garden and not new and (cell + level) % 3 == 0), columns_rows=0, **hung, **about,
    )  # fmt: skip
    if not new:
        return
    rows.add(
        Spaces, id=f"{stem}-T", outline=box(middle - 0.9, _wall(outline, middle, north, 3), 1.8, 0.6),
        kind=SpaceKind.BAY_WINDOW, clear_height=2.2, sill_height=0.5 if cell else 0.4, enclosed=1, **about,
    )  # fmt: skip
    platform = box(middle - 3.2, front - 0.9, 1.0, 0.9)
    rows.add(Spaces, id=f"{stem}-S", outline=platform, kind=SpaceKind.EQUIPMENT_PLATFORM, enclosed=0, **about)


def _wall(outline: shapely.Polygon, x: float, y: float, side: int) -> float:
    """Return where the wall to the south (1) or north (3) stands at x, near y."""
    return float(outline.intersection(shapely.LineString([(x, y - 500), (x, y + 500)])).bounds[side])
