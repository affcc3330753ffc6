"""Files are whole or absent: the one door through which every file is written."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from cimkit.errors import InputError

File = str | PathLike[str]


@contextlib.contextmanager
def atomic_write(path: File) -> Iterator[Path]:
    """Give a temporary path beside the target; on success it takes the target's place at once.

    The temporary file is synchronised to disk before it replaces the target. If the block
    raises, the temporary file is removed and an older target stays as it was.

    Parameters
    ----------
    path
        File to write.

    Yields
    ------
    Path
        Where the block must write; it has the suffix of the target and does not exist yet.

    Raises
    ------
    InputError
        If the folder does not exist, or the target is a folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_write(Path(folder) / "a.txt") as temporary:
    ...         _ = temporary.write_text("whole")
    ...     (Path(folder) / "a.txt").read_text()
    'whole'
    """
    target = Path(path)
    if target.is_dir():
        raise InputError(f"{target}: the target must be a file; got a folder. Add a file name.")
    if not target.parent.is_dir():
        raise InputError(f"{target}: its folder must exist; {target.parent} does not. Make it first.")
    # A folder of its own keeps the side files of drivers (.shx, .cpg) together and its name unguessed.
    with tempfile.TemporaryDirectory(prefix=".cimkit-", suffix=".tmp", dir=target.parent) as folder:
        temporary = Path(folder) / target.name
        yield temporary
        for made in sorted(Path(folder).iterdir(), key=lambda p: p == temporary):  # side files first
            _synchronise(made)
            os.replace(made, target.with_name(made.name))
    _synchronise(target.parent)


def write_text(path: File, text: str) -> Path:
    """Write a text file (UTF-8) at once, with line ends as they are in ``text``; return it."""
    return write_bytes(path, text.encode())


def write_bytes(path: File, content: bytes) -> Path:
    """Write a file at once; return it."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)


def _synchronise(path: Path) -> None:
    """Force a file's content, or the names in a folder where the system lets it be opened, to disk."""
    folder = path.is_dir()
    if folder and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
