"""What is doubtful in the data: code, severity, table, object, place, value, what was or should be done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cimkit.arrays import one_of
from cimkit.errors import InputError
from cimkit.lists import load_lists

SEVERITIES = ("error", "warning", "info")

_CODES = load_lists(__file__)
CODES: dict[str, tuple[str, str, str]] = {code: tuple(facts) for code, facts in _CODES.items()}  # as notes.toml says


@dataclass(frozen=True)
class Note:
    """One doubtful thing."""

    code: str
    text: str
    table: str = ""
    object: str = ""
    x: float = np.nan
    y: float = np.nan
    value: str = ""
    fix: str = ""
    count: int = 1

    def __post_init__(self) -> None:
        one_of(self.code, CODES, name="note code")

    @property
    def severity(self) -> str:
        """``error``, ``warning`` or ``info``."""
        return CODES[self.code][0]


def noted(code: str, text: str, which: Any, table: str, ids: Any = None, *, value: Any = None) -> list[Note]:
    """Return one note for all rows of a mask (n), with the id and value (n) of the first; none for an empty mask.

    A number in place of the mask says how many there are.
    """
    rows = np.flatnonzero(which) if np.ndim(which) else np.arange(which)
    if not len(rows):
        return []
    first = "" if ids is None else str(ids[rows[0]])
    return [Note(code, text, table, first, value="" if value is None else str(value[rows[0]]), count=len(rows))]


@dataclass(frozen=True, repr=False)
class Notes:
    """Notes on a community: repaired, guessed, skipped, doubtful."""

    items: tuple[Note, ...] = ()

    @classmethod
    def of(cls, notes: Iterable[Note]) -> Notes:
        """Collect notes."""
        return cls(tuple(notes))

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Note]:
        return iter(self.items)

    def __add__(self, other: Notes) -> Notes:
        seen = set(self.items)
        return Notes(self.items + tuple(n for n in other.items if n not in seen))

    def __repr__(self) -> str:
        counts = Counter(n.severity for n in self.items)
        story = ", ".join(f"{counts[s]} {s}" for s in SEVERITIES if counts[s])
        return f"<Notes: {story or 'nothing to say'}>"

    def at_least(self, severity: str) -> Notes:
        """Return the notes that are at least this severe."""
        one_of(severity, SEVERITIES, name="severity")
        return Notes(tuple(n for n in self.items if SEVERITIES.index(n.severity) <= SEVERITIES.index(severity)))

    def summary(self) -> dict[str, int]:
        """Return how many objects each code concerns, worst severity first."""
        counts: Counter[str] = Counter()
        for note in self.items:
            counts[note.code] += note.count
        return dict(sorted(counts.items(), key=lambda kv: (SEVERITIES.index(CODES[kv[0]][0]), kv[0])))

    def raise_on(self, severity: str = "error") -> None:
        """Raise InputError if there are notes at least this severe, listing the first five.

        Raises
        ------
        InputError
            If such notes exist.
        """
        if bad := self.at_least(severity).items:
            lines = "\n".join(f"  {n.code} {n.table} {n.object}: {n.text}. {n.fix}" for n in bad[:5])
            raise InputError(f"community: {len(bad)} note(s) of severity {severity} or worse:\n{lines}")

    def to_frame(self) -> Any:
        """Return a DataFrame, one row a note."""
        import pandas as pd

        names = ["severity", "code", "table", "object", "text", "x_m", "y_m", "value", "fix", "count"]
        rows = [(n.severity, n.code, n.table, n.object, n.text, n.x, n.y, n.value, n.fix, n.count) for n in self.items]
        return pd.DataFrame(rows, columns=names)

    def _repr_html_(self) -> str:
        """Return a short table for notebooks."""
        return f"<p>{repr(self)[1:-1]}</p>{self.to_frame().head(50).to_html(index=False, escape=True, na_rep='')}"
