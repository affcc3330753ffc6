"""Rows of tables as they are thought of one by one, made into tables at the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import shapely

from cimkit.arrays import FloatArray
from cimkit.model.table import Table

T = TypeVar("T", bound=Table)


class Rows:
    """Rows being collected; shapes and points lie in the drawing and are turned when a table is made.

    Parameters
    ----------
    turn
        Function from drawing (n, 2) to local coordinates (n, 2).
    """

    def __init__(self, turn: Callable[[FloatArray], FloatArray]) -> None:
        self.turn = turn
        self._rows: dict[type[Table], list[dict[str, Any]]] = defaultdict(list)

    def add(self, table: type[Table], **values: Any) -> int:
        """Add a row and return its number."""
        self._rows[table].append(values)
        return len(self._rows[table]) - 1

    def of(self, table: type[Table]) -> list[dict[str, Any]]:
        """Return the rows of a table added so far."""
        return self._rows[table]

    def column(self, table: type[Table], name: str) -> list[Any]:
        """Return one value of each row."""
        return [row[name] for row in self._rows[table]]

    def made(self, table: type[T]) -> T:
        """Return the table of the rows; a value not given takes the column's default."""
        rows = self._rows[table]
        given: dict[str, Any] = {}
        for col in table.columns():
            if col.is_shape:
                shapes = np.array(self.column(table, col.name), dtype=object)
                given[col.name] = col.dtype.from_shapely(shapely.transform(shapes, self.turn))
            elif any(col.name in row for row in rows):
                given[col.name] = [row.get(col.name, col.usual) for row in rows]
        if "x" in given:
            given["x"], given["y"] = self.turn(np.column_stack([given["x"], given["y"]])).T
        return table(**given)
