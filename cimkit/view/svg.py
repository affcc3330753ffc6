"""Plans as SVG for the report: small, sharp in print, every object can be pointed at (``templates/plan.html``)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cimkit.arrays import FloatArray
from cimkit.geometry.polygons import Lines, Polygons
from cimkit.model.community import Community
from cimkit.model.kinds import Status
from cimkit.view.layers import Layer
from cimkit.view.lists import GROUND, PATHS, USES, WALL, bar_length

MARGIN = 12.0  # [m] around what is drawn
MOST_TREES, MOST_STROKES = 4_000, 40_000
MOST_LABELS, LETTER = 300, 7.0  # height of letters [m], as in report.css


class Sheet(NamedTuple):
    """What part of the world is drawn; y runs down in SVG."""

    west: float
    north: float
    width: float
    height: float

    @property
    def coarse(self) -> float:
        """How much larger signs must be than on a sheet of 300 to 500 m: to be seen, and to leave things visible."""
        return max(min(1.0, self.width / 300.0), self.width / 500.0)

    def xy(self, points: FloatArray) -> FloatArray:
        """Return points (n, 2) in sheet coordinates."""
        return np.column_stack([points[:, 0] - self.west, self.north - points[:, 1]])

    def at(self, points: FloatArray, *, most: float = np.inf) -> list[str]:
        """Return the ``transform`` that puts a sign at each point, enlarged ``most`` times at most."""
        return [f"translate({x:.1f} {y:.1f}) scale({min(self.coarse, most):.3g})" for x, y in self.xy(points)]

    def outlines(self, shapes: Polygons) -> list[str]:
        """Return the ``d`` of each polygon with its holes."""
        text = [f"{x:.1f} {y:.1f}" for x, y in self.xy(shapes.xy)]
        rings = ["M" + "L".join(text[a : b - 1]) + "Z" for a, b in zip(shapes.ring[:-1], shapes.ring[1:], strict=True)]
        return ["".join(rings[a:b]) for a, b in zip(shapes.poly[:-1], shapes.poly[1:], strict=True)]

    def courses(self, lines: Lines) -> list[str]:
        """Return the ``d`` of each line."""
        text = [f"{x:.1f} {y:.1f}" for x, y in self.xy(lines.xyz[:, :2])]
        return ["M" + "L".join(text[a:b]) for a, b in zip(lines.line[:-1], lines.line[1:], strict=True)]


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


def ground(community: Community) -> list[tuple[str, Polygons]]:
    """Return the open ground by colour, lowest first."""
    v = community.spaces
    here = (v.storey < 0) & (v.status != Status.DEMOLISH)
    return [(colour, v.outline.take(np.flatnonzero(here & (v.kind == kind)))) for kind, colour in GROUND.items()]


def crowns(community: Community) -> FloatArray:
    """Return where trees stand and how far they reach, shape (n, 3) [m]."""
    t = community.trees
    return np.column_stack([t.x, t.y, np.nan_to_num(t.crown_radius, nan=1.5)])


def paths(community: Community) -> list[tuple[str, float, Lines]]:
    """Return the paths by kind: colour, drawn width [m], courses."""
    e = community.path_edges
    stays = e.status != Status.DEMOLISH
    return [(*PATHS[k], e.course.take(np.flatnonzero(stays & (e.kind == k)))) for k in np.unique(e.kind)]


def house_colours(community: Community, layer: Layer | None) -> list[str]:
    """Return the colour of each building: by its use, by its value, or plain where no building has one."""
    if layer is None:
        return [USES[u] for u in community.buildings.use]
    plain = [WALL] * len(community.buildings)
    return plain if np.isnan(layer.buildings).all() else [layer.classes.colour(v) for v in layer.buildings]


def base(community: Community, sheet: Sheet) -> dict[str, Any]:
    """Return what lies under every plan, drawn once: ground, trees, paths, parcels; for the template."""
    trees = crowns(community)
    courses = [(colour, width, "".join(sheet.courses(lines))) for colour, width, lines in paths(community)]
    areas = [(colour, "".join(sheet.outlines(shapes))) for colour, shapes in ground(community)]
    signs = np.column_stack([sheet.xy(trees), trees[:, 2]]).tolist() if len(trees) <= MOST_TREES else []
    about = {"parcels": "".join(sheet.outlines(community.parcels.outline)), "north": community.frame.convergence}
    return {"ground": areas, "trees": signs, "paths": courses, "bar": bar_length(sheet.width), **about}


def plan(
    community: Community, sheet: Sheet, layer: Layer | None = None, *, marks: Sequence[Any] = ()
) -> dict[str, Any]:
    """Return one plan: buildings by use or value, strokes, names and marks of findings; for the template."""
    label, houses = layer.classes.title[0] if layer else "Site plan", _houses(community, sheet, layer)
    strokes = _strokes(sheet, layer) if layer is not None and len(layer.strokes) else None
    discs = np.array([(m.x, m.y, m.radius * sheet.coarse) for m in marks]).reshape(-1, 3)
    signs = list(zip(marks, sheet.at(discs[:, :2]), strict=True))
    labels, tiers = _labels(community, sheet, discs, storeys=layer is None), sheet.outlines(_upper_plates(community))
    drawn = {"tiers": "".join(tiers), "strokes": strokes, "labels": labels, "marks": signs}
    return {"label": label, "houses": houses, **drawn}


def _houses(community: Community, sheet: Sheet, layer: Layer | None) -> list[dict[str, Any]]:
    """Return the buildings with their names as tooltips; those to be demolished lie below."""
    b, houses = community.buildings, []
    for row, (d, fill) in enumerate(zip(sheet.outlines(b.footprint), house_colours(community, layer), strict=True)):
        about, state = f"{b.id[row]} {b.name[row]}".strip(), Status(b.status[row]).code
        if layer is not None and len(layer.buildings) and not np.isnan(value := layer.buildings[row]):
            about += "\n∞" if np.isinf(value) else f"\n{value:.2f} {layer.classes.unit}".rstrip(" ")
        houses.append({"row": row, "id": b.id[row], "about": about, "d": d, "state": state, "fill": fill})
    return sorted(houses, key=lambda h: h["state"] != "demolish")


def _upper_plates(community: Community) -> Polygons:
    """Return the outlines of upper storeys smaller than the footprint by more than 5 %: towers on podiums."""
    s, b = community.storeys, community.buildings
    rows = np.flatnonzero((s.level > 1) & (b.status[s.building] != Status.DEMOLISH))
    plates, first = np.unique(s.plate[rows], return_index=True)
    own, whole = community.plates.outline.areas()[plates], b.footprint.areas()[s.building[rows[first]]]
    return community.plates.outline.take(plates[own < 0.95 * whole])


def _strokes(sheet: Sheet, layer: Layer) -> dict[str, Any]:
    """Return windows in the colours of their values, one path a class; dots where both ends are equal."""
    ends, values = (part[:MOST_STROKES] for part in layer.least())
    a, b = sheet.xy(ends[:, :2]), sheet.xy(ends[:, 2:])
    dots = float(np.abs(a - b).max()) < 0.01
    b = b + (0.01, 0.0) if dots else b
    which = layer.classes.which(values)
    drawn = [f"M{x:.1f} {y:.1f}L{u:.1f} {v:.1f}" for (x, y), (u, v) in zip(a, b, strict=True)]
    marks = ("".join(drawn[r] for r in np.flatnonzero(which == k)) for k in range(len(layer.classes.colours)))
    classes = list(zip(layer.classes.colours, marks, strict=True))
    return {"classes": classes, "width": f"{2 * sheet.coarse:.3g}", "cap": "round" if dots else "butt"}


def _labels(community: Community, sheet: Sheet, discs: FloatArray, *, storeys: bool) -> list[tuple[str, str]]:
    """Return the ids of the buildings, at most 300, with the number of storeys, and where they stand, off the discs."""
    b = community.buildings
    rows = np.flatnonzero(b.status != Status.DEMOLISH)
    if len(rows) > MOST_LABELS:
        return []
    texts = [f"{b.id[r]} {b.n_above[r]}F" if storeys and b.n_above[r] > 0 else str(b.id[r]) for r in rows]
    middles = np.nan_to_num(b.footprint.take(rows).inner_points())
    named = [(text, middle) for text, middle in zip(texts, middles, strict=True) if len(text) <= 12]
    letter = LETTER * min(sheet.coarse, 1.0)
    spots = [_beside(discs, middle, letter * np.array([0.3 * len(text), 0.5]), letter) for text, middle in named]
    places = sheet.at(np.array(spots).reshape(-1, 2), most=1.0)
    return [(text, place) for (text, _), place in zip(named, places, strict=True)]


def _beside(discs: FloatArray, spot: FloatArray, half: FloatArray, letter: float) -> FloatArray:
    """Return the spot, or the nearest below or above where a name of half that size is off all discs (x, y, radius)."""
    for away in (0.0, -0.5, 0.5, -1.0, 1.0, -1.5, 1.5, -2.0, 2.0, -2.5, 2.5, -3.0, 3.0):
        moved = spot + (0.0, away * letter)
        gap = np.maximum(np.abs(discs[:, :2] - moved) - half, 0.0)
        if np.all(np.hypot(*gap.T) >= discs[:, 2]):
            return moved
    return spot
