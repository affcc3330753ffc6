"""Three ledgers of space: building area, area counted for FAR (计容), public space; each line with its reason.

Imports in this theme go one way: area_rules → area_items → areas → site_ratios.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from cimkit.arrays import BoolArray, FloatArray, IntArray, one_of
from cimkit.geometry.ragged import totals
from cimkit.model.community import Community
from cimkit.model.drawn import Drawn, data_frame
from cimkit.model.kinds import BuildingUse, SpaceKind, StoreyKind
from cimkit.model.table import lookup_names
from cimkit.sim import area_rules
from cimkit.sim.area_items import Items, area_items
from cimkit.sim.area_rules import AreaRule, Exemption, LocalRules, item_shapes, measure, of_kinds

LEDGERS = ("building_area", "far_area", "public_space")
BUILDING, FAR, PUBLIC = 0, 1, 2
OPEN_GROUND = area_rules.kinds_named(["open_ground"])


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


AreaMethod.GBT50353_2013 = AreaMethod("GB/T 50353-2013", area_rules.CODES["GBT50353_2013"])
AreaMethod.GB55031_2022 = AreaMethod("GB 55031-2022", area_rules.CODES["GB55031_2022"])


class Reason(NamedTuple):
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
        return len(self.area)

    def __repr__(self) -> str:
        if len(self) == 0:
            return "<FloorAreas of 0 storeys and spaces>"
        t = self.totals()
        mixed = {1, 2} <= set(self.community.buildings.status.tolist())
        note = "; holds before and after at once, see Community.after()" if mixed else ""
        failed = len(self.failed())
        return (
            f"<FloorAreas after {self.method.name}: {t['building_area_m2']:,.0f} m² building area, "
            f"{t['far_area_m2']:,.0f} m² counted for FAR, {t['exempt_m2']:,.0f} m² exempt public space, "
            f"{failed} space{'s' if failed != 1 else ''} failed to be exempt{note}>"
        )

    @property
    def area(self) -> FloatArray:
        """Area of each item before any factor, shape (n) [m²]."""
        return np.asarray(self.items["area"])

    def counted(self, ledger: str) -> FloatArray:
        """Return what counts of each item in a ledger, shape (n) [m²].

        Raises
        ------
        InputError
            If there is no such ledger.
        """
        return np.multiply(self.area, self.factor[:, LEDGERS.index(one_of(ledger, LEDGERS, name="ledger"))])

    def totals(self, by: str = "") -> Any:
        """Return the sums: a dict, or a DataFrame by ``building`` or ``parcel``.

        Counted and exempt area and what lies below ground add up to the building area, but for multipliers
        of storey height and caps, which are listed by themselves.
        """
        one_of(by, ("", "building", "parcel"), name="by")
        sums = self.by_item()
        if not by:
            return {name: float(values.sum()) for name, values in sums.items()}
        buildings, rows = self.community.buildings, self.items["building"]
        parcel = self.community.parcels, np.append(buildings.parcel, -1)[rows]
        table, rows = (buildings, rows) if by == "building" else parcel
        data = {name: totals(rows + 1, values, len(table) + 1)[1:] for name, values in sums.items()}
        return data_frame({by: table.names(), **data})

    def by_item(self) -> dict[str, FloatArray]:
        """Return what the totals are made of, one value an item, each of shape (n) [m²]."""
        built, far, public = (self.counted(name) for name in LEDGERS)
        return {
            "gross_m2": np.where(self.items["is_cap"] | self.items["is_ground"], 0.0, self.area),
            "building_area_m2": built,
            "above_ground_m2": np.where(self.items["below"], 0.0, built),
            "below_ground_m2": np.where(self.items["below"], built, 0.0),
            "far_area_m2": far,
            "multiplied_m2": np.where(far > built, far - built, 0.0),
            "exempt_m2": np.where(self.items["exempt"] == 1, np.maximum(built - far, 0.0), 0.0),
            "public_space_m2": public,
        }

    def of_storeys(self, ledger: str = "building_area") -> FloatArray:
        """Return what counts of each storey with all in and on it, shape (storeys) [m²]."""
        return totals(self.items["storey"] + 1, self.counted(ledger), len(self.community.storeys) + 1)[1:]

    def reconcile(self, *, tolerance: float = 0.01) -> Any:
        """Return a DataFrame of the storeys with a declared area, beside the computed one.

        ``agrees`` tells whether they differ by at most ``tolerance`` (1 % without it) of the computed area.
        """
        storeys, computed = self.community.storeys, self.of_storeys()
        rows = np.flatnonzero(~np.isnan(storeys.area_declared))
        declared, own = storeys.area_declared[rows], computed[rows]
        columns = {"storey": storeys.names()[rows], "declared_m2": declared, "computed_m2": own}
        columns["difference_m2"] = np.round(declared - own, 6) + 0.0
        return data_frame(columns | {"agrees": np.abs(declared - own) <= tolerance * own + 1e-9})

    def schedule(self) -> Any:
        """Return the storey schedule (楼层表) as a DataFrame; equal storeys one above the other share a line."""
        storeys, buildings = self.community.storeys, self.community.buildings
        order = np.lexsort((storeys.level, storeys.building))
        area, far = (np.round(self.of_storeys(name), 2)[order] for name in LEDGERS[:2])
        use = np.where(storeys.use != 0, storeys.use, buildings.use[storeys.building])[order]
        building, level = storeys.building[order], storeys.level[order]
        same = np.column_stack([building, storeys.kind[order], use, storeys.height[order], area, far])
        first = np.flatnonzero(np.append(True, (same[1:] != same[:-1]).any(axis=1))) if len(order) else order
        last = np.append(first[1:], len(order))[: len(first)] - 1
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
        return data_frame(columns)

    def failed(self) -> IntArray:
        """Return the items that a local rule would free, had they passed its tests."""
        return np.flatnonzero(self.items["exempt"] == 0)

    def to_frame(self, ledger: str = "", *, shapes: bool = False) -> Any:
        """Return a DataFrame, one row a line of the ledgers, or of one of them.

        With ``shapes`` a GeoDataFrame in map coordinates: outlines of spaces and openings, else of the storey.
        """
        import pandas as pd

        wanted = [one_of(ledger, LEDGERS, name="ledger")] if ledger else LEDGERS
        head = self._head()
        if shapes:
            drawn = item_shapes(self.community, self.items, np.arange(len(self)))
            head = self.community.frame.to_geoframe(head, np.where(self.items["is_cap"], None, drawn))
        frames = [self._lines(name, head) for name in wanted]
        result = pd.concat([f[f["reason"] != ""] for f in frames], ignore_index=True)
        first = ["ledger", "building", "storey", "level", "item", "kind"]
        return result[[*first, *result.columns.drop(first)]]

    def failures(self) -> Any:
        """Return a DataFrame of the spaces that a local rule would free, with the tests that they fail."""
        return self._lines("far_area", self._head()).iloc[self.failed()].drop(columns="ledger").reset_index(drop=True)

    def _lines(self, ledger: str, head: Any) -> Any:
        """Return one row an item: what it is, what counts of it in a ledger, and why."""
        column = LEDGERS.index(ledger)
        counts = {"ledger": ledger, "factor": self.factor[:, column], "counted_m2": self.counted(ledger)}
        why = np.array(self.reasons, dtype=object)[self.why[:, column]].T
        return head.assign(**counts, **dict(zip(("standard", "clause", "reason", "mark"), why, strict=True)))

    def _head(self) -> Any:
        """Return the columns that say what each item is."""
        c, items = self.community, self.items
        kinds = np.empty(len(self), dtype=object)
        for number, family in enumerate(area_rules.FAMILIES.values()):
            own = items["code"] // 256 == number
            kinds[own] = family.codes(items["kind"][own].astype(np.int64))
        kinds[items["is_cap"]] = "cap"
        tables = {"building": c.buildings, "storey": c.storeys, "space": c.spaces, "dwelling": c.dwellings}
        names = {name: lookup_names(table.names(), items[name]) for name, table in tables.items()}
        item = np.where(items["is_cap"], names["dwelling"], names["storey"])
        columns = {"building": names["building"], "storey": names["storey"], "level": items["level"]}
        columns |= {"item": np.where(items["space"] >= 0, names["space"], item), "kind": kinds}
        return data_frame(columns | {"area_m2": self.area, "height_m": items["height"]})


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
    items = area_items(community)
    items |= _more_columns(community, items, method.local.exemptions)
    items = _parts_apart(items, method.local.exemptions)
    return _Ledgers(community, method, items).filled()


def _more_columns(community: Community, items: Items, exemptions: tuple[Exemption, ...]) -> Items:
    """Return further columns of items: measured properties that exemptions ask for, and plain flags."""
    columns: Items = dict(measure(community, items, exemptions))
    # What lies under the next storey is roofed, and no higher than its storey: the drawing overrules labels.
    covered, low = columns["covered_share"] >= 0.5, np.minimum(items["clear_height"], items["height"])
    columns |= {name: np.where(covered, 1, items[name]) for name in ("roofed", "roofed_known")}
    columns["clear_height"] = np.where(covered, low, items["clear_height"])
    storeys, n = community.storeys, len(covered)
    columns["top"] = np.append(storeys.z + storeys.height, np.nan)[items["storey"]]
    kind = np.append(storeys.kind, -1)[items["storey"]]
    columns["below"] = np.isin(kind, (StoreyKind.BASEMENT, StoreyKind.HALF_BASEMENT)) | (items["level"] < 0)
    columns["is_ground"] = (items["storey"] < 0) & of_kinds(items, OPEN_GROUND)
    no_exemption = {"exempt": np.full(n, -1), "exemption": np.full(n, -1)}  # exempt: 0 failed, 1 passed
    return columns | no_exemption | {"is_cap": np.zeros(n, dtype=bool)}


def _passes(items: Items, exemption: Exemption, rows: IntArray) -> tuple[BoolArray, list[str]]:
    """Return which rows pass all tests, and what failed; of those that pass, what could not be tested."""
    met, known = np.ones((2, len(exemption.tests), len(rows)), dtype=bool)
    for k, test in enumerate(exemption.tests):
        values = items[test.what][rows]
        met[k], known[k] = test.holds(values), test.known(values)
    passed: BoolArray = np.asarray(met.all(axis=0))
    texts = [""] * len(rows)
    for k in np.flatnonzero(~passed | ~known.all(axis=0)).tolist():
        asked = zip(exemption.tests, known[:, k] if passed[k] else met[:, k], strict=True)
        texts[k] = "; ".join(t.told(float(items[t.what][rows[k]])) for t, ok in asked if not ok)
    return passed, texts


def _parts_apart(items: Items, exemptions: tuple[Exemption, ...]) -> Items:
    """Return items in which the free part (planted, near the edge) of spaces that pass stands by itself."""
    n = len(items["area"])
    rows, shares = [np.arange(n)], [np.zeros(0)]
    for e in exemptions:
        if e.part:
            own = np.flatnonzero(of_kinds(items, e.kinds) & ~np.isnan(items[e.part]))
            rows.append(own[_passes(items, e, own)[0]])
            shares.append(items[e.part][rows[-1]])
    every, share = np.concatenate(rows), np.concatenate(shares)
    items = {name: values[every] for name, values in items.items()}
    items["area"][every[n:]] *= 1.0 - share
    items["area"][n:] *= share
    return items | {"free_part": np.arange(len(every)) >= n}


class _Ledgers:
    """The ledgers while they are written: a factor and the number of a reason for each item and ledger."""

    def __init__(self, community: Community, method: AreaMethod, items: Items) -> None:
        self.community, self.method, self.local, self.items = community, method, method.local, items
        self.factor, self.why = np.zeros((len(items["area"]), 3)), np.zeros((len(items["area"]), 3), dtype=np.int64)
        self.reasons = {Reason("", "", "", ""): 0}

    def number(self, clause: str, text: str, mark: str, standard: str = "") -> int:
        """Return the number of a reason, that of the place without a standard; a new one if it is new."""
        return self.reasons.setdefault(Reason(standard or self.local.name, clause, text, mark), len(self.reasons))

    def filled(self) -> FloorAreas:
        """Return the ledgers, filled one after the other."""
        self.count_building_area()
        self.factor[:, FAR], self.why[:, FAR] = self.factor[:, BUILDING], self.why[:, BUILDING]
        self.multiply()
        self.leave_out_basements()
        whole = self.factor[:, BUILDING].copy()
        self.exempt()
        self.cap_exemptions(whole)
        self.list_public_space()
        self.cap_dwellings()
        return FloorAreas(self.community, self.method, self.items, self.factor, self.why, tuple(self.reasons))

    def count_building_area(self) -> None:
        """Count after the articles of the place, then those of the national code."""
        in_full = AreaRule("", (), 1.0, "no article found, or its measures unknown: in full", mark="M")
        rules = [(self.local.name, r) for r in self.local.rules]
        rules += [(self.method.name, r) for r in (*self.method.rules, in_full)]
        found = area_rules.first_rules([r for _, r in rules], self.items)
        self.factor[:, BUILDING] = np.array([r.factor for _, r in rules])[found]
        self.why[:, BUILDING] = np.array([self.number(r.clause, r.reason, r.mark, name) for name, r in rules])[found]

    def multiply(self) -> None:
        """Let high storeys count more than once for FAR."""
        height, use = self.items["height"], self.items["use"]
        may = ~self.items["below"] & (self.items["void"] < 0)
        for step in self.local.heights:
            high = may & np.isin(use, step.uses) & (height > step.above) & (height <= step.upto)
            for value in np.unique(height[high]):
                times = np.ceil(np.round(value / step.per, 9)) if step.per else step.times
                text = f"storey height {value:g} m > {step.above:g} m: counts {times:g} times"
                self.factor[high & (height == value), FAR] *= times
                self.why[high & (height == value), FAR] = self.number(step.clause, text, step.mark)

    def leave_out_basements(self) -> None:
        """Take basements out of FAR, unless they stand too far out of the ground."""
        local, top, height = self.local, self.items["top"], self.items["height"]
        low = top <= local.basement_top
        if local.basement_half_sunk:
            low &= top - height < -0.5 * height
        above, clause, mark = f"{local.basement_top:g} m", local.basement_clause, local.basement_mark
        self.factor[self.items["below"] & low, FAR] = 0.0
        for which, text in (
            (low, f"basement, top slab at most {above} above the ground: not counted for FAR"),
            (~low, f"basement standing out of the ground by more than {above}: counted for FAR"),
        ):
            self.why[self.items["below"] & which, FAR] = self.number(clause, text, mark)

    def exempt(self) -> None:
        """Take public space that passes its tests out of FAR; give the others the reason why they count."""
        items, factor, why = self.items, self.factor, self.why
        for number, e in enumerate(self.local.exemptions):
            rows = np.flatnonzero(of_kinds(items, e.kinds) & (items["exempt"] != 1) & (items["area"] > 0))
            for row, ok, text in zip(rows, *_passes(items, e, rows), strict=True):
                if ok and e.part and not items["free_part"][row]:
                    continue
                items["exempt"][row], items["exemption"][row] = int(ok), number
                said = f"{e.name}: not counted{'; ' * bool(text)}{text}" if ok else f"{e.name} not granted: {text}"
                why[row, FAR] = self.number(e.clause, said, e.mark if ok else e.limits)
                if ok or not np.isnan(e.otherwise):
                    factor[row, FAR] = 0.0 if ok else e.otherwise
                if ok and e.from_area:
                    factor[row, BUILDING], why[row, BUILDING] = 0.0, why[row, FAR]

    def cap_exemptions(self, whole: FloatArray) -> None:
        """Count again what exceeds the caps of exemptions, in even shares; ``whole``: factors before them."""
        items, factor, why = self.items, self.factor, self.why
        parcel = np.append(self.community.buildings.parcel, -1)[items["building"]]
        groups = {"dwelling": items["dwelling"], "building": items["building"], "parcel": parcel}
        for number, e in enumerate(self.local.exemptions):
            rows = np.flatnonzero((items["exempt"] == 1) & (items["exemption"] == number))
            if not e.cap_of or not len(rows):
                continue
            group = groups[e.cap_of] + 1
            count = int(group.max()) + 1
            base = np.bincount(group, items["area"] * factor[:, FAR], count)
            if e.cap_of == "dwelling":
                base = np.append(np.nan, self.community.dwellings.inner_area)[:count]
            free = np.bincount(group[rows], (items["area"] * whole)[rows], count)
            with np.errstate(invalid="ignore", divide="ignore"):
                over = np.where(free > 0, np.clip(1.0 - e.cap_share * base / free, 0.0, 1.0), 0.0)
            over[0] = 0.0  # of no dwelling, building or parcel: no cap
            for g in np.flatnonzero(over > 0):
                own = rows[group[rows] == g]
                factor[own, FAR] = whole[own] * over[g]
                text = f"{e.name}: {free[g]:.2f} m² there, {free[g] * (1 - over[g]):.2f} m² free, the rest counts"
                why[own, FAR] = self.number(e.clause, text, e.mark)
                if e.from_area:
                    factor[own, BUILDING], why[own, BUILDING] = factor[own, FAR], why[own, FAR]

    def list_public_space(self) -> None:
        """Fill the third ledger: exempt spaces that passed, and open ground open to everybody."""
        items, factor, why = self.items, self.factor, self.why
        freed = (items["exempt"] >= 0) & ~items["free_part"]
        factor[freed, PUBLIC] = items["exempt"][freed] == 1
        why[freed, PUBLIC] = why[freed, FAR]
        ground, public = of_kinds(items, OPEN_GROUND) & (items["exempt"] < 0), items["public"].astype(bool)
        factor[ground, PUBLIC] = public[ground]
        for which, no in ((public, ""), (~public, "not ")):
            why[ground & which, PUBLIC] = self.number("", f"open ground {no}open to everybody", "M")

    def cap_dwellings(self) -> None:
        """Add a line for each cap that a dwelling exceeds."""
        caps, items, inner = self.local.caps, self.items, self.community.dwellings.inner_area
        if caps is None:
            return
        own = (items["dwelling"] >= 0) & (items["exempt"] != 1)
        allowed, factor = np.where(inner < caps.small, 0, 1), self.factor[:, BUILDING].copy()

        def summed(kinds: tuple[SpaceKind, ...], wanted: float) -> FloatArray:
            rows = np.flatnonzero(own & (factor == wanted) & of_kinds(items, kinds))
            return totals(items["dwelling"][rows], items["area"][rows], len(inner))

        bays = summed((SpaceKind.BAY_WINDOW,), 0.0) - np.array(caps.bays)[allowed]
        plates = summed((SpaceKind.EQUIPMENT_PLATFORM,), 0.0) - np.array(caps.platforms)[allowed]
        kinds = (SpaceKind.BALCONY, SpaceKind.SKY_GARDEN, SpaceKind.BAY_WINDOW)
        half = 0.5 * summed(kinds, 0.5) + 0.5 * np.maximum(bays, 0.0) - caps.half_share * inner
        for amount, text in (
            (0.5 * bays, "bay windows above the free allowance of the dwelling: the excess counts half"),
            (plates, "equipment platforms above the free allowance of the dwelling: the excess counts in full"),
            (half, f"balconies and bays above {caps.half_share:.0%} of the inner area: the excess counts in full"),
        ):
            over = np.flatnonzero(amount > 1e-9)
            self.append_caps(over, amount[over], self.number(caps.clause, text, caps.mark))

    def append_caps(self, dwelling: IntArray, amount: FloatArray, reason: int) -> None:
        """Add an item for each dwelling given, counted in full."""
        count, storeys = len(dwelling), self.community.storeys
        storey = self.community.dwellings.storey[dwelling]
        given: Items = {name: np.full(count, -1) for name in ("space", "void", "exempt")}
        given |= {"storey": storey, "dwelling": dwelling, "area": amount, "is_cap": np.ones(count, dtype=bool)}
        given |= {"building": np.append(storeys.building, -1)[storey], "level": np.append(storeys.level, 0)[storey]}
        for name, values in self.items.items():
            self.items[name] = np.append(values, given.get(name, np.zeros(count, values.dtype)))
        self.factor = np.concatenate([self.factor, np.tile([1.0, 1.0, 0.0], (count, 1))])
        self.why = np.concatenate([self.why, np.tile([reason, reason, 0], (count, 1))])
