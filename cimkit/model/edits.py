"""Edits of a community; each gives a new one and leaves the old as it is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from cimkit.model.build import buildings_from_records
from cimkit.model.derive import derive_windows
from cimkit.model.notes import Note, Notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.model.community import Community
    from cimkit.model.records import Building


def replace_building(community: Community, building: Building) -> Community:
    """Return the community with a building in place of the one of the same id, or added.

    Storeys are written out anew. What hung on the old building (dwellings, balconies,
    facilities …) goes with it; if it had windows, new ones are placed by rule and noted.

    Parameters
    ----------
    community
        What is edited; it is not changed.
    building
        The new building.

    Examples
    --------
    >>> from cimkit.model.community import Community
    >>> from cimkit.model.records import Building
    >>> block = Community.of(buildings=[Building("A", [(0, 0), (9, 0), (9, 9), (0, 9)], storeys=6)])
    >>> replace_building(block, dataclasses.replace(block.building("A"), storeys=9)).buildings.height
    array([27.])
    """
    old = community.buildings.names() == building.id
    had_windows = bool(old[community.windows.building].any()) if len(community.windows) else False
    edited = add_buildings(community.keep({"buildings": ~old}), [building])
    if not had_windows:
        return edited
    own = edited.storeys.building == len(edited.buildings) - 1
    windows = derive_windows(edited.buildings, edited.plates, edited.storeys, of=own)
    note = Note("W01", f"{len(windows)} windows of the edited building placed by rule", "windows", building.id)
    return dataclasses.replace(edited, windows=edited.windows.stacked(windows), notes=edited.notes + Notes.of([note]))


def add_buildings(community: Community, buildings: Sequence[Building]) -> Community:
    """Return the community with more buildings, without windows; their storeys are written out.

    Parameters
    ----------
    community
        What is edited; it is not changed.
    buildings
        The new buildings; none of their ids may exist.
    """
    new = buildings_from_records(buildings, community.parcels)
    row, first_plate = len(community.buildings), len(community.plates)
    storeys: Any = new["storeys"]
    storeys = dataclasses.replace(storeys, building=storeys.building + row, plate=storeys.plate + first_plate)
    changed: dict[str, Any] = {
        "buildings": community.buildings.stacked(new["buildings"]),
        "plates": community.plates.stacked(new["plates"]),
        "storeys": community.storeys.stacked(storeys),
    }
    return dataclasses.replace(community, **changed)
