"""Indicators of the plan and its land, of buildings, storeys and spaces, and of what each resident has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.errors import MissingDataError
from cimkit.model.kinds import FacilityKind, Provenance, SpaceKind, StoreyKind
from cimkit.rules.indicator import Given, Subjects, Values
from cimkit.rules.subjects import facility_kinds
from cimkit.sim.area_rules import short_sides
from cimkit.sim.site_ratios import GREENS

if TYPE_CHECKING:
    from cimkit.rules.measurements import Measurements

BLOCK = ("convenience_store", "refuse_point")  # services of a block, GB 50180-2018 appendix B (mark M)
_GUESSED = (Provenance.DEFAULT, Provenance.FROM_STOREYS, Provenance.FROM_HEIGHT)
_OPEN_SPACE = (
    *(SpaceKind.GREEN, SpaceKind.CENTRAL_GREEN, SpaceKind.PLAZA, SpaceKind.PLAYGROUND, SpaceKind.WATER),
    *(SpaceKind.PUBLIC_OPEN_SPACE, SpaceKind.PUBLIC_PASSAGE, SpaceKind.ROAD),
)


# --- what many indicators are measured by ---------------------------------------------------------------------


def stated(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Read a column of the community as it is stated: ``table``, ``column``, ``factor``, ``otherwise``."""
    values = given.get("factor", 1.0) * getattr(m.community.tables[given["table"]], given["column"])[subjects.rows]
    return Values(np.where(np.isnan(values), given.get("otherwise", np.nan), values))


def site_ratio(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure a site indicator (``ratio``), of parcels or of all together, with what it was made of."""
    site = m.site(given)
    found = {r.parcel: r for r in site.rows if r.name == given["ratio"]}
    parcels = subjects.rows if subjects.table == "parcel" else np.full(len(subjects), -1)
    rows = [found.get(int(p)) for p in parcels]

    def evidence(k: int) -> dict[str, Any]:
        if (row := rows[k]) is None:
            return {}
        shown = {n: round(float(getattr(row, n)), 3) for n in ("numerator", "denominator")}
        method = {"method": repr(site.areas.method)} if row.name == "far" else {}
        return {**shown, "counting": row.counting, "objects": list(row.objects[:20]), **method}

    values = np.array([np.nan if r is None else r.value for r in rows])
    return Values(given.get("factor", 1.0) * values, evidence=evidence)


def facilities_per(m: Measurements, _: Subjects, given: Given) -> Values:
    """Measure the stated amount (``column``) of kinds of facilities for some (``factor``) dwellings or residents."""
    kinds, column, per = facility_kinds(given), given["column"], given["per"]
    stated_amounts = getattr(m.community.facilities, column)[np.isin(m.community.facilities.kind, kinds)]
    amount = float(stated_amounts.sum()) if len(stated_amounts) else np.nan
    base = float(len(m.community.dwellings)) if per == "dwellings" else m.persons()
    if not base:
        raise MissingDataError("the number of dwellings")
    if not amount >= 0:
        raise MissingDataError(f"{column.replace('_', ' ')} of these facilities ({', '.join(k.code for k in kinds)})")
    about: dict[str, Any] = {column: amount, per: round(base, 1), "facilities": len(stated_amounts)}
    return Values.one(given["factor"] * amount / base, **about)


# --- the whole plan -------------------------------------------------------------------------------------------


def residents(m: Measurements, _: Subjects, __: Given) -> Values:
    """Measure the number of residents."""
    return Values.one(m.persons())


def dwellings(m: Measurements, _: Subjects, __: Given) -> Values:
    """Measure the number of dwellings."""
    return Values.one(float(len(m.community.dwellings)) or np.nan)


def site_area(m: Measurements, _: Subjects, __: Given) -> Values:
    """Measure the land of all parcels."""
    areas = m.community.parcels.outline.areas()
    return Values.one(float(areas.sum()) if len(areas) else np.nan, parcels=len(areas))


def land_use_share(m: Measurements, _: Subjects, given: Given) -> Values:
    """Measure the share of the land that serves one use, if that of every parcel is known, roads included."""
    p, uses = m.community.parcels, given["uses"]
    area, found = p.outline.areas(), dict.fromkeys(uses, 0.0)
    for codes, one in zip(p.land_use, area, strict=True):
        parts = [u for code in str(codes).split("/") for u in uses if code.strip().startswith(tuple(uses[u]))]
        if not parts:
            raise MissingDataError
        for use in parts:  # of mixed land each use has an equal part
            found[use] += float(one) / len(parts)
    if not found["roads"]:
        raise MissingDataError
    return Values.one(100.0 * found[given["land"]] / float(area.sum()), parcels=len(p))


def open_space_share(m: Measurements, _: Subjects, __: Given) -> Values:
    """Measure the public open space and streets on the ground over the land of the parcels."""
    ground, land = m.ground_of(*_OPEN_SPACE, public=True), float(m.community.parcels.outline.areas().sum())
    if ground is None or not land:
        raise MissingDataError
    return Values.one(100.0 * float(ground.area) / land, open_m2=round(float(ground.area), 1), land_m2=land)


def tier_area_per_1000(m: Measurements, _: Subjects, given: Given) -> Values:
    """Measure what the services of one circle (``tier``) have (``column``) for 1000 residents."""
    from cimkit.sim.supply import CIRCLES

    f, tier, column = m.community.facilities, given.get("tier", 5), given["column"]
    kinds = BLOCK if tier == "block" else CIRCLES[int(tier)]
    amounts = getattr(f, column)[np.isin(f.kind, facility_kinds({"kind": kinds}))]
    known = 1000.0 * float(np.nansum(amounts)) / m.persons()
    open_ = int(np.isnan(amounts).sum())
    about = {"facilities": len(amounts), "not_stated": open_}
    upper = np.inf if open_ or not len(amounts) else known
    missing = f"{column.replace('_', ' ')} of {open_} facilities" if len(amounts) else "facilities of this circle"
    return Values(np.array([upper]), np.array([known]), missing, lambda _k: about)


def largest_facility_land(m: Measurements, _: Subjects, given: Given) -> Values:
    """Measure the largest stated land of the facilities of a kind."""
    f = m.community.facilities
    own = f.kind == FacilityKind.parse(given["kind"])
    largest = float(np.fmax.reduce(f.land_area[own], initial=np.nan))
    return Values.one(largest, f"a {given['kind']} with its land (用地面积)", facilities=list(f.id[own]))


def _largest_park(m: Measurements) -> tuple[float, str, Any]:
    """Return area, name and outline (None if only the facility is known) of the largest public green."""
    s, f = m.community.spaces, m.community.facilities
    rows = np.flatnonzero(np.isin(s.kind, GREENS) & (s.storey < 0) & s.public)
    greens, own = s.outline.take(rows), f.take(np.flatnonzero((f.kind == FacilityKind.PARK) & (f.land_area > 0)))
    parks = [*zip(greens.areas().tolist(), s.id[rows], greens.to_shapely(), strict=True)]
    parks += [(float(area), name, None) for area, name in zip(own.land_area, own.id, strict=True)]
    return max(parks, key=lambda park: park[0], default=(np.nan, "", None))


def park_area(m: Measurements, _: Subjects, __: Given) -> Values:
    """Measure the largest public green."""
    area, name, _shape = _largest_park(m)
    return Values.one(area, park=str(name))


def park_width(m: Measurements, _: Subjects, __: Given) -> Values:
    """Measure the width of the largest public green: the diameter of the largest circle inside."""
    _area, name, shape = _largest_park(m)
    wide = np.nan if shape is None else 2.0 * shapely.length(shapely.maximum_inscribed_circle(shape, 0.01))
    return Values.one(round(wide, 2), park=str(name))


def park_sports_share(m: Measurements, _: Subjects, __: Given) -> Values:
    """Measure the share of sports grounds and playgrounds in the largest public green."""
    (_area, name, shape), grounds = _largest_park(m), m.ground_of(SpaceKind.PLAYGROUND)
    if shape is None or grounds is None:
        raise MissingDataError
    whole = shapely.polygons(shapely.get_exterior_ring(shape))  # a ground cut out of the green lies in the park too
    inside = float(shapely.area(shapely.intersection(grounds, whole)))
    return Values.one(100.0 * inside / float(whole.area), park=str(name), sports_m2=round(inside, 1))


def charged_share(m: Measurements, _: Subjects, __: Given) -> Values:
    """Measure the charging places over the parking spaces."""
    f, spaces = m.community.facilities, float(m.community.spaces.parking.sum())
    places = f.capacity[f.kind == FacilityKind.CHARGING]
    if not spaces or not len(places) or np.isnan(places).any():
        raise MissingDataError
    return Values.one(100.0 * float(places.sum()) / spaces, chargers=float(places.sum()), parking=spaces)


def exempt_share(m: Measurements, _: Subjects, given: Given) -> Values:
    """Measure the building area above ground that is not counted, over what is."""
    areas = m.areas_of(given)
    above = m.community.storeys.level[areas.items["storey"]] > 0
    whole, counted = (float(areas.counted(ledger)[above].sum()) for ledger in ("building_area", "far_area"))
    share = 100.0 * max(whole - counted, 0.0) / counted if counted else np.nan
    return Values.one(share, building_m2=round(whole, 2), counted_m2=round(counted, 2))


# --- buildings, storeys, facilities ---------------------------------------------------------------------------


def building_height(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the height of buildings; a guessed height is known only as it was guessed."""
    height, source = (getattr(m.community.buildings, n)[subjects.rows] for n in ("height", "height_src"))
    guessed = int(np.isin(source, _GUESSED).sum())
    codes, note = Provenance.codes(source), f"{guessed} heights are derived, see height_from" if guessed else ""
    return Values(np.where(height > 0, height, np.nan), evidence=lambda k: {"height_from": codes[k]}, note=note)


def storey_height(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the lowest normal storey above ground of each building."""
    s, b, rows = m.community.storeys, m.community.buildings, subjects.rows
    normal = (s.level > 0) & (s.kind == StoreyKind.NORMAL)
    lowest = np.full(len(b), np.inf)
    np.minimum.at(lowest, s.building[normal], s.height[normal])
    guessed = np.isin(b.height_src[rows], _GUESSED) & (b.storeys_src[rows] != Provenance.MEASURED)
    return Values(np.where(np.isfinite(lowest[rows]) & ~guessed, lowest[rows], np.nan))


def storey_clear_height(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the clear height of storeys; where it is not stated, it is below the height from floor to floor."""
    s = m.community.storeys
    clear, height = s.clear_height[subjects.rows], s.height[subjects.rows]
    return Values(np.where(np.isnan(clear), height, clear), np.nan_to_num(clear, nan=0.0))


def spacing_margin(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure by how much a building stands farther from those that take its sun than a city asks for."""
    from cimkit.sim.neighbours import building_spacing

    pairs = building_spacing(m.community, rule=given["spacing"])
    margin = pairs.margins()[subjects.rows]

    def evidence(k: int) -> dict[str, Any]:
        own = np.flatnonzero(pairs.shaded == subjects.rows[k])
        if not len(own):
            return {"faces": "nothing within twice the distance"}
        worst = own[(pairs.distance[own] - pairs.required[own]).argmin()]
        numbers = {n: round(float(getattr(pairs, n)[worst]), 2) for n in ("distance", "required", "height", "turn")}
        return {"blocker": str(m.community.buildings.id[pairs.blocker[worst]]), **numbers}

    return Values(np.where(np.isnan(margin), np.inf, margin), evidence=evidence, note=f"by {pairs.rule}")


def functions(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure the kinds of services in a facility's building; of some ``groups``, each counts once."""
    f, own, groups = m.community.facilities, FacilityKind.parse(given["kind"]), given.get("groups", ())
    here = [f.kind[(f.building == b) & (b >= 0) & (f.kind != own)] for b in f.building[subjects.rows]]
    kinds = [set(FacilityKind.codes(there)) for there in here]
    counts = [sum(bool(k & set(g)) for g in groups) if groups else len(k) for k in kinds]
    values = np.where([len(k) > 0 for k in kinds], counts, np.nan)
    return Values(values, evidence=lambda k: {"functions": sorted(kinds[k])})


# --- spaces ---------------------------------------------------------------------------------------------------


def space_area(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the area of spaces."""
    return Values(m.community.spaces.outline.areas()[subjects.rows])


def space_width(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the width of spaces: the diameter of the largest circle inside."""
    shapes = m.community.spaces.outline.take(subjects.rows).to_shapely()
    return Values(np.round(2.0 * shapely.length(shapely.maximum_inscribed_circle(shapes, 0.01)), 2))


def space_depth(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the depth of spaces: the shorter side of the smallest rectangle around."""
    depth = short_sides(m.community.spaces.outline.take(subjects.rows).to_shapely())
    return Values(np.where(depth > 0, depth, np.nan))


def space_elevation(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure how high above the ground spaces lie."""
    s, floor = m.community.spaces, np.append(m.community.storeys.z, 0.0)
    return Values(floor[s.storey[subjects.rows]] + s.z[subjects.rows])


def space_share_of_dwelling(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the area of spaces over the inner area of their dwelling."""
    s = m.community.spaces
    inner = np.append(m.community.dwellings.inner_area, np.nan)[s.dwelling[subjects.rows]]
    area = s.outline.areas()[subjects.rows]
    return Values(np.divide(100.0 * area, inner, out=np.full(len(inner), np.nan), where=inner > 0))


def freed_share(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure which share of spaces does not count for FAR, judged by their measures and not by their name."""
    areas = m.areas_of(given)
    rows = np.flatnonzero(np.isin(areas.items["space"], subjects.rows) & (areas.items["area"] > 0))
    own = np.searchsorted(subjects.rows, areas.items["space"][rows])
    whole, counts = (np.bincount(own, a[rows], len(subjects)) for a in (areas.area, areas.counted("far_area")))
    share = 100.0 * (1.0 - np.divide(counts, whole, out=np.full(len(subjects), np.nan), where=whole > 0))

    def evidence(k: int) -> dict[str, Any]:
        reasons = [areas.reasons[areas.why[i, 1]] for i in rows[own == k]]
        why = sorted({f"{r.clause}: {r.text}" for r in reasons if r.text})
        return {"area_m2": round(float(whole[k]), 3), "counted_m2": round(float(counts[k]), 3), "why": why}

    return Values(np.round(share, 6), evidence=evidence)
