"""Indicators of land and buildings: FAR, density, green ratio, heights, what each resident has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.model.kinds import FacilityKind, Provenance, SpaceKind, StoreyKind
from cimkit.rules.indicator import Subjects, Values, listed, stated
from cimkit.rules.subjects import buildings, facilities, homes_and_care, parcels, the_community

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cimkit.rules.measurements import Measurements

_GUESSED = (Provenance.DEFAULT, Provenance.FROM_STOREYS, Provenance.FROM_HEIGHT)
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


LAND = (
    listed("floor_area_ratio", parcels, site_ratio("far", _LAND)),
    listed("building_density", parcels, site_ratio("building_density", _LAND, 100.0)),
    listed("green_ratio", parcels, site_ratio("green_ratio", "green: add spaces of kind green (绿地)", 100.0)),
    listed("parcel_height", parcels, site_ratio("height", "heights of the parcel's buildings")),
    listed("spacing_margin", homes_and_care, spacing_margin),
    listed("building_height", buildings, building_height),
    listed("storey_height", buildings, storey_height),
    listed("land_per_person", parcels, site_ratio("land_per_person", "residents of the parcel")),
    listed(
        "public_green_per_person",
        the_community,
        site_ratio("public_green_per_person", "residents and public green: spaces of kind green, public"),
    ),
    listed(
        "central_green_per_person",
        the_community,
        site_ratio("central_green_per_person", "residents and central green: spaces of kind central_green"),
    ),
    listed(
        "shelter_area_per_person",
        the_community,
        site_ratio("shelter_area_per_person", "residents and shelters: spaces of kind shelter (避难场所)"),
    ),
    listed("facility_area", facilities, stated("facilities", "area", "building area of the facility (建筑面积)")),
    listed("facility_land_area", facilities, stated("facilities", "land_area", "land of the facility (用地面积)")),
    listed("facility_area_per_100_households", the_community, facilities_per("area", "dwellings", 100.0)),
    listed("facility_area_per_1000", the_community, facilities_per("area", "residents", 1000.0)),
    listed("facility_land_per_person", the_community, facilities_per("land_area", "residents", 1.0)),
    listed("facility_places_per_1000", the_community, facilities_per("capacity", "residents", 1000.0)),
    listed("open_space_share", the_community, open_space_share),
    listed(
        "parking_per_dwelling",
        the_community,
        site_ratio("parking_per_dwelling", "dwellings, and spaces with a number in 'parking'"),
    ),
    listed("road_density", the_community, site_ratio("road_density", "streets: add paths of kind street, main_road …")),
)
