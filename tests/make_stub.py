"""Write ``cimkit/__init__.pyi`` from the public list: ``python -m tests.make_stub``."""

from __future__ import annotations

from pathlib import Path

import cimkit


def stub() -> str:
    """Return the text of the stub."""
    lines = ['"""The public list, typed; written by ``python -m tests.make_stub``."""', ""]
    lines += ["from cimkit import samples as samples", "from cimkit import view as view"]
    by_module: dict[str, list[str]] = {}
    for name, module in cimkit._WHERE.items():
        by_module.setdefault(module, []).append(name)
    for module in sorted(by_module):
        lines += [f"from cimkit.{module} import {name} as {name}" for name in sorted(by_module[module])]
    return "\n".join([*lines, "", "__version__: str", "__all__: list[str]", "_WHERE: dict[str, str]", ""])


if __name__ == "__main__":
    Path(cimkit.__file__).with_suffix(".pyi").write_text(stub(), encoding="utf-8")
