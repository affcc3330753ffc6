"""Commands about public services and emergency: supply, improve, evacuation."""

from __future__ import annotations

from typing import Any

import cimkit as ck
from cimkit.cli.common import Sheet, Sink, Source, command, measured, step
from cimkit.cli.walk import walker


@command("site.gpkg --kind nursery --kind kindergarten -o gaps.xlsx")
def _supply(source: Source, sheet: Sheet, *, kinds: list[str] = [], survey: bool = False) -> None:
    """Compare services with the residents who reach them in their circle, whole and parcel by parcel (供需)."""
    community = source.state(assume_housing=True)
    with step("services"):
        frame = ck.facility_database(community) if survey else ck.supply(community, kinds=kinds or None)
    if survey and sheet.screen:
        frame = frame[["id", "kind", "name", "building", "missing"]]
    sheet.write(frame, "facilities" if survey else "supply", rows=40)


@command("site.gpkg nursery --count 2 --within 300")
def _improve(
    source: Source,
    sink: Sink,
    *,
    count: int = 1,
    within: float = 300.0,
    objective: str = "coverage",
    capacity: float = 0.0,
    sites: list[str] = [],
) -> None:
    """Choose where to add or enlarge a service, and say what is gained: exact, as an integer program (补短板)."""
    source, kind = source.without_target("the kind of service")
    community = source.state(assume_housing=True)
    how: dict[str, Any] = {"objective": objective, "capacity": capacity}
    how |= {"count": count, "within": within, "sites": sites or None}
    found = measured("choosing", ck.improvement_plan, community, str(kind), **how)
    sink.give(community, found, layer="improvement")


@command("site.gpkg --blocked E12 --blocked E13 -o away.csv")
def _evacuation(source: Source, sink: Sink, *, blocked: list[str] = [], by: str = "adult", loads: bool = False) -> None:
    """Time from every home to shelter, room in it, and what blocked passages cut off (平战一体)."""
    community = source.state(assume_housing=True)
    found = measured("evacuation", ck.evacuation, community, blocked=blocked, method=walker(by))
    sink.give(community, found, layer="evacuation", frame=found.loads() if loads else None)
