"""Edits of a community; each gives a new one and leaves the old as it is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.geometry.lines import Lines
from cimkit.geometry.polygons import Polygons
from cimkit.model.build import buildings_from_records
from cimkit.model.derive import derive_windows
from cimkit.model.notes import Note, Notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.model.community import Community
    from cimkit.model.records import Building
    from cimkit.model.table import Table


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
    return dataclasses.replace(edited, windows=stacked(edited.windows, windows), notes=edited.notes + Notes.of([note]))


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
        "buildings": stacked(community.buildings, new["buildings"]),
        "plates": stacked(community.plates, new["plates"]),
        "storeys": stacked(community.storeys, storeys),
    }
    return dataclasses.replace(community, **changed)


def remove_building(community: Community, name: str) -> Community:
    """Return the community without a building and what hangs on it.

    Parameters
    ----------
    community
        What is edited; it is not changed.
    name
        Id of the building.

    Raises
    ------
    InputError
        If no building has this id.
    """
    row = community.buildings.row_of(name)
    return community.keep({"buildings": np.arange(len(community.buildings)) != row})


def stacked(first: Any, second: Any) -> Any:
    """Return the rows of both tables of one kind, columns of the user's own filled with nothing where missing."""
    columns: dict[str, Any] = {}
    for col in first.columns():
        pair: Any = [getattr(first, col.name), getattr(second, col.name)]
        ragged = isinstance(pair[0], (Polygons, Lines))
        columns[col.name] = type(pair[0]).concat(pair) if ragged else np.concatenate(pair)
    names = list(dict.fromkeys([*first.extra, *second.extra]))
    extra = {name: np.concatenate([_own(first, name), _own(second, name)]) for name in names}
    return type(first)(**columns, extra=extra)


def _own(table: Table, name: str) -> Any:
    """Return a column of the user's own, or nothing for each row."""
    return np.asarray(table.extra.get(name, np.full(len(table), None, dtype=object)), dtype=object)
