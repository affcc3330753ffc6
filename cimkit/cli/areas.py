"""Commands about space and public services: areas, supply, improve, evacuation."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cimkit as ck
from cimkit.arrays import one_of
from cimkit.cli.common import Sheet, Sink, Source, command, measured, pairs, save_figure, step
from cimkit.cli.sun import day_of
from cimkit.cli.walk import say, walker

MAPS = (".gpkg", ".geojson", ".parquet")


@command("site.gpkg --local HUZHOU_2020 -o ledger.xlsx")
def _areas(
    source: Source,
    sheet: Sheet,
    *,
    code: str = "GBT50353_2013",
    local: str = "",
    table: str = "ledger",
    declared: Path | None = None,
    tolerance: float = 0.01,
    sun: str = "",
    hours: float = 2.0,
    roof_green: list[str] = [],
    before: bool = False,
    show: str = "waterfall",
    picture: Path | None = None,
) -> None:
    """Building area, area counted for FAR, and public space: each line with factor, clause and reason."""
    method: ck.AreaMethod = getattr(ck.AreaMethod, code)
    if local:
        ready = [n for n in vars(ck.LocalRules) if n.isupper()]
        method = method.at(getattr(ck.LocalRules, one_of(local.upper(), ready, name="--local")))
    if roof_green:
        method = method.at(replace(method.local, roof_green=_steps(roof_green)))
    community, lines = _with_declared(source.state(before=before), declared)
    areas = measured("areas", ck.floor_areas, community, method=method)
    if table in ("site", "sheet") or lines:
        lit = ck.sunlit_ground(community, day_of(community, sun), hours=hours) if sun else None
        site = ck.site_indicators(community, areas, sunlit=lit)
        frame = site.to_frame() if table == "site" else site.sheet()
        if lines:
            table, frame = "reconcile", site.reconcile(lines, tolerance=tolerance)
    elif table == "reconcile":
        frame = areas.reconcile(tolerance=tolerance)
    elif table in ("building", "parcel"):
        frame = areas.totals(table)
    elif table == "ledger":
        frame = areas.to_frame(shapes=any(p.suffix.lower() in MAPS for p in sheet.output))
    else:
        frame = getattr(areas, table)()
    sheet.write(frame, table)
    if picture is not None:
        drawn = {"waterfall": ck.view.plot_waterfall, "public": ck.view.plot_public_space}
        ax = drawn[show](areas) if show in drawn else ck.view.plot_storeys(areas, show)
        save_figure(ax.figure, picture)


def _steps(given: list[str]) -> tuple[tuple[float, float], ...]:
    """Return depths of soil [m] and the shares of green on roofs that count from there."""
    try:
        return tuple((float(depth), float(share)) for depth, share in pairs(given, "--roof-green").items())
    except ValueError as error:
        raise ck.InputError(f"--roof-green: it must be DEPTH=SHARE in numbers; got {', '.join(given)}.") from error


def _with_declared(community: ck.Community, path: Path | None) -> tuple[ck.Community, list[Any]]:
    """Return the community with the declared areas of a schedule, or the lines of a sheet of indicators."""
    from cimkit.io.sheets import is_schedule

    if path is None:
        return community, []
    if is_schedule(path):
        storeys, read = ck.read_schedule(path)
        community, fitted = ck.apply_schedule(community, storeys)
        say(read + fitted)
        return community, []
    lines, read = ck.read_indicators(path)
    say(read)
    return community, lines


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
