"""Plans as SVG for the report: small, sharp in print, every object can be pointed at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cimkit.model.kinds import PathKind, Status
from cimkit.view.colours import GROUND, INK, OTHER_PATH, PATHS, TREE, VERDICTS, WALL, bar_length, use_colour, use_legend
from cimkit.view.html import Html, both, element

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cimkit.arrays import FloatArray
    from cimkit.geometry.polygons import Lines, Polygons
    from cimkit.model.community import Community
    from cimkit.view.colours import Row
    from cimkit.view.layers import Layer

MARGIN = 12.0  # [m] around what is drawn
MOST_TREES, MOST_STROKES = 4_000, 40_000


class Sheet(NamedTuple):
    """What part of the world is drawn; y runs down in SVG."""

    west: float
    north: float
    width: float
    height: float

    @property
    def view_box(self) -> str:
        """The ``viewBox`` of the sheet."""
        return f"0 0 {self.width:.1f} {self.height:.1f}"

    @property
    def coarse(self) -> float:
        """How much larger than on a sheet of 500 m signs must be to be seen."""
        return max(1.0, self.width / 500.0)

    def xy(self, points: FloatArray) -> FloatArray:
        """Return points (n, 2) in sheet coordinates."""
        return np.column_stack([points[:, 0] - self.west, self.north - points[:, 1]])

    def at(self, points: FloatArray) -> list[str]:
        """Return the ``transform`` that puts a sign at each point."""
        return [f"translate({x:.1f} {y:.1f}) scale({self.coarse:.3g})" for x, y in self.xy(points)]


class Mark(NamedTuple):
    """Where something is not met: place, verdict, object, tooltip, how many findings."""

    x: float
    y: float
    verdict: str
    object: str
    text: str
    number: int = 1


def sheet_of(community: Community) -> Sheet:
    """Return the sheet around parcels and buildings; without both, around everything else."""
    clouds = [community.parcels.outline.xy, community.buildings.footprint.xy]
    if not sum(len(c) for c in clouds):
        clouds = [community.path_edges.course.xyz[:, :2], community.spaces.outline.xy]
    xy = np.concatenate([*clouds, np.zeros((0, 2))])
    low, high = (xy.min(axis=0), xy.max(axis=0)) if len(xy) else (np.zeros(2), np.full(2, 100.0))
    margin = MARGIN + 0.02 * float(np.max(high - low))
    width, height = high - low + 2 * margin
    return Sheet(low[0] - margin, high[1] + margin, float(width), float(height))


def base(community: Community, sheet: Sheet) -> Html:
    """Return what lies under every plan, once: ground, trees, paths, parcels, scale bar, north arrow."""
    parts = [
        element("g", *_ground(community, sheet), id="plan-ground"),
        element("g", *_parcels(community, sheet), _scale(sheet), _north(community, sheet), id="plan-frame"),
    ]
    return element("svg", element("defs", *parts), class_="defs", aria_hidden="true", width="0", height="0")


def plan(
    community: Community, sheet: Sheet, layer: Layer | None = None, *, marks: Sequence[Mark] = (), over: Any = ""
) -> Html:
    """Return one plan: ground, buildings by use or value, strokes, marks of findings, and ``over`` on top."""
    label = layer.title[0] if layer else "Site plan"
    return element(
        "svg",
        element("use", href="#plan-ground"),
        element("g", *_houses(community, sheet, layer), class_="houses dense" if sheet.coarse > 3 else "houses"),
        *([_strokes(sheet, layer)] if layer is not None and len(layer.strokes) else []),
        element("use", href="#plan-frame"),
        element("g", *_labels(community, sheet, storeys=layer is None), class_="labels"),
        element("g", *[_mark(sheet, m) for m in marks], class_="marks"),
        over,
        class_="plan",
        viewBox=sheet.view_box,
        role="img",
        aria_label=label,
    )


def outlines(shapes: Polygons, sheet: Sheet) -> list[str]:
    """Return the ``d`` of each polygon with its holes."""
    xy = sheet.xy(shapes.xy)
    text = [f"{x:.1f} {y:.1f}" for x, y in xy]
    rings = ["M" + "L".join(text[a : b - 1]) + "Z" for a, b in zip(shapes.ring[:-1], shapes.ring[1:], strict=True)]
    return ["".join(rings[a:b]) for a, b in zip(shapes.poly[:-1], shapes.poly[1:], strict=True)]


def courses(lines: Lines, sheet: Sheet) -> list[str]:
    """Return the ``d`` of each line."""
    text = [f"{x:.1f} {y:.1f}" for x, y in sheet.xy(lines.xyz[:, :2])]
    return ["M" + "L".join(text[a:b]) for a, b in zip(lines.line[:-1], lines.line[1:], strict=True)]


def _ground(community: Community, sheet: Sheet) -> list[Html]:
    """Return open ground by kind, trees and paths."""
    spaces, parts = community.spaces, []
    for kind, colour in GROUND.items():
        rows = np.flatnonzero((spaces.kind == kind) & (spaces.storey < 0) & (spaces.status != Status.DEMOLISH))
        d = "".join(outlines(spaces.outline.take(rows), sheet))
        if d:
            parts.append(element("path", d=d, fill=colour))
    trees = community.trees
    if 0 < len(trees) <= MOST_TREES:
        radius = np.nan_to_num(trees.crown_radius, nan=1.5)
        spots = sheet.xy(np.column_stack([trees.x, trees.y]))
        rounds = [
            element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{r:.1f}")
            for (x, y), r in zip(spots, radius, strict=True)
        ]
        parts.append(element("g", *rounds, fill=TREE, opacity="0.45"))
    edges = community.path_edges
    for kind in np.unique(edges.kind):
        rows = np.flatnonzero((edges.kind == kind) & (edges.status != Status.DEMOLISH))
        colour, width = PATHS.get(PathKind(kind), OTHER_PATH)
        d = "".join(courses(edges.course.take(rows), sheet))
        if d:
            parts.append(element("path", d=d, fill="none", stroke=colour, stroke_width=width))
    return parts


def _parcels(community: Community, sheet: Sheet) -> list[Html]:
    """Return the borders of the parcels."""
    d = "".join(outlines(community.parcels.outline, sheet))
    line = {"fill": "none", "stroke": "#a2483b", "stroke_width": 0.9, "stroke_dasharray": "8 2.5 1.5 2.5"}
    return [element("path", d=d, **line)] if d else []


def _houses(community: Community, sheet: Sheet, layer: Layer | None) -> list[Html]:
    """Return the buildings with their names as tooltips; those to be demolished dashed."""
    b = community.buildings
    valued = layer is not None and not np.isnan(layer.buildings).all()
    parts = []
    for row, d in enumerate(outlines(b.footprint, sheet)):
        about = f"{b.id[row]} {b.name[row]}".strip()
        fill = use_colour(b.use[row])
        if layer is not None:
            fill = layer.classes.colour(layer.buildings[row]) if valued else WALL
            if valued and not np.isnan(layer.buildings[row]):
                about += f"\n{_value(layer.buildings[row], layer.classes.unit)}"
        state = Status(b.status[row]).code
        parts.append(
            element(
                "path",
                element("title", about),
                d=d,
                class_=f"house {state}",
                fill=fill,
                data_id=b.id[row],
                data_row=row,
            )
        )
    tiers = element("path", d="".join(outlines(_upper_plates(community), sheet)), class_="tier")
    return [*sorted(parts, key=lambda p: 'class="house demolish"' not in p), tiers]


def _upper_plates(community: Community) -> Polygons:
    """Return the outlines of upper storeys smaller than the footprint by more than 5 %: towers on podiums."""
    s, b = community.storeys, community.buildings
    rows = np.flatnonzero((s.level > 1) & (b.status[s.building] != Status.DEMOLISH))
    plates, first = np.unique(s.plate[rows], return_index=True)
    own, whole = community.plates.outline.areas()[plates], b.footprint.areas()[s.building[rows[first]]]
    return community.plates.outline.take(plates[own < 0.95 * whole])


def _value(value: float, unit: str) -> str:
    """Return a value with its unit."""
    return "∞" if np.isinf(value) else f"{value:.2f} {unit}".strip()


def _strokes(sheet: Sheet, layer: Layer) -> Html:
    """Return windows in the colours of their values, one path a class; dots where both ends are equal."""
    ends, values = (part[:MOST_STROKES] for part in layer.least())
    a, b = sheet.xy(ends[:, :2]), sheet.xy(ends[:, 2:])
    dots = float(np.abs(a - b).max()) < 0.01
    b = b + (0.01, 0.0) if dots else b
    which = layer.classes.which(values)
    parts = []
    for k, colour in enumerate(layer.classes.colours):
        rows = np.flatnonzero(which == k)
        d = "".join(f"M{a[r, 0]:.1f} {a[r, 1]:.1f}L{b[r, 0]:.1f} {b[r, 1]:.1f}" for r in rows)
        if d:
            parts.append(element("path", d=d, stroke=colour))
    cap = "round" if dots else "butt"
    return element("g", *parts, fill="none", stroke_width=f"{2 * sheet.coarse:.3g}", stroke_linecap=cap)


def _labels(community: Community, sheet: Sheet, *, storeys: bool) -> list[Html]:
    """Return the ids of the buildings, at most 300, with the number of storeys."""
    b = community.buildings
    rows = np.flatnonzero(b.status != Status.DEMOLISH)
    if len(rows) > 300:
        return []
    spots = sheet.xy(np.nan_to_num(b.footprint.take(rows).inner_points()))
    parts = []
    for r, (x, y) in zip(rows, spots, strict=True):
        text = f"{b.id[r]} {b.n_above[r]}F" if storeys and b.n_above[r] > 0 else str(b.id[r])
        if len(text) <= 12:
            parts.append(element("text", text, x=f"{x:.1f}", y=f"{y:.1f}", dy="0.35em"))
    return parts


def _mark(sheet: Sheet, mark: Mark) -> Html:
    """Return the mark of findings at one place; many findings make it larger."""
    radius = min(3.6 + 0.9 * np.log2(mark.number), 9.0)
    parts = [element("title", mark.text), element("circle", r=f"{radius:.1f}", fill=VERDICTS.get(mark.verdict, INK))]
    if mark.number > 1:
        parts.append(element("text", mark.number, dy="0.35em"))
    (place,) = sheet.at(np.array([[mark.x, mark.y]]))
    return element("g", *parts, class_="mark", data_id=mark.object, transform=place)


def places(sheet: Sheet, xy: FloatArray, names: Sequence[Any]) -> Html:
    """Return diamonds at the places of services, their names as tooltips."""
    parts = [
        element("path", element("title", name), d="M0-6l5 6l-5 6l-5-6Z", class_="place", transform=place)
        for place, name in zip(sheet.at(xy), names, strict=True)
    ]
    return element("g", *parts)


def _scale(sheet: Sheet) -> Html:
    """Return a scale bar."""
    length, size = bar_length(sheet.width), sheet.width / 60
    x, y, thick = size, sheet.height - size, size / 5
    blocks = [
        element(
            "rect", x=f"{x + k * length / 4:.1f}", y=f"{y:.1f}", width=f"{length / 4:.2f}", height=f"{thick:.1f}",
            fill=INK if k % 2 == 0 else "#fff", stroke=INK, stroke_width=f"{size / 40:.2f}",
        )
        for k in range(4)
    ]  # fmt: skip
    text = [
        element("text", f"{n} m" if n else "0", x=f"{x + n:.1f}", y=f"{y - size / 3:.1f}", font_size=f"{size:.1f}",
                text_anchor="middle" if n else "start", fill=INK)
        for n in (0, length)
    ]  # fmt: skip
    return element("g", *blocks, *text)


def _north(community: Community, sheet: Sheet) -> Html:
    """Return a north arrow; true north where the frame knows its convergence."""
    size = sheet.width / 24
    x, y = sheet.width - size, 1.25 * size
    d = f"M0 {-size:.1f}L{0.28 * size:.1f} {0.2 * size:.1f}L0 0L{-0.28 * size:.1f} {0.2 * size:.1f}Z"
    turn = f"translate({x:.1f} {y:.1f}) rotate({-community.frame.convergence:.2f})"
    letter = element("text", "N", y=f"{0.75 * size:.1f}", font_size=f"{0.5 * size:.1f}", text_anchor="middle", fill=INK)
    return element("g", element("path", d=d, fill=INK), letter, transform=turn)


def mark_legend() -> Html:
    """Return what the marks on the plan of findings mean."""
    items = [
        element("li", element("svg", element("circle", cx=6, cy=5, r=4.5, fill=VERDICTS[v])), both(english, chinese))
        for v, english, chinese in (
            ("fail", "not met, number of findings", "不符合（数字为项数）"),
            ("unknown", "left open", "待定"),
        )
    ]
    return element("ul", *items, class_="legend")


def legend(rows: Iterable[Row], *more: Html) -> Html:
    """Return colours and what they mean, with further items."""
    items = [element("li", swatch(colour), both(english, chinese)) for colour, english, chinese in rows]
    return element("ul", *items, *more, class_="legend")


def site_legend(community: Community) -> Html:
    """Return the uses, kinds of ground and states that occur."""
    b, items = community.buildings, []
    for status, css in ((Status.PLANNED, "planned"), (Status.DEMOLISH, "demolish")):
        if (b.status == status).any():
            box = element("svg", element("rect", x=1, y=1, width=12, height=8, class_=f"house {css}", fill="#fff"))
            items.append(element("li", box, both({"demolish": "to be demolished"}.get(css, css), status.zh)))
    return legend(use_legend(b, community.spaces), *items)


def swatch(colour: str) -> Html:
    """Return a small box in a colour."""
    return element("svg", element("rect", width=14, height=10, rx=1.5, fill=colour))
