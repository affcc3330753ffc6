"""One table out of one foreign frame: columns found by name, values read tolerantly, all of it noted."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray, IntArray, TextArray
from cimkit.model.kinds import BuildingUse, FacilityKind, Kind, PathKind, SpaceKind, Status, StoreyKind
from cimkit.model.notes import Note, noted
from cimkit.model.table import Column, Table

_LISTS = tomllib.loads(Path(__file__).with_name("vocabulary.toml").read_text(encoding="utf-8"))
WORDS: dict[type[Kind], dict[str, int]] = {  # kind → word in other people's data → number
    kind: {w: int(kind.parse(code)) for code, words in _LISTS["kinds"][kind.__name__].items() for w in words.split()}
    for kind in (BuildingUse, FacilityKind, PathKind, SpaceKind, StoreyKind, Status)
}
FOOT = 0.3048  # [m]
_NUMBER = re.compile(r"([-+]?\d+(?:\.\d+)?)")
_FEET = re.compile(r"\d\s*(?:ft|feet|')", re.IGNORECASE)
_TRUE = {"true", "yes", "1", "y", "t", "是"}


def find_columns(table: type[Table], frame: Any, own: Mapping[str, str]) -> dict[str, str]:
    """Return our column name → the frame's column name.

    ``own`` (frame's name → ours) goes before the usual names; each column of the frame is used once.
    """
    lower = {str(c).strip().lower(): c for c in frame.columns if str(c) != frame_geometry(frame)}
    found = {ours: theirs for theirs, ours in own.items() if theirs in set(frame.columns)}
    used = set(found.values())
    for col in table.columns():
        if col.name in found or col.is_shape:
            continue
        for word in (col.label.lower(), *synonyms(table.title(), col.name)):
            theirs = lower.get(word)
            if theirs is not None and theirs not in used:
                found[col.name] = theirs
                used.add(theirs)
                break
    return found


def synonyms(table: str, name: str) -> list[str]:
    """Return the lower-case names under which a column may come, the most specific first."""
    columns = _LISTS["columns"]
    own = columns.get(table, {}).get(name) or columns["common"].get(name, name)
    return list(dict.fromkeys([name, *own.split()]))


def frame_geometry(frame: Any) -> str:
    """Return the name of a frame's geometry column, empty if it has none."""
    return str(getattr(frame, "_geometry_column_name", "") or "")


def read_values(col: Column, values: Any, table: str, ids: TextArray) -> tuple[Any, list[Note]]:
    """Return a frame's column as ours, and notes on values that could not be read."""
    if col.is_kind or col.dtype is str:
        texts = np.where(values.isna(), "", values.to_numpy(dtype=object)).astype(str).astype(object)
        return kinds_of(col.dtype, texts, table, ids) if col.is_kind else (texts, [])
    if col.dtype is bool:
        return np.array([str(v).strip().lower() in _TRUE for v in values], dtype=bool), []
    numbers, notes = _numbers(col, values, table, ids)
    numbers = np.where(np.isnan(numbers), col.usual, numbers)
    return (numbers.astype(np.int64) if col.dtype is int else numbers), notes


def _numbers(col: Column, values: Any, table: str, ids: TextArray) -> tuple[FloatArray, list[Note]]:
    """Return numbers, with text like "22 m" or "6F" read by its first number and feet turned to metres."""
    import pandas as pd

    array = np.asarray(values)
    feet = np.zeros(len(array), dtype=bool)
    if array.dtype.kind in "fiub":
        numbers = array.astype(np.float64)
        unread = np.isinf(numbers)
    else:
        texts: Any = pd.Series(np.where(values.isna(), "", array)).astype(str).str.strip()
        numbers = texts.str.extract(_NUMBER, expand=False).astype(np.float64).to_numpy(copy=True)
        unread = np.isnan(numbers) & (texts != "").to_numpy()
        feet = texts.str.contains(_FEET).to_numpy() & ~np.isnan(numbers)
    numbers[np.isinf(numbers)] = np.nan
    if col.unit == "m":
        numbers[feet] *= FOOT
    text = f"{col.name}: {unread.sum()} value(s) are no number and count as missing"
    notes = noted("M05", text, unread, table, ids, value=array)
    return numbers, notes + noted("C05", f"{col.name}: feet turned to metres", feet & (col.unit == "m"), table, ids)


def kinds_of(kind: type[Kind], texts: Any, table: str, ids: Any = None) -> tuple[Any, list[Note]]:
    """Return numbers of a kind for texts (n); words that are not in the list become the first member and are noted."""
    known = kind.words() | WORDS.get(kind, {})
    number = {word: known.get(word.strip().lower(), -1) for word in set(texts)}
    notes: list[Note] = []
    for word in sorted(w for w, found in number.items() if found < 0 and w.strip()):
        text = f"{kind.__name__} {word!r} is not in the list; taken as {next(iter(kind)).code}"
        notes += noted("M04", text, texts == word, table, ids, value=texts)
    return np.array([max(number[t], 0) for t in texts], dtype=np.int8), notes


def rows_of(texts: Any, rows: Mapping[str, int], of: str, table: str, ids: Any = None) -> tuple[IntArray, list[Note]]:
    """Return the rows of a table that its ids in texts (n) refer to, -1 and a note where there is no such id."""
    found = np.array([rows.get(t, -1) for t in texts], dtype=np.int64)
    lost = (found < 0) & (texts != "")
    return found, noted("M03", f"{lost.sum()} reference(s) to {of} point to nothing", lost, table, ids, value=texts)


def made_ids(prefix: str, places: FloatArray, sizes: FloatArray) -> TextArray:
    """Return ids made from place (to 1 dm) and size (to 1 m²), so that the same file gives the same ids."""
    keys = np.column_stack([np.round(np.nan_to_num(places) * 10), np.round(np.nan_to_num(sizes))]).astype(np.int64)
    codes = [base64.b32encode(hashlib.blake2b(key.tobytes(), digest_size=5).digest()).decode() for key in keys]
    return np.array([f"{prefix}-{code.lower()}" for code in codes], dtype=object)


def unique_ids(ids: TextArray, table: str) -> tuple[TextArray, list[Note]]:
    """Return ids with ``~2``, ``~3`` added to those that repeat, and a note M01 on them."""
    import pandas as pd

    number = pd.Series(ids).groupby(ids, sort=False).cumcount().to_numpy() + 1
    result, taken = ids.copy(), set(ids.tolist())
    for k in np.flatnonzero(number > 1):
        result[k] = next(n for n in (f"{ids[k]}~{m}" for m in itertools.count(number[k])) if n not in taken)
        taken.add(result[k])
    repeats = number > 1
    return result, noted("M01", f"{repeats.sum()} id(s) repeat; ~2, ~3 … added", repeats, table, ids)
