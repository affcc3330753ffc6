"""CityJSON 2.0 written: buildings as blocks or surfaces, storeys with their plates, open ground, and every table."""

import functools
import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray
from cimkit.errors import InputError
from cimkit.geometry.polygons import Polygons
from cimkit.io.atomic import File, write_text
from cimkit.io.cimfile import to_text
from cimkit.io.cityjson import GROUP, OWN, digest, thing_of
from cimkit.io.crs import parse_crs
from cimkit.model.community import Community
from cimkit.model.kinds import BuildingUse, SpaceKind, Status, StoreyKind

SCALE = 0.001  # [m]
_WORLD = 1e5  # [m] heights beyond are no heights
_SAID = {"name": "name", "measuredHeight": "height", "storeysAboveGround": "n_above"}  # of a building, theirs: ours
_SAID |= {"storeysBelowGround": "n_below", "yearOfConstruction": "year"}
_TYPES = {"green": "PlantCover", "central_green": "PlantCover", "water": "WaterBody", "road": "Road"}
_TYPES |= {"fire_lane": "Road", "plaza": "TransportSquare", "parking": "TransportSquare"}  # all others are LandUse
_SURFACES = ("GroundSurface", "RoofSurface", "WallSurface")

Ring = list[tuple[int, int]]  # open ring in whole millimetres, without repeats
Rings = list[Ring]  # of a polygon, the outer one first


def write_cityjson(community: Community, path: File) -> None:
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
    document = cityjson_document(community)
    try:
        write_text(path, json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
    except (ValueError, TypeError) as error:
        raise InputError(f"cityjson: values must be plain numbers and text; {error}.") from error


def cityjson_document(community: Community) -> dict[str, Any]:
    """Return the CityJSON 2.0 document of a community."""
    city = _City()
    _add_storeys(city, community, _add_buildings(city, community))
    _add_spaces(city, community)
    origin = [round(float(v), 3) for v in community.frame.origin]
    whole = np.array(list(city.number), dtype=np.int64).reshape(-1, 3)
    placed = whole * SCALE + np.array(origin)
    said = digest({k: thing_of(v, placed, k) for k, v in city.objects.items()})
    own = {"digest": said, "cimz": to_text(community, community.tables)}
    city.add(OWN, {"type": GROUP, "children": [], "attributes": {OWN: own}})
    metadata: dict[str, Any] = {"title": community.name} if community.name else {}
    if len(placed):
        metadata["geographicalExtent"] = [round(float(v), 3) for v in (*placed.min(axis=0), *placed.max(axis=0))]
    if authority := parse_crs(community.frame.crs).to_authority() if community.frame.crs else None:
        metadata["referenceSystem"] = f"https://www.opengis.net/def/crs/{authority[0]}/0/{authority[1]}"
    head = {"type": "CityJSON", "version": "2.0", "transform": {"scale": [SCALE] * 3, "translate": origin}}
    return head | {"metadata": metadata, "CityObjects": city.objects, "vertices": whole.tolist()}


class _City:
    """Objects by their ids, and vertices in whole millimetres from the origin, each stored once."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self.number: dict[tuple[int, int, int], int] = {}

    def add(self, name: str, thing: dict[str, Any]) -> str:
        """Add an object under a key that no other has yet, and return that."""
        key, number = name or "object", 2
        while key in self.objects:
            key, number = f"{name or 'object'}~{number}", number + 1
        self.objects[key] = thing
        return key

    def ring(self, ring: Ring, z: float) -> list[int]:
        """Return the vertex numbers of a ring at a height [m]."""
        level, number = round(z / SCALE), self.number
        return [number.setdefault((x, y, level), len(number)) for x, y in ring]

    def triangles(self, triangles: Sequence[FloatArray]) -> dict[str, Any]:
        """Return the geometry of triangles, without those that have shrunk to a line."""
        points = np.round(np.reshape(triangles, (-1, 3)) / SCALE).astype(np.int64).tolist()
        numbers = [self.number.setdefault((x, y, z), len(self.number)) for x, y, z in points]
        faces = [numbers[k : k + 3] for k in range(0, len(numbers), 3)]
        return {"type": "MultiSurface", "lod": "2", "boundaries": [[f] for f in faces if len(set(f)) == 3]}

    def flat(self, rings: Rings, z: float, lod: str = "1") -> list[dict[str, Any]]:
        """Return the one surface of an outline at a height, none if it has no area."""
        return [{"type": "MultiSurface", "lod": lod, "boundaries": [[self.ring(r, z) for r in rings]]}] if rings else []

    def block(self, rings: Rings, base: float, top: float) -> dict[str, Any]:
        """Return the Solid of an extruded outline, with ground, roof and walls named."""
        pairs = [(self.ring(r, base), self.ring(r, top)) for r in rings]
        faces = [[low[::-1] for low, _ in pairs], [high for _, high in pairs]]
        for low, high in pairs:
            faces += [[list(q)] for q in zip(low, low[1:] + low[:1], high[1:] + high[:1], high, strict=True)]
        semantics = {"surfaces": [{"type": t} for t in _SURFACES], "values": [[0, 1, *([2] * (len(faces) - 2))]]}
        return {"type": "Solid", "lod": "1", "boundaries": [faces], "semantics": semantics}


def _rings_of(polygons: Polygons) -> Callable[[int], Rings]:
    """Return what gives the rings with an area of a row, none if the outer one has none; made once for each row."""
    whole = np.round(polygons.xy / SCALE).astype(np.int64)

    @functools.cache
    def rings(row: int) -> Rings:
        bounds = polygons.ring[polygons.poly[row] : polygons.poly[row + 1] + 1].tolist()
        found = [_open(whole[first:last].tolist()) for first, last in itertools.pairwise(bounds)]
        return [r for r in found if len(r) >= 3] if found and len(found[0]) >= 3 else []

    return rings


def _open(points: Sequence[Sequence[int]]) -> Ring:
    """Return a closed ring without its last point and without repeats in a row."""
    ring = [(x, y) for k, (x, y) in enumerate(points[:-1]) if k == 0 or [x, y] != points[k - 1]]
    return ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring


def _add_buildings(city: _City, community: Community) -> list[str]:
    """Add a Building for each row; return their keys."""
    table = community.buildings
    base, top = _levels(community)
    meshed: dict[int, list[FloatArray]] = defaultdict(list)
    for corners, owner in zip(community.mesh.corners, community.mesh.owner.tolist(), strict=True):
        meshed[owner].append(corners)
    uses, states, ground = BuildingUse.codes(table.use), Status.codes(table.status), _usable(table.ground_z)
    rings_of, keys = _rings_of(table.footprint), []
    for row, name in enumerate(table.id):
        rings = rings_of(row)
        geometry = city.flat(rings, float(ground[row]), "0")
        if row in meshed:
            geometry.append(city.triangles(meshed[row]))
        elif rings and top[row] - base[row] > SCALE:
            geometry.append(city.block(rings, float(base[row]), float(top[row])))
        said = {"function": uses[row], "status": states[row], **{k: getattr(table, c)[row] for k, c in _SAID.items()}}
        keys.append(city.add(str(name), {"type": "Building", "attributes": _known(said), "geometry": geometry}))
    if -1 in meshed:  # bridges and the like
        city.add("other", {"type": "OtherConstruction", "geometry": [city.triangles(meshed[-1])]})
    return keys


def _levels(community: Community) -> tuple[FloatArray, FloatArray]:
    """Return underside and top of the block of each building; open ground storeys are air."""
    table, storeys = community.buildings, community.storeys
    ground, height = _usable(table.ground_z), _usable(table.height)
    lowest = np.full(len(table), np.inf)
    walled = storeys.enclosed & (storeys.level > 0) & (storeys.building >= 0)
    np.minimum.at(lowest, storeys.building[walled], _usable(storeys.z[walled]))
    return ground + np.where(np.isfinite(lowest), np.clip(lowest, 0, height), 0), ground + height


def _usable(heights: Any) -> FloatArray:
    """Return heights with 0 for what is missing or not of this world [m]."""
    heights = np.asarray(heights, dtype=np.float64)
    return np.where(np.abs(heights) < _WORLD, heights, 0.0)


def _known(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that are not missing, as plain ones; other programs keep three decimals."""
    plain = {k: v.item() if hasattr(v, "item") else v for k, v in values.items()}
    plain = {k: round(v, 3) if isinstance(v, float) else v for k, v in plain.items()}
    return {k: v for k, v in plain.items() if v not in ("", -1) and not (isinstance(v, float) and not isfinite(v))}


def _add_storeys(city: _City, community: Community, buildings: Sequence[str]) -> None:
    """Add a BuildingStorey with its plate for each storey, as child of its building."""
    table, rings_of = community.storeys, _rings_of(community.plates.outline)
    kinds = StoreyKind.codes(table.kind)
    floor = _usable(community.buildings.ground_z)[table.building] + _usable(table.z)
    for row, label in enumerate(table.names()):
        parent, plate = int(table.building[row]), int(table.plate[row])
        if parent < 0:
            continue
        said = {"level": table.level[row], "height": table.height[row], "floorElevation": table.z[row]}
        shape = city.flat(rings_of(plate) if plate >= 0 else [], float(floor[row]))
        said = {"parents": [buildings[parent]], "attributes": _known(said | {"kind": kinds[row]})}
        key = city.add(str(label), {"type": "BuildingStorey", **said, "geometry": shape})
        city.objects[buildings[parent]].setdefault("children", []).append(key)


def _add_spaces(city: _City, community: Community) -> None:
    """Add plant cover, water, roads and other land for open ground."""
    table = community.spaces
    codes, states = SpaceKind.codes(table.kind), Status.codes(table.status)
    rings_of, z = _rings_of(table.outline), _usable(table.z)
    for row in np.flatnonzero(table.storey < 0).tolist():
        flat = city.flat(rings_of(row), float(z[row]))
        said = _known({"class": codes[row], "name": table.name[row], "status": states[row]})
        city.add(str(table.id[row]), {"type": _TYPES.get(codes[row], "LandUse"), "attributes": said, "geometry": flat})
