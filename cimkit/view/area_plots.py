"""Pictures of the ledgers: a building storey by storey, the way to the counted area, public space on the plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray, IntArray, one_of
from cimkit.sim.area_rules import item_shapes
from cimkit.sim.areas import LEDGERS, FloorAreas
from cimkit.view.colours import COUNTED, INK
from cimkit.view.fonts import drawing
from cimkit.view.plan import head, key, patches, plot_plan
from cimkit.view.tables import STEP_COLOURS, far_steps
from cimkit.view.texts import say

FREE, GRANTED, COUNTS, OPEN, CLOSED = "#3a7f8f", "#7fb36b", "#b5402f", "#bcd8a4", "#c9ced3"


def plot_storeys(areas: FloorAreas, building: str, *, exploded: bool = False, ax: Any = None, lang: str = "en") -> Any:
    """Draw a building storey by storey, coloured by the share of each part that counts for FAR.

    Parameters
    ----------
    areas
        Ledgers from ``floor_areas``.
    building
        Its id.
    exploded
        Draws the floors one above the other as seen from the south-west, instead of a section.
    ax
        Axes to draw into; new ones without it.
    lang
        ``en``, ``zh`` or ``zh-en``; English where no Chinese font is found.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn into.

    Raises
    ------
    InputError
        If there is no such building.
    """
    c, items = areas.community, areas.items
    row = list(c.buildings.id).index(one_of(building, tuple(c.buildings.id), name="building"))
    own = np.flatnonzero((items["building"] == row) & (items["storey"] >= 0) & ~items["is_cap"] & (areas.area > 0))
    own = own[np.argsort(c.storeys.z[items["storey"][own]], kind="stable")]
    factor = areas.factor[own, LEDGERS.index("far_area")]
    shapes = _outlines(areas, own)
    storey = items["storey"][own]
    z, height = c.storeys.z[storey], c.storeys.height[storey]
    tall = np.ptp(np.append(z + height, z))
    with drawing(ax, lang, (7.0, max(4.0, min(14.0, 0.16 * tall)))) as (ax, lang):  # noqa: PLR1704
        drawn = _axonometric(shapes, z) if exploded else _cuts(shapes, z, height)
        colours = [COUNTED.colour(f) for f in factor]
        patches(ax, drawn, facecolors=colours, edgecolors=INK, linewidths=0.5, zorder=2)
        right = max(s.bounds[2] for s in drawn)
        built, counted = areas.of_storeys(), areas.of_storeys("far_area")
        for s in np.unique(storey):
            middle = drawn[np.flatnonzero(storey == s)[0]].centroid.y
            text = f"{c.storeys.names()[s].split('/')[-1]}  {built[s]:,.1f} → {counted[s]:,.1f} m²"
            ax.text(right + 1.0, middle, text, fontsize=6.5, color=INK, va="center", parse_math=False)
        if not exploded:
            ax.axhline(0.0, color=INK, lw=1.2)
        ax.autoscale_view()
        ax.set_aspect("equal")
        ax.axis("off")
        key(ax, COUNTED.legend(), lang, title=say(lang, COUNTED.english, COUNTED.chinese))
        head(ax, f"{building} · {areas.method.name}, {areas.method.local.name}")
        return ax


def _outlines(areas: FloorAreas, rows: IntArray) -> Any:
    """Return the outline of each item, that of a storey without the openings and spaces in it."""
    shapes = item_shapes(areas.community, areas.items, rows)
    space, void, storey = (areas.items[k][rows] for k in ("space", "void", "storey"))
    parts = (space >= 0) | (void >= 0)
    for k in np.flatnonzero(~parts):
        rest = shapely.difference(shapes[k], shapely.union_all(shapes[parts & (storey == storey[k])]))
        shapes[k] = max(shapely.get_parts(rest), key=lambda p: p.area, default=shapely.Polygon())
    return shapes


def _cuts(shapes: Any, z: FloatArray, height: FloatArray) -> Any:
    """Return the side view of each shape: along the building's long side, floor to ceiling; small parts last."""
    whole = shapely.minimum_rotated_rectangle(shapely.union_all(shapes))
    sides = np.diff(shapely.get_coordinates(whole)[:3], axis=0)
    axis = max(sides, key=np.linalg.norm)
    axis = axis / np.linalg.norm(axis)
    along = [shapely.get_coordinates(s) @ axis for s in shapes]
    ends = np.array([(a.min(), a.max()) for a in along]) - min(a.min() for a in along)
    return shapely.box(ends[:, 0], z, ends[:, 1], z + height)


def _axonometric(shapes: Any, z: FloatArray) -> Any:
    """Return each shape laid flat as seen from the south-west, storeys drawn apart."""
    levels = np.unique(z)
    step = 0.45 * max(s.bounds[3] - s.bounds[1] for s in shapes) + 3.0
    rise = step * np.searchsorted(levels, z)
    view = np.array([[0.87, 0.25], [-0.5, 0.43]])
    return [shapely.transform(s, lambda xy, r=r: xy @ view + (0.0, r)) for s, r in zip(shapes, rise, strict=True)]


def plot_waterfall(areas: FloorAreas, *, ax: Any = None, lang: str = "en") -> Any:
    """Draw the steps from the building area to the area counted for FAR.

    Parameters
    ----------
    areas
        Ledgers from ``floor_areas``.
    ax
        Axes to draw into; new ones without it.
    lang
        ``en``, ``zh`` or ``zh-en``; English where no Chinese font is found.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn into.
    """
    with drawing(ax, lang, (8.0, 4.2)) as (ax, lang):  # noqa: PLR1704
        steps = far_steps(areas)
        for k, s in enumerate(steps):
            ax.bar(k, abs(s.value), bottom=s.low, width=0.62, color=STEP_COLOURS[s.kind], zorder=2)
            if k < len(steps) - 1:
                ax.plot([k + 0.31, k + 0.69], [s.start + s.value] * 2, color=INK, lw=0.6, ls=":")
            said = f"{s.value:+,.0f}" if s.start else f"{s.value:,.0f}"
            ax.text(k, s.low + abs(s.value), said, ha="center", va="bottom", fontsize=8)
        ax.set_xticks(range(len(steps)), [say(lang, s.english, s.chinese) for s in steps], fontsize=8)
        ax.set_ylabel("m²")
        ax.yaxis.set_major_formatter("{x:,.0f}")
        ax.grid(axis="y", color="#e3e6e8", lw=0.6, zorder=0)
        ax.spines[["top", "right"]].set_visible(False)
        head(ax, f"{areas.method.name}, {areas.method.local.name}")
        return ax


def plot_public_space(areas: FloorAreas, *, ax: Any = None, lang: str = "en") -> Any:
    """Draw public space on the plan: what is free of FAR, what failed to be, open ground open to all or not.

    Parameters
    ----------
    areas
        Ledgers from ``floor_areas``.
    ax
        Axes to draw into; new ones without it.
    lang
        ``en``, ``zh`` or ``zh-en``; English where no Chinese font is found.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn into.
    """
    c, items = areas.community, areas.items
    shapes, exempt = c.spaces.outline.to_shapely(), items["exempt"]
    public = areas.factor[:, LEDGERS.index("public_space")] > 0
    here = (items["space"] >= 0) & ((items["dwelling"] < 0) | (exempt == 1))
    ground, granted, freed = here & items["is_ground"] & (exempt < 0), exempt == 1, areas.by_item()["exempt_m2"]
    groups = (
        (OPEN, ground & public, areas.area, ("open ground, open to all", "公共开放场地")),
        (CLOSED, ground & ~public, areas.area, ("open ground, not open to all", "非公共场地")),
        (GRANTED, here & granted & (freed == 0), areas.area, ("passed, no floor area", "认定的公共空间，无建筑面积")),
        (FREE, here & granted & (freed > 0), freed, ("exempt public space", "公共空间不计容")),
        (COUNTS, here & (exempt == 0), areas.area, ("exemption not granted", "未获豁免，计容")),
    )
    with drawing(ax, lang, (9.0, 8.2)) as (ax, lang):  # noqa: PLR1704
        plot_plan(c, ax=ax, lang=lang, labels=False)
        told = []
        for colour, rows, amount, (english, chinese) in groups:
            own = np.unique(items["space"][rows])
            patches(ax, shapes[own], facecolors=colour, edgecolors=INK, linewidths=0.4, alpha=0.9, zorder=6)
            area = f": {amount[rows].sum():,.0f} m²"
            told.append((colour, english + area, chinese + area))
        key(ax, told, lang, columns=2)
        head(ax, f"{say(lang, 'Public space', '公共空间')} · {areas.method.local.name}")
        return ax
