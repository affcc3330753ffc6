"""Commands about files: sample, info, validate, convert, doctor."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from cimkit.cli.common import (
    BAD_INPUT,
    FAILED,
    AsJson,
    Output,
    Source,
    deliver,
    out,
    reads_plan,
    show_frame,
    step,
    wrote,
)

PACKAGES = {  # package: what needs it, and the extra that brings it
    "numpy": ("core", ""), "numba": ("core", ""), "scipy": ("core", ""), "shapely": ("core", ""),
    "pyproj": ("core", ""), "pyogrio": ("core", ""), "pandas": ("core", ""), "geopandas": ("core", ""),
    "matplotlib": ("pictures", "report"), "jinja2": ("core", ""), "pyvista": ("3D window", "view"),
    "trimesh": ("meshes, glTF", "view"), "openpyxl": ("Excel", "excel"), "pyarrow": ("GeoParquet", "parquet"),
    "ezdxf": ("DXF", "dxf"), "ifcopenshell": ("IFC", "ifc"), "osmium": ("OSM extracts", "osm"),
    "rasterio": ("rasters", "raster"), "py3dtiles": ("3D Tiles", "tiles"),
}  # fmt: skip


app = typer.Typer()


@app.command("sample", epilog="Example: cimkit sample community.gpkg")
def _sample(
    path: Annotated[Path, typer.Argument(help="File to write: .gpkg, .cimz, .city.json …")],
    kind: Annotated[str, typer.Option(help="future_community, slab_rows or courtyard_block.")] = "future_community",
    seed: Annotated[int, typer.Option(help="Seed of future_community.")] = 0,
) -> None:
    """Write an invented community to try things on."""
    from cimkit import samples
    from cimkit.arrays import one_of
    from cimkit.io.files import write

    one_of(kind, ("future_community", "slab_rows", "courtyard_block"), name="kind")
    with step(f"making {kind}"):
        community = samples.future_community(seed) if kind == "future_community" else getattr(samples, kind)()
        write(community, path)
    wrote(path)


@reads_plan(app, "info", "site.gpkg")
def _info(source: Source, json: AsJson = False) -> None:
    """Say what a plan holds."""
    import pandas as pd

    community, notes = source.read()
    rows = [(title, len(table)) for title, table in community.tables.items() if len(table)]
    frame = pd.DataFrame(rows, columns=["table", "rows"])
    if not json:
        place = community.location
        where = f"{place.latitude:.5f}° N, {place.longitude:.5f}° E" if place else "place not known"
        out.print(f"[bold]{community.name or source.plan[0].name}[/] · {community.frame.crs or 'no CRS'} · {where}")
    deliver(frame, [], as_json=json, layer="info")
    if not json and len(notes):
        show_frame(_summary(notes), title="notes")


def _summary(notes: object) -> object:
    """Return one row a code of note."""
    frame = notes.to_frame()  # type: ignore[attr-defined]
    return (
        frame.groupby(["severity", "code"], as_index=False, sort=False)
        .agg(count=("count", "sum"), example=("text", "first"))
        .sort_values("severity", kind="stable")
    )


@reads_plan(app, "validate", "site.gpkg -o notes.csv")
def _validate(source: Source, output: Output = [], json: AsJson = False) -> None:
    """List what is doubtful in a plan; exit code 1 if anything is an error."""
    from cimkit.model.validate import validate

    community, notes = source.read()
    with step("validating"):
        found = validate(community)
        known = {(n.code, n.table, n.object, n.text) for n in found}
        every = found + type(found).of([n for n in notes if (n.code, n.table, n.object, n.text) not in known])
    deliver(every.to_frame(), output, as_json=json, layer="notes")
    counts = ", ".join(f"{sum(n.count for n in every if n.severity == s):,} {s}" for s in ("error", "warning", "info"))
    out.print(f"[dim]{counts}[/]") if not json else None
    if any(n.severity == "error" for n in every):
        raise typer.Exit(FAILED)


@reads_plan(app, "convert", "site.gpkg site.city.json", plan="Plan to read, then the file to write.")
def _convert(
    source: Source,
    complete: Annotated[bool, typer.Option("--complete", help="Fill in doors, dwellings, windows by rule.")] = False,
) -> None:
    """Read a plan and write it in another format, chosen by the suffix; .glb and tileset.json (3D Tiles) as well."""
    from cimkit.io.files import write

    source, target = source.without_target("the file to write")
    community = source.complete(windows=True) if complete else source.read()[0]
    with step(f"writing {target.name}"):
        if target.suffix.lower() == ".glb":
            import_module("cimkit.view").write_gltf(community, path=target)
        elif target.name.lower().endswith("tileset.json"):
            import_module("cimkit.view").write_tiles(community, path=target)
        else:
            write(community, target)
    wrote(target)


@app.command("doctor", epilog="Example: cimkit doctor")
def _doctor(json: AsJson = False) -> None:
    """Say what is installed and what is missing; the last line is 'ready' or what to install."""
    import pandas as pd

    frame = pd.DataFrame(list(_checks()), columns=["what", "for", "state", "remedy"])
    deliver(frame, [], as_json=json, layer="doctor", rows=len(frame))
    broken = frame[(frame["for"] == "core") & (frame["state"] == "missing")]
    if len(broken):
        out.print(f"not ready: {'; '.join(broken['remedy'])}")
        raise typer.Exit(BAD_INPUT)
    out.print("ready") if not json else None


def _checks() -> Iterator[tuple[str, str, str, str]]:
    """Yield what, what for, state and remedy of each thing that cimkit can use."""
    import ctypes.util
    import shutil
    from importlib.metadata import PackageNotFoundError, version

    from cimkit.kernels._jit import cache_folder

    yield "python", "core", sys.version.split()[0], ""
    for name, (use, extra) in PACKAGES.items():
        try:
            yield name, use, version(name), ""
        except PackageNotFoundError:
            yield name, use, "missing", f"pip install 'cimkit[{extra}]'" if extra else f"pip install {name}"
    folder = Path(cache_folder())
    there = next(p for p in (folder, *folder.parents) if p.exists())
    writable = os.access(there, os.W_OK)
    yield "kernel cache", "core", "writable" if writable else "missing", "" if writable else "set NUMBA_CACHE_DIR"
    yield "free disk", "cache", f"{shutil.disk_usage(there).free / 1e9:.0f} GB", ""
    graphics = any(ctypes.util.find_library(n) for n in ("EGL", "OSMesa")) or bool(os.environ.get("DISPLAY"))
    yield "EGL or OSMesa", "3D window", "found" if graphics else "missing", "" if graphics else "libegl1 or libosmesa6"
    try:
        from cimkit.view.fonts import fonts

        chinese = fonts().language("zh") == "zh"
    except ImportError:
        chinese = False
    yield "Chinese font", "pictures", "found" if chinese else "missing", "" if chinese else "fonts-noto-cjk"
    browser = next((b for b in ("chromium", "google-chrome", "chrome") if shutil.which(b)), "")
    yield "browser", "report tests", browser or "missing", "" if browser else "chromium"
