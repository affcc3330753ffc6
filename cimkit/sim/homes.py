"""Where people set out: the door of each dwelling, and the way down to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cimkit.model.derive import HOUSING, derive_entrances
from cimkit.model.kinds import BuildingUse, EntranceKind
from cimkit.model.notes import Note, Notes, noted
from cimkit.sim.walk_method import WalkMethod

if TYPE_CHECKING:
    from cimkit.arrays import BoolArray, FloatArray, IntArray, TextArray
    from cimkit.model.community import Community


@dataclass(frozen=True, repr=False)
class Homes:
    """Places people set out from, n of them.

    Parameters
    ----------
    ids
        Dwelling, or building where there are no dwellings, shape (n).
    kind
        ``dwelling`` or ``building``.
    building
        Building row, shape (n).
    door
        Row of ``doors``, shape (n).
    doors
        Places of the doors, shape (e, 3) [m].
    indoor_min
        Time from the dwelling's floor to the door, inf where there is no way [min].
    persons
        Residents, shape (n).
    notes
        What was derived.
    """

    ids: TextArray
    kind: str
    building: IntArray
    door: IntArray
    doors: FloatArray
    indoor_min: FloatArray
    persons: FloatArray
    notes: Notes

    def __len__(self) -> int:
        return len(self.ids)


def homes_of(community: Community, *, method: WalkMethod = WalkMethod.ADULT) -> Homes:
    """Return where the community's people set out.

    Each dwelling leaves by its own entrance, else by the nearest unit door of its building. A
    building without a door gets one where it is nearest to a path; a door with steps is none for
    who cannot use them. Without dwellings each
    housing building (each building, where no use is known) is one home at its door.
    """
    dwellings, storeys, buildings = community.dwellings, community.storeys, community.buildings
    doors, door_of, notes = _doors(community)
    stepped = np.zeros(len(doors), dtype=bool)
    stepped[: len(community.entrances)] = (community.entrances.step_free == 0) & (not method.steps)
    if len(dwellings) == 0:
        building, people = np.flatnonzero(_lived_in(community)), community.population
        ids, kind, door, indoor = buildings.id[building], "building", door_of[building], np.zeros(len(building))
        persons = np.bincount(people.building, people.persons, len(buildings)).astype(np.float64)[building]
        said = Note("D01", f"no dwellings; {len(building)} buildings stand for their residents", "dwellings")
        notes = notes + Notes.of([said])
    else:
        building = storeys.building[dwellings.storey]
        door = door_of[building]
        if len(community.entrances):
            door = np.where(dwellings.entrance >= 0, dwellings.entrance, door)
        level, down = storeys.level[dwellings.storey], np.maximum(storeys.z[dwellings.storey], 0.0)
        indoor = method.climb_minutes(down, np.maximum(level - 1.0, 0.0), has_lift(community, method)[building])
        ids, kind, persons = dwellings.id, "dwelling", np.nan_to_num(dwellings.persons)
    return Homes(ids, kind, building, door, doors, np.where(stepped[door], np.inf, indoor), persons, notes)


def has_lift(community: Community, method: WalkMethod) -> BoolArray:
    """Return which buildings have a lift: as stated, else from the method's number of storeys on."""
    b = community.buildings
    lift: BoolArray = (b.lift == 1) | ((b.lift < 0) & (b.n_above >= method.lift_storeys))
    return lift


def _lived_in(community: Community) -> BoolArray:
    """Return which buildings hold homes."""
    use = community.buildings.use
    home = np.isin(use, HOUSING)
    return home if home.any() else use == BuildingUse.UNKNOWN


def _doors(community: Community) -> tuple[FloatArray, IntArray, Notes]:
    """Return all doors (e, 3), the door of each building, and a note on those derived."""
    buildings, entrances = community.buildings, community.entrances
    door_of = np.full(len(buildings), -1, dtype=np.int64)
    known = np.flatnonzero((entrances.building >= 0) & (entrances.kind != EntranceKind.GARAGE))[::-1]
    door_of[entrances.building[known]] = known
    doors = np.column_stack([entrances.x, entrances.y, entrances.z])
    missing = door_of < 0
    if not missing.any():
        return doors, door_of, Notes()
    made = derive_entrances(buildings, community.path_edges, of=missing)
    door_of[made.building] = len(doors) + np.arange(len(made))
    doors = np.concatenate([doors, np.column_stack([made.x, made.y, made.z])])
    where = "nearest to a path" if len(community.path_edges) else "in the middle of the longest wall"
    text = f"{len(made)} buildings without an entrance got one {where}"
    return doors, door_of, Notes.of(noted("N04", text, missing, "entrances", buildings.id))


def service_doors(community: Community) -> FloatArray:
    """Return where each facility is entered: its own entrance, else its point, shape (f, 3) [m]."""
    f, e = community.facilities, community.entrances
    doors = np.column_stack([f.x, f.y, f.z])
    own = np.flatnonzero((e.facility >= 0) & (e.kind != EntranceKind.GARAGE))[::-1]
    doors[e.facility[own]] = np.column_stack([e.x[own], e.y[own], e.z[own]])
    return doors
