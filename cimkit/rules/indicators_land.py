"""Indicators of land and buildings: FAR, density, green ratio, heights, what each resident has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.model.kinds import FacilityKind, PathKind, Provenance, SpaceKind, StoreyKind
from cimkit.rules.indicator import Indicator, Subjects, Values
from cimkit.rules.subjects import buildings, facilities, parcels, the_community

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cimkit.arrays import FloatArray
    from cimkit.rules.measurements import Measurements

_GUESSED = (Provenance.DEFAULT, Provenance.FROM_STOREYS, Provenance.FROM_HEIGHT)
_METHOD = ("area_local", "area_code")
_OPEN_SPACE = (
    *(SpaceKind.GREEN, SpaceKind.CENTRAL_GREEN, SpaceKind.PLAZA, SpaceKind.PLAYGROUND, SpaceKind.WATER),
    *(SpaceKind.PUBLIC_OPEN_SPACE, SpaceKind.PUBLIC_PASSAGE, SpaceKind.ROAD),
)


def _ratio(m: Measurements, subjects: Subjects, name: str, given: Mapping[str, Any], factor: float = 1.0) -> Values:
    """Measure a ratio of each parcel, with what it was made of."""
    site = m.site(given.get("area_local", "NATIONAL"), given.get("area_code", "GBT50353_2013"))
    rows = {r.parcel: r for r in site.rows if r.name == name}
    values = np.array([rows[int(p)].value for p in subjects.rows]) * factor

    def evidence(k: int) -> dict[str, Any]:
        row = rows[int(subjects.rows[k])]
        top, land = round(float(row.numerator), 3), round(float(row.denominator), 3)
        return {"numerator_m2": top, "land_m2": land, "counting": row.counting, "method": repr(site.areas.method)}

    return Values(values, missing="land of the parcel", evidence=evidence)


def floor_area_ratio(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
    """Measure the area counted for FAR over the land."""
    return _ratio(m, subjects, "far", given)


def building_density(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
    """Measure the area of footprints over the land."""
    return _ratio(m, subjects, "building_density", given, 100.0)


def green_ratio(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
    """Measure the green on the ground over the land; without any green in the data it is not known."""
    s = m.community.spaces
    if not np.isin(s.kind, (SpaceKind.GREEN, SpaceKind.CENTRAL_GREEN)).any():
        return Values.unknown(len(subjects), "green: add spaces of kind green (绿地)")
    return _ratio(m, subjects, "green_ratio", given, 100.0)


def building_height(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the height of buildings; a guessed height is known only as it was guessed."""
    b = m.community.buildings
    height = b.height[subjects.rows]
    height = np.where(height > 0, height, np.nan)
    source = b.height_src[subjects.rows]

    def evidence(k: int) -> dict[str, Any]:
        return {"height_from": Provenance(int(source[k])).code}

    guessed = int(np.isin(source, _GUESSED).sum())
    note = f"{guessed} heights are derived, see height_from" if guessed else ""
    return Values(height, missing="height of the building", evidence=evidence, note=note)


def parcel_height(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the height of the highest building of each parcel."""
    b = m.community.buildings
    values = np.full(len(subjects), np.nan)
    highest = np.full(len(subjects), -1, dtype=np.int64)
    for k, p in enumerate(subjects.rows):
        own = np.flatnonzero((b.parcel == p) & (b.height > 0))
        if len(own):
            highest[k] = own[b.height[own].argmax()]
            values[k] = b.height[highest[k]]

    def evidence(k: int) -> dict[str, Any]:
        return {"building": str(b.id[highest[k]])} if highest[k] >= 0 else {}

    return Values(values, missing="heights of the parcel's buildings", evidence=evidence)


def storey_height(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the lowest normal storey above ground of each building."""
    s = m.community.storeys
    rows = np.flatnonzero((s.level > 0) & (s.kind == StoreyKind.NORMAL))
    lowest = np.full(len(m.community.buildings), np.inf)
    np.minimum.at(lowest, s.building[rows], s.height[rows])
    source = m.community.buildings.height_src[subjects.rows]
    values = lowest[subjects.rows]
    guessed = np.isin(source, _GUESSED) & (m.community.buildings.storeys_src[subjects.rows] != Provenance.MEASURED)
    values = np.where(np.isfinite(values) & ~guessed, values, np.nan)
    return Values(values, missing="storey heights: those here are derived from height or number of storeys")


def land_per_person(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the land of each resident of a parcel."""
    persons = _persons_of_parcels(m)[subjects.rows]
    land = m.community.parcels.outline.areas()[subjects.rows]
    values = np.where(persons > 0, land / np.maximum(persons, 1e-9), np.nan)

    def evidence(k: int) -> dict[str, Any]:
        return {"land_m2": round(float(land[k]), 3), "persons": round(float(persons[k]), 1)}

    return Values(values, missing="residents of the parcel", evidence=evidence)


def _persons_of_parcels(m: Measurements) -> FloatArray:
    """Return the residents of each parcel."""
    c = m.community
    if len(c.population):
        building, persons = c.population.building, c.population.persons
    else:
        building, persons = c.storeys.building[c.dwellings.storey], c.dwellings.persons
    parcel = np.append(c.buildings.parcel, -1)[building]
    here = parcel >= 0
    weights = np.nan_to_num(persons[here]).astype(np.float64)
    return np.bincount(parcel[here], weights=weights, minlength=len(c.parcels)).astype(np.float64)


def _per_person(m: Measurements, kinds: tuple[SpaceKind, ...], what: str, *, public: bool) -> Values:
    """Measure the area of spaces of some kinds on the ground for each resident."""
    s = m.community.spaces
    rows = np.flatnonzero(np.isin(s.kind, kinds) & (s.storey < 0) & (s.public | (not public)))
    if not len(rows):
        return Values.unknown(1, what)
    area = float(shapely.area(shapely.union_all(s.outline.take(rows).to_shapely())))
    persons = m.persons()
    return Values(
        np.array([area / persons]),
        evidence=lambda _k: {"area_m2": round(area, 3), "persons": round(persons, 1), "spaces": len(rows)},
    )


def public_green_per_person(m: Measurements, _: Subjects, __: Mapping[str, Any]) -> Values:
    """Measure the public green of each resident."""
    return _per_person(
        m, (SpaceKind.GREEN, SpaceKind.CENTRAL_GREEN), "public green: add spaces of kind green, public", public=True
    )


def central_green_per_person(m: Measurements, _: Subjects, __: Mapping[str, Any]) -> Values:
    """Measure the central green of each resident."""
    return _per_person(m, (SpaceKind.CENTRAL_GREEN,), "central green: add spaces of kind central_green", public=False)


def shelter_per_person(m: Measurements, _: Subjects, __: Mapping[str, Any]) -> Values:
    """Measure the shelter area of each resident."""
    return _per_person(m, (SpaceKind.SHELTER,), "shelters: add spaces of kind shelter (避难场所)", public=False)


def facility_area(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the building area of facilities as stated."""
    return Values(m.community.facilities.area[subjects.rows], missing="building area of the facility (建筑面积)")


def facility_land(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the land of facilities as stated."""
    return Values(m.community.facilities.land_area[subjects.rows], missing="land of the facility (用地面积)")


def facilities_per(column: str, per: str, factor: float) -> Callable[..., Values]:
    """Return the measure of a kind of facility's stated amount for some dwellings or residents."""

    def measure(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
        f = m.community.facilities
        kinds = given["kind"] if isinstance(given["kind"], (list, tuple)) else [given["kind"]]
        rows = np.flatnonzero(np.isin(f.kind, [FacilityKind.parse(k) for k in kinds]))
        amount = float(getattr(f, column)[rows].sum()) if len(rows) else float("nan")
        base = float(len(m.community.dwellings)) if per == "dwellings" else m.persons()
        if not base or not amount >= 0:
            what = f"{column.replace('_', ' ')} of these facilities ({', '.join(kinds)})"
            return Values.unknown(len(subjects), what if base else "the number of dwellings")
        shown = {column: amount, per: round(base, 1), "facilities": len(rows)}
        return Values(np.full(len(subjects), factor * amount / base), evidence=lambda _k: shown)

    return measure


def open_space_share(m: Measurements, _: Subjects, __: Mapping[str, Any]) -> Values:
    """Measure the public open space and streets on the ground over the land of the parcels."""
    s, land = m.community.spaces, float(m.community.parcels.outline.areas().sum())
    rows = np.flatnonzero(np.isin(s.kind, _OPEN_SPACE) & (s.storey < 0) & s.public)
    if not len(rows) or not land:
        return Values.unknown(1, "public open space: add spaces (plaza, green, …) with public = true, and parcels")
    area = float(shapely.area(shapely.union_all(s.outline.take(rows).to_shapely())))
    return Values(np.array([100.0 * area / land]), evidence=lambda _k: {"open_m2": round(area, 1), "land_m2": land})


def parking_per_dwelling(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the parking spaces of each dwelling."""
    spots, dwellings = float(m.community.spaces.parking.sum()), len(m.community.dwellings)
    if not spots or not dwellings:
        what = "parking spaces: give spaces a number in 'parking'" if dwellings else "the number of dwellings"
        return Values.unknown(len(subjects), what)
    value = np.full(len(subjects), spots / dwellings)
    return Values(value, evidence=lambda _k: {"parking_spaces": spots, "dwellings": dwellings})


def road_density(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the length of streets over the area that the network spans."""
    e = m.community.path_edges
    rows = np.flatnonzero(np.isin(e.kind, (PathKind.STREET, PathKind.MAIN_ROAD, PathKind.TRUNK_ROAD)))
    if not len(rows):
        return Values.unknown(len(subjects), "streets: add paths of kind street, main_road …")
    hull = shapely.convex_hull(shapely.union_all(e.course.to_shapely()))
    area = float(shapely.area(hull)) / 1e6
    if area <= 0:
        return Values.unknown(len(subjects), "streets around the site")
    length = float(e.length[rows].sum()) / 1e3
    return Values(
        np.full(len(subjects), length / area),
        evidence=lambda _k: {"length_km": round(length, 3), "area_km2": round(area, 4)},
        note="over the convex hull of all paths",
    )


_A = "GB 50180-2018 appendix A"
LAND = (
    Indicator(
        "floor_area_ratio", "", "容积率", "area counted for FAR over the land of the parcel",
        "Σ counted area / land", "GB/T 50353-2013 or GB 55031-2022 with the place's rules (AreaMethod)",
        parcels, floor_area_ratio, options=_METHOD,
    ),
    Indicator(
        "building_density", "%", "建筑密度", "area of footprints over the land of the parcel",
        "Σ footprint / land", _A, parcels, building_density, options=_METHOD,
    ),
    Indicator(
        "green_ratio", "%", "绿地率", "green on the ground over the land of the parcel",
        "area of green within the parcel / land", _A, parcels, green_ratio, options=_METHOD,
    ),
    Indicator(
        "parcel_height", "m", "地块建筑高度", "height of the highest building of a parcel", "max height",
        "GB 50180-2018 table 4.0.2", parcels, parcel_height,
    ),
    Indicator(
        "building_height", "m", "建筑高度", "height of a building", "ground to parapet or roof",
        "GB 55031-2022 3.2", buildings, building_height,
    ),
    Indicator(
        "storey_height", "m", "层高", "lowest normal storey above ground of a building", "floor to floor",
        "GB 55038-2025 4.1.2", buildings, storey_height,
    ),
    Indicator(
        "land_per_person", "m2", "人均用地面积", "land of each resident of a parcel", "land / residents",
        "GB 50180-2018 table 4.0.2", parcels, land_per_person,
    ),
    Indicator(
        "public_green_per_person", "m2", "人均公共绿地", "public green of each resident",
        "green open to everybody / residents", "GB 50180-2018 4.0.4", the_community, public_green_per_person,
    ),
    Indicator(
        "central_green_per_person", "m2", "人均集中绿地", "central green of each resident",
        "central green / residents", "GB 50180-2018 4.0.7", the_community, central_green_per_person,
    ),
    Indicator(
        "shelter_area_per_person", "m2", "人均避难面积", "shelter of each resident", "shelters / residents",
        "GB/T 51327-2018 5.3", the_community, shelter_per_person,
    ),
    Indicator(
        "facility_area", "m2", "设施建筑面积", "building area of a facility of a kind", "as stated",
        "GB 50180-2018 appendix C", facilities, facility_area, keys=("kind",),
    ),
    Indicator(
        "facility_land_area", "m2", "设施用地面积", "land of a facility of a kind", "as stated",
        "GB 50180-2018 appendix C", facilities, facility_land, keys=("kind",),
    ),
    Indicator(
        "facility_area_per_100_households", "m2", "每百户设施面积", "area of some facilities per 100 dwellings",
        "100 Σ building area / dwellings", "national and local rules on elderly care", the_community,
        facilities_per("area", "dwellings", 100.0), keys=("kind",),
    ),
    Indicator(
        "facility_area_per_1000", "m2", "千人设施面积", "area of some facilities per 1000 residents",
        "1000 Σ building area / residents", "GB 50180-2018 table 5.0.3", the_community,
        facilities_per("area", "residents", 1000.0), keys=("kind",),
    ),
    Indicator(
        "facility_land_per_person", "m2", "人均设施用地", "land of some facilities of each resident",
        "Σ land / residents", "GB 50437-2007 (2018) 3.2.1A", the_community,
        facilities_per("land_area", "residents", 1.0), keys=("kind",),
    ),
    Indicator(
        "facility_places_per_1000", "", "千人位数", "places of some facilities per 1000 residents",
        "1000 Σ places / residents", "childcare and school planning", the_community,
        facilities_per("capacity", "residents", 1000.0), keys=("kind",),
    ),
    Indicator(
        "open_space_share", "%", "开敞空间比例", "public open space and streets over the land",
        "area of public open ground / land of the parcels", "SDG 11.7.1, parcels for the built-up area",
        the_community, open_space_share,
    ),
    Indicator(
        "parking_per_dwelling", "", "户均停车位", "parking spaces of each dwelling", "Σ parking / dwellings",
        "complete community (完整社区)", the_community, parking_per_dwelling,
    ),
    Indicator(
        "road_density", "km/km2", "路网密度", "length of streets over area", "Σ length / convex hull of the paths",
        "GB 50180-2018 chapter 6", the_community, road_density,
    ),
)  # fmt: skip
