"""A community and its results as the 3D viewer reads them: what it is coloured by, one compressed block of arrays."""

import gzip
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cimkit.arrays import FloatArray, IntArray
from cimkit.geometry.polygons import Polygons
from cimkit.geometry.ragged import offsets_of, ragged_rows
from cimkit.model.community import Community
from cimkit.model.kinds import BuildingUse, FacilityKind, PathKind, RoomKind, SpaceKind, Status
from cimkit.rules.findings import ORDER, Finding
from cimkit.sim.areas import FAR
from cimkit.sim.receptors import Receptors
from cimkit.sim.sunlight import Sunlight
from cimkit.sim.sunpath import SunDay
from cimkit.view.layers import LAYERED, Layer, is_a, layer_of, rows_of, walk_layer
from cimkit.view.lists import COUNTED, GROUND, PATHS, SCENE, STOREYS, SUNLIGHT, TEXTS, USES, VERDICTS, Classes, day_name
from cimkit.view.svg import crowns, sheet_of
from cimkit.view.tables import measured, origin, required, rounded

MOST_FINDINGS = 20_000
GRID = 160  # most nodes of the drawn ground along one side
TYPES = {  # type of an array, by its whole name or the last word of it; else four bytes. No class, -1, becomes 255
    **dict.fromkeys(("status", "kind", "buildings", "spaces", "classes"), "u1"),
    **dict.fromkeys(("level", "azimuth", "normal"), "i2"),
    **dict.fromkeys(("width", "height", "room", "start", "end", "r", "tree.base", "tree.top"), "u2"),
    **dict.fromkeys(("ring", "poly", "line", "first"), "u4"),
}
Arrays = dict[str, Any]  # by name
STATES = {Status.EXISTING: "#c9c4bb", Status.PLANNED: "#e0a458", Status.DEMOLISH: "#b98a80"}


class Mode(NamedTuple):
    """One way to colour a scene.

    Parameters
    ----------
    key
        Name of it in the page.
    layer
        Colours, values of buildings, values of receptors.
    title
        English and Chinese.
    said
        Whether the values of buildings say more than their class.
    spaces
        Class of each space, -1 for none.
    light
        Lit intervals of the receptors.
    """

    key: str
    layer: Layer
    title: tuple[str, str]
    said: bool = True
    spaces: IntArray | None = None
    light: Sunlight | None = None


def modes_of(community: Community, results: Sequence[Any] = ()) -> list[Mode]:
    """Return the ways to colour a community: by each result, then by use, state and storeys."""
    b = community.buildings
    found = [mode for k, result in enumerate(results) for mode in _result_modes(community, result, f"r{k}")]
    uses = np.unique(b.use)
    found.append(_listed("use", [(USES[u], BuildingUse(u).title) for u in uses], np.searchsorted(uses, b.use)))
    if len(np.unique(b.status)) > 1:
        found.append(_listed("status", [(STATES[s], TEXTS[s.code]) for s in Status], b.status))
    if (b.n_above > 0).any():
        storeys = np.where(b.n_above > 0, b.n_above, np.nan)
        found.append(Mode("storeys", Layer(STOREYS, storeys), TEXTS["storeys"]))
    return found


def _listed(key: str, listed: Sequence[tuple[str, tuple[str, str]]], which: IntArray) -> Mode:
    """Return the mode of colours and names, and which of them each building has."""
    edges, colours = tuple(map(float, range(len(listed) + 1))), tuple(colour for colour, _ in listed)
    classes = Classes(TEXTS[key], "", edges, colours, names=tuple(name for _, name in listed))
    return Mode(key, Layer(classes, which.astype(np.float64)), TEXTS[key], said=False)


def _result_modes(community: Community, result: Any, key: str) -> list[Mode]:
    """Return the modes of a result; none for one that has no picture in space."""
    if is_a(result, "WalkTimes") and len(result):
        layers = [(k.code, walk_layer(community, result, k)) for k in result.kinds]
        return [Mode(f"{key}-{code}", layer, layer.classes.title) for code, layer in layers]
    if is_a(result, "FloorAreas") and len(result):
        return [Mode(key, Layer(COUNTED), TEXTS["counted_spaces"], spaces=_counted(community, result))]
    if is_a(result, "Isochrones"):
        x, y = (v.ravel() for v in np.meshgrid(result.x, result.y))
        known = ~np.isnan(result.hours.ravel())
        points = Receptors.at(np.column_stack([x, y, np.zeros(len(x))])[known])
        classes = SUNLIGHT._replace(title=("Hours of sun on the ground", "地面日照时数"))
        layer: Layer | None = Layer(classes, receptors=points, at=result.hours.ravel()[known])
    else:
        layer = layer_of(community, result) if is_a(result, *LAYERED) else None
    if layer is None or (layer.receptors is None and np.isnan(layer.buildings).all()):
        return []
    english, chinese = layer.classes.title
    light = result if is_a(result, "Sunlight") else None
    return [Mode(key, layer, (english.split(":")[0], chinese.split("：")[0]), light=light)]


def _counted(community: Community, areas: Any) -> IntArray:
    """Return the class of what counts of each space for the floor area ratio; areas of a state keep their ids."""
    own, found = np.flatnonzero(areas.items["space"] >= 0), np.full(len(community.spaces), -1)
    rows = rows_of(areas.community.spaces.names()[areas.items["space"][own]], community.spaces.names())
    found[rows[rows >= 0]] = COUNTED.which(areas.factor[own, FAR])[rows >= 0]
    return found


def scene_bytes(community: Community, results: Sequence[Any] = (), rows: Sequence[Finding] = ()) -> bytes:
    """Return a community with results and findings as the viewer reads it.

    Parameters
    ----------
    community
        Everything in it is drawn, each state by itself.
    results
        Results to colour by; the sun is that of the first sunlight among them, else that of Great Cold day.
    rows
        Findings, see ``judged``.
    """
    arrays: Arrays = {}
    modes = modes_of(community, results)
    day = SunDay.great_cold(community.location) if community.location is not None else None
    day = next((r.sun_day for r in results if is_a(r, "Sunlight")), day)
    sheet = sheet_of(community)
    wide = 0.12 * max(sheet.width, sheet.height)
    box = [sheet.west - wide, sheet.north - sheet.height - wide, sheet.west + sheet.width + wide, sheet.north + wide]
    windows = _windows(community, modes, arrays)
    sun = day and {"circle": [v.tolist() for v in day.circle()], "band": day.band, "name": day_name(day.name)}
    verdicts = [[VERDICTS[v], *TEXTS[v]] for v in ORDER]
    header: dict[str, Any] = {"name": community.name, "box": [round(v, 2) for v in box]}
    header |= {"north": community.frame.convergence, "colours": SCENE, "verdicts": verdicts, "sun": sun}
    header |= {"ground": _ground(community, box, arrays)}
    header |= {"top": _solids(community, arrays), "buildings": _buildings(community, arrays), "windows": windows}
    header |= {"flat": _flats(community, arrays), **_life(community, arrays)}
    header |= {"modes": [_mode(m, arrays, windows["id"]) for m in modes], "findings": _findings(rows)}
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


def _ground(community: Community, box: Sequence[float], arrays: Arrays) -> list[int]:
    """Keep the heights of the ground on a grid; without a terrain they follow the feet of the buildings."""
    b, (west, south, east, north) = community.buildings, box
    feet = b.ground_z if len(b) else np.zeros(1)
    level = community.terrain is None and float(np.ptp(feet)) < 0.01
    wide, deep = east - west, north - south
    columns, rows = (2, 2) if level else (int(GRID * s / max(wide, deep)) + 2 for s in (wide, deep))
    lines = np.linspace(west, east, columns), np.linspace(south, north, rows)
    xy = np.stack(np.meshgrid(*lines), axis=-1).reshape(-1, 2)
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
    arrays |= {"building.status": b.status, "floor.first": np.searchsorted(s.building[order], np.arange(len(b) + 1))}
    arrays |= {"floor.level": s.level[order], "floor.base": _cm(base), "floor.top": _cm(base + s.height[order])}
    uses, states = [BuildingUse(u).title for u in b.use], [TEXTS[v.code] for v in Status]
    said = {"id": b.id.tolist(), "name": b.name.tolist(), "use": uses, "storeys": b.n_above.tolist()}
    return {**said, "height": rounded(b.height), "status": states}


def _windows(community: Community, modes: Sequence[Mode], arrays: Arrays) -> dict[str, Any]:
    """Keep the windows of the community, or those placed by rule for a result."""
    w = community.windows
    placed = [r for m in modes if (r := m.layer.receptors) is not None and r.kind == "window"]
    if len(w) or not placed:
        ids, xyz, azimuth = w.id, np.column_stack([w.x, w.y, w.z]), w.azimuth
        building, dwelling, level = w.building, w.dwelling, np.append(community.storeys.level, 0)[w.storey]
        width, height = np.nan_to_num(w.width, nan=1.5), np.nan_to_num(w.height, nan=1.5)
        room, rooms = w.room, [r.title for r in RoomKind]
    else:
        ids, first = np.unique(np.concatenate([r.ids for r in placed]).astype(str), return_index=True)
        parts = zip(*[(r.points, r.middles(), r.normals, r.building_ids) for r in placed], strict=True)
        points, xyz, normals, owners = (np.concatenate(part)[first] for part in parts)
        building, azimuth = rows_of(owners, community.buildings.id), np.degrees(np.arctan2(*normals[:, :2].T))
        width, height = 2 * np.linalg.norm(xyz - points, axis=1), np.full(len(xyz), 1.5)
        dwelling, level = np.full(len(xyz), -1), _levels(community, building, xyz[:, 2])
        room, rooms = np.zeros(len(xyz), dtype=np.int64), [("", "")]
    arrays |= {"window.xyz": _steps(xyz), "window.azimuth": np.rint(azimuth * 10), "window.width": _cm(width)}
    arrays |= {"window.height": _cm(height), "window.room": room, "window.building": building}
    arrays |= {"window.dwelling": dwelling, "window.level": level}
    return {"id": ids.tolist(), "rooms": rooms}


def _levels(community: Community, building: Any, z: FloatArray) -> Any:
    """Return the storey each height lies in, by the storeys of its building."""
    s, found = community.storeys, np.ones(len(z), dtype=np.int64)
    base = s.z + community.buildings.ground_z[s.building]
    for b in np.intersect1d(building, s.building[s.level > 0]):
        own, here = np.flatnonzero((s.building == b) & (s.level > 0)), building == b
        own = own[np.argsort(base[own])]
        found[here] = s.level[own][np.maximum(np.searchsorted(base[own], z[here] + 1e-6) - 1, 0)]
    return found


def _flats(community: Community, arrays: Arrays) -> dict[str, Any]:
    """Keep spaces: those on the ground are painted on it, those on storeys lie at their floor."""
    v, s, b = community.spaces, community.storeys, community.buildings
    kinds = [*GROUND, *(k for k in SpaceKind if k not in GROUND)]
    owner = np.append(s.building, -1)[v.storey]
    z = np.where(v.storey >= 0, np.append(s.z, 0.0)[v.storey] + np.append(b.ground_z, 0.0)[owner], v.z)
    arrays |= _outlines("flat", v.outline)
    arrays |= {"flat.kind": np.argsort(kinds)[v.kind], "flat.z": _cm(z), "flat.level": np.append(s.level, 0)[v.storey]}
    arrays |= {"flat.building": owner, "flat.status": v.status}
    palette = [[GROUND.get(k, SCENE["space"]), *k.title] for k in kinds]
    return {"id": v.names().tolist(), "palette": palette, "area": v.outline.areas().round(1).tolist()}


def _life(community: Community, arrays: Arrays) -> dict[str, Any]:
    """Keep the courses of the paths, the places of services and of dwellings; return what is said of them."""
    e, f, d, s = community.path_edges, community.facilities, community.dwellings, community.storeys
    arrays |= {"path.xyz": _steps(e.course.xyz), "path.line": e.course.line, "path.kind": e.kind}
    arrays |= {"path.status": e.status, "facility.xyz": _steps(np.column_stack([f.x, f.y, f.z]))}
    arrays |= {"facility.building": f.building, "facility.status": f.status}
    arrays |= {"home.building": np.append(s.building, -1)[d.storey], "home.level": np.append(s.level, 0)[d.storey]}
    services = {"id": f.id.tolist(), "name": f.name.tolist(), "kind": [FacilityKind(k).title for k in f.kind]}
    paths = {"id": e.names().tolist(), "palette": [[*PATHS[k], *k.title] for k in PathKind]}
    return {"path": paths, "facilities": services, "parcels": community.parcels.id.tolist(), "homes": d.id.tolist()}


def _mode(mode: Mode, arrays: Arrays, windows: Sequence[str]) -> dict[str, Any]:
    """Return the words of a mode and keep its classes and values."""
    key, layer, classes = mode.key, mode.layer, mode.layer.classes
    m: dict[str, Any] = {"key": key, "title": mode.title, "unit": classes.unit, "legend": classes.legend()}
    if not np.isnan(layer.buildings).all():
        arrays[m.setdefault("buildings", f"{key}.buildings")] = classes.which(layer.buildings)
        if mode.said:
            m["values"] = rounded(layer.buildings)
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
    arrays[m.setdefault("classes", f"{key}.classes")] = classes.which(at)
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
    arrays[f"{key}.xyz"] = _steps(receptors.middles())
    arrays |= {f"{key}.normal": _cm(receptors.normals).ravel(), f"{key}.size": _cm([apart])}
    return "ground" if receptors.kind == "ground" else "walls"


def _findings(rows: Sequence[Finding]) -> dict[str, Any]:
    """Return findings, each rule in words once."""
    rules: dict[str, tuple[int, list[str]]] = {}
    listed = []
    for r in rows[:MOST_FINDINGS]:
        rules.setdefault(r.rule.id, (len(rules), [r.rule.text, r.rule.title("zh"), origin(r.rule)]))
        spot = [round(r.x, 1), round(r.y, 1)] if r.x == r.x else None
        listed.append((rules[r.rule.id][0], r.object, ORDER.index(r.verdict), measured(r), required(r), spot))
    return {"rules": [words for _, words in rules.values()], "rows": listed}
