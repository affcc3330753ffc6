"""The sheet of indicators that planners hand in (经济技术指标表): ours in that form, and theirs beside ours."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cimkit.sim.site_ratios import SiteIndicators


class _Line(NamedTuple):
    """A line of the sheet: its name, what else it may be called, unit, and where its value comes from."""

    name: str
    also: str
    unit: str
    source: str


_LINES = [_Line(*line) for line in tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))["lines"]]
_NOISE = re.compile(r"[(（\[].*?[)）\]]|^[\d一二三四五六七八九十]+[、.．)]|其中|[:：\s]")


def _value(site: SiteIndicators, source: str, sums: dict[str, float]) -> float:
    """Return the value of a line, of all parcels together; nan where it is not known."""
    if source in sums:
        return sums[source]
    name, _, part = source.partition(".")
    row = next((r for r in site.rows if r.name == name and r.parcel == -1), None)
    if row is None:
        return float("nan")
    return {"top": row.numerator, "base": row.denominator}.get(part, row.value)


def indicator_sheet(site: SiteIndicators) -> Any:
    """Return the sheet of indicators of all parcels together as a DataFrame; unknown values are left empty."""
    import pandas as pd

    sums = site.areas.totals()
    rows = []
    for name, _, unit, source in _LINES:
        value = _value(site, source, sums) * (100.0 if unit == "%" else 1.0)
        rows.append((name, round(value, 3), unit, source))
    return pd.DataFrame(rows, columns=["指标 indicator", "数值 value", "单位 unit", "出处 source"])


def reconcile_sheet(site: SiteIndicators, declared: Iterable[Any], tolerance: float) -> Any:
    """Return a DataFrame of declared lines beside ours; ``agrees`` is empty for what we do not compute or know."""
    import pandas as pd

    sums = site.areas.totals()
    lines = {n: line for line in _LINES for n in (line.name, *line.also.split("|")) if n}
    rows: list[tuple[Any, ...]] = []
    for name, given, unit, cell in declared:
        line = lines.get(_NOISE.sub("", name))
        own = _value(site, line.source, sums) if line else float("nan")
        if line is not None and line.unit == "%":
            own, given, unit = 100.0 * own, given * (100.0 if given <= 1.0 else 1.0), "%"  # noqa: PLW2901
        agrees = None if np.isnan(own) else bool(abs(given - own) <= tolerance * abs(own) + 1e-9)
        rows.append((name, given, own, given - own, unit or (line.unit if line else ""), agrees, cell))
    columns = ["指标 indicator", "declared", "computed", "difference", "unit", "agrees", "cell"]
    return pd.DataFrame(rows, columns=columns)
