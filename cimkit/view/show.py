"""Three ways to see a community in 3D: our page, a window of pyvista, a picture that always works."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from cimkit.arrays import one_of
from cimkit.errors import MissingDataError
from cimkit.io.atomic import atomic_write
from cimkit.model.community import Community
from cimkit.view.charts import CHARTS
from cimkit.view.judged import judged
from cimkit.view.layers import is_a
from cimkit.view.modes import coloured
from cimkit.view.page import View3D, page, render, scene_element, template
from cimkit.view.plan import community_of, plot, plot_plan
from cimkit.view.scene import scene_bytes
from cimkit.view.svg import base, plan, sheet_of
from cimkit.view.texts import LANGUAGES

HOW = ("page", "window", "picture")
PROBE = "from pyvista import *; p = Plotter(off_screen=True, window_size=(8, 8)); p.add_mesh(Cube()); p.screenshot()"


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

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the picture; return the file."""
        with atomic_write(path) as part:
            part.write_bytes(self.png)
        return Path(path)


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
        title = community.name or "community"
        return View3D(
            page(render("flat.html", scene=scene, **flat), title, lang, style=template("flat.css"), viewer=True), title
        )
    if how == "window":
        missing = _cannot_draw()
        if missing:
            raise MissingDataError(f"show: pyvista must be able to draw; {missing}")
        return _plotter(community, results, off_screen=False)
    if not _cannot_draw():
        plotter = _plotter(community, results, off_screen=True)
        picture = BytesIO()
        plotter.screenshot(picture)
        plotter.close()
        return Picture(picture.getvalue(), "3D by pyvista")
    return _flat(plot_plan(community, results[0] if results else None, lang=lang), f"a plan: {_cannot_draw()}")


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
