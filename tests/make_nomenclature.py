"""The nomenclature page, printed from the declared columns and code lists, plus the words of the field."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from cimkit.geometry.polygons import Lines, Polygons
from cimkit.model import kinds
from cimkit.model.kinds import Kind
from cimkit.model.notes import CODES
from cimkit.model.tables import TABLES

if TYPE_CHECKING:
    from cimkit.model.table import Column

_WORDS = Path(__file__).with_suffix(".toml")


def nomenclature() -> str:
    """Return the nomenclature as a Markdown page."""
    words = tomllib.loads(_WORDS.read_text(encoding="utf-8"))
    lines = ["# Nomenclature 术语", "", "Printed from the code by `make docs`; one word, one meaning.", ""]
    lines += ["Axes: x east, y north, z up, local metres. Azimuth clockwise from grid north, 0–360°.", ""]
    lines += ["| name | 中文 | unit | meaning |", "|---|---|---|---|"]
    lines += [f"| {name} | {zh} | {unit or '–'} | {meaning} |" for name, (zh, unit, meaning) in words.items()]
    for title, table in TABLES.items():
        lines += ["", f"## `{title}`", "", (table.__doc__ or "").splitlines()[0], ""]
        lines += ["| column | 中文 | unit | type | meaning |", "|---|---|---|---|---|"]
        lines += [_row(col) for col in table.columns()]
    lines += ["", "## Code lists 代码表"]
    listed = [k for k in vars(kinds).values() if isinstance(k, type) and issubclass(k, Kind) and k is not Kind]
    for kind in listed:
        codes = ", ".join(f"`{m.code}` {m.zh}" for m in kind)
        lines += ["", f"**{kind.__name__}** – {(kind.__doc__ or '').splitlines()[0]}", "", codes]
    lines += ["", "## Notes 数据备注代码", "", "| code | severity | meaning | 中文 |", "|---|---|---|---|"]
    lines += [f"| {code} | {severity} | {meaning} | {zh} |" for code, (severity, meaning, zh) in CODES.items()]
    return "\n".join(lines) + "\n"


def _row(col: Column) -> str:
    """Return the table line of a column."""
    shapes = {Polygons: "polygon", Lines: "line"}
    kind = f"row of `{col.of}`" if col.of else shapes.get(col.dtype, col.dtype.__name__)
    return f"| `{col.name}` | {col.zh} | {col.unit or '–'} | {kind} | {col.meaning} |"


if __name__ == "__main__":
    sys.stdout.write(nomenclature())
