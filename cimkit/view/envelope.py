"""The solar envelope in space: the massing among its neighbours (matplotlib)."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray
from cimkit.geometry.sampling import walls_of
from cimkit.sim.envelope import SolarEnvelope
from cimkit.sim.receptors import window_receptors
from cimkit.view.colours import INK
from cimkit.view.fonts import drawing
from cimkit.view.texts import say

_PIECE = 6.0  # [m] walls are drawn in pieces, or the far ones cover the near
_LIGHT = np.array([-0.7, 0.4, 0.5])
_NEIGHBOUR, _BINDING = "#e3e0da", "#c0281c"


def plot_envelope(envelope: SolarEnvelope, *, around: float = 130.0, ax: Any = None, lang: str = "en") -> Any:
    """Draw the massing by storeys, its neighbours in grey, and the windows that bind it in red, from the north-west.

    Parameters
    ----------
    envelope
        What is drawn.
    around
        Distance to which neighbours are drawn [m].
    ax
        Axes of three dimensions to draw into; new ones without it.
    lang
        ``en``, ``zh`` or ``zh-en``; English where no Chinese font is found.

    Returns
    -------
    mpl_toolkits.mplot3d.axes3d.Axes3D
        The axes drawn into.
    """
    import matplotlib.pyplot as plt
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize, to_rgb
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    with drawing(ax, lang, (9.0, 5.6), subplot_kw={"projection": "3d"}) as (ax, lang):  # noqa: PLR1704
        solids, buildings = envelope.community.solids, envelope.community.buildings
        near = shapely.union_all(envelope.cells).buffer(around)
        part = solids.take(np.flatnonzero(shapely.intersects(solids.outline.to_shapely(), near) & (solids.owner >= 0)))
        new = np.char.startswith(buildings.id.astype(str), f"{envelope.parcel}-E")[part.owner]
        storeys = buildings.n_above[part.owner].astype(np.float64)
        start, end, normal, own = walls_of(part.outline)
        pieces = np.ceil((part.top - part.base) / _PIECE).astype(np.int64)[own]
        step = ((part.top - part.base)[own] / pieces).repeat(pieces)
        low = part.base[own].repeat(pieces) + step * np.concatenate([np.arange(n) for n in pieces])
        start, end, normal = (v.repeat(pieces, axis=0) for v in (start, end, normal))
        own, high = own.repeat(pieces), low + step
        walls = [np.column_stack([p, z]) for p, z in ((start, low), (end, low), (end, high), (start, high))]
        faces: list[FloatArray] = list(np.stack(walls, axis=1))
        rings = shapely.get_coordinates(shapely.get_exterior_ring(part.outline.to_shapely()), return_index=True)
        for k in range(len(part)):
            flat = rings[0][rings[1] == k]
            faces.append(np.column_stack([flat, np.full(len(flat), part.top[k])]))
        owner = np.concatenate([own, np.arange(len(part))])
        up = np.concatenate([np.column_stack([normal, np.zeros(len(own))]), np.tile([0.0, 0.0, 1.0], (len(part), 1))])
        shade = 0.72 + 0.28 * np.clip(up @ (_LIGHT / np.linalg.norm(_LIGHT)), -0.5, 1.0)
        ramp = ListedColormap(plt.get_cmap("YlGnBu")(np.linspace(0.15, 0.9, 64)))
        scale = Normalize(0.0, max(1.0, float(envelope.storeys.max(initial=1))))
        tint = ramp(scale(storeys))[:, :3]
        rgb = np.where(new[:, None], tint, np.array(to_rgb(_NEIGHBOUR)))
        colours = np.clip(rgb[owner] * shade[:, None], 0.0, 1.0)
        ax.add_collection3d(Poly3DCollection(faces, facecolors=colours, edgecolors="#5d666d", linewidths=0.15))
        names = set(envelope.binding_windows()["id"])
        windows = window_receptors(envelope.community)
        bound = np.array([name in names for name in windows.ids], dtype=bool)
        ax.computed_zorder = False
        ax.scatter(*windows.points[bound].T, s=14, c=_BINDING, depthshade=False, zorder=9)
        _frame(ax, part.outline.xy, float(part.top.max(initial=10.0)), envelope.community.frame.convergence)
        shades = ScalarMappable(scale, ramp)
        ax.figure.colorbar(shades, ax=ax, location="right", shrink=0.5, pad=0.02, label=say(lang, "storeys", "层数"))
        ax.set_title(_title(envelope, lang, int(bound.sum())), fontsize=9.5, color=INK)
        return ax


def _frame(ax: Any, xy: FloatArray, top: float, convergence: float) -> None:
    """Set equal scales around what is drawn, look from the north-west above, and point to true north [°]."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    turn = np.radians(convergence)
    way = 0.12 * (high - low).max() * np.array([-np.sin(turn), np.cos(turn)])
    ax.quiver(*high, 0.0, *way, 0.0, color=INK, lw=1.2, arrow_length_ratio=0.3, clip_on=False)
    ax.text(*(high + 1.3 * way), 0.0, "N", color=INK, fontsize=9, ha="center", va="center")
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(0.0, top))
    ax.set_box_aspect((*(high - low), top), zoom=1.05)
    ax.set_proj_type("ortho")
    ax.view_init(elev=38.0, azim=148.0)
    ax.set_axis_off()


def _title(envelope: SolarEnvelope, lang: str, bound: int) -> str:
    """Return parcel, floor area and what binds."""
    area, far, top = f"{envelope.floor_area:,.0f} m²", f"{envelope.far:.1f}", int(envelope.storeys.max(initial=0))
    english = f"Solar envelope of {envelope.parcel}: {area} floor area, FAR {far}, up to {top} storeys; "
    english += f"{bound} binding window{'s' * (bound != 1)} in red"
    chinese = f"{envelope.parcel} 最大包络体：建筑面积 {area}，容积率 {far}，最高 {top} 层；红点为控制窗（{bound} 扇）"
    return say(lang, english, chinese, between="\n")
