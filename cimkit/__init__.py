"""Community information model (社区信息模型) and simulation toolkit.

One flat list of names. Each is loaded when first used, so that ``import cimkit`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from cimkit.model.drawn import connect

__version__ = "0.1.0"

_WHERE = {  # public name → module; the same list, typed, stands in __init__.pyi
    "AgeBand": "model.kinds",
    "Blockers": "sim.blockers",
    "Building": "model.records",
    "BuildingUse": "model.kinds",
    "CimkitError": "errors",
    "Community": "model.community",
    "EntranceKind": "model.kinds",
    "Facility": "model.records",
    "FacilityKind": "model.kinds",
    "FormatError": "errors",
    "Frame": "geometry.frame",
    "InputError": "errors",
    "Location": "model.records",
    "MissingDataError": "errors",
    "Note": "model.notes",
    "Notes": "model.notes",
    "Parcel": "model.records",
    "Path": "model.records",
    "PathKind": "model.kinds",
    "Polygons": "geometry.polygons",
    "ProjectType": "model.kinds",
    "Receptors": "sim.receptors",
    "Space": "model.records",
    "SpaceKind": "model.kinds",
    "Status": "model.kinds",
    "StoreyKind": "model.kinds",
    "Isochrones": "sim.isochrones",
    "Shadows": "sim.shadows",
    "isochrones": "sim.isochrones",
    "shadows": "sim.shadows",
    "ProbableSunlight": "sim.irradiance",
    "Irradiance": "sim.irradiance",
    "EnvelopeGrid": "sim.envelope",
    "SolarEnvelope": "sim.envelope",
    "SkyView": "sim.sky",
    "SunPatches": "sim.sunlit",
    "amenity_sun": "sim.sunlit",
    "sun_patches": "sim.sunlit",
    "Spacing": "sim.spacing",
    "building_spacing": "sim.spacing",
    "solar_envelope": "sim.envelope",
    "SolarPotential": "sim.solar_potential",
    "Weather": "model.weather",
    "irradiance": "sim.irradiance",
    "probable_sunlight": "sim.irradiance",
    "read_epw": "io.weather",
    "sky_view": "sim.sky",
    "solar_potential": "sim.solar_potential",
    "read": "io.files",
    "read_gtfs": "io.gtfs",
    "with_open_space": "sim.open_space",
    "write": "io.files",
    "SunlightChange": "sim.sunlight_change",
    "blockers": "sim.blockers",
    "affected_buildings": "sim.sunlight_change",
    "compare_sunlight": "sim.sunlight_change",
    "AreaMethod": "sim.areas",
    "LocalRules": "sim.area_local",
    "FloorAreas": "sim.areas",
    "SiteIndicators": "sim.site_ratios",
    "floor_areas": "sim.areas",
    "site_indicators": "sim.site_ratios",
    "LivingCircles": "sim.circles",
    "living_circles": "sim.circles",
    "SunDay": "sim.sunpath",
    "julian_day": "sim.sunpath",
    "sun_position": "sim.sunpath",
    "Sunlight": "sim.sunlight",
    "SunlightMethod": "sim.sunlight",
    "Terrain": "geometry.terrain",
    "Decay": "sim.decay",
    "floating_catchments": "sim.reach",
    "NearestServices": "sim.services",
    "PathUse": "sim.routes",
    "Route": "sim.routes",
    "ServiceAccess": "sim.services",
    "WalkChange": "sim.walk_change",
    "compare_walks": "sim.walk_change",
    "nearest_services": "sim.services",
    "path_use": "sim.routes",
    "service_access": "sim.services",
    "walk_route": "sim.routes",
    "young_and_old": "sim.walk_change",
    "nearest_places": "sim.reach",
    "reach_sums": "sim.reach",
    "walk_matrix": "sim.reach",
    "WalkMethod": "sim.walk_method",
    "WalkNetwork": "sim.network",
    "WalkTimes": "sim.access",
    "Window": "model.records",
    "WindowRule": "model.derive",
    "clean_polygons": "geometry.polygons",
    "remove_building": "model.edits",
    "replace_building": "model.edits",
    "complete": "model.complete",
    "facade_receptors": "sim.receptors",
    "ground_receptors": "sim.receptors",
    "sunlight": "sim.sunlight",
    "validate": "model.validate",
    "Edit": "model.changes",
    "add_object": "model.changes",
    "move_object": "model.changes",
    "remove_object": "model.changes",
    "set_storeys": "model.changes",
    "Study": "view.study",
    "plot": "view.plan",
    "show": "view.show",
    "walk_times": "sim.access",
    "Evacuation": "sim.evacuation",
    "evacuation": "sim.evacuation",
    "check": "rules.check",
    "Improvement": "sim.supply",
    "facility_database": "sim.supply",
    "improvement_plan": "sim.supply",
    "supply": "sim.supply",
    "change_table": "rules.compare",
    "scenarios": "rules.compare",
    "Assessment": "rules.future",
    "assess": "rules.future",
    "Satisfaction": "rules.survey",
    "Questionnaire": "rules.survey",
    "Question": "rules.survey",
    "satisfaction": "rules.survey",
    "Findings": "rules.findings",
    "Finding": "rules.findings",
    "window_receptors": "sim.receptors",
}
_MODULES = ("samples", "view")

__all__ = sorted([*_WHERE, *_MODULES])  # noqa: PLE0605


connect(lambda: import_module("cimkit.view"))


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name in _MODULES:
        return import_module(f"cimkit.{name}")
    if name not in _WHERE:
        raise AttributeError(f"module 'cimkit' has no attribute {name!r}")
    value = getattr(import_module(f"cimkit.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__, "__version__"]
