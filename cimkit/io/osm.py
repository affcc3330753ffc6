"""OpenStreetMap extracts (.osm.pbf, .osm) through GDAL, with all tags as columns."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.errors import FormatError
from cimkit.io.gdal import quiet
from cimkit.io.loading import Layers, check_file
from cimkit.model.notes import Note, noted

if TYPE_CHECKING:
    from os import PathLike

_TAG = re.compile(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"')
_LAYERS = ("points", "lines", "multipolygons")
_WANTED = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["tags"]


def load_osm(path: str | PathLike[str]) -> tuple[Layers, list[Note]]:
    """Return points, lines and areas of an extract; relations cut at its edge are skipped and noted.

    Parameters
    ----------
    path
        File with suffix .osm.pbf or .osm.

    Returns
    -------
    tuple
        Three layers, and notes on skipped records.

    Raises
    ------
    FormatError
        If GDAL cannot read it.
    """
    import pyogrio

    path = Path(path)
    check_file(path)
    layers: Layers = []
    notes: list[Note] = []
    for name in _LAYERS:
        with quiet():  # GDAL warns of every relation that the edge has cut
            try:
                gdf = pyogrio.read_dataframe(path, layer=name, on_invalid="ignore")
            except (RuntimeError, ValueError, TypeError, shapely.errors.ShapelyError) as error:
                raise FormatError(f"{path.name}, {name}: the file must be a whole extract; {error}.") from error
        lost = shapely.is_missing(gdf.geometry.array)
        notes += noted("I02", "relations cut at the edge of the extract were skipped", lost, name)
        layers.append((name, _with_tags(gdf[~lost].reset_index(drop=True))))
    return layers, notes


def _with_tags(gdf: Any) -> Any:
    """Return the frame with the wanted keys of ``other_tags`` as columns and one id that tells ways from relations."""
    result = gdf.drop(columns=[c for c in ("other_tags", "osm_id", "osm_way_id") if c in gdf.columns])
    if "other_tags" in gdf.columns:
        tags = [dict(_TAG.findall(t)) if isinstance(t, str) else {} for t in gdf["other_tags"]]
        for key in _WANTED:
            values = [t.get(key) for t in tags]
            if key not in result.columns and any(values):
                result[key] = np.array(values, dtype=object)
    ids = gdf["osm_id"].to_numpy(dtype=object)
    if "osm_way_id" in gdf.columns:
        ways = gdf["osm_way_id"].to_numpy(dtype=object)
        way = np.array([isinstance(w, str) for w in ways], dtype=bool)
        texts = [f"way/{w}" if is_way else f"relation/{i}" for i, w, is_way in zip(ids, ways, way, strict=True)]
    else:
        kind = "way" if (shapely.get_type_id(gdf.geometry.array) == 1).any() else "node"
        texts = [f"{kind}/{i}" for i in ids]
    return result.assign(id=np.array([*texts, None], dtype=object)[:-1])
