"""Zip archives read within limits: members by name and in memory, never unpacked to disk."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from cimkit.errors import FormatError

if TYPE_CHECKING:
    from os import PathLike

MAX_MEMBERS = 2_000
MAX_BYTES = 2 * 1024**3  # of all members together, counted while reading
MAX_RATIO = 100  # of a member's size to its compressed size
_SMALL = 1024**2  # members below this may be compressed as well as they like


def open_archive(path: str | PathLike[str]) -> zipfile.ZipFile:
    """Open a zip archive whose table of contents keeps to the limits.

    Raises
    ------
    FormatError
        If it is no zip archive, has too many members, or expands beyond the limits.
    """
    path = Path(path)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise FormatError(f"{path.name}: the file must be a zip archive; {error}. Is it whole?") from error
    members = archive.infolist()
    total = sum(m.file_size for m in members)
    if len(members) > MAX_MEMBERS or total > MAX_BYTES:
        archive.close()
        said = (
            f"an archive may hold {MAX_MEMBERS} members of {MAX_BYTES:,} bytes in all; got {len(members)} of {total:,}"
        )
        raise FormatError(f"{path.name}: {said}. Unpack it yourself if you trust it.")
    for member in members:
        if member.file_size > _SMALL and member.file_size > MAX_RATIO * max(member.compress_size, 1):
            archive.close()
            got = member.file_size // max(member.compress_size, 1)
            said = f"the ratio of compression must be at most {MAX_RATIO}; got {got}"
            raise FormatError(f"{path.name}, member {member.filename!r}: {said}. Unpack it yourself if you trust it.")
    return archive


def read_member(archive: zipfile.ZipFile, name: str, who: str) -> bytes:
    """Return the bytes of a member, at most what the table of contents says.

    Raises
    ------
    FormatError
        If the member is missing, damaged, encrypted or longer than it says.
    """
    try:
        info = archive.getinfo(name)
        with archive.open(info) as handle:
            data = handle.read(info.file_size + 1)
    except (KeyError, zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        raise FormatError(f"{who}, member {name!r}: it must be there and whole; {error}.") from error
    if len(data) != info.file_size:
        raise FormatError(f"{who}, member {name!r}: its size must be {info.file_size}; got {len(data)} or more.")
    return data
