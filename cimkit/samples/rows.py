"""Rows of tables as they are thought of one by one, made into tables at the end."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import shapely

from cimkit.model.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from cimkit.arrays import FloatArray

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
            if not any(col.name in row for row in rows):
                continue
            if col.is_shape:
                shapes = np.array([row[col.name] for row in rows], dtype=object)
                given[col.name] = col.dtype.from_shapely(self.turned(shapes))
                continue
            given[col.name] = [row.get(col.name, col.usual) for row in rows]
        if "x" in given:
            xy = self.turn(np.column_stack([given["x"], given["y"]]))
            given["x"], given["y"] = xy[:, 0], xy[:, 1]
        return table(**given)

    def turned(self, shapes: Any) -> Any:
        """Return shapes of the drawing in local coordinates; heights stay."""

        def move(c: FloatArray) -> FloatArray:
            return np.column_stack([self.turn(c[:, :2]), c[:, 2:]])

        return shapely.transform(shapes, move, include_z=bool(np.any(shapely.has_z(shapes))))
