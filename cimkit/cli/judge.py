"""Commands that judge: check, report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cimkit.cli.common import (
    PASSED,
    UNKNOWN,
    AsJson,
    City,
    Columns,
    Crs,
    Datum,
    Layers,
    Output,
    Plan,
    err,
    load_complete,
    out,
    pairs,
    show_frame,
    step,
    wrote,
)

if TYPE_CHECKING:
    from cimkit.model.community import Community
    from cimkit.rules.findings import Findings

Packs = Annotated[list[str], typer.Option("--pack", help="Pack of rules, by name or .toml file; may be repeated.")]
Known = Annotated[list[str], typer.Option("--place", help="What is known of the place: climate_zone=III …")]
Lang = Annotated[str, typer.Option(help="Language of the report: zh-en, zh or en.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("check", epilog="Example: cimkit check site.gpkg --city hangzhou -o report.html -o f.json")(_check)
    app.command("report", epilog="Example: cimkit report site.gpkg report.html")(_report)


def _check(
    plan: Plan, crs: Crs = "", datum: Datum = "", column: Columns = [], layer: Layers = [],
    city: City = "", pack: Packs = [], place: Known = [],
    before: Annotated[Path | None, typer.Option(help="Plan of the state before, to compare with.")] = None,
    verified_only: Annotated[bool, typer.Option("--verified-only", help="Leave out limits marked M.")] = False,
    allow_unknown: Annotated[bool, typer.Option("--allow-unknown", help="Exit 0 though something is unknown.")] = False,
    lang: Lang = "zh-en",
    output: Output = [], json: AsJson = False,
) -> None:  # fmt: skip
    """Judge a plan by packs of rules; the exit code is the verdict."""
    from cimkit.rules.check import check

    community = load_complete(plan, crs, datum, column, layer, assume_housing=True)
    earlier = load_complete([before], crs, datum, column, layer, assume_housing=True) if before else None
    with step("judging"):
        findings = check(
            community,
            packs=pack or None,
            before=earlier,
            city=city,
            place=pairs(place, "--place"),
            verified_only=verified_only,
        )
    for path in output:
        _deliver(community, findings, path, lang)
    if json:
        sys.stdout.write(findings.to_json())
    else:
        _show(findings)
    code = findings.exit_code
    raise typer.Exit(PASSED if allow_unknown and code == UNKNOWN else code)


def _show(findings: Findings) -> None:
    """Print the clauses that fail or are open, then the verdict."""
    frame = findings.summary()
    open_ = frame[(frame["fail"] > 0) | (frame["unknown"] > 0)]
    columns = ["standard", "clause", "text", "required", "mark", "fail", "unknown", "pass"]
    show_frame(open_[columns].rename(columns={"text": "rule"}), rows=40)
    out.print(repr(findings)[1:-1])


def _deliver(community: Community, findings: Findings, path: Path, lang: str) -> None:
    """Write findings by the suffix of the file."""
    from cimkit.io.atomic import write_text
    from cimkit.io.results import write_table

    with step(f"writing {path.name}"):
        if path.suffix == ".html":
            _write_report(community.after(), path, lang, findings, findings.measurements.results())  # type: ignore[union-attr]
        elif path.suffix == ".json":
            write_text(path, findings.to_json())
        elif path.suffix in (".gpkg", ".geojson"):
            write_table(findings.to_geoframe(None), path, layer="findings")
        else:
            write_table(findings.to_frame(), path, layer="findings")
    wrote(path)


def _write_report(
    community: Community, path: Path, lang: str, findings: Findings | None, results: Sequence[Any]
) -> None:
    """Write the page."""
    from cimkit.view.report import report

    report(community, findings, path=path, results=results, lang=lang)


def _report(
    plan: Annotated[list[Path], typer.Argument(help="Plan to read, then the .html file to write.")],
    crs: Crs = "", datum: Datum = "", column: Columns = [], layer: Layers = [], lang: Lang = "zh-en",
) -> None:  # fmt: skip
    """Show what a plan holds and what the simulations say, without judging it."""
    from cimkit.errors import MissingDataError
    from cimkit.sim.access import walk_times
    from cimkit.sim.areas import floor_areas
    from cimkit.sim.receptors import window_receptors
    from cimkit.sim.site_ratios import site_indicators
    from cimkit.sim.sunlight import sunlight
    from cimkit.sim.sunpath import SunDay

    if len(plan) < 2:
        raise typer.BadParameter("name the plan to read and the .html file to write")
    *source, target = plan
    community = load_complete(source, crs, datum, column, layer, assume_housing=True, windows=True).after()
    results: list[Any] = []
    with step("sunlight, walking, areas"):
        day = SunDay.great_cold(community.require_location())
        results.append(sunlight(community, window_receptors(community), day))
        try:
            results.append(walk_times(community))
        except MissingDataError as error:
            err.print(f"[dim]{error}[/]")
        areas = floor_areas(community)
        results += [areas, site_indicators(community, areas)]
    with step(f"writing {target.name}"):
        _write_report(community, target, lang, None, results)
    wrote(target)
