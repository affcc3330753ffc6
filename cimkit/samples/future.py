"""A believable renewal site of about forty buildings in Hangzhou, made by rule."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.geometry.frame import Frame
from cimkit.geometry.polygons import Polygons
from cimkit.geometry.terrain import Terrain
from cimkit.model import tables as t
from cimkit.model.community import Community
from cimkit.model.derive import WindowRule, derive_windows
from cimkit.model.kinds import (
    BuildingUse,
    EntranceKind,
    ProjectType,
    Provenance,
    RoomKind,
    SpaceKind,
    Status,
    StoreyKind,
    WindowKind,
)
from cimkit.model.notes import Note, Notes
from cimkit.samples.ground import GATES, NEW, OPEN_SPACES, PARCELS, SERVICES, STREETS, river
from cimkit.samples.houses import House, houses
from cimkit.samples.network import paths_of
from cimkit.samples.planting import add_greens, add_trees
from cimkit.samples.rows import Rows
from cimkit.samples.small import numbered
from cimkit.samples.spaces import add_building_spaces, add_home_spaces

if TYPE_CHECKING:
    from cimkit.arrays import BoolArray, FloatArray

HOMES = (BuildingUse.RESIDENTIAL, BuildingUse.ELDERLY_HOUSING)
FRAME = Frame("EPSG:4549", (516130.0, 3347640.0, 6.0))  # about 120.17° E, 30.25° N
TURN = np.radians(6.0)  # the rows look 6° east of south
AGES = {False: (0.17, 0.67, 0.14, 0.02), True: (0.11, 0.58, 0.25, 0.06)}  # by age band; in old blocks


def future_community(seed: int = 0) -> Community:
    """Make a renewal site of about forty buildings in Hangzhou with passing and failing clauses.

    West: old slabs make room for four towers over a garage and three slabs of eleven storeys; the
    northern slabs stay, on a terrace reached by steps and one ramp. South: a podium with a tower and
    a community centre. East: a quarter that stays, a primary school and a kindergarten. Everything is
    invented; windows stand by rule in walls that look south or north.

    Parameters
    ----------
    seed
        Varies storeys, years, trees and residents.

    Returns
    -------
    Community
        Of project type 拆改结合, in CGCS2000 (EPSG:4549), with existing, planned and to-be-demolished
        buildings; see ``before()`` and ``after()``.

    Examples
    --------
    >>> site = future_community()
    >>> len(site.before().buildings), len(site.after().buildings)
    (35, 34)
    """
    rng = np.random.default_rng(seed)
    rows = Rows(_turned)
    ground = _terrain()
    _add_parcels(rows)
    site = houses(rng)
    for house in site:
        _add_house(rows, house, ground, rng)
        add_building_spaces(rows, house)
    for k, street in enumerate(STREETS):
        rows.add(t.Spaces, id=f"R{k + 1:02d}", kind=SpaceKind.ROAD, **street)
    rows.add(t.Spaces, id="W01", kind=SpaceKind.WATER, name="春江", outline=river())
    for space in OPEN_SPACES:
        open_to_all = space["kind"] not in (SpaceKind.PARKING, SpaceKind.FIRE_LANE)
        rows.add(t.Spaces, stage=2 if space["status"] else 0, public=open_to_all, **space)
    _add_services(rows)
    add_greens(rows)
    add_trees(rows, rng)
    return _community(rows, site, ground)


def _turned(xy: FloatArray) -> FloatArray:
    """Return local coordinates of the drawing: turned by 6° and rounded to 1 mm."""
    cos, sin = np.cos(TURN), np.sin(TURN)
    turned: FloatArray = np.round(np.asarray(xy, dtype=np.float64) @ np.array([[cos, sin], [-sin, cos]]), 3)
    return turned


def _terrain() -> Terrain:
    """Return the ground: a gentle slope, a terrace in the west, the river bank in the east."""
    cos, sin = np.cos(TURN), np.sin(TURN)
    x, y = np.meshgrid(np.arange(-100.0, 506.0, 5.0), np.arange(-60.0, 486.0, 5.0))
    u, v = cos * x + sin * y, cos * y - sin * x
    terrace = 1.6 * np.clip((v - 222.0) / 24.0, 0.0, 1.0) * np.clip((226.0 - u) / 8.0, 0.0, 1.0)
    bank = 2.5 * np.clip((u - 441.0) / 6.0, 0.0, 1.0)
    z = 1.5 + 0.005 * v + 0.002 * (440.0 - u) + terrace - bank
    return Terrain(-100.0, -60.0, 5.0, np.round(z, 3))


def _add_parcels(rows: Rows) -> None:
    """Add the parcels with the limits of the plan."""
    for parcel in PARCELS:
        rows.add(t.Parcels, area_declared=parcel["outline"].area, **parcel)


def _add_house(rows: Rows, house: House, ground: Terrain, rng: np.random.Generator) -> None:
    """Add a building with its plates, storeys, doors, dwellings and residents."""
    middle = rows.turn(np.array([house.outline.centroid.coords[0]]))
    above = [r for r in house.runs for _ in range(r.storeys) if r.kind != StoreyKind.BASEMENT]
    below = [r for r in house.runs for _ in range(r.storeys) if r.kind == StoreyKind.BASEMENT]
    row = rows.add(
        t.Buildings,
        id=house.id,
        footprint=house.outline,
        parcel=next((k for k, p in enumerate(PARCELS) if p["outline"].covers(house.outline)), -1),
        name=house.name,
        use=house.use,
        status=house.status,
        stage=house.stage,
        ground_z=round(float(ground.elevation(middle)[0]), 1),
        height=round(sum(r.height for r in above) + house.parapet, 2),
        height_src=Provenance.MEASURED,
        n_above=len(above),
        n_below=len(below),
        storeys_src=Provenance.MEASURED,
        year=house.year,
        lift=house.lift,
        source_id=f"XM-{house.id}",
    )
    _add_doors(rows, house, row, rng)
    plates: dict[bytes, int] = {}
    for run in house.runs:
        shape = run.outline or house.outline
        if shape.wkb not in plates:
            plates[shape.wkb] = rows.add(t.Plates, outline=shape)
    homes, z = 0.0, 0.0
    for level, run in enumerate(above, 1):
        plate = plates[(run.outline or house.outline).wkb]
        storey = _add_storey(rows, row, level, plate, z, run)
        lived_in = run.kind == StoreyKind.NORMAL and run.use not in (BuildingUse.RETAIL, BuildingUse.PARKING)
        if house.cells and lived_in:
            homes += _add_homes(rows, house, row, storey, level, rows.of(t.Plates)[plate]["outline"])
        z += run.height
    z = 0.0
    for depth, run in enumerate(below, 1):
        z -= run.height
        _add_storey(rows, row, -depth, plates[(run.outline or house.outline).wkb], z, run)
    old = house.status != NEW
    for band, share in enumerate(AGES[old]) if homes else ():
        rows.add(t.Population, building=row, band=band, persons=round(homes * share, 1))


def _add_storey(rows: Rows, building: int, level: int, plate: int, z: float, run: Any) -> int:
    """Add a storey and return its row."""
    return rows.add(
        t.Storeys, building=building, level=level, plate=plate, z=round(z, 3), height=run.height,
        kind=run.kind, use=run.use, enclosed=run.kind != StoreyKind.STILT,
    )  # fmt: skip


def _add_doors(rows: Rows, house: House, row: int, rng: np.random.Generator) -> None:
    """Add one unit entrance for each stair, on the north wall; one door on the south wall of other houses."""
    west, _, east, _ = (house.runs[-1].outline or house.outline).bounds
    bay = (east - west) / house.stairs
    for k in range(house.stairs):
        x = west + (k + 0.5) * bay
        wall = house.outline.intersection(shapely.LineString([(x, -100), (x, 500)]))
        rows.add(
            t.Entrances,
            id=f"{house.id}/E{k + 1}",
            kind=EntranceKind.UNIT if house.cells else EntranceKind.FACILITY,
            x=x,
            y=wall.bounds[3 if house.cells else 1],
            building=row,
            step_free=1 if house.status == NEW or house.lift else int(rng.random() < 0.4),
        )


def _add_homes(rows: Rows, house: House, building: int, storey: int, level: int, plate: Any) -> float:
    """Add the dwellings of a storey, side by side, with what hangs outside them; return their residents."""
    area = 0.84 * plate.area / house.cells
    rooms = 1 if area < 50 else 2 if area < 75 else 3 if area < 115 else 4
    persons = (0.0, 1.3, 2.2, 2.7, 3.1)[rooms]
    doors = [k for k, e in enumerate(rows.of(t.Entrances)) if e["building"] == building]
    for cell in range(house.cells):
        dwelling = rows.add(
            t.Dwellings,
            id=f"{house.id}/F{level}-{cell + 1:02d}",
            storey=storey,
            entrance=doors[cell * len(doors) // house.cells],
            inner_area=round(area, 2),
            habitable_rooms=rooms,
            persons=persons,
        )
        add_home_spaces(rows, house, storey, dwelling, cell, level)
    return persons * house.cells


def _add_services(rows: Rows) -> None:
    """Add services and gates; a service in a building has a door of its own."""
    ids: dict[str, int] = {}
    buildings = rows.of(t.Buildings)
    for service in SERVICES:
        inside = service.get("house", "")
        stem = service["kind"].code[:2].upper()
        ids[stem] = ids.get(stem, 0) + 1
        house = next((k for k, b in enumerate(buildings) if inside and b["name"].endswith(inside)), -1)
        own = {k: v for k, v in service.items() if k != "house"} | {"id": f"F-{stem}{ids[stem]}", "building": house}
        own["operator"] = "春江街道" if inside == "邻里中心" else ""
        row = rows.add(t.Facilities, stage=1 if own["status"] else 0, **own)
        if house >= 0:
            rows.add(
                t.Entrances, id=f"{own['id']}/E1", kind=EntranceKind.FACILITY, x=own["x"], y=own["y"],
                building=house, facility=row, step_free=own.get("step_free", -1),
            )  # fmt: skip
    parcel = {p["id"]: k for k, p in enumerate(PARCELS)}
    for gate in GATES:
        rows.add(t.Entrances, step_free=1, **(gate | {"parcel": parcel[gate["parcel"]]}))


def _community(rows: Rows, site: list[House], ground: Terrain) -> Community:
    """Return the tables as a community; heights of points follow the ground."""
    buildings, plates, storeys = rows.made(t.Buildings), rows.made(t.Plates), rows.made(t.Storeys)
    windows = _windows(rows, buildings, plates, storeys, site)
    whole = (t.Parcels, t.Spaces, t.Dwellings, t.Facilities, t.Entrances, t.Population, t.Trees)
    tables: dict[str, Any] = {table.title(): rows.made(table) for table in whole}
    for title in ("facilities", "entrances", "trees"):
        table = tables[title]
        z = ground.elevation(np.column_stack([table.x, table.y]))
        tables[title] = dataclasses.replace(table, z=np.round(z, 3))
    tables |= paths_of(rows, ground)
    notes = [
        Note("W01", f"{len(windows):,} windows stand by rule in walls that look south or north", "windows"),
        Note("D01", "dwellings divide each storey into equal parts side by side", "dwellings"),
        Note("D02", "residents by the number of rooms and age shares of old and new blocks", "population"),
    ]
    return Community(
        name="春江未来社区 Chunjiang Future Community",
        frame=FRAME,
        city="hangzhou",
        project_type=ProjectType.PARTIAL_REBUILD,
        unit="春江实施单元",
        buildings=buildings,
        plates=plates,
        storeys=storeys,
        windows=windows,
        terrain=ground,
        notes=Notes.of(notes),
        **tables,
    )


def _windows(rows: Rows, buildings: t.Buildings, plates: t.Plates, storeys: t.Storeys, site: list[House]) -> t.Windows:
    """Return windows by rule, those of old and new houses apart, since they do not stand at one time."""
    rule = WindowRule(min_wall=3.0)
    parts = []
    for status, absent in ((Status.DEMOLISH, Status.PLANNED), (None, Status.DEMOLISH)):
        there = buildings.status != absent
        shapes = buildings.footprint.to_shapely()
        shapes[~there] = None
        own = there if status is None else buildings.status == status
        standing = dataclasses.replace(buildings, footprint=Polygons.from_shapely(shapes))
        parts.append(derive_windows(standing, plates, storeys, of=own[storeys.building], rule=rule))
    names = [c.name for c in t.Windows.columns()]
    columns: dict[str, Any] = {n: np.concatenate([getattr(p, n) for p in parts]) for n in names}
    both = t.Windows(**columns)
    away = np.abs((both.azimuth + np.degrees(TURN) + 90.0) % 180.0 - 90.0)  # from the drawing's north or south
    chosen = np.flatnonzero(away < 45.0)
    windows = numbered(both.take(chosen[np.argsort(both.storey[chosen], kind="stable")]))
    return _with_rooms(windows, rows, storeys, site)


def _with_rooms(windows: t.Windows, rows: Rows, storeys: t.Storeys, site: list[House]) -> t.Windows:
    """Return the windows with the rooms and dwellings behind them.

    South: living rooms in the western half of a dwelling, bedrooms in the eastern; north: bedrooms
    in the western half, kitchens in the eastern.
    """
    plate = storeys.plate[windows.storey]
    bounds = np.array([o.bounds for o in rows.column(t.Plates, "outline")])[plate]
    cells = np.array([h.cells for h in site])[windows.building]
    east = windows.x * np.cos(TURN) + windows.y * np.sin(TURN)
    place = np.clip((east - bounds[:, 0]) / (bounds[:, 2] - bounds[:, 0]), 0.0, 0.999999) * np.maximum(cells, 1)
    storey_of = np.array(rows.column(t.Dwellings, "storey"))
    first = np.searchsorted(storey_of, windows.storey)
    home = (cells > 0) & np.isin(windows.storey, storey_of)
    south = np.cos(np.radians(windows.azimuth)) < 0
    west = place % 1.0 < 0.5
    room = np.where(south & west, RoomKind.LIVING, np.where(south | west, RoomKind.BEDROOM, RoomKind.KITCHEN))
    other = np.full(max(BuildingUse) + 1, int(RoomKind.OTHER))
    other[[BuildingUse.SCHOOL, BuildingUse.KINDERGARTEN]] = RoomKind.CLASSROOM, RoomKind.ACTIVITY
    use = np.array([int(h.use) for h in site])[windows.building]
    dwelling = np.where(home, first + place.astype(np.int64), -1)
    named = dataclasses.replace(windows, room=np.where(home, room, other[use]), dwelling=dwelling)
    return _on_closed_balconies(named, rows, south)


def _on_closed_balconies(windows: t.Windows, rows: Rows, south: BoolArray) -> t.Windows:
    """Return the windows with those behind a closed balcony moved to its outer face."""
    closed = [s for s in rows.of(t.Spaces) if s["kind"] == SpaceKind.BALCONY and s["enclosed"]]
    by_home = np.full((len(rows.of(t.Dwellings)) + 1, 3), np.nan)  # west, east and depth of each closed balcony
    for s in closed:
        west, low, east, high = s["outline"].bounds
        by_home[s["dwelling"]] = west, east, high - low
    front = by_home[windows.dwelling]
    u = windows.x * np.cos(TURN) + windows.y * np.sin(TURN)
    half = windows.width / 2
    behind = south & (u + half > front[:, 0]) & (u - half < front[:, 1])
    angle, depth = np.radians(windows.azimuth), np.where(behind, front[:, 2], 0.0)
    return dataclasses.replace(
        windows,
        x=np.round(windows.x + depth * np.sin(angle), 3),
        y=np.round(windows.y + depth * np.cos(angle), 3),
        kind=np.where(behind, WindowKind.BALCONY, WindowKind.PLAIN),
    )
