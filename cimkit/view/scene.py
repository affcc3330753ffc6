"""A community and its results as the 3D viewer reads them: one compressed block of arrays and words."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray, IntArray
from cimkit.geometry.polygons import Polygons
from cimkit.geometry.ragged import offsets_of, ragged_rows
from cimkit.model.community import Community
from cimkit.model.kinds import BuildingUse, FacilityKind, PathKind, RoomKind, SpaceKind, Status
from cimkit.rules.findings import Finding
from cimkit.sim.receptors import Receptors
from cimkit.sim.sunpath import SunDay
from cimkit.view.colours import GROUND, OTHER_PATH, PATHS, SCENE, VERDICTS
from cimkit.view.judged import ORDER, measured, origin, required
from cimkit.view.layers import is_a, rows_of
from cimkit.view.modes import Mode, code, modes_of
from cimkit.view.svg import crowns, sheet_of
from cimkit.view.texts import DAYS, TEXTS

MOST_FINDINGS = 20_000
GRID = 160  # most nodes of the drawn ground along one side
TYPES = {  # type of an array, by its whole name or the last word of it; else four bytes
    **dict.fromkeys(("status", "kind", "buildings", "spaces", "classes"), "u1"),
    **dict.fromkeys(("level", "azimuth", "normal"), "i2"),
    **dict.fromkeys(("width", "height", "room", "start", "end", "r", "tree.base", "tree.top"), "u2"),
    **dict.fromkeys(("ring", "poly", "line", "first"), "u4"),
}
Arrays = dict[str, Any]  # by name


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
    arrays: Arrays = {}
    modes = modes_of(community, results)
    day = sun_day or next((r.sun_day for r in results if is_a(r, "Sunlight")), None)
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
        "colours": SCENE,
        "verdicts": [[VERDICTS[v], *TEXTS[v]] for v in ORDER],
        "sun": None if day is None else _sun(day),
        "ground": _ground(community, box, arrays),
        "top": _solids(community, arrays),
        "buildings": _buildings(community, arrays),
        "windows": windows,
        "flat": _flats(community, arrays),
        "path": _paths(community, arrays),
        "facilities": _facilities(community, arrays),
        "parcels": _texts(community.parcels.id),
        "homes": _homes(community, arrays),
        "modes": [_mode(m, arrays, windows["id"]) for m in modes],
        "findings": _findings(rows),
    }
    t = community.trees
    arrays["tree.xyz"] = _steps(np.column_stack([t.x, t.y, t.z]))
    for name, metres in (("r", crowns(community)[:, 2]), ("base", t.crown_base), ("top", t.height)):
        arrays[f"tree.{name}"] = _cm(np.nan_to_num(metres, nan=5.0 if name == "top" else 1.5))
    return _packed(header, arrays)


def _packed(header: dict[str, Any], arrays: Arrays) -> bytes:
    """Return header and arrays, one after the other, compressed."""
    listed: dict[str, Any] = {}
    typed = {name: np.ascontiguousarray(v).astype(f"<{_type(name, v)}") for name, v in arrays.items()}
    text = b""
    for _ in range(2):  # the header names where the arrays start, which depends on its own length
        start = 4 + len(text)
        for name, values in typed.items():
            start += -start % 4
            listed[name] = (values.dtype.str[1:], f"{start:>10d}", len(values))
            start += values.nbytes
        text = json.dumps({**header, "arrays": listed}, ensure_ascii=False, separators=(",", ":")).encode()
    block = bytearray(len(text).to_bytes(4, "little") + text)
    for values in typed.values():
        block += bytes(-len(block) % 4) + values.tobytes()
    return gzip.compress(bytes(block), 4, mtime=0)


def _type(name: str, values: Any) -> str:
    """Return the type an array is written in; energies are larger than hours."""
    last = name.rpartition(".")[2]
    small = last == "hours" and np.abs(values).max(initial=0.0) <= 30_000
    return "i2" if small else TYPES.get(name) or TYPES.get(last, "i4")


def _cm(metres: Any) -> FloatArray:
    """Return metres, or hundredths of something else, as whole numbers."""
    return np.rint(np.asarray(metres, dtype=np.float64) * 100)


def _steps(metres: Any) -> IntArray:
    """Return coordinates (n, d) in centimetres, each as the difference to the one before."""
    codes = _cm(metres).astype(np.int64)
    return np.diff(codes, axis=0, prepend=np.zeros_like(codes[:1])).ravel()


def _outlines(name: str, shapes: Polygons) -> Arrays:
    """Return the arrays of polygons."""
    return {f"{name}.xy": _steps(shapes.xy), f"{name}.ring": shapes.ring, f"{name}.poly": shapes.poly}


def _texts(values: Any) -> list[str]:
    """Return texts as JSON has them."""
    return [str(v) for v in values]


def _numbers(values: Any) -> list[float | str | None]:
    """Return numbers as JSON has them, to 0.01."""
    return [None if np.isnan(v) else "∞" if np.isinf(v) else round(float(v), 2) for v in values]


def _sun(day: SunDay) -> dict[str, Any]:
    """Return the circle the sun runs on, and the band that counts."""
    name = [day.name[:1].upper() + day.name[1:], DAYS.get(day.name, day.name)]
    return {"circle": [v.tolist() for v in day.circle()], "band": list(day.band), "name": name}


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
        near, which = cKDTree(spots).query(xy, k=np.arange(1, min(4, len(spots)) + 1))
        weight = 1.0 / (near + 1.0) ** 2
        z = (feet[which] * weight).sum(axis=1) / weight.sum(axis=1)
    arrays |= {"ground.z": _cm(z), **_outlines("parcel", community.parcels.outline)}
    return [columns, rows]


def _solids(community: Community, arrays: Arrays) -> float:
    """Keep prisms and meshes; return the highest point."""
    solids, mesh = community.solids, community.mesh
    arrays |= _outlines("prism", solids.outline)
    arrays |= {"prism.base": _cm(solids.base), "prism.top": _cm(solids.top), "prism.owner": solids.owner}
    if len(mesh):
        arrays |= {"mesh.xyz": _steps(mesh.corners.reshape(-1, 3)), "mesh.owner": mesh.owner}
    return max(float(np.nanmax(z, initial=0.0)) for z in (solids.top, mesh.corners[:, :, 2]))


def _buildings(community: Community, arrays: Arrays) -> dict[str, Any]:
    """Return what is said of each building, and keep its state and the tops of its storeys."""
    b, s = community.buildings, community.storeys
    order = np.lexsort((s.level, s.building))
    order = order[s.level[order] > 0]
    base = s.z[order] + b.ground_z[s.building[order]]
    arrays |= {
        "building.status": b.status,
        "floor.first": np.searchsorted(s.building[order], np.arange(len(b) + 1)),
        "floor.level": s.level[order],
        "floor.base": _cm(base),
        "floor.top": _cm(base + s.height[order]),
    }
    return {
        "id": _texts(b.id),
        "name": _texts(b.name),
        "use": [["", ""] if u < 0 else BuildingUse(u).title for u in b.use],
        "storeys": b.n_above.tolist(),
        "height": _numbers(b.height),
        "status": [TEXTS[v.code] for v in Status],
    }


def _windows(community: Community, modes: Sequence[Mode], arrays: Arrays) -> dict[str, Any]:
    """Keep the windows of the community, or those placed by rule for a result."""
    w = community.windows
    measured_at = [m.layer.receptors for m in modes if m.layer.receptors is not None]
    placed = [r for r in measured_at if r.kind == "window"]
    if len(w) or not placed:
        ids, xyz, azimuth = w.id, np.column_stack([w.x, w.y, w.z]), w.azimuth
        building, dwelling, level = w.building, w.dwelling, np.append(community.storeys.level, 0)[w.storey]
        width, height = np.nan_to_num(w.width, nan=1.5), np.nan_to_num(w.height, nan=1.5)
        room, rooms = w.room, [r.title for r in RoomKind]
    else:
        ids, first = np.unique(np.concatenate([r.ids for r in placed]).astype(str), return_index=True)
        points, ends, normals = (
            np.concatenate(parts)[first]
            for parts in zip(*[(r.points, _other_ends(r), r.normals) for r in placed], strict=True)
        )
        building = rows_of(np.concatenate([r.building_ids for r in placed])[first], community.buildings.id)
        xyz, azimuth = (points + ends) / 2, np.degrees(np.arctan2(normals[:, 0], normals[:, 1]))
        width, height = np.linalg.norm(ends - points, axis=1), np.full(len(xyz), 1.5)
        dwelling, level = np.full(len(xyz), -1), _levels(community, building, xyz[:, 2])
        room, rooms = np.zeros(len(xyz), dtype=np.int64), [("", "")]
    arrays |= {"window.xyz": _steps(xyz), "window.azimuth": np.rint(azimuth * 10), "window.width": _cm(width)}
    arrays |= {"window.height": _cm(height), "window.room": room, "window.building": building}
    arrays |= {"window.dwelling": dwelling, "window.level": level}
    return {"id": _texts(ids), "rooms": rooms}


def _other_ends(receptors: Receptors) -> FloatArray:
    """Return the other end of what is measured, itself for points."""
    return receptors.points if receptors.other_ends is None else receptors.other_ends


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
    arrays |= _outlines("flat", v.outline)
    arrays |= {"flat.kind": place[v.kind], "flat.z": _cm(z), "flat.level": np.append(s.level, 0)[v.storey]}
    arrays |= {"flat.building": owner, "flat.status": v.status}
    palette = [[GROUND.get(k, SCENE["space"]), *k.title] for k in kinds]
    return {"id": _texts(v.names()), "palette": palette, "area": v.outline.areas().round(1).tolist()}


def _paths(community: Community, arrays: Arrays) -> dict[str, Any]:
    """Keep the courses of the paths."""
    e, titles = community.path_edges, {int(k): k.title for k in PathKind}
    arrays |= {"path.xyz": _steps(e.course.xyz), "path.line": e.course.line}
    arrays |= {"path.kind": e.kind, "path.status": e.status}
    palette = [[*PATHS.get(k, OTHER_PATH), *titles.get(k, ("", ""))] for k in range(max(titles) + 1)]  # type: ignore[call-overload]
    return {"id": _texts(e.names()), "palette": palette}


def _facilities(community: Community, arrays: Arrays) -> dict[str, Any]:
    """Keep the places of services."""
    f = community.facilities
    arrays["facility.xyz"] = _steps(np.column_stack([f.x, f.y, f.z]))
    arrays |= {"facility.building": f.building, "facility.status": f.status}
    return {"id": _texts(f.id), "name": _texts(f.name), "kind": [FacilityKind(k).title for k in f.kind]}


def _homes(community: Community, arrays: Arrays) -> list[str]:
    """Return the ids of the dwellings and keep where they are."""
    d, s = community.dwellings, community.storeys
    arrays |= {"home.building": np.append(s.building, -1)[d.storey], "home.level": np.append(s.level, 0)[d.storey]}
    return _texts(d.id)


def _mode(mode: Mode, arrays: Arrays, windows: Sequence[str]) -> dict[str, Any]:
    """Return the words of a mode and keep its classes and values."""
    key, layer, classes = mode.key, mode.layer, mode.layer.classes
    m: dict[str, Any] = {"key": key, "title": mode.title, "unit": classes.unit, "legend": classes.legend()}
    if not np.isnan(layer.buildings).all():
        arrays[m.setdefault("buildings", f"{key}.buildings")] = code(classes, layer.buildings)
        if mode.said:
            m["values"] = _numbers(layer.buildings)
    if mode.spaces is not None:
        arrays[m.setdefault("spaces", f"{key}.spaces")] = mode.spaces
    if layer.at is None:
        return m
    at, rows, m["at"] = layer.at, np.arange(len(layer.at)), "windows"
    if layer.receptors is not None:
        if (found := _window_rows(layer.receptors, windows)) is None:
            m["at"] = _place(layer.receptors, key, arrays)
        else:  # the values of the windows of the scene
            at, rows = np.full(len(windows), np.nan), found
            at[rows] = layer.at
    arrays[m.setdefault("classes", f"{key}.classes")] = code(classes, at)
    arrays[m.setdefault("hours", f"{key}.hours")] = _cm(np.nan_to_num(at, nan=-300.0))
    if (light := mode.light) is not None:
        counts = np.zeros(len(at), dtype=np.int64)
        counts[rows] = np.diff(light.offsets)
        which = ragged_rows(light.offsets, np.argsort(rows))[0]
        arrays |= {f"{key}.first": offsets_of(counts), f"{key}.start": np.rint(light.starts[which] * 1800)}
        arrays[f"{key}.end"] = np.rint(light.ends[which] * 1800)
        m["light"] = key
    return m


def _window_rows(receptors: Receptors, windows: Sequence[str]) -> IntArray | None:
    """Return the window of each receptor; None if they are no windows, or some of them no window of the scene."""
    if receptors.kind != "window":
        return None
    rows = rows_of(receptors.ids, windows)
    return rows if len(np.unique(rows[rows >= 0])) == len(rows) else None


def _place(receptors: Receptors, key: str, arrays: Arrays) -> str:
    """Keep where receptors are, and their usual distance, 1 m for a lone one; return what they are."""
    points, apart = receptors.points, 1.0
    if len(points) > 1:
        from scipy.spatial import cKDTree

        nearest = cKDTree(points).query(points[:: max(1, len(points) // 500)], k=[2])[0]
        apart = float(np.clip(np.median(nearest), 0.2, 50.0))
    arrays[f"{key}.xyz"] = _steps((points + _other_ends(receptors)) / 2)
    arrays |= {f"{key}.normal": _cm(receptors.normals).ravel(), f"{key}.size": _cm([apart])}
    return "ground" if receptors.kind == "ground" else "walls"


def _findings(rows: Sequence[Finding]) -> dict[str, Any]:
    """Return findings, each rule in words once."""
    rules: dict[str, list[str]] = {}
    listed: list[tuple[str, Any]] = []
    for r in rows[:MOST_FINDINGS]:
        rules.setdefault(r.rule.id, [r.rule.text, r.rule.title("zh"), origin(r.rule)])
        spot = [round(r.x, 1), round(r.y, 1)] if r.x == r.x else None
        listed.append((r.rule.id, [r.object, ORDER.index(r.verdict), measured(r), required(r), spot]))
    place = {name: k for k, name in enumerate(rules)}
    return {"rules": list(rules.values()), "rows": [[place[name], *rest] for name, rest in listed]}
