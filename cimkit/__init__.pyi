"""The public list, typed; written by ``python -m tests.make_stub``."""

from cimkit import samples as samples
from cimkit import view as view
from cimkit.errors import CimkitError as CimkitError
from cimkit.errors import FormatError as FormatError
from cimkit.errors import InputError as InputError
from cimkit.errors import MissingDataError as MissingDataError
from cimkit.geometry.frame import Frame as Frame
from cimkit.geometry.polygons import Polygons as Polygons
from cimkit.geometry.polygons import clean_polygons as clean_polygons
from cimkit.geometry.terrain import Terrain as Terrain
from cimkit.io.files import read as read
from cimkit.io.files import write as write
from cimkit.model.community import Community as Community
from cimkit.model.complete import complete as complete
from cimkit.model.derive import WindowRule as WindowRule
from cimkit.model.edits import remove_building as remove_building
from cimkit.model.edits import replace_building as replace_building
from cimkit.model.kinds import AgeBand as AgeBand
from cimkit.model.kinds import BuildingUse as BuildingUse
from cimkit.model.kinds import EntranceKind as EntranceKind
from cimkit.model.kinds import FacilityKind as FacilityKind
from cimkit.model.kinds import PathKind as PathKind
from cimkit.model.kinds import ProjectType as ProjectType
from cimkit.model.kinds import SpaceKind as SpaceKind
from cimkit.model.kinds import Status as Status
from cimkit.model.kinds import StoreyKind as StoreyKind
from cimkit.model.notes import Note as Note
from cimkit.model.notes import Notes as Notes
from cimkit.model.records import Building as Building
from cimkit.model.records import Facility as Facility
from cimkit.model.records import Location as Location
from cimkit.model.records import Parcel as Parcel
from cimkit.model.records import Path as Path
from cimkit.model.records import Space as Space
from cimkit.model.records import Window as Window
from cimkit.model.validate import validate as validate
from cimkit.sim.access import WalkTimes as WalkTimes
from cimkit.sim.access import walk_times as walk_times
from cimkit.sim.areas import AreaMethod as AreaMethod
from cimkit.sim.areas import FloorAreas as FloorAreas
from cimkit.sim.areas import SiteIndicators as SiteIndicators
from cimkit.sim.areas import floor_areas as floor_areas
from cimkit.sim.areas import site_indicators as site_indicators
from cimkit.sim.circles import LivingCircles as LivingCircles
from cimkit.sim.circles import living_circles as living_circles
from cimkit.sim.isochrones import Isochrones as Isochrones
from cimkit.sim.isochrones import isochrones as isochrones
from cimkit.sim.network import WalkNetwork as WalkNetwork
from cimkit.sim.receptors import Receptors as Receptors
from cimkit.sim.receptors import facade_receptors as facade_receptors
from cimkit.sim.receptors import ground_receptors as ground_receptors
from cimkit.sim.receptors import window_receptors as window_receptors
from cimkit.sim.shadows import Shadows as Shadows
from cimkit.sim.shadows import shadows as shadows
from cimkit.sim.sunlight import Sunlight as Sunlight
from cimkit.sim.sunlight import SunlightMethod as SunlightMethod
from cimkit.sim.sunlight import sunlight as sunlight
from cimkit.sim.sunlight_change import SunlightChange as SunlightChange
from cimkit.sim.sunlight_change import affected_buildings as affected_buildings
from cimkit.sim.sunlight_change import compare_sunlight as compare_sunlight
from cimkit.sim.sunpath import SunDay as SunDay
from cimkit.sim.walk_method import WalkMethod as WalkMethod

__version__: str
__all__: list[str]
_WHERE: dict[str, str]
