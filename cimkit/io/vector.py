"""GeoJSON, GeoPackage, Shapefile, FlatGeobuf, GeoParquet: map layers of others as a community, and written."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.arrays import one_of
from cimkit.errors import InputError, MissingDataError
from cimkit.io.crs import Placing, place
from cimkit.io.layers import sort_layer
from cimkit.io.loading import Layers
from cimkit.io.results import write_table
from cimkit.model.community import Community
from cimkit.model.frames import tables_from_frames
from cimkit.model.notes import Note, Notes

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    if not frames:
        said = "; ".join(n.text for n in notes[:3])
        wanted = "buildings, paths, parcels, services or open ground"
        raise InputError(f"{who}: at least one layer must be {wanted}; got none. {said}. Name tables with layers=.")
    merged = {table: _merged(parts) for table, parts in frames.items()}
    if "storeys" in merged and "buildings" not in merged:
        raise MissingDataError(f"{who}: storeys need buildings; there is no such layer. Read both together.")
    tables, frame, derived = tables_from_frames(merged, columns=dict(reading.columns), crs="")
    every = Notes.of(notes) + derived
    return Community(name=who, frame=frame, notes=every, **tables), every


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
    if not hasattr(gdf, "to_wkb"):
        raise InputError(f"{path.name}: table {table} must have shapes; it has none. Write .csv or .gpkg.")
    one_of(path.suffix.lower(), (".geojson", ".shp", ".fgb", ".parquet"), name=f"{path.name}: suffix")
    write_table(gdf, path, layer=table)
