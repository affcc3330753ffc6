"""Commands that judge: check, compare, explain, future, pack, report."""

import gc
import hashlib
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape

import cimkit as ck
from cimkit.cli.common import Exit, Sheet, Source, app, command, err, out, pairs, plain, show_frame, step, wrote
from cimkit.io.atomic import write_text

# Side files of a Shapefile, plans of their own never.
_BESIDE = (".dbf", ".shx", ".prj", ".cpg", ".qpj", ".sbn", ".sbx")
_WORST = (Exit.RESOURCES, Exit.FAILED, Exit.BAD_INPUT, Exit.UNKNOWN, Exit.PASSED)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What to judge by; its fields are options of the commands."""

    city: str = ""
    packs: list[str] = ()  # type: ignore[assignment]
    places: list[str] = ()  # type: ignore[assignment]
    verified_only: bool = False

    def __post_init__(self) -> None:
        """Name a mistake before anything is read."""
        pairs(self.places, "--place")

    def judge(self, community: ck.Community, *, weather: Any = None, **more: Any) -> ck.Findings:
        """Judge a community; ``weather`` is that of a typical year."""
        from cimkit.rules.measurements import Measurements

        about: dict[str, Any] = {"packs": self.packs or None, "city": self.city, "place": pairs(self.places, "--place")}
        about |= {"verified_only": self.verified_only, "measurements": Measurements(community.after(), weather=weather)}
        return ck.check(community, **about, **more)


@command("site.gpkg --city hangzhou -o report.html -o f.json")
def _check(
    source: Source,
    sheet: Sheet,
    rules: Rules,
    *,
    before: Path | None = None,
    weather: Path | None = None,
    baseline: Path | None = None,
    many: bool = False,
    allow_unknown: bool = False,
    lang: str = "zh-en",
) -> None:
    """Judge a plan by packs of rules; the exit code is the verdict."""
    from cimkit.cli.compile import compile_kernels

    compile_kernels()
    if many:
        if before or baseline:
            raise typer.BadParameter("--many judges each plan alone: leave out --before and --baseline")
        raise typer.Exit(_check_many(source, rules, sheet, weather))
    earlier = source.of(before).complete(assume_housing=True) if before else None
    community = source.complete(assume_housing=True)
    how = {"weather": weather and ck.read_epw(weather), "baseline": baseline and _json_file(baseline)}
    with step("judging"):
        findings = rules.judge(community, before=earlier, **how)
    for path in sheet.output:
        _deliver(community, findings, path, lang)
    if sheet.json:
        sys.stdout.write(findings.to_json())
    else:
        frame = findings.summary()
        open_ = frame[(frame["fail"] > 0) | (frame["unknown"] > 0)]
        columns = ["standard", "clause", "text", "required", "mark", "fail", "unknown", "pass"]
        show_frame(open_[columns].rename(columns={"text": "rule"}), rows=40)
        out.print(plain(findings))
    code = findings.exit_code
    raise typer.Exit(0 if allow_unknown and code == Exit.UNKNOWN else code)


@command("low.gpkg high.gpkg --city hangzhou -o scenarios.xlsx")
def _compare(source: Source, sheet: Sheet, rules: Rules) -> None:
    """Judge variants of a plan by the same rules and lay them side by side (方案比选)."""
    states = {}
    for path in source.plan:
        community = source.of(path).complete(assume_housing=True)
        with step(f"judging {path.name}"):
            states[path.stem] = rules.judge(community)
        err.print(f"{escape(path.stem)}: {plain(states[path.stem])}")
    frame = ck.scenarios(states)
    if sheet.screen:  # what fails or differs
        fails = frame[[f"{name}: fail" for name in states]]
        shown = (fails.nunique(axis=1) > 1) | (fails > 0).any(axis=1)
        frame = frame[shown][["rule", "text", *fails.columns]]
    sheet.write(frame, "scenarios", rows=60)


def _json_file(path: Path) -> Any:
    """Read a JSON file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ck.FormatError(f"{path.name}: it must be JSON; {error}. Write it with cimkit check -o.") from error


@command("findings.json gb50180-4.0.9@B7/F2/1")
def _explain(findings: Path, finding: str) -> None:
    """Say why a finding is as it is: formula, inputs, objects, source, by how much it misses."""
    from cimkit.rules.export import explain

    for name, text in explain(_json_file(findings), finding):
        out.print(f"[bold]{name:<14}[/]{escape(text)}")


@command("site.gpkg project.toml -o self.html")
def _future(source: Source, sheet: Sheet, *, responses: Path | None = None, lang: str = "zh-en") -> None:
    """Assess a Future Community: nine scenes, evidence, four dimensions, satisfaction (自评)."""
    import pandas as pd

    source, project = source.without_target("the project file (.toml)")
    if project.suffix != ".toml":
        raise typer.BadParameter(f"the project file must be .toml; got {project.name}")
    answers = responses and (pd.read_excel if responses.suffix == ".xlsx" else pd.read_csv)(responses)
    assessment = ck.assess(source.complete(assume_housing=True), project, responses=answers)
    for path in (p for p in sheet.output if p.suffix == ".html"):
        wrote(ck.view.self_assessment(assessment, path=path, lang=lang))
    tables = [p for p in sheet.output if p.suffix != ".html"]
    replace(sheet, output=tables).write(assessment.to_frame(), "indicators")
    err.print(plain(assessment))


_pack = typer.Typer(no_args_is_help=True)
app.add_typer(_pack, name="pack", help="Packs of rules: write your own, check it, list what there is.")


@command("my-city.toml --extends CN-ZJ", group=_pack)
def _pack_new(path: Path, *, extends: list[str] = ["CN-residential"], level: str = "project") -> None:
    """Write a pack to fill in, with a limit changed and a rule of one's own as examples."""
    from cimkit.rules.load import load_packs, template

    if path.exists() or path.suffix != ".toml":
        raise ck.InputError(f"{path}: it must be a new file with suffix .toml. Choose another name.")
    load_packs(extends)
    write_text(path, template(path.stem, level, extends))
    load_packs([path])
    wrote(path)


@command("my-city.toml", group=_pack)
def _pack_check(packs: list[str], sheet: Sheet) -> None:
    """Read packs with those they build on, and say what they hold; a mistake is named with file, line and remedy."""
    from cimkit.rules.load import load_packs

    rows = [
        (p.name, p.level, len(p), sum(r.judged for r in p), sum(not r.verified for r in p), len(p.limits), p.title)
        for p in load_packs(packs)
    ]
    sheet.write_rows(rows, ("pack", "level", "rules", "judged", "unverified", "limits", "title"), "packs")


@command(group=_pack)
def _pack_list(sheet: Sheet, *, indicators: bool = False) -> None:
    """List the packs that come with cimkit, or the indicators a rule may name."""
    from cimkit.rules.indicators import INDICATORS
    from cimkit.rules.load import load_pack, pack_names

    if indicators:
        listed = INDICATORS.values()
        rows: list[Any] = [(i.name, i.zh, i.unit, " ".join(i.keys), " ".join(i.options), i.meaning) for i in listed]
        names = ["indicator", "zh", "unit", "needs", "options", "meaning"]
    else:
        rows = [(p.name, p.level, p.place, len(p), p.title, p.title_zh) for p in map(load_pack, pack_names())]
        names = ["pack", "level", "place", "rules", "title", "title_zh"]
    sheet.write_rows(rows, names, "packs")


def _deliver(community: ck.Community, findings: ck.Findings, path: Path, lang: str) -> None:
    """Write findings by the suffix of the file."""
    from cimkit.io.results import write_table
    from cimkit.rules.export import to_junit, to_sarif

    texts = {".json": ck.Findings.to_json, ".xml": to_junit, ".sarif": to_sarif}
    with step(f"writing {path.name}", path):
        if path.suffix == ".html":
            results = findings.measurements.results()  # type: ignore[union-attr]
            ck.view.report(community.after(), findings, path=path, results=results, lang=lang)
        elif path.suffix in texts:
            write_text(path, texts[path.suffix](findings))
        else:
            placed = path.suffix in (".gpkg", ".geojson")
            write_table(findings.to_geoframe(None) if placed else findings.to_frame(), path, layer="findings")


@command("site.gpkg report.html")
def _report(source: Source, *, lang: str = "zh-en") -> None:
    """Show what a plan holds and what the simulations say, without judging it."""
    source, target = source.without_target("the .html file to write")
    community = source.state(assume_housing=True, windows=True)
    with step("sunlight, walking, areas"):
        day = ck.SunDay.great_cold(community.require_location())
        results: list[Any] = [ck.sunlight(community, ck.window_receptors(community), day)]
        try:
            results.append(ck.walk_times(community))
        except ck.MissingDataError as error:
            err.print(f"[dim]{error}[/]")
        areas = ck.floor_areas(community)
        results += [areas, ck.site_indicators(community, areas)]
    with step(f"writing {target.name}", target):
        ck.view.report(community, path=target, results=results, lang=lang)


def _check_many(source: Source, rules: Rules, sheet: Sheet, weather: Path | None) -> int:
    """Judge plans one by one; one that cannot be judged is a row with its error, and the next one follows.

    Beside the first output stands a journal that can be read at any time; after an interruption the same command
    takes the rows of plans that are as they were from it.
    """
    output = sheet.output
    journal = output[0].with_name(output[0].name + ".part") if output else Path(os.devnull)
    plans = [p for given in source.plan for p in (sorted(given.iterdir()) if given.is_dir() else [given])]
    plans = [p for p in plans if p.suffix not in _BESIDE and p not in (*output, journal) and p.name[:1] != "."]
    beside = [Path(p) for p in (*rules.packs, weather) if p and Path(p).is_file()]
    how = source.of(), rules, [p.read_bytes() for p in beside]
    year = weather and ck.read_epw(weather)  # once for all
    known, rows = _interrupted(journal), []
    with journal.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in known.values())
        for number, path in enumerate(plans, 1):
            key = _key(path, how)
            row = known.get(key)
            if row is None:
                name = path.name if len(source.plan) == 1 else str(path)
                row = {"plan": name, **_judged(source.of(path), rules, year), "key": key}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                file.flush()
            rows.append({k: v for k, v in row.items() if k != "key"})
            said = row["error"] or ", ".join(f"{row[v]:,} {v}" for v in ("fail", "unknown", "pass"))
            err.print(f"[dim]{number:,}/{len(plans):,}[/] {escape(f'{path.name}: {said}')}")
    import pandas as pd

    frame = pd.DataFrame(rows)
    counted = dict.fromkeys(frame.columns[2:-1], "Int64")  # whole numbers, or none
    sheet.write(frame.astype(counted), "plans")
    if output:
        journal.unlink()
    return min((Exit(row["exit_code"]) for row in rows), key=_WORST.index, default=Exit.PASSED)


def _judged(source: Source, rules: Rules, weather: Any) -> dict[str, Any]:
    """Return what the row of one plan says; whatever goes wrong with it is its error."""
    from cimkit.rules.findings import ORDER

    counts: dict[str, Any] = dict.fromkeys([*(v.value for v in ORDER), "unverified"])
    err.quiet = True
    try:
        findings = rules.judge(source.complete(assume_housing=True), weather=weather)
        return {"exit_code": findings.exit_code, **findings.counts, "unverified": findings.unverified, "error": ""}
    except Exception as error:  # noqa: BLE001 - no plan may stop those after it
        known = isinstance(error, (ck.CimkitError, OSError))
        code = Exit.RESOURCES if isinstance(error, MemoryError) else Exit.BAD_INPUT
        return {"exit_code": int(code), **counts, "error": str(error) if known else f"{type(error).__name__}: {error}"}
    finally:
        err.quiet = False
        gc.collect()  # a community, what was measured of it and its findings hold each other


def _key(path: Path, how: tuple[Any, ...]) -> str:
    """Return what a row depends on: the file as it is, and how it is read and judged."""
    from importlib.metadata import version

    state = path.stat()
    what = repr((path.resolve(), state.st_size, state.st_mtime_ns, *how, version("cimkit")))
    return hashlib.blake2b(what.encode(), digest_size=12).hexdigest()


def _interrupted(journal: Path) -> dict[str, dict[str, Any]]:
    """Return the rows of an interrupted run by key; the last one may be torn."""
    known: dict[str, dict[str, Any]] = {}
    for line in journal.read_text(encoding="utf-8").splitlines() if journal.exists() else ():
        with suppress(ValueError):
            row = json.loads(line)
            known[row["key"]] = row
    if known:
        err.print(f"{len(known):,} rows of an interrupted run are taken from {escape(journal.name)}")
    return known
