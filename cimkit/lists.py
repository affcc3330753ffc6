"""Lists that stand as data beside the module they are for."""

import tomllib
from pathlib import Path
from typing import Any


def load_lists(module: str, name: str = "") -> dict[str, Any]:
    """Return the lists of a TOML file beside a module (its ``__file__``), of the module's own name without another."""
    beside = Path(module).with_stem(name) if name else Path(module)
    return tomllib.loads(beside.with_suffix(".toml").read_text(encoding="utf-8"))
