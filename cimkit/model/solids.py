"""What blocks the sun: storeys of one outline merged to prisms, slabs of balconies and canopies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cimkit.arrays import FloatArray, IntArray
from cimkit.geometry.polygons import Polygons
from cimkit.model.kinds import SpaceKind

if TYPE_CHECKING:
    from cimkit.model.tables import Buildings, Plates, Spaces, Storeys

SLAB_THICKNESS = 0.15  # [m] floor slab of a balcony or canopy, where nothing is stated
_SAME = 1e-6  # [m] heights closer than this are one

FLOOR_SLABS = (SpaceKind.BALCONY, SpaceKind.SKY_GARDEN, SpaceKind.EQUIPMENT_PLATFORM, SpaceKind.SKY_CORRIDOR)
ROOF_SLABS = (SpaceKind.CANOPY, SpaceKind.RAIN_CORRIDOR, SpaceKind.SHED)


@dataclass(frozen=True, repr=False)
class Solids:
    """Upright prisms that block the sun.

    Parameters
    ----------
    outline
        Outlines, n of them.
    base, top
        Underside and top above the local origin, shape (n) [m].
    owner
        Building row of each, -1 for none, shape (n).
    """

    outline: Polygons
    base: FloatArray
    top: FloatArray
    owner: IntArray

    def __len__(self) -> int:
        return len(self.owner)

    def __repr__(self) -> str:
        raised = int((self.base > np.nanmin(self.base, initial=0.0) + 2.0).sum())
        return f"<Solids: {len(self)} prisms, {raised} of them with air below>"

    def take(self, rows: IntArray) -> Solids:
        """Return the solids of the given rows."""
        return Solids(self.outline.take(rows), self.base[rows], self.top[rows], self.owner[rows])


def storey_solids(buildings: Buildings, plates: Plates, storeys: Storeys) -> Solids:
    """Merge each building's walled storeys of one outline to prisms.

    Open storeys (架空层) block nothing, what stands above them has air below. The topmost
    prism reaches up to the building's height (parapet, roof). Storeys wholly below ground
    are left out; the lowest walled storey on the ground reaches down to it.
    """
    rows = np.flatnonzero(storeys.enclosed & (storeys.z + storeys.height > _SAME))
    rows = rows[np.lexsort((storeys.z[rows], storeys.plate[rows], storeys.building[rows]))]
    if len(rows) == 0:
        return Solids(Polygons.empty(), np.zeros(0), np.zeros(0), np.zeros(0, np.int64))
    building, plate = storeys.building[rows], storeys.plate[rows]
    z, top = storeys.z[rows], storeys.z[rows] + storeys.height[rows]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (building[1:] != building[:-1]) | (plate[1:] != plate[:-1]) | (z[1:] > top[:-1] + _SAME)
    first = np.flatnonzero(new)
    base, high = np.maximum(z[first], 0.0), np.maximum.reduceat(top, first)
    owner = building[first]
    peak = np.full(len(buildings), -np.inf)
    np.maximum.at(peak, owner, high)
    roof = buildings.height[owner]
    high = np.where((high >= peak[owner] - _SAME) & (roof > high), roof, high)
    ground = buildings.ground_z[owner]
    return Solids(plates.outline.take(plate[first]), base + ground, high + ground, owner)


def slab_solids(buildings: Buildings, storeys: Storeys, spaces: Spaces) -> Solids:
    """Return thin slabs for balconies, sky gardens, platforms, canopies and sheds outside the walls.

    A closed balcony is a solid of the storey's height. Railings and glass do not count
    (Putian 2022, art. on modelling).
    """
    kind, storey = spaces.kind, spaces.storey
    floor_slab = np.isin(kind, FLOOR_SLABS) & (spaces.inside_structure != 1)
    roof_slab = np.isin(kind, ROOF_SLABS)
    rows = np.flatnonzero(floor_slab | roof_slab)
    hung = storey[rows] >= 0
    on = storey[rows][hung]
    owner = np.full(len(rows), -1, dtype=np.int64)
    floor = spaces.z[rows].copy()
    high = np.full(len(rows), 3.0)
    owner[hung] = storeys.building[on]
    floor[hung] = storeys.z[on] + buildings.ground_z[owner[hung]]
    high[hung] = storeys.height[on]
    closed = (spaces.enclosed[rows] == 1) & floor_slab[rows]
    clear = np.where(np.isnan(spaces.clear_height[rows]), high - SLAB_THICKNESS, spaces.clear_height[rows])
    base = np.where(roof_slab[rows], floor + clear, floor - SLAB_THICKNESS)
    top = np.where(closed, floor + high, base + SLAB_THICKNESS)
    return Solids(spaces.outline.take(rows), base, top, owner)


def merged(*parts: Solids) -> Solids:
    """Return all solids of the parts."""
    base, top, owner = (np.concatenate([getattr(p, name) for p in parts]) for name in ("base", "top", "owner"))
    return Solids(Polygons.concat([p.outline for p in parts]), base, top, owner)
