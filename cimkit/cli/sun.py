"""Commands about the sun and the sky: sunlight, blockers, sky, irradiance, envelope."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from cimkit.cli.common import (
    FAILED,
    AsJson,
    Output,
    Source,
    deliver,
    err,
    plain,
    reads_plan,
    save_figure,
    save_plan,
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
Picture = Annotated[Path | None, typer.Option(help="Picture: .png, .svg or .pdf.")]
Epw = Annotated[Path, typer.Option(help="Weather of a year, EnergyPlus format (.epw).", show_default=False)]
DAYS = {"great-cold": "great_cold", "winter-solstice": "winter_solstice"}


app = typer.Typer()


@reads_plan(app, "sunlight", "site.gpkg --day great-cold -o windows.csv")
def _sunlight(
    source: Source,
    day: Day = "great-cold", at: At = "windows", spacing: Spacing = 0.0,
    required: Annotated[float, typer.Option(help="Hours asked for, to count what falls short (h).")] = 2.0,
    before: Annotated[bool, typer.Option("--before", help="The state before the project, not after it.")] = False,
    picture: Picture = None,
    maps: Annotated[Path | None, typer.Option("--map", help="Windows, facade lines and isochrones: .gpkg.")] = None,
    output: Output = [], json: AsJson = False,
) -> None:  # fmt: skip
    """Hours of direct sun on a day."""
    from cimkit.sim.sunlight import sunlight

    whole = source.complete(windows=at == "windows")
    community = whole.before() if before else whole.after()
    with step(f"sunlight of {at}"):
        sun = day_of(community, day)
        light = sunlight(community, _receptors(community, at, spacing), sun)
    err.print(plain(light))
    short = int((light.hours < required - 1e-9).sum())
    err.print(f"{short:,} of {len(light):,} have less than {required:g} h")
    deliver(light.to_frame(), output, as_json=json, layer="sunlight")
    if maps is not None:
        save_map(community, light, maps)
    if picture is not None:
        shown: Any = light
        if at == "ground":
            from cimkit.sim.isochrones import isochrones

            shown = isochrones(community, sun, spacing=spacing or 2.0)
        save_plan(community, shown, picture)


@reads_plan(app, "blockers", "site.gpkg --building B07 -o who.csv")
def _blockers(
    source: Source,
    day: Day = "great-cold", at: At = "windows", spacing: Spacing = 0.0,
    building: Annotated[str, typer.Option(help="Only what this building loses.")] = "",
    output: Output = [], json: AsJson = False,
) -> None:  # fmt: skip
    """Who takes the sun from whom, and when (遮挡关系)."""
    from cimkit.sim.blockers import blockers

    community = source.complete(windows=at == "windows").after()
    receptors = _receptors(community, at, spacing)
    if building:
        receptors = receptors.take(np.flatnonzero(receptors.building == community.buildings.row_of(building)))
    with step(f"who shades {len(receptors):,} {at}"):
        who = blockers(community, receptors, day_of(community, day))
    err.print(plain(who))
    deliver(who.to_frame() if output or json else who.by_building(), output, as_json=json, layer="blockers")


@reads_plan(app, "sky", "site.gpkg --at windows --epw shanghai.epw")
def _sky(
    source: Source,
    at: At = "windows", spacing: Spacing = 0.0,
    epw: Annotated[Path | None, typer.Option(help="Weather (.epw): adds probable sunlight hours.")] = None,
    output: Output = [], json: AsJson = False,
) -> None:  # fmt: skip
    """Sky view factor and vertical sky component; with weather also probable sunlight hours (APSH)."""
    from cimkit.io.weather import read_epw
    from cimkit.sim.irradiance import probable_sunlight
    from cimkit.sim.sky import sky_view

    weather = None if epw is None else read_epw(epw)
    community = source.complete(windows=at == "windows").after()
    receptors = _receptors(community, at, spacing)
    with step(f"sky of {at}"):
        seen = sky_view(community, receptors)
    err.print(plain(seen))
    frame = seen.to_frame()
    if weather is not None:
        with step(f"a year of sun at {at}"):
            hours = probable_sunlight(community, receptors, weather)
        err.print(plain(hours))
        frame["apsh_pct"], frame["apsh_winter_pct"] = hours.annual, hours.winter
    deliver(frame, output, as_json=json, layer="sky")


@reads_plan(app, "irradiance", "site.gpkg --epw shanghai.epw -o kwh.csv")
def _irradiance(
    source: Source, epw: Epw,
    at: Annotated[str, typer.Option(help="windows, facades, ground, or buildings: roofs and facades.")] = "buildings",
    spacing: Spacing = 0.0, output: Output = [], json: AsJson = False,
) -> None:  # fmt: skip
    """Solar energy of a year, Perez sky: on points, or on roofs and facades of each building."""
    from cimkit.io.weather import read_epw
    from cimkit.sim.irradiance import irradiance
    from cimkit.sim.solar_potential import solar_potential

    weather = read_epw(epw)
    err.print(plain(weather))
    community = source.complete(windows=at == "windows").after()
    with step(f"a year of sun and sky on {at}"):
        if at == "buildings":
            result: Any = solar_potential(community, weather, spacing=spacing or 2.0)
        else:
            result = irradiance(community, _receptors(community, at, spacing), weather)
    err.print(plain(result))
    deliver(result.to_frame(), output, as_json=json, layer="irradiance")


@reads_plan(app, "envelope", "site.gpkg --parcel P4 --picture mass.png")
def _envelope(
    source: Source,
    parcel: Annotated[str, typer.Option(help="Id of the parcel.", show_default=False)], day: Day = "great-cold",
    required: Annotated[float, typer.Option(help="Hours every window keeps (h).")] = 2.0,
    cell: Annotated[float, typer.Option(help="Side of a column (m).")] = 6.0,
    storeys: Annotated[int, typer.Option(help="Highest column.")] = 33,
    setback: Annotated[float, typer.Option(help="From the border and from what stays (m).")] = 5.0,
    picture: Picture = None, output: Output = [], json: AsJson = False,
) -> None:  # fmt: skip
    """Largest massing on a parcel that keeps every window's sun (最大包络体), checked by the forward kernel."""
    from cimkit.sim.envelope import EnvelopeGrid, solar_envelope

    community = source.complete(windows=True)
    with step(f"solar envelope of {parcel}"):
        grid = EnvelopeGrid(cell=cell, most_storeys=storeys, setback=setback)
        found = solar_envelope(community, parcel, day_of(community, day), required=required, grid=grid)
    err.print(plain(found))
    err.print(f"forward check: {plain(found.change)}")
    deliver(found.to_frame() if output else found.binding_windows(), output, as_json=json, layer="envelope")
    if picture is not None:
        from cimkit.view.envelope import plot_envelope

        save_figure(plot_envelope(found, lang="zh-en").figure, picture)
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
        owner = walls.receptors.building_ids[first]
        points = shapely.points(light.receptors.points[:, :2])
        layers = {
            light.receptors.kind: place(light.to_frame(), points),
            "facade_lines": place({"building": owner, "at_least_h": hours[first]}, lines),
            "isochrones": isochrones(community, light.sun_day, method=light.method).to_frame(),
        }
        with atomic_write(path) as temporary:
            for name, frame in layers.items():
                frame.to_file(temporary, layer=name, driver="GPKG", engine="pyogrio")
    wrote(path)
