"""GeoJSON, GeoPackage, Shapefile, FlatGeobuf, GeoParquet: map layers of others as a community, and written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.errors import InputError, MissingDataError
from cimkit.geometry.frame import Frame, metric_crs
from cimkit.geometry.terrain import Terrain
from cimkit.io.atomic import atomic_write
from cimkit.io.crs import Placing, place
from cimkit.io.gdal import quiet
from cimkit.io.layers import sort_layer
from cimkit.io.loading import Layers
from cimkit.model.community import Community
from cimkit.model.frames import tables_from_frames
from cimkit.model.notes import Note, Notes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DRIVERS = {".geojson": "GeoJSON", ".shp": "ESRI Shapefile", ".fgb": "FlatGeobuf"}


@dataclass(frozen=True)
class Reading:
    """What the user says about foreign files.

    Parameters
    ----------
    placing
        Where coordinates lie.
    columns
        Own column names, theirs → ours.
    layers
        Layer → table; an empty table leaves the layer out.
    """

    placing: Placing = field(default_factory=Placing)
    columns: Mapping[str, str] = field(default_factory=dict)
    layers: Mapping[str, str] = field(default_factory=dict)


def community_of_layers(layers: Layers, reading: Reading, notes: list[Note], who: str) -> tuple[Community, Notes]:
    """Return the community of loaded layers, and all notes.

    Raises
    ------
    InputError
        If no layer can be used, or coordinates contradict their CRS.
    """
    unknown = set(reading.layers) - {name for name, _ in layers}
    if unknown:
        names = ", ".join(n for n, _ in layers)
        raise InputError(f"layers: names must be among {names}; got {', '.join(sorted(unknown))}.")
    frames: dict[str, list[Any]] = {}
    for name, gdf in layers:
        if not len(gdf):
            notes.append(Note("I03", "layer is empty", name))
            continue
        tables, said = sort_layer(name, gdf, reading.layers, only=len(layers) == 1)
        notes += said
        for table, frame in tables.items():
            if hasattr(frame, "to_wkb"):
                frame, said = _finite(frame, name)  # noqa: PLW2901 -- the frame goes on without bad shapes
                notes += said
                frame, said = place(frame, f"{who}, {name}" if who != name else who, reading.placing)  # noqa: PLW2901
                notes += said
            frames.setdefault(table, []).append(frame)
    return _assemble(frames, reading, notes, who)


def _assemble(frames: dict[str, list[Any]], reading: Reading, notes: list[Note], who: str) -> tuple[Community, Notes]:
    """Return the community of placed frames."""
    contours = frames.pop("contours", [])
    if not frames and not contours:
        said = "; ".join(n.text for n in notes[:3])
        raise InputError(
            f"{who}: at least one layer must be buildings, paths, parcels, services or open ground; got none. "
            f"{said}. Name tables with layers=."
        )
    merged = {table: _merged(parts) for table, parts in frames.items()}
    if "storeys" in merged and "buildings" not in merged:
        raise MissingDataError(f"{who}: storeys need buildings; there is no such layer. Read both together.")
    tables, frame, derived = tables_from_frames(merged, columns=dict(reading.columns), crs="")
    frame = _frame_of(contours[0], notes) if contours and not merged else frame
    community = Community(name=who, frame=frame, **tables)
    for gdf in contours:
        community = _with_terrain(community, gdf, notes)
    every = Notes.of(notes) + derived
    return replace(community, notes=every), every


def _frame_of(gdf: Any, notes: list[Note]) -> Frame:
    """Return the local frame of a layer that comes alone."""
    if gdf.crs is None:
        return Frame()
    target = gdf.crs.to_string()
    if not gdf.crs.is_projected:
        west, south, east, north = gdf.total_bounds
        target = metric_crs((west + east) / 2, (south + north) / 2)
        notes.append(Note("C03", f"{gdf.crs.name} projected to {target}", "terrain"))
    return Frame.around(gdf.to_crs(target).total_bounds.reshape(2, 2), target)


def _merged(parts: list[Any]) -> Any:
    """Return one frame of several, in the CRS of the first that states one."""
    import pandas as pd

    if len(parts) == 1:
        return parts[0]
    crs = next((p.crs for p in parts if getattr(p, "crs", None) is not None), None)
    if crs is not None:
        parts = [p if getattr(p, "crs", None) is None else p.to_crs(crs) for p in parts]
        parts = [p.set_crs(crs, allow_override=True) if hasattr(p, "to_wkb") else p for p in parts]
    return pd.concat(parts, ignore_index=True)


def _with_terrain(community: Community, gdf: Any, notes: list[Note]) -> Community:
    """Return the community with the ground of contour lines."""
    column = next((c for c in ("elev_m", "elev", "elevation", "height", "z", "高程", "标高") if c in gdf.columns), "")
    if community.frame.crs and gdf.crs is not None:
        gdf = gdf.to_crs(community.frame.crs)
    xyz, row = shapely.get_coordinates(gdf.geometry.array, include_z=True, return_index=True)
    if column:
        xyz[:, 2] = gdf[column].to_numpy(dtype=np.float64)[row]
    xyz = xyz[np.isfinite(xyz).all(axis=1)] - community.frame.origin
    if len(xyz) < 3:
        notes.append(Note("I03", "contour lines without heights were not used", "terrain"))
        return community
    size = float((xyz[:, :2].max(axis=0) - xyz[:, :2].min(axis=0)).max())
    return replace(community, terrain=Terrain.from_points(xyz, spacing=max(5.0, round(size / 500))))


def _finite(gdf: Any, layer: str) -> tuple[Any, list[Note]]:
    """Return the frame without shapes that hold nan or infinity, and a note naming the first row."""
    xy, row = shapely.get_coordinates(np.asarray(gdf.geometry.array, dtype=object), return_index=True)
    bad = np.unique(row[~np.isfinite(xy).all(axis=1)])
    if not len(bad):
        return gdf, []
    text = "a coordinate is nan or infinite; the record is left out"
    note = Note("G101", text, layer, f"row {gdf.index[bad[0]]}", count=len(bad))
    return gdf.drop(index=gdf.index[bad]), [note]


# Writing ---------------------------------------------------------------------------------------


def write_vector(community: Community, path: str | PathLike[str], *, table: str = "buildings") -> None:
    """Write one table with shapes as GeoJSON (degrees), Shapefile, FlatGeobuf or GeoParquet.

    Parameters
    ----------
    community
        What to write.
    path
        File with suffix .geojson, .shp, .fgb or .parquet.
    table
        Table to write.

    Raises
    ------
    InputError
        If the table has no shapes or the suffix is another one.
    """
    path = Path(path)
    if table not in community.tables:
        raise InputError(f"table must be among {', '.join(community.tables)}; got {table!r}.")
    gdf = community.tables[table].to_frame()
    suffix = path.suffix.lower()
    if not hasattr(gdf, "to_wkb"):
        raise InputError(f"{path.name}: table {table} must have shapes; it has none. Write .csv or .gpkg.")
    if suffix == ".geojson":
        if gdf.crs is None:
            what = "GeoJSON holds degrees, and without a CRS local metres cannot be turned into them"
            raise InputError(f"{path.name}: {what}. Write .gpkg, or give the community a frame with a CRS.")
        gdf = gdf.to_crs("EPSG:4326")
    if suffix == ".parquet":
        with atomic_write(path) as temporary:
            gdf.to_parquet(temporary)
        return
    if suffix not in _DRIVERS:
        raise InputError(f"{path.name}: suffix must be .geojson, .shp, .fgb or .parquet; got {suffix!r}.")
    _write_driver(gdf, path, _DRIVERS[suffix])


def _write_driver(gdf: Any, path: Path, driver: str) -> None:
    """Write a frame with GDAL; the side files of a Shapefile come with it."""
    import os

    import pyogrio

    with atomic_write(path) as temporary, quiet():  # shortened field names of Shapefiles, a missing CRS
        try:
            options: dict[str, Any] = {"encoding": "utf-8"} if driver == "ESRI Shapefile" else {}
            if driver == "FlatGeobuf":
                options["layer_options"] = {"SPATIAL_INDEX": "NO"}  # the index would sort the rows by place
            pyogrio.write_dataframe(gdf, temporary, driver=driver, **options)
        except (RuntimeError, ValueError) as error:
            raise InputError(f"{path.name}: the table must fit {driver}; {error}.") from error
        for beside in _side_files(temporary):
            os.replace(beside, path.with_suffix(beside.suffix))


def _side_files(path: Path) -> Iterable[Path]:
    """Return the files a driver wrote beside the main one."""
    return [p for p in sorted(path.parent.iterdir()) if p != path]
