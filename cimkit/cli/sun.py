"""Commands about the sun and the sky: sunlight, shadows, affected, blockers, spacing, sky, irradiance, envelope."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from cimkit.cli.common import (
    FAILED,
    Before,
    Sink,
    Source,
    deliver,
    err,
    measured,
    plain,
    reads_plan,
    save_figure,
    step,
    wrote,
)

if TYPE_CHECKING:
    from cimkit.model.community import Community
    from cimkit.sim.sunlight import Sunlight
    from cimkit.sim.sunpath import SunDay

Day = Annotated[str, typer.Option(help="great-cold, winter-solstice or a date such as 2026-03-21.")]
At = Annotated[str, typer.Option(help="What is measured: windows, facades or ground.")]
Spacing = Annotated[float, typer.Option(help="Between points on facades and ground (m).")]
Epw = Annotated[Path, typer.Option(help="Weather of a year, EnergyPlus format (.epw).", show_default=False)]
DAYS = {"great-cold": "great_cold", "winter-solstice": "winter_solstice"}


app = typer.Typer()


@reads_plan(app, "sunlight", "site.gpkg --day great-cold -o windows.csv")
def _sunlight(
    source: Source, sink: Sink,
    day: Day = "great-cold", at: At = "windows", spacing: Spacing = 0.0,
    required: Annotated[float, typer.Option(help="Hours asked for, to count what falls short (h).")] = 2.0,
    before: Before = False,
    change: Annotated[
        bool, typer.Option("--change", help="What the project takes from or gives to what stays: before and after.")
    ] = False,
    maps: Annotated[Path | None, typer.Option("--map", help="Windows, facade lines and isochrones: .gpkg.")] = None,
) -> None:  # fmt: skip
    """Hours of direct sun on a day; with --change the exit code is 1 if a window falls short or a short one loses."""
    from cimkit.sim.sunlight import sunlight
    from cimkit.sim.sunlight_change import compare_sunlight

    whole = source.complete(windows=at == "windows")
    community = whole.before() if before else whole.after()
    sun = day_of(community, day)
    light = measured(f"sunlight of {at}", sunlight, community, _receptors(community, at, spacing), sun)
    if change:
        old = whole.before()
        was = measured(f"sunlight of {at} before", sunlight, old, _receptors(old, at, spacing), sun)
        compared = compare_sunlight(was, light, required=required)
        err.print(plain(compared))
        sink.give(community, compared, layer="change")
        raise typer.Exit(FAILED * bool((compared.newly_short | compared.worse).any()))
    short = int((light.hours < required - 1e-9).sum())
    err.print(f"{short:,} of {len(light):,} have less than {required:g} h")
    shown: Any = light
    if at == "ground" and sink.picture is not None:
        from cimkit.sim.isochrones import isochrones

        shown = isochrones(community, sun, spacing=spacing or 2.0)
    sink.give(community, shown, layer="sunlight", frame=light.to_frame())
    if maps is not None:
        save_map(community, light, maps)


@reads_plan(app, "shadows", "site.gpkg --hour 9 --hour 12 -o shadows.gpkg --picture shadows.png")
def _shadows(
    source: Source, sink: Sink,
    day: Day = "great-cold",
    hour: Annotated[
        list[float], typer.Option(help="True solar hour, may be repeated; every full hour of the day without it (h).")
    ] = [],
    patches: Annotated[str, typer.Option(help="Patches of sun instead: on ground, or on floors.")] = "",
) -> None:  # fmt: skip
    """Outlines of shadows at each hour and their union (阴影轮廓), or patches of sun on the ground or floors (光斑)."""
    from cimkit.sim.shadows import shadows
    from cimkit.sim.sunlit import sun_patches

    community = source.state(windows=patches == "floors")
    sun = day_of(community, day)
    what, work, how = (f"sun on {patches}", sun_patches, {"on": patches}) if patches else ("shadows", shadows, {})
    found: Any = measured(what, work, community, sun, hours=hour, **how)
    sink.give(community, found, layer="patches" if patches else "shadows")


@reads_plan(app, "affected", "site.gpkg -o affected.gpkg --picture affected.png")
def _affected(
    source: Source, sink: Sink, day: Day = "great-cold",
    reach: Annotated[float, typer.Option(help="Length of shadows looked at, for each metre of height.")] = 1.5,
    most: Annotated[float, typer.Option(help="Farthest reach (m).")] = 150.0,
) -> None:  # fmt: skip
    """Buildings that the planned ones can shade, and all that can shade those (日照影响范围)."""
    from cimkit.sim.sunlight_change import affected_buildings

    whole = source.complete()
    found = measured("who is affected", affected_buildings, whole, day_of(whole, day), times_height=reach, most=most)
    sink.give(whole, found, layer="affected")


@reads_plan(app, "spacing", "site.gpkg --rule hangzhou -o pairs.csv")
def _spacing(
    source: Source, sink: Sink,
    rule: Annotated[str, typer.Option(help="hangzhou, ningbo, jiaxing-old …", show_default=False)],
) -> None:  # fmt: skip
    """Distance of facing buildings, and what a city's rule asks for (日照间距)."""
    from cimkit.sim.spacing import building_spacing

    community = source.state()
    found = measured("spacing", building_spacing, community, rule=rule)
    sink.give(community, found, layer="spacing")


@reads_plan(app, "blockers", "site.gpkg --building B07 -o who.csv --picture who.png")
def _blockers(
    source: Source, sink: Sink,
    day: Day = "great-cold", at: At = "windows", spacing: Spacing = 0.0,
    building: Annotated[str, typer.Option(help="Only what this building loses.")] = "",
) -> None:  # fmt: skip
    """Who takes the sun from whom, and when (遮挡关系)."""
    from cimkit.sim.blockers import blockers

    community = source.state(windows=at == "windows")
    receptors = _receptors(community, at, spacing)
    if building:
        receptors = receptors.take(np.flatnonzero(receptors.building == community.buildings.row_of(building)))
    who = measured(f"who shades {len(receptors):,} {at}", blockers, community, receptors, day_of(community, day))
    sink.give(community, who, layer="blockers", frame=None if sink.output or sink.json else who.by_building())


@reads_plan(app, "sky", "site.gpkg --at windows --epw shanghai.epw --picture sky.png")
def _sky(
    source: Source, sink: Sink,
    at: At = "windows", spacing: Spacing = 0.0,
    epw: Annotated[Path | None, typer.Option(help="Weather (.epw): adds probable sunlight hours.")] = None,
) -> None:  # fmt: skip
    """Sky view factor and vertical sky component; with weather also probable sunlight hours (APSH)."""
    from cimkit.io.weather import read_epw
    from cimkit.sim.irradiance import probable_sunlight
    from cimkit.sim.sky import sky_view

    weather = None if epw is None else read_epw(epw)
    community = source.state(windows=at == "windows")
    receptors = _receptors(community, at, spacing)
    seen = measured(f"sky of {at}", sky_view, community, receptors)
    frame = seen.to_frame()
    if weather is not None:
        hours = measured(f"a year of sun at {at}", probable_sunlight, community, receptors, weather)
        frame["apsh_pct"], frame["apsh_winter_pct"] = hours.annual, hours.winter
    sink.give(community, seen, layer="sky", frame=frame)


@reads_plan(app, "irradiance", "site.gpkg --epw shanghai.epw -o kwh.csv")
def _irradiance(
    source: Source, sink: Sink, epw: Epw,
    at: Annotated[str, typer.Option(help="windows, facades, ground, or buildings: roofs and facades.")] = "buildings",
    spacing: Spacing = 0.0,
) -> None:  # fmt: skip
    """Solar energy of a year, Perez sky: on points, or on roofs and facades of each building."""
    from cimkit.io.weather import read_epw
    from cimkit.sim.irradiance import irradiance
    from cimkit.sim.solar_potential import solar_potential

    weather = measured("weather", read_epw, epw)
    community = source.state(windows=at == "windows")
    what = f"a year of sun and sky on {at}"
    result: Any
    if at == "buildings":
        result = measured(what, solar_potential, community, weather, spacing=spacing or 2.0)
    else:
        result = measured(what, irradiance, community, _receptors(community, at, spacing), weather)
    sink.give(community, result, layer="irradiance")


@reads_plan(app, "envelope", "site.gpkg --parcel P4 --picture mass.png")
def _envelope(
    source: Source, sink: Sink,
    parcel: Annotated[str, typer.Option(help="Id of the parcel.", show_default=False)], day: Day = "great-cold",
    required: Annotated[float, typer.Option(help="Hours every window keeps (h).")] = 2.0,
    cell: Annotated[float, typer.Option(help="Side of a column (m).")] = 6.0,
    storeys: Annotated[int, typer.Option(help="Highest column.")] = 33,
    setback: Annotated[float, typer.Option(help="From the border and from what stays (m).")] = 5.0,
) -> None:  # fmt: skip
    """Largest massing on a parcel that keeps every window's sun (最大包络体), checked by the forward kernel."""
    from cimkit.sim.envelope import EnvelopeGrid, solar_envelope

    community = source.complete(windows=True)
    how = {"required": required, "grid": EnvelopeGrid(cell=cell, most_storeys=storeys, setback=setback)}
    found = measured(f"solar envelope of {parcel}", solar_envelope, community, parcel, day_of(community, day), **how)
    err.print(f"forward check: {plain(found.change)}")
    frame = found.to_frame() if sink.output else found.binding_windows()
    deliver(frame, sink.output, as_json=sink.json, layer="envelope")
    if sink.picture is not None:
        from cimkit.view.envelope import plot_envelope

        save_figure(plot_envelope(found, lang="zh-en").figure, sink.picture)
    if not found.verified:
        raise typer.Exit(FAILED)


def day_of(community: Community, name: str) -> SunDay:
    """Return a standard day or a date at the community's place."""
    from cimkit.arrays import one_of
    from cimkit.sim.sunpath import SunDay

    parts = name.split("-")
    if len(parts) == 3 and "".join(parts).isdigit():
        date = (int(parts[0]), int(parts[1]), int(parts[2]))
        return SunDay.on(community.require_location(), date, band=(8.0, 16.0))
    one_of(name, tuple(DAYS), name="--day")
    day: SunDay = getattr(SunDay, DAYS[name])(community.require_location())
    return day


def _receptors(community: Community, at: str, spacing: float) -> Any:
    """Return where sunlight is measured."""
    from cimkit.arrays import one_of
    from cimkit.sim.receptors import facade_receptors, ground_receptors, window_receptors

    one_of(at, ("windows", "facades", "ground"), name="--at")
    if at == "windows":
        return window_receptors(community)
    make = facade_receptors if at == "facades" else ground_receptors
    return make(community, spacing=spacing) if spacing else make(community)


def save_map(community: Community, light: Sunlight, path: Path) -> None:
    """Write what was measured, facade lines of the ground storey (沿线) and isochrones (等时线) as layers."""
    import shapely

    from cimkit.io.atomic import atomic_write
    from cimkit.io.gdal import quiet
    from cimkit.sim.isochrones import isochrones
    from cimkit.sim.receptors import facade_receptors
    from cimkit.sim.sunlight import sunlight

    place = community.frame.to_geoframe
    with step("facade lines and isochrones"):
        walls = sunlight(community, facade_receptors(community), light.sun_day, method=light.method)
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
            "isochrones": isochrones(community, light.sun_day, method=light.method).to_frame(),
        }
        with atomic_write(path) as temporary, quiet():  # a plan without CRS
            for name, frame in layers.items():
                frame.to_file(temporary, layer=name, driver="GPKG", engine="pyogrio")
    wrote(path)
