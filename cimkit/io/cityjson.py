"""CityJSON 1.0 to 2.0 and CityJSONSeq read, also out of a zip archive: objects, their faces, what is made of them."""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely

from cimkit.arrays import FloatArray, as_points
from cimkit.errors import FormatError, InputError
from cimkit.geometry.frame import metric_crs, transformer
from cimkit.geometry.terrain import Terrain
from cimkit.geometry.triangles import Triangles
from cimkit.io.cimfile import from_text
from cimkit.io.crs import check_box, parse_crs
from cimkit.io.guard import check_file, expected, open_archive, parse_json, read_member
from cimkit.model.community import Community
from cimkit.model.frames import tables_from_frames
from cimkit.model.notes import Note, Notes, noted

OWN = "cimkit"  # id and attribute of the object that holds our tables
GROUP = "CityObjectGroup"  # its type: without members or geometry, which other programs pass over
VERSIONS = ("1.0", "1.1", "2.0")
_SPACES = {"PlantCover": "green", "WaterBody": "water", "Road": "road", "TransportSquare": "plaza", "Waterway": "water"}
_WITHIN = ("BuildingPart", "BuildingInstallation", "BuildingConstructiveElement")
_STANDS = ("Bridge", "OtherConstruction")  # with parts, installations and furniture
_RESERVED = ("id", "geometry", "ground_z", "height_src")
_FLAT_ROOF = 0.1  # [m] roofs that differ less in height are an extruded block
_DOWN = -0.7  # cosine below which a face is taken as a floor where nothing says so
_DEPTH = {"MultiSurface": 0, "CompositeSurface": 0, "Solid": 1, "MultiSolid": 2, "CompositeSolid": 2}
_SORTS = {"attributes": dict, "children": list, "geometry": list}
_SNAP = 0.001  # [m] vertices closer than this are one when outlines are united
_STEEP = 0.1  # |cosine| below which a face counts as a wall


class Thing(NamedTuple):
    """A CityObject with empty values for what it lacks, and the vertices its geometry points to [m]."""

    type: str
    attributes: dict[str, Any]
    children: list[Any]
    geometry: list[Any]
    vertices: FloatArray
    who: str


class Face(NamedTuple):
    """One surface: its rings of points (n, 3), its unit normal, and what it is called (``RoofSurface`` …)."""

    rings: list[FloatArray]
    normal: FloatArray
    kind: str


class City(NamedTuple):
    """What a file holds: its objects by their ids, and the CRS of their vertices."""

    things: dict[str, Thing]
    crs: str


class Body(NamedTuple):
    """One building: its outline, ground, height, triangles, and whether its detail goes beyond a block."""

    outline: Any
    ground_z: float
    height: float
    triangles: FloatArray


def read_cityjson(path: str | PathLike[str], *, frame: str = "", crs: str = "") -> tuple[Community, Notes]:
    """Read CityJSON or CityJSONSeq, plain or as the one JSON member of a zip archive.

    Buildings with their parts become one row each; surfaces of LoD 2 become triangles, blocks of
    LoD 1 an outline and a height. Plant cover, water and roads become spaces; a TIN the terrain;
    bridges and other constructions triangles that cast shadow.

    Parameters
    ----------
    path
        File to read.
    frame
        Projected CRS in metres to work in; empty keeps the file's own if it is one.
    crs
        CRS of the coordinates, instead of what the file says.

    Returns
    -------
    tuple
        The community, and notes on what was derived or not used.

    Raises
    ------
    FormatError
        If the file is damaged or of another version.
    InputError
        If coordinates contradict the CRS, or there is nothing to use.
    """
    path = check_file(path)
    city = _city(_text(path), path.name)
    own = [name for name, t in city.things.items() if t.type == GROUP and OWN in t.attributes]
    stored = [city.things.pop(name).attributes[OWN] for name in own]
    notes: list[Note] = []
    if stored:
        said = stored[0] if isinstance(stored[0], dict) else {}
        if not (frame or crs) and said.get("digest") == digest(city.things) and "cimz" in said:
            community = from_text(str(said["cimz"]), path.name)
            return community, community.notes
        changed = "another program has changed the file, or another version of cimkit wrote it"
        why = "a CRS was asked for" if frame or crs else changed
        notes.append(Note("I03", f"{why}; the tables cimkit wrote were left aside", "cityjson"))
    return _community(_placed(city, path.name, frame, crs), path.name, notes)


def _text(path: Path) -> bytes:
    """Return the text of the file, or of the one JSON member of an archive."""
    if path.suffix.lower() != ".zip":
        return path.read_bytes()
    with open_archive(path, path.name) as archive:
        if len(names := [n for n in archive.namelist() if n.lower().endswith((".json", ".jsonl"))]) != 1:
            raise FormatError(f"{path.name}: the archive must hold one JSON file; got {len(names)}. Unpack it first.")
        return read_member(archive, names[0], path.name)


def _city(text: bytes, who: str) -> City:
    """Return the objects of CityJSON text, or of CityJSONSeq with one feature a line."""
    lines = text.strip().split(b"\n")
    texts = lines if lines[0].count(b"{") == lines[0].count(b"}") else [text]  # a whole object on the first line
    documents = [parse_json(each, f"{who}, object {k}") for k, each in enumerate(texts, 1) if each.strip()]
    head = documents[0] if documents else None
    if not isinstance(head, dict) or head.get("type") != "CityJSON":
        raise FormatError(f"{who}: the first object must be of type 'CityJSON'; it is not.")
    if str(head.get("version", ""))[:3] not in VERSIONS:
        raise FormatError(f"{who}: the version must be 1.0, 1.1 or 2.0; got {head.get('version')!r}.")
    things: dict[str, Thing] = {}
    for k, document in enumerate(documents, 1):
        if not isinstance(document, dict) or not isinstance(document.get("CityObjects"), dict):
            raise FormatError(f"{who}, object {k}: it must have CityObjects; it has none.")
        with expected(f"{who}, object {k}", "vertices must be triples of finite numbers"):
            vertices = _vertices(document.get("vertices", []), head.get("transform"))
        things |= {n: thing_of(v, vertices, f"{who}, object {n!r}") for n, v in document["CityObjects"].items()}
    metadata = head.get("metadata")
    return City(things, str(metadata.get("referenceSystem") or "") if isinstance(metadata, dict) else "")


def _vertices(values: Any, transform: Any) -> FloatArray:
    """Return vertices in map coordinates, shape (n, 3)."""
    vertices = as_points(values, name="vertices")
    if transform is None:
        return vertices
    scale, shift = (np.asarray(transform[k], dtype=np.float64).reshape(3) for k in ("scale", "translate"))
    return as_points(vertices * scale + shift, name="vertices")


def _placed(city: City, who: str, frame: str, crs: str) -> City:
    """Return the city in a projected CRS in metres."""
    used = {id(t.vertices): t.vertices for t in city.things.values() if len(t.vertices)}
    if not (label := crs or city.crs) or not used:
        return city
    own = parse_crs(label, f"{who}: referenceSystem")
    xy = np.concatenate(list(used.values()))[:, :2]
    box = np.concatenate([xy.min(axis=0), xy.max(axis=0)])
    check_box(box, own, who)
    flat = own.is_projected and own.axis_info[0].unit_name == "metre" and "pseudo" not in own.name.lower()
    if not (target := frame or (":".join(own.to_authority() or ()) or own.to_wkt() if flat else "")):
        lon, lat = transformer(own.to_wkt(), "EPSG:4326").transform(*box.reshape(2, 2).mean(axis=0))
        target = metric_crs(float(lon), float(lat))
    if parse_crs(target) != own:
        change = transformer(own.to_wkt(), target)
        used = {k: np.column_stack([*change.transform(v[:, 0], v[:, 1]), v[:, 2]]) for k, v in used.items()}
    moved = {k: t._replace(vertices=used.get(id(t.vertices), t.vertices)) for k, t in city.things.items()}
    return City(moved, target)


def _community(city: City, who: str, notes: list[Note]) -> tuple[Community, Notes]:
    """Return the community of a city in metres."""
    bodies = _bodies(city, notes)
    frames = {"buildings": _buildings(city, bodies), "spaces": _spaces(city)}
    if not (frames := {title: frame for title, frame in frames.items() if len(frame)}):
        raise InputError(f"{who}: at least one building, plant cover, water or road must have surfaces; none has.")
    tables, frame, said = tables_from_frames(frames, columns={}, crs="")
    community = Community(name=who.partition(".")[0], frame=frame, **tables)
    mesh = Triangles.concat([_mesh(community, bodies), _others(city, frame.origin, notes)])
    terrain = _terrain(city, frame.origin, notes)
    counts = Counter(t.type for t in city.things.values() if not t.type.startswith(_STANDS))
    unused = {t: n for t, n in counts.items() if t not in ("Building", "TINRelief", *_WITHIN, *_SPACES)}
    notes += [Note("I03", f"{n} objects of type {t} were not used", t, count=n) for t, n in unused.items()]
    every = Notes.of(notes) + said
    return replace(community, mesh=mesh, terrain=terrain, notes=every), every


def _bodies(city: City, notes: list[Note]) -> dict[str, Body]:
    """Return the bodies of the buildings that have a surface in plan."""
    found = {name: _body(name, city) for name, thing in city.things.items() if thing.type == "Building"}
    text = "buildings without a surface in plan were left out"
    notes += noted("I02", text, [body is None for body in found.values()], "buildings", list(found))
    return {name: body for name, body in found.items() if body is not None}


def _buildings(city: City, bodies: dict[str, Body]) -> Any:
    """Return the frame of buildings with their attributes, else those of an only part; nested ones as text."""
    records = []
    for name, body in bodies.items():
        thing = city.things[name]
        parts = [p for p in (city.things.get(c) for c in thing.children) if p and p.type == "BuildingPart"]
        own = (parts[0].attributes if len(parts) == 1 else {}) | thing.attributes
        plain = {k: json.dumps(v, ensure_ascii=False) if isinstance(v, (list, dict)) else v for k, v in own.items()}
        plain = {f"attribute_{k}" if k in _RESERVED else k: v for k, v in plain.items()}
        known = {"id": name, "ground_z": body.ground_z, "height": body.height, "height_src": "measured"}
        records.append(plain | known)
    return _frame(records, [b.outline for b in bodies.values()], city.crs)


def _frame(records: list[dict[str, Any]], shapes: list[Any], crs: str) -> Any:
    """Return a GeoDataFrame of records and shapes."""
    import geopandas as gpd

    return gpd.GeoDataFrame(records, geometry=np.fromiter(shapes, dtype=object), crs=crs or None)


def _family(name: str, things: dict[str, Thing]) -> list[Thing]:
    """Return a building with its parts and installations, each once."""
    found: dict[str, Thing] = {}
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each in things and each not in found and (each == name or things[each].type in _WITHIN):
            found[each] = things[each]
            waiting += map(str, things[each].children)
    return list(found.values())


def _body(name: str, city: City) -> Body | None:
    """Return the body of a building, None if it has no surface in plan."""
    family = _family(name, city.things)
    solid = [f for thing in family for f in _finest(thing)]
    flat = [f for t in family for g in t.geometry if 0 <= lod_of(g) < 1 for f in faces_of(g, t.vertices, t.who)]
    floors = flat or [f for f in solid if f.kind == "GroundSurface"] or [f for f in solid if f.normal[2] < _DOWN]
    if (shape := outline(floors) or outline(solid)) is None:
        return None
    z = np.concatenate([r[:, 2] for f in (solid or flat) for r in f.rings])
    ground = _ground(z, flat, city.things[name].attributes.get("measuredHeight"))
    height = float(np.max(z)) - ground
    roofs = [f for f in solid if f.normal[2] > 0.1 and f.kind in ("", "RoofSurface")]
    tops = np.concatenate([f.rings[0][:, 2] for f in roofs]) if roofs else z
    triangles = triangles_of(solid) if solid and np.ptp(tops) > _FLAT_ROOF else np.zeros((0, 3, 3))
    return Body(shape, ground, height if height > 0 else np.nan, triangles)


def _finest(thing: Thing) -> list[Face]:
    """Return the surfaces of the most detailed geometry from LoD 1 on."""
    best = max((g for g in thing.geometry if lod_of(g) >= 1), key=lod_of, default=None)
    return [] if best is None else faces_of(best, thing.vertices, thing.who)


def _ground(z: FloatArray, flat: list[Face], stated: Any) -> float:
    """Return the ground: the lowest point, or the outline below it where the stated height reaches down to it."""
    below = float(min((f.rings[0][:, 2].min() for f in flat), default=np.nan))
    reaches = isinstance(stated, (int, float)) and abs(float(np.max(z)) - below - stated) < 0.1
    return below if reaches else float(np.min(z))


def _mesh(community: Community, bodies: dict[str, Body]) -> Triangles:
    """Return the triangles of detailed buildings in local metres, each with the row of the nearest outline."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(map(str, community.buildings.id)):
        rows[name if name in bodies else name.rpartition("/")[0]].append(row)  # of an outline in pieces
    shapes = community.buildings.footprint.to_shapely()
    corners, owner = [np.zeros((0, 3, 3))], [np.zeros(0, np.int64)]
    for name, body in bodies.items():
        if len(own := np.array(rows[name], dtype=np.int64)) and len(body.triangles):
            corners.append(body.triangles - np.array(community.frame.origin))
            middle = shapely.points(corners[-1].mean(axis=1)[:, :2])
            owner.append(own[np.argmin([shapely.distance(shapes[r], middle) for r in own], axis=0)])
    return Triangles.of(np.concatenate(corners), np.concatenate(owner))


def _others(city: City, origin: Any, notes: list[Note]) -> Triangles:
    """Return the surfaces of bridges and other constructions: they cast shadow and belong to no building."""
    things = [t for t in city.things.values() if t.type.startswith(_STANDS)]
    if not (faces := [f for thing in things for f in _finest(thing)]):
        return Triangles.empty()
    corners = triangles_of(faces) - np.array(origin)
    text = f"{len(things)} objects of bridges and other constructions: {len(corners)} triangles that cast shadow"
    notes.append(Note("I04", text, "mesh", count=len(things)))
    return Triangles.of(corners, np.full(len(corners), -1))


def _spaces(city: City) -> Any:
    """Return the frame of plant cover, water, roads and squares, with what the file says of them."""
    records, shapes = [], []
    for name, thing in city.things.items():
        if thing.type in _SPACES and thing.geometry:
            shape = outline(faces_of(max(thing.geometry, key=lod_of), thing.vertices, thing.who))
            if shape is not None:
                said = {f"city_{k}": str(thing.attributes.get(k, "")) for k in ("class", "function", "usage")}
                records.append({"id": name, "kind": _SPACES[thing.type], **said})
                shapes.append(shape)
    return _frame(records, shapes, city.crs)


def _terrain(city: City, origin: Any, notes: list[Note]) -> Terrain | None:
    """Return the ground of a TIN, None if there is none."""
    tins = [t for t in city.things.values() if t.type == "TINRelief"]
    if not (faces := [f for t in tins for g in t.geometry for f in faces_of(g, t.vertices, t.who)]):
        return None
    points = np.unique(np.concatenate([f.rings[0] for f in faces]), axis=0) - np.array(origin)
    spacing = max(5.0, round(np.ptp(points[:, :2], axis=0).max() / 300))
    notes.append(Note("I04", f"TIN of {len(faces)} faces laid on a grid of {spacing:g} m", "terrain"))
    return Terrain.from_points(points, spacing=spacing)


# What files are made of: objects, nested boundaries as faces, faces as triangles and as outlines in plan ----


def thing_of(value: Any, vertices: FloatArray, who: str) -> Thing:
    """Return a CityObject.

    Raises
    ------
    FormatError
        If it has no type.
    """
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise FormatError(f"{who}: it must have a type; it has none.")
    parts = {k: value[k] if isinstance(value.get(k), sort) else sort() for k, sort in _SORTS.items()}
    parts["geometry"] = [g for g in parts["geometry"] if isinstance(g, dict)]
    return Thing(type=value["type"], vertices=vertices, who=who, **parts)


def digest(things: Mapping[str, Thing]) -> str:
    """Return a fingerprint of objects: ids, types, attributes and coordinates to 1 mm.

    The order of objects and vertices does not count, so a file that another program has only
    stored anew keeps its fingerprint.
    """
    total = hashlib.blake2b(digest_size=16)
    whole: dict[int, Any] = {}  # vertices in millimetres, by the array they come from
    for name in sorted(things):
        thing = things[name]
        attributes = json.dumps(thing.attributes, sort_keys=True, ensure_ascii=False)
        total.update(f"{name}\n{thing.type}\n{attributes}\n".encode())
        millimetres = whole.setdefault(id(thing.vertices), np.round(thing.vertices * 1000).astype(np.int64))
        for geometry in thing.geometry if len(millimetres) else ():
            numbers = re.findall(r"\d+", str(geometry.get("boundaries")))  # of nested lists, in order
            total.update(millimetres.take(np.array(numbers, dtype=np.int64), axis=0, mode="clip").tobytes())
    return total.hexdigest()


def lod_of(geometry: Any) -> float:
    """Return the level of detail as a number, -1 if it has none."""
    try:
        return float(geometry.get("lod", -1))
    except (TypeError, ValueError):
        return -1.0


def faces_of(geometry: Any, vertices: FloatArray, who: str) -> list[Face]:
    """Return the surfaces of a geometry; points, lines and templates have none.

    Raises
    ------
    FormatError
        If boundaries point past the vertices or are not nested as their type says.
    """
    depth = _DEPTH.get(geometry.get("type"), -1)
    faces: list[Face] = []
    if depth < 0:
        return faces
    with expected(who, "boundaries must be nested lists of vertex numbers"):
        semantics = geometry.get("semantics") or {}
        surfaces = semantics.get("surfaces") or []
        flat = list(_flat(geometry["boundaries"], semantics.get("values"), depth))
        rings, normals = _rings([r for item, _ in flat for r in item], vertices)
        first = 0
        for item, value in flat:
            own = [k for k in range(first, first + len(item)) if len(rings[k]) >= 3]
            first += len(item)
            if own and normals[own[0]].any():
                known = isinstance(value, int) and 0 <= value < len(surfaces)
                kind = str(surfaces[value].get("type", "")) if known else ""
                faces.append(Face([rings[k] for k in own], normals[own[0]], kind))
    return faces


def _flat(boundaries: Any, values: Any, depth: int) -> Iterator[tuple[Any, Any]]:
    """Yield each surface and its semantic value out of shells and solids."""
    for k, item in enumerate(boundaries):
        value = values[k] if isinstance(values, list) and k < len(values) else None
        if depth:
            yield from _flat(item, value, depth - 1)
        else:
            yield item, value


def _rings(rings: Sequence[Sequence[int]], vertices: FloatArray) -> tuple[list[FloatArray], FloatArray]:
    """Return the points of rings without repeats, and their unit normals by Newell's method, 0 without an area.

    All rings of a geometry are worked out at once: nine tenths of the time of one by one.
    """
    size = np.array([len(r) for r in rings], dtype=np.int64)
    index = np.asarray(list(chain.from_iterable(rings)), dtype=np.int64)
    if index.ndim != 1 or (len(index) and (index.min() < 0 or index.max() >= len(vertices))):
        raise IndexError(f"vertex {index.max()} of {len(vertices)}")
    points, ring = vertices[index], np.repeat(np.arange(len(rings)), size)
    before, last = np.arange(len(index)) - 1, np.cumsum(size)[size > 0]
    before[last - size[size > 0]] = last - 1
    fresh = (points != points[before]).any(axis=1)
    points, ring = points[fresh], ring[fresh]
    start = np.searchsorted(ring, np.arange(len(rings)))
    away = points - points[start[ring]]
    cross = np.cross(away[:-1], away[1:]) * (ring[1:] == ring[:-1])[:, None]
    normal = np.stack([np.bincount(ring[1:], c, len(rings)) for c in cross.T], axis=1)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return np.split(points, start[1:]), np.where(length > 1e-9, normal / np.maximum(length, 1e-9), 0.0)


def outline(faces: Sequence[Face]) -> Any:
    """Return the union of faces in plan as a shapely polygon, multi-polygon, or None."""
    if not (flat := [f for f in faces if abs(f.normal[2]) > _STEEP]):
        return None
    rings = [r[:, :2] for f in flat for r in f.rings]
    lines = shapely.linearrings(np.concatenate(rings), indices=np.repeat(np.arange(len(rings)), list(map(len, rings))))
    shapes = shapely.polygons(lines, indices=np.repeat(np.arange(len(flat)), [len(f.rings) for f in flat]))
    # United first and snapped then: a quarter of the time of the other order.
    parts = shapely.get_parts(shapely.set_precision(shapely.union_all(shapely.make_valid(shapes)), _SNAP))
    parts = parts[(shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & (shapely.area(parts) > 0.01)]
    return shapely.union_all(parts) if len(parts) else None


def triangles_of(faces: Sequence[Face]) -> FloatArray:
    """Cut faces into triangles in space, turned as they are: fans of small convex ones; shape (m, 3, 3) [m]."""
    size = np.array([len(f.rings[0]) if len(f.rings) == 1 else 0 for f in faces])
    pieces: dict[int, FloatArray] = {}
    for n in range(3, 7):
        if rows := np.flatnonzero(size == n).tolist():
            points = np.stack([faces[k].rings[0] for k in rows])
            step = np.roll(points, -1, axis=1) - points
            turn = np.einsum("kij,kj->ki", np.cross(step, np.roll(step, -1, axis=1)), [faces[k].normal for k in rows])
            convex = (turn > -1e-9).all(axis=1)
            pieces.update((rows[k], fan) for k, fan in zip(np.flatnonzero(convex), _fan(points[convex]), strict=True))
    return np.concatenate([pieces[k] if k in pieces else _cut(f) for k, f in enumerate(faces)])


def _cut(face: Face) -> FloatArray:
    """Return the triangles of a constrained Delaunay triangulation of one face."""
    points = face.rings[0]
    axis = int(np.abs(face.normal).argmax())
    keep = [a for a in range(3) if a != axis]
    polygon = shapely.Polygon(points[:, keep], [r[:, keep] for r in face.rings[1:]])
    if not shapely.is_valid(polygon):
        return _fan(points)
    height = {(p[keep[0]], p[keep[1]]): p[axis] for ring in face.rings for p in ring}
    flat = shapely.get_coordinates(shapely.constrained_delaunay_triangles(polygon)).reshape(-1, 4, 2)[:, :3]
    corners = np.empty((len(flat), 3, 3))
    corners[:, :, keep] = flat
    corners[:, :, axis] = [[height[(p[0], p[1])] for p in t] for t in flat]
    turned = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) @ face.normal < 0
    corners[turned] = corners[turned][:, ::-1]
    return corners


def _fan(points: FloatArray) -> FloatArray:
    """Return the triangles of fans around the first point of rings (..., n, 3), shape (..., n - 2, 3, 3)."""
    first = np.broadcast_to(points[..., :1, :], points[..., 2:, :].shape)
    return np.stack([first, points[..., 1:-1, :], points[..., 2:, :]], axis=-2)
