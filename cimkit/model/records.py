"""One row as a small frozen record: typed in by hand, handed back by ``community.building("B7")``."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

from cimkit.errors import InputError

Outline = Sequence[Any]  # points of a ring, (n, 2), or a shapely polygon


@dataclass(frozen=True)
class Location:
    """Where on Earth a community lies, for the sun.

    Parameters
    ----------
    latitude
        North positive [°].
    longitude
        East positive [°].
    """

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):
            wanted = "latitude must be in -90..90° and longitude in -180..180°"
            raise InputError(f"location: {wanted}; got {self.latitude}, {self.longitude}. Are they swapped?")


@dataclass(frozen=True)
class Parcel:
    """A parcel: id, outline [m] and the plan's limits."""

    id: str
    outline: Outline
    far_max: float = nan
    density_max: float = nan
    green_min: float = nan
    height_max: float = nan


@dataclass(frozen=True)
class Building:
    """A building by its footprint [m] and storeys; heights in metres.

    ``stilt`` makes the ground storey an open one (架空层).
    """

    id: str
    footprint: Outline
    storeys: int = 1
    storey_height: float = 3.0
    ground_storey_height: float = nan
    parapet: float = 0.0
    basements: int = 0
    stilt: bool = False
    use: str = "residential"
    status: str = "existing"
    ground_z: float = 0.0
    lift: int = -1
    year: int = -1


@dataclass(frozen=True)
class Space:
    """A space on the ground or on a storey (``building``, ``level``)."""

    id: str
    kind: str
    outline: Outline
    building: str = ""
    level: int = 0
    clear_height: float = nan
    roofed: int = -1
    public: bool = False
    planted_share: float = nan
    status: str = "existing"


@dataclass(frozen=True)
class Window:
    """A window by the middle of its sill's base line [m] and its outward azimuth [°]."""

    id: str
    building: str
    x: float
    y: float
    z: float
    azimuth: float
    width: float = 1.8
    height: float = 1.5


@dataclass(frozen=True)
class Facility:
    """A service at a point [m]."""

    id: str
    kind: str
    x: float
    y: float
    z: float = 0.0
    name: str = ""
    area: float = nan
    capacity: float = nan


@dataclass(frozen=True)
class Path:
    """A path along points (n, 2) or (n, 3) [m]; paths that share an end point meet there."""

    id: str
    points: Sequence[Any]
    kind: str = "footway"
    width: float = nan
    oneway: bool = False
