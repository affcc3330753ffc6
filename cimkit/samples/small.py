"""Small communities whose answers are known from a few numbers."""

import dataclasses
from typing import Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray
from cimkit.errors import InputError
from cimkit.geometry.ragged import numbers_within
from cimkit.model.community import Community
from cimkit.model.derive import derive_dwellings, derive_population, derive_windows
from cimkit.model.records import Building, Facility, Location, Parcel, Path
from cimkit.model.tables import Entrances, Windows

HANGZHOU = Location(latitude=30.25, longitude=120.17)


def slab_rows(
    *,
    rows: int = 2,
    gap: float = 30.0,
    storeys: int = 6,
    storey_height: float = 3.0,
    length: float = 40.0,
    depth: float = 12.0,
    location: Location = HANGZHOU,
) -> Community:
    """Make equal slabs one behind the other, the long sides due south and north.

    Row k has its south wall at ``y = k (depth + gap)``, from x = 0 to ``length``. Every storey has a
    south window each full 3.6 m. The parcel reaches ``gap / 2`` beyond the first and the last row and
    10 m beyond both ends. A door in the middle of each north wall leads over a lane 2 m to the north to
    a path at ``x = length + 5``; at its northern end is a kindergarten.

    Parameters
    ----------
    rows
        Number of slabs.
    gap
        Clear distance between them [m].
    storeys, storey_height
        Of each slab; the height of the storeys [m].
    length, depth
        Of each slab [m].
    location
        Latitude and longitude, Hangzhou without it.

    Returns
    -------
    Community
        Buildings are S1 (the southernmost), S2 and so on.

    Raises
    ------
    InputError
        If a number is not positive.

    Examples
    --------
    >>> slab_rows(rows=3)
    <Community slab_rows: 3 buildings, 18 storeys, 90 dwellings, 198 windows, 1 facility, 7 paths, 1 parcel>
    """
    _check_positive(rows=rows, gap=gap, storeys=storeys, storey_height=storey_height, length=length, depth=depth)
    south = [k * (depth + gap) for k in range(rows)]
    walls, east, middle = [y + depth for y in south], length + 5, length / 2
    first, last = -gap / 2, walls[-1] + gap / 2
    slabs = [shapely.box(0, y, length, y + depth) for y in south]
    buildings = [Building(f"S{k}", slab, storeys, storey_height) for k, slab in enumerate(slabs, 1)]
    land = Parcel("P1", shapely.box(-10, first, length + 10, last), far_max=2.0, density_max=0.35)
    street = [(east, first), *((east, y + 2) for y in walls), (east, last)]
    others = [Facility("K1", "kindergarten", east, last, name="幼儿园"), Path("M", street, width=4.0)]
    others += [Path(f"L{k}", [(middle, y), (middle, y + 2), (east, y + 2)], width=2.5) for k, y in enumerate(walls, 1)]
    plain = Community.of(buildings=buildings, parcels=[land], others=others, location=location, name="slab_rows")
    return _lived_in(plain, np.array([(middle, y) for y in walls]), facing=(180.0,))


def courtyard_block(
    *, side: float = 60, depth: float = 12, storeys: int = 6, storey_height: float = 3, location: Location = HANGZHOU
) -> Community:
    """Make one square block around a courtyard, its sides due south, east, north and west.

    The courtyard is ``side - 2 depth`` wide. Windows stand each full 3.6 m in all outer and inner
    walls. The parcel reaches 10 m beyond the block. The court is public green.

    Parameters
    ----------
    side
        Outer width [m].
    depth
        Of the wings [m].
    storeys, storey_height
        Of the block; the height of the storeys [m].
    location
        Latitude and longitude; Hangzhou without it.

    Returns
    -------
    Community
        One building, C1.

    Raises
    ------
    InputError
        If a number is not positive or the wings leave no courtyard.

    Examples
    --------
    >>> courtyard_block().buildings.footprint.areas()
    array([2304.])
    """
    _check_positive(side=side, depth=depth, storeys=storeys, storey_height=storey_height)
    court = shapely.box(depth, depth, side - depth, side - depth)
    if side <= 2 * depth:
        raise InputError(f"courtyard_block: side must be > 2 depth; got {side} and {depth} [m]. Leave a courtyard.")
    outline = shapely.box(0, 0, side, side).difference(court)
    block = Building("C1", outline, storeys, storey_height)
    land = Parcel("P1", shapely.box(-10, -10, side + 10, side + 10), far_max=2.5, density_max=0.4)
    plain = Community.of(buildings=[block], parcels=[land], location=location, name="courtyard_block")
    return _lived_in(plain, np.array([(side / 2, 0.0)]), facing=(0.0, 90.0, 180.0, 270.0))


def _check_positive(**numbers: float) -> None:
    """Raise InputError for a number that is not above 0."""
    for name, value in numbers.items():
        if not value > 0:
            raise InputError(f"samples: {name} must be > 0; got {value}.")


def _lived_in(community: Community, doors: FloatArray, *, facing: tuple[float, ...]) -> Community:
    """Return the community with a door for each building, dwellings, residents and windows facing some ways."""
    b, s = community.buildings, community.storeys
    door: dict[str, Any] = {"id": [f"{name}/E1" for name in b.id], "x": doors[:, 0], "y": doors[:, 1]}
    door |= {"kind": ["unit"] * len(b), "building": np.arange(len(b)), "step_free": np.ones(len(b))}
    homes, windows = derive_dwellings(community), derive_windows(community)
    homes = dataclasses.replace(homes, entrance=s.building[homes.storey])
    windows = numbered(windows.take(np.isin(np.round(windows.azimuth, 6) % 360, facing)))
    site = dataclasses.replace(community, entrances=Entrances(**door), dwellings=homes, windows=windows)
    return dataclasses.replace(site, population=derive_population(site))


def numbered(windows: Windows) -> Windows:
    """Return the windows with ids ``building/Flevel-Wnumber`` counted anew on each storey."""
    number = numbers_within(windows.storey)
    stem = [str(name).rpartition("-W")[0] for name in windows.id]
    ids = np.array([f"{s}-W{n:02d}" for s, n in zip(stem, number, strict=True)], dtype=object)
    return dataclasses.replace(windows, id=ids)
