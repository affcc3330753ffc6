"""Commands about the sun: sunlight."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from cimkit.model.community import Community

DAYS = {"great-cold": "great_cold", "winter-solstice": "winter_solstice"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("sunlight", epilog="Example: cimkit sunlight site.gpkg --day great-cold -o windows.csv")(_sunlight)


def _sunlight(
    plan: Plan, crs: Crs = "", datum: Datum = "", column: Columns = [], layer: Layers = [],
    day: Annotated[str, typer.Option(help="great-cold or winter-solstice.")] = "great-cold",
    at: Annotated[str, typer.Option(help="What is measured: windows, facades or ground.")] = "windows",
    spacing: Annotated[float, typer.Option(help="Between points on facades and ground [m].")] = 0.0,
    required: Annotated[float, typer.Option(help="Hours asked for, to count what falls short [h].")] = 2.0,
    picture: Annotated[Path | None, typer.Option(help="Plan in colour: .png, .svg or .pdf.")] = None,
    output: Output = [], json: AsJson = False,
) -> None:  # fmt: skip
    """Hours of direct sun on the standard day."""
    from cimkit.arrays import one_of
    from cimkit.sim.sunlight import sunlight
    from cimkit.sim.sunpath import SunDay

    one_of(day, tuple(DAYS), name="--day")
    one_of(at, ("windows", "facades", "ground"), name="--at")
    community = load_complete(plan, crs, datum, column, layer, windows=at == "windows")
    with step(f"sunlight of {at}"):
        sun = getattr(SunDay, DAYS[day])(community.require_location())
        light = sunlight(community, _receptors(community, at, spacing), sun)
    err.print(f"{light!r}"[1:-1])
    short = int((light.hours < required - 1e-9).sum())
    err.print(f"{short:,} of {len(light):,} have less than {required:g} h")
    deliver(light.to_frame(), output, as_json=json, layer="sunlight")
    if picture is not None:
        save_plan(community, light, picture)


def _receptors(community: Community, at: str, spacing: float) -> Any:
    """Return where sunlight is measured."""
    from cimkit.sim.receptors import facade_receptors, ground_receptors, window_receptors

    if at == "windows":
        return window_receptors(community)
    make = facade_receptors if at == "facades" else ground_receptors
    return make(community, spacing=spacing) if spacing else make(community)


def save_plan(community: Community, result: Any, path: Path, *, column: str = "") -> None:
    """Draw a result on the plan and write the picture."""
    from cimkit.io.atomic import atomic_write
    from cimkit.view.plan import plot_plan

    with step(f"drawing {path.name}"):
        axes = plot_plan(community, result, column=column, labels=len(community.buildings) <= 80)
        with atomic_write(path) as temporary:
            axes.figure.savefig(temporary, dpi=150, bbox_inches="tight")
    wrote(path)
