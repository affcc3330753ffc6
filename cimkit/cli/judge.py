"""Commands that judge: check, report, explain, pack."""

from __future__ import annotations

import json as json_lib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cimkit.cli.common import (
    PASSED,
    UNKNOWN,
    AsJson,
    City,
    Output,
    Source,
    deliver,
    err,
    out,
    pairs,
    plain,
    reads_plan,
    show_frame,
    step,
    wrote,
)

if TYPE_CHECKING:
    from cimkit.model.community import Community
    from cimkit.rules.findings import Findings

Packs = Annotated[list[str], typer.Option("--pack", help="Pack of rules, by name or .toml file; may be repeated.")]
Known = Annotated[list[str], typer.Option("--place", help="What is known of the place: climate_zone=III …")]
Verified = Annotated[bool, typer.Option("--verified-only", help="Leave out limits marked M.")]
Lang = Annotated[str, typer.Option(help="Language of the report: zh-en, zh or en.")]


app = typer.Typer()


@reads_plan(app, "check", "site.gpkg --city hangzhou -o report.html -o f.json")
def _check(
    source: Source,
    city: City = "", pack: Packs = [], place: Known = [],
    before: Annotated[Path | None, typer.Option(help="Plan of the state before, to compare with.")] = None,
    verified_only: Verified = False,
    weather: Annotated[Path | None, typer.Option(help="Typical year (.epw), for probable sunlight.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="Findings (JSON) before: only new or worse fails.")] = None,
    many: Annotated[bool, typer.Option("--many", help="Each file or subfolder is a plan of its own.")] = False,
    allow_unknown: Annotated[bool, typer.Option("--allow-unknown", help="Exit 0 though something is unknown.")] = False,
    lang: Lang = "zh-en",
    output: Output = [], json: AsJson = False,
) -> None:  # fmt: skip
    """Judge a plan by packs of rules; the exit code is the verdict."""
    from cimkit.cli.compile import compile_kernels
    from cimkit.cli.many import check_many, judged
    from cimkit.io.weather import read_epw

    about: dict[str, Any] = {"packs": pack or None, "city": city, "place": pairs(place, "--place")}
    about["verified_only"] = verified_only
    compile_kernels()
    if many:
        if before or baseline:
            raise typer.BadParameter("--many judges each plan alone: leave out --before and --baseline")
        raise typer.Exit(check_many(source, about, output, weather=weather, as_json=json))
    earlier = source.of(before).complete(assume_housing=True) if before else None
    community = source.complete(assume_housing=True)
    about["weather"] = read_epw(weather) if weather else None
    with step("judging"):
        findings = judged(community, about, before=earlier, baseline=_json_file(baseline) if baseline else None)
    for path in output:
        _deliver(community, findings, path, lang)
    if json:
        sys.stdout.write(findings.to_json())
    else:
        _show(findings)
    code = findings.exit_code
    raise typer.Exit(PASSED if allow_unknown and code == UNKNOWN else code)


@reads_plan(
    app, "compare", "low.gpkg high.gpkg --city hangzhou -o scenarios.xlsx", plan="Plans, each a variant of its own."
)
def _compare(
    source: Source,
    city: City = "", pack: Packs = [], place: Known = [], verified_only: Verified = False,
    output: Output = [], json: AsJson = False,
) -> None:  # fmt: skip
    """Judge variants of a plan by the same rules and lay them side by side (方案比选)."""
    from cimkit.rules.check import check
    from cimkit.rules.compare import scenarios

    about: dict[str, Any] = {"packs": pack or None, "city": city, "place": pairs(place, "--place")}
    states = {}
    for path in source.plan:
        community = source.of(path).complete(assume_housing=True)
        with step(f"judging {path.name}"):
            states[path.stem] = check(community, verified_only=verified_only, **about)
        err.print(f"{escape(path.stem)}: {plain(states[path.stem])}")
    frame = scenarios(states)
    if not output and not json:  # on screen what fails or differs
        fails = frame[[f"{name}: fail" for name in states]]
        shown = (fails.nunique(axis=1) > 1) | (fails > 0).any(axis=1)
        frame = frame[shown][["rule", "text", *fails.columns]]
    deliver(frame, output, as_json=json, layer="scenarios", rows=60)


def _json_file(path: Path) -> Any:
    """Read a JSON file."""
    from cimkit.errors import FormatError

    try:
        return json_lib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FormatError(f"{path.name}: it must be JSON; {error}. Write it with cimkit check -o.") from error


@app.command("explain", epilog="Example: cimkit explain findings.json gb50180-4.0.9@B7/F2/1")
def _explain(
    findings: Annotated[Path, typer.Argument(help="Findings as cimkit check -o FILE.json wrote them.")],
    finding: Annotated[str, typer.Argument(help="Which: rule@object.")],
) -> None:
    """Say why a finding is as it is: formula, inputs, objects, source, by how much it misses."""
    from cimkit.rules.export import explain

    for name, text in explain(_json_file(findings), finding):
        out.print(f"[bold]{name:<14}[/]{escape(text)}")


@reads_plan(app, "future", "site.gpkg project.toml -o self.html", plan="Plan, then the project file (.toml).")
def _future(
    source: Source,
    responses: Annotated[Path | None, typer.Option(help="Answers to the survey: CSV or Excel.")] = None,
    output: Output = [],
    lang: Lang = "zh-en",
    json: AsJson = False,
) -> None:
    """Assess a Future Community: nine scenes, evidence, four dimensions, satisfaction (自评)."""
    import pandas as pd

    from cimkit.rules.future import assess
    from cimkit.view.assessment import self_assessment

    source, project = source.without_target("the project file (.toml)")
    if project.suffix != ".toml":
        raise typer.BadParameter(f"the project file must be .toml; got {project.name}")
    answers = None
    if responses:
        answers = pd.read_excel(responses) if responses.suffix == ".xlsx" else pd.read_csv(responses)
    assessment = assess(source.complete(assume_housing=True), project, responses=answers)
    pages = [p for p in output if p.suffix == ".html"]
    for path in pages:
        wrote(self_assessment(assessment, path=path, lang=lang))
    deliver(assessment.to_frame(), [p for p in output if p not in pages], as_json=json, layer="indicators")
    err.print(plain(assessment))


_pack = typer.Typer(no_args_is_help=True)
app.add_typer(_pack, name="pack", help="Packs of rules: write your own, check it, list what there is.")


@_pack.command("new", epilog="Example: cimkit pack new my-city.toml --extends CN-ZJ")
def _pack_new(
    path: Annotated[Path, typer.Argument(help="The .toml file to write.")],
    extends: Annotated[list[str], typer.Option(help="Pack it builds on; may be repeated.")] = ["CN-residential"],
    level: Annotated[str, typer.Option(help="project, city, province or nation.")] = "project",
) -> None:
    """Write a pack to fill in, with a limit changed and a rule of one's own as examples."""
    from cimkit.errors import InputError
    from cimkit.io.atomic import write_text
    from cimkit.rules.load import load_packs, template

    if path.exists() or path.suffix != ".toml":
        raise InputError(f"{path}: it must be a new file with suffix .toml. Choose another name.")
    load_packs(extends)
    write_text(path, template(path.stem, level, extends))
    load_packs([path])
    wrote(path)


@_pack.command("check", epilog="Example: cimkit pack check my-city.toml")
def _pack_check(
    pack: Annotated[list[str], typer.Argument(help="Packs, by name or .toml file.")], json: AsJson = False
) -> None:
    """Read packs with those they build on, and say what they hold; a mistake is named with file, line and remedy."""
    import pandas as pd

    from cimkit.rules.load import load_packs

    rows = [
        (p.name, p.level, len(p), sum(r.judged for r in p), sum(not r.verified for r in p), len(p.limits), p.title)
        for p in load_packs(pack)
    ]
    names = ["pack", "level", "rules", "judged", "unverified", "limits", "title"]
    deliver(pd.DataFrame(rows, columns=names), [], as_json=json, layer="packs")


@_pack.command("list")
def _pack_list(
    indicators: Annotated[bool, typer.Option("--indicators", help="List indicators in place of packs.")] = False,
    json: AsJson = False,
) -> None:
    """List the packs that come with cimkit, or the indicators a rule may name."""
    import pandas as pd

    from cimkit.rules.indicators import INDICATORS
    from cimkit.rules.load import load_pack, pack_names

    if indicators:
        rows: list[Any] = [
            (i.name, i.zh, i.unit, " ".join(i.keys), " ".join(i.options), i.meaning) for i in INDICATORS.values()
        ]
        names = ["indicator", "zh", "unit", "needs", "options", "meaning"]
    else:
        rows = [(p.name, p.level, p.place, len(p), p.title, p.title_zh) for p in map(load_pack, pack_names())]
        names = ["pack", "level", "place", "rules", "title", "title_zh"]
    frame = pd.DataFrame(rows, columns=names)
    if json:
        deliver(frame, [], as_json=True, layer="packs")
    else:
        show_frame(frame, rows=len(frame))


def _show(findings: Findings) -> None:
    """Print the clauses that fail or are open, then the verdict."""
    frame = findings.summary()
    open_ = frame[(frame["fail"] > 0) | (frame["unknown"] > 0)]
    columns = ["standard", "clause", "text", "required", "mark", "fail", "unknown", "pass"]
    show_frame(open_[columns].rename(columns={"text": "rule"}), rows=40)
    out.print(plain(findings))


def _deliver(community: Community, findings: Findings, path: Path, lang: str) -> None:
    """Write findings by the suffix of the file."""
    from cimkit.io.atomic import write_text
    from cimkit.io.results import write_table
    from cimkit.rules.export import to_junit, to_sarif

    with step(f"writing {path.name}"):
        if path.suffix == ".html":
            from cimkit.view.report import report

            results = findings.measurements.results()  # type: ignore[union-attr]
            report(community.after(), findings, path=path, results=results, lang=lang)
        elif path.suffix == ".json":
            write_text(path, findings.to_json())
        elif path.suffix in (".gpkg", ".geojson"):
            write_table(findings.to_geoframe(None), path, layer="findings")
        elif path.suffix in (".xml", ".sarif"):
            write_text(path, to_junit(findings) if path.suffix == ".xml" else to_sarif(findings))
        else:
            write_table(findings.to_frame(), path, layer="findings")
    wrote(path)


@reads_plan(app, "report", "site.gpkg report.html", plan="Plan to read, then the .html file to write.")
def _report(source: Source, lang: Lang = "zh-en") -> None:
    """Show what a plan holds and what the simulations say, without judging it."""
    from cimkit.errors import MissingDataError
    from cimkit.sim.access import walk_times
    from cimkit.sim.areas import floor_areas
    from cimkit.sim.receptors import window_receptors
    from cimkit.sim.site_ratios import site_indicators
    from cimkit.sim.sunlight import sunlight
    from cimkit.sim.sunpath import SunDay
    from cimkit.view.report import report

    source, target = source.without_target("the .html file to write")
    community = source.state(assume_housing=True, windows=True)
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
        report(community, path=target, results=results, lang=lang)
    wrote(target)
