"""Figures for papers and boards: sun paths over what a window sees, the shadow range at a true scale (matplotlib)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cimkit.geometry.directions import direction_of
from cimkit.kernels.bvh import any_hits
from cimkit.model.community import Community
from cimkit.sim.receptors import Receptors
from cimkit.sim.sunlit import shadows
from cimkit.sim.sunpath import SunDay
from cimkit.view.colours import INK
from cimkit.view.fonts import drawing, fonts
from cimkit.view.plan import plot
from cimkit.view.texts import DAYS, say

_GREAT_COLD, _WINTER = -20.116, -23.44
_PATHS = {23.44: ("summer solstice", "夏至"), 0.0: ("equinox", "春秋分")}
_PATHS |= {_GREAT_COLD: ("Great Cold", "大寒"), _WINTER: ("winter solstice", "冬至")}


def plot_sun_path(
    community: Community, receptors: Receptors, *, row: int = 0, step: float = 1.0, ax: Any = None, lang: str = "en"
) -> Any:
    """Draw the sun's ways over the year and what hides the sky from a window (stereographic, north up).

    Parameters
    ----------
    community
        What stands in the way.
    receptors
        Windows or points.
    row
        Which of them; of a window the middle of its sill.
    step
        Step of the mask in azimuth and elevation [°].
    ax
        Polar axes to draw into; new ones without it.
    lang
        ``en``, ``zh`` or ``zh-en``; English where no Chinese font is found.

    Returns
    -------
    matplotlib.projections.polar.PolarAxes
        The axes drawn into.
    """
    from matplotlib.colors import ListedColormap

    place = community.require_location()
    eye = receptors.points[row]
    if receptors.other_ends is not None:
        eye = (eye + receptors.other_ends[row]) / 2
    azimuth, elevation = np.meshgrid(np.arange(0.0, 360.0 + step, step), np.arange(0.0, 90.0 + step, step))
    elevation = np.minimum(elevation, 90.0)
    away = direction_of(azimuth.ravel() - community.frame.convergence, elevation.ravel())  # on the map
    hidden = any_hits(community.scene.bvh, np.ascontiguousarray(eye[None]), np.ascontiguousarray(away))[0]
    behind = away @ receptors.normals[row] <= 0
    mask = np.where(behind, 2.0, np.where(hidden, 1.0, np.nan)).reshape(azimuth.shape)
    with drawing(ax, lang, (6.4, 6.8), subplot_kw={"projection": "polar"}) as (ax, lang):  # noqa: PLR1704
        ax.set_theta_zero_location("N")
        ax.set_theta_direction(-1)
        shown = {"cmap": ListedColormap(["#8b97a1", "#d9dcdf"]), "vmin": 0.5, "vmax": 2.5, "shading": "nearest"}
        ax.pcolormesh(np.radians(azimuth), _radius(elevation), mask, **shown)
        for declination, name in _PATHS.items():
            day = SunDay(place.latitude, place.longitude, declination)
            hours = np.linspace(3.0, 21.0, 217)
            up, way = day.position(hours)
            seen = up > 0
            ax.plot(np.radians(way[seen]), _radius(up[seen]), lw=1.5, color="#c9801f")
            on = np.flatnonzero(seen & np.isclose(hours % 1, 0.0, atol=1e-6))
            ax.plot(np.radians(way[on]), _radius(up[on]), ".", ms=3.5, color="#c9801f")
            noon = float(day.position([12.0])[0][0])
            offset, side = (-2, "top") if declination == _WINTER else (10, "bottom")  # Great Cold is close above
            near = {"textcoords": "offset points", "ha": "center", "color": INK}
            ax.annotate(say(lang, *name), (np.pi, _radius(noon)), xytext=(0, offset), fontsize=7, va=side, **near)
            for k in on if declination == _GREAT_COLD else ():
                spot = np.radians(way[k]), _radius(up[k])
                ax.annotate(f"{hours[k]:.0f}", spot, xytext=(0, 3), fontsize=6.5, **near)
        ax.set_rlim(0, 1)
        ax.set_rticks(_radius(np.array([0.0, 30.0, 60.0])), ["0°", "30°", "60°"], fontsize=6.5)
        names = ("N", "E", "S", "W") if lang == "en" else ("北", "东", "南", "西")
        ax.set_xticks(np.radians([0, 90, 180, 270]), names)
        ax.grid(color="#c9ced3", lw=0.5)
        title = say(lang, "Sun paths and what hides the sky from", "太阳轨迹与遮挡：")
        said = (
            "dark: hidden · pale: behind the wall · dots: true solar hours",
            "深色：遮挡 · 浅色：墙后 · 点：真太阳时整点",
        )
        ax.set_title(f"{title} {receptors.ids[row]}\n{say(lang, *said)}", fontsize=9, color=INK)
        return ax


def _radius(elevation: Any) -> Any:
    """Return the stereographic radius of an elevation: 0 at the zenith, 1 at the horizon."""
    return np.tan(np.radians(90.0 - np.asarray(elevation)) / 2)


def plot_shadow_range(
    community: Community, sun_day: SunDay, *, hours: Sequence[float] = (), scale: int = 1000, lang: str = "en"
) -> Any:
    """Draw the shadow range of a day at a true scale, with the items a sheet of the sunlight report carries.

    Save the figure without ``bbox_inches``, or the scale is lost: ``ax.figure.savefig("range.pdf")``.

    Parameters
    ----------
    community
        What casts shadow.
    sun_day
        The sun.
    hours
        True solar hours; each full hour of the band without it [h].
    scale
        1 : scale.
    lang
        ``en``, ``zh`` or ``zh-en``; English where no Chinese font is found.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn into, on a sheet large enough.

    References
    ----------
    .. [1] Items of the sheet: Putian 2022 (莆自然资规〔2022〕3号), sunlight analysis report (mark P).
    """
    import matplotlib.pyplot as plt

    settled = fonts()
    lang = settled.language(lang)
    cast = shadows(community, sun_day, hours=hours)
    low, high = _extent(community, cast)
    wide, deep = (high - low) / scale / 0.0254  # inches on paper
    margin = 0.6
    with plt.rc_context(settled.rc):
        figure = plt.figure(figsize=(max(wide + 2 * margin, 6.0), deep + 2 * margin + 1.7))
        width, height = figure.get_size_inches()
        ax = figure.add_axes((margin / width, (margin + 1.4) / height, wide / width, deep / height))
        ax.set_xlim(low[0], high[0])
        ax.set_ylim(low[1], high[1])
        plot(cast, ax=ax, lang=lang)
        if (legend := ax.get_legend()) is not None:
            legend.remove()
        place = community.require_location()
        name = sun_day.name if lang == "en" else DAYS.get(sun_day.name, sun_day.name)
        items = [
            (say(lang, "Project", "项目"), community.name if lang != "en" or community.name.isascii() else "–"),
            (say(lang, "Day, band", "标准日、时段"), f"{name}, {sun_day.band[0]:g}–{sun_day.band[1]:g} h"),
            (say(lang, "Time", "计时"), say(lang, "true solar time", "真太阳时")),
            (say(lang, "Place", "经纬度"), f"{place.latitude:.3f}° N, {place.longitude:.3f}° E"),
            (say(lang, "Hours", "时刻"), ", ".join(sun_day.times(cast.hours))),
            (say(lang, "Plane", "计算面"), say(lang, "level ground", "水平地面 ±0")),
            (say(lang, "Scale", "比例"), f"1:{scale}"),
            (say(lang, "Software", "软件"), "cimkit"),
        ]
        for k, (title, text) in enumerate(items):
            x, y = margin / width + (k % 2) * 0.5, (1.3 - 0.3 * (k // 2)) / height
            figure.text(x, y, f"{title}: {text}", fontsize=8, color=INK)
    return ax


def _extent(community: Community, cast: Any) -> Any:
    """Return the corners of what a shadow sheet shows [m]."""
    xy = community.buildings.footprint.xy
    west, south, east, north = cast.union().bounds or (*xy.min(axis=0), *xy.max(axis=0))
    low = np.minimum(xy.min(axis=0), (west, south)) - 10.0
    return low, np.maximum(xy.max(axis=0), (east, north)) + 10.0
