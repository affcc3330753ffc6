"""Storey schedules (楼层表) and sheets of indicators (经济技术指标表) of planners; no formula is ever run.

Of a cell with a formula the value that the spreadsheet stored last is read. Schedules and indicator sheets are
written by ``write_table``, which writes text that looks like a formula as text.
"""

import csv
import dataclasses
import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cimkit.arrays import one_of
from cimkit.errors import FormatError, needed
from cimkit.io.guard import decode_text, expected
from cimkit.lists import load_lists
from cimkit.model.community import Community
from cimkit.model.notes import Note, Notes

_WORDS = load_lists(__file__)
_HEADS, _UNITS = _WORDS["heads"], _WORDS["units"]
_LEVELS = re.compile(r"(地下|负|[-B])?(\d+)[F层楼]*(?:[-–—~～至到]+(地下|负|[-B])?(\d+)[F层楼]*)?", re.IGNORECASE)
_SUMS = re.compile("合计|小计|总计|total|sum", re.IGNORECASE)
_MOST = 500  # storeys of one line
_NUMBER = re.compile(r"([-+]?\d[\d,，]*(?:\.\d+)?)\s*([^\d\s].*)?")


class ScheduleRow(NamedTuple):
    """A line of a storey schedule: building, its levels, area of each of them [m²], and where it stands."""

    building: str
    levels: tuple[int, ...]
    area: float
    cell: str


class IndicatorRow(NamedTuple):
    """A line of a sheet of indicators: its name, value in m², %, m or plain numbers, unit, and where it stands."""

    name: str
    value: float
    unit: str
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
    if path.suffix.lower() == ".csv":
        with expected(path.name, "it must be a table"):
            return path.stem, list(csv.reader(decode_text(path.read_bytes(), path.name)[0].splitlines()))
    with expected(path.name, "it must be a workbook (.xlsx)"):
        book = needed("openpyxl", who=path.name, extra="excel").load_workbook(path, data_only=True)
    page = book[one_of(sheet, book.sheetnames, name=f"{path.name}: the sheet")] if sheet else book.worksheets[0]
    rows = [list(r) for r in page.iter_rows(values_only=True)]
    for block in page.merged_cells.ranges:
        first, left, width = block.min_row - 1, block.min_col - 1, block.size["columns"]
        for row in rows[first : block.max_row]:
            row[left : block.max_col] = [rows[first][left]] * width
    return page.title, rows


def _heading(value: Any) -> str:
    """Return the column that a heading names, empty for none."""
    words = re.sub(r"[(（\[].*?[)）\]]", "", str(value or "")).lower().split()
    return next((name for name, texts in _HEADS.items() if words and words[0] in texts), "")


def is_schedule(path: str | PathLike[str], *, sheet: str = "") -> bool:
    """Tell whether a table is a storey schedule: a row has the headings of levels and areas."""
    return any({"level", "area_m2"} <= {_heading(v) for v in row} for row in _filled(Path(path), sheet)[1])


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


def read_indicators(path: str | PathLike[str], *, sheet: str = "") -> tuple[list[IndicatorRow], Notes]:
    """Read a sheet of indicators (经济技术指标表): names with a number and a unit beside them, in any columns.

    Parameters
    ----------
    path
        Workbook (.xlsx) or .csv.
    sheet
        Name of the sheet; the first without it.

    Returns
    -------
    tuple
        Lines, areas in m² (公顷 and 万m² are turned), and notes on numbers in a unit we do not know.

    Raises
    ------
    FormatError
        If it is no table, or no name has a number beside it.
    """
    path = Path(path)
    title, rows = _filled(path, sheet)
    lines: list[IndicatorRow] = []
    notes: list[Note] = []
    for number, row in enumerate(rows, 1):
        name, unit, cell = "", "", f"{title}!{number}"
        for text in (str(v).strip() for v in row if v is not None):
            found = _NUMBER.fullmatch(text)
            if text.lower() in _UNITS and not found:
                if lines and not name and lines[-1].cell == cell and not lines[-1].unit:
                    lines.append(_in_unit(lines.pop(), text))
                unit = text if name else ""
            elif found and name:
                beside = (found[2] or unit or _bracketed(name)).strip()
                lines.append(_in_unit(IndicatorRow(name, float(re.sub("[,，]", "", found[1])), "", cell), beside))
                if beside and beside.lower() not in _UNITS:
                    notes.append(Note("I02", f"{path.name}, {cell}: unit {beside!r} is not known", "buildings"))
                name, unit = "", ""
            elif text and not found:
                name, unit = text, ""
    if not lines:
        raise FormatError(f"{path.name}: a row must hold the name of an indicator and a number; none does.")
    return lines, Notes.of(notes)


def _bracketed(name: str) -> str:
    """Return the unit in brackets at the end of a name, empty without."""
    found = re.search(r"[(（\[]([^()（）\[\]]*)[)）\]]$", name)
    return found[1] if found and found[1].lower() in _UNITS else ""


def _in_unit(line: IndicatorRow, unit: str) -> IndicatorRow:
    """Return a line with its value in square metres where the unit is another one of area."""
    known, factor = _UNITS.get(unit.lower(), (unit, 1.0))
    return line._replace(value=line.value * factor, unit=known)


def apply_schedule(community: Community, lines: Sequence[ScheduleRow]) -> tuple[Community, Notes]:
    """Return the community with the declared areas of a schedule, and notes on lines that fit no storey.

    Buildings are found by id or name; where there is only one, a line need not name it.

    Parameters
    ----------
    community
        What the schedule is of.
    lines
        From ``read_schedule``.

    Returns
    -------
    tuple
        The community with the declared area of each storey that has one [m²], and the notes.
    """
    storeys, buildings = community.storeys, community.buildings
    ids = {str(n): k for k, n in enumerate(buildings.name) if n} | {str(n): k for k, n in enumerate(buildings.id)}
    if len(buildings) == 1:
        ids[""] = 0
    rows = {(int(b), int(v)): k for k, (b, v) in enumerate(zip(storeys.building, storeys.level, strict=True))}
    declared, notes = np.array(storeys.area_declared), []
    for line in lines:
        for level in line.levels:
            if (row := rows.get((ids.get(line.building, -1), level))) is None:
                notes.append(Note("M03", f"{line.cell}: no storey {level} of building {line.building!r}", "storeys"))
            else:
                declared[row] = line.area
    return dataclasses.replace(community, storeys=dataclasses.replace(storeys, area_declared=declared)), Notes.of(notes)
