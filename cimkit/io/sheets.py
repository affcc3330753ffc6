"""Storey schedules (楼层表) in Excel, as planners hand them in; no formula is ever run.

Of a cell with a formula the value that the spreadsheet stored last is read. Schedules and indicator sheets are
written by ``write_table``, which writes text that looks like a formula as text.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cimkit.errors import FormatError, InputError, needed
from cimkit.model.notes import Note, Notes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from cimkit.model.community import Community

_HEADS = {  # column: what its heading may be, without spaces and what stands in brackets
    "building": ("building", "楼号", "楼栋", "楼栋号", "栋号", "幢号", "建筑编号"),
    "level": ("level", "levels", "floor", "storey", "楼层", "层", "层号"),
    "area_m2": ("area_m2", "area", "建筑面积", "面积", "每层面积", "单层面积", "单层建筑面积"),
}
_LEVELS = re.compile(r"(地下|负|[-B])?(\d+)[F层楼]*(?:[-–—~～至到]+(地下|负|[-B])?(\d+)[F层楼]*)?", re.IGNORECASE)
_SUMS = re.compile("合计|小计|总计|total|sum", re.IGNORECASE)
_MOST = 500  # storeys of one line


class ScheduleRow(NamedTuple):
    """A line of a storey schedule: building, its levels, area of each of them [m²], and where it stands."""

    building: str
    levels: tuple[int, ...]
    area: float
    cell: str


def parse_levels(text: str) -> tuple[int, ...]:
    """Return the levels that a cell of a schedule names.

    Raises
    ------
    FormatError
        If the text names no levels.

    Examples
    --------
    >>> parse_levels("3-5F"), parse_levels("B2-B1"), parse_levels("1、3层"), parse_levels("-1~2")
    ((3, 4, 5), (-2, -1), (1, 3), (-1, 1, 2))
    """
    levels: list[int] = []
    for part in re.split(r"[,，、;；\s]+", text.strip()):
        found = _LEVELS.fullmatch(part)
        first, last = (int(found[2]), int(found[4] or found[2])) if found else (0, _MOST + 1)
        if not found or last - first > _MOST:
            raise FormatError(f"levels: they must read like 3F, 3-18F or B2-B1; got {text!r}.")
        ends = sorted((-first if found[1] else first, -last if found[3] or (found[1] and not found[4]) else last))
        levels.extend(v for v in range(ends[0], ends[1] + 1) if v != 0)
    return tuple(levels)


def _filled(path: Path, sheet: str) -> tuple[str, list[list[Any]]]:
    """Return name and cells of a sheet; each cell of a merged block has the value of its first."""
    openpyxl = needed("openpyxl", who=path.name, extra="excel")
    try:
        book = openpyxl.load_workbook(path, data_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise FormatError(f"{path.name}: it must be a workbook (.xlsx); {type(error).__name__}: {error}.") from error
    if sheet and sheet not in book.sheetnames:
        raise InputError(f"{path.name}: the sheet must be one of {', '.join(book.sheetnames)}; got {sheet!r}.")
    page = book[sheet] if sheet else book.worksheets[0]
    rows = [list(r) for r in page.iter_rows(values_only=True)]
    for block in page.merged_cells.ranges:
        for row in rows[block.min_row - 1 : block.max_row]:
            row[block.min_col - 1 : block.max_col] = [rows[block.min_row - 1][block.min_col - 1]] * block.size[
                "columns"
            ]
    return page.title, rows


def _heading(value: Any) -> str:
    """Return the column that a heading names, empty for none."""
    words = re.sub(r"[(（\[].*?[)）\]]", "", str(value or "")).lower().split()
    return next((name for name, texts in _HEADS.items() if words and words[0] in texts), "")


def read_schedule(path: str | PathLike[str], *, sheet: str = "") -> tuple[list[ScheduleRow], Notes]:
    """Read a storey schedule (楼层表): building, levels ("3-18F", "B2-B1"), area of each storey.

    Parameters
    ----------
    path
        Workbook (.xlsx). The heading row is the first that names a column of levels and one of areas.
    sheet
        Name of the sheet; the first without it.

    Returns
    -------
    tuple
        Lines, and notes on those that could not be read.

    Raises
    ------
    FormatError
        If it is no workbook, or no row has the headings.
    """
    path = Path(path)
    title, rows = _filled(path, sheet)
    start = next((k for k, r in enumerate(rows) if {"level", "area_m2"} <= {_heading(v) for v in r}), -1)
    if start < 0:
        raise FormatError(f"{path.name}: a row must hold the headings 楼层 and 面积 (level, area_m2); none does.")
    heads = [_heading(v) for v in rows[start]]
    place = {name: heads.index(name) for name in _HEADS if name in heads}
    lines: list[ScheduleRow] = []
    notes: list[Note] = []
    for number, row in enumerate(rows[start + 1 :], start + 2):
        cell = f"{title}!{number}"
        text = {k: re.sub(r"\.0$", "", str("" if row[c] is None else row[c])).strip() for k, c in place.items()}
        if not text["level"] or _SUMS.search("".join(text.values())):
            continue
        try:
            levels, area = parse_levels(text["level"]), float(text["area_m2"].replace(",", ""))
        except (FormatError, ValueError):
            said = f"levels {text['level']!r}, area {text['area_m2'] or 'empty (a formula is not run)'!r}"
            notes.append(Note("I02", f"{path.name}, {cell}: {said}; the line is left out", "storeys"))
            continue
        lines.append(ScheduleRow(text.get("building", ""), levels, area, cell))
    return lines, Notes.of(notes)


def apply_schedule(community: Community, lines: Sequence[ScheduleRow]) -> tuple[Community, Notes]:
    """Return the community with the declared areas of a schedule, and notes on lines that fit no storey.

    Buildings are found by id or name; where there is only one, a line need not name it.
    """
    storeys, buildings = community.storeys, community.buildings
    ids = {str(n): k for k, n in enumerate(buildings.name) if n} | {str(n): k for k, n in enumerate(buildings.id)}
    if len(buildings) == 1:
        ids[""] = 0
    rows = {(int(b), int(v)): k for k, (b, v) in enumerate(zip(storeys.building, storeys.level, strict=True))}
    declared, notes = np.array(storeys.area_declared), []
    for line in lines:
        for level in line.levels:
            row = rows.get((ids.get(line.building, -1), level))
            if row is None:
                notes.append(Note("M03", f"{line.cell}: no storey {level} of building {line.building!r}", "storeys"))
            else:
                declared[row] = line.area
    return dataclasses.replace(community, storeys=dataclasses.replace(storeys, area_declared=declared)), Notes.of(notes)
