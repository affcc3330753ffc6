"""Plans: parcels, ground, paths and buildings, with a result in colour (matplotlib)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely

from cimkit.errors import InputError
from cimkit.model.community import Community
from cimkit.model.kinds import Status
from cimkit.view.charts import CHARTS, plot_chart
from cimkit.view.colours import INK, TREE, WALL, Row, bar_length, use_colour, use_legend
from cimkit.view.fonts import drawing
from cimkit.view.layers import Layer, is_a, layer_of
from cimkit.view.svg import MOST_LABELS, crowns, ground, paths
from cimkit.view.texts import TEXTS, say


def plot(result: Any, *, community: Community | None = None, column: str = "", ax: Any = None, lang: str = "en") -> Any:
    """Draw a result or a community as a plan, north up, with scale bar, north arrow and legend.

    An assessment and a survey have no place: they are drawn as bars.

    Parameters
    ----------
    result
        Any result of a simulation, or a community.
    community
        Where it was measured, for results that do not hold it.
    column
        For ``WalkTimes`` the kind of service; for a community a number column of the buildings.
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
        If the community is needed and not given, or the result has no picture on a plan.
    """
    if isinstance(result, Community):
        return plot_plan(result, column=column, ax=ax, lang=lang)
    if is_a(result, *CHARTS):
        return plot_chart(result, ax=ax, lang=lang)
    return plot_plan(community_of(result, community), result, column=column, ax=ax, lang=lang)


def community_of(result: Any, community: Community | None = None) -> Community:
    """Return the community of a result, or the one given.

    Raises
    ------
    InputError
        If the result holds none and none is given.
    """
    holders = [result, *(getattr(result, name, None) for name in ("areas", "measurements", "findings"))]
    holders.append(getattr(holders[-1], "measurements", None))  # an assessment holds findings, they what was measured
    found = community or next((c for h in holders if (c := getattr(h, "community", None))), None)
    if not isinstance(found, Community):
        kind = type(result).__name__
        raise InputError(f"{kind}.plot: the community must be given, a {kind} does not hold it: .plot(community).")
    return found


def plot_plan(
    community: Community,
    result: Any = None,
    *,
    column: str = "",
    ax: Any = None,
    lang: str = "en",
    labels: bool = True,
) -> Any:
    """Draw a plan with matplotlib, north up, with scale bar, north arrow and legend.

    Parameters
    ----------
    community
        What is drawn.
    result
        Any result of a simulation, in classes with the limit marked.
    column
        For ``WalkTimes`` the kind of service; without a result a number column of the
        buildings such as ``n_above``.
    ax
        Axes to draw into; new ones without it.
    lang
        ``en``, ``zh`` or ``zh-en``; English where no Chinese font is found.
    labels
        Whether buildings carry their ids.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn into.

    Raises
    ------
    InputError
        If ``lang`` is unknown or the result has no picture on a plan.
    """
    layer = layer_of(community, result, column=column)
    with drawing(ax, lang, (9.0, 8.2)) as (ax, lang):  # noqa: PLR1704
        _ground(ax, community)
        if layer is not None:
            for shape, value in layer.areas:
                colour = layer.classes.colour(value)
                style = {"facecolors": (colour, layer.alpha), "edgecolors": colour, "linewidths": 0.5}
                patches(ax, shapely.get_parts(shape), zorder=4.05 if layer.inside else 2.5, **style)
        xy = community.buildings.footprint.xy
        fine = float(np.clip(600.0 / np.ptp(xy, axis=0).max(), 0.25, 1.0)) if len(xy) else 1.0
        _buildings(ax, community, layer, fine)
        if layer is not None and len(layer.strokes):
            _strokes(ax, layer, fine)
        border = {"edgecolors": "#a2483b", "linewidths": 0.9, "linestyles": (0, (8, 3, 1, 3))}
        patches(ax, community.parcels.outline.to_shapely(), facecolors="none", zorder=6, **border)
        _frame(ax, community)
        if labels:
            _labels(ax, community)
        rows = use_legend(community.buildings, community.spaces) if layer is None else layer.legend()
        key(ax, rows, lang)
        words = TEXTS["plan"] if layer is None else layer.title
        name = [community.name] if community.name and (lang != "en" or community.name.isascii()) else []
        head(ax, *name, say(lang, *words, between="\n"))
        return ax


def head(ax: Any, *lines: str) -> None:
    """Write what is drawn above the left end of a picture."""
    ax.set_title("\n".join(lines), fontsize=9.5, color=INK, loc="left", linespacing=1.4)


def key(ax: Any, rows: Iterable[Row], lang: str, *, columns: int = 5, title: str | None = None) -> None:
    """Write the colours and what they mean below a picture."""
    from matplotlib.patches import Patch

    handles = [Patch(fc=colour, ec=INK, lw=0.3, label=say(lang, english, chinese)) for colour, english, chinese in rows]
    place = {"loc": "upper left", "bbox_to_anchor": (0.0, -0.01), "alignment": "left", "borderaxespad": 0.2}
    sizes = {"fontsize": 7.5, "title_fontsize": 8, "handlelength": 1.2, "handleheight": 0.9, "columnspacing": 1.4}
    ax.legend(handles=handles, title=title, ncols=columns, frameon=False, **place, **sizes)


def patches(ax: Any, shapes: Any, **style: Any) -> None:
    """Draw polygons with their holes in one collection."""
    from matplotlib.collections import PathCollection
    from matplotlib.path import Path

    drawn = []
    for shape in shapes:
        if shape is not None and not shape.is_empty:
            rings = [shape.exterior, *shape.interiors]
            drawn.append(Path.make_compound_path(*[Path(np.asarray(r.coords), closed=True) for r in rings]))
    if drawn:
        ax.add_collection(PathCollection(drawn, transform=ax.transData, **style), autolim=True)


def _ground(ax: Any, community: Community) -> None:
    """Draw open ground, trees and paths by kind."""
    from matplotlib.collections import LineCollection

    for colour, shapes in ground(community):
        patches(ax, shapes.to_shapely(), facecolors=colour, edgecolors="none", zorder=1)
    trees = crowns(community)
    round_ = shapely.buffer(shapely.points(trees[:, :2]), trees[:, 2], quad_segs=3)
    patches(ax, round_, facecolors=TREE, edgecolors="none", alpha=0.45, zorder=2)
    for colour, width, lines in paths(community):
        courses = np.split(lines.xyz[:, :2], lines.line[1:-1])
        ax.add_collection(LineCollection(courses, colors=colour, linewidths=width * 0.7, zorder=3))


def _buildings(ax: Any, community: Community, layer: Layer | None, fine: float) -> None:
    """Draw buildings by use, or by value; those to be demolished as dashed outlines."""
    b = community.buildings
    shapes = b.footprint.to_shapely()
    if layer is None:
        colours = [use_colour(u) for u in b.use]
    elif not np.isnan(layer.buildings).all():
        colours = [layer.classes.colour(v) for v in layer.buildings]
    else:
        colours = [WALL] * len(b)
    stands = b.status != Status.DEMOLISH
    chosen = [colours[k] for k in np.flatnonzero(stands)]
    patches(ax, shapes[stands], facecolors=chosen, edgecolors=INK, linewidths=0.7 * fine, zorder=4)
    patches(ax, shapes[~stands], facecolors="none", edgecolors="#8d5a50", linewidths=0.8, linestyles="--", zorder=3.5)
    new = b.status == Status.PLANNED
    patches(ax, shapes[new], facecolors="none", edgecolors=INK, linewidths=1.5, zorder=4.1)


def _strokes(ax: Any, layer: Layer, fine: float) -> None:
    """Draw windows or points in the colours of their values."""
    from matplotlib.collections import LineCollection

    strokes, values = layer.least()
    ends, colours = strokes.reshape(-1, 2, 2), [layer.classes.colour(v) for v in values]
    if np.ptp(ends, axis=1).max() < 0.01:
        ax.scatter(ends[:, 0, 0], ends[:, 0, 1], c=colours, s=3 * fine, linewidths=0, zorder=5)
    else:
        ax.add_collection(LineCollection(list(ends), colors=colours, linewidths=2.6 * fine, capstyle="butt", zorder=5))


def _labels(ax: Any, community: Community) -> None:
    """Write the ids into the buildings they fit into, at most 300 of them."""
    b, wide = community.buildings, float(np.diff(ax.get_xlim())[0])
    room = np.sqrt(b.footprint.areas()) / (0.006 * wide)  # letters
    rows = np.flatnonzero((b.status != Status.DEMOLISH) & (room > [len(str(v)) for v in b.id]))
    rows = rows if len(rows) <= MOST_LABELS else rows[:0]
    for row, (x, y) in zip(rows, b.footprint.take(rows).inner_points(), strict=True):
        ax.text(x, y, str(b.id[row]), fontsize=6, color=INK, ha="center", va="center", zorder=7, parse_math=False)


def _frame(ax: Any, community: Community) -> None:
    """Set equal axes around what is drawn; add scale bar and north arrow, take away the ticks."""
    ax.set_aspect("equal")
    ax.autoscale_view()
    west, east = ax.get_xlim()
    south, north = ax.get_ylim()
    if ax.get_autoscaley_on():  # room for scale bar and north arrow
        south, east = south - 0.05 * (north - south), east + 0.07 * (east - west)
        ax.set(xlim=(west, east), ylim=(south, north))
    bar = bar_length(east - west)
    x, y, thick = west + 0.03 * (east - west), south + 0.03 * (north - south), 0.006 * (north - south)
    for k in range(4):
        face = INK if k % 2 == 0 else "white"
        ax.fill_between([x + k * bar / 4, x + (k + 1) * bar / 4], y, y + thick, fc=face, ec=INK, lw=0.6, zorder=8)
    ax.text(x, y + 2 * thick, "0", fontsize=7, color=INK, zorder=8)
    ax.text(x + bar, y + 2 * thick, f"{bar} m", fontsize=7, color=INK, ha="center", zorder=8)
    turn = np.radians(community.frame.convergence)
    tip = np.array([east - 0.035 * (east - west), north - 0.03 * (north - south)])
    tail = tip - 0.06 * (north - south) * np.array([-np.sin(turn), np.cos(turn)])
    ax.annotate("", xy=tip, xytext=tail, arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.2}, zorder=8)
    ax.text(*tail, "N", fontsize=9, color=INK, ha="center", va="top", zorder=8)
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ax.spines.values():
        side.set_color("#c9ced3")
