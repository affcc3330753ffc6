"""Articles of the two national area codes as data: what counts in full, half or not at all, and why."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.arrays import BoolArray, one_of
from cimkit.model.kinds import Kind, SpaceKind, StoreyKind, VoidKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OPERATORS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "==": operator.eq}
STATES = {"enclosed", "roofed", "public", "inside_structure", "continuous"}
PROPERTIES = {  # how a property is called in a reason, and its unit
    "height": ("storey height", " m"),
    "clear_height": ("clear height", " m"),
    "public": ("open to the public", ""),
    "enclosed": ("enclosed", ""),
    "open_share": ("open share of the perimeter", ""),
    "width": ("largest circle within", " m"),
    "short_side": ("width", " m"),
    "area": ("area", " m²"),
    "depth": ("depth", " m"),
    "planted_share": ("planted share", ""),
    "soil_depth": ("soil", " m"),
    "inner_share": ("share of the dwelling's inner area", ""),
    "path_gap": ("distance to a public path that leads to a street", " m"),
    "corridor_width": ("narrowest width", " m"),
    "open_sides": ("open sides", ""),
    "continuous": ("leads from a building to a shelter", ""),
    "void_height": ("height of the hall", " m"),
    "inner_area": ("inner area of the dwelling", " m²"),
    "level": ("level", ""),
}
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
        name, unit = PROPERTIES.get(self.what, (self.what.replace("_", " "), ""))
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


_STOREYS = (StoreyKind.NORMAL, StoreyKind.ROOF)
_BASEMENTS = (StoreyKind.BASEMENT, StoreyKind.HALF_BASEMENT)
_PLANT = (StoreyKind.REFUGE, StoreyKind.EQUIPMENT)
_BALCONIES = (SpaceKind.BALCONY, SpaceKind.SKY_GARDEN)
_INDOOR = (SpaceKind.ROOM, SpaceKind.REFUGE, SpaceKind.SHELTER, SpaceKind.EVACUATION_CORRIDOR, SpaceKind.CORRIDOR)
_PASSAGES = (SpaceKind.PUBLIC_PASSAGE, SpaceKind.EVACUATION_CORRIDOR)
_OPEN = (SpaceKind.STILT, SpaceKind.PUBLIC_OPEN_SPACE)
_WELLS = (VoidKind.STAIR, VoidKind.SHAFT)
_OPENINGS = (VoidKind.ATRIUM, VoidKind.VOID_ROOM, VoidKind.LIGHT_WELL)
_GROUND = (
    *(SpaceKind.GREEN, SpaceKind.CENTRAL_GREEN, SpaceKind.PLAZA, SpaceKind.PLAYGROUND, SpaceKind.PARKING),
    *(SpaceKind.FIRE_LANE, SpaceKind.WATER, SpaceKind.ROOF_GREEN, SpaceKind.ROAD),
)
_ANYWHERE = tuple(SpaceKind)
_ON_GROUND = (Test("on_ground", "==", 1),)
_TALL, _LOW = (Test("height", ">=", 2.20),), (Test("height", "<", 2.20),)
_ROOF_UNKNOWN = (Test("roofed_known", "==", 0),)
_OPEN_TO_SKY = (Test("roofed", "==", 0),)
_GLAZED, _OPEN_SIDED = (Test("enclosed", "==", 1),), (Test("enclosed", "==", 0),)


def _by_height(
    clause: str, kinds: tuple[Kind, ...], what: str, low: float, when: tuple[Test, ...] = ()
) -> list[AreaRule]:
    """Return the pair of rules "2.20 m and more in full, less at a lower factor"."""
    return [
        AreaRule(clause, kinds, 1.0, f"{what}, storey height 2.20 m or more", (*when, *_TALL)),
        AreaRule(clause, kinds, low, f"{what}, storey height below 2.20 m", (*when, *_LOW)),
    ]


def _gbt50353() -> list[AreaRule]:
    """Return the articles of GB/T 50353-2013, chapter 3; the first that applies decides."""
    attic, clear = (StoreyKind.ATTIC,), "clear_height"
    in_structure, outside = (Test("inside_structure", "==", 1),), (Test("inside_structure", "==", 0),)
    bay, canopy, open_gallery = (SpaceKind.BAY_WINDOW,), (SpaceKind.CANOPY,), (*_OPEN_SIDED, *outside)
    sill, high = "sill_height", (Test("storeys_high", ">=", 2.0),)
    half: list[AreaRule] = [
        AreaRule("3.0.6", (SpaceKind.RAMP,), 0.5, "ramp outside the entrance wall, roofed", (Test("roofed", "==", 1),)),
        AreaRule("3.0.27-4", (SpaceKind.RAMP,), 0.0, "ramp without roof"),
        AreaRule("3.0.9", (SpaceKind.SKY_CORRIDOR,), 0.0, "elevated corridor without roof", _OPEN_TO_SKY, "M"),
        AreaRule("3.0.9", (SpaceKind.SKY_CORRIDOR,), 1.0, "elevated corridor, roofed and enclosed", _GLAZED),
        AreaRule("3.0.9", (SpaceKind.SKY_CORRIDOR,), 0.5, "elevated corridor with railing, not enclosed"),
        AreaRule(
            "3.0.13", bay, 0.5, "bay window, sill below 0.45 m and clear height 2.10 m or more",
            (Test(sill, "<", 0.45), Test(clear, ">=", 2.10)),
        ),
        AreaRule("3.0.27-7", bay, 0.0, "bay window, sill 0.45 m or more", (Test(sill, ">=", 0.45),)),
        AreaRule("3.0.27-7", bay, 0.0, "bay window, clear height below 2.10 m", (Test(clear, "<", 2.10),)),
        AreaRule("3.0.13", bay, 0.5, "bay window, measures unknown: half", (), "M"),
        AreaRule("3.0.14", (SpaceKind.CORRIDOR,), 0.5, "open corridor or gallery outside the walls", open_gallery),
        AreaRule("3.0.16", canopy, 0.5, "canopy on posts", (Test("columns_rows", ">=", 1),)),
        AreaRule("3.0.16", canopy, 0.0, "canopy two storeys high or more", high),
        AreaRule("3.0.16", canopy, 0.5, "canopy without posts, depth 2.10 m or more", (Test("depth", ">=", 2.10),)),
        AreaRule("3.0.27-6", canopy, 0.0, "canopy without posts, depth below 2.10 m"),
        AreaRule("3.0.20", (SpaceKind.EXTERNAL_STAIR,), 0.5, "external stair, for each storey it serves"),
        AreaRule("3.0.22", (SpaceKind.SHED, SpaceKind.RAIN_CORRIDOR), 0.0, "open to the sky", _OPEN_TO_SKY, "M"),
        *_by_height("3.0.1", (SpaceKind.SHED, SpaceKind.RAIN_CORRIDOR), "enclosed", 0.5, _GLAZED),
        AreaRule("3.0.22", (SpaceKind.SHED, SpaceKind.RAIN_CORRIDOR), 0.5, "roofed, without enclosure"),
    ]  # fmt: skip
    balconies = [
        AreaRule("3.0.27-4", (SpaceKind.TERRACE,), 0.0, "terrace without roof", _OPEN_TO_SKY),
        AreaRule("3.0.27-4", (SpaceKind.TERRACE,), 0.0, "terrace, roof unknown: taken as open", _ROOF_UNKNOWN, "M"),
        AreaRule("3.0.21", (*_BALCONIES, SpaceKind.TERRACE), 1.0, "balcony inside the main structure", in_structure),
        AreaRule("3.0.21", (*_BALCONIES, SpaceKind.TERRACE), 0.5, "balcony outside the main structure"),
        *_by_height("3.0.26", (SpaceKind.EQUIPMENT_PLATFORM,), "platform inside the main structure", 0.5, in_structure),
        AreaRule("3.0.27-6", (SpaceKind.EQUIPMENT_PLATFORM,), 0.0, "platform outside the main structure"),
    ]  # fmt: skip
    ground_level = Test("level", "==", 1)
    return [
        AreaRule("3.0.27", _ANYWHERE, 0.0, "open ground, not a building", _ON_GROUND),
        AreaRule("3.0.3", attic, 1.0, "pitched roof, clear height 2.10 m or more", (Test(clear, ">=", 2.10),)),
        AreaRule("3.0.3", attic, 0.5, "pitched roof, clear height 1.20 to 2.10 m", (Test(clear, ">=", 1.20),)),
        AreaRule("3.0.3", attic, 0.0, "pitched roof, clear height below 1.20 m", (Test(clear, "<", 1.20),)),
        *_by_height("3.0.3", attic, "pitched roof, clear height unknown", 0.5),
        *_by_height("3.0.5", _BASEMENTS, "basement", 0.5),
        *_by_height("3.0.7", (StoreyKind.STILT,), "open storey on columns", 0.5),
        *_by_height("3.0.26", _PLANT, "refuge or equipment storey", 0.5),
        *_by_height("3.0.17", (StoreyKind.ROOF,), "stair, lift or tank room on the roof", 0.5),
        *_by_height("3.0.1", _STOREYS, "storey", 0.5),
        AreaRule("3.0.8", _OPENINGS, 0.0, "opening in the floor: the hall counts once, below"),
        *_by_height("3.0.19", _WELLS, "stair well or shaft counts on each storey", 0.5),
        AreaRule("3.0.27-2", _PASSAGES, 0.0, "open passage through the ground storey", (*_OPEN_SIDED, ground_level)),
        AreaRule("3.0.27", _OPEN, 0.0, "open to the sky", _OPEN_TO_SKY),
        *_by_height("3.0.7", _OPEN, "open space under the building", 0.5),
        *half,
        *balconies,
        *_by_height("3.0.26", (SpaceKind.REFUGE,), "refuge", 0.5),
        *_by_height("3.0.1", (*_INDOOR, *_PASSAGES), "room", 0.5),
        AreaRule("3.0.27", _GROUND, 0.0, "open ground, not a building"),
    ]


def _gb55031() -> list[AreaRule]:
    """Return the articles of GB 55031-2022, section 3.1; the first that applies decides."""
    roofs = (SpaceKind.SHED, SpaceKind.RAIN_CORRIDOR, SpaceKind.SKY_CORRIDOR, SpaceKind.EXTERNAL_STAIR, SpaceKind.RAMP)
    ring, row = (Test("columns_rows", ">=", 2),), (Test("columns_rows", "==", 1),)
    covered = (*roofs, *_OPEN, *_INDOOR, *_PASSAGES, SpaceKind.TERRACE)
    low = (*_STOREYS, *_BASEMENTS, *_PLANT, StoreyKind.STILT, *_WELLS, *_INDOOR, *_OPEN, *_PASSAGES, *_BALCONIES)
    attic = (StoreyKind.ATTIC,)
    return [
        AreaRule("3.1.6-2", _ANYWHERE, 0.0, "open ground, not a building", _ON_GROUND),
        AreaRule("3.1.4-1", attic, 1.0, "pitched roof, height 2.20 m or more", (Test("clear_height", ">=", 2.20),)),
        AreaRule("3.1.6-1", attic, 0.0, "pitched roof, height below 2.20 m", (Test("clear_height", "<", 2.20),)),
        *_by_height("3.1.6-1", attic, "pitched roof, clear height unknown", 0.0),
        AreaRule("3.1.6-1", low, 0.0, "storey height below 2.20 m", _LOW),
        AreaRule("3.1.4-2", (StoreyKind.STILT,), 1.0, "open storey ringed by columns"),
        AreaRule("3.1.4-1", (*_STOREYS, *_PLANT, *_BASEMENTS), 1.0, "enclosed and roofed"),
        AreaRule("3.1.4", _OPENINGS, 0.0, "opening in the floor: the hall counts once, below", (), "M"),
        AreaRule("3.1.4-1", _WELLS, 1.0, "stair well or shaft counts on each storey", (), "M"),
        AreaRule("3.1.6-5", _PASSAGES, 0.0, "passage used as a public street", (*_OPEN_SIDED, Test("level", "==", 1))),
        AreaRule("3.1.6-2", covered, 0.0, "without roof", _OPEN_TO_SKY),
        AreaRule("3.1.5", _BALCONIES, 1.0, "closed balcony", _GLAZED),
        AreaRule("3.1.5", _BALCONIES, 0.5, "open balcony"),
        AreaRule("3.1.4-2", (SpaceKind.CANOPY,), 1.0, "canopy ringed by columns", ring, "M"),
        AreaRule("3.1.4-3", (SpaceKind.CANOPY,), 0.5, "canopy on one row of columns", row),
        AreaRule("3.1.6-4", (SpaceKind.CANOPY,), 0.0, "canopy without columns: space under an overhang", (), "M"),
        AreaRule(
            "3.1.6-3", (SpaceKind.BAY_WINDOW,), 0.0, "bay window read as part of the facade; open question", (), "M"
        ),
        AreaRule("3.1.6-3", (SpaceKind.EQUIPMENT_PLATFORM,), 0.0, "part hung on the facade", (), "M"),
        AreaRule("3.1.4-1", covered, 1.0, "enclosed and roofed", _GLAZED),
        AreaRule("3.1.4-2", _OPEN, 1.0, "open, ringed by columns"),
        AreaRule("3.1.4-2", covered, 1.0, "open, ringed by columns", ring),
        AreaRule("3.1.4-3", covered, 0.5, "open, on one row of columns", row),
        AreaRule("3.1.6-2", (SpaceKind.TERRACE,), 0.0, "terrace, roof unknown: taken as open", (), "M"),
        AreaRule("3.1.4-4", roofs, 0.5, "open, without columns, railed and attached"),
        AreaRule("3.1.4-4", (SpaceKind.CORRIDOR,), 0.5, "open corridor without columns", _OPEN_SIDED),
        AreaRule("3.1.4-1", (*_INDOOR, *_PASSAGES), 1.0, "inside the walls"),
        AreaRule("3.1.6-2", _GROUND, 0.0, "open ground, not a building"),
    ]


GBT50353_2013 = tuple(_gbt50353())
GB55031_2022 = tuple(_gb55031())


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
