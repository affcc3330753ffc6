"""Commands about space: areas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cimkit.cli.common import AsJson, Output, Source, deliver, err, reads_plan, step, wrote

if TYPE_CHECKING:
    from cimkit.sim.areas import FloorAreas

TABLES = ("ledger", "site", "failures", "schedule", "reconcile", "building", "parcel")
MAPS = (".gpkg", ".geojson", ".parquet")


app = typer.Typer()


@reads_plan(app, "areas", "site.gpkg --local HUZHOU_2020 -o ledger.xlsx")
def _areas(
    source: Source,
    code: Annotated[str, typer.Option(help="National code: GBT50353_2013 or GB55031_2022.")] = "GBT50353_2013",
    local: Annotated[str, typer.Option(help="Rules of the place for FAR, e.g. HUZHOU_2020.")] = "",
    table: Annotated[str, typer.Option(help=f"One of {', '.join(TABLES)}.")] = "ledger",
    declared: Annotated[Path | None, typer.Option(help="Storey schedule (.xlsx) with declared areas.")] = None,
    after: Annotated[bool, typer.Option(help="Count what stands after the project, not all that is drawn.")] = True,
    show: Annotated[str, typer.Option(help="Picture: waterfall, public, or the id of a building.")] = "waterfall",
    picture: Annotated[Path | None, typer.Option(help="File of the picture: .png, .svg or .pdf.")] = None,
    output: Output = [], json: AsJson = False,
) -> None:  # fmt: skip
    """Building area, area counted for FAR, and public space: each line with factor, clause and reason."""
    from cimkit.arrays import one_of
    from cimkit.io.sheets import apply_schedule, read_schedule
    from cimkit.sim.area_local import LocalRules
    from cimkit.sim.areas import AreaMethod, floor_areas
    from cimkit.sim.site_ratios import site_indicators

    one_of(table, TABLES, name="--table")
    ready = [n for n in vars(LocalRules) if n.isupper()]
    method = getattr(AreaMethod, one_of(code, [n for n in vars(AreaMethod) if n.isupper()], name="--code"))
    if local:
        method = method.at(getattr(LocalRules, one_of(local.upper(), ready, name="--local")))
    community = source.complete()
    community = community.after() if after else community
    if declared is not None:
        lines, read = read_schedule(declared)
        community, fitted = apply_schedule(community, lines)
        for note in (*read, *fitted):
            err.print(f"{note.code}: {note.text}", markup=False)
    with step("areas"):
        areas = floor_areas(community, method=method)
    err.print(f"{areas!r}"[1:-1])
    if table == "site":
        frame = site_indicators(community, areas).to_frame()
    elif table in ("building", "parcel"):
        frame = areas.totals(table)
    elif table == "ledger":
        frame = areas.to_frame(shapes=any(p.suffix.lower() in MAPS for p in output))
    else:
        frame = getattr(areas, table)()
    deliver(frame, output, as_json=json, layer=table)
    if picture is not None:
        _draw(areas, show).figure.savefig(picture, dpi=160)
        wrote(picture)


def _draw(areas: FloorAreas, show: str) -> Any:
    """Return the axes of a picture of the ledgers."""
    from cimkit.view.area_plots import plot_public_space, plot_storeys, plot_waterfall

    drawn = {"waterfall": plot_waterfall, "public": plot_public_space}
    return drawn[show](areas) if show in drawn else plot_storeys(areas, show)
