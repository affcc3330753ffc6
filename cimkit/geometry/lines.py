"""Ragged lines in three dimensions: the course of paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.errors import InputError
from cimkit.geometry.ragged import offsets_of, owners, ragged_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.arrays import FloatArray, IntArray


@dataclass(frozen=True, repr=False)
class Lines:
    """Polylines in ragged layout.

    Parameters
    ----------
    xyz
        Vertices, shape (v, 3) [m].
    line
        First vertex of each line, shape (n + 1).
    """

    xyz: FloatArray
    line: IntArray

    @classmethod
    def empty(cls, count: int = 0) -> Lines:
        """Return ``count`` lines without vertices."""
        return cls(np.zeros((0, 3)), np.zeros(count + 1, np.int64))

    @classmethod
    def from_shapely(cls, shapes: Any) -> Lines:
        """Build from an array of shapely line strings; a missing height is 0 [m]."""
        shapes = np.asarray(shapes, dtype=object)
        kinds = shapely.get_type_id(shapes)
        wrong = np.flatnonzero((kinds != shapely.GeometryType.LINESTRING) & (kinds != -1))
        if len(wrong):
            got = shapes[wrong[0]].geom_type
            raise InputError(f"lines, row {wrong[0]}: shape must be a LineString; got {got}. Explode it first.")
        xyz, source = shapely.get_coordinates(shapes, include_z=True, return_index=True)
        if not np.isfinite(xyz[:, :2]).all():
            raise InputError("lines: coordinates must be finite; got nan or infinity. Remove them first.")
        xyz[np.isnan(xyz[:, 2]), 2] = 0.0
        return cls(np.ascontiguousarray(xyz), offsets_of(np.bincount(source, minlength=len(shapes))))

    @classmethod
    def concat(cls, parts: Sequence[Lines]) -> Lines:
        """Return all lines of the parts, one after the other."""
        if not parts:
            return cls.empty()
        return cls(np.concatenate([p.xyz for p in parts]), offsets_of(np.concatenate([np.diff(p.line) for p in parts])))

    def __len__(self) -> int:
        return len(self.line) - 1

    def __repr__(self) -> str:
        return f"<{len(self)} lines, {len(self.xyz)} vertices>"

    def to_shapely(self) -> Any:
        """Return an array of shapely line strings with heights, shape (n)."""
        sizes = np.diff(self.line)
        shapes = np.full(len(self), None, dtype=object)
        if len(self.xyz):
            whole = np.repeat(sizes >= 2, sizes)
            shapely.linestrings(self.xyz[whole], indices=owners(self.line)[whole], out=shapes) if whole.any() else None
        return shapes

    def take(self, rows: Any) -> Lines:
        """Return the lines of the given rows."""
        vertices, line = ragged_rows(self.line, np.asarray(rows, dtype=np.int64))
        return Lines(self.xyz[vertices], line)

    def lengths(self) -> FloatArray:
        """Return the length of each line in plan, 0 without vertices, shape (n) [m]."""
        lengths: FloatArray = np.nan_to_num(shapely.length(self.to_shapely()))
        return lengths
