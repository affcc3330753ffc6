"""Community information model (社区信息模型) and simulation toolkit.

One flat list of names. Each is loaded when first used, so that ``import cimkit`` is quick.
"""

import re
from importlib import import_module
from pathlib import Path as _File
from typing import Any

from cimkit.model.drawn import connect

__version__ = "0.1.0"

_STUB = _File(__file__).with_suffix(".pyi").read_text(encoding="utf-8")  # the public list, for type checkers and us
_WHERE = {name: module for module, name in re.findall(r"^from (\S+) import (\w+)", _STUB, re.MULTILINE)}

__all__ = sorted(_WHERE)  # noqa: PLE0605


connect(lambda: import_module("cimkit.view"))


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _WHERE:
        raise AttributeError(f"module 'cimkit' has no attribute {name!r}")
    whole = _WHERE[name] == "cimkit"
    value = import_module(f"cimkit.{name}") if whole else getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__, "__version__"]
