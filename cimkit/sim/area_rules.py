"""Articles of the two national area codes, listed in ``area_rules.toml``: what counts in full, half or not at all."""

from __future__ import annotations

import operator
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.arrays import BoolArray, one_of
from cimkit.model.kinds import Kind, SpaceKind, StoreyKind, VoidKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OPERATORS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "==": operator.eq}
STATES = {"enclosed", "roofed", "public", "inside_structure", "continuous"}
_LISTS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_FAMILIES: dict[str, type[Kind]] = {"storey": StoreyKind, "void": VoidKind, "space": SpaceKind}
MARKS = ("P", "S", "C", "M")  # primary text, secondary source, computed, from memory or our own reading


@dataclass(frozen=True)
class Test:
    """A condition on one measured or stated property of an item.

    An unknown property does not meet it, unless ``required`` is False.

    Examples
    --------
    >>> Test("clear_height", ">=", 2.2).holds({"clear_height": np.array([2.2, 2.1, np.nan])})
    array([ True, False, False])
    """

    __test__ = False  # not a test case of pytest

    what: str
    sign: str
    value: float
    required: bool = True

    def __post_init__(self) -> None:
        one_of(self.sign, tuple(OPERATORS), name="Test.sign")

    @classmethod
    def read(cls, text: str) -> Test:
        """Return the condition that a text states.

        Examples
        --------
        >>> Test.read("path_gap <= 15 or unknown")
        Test(what='path_gap', sign='<=', value=15.0, required=False)
        """
        what, sign, value, *rest = text.split()
        return cls(what, sign, float(value), required=rest != ["or", "unknown"])

    def known(self, items: Mapping[str, Any]) -> BoolArray:
        """Return of which items the property is known."""
        values = items[self.what]
        result: BoolArray = ~np.isnan(values) if values.dtype.kind == "f" else values != -1
        return result

    def holds(self, items: Mapping[str, Any]) -> BoolArray:
        """Return for which items the condition is met."""
        values, known = items[self.what], self.known(items)
        with np.errstate(invalid="ignore"):
            met = OPERATORS[self.sign](values, self.value)
        result: BoolArray = met & known if self.required else met | ~known
        return result

    def told(self, value: float) -> str:
        """Return what was found and what must be, for a value that does not meet the condition.

        Examples
        --------
        >>> Test("clear_height", ">=", 2.8).told(2.2)
        'clear height 2.2 m, must be >= 2.8 m'
        """
        name, unit = _LISTS["properties"].get(self.what, (self.what.replace("_", " "), ""))
        if np.isnan(value) or (self.what in STATES and value == -1):
            return f"{name} not known"
        if self.what == "continuous":
            return f"{name}: no"
        if self.what in STATES:
            return f"{'' if value else 'not '}{name}"
        return f"{name} {value:g}{unit}, must be {self.sign} {self.value:g}{unit}"


@dataclass(frozen=True)
class AreaRule:
    """One article: the factor it gives to certain items under certain conditions.

    Parameters
    ----------
    clause
        Number of the article.
    kinds
        Kinds of storey, void and space it speaks of.
    factor
        1, ½ or 0.
    reason
        What the article says, in short.
    when
        Conditions, all of which must hold.
    mark
        How sure the article is: P primary text, S secondary source, M our reading of it.
    """

    clause: str
    kinds: tuple[Kind, ...]
    factor: float
    reason: str
    when: tuple[Test, ...] = ()
    mark: str = "P"

    @classmethod
    def listed(cls, given: Mapping[str, Any]) -> AreaRule:
        """Return the article that a line of ``area_rules.toml`` states."""
        when = tuple(Test.read(t) for t in given.get("when", ()))
        return cls(**{**given, "kinds": kinds_named(given["kinds"]), "when": when})


def kinds_named(names: Sequence[str]) -> tuple[Kind, ...]:
    """Return the kinds of ``family.kind`` names and of the groups in ``area_rules.toml``; ``anywhere`` is any space.

    Examples
    --------
    >>> kinds_named(["storey.attic", "basements"])
    (<StoreyKind.ATTIC: 4>, <StoreyKind.BASEMENT: 6>, <StoreyKind.HALF_BASEMENT: 7>)
    """
    found: list[Kind] = []
    for name in names:
        family, _, code = name.partition(".")
        if code:
            found.append(_FAMILIES[family].parse(code))
        else:
            found += SpaceKind if name == "anywhere" else kinds_named(_LISTS["kinds"][name])
    return tuple(found)


GBT50353_2013, GB55031_2022 = (
    tuple(AreaRule.listed(given) for given in _LISTS["codes"][code]) for code in ("GBT50353_2013", "GB55031_2022")
)


def first_rules(rules: Sequence[AreaRule], items: Mapping[str, Any], families: Mapping[type[Kind], int]) -> Any:
    """Return the number of the first rule that applies to each item, -1 for none, shape (n).

    ``items["family"]`` and ``items["kind"]`` say what an item is: a storey, a void or a space of some kind.
    """
    result = np.full(len(items["kind"]), -1, dtype=np.int64)
    for number, rule in enumerate(rules):
        open_rows = np.flatnonzero((result < 0) & _of_kinds(rule.kinds, items, families))
        if len(open_rows) == 0:
            continue
        part = {t.what: items[t.what][open_rows] for t in rule.when}
        meets = np.ones(len(open_rows), dtype=bool)
        for test in rule.when:
            meets &= test.holds(part)
        result[open_rows[meets]] = number
    return result


def _of_kinds(kinds: Sequence[Kind], items: Mapping[str, Any], families: Mapping[type[Kind], int]) -> BoolArray:
    """Return which items are of one of these kinds."""
    codes = [families[type(k)] * 256 + int(k) for k in kinds]
    result: BoolArray = np.isin(items["code"], codes)
    return result
