"""Three ledgers of space: building area, area counted for FAR (计容), public space; each line with its reason.

Imports in this theme go one way: area_rules → area_local → area_items → area_measure → areas → site_ratios.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cimkit.arrays import BoolArray, FloatArray, IntArray, one_of
from cimkit.model.drawn import Drawn
from cimkit.model.kinds import BuildingUse, SpaceKind, StoreyKind
from cimkit.model.table import lookup_names
from cimkit.sim.area_items import FAMILIES, Items, area_items
from cimkit.sim.area_local import Exemption, LocalRules
from cimkit.sim.area_measure import MEASURED, SPACE, STOREY, VOID, item_shapes, measure
from cimkit.sim.area_rules import GB55031_2022, GBT50353_2013, AreaRule, first_rules

if TYPE_CHECKING:
    from cimkit.model.community import Community

LEDGERS = ("building_area", "far_area", "public_space")
BUILDING, FAR, PUBLIC = 0, 1, 2
OPEN_GROUND = (
    *(SpaceKind.PLAZA, SpaceKind.PLAYGROUND, SpaceKind.GREEN, SpaceKind.CENTRAL_GREEN, SpaceKind.ROOF_GREEN),
    *(SpaceKind.PUBLIC_OPEN_SPACE, SpaceKind.WATER),
)


@dataclass(frozen=True)
class AreaMethod:
    """An edition of the area code together with what the place counts for FAR.

    Two national codes are in force at once and disagree, so both are ready instances. Their local rules are
    those of the Zhejiang pilots (Huzhou 2020); ``method.at(LocalRules.JIAXING_2018)`` takes another place.

    Parameters
    ----------
    name
        Standard.
    rules
        Articles; the first that applies to a storey, opening or space decides.
    local
        What counts for FAR, and which public space does not.
    """

    name: str
    rules: tuple[AreaRule, ...]
    local: LocalRules = LocalRules.HUZHOU_2020

    GBT50353_2013: ClassVar[AreaMethod]
    GB55031_2022: ClassVar[AreaMethod]

    def __repr__(self) -> str:
        return f"<AreaMethod {self.name}, FAR after {self.local.name}>"

    def at(self, local: LocalRules) -> AreaMethod:
        """Return the same code with the rules of another place."""
        return replace(self, local=local)


AreaMethod.GBT50353_2013 = AreaMethod("GB/T 50353-2013", GBT50353_2013)
AreaMethod.GB55031_2022 = AreaMethod("GB 55031-2022", GB55031_2022)


@dataclass(frozen=True)
class Reason:
    """Why a line has its factor: standard, clause, words, and how sure that is (P, S, C, M)."""

    standard: str
    clause: str
    text: str
    mark: str


@dataclass(frozen=True, repr=False)
class FloorAreas(Drawn):
    """The ledgers of a community: n items, three factors each.

    Parameters
    ----------
    community, method
        What was measured, and how.
    items
        Storeys, openings, spaces and amounts by which a cap is exceeded; each square metre stands in one item.
    factor
        What counts of the area in each of ``LEDGERS``, shape (n, 3).
    why
        Number of the reason for each factor, shape (n, 3).
    reasons
        The reasons.
    """

    community: Community
    method: AreaMethod
    items: Items
    factor: FloatArray
    why: IntArray
    reasons: tuple[Reason, ...]

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        if len(self) == 0:
            return "<FloorAreas of 0 storeys and spaces>"
        t = self.totals()
        mixed = np.unique(self.community.buildings.status)
        note = "; holds before and after at once, see Community.after()" if {1, 2} <= set(mixed.tolist()) else ""
        failed = len(self.failed())
        return (
            f"<FloorAreas after {self.method.name}: {t['building_area_m2']:,.0f} m² building area, "
            f"{t['far_area_m2']:,.0f} m² counted for FAR, {t['exempt_m2']:,.0f} m² exempt public space, "
            f"{failed} space{'s' if failed != 1 else ''} failed to be exempt{note}>"
        )

    @property
    def area(self) -> FloatArray:
        """Area of each item before any factor, shape (n) [m²]."""
        area: FloatArray = self.items["area"]
        return area

    def counted(self, ledger: str) -> FloatArray:
        """Return what counts of each item in a ledger, shape (n) [m²].

        Raises
        ------
        InputError
            If there is no such ledger.
        """
        column = LEDGERS.index(one_of(ledger, LEDGERS, name="ledger"))
        result: FloatArray = self.area * self.factor[:, column]
        return result

    def totals(self, by: str = "") -> Any:
        """Return the sums: a dict, or a DataFrame by ``building`` or ``parcel``.

        Counted and exempt area and what lies below ground add up to the building area, but for multipliers
        of storey height and caps, which are listed by themselves.
        """
        one_of(by, ("", "building", "parcel"), name="by")
        sums = self.by_item()
        if not by:
            return {name: float(values.sum()) for name, values in sums.items()}
        import pandas as pd

        building = self.items["building"]
        table = self.community.buildings if by == "building" else self.community.parcels
        rows = building if by == "building" else np.append(self.community.buildings.parcel, -1)[building]
        count = len(table)
        data = {name: np.bincount(rows + 1, values, count + 1)[1:] for name, values in sums.items()}
        return pd.DataFrame({by: table.names(), **data})

    def by_item(self) -> dict[str, FloatArray]:
        """Return what the totals are made of, one value an item, each of shape (n) [m²]."""
        built, far, public = (self.counted(name) for name in LEDGERS)
        below = self.items["below"]
        extra = np.where(far > built, far - built, 0.0)
        return {
            "gross_m2": np.where(self.items["is_cap"] | self.items["is_ground"], 0.0, self.area),
            "building_area_m2": built,
            "above_ground_m2": np.where(below, 0.0, built),
            "below_ground_m2": np.where(below, built, 0.0),
            "far_area_m2": far,
            "multiplied_m2": extra,
            "exempt_m2": np.where(self.items["exempt"] == 1, np.maximum(built - far, 0.0), 0.0),
            "public_space_m2": public,
        }

    def of_storeys(self, ledger: str = "building_area") -> FloatArray:
        """Return what counts of each storey with all in and on it, shape (storeys) [m²]."""
        here = self.items["storey"] >= 0
        sums: FloatArray = np.bincount(
            self.items["storey"][here], self.counted(ledger)[here], len(self.community.storeys)
        ).astype(np.float64)
        return sums

    def reconcile(self, *, tolerance: float = 0.01) -> Any:
        """Return a DataFrame of the storeys with a declared area, beside the computed one.

        ``agrees`` tells whether they differ by at most ``tolerance`` (1 % without it) of the computed area.
        """
        import pandas as pd

        storeys, computed = self.community.storeys, self.of_storeys()
        rows = np.flatnonzero(~np.isnan(storeys.area_declared))
        declared, own = storeys.area_declared[rows], computed[rows]
        columns = {"storey": storeys.names()[rows], "declared_m2": declared, "computed_m2": own}
        return pd.DataFrame(
            columns
            | {
                "difference_m2": np.round(declared - own, 6) + 0.0,
                "agrees": np.abs(declared - own) <= tolerance * own + 1e-9,
            }
        )

    def schedule(self) -> Any:
        """Return the storey schedule (楼层表) as a DataFrame; equal storeys one above the other share a line."""
        import pandas as pd

        storeys, buildings = self.community.storeys, self.community.buildings
        order = np.lexsort((storeys.level, storeys.building))
        area, far = (np.round(self.of_storeys(name), 2)[order] for name in LEDGERS[:2])
        use = np.where(storeys.use != 0, storeys.use, buildings.use[storeys.building])[order]
        building, level = storeys.building[order], storeys.level[order]
        same = np.column_stack([building, storeys.kind[order], use, storeys.height[order], area, far])
        first = np.flatnonzero(np.append(True, (same[1:] != same[:-1]).any(axis=1))) if len(order) else order
        last = np.append(first[1:], len(order)) - 1
        floor = [f"{v}F" if v > 0 else f"B{-v}" for v in level]
        columns = {
            "楼号 building": buildings.names()[building[first]],
            "楼层 level": [floor[a] if a == b else f"{floor[a]}-{floor[b]}" for a, b in zip(first, last, strict=True)],
            "类型 kind": StoreyKind.labels(storeys.kind[order][first]),
            "用途 use": BuildingUse.labels(use[first]),
            "层数 count": last - first + 1,
            "层高 height [m]": storeys.height[order][first],
            "面积 area [m²]": area[first],
            "计容面积 far_area [m²]": far[first],
        }
        return pd.DataFrame(columns)

    def failed(self) -> IntArray:
        """Return the items that a local rule would free, had they passed its tests."""
        return np.flatnonzero(self.items["exempt"] == 0)

    def to_frame(self, ledger: str = "", *, shapes: bool = False) -> Any:
        """Return a DataFrame, one row a line of the ledgers, or of one of them.

        With ``shapes`` a GeoDataFrame in map coordinates: outlines of spaces and openings, else of the storey.
        """
        import pandas as pd

        wanted = LEDGERS if not ledger else (one_of(ledger, LEDGERS, name="ledger"),)
        head = self._head()
        if shapes:
            drawn = item_shapes(self.community, self.items, np.arange(len(self)))
            head = self.community.frame.to_geoframe(head, np.where(self.items["is_cap"], None, drawn))
        frames = [self._lines(name, head) for name in wanted]
        result = pd.concat([f[f["reason"] != ""] for f in frames], ignore_index=True)
        first = ["ledger", "building", "storey", "level", "item", "kind"]
        return result[[*first, *(c for c in result.columns if c not in first)]]

    def failures(self) -> Any:
        """Return a DataFrame of the spaces that a local rule would free, with the tests that they fail."""
        return self._lines("far_area", self._head()).iloc[self.failed()].drop(columns="ledger").reset_index(drop=True)

    def _lines(self, ledger: str, head: Any) -> Any:
        """Return one row an item: what it is, what counts of it in a ledger, and why."""
        column = LEDGERS.index(ledger)
        frame = head.assign(ledger=ledger, factor=self.factor[:, column], counted_m2=self.counted(ledger))
        reasons = [self.reasons[k] for k in self.why[:, column]]
        for part in ("standard", "clause", "text", "mark"):
            frame[{"text": "reason"}.get(part, part)] = [getattr(r, part) for r in reasons]
        return frame

    def _head(self) -> Any:
        """Return the columns that say what each item is."""
        import pandas as pd

        c, items = self.community, self.items
        kinds = np.empty(len(items), dtype=object)
        for kind, family in FAMILIES.items():
            own = items["code"] // 256 == family
            kinds[own] = kind.codes(items["kind"][own].astype(np.int64))
        kinds[items["is_cap"]] = "cap"
        storey = lookup_names(c.storeys.names(), items["storey"])
        space = lookup_names(c.spaces.names(), items["space"])
        dwelling = lookup_names(c.dwellings.names(), items["dwelling"])
        name = np.where(items["space"] >= 0, space, np.where(items["is_cap"], dwelling, storey))
        return pd.DataFrame(
            {
                "building": lookup_names(c.buildings.names(), items["building"]),
                "storey": storey,
                "level": items["level"],
                "item": name,
                "kind": kinds,
                "area_m2": self.area,
                "height_m": items["height"],
            }
        )


class _Book:
    """The reasons written so far, each once, by number."""

    def __init__(self) -> None:
        self.numbers: dict[Reason, int] = {Reason("", "", "", ""): 0}

    def number(self, reason: Reason) -> int:
        """Return the number of a reason, a new one if it is new."""
        return self.numbers.setdefault(reason, len(self.numbers))


def floor_areas(community: Community, *, method: AreaMethod = AreaMethod.GBT50353_2013) -> FloorAreas:
    """Compute the three ledgers: building area, area counted for FAR, public space.

    Every storey, opening and space is a line with area, factor, clause, reason and how sure that is. Spaces are
    judged by what is measured of them, not by their label: one that fails a test of its exemption counts, and
    the reason says which.

    Parameters
    ----------
    community
        What stands there; ``community.after()`` for the planned state.
    method
        Edition of the area code and the rules of the place.

    Returns
    -------
    FloorAreas
        ``.to_frame()`` has the lines, ``.totals()`` the sums.

    Examples
    --------
    >>> from cimkit.model.community import Community
    >>> from cimkit.model.records import Building
    >>> square = [(0, 0), (20, 0), (20, 10), (0, 10)]
    >>> town = Community.of(buildings=[Building("B1", square, storeys=3, stilt=True)])
    >>> floor_areas(town).totals()["building_area_m2"]
    600.0
    """
    book = _Book()
    items = area_items(community)
    items = Items(items.columns | _exemption_tests(community, items, method))
    items = _parts_apart(items, method.local.exemptions)
    n = len(items)
    factor, why = np.zeros((n, 3)), np.zeros((n, 3), dtype=np.int64)
    factor[:, BUILDING], why[:, BUILDING] = _building_area(items, method, book)
    factor[:, FAR], why[:, FAR] = factor[:, BUILDING], why[:, BUILDING]
    _multiply(items, method.local, factor, why, book)
    _leave_out_basements(items, method.local, factor, why, book)
    whole = factor[:, BUILDING].copy()
    _exempt(items, method.local, factor, why, book)
    _cap_exemptions(community, items, method.local, whole, factor, why, book)
    _public_space(items, method.local, factor, why, book)
    result = FloorAreas(community, method, items, factor, why, tuple(book.numbers))
    return _with_caps(result, book)


def _building_area(items: Items, method: AreaMethod, book: _Book) -> tuple[FloatArray, IntArray]:
    """Return factor and reason of each item after the national code."""
    local = method.local.rules
    rules = (*local, *method.rules)
    found = first_rules(rules, items.columns, FAMILIES)
    names = [method.local.name] * len(local) + [method.name] * len(method.rules)
    reasons = [book.number(Reason(n, r.clause, r.reason, r.mark)) for n, r in zip(names, rules, strict=True)]
    reasons.append(book.number(Reason(method.name, "", "no article found, or its measures unknown: in full", "M")))
    factors = np.array([*(r.factor for r in rules), 1.0])
    return factors[found], np.array(reasons)[found]


def _multiply(items: Items, local: LocalRules, factor: FloatArray, why: IntArray, book: _Book) -> None:
    """Let high storeys count more than once for FAR."""
    height = items["height"]
    inside = items["code"] // 256 != VOID
    for step in local.heights:
        rows = np.flatnonzero(
            inside & np.isin(items["use"], step.uses) & (height > step.above) & (height <= step.upto) & ~items["below"]
        )
        times = np.ceil(np.round(height[rows] / step.per, 9)) if step.per else np.full(len(rows), step.times)
        factor[rows, FAR] *= times
        values, which = np.unique(height[rows], return_inverse=True)
        for k, value in enumerate(values):
            t = times[which == k][0]
            text = f"storey height {value:g} m > {step.above:g} m: counts {t:g} times"
            why[rows[which == k], FAR] = book.number(Reason(local.name, step.clause, text, step.mark))


def _leave_out_basements(items: Items, local: LocalRules, factor: FloatArray, why: IntArray, book: _Book) -> None:
    """Take basements out of FAR, unless they stand too far out of the ground."""
    top, base, height = items["top"], items["top"] - items["height"], items["height"]
    low = top <= local.basement_top
    if local.basement_half_sunk:
        low &= base < -0.5 * height
    free, proud = items["below"] & low, items["below"] & ~low
    text = f"basement, top slab at most {local.basement_top:g} m above the ground: not counted for FAR"
    clause, mark = local.basement_clause, local.basement_mark
    factor[free, FAR] = 0.0
    why[free, FAR] = book.number(Reason(local.name, clause, text, mark))
    text = f"basement standing out of the ground by more than {local.basement_top:g} m: counted for FAR"
    why[proud, FAR] = book.number(Reason(local.name, clause, text, mark))


def _candidates(items: Items, exemption: Exemption) -> IntArray:
    """Return the items an exemption may free."""
    codes = [FAMILIES[type(k)] * 256 + int(k) for k in exemption.kinds]
    return np.flatnonzero(np.isin(items["code"], codes))


def _exemption_tests(community: Community, items: Items, method: AreaMethod) -> dict[str, Any]:
    """Return further columns of items: measured properties that exemptions ask for, and plain flags."""
    wanted: dict[str, list[IntArray]] = {}
    for e in method.local.exemptions:
        rows = _candidates(items, e)
        for name in {t.what for t in e.tests} | {e.part}:
            if name in MEASURED:
                wanted.setdefault(name, []).append(rows)
    columns: dict[str, Any] = dict(
        measure(community, items, {name: np.unique(np.concatenate(parts)) for name, parts in wanted.items()})
    )
    _correct_labels(items, columns)
    storeys = community.storeys
    columns["top"] = np.append(storeys.z + storeys.height, np.nan)[items["storey"]]
    kind = np.append(storeys.kind, -1)[items["storey"]]
    columns["below"] = np.isin(kind, (StoreyKind.BASEMENT, StoreyKind.HALF_BASEMENT)) | (items["level"] < 0)
    n = len(items)
    columns["is_cap"] = np.zeros(n, dtype=bool)
    columns["is_ground"] = (items["storey"] < 0) & (items["code"] // 256 == SPACE) & np.isin(items["kind"], OPEN_GROUND)
    columns["exempt"] = np.full(n, -1, dtype=np.int64)  # -1 no exemption applies, 0 failed, 1 passed
    columns["exemption"] = np.full(n, -1, dtype=np.int64)
    return columns


def _correct_labels(items: Items, columns: dict[str, Any]) -> None:
    """Let the drawing overrule labels: what lies under the next storey is roofed, and no higher than its storey."""
    covered = columns["covered_share"] >= 0.5
    columns["roofed"] = np.where(covered, 1, items["roofed"])
    columns["roofed_known"] = np.where(covered, 1, items["roofed_known"])
    columns["clear_height"] = np.where(
        covered, np.minimum(items["clear_height"], items["height"]), items["clear_height"]
    )


def _passes(items: Items, exemption: Exemption, rows: IntArray) -> tuple[Any, list[str]]:
    """Return which rows pass all tests, and what failed; of those that pass, what could not be tested."""
    met, known = np.ones((2, len(exemption.tests), len(rows)), dtype=bool)
    for k, test in enumerate(exemption.tests):
        part = {test.what: items[test.what][rows]}
        met[k], known[k] = test.holds(part), test.known(part)
    passed: BoolArray = np.asarray(met.all(axis=0))
    texts = [""] * len(rows)
    for k in np.flatnonzero(~passed | ~known.all(axis=0)).tolist():
        asked = zip(exemption.tests, known[:, k] if passed[k] else met[:, k], strict=True)
        texts[k] = "; ".join(t.told(float(items[t.what][rows[k]])) for t, ok in asked if not ok)
    return passed, texts


def _parts_apart(items: Items, exemptions: tuple[Exemption, ...]) -> Items:
    """Return items in which the free part (planted, near the edge) of spaces that pass stands by itself."""
    splits, shares = [np.zeros(0, np.int64)], [np.zeros(0)]
    for exemption in exemptions:
        if exemption.part:
            rows = _candidates(items, exemption)
            rows = rows[_passes(items, exemption, rows)[0] & ~np.isnan(items[exemption.part][rows])]
            splits.append(rows)
            shares.append(items[exemption.part][rows])
    split, share = np.concatenate(splits), np.concatenate(shares)
    n = len(items)
    rows = np.concatenate([np.arange(n), split])
    columns = {name: values[rows] for name, values in items.columns.items()}
    columns["area"][split] *= 1.0 - share
    columns["area"][n:] *= share
    columns["free_part"] = np.arange(len(rows)) >= n
    return Items(columns)


def _exempt(items: Items, local: LocalRules, factor: FloatArray, why: IntArray, book: _Book) -> None:
    """Take public space that passes its tests out of FAR; give the others the reason why they count."""
    for number, e in enumerate(local.exemptions):
        rows = _candidates(items, e)
        rows = rows[(items["exempt"][rows] != 1) & (items["area"][rows] > 0)]
        passed, texts = _passes(items, e, rows)
        for row, ok, text in zip(rows, passed, texts, strict=True):
            if ok and e.part and not items["free_part"][row]:
                continue
            items["exempt"][row], items["exemption"][row] = int(ok), number
            said = f"{e.name}: not counted{'; ' * bool(text)}{text}" if ok else f"{e.name} not granted: {text}"
            reason = book.number(Reason(local.name, e.clause, said, e.mark if ok else e.limits))
            why[row, FAR] = reason
            if not ok and not np.isnan(e.otherwise):
                factor[row, FAR] = e.otherwise
            if ok:
                factor[row, FAR] = 0.0
                if e.from_area:
                    factor[row, BUILDING], why[row, BUILDING] = 0.0, reason


def _cap_exemptions(
    community: Community,
    items: Items,
    local: LocalRules,
    whole: FloatArray,
    factor: FloatArray,
    why: IntArray,
    book: _Book,
) -> None:
    """Count again what exceeds the caps of exemptions, in even shares; ``whole``: factors before the exemptions."""
    parcel = np.append(community.buildings.parcel, -1)[items["building"]]
    groups = {"dwelling": items["dwelling"], "building": items["building"], "parcel": parcel}
    for number, e in enumerate(local.exemptions):
        rows = np.flatnonzero((items["exempt"] == 1) & (items["exemption"] == number))
        if not e.cap_of or not len(rows):
            continue
        group = groups[e.cap_of] + 1
        count = int(group.max()) + 1
        base = np.bincount(group, items["area"] * factor[:, FAR], count)
        if e.cap_of == "dwelling":
            base = np.append(np.nan, community.dwellings.inner_area)[:count]
        free = np.bincount(group[rows], (items["area"] * whole)[rows], count)
        with np.errstate(invalid="ignore", divide="ignore"):
            over = np.where(free > 0, np.clip(1.0 - e.cap_share * base / free, 0.0, 1.0), 0.0)
        over[0] = 0.0  # of no dwelling, building or parcel: no cap
        for g in np.flatnonzero(over > 0):
            own = rows[group[rows] == g]
            factor[own, FAR] = whole[own] * over[g]
            text = f"{e.name}: {free[g]:.2f} m² there, {free[g] * (1 - over[g]):.2f} m² free, the rest counts"
            why[own, FAR] = book.number(Reason(local.name, e.clause, text, e.mark))
            if e.from_area:
                factor[own, BUILDING], why[own, BUILDING] = factor[own, FAR], why[own, FAR]


def _public_space(items: Items, local: LocalRules, factor: FloatArray, why: IntArray, book: _Book) -> None:
    """Fill the third ledger: exempt spaces that passed, and open ground open to everybody."""
    freed = np.flatnonzero((items["exempt"] >= 0) & ~items["free_part"])
    factor[freed, PUBLIC] = items["exempt"][freed] == 1
    why[freed, PUBLIC] = why[freed, FAR]
    ground = np.flatnonzero(
        (items["code"] // 256 == SPACE) & np.isin(items["kind"], OPEN_GROUND) & (items["exempt"] < 0)
    )
    public = items["public"][ground].astype(bool)
    factor[ground, PUBLIC] = public
    yes = book.number(Reason(local.name, "", "open ground open to everybody", "M"))
    no = book.number(Reason(local.name, "", "open ground not open to everybody", "M"))
    why[ground, PUBLIC] = np.where(public, yes, no)


def _with_caps(areas: FloorAreas, book: _Book) -> FloorAreas:
    """Return the ledgers with a line for each cap that a dwelling exceeds."""
    caps, items = areas.method.local.caps, areas.items
    if caps is None:
        return areas
    dwellings = areas.community.dwellings
    n = len(dwellings)
    own = (items["dwelling"] >= 0) & (items["exempt"] != 1)
    inner = dwellings.inner_area
    allowed = np.where(inner < caps.small, 0, 1)
    factor = areas.factor[:, BUILDING]

    def summed(kinds: tuple[SpaceKind, ...], wanted: float) -> FloatArray:
        rows = np.flatnonzero(own & (factor == wanted) & np.isin(items["code"], [SPACE * 256 + k for k in kinds]))
        sums: FloatArray = np.bincount(items["dwelling"][rows], items["area"][rows], n).astype(np.float64)
        return sums

    bays = summed((SpaceKind.BAY_WINDOW,), 0.0) - np.array(caps.bays)[allowed]
    plates = summed((SpaceKind.EQUIPMENT_PLATFORM,), 0.0) - np.array(caps.platforms)[allowed]
    kinds = (SpaceKind.BALCONY, SpaceKind.SKY_GARDEN, SpaceKind.BAY_WINDOW)
    half = 0.5 * summed(kinds, 0.5) + 0.5 * np.maximum(bays, 0.0) - caps.half_share * inner
    extra = (
        (0.5 * bays, "bay windows above the free allowance of the dwelling: the excess counts half"),
        (plates, "equipment platforms above the free allowance of the dwelling: the excess counts in full"),
        (half, f"balconies and bays above {caps.half_share:.0%} of the inner area: the excess counts in full"),
    )
    for amount, text in extra:
        over = np.flatnonzero(amount > 1e-9)
        number = book.number(Reason(areas.method.local.name, caps.clause, text, caps.mark))
        areas = _appended(areas, over, amount[over], number)
    return replace(areas, reasons=tuple(book.numbers))


def _appended(areas: FloorAreas, dwelling: IntArray, amount: FloatArray, reason: int) -> FloorAreas:
    """Return the ledgers with one more line for each dwelling given."""
    count = len(dwelling)
    if count == 0:
        return areas
    storeys = areas.community.storeys
    storey = areas.community.dwellings.storey[dwelling]
    given: dict[str, Any] = {
        "storey": storey,
        "dwelling": dwelling,
        "building": np.append(storeys.building, -1)[storey],
        "level": np.append(storeys.level, 0)[storey],
        "area": amount,
        "is_cap": np.ones(count, dtype=bool),
        "space": np.full(count, -1),
        "void": np.full(count, -1),
        "exempt": np.full(count, -1),
        "code": np.full(count, STOREY * 256),
        "kind": np.zeros(count, dtype=np.int8),
    }
    columns = {
        name: np.concatenate([values, given.get(name, np.zeros(count, values.dtype))])
        for name, values in areas.items.columns.items()
    }
    factor = np.concatenate([areas.factor, np.tile([1.0, 1.0, 0.0], (count, 1))])
    why = np.concatenate([areas.why, np.tile([reason, reason, 0], (count, 1))])
    return replace(areas, items=Items(columns), factor=factor, why=why)
