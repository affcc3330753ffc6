"""Everything measured of one community, each simulation run once and only when a rule asks for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray, IntArray, TextArray, one_of
from cimkit.errors import MissingDataError
from cimkit.model.community import Community
from cimkit.model.derive import derive_windows
from cimkit.model.kinds import BuildingUse, PathKind, SpaceKind
from cimkit.model.tables import Windows
from cimkit.model.weather import Weather
from cimkit.rules.indicator import BANDS, NO_WEATHER, Given, Indicator, Subjects, SunSetting, Values
from cimkit.rules.subjects import CARE, HOMES
from cimkit.sim.access import WalkTimes, walk_times
from cimkit.sim.area_rules import LocalRules
from cimkit.sim.areas import AreaMethod, FloorAreas, floor_areas
from cimkit.sim.joined import Homes, homes_of
from cimkit.sim.network import WalkMethod
from cimkit.sim.receptors import Receptors, reference_points, window_receptors
from cimkit.sim.site_ratios import SiteIndicators, site_indicators, wall_roads
from cimkit.sim.sunlight import Spells, Sunlight, SunlightMethod, clock, sunlight
from cimkit.sim.sunpath import SunDay


class Measurements:
    """What was measured of a community; hand it to ``check`` again to judge without measuring anew.

    Parameters
    ----------
    community
        As it is judged; existing and planned things, without those that go.
    weather
        Of a typical year, for probable sunlight hours.
    """

    def __init__(self, community: Community, *, weather: Weather | None = None) -> None:
        self.community = community
        self.weather = weather
        self.previous: Measurements | None = None  # of the state before, for what compares with it
        self._subjects: dict[tuple[str, ...], Subjects] = {}
        self._values: dict[tuple[str, ...], Values] = {}
        self._suns: dict[SunSetting, Sunlight] = {}  # of all windows, hours nan where nobody asked
        self._walks: dict[str, WalkTimes] = {}
        self._areas: dict[tuple[str, str], FloorAreas] = {}
        self._sites: dict[tuple[str, str], SiteIndicators] = {}

    def __repr__(self) -> str:
        return f"<Measurements of {self.community!r}: {len(self._values)} indicators measured>"

    def subjects(self, indicator: Indicator, given: Given) -> Subjects:
        """Return what an indicator is measured on."""
        key = indicator.key(given)
        if key not in self._subjects:
            try:
                self._subjects[key] = indicator.subjects(self, given)
            except MissingDataError as error:
                self._subjects[key] = Subjects.none("community", str(error))
        return self._subjects[key]

    def values(self, indicator: Indicator, given: Given) -> Values:
        """Return the measured values of an indicator, one a subject."""
        key = (*indicator.key(given), *(f"{k}={given[k]}" for k in indicator.options if k in given))
        if key not in self._values or indicator.relative:
            subjects = self.subjects(indicator, given)
            try:
                self._values[key] = indicator.measure(self, subjects, given)
            except MissingDataError as error:
                self._values[key] = Values.unknown(len(subjects), str(error) or indicator.missing)
        return self._values[key]

    @cached_property
    def homes(self) -> Homes:
        """Dwellings and the doors their people set out from."""
        return homes_of(self.community)

    def walk(self, walker: str = "adult") -> WalkTimes:
        """Return the ways from every dwelling to the nearest service of each kind, of one group of walkers."""
        if walker not in self._walks:
            one_of(walker, ("adult", "child", "elder", "old_elder", "wheelchair"), name="walker")
            self._walks[walker] = walk_times(self.community, method=getattr(WalkMethod, walker.upper()))
        return self._walks[walker]

    def areas_of(self, given: Given) -> FloorAreas:
        """Return the three ledgers after a national code (``area_code``) and the rules of a place (``area_local``)."""
        local, code = _ledger(given)
        if (local, code) not in self._areas:
            method = _ready(AreaMethod, code).at(_ready(LocalRules, local))
            self._areas[local, code] = floor_areas(self.community, method=method)
        return self._areas[local, code]

    def site(self, given: Given) -> SiteIndicators:
        """Return floor area ratio, density and green ratio of each parcel."""
        key = _ledger(given)
        if key not in self._sites:
            self._sites[key] = site_indicators(self.community, self.areas_of(given))
        return self._sites[key]

    def carry_over(self, previous: Measurements, places: FloatArray) -> None:
        """Take from the state before an edit what the edit cannot have changed.

        Kept are the hours of windows that no shadow of the edited places reaches, and all walks if homes, doors,
        paths and services are as they were.

        Parameters
        ----------
        previous
            Measured before the edit.
        places
            Circles around what was edited, old and new: x, y, radius, highest point, shape (n, 4) [m].
        """
        if self.derived_windows or previous.derived_windows:
            return
        w, p = self.windows, previous.windows
        old = {str(name): k for k, name in enumerate(p.id)}
        row = np.array([old.get(str(name), -1) for name in w.id], dtype=np.int64)
        for name in ("x", "y", "z", "azimuth", "width"):
            same = np.isclose(getattr(w, name), np.append(getattr(p, name), np.nan)[row], equal_nan=True)
            row = np.where(same, row, -1)
        for setting, sun in previous._suns.items():
            kept = np.flatnonzero((row >= 0) & ~_reached(w, self._sun_day(setting), places))
            self._suns[setting] = _with_rows(self._unasked(setting), kept, sun, row[kept])
            asked = ~np.isnan(sun.hours)
            self.window_hours(np.flatnonzero(np.append(asked, asked.all())[row]), setting)  # new windows, if all were
        if all(np.array_equal(a, b) for a, b in zip(self._ways(), previous._ways(), strict=True)):
            for walker, walk in previous._walks.items():
                homes = homes_of(self.community, method=walk.method)
                if np.array_equal(homes.doors, walk.homes.doors):
                    self._walks[walker] = dataclasses.replace(walk, homes=homes)

    def _ways(self) -> tuple[Any, ...]:
        """Return paths and services as far as a walk depends on them."""
        c = self.community
        e, f, n = c.path_edges, c.facilities, c.path_nodes
        return e.id, e.length, e.kind, e.start, e.end, e.step_free, n.x, n.y, f.id, f.x, f.y, f.kind, f.building

    def paths_of(self, *kinds: PathKind) -> Any:
        """Return the courses of the paths of some kinds."""
        e = self.community.path_edges
        return e.course.take(np.flatnonzero(np.isin(e.kind, kinds))).to_shapely()

    def ground_of(self, *kinds: SpaceKind, public: bool = False) -> Any:
        """Return the ground that spaces of some kinds cover, None without one; only what is public where asked."""
        import shapely

        s = self.community.spaces
        rows = np.flatnonzero(np.isin(s.kind, kinds) & (s.storey < 0) & (s.public | (not public)))
        return shapely.union_all(s.outline.take(rows).to_shapely()) if len(rows) else None

    @cached_property
    def windows(self) -> Windows:
        """The community's windows, by rule where it has none."""
        c = self.community
        if len(c.windows) or not len(c.storeys):
            return c.windows
        sunny = np.isin(self.storey_use.astype(str), (*HOMES, *CARE))  # storeys a rule may ask sunlight for
        return derive_windows(c, of=sunny if sunny.any() else self.storey_use == "unknown")

    @cached_property
    def storey_use(self) -> TextArray:
        """Use of each storey, its building's where it has none, as codes."""
        s, b = self.community.storeys, self.community.buildings
        return BuildingUse.codes(np.where(s.use > 0, s.use, b.use[s.building]))

    @cached_property
    def window_storey(self) -> IntArray:
        """Storey of each window, found by height where it is not stated, -1 for none."""
        w, s = self.windows, self.community.storeys
        found = w.storey.copy()
        ground = self.community.buildings.ground_z
        for k in np.flatnonzero(found < 0):
            own = np.flatnonzero(s.building == w.building[k])
            above = w.z[k] - ground[w.building[k]] - s.z[own]
            inside = own[(above >= -1e-6) & (above < s.height[own])]
            found[k] = inside[0] if len(inside) else -1
        return found

    @cached_property
    def _receptors(self) -> Receptors:
        return window_receptors(dataclasses.replace(self.community, windows=self.windows))

    @cached_property
    def window_sky(self) -> FloatArray:
        """Vertical sky component of each window [%]."""
        from cimkit.sim.sky import sky_view

        return sky_view(self.community, self._receptors).vsc

    @cached_property
    def probable_sunlight(self) -> Any:
        """Probable sunlight hours of each window.

        Raises
        ------
        MissingDataError
            If there is no weather.
        """
        from cimkit.sim.sky import probable_sunlight

        if self.weather is None:
            raise MissingDataError(NO_WEATHER)
        return probable_sunlight(self.community, self._receptors, self.weather)

    @cached_property
    def shelter_loads(self) -> Any:
        """Shelters with the residents nearest to each, see ``Evacuation.loads``."""
        from cimkit.sim.supply import evacuation

        return evacuation(self.community).loads()

    @cached_property
    def parcel_persons(self) -> FloatArray:
        """Residents of each parcel, nan where nobody is counted at all."""
        c, homes = self.community, self.homes
        if not homes.persons.sum() > 0:
            return np.full(len(c.parcels), np.nan)
        parcel = c.buildings.parcel[homes.building]
        return np.bincount(parcel + 1, homes.persons, len(c.parcels) + 1)[1:].astype(np.float64)

    @cached_property
    def wall_roads(self) -> Any:
        """Site roads in front of walls, see ``cimkit.sim.site_ratios``."""
        return wall_roads(self.community)

    @cached_property
    def _openings(self) -> Receptors:
        return reference_points(dataclasses.replace(self.community, windows=self.windows))

    @property
    def derived_windows(self) -> bool:
        """Whether the windows were placed by rule."""
        return len(self.community.windows) == 0

    def window_hours(self, rows: IntArray, setting: SunSetting) -> FloatArray:
        """Return hours of sun of some windows as a setting counts them, shape (n) [h].

        Raises
        ------
        MissingDataError
            If the place on Earth is not known.
        """
        if not len(rows):
            return np.zeros(0)
        sun = self._suns.get(setting) or self._unasked(setting)
        wanted = np.unique(rows[np.isnan(sun.hours[rows])])
        if len(wanted):
            receptors = self._openings if setting.at == "opening" else self._receptors
            found = self.sun(receptors.take(wanted), setting)
            self._suns[setting] = sun = _with_rows(sun, wanted, found, np.arange(len(wanted)))
        return sun.hours[rows]

    def _sun_day(self, setting: SunSetting) -> SunDay:
        """Return the day of a setting."""
        place, band = self.community.require_location(), (setting.first, setting.last)
        if setting.day in BANDS:
            return getattr(SunDay, setting.day)(place, band=band)  # type: ignore[no-any-return]
        month, day = (int(v) for v in setting.day.split("-"))
        return SunDay.on(place, (2001, month, day), band=band)

    def sun(self, receptors: Receptors, setting: SunSetting) -> Sunlight:
        """Run the sun of a setting over receptors."""
        return sunlight(self.community, receptors, self._sun_day(setting), method=_method(setting))

    def _unasked(self, setting: SunSetting) -> Sunlight:
        """Return the sun of all windows before anybody asked for it."""
        receptors, none = self._receptors, np.zeros(0)
        offsets, hours = np.zeros(len(receptors) + 1, dtype=np.int64), np.full(len(receptors), np.nan)
        return Sunlight(receptors, offsets, none, none, self._sun_day(setting), _method(setting), hours)

    def results(self) -> list[Any]:
        """Return what was simulated, for a report: sunlight, walks, areas and site indicators.

        What no rule asked for is simulated the usual way: Great Cold, an adult's walk, the national area code.
        """
        asked = any(np.isfinite(sun.hours).any() for sun in self._suns.values())
        if not asked and self.community.location is not None:
            self.window_hours(np.arange(len(self.windows)), SunSetting())
        if len(self.homes) and len(self.community.facilities):
            self.walk()
        if not self._areas and len(self.community.storeys):
            self.site({})
        lights = [_asked(sun) for sun in self._suns.values() if np.isfinite(sun.hours).any()]
        walks = sorted(self._walks, key=lambda walker: walker != "adult")
        return [*lights, *(self._walks[w] for w in walks), *self._areas.values(), *self._sites.values()]

    def lit(self, windows: Sequence[int] | IntArray, setting: SunSetting) -> dict[str, Any]:
        """Return the names of windows and their lit intervals as text, in true solar time."""
        sun = self._suns.get(setting)
        lit = [[f"{clock(a)}–{clock(b)}" for a, b in sun.intervals(k)] if sun else [] for k in windows]
        return {"windows": [str(self.windows.id[k]) for k in windows], "lit": lit}

    @property
    def counted(self) -> float:
        """Number of residents, nan where nobody is counted."""
        c = self.community
        return float(np.nansum(c.population.persons)) or float(np.nansum(c.dwellings.persons)) or float("nan")

    def persons(self) -> float:
        """Return the number of residents.

        Raises
        ------
        MissingDataError
            If nobody is counted.
        """
        if not self.counted > 0:
            how = "add population or dwellings with persons, or run complete()."
            raise MissingDataError(f"residents: their number must be known; {how}")
        return self.counted


def _method(setting: SunSetting) -> SunlightMethod:
    """Return what counts of the sun in a setting."""
    return SunlightMethod("as the rule says", setting.min_segment, setting.max_segments)


def _asked(sun: Sunlight) -> Sunlight:
    """Return the part of a result that somebody asked for."""
    rows = np.flatnonzero(np.isfinite(sun.hours))
    receptors, lit = sun.receptors.take(rows), sun.spells.take(rows)._asdict()
    return dataclasses.replace(sun, receptors=receptors, hours=sun.hours[rows], **lit)


def _with_rows(sun: Sunlight, rows: IntArray, other: Sunlight, others: IntArray) -> Sunlight:
    """Return a result with some rows taken from others of another one."""
    source = np.arange(len(sun))
    source[rows] = len(sun) + others
    lit = Spells.joined([sun.spells, other.spells]).take(source)._asdict()
    return dataclasses.replace(sun, hours=np.append(sun.hours, other.hours)[source], **lit)


def _reached(windows: Windows, day: SunDay, places: FloatArray) -> Any:
    """Return which windows a shadow of some circles (x, y, radius, top) can reach within the day's band."""
    elevation, azimuth = day.position(np.linspace(*day.band, 49))
    up = elevation > 0
    low = max(float(elevation[up].min(initial=90.0)), 0.2)
    middle = (azimuth[up].min(initial=360.0) + azimuth[up].max(initial=0.0)) / 2
    half = (azimuth[up].max(initial=0.0) - azimuth[up].min(initial=360.0)) / 2 + 1.0
    found = np.zeros(len(windows), dtype=bool)
    for x, y, radius, top in places:
        east, north = x - windows.x, y - windows.y
        far = np.hypot(east, north)
        reach = radius + np.maximum(top - windows.z, 0.0) / np.tan(np.radians(low)) + 1.0
        off = np.abs((np.degrees(np.arctan2(east, north)) - middle + 180.0) % 360.0 - 180.0)
        wide = np.degrees(np.arcsin(np.clip(radius / np.maximum(far, 1e-9), 0.0, 1.0)))
        found |= (far <= reach) & ((off <= half + wide) | (far <= radius + 1.0))
    return found


def _ledger(given: Given) -> tuple[str, str]:
    """Return the names of the local rules and the national code that areas are counted by."""
    return given.get("area_local", "NATIONAL"), given.get("area_code", "GBT50353_2013")


def _ready(owner: type, name: str) -> Any:
    """Return a ready instance of a class by its name.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    ready = [n for n, value in vars(owner).items() if n.isupper() and isinstance(value, owner)]
    return getattr(owner, one_of(name, ready, name=f"area method ({owner.__name__})"))
