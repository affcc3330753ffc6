"""Commands about space: areas."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cimkit.cli.common import AsJson, Before, Output, Source, deliver, err, measured, pairs, reads_plan, save_figure
from cimkit.cli.sun import day_of
from cimkit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.io.sheets import IndicatorRow
    from cimkit.model.community import Community
    from cimkit.sim.areas import FloorAreas

TABLES = ("ledger", "site", "sheet", "failures", "schedule", "reconcile", "building", "parcel")
MAPS = (".gpkg", ".geojson", ".parquet")


app = typer.Typer()


@reads_plan(app, "areas", "site.gpkg --local HUZHOU_2020 -o ledger.xlsx")
def _areas(
    source: Source,
    code: Annotated[str, typer.Option(help="National code: GBT50353_2013 or GB55031_2022.")] = "GBT50353_2013",
    local: Annotated[str, typer.Option(help="Rules of the place for FAR, e.g. HUZHOU_2020.")] = "",
    table: Annotated[str, typer.Option(help=f"One of {', '.join(TABLES)}.")] = "ledger",
    declared: Annotated[
        Path | None, typer.Option(help="What was declared: storey schedule or sheet of indicators (.xlsx, .csv).")
    ] = None,
    tolerance: Annotated[float, typer.Option(help="Largest difference of declared and computed, as a share.")] = 0.01,
    sun: Annotated[
        str, typer.Option(help="Day on which a third of a central green must be sunlit, e.g. great-cold.")
    ] = "",
    hours: Annotated[float, typer.Option(help="Hours of sun it must get on that day [h].")] = 2.0,
    roof_green: Annotated[
        list[str], typer.Option("--roof-green", help="Green on roofs: least soil [m] = share that counts, e.g. 1.5=1.")
    ] = [],
    before: Before = False,
    show: Annotated[str, typer.Option(help="Picture: waterfall, public, or the id of a building.")] = "waterfall",
    picture: Annotated[Path | None, typer.Option(help="File of the picture: .png, .svg or .pdf.")] = None,
    output: Output = [], json: AsJson = False,
) -> None:  # fmt: skip
    """Building area, area counted for FAR, and public space: each line with factor, clause and reason."""
    from cimkit.arrays import one_of
    from cimkit.sim.area_local import LocalRules
    from cimkit.sim.areas import AreaMethod, floor_areas
    from cimkit.sim.site_ratios import site_indicators
    from cimkit.sim.sunlit import sunlit_ground

    one_of(table, TABLES, name="--table")
    ready = [n for n in vars(LocalRules) if n.isupper()]
    method = getattr(AreaMethod, one_of(code, [n for n in vars(AreaMethod) if n.isupper()], name="--code"))
    if local:
        method = method.at(getattr(LocalRules, one_of(local.upper(), ready, name="--local")))
    if roof_green:
        method = method.at(replace(method.local, roof_green=_steps(roof_green)))
    community, lines = _with_declared(source.state(before=before), declared)
    areas = measured("areas", floor_areas, community, method=method)
    if table in ("site", "sheet") or lines:
        lit = sunlit_ground(community, day_of(community, sun), hours=hours) if sun else None
        site = site_indicators(community, areas, sunlit=lit)
        frame = site.to_frame() if table == "site" else site.sheet()
        if lines:
            table, frame = "reconcile", site.reconcile(lines, tolerance=tolerance)
    elif table == "reconcile":
        frame = areas.reconcile(tolerance=tolerance)
    elif table in ("building", "parcel"):
        frame = areas.totals(table)
    elif table == "ledger":
        frame = areas.to_frame(shapes=any(p.suffix.lower() in MAPS for p in output))
    else:
        frame = getattr(areas, table)()
    deliver(frame, output, as_json=json, layer=table)
    if picture is not None:
        save_figure(_draw(areas, show).figure, picture)


def _steps(given: Sequence[str]) -> tuple[tuple[float, float], ...]:
    """Return depths of soil [m] and the shares of green on roofs that count from there."""
    try:
        return tuple((float(depth), float(share)) for depth, share in pairs(given, "--roof-green").items())
    except ValueError as error:
        raise InputError(f"--roof-green: it must be DEPTH=SHARE in numbers; got {', '.join(given)}.") from error


def _with_declared(community: Community, path: Path | None) -> tuple[Community, list[IndicatorRow]]:
    """Return the community with the declared areas of a schedule, or the lines of a sheet of indicators."""
    from cimkit.io.sheets import apply_schedule, is_schedule, read_indicators, read_schedule

    if path is None:
        return community, []
    lines: list[IndicatorRow] = []
    if is_schedule(path):
        storeys, read = read_schedule(path)
        community, fitted = apply_schedule(community, storeys)
        read += fitted
    else:
        lines, read = read_indicators(path)
    for note in read:
        err.print(f"{note.code}: {note.text}", markup=False)
    return community, lines


def _draw(areas: FloorAreas, show: str) -> Any:
    """Return the axes of a picture of the ledgers."""
    from cimkit.view.area_plots import plot_public_space, plot_storeys, plot_waterfall

    drawn = {"waterfall": plot_waterfall, "public": plot_public_space}
    return drawn[show](areas) if show in drawn else plot_storeys(areas, show)
