"""What cities say beyond the national codes: what counts for FAR (计容), caps per dwelling, public space outside FAR.

All of it is data. Thresholds marked M are our own where the text that frees a space gives no number;
replace them as soon as the local text is at hand (``dataclasses.replace``).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import ClassVar

from cimkit.model.kinds import BuildingUse, Kind, SpaceKind, StoreyKind
from cimkit.sim.area_rules import Test


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
    planted_only
        Only the planted share of the area is free.
    from_area
        It is outside the building area too, not only outside FAR.
    share_max
        Cap: largest free share of a building's counted area; what is above it counts.
    mark
        How sure the rule is: P, S or M.
    """

    clause: str
    name: str
    kinds: tuple[Kind, ...]
    tests: tuple[Test, ...]
    planted_only: bool = False
    from_area: bool = False
    share_max: float = inf
    mark: str = "P"


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
    """

    name: str
    basement_top: float = 1.5
    basement_half_sunk: bool = False
    basement_clause: str = "Jiaxing 2018 art. 80"
    basement_mark: str = "P"
    heights: tuple[HeightStep, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    caps: UnitCaps | None = None

    NATIONAL: ClassVar[LocalRules]
    HUZHOU_2020: ClassVar[LocalRules]
    LONGGANG_2025: ClassVar[LocalRules]
    WENZHOU_2017: ClassVar[LocalRules]
    TAIZHOU_2025: ClassVar[LocalRules]
    JIAXING_2018: ClassVar[LocalRules]
    SHANGHAI_2021: ClassVar[LocalRules]


_OPEN, _PUBLIC = Test("enclosed", "==", 0), Test("public", "==", 1)
_NEAR = Test("path_gap", "<=", 15.0, required=False)
_STILT = (SpaceKind.STILT, StoreyKind.STILT)
_GARDEN = (
    Test("inner_share", "<=", 0.20, required=False),
    Test("depth", "<=", 2.4),
    Test("planted_share", ">=", 0.5),
    Test("soil_depth", ">=", 0.3),
)


def _huzhou() -> tuple[Exemption, ...]:
    """Return the spaces that the Future Community policy of Huzhou 2020 leaves outside FAR."""
    text = "Huzhou 2020"
    return (
        Exemption(
            text, "evacuation passage (防灾安全通道)", (SpaceKind.EVACUATION_CORRIDOR,),
            (Test("short_side", ">=", 4.0), Test("clear_height", ">=", 4.5), _OPEN, _NEAR),
        ),
        Exemption(
            text, "open space on columns (架空空间)", _STILT,
            (Test("clear_height", ">=", 2.8), _OPEN, Test("open_share", ">=", 0.4), _PUBLIC, _NEAR),
        ),
        Exemption(
            text, "public open space (公共开敞空间)", (SpaceKind.PUBLIC_OPEN_SPACE, SpaceKind.PUBLIC_PASSAGE),
            (Test("clear_height", ">=", 2.8, required=False), _OPEN, Test("width", ">=", 2.0), _PUBLIC, _NEAR),
        ),
        Exemption(
            text, "planted part of a sky-garden balcony (空中花园阳台绿化部分)", (SpaceKind.SKY_GARDEN,), _GARDEN,
            planted_only=True, from_area=True,
        ),
    )  # fmt: skip


def _wenzhou() -> tuple[Exemption, ...]:
    """Return public space after Wenzhou 2017, articles 56 to 58."""
    kinds = (*_STILT, SpaceKind.PUBLIC_OPEN_SPACE, SpaceKind.PUBLIC_PASSAGE)
    tests = (Test("area", ">=", 400.0), Test("clear_height", ">=", 3.6), _OPEN, _PUBLIC)
    return (Exemption("Wenzhou 2017 art. 56–58", "public space", kinds, tests),)


def _taizhou() -> tuple[Exemption, ...]:
    """Return what Taizhou 2025, article 58, leaves outside FAR."""
    text = "Taizhou 2025 art. 58"
    return (
        Exemption(
            text, "sky corridor over a road", (SpaceKind.SKY_CORRIDOR,),
            (Test("short_side", "<=", 6.0), Test("clearance", ">=", 5.5)),
        ),
        Exemption(text, "open rain corridor", (SpaceKind.RAIN_CORRIDOR,), (Test("short_side", "<=", 3.0), _OPEN)),
        Exemption(text, "cycle or charging shed", (SpaceKind.SHED,), ()),
        Exemption(text, "roof over a ramp", (SpaceKind.RAMP,), ()),
        Exemption(
            text, "open storey on a podium roof", _STILT,
            (Test("level", ">", 1.0), Test("height", ">=", 4.0), _OPEN, _PUBLIC),
        ),
    )  # fmt: skip


def _jiaxing() -> tuple[HeightStep, ...]:
    """Return the storey-height coefficients of Jiaxing 2018, article 81."""
    text = "Jiaxing 2018 art. 81"
    others = (
        *(BuildingUse.SCHOOL, BuildingUse.KINDERGARTEN, BuildingUse.HOSPITAL, BuildingUse.COMMUNITY),
        *(BuildingUse.CULTURE_SPORT, BuildingUse.UTILITY, BuildingUse.OTHER),
    )
    return (
        HeightStep(text, (BuildingUse.INDUSTRIAL,), 8.0, times=2.0),
        HeightStep(text, (BuildingUse.DORMITORY,), 3.6, 4.5, 1.5),
        HeightStep(text, (BuildingUse.DORMITORY,), 4.5, 6.0, 2.0),
        HeightStep(text, (BuildingUse.DORMITORY,), 6.0, times=3.0),
        HeightStep(text, others, 5.0, 7.2, 1.5),
        HeightStep(text, others, 7.2, 10.0, 2.0),
        HeightStep(text, others, 10.0, times=3.0),
    )


_OFFICES = (BuildingUse.OFFICE, BuildingUse.RETAIL)
LocalRules.NATIONAL = LocalRules("all above ground counts", caps=None)
LocalRules.HUZHOU_2020 = LocalRules("Huzhou 2020, Zhejiang pilots", exemptions=_huzhou(), caps=UnitCaps())
LocalRules.LONGGANG_2025 = LocalRules(
    "Longgang (Wenzhou) 2025",
    exemptions=(
        *_wenzhou(),
        Exemption(
            "Longgang 2025",
            "sky-garden balcony (空中花园)",
            (SpaceKind.SKY_GARDEN,),
            _GARDEN,
            from_area=True,
            mark="S",
        ),
    ),
    caps=UnitCaps(),
)
LocalRules.WENZHOU_2017 = LocalRules("Wenzhou 2017", exemptions=_wenzhou(), caps=UnitCaps())
LocalRules.TAIZHOU_2025 = LocalRules("Taizhou 2025", exemptions=_taizhou(), caps=UnitCaps())
LocalRules.JIAXING_2018 = LocalRules("Jiaxing 2018", heights=_jiaxing(), caps=UnitCaps())
LocalRules.SHANGHAI_2021 = LocalRules(
    "Shanghai 2021",
    basement_top=1.0,
    basement_half_sunk=True,
    basement_clause="Shanghai 2021",
    heights=(HeightStep("Shanghai 2021", _OFFICES, 4.5, per=2.8),),
)
