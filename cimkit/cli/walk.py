"""Commands about walking: walk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cimkit.cli.common import (
    AsJson,
    Columns,
    Crs,
    Datum,
    Layers,
    Output,
    Plan,
    deliver,
    err,
    load_complete,
    step,
    wrote,
)

WALKERS = ("adult", "child", "elder", "old_elder", "wheelchair")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("walk", epilog="Example: cimkit walk site.gpkg --by elder -o walk.csv --circles circles.gpkg")(_walk)


def _walk(
    plan: Plan, crs: Crs = "", datum: Datum = "", column: Columns = [], layer: Layers = [],
    to: Annotated[list[str], typer.Option(help="Kind of service; all without it.")] = [],
    by: Annotated[str, typer.Option(help="Who walks: adult, child, elder, old_elder, wheelchair.")] = "adult",
    hour: Annotated[float | None, typer.Option(help="Hour of the day, for gates that close [h].")] = None,
    circles: Annotated[Path | None, typer.Option(help="Write 5, 10, 15-minute circles as .gpkg.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Plan in colour: .png, .svg or .pdf.")] = None,
    output: Output = [], json: AsJson = False,
) -> None:  # fmt: skip
    """Walking distance and time from every dwelling to the nearest service of each kind."""
    import pandas as pd

    from cimkit.arrays import one_of
    from cimkit.io.results import write_table
    from cimkit.sim.access import walk_times
    from cimkit.sim.circles import living_circles
    from cimkit.sim.network import WalkNetwork
    from cimkit.sim.walk_method import WalkMethod

    method = getattr(WalkMethod, one_of(by, WALKERS, name="--by").upper())
    community = load_complete(plan, crs, datum, column, layer, assume_housing=True)
    with step("walking"):
        walk = walk_times(community, to=to or None, method=method, hour=hour)
    err.print(f"{walk!r}"[1:-1])
    for note in walk.notes:
        err.print(f"[dim]{note.code} {note.text}[/]")
    deliver(walk.to_frame(), output, as_json=json, layer="walk")
    if circles is not None:
        with step("living circles"):
            network = WalkNetwork.of(community, method=method, hour=hour)
            found = [living_circles(community, k, method=method, network=network).to_frame() for k in walk.kinds]
        write_table(pd.concat(found, ignore_index=True), circles, layer="circles")
        wrote(circles)
    if picture is not None:
        from cimkit.cli.sun import save_plan

        save_plan(community, walk, picture, column=to[0] if to else walk.kinds[0].code)
