"""Indicators of sunlight: hours of a dwelling, share of sunlit rooms, sunlit ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.model.kinds import RoomKind
from cimkit.rules.indicator import Subjects, SunSetting, Values, listed
from cimkit.rules.subjects import buildings_of_use, dwellings, spaces
from cimkit.sim.receptors import space_points

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cimkit.arrays import BoolArray, FloatArray, IntArray
    from cimkit.rules.measurements import Measurements

HABITABLE = (RoomKind.LIVING, RoomKind.BEDROOM)
ROOMS = (RoomKind.CLASSROOM, RoomKind.ACTIVITY, RoomKind.WARD, RoomKind.BEDROOM, RoomKind.LIVING)
GROUND_STEP = (1.0, 5.0)  # [m] GB/T 50947: 1 to 5 m on the ground (mark M)
GROUND_POINTS = 1000  # of one space: larger ones get a wider grid, within these bounds


def dwelling_hours(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
    """Measure the hours of a dwelling's best room, or of its n-th best (``rooms``)."""
    setting, rooms = SunSetting.of(given), int(given.get("rooms", 1))
    if subjects.table == "storey":
        return _storey_hours(m, subjects, setting, rooms)
    w = m.windows
    rows = np.flatnonzero((w.dwelling >= 0) & np.isin(w.room, HABITABLE))
    hours = m.window_hours(rows, setting)
    order = np.lexsort((-hours, w.dwelling[rows]))
    rows, hours = rows[order], hours[order]
    count = np.bincount(w.dwelling[rows], minlength=len(subjects))
    first = np.cumsum(count) - count
    values = np.where(count > 0, 0.0, np.nan)  # with fewer rooms than asked for, the n-th has no sun
    enough = count >= rooms
    values[enough] = hours[first[enough] + rooms - 1]

    def evidence(k: int) -> dict[str, Any]:
        own = rows[first[k] : first[k] + count[k]][:rooms]
        return {"windows": [str(w.id[i]) for i in own], "lit": [m.lit(i, setting) for i in own]}

    return Values(
        values, missing="windows of the dwelling: say which window belongs to which dwelling", evidence=evidence,
        note="windows placed by rule" if m.derived_windows else "",
    )  # fmt: skip


def _storey_hours(m: Measurements, subjects: Subjects, setting: SunSetting, rooms: int) -> Values:
    """Measure the best hours of a storey, and as a lower end those all along its sunniest facade."""
    w, storey = m.windows, m.window_storey
    known = w.room == RoomKind.UNKNOWN
    rows = np.flatnonzero(np.isin(storey, subjects.rows) & (known | np.isin(w.room, HABITABLE)))
    hours = m.window_hours(rows, setting)
    place = np.full(len(m.community.storeys), -1, dtype=np.int64)
    place[subjects.rows] = np.arange(len(subjects))
    own = place[storey[rows]]
    best, least, window = _facades(own, w.azimuth[rows], hours, len(subjects))
    note = f"windows do not know their dwelling{', placed by rule' if m.derived_windows else ''}: the storey's best "
    note += "window, and the worst one of its sunniest facade as the lower end"
    missing = "which windows belong to which dwelling: some windows of the storey have enough sun, some do not"
    if rooms > 1:
        least = np.zeros(len(subjects))

    def evidence(k: int) -> dict[str, Any]:
        if window[k] < 0:
            return {}
        i = int(rows[window[k]])
        return {"windows": [str(w.id[i])], "lit": [m.lit(i, setting)]}

    return Values(best, least=least, missing=missing, evidence=evidence, note=note)


def _facades(own: IntArray, azimuth: FloatArray, hours: FloatArray, n: int) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return each storey's best hours, the worst hours of its facade with the best mean, and its best window."""
    best, least, window = np.full(n, np.nan), np.full(n, np.nan), np.full(n, -1, dtype=np.int64)
    if not len(own):
        return best, least, window
    facade = own * 36 + (np.round(azimuth / 10.0).astype(np.int64) % 36)
    names, group = np.unique(facade, return_inverse=True)
    group = group.reshape(-1)
    count = np.bincount(group)
    mean = np.bincount(group, weights=hours) / count
    worst = np.full(len(names), np.inf)
    np.minimum.at(worst, group, hours)
    order = np.lexsort((mean, names // 36))
    least[names[order] // 36] = worst[order]  # the last written is the facade with the largest mean
    order = np.lexsort((hours, own))
    best[own[order]], window[own[order]] = hours[order], order
    return best, least, window


def sunlit_room_share(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
    """Measure the share of a building's rooms that have the hours of sun a rule asks for (``hours``)."""
    setting, wanted = SunSetting.of(given), float(given.get("hours", 2.0))
    w = m.windows
    share, least = np.full(len(subjects), np.nan), np.full(len(subjects), np.nan)
    found: list[tuple[int, int]] = []
    for k, building in enumerate(subjects.rows):
        all_rows = np.flatnonzero(w.building == building)
        rooms = all_rows[_is_room(w.room[all_rows])]
        rows = rooms if len(rooms) else all_rows
        sunny = m.window_hours(rows, setting) >= wanted - 1e-9
        found.append((int(sunny.sum()), len(rows)))
        if len(rooms):
            share[k] = least[k] = 100.0 * sunny.mean()
        elif len(rows):
            share[k], least[k] = (100.0, 0.0) if sunny.any() else (0.0, 0.0)

    def evidence(k: int) -> dict[str, Any]:
        return {"rooms_with_sun": found[k][0], "rooms": found[k][1], "hours_asked": wanted}

    missing = "which windows belong to rooms that need sun: give windows a room (classroom, activity, ward …)"
    return Values(share, least=least, missing=missing, evidence=evidence, note="one window stands for one room")


def _is_room(room: Any) -> BoolArray:
    """Return which windows belong to rooms that need sun."""
    needs: BoolArray = np.isin(room, ROOMS)
    return needs


def ground_share(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
    """Measure the share of a space's ground that has the hours of sun a rule asks for (``hours``)."""
    setting, wanted = SunSetting.of(given), float(given.get("hours", 2.0))
    share = np.full(len(subjects), np.nan)
    outlines = m.community.spaces.outline.take(subjects.rows)
    steps = np.clip(np.sqrt(outlines.areas() / GROUND_POINTS), *GROUND_STEP).round(2)
    points, own = space_points(m.community, subjects.rows, steps)
    counts, lit = np.bincount(own, minlength=len(outlines)), np.zeros(len(outlines), dtype=np.int64)
    if len(own):
        sunny = m.ground_hours(points, setting) >= wanted - 1e-9
        lit = np.bincount(own[sunny], minlength=len(outlines))
    share[counts > 0] = 100.0 * lit[counts > 0] / counts[counts > 0]

    def evidence(k: int) -> dict[str, Any]:
        return {"points_with_sun": int(lit[k]), "points": int(counts[k]), "spacing_m": float(steps[k])}

    return Values(share, missing="an outline large enough for one point a metre", evidence=evidence)


SUN = (
    listed("dwelling_sunlight", dwellings, dwelling_hours),
    listed("second_room_sunlight", dwellings, lambda m, s, g: dwelling_hours(m, s, {**g, "rooms": 2})),
    listed("sunlit_room_share", buildings_of_use, sunlit_room_share),
    listed("sunlit_ground_share", spaces, ground_share),
)
