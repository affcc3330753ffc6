"""What a 3D scene can be coloured by: classes of buildings, windows, points, ground and spaces."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.model.kinds import BuildingUse, Status
from cimkit.sim.receptors import Receptors
from cimkit.view.colours import COUNTED, STOREYS, SUNLIGHT, Classes, Row, use_colour
from cimkit.view.layers import LAYERED, Layer, is_a, layer_of, walk_layer, windows_by_id
from cimkit.view.texts import TEXTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.arrays import FloatArray, IntArray
    from cimkit.model.community import Community
    from cimkit.sim.areas import FloorAreas
    from cimkit.sim.sunlight import Sunlight

NONE = 255
STATES = {Status.EXISTING: "#c9c4bb", Status.PLANNED: "#e0a458", Status.DEMOLISH: "#b98a80"}


@dataclass(frozen=True)
class Mode:
    """One way to colour a scene.

    Parameters
    ----------
    key
        Name of it in the page.
    title
        English and Chinese.
    unit
        Of the values.
    legend
        Colour, English and Chinese of each class.
    buildings
        Class of each building, 255 for none, shape (b).
    values
        Value of each building, nan for none, shape (b).
    spaces
        Class of each space, 255 for none.
    receptors
        Where values are shown one by one.
    classes, hours
        Class and value of each receptor, shape (n).
    light
        Lit intervals of the receptors.
    """

    key: str
    title: tuple[str, str]
    unit: str
    legend: tuple[Row, ...]
    buildings: IntArray | None = None
    values: FloatArray | None = None
    spaces: IntArray | None = None
    receptors: Receptors | None = None
    classes: IntArray | None = None
    hours: FloatArray | None = None
    light: Sunlight | None = None


def modes_of(community: Community, results: Sequence[Any] = ()) -> list[Mode]:
    """Return the ways to colour a community: by each result, then by use, state and storeys."""
    b = community.buildings
    found = [mode for k, result in enumerate(results) for mode in _result_modes(community, result, f"r{k}")]
    uses = np.unique(b.use)
    legend = tuple((use_colour(u), *BuildingUse(u).title) for u in uses)
    found.append(Mode("use", TEXTS["use"], "", legend, np.searchsorted(uses, b.use)))
    if len(np.unique(b.status)) > 1:
        legend = tuple((STATES[s], *TEXTS[s.code]) for s in Status)
        found.append(Mode("status", TEXTS["status"], "", legend, b.status))
    if (b.n_above > 0).any():
        storeys = np.where(b.n_above > 0, b.n_above, np.nan).astype(np.float64)
        found.append(_of_layer(Layer(STOREYS.of(*TEXTS["storeys"]), storeys), "storeys"))
    return found


def _code(classes: Classes, values: FloatArray) -> IntArray:
    """Return the class of each value, 255 for none."""
    which = classes.which(values)
    return np.where(which < 0, NONE, which)


def _result_modes(community: Community, result: Any, key: str) -> list[Mode]:
    """Return the modes of a result; none for one that has no picture in space."""
    if is_a(result, "WalkTimes") and len(result):
        layers = [(k.code, walk_layer(community, result, k)) for k in result.kinds]
        return [_of_layer(y, f"{key}-{code}") for code, y in layers]
    if is_a(result, "FloorAreas") and len(result):
        return _area_mode(community, result, key)
    if is_a(result, "Isochrones"):
        x, y = (v.ravel() for v in np.meshgrid(result.x, result.y))
        known = ~np.isnan(result.hours.ravel())
        points = Receptors.at(np.column_stack([x, y, np.zeros(len(x))])[known])
        classes = SUNLIGHT.of("Hours of sun on the ground", "地面日照时数")
        return [_of_layer(Layer(classes, receptors=points, at=result.hours.ravel()[known]), key)]
    layer = layer_of(community, result) if is_a(result, *LAYERED) else None
    if layer is None or (layer.receptors is None and np.isnan(layer.buildings).all()):
        return []
    mode = _of_layer(layer, key, light=result if is_a(result, "Sunlight") else None)
    if is_a(result, "SunlightChange"):
        lost = windows_by_id(community, result.ids, result.after - result.before)
        mode = dataclasses.replace(mode, classes=_code(layer.classes, lost), hours=lost)
    return [mode]


def _of_layer(layer: Layer, key: str, *, light: Sunlight | None = None) -> Mode:
    """Return the mode of a layer: its buildings, and its receptors one by one."""
    c = layer.classes
    english, chinese = layer.title
    title = layer.title if "-" in key else (english.split(":")[0], chinese.split("：")[0])
    shown = None if np.isnan(layer.buildings).all() else layer.buildings
    classes = None if layer.at is None else _code(c, layer.at)
    return Mode(
        key, title, c.unit, c.legend(), None if shown is None else _code(c, shown), shown,
        receptors=layer.receptors, classes=classes, hours=layer.at, light=light,
    )  # fmt: skip


def _area_mode(community: Community, areas: FloorAreas, key: str) -> list[Mode]:
    """Return what counts of each space for the floor area ratio; areas measured on a state keep their ids."""
    from cimkit.sim.areas import FAR

    items, own = areas.items, areas.community.spaces.names()
    row = {str(name): k for k, name in enumerate(community.spaces.names())}
    found = np.full(len(community.spaces), NONE)
    for k in np.flatnonzero(items["space"] >= 0):
        here = row.get(str(own[items["space"][k]]))
        if here is not None:
            found[here] = int(COUNTED.which([areas.factor[k, FAR]])[0])
    title = ("Spaces: share counted for FAR", "空间：计容系数")
    return [Mode(key, title, "", COUNTED.legend(), spaces=found)]
