"""Equal-length numpy columns declared once: dtype, unit, Chinese name, meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache, cached_property
from typing import Any, Self, dataclass_transform

import numpy as np
import shapely

from cimkit.arrays import FloatArray, IntArray, TextArray
from cimkit.errors import InputError
from cimkit.geometry.frame import Frame
from cimkit.geometry.polygons import Lines, Polygons, point_coordinates
from cimkit.model.kinds import Kind


@dataclass(frozen=True)
class Column:
    """Declaration of a column.

    Parameters
    ----------
    meaning
        What the column says, in one line.
    zh
        Chinese name.
    unit
        Unit, empty for none.
    dtype
        ``float``, ``int``, ``bool``, ``str``, a Kind, Polygons or Lines.
    of
        Name of the table whose rows it holds as ``int``, -1 for none.
    default
        Value where nothing is given; without it nan, -1, False, "" or the kind's first member.
    belongs
        Whether a row goes when the row it names here goes; else the reference becomes -1.
    name
        As the table says.
    """

    meaning: str
    zh: str
    unit: str = ""
    dtype: Any = float
    of: str = ""
    default: Any = None
    belongs: bool = False
    name: str = ""

    @property
    def label(self) -> str:
        """Name in exported tables: the unit stands in it."""
        return self.name + {"": "", "m": "_m", "m²": "_m2", "°": "_deg", "h": "_h", "year": ""}[self.unit]

    @property
    def is_kind(self) -> bool:
        """Whether it holds the numbers of a closed list."""
        return isinstance(self.dtype, type) and issubclass(self.dtype, Kind)

    @property
    def is_shape(self) -> bool:
        """Whether it holds the shapes of the table."""
        return self.dtype in (Polygons, Lines)

    @property
    def usual(self) -> Any:
        """What stands in it where nothing is given."""
        return self.default if self.default is not None else 0 if self.is_kind else _EMPTY[self.dtype]


def column(meaning: str, **facts: Any) -> Any:
    """Declare a column of a table, see ``Column``."""
    dtype = int if "of" in facts else float
    return field(default=None, metadata={"column": Column(meaning, **({"dtype": dtype} | facts))})


_EMPTY = {float: np.nan, int: -1, bool: False, str: ""}
_STORED = {float: np.float64, int: np.int64, bool: np.bool_, str: np.object_}


@dataclass_transform(frozen_default=True)
@dataclass(frozen=True, repr=False)
class Table:
    """Named columns of equal length; the row number is the index used inside the process.

    Missing is nan, -1 or "". ``extra`` keeps columns of the user's own. Subclasses declare their columns and are
    dataclasses without saying so.
    """

    extra: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    context: Any = field(default=None, kw_only=True, compare=False)  # its community, for ids and map coordinates

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, repr=False)(cls)

    def __post_init__(self) -> None:
        given = {c: getattr(self, c.name) for c in self.columns()}
        count = next((len(v) for v in given.values() if v is not None), 0)
        for col, value in given.items():
            object.__setattr__(self, col.name, _stored(col, value, count, f"{self.title()}, column {col.name!r}"))
        for name, values in self.extra.items():
            if len(values) != count:
                raise InputError(f"{self.title()}, column {name!r}: length must be {count}; got {len(values)}.")

    @classmethod
    def title(cls) -> str:
        """Return the name of the table in a community: ``PathNodes`` → ``path_nodes``."""
        return "".join("_" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(cls.__name__))

    @classmethod
    @cache
    def columns(cls) -> list[Column]:
        """Return the declared columns in order."""
        return [replace(f.metadata["column"], name=f.name) for f in fields(cls) if "column" in f.metadata]

    @classmethod
    def shape_column(cls) -> str:
        """Return the name of the column with the shape, empty if there is none."""
        return next((c.name for c in cls.columns() if c.is_shape), "")

    def __len__(self) -> int:
        return len(getattr(self, self.columns()[0].name))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} rows>"

    def take(self, rows: Any) -> Self:
        """Return the given rows (numbers or a mask), in that order."""
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)
        taken: dict[str, Any] = {c.name: getattr(self, c.name).take(rows) for c in self.columns()}
        return replace(self, **taken, extra={k: np.asarray(v)[rows] for k, v in self.extra.items()})

    def stacked(self, more: Any) -> Self:
        """Return the rows of this and another table of its kind; columns of the user's own may be in one of them."""
        columns: dict[str, Any] = {"extra": {}}
        for col in self.columns():
            pair = [getattr(self, col.name), getattr(more, col.name)]
            columns[col.name] = col.dtype.concat(pair) if col.is_shape else np.concatenate(pair)
        for name in dict.fromkeys([*self.extra, *more.extra]):
            own = [t.extra.get(name, np.full(len(t), None, dtype=object)) for t in (self, more)]
            columns["extra"][name] = np.concatenate([np.asarray(v, dtype=object) for v in own])
        return replace(self, **columns)

    def names(self) -> TextArray:
        """Return the id of each row, or its number as text where the table has no ids."""
        return self._names

    @cached_property
    def _names(self) -> TextArray:
        """What ``names`` returns, made when asked for (a million storeys have a million names)."""
        ids = getattr(self, "id", None)
        return np.arange(len(self)).astype(str).astype(object) if ids is None else ids

    def row_of(self, name: str) -> int:
        """Return the row of an id.

        Raises
        ------
        InputError
            If no row has this id.
        """
        if not len(found := np.flatnonzero(self.names() == name)):
            some = ", ".join(repr(n) for n in self.names()[:4])
            raise InputError(f"{self.title()}: id must be one of the {len(self)} ids ({some} …); got {name!r}.")
        return int(found[0])

    def to_frame(self) -> Any:
        """Return a DataFrame, or a GeoDataFrame in map coordinates where the table has a shape.

        References to other tables are written as ids, kinds as codes, units in the names.
        """
        import pandas as pd

        data = {c.label: self._exported(c, getattr(self, c.name)) for c in self.columns() if not c.is_shape}
        frame = pd.DataFrame(data | dict(self.extra))
        shapes = self.shapes()
        return frame if shapes is None else (self.context.frame if self.context else Frame()).to_geoframe(frame, shapes)

    def _exported(self, col: Column, value: Any) -> Any:
        """Return a column as people read it."""
        if col.is_kind:
            return col.dtype.codes(value)
        if col.of and self.context is not None:
            return lookup_names(self.context.tables[col.of].names(), value)
        return value

    def places(self, rows: Any) -> FloatArray:
        """Return a place of each of some rows: point or centroid of the shape, nan without either, shape (n, 2) [m]."""
        shapes = self.take(rows).shapes()
        return np.full((len(rows), 2), np.nan) if shapes is None else point_coordinates(shapely.centroid(shapes))

    def shapes(self) -> Any:
        """Return shapely shapes in local coordinates, or None."""
        if name := self.shape_column():
            return getattr(self, name).to_shapely()
        if {"x", "y", "z"} <= {c.name for c in self.columns()}:
            return shapely.points(self.x, self.y, self.z)  # type: ignore[attr-defined]
        return None


def lookup_names(names: TextArray, rows: IntArray) -> TextArray:
    """Return the name of each row number, "" for -1."""
    return np.append(names, "")[rows]


def _stored(col: Column, value: Any, count: int, who: str) -> Any:
    """Return a column in its stored form, shapes or a numpy array, or raise InputError."""
    if col.is_shape:
        value = col.dtype.empty(count) if value is None else value
        if not isinstance(value, col.dtype):
            raise InputError(f"{who}: must be {col.dtype.__name__}; got {type(value).__name__}.")
    elif value is None:
        return np.full(count, col.usual, dtype=np.int8 if col.is_kind else _STORED[col.dtype])
    elif col.is_kind:
        value = _as_kinds(col.dtype, value, who)
    else:
        try:
            value = np.ascontiguousarray(value, dtype=_STORED[col.dtype]).reshape(-1)
        except (TypeError, ValueError) as error:
            raise InputError(f"{who}: values must be {col.dtype.__name__}; got {value!r:.80}.") from error
    if len(value) != count:
        raise InputError(f"{who}: length must be {count}; got {len(value)}.")
    return value


def _as_kinds(kind: type[Kind], value: Any, who: str) -> Any:
    """Return codes, members or numbers as int8 numbers of a kind."""
    array = np.asarray(value)
    if array.dtype == object or array.dtype.kind == "U":
        words, where = np.unique(array.astype(str), return_inverse=True)
        return np.array([kind.parse(w) for w in words], dtype=np.int8)[where]
    unknown = array[(array < 0) | (array >= len(kind))]  # members are numbered from 0
    if len(unknown):
        raise InputError(f"{who}: values must be a {kind.__name__}; got {unknown[0]}.")
    return array.astype(np.int8)
