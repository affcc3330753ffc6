"""What cities say beyond the national codes: what counts for FAR (计容), caps per dwelling, public space outside FAR.

All of it is data, see ``area_local.toml``. Thresholds marked M are our own where the text that frees a space gives no
number; replace them as soon as the local text is at hand (``dataclasses.replace``).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from math import inf, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cimkit.model.kinds import BuildingUse, Kind
from cimkit.sim.area_rules import AreaRule, Test, kinds_named

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    tests = tuple(Test.read(t) for t in given.get("tests", ()))
    return Exemption(**{**given, "kinds": kinds_named(given["kinds"]), "tests": tests})


def _height_step(given: Mapping[str, Any]) -> HeightStep:
    """Return a multiplier for high storeys as ``area_local.toml`` states it."""
    return HeightStep(**{**given, "uses": tuple(BuildingUse.parse(u) for u in given["uses"])})


_PARTS: dict[str, Any] = {"heights": _height_step, "exemptions": _exemption, "rules": AreaRule.listed}
for _place, _given in tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")).items():
    _given |= {part: tuple(map(made, _given.get(part, ()))) for part, made in _PARTS.items()}
    setattr(LocalRules, _place, LocalRules(**{**_given, "caps": UnitCaps() if _given.get("caps") else None}))
