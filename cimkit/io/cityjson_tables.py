"""All tables of a community inside valid CityJSON: attributes of one group that other programs pass over."""

from __future__ import annotations

import hashlib
import json
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.errors import FormatError
from cimkit.io.pack import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cimkit.model.community import Community

NAME = "cimkit"
_TYPE = "CityObjectGroup"
_MM = ("xy", "xyz", "corners")  # arrays of coordinates, kept as whole millimetres


def tables_object(community: Community) -> dict[str, Any]:
    """Return the object that holds every table: a group without members or geometry, valid CityJSON 2.0."""
    header, arrays = pack(community)
    block = {"header": header, "arrays": {k: _values(k, v) for k, v in arrays.items()}}
    return {"type": _TYPE, "children": [], "attributes": {NAME: block}}


def is_tables(thing: Any) -> bool:
    """Tell whether a CityObject holds the tables."""
    attributes = thing.get("attributes")
    return thing.get("type") == _TYPE and isinstance(attributes, dict) and NAME in attributes


def community_of_tables(thing: Any, objects: Mapping[str, Any], who: str) -> Community | None:
    """Return the community, or None if the other objects are no longer those that were written with it.

    Raises
    ------
    FormatError
        If the tables are damaged or of a newer version.
    """
    block = thing["attributes"][NAME]
    if not isinstance(block, dict) or not isinstance(block.get("arrays"), dict):
        raise FormatError(f"{who}: the tables of cimkit must be whole; they are not. The file is damaged.")
    if block.get("digest") != digest(objects):
        return None
    arrays = {str(k): _array(str(k), v, who) for k, v in block["arrays"].items()}
    return unpack(block.get("header"), arrays, who)


def digest(objects: Mapping[str, Any]) -> str:
    """Return a fingerprint of all other objects: ids, types, attributes and coordinates to 1 mm.

    The order of objects and vertices does not count, so a file that another program has only
    stored anew keeps its fingerprint.
    """
    total = hashlib.blake2b(digest_size=16)
    whole: dict[int, Any] = {}  # vertices in millimetres, by the array they come from
    for name in sorted(objects):
        thing, vertices = objects[name]
        if is_tables(thing):
            continue
        attributes = json.dumps(thing.get("attributes", {}), sort_keys=True, ensure_ascii=False)
        total.update(f"{name}\n{thing['type']}\n{attributes}\n".encode())
        for geometry in thing.get("geometry") or []:
            if id(vertices) not in whole:
                whole[id(vertices)] = np.round(vertices * 1000).astype(np.int64)
            index = list(_numbers(geometry.get("boundaries", [])))
            total.update(whole[id(vertices)].take(index, axis=0, mode="clip").tobytes() if len(vertices) else b"")
    return total.hexdigest()


def _numbers(nested: Any) -> Any:
    """Yield the numbers of nested lists in order."""
    for item in nested:
        if isinstance(item, list):
            yield from _numbers(item)
        elif isinstance(item, int):
            yield item


def _values(name: str, array: Any) -> dict[str, Any]:
    """Return an array as its sort, shape and a flat list; coordinates in whole millimetres."""
    flat = array.reshape(-1)
    if name.rpartition("/")[2] in _MM:
        sort, values = "mm", np.round(flat * 1000).astype(np.int64).tolist()
    elif array.dtype.kind == "f":
        sort = "float"
        values = [v if isfinite(v) else None if isnan(v) else str(v) for v in flat.tolist()]
    else:
        sort, values = _SORTS[array.dtype.kind], flat.tolist()
    return {"sort": sort, "shape": list(array.shape), "values": values}


_SORTS = {"i": "int", "b": "bool", "O": "text"}


def _array(name: str, stored: Any, who: str) -> Any:
    """Return the array that ``_values`` wrote out."""
    try:
        sort, shape, values = stored["sort"], [int(n) for n in stored["shape"]], stored["values"]
        if sort == "mm":
            array: Any = np.array(values, dtype=np.int64).astype(np.float64) / 1000
        elif sort == "float":
            array = np.array([np.nan if v is None else float(v) for v in values], dtype=np.float64)
        elif sort == "text":
            if not all(v is None or isinstance(v, str) for v in values):
                raise TypeError("not all values are text")
            array = np.array([*values, None], dtype=object)[:-1]
        else:
            array = np.array(values, dtype={"int": np.int64, "bool": np.bool_}[sort])
        return array.reshape(shape)
    except (TypeError, ValueError, KeyError, OverflowError, AttributeError) as error:
        raise FormatError(f"{who}, {name}: values must be numbers or text; {error!r}. The file is damaged.") from error
