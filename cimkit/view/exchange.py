"""Pictures for other programs: glTF with attributes, 3D Tiles for globes and city platforms, styles for QGIS."""

from __future__ import annotations

import sqlite3
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray, IntArray
from cimkit.errors import MissingDataError, needed
from cimkit.io.atomic import atomic_write
from cimkit.model.community import Community
from cimkit.model.kinds import BuildingUse, Status
from cimkit.view.colours import rgb_of, use_colour
from cimkit.view.modes import coloured
from cimkit.view.page import render, template

EACH = 200  # buildings of a tile, about
ROUGH_M = 200.0  # geometric error of the whole when nothing of it is drawn
_UPRIGHT = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # y up, as glTF has it


def write_gltf(community: Community, *results: Any, path: str | PathLike[str]) -> Path:
    """Write the buildings as binary glTF (``.glb``): a node a building, its row as ``extras``, y up.

    Parameters
    ----------
    community
        What is written.
    results
        The first one that colours buildings gives the colours; their use without.
    path
        File to write.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingDataError
        If trimesh is not installed.
    """
    trimesh = needed("trimesh", who="glTF", extra="view")
    mesh, colours = coloured(community, results)
    frame = community.frame
    scene = trimesh.Scene(metadata={"name": community.name, "crs": frame.crs, "origin": list(frame.origin)})
    for row in np.unique(mesh.owner):
        corners, told = mesh.corners[mesh.owner == row].reshape(-1, 3), row_of(community, row)
        part = trimesh.Trimesh(corners @ _UPRIGHT, np.arange(len(corners)).reshape(-1, 3), process=False)
        look = {"baseColorFactor": np.append(linear(colours[row]), 1.0), "metallicFactor": 0.0, "roughnessFactor": 0.9}
        part.visual = trimesh.visual.TextureVisuals(material=trimesh.visual.material.PBRMaterial(**look))
        part.metadata |= told if row >= 0 else {}
        scene.add_geometry(part, node_name=told["id"], geom_name=told["id"])
    with atomic_write(path) as temporary:
        temporary.write_bytes(scene.export(file_type="glb"))
    return Path(path)


def write_tiles(community: Community, *results: Any, path: str | PathLike[str]) -> Path:
    """Write the buildings as 3D Tiles 1.0: ``tileset.json`` and a ``.b3dm`` a square, placed on the globe.

    Parameters
    ----------
    community
        What is written; it must know where on earth it lies.
    results
        The first one that colours buildings gives the colours; their use without.
    path
        The ``tileset.json`` to write; the tiles go beside it.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingDataError
        If py3dtiles is not installed, or the community has no CRS or no building.
    """
    parts = needed("py3dtiles.tileset", who="3D Tiles", extra="tiles")
    if not community.frame.crs or not len(community.buildings):
        raise MissingDataError("3D Tiles: the community must have buildings and a CRS; name it when reading: crs=.")
    mesh, colours = coloured(community, results)
    centre = np.append(mesh.corners.mean(axis=(0, 1))[:2], 0.0)
    corners = mesh.corners - centre
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    side = max(1, round(np.sqrt(len(community.buildings) / EACH)))
    cell = np.clip(((corners[:, 0] - low)[:, :2] / (high - low)[:2] * side).astype(np.int64), 0, side - 1)
    square = np.full(len(community.buildings) + 1, -1)  # a building stays whole, in the square of its first corner
    square[mesh.owner[::-1]] = (cell[:, 0] * side + cell[:, 1])[::-1]
    target, tileset = Path(path), parts.TileSet(geometric_error=ROUGH_M)
    target.parent.mkdir(parents=True, exist_ok=True)
    root = tileset.root_tile
    root.transform, root.geometric_error = _on_earth(community, centre), ROUGH_M
    for k in np.unique(square[mesh.owner]):
        here = np.flatnonzero(square[mesh.owner] == k)
        own, name = corners[here].reshape(-1, 3), f"{target.stem}-{k}.b3dm"
        with atomic_write(target.parent / name) as part:
            _content(community, own, mesh.owner[here], colours).save_as(part)
        box = parts.BoundingVolumeBox.from_points(own)
        root.add_child(parts.Tile(geometric_error=0.0, bounding_volume=box, content_uri=name))
    whole = parts.BoundingVolumeBox.from_mins_maxs([*low, *high])
    root.bounding_volume = whole  # last: add_child widens it on the globe
    with atomic_write(target) as part:
        tileset.write_as_json(part)
    return target


def _content(community: Community, corners: FloatArray, owner: IntArray, colours: IntArray) -> Any:
    """Return triangles as a batched model: colour, normal and batch id a corner, a row of the table a building."""
    import pygltflib
    from py3dtiles.tileset.content import B3dm
    from py3dtiles.tileset.content.b3dm_feature_table import B3dmFeatureTable
    from py3dtiles.tileset.content.batch_table import BatchTable
    from py3dtiles.tileset.content.gltf_utils import GltfAttribute, GltfMesh

    rows, batch = np.unique(owner, return_inverse=True)
    upright = corners @ _UPRIGHT
    edges = np.diff(upright.reshape(-1, 3, 3), axis=1)
    normal = np.cross(edges[:, 0], edges[:, 1])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    # batch ids as floats: glTF forbids a mesh the whole numbers of 32 bits that py3dtiles writes for them
    told = (("COLOR_0", pygltflib.VEC3, linear(colours[owner])), ("_BATCHID", pygltflib.SCALAR, batch))
    more = [GltfAttribute(n, of, pygltflib.FLOAT, np.repeat(v, 3, axis=0).astype(np.float32)) for n, of, v in told]
    normals = np.repeat(normal, 3, axis=0).astype(np.float32)
    mesh = GltfMesh(upright.astype(np.float32), normals=normals, additional_attributes=more)
    table, features = BatchTable(), B3dmFeatureTable()
    lines = [row_of(community, int(row)) for row in rows]
    for name in lines[0]:
        table.add_property_as_json(name, [line[name] for line in lines])
    features.set_batch_length(len(rows))
    return B3dm.from_meshes([mesh], table, features)


def _on_earth(community: Community, origin: FloatArray) -> FloatArray:
    """Return the matrix from metres around a point to earth-centred coordinates (EPSG:4978), shape (4, 4)."""
    from pyproj import Transformer

    frame = community.frame
    to_globe = Transformer.from_crs(frame.crs, 4326, always_xy=True)
    to_earth = Transformer.from_crs(4979, 4978, always_xy=True)
    local = origin[:2] + np.array(frame.origin)[:2] + np.array([(0.0, 0.0), (100.0, 0.0), (0.0, 100.0)])
    lon, lat = to_globe.transform(local[:, 0], local[:, 1])
    place = np.column_stack(to_earth.transform(lon, lat, np.zeros(3)))
    east = (place[1] - place[0]) / np.linalg.norm(place[1] - place[0])
    up = np.cross(east, place[2] - place[0])
    up /= np.linalg.norm(up)
    matrix = np.eye(4)
    matrix[:3] = np.column_stack([east, np.cross(up, east), up, place[0]])
    return matrix


def linear(rgb: Any) -> FloatArray:
    """Return colours (0–255, sRGB) as glTF counts light, 0–1: written as they are they come out pale."""
    share = np.asarray(rgb, dtype=np.float64) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def row_of(community: Community, row: int) -> dict[str, Any]:
    """Return what other programs are told of a building, -1 for what belongs to none."""
    b = community.buildings
    if row < 0:
        return {"id": "other", "name": "", "use": "", "status": "", "storeys": 0, "height_m": None}
    use, status = BuildingUse(b.use[row]).code, Status(b.status[row]).code
    told = {"id": str(b.id[row]), "name": str(b.name[row]), "use": use, "status": status}
    return {**told, "storeys": int(b.n_above[row]), "height_m": round(float(b.height[row]), 3)}


def add_qgis_styles(path: str | PathLike[str], *, table: str = "buildings", column: str = "use") -> Path:
    """Add a default style to a layer of a GeoPackage: QGIS opens the buildings in the colours of the plans.

    Parameters
    ----------
    path
        GeoPackage as ``write`` makes it.
    table
        Layer of the buildings.
    column
        Column with the code of the use.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingDataError
        If the file has no such layer.
    """
    uses = list(zip(BuildingUse, rgb_of([use_colour(u) for u in BuildingUse]).tolist(), strict=True))
    style = f"<!DOCTYPE qgis>{render('qgis.qml', column=column, uses=uses)}"
    base = sqlite3.connect(path)
    with base:
        found = base.execute("SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (table,)).fetchone()
        if found is None:
            raise MissingDataError(f"QGIS style: {path} must have a layer {table!r}; got none of this name.")
        base.executescript(template("layer_styles.sql"))
        base.execute("DELETE FROM layer_styles WHERE f_table_name = ? AND styleName = 'cimkit'", (table,))
        base.execute(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, "
            "styleQML, styleSLD, useAsDefault, description, owner) VALUES ('', '', ?, ?, 'cimkit', ?, '', 1, ?, '')",
            (table, found[0], style, "colours of the plans"),
        )
    base.close()
    return Path(path)
