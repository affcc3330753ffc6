"""Ways to see a community in 3D: our page, a window of pyvista, a picture that always works, files for others."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray, IntArray, one_of
from cimkit.errors import MissingDataError, needed
from cimkit.geometry.frame import transformer
from cimkit.geometry.triangles import Triangles, extrude
from cimkit.io.atomic import File, atomic_write, write_bytes, write_text
from cimkit.model.community import Community
from cimkit.model.kinds import BuildingUse, Status
from cimkit.view.layers import is_a
from cimkit.view.lists import LANGUAGES, USES, WALL, rgb_of
from cimkit.view.page import page, render, scene_element, template
from cimkit.view.plan import CHARTS, community_of, plot, plot_plan
from cimkit.view.scene import modes_of, scene_bytes
from cimkit.view.svg import base, plan, sheet_of
from cimkit.view.tables import judged

HOW = ("page", "window", "picture")
PROBE = "from pyvista import *; p = Plotter(off_screen=True, window_size=(8, 8)); p.add_mesh(Cube()); p.screenshot()"
EACH = 200  # buildings of a tile, about
ROUGH_M = 200.0  # geometric error of the whole when nothing of it is drawn
_UPRIGHT = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # y up, as glTF has it


@dataclass(frozen=True, repr=False)
class View3D:
    """A 3D view that is a web page of its own: turns in a notebook, live or saved, without a network.

    Parameters
    ----------
    html
        The page.
    title
        What it shows.
    """

    html: str
    title: str

    def __repr__(self) -> str:
        return f"<View3D of {self.title}: {len(self.html) / 1e6:.1f} MB; .save(path) writes it>"

    def _repr_html_(self) -> str:
        """Return the page in a frame that may run its own script only."""
        look = 'style="width:100%;height:640px;border:0" title="3D"'
        return f'<iframe sandbox="allow-scripts" srcdoc="{escape(self.html)}" {look}></iframe>'

    def save(self, path: File) -> Path:
        """Write the page to a file; return it."""
        return write_text(path, self.html)


@dataclass(frozen=True, repr=False)
class Picture:
    """A picture (PNG) that shows itself in a notebook.

    Parameters
    ----------
    png
        Its bytes.
    said
        How it was made.
    """

    png: bytes
    said: str

    def __repr__(self) -> str:
        return f"<Picture, {self.said}; .save(path) writes it>"

    def _repr_png_(self) -> bytes:
        """Return the picture."""
        return self.png

    def save(self, path: File) -> Path:
        """Write the picture; return the file."""
        return write_bytes(path, self.png)


def show(
    community: Community, *results: Any, findings: Any = None, how: str = "page", lang: str = "en"
) -> View3D | Picture | Any:
    r"""Show a community with its results in 3D.

    Parameters
    ----------
    community
        What is shown.
    results
        Results to colour by, the first one at first.
    findings
        Findings of ``check``; a click on an object shows its own.
    how
        ``page``: our viewer, live or saved in a notebook, offline; ``window``: a pyvista plotter
        to go on with; ``picture``: a still picture, drawn flat where no 3D can be drawn.
    lang
        ``en``, ``zh`` or ``zh-en``.

    Returns
    -------
    View3D or Picture or pyvista.Plotter
        Shows itself as the last line of a notebook's cell; the first two have ``save``.

    Raises
    ------
    InputError
        If ``how`` or ``lang`` is unknown.
    MissingDataError
        If a window is asked for and pyvista or what it draws with is missing.

    Examples
    --------
    >>> from cimkit.samples import slab_rows
    >>> show(slab_rows(rows=2), how="picture").png[:4]
    b'\x89PNG'
    """
    one_of(how, HOW, name="how")
    one_of(lang, LANGUAGES, name="lang")
    findings = findings or next((getattr(r, "findings", r) for r in results if is_a(r, "Findings", "Assessment")), None)
    if how == "page":
        sheet = sheet_of(community)
        scene = scene_element(scene_bytes(community, results, judged(findings)))
        flat = {"site": base(community, sheet), "drawn": plan(community, sheet), "sheet": sheet}
        body, title = render("flat.html", scene=scene, **flat), community.name or "community"
        return View3D(page(body, title, lang, style=template("flat.css"), viewer=True), title)
    lacking = _cannot_draw()
    if how == "window":
        if lacking:
            raise MissingDataError(f"show: pyvista must be able to draw; {lacking}")
        return _plotter(community, results, off_screen=False)
    if lacking:
        return _flat(plot_plan(community, results[0] if results else None, lang=lang), f"a plan: {lacking}")
    plotter, picture = _plotter(community, results, off_screen=True), BytesIO()
    plotter.screenshot(picture)
    plotter.close()
    return Picture(picture.getvalue(), "3D by pyvista")


def show_result(result: Any, community: Community | None = None, *, lang: str = "en") -> View3D | Picture | Any:
    """Show a result in 3D; one that has no place as its chart."""
    if is_a(result, *CHARTS) and not is_a(result, "Assessment"):
        return _flat(plot(result, lang=lang), "a chart")
    return show(community_of(result, community), result, lang=lang)


def _flat(ax: Any, said: str) -> Picture:
    """Return axes as a picture."""
    import matplotlib.pyplot as plt

    file = BytesIO()
    ax.figure.savefig(file, dpi=130)
    plt.close(ax.figure)
    return Picture(file.getvalue(), said)


@lru_cache(maxsize=1)
def _cannot_draw() -> str:
    """Return why pyvista cannot draw, empty if it can; tried in a process of its own, for a missing GL ends it."""
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
    try:
        done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=90, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return "a trial picture took more than 90 s."
    if done.returncode == 0:
        return ""
    if "ModuleNotFoundError" in done.stderr:
        return "pyvista is not installed; pip install 'cimkit[view]'."
    return "no OpenGL was found; install libegl1 and libgl1-mesa-dri, or libosmesa6 (Debian's names)."


def _plotter(community: Community, results: Any, *, off_screen: bool) -> Any:
    """Return a pyvista plotter of the buildings in the colours of the first result."""
    import pyvista as pv

    mesh, colours = coloured(community, results)
    faces: Any = np.arange(3 * len(mesh)).reshape(-1, 3)
    body = pv.PolyData.from_regular_faces(mesh.corners.reshape(-1, 3), faces)
    body.cell_data["colour"] = colours[mesh.owner]
    plotter = pv.Plotter(off_screen=off_screen, window_size=[1200, 800])
    plotter.background_color = pv.Color("#f4f6f7")
    plotter.add_mesh(body, scalars="colour", rgb=True, lighting=True)
    sheet = sheet_of(community)
    middle = (sheet.west + sheet.width / 2, sheet.north - sheet.height / 2, 0.0)
    foot = (*middle[:2], float(np.nanmin(mesh.corners[:, :, 2], initial=0.0)) - 0.1)
    plotter.add_mesh(pv.Plane(foot, i_size=1.2 * sheet.width, j_size=1.2 * sheet.height), color="#e9e7e1")
    far = 1.2 * max(sheet.width, sheet.height)
    plotter.camera_position = [(middle[0] - 0.5 * far, middle[1] - far, 0.8 * far), middle, (0, 0, 1)]
    plotter.add_text("N", position=(0.97, 0.95), viewport=True, font_size=12, color="#26313a")
    return plotter


def coloured(community: Community, results: Any = ()) -> tuple[Triangles, IntArray]:
    """Return the buildings as triangles, and the colour of each building, shape (b + 1, 3), the last of none."""
    solids = community.solids
    mesh = Triangles.concat([extrude(solids.outline, solids.base, solids.top, solids.owner), community.mesh])
    layers = [m.layer for m in modes_of(community, results) if not np.isnan(m.layer.buildings).all()]
    hexes = [WALL if np.isnan(v) else layers[0].classes.colour(v) for v in layers[0].buildings] if layers else []
    return mesh, rgb_of([*hexes, WALL]).astype(np.uint8)


def write_gltf(community: Community, *results: Any, path: File) -> Path:
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
    return write_bytes(path, scene.export(file_type="glb"))


def write_tiles(community: Community, *results: Any, path: File) -> Path:
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
    root.bounding_volume = parts.BoundingVolumeBox.from_mins_maxs([*low, *high])  # last: add_child widens it
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
    corners = origin[:2] + np.array([(0.0, 0.0), (100.0, 0.0), (0.0, 100.0)])
    to_earth = transformer("EPSG:4979", "EPSG:4978")
    place = np.column_stack(to_earth.transform(*community.frame.lonlat(corners).T, np.zeros(3)))
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


def add_qgis_styles(path: File, *, table: str = "buildings", column: str = "use") -> Path:
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
    uses = list(zip(BuildingUse, rgb_of(list(USES.values())).tolist(), strict=True))
    style = f"<!DOCTYPE qgis>{render('qgis.qml', column=column, uses=uses)}"
    with closing(sqlite3.connect(path)) as base, base:
        found = base.execute("SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (table,)).fetchone()
        if found is None:
            raise MissingDataError(f"QGIS style: {path} must have a layer {table!r}; got none of this name.")
        base.executescript(template("layer_styles.sql"))
        base.execute("DELETE FROM layer_styles WHERE f_table_name = ? AND styleName = 'cimkit'", (table,))
        base.execute(template("layer_style.sql"), {"table": table, "column": found[0], "style": style})
    return Path(path)
