"""What a 3D scene can be coloured by: classes of buildings, windows, points, ground and spaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cimkit.arrays import IntArray
from cimkit.geometry.triangles import Triangles, extrude
from cimkit.model.community import Community
from cimkit.model.kinds import BuildingUse, Status
from cimkit.sim.receptors import Receptors
from cimkit.sim.sunlight import Sunlight
from cimkit.view.colours import COUNTED, STOREYS, SUNLIGHT, WALL, Classes, rgb_of, use_colour
from cimkit.view.layers import LAYERED, Layer, is_a, layer_of, rows_of, walk_layer
from cimkit.view.texts import TEXTS

NONE = 255
STATES = {Status.EXISTING: "#c9c4bb", Status.PLANNED: "#e0a458", Status.DEMOLISH: "#b98a80"}


class Mode(NamedTuple):
    """One way to colour a scene.

    Parameters
    ----------
    key
        Name of it in the page.
    layer
        Colours, values of buildings, values of receptors.
    title
        English and Chinese.
    said
        Whether the values of buildings say more than their class.
    spaces
        Class of each space, 255 for none.
    light
        Lit intervals of the receptors.
    """

    key: str
    layer: Layer
    title: tuple[str, str]
    said: bool = True
    spaces: IntArray | None = None
    light: Sunlight | None = None


def modes_of(community: Community, results: Sequence[Any] = ()) -> list[Mode]:
    """Return the ways to colour a community: by each result, then by use, state and storeys."""
    b = community.buildings
    found = [mode for k, result in enumerate(results) for mode in _result_modes(community, result, f"r{k}")]
    uses = np.unique(b.use)
    listed = [(use_colour(u), BuildingUse(u).title) for u in uses]
    found.append(_listed("use", listed, np.searchsorted(uses, b.use)))
    if len(np.unique(b.status)) > 1:
        found.append(_listed("status", [(STATES[s], TEXTS[s.code]) for s in Status], b.status))
    if (b.n_above > 0).any():
        storeys = np.where(b.n_above > 0, b.n_above, np.nan)
        found.append(Mode("storeys", Layer(STOREYS, storeys), TEXTS["storeys"]))
    return found


def _listed(key: str, listed: Sequence[tuple[str, tuple[str, str]]], which: IntArray) -> Mode:
    """Return the mode of colours and names, and which of them each building has."""
    edges, colours = tuple(map(float, range(len(listed) + 1))), tuple(colour for colour, _ in listed)
    classes = Classes(*TEXTS[key], "", edges, colours, names=tuple(name for _, name in listed))
    return Mode(key, Layer(classes, which.astype(np.float64)), TEXTS[key], said=False)


def code(classes: Classes, values: Any) -> IntArray:
    """Return the class of each value, 255 for none."""
    which = classes.which(values)
    return np.where(which < 0, NONE, which)


def _result_modes(community: Community, result: Any, key: str) -> list[Mode]:
    """Return the modes of a result; none for one that has no picture in space."""
    if is_a(result, "WalkTimes") and len(result):
        layers = [(k.code, walk_layer(community, result, k)) for k in result.kinds]
        return [Mode(f"{key}-{code}", layer, layer.title) for code, layer in layers]
    if is_a(result, "FloorAreas") and len(result):
        title = ("Spaces: share counted for FAR", "空间：计容系数")
        return [Mode(key, Layer(COUNTED), title, spaces=_counted(community, result))]
    if is_a(result, "Isochrones"):
        x, y = (v.ravel() for v in np.meshgrid(result.x, result.y))
        known = ~np.isnan(result.hours.ravel())
        points = Receptors.at(np.column_stack([x, y, np.zeros(len(x))])[known])
        classes = SUNLIGHT.of("Hours of sun on the ground", "地面日照时数")
        layer: Layer | None = Layer(classes, receptors=points, at=result.hours.ravel()[known])
    else:
        layer = layer_of(community, result) if is_a(result, *LAYERED) else None
    if layer is None or (layer.receptors is None and np.isnan(layer.buildings).all()):
        return []
    english, chinese = layer.title
    light = result if is_a(result, "Sunlight") else None
    return [Mode(key, layer, (english.split(":")[0], chinese.split("：")[0]), light=light)]


def _counted(community: Community, areas: Any) -> IntArray:
    """Return the class of what counts of each space for the floor area ratio; areas of a state keep their ids."""
    from cimkit.sim.areas import FAR

    own = np.flatnonzero(areas.items["space"] >= 0)
    rows = rows_of(areas.community.spaces.names()[areas.items["space"][own]], community.spaces.names())
    found = np.full(len(community.spaces), NONE)
    found[rows[rows >= 0]] = code(COUNTED, areas.factor[own, FAR])[rows >= 0]
    return found


def coloured(community: Community, results: Sequence[Any] = ()) -> tuple[Triangles, IntArray]:
    """Return the buildings as triangles, and the colour of each building, shape (b + 1, 3), the last of none."""
    solids = community.solids
    mesh = Triangles.concat([extrude(solids.outline, solids.base, solids.top, solids.owner), community.mesh])
    layers = [m.layer for m in modes_of(community, results) if not np.isnan(m.layer.buildings).all()]
    hexes = [WALL if np.isnan(v) else layers[0].classes.colour(v) for v in layers[0].buildings] if layers else []
    return mesh, rgb_of([*hexes, WALL]).astype(np.uint8)
