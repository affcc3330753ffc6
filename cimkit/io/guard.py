"""Foreign bytes looked at first: size, encoding, JSON, archives, and nests of shapes that would end the process."""

import codecs
import contextlib
import json
import zipfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from cimkit.errors import FormatError, MissingDataError
from cimkit.io.atomic import File

MAX_FILE = 4 * 1024**3
MAX_MEMBERS = 2_000
MAX_BYTES = 2 * 1024**3  # of all members of an archive together, counted while reading
MAX_RATIO = 100  # of a member's size to its compressed size
DAMAGED = "The file is damaged."
_SMALL = 1024**2  # members below this may be compressed as well as they like
_SHORT = 9 * 2_000  # bytes; a level takes at least nine, and GEOS bears two thousand levels
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@contextlib.contextmanager
def expected(who: str, must: str, advice: str = "") -> Iterator[None]:
    """Turn whatever bad content does in the block into a FormatError: who, what must be, what came, what to do."""
    try:
        yield
    except (FormatError, MissingDataError, MemoryError):
        raise
    except Exception as error:  # parsers meet damaged files with errors of many kinds
        got = f"{type(error).__name__}: {error}"
        raise FormatError(f"{who}: {must}; {got:.200}. {advice}".strip()) from error


def check_file(file: File) -> Path:
    """Return the path of a file, or raise FormatError unless it is one of a size that can be read."""
    path = Path(file)
    if not path.exists():
        raise FormatError(f"{path}: the file must exist; it does not. Check the path.")
    if not path.is_file():
        raise FormatError(f"{path}: must be a file; got a folder or device.")
    if not 0 < (size := path.stat().st_size) <= MAX_FILE:
        raise FormatError(f"{path.name}: the size must be 1 byte to {MAX_FILE:,} bytes; got {size:,}.")
    return path


def decode_text(data: bytes, who: str) -> tuple[str, str]:
    """Return text and its encoding: by its mark, else UTF-8 strictly, else GB 18030.

    Raises
    ------
    FormatError
        If it is none of these.
    """
    for encoding in [e for mark, e in _MARKS if data.startswith(mark)] or ["utf-8", "gb18030"]:
        with contextlib.suppress(UnicodeDecodeError):
            return data.decode(encoding), encoding
    raise FormatError(f"{who}: text must be UTF-8, UTF-16 or GB 18030; it is none of them.")


# JSON of others: no NaN, no infinities, no nests that end the process ---------------------------------


def parse_json(text: str | bytes, who: str) -> Any:
    """Return the value of JSON text.

    Raises
    ------
    FormatError
        If it is no JSON, holds NaN or infinities, or is nested too deeply.
    """
    with expected(who, "it must be whole JSON of numbers that are finite, in nests of a few hundred levels at most"):
        return json.loads(text, parse_constant=_finite, parse_float=_finite)


def _finite(text: str) -> float:
    """Return a number, or raise ValueError for NaN, infinities and what is beyond a float."""
    if not isfinite(value := float(text)):
        raise ValueError(f"{text} is no JSON number")
    return value


# Zip archives: members by name and in memory, never unpacked to disk ----------------------------------


def open_archive(source: Path | BytesIO, who: str) -> zipfile.ZipFile:
    """Open a zip archive whose table of contents keeps to the limits.

    Raises
    ------
    FormatError
        If it is no zip archive, has too many members, or expands beyond the limits.
    """
    with expected(who, "the file must be a zip archive", "Is it whole?"):
        archive = zipfile.ZipFile(source)
    members = archive.infolist()
    total = sum(m.file_size for m in members)
    said = ""
    if len(members) > MAX_MEMBERS or total > MAX_BYTES:
        most = f"{MAX_MEMBERS} members of {MAX_BYTES:,} bytes in all"
        said = f"{who}: an archive may hold {most}; got {len(members)} of {total:,}"
    for member in members:
        if member.file_size > _SMALL and (ratio := member.file_size // max(member.compress_size, 1)) >= MAX_RATIO:
            said = f"{who}, member {member.filename!r}: the ratio of compression must be below {MAX_RATIO}; got {ratio}"
    if said:
        archive.close()
        raise FormatError(f"{said}. Unpack it yourself if you trust it.")
    return archive


def read_member(archive: zipfile.ZipFile, name: str, who: str) -> bytes:
    """Return the bytes of a member, at most what the table of contents says.

    Raises
    ------
    FormatError
        If the member is missing, damaged, encrypted or longer than it says.
    """
    with expected(f"{who}, member {name!r}", "it must be there and whole"):
        info = archive.getinfo(name)
        with archive.open(info) as handle:
            data = handle.read(info.file_size + 1)
        if len(data) != info.file_size:
            raise ValueError(f"its size must be {info.file_size}; got {len(data)} or more")
    return data


def check_wkb(shapes: Iterable[Any], who: str) -> None:
    """Raise FormatError if a WKB geometry is a deep nest of collections, which would end the process in GEOS.

    GDAL looks at those that are long enough for it: it bears nests of any depth, and takes 32 levels.

    Parameters
    ----------
    shapes
        WKB of each geometry, None for missing.
    who
        File and layer, for the message.

    Raises
    ------
    FormatError
        If GDAL cannot read a geometry.
    """
    import pyogrio

    advice = "The file is damaged or meant to do harm."
    for row, wkb in enumerate(shapes):
        if wkb is not None and len(wkb) > _SHORT:
            with expected(f"{who}, row {row}", "shapes must be whole WKB nested at most 32 levels deep", advice):
                shape = np.array([wkb], dtype=object)
                pyogrio.raw.write(BytesIO(), shape, [], [], driver="GeoJSON", geometry_type="Unknown", crs="EPSG:4326")
