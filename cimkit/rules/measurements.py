"""Everything measured of one community, each simulation run once and only when a rule asks for it."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.arrays import FloatArray, IntArray, TextArray, one_of
from cimkit.errors import MissingDataError
from cimkit.geometry.ragged import offsets_of, ragged_rows
from cimkit.model.derive import derive_windows
from cimkit.model.kinds import BuildingUse
from cimkit.rules.indicator import BANDS, NO_WEATHER, Indicator, Subjects, SunSetting, Values
from cimkit.sim.access import WalkTimes, walk_times
from cimkit.sim.area_local import LocalRules
from cimkit.sim.areas import AreaMethod, FloorAreas, floor_areas
from cimkit.sim.joined import Homes, homes_of
from cimkit.sim.receptors import Receptors, window_receptors
from cimkit.sim.site_ratios import SiteIndicators, site_indicators
from cimkit.sim.sunlight import Sunlight, SunlightMethod, clock, sunlight
from cimkit.sim.sunpath import SunDay
from cimkit.sim.walk_method import WalkMethod

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cimkit.model.community import Community
    from cimkit.model.tables import Windows
    from cimkit.model.weather import Weather
    from cimkit.sim.irradiance import ProbableSunlight


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
        self._hours: dict[SunSetting, FloatArray] = {}
        self._lit: dict[SunSetting, dict[int, tuple[Sunlight, int]]] = {}
        self._walkers: dict[str, WalkTimes] = {}
        self._areas: dict[tuple[str, str], FloorAreas] = {}
        self._sites: dict[tuple[str, str], SiteIndicators] = {}

    def __repr__(self) -> str:
        return f"<Measurements of {self.community!r}: {len(self._values)} indicators measured>"

    def subjects(self, indicator: Indicator, given: Mapping[str, Any]) -> Subjects:
        """Return what an indicator is measured on."""
        key = indicator.key(given)
        if key not in self._subjects:
            try:
                self._subjects[key] = indicator.subjects(self, given)
            except MissingDataError as error:
                self._subjects[key] = Subjects.none("community", str(error))
        return self._subjects[key]

    def values(self, indicator: Indicator, given: Mapping[str, Any]) -> Values:
        """Return the measured values of an indicator, one a subject."""
        key = (*indicator.key(given), *(f"{k}={given[k]}" for k in indicator.options if k in given))
        if key not in self._values or indicator.relative:
            subjects = self.subjects(indicator, given)
            try:
                self._values[key] = indicator.measure(self, subjects, given)
            except MissingDataError as error:
                self._values[key] = Values.unknown(len(subjects), str(error))
        return self._values[key]

    @cached_property
    def homes(self) -> Homes:
        """Dwellings and the doors their people set out from."""
        return homes_of(self.community)

    @cached_property
    def walk(self) -> WalkTimes:
        """Ways from every dwelling to the nearest service of each kind."""
        return walk_times(self.community)

    def walk_of(self, walker: str) -> WalkTimes:
        """Return the ways of one group of walkers: ``adult``, ``child``, ``elder``, ``old_elder``, ``wheelchair``."""
        if walker == "adult":
            return self.walk
        if walker not in self._walkers:
            one_of(walker, ("adult", "child", "elder", "old_elder", "wheelchair"), name="walker")
            self._walkers[walker] = walk_times(self.community, method=getattr(WalkMethod, walker.upper()))
        return self._walkers[walker]

    def areas_of(self, local: str, code: str) -> FloorAreas:
        """Return the three ledgers after a national code and the rules of a place."""
        if (local, code) not in self._areas:
            method = getattr(AreaMethod, _one_of_class(AreaMethod, code)).at(
                getattr(LocalRules, _one_of_class(LocalRules, local))
            )
            self._areas[local, code] = floor_areas(self.community, method=method)
        return self._areas[local, code]

    def site(self, local: str, code: str) -> SiteIndicators:
        """Return floor area ratio, density and green ratio of each parcel."""
        if (local, code) not in self._sites:
            self._sites[local, code] = site_indicators(self.community, self.areas_of(local, code))
        return self._sites[local, code]

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
        old = {str(name): k for k, name in enumerate(previous.windows.id)}
        row = np.array([old.get(str(name), -1) for name in self.windows.id], dtype=np.int64)
        w, p = self.windows, previous.windows
        for name in ("x", "y", "z", "azimuth", "width"):
            row = np.where(
                np.isclose(getattr(w, name), np.append(getattr(p, name), np.nan)[row], equal_nan=True), row, -1
            )
        for setting, hours in previous._hours.items():
            kept = np.flatnonzero((row >= 0) & ~_reached(w, self._sun_day(setting), places))
            self._hours[setting] = np.full(len(w), np.nan)
            self._hours[setting][kept] = hours[row[kept]]
            lit = previous._lit.get(setting, {})
            self._lit[setting] = {int(k): lit[int(row[k])] for k in kept if int(row[k]) in lit}
            seen = np.append(
                np.isin(np.arange(len(p)), list(lit)), len(lit) == len(p)
            )  # new windows, if all were asked
            self.window_hours(np.flatnonzero(seen[row]), setting)
        if all(np.array_equal(a, b) for a, b in zip(self._ways(), previous._ways(), strict=True)):
            walks = previous._walkers | ({"adult": previous.walk} if "walk" in previous.__dict__ else {})
            for walker, walk in walks.items():
                same = walk.with_homes(homes_of(self.community, method=walk.method))
                if same is not None and walker == "adult":
                    self.__dict__["walk"] = same
                elif same is not None:
                    self._walkers[walker] = same

    def _ways(self) -> tuple[Any, ...]:
        """Return paths and services as far as a walk depends on them."""
        c = self.community
        e, f, n = c.path_edges, c.facilities, c.path_nodes
        return e.id, e.length, e.kind, e.start, e.end, e.step_free, n.x, n.y, f.id, f.x, f.y, f.kind, f.building

    @cached_property
    def windows(self) -> Windows:
        """The community's windows, by rule where it has none."""
        c = self.community
        if len(c.windows) or not len(c.storeys):
            return c.windows
        made: Windows = derive_windows(c.buildings, c.plates, c.storeys, of=self._sunny_storeys)
        return made

    @cached_property
    def storey_use(self) -> TextArray:
        """Use of each storey, its building's where it has none, as codes."""
        s, b = self.community.storeys, self.community.buildings
        return BuildingUse.codes(np.where(s.use > 0, s.use, b.use[s.building]))

    @cached_property
    def _sunny_storeys(self) -> Any:
        """Which storeys have rooms that a rule may ask sunlight for."""
        wanted = ("residential", "elderly_housing", "dormitory", "kindergarten", "school", "hospital")
        known = np.isin(self.storey_use.astype(str), wanted)
        return known if known.any() else self.storey_use == "unknown"

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
    def probable_sunlight(self) -> ProbableSunlight:
        """Probable sunlight hours of each window.

        Raises
        ------
        MissingDataError
            If there is no weather.
        """
        from cimkit.sim.irradiance import probable_sunlight

        if self.weather is None:
            raise MissingDataError(NO_WEATHER)
        return probable_sunlight(self.community, self._receptors, self.weather)

    @cached_property
    def shelter_loads(self) -> Any:
        """Shelters with the residents nearest to each, see ``Evacuation.loads``."""
        from cimkit.sim.evacuation import evacuation

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
        """Site roads in front of walls, see ``cimkit.sim.wall_roads``."""
        from cimkit.sim.wall_roads import wall_roads

        return wall_roads(self.community)

    @cached_property
    def _openings(self) -> Receptors:
        from cimkit.sim.daylight import reference_points

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
        hours = self._hours.setdefault(setting, np.full(len(self.windows), np.nan))
        rows = np.asarray(rows, dtype=np.int64)
        wanted = np.unique(rows[np.isnan(hours[rows])]) if len(rows) else rows
        if len(wanted):
            result = self._simulate(wanted, setting)
            hours[wanted] = result.hours
            lit = self._lit.setdefault(setting, {})
            lit.update({int(w): (result, k) for k, w in enumerate(wanted)})
        return hours[rows]

    def _simulate(self, rows: IntArray, setting: SunSetting) -> Sunlight:
        """Run the sun over some windows."""
        receptors = self._openings if setting.at == "opening" else self._receptors
        return self._sun(receptors.take(rows), setting)

    def ground_hours(self, receptors: Receptors, setting: SunSetting) -> FloatArray:
        """Return hours of sun at points on the ground as a setting counts them, shape (n) [h]."""
        return self._sun(receptors, setting).hours

    def _sun_day(self, setting: SunSetting) -> SunDay:
        """Return the day of a setting."""
        place, band = self.community.require_location(), (setting.first, setting.last)
        if setting.day in BANDS:
            return getattr(SunDay, setting.day)(place, band=band)  # type: ignore[no-any-return]
        month, day = (int(v) for v in setting.day.split("-"))
        return SunDay.on(place, (2001, month, day), band=band)

    def _sun(self, receptors: Receptors, setting: SunSetting) -> Sunlight:
        """Run the sun over receptors."""
        day = self._sun_day(setting)
        method = SunlightMethod(
            "as the rule says", min_segment_min=setting.min_segment, max_segments=setting.max_segments
        )
        return sunlight(self.community, receptors, day, method=method)

    def results(self) -> list[Any]:
        """Return what was simulated, for a report: sunlight, walks, areas and site indicators.

        What no rule asked for is simulated the usual way: Great Cold, an adult's walk, the national area code.
        """
        windows = np.arange(len(self.windows))
        if not any(self._lit.values()) and len(windows) and self.community.location is not None:
            self.window_hours(windows, SunSetting())
        if len(self.homes) and len(self.community.facilities):
            self.walk  # noqa: B018
        if not self._areas and len(self.community.storeys):
            self.site("NATIONAL", "GBT50353_2013")
        lights = [self._gathered(lit) for lit in self._lit.values() if lit]
        walks = [self.walk] if "walk" in self.__dict__ else []
        return [*lights, *walks, *self._walkers.values(), *self._areas.values(), *self._sites.values()]

    def _gathered(self, lit: Mapping[int, tuple[Sunlight, int]]) -> Sunlight:
        """Return all windows of one setting as one result, in order, from the runs that gave them."""
        runs: dict[int, tuple[Sunlight, list[int], list[int]]] = {}
        for window, (run, k) in lit.items():
            _, windows, rows = runs.setdefault(id(run), (run, [], []))
            windows.append(window)
            rows.append(k)
        parts = [(run, *ragged_rows(run.offsets, np.array(rows)), np.array(rows)) for run, _, rows in runs.values()]
        order = np.argsort(np.concatenate([windows for _, windows, _ in runs.values()]))
        sizes = np.concatenate([np.diff(offsets) for _, _, offsets, _ in parts])
        items, offsets = ragged_rows(offsets_of(sizes), order)
        return dataclasses.replace(
            parts[0][0],
            receptors=self._receptors.take(np.array(sorted(lit))),
            offsets=offsets,
            starts=np.concatenate([run.starts[own] for run, own, _, _ in parts])[items],
            ends=np.concatenate([run.ends[own] for run, own, _, _ in parts])[items],
            hours=np.concatenate([run.hours[rows] for run, _, _, rows in parts])[order],
        )

    def lit(self, window: int, setting: SunSetting) -> list[str]:
        """Return the lit intervals of a window as text, in true solar time."""
        found = self._lit.get(setting, {}).get(int(window))
        if found is None:
            return []
        result, row = found
        return [f"{clock(a)}–{clock(b)}" for a, b in result.intervals(row)]

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
        total = self.counted
        if not total > 0:
            raise MissingDataError(
                "residents: their number must be known; add population or dwellings with persons, or run complete()."
            )
        return total


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


def _one_of_class(owner: type, name: str) -> str:
    """Return the name of a ready instance of a class.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    ready = [n for n in vars(owner) if n.isupper() and isinstance(getattr(owner, n), owner)]
    return one_of(name, ready, name=f"area method ({owner.__name__})")
