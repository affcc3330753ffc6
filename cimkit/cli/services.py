"""Commands about public services and emergency: supply, improve, evacuation."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cimkit.cli.common import AsJson, Output, Sink, Source, deliver, measured, reads_plan, step

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

    community = source.state(assume_housing=True)
    with step("services"):
        frame = facility_database(community) if survey else supply(community, kinds=kind or None)
    if survey and not output and not json:
        frame = frame[["id", "kind", "name", "building", "missing"]]
    deliver(frame, output, as_json=json, layer="facilities" if survey else "supply", rows=40)


@reads_plan(
    app,
    "improve",
    "site.gpkg nursery --count 2 --within 300",
    plan="Plan, then the kind of service: nursery, canteen …",
)
def _improve(
    source: Source, sink: Sink,
    count: Annotated[int, typer.Option(help="Additions and enlargements, at most.")] = 1,
    within: Annotated[float, typer.Option(help="Walking distance that counts as served (m).")] = 300.0,
    objective: Annotated[str, typer.Option(help="coverage, p_median or capacity.")] = "coverage",
    capacity: Annotated[float, typer.Option(help="Residents one addition serves, for capacity.")] = 0.0,
    site: Annotated[list[str], typer.Option(help="Building that may take it; may be repeated.")] = [],
) -> None:  # fmt: skip
    """Choose where to add or enlarge a service, and say what is gained: exact, as an integer program (补短板)."""
    from cimkit.sim.supply import improvement_plan

    source, kind = source.without_target("the kind of service")
    community = source.state(assume_housing=True)
    how: dict[str, Any] = {"objective": objective, "capacity": capacity}
    how |= {"count": count, "within": within, "sites": site or None}
    found = measured("choosing", improvement_plan, community, str(kind), **how)
    sink.give(community, found, layer="improvement")


@reads_plan(app, "evacuation", "site.gpkg --blocked E12 --blocked E13 -o away.csv")
def _evacuation(
    source: Source, sink: Sink,
    blocked: Annotated[list[str], typer.Option(help="Path that cannot be used; may be repeated.")] = [],
    by: Annotated[str, typer.Option(help="Who walks, as in walk.")] = "adult",
    loads: Annotated[bool, typer.Option("--loads", help="Table of shelters in place of homes.")] = False,
) -> None:  # fmt: skip
    """Time from every home to shelter, room in it, and what blocked passages cut off (平战一体)."""
    from cimkit.cli.walk import walker
    from cimkit.sim.evacuation import evacuation

    method = walker(by)
    community = source.state(assume_housing=True)
    found = measured("evacuation", evacuation, community, blocked=blocked, method=method)
    sink.give(community, found, layer="evacuation", frame=found.loads() if loads else None)
