"""Edits of a community; each gives a new one and leaves the old as it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.model.build import buildings_from_records
from cimkit.model.derive import derive_windows
from cimkit.model.notes import Note, Notes

if TYPE_CHECKING:
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
    return dataclasses.replace(extended(edited, {"windows": windows}), notes=edited.notes + Notes.of([note]))


def add_buildings(community: Community, buildings: Sequence[Building]) -> Community:
    """Return the community with more buildings, without windows; their storeys are written out.

    Parameters
    ----------
    community
        What is edited; it is not changed.
    buildings
        The new buildings; none of their ids may exist.
    """
    return extended(community, buildings_from_records(buildings, community.parcels))


def extended(community: Community, more: Mapping[str, Any]) -> Community:
    """Return the community with more rows in some tables.

    Parameters
    ----------
    community
        What is edited; it is not changed.
    more
        Tables by name; rows they refer to are counted within ``more`` where it holds that table.
    """
    changed: dict[str, Any] = {}
    for title, part in more.items():
        refs = {c.name: getattr(part, c.name) for c in part.columns() if c.of in more}
        first = {c.name: len(getattr(community, c.of)) for c in part.columns() if c.of in more}
        shifted = {name: np.where(rows < 0, -1, rows + first[name]) for name, rows in refs.items()}
        changed[title] = getattr(community, title).stacked(dataclasses.replace(part, **shifted))
    return dataclasses.replace(community, **changed)
