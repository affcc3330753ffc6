"""Articles of the two national area codes and of cities: what counts in full, half or not at all, and for FAR (计容).

All of it is data. ``area_rules.toml`` has the national codes; ``area_local.toml`` has what cities say beyond them: what
counts for FAR, caps per dwelling, public space outside FAR. Thresholds marked M are our own where the text that frees a
space gives no number; replace them as soon as the local text is at hand (``dataclasses.replace``).
"""

from __future__ import annotations

import operator
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cimkit.arrays import BoolArray, one_of
from cimkit.model.kinds import BuildingUse, Kind, SpaceKind, StoreyKind, VoidKind

OPERATORS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "==": operator.eq}
STATES = {"enclosed", "roofed", "public", "inside_structure", "continuous"}
FAMILIES: dict[str, type[Kind]] = {"storey": StoreyKind, "void": VoidKind, "space": SpaceKind}  # of items
_LISTS, _PLACES = (
    tomllib.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))
    for name in ("area_rules.toml", "area_local.toml")
)


def code_of(kind: Kind) -> int:
    """Return the number of a kind among those of all families."""
    return list(FAMILIES.values()).index(type(kind)) * 256 + int(kind)


def of_kinds(items: Mapping[str, Any], kinds: Sequence[Kind]) -> BoolArray:
    """Return which items are of one of these kinds."""
    return np.isin(items["code"], [code_of(k) for k in kinds])


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
        return ~np.isnan(values) if values.dtype.kind == "f" else np.asarray(values != -1)

    def holds(self, items: Mapping[str, Any]) -> BoolArray:
        """Return for which items the condition is met."""
        met, known = OPERATORS[self.sign](items[self.what], self.value), self.known(items)
        return np.asarray(met & known if self.required else met | ~known)

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
        if self.what in STATES:
            return f"{name}: no" if self.what == "continuous" else f"{'' if value else 'not '}{name}"
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
        when = tuple(map(Test.read, given.get("when", ())))
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
            found.append(FAMILIES[family].parse(code))
        else:
            found += SpaceKind if name == "anywhere" else kinds_named(_LISTS["kinds"][name])
    return tuple(found)


GBT50353_2013, GB55031_2022 = (
    tuple(map(AreaRule.listed, _LISTS["codes"][code])) for code in ("GBT50353_2013", "GB55031_2022")
)


def first_rules(rules: Sequence[AreaRule], items: Mapping[str, Any]) -> Any:
    """Return the number of the first rule that applies to each item, -1 for none, shape (n)."""
    result = np.full(len(items["code"]), -1, dtype=np.int64)
    for number, rule in enumerate(rules):
        rows = np.flatnonzero((result < 0) & of_kinds(items, rule.kinds))
        part = {t.what: items[t.what][rows] for t in rule.when}
        meets = [t.holds(part) for t in rule.when]
        result[rows[np.all(meets, axis=0)] if meets else rows] = number
    return result


@dataclass(frozen=True)
class Exemption:
    """A space that does not count for FAR if it passes tests of its geometry.

    Parameters
    ----------
    clause, name
        Where it stands and what it is.
    kinds
        Kinds of space or storey it may be.
    tests
        All must hold; otherwise the space counts, and the reason says which did not.
    part
        Column with the share of the area that is free, ``planted_share`` or ``share_45``; all of it without.
    from_area
        It is outside the building area too, not only outside FAR.
    otherwise
        Factor for FAR of what is not granted; nan leaves the factor it has.
    cap_of, cap_share
        Cap: all such space of a ``dwelling``, ``building`` or ``parcel`` is free up to this share of the
        dwelling's inner area, or of the area that counts there for FAR; the excess counts.
    mark, limits
        How sure the rule is, and how sure the limits of its tests are: P, S or M.
    """

    clause: str
    name: str
    kinds: tuple[Kind, ...]
    tests: tuple[Test, ...]
    part: str = ""
    from_area: bool = False
    otherwise: float = nan
    cap_of: str = ""
    cap_share: float = inf
    mark: str = "P"
    limits: str = "P"


@dataclass(frozen=True)
class HeightStep:
    """Storeys of some uses, higher than ``above`` and up to ``upto`` [m], count ``times`` their area.

    With ``per`` [m] the factor is the number of heights ``per`` begun.
    """

    clause: str
    uses: tuple[BuildingUse, ...]
    above: float
    upto: float = inf
    times: float = 1.0
    per: float = 0.0
    mark: str = "P"


@dataclass(frozen=True)
class UnitCaps:
    """Caps per dwelling, after DB33/T 1152-2018 pages 20–21: what exceeds them counts more.

    Parameters
    ----------
    clause
        Where they stand.
    small
        Dwellings below this inner area have the small allowance [m²].
    bays
        Bay windows that do not count, in small and other dwellings; the rest counts half [m²].
    platforms
        Equipment platforms that do not count; the rest counts in full [m²].
    half_share
        Share of the inner area that half-counted balconies and bays may reach; the rest counts in full.
    """

    clause: str = "DB33/T 1152-2018 p. 20–21"
    small: float = 70.0
    bays: tuple[float, float] = (3.0, 5.0)
    platforms: tuple[float, float] = (3.0, 5.0)
    half_share: float = 0.07
    mark: str = "S"


@dataclass(frozen=True)
class LocalRules:
    """What a place counts for FAR.

    Parameters
    ----------
    name
        Place and document.
    basement_top
        Basements whose top slab is at most this high above the ground outside do not count [m].
    basement_half_sunk
        They must also lie more than half their height below the ground.
    basement_clause, basement_mark
        Where that stands and how sure it is.
    heights
        Multipliers for high storeys.
    exemptions
        Public space outside FAR.
    caps
        Caps per dwelling.
    rules
        Articles on the building area that come before those of the national code.
    roof_green
        Green on roofs in the green ratio: steps of least depth of soil [m] and the share that counts; GB 50180-2018
        A.0.2 leaves both to the place (M), and no text of a place was at hand, so without steps none counts.
    """

    name: str
    basement_top: float = 1.5
    basement_half_sunk: bool = False
    basement_clause: str = "Jiaxing 2018 art. 80, taken over"
    basement_mark: str = "M"
    heights: tuple[HeightStep, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    caps: UnitCaps | None = None
    rules: tuple[AreaRule, ...] = ()
    roof_green: tuple[tuple[float, float], ...] = ()

    NATIONAL: ClassVar[LocalRules]
    HUZHOU_2020: ClassVar[LocalRules]
    LONGGANG_2025: ClassVar[LocalRules]
    WENZHOU_2017: ClassVar[LocalRules]
    TAIZHOU_2025: ClassVar[LocalRules]
    JIAXING_2018: ClassVar[LocalRules]
    SHANGHAI_2021: ClassVar[LocalRules]
    NANNING: ClassVar[LocalRules]
    SINGAPORE_URA: ClassVar[LocalRules]
    HONG_KONG_JPN: ClassVar[LocalRules]


def _exemption(given: Mapping[str, Any]) -> Exemption:
    """Return an exemption as ``area_local.toml`` states it."""
    tests = tuple(map(Test.read, given.get("tests", ())))
    return Exemption(**{**given, "kinds": kinds_named(given["kinds"]), "tests": tests})


def _height_step(given: Mapping[str, Any]) -> HeightStep:
    """Return a multiplier for high storeys as ``area_local.toml`` states it."""
    return HeightStep(**{**given, "uses": tuple(map(BuildingUse.parse, given["uses"]))})


_PARTS: dict[str, Any] = {"heights": _height_step, "exemptions": _exemption, "rules": AreaRule.listed}
for _place, _given in _PLACES.items():
    _given |= {part: tuple(map(made, _given.get(part, ()))) for part, made in _PARTS.items()}
    setattr(LocalRules, _place, LocalRules(**{**_given, "caps": UnitCaps() if _given.get("caps") else None}))
