"""Judge many plans one after the other in one process: a row each, kept in a journal as they come."""

from __future__ import annotations

import gc
import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.markup import escape

import cimkit as ck
from cimkit.cli.common import BAD_INPUT, FAILED, PASSED, RESOURCES, UNKNOWN, Sheet, Source, err

# Side files of a Shapefile, plans of their own never.
_BESIDE = (".dbf", ".shx", ".prj", ".cpg", ".qpj", ".sbn", ".sbx")
_WORST = (RESOURCES, FAILED, BAD_INPUT, UNKNOWN)


def check_many(source: Source, about: dict[str, Any], sheet: Sheet, *, weather: Path | None) -> int:
    """Judge plans one by one; one that cannot be judged is a row with its error, and the next one follows.

    Beside the first output stands a journal that can be read at any time; after an interruption the same command
    takes the rows of plans that are as they were from it.
    """
    output = sheet.output
    journal = output[0].with_name(output[0].name + ".part") if output else Path(os.devnull)
    plans = [p for given in source.plan for p in (sorted(given.iterdir()) if given.is_dir() else [given])]
    plans = [p for p in plans if p.suffix not in _BESIDE and p not in (*output, journal) and p.name[:1] != "."]
    beside = [Path(p) for p in (*(about["packs"] or ()), weather) if p and Path(p).is_file()]
    how = source.of(), about, [p.read_bytes() for p in beside]
    about = about | {"weather": ck.read_epw(weather) if weather else None}  # once for all
    known, rows = _interrupted(journal), []
    with journal.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in known.values())
        for number, path in enumerate(plans, 1):
            key = _key(path, how)
            row = known.get(key)
            if row is None:
                name = path.name if len(source.plan) == 1 else str(path)
                row = {"plan": name, **_judged(source.of(path), about), "key": key}
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
    codes = {row["exit_code"] for row in rows}
    return next((c for c in _WORST if c in codes), PASSED)


def _judged(source: Source, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the row of one plan says; whatever goes wrong with it is its error."""
    from cimkit.rules.findings import ORDER

    counts: dict[str, Any] = dict.fromkeys([*(v.value for v in ORDER), "unverified"])
    err.quiet = True
    try:
        findings = judged(source.complete(assume_housing=True), about)
        counts |= {**findings.counts, "unverified": findings.unverified}
        return {"exit_code": findings.exit_code, **counts, "error": ""}
    except Exception as error:  # noqa: BLE001 - no plan may stop those after it
        known = isinstance(error, (ck.CimkitError, OSError))
        code = RESOURCES if isinstance(error, MemoryError) else BAD_INPUT
        return {"exit_code": code, **counts, "error": str(error) if known else f"{type(error).__name__}: {error}"}
    finally:
        err.quiet = False
        gc.collect()  # a community, what was measured of it and its findings hold each other


def judged(community: ck.Community, about: Mapping[str, Any], **more: Any) -> ck.Findings:
    """Judge a community as the options say; ``weather`` among them is a typical year, or None."""
    from cimkit.rules.measurements import Measurements

    how = dict(about)
    measured = Measurements(community.after(), weather=how.pop("weather"))
    return ck.check(community, measurements=measured, **how, **more)


def _key(path: Path, how: tuple[Any, ...]) -> str:
    """Return what a row depends on: the file as it is, and how it is read and judged."""
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
