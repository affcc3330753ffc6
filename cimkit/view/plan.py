"""Plans with a result in colour, north up, and charts of what has no place (matplotlib).

Fonts are settled here, so that Chinese text is drawn or replaced by English, never by boxes.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cimkit.arrays import one_of
from cimkit.errors import InputError
from cimkit.model.community import Community
from cimkit.model.kinds import Status
from cimkit.sim.areas import FloorAreas
from cimkit.view.layers import Layer, is_a, layer_of
from cimkit.view.lists import FONTS, INK, LANGUAGES, STATES, TEXTS, TREE, Row, bar_length, say, use_legend
from cimkit.view.svg import MOST_LABELS, crowns, ground, house_colours, paths
from cimkit.view.tables import STEP_COLOURS, far_steps

CHARTS = ("Assessment", "Satisfaction")
ADVICE = "no font with Chinese characters was found; labels are English. Install fonts-noto-cjk or set CIMKIT_FONT."
LATIN = "DejaVu Sans"  # part of matplotlib
_log = logging.getLogger("cimkit")
_warn_once = lru_cache(_log.warning)


@dataclass(frozen=True)
class Fonts:
    """What text is drawn with.

    Parameters
    ----------
    chinese
        Family with Chinese characters, empty if there is none.
    """

    chinese: str

    @property
    def rc(self) -> Any:
        """Settings for ``matplotlib.rc_context``; Latin first, so that digits and minus signs stay as usual."""
        families = [LATIN, self.chinese] if self.chinese else [LATIN]
        return {"font.family": families, "axes.unicode_minus": False, "svg.fonttype": "path"}

    def language(self, lang: str) -> str:
        """Return the language that can be drawn: English where Chinese was wanted and cannot be."""
        if lang == "en" or self.chinese:
            return lang
        _warn_once(ADVICE)
        return "en"


@contextmanager
def drawing(ax: Any, lang: str, size: tuple[float, float], **more: Any) -> Iterator[tuple[Any, str]]:
    """Draw with the fonts settled; give the axes, new ones of a size [inch] for None, and the language to write."""
    import matplotlib.pyplot as plt

    settled = fonts()
    with plt.rc_context(settled.rc):
        if ax is None:
            _, ax = plt.subplots(figsize=size, layout="constrained", **more)
        yield ax, settled.language(one_of(lang, LANGUAGES, name="lang"))


def fonts() -> Fonts:
    """Find the fonts to draw with: ``CIMKIT_FONT`` (a family or a file) first, then the usual ones.

    Fonts installed after matplotlib made its list are found too.

    Returns
    -------
    Fonts
        Without a Chinese one if there is none on this machine.
    """
    import matplotlib.pyplot as plt

    plt.draw_if_interactive()  # type: ignore[no-untyped-call]  # loads the backend: within rc_context, a notebook's would lose its settings again
    return _find(os.environ.get("CIMKIT_FONT", ""))


@lru_cache(maxsize=8)
def _find(wish: str) -> Fonts:
    """Return the fonts for a wish, empty for none."""
    from matplotlib import font_manager

    manager = font_manager.fontManager
    if wish and Path(wish).is_file():
        manager.addfont(wish)
        return Fonts(font_manager.FontProperties(fname=wish).get_name())
    wanted = (wish, *FONTS)
    if not {e.name for e in manager.ttflist} & {*wanted}:  # its stored list does not know the system's newest fonts
        for path in {*font_manager.findSystemFonts()} - {e.fname for e in manager.ttflist}:
            try:
                manager.addfont(path)
            except (OSError, RuntimeError, ValueError):  # a damaged or unusual font file is not our business
                _log.debug("font not readable: %s", path)
    listed = {e.name for e in manager.ttflist}
    return Fonts(next((name for name in wanted if name in listed), ""))


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
    community: Community, result: Any = None, *, column: str = "", ax: Any = None, lang: str = "en", labels: bool = True
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
        rows = use_legend(community) if layer is None else layer.legend()
        key(ax, rows, lang)
        words = TEXTS["plan"] if layer is None else layer.classes.title
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
    from matplotlib.path import Path as MplPath

    drawn = []
    for shape in (s for s in shapes if s is not None and not s.is_empty):
        rings = [MplPath(np.asarray(r.coords), closed=True) for r in (shape.exterior, *shape.interiors)]
        drawn.append(MplPath.make_compound_path(*rings))
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
    shapes, status = community.buildings.footprint.to_shapely(), community.buildings.status
    stands, new = status != Status.DEMOLISH, status == Status.PLANNED
    colours = np.array(house_colours(community, layer))[stands]
    patches(ax, shapes[stands], facecolors=colours, edgecolors=INK, linewidths=0.7 * fine, zorder=4)
    patches(ax, shapes[~stands], facecolors="none", edgecolors="#8d5a50", linewidths=0.8, linestyles="--", zorder=3.5)
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
    fields = [(x + k * bar / 4, bar / 4) for k in range(4)]
    ax.broken_barh(fields, (y, thick), facecolors=[INK, "white"] * 2, edgecolors=INK, linewidths=0.6, zorder=8)
    ax.text(x, y + 2 * thick, "0", fontsize=7, color=INK, zorder=8)
    ax.text(x + bar, y + 2 * thick, f"{bar} m", fontsize=7, color=INK, ha="center", zorder=8)
    turn = np.radians(community.frame.convergence)
    tip = np.array([east - 0.035 * (east - west), north - 0.03 * (north - south)])
    tail = tip - 0.06 * (north - south) * np.array([-np.sin(turn), np.cos(turn)])
    ax.annotate("", xy=tip, xytext=tail, arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.2}, zorder=8)
    ax.text(*tail, "N", fontsize=9, color=INK, ha="center", va="top", zorder=8)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_color("#c9ced3")


def plot_chart(result: Any, *, ax: Any = None, lang: str = "en") -> Any:
    """Draw an assessment or a survey as bars; return the axes."""
    with drawing(ax, lang, (8.0, 4.6)) as (ax, lang):  # noqa: PLR1704
        chinese = lang == "zh"
        frame = result.to_frame()
        title = _by_scene(ax, frame, chinese) if "state" in frame else _by_question(ax, frame, chinese)
        ax.invert_yaxis()
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(left=False)
        ax.set_title(title, fontsize=9.5, color=INK, loc="left")
        return ax


def _by_scene(ax: Any, frame: Any, chinese: bool) -> str:
    """Draw how many indicators of each scene are in each state."""
    scene, state = ("scene", "state_zh") if chinese else ("scene_en", "state")
    count = frame.groupby([scene, "state"]).size().unstack(fill_value=0).loc[frame[scene].unique()]
    left = np.zeros(len(count))
    for name in (s for s in STATES if s in count):
        label = frame.loc[frame["state"] == name, state].iloc[0]
        ax.barh(count.index, count[name], left=left, color=STATES[name], label=label, height=0.62)
        left += count[name].to_numpy()
    ax.legend(frameon=False, fontsize=8, loc="lower right")
    return "场景指标" if chinese else "Indicators of each scene by state"


def _by_question(ax: Any, frame: Any, chinese: bool) -> str:
    """Draw the score of each question with its interval."""
    names = frame["text_zh" if chinese else "text"].where(lambda t: t != "", frame["question"])
    score = frame["score"].fillna(0.0)
    ends = np.nan_to_num(np.abs(frame[["low", "high"]].to_numpy().T - score.to_numpy()))
    bars = [f"{n[:48]} ({c})" for n, c in zip(names, frame["answers"], strict=True)]
    ax.barh(bars, score, xerr=ends, color="#57809d", ecolor=INK, height=0.62)
    ax.set_xlim(0, 100)
    return "满意度得分与置信区间（答卷数）" if chinese else "Scores of 100 with their interval (answers)"


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
