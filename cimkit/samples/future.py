"""A believable renewal site of about forty buildings in Hangzhou, made by rule: houses, then what lies around them."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import shapely

from cimkit.geometry.frame import Frame
from cimkit.geometry.mending import mend_lines
from cimkit.geometry.polygons import Lines, Polygons
from cimkit.geometry.terrain import Terrain
from cimkit.geometry.topology import connect_lines
from cimkit.model import tables as t
from cimkit.model.community import Community
from cimkit.model.derive import WindowRule, derive_windows, path_tables
from cimkit.model.kinds import BuildingUse, EntranceKind, PathKind, ProjectType, RoomKind, SpaceKind, Status, StoreyKind
from cimkit.model.notes import Note, Notes
from cimkit.samples import drawing
from cimkit.samples.drawing import COS, FITTINGS, GOES, NEW, OLD, PARCELS, SIN, WALKS, House, Rows, Run, Walk, box
from cimkit.samples.small import numbered

FRAME = Frame("EPSG:4549", (516130.0, 3347640.0, 6.0))  # about 120.17° E, 30.25° N
AGES = {False: (0.17, 0.67, 0.14, 0.02), True: (0.11, 0.58, 0.25, 0.06)}  # by age band; in old blocks
BEAM = 0.6  # [m] below an open storey's ceiling
NEAR = 1e-3  # [m] an end this close to a path touches it
PRIVATE = ("B06",)  # houses whose open storey is kept for their own residents


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
    rows, ground = Rows(list), _terrain()
    for parcel in PARCELS:
        rows.add(t.Parcels, area_declared=parcel["outline"].area, **parcel)
    site = drawing.houses(rng)
    for house in site:
        _add_house(rows, house, ground, rng)
    for k, street in enumerate(drawing.STREETS, 1):
        rows.add(t.Spaces, id=f"R{k:02d}", kind=SpaceKind.ROAD, **street)
    rows.add(t.Spaces, id="W01", kind=SpaceKind.WATER, name="春江", outline=drawing.RIVER)
    for space in drawing.OPEN_SPACES:
        open_to_all = space["kind"] not in (SpaceKind.PARKING, SpaceKind.FIRE_LANE)
        rows.add(t.Spaces, stage=2 if space["status"] else 0, public=open_to_all, **space)
    _add_services(rows)
    _add_greens(rows)
    _add_trees(rows, rng)
    return _community(rows, site, ground)


def _terrain() -> Terrain:
    """Return the ground: a gentle slope, a terrace in the west, the river bank in the east."""
    x, y = np.meshgrid(np.arange(-100.0, 506.0, 5.0), np.arange(-60.0, 486.0, 5.0))
    u, v = COS * x + SIN * y, COS * y - SIN * x
    terrace = 1.6 * np.clip((v - 222.0) / 24.0, 0.0, 1.0) * np.clip((226.0 - u) / 8.0, 0.0, 1.0)
    bank = 2.5 * np.clip((u - 441.0) / 6.0, 0.0, 1.0)
    z = 1.5 + 0.005 * v + 0.002 * (440.0 - u) + terrace - bank
    return Terrain(-100.0, -60.0, 5.0, np.round(z, 3))


def _add_house(rows: Rows, house: House, ground: Terrain, rng: np.random.Generator) -> None:
    """Add a building with its plates, storeys, doors, dwellings, residents and spaces."""
    above = [r for r in house.runs for _ in range(r.storeys) if r.kind != StoreyKind.BASEMENT]
    below = [r for r in house.runs for _ in range(r.storeys) if r.kind == StoreyKind.BASEMENT]
    middle = drawing.turned(np.array([house.outline.centroid.coords[0]]))
    about = house._asdict() | {"footprint": house.outline, "height_src": "measured", "storeys_src": "measured"}
    about["parcel"] = next((k for k, p in enumerate(PARCELS) if p["outline"].covers(house.outline)), -1)
    about["ground_z"] = round(float(ground.elevation(middle)[0]), 1)
    about["height"] = round(sum(r.height for r in above) + house.parapet, 2)
    about |= {"n_above": len(above), "n_below": len(below), "source_id": f"XM-{house.id}"}
    row = rows.add(t.Buildings, **about)
    _add_doors(rows, house, row, rng)
    outlines = {run.outline.wkb: run.outline for run in house.runs}
    plates = {key: rows.add(t.Plates, outline=outline) for key, outline in outlines.items()}
    persons, storeys = 0.0, []
    for sign, runs in ((1, above), (-1, below)):
        z = 0.0
        for level, run in enumerate(runs, 1):
            floor = {"level": sign * level, "z": round(z if sign > 0 else z - run.height, 3), "height": run.height}
            kind = {"kind": run.kind, "use": run.use, "enclosed": run.kind != StoreyKind.STILT}
            storeys.append(rows.add(t.Storeys, building=row, plate=plates[run.outline.wkb], **floor, **kind))
            lived_in = run.kind == StoreyKind.NORMAL and run.use not in (BuildingUse.RETAIL, BuildingUse.PARKING)
            persons += _add_homes(rows, house, run, storeys[-1], level) if house.cells and lived_in else 0.0
            z += sign * run.height
    _add_shared_spaces(rows, house, storeys)
    for band, share in enumerate(AGES[house.status != NEW]) if persons else ():
        rows.add(t.Population, building=row, band=band, persons=round(persons * share, 1))


def _wall(outline: shapely.Polygon, x: float, side: int) -> float:
    """Return where the wall to the south (1) or north (3) stands at x."""
    return float(outline.intersection(shapely.LineString([(x, -1000), (x, 1000)])).bounds[side])


def _add_doors(rows: Rows, house: House, row: int, rng: np.random.Generator) -> None:
    """Add one unit entrance for each stair, on the north wall; one door on the south wall of other houses."""
    west, _, east, _ = house.top.bounds
    kind, side = (EntranceKind.UNIT, 3) if house.cells else (EntranceKind.FACILITY, 1)
    for k in range(house.stairs):
        x = west + (k + 0.5) * ((east - west) / house.stairs)
        free = 1 if house.status == NEW or house.lift else int(rng.random() < 0.4)
        at = {"x": x, "y": _wall(house.outline, x, side)}
        rows.add(t.Entrances, id=f"{house.id}/E{k + 1}", kind=kind, building=row, step_free=free, **at)


def _add_homes(rows: Rows, house: House, run: Run, storey: int, level: int) -> float:
    """Add the dwellings of a storey, side by side, with what hangs outside them; return their residents."""
    area = 0.84 * run.outline.area / house.cells
    rooms = 1 if area < 50 else 2 if area < 75 else 3 if area < 115 else 4
    persons = (0.0, 1.3, 2.2, 2.7, 3.1)[rooms]
    size = {"inner_area": round(area, 2), "habitable_rooms": rooms, "persons": persons}
    doors = [k for k, e in enumerate(rows[t.Entrances]) if e["building"] == rows[t.Storeys][storey]["building"]]
    for cell in range(house.cells):
        name, door = f"{house.id}/F{level}-{cell + 1:02d}", doors[cell * len(doors) // house.cells]
        dwelling = rows.add(t.Dwellings, id=name, storey=storey, entrance=door, **size)
        about = {"storey": storey, "dwelling": dwelling, "status": house.status, "stage": house.stage}
        _add_hung_spaces(rows, house, cell, level, about)
    return persons * house.cells


def _add_hung_spaces(rows: Rows, house: House, cell: int, level: int, about: dict[str, Any]) -> None:
    """Add what hangs outside a dwelling: balcony or sky garden; in new houses a bay and a platform too."""
    west, _, east, _ = house.top.bounds
    middle = west + (cell + 0.5) * ((east - west) / house.cells)
    front, stem = _wall(house.top, middle, 1), f"{house.id}/F{level}-{cell + 1:02d}"
    new, garden = house.status == NEW, house.garden > 0 and cell in (1, 2) and level % 2 == 0
    depth = house.garden if garden else 1.5 if new else 1.2
    hung = FITTINGS["balcony"] | {"enclosed": int(not new and (cell + level) % 3 == 0)}
    if garden:
        hung = FITTINGS["sky_garden"] | {"enclosed": 0, "planted_share": 0.55 if depth < 2.5 else 0.3}
    outline = box(middle - 2.1, front - depth, 4.2, depth)
    rows.add(t.Spaces, id=f"{stem}-{'G' if garden else 'Y'}", outline=outline, **hung, **about)
    if new:
        bay = FITTINGS["bay_window"] | {"sill_height": 0.5 if cell else 0.4}
        outline, platform = box(middle - 0.9, _wall(house.top, middle, 3), 1.8, 0.6), FITTINGS["platform"]
        rows.add(t.Spaces, id=f"{stem}-T", outline=outline, **bay, **about)
        rows.add(t.Spaces, id=f"{stem}-S", outline=box(middle - 3.2, front - 0.9, 1.0, 0.9), **platform, **about)


def _add_shared_spaces(rows: Rows, house: House, storeys: list[int]) -> None:
    """Add the space of an open storey and its lobby, the garden on a podium, a public passage."""
    shared = {"status": house.status, "stage": house.stage}
    for storey in storeys:
        s = rows[t.Storeys][storey]
        if s["kind"] == StoreyKind.STILT:
            west, _, east, north = house.top.bounds
            lobby = box((west + east) / 2 - 4.0, north - 12.0, 8.0, 9.0)
            inside = shared | {"storey": storey, "clear_height": round(s["height"] - BEAM, 2)}
            stilt = FITTINGS["stilt"] | {"outline": house.top.difference(lobby), "public": house.id not in PRIVATE}
            rows.add(t.Spaces, id=f"{house.id}-J1", **stilt, **inside)
            rows.add(t.Spaces, id=f"{house.id}-L1", outline=lobby, **FITTINGS["lobby"], **inside)
            if s["level"] > 1:
                free = house.outline.difference(house.top.buffer(2.0, join_style="mitre"))
                garden = FITTINGS["roof_garden"] | {"outline": free, "z": s["z"]}
                rows.add(t.Spaces, id=f"{house.id}-R1", **garden, **shared)
        if s["level"] == 1 and house.name.endswith("邻里中心"):
            rows.add(t.Spaces, id=f"{house.id}-P1", storey=storey, **FITTINGS["passage"], **shared)


def _add_services(rows: Rows) -> None:
    """Add services and gates; a service in a building has a door of its own."""
    ids: Counter[str] = Counter()
    names = rows.column(t.Buildings, "name")
    for service in drawing.SERVICES:
        inside, stem = service.get("house", ""), service["kind"].code[:2].upper()
        ids[stem] += 1
        house = next((k for k, name in enumerate(names) if inside and name.endswith(inside)), -1)
        own = service | {"id": f"F-{stem}{ids[stem]}", "building": house, "stage": 1 if service["status"] else 0}
        row = rows.add(t.Facilities, operator="春江街道" if inside == "邻里中心" else "", **own)
        if house >= 0:
            door = {"kind": EntranceKind.FACILITY, "building": house, "facility": row}
            door |= {"x": own["x"], "y": own["y"], "step_free": own.get("step_free", -1)}
            rows.add(t.Entrances, id=f"{own['id']}/E1", **door)
    parcel = {p["id"]: k for k, p in enumerate(PARCELS)}
    for gate in drawing.GATES:
        rows.add(t.Entrances, step_free=1, **(gate | {"parcel": parcel[gate["parcel"]]}))


def _community(rows: Rows, site: list[House], ground: Terrain) -> Community:
    """Return the tables as a community; heights of points follow the ground."""
    tables: dict[str, Any] = {table.title(): rows.made(table) for table in rows}
    for title in ("facilities", "entrances", "trees"):
        xy = np.column_stack([tables[title].x, tables[title].y])
        tables[title] = replace(tables[title], z=np.round(ground.elevation(xy), 3))
    about: dict[str, Any] = {"frame": FRAME, "city": "hangzhou", "unit": "春江实施单元"}
    about |= {"project_type": ProjectType.PARTIAL_REBUILD, "name": "春江未来社区 Chunjiang Future Community"}
    plain = Community(terrain=ground, **about, **tables, **_paths_of(rows, ground))
    windows = _windows(rows, plain, site)
    notes = [Note(code, text.format(len(windows)), table) for code, text, table in drawing.NOTES]
    return replace(plain, windows=windows, notes=Notes.of(notes))


def _windows(rows: Rows, plain: Community, site: list[House]) -> t.Windows:
    """Return windows by rule, those of old and new houses apart, since they do not stand at one time."""
    buildings, storeys = plain.buildings, plain.storeys
    parts = []
    for absent, own in ((NEW, buildings.status == GOES), (GOES, buildings.status != GOES)):
        shapes = buildings.footprint.to_shapely()
        shapes[buildings.status == absent] = None
        there = replace(plain, buildings=replace(buildings, footprint=Polygons.from_shapely(shapes)))
        parts.append(derive_windows(there, of=own[storeys.building], rule=WindowRule(min_wall=3.0)))
    both = parts[0].stacked(parts[1])
    away = np.abs((both.azimuth + np.degrees(drawing.TURN) + 90.0) % 180.0 - 90.0)  # from the drawing's north or south
    chosen = np.flatnonzero(away < 45.0)
    windows = numbered(both.take(chosen[np.argsort(both.storey[chosen], kind="stable")]))
    return _on_closed_balconies(_with_rooms(windows, rows, storeys, site), rows)


def _east(windows: t.Windows) -> Any:
    """Return how far east windows lie in the drawing."""
    return windows.x * COS + windows.y * SIN


def _with_rooms(windows: t.Windows, rows: Rows, storeys: t.Storeys, site: list[House]) -> t.Windows:
    """Return the windows with the rooms and dwellings behind them.

    South: living rooms in the western half of a dwelling, bedrooms in the eastern; north: bedrooms
    in the western half, kitchens in the eastern.
    """
    cells, use = (np.array([getattr(h, n) for h in site])[windows.building] for n in ("cells", "use"))
    outlines = rows.column(t.Plates, "outline")
    west_end, _, east_end, _ = np.array([o.bounds for o in outlines])[storeys.plate[windows.storey]].T
    place = np.clip((_east(windows) - west_end) / (east_end - west_end), 0.0, 0.999999) * np.maximum(cells, 1)
    storey_of = np.array(rows.column(t.Dwellings, "storey"))
    home = (cells > 0) & np.isin(windows.storey, storey_of)
    dwelling = np.where(home, np.searchsorted(storey_of, windows.storey) + place.astype(np.int64), -1)
    south, west = np.cos(np.radians(windows.azimuth)) < 0, place % 1.0 < 0.5
    room = np.where(south & west, RoomKind.LIVING, np.where(south | west, RoomKind.BEDROOM, RoomKind.KITCHEN))
    teaching = [use == BuildingUse.SCHOOL, use == BuildingUse.KINDERGARTEN]
    other = np.select(teaching, [RoomKind.CLASSROOM, RoomKind.ACTIVITY], RoomKind.OTHER)
    return replace(windows, room=np.where(home, room, other), dwelling=dwelling)


def _on_closed_balconies(windows: t.Windows, rows: Rows) -> t.Windows:
    """Return the windows with those behind a closed balcony moved to its outer face."""
    ends = np.full((len(rows[t.Dwellings]) + 1, 3), np.nan)  # west, east and depth of each home's closed balcony
    for s in rows[t.Spaces]:
        if s["kind"] == SpaceKind.BALCONY and s["enclosed"]:
            west, low, east, high = s["outline"].bounds
            ends[s["dwelling"]] = west, east, high - low
    west_end, east_end, depth = ends[windows.dwelling].T
    angle, half = np.radians(windows.azimuth), windows.width / 2
    behind = (np.cos(angle) < 0) & (_east(windows) + half > west_end) & (_east(windows) - half < east_end)
    out = np.where(behind, depth, 0.0)
    x, y = np.round(windows.x + out * np.sin(angle), 3), np.round(windows.y + out * np.cos(angle), 3)
    return replace(windows, x=x, y=y, kind=np.where(behind, "balcony", "plain"))


def _paths_of(rows: Rows, ground: Terrain) -> dict[str, Any]:
    """Return nodes and edges: the drawn paths, and a short way from each door and service to the nearest of them."""
    every = WALKS + _spurs(rows)
    drawn = Lines.from_shapely(np.array([w.line for w in every], dtype=object))
    crossed = mend_lines(drawn, alike=-1, gap=NEAR).lines  # a vertex wherever another one crosses or ends
    xy = drawing.turned(np.round(crossed.xyz[:, :2], 2))
    net = connect_lines(Lines(np.column_stack([xy, np.round(ground.elevation(xy), 3)]), crossed.line))
    chosen = [every[line] for line in net.source]
    columns: dict[str, Any] = {n: [getattr(w, n) for w in chosen] for n in ("kind", "width", "clearance", "status")}
    columns["id"] = [f"E{k + 1:03d}" for k in range(len(chosen))]
    columns["stage"] = [0 if w.status == OLD else 2 for w in chosen]
    columns["step_free"] = [{PathKind.STEPS: 0, PathKind.RAMP: 1}.get(w.kind, -1) for w in chosen]
    return path_tables(net, t.PathEdges(**columns))


def _spurs(rows: Rows) -> list[Walk]:
    """Return a straight way from each door, gate and service to the nearest path that stands at the same time."""
    states = rows.column(t.Buildings, "status")
    doors = [(e["x"], e["y"], states[e["building"]]) for e in rows[t.Entrances] if e.get("building", -1) >= 0]
    doors += [(f["x"], f["y"], f["status"]) for f in rows[t.Facilities] if f["building"] < 0]
    lines = {s: shapely.union_all([w.line for w in WALKS if w.status in (OLD, s)]) for s in Status}
    ways = [(shapely.shortest_line(shapely.Point(x, y), lines[s]), s) for x, y, s in dict.fromkeys(doors)]
    return [Walk(way, PathKind.FOOTWAY, 2.5, s) for way, s in ways if way.length > NEAR]


def _add_greens(rows: Rows) -> None:
    """Add green areas: 2 m off the houses, beside paths and hard ground; the river bank too."""
    west, east, school, centre = (p["outline"] for p in PARCELS)
    north = box(0, 246, 218, 154)
    areas = [(land, OLD, (OLD, NEW)) for land in (north, east, school)]
    areas += [(land, s, (OLD, s)) for land in (west.difference(north), centre) for s in (NEW, GOES)]
    shared = {"kind": SpaceKind.GREEN, "public": True, "planted_share": 1.0}
    number = 0
    for land, status, there in areas:
        free = land.difference(_taken(rows, there)).buffer(-0.6).buffer(0.6, join_style="mitre")
        about = shared | {"status": status, "stage": 0 if status == OLD else 2}
        for piece in _pieces(free):
            number += 1
            rows.add(t.Spaces, id=f"G{number:03d}", outline=shapely.set_precision(piece, 0.01), **about)
    for k, piece in enumerate(_pieces(box(434, -32, 12, 456).difference(_paved((OLD, NEW)))), 1):
        rows.add(t.Spaces, id=f"G9{k:02d}", name="滨江绿带", outline=piece, **shared)


def _taken(rows: Rows, there: tuple[Status, ...]) -> Any:
    """Return the ground that is not green while things of these states stand."""
    houses = [b["footprint"].buffer(2.0, join_style="mitre") for b in rows[t.Buildings] if b["status"] in there]
    ground = [s["outline"] for s in rows[t.Spaces] if s.get("storey", -1) < 0 and s.get("status", OLD) in there]
    return shapely.union_all([*houses, *ground, _paved(there)])


def _paved(there: tuple[Status, ...]) -> Any:
    """Return the ground under the paths of these states."""
    flat = {"cap_style": "flat", "join_style": "mitre"}
    return shapely.union_all([w.line.buffer(w.width / 2, **flat) for w in WALKS if w.status in there])


def _pieces(shape: Any) -> list[Any]:
    """Return the polygons of a shape that are not smaller than 30 m², west to east."""
    kept = [p for p in shapely.get_parts(shape) if p.area >= 30.0]
    return sorted(kept, key=lambda p: (round(p.centroid.x, 3), round(p.centroid.y, 3)))


def _add_trees(rows: Rows, rng: np.random.Generator) -> None:
    """Add trees along the streets, each 12 m, and scattered over the green that stays or comes."""
    north = [y for y in range(6, 400, 12) if not (60 < y < 84 or 222 < y < 246)]
    spots = [(x, float(y)) for x in (-1.5, 216.0, 236.5) for y in north]
    spots += [(float(x), y) for y in (-1.5, 402.0) for x in range(10, 430, 12) if not 214 < x < 238]
    for space in rows[t.Spaces]:
        if space["kind"] in (SpaceKind.GREEN, SpaceKind.CENTRAL_GREEN) and space.get("status", OLD) != GOES:
            outline = space["outline"]
            count = int(outline.area / 90)
            tries = rng.uniform(outline.bounds[:2], outline.bounds[2:], (3 * count, 2))
            inside = tries[shapely.contains_xy(outline.buffer(-2.0), tries)]
            spots += [(round(float(x), 1), round(float(y), 1)) for x, y in inside[:count]]
    for k, (x, y) in enumerate(spots, 1):
        height = round(float(rng.uniform(5.0, 11.0)), 1)
        crown = {"crown_radius": round(0.28 * height, 1), "crown_base": round(0.3 * height, 1)}
        rows.add(t.Trees, id=f"T{k:03d}", x=x, y=y, height=height, **crown)
