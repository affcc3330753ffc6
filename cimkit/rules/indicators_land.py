"""Indicators of land and buildings: FAR, density, green ratio, heights, what each resident has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.model.kinds import FacilityKind, Provenance, SpaceKind, StoreyKind
from cimkit.rules.indicator import Indicator, Subjects, Values
from cimkit.rules.subjects import buildings, facilities, homes_and_care, parcels, the_community

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cimkit.rules.measurements import Measurements

_GUESSED = (Provenance.DEFAULT, Provenance.FROM_STOREYS, Provenance.FROM_HEIGHT)
_METHOD = ("area_local", "area_code")
_OPEN_SPACE = (
    *(SpaceKind.GREEN, SpaceKind.CENTRAL_GREEN, SpaceKind.PLAZA, SpaceKind.PLAYGROUND, SpaceKind.WATER),
    *(SpaceKind.PUBLIC_OPEN_SPACE, SpaceKind.PUBLIC_PASSAGE, SpaceKind.ROAD),
)


def site_ratio(name: str, missing: str, factor: float = 1.0) -> Callable[..., Values]:
    """Return the measure of a site indicator, of parcels or of all together, with what it was made of."""

    def measure(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
        site = m.site(given.get("area_local", "NATIONAL"), given.get("area_code", "GBT50353_2013"))
        found = {r.parcel: r for r in site.rows if r.name == name}
        wanted = subjects.rows if subjects.table == "parcel" else np.full(len(subjects), -1)
        rows = [found.get(int(p)) for p in wanted]
        values = factor * np.array([np.nan if r is None else r.value for r in rows])

        def evidence(k: int) -> dict[str, Any]:
            row = rows[k]
            if row is None:
                return {}
            top, base = round(float(row.numerator), 3), round(float(row.denominator), 3)
            shown = {"numerator": top, "denominator": base, "counting": row.counting, "objects": list(row.objects[:20])}
            return shown | ({"method": repr(site.areas.method)} if name == "far" else {})

        return Values(values, missing=missing, evidence=evidence)

    return measure


_LAND = "land of the parcel"


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


def spacing_margin(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
    """Measure by how much a building stands farther from those that take its sun than a city asks for."""
    from cimkit.sim.spacing import building_spacing

    pairs = building_spacing(m.community, rule=given["spacing"])
    margin = pairs.margins()[subjects.rows]

    def evidence(k: int) -> dict[str, Any]:
        own = np.flatnonzero(pairs.shaded == subjects.rows[k])
        if not len(own):
            return {"faces": "nothing within twice the distance"}
        worst = own[(pairs.distance[own] - pairs.required[own]).argmin()]
        numbers = {n: round(float(getattr(pairs, n)[worst]), 2) for n in ("distance", "required", "height", "turn")}
        return {"blocker": str(m.community.buildings.id[pairs.blocker[worst]]), **numbers}

    return Values(np.where(np.isnan(margin), np.inf, margin), evidence=evidence, note=f"by {pairs.rule}")


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


_A = "GB 50180-2018 appendix A"
LAND = (
    Indicator(
        "floor_area_ratio", "", "容积率", "area counted for FAR over the land of the parcel",
        "Σ counted area / land", "GB/T 50353-2013 or GB 55031-2022 with the place's rules (AreaMethod)",
        parcels, site_ratio("far", _LAND), options=_METHOD,
    ),
    Indicator(
        "building_density", "%", "建筑密度", "area of footprints over the land of the parcel",
        "Σ footprint / land", _A, parcels, site_ratio("building_density", _LAND, 100.0), options=_METHOD,
    ),
    Indicator(
        "green_ratio", "%", "绿地率", "green on the ground over the land of the parcel",
        "area of green within the parcel / land", _A, parcels,
        site_ratio("green_ratio", "green: add spaces of kind green (绿地)", 100.0), options=_METHOD,
    ),
    Indicator(
        "parcel_height", "m", "地块建筑高度", "height of the highest building of a parcel", "max height",
        "GB 50180-2018 table 4.0.2", parcels, site_ratio("height", "heights of the parcel's buildings"),
    ),
    Indicator(
        "spacing_margin", "m", "日照间距余量", "distance to what takes the sun, less what is asked",
        "least of distance - required over facing pairs, see building_spacing", "cities' planning rules",
        homes_and_care, spacing_margin, options=("spacing",),
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
        "GB 50180-2018 table 4.0.2", parcels, site_ratio("land_per_person", "residents of the parcel"),
    ),
    Indicator(
        "public_green_per_person", "m2", "人均公共绿地", "public green of each resident",
        "green open to everybody / residents", "GB 50180-2018 4.0.4", the_community,
        site_ratio("public_green_per_person", "residents and public green: spaces of kind green, public"),
    ),
    Indicator(
        "central_green_per_person", "m2", "人均集中绿地", "central green of each resident",
        "central green / residents", "GB 50180-2018 4.0.7", the_community,
        site_ratio("central_green_per_person", "residents and central green: spaces of kind central_green"),
    ),
    Indicator(
        "shelter_area_per_person", "m2", "人均避难面积", "shelter of each resident", "shelters / residents",
        "GB/T 51327-2018 5.3", the_community,
        site_ratio("shelter_area_per_person", "residents and shelters: spaces of kind shelter (避难场所)"),
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
        "complete community (完整社区)", the_community,
        site_ratio("parking_per_dwelling", "dwellings, and spaces with a number in 'parking'"),
    ),
    Indicator(
        "road_density", "km/km2", "路网密度", "length of streets over area", "Σ length / convex hull of the paths",
        "GB 50180-2018 chapter 6", the_community,
        site_ratio("road_density", "streets: add paths of kind street, main_road …"),
    ),
)  # fmt: skip
