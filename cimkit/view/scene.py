"""A community and its results as the 3D viewer reads them: one compressed block of arrays and words."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.geometry.ragged import offsets_of, ragged_rows
from cimkit.model.kinds import BuildingUse, FacilityKind, PathKind, RoomKind, SpaceKind, Status
from cimkit.sim.sunpath import SunDay
from cimkit.view.colours import GROUND, OTHER_PATH, PATHS, TREE, VERDICTS, WALL
from cimkit.view.judged import ORDER, measured, origin, required
from cimkit.view.layers import is_a, rows_of
from cimkit.view.modes import NONE, Mode, modes_of
from cimkit.view.svg import sheet_of
from cimkit.view.texts import DAYS, TEXTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.arrays import FloatArray, IntArray
    from cimkit.geometry.polygons import Polygons
    from cimkit.model.community import Community
    from cimkit.rules.findings import Finding
    from cimkit.sim.receptors import Receptors

MOST_FINDINGS = 20_000
GRID = 160  # most nodes of the drawn ground along one side
COLOURS = {
    "ground": "#f3f2ee",
    "tree": TREE,
    "wall": WALL,
    "glass": "#7f95a6",
    "missing": "#c9ced3",
    "space": "#cfd8c6",
}


class Arrays:
    """Arrays by name, packed one after the other behind a header."""

    def __init__(self) -> None:
        self.parts: dict[str, Any] = {}

    def add(self, name: str, values: Any, kind: str = "i4") -> str:
        """Keep an array under a name; return the name."""
        self.parts[name] = np.ascontiguousarray(values).astype(f"<{kind}")
        return name

    def add_metres(self, name: str, values: Any) -> None:
        """Keep coordinates (n, d) in centimetres, each as the difference to the one before."""
        codes = np.rint(np.asarray(values, dtype=np.float64) * 100).astype(np.int64)
        self.add(name, np.diff(codes, axis=0, prepend=np.zeros_like(codes[:1])).ravel())

    def add_polygons(self, name: str, shapes: Polygons) -> None:
        """Keep outlines."""
        self.add_metres(f"{name}.xy", shapes.xy)
        self.add(f"{name}.ring", shapes.ring, "u4")
        self.add(f"{name}.poly", shapes.poly, "u4")

    def packed(self, header: dict[str, Any]) -> bytes:
        """Return header and arrays, compressed."""
        listed: dict[str, Any] = {}
        text = b""
        for _ in range(2):  # the header names where the arrays start, which depends on its own length
            start = 4 + len(text)
            for name, values in self.parts.items():
                start += -start % 4
                listed[name] = (values.dtype.str[1:], f"{start:>10d}", len(values))
                start += values.nbytes
            text = json.dumps({**header, "arrays": listed}, ensure_ascii=False, separators=(",", ":")).encode()
        block = bytearray(len(text).to_bytes(4, "little") + text)
        for values in self.parts.values():
            block += bytes(-len(block) % 4) + values.tobytes()
        return gzip.compress(bytes(block), 4, mtime=0)


def scene_bytes(
    community: Community, results: Sequence[Any] = (), rows: Sequence[Finding] = (), *, sun_day: SunDay | None = None
) -> bytes:
    """Return a community with results and findings as the viewer reads it.

    Parameters
    ----------
    community
        Everything in it is drawn, each state by itself.
    results
        Results to colour by.
    rows
        Findings, see ``judged``.
    sun_day
        Whose sun shines; that of the first sunlight result without it, else Great Cold day.
    """
    arrays = Arrays()
    modes = modes_of(community, results)
    days = [r.sun_day for r in results if is_a(r, "Sunlight")]
    day = sun_day or (days[0] if days else None)
    if day is None and community.location is not None:
        day = SunDay.great_cold(community.location)
    sheet = sheet_of(community)
    wide = 0.12 * max(sheet.width, sheet.height)
    box = [sheet.west - wide, sheet.north - sheet.height - wide, sheet.west + sheet.width + wide, sheet.north + wide]
    windows = _windows(community, modes, arrays)
    header = {
        "name": community.name,
        "box": [round(v, 2) for v in box],
        "north": community.frame.convergence,
        "colours": COLOURS,
        "verdicts": [[VERDICTS[v], *TEXTS[v]] for v in ORDER],
        "sun": None if day is None else _sun(day),
        "ground": _ground(community, box, arrays),
        "top": _solids(community, arrays),
        "buildings": _buildings(community, arrays),
        "windows": windows,
        "flat": _flats(community, arrays),
        "path": _paths(community, arrays),
        "facilities": _facilities(community, arrays),
        "parcels": [str(v) for v in community.parcels.id],
        "homes": _homes(community, arrays),
        "modes": [_mode(m, arrays, windows["id"]) for m in modes],
        "findings": _findings(rows),
    }
    _trees(community, arrays)
    return arrays.packed(header)


def _sun(day: SunDay) -> dict[str, Any]:
    """Return the circle the sun runs on, and the band that counts."""
    return {
        "circle": [v.tolist() for v in day.circle()],
        "band": list(day.band),
        "name": [day.name[:1].upper() + day.name[1:], DAYS.get(day.name, day.name)],
    }


def _ground(community: Community, box: Sequence[float], arrays: Arrays) -> list[int]:
    """Keep the heights of the ground on a grid; without a terrain they follow the feet of the buildings."""
    b, (west, south, east, north) = community.buildings, box
    feet = b.ground_z if len(b) else np.zeros(1)
    level = community.terrain is None and float(np.ptp(feet)) < 0.01
    wide, deep = east - west, north - south
    columns, rows = (2, 2) if level else (int(GRID * s / max(wide, deep)) + 2 for s in (wide, deep))
    x, y = np.meshgrid(np.linspace(west, east, columns), np.linspace(south, north, rows))
    xy = np.column_stack([x.ravel(), y.ravel()])
    if community.terrain is not None:
        z = np.nan_to_num(community.terrain.elevation(xy), nan=float(np.nanmin(community.terrain.z)))
    elif level:
        z = np.full(len(xy), float(feet[0]))
    else:
        from scipy.spatial import cKDTree

        spots = np.nan_to_num(b.footprint.inner_points())
        near, which = cKDTree(spots).query(xy, k=min(4, len(spots)))
        near, which = near.reshape(len(xy), -1), which.reshape(len(xy), -1)
        weight = 1.0 / (near + 1.0) ** 2
        z = (feet[which] * weight).sum(axis=1) / weight.sum(axis=1)
    arrays.add("ground.z", np.rint(z * 100))
    arrays.add_metres("parcel.xy", community.parcels.outline.xy)
    arrays.add("parcel.ring", community.parcels.outline.ring, "u4")
    arrays.add("parcel.poly", community.parcels.outline.poly, "u4")
    return [columns, rows]


def _solids(community: Community, arrays: Arrays) -> float:
    """Keep prisms and meshes; return the highest point."""
    solids, mesh = community.solids, community.mesh
    arrays.add_polygons("prism", solids.outline)
    arrays.add("prism.base", np.rint(solids.base * 100))
    arrays.add("prism.top", np.rint(solids.top * 100))
    arrays.add("prism.owner", solids.owner)
    if len(mesh):
        arrays.add_metres("mesh.xyz", mesh.corners.reshape(-1, 3))
        arrays.add("mesh.owner", mesh.owner)
    tops = [float(np.nanmax(solids.top, initial=0.0)), float(np.nanmax(mesh.corners[:, :, 2], initial=0.0))]
    return max(tops)


def _buildings(community: Community, arrays: Arrays) -> dict[str, Any]:
    """Return what is said of each building, and keep its state and the tops of its storeys."""
    b, s = community.buildings, community.storeys
    arrays.add("building.status", b.status, "u1")
    order = np.lexsort((s.level, s.building))
    order = order[s.level[order] > 0]
    arrays.add("floor.first", np.searchsorted(s.building[order], np.arange(len(b) + 1)), "u4")
    ground = b.ground_z[s.building[order]]
    arrays.add("floor.level", s.level[order], "i2")
    arrays.add("floor.base", np.rint((s.z[order] + ground) * 100))
    arrays.add("floor.top", np.rint((s.z[order] + s.height[order] + ground) * 100))
    names = [["", ""] if u < 0 else BuildingUse(u).title for u in b.use]
    return {
        "id": [str(v) for v in b.id],
        "name": [str(v) for v in b.name],
        "use": names,
        "storeys": [int(v) for v in b.n_above],
        "height": [None if np.isnan(v) else round(float(v), 2) for v in b.height],
        "status": [TEXTS[v.code] for v in Status],
    }


def _windows(community: Community, modes: Sequence[Mode], arrays: Arrays) -> dict[str, Any]:
    """Keep the windows of the community, or those placed by rule for a result."""
    w = community.windows
    placed = [m.receptors for m in modes if m.receptors is not None and m.receptors.kind == "window"]
    if len(w) or not placed:
        xyz, azimuth = np.column_stack([w.x, w.y, w.z]), w.azimuth
        building, dwelling, ids = w.building, w.dwelling, w.id
        width, height = np.nan_to_num(w.width, nan=1.5), np.nan_to_num(w.height, nan=1.5)
        level = np.append(community.storeys.level, 0)[w.storey]
        rooms = [r.title for r in RoomKind]
        room = w.room
    else:
        ids, first = np.unique(np.concatenate([r.ids for r in placed]).astype(str), return_index=True)
        points = np.concatenate([r.points for r in placed])[first]
        ends = np.concatenate([r.points if r.other_ends is None else r.other_ends for r in placed])[first]
        normals = np.concatenate([r.normals for r in placed])[first]
        building = rows_of(np.concatenate([r.building_ids for r in placed])[first], community.buildings.id)
        xyz = (points + ends) / 2
        azimuth = np.degrees(np.arctan2(normals[:, 0], normals[:, 1]))
        width, height = np.linalg.norm(ends - points, axis=1), np.full(len(xyz), 1.5)
        dwelling, level = np.full(len(xyz), -1), _levels(community, building, xyz[:, 2])
        room, rooms = np.zeros(len(xyz), dtype=np.int64), [("", "")]
    arrays.add_metres("window.xyz", xyz)
    arrays.add("window.azimuth", np.rint(azimuth * 10), "i2")
    for name, values in (("width", width * 100), ("height", height * 100), ("room", room)):
        arrays.add(f"window.{name}", np.rint(values), "u2")
    arrays.add("window.building", building)
    arrays.add("window.dwelling", dwelling)
    arrays.add("window.level", level, "i2")
    return {"id": [str(v) for v in ids], "rooms": rooms}


def _levels(community: Community, building: Any, z: FloatArray) -> Any:
    """Return the storey each height lies in, by the storeys of its building."""
    s, found = community.storeys, np.ones(len(z), dtype=np.int64)
    base = s.z + community.buildings.ground_z[s.building]
    for b in np.unique(building[building >= 0]):
        own, here = np.flatnonzero((s.building == b) & (s.level > 0)), np.flatnonzero(building == b)
        order = own[np.argsort(base[own])]
        if len(order):
            at = np.searchsorted(base[order], z[here] + 1e-6) - 1
            found[here] = s.level[order][np.clip(at, 0, len(order) - 1)]
    return found


def _flats(community: Community, arrays: Arrays) -> dict[str, Any]:
    """Keep spaces: those on the ground are painted on it, those on storeys lie at their floor."""
    v, s, b = community.spaces, community.storeys, community.buildings
    kinds = [*GROUND, *(k for k in SpaceKind if k not in GROUND)]
    place = np.zeros(max(SpaceKind) + 1, dtype=np.int64)
    place[[int(k) for k in kinds]] = np.arange(len(kinds))
    owner = np.append(s.building, -1)[v.storey]
    z = np.where(v.storey >= 0, np.append(s.z, 0.0)[v.storey] + np.append(b.ground_z, 0.0)[owner], v.z)
    arrays.add_polygons("flat", v.outline)
    arrays.add("flat.kind", place[v.kind], "u1")
    arrays.add("flat.z", np.rint(z * 100))
    arrays.add("flat.level", np.append(s.level, 0)[v.storey], "i2")
    arrays.add("flat.building", owner)
    arrays.add("flat.status", v.status, "u1")
    palette = [[GROUND.get(k, COLOURS["space"]), *k.title] for k in kinds]
    return {"id": [str(i) for i in v.names()], "palette": palette, "area": v.outline.areas().round(1).tolist()}


def _paths(community: Community, arrays: Arrays) -> dict[str, Any]:
    """Keep the courses of the paths."""
    e = community.path_edges
    arrays.add_metres("path.xyz", e.course.xyz)
    arrays.add("path.line", e.course.line, "u4")
    arrays.add("path.kind", e.kind, "u1")
    arrays.add("path.status", e.status, "u1")
    palette = [
        [*PATHS.get(PathKind(k), OTHER_PATH), *PathKind(k).title]
        if k in list(PathKind) else [*OTHER_PATH, "", ""]
        for k in range(max(PathKind) + 1)
    ]  # fmt: skip
    return {"id": [str(i) for i in e.names()], "palette": palette}


def _facilities(community: Community, arrays: Arrays) -> dict[str, Any]:
    """Keep the places of services."""
    f = community.facilities
    arrays.add_metres("facility.xyz", np.column_stack([f.x, f.y, f.z]))
    arrays.add("facility.building", f.building)
    arrays.add("facility.status", f.status, "u1")
    return {
        "id": [str(i) for i in f.id],
        "name": [str(i) for i in f.name],
        "kind": [FacilityKind(k).title for k in f.kind],
    }


def _homes(community: Community, arrays: Arrays) -> list[str]:
    """Return the ids of the dwellings and keep where they are."""
    d, s = community.dwellings, community.storeys
    arrays.add("home.building", np.append(s.building, -1)[d.storey])
    arrays.add("home.level", np.append(s.level, 0)[d.storey], "i2")
    return [str(i) for i in d.id]


def _trees(community: Community, arrays: Arrays) -> None:
    """Keep the crowns of the trees."""
    t = community.trees
    radius, height = np.nan_to_num(t.crown_radius, nan=1.5), np.nan_to_num(t.height, nan=5.0)
    arrays.add_metres("tree.xyz", np.column_stack([t.x, t.y, t.z]))
    arrays.add("tree.r", np.rint(radius * 100), "u2")
    arrays.add("tree.base", np.rint(np.nan_to_num(t.crown_base, nan=1.5) * 100), "u2")
    arrays.add("tree.top", np.rint(height * 100), "u2")


def _mode(mode: Mode, arrays: Arrays, windows: Sequence[str]) -> dict[str, Any]:
    """Return the words of a mode and keep its classes and values."""
    m: dict[str, Any] = {"key": mode.key, "title": mode.title, "unit": mode.unit, "legend": mode.legend}
    if mode.buildings is not None:
        m["buildings"] = arrays.add(f"{mode.key}.buildings", mode.buildings, "u1")
    if mode.values is not None:
        m["values"] = [None if np.isnan(v) else "∞" if np.isinf(v) else round(float(v), 2) for v in mode.values]
    if mode.spaces is not None:
        m["spaces"] = arrays.add(f"{mode.key}.spaces", mode.spaces, "u1")
    if mode.classes is None or mode.hours is None:
        return m
    classes, hours, light = mode.classes, np.nan_to_num(mode.hours, nan=-300), mode.light
    order = np.arange(len(classes))
    counts = np.zeros(len(classes), np.int64) if light is None else np.diff(light.offsets)
    m["at"] = "windows"
    if mode.receptors is not None:
        rows = _window_rows(mode.receptors, windows)
        if rows is None:
            m["at"] = _place(mode.receptors, mode.key, arrays)
        else:
            classes, hours = _spread(classes, rows, len(windows), NONE), _spread(hours, rows, len(windows), -300)
            counts, order = _spread(counts, rows, len(windows), 0), np.argsort(rows)
    m["classes"] = arrays.add(f"{mode.key}.classes", classes, "u1")
    kind = "i2" if np.abs(hours).max(initial=0.0) <= 300 else "i4"  # energies are larger than hours
    m["hours"] = arrays.add(f"{mode.key}.hours", np.rint(hours * 100), kind)
    if light is not None:
        which = ragged_rows(light.offsets, order)[0]
        arrays.add(f"{mode.key}.first", offsets_of(counts), "u4")
        arrays.add(f"{mode.key}.start", np.rint(light.starts[which] * 1800), "u2")
        arrays.add(f"{mode.key}.end", np.rint(light.ends[which] * 1800), "u2")
        m["light"] = mode.key
    return m


def _window_rows(receptors: Receptors, windows: Sequence[str]) -> IntArray | None:
    """Return the window of each receptor; None if they are no windows, or some of them no window of the scene."""
    if receptors.kind != "window":
        return None
    rows = rows_of(receptors.ids, windows)
    return rows if len(np.unique(rows[rows >= 0])) == len(rows) else None


def _spread(values: Any, rows: IntArray, count: int, rest: float) -> Any:
    """Return values at their rows, the rest elsewhere."""
    found = np.full(count, rest, dtype=np.asarray(values).dtype)
    found[rows] = values
    return found


def _place(receptors: Receptors, key: str, arrays: Arrays) -> str:
    """Keep where receptors are; return what they are."""
    ends = receptors.points if receptors.other_ends is None else receptors.other_ends
    arrays.add_metres(f"{key}.xyz", (receptors.points + ends) / 2)
    arrays.add(f"{key}.normal", np.rint(receptors.normals * 100).ravel(), "i2")
    arrays.add(f"{key}.size", [round(_spacing(receptors.points) * 100)])
    return "ground" if receptors.kind == "ground" else "walls"


def _spacing(points: FloatArray) -> float:
    """Return the usual distance to the nearest other point, 1 m for less than two [m]."""
    if len(points) < 2:
        return 1.0
    from scipy.spatial import cKDTree

    some = points[:: max(1, len(points) // 500)]
    near = cKDTree(points).query(some, k=2)[0][:, 1]
    return float(np.clip(np.median(near), 0.2, 50.0))


def _findings(rows: Sequence[Finding]) -> dict[str, Any]:
    """Return findings, each rule in words once."""
    rules: dict[str, int] = {}
    words: list[list[str]] = []
    listed = []
    for r in rows[:MOST_FINDINGS]:
        if r.rule.id not in rules:
            rules[r.rule.id] = len(words)
            words.append([r.rule.text, r.rule.title("zh"), origin(r.rule)])
        spot = [round(r.x, 1), round(r.y, 1)] if r.x == r.x else None
        listed.append([rules[r.rule.id], r.object, ORDER.index(r.verdict), measured(r), required(r), spot])
    return {"rules": words, "rows": listed}


__all__ = ["NONE", "scene_bytes"]
