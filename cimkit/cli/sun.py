"""Commands about the sun and the sky: sunlight, shadows, affected, blockers, spacing, sky, irradiance, envelope."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import typer

import cimkit as ck
from cimkit.arrays import one_of
from cimkit.cli.common import Exit, Sink, Source, command, err, measured, plain, save_figure, step
from cimkit.io.atomic import atomic_write

_GREAT_COLD = "great-cold"


@command("site.gpkg --day great-cold -o windows.csv")
def _sunlight(
    source: Source,
    sink: Sink,
    *,
    day: str = _GREAT_COLD,
    at: str = "windows",
    spacing: float = 0.0,
    required: float = 2.0,
    before: bool = False,
    change: bool = False,
    maps: Path | None = None,
) -> None:
    """Hours of direct sun on a day; with --change the exit code is 1 if a window falls short or a short one loses."""
    whole = source.complete(windows=at == "windows")
    community = whole.before() if before else whole.after()
    sun = day_of(community, day)
    light = measured(f"sunlight of {at}", ck.sunlight, community, _receptors(community, at, spacing), sun)
    if change:
        old = whole.before()
        was = measured(f"sunlight of {at} before", ck.sunlight, old, _receptors(old, at, spacing), sun)
        compared = ck.compare_sunlight(was, light, required=required)
        err.print(plain(compared))
        sink.give(community, compared, layer="change")
        raise typer.Exit(Exit.FAILED * bool((compared.newly_short | compared.worse).any()))
    short = int((light.hours < required - 1e-9).sum())
    err.print(f"{short:,} of {len(light):,} have less than {required:g} h")
    lines = at == "ground" and sink.picture is not None
    shown = ck.isochrones(community, sun, spacing=spacing or 2.0) if lines else light
    sink.give(community, shown, layer="sunlight", frame=light.to_frame())
    if maps is not None:
        save_map(community, light, maps)


@command("site.gpkg --hour 9 --hour 12 -o shadows.gpkg --picture shadows.png")
def _shadows(source: Source, sink: Sink, *, day: str = _GREAT_COLD, hour: list[float] = [], patches: str = "") -> None:
    """Outlines of shadows at each hour and their union (阴影轮廓), or patches of sun on the ground or floors (光斑)."""
    community = source.state(windows=patches == "floors")
    layer, make, how = ("patches", ck.sun_patches, {"on": patches}) if patches else ("shadows", ck.shadows, {})
    found: Any = measured(layer, make, community, day_of(community, day), hours=hour, **how)
    sink.give(community, found, layer=layer)


@command("site.gpkg -o affected.gpkg --picture affected.png")
def _affected(source: Source, sink: Sink, *, day: str = _GREAT_COLD, reach: float = 1.5, most: float = 150.0) -> None:
    """Buildings that the planned ones can shade, and all that can shade those (日照影响范围)."""
    whole = source.complete()
    sun, how = day_of(whole, day), {"times_height": reach, "most": most}
    sink.give(whole, measured("who is affected", ck.affected_buildings, whole, sun, **how), layer="affected")


@command("site.gpkg --rule hangzhou -o pairs.csv")
def _spacing(source: Source, sink: Sink, *, rule: str) -> None:
    """Distance of facing buildings, and what a city's rule asks for (日照间距)."""
    community = source.state()
    sink.give(community, measured("spacing", ck.building_spacing, community, rule=rule), layer="spacing")


@command("site.gpkg --building B07 -o who.csv --picture who.png")
def _blockers(
    source: Source, sink: Sink, *, day: str = _GREAT_COLD, at: str = "windows", spacing: float = 0.0, building: str = ""
) -> None:
    """Who takes the sun from whom, and when (遮挡关系)."""
    community = source.state(windows=at == "windows")
    receptors = _receptors(community, at, spacing)
    if building:
        receptors = receptors.take(np.flatnonzero(receptors.building == community.buildings.row_of(building)))
    who = measured(f"who shades {len(receptors):,} {at}", ck.blockers, community, receptors, day_of(community, day))
    sink.give(community, who, layer="blockers", frame=who.by_building() if sink.screen else None)


@command("site.gpkg --at windows --epw shanghai.epw --picture sky.png")
def _sky(source: Source, sink: Sink, *, at: str = "windows", spacing: float = 0.0, epw: Path | None = None) -> None:
    """Sky view factor and vertical sky component; with weather also probable sunlight hours (APSH)."""
    weather = None if epw is None else ck.read_epw(epw)
    community = source.state(windows=at == "windows")
    receptors = _receptors(community, at, spacing)
    seen = measured(f"sky of {at}", ck.sky_view, community, receptors)
    frame = seen.to_frame()
    if weather is not None:
        hours = measured(f"a year of sun at {at}", ck.probable_sunlight, community, receptors, weather)
        frame["apsh_pct"], frame["apsh_winter_pct"] = hours.annual, hours.winter
    sink.give(community, seen, layer="sky", frame=frame)


@command("site.gpkg --epw shanghai.epw -o kwh.csv")
def _irradiance(source: Source, sink: Sink, *, epw: Path, at: str = "buildings", spacing: float = 0.0) -> None:
    """Solar energy of a year, Perez sky: on points, or on roofs and facades of each building."""
    weather = measured("weather", ck.read_epw, epw)
    community = source.state(windows=at == "windows")
    what = f"a year of sun and sky on {at}"
    if at == "buildings":
        result: Any = measured(what, ck.solar_potential, community, weather, spacing=spacing or 2.0)
    else:
        result = measured(what, ck.irradiance, community, _receptors(community, at, spacing), weather)
    sink.give(community, result, layer="irradiance")


@command("site.gpkg --parcel P4 --picture mass.png")
def _envelope(
    source: Source,
    sink: Sink,
    *,
    parcel: str,
    day: str = _GREAT_COLD,
    required: float = 2.0,
    cell: float = 6.0,
    storeys: int = 33,
    setback: float = 5.0,
) -> None:
    """Largest massing on a parcel that keeps every window's sun (最大包络体), checked by the forward kernel."""
    community = source.complete(windows=True)
    how: dict[str, Any] = {"grid": ck.EnvelopeGrid(cell=cell, most_storeys=storeys, setback=setback)}
    how |= {"required": required, "sun_day": day_of(community, day)}
    found = measured(f"solar envelope of {parcel}", ck.solar_envelope, community, parcel, **how)
    err.print(f"forward check: {plain(found.change)}")
    sink.write(found.to_frame() if sink.output else found.binding_windows(), "envelope")
    if sink.picture is not None:
        save_figure(ck.view.plot_envelope(found, lang="zh-en").figure, sink.picture)
    raise typer.Exit(Exit.FAILED * (not found.verified))


def day_of(community: ck.Community, name: str) -> ck.SunDay:
    """Return a standard day or a date at the community's place."""
    place, date = community.require_location(), name.split("-")
    if len(date) == 3 and "".join(date).isdigit():
        return ck.SunDay.on(place, (int(date[0]), int(date[1]), int(date[2])), band=(8.0, 16.0))
    one_of(name, (_GREAT_COLD, "winter-solstice"), name="--day")
    return ck.SunDay.great_cold(place) if name == _GREAT_COLD else ck.SunDay.winter_solstice(place)


def _receptors(community: ck.Community, at: str, spacing: float) -> ck.Receptors:
    """Return where sunlight is measured."""
    one_of(at, ("windows", "facades", "ground"), name="--at")
    if at == "windows":
        return ck.window_receptors(community)
    make = ck.facade_receptors if at == "facades" else ck.ground_receptors
    return make(community, spacing=spacing) if spacing else make(community)


def save_map(community: ck.Community, light: ck.Sunlight, path: Path) -> None:
    """Write what was measured, facade lines of the ground storey (沿线) and isochrones (等时线) as layers."""
    import shapely

    place = community.frame.to_geoframe
    with step("facade lines and isochrones", path):
        walls = ck.sunlight(community, ck.facade_receptors(community), light.sun_day, method=light.method)
        at, normal = walls.receptors.points[:, :2], walls.receptors.normals[:, :2]
        hours = np.floor(walls.hours * 2 + 1e-9) / 2
        state = np.column_stack([walls.receptors.building, normal, hours])
        first = np.flatnonzero(np.append(True, (state[1:] != state[:-1]).any(axis=1))) if len(at) else np.zeros(0, int)
        last = np.append(first[1:], len(at))[: len(first)] - 1
        half = 0.5 * np.column_stack([-normal[:, 1], normal[:, 0]])  # walls run with the building on their left
        lines = shapely.linestrings(np.stack([at[first] - half[first], at[last] + half[last]], axis=1))
        facades = {"building": walls.receptors.building_ids[first], "at_least_h": hours[first]}
        layers = {
            light.receptors.kind: place(light.to_frame(), shapely.points(light.receptors.points[:, :2])),
            "facade_lines": place(facades, lines),
            "isochrones": ck.isochrones(community, light.sun_day, method=light.method).to_frame(),
        }
        with atomic_write(path) as temporary, warnings.catch_warnings(action="ignore"):  # a plan without CRS
            for name, frame in layers.items():
                frame.to_file(temporary, layer=name, driver="GPKG", engine="pyogrio")
