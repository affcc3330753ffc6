"""What cities say beyond the national codes: what counts for FAR (计容), caps per dwelling, public space outside FAR.

All of it is data. Thresholds marked M are our own where the text that frees a space gives no number;
replace them as soon as the local text is at hand (``dataclasses.replace``).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan
from typing import ClassVar

from cimkit.model.kinds import BuildingUse, Kind, SpaceKind, StoreyKind, VoidKind
from cimkit.sim.area_rules import AreaRule, Test


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


_OPEN, _PUBLIC = Test("enclosed", "==", 0), Test("public", "==", 1)
_NEAR = Test("path_gap", "<=", 15.0, required=False)
_ROOFED = Test("roofed", "==", 1, required=False)
_STRICT = (Test("open_share", ">=", 0.4), Test("enclosed", "==", 0))
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
            (
                Test("corridor_width", ">=", 4.0), Test("clear_height", ">=", 4.5), _OPEN, _NEAR,
                Test("continuous", "==", 1),
            ), limits="M",
        ),
        Exemption(
            text, "open space on columns (架空空间)", _STILT,
            (_ROOFED, Test("clear_height", ">=", 2.8), _OPEN, Test("open_share", ">=", 0.4), _PUBLIC, _NEAR),
            limits="M",
        ),
        Exemption(
            text, "public open space (公共开敞空间)", (SpaceKind.PUBLIC_OPEN_SPACE, SpaceKind.PUBLIC_PASSAGE),
            (
                Test("clear_height", ">=", 2.8, required=False), _OPEN, Test("width", ">=", 2.0),
                Test("corridor_width", ">=", 2.0), _PUBLIC, _NEAR,
            ), limits="M",
        ),
        Exemption(
            text, "planted part of a sky-garden balcony (空中花园阳台绿化部分)", (SpaceKind.SKY_GARDEN,), _GARDEN,
            part="planted_share", from_area=True, limits="S",
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


def _shanghai() -> tuple[AreaRule, ...]:
    """Return what Shanghai 2021 says on balconies and bay windows of dwellings."""
    text, balcony, bay = "Shanghai 2021", (SpaceKind.BALCONY,), (SpaceKind.BAY_WINDOW,)
    small = (Test("depth", "<=", 1.8), Test("area", "<=", 8.0))
    free = (Test("sill_height", ">=", 0.5), Test("clear_height", "<=", 2.2), Test("depth", "<=", 0.6))
    return (
        AreaRule(text, balcony, 0.5, "balcony, at most 1.8 m deep and 8 m² large", small),
        AreaRule(text, balcony, 1.0, "balcony, deeper than 1.8 m or larger than 8 m²"),
        AreaRule(text, bay, 0.0, "bay window, sill 0.5 m or more, at most 2.2 m high and 0.6 m deep", free),
    )


def _singapore() -> tuple[Exemption, ...]:
    """Return the spaces that Singapore leaves outside the gross floor area."""
    ground = "covered ground within the 45° line from the edge overhead"
    return (
        Exemption("URA/PB/2014/15", ground, _STILT, _STRICT, part="share_45", limits="M"),
        Exemption(
            "URA sky terrace", "sky terrace within the 45° line, perimeter 40 % open", (SpaceKind.SKY_GARDEN,),
            _STRICT, part="share_45", from_area=True, mark="M", limits="M",
        ),
        Exemption(
            "URA balcony bonus", "balconies up to 7 % of the floor area, perimeter 40 % open", (SpaceKind.BALCONY,),
            _STRICT, cap_of="building", cap_share=0.07,
        ),
    )  # fmt: skip


def _hong_kong() -> tuple[Exemption, ...]:
    """Return the features that Hong Kong's joint practice notes leave outside the gross floor area."""
    return (
        Exemption(
            "JPN 1", "green features together up to 8 % of the floor area",
            (SpaceKind.BALCONY, SpaceKind.EQUIPMENT_PLATFORM), (_OPEN,), cap_of="building", cap_share=0.08,
        ),
        Exemption("JPN 2", "sky garden, outside the cap", (SpaceKind.SKY_GARDEN,), (_OPEN, _PUBLIC), limits="M"),
    )  # fmt: skip


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
            limits="S",
        ),
        Exemption(
            "Longgang 2025",
            "hall of a duplex above 140 m² (挑空) counts once",
            (VoidKind.VOID_ROOM,),
            (
                Test("inner_area", ">", 140.0),
                Test("void_height", ">", 4.2),
                Test("void_height", "<=", 6.4),
                Test("area", "<=", 30.0),
            ),
            otherwise=1.0,
            mark="S",
            limits="S",
        ),
    ),
    caps=UnitCaps(),
)
LocalRules.WENZHOU_2017 = LocalRules("Wenzhou 2017", exemptions=_wenzhou(), caps=UnitCaps())
LocalRules.TAIZHOU_2025 = LocalRules("Taizhou 2025", exemptions=_taizhou(), caps=UnitCaps())
LocalRules.JIAXING_2018 = LocalRules(
    "Jiaxing 2018", basement_clause="Jiaxing 2018 art. 80", basement_mark="P", heights=_jiaxing(), caps=UnitCaps()
)
LocalRules.SHANGHAI_2021 = LocalRules(
    "Shanghai 2021",
    basement_top=1.0,
    basement_half_sunk=True,
    basement_clause="Shanghai 2021",
    basement_mark="P",
    heights=(HeightStep("Shanghai 2021", _OFFICES, 4.5, per=2.8),),
    rules=_shanghai(),
)
LocalRules.NANNING = LocalRules(
    "Nanning",
    exemptions=(
        Exemption(
            "Nanning", "public service space, up to 3 % of the counted area",
            (*_STILT, SpaceKind.PUBLIC_OPEN_SPACE, SpaceKind.PUBLIC_PASSAGE), (_OPEN, _PUBLIC),
            cap_of="parcel", cap_share=0.03, mark="S", limits="S",
        ),
        Exemption(
            "Nanning", "sky garden with two open sides", (SpaceKind.SKY_GARDEN,), (Test("open_sides", ">=", 2.0),),
            mark="S", limits="S",
        ),
    ),
)  # fmt: skip
LocalRules.SINGAPORE_URA = LocalRules("Singapore URA", exemptions=_singapore())
LocalRules.HONG_KONG_JPN = LocalRules("Hong Kong JPN 1 and 2", exemptions=_hong_kong())
