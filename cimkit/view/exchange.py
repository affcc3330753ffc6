"""Pictures for other programs: glTF with attributes, styles for QGIS."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.errors import MissingDataError, needed
from cimkit.io.atomic import atomic_write
from cimkit.model.kinds import BuildingUse
from cimkit.view.colours import use_colour
from cimkit.view.html import element, join
from cimkit.view.show import coloured, linear, row_of

if TYPE_CHECKING:
    from os import PathLike

    from cimkit.model.community import Community


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
    TextureVisuals, PBRMaterial = trimesh.visual.TextureVisuals, trimesh.visual.material.PBRMaterial
    mesh, colours = coloured(community, results)
    b = community.buildings
    scene = trimesh.Scene(
        metadata={"name": community.name, "crs": community.frame.crs, "origin": list(community.frame.origin)}
    )
    for row in np.unique(mesh.owner):
        corners = mesh.corners[mesh.owner == row].reshape(-1, 3)
        faces = np.arange(len(corners)).reshape(-1, 3)
        tint = np.append(linear(colours[row]), 1.0)
        material = PBRMaterial(baseColorFactor=tint, metallicFactor=0.0, roughnessFactor=0.9)
        part = trimesh.Trimesh(corners[:, [0, 2, 1]] * (1, 1, -1), faces, process=False)
        part.visual = TextureVisuals(material=material)
        name = str(b.id[row]) if row >= 0 else "other"
        if row >= 0:
            part.metadata |= row_of(community, row)
        scene.add_geometry(part, node_name=name, geom_name=name)
    with atomic_write(path) as temporary:
        temporary.write_bytes(scene.export(file_type="glb"))
    return Path(path)


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
    categories, symbols = [], []
    for k, use in enumerate(BuildingUse):
        categories.append(element("category", symbol=k, value=use.code, label=f"{use.zh} {use.code}", render="true"))
        option = element("Option", *[
            element("Option", name=n, type="QString", value=v)
            for n, v in (("color", _rgb(use_colour(use))), ("outline_color", "38,49,58,255"), ("outline_width", "0.2"))
        ], type="Map")  # fmt: skip
        symbols.append(element("symbol", element("layer", option, class_="SimpleFill"), type="fill", name=k))
    renderer = element("renderer-v2", element("categories", *categories), element("symbols", *symbols),
                       type="categorizedSymbol", attr=column)  # fmt: skip
    qml = join(element("qgis", renderer, version="3.28", styleCategories="Symbology"))
    with sqlite3.connect(path) as base:
        found = base.execute("SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (table,)).fetchone()
        if found is None:
            raise MissingDataError(f"QGIS style: {path} must have a layer {table!r}; got none of this name.")
        base.execute(
            "CREATE TABLE IF NOT EXISTS layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "
            "f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256), "
            "styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), "
            "ui TEXT(30), update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))"
        )
        base.execute("DELETE FROM layer_styles WHERE f_table_name = ? AND styleName = 'cimkit'", (table,))
        base.execute(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, "
            "styleQML, styleSLD, useAsDefault, description, owner) VALUES ('', '', ?, ?, 'cimkit', ?, '', 1, ?, '')",
            (table, found[0], f"<!DOCTYPE qgis>{qml}", "colours of the plans"),
        )
    base.close()
    return Path(path)


def _rgb(colour: str) -> str:
    """Return a colour as QGIS writes it."""
    return ",".join(str(int(colour[k : k + 2], 16)) for k in (1, 3, 5)) + ",255"
