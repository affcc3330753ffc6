"""What an indicator is: what it is measured on, how, and what it gives back."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from cimkit.arrays import FloatArray, TextArray, one_of
from cimkit.errors import InputError

Given = Mapping[str, Any]  # what a rule writes under ``with``
BANDS = {"great_cold": (8.0, 16.0), "winter_solstice": (9.0, 15.0)}  # [h] true solar time
NO_WEATHER = "the weather of a typical year: --weather FILE.epw, or Measurements(community, weather=read_epw(…))"
_DATE = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")


class SunSetting(NamedTuple):
    """A standard day (or a date, month-day of 2001), its band and what counts of it."""

    day: str = "great_cold"
    first: float = 8.0
    last: float = 16.0
    min_segment: float = 5.0
    max_segments: int = 0
    at: str = "sill"  # or "opening": the middle of the opening, as EN 17037 measures

    @classmethod
    def of(cls, options: Given) -> SunSetting:
        """Return the setting a rule writes under ``with``.

        Raises
        ------
        InputError
            If the day is not known.
        """
        day = str(options.get("day", "great_cold"))
        if day not in BANDS and not _DATE.match(day):
            raise InputError(f"day of a sunlight rule must be {', '.join(BANDS)} or a date as 03-21; got {day!r}.")
        first, last = options.get("band", BANDS.get(day, (0.0, 24.0)))
        segments = int(options.get("max_segments", 0))
        at = one_of(options.get("at", "sill"), ("sill", "opening"), name="at of a sunlight rule")
        return cls(day, float(first), float(last), float(options.get("min_segment", 5.0)), segments, at)


@dataclass(frozen=True)
class Subjects:
    """Objects that a rule is judged on, n of them.

    Parameters
    ----------
    table
        What they are: ``dwelling``, ``door``, ``parcel`` and so on.
    ids
        Their names, shape (n).
    places
        Where they are, shape (n, 3) [m].
    attributes
        What conditions may ask: name → one value an object.
    rows
        Their row in the community's table, for the indicator.
    missing
        Said where there are none: what data are missing for some, and how to supply it.
    """

    table: str
    ids: TextArray
    places: FloatArray
    attributes: Mapping[str, Any] = field(default_factory=dict)
    rows: Any = None
    missing: str = ""

    @classmethod
    def none(cls, table: str, missing: str = "") -> Subjects:
        """Return no objects; with ``missing`` they are not known, else there are none."""
        return cls(table, np.zeros(0, dtype=object), np.zeros((0, 3)), {}, np.zeros(0, np.int64), missing)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, chosen: Any) -> Subjects:
        """Return some of the objects, by their numbers or a mask."""
        attributes = {k: np.asarray(v)[chosen] for k, v in self.attributes.items()}
        missing = self.missing * (not len(self))  # of some that are there none may be chosen
        return Subjects(self.table, self.ids[chosen], self.places[chosen], attributes, self.rows[chosen], missing)


@dataclass(frozen=True)
class Values:
    """Measured values of n objects.

    Parameters
    ----------
    values
        Measured, nan where not known, shape (n).
    least
        Where only a range is known: its lower end, ``values`` being the upper one.
    missing
        What is missing where a value is nan or only a range, and how to supply it.
    evidence
        Row → what the value rests on.
    note
        What was assumed for all of them.
    """

    values: FloatArray
    least: FloatArray | None = None
    missing: str = ""
    evidence: Callable[[int], dict[str, Any]] | None = None
    note: str = ""

    @classmethod
    def unknown(cls, count: int, missing: str) -> Values:
        """Return n values that are not known."""
        return cls(np.full(count, np.nan), missing=missing)

    @classmethod
    def one(cls, value: float, missing: str = "", **evidence: Any) -> Values:
        """Return the value of the one object, the community."""
        return cls(np.array([value]), missing=missing, evidence=lambda _k: evidence)


@dataclass(frozen=True)
class Indicator:
    """A named quantity that rules compare with a limit.

    Parameters
    ----------
    name
        Name used in packs.
    unit
        Unit of its values and of the limits.
    zh
        Chinese name.
    meaning
        What it says.
    formula
        How it is computed.
    source
        Where the way of computing comes from.
    subjects
        What it is measured on, of measurements and parameters.
    function
        How, of measurements, subjects and parameters.
    keys
        Parameters that make it another quantity (``kind`` of facility): one rule holds for each.
    options
        Parameters of how it is measured (standard day, band).
    fixed
        What the function is told beside them.
    missing, note
        Of its values, where the function says none of its own.
    relative
        Whether it compares with the state before.
    """

    name: str
    unit: str
    zh: str
    meaning: str
    formula: str
    source: str
    subjects: Callable[[Any, Given], Subjects]
    function: Callable[[Any, Subjects, Given], Values]
    keys: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    fixed: Given = field(default_factory=dict)
    missing: str = ""
    note: str = ""
    relative: bool = False

    @property
    def parameters(self) -> tuple[str, ...]:
        """All names a rule may write under ``with``."""
        return self.keys + self.options

    def key(self, given: Given) -> tuple[str, ...]:
        """Return what makes it one quantity: its name and the values of its keys."""
        return (self.name, *(str(given[k]) for k in self.keys))

    def measure(self, measurements: Any, subjects: Subjects, given: Given) -> Values:
        """Measure it on some objects."""
        found = self.function(measurements, subjects, {**given, **self.fixed})
        return dataclasses.replace(found, missing=found.missing or self.missing, note=found.note or self.note)
