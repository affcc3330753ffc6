"""CityJSON 2.0 written: buildings as blocks or surfaces, storeys with their plates, open ground, and every table."""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.errors import InputError
from cimkit.io.atomic import atomic_write
from cimkit.io.cityjson_tables import NAME, digest, tables_object
from cimkit.io.crs import parse_crs
from cimkit.io.jsontext import collection_paused
from cimkit.model.kinds import BuildingUse, SpaceKind, Status, StoreyKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

    from cimkit.arrays import FloatArray
    from cimkit.geometry.polygons import Polygons
    from cimkit.model.community import Community

SCALE = 0.001  # [m]
_WORLD = 1e5  # [m] heights beyond are no heights
_SAID = {"name": "name", "measuredHeight": "height", "storeysAboveGround": "n_above"}  # of a building, theirs: ours
_SAID |= {"storeysBelowGround": "n_below", "yearOfConstruction": "year"}
_TYPES = {  # kind of open ground → CityJSON type; all others are LandUse
    SpaceKind.GREEN: "PlantCover",
    SpaceKind.CENTRAL_GREEN: "PlantCover",
    SpaceKind.WATER: "WaterBody",
    SpaceKind.ROAD: "Road",
    SpaceKind.FIRE_LANE: "Road",
    SpaceKind.PLAZA: "TransportSquare",
    SpaceKind.PARKING: "TransportSquare",
}
_SURFACES = ("GroundSurface", "RoofSurface", "WallSurface")


Ring = list[tuple[int, int]]  # open ring in whole millimetres, without repeats


class _Vertices:
    """Vertices in whole millimetres from the origin, each stored once."""

    def __init__(self) -> None:
        self.number: dict[tuple[int, int, int], int] = {}

    def ring(self, ring: Ring, z: float) -> list[int]:
        """Return the vertex numbers of a ring at a height [m]."""
        level, number = round(z / SCALE), self.number
        return [number.setdefault((x, y, level), len(number)) for x, y in ring]

    def surfaces(self, triangles: Sequence[FloatArray]) -> dict[str, Any]:
        """Return the geometry of triangles, without those that have shrunk to a line."""
        points = np.round(np.reshape(triangles, (-1, 3)) / SCALE).astype(np.int64).tolist()
        numbers = [self.number.setdefault((x, y, z), len(self.number)) for x, y, z in points]
        faces = [numbers[k : k + 3] for k in range(0, len(numbers), 3)]
        return {"type": "MultiSurface", "lod": "2", "boundaries": [[f] for f in faces if len(set(f)) == 3]}


class _Rings:
    """The rings of polygons in whole millimetres, made once for each row that is asked for."""

    def __init__(self, polygons: Polygons) -> None:
        self.polygons = polygons
        self.xy = np.round(polygons.xy / SCALE).astype(np.int64)
        self.made: dict[int, list[Ring]] = {}

    def of(self, row: int) -> list[Ring]:
        """Return the rings of a polygon that have an area, the outer one first; none if that has none."""
        if row not in self.made:
            ring, poly = self.polygons.ring, self.polygons.poly
            rings = [_open(self.xy[ring[r] : ring[r + 1]].tolist()) for r in range(poly[row], poly[row + 1])]
            self.made[row] = [r for r in rings if len(r) >= 3] if rings and len(rings[0]) >= 3 else []
        return self.made[row]


def _open(points: Sequence[Sequence[int]]) -> Ring:
    """Return a closed ring without its last point and without repeats in a row."""
    ring = [(x, y) for k, (x, y) in enumerate(points[:-1]) if k == 0 or [x, y] != points[k - 1]]
    return ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring


def write_cityjson(community: Community, path: str | PathLike[str]) -> None:
    """Write CityJSON 2.0 in map coordinates, to the millimetre.

    Buildings are blocks of LoD 1 (or the surfaces of LoD 2 where there are any), storeys their
    children with plates. One object without geometry holds every table, so that ``read_cityjson``
    gives the community back; other programs pass over it.

    Parameters
    ----------
    community
        What to write.
    path
        File, usually with suffix .city.json.

    Raises
    ------
    InputError
        If a column of the user's own holds what JSON cannot.
    """
    with collection_paused():
        document = cityjson_document(community)
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as handle:
        try:
            handle.writelines(_pieces(document))
        except (ValueError, TypeError) as error:
            raise InputError(f"cityjson: values must be plain numbers and text; {error}.") from error


def _pieces(document: dict[str, Any]) -> Iterator[str]:
    """Yield the text object by object: the whole of it at once would take twice the memory."""
    dump = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
    head = {k: v for k, v in document.items() if k != "CityObjects"}
    yield dump(head)[:-1] + ',"CityObjects":{'
    for k, (name, thing) in enumerate(document["CityObjects"].items()):
        yield ("," if k else "") + dump(name) + ":" + dump(thing)
    yield "}}"


def cityjson_document(community: Community) -> dict[str, Any]:
    """Return the CityJSON 2.0 document of a community."""
    vertices = _Vertices()
    objects: dict[str, Any] = {}
    names = _building_objects(community, vertices, objects)
    _storey_objects(community, vertices, objects, names)
    _space_objects(community, vertices, objects)
    origin = [round(float(v), 3) for v in community.frame.origin]
    whole = np.array(list(vertices.number), dtype=np.int64).reshape(-1, 3)
    block = tables_object(community)
    placed = whole * SCALE + np.array(origin)
    block["attributes"][NAME]["digest"] = digest({k: (v, placed) for k, v in objects.items()})
    objects[_free(NAME, objects)] = block
    return {
        "type": "CityJSON",
        "version": "2.0",
        "transform": {"scale": [SCALE] * 3, "translate": origin},
        "metadata": _metadata(community, placed),
        "CityObjects": objects,
        "vertices": whole.tolist(),
    }


def _metadata(community: Community, placed: FloatArray) -> dict[str, Any]:
    """Return title, extent and reference system."""
    metadata: dict[str, Any] = {"title": community.name} if community.name else {}
    if len(placed):
        metadata["geographicalExtent"] = [round(float(v), 3) for v in (*placed.min(axis=0), *placed.max(axis=0))]
    if community.frame.crs:
        authority = parse_crs(community.frame.crs).to_authority()
        if authority:
            metadata["referenceSystem"] = f"https://www.opengis.net/def/crs/{authority[0]}/0/{authority[1]}"
    return metadata


def _free(name: str, objects: dict[str, Any]) -> str:
    """Return a key that no object has yet."""
    key, number = name or "object", 2
    while key in objects:
        key, number = f"{name or 'object'}~{number}", number + 1
    return key


def _building_objects(community: Community, vertices: _Vertices, objects: dict[str, Any]) -> list[str]:
    """Add a Building for each row; return their keys."""
    table = community.buildings
    base, top = _levels(community)
    meshed: dict[int, list[FloatArray]] = {}
    for corners, owner in zip(community.mesh.corners, community.mesh.owner, strict=True):
        meshed.setdefault(int(owner), []).append(corners)
    uses, states = BuildingUse.codes(table.use), Status.codes(table.status)
    footprints = _Rings(table.footprint)
    names = []
    for row, name in enumerate(table.id):
        rings = footprints.of(row)
        geometry = _flat(vertices, rings, float(_usable(table.ground_z[row])), "0")
        if row in meshed:
            geometry.append(vertices.surfaces(meshed[row]))
        elif rings and top[row] - base[row] > SCALE:
            geometry.append(_block(vertices, rings, float(base[row]), float(top[row])))
        key = _free(str(name), objects)
        names.append(key)
        said = {"function": uses[row], "status": states[row], **{k: getattr(table, c)[row] for k, c in _SAID.items()}}
        objects[key] = {"type": "Building", "attributes": _known(said), "geometry": geometry}
    if -1 in meshed:  # bridges and the like
        objects[_free("other", objects)] = {"type": "OtherConstruction", "geometry": [vertices.surfaces(meshed[-1])]}
    return names


def _levels(community: Community) -> tuple[FloatArray, FloatArray]:
    """Return underside and top of the block of each building; open ground storeys are air."""
    table, storeys = community.buildings, community.storeys
    ground, height = _usable(table.ground_z), _usable(table.height)
    lowest = np.full(len(table), np.inf)
    walled = storeys.enclosed & (storeys.level > 0) & (storeys.building >= 0)
    np.minimum.at(lowest, storeys.building[walled], _usable(storeys.z[walled]))
    base = ground + np.where(np.isfinite(lowest), np.clip(lowest, 0, height), 0)
    return base, ground + height


def _usable(heights: Any) -> FloatArray:
    """Return heights with 0 for what is missing or not of this world [m]."""
    heights = np.asarray(heights, dtype=np.float64)
    return np.where(np.abs(heights) < _WORLD, heights, 0.0)


def _block(vertices: _Vertices, rings: Sequence[Ring], base: float, top: float) -> dict[str, Any]:
    """Return the Solid of an extruded outline, with ground, roof and walls named."""
    pairs = [(vertices.ring(r, base), vertices.ring(r, top)) for r in rings]
    faces = [[low[::-1] for low, _ in pairs], [high for _, high in pairs]]
    for low, high in pairs:
        following = [*range(1, len(low)), 0]
        faces += [[[low[i], low[j], high[j], high[i]]] for i, j in enumerate(following)]
    return {
        "type": "Solid",
        "lod": "1",
        "boundaries": [faces],
        "semantics": {"surfaces": [{"type": t} for t in _SURFACES], "values": [[0, 1, *([2] * (len(faces) - 2))]]},
    }


def _known(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that are not missing, as plain ones; other programs keep three decimals."""
    plain = {k: v.item() if hasattr(v, "item") else v for k, v in values.items()}
    plain = {k: round(v, 3) if isinstance(v, float) else v for k, v in plain.items()}
    return {k: v for k, v in plain.items() if v not in ("", -1) and not (isinstance(v, float) and not isfinite(v))}


def _storey_objects(community: Community, vertices: _Vertices, objects: dict[str, Any], names: Sequence[str]) -> None:
    """Add a BuildingStorey with its plate for each storey, as child of its building."""
    table, plates = community.storeys, _Rings(community.plates.outline)
    kinds = StoreyKind.codes(table.kind)
    floor = _usable(community.buildings.ground_z)[table.building] + _usable(table.z)
    for row, label in enumerate(table.names()):
        building, plate = int(table.building[row]), int(table.plate[row])
        if building < 0:
            continue
        key = _free(str(label), objects)
        attributes = {"level": table.level[row], "height": table.height[row], "floorElevation": table.z[row]}
        said = {"parents": [names[building]], "attributes": _known(attributes | {"kind": kinds[row]})}
        shape = _flat(vertices, plates.of(plate) if plate >= 0 else [], float(floor[row]))
        objects[key] = {"type": "BuildingStorey", **said, "geometry": shape}
        objects[names[building]].setdefault("children", []).append(key)


def _flat(vertices: _Vertices, rings: Sequence[Ring], z: float, lod: str = "1") -> list[dict[str, Any]]:
    """Return the one surface of an outline at a height, none if it has no area."""
    if not rings:
        return []
    return [{"type": "MultiSurface", "lod": lod, "boundaries": [[vertices.ring(r, z) for r in rings]]}]


def _space_objects(community: Community, vertices: _Vertices, objects: dict[str, Any]) -> None:
    """Add plant cover, water, roads and other land for open ground."""
    table = community.spaces
    codes, states = SpaceKind.codes(table.kind), Status.codes(table.status)
    types = {kind.code: name for kind, name in _TYPES.items()}
    outlines, z = _Rings(table.outline), _usable(table.z)
    for row in np.flatnonzero(table.storey < 0):
        flat = _flat(vertices, outlines.of(int(row)), float(z[row]))
        attributes = _known({"class": codes[row], "name": table.name[row], "status": states[row]})
        thing: dict[str, Any] = {"type": types.get(codes[row], "LandUse"), "attributes": attributes}
        objects[_free(str(table.id[row]), objects)] = thing | {"geometry": flat}
