"""Figures for papers and boards (matplotlib): storeys, public space, sun paths, shadow range, solar envelope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray, IntArray, one_of
from cimkit.geometry.directions import direction_of
from cimkit.geometry.ragged import positions
from cimkit.kernels.bvh import any_hits
from cimkit.model.community import Community
from cimkit.sim.area_rules import item_shapes
from cimkit.sim.areas import LEDGERS, FloorAreas
from cimkit.sim.envelope import SolarEnvelope
from cimkit.sim.receptors import Receptors, window_receptors
from cimkit.sim.sunlit import shadows
from cimkit.sim.sunpath import SunDay
from cimkit.view.lists import COUNTED, INK, PUBLIC_SPACE, SHADOW_RANGE, TEXTS, chinese, say
from cimkit.view.plan import drawing, head, key, patches, plot, plot_plan

_GREAT_COLD, _WINTER = -20.116, -23.44
_PATHS = {23.44: ("summer solstice", "夏至"), 0.0: ("equinox", "春秋分")}
_PATHS |= {_GREAT_COLD: ("Great Cold", "大寒"), _WINTER: ("winter solstice", "冬至")}
_PIECE = 6.0  # [m] walls are drawn in pieces, or the far ones cover the near
_LIGHT = np.array([-0.7, 0.4, 0.5])
_NEIGHBOUR, _BINDING = "#e3e0da", "#c0281c"


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
    factor, storey = areas.factor[own, LEDGERS.index("far_area")], items["storey"][own]
    shapes = _outlines(areas, own)
    z, height = c.storeys.z[storey], c.storeys.height[storey]
    tall = np.ptp(np.append(z + height, z))
    with drawing(ax, lang, (7.0, max(4.0, min(14.0, 0.16 * tall)))) as (ax, lang):  # noqa: PLR1704
        drawn = _axonometric(shapes, z) if exploded else _cuts(shapes, z, height)
        patches(ax, drawn, facecolors=[COUNTED.colour(f) for f in factor], edgecolors=INK, linewidths=0.5, zorder=2)
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
        key(ax, COUNTED.legend(), lang, title=say(lang, *COUNTED.title))
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
    axis = max(np.diff(shapely.get_coordinates(whole)[:3], axis=0), key=np.linalg.norm)
    axis = axis / np.linalg.norm(axis)
    along = [shapely.get_coordinates(s) @ axis for s in shapes]
    ends = np.array([(a.min(), a.max()) for a in along]) - min(a.min() for a in along)
    return shapely.box(ends[:, 0], z, ends[:, 1], z + height)


def _axonometric(shapes: Any, z: FloatArray) -> Any:
    """Return each shape laid flat as seen from the south-west, storeys drawn apart."""
    step = 0.45 * max(s.bounds[3] - s.bounds[1] for s in shapes) + 3.0
    rise = step * np.searchsorted(np.unique(z), z)
    view = np.array([[0.87, 0.25], [-0.5, 0.43]])
    return [shapely.transform(s, lambda xy, r=r: xy @ view + (0.0, r)) for s, r in zip(shapes, rise, strict=True)]


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
    passed, amount = here & granted, np.where(freed > 0, freed, areas.area)
    groups = ground & public, ground & ~public, passed & (freed == 0), passed & (freed > 0), here & (exempt == 0)
    with drawing(ax, lang, (9.0, 8.2)) as (ax, lang):  # noqa: PLR1704
        plot_plan(c, ax=ax, lang=lang, labels=False)
        told = []
        for rows, (colour, english, chinese) in zip(groups, PUBLIC_SPACE, strict=True):
            own = np.unique(items["space"][rows])
            patches(ax, shapes[own], facecolors=colour, edgecolors=INK, linewidths=0.4, alpha=0.9, zorder=6)
            area = f": {amount[rows].sum():,.0f} m²"
            told.append((colour, english + area, chinese + area))
        key(ax, told, lang, columns=2)
        head(ax, f"{say(lang, 'Public space', '公共空间')} · {areas.method.local.name}")
        return ax


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
    azimuth, elevation = np.meshgrid(np.arange(0.0, 360.0 + step, step), np.arange(0.0, 90.0 + step, step).clip(0, 90))
    away = direction_of(azimuth.ravel() - community.frame.convergence, elevation.ravel())  # on the map
    hidden = any_hits(community.scene.bvh, receptors.middles()[[row]], np.ascontiguousarray(away))[0]
    behind = away @ receptors.normals[row] <= 0
    mask = np.where(behind, 2.0, np.where(hidden, 1.0, np.nan)).reshape(azimuth.shape)
    with drawing(ax, lang, (6.4, 6.8), subplot_kw={"projection": "polar"}) as (ax, lang):  # noqa: PLR1704
        ax.set(theta_zero_location="N", theta_direction=-1)
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
        ax.set_xticks(np.radians([0, 90, 180, 270]), "NESW" if lang == "en" else "北东南西")
        ax.grid(color="#c9ced3", lw=0.5)
        title = say(lang, "Sun paths and what hides the sky from", "太阳轨迹与遮挡：")
        ax.set_title(f"{title} {receptors.ids[row]}\n{say(lang, *TEXTS['sun_path'])}", fontsize=9, color=INK)
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
    cast, xy = shadows(community, sun_day, hours=hours), community.buildings.footprint.xy
    west, south, east, north = cast.union().bounds or (*xy.min(axis=0), *xy.max(axis=0))
    low, high = np.minimum(xy.min(axis=0), (west, south)) - 10.0, np.maximum(xy.max(axis=0), (east, north)) + 10.0
    (wide, deep), margin = (high - low) / scale / 0.0254, 0.6  # inches on paper
    width, height = max(wide + 2 * margin, 6.0), deep + 2 * margin + 1.7
    with drawing(None, lang, (width, height)) as (ax, lang):  # noqa: PLR1704
        ax.figure.set_layout_engine("none")
        ax.set_position((margin / width, (margin + 1.4) / height, wide / width, deep / height))
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        plot(cast, ax=ax, lang=lang)
        ax.get_legend().remove()
        place, name = community.require_location(), sun_day.name if lang == "en" else chinese(sun_day.name)
        project = community.name if lang != "en" or community.name.isascii() else "–"
        band, where = "{:g}–{:g} h".format(*sun_day.band), f"{place.latitude:.3f}° N, {place.longitude:.3f}° E"
        told = [project, f"{name}, {band}", say(lang, "true solar time", "真太阳时"), where]
        told += [", ".join(sun_day.times(cast.hours)), say(lang, "level ground", "水平地面 ±0"), f"1:{scale}", "cimkit"]
        for k, (title, text) in enumerate(zip(SHADOW_RANGE, told, strict=True)):
            x, y = margin / width + (k % 2) * 0.5, (1.3 - 0.3 * (k // 2)) / height
            ax.figure.text(x, y, f"{say(lang, *title)}: {text}", fontsize=8, color=INK)
        return ax


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
        start, end, normal, own = part.outline.walls()
        pieces = np.ceil((part.top - part.base) / _PIECE).astype(np.int64)[own]
        step = ((part.top - part.base)[own] / pieces).repeat(pieces)
        low = part.base[own].repeat(pieces) + step * positions(pieces)
        start, end, normal = (v.repeat(pieces, axis=0) for v in (start, end, normal))
        own, high = own.repeat(pieces), low + step
        roofs = shapely.force_3d(shapely.get_exterior_ring(part.outline.to_shapely()), part.top)
        walls = [np.column_stack([p, z]) for p, z in ((start, low), (end, low), (end, high), (start, high))]
        faces = [*np.stack(walls, axis=1), *(shapely.get_coordinates(roof, include_z=True) for roof in roofs)]
        owner = np.concatenate([own, np.arange(len(part))])
        up = np.concatenate([np.column_stack([normal, np.zeros(len(own))]), np.tile([0.0, 0.0, 1.0], (len(part), 1))])
        shade = 0.72 + 0.28 * np.clip(up @ (_LIGHT / np.linalg.norm(_LIGHT)), -0.5, 1.0)
        ramp = ListedColormap(plt.get_cmap("YlGnBu")(np.linspace(0.15, 0.9, 64)))
        scale = Normalize(0.0, max(1.0, float(envelope.storeys.max(initial=1))))
        rgb = np.where(new[:, None], ramp(scale(storeys))[:, :3], np.array(to_rgb(_NEIGHBOUR)))
        colours = np.clip(rgb[owner] * shade[:, None], 0.0, 1.0)
        _frame(ax, part.outline.xy, float(part.top.max(initial=10.0)), envelope.community.frame.convergence)
        ax.add_collection3d(Poly3DCollection(faces, facecolors=colours, edgecolors="#5d666d", linewidths=0.15))
        windows = window_receptors(envelope.community)
        bound = np.isin(windows.ids.astype(str), envelope.binding_windows()["id"].astype(str))
        ax.computed_zorder = False
        ax.scatter(*windows.points[bound].T, s=14, c=_BINDING, depthshade=False, zorder=9)
        place = {"location": "right", "shrink": 0.5, "pad": 0.02, "label": say(lang, "storeys", "层数")}
        ax.figure.colorbar(ScalarMappable(scale, ramp), ax=ax, **place)
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
    about = {"r": envelope, "top": int(envelope.storeys.max(initial=0)), "bound": bound, "s": "s" * (bound != 1)}
    return say(lang, *(text.format(**about) for text in TEXTS["envelope"]), between="\n")
