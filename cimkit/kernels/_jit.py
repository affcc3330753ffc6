"""The one place where numba is configured: ``kernel`` compiles a function and caches it on disk."""

import functools
import hashlib
import os
from pathlib import Path
from typing import Any

import numba

_HERE = Path(__file__).parent
# Entries from C are used by nobody, and each would be compiled.
_ALWAYS: dict[str, Any] = {"cache": True, "error_model": "numpy", "no_cfunc_wrapper": True}
_PLAIN = os.environ.get("CIMKIT_PLAIN_LANES", "").encode()  # chooses between twins, see lanes.py
_STAMP = hashlib.sha256(b"".join(p.read_bytes() for p in sorted(_HERE.glob("*.py"))) + _PLAIN).hexdigest()[:12]


def cache_folder() -> str:
    """Return the folder that holds all compiled kernels of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return str(Path(base) / "cimkit" / "kernels")


def kernel_folder() -> str:
    """Return the folder of the kernels as they are now."""
    return os.path.join(numba.config.CACHE_DIR or cache_folder(), _STAMP)


def kernel(function: Any = None, **options: Any) -> Any:
    """Compile with numba; an edit of any kernel file starts a fresh cache folder.

    numba's own cache looks only at the file of the function itself, so an edited callee in
    another file would go unnoticed. The folder is therefore named after all kernel files.
    """
    if function is None:
        return lambda f: kernel(f, **options)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = kernel_folder()
    try:
        return numba.njit(**_ALWAYS, **options)(function)
    finally:
        numba.config.CACHE_DIR = before


# Nothing but kernels call what these make: without entries from Python it compiles in two thirds of the time. Lean ones
# only borrow their arrays: counting references made the overlay 1.25 times slower.
inner = functools.partial(kernel, no_cpython_wrapper=True)
lean = functools.partial(inner, _nrt=False)
# Woven into their callers: handing on thirty arrays costs more than most of them do (the overlay: 1.7 times faster).
woven = functools.partial(lean, forceinline=True)
