"""The fast own format ``.cimz``: a stored zip of a JSON header and one ``.npy`` file an array; no code in it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.errors import FormatError, InputError
from cimkit.io.archive import open_archive, read_member
from cimkit.io.atomic import atomic_write
from cimkit.io.jsontext import parse_json
from cimkit.io.pack import header_text, pack, unpack

if TYPE_CHECKING:
    from os import PathLike

    from cimkit.model.community import Community

HEADER = "cimkit.json"


def write_cimz(community: Community, path: str | PathLike[str]) -> None:
    """Write a community to the fast format; nothing is lost.

    Parameters
    ----------
    community
        What to write.
    path
        File, usually with suffix .cimz.

    Raises
    ------
    InputError
        If a column of the user's own holds what files cannot.
    """
    header, arrays = pack(community)
    with atomic_write(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(HEADER, header_text(header))
        for name, values in arrays.items():
            if values.dtype == object:
                archive.writestr(f"{name}.txt", _texts(values, name))
            else:
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.ascontiguousarray(values), allow_pickle=False)


def read_cimz(path: str | PathLike[str]) -> Community:
    """Read a community from the fast format.

    Parameters
    ----------
    path
        File to read.

    Returns
    -------
    Community
        As it was written, its notes in it.

    Raises
    ------
    FormatError
        If the file is not one of ours, is damaged, or was written by a newer version.
    """
    who = Path(path).name
    with open_archive(path) as archive:
        header = parse_json(read_member(archive, HEADER, who), who)
        arrays: dict[str, Any] = {}
        for name in archive.namelist():
            stem, _, suffix = name.rpartition(".")
            if suffix == "npy":
                arrays[stem] = _array(read_member(archive, name, who), f"{who}, member {name!r}")
            elif suffix == "txt":
                arrays[stem] = _read_texts(read_member(archive, name, who), f"{who}, member {name!r}")
    return unpack(header, arrays, who)


def _texts(values: Any, name: str) -> bytes:
    """Return texts as a JSON list, one a line; None stays None."""
    try:
        return json.dumps(values.tolist(), ensure_ascii=False, separators=(",\n", ":")).encode()
    except (TypeError, UnicodeEncodeError) as error:
        raise InputError(f"{name}: values must be text that UTF-8 can hold; {error}.") from error


def _read_texts(data: bytes, who: str) -> Any:
    """Return the object array of a JSON list of texts."""
    values = parse_json(data, who)
    if not isinstance(values, list) or not all(v is None or isinstance(v, str) for v in values):
        raise FormatError(f"{who}: it must be a list of texts. The file is damaged.")
    return np.array([*values, None], dtype=object)[:-1]


def _array(data: bytes, who: str) -> Any:
    """Return the array of an ``.npy`` member; one whose header says more than there is ends before it is filled."""
    try:
        array: Any = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
        if array.dtype.kind not in "bif":
            raise ValueError(f"dtype {array.dtype}")
    except (ValueError, TypeError, EOFError, SyntaxError, OverflowError, MemoryError) as error:
        raise FormatError(f"{who}: it must be a plain array; {error}. The file is damaged.") from error
    return array
