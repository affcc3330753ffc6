"""Commands about files: sample, info, validate, convert, doctor."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import typer

import cimkit as ck
from cimkit.cli.common import WORDS, Exit, Sheet, Source, command, out, show_frame, step


@command("community.gpkg")
def _sample(path: Path, *, kind: str = "future_community", seed: int = 0) -> None:
    """Write an invented community to try things on."""
    with step(f"making {kind}", path):
        given = {"seed": seed} if kind == "future_community" else {}
        ck.write(getattr(ck.samples, kind)(**given), path)


@command("site.gpkg")
def _info(source: Source, sheet: Sheet) -> None:
    """Say what a plan holds."""
    community, notes = source.read()
    rows = [(title, len(table)) for title, table in community.tables.items() if len(table)]
    if not sheet.json:
        place = community.location
        where = f"{place.latitude:.5f}° N, {place.longitude:.5f}° E" if place else "place not known"
        out.print(f"[bold]{community.name or source.plan[0].name}[/] · {community.frame.crs or 'no CRS'} · {where}")
    sheet.write_rows(rows, ("table", "rows"), "info")
    if not sheet.json and len(notes):
        groups = notes.to_frame().groupby(["severity", "code"], as_index=False, sort=False)
        found = groups.agg(count=("count", "sum"), example=("text", "first"))
        show_frame(found.sort_values("severity", kind="stable"), title="notes")


@command("site.gpkg -o notes.csv")
def _validate(source: Source, sheet: Sheet) -> None:
    """List what is doubtful in a plan; exit code 1 if anything is an error."""
    community, notes = source.read()
    with step("validating"):
        found = ck.validate(community)
        known = {(n.code, n.table, n.object, n.text) for n in found}
        every = found + ck.Notes.of([n for n in notes if (n.code, n.table, n.object, n.text) not in known])
    sheet.write(every.to_frame(), "notes")
    counts = {s: sum(n.count for n in every if n.severity == s) for s in ("error", "warning", "info")}
    if not sheet.json:
        out.print(f"[dim]{', '.join(f'{n:,} {s}' for s, n in counts.items())}[/]")
    raise typer.Exit(Exit.FAILED * any(n.severity == "error" for n in every))


@command("site.gpkg site.city.json")
def _convert(source: Source, *, complete: bool = False) -> None:
    """Read a plan and write it in another format, chosen by the suffix; .glb and tileset.json (3D Tiles) as well."""
    source, target = source.without_target("the file to write")
    community = source.complete(windows=True) if complete else source.read()[0]
    with step(f"writing {target.name}", target):
        if target.suffix.lower() == ".glb":
            ck.view.write_gltf(community, path=target)
        elif target.name.lower().endswith("tileset.json"):
            ck.view.write_tiles(community, path=target)
        else:
            ck.write(community, target)


@command()
def _doctor(sheet: Sheet) -> None:
    """Say what is installed and what is missing; the last line is 'ready' or what to install."""
    rows = [(what, use, found or "missing", "" if found else remedy) for what, use, found, remedy in _checks()]
    sheet.write_rows(rows, ("what", "for", "state", "remedy"), "doctor")
    if broken := [remedy for _, use, state, remedy in rows if use == "core" and state == "missing"]:
        out.print(f"not ready: {'; '.join(broken)}")
        raise typer.Exit(Exit.BAD_INPUT)
    out.print("ready") if not sheet.json else None


def _checks() -> Iterator[tuple[str, str, str, str]]:
    """Yield what, what for, what was found, empty for nothing, and remedy of each thing that cimkit can use."""
    import ctypes.util
    import shutil
    from importlib.metadata import PackageNotFoundError, version

    from cimkit.kernels._jit import cache_folder

    yield "python", "core", sys.version.split()[0], ""
    for name, (use, extra) in WORDS["packages"].items():
        try:
            yield name, use, version(name), ""
        except PackageNotFoundError:
            yield name, use, "", f"pip install 'cimkit[{extra}]'" if extra else f"pip install {name}"
    folder = Path(cache_folder())
    folder = next(p for p in (folder, *folder.parents) if p.exists())
    yield "kernel cache", "core", "writable" * os.access(folder, os.W_OK), "set NUMBA_CACHE_DIR"
    yield "free disk", "cache", f"{shutil.disk_usage(folder).free / 1e9:.0f} GB", ""
    graphics = any(ctypes.util.find_library(n) for n in ("EGL", "OSMesa")) or bool(os.environ.get("DISPLAY"))
    yield "EGL or OSMesa", "3D window", "found" * graphics, "libegl1 or libosmesa6"
    try:
        chinese = ck.view.fonts().language("zh") == "zh"
    except ImportError:
        chinese = False
    yield "Chinese font", "pictures", "found" * chinese, "fonts-noto-cjk"
    browser = next((b for b in ("chromium", "google-chrome", "chrome") if shutil.which(b)), "")
    yield "browser", "report tests", browser, "chromium"
