"""Fill what a community lacks by the stated rules, each said in the notes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.model.derive import derive_dwellings, derive_entrances, derive_population, derive_windows
from cimkit.model.kinds import BuildingUse
from cimkit.model.notes import Note, Notes

if TYPE_CHECKING:
    from cimkit.model.community import Community


def complete(community: Community, *, windows: bool = True, assume_housing: bool = False) -> Community:
    """Return the community with doors, dwellings, residents and windows where it has none.

    Each door where a building is nearest to a path, dwellings of about 100 m², residents at
    35 m² each by the national age shares, a window for each 3.6 m of wall. What is there is kept.

    Parameters
    ----------
    community
        What is completed; it is not changed.
    windows
        Whether windows are written out; sunlight places them itself where there are none.
    assume_housing
        Whether buildings of unknown use count as housing, which the notes then say.

    Examples
    --------
    >>> from cimkit.model.community import Community
    >>> from cimkit.model.records import Building
    >>> bare = Community.of(buildings=[Building("A", [(0, 0), (40, 0), (40, 12), (0, 12)], storeys=6)])
    >>> complete(bare)
    <Community: 1 building, 6 storeys, 30 dwellings, 168 windows>
    """
    said: list[Note] = []
    changed: dict[str, Any] = {}
    buildings = community.buildings
    if assume_housing and not (buildings.use != BuildingUse.UNKNOWN).any():
        buildings = dataclasses.replace(buildings, use=np.full(len(buildings), BuildingUse.RESIDENTIAL))
        said.append(Note("D01", "no use is known; all buildings are taken as housing", "buildings"))
        changed["buildings"] = buildings
    doorless = ~np.isin(np.arange(len(buildings)), community.entrances.building)
    if doorless.any():
        doors = derive_entrances(buildings, community.path_edges, of=doorless)
        changed["entrances"] = community.entrances.stacked(doors)
        said.append(Note("N04", f"{len(doors)} entrances derived", "entrances", count=len(doors)))
    dwellings = community.dwellings
    if len(dwellings) == 0:
        names = community.storeys.names()
        dwellings = derive_dwellings(buildings, community.plates, community.storeys, names)
        changed["dwellings"] = dwellings
        if len(dwellings):
            said.append(Note("D01", f"{len(dwellings)} dwellings of about 100 m²", "dwellings", count=len(dwellings)))
    if len(community.population) == 0 and len(dwellings):
        people = derive_population(community.storeys, dwellings, len(buildings))
        changed["population"] = people
        text = f"{people.persons.sum():.0f} residents at 35 m² each, ages by the national census of 2020"
        said.append(Note("D02", text, "population", count=len(people)))
    if windows and len(community.windows) == 0 and len(community.storeys):
        made = derive_windows(buildings, community.plates, community.storeys)
        changed["windows"] = made
        said.append(Note("W01", f"{len(made)} windows: one each 3.6 m of wall, sill 0.9 m", "windows", count=len(made)))
    return dataclasses.replace(community, notes=community.notes + Notes.of(said), **changed)
