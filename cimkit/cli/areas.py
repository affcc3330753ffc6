"""Commands about space: areas."""

from __future__ import annotations

from typing import Annotated

import typer

from cimkit.cli.common import AsJson, Columns, Crs, Datum, Layers, Output, Plan, deliver, err, load_complete, step

TABLES = ("ledger", "site")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("areas", epilog="Example: cimkit areas site.gpkg --local HUZHOU_2020 -o ledger.xlsx")(_areas)


def _areas(
    plan: Plan, crs: Crs = "", datum: Datum = "", column: Columns = [], layer: Layers = [],
    code: Annotated[str, typer.Option(help="National code: GBT50353_2013 or GB55031_2022.")] = "GBT50353_2013",
    local: Annotated[str, typer.Option(help="Rules of the place for FAR, e.g. HUZHOU_2020.")] = "",
    table: Annotated[str, typer.Option(help="ledger or site.")] = "ledger",
    output: Output = [], json: AsJson = False,
) -> None:  # fmt: skip
    """Building area, area counted for FAR, and public space: each line with factor, clause and reason."""
    from cimkit.arrays import one_of
    from cimkit.sim.area_local import LocalRules
    from cimkit.sim.areas import AreaMethod, floor_areas
    from cimkit.sim.site_ratios import site_indicators

    one_of(table, TABLES, name="--table")
    ready = [n for n in vars(LocalRules) if n.isupper()]
    method = getattr(AreaMethod, one_of(code, [n for n in vars(AreaMethod) if n.isupper()], name="--code"))
    if local:
        method = method.at(getattr(LocalRules, one_of(local.upper(), ready, name="--local")))
    community = load_complete(plan, crs, datum, column, layer)
    with step("areas"):
        areas = floor_areas(community, method=method)
        site = site_indicators(community, areas)
    err.print(f"{areas!r}"[1:-1])
    frame = areas.to_frame() if table == "ledger" else site.to_frame()
    deliver(frame, output, as_json=json, layer=table)
