"""Commands about public services and emergency: supply, improve, evacuation."""

from __future__ import annotations

from typing import Annotated

import typer

from cimkit.cli.common import AsJson, Output, Picture, Source, deliver, reads_plan, step, told

app = typer.Typer()


@reads_plan(app, "supply", "site.gpkg --kind nursery --kind kindergarten -o gaps.xlsx")
def _supply(
    source: Source,
    kind: Annotated[list[str], typer.Option(help="Kind of service; without it those of the circles.")] = [],
    survey: Annotated[bool, typer.Option("--survey", help="List facilities and what their survey lacks.")] = False,
    output: Output = [], json: AsJson = False,
) -> None:  # fmt: skip
    """Compare services with the residents who reach them in their circle, whole and parcel by parcel (供需)."""
    from cimkit.sim.supply import facility_database, supply

    community = source.complete(assume_housing=True)
    with step("services"):
        frame = facility_database(community) if survey else supply(community, kinds=kind or None)
    deliver(frame, output, as_json=json, layer="facilities" if survey else "supply", rows=40)


@reads_plan(
    app,
    "improve",
    "site.gpkg nursery --count 2 --within 300",
    plan="Plan, then the kind of service: nursery, canteen …",
)
def _improve(
    source: Source,
    count: Annotated[int, typer.Option(help="Additions and enlargements, at most.")] = 1,
    within: Annotated[float, typer.Option(help="Walking distance that counts as served (m).")] = 300.0,
    objective: Annotated[str, typer.Option(help="coverage, p_median or capacity.")] = "coverage",
    capacity: Annotated[float, typer.Option(help="Residents one addition serves, for capacity.")] = 0.0,
    site: Annotated[list[str], typer.Option(help="Building that may take it; may be repeated.")] = [],
    picture: Picture = None, output: Output = [], json: AsJson = False,
) -> None:  # fmt: skip
    """Choose where to add or enlarge a service, and say what is gained: exact, as an integer program (补短板)."""
    from cimkit.sim.supply import improvement_plan

    source, kind = source.without_target("the kind of service")
    community, how = source.complete(assume_housing=True), {"objective": objective, "capacity": capacity}
    with step("choosing"):
        found = improvement_plan(community, str(kind), count=count, within=within, sites=site or None, **how)  # type: ignore[arg-type]
    told(community, found, picture)
    deliver(found.to_frame(), output, as_json=json, layer="improvement")


@reads_plan(app, "evacuation", "site.gpkg --blocked E12 --blocked E13 -o away.csv")
def _evacuation(
    source: Source,
    blocked: Annotated[list[str], typer.Option(help="Path that cannot be used; may be repeated.")] = [],
    by: Annotated[str, typer.Option(help="Who walks, as in walk.")] = "adult",
    loads: Annotated[bool, typer.Option("--loads", help="Table of shelters in place of homes.")] = False,
    picture: Picture = None, output: Output = [], json: AsJson = False,
) -> None:  # fmt: skip
    """Time from every home to shelter, room in it, and what blocked passages cut off (平战一体)."""
    from cimkit.cli.walk import walker
    from cimkit.sim.evacuation import evacuation

    method = walker(by)
    community = source.complete(assume_housing=True)
    with step("evacuation"):
        found = evacuation(community, blocked=blocked, method=method)
    told(community, found, picture)
    deliver(found.loads() if loads else found.to_frame(), output, as_json=json, layer="evacuation")
