"""Where a community is judged: province, climate zone, size of the city, new site or renewal, and the city's packs."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cimkit.arrays import one_of
from cimkit.errors import InputError
from cimkit.lists import load_lists
from cimkit.model.community import Community
from cimkit.model.kinds import ProjectType
from cimkit.model.notes import Note, Notes

# Boxes well inside a climate zone, what may be stated of a place, and the cities by name.
_LISTS = load_lists(__file__, "places")
_CITIES: dict[str, dict[str, Any]] = {k: v for k, v in _LISTS.items() if k not in ("zone", "choice")}


@dataclass(frozen=True)
class Place:
    """What rules ask about a place; empty means not known.

    Parameters
    ----------
    city, province
        Where, in lower case without spaces.
    climate_zone
        Building climate zone, I to VII (建筑气候区).
    city_size
        ``large`` from 500 000 residents on, else ``small``.
    site
        ``new`` or ``renewal``.
    old_town
        ``yes`` or ``no``.
    renewal_relief
        ``yes`` where the authority lets renewal fall below the standard.
    project_type
        One of the five project types.
    circle
        What the plan is: a whole living circle of ``15``, ``10`` or ``5`` minutes (生活圈), a ``block`` (居住街坊) or
        a ``part`` of a circle that is neither. Without it few residents tell that it is no whole circle.
    dense
        ``yes`` where the plan declares low-rise or multi-storey blocks of high density (GB 50180 table 4.0.3).
    level
        Level of EN 17037 that is asked: ``minimum``, ``medium`` or ``high``.
    """

    city: str = ""
    province: str = ""
    climate_zone: str = ""
    city_size: str = ""
    site: str = ""
    old_town: str = "no"
    renewal_relief: str = "no"
    project_type: str = ""
    circle: str = ""
    dense: str = "no"
    level: str = "minimum"

    def attributes(self) -> dict[str, str]:
        """Return all as name → value, as conditions ask for them."""
        return dataclasses.asdict(self)


def climate_zone_at(latitude: float, longitude: float) -> str:
    """Return the building climate zone (建筑气候区) of a place that lies well inside one, else empty.

    Examples
    --------
    >>> climate_zone_at(30.25, 120.17), climate_zone_at(33.0, 119.0)  # Hangzhou; near the border of II and III
    ('III', '')
    """
    zones = ((str(zone["name"]), *zone["box"]) for zone in _LISTS["zone"])
    inside = (n for n, south, north, west, east in zones if south <= latitude <= north and west <= longitude <= east)
    return next(inside, "")


def choices(field: str) -> tuple[str, ...]:
    """Return what a field of ``Place`` may be, empty where it is free text."""
    return tuple(_LISTS["choice"].get(field, ()))


def city_names() -> list[str]:
    """Return the cities we know."""
    return sorted(_CITIES)


def city_zh(name: str) -> str:
    """Return the Chinese name of a city we know, else the name."""
    return str(_CITIES.get(name, {}).get("zh", name))


def find_city(name: str) -> str:
    """Return the name of a city for its name in English or Chinese, empty if we do not know it.

    Examples
    --------
    >>> find_city("杭州市"), find_city("Hangzhou"), find_city("Atlantis")
    ('hangzhou', 'hangzhou', '')
    """
    word = name.strip().lower().removesuffix("市")
    return next((key for key, city in _CITIES.items() if word and word in (key, city["zh"])), "")


def place_of(community: Community, *, city: str = "", known: Mapping[str, str] | None = None) -> Place:
    """Return the place of a community; what is given goes before what the community says.

    Parameters
    ----------
    community
        Its city and project type are used.
    city
        City to judge by.
    known
        Other fields of ``Place``, e.g. ``{"old_town": "yes"}``.

    Raises
    ------
    InputError
        If ``city`` is not one we know, or a field or what is said of it is not.
    """
    for field, value in (known or {}).items():
        one_of(field, [f.name for f in dataclasses.fields(Place)], name="what is known of the place")
        if choices(field):
            one_of(value, choices(field), name=f"{field} of the place")
    name = find_city(city or community.city)
    if city and not name:
        raise InputError(f"city must be one of {', '.join(city_names())}; got {city!r}. Or name packs.")
    at = community.location
    fields: dict[str, str] = {"climate_zone": climate_zone_at(at.latitude, at.longitude)} if at else {}
    if name:
        own = _CITIES[name]
        fields = {k: own[k] for k in ("province", "climate_zone", "city_size")} | {"city": name}
    kind = community.project_type
    if kind is not ProjectType.UNKNOWN:
        fields |= {"project_type": kind.code, "site": "new" if kind is ProjectType.NEW_BUILD else "renewal"}
    return Place(**(fields | dict(known or {})))


def zone_note(community: Community, place: Place) -> Notes:
    """Return the note that the climate zone was taken from the coordinates, if it was."""
    at, zone = community.location, place.climate_zone
    if place.city or at is None or not zone or zone != climate_zone_at(at.latitude, at.longitude):
        return Notes()
    text = f"climate zone {zone} by the coordinates, well inside it (from memory, unverified)"
    return Notes.of([Note("C06", text, fix="state it: --place climate_zone=…, or --city")])


def with_circle(place: Place, persons: float, sizes: Mapping[str, tuple[float, float]]) -> tuple[Place, Notes]:
    """Return a place with what few residents tell of its circle, and the note that says so.

    As many as a block has are a block; fewer than the smallest circle has are no whole circle. More may be a circle or
    a part of a larger one: that must be stated.

    Parameters
    ----------
    place
        As stated.
    persons
        Residents, nan if not known.
    sizes
        Circle, or ``block`` → least and most residents.
    """
    smallest = min((low for name, (low, _) in sizes.items() if name != "block"), default=0.0)
    if place.circle or not persons < smallest:
        return place, Notes()
    least, most = sizes.get("block", (0.0, -1.0))
    circle = "block" if least <= persons <= most else "part"
    said = f"a block has {least:,.0f} to {most:,.0f}, the smallest living circle {smallest:,.0f}"
    text = f"taken as a {'block' if circle == 'block' else 'part of a circle'}: {persons:,.0f} residents; {said}"
    return dataclasses.replace(place, circle=circle), Notes.of([Note("C07", text, fix="state it: --place circle=…")])


def city_packs(city: str) -> list[str]:
    """Return the packs that hold in a city; the national ones where the city is not known."""
    return list(_CITIES[city]["packs"] if city else ("CN-GB50180-2018", "CN-residential"))
