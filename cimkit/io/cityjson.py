"""CityJSON 1.0 to 2.0 and CityJSONSeq read, also out of a zip archive."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from cimkit.errors import FormatError, InputError
from cimkit.geometry.frame import metric_crs, transformer
from cimkit.geometry.terrain import Terrain
from cimkit.geometry.triangles import Triangles
from cimkit.io.archive import open_archive, read_member
from cimkit.io.cityjson_faces import Face, faces_of, lod_of, outline, triangles_of
from cimkit.io.cityjson_tables import community_of_tables, is_tables
from cimkit.io.crs import check_box, parse_crs
from cimkit.io.jsontext import collection_paused, parse_json
from cimkit.io.loading import check_file
from cimkit.model.community import Community
from cimkit.model.frames import tables_from_frames
from cimkit.model.notes import Note, Notes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    from cimkit.arrays import FloatArray

VERSIONS = ("1.0", "1.1", "2.0")
_SPACES = {"PlantCover": "green", "WaterBody": "water", "Road": "road", "TransportSquare": "plaza", "Waterway": "water"}
_WITHIN = ("BuildingPart", "BuildingInstallation", "BuildingConstructiveElement")
_STANDS = ("Bridge", "OtherConstruction")  # with parts, installations and furniture
_FLAT_ROOF = 0.1  # [m] roofs that differ less in height are an extruded block
_DOWN = -0.7  # cosine below which a face is taken as a floor where nothing says so


class City(NamedTuple):
    """What a file holds: objects with their vertices, the CRS, and the head."""

    objects: dict[str, tuple[Any, FloatArray]]
    head: Any
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
    path = Path(path)
    check_file(path)
    with collection_paused():
        city = _city(list(_texts(path)), path.name)
    block = next((v for v, _ in city.objects.values() if is_tables(v)), None)
    notes: list[Note] = []
    if block is not None:
        community = community_of_tables(block, city.objects, path.name) if not (frame or crs) else None
        if community is not None:
            return community, community.notes
        why = "a CRS was asked for" if frame or crs else "another program has changed the file"
        notes.append(Note("I03", f"{why}; the tables cimkit wrote were left aside", "cityjson"))
    return _community(_placed(city, path.name, frame, crs), path, notes)


def _texts(path: Path) -> Iterable[bytes]:
    """Yield the text of the file, or of the JSON members of an archive."""
    if path.suffix.lower() != ".zip":
        yield path.read_bytes()
        return
    with open_archive(path) as archive:
        names = [n for n in archive.namelist() if n.lower().endswith((".json", ".jsonl"))]
        if len(names) != 1:
            raise FormatError(f"{path.name}: the archive must hold one JSON file; got {len(names)}. Unpack it first.")
        yield read_member(archive, names[0], path.name)


def _city(texts: list[bytes], who: str) -> City:
    """Return the objects of CityJSON text, or of CityJSONSeq with one feature a line."""
    text = texts[0].strip()
    first = text.split(b"\n", 1)[0]
    try:
        documents = [parse_json(text, who)]
    except FormatError:
        if b"\n" not in text or not first.strip().endswith(b"}"):
            raise
        documents = [
            parse_json(line, f"{who}, line {k + 1}") for k, line in enumerate(text.split(b"\n")) if line.strip()
        ]
    head = documents[0]
    if not isinstance(head, dict) or head.get("type") != "CityJSON":
        raise FormatError(f"{who}: the first object must be of type 'CityJSON'; it is not.")
    if str(head.get("version", ""))[:3] not in VERSIONS:
        raise FormatError(f"{who}: the version must be 1.0, 1.1 or 2.0; got {head.get('version')!r}.")
    objects: dict[str, tuple[Any, FloatArray]] = {}
    for k, document in enumerate(documents):
        if not isinstance(document, dict) or not isinstance(document.get("CityObjects"), dict):
            raise FormatError(f"{who}, object {k + 1}: it must have CityObjects; it has none.")
        vertices = _vertices(document.get("vertices", []), head.get("transform"), f"{who}, object {k + 1}")
        for name, value in document["CityObjects"].items():
            if not isinstance(value, dict) or not isinstance(value.get("type"), str):
                raise FormatError(f"{who}, object {name!r}: it must have a type; it has none.")
            objects[name] = (value, vertices)
    metadata = head.get("metadata") or {}
    return City(objects, head, _crs_of(metadata.get("referenceSystem", "") if isinstance(metadata, dict) else ""))


def _vertices(values: Any, transform: Any, who: str) -> FloatArray:
    """Return vertices in map coordinates, shape (n, 3)."""
    try:
        vertices = np.asarray(values, dtype=np.float64).reshape(len(values), 3)
        if transform is not None:
            scale, shift = (np.asarray(transform[k], dtype=np.float64).reshape(3) for k in ("scale", "translate"))
            vertices = vertices * scale + shift
    except (TypeError, ValueError, KeyError) as error:
        raise FormatError(f"{who}: vertices must be triples of numbers; {error}.") from error
    if not np.isfinite(vertices).all():
        raise FormatError(f"{who}: vertices must be finite; got nan or infinity.")
    return vertices


def _crs_of(reference: Any) -> str:
    """Return authority:code of a reference system given as URN or URL, else the text itself.

    Examples
    --------
    >>> _crs_of("urn:ogc:def:crs:EPSG::7415"), _crs_of("https://www.opengis.net/def/crs/EPSG/0/7415")
    ('EPSG:7415', 'EPSG:7415')
    """
    text = str(reference or "")
    parts = [p for p in text.replace("urn:ogc:def:crs:", "/").replace(":", "/").split("/") if p]
    return f"{parts[-3] if parts[-2] == '0' else parts[-2]}:{parts[-1]}" if len(parts) >= 2 else text


def _placed(city: City, who: str, frame: str, crs: str) -> City:
    """Return the city in a projected CRS in metres."""
    label = crs or city.crs
    if not label:
        return city
    own = parse_crs(label, f"{who}: referenceSystem")
    used = [v for v in {id(v): v for _, v in city.objects.values()}.values() if len(v)]
    if not used:
        return city
    xy = np.concatenate(used)[:, :2]
    box = np.concatenate([xy.min(axis=0), xy.max(axis=0)])
    check_box(box, own, who)
    flat = own.is_projected and own.axis_info[0].unit_name == "metre" and "pseudo" not in own.name.lower()
    target = frame or (":".join(own.to_authority() or ()) or own.to_wkt() if flat else "")
    if not target:
        lon, lat = transformer(own.to_wkt(), "EPSG:4326").transform(*box.reshape(2, 2).mean(axis=0))
        target = metric_crs(float(lon), float(lat))
    if parse_crs(target) == own:
        return city._replace(crs=target)
    change = transformer(own.to_wkt(), target)
    moved = {id(v): np.column_stack([*change.transform(v[:, 0], v[:, 1]), v[:, 2]]) if len(v) else v for v in used}
    return city._replace(crs=target, objects={k: (o, moved.get(id(v), v)) for k, (o, v) in city.objects.items()})


def _community(city: City, path: Path, notes: list[Note]) -> tuple[Community, Notes]:
    """Return the community of a city in metres."""
    who = path.name
    bodies, rows = _buildings(city, who, notes)
    frames = {"buildings": rows} if len(rows) else {}
    spaces = _spaces(city, who)
    if len(spaces):
        frames["spaces"] = spaces
    if not frames:
        raise InputError(f"{who}: at least one building, plant cover, water or road must have surfaces; none has.")
    tables, frame, said = tables_from_frames(frames, columns={}, crs="")
    community = Community(name=who.split(".")[0], frame=frame, **tables)
    mesh = Triangles.concat([_mesh(community, bodies), _others(city, who, frame.origin, notes)])
    community = replace(community, mesh=mesh, terrain=_terrain(city, who, frame.origin, notes))
    _note_unused(city, notes)
    every = Notes.of(notes) + said
    return replace(community, notes=every), every


def _buildings(city: City, who: str, notes: list[Note]) -> tuple[dict[str, Body], Any]:
    """Return the bodies of the buildings, and their frame."""
    bodies: dict[str, Body] = {}
    records: list[dict[str, Any]] = []
    empty: list[str] = []
    for name, (thing, _) in city.objects.items():
        if thing["type"] != "Building":
            continue
        body = _body(name, city, who)
        if body is None:
            empty.append(name)
            continue
        bodies[name] = body
        known = {"id": name, "ground_z": body.ground_z, "height": body.height, "height_src": "measured"}
        records.append({**_attributes(thing, city), **known})
    if empty:
        text = "buildings without a surface in plan were left out"
        notes.append(Note("I02", text, "buildings", empty[0], count=len(empty)))
    return bodies, _frame(records, [b.outline for b in bodies.values()], city.crs)


def _attributes(thing: Any, city: City) -> dict[str, Any]:
    """Return the attributes of a building, those of an only part where it has none itself; nested ones as text."""
    import json

    own = thing.get("attributes") or {}
    children = [city.objects[c][0] for c in thing.get("children", []) if c in city.objects]
    parts = [c for c in children if c["type"] == "BuildingPart"]
    if len(parts) == 1:
        own = {**(parts[0].get("attributes") or {}), **own}
    reserved = ("id", "geometry", "ground_z", "height_src")
    plain = {f"attribute_{k}" if k in reserved else str(k): v for k, v in own.items()}
    return {k: json.dumps(v, ensure_ascii=False) if isinstance(v, (list, dict)) else v for k, v in plain.items()}


def _frame(records: list[dict[str, Any]], shapes: list[Any], crs: str) -> Any:
    """Return a GeoDataFrame of records and shapes."""
    import geopandas as gpd

    return gpd.GeoDataFrame(records, geometry=np.array([*shapes, None], dtype=object)[:-1], crs=crs or None)


def _family(name: str, city: City) -> list[tuple[Any, FloatArray]]:
    """Return a building with its parts and installations, each once."""
    found: dict[str, tuple[Any, FloatArray]] = {}
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each not in city.objects or each in found:
            continue
        thing, vertices = city.objects[each]
        if each != name and thing["type"] not in _WITHIN:
            continue
        found[each] = (thing, vertices)
        children = thing.get("children", [])
        waiting += [str(c) for c in children] if isinstance(children, list) else []
    return list(found.values())


def _body(name: str, city: City, who: str) -> Body | None:
    """Return the body of a building, None if it has no surface in plan."""
    solid: list[Face] = []
    flat: list[Face] = []
    for thing, vertices in _family(name, city):
        label = f"{who}, object {name!r}"
        solid += _finest(thing, vertices, label)
        flat += [f for g in _geometries(thing) if 0 <= lod_of(g) < 1 for f in faces_of(g, vertices, label)]
    floors = flat or [f for f in solid if f.kind == "GroundSurface"] or [f for f in solid if f.normal[2] < _DOWN]
    shape = outline(floors)
    shape = outline(solid) if shape is None else shape
    if shape is None:
        return None
    z = np.concatenate([r[:, 2] for f in (solid or flat) for r in f.rings])
    ground = _ground(z, flat, city.objects[name][0])
    height = float(np.max(z)) - ground
    roofs = [f for f in solid if f.normal[2] > 0.1 and f.kind in ("", "RoofSurface")]
    tops = np.concatenate([f.rings[0][:, 2] for f in roofs]) if roofs else z
    detailed = bool(solid) and float(np.ptp(tops)) > _FLAT_ROOF
    triangles = triangles_of(solid) if detailed else np.zeros((0, 3, 3))
    return Body(shape, ground, height if height > 0 else np.nan, triangles)


def _geometries(thing: Any) -> list[Any]:
    """Return the geometries of a thing."""
    return [g for g in thing.get("geometry") or [] if isinstance(g, dict)]


def _finest(thing: Any, vertices: FloatArray, who: str) -> list[Face]:
    """Return the surfaces of the most detailed geometry from LoD 1 on."""
    best = max((g for g in _geometries(thing) if lod_of(g) >= 1), key=lod_of, default=None)
    return [] if best is None else faces_of(best, vertices, who)


def _ground(z: FloatArray, flat: list[Face], thing: Any) -> float:
    """Return the ground: the lowest point, or the outline below it where the stated height reaches down to it."""
    stated = (thing.get("attributes") or {}).get("measuredHeight")
    if flat and isinstance(stated, (int, float)):
        below = float(min(f.rings[0][:, 2].min() for f in flat))
        if abs(float(np.max(z)) - below - stated) < 0.1:
            return below
    return float(np.min(z))


def _mesh(community: Community, bodies: dict[str, Body]) -> Triangles:
    """Return the triangles of detailed buildings in local metres, each with the row of the nearest outline."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(map(str, community.buildings.id)):
        whole, _, piece = name.rpartition("/")
        rows.setdefault(whole if name not in bodies and piece.isdigit() else name, []).append(row)
    shapes = community.buildings.footprint.to_shapely()
    parts = [Triangles.empty()]
    for name, body in bodies.items():
        own = np.array(rows.get(name, []), dtype=np.int64)
        if len(own) and len(body.triangles):
            local = body.triangles - np.array(community.frame.origin)
            middle = shapely.points(local.mean(axis=1)[:, :2])
            nearest = np.argmin([shapely.distance(shapes[r], middle) for r in own], axis=0) if len(own) > 1 else 0
            parts.append(Triangles(local, np.broadcast_to(own[nearest], len(local)).copy()))
    return Triangles.concat(parts)


def _others(city: City, who: str, origin: Any, notes: list[Note]) -> Triangles:
    """Return the surfaces of bridges and other constructions: they cast shadow and belong to no building."""
    things = [(n, *o) for n, o in city.objects.items() if o[0]["type"].startswith(_STANDS)]
    faces = [f for name, thing, vertices in things for f in _finest(thing, vertices, f"{who}, object {name!r}")]
    if not faces:
        return Triangles.empty()
    corners = triangles_of(faces) - np.array(origin)
    text = f"{len(things)} objects of bridges and other constructions: {len(corners)} triangles that cast shadow"
    notes.append(Note("I04", text, "mesh", count=len(things)))
    return Triangles(corners, np.full(len(corners), -1))


def _spaces(city: City, who: str) -> Any:
    """Return the frame of plant cover, water, roads and squares."""
    records, shapes = [], []
    for name, (thing, vertices) in city.objects.items():
        kind = _SPACES.get(thing["type"])
        if kind and _geometries(thing):
            shape = outline(faces_of(max(_geometries(thing), key=lod_of), vertices, f"{who}, object {name!r}"))
            if shape is not None:
                records.append({"id": name, "kind": kind, **_named(thing)})
                shapes.append(shape)
    return _frame(records, shapes, city.crs)


def _named(thing: Any) -> dict[str, str]:
    """Return what the file says of a thing's class, function and usage."""
    attributes = thing.get("attributes") or {}
    return {f"city_{k}": str(attributes.get(k, "")) for k in ("class", "function", "usage")}


def _terrain(city: City, who: str, origin: Any, notes: list[Note]) -> Terrain | None:
    """Return the ground of a TIN, None if there is none."""
    tins = [(n, t.get("geometry") or [], v) for n, (t, v) in city.objects.items() if t["type"] == "TINRelief"]
    faces = [f for n, shapes, v in tins for g in shapes for f in faces_of(g, v, f"{who}, object {n!r}")]
    if not faces:
        return None
    points = np.unique(np.concatenate([f.rings[0] for f in faces]), axis=0) - np.array(origin)
    size = float(np.ptp(points[:, :2], axis=0).max())
    spacing = max(5.0, round(size / 300))
    notes.append(Note("I04", f"TIN of {len(faces)} faces laid on a grid of {spacing:g} m", "terrain"))
    return Terrain.from_points(points, spacing=spacing)


def _note_unused(city: City, notes: list[Note]) -> None:
    """Note the objects of each type that became nothing."""
    used = {"Building", "TINRelief", *_WITHIN, *_SPACES}
    types = [str(o["type"]) for o, _ in city.objects.values() if not is_tables(o)]
    counts = Counter(t for t in types if t not in used and not t.startswith(_STANDS))
    for kind, count in counts.items():
        notes.append(Note("I03", f"{count} objects of type {kind} were not used", kind, count=count))
