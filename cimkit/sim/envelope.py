"""The largest massing on a parcel that leaves every window around it the sun it must have (最大包络体)."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import shapely

from cimkit.arrays import BoolArray, FloatArray, IntArray
from cimkit.errors import InputError, MissingDataError
from cimkit.geometry.ragged import offsets_of, owners, ragged_rows
from cimkit.model import changes, drawn, records, table
from cimkit.model.community import Community
from cimkit.model.kinds import Status
from cimkit.sim.neighbours import SECOND, SunlightChange, compare_sunlight
from cimkit.sim.receptors import Receptors, window_receptors
from cimkit.sim.sunlight import USUAL, Spells, Sunlight, SunlightMethod, countable_hours, sunlight
from cimkit.sim.sunpath import SunDay

ROUNDS = 6  # times the search is repeated for windows that the forward check finds short
STRIDE = 5  # [min] runs that may stay open are tried this far apart
AROUND = 0.25  # [m] columns are taken this much wider when sightlines are cut, for suns between two minutes


@dataclass(frozen=True)
class EnvelopeGrid:
    """Columns and storeys of the massing.

    Parameters
    ----------
    cell
        Side of a square column [m].
    storey_height
        Height of a storey [m].
    most_storeys
        Highest column.
    setback
        Distance kept from the parcel's border and from buildings that stay [m].
    """

    cell: float = 6.0
    storey_height: float = 3.0
    most_storeys: int = 33
    setback: float = 5.0

    def __post_init__(self) -> None:
        if not (self.cell > 0 and self.storey_height > 0 and 1 <= self.most_storeys <= 200 and self.setback >= 0):
            must = "cell and storey_height must be > 0 m, setback >= 0 m, most_storeys 1..200"
            raise InputError(f"EnvelopeGrid: {must}; got {self}.")


@dataclass(frozen=True, repr=False)
class SolarEnvelope(drawn.Drawn):
    """The largest massing on a parcel, c columns.

    Parameters
    ----------
    parcel
        Id of the parcel.
    community
        The plan with the massing as planned buildings.
    cells
        Shapely square of each column, shape (c).
    storeys
        Storeys of each column, shape (c).
    exact_storeys
        Storeys before the surplus was spent, shape (c).
    binding
        Row in ``change`` of the window that allows no storey more, -1 where only the grid does, shape (c).
    change
        Hours of every window without and with the massing, measured by the forward kernel.
    floor_area, far
        Of the massing [m²], and over the parcel's area.
    """

    parcel: str
    community: Community
    cells: Any
    storeys: IntArray
    exact_storeys: IntArray
    binding: IntArray
    change: SunlightChange
    floor_area: float
    far: float

    @property
    def verified(self) -> bool:
        """Whether the forward kernel finds no window newly short and no shortfall made worse."""
        return not (self.change.newly_short.any() or self.change.worse.any())

    def __repr__(self) -> str:
        state = "verified" if self.verified else "NOT verified: see change"
        top, bound = int(self.storeys.max(initial=0)), len(np.unique(self.binding[self.binding >= 0]))
        size = f"{self.floor_area:,.0f} m² floor area, FAR {self.far:.2f}, up to {top} storeys"
        return f"<SolarEnvelope of {self.parcel}: {size}, bound by {bound} windows, {state}>"

    def binding_windows(self) -> Any:
        """Return a DataFrame, one row a binding window: its hours and the columns it stops."""
        rows, count = np.unique(self.binding[self.binding >= 0], return_counts=True)
        frame = self.change.to_frame().iloc[rows].assign(columns=count)
        return frame.sort_values("columns", ascending=False, kind="stable", ignore_index=True)

    def columns(self) -> dict[str, Any]:
        """Return storeys and binding window of each column, and its square."""
        window = table.lookup_names(self.change.ids, self.binding)
        columns = {"storeys": self.storeys, "exact_storeys": self.exact_storeys, "binding_window": window}
        return columns | {"geometry": self.cells}


def solar_envelope(
    community: Community,
    parcel: str,
    sun_day: SunDay,
    *,
    required: float = 2.0,
    method: SunlightMethod = USUAL,
    grid: EnvelopeGrid | None = None,
    mode: str | tuple[float, float] = "search",
) -> SolarEnvelope:
    """Find the largest massing on a parcel that keeps the required sun of every window around it.

    What is planned on the parcel or to be demolished anywhere goes; everything else stays. A window keeps
    ``required`` hours, or all it has where that is less. The parcel is cut into square columns; a sightline
    from either end of a window's sill to the sun of a minute allows each column so many storeys.

    1. A pair of hours keeps the sun of these hours open in every window and accumulates nothing, as usual tools do.
    2. ``interval`` keeps for each window the run of minutes that costs the massing least (windows that cost
       most choose first): an exact cut.
    3. ``search`` starts from it and adds storeys one by one, always where the least share of the windows'
       surplus minutes is lost (ties by column), until no column can grow. Deterministic, not proven optimal.

    The massing is then measured by ``sunlight``; windows found short get a margin and the search is repeated.
    Sun inside the massing is not judged.

    Parameters
    ----------
    community
        The plan.
    parcel
        Id of the parcel.
    sun_day
        The sun.
    required
        Hours a window must keep [h].
    method
        What counts as sun.
    grid
        Columns and storeys.
    mode
        ``search``, ``interval``, or two true solar hours [h].

    Returns
    -------
    SolarEnvelope
        Massing, floor area, binding windows, hours before and after.

    Raises
    ------
    InputError
        If the parcel is unknown or the mode is neither.
    MissingDataError
        If no column fits on the parcel, or no window stands around it.
    """
    if isinstance(mode, str) and mode not in ("search", "interval"):
        raise InputError(f"solar_envelope: mode must be 'search', 'interval' or two hours; got {mode!r}.")
    grid, b = grid or EnvelopeGrid(), community.buildings
    outline = community.parcels.outline.take([community.parcels.row_of(parcel)]).to_shapely()[0]
    replaced = (b.status == Status.PLANNED) & shapely.intersects(shapely.points(b.footprint.inner_points()), outline)
    site = community.keep({"buildings": (b.status != Status.DEMOLISH) & ~replaced})
    columns = _columns(outline, site, grid)
    if len(columns.cells) == 0:
        raise MissingDataError(f"solar_envelope: a column of {grid.cell:g} m must fit on {parcel!r}; none does.")
    windows = window_receptors(site)
    if len(windows) == 0:
        raise MissingDataError("solar_envelope: windows must stand around the parcel; there are none.")
    before = sunlight(site, windows, sun_day, method=method)
    margin = np.zeros(len(windows))
    for again in range(ROUNDS):
        rows = _watched(before, required, margin)
        lines = _sightlines(before, rows, required, margin[rows], columns)
        exact, storeys, binding = _massing(lines, np.full(len(columns.cells), grid.most_storeys), mode)
        variant = changes.add_buildings(site, _buildings(parcel, columns, storeys))
        change = compare_sunlight(before, sunlight(variant, windows, sun_day, method=method), required=required)
        failed = np.flatnonzero(change.newly_short | change.worse)
        if len(failed) == 0 or not isinstance(mode, str):
            break
        margin[failed] += 2.0**again
    bound, cells = np.where(binding >= 0, rows[binding], -1), columns.cells
    floor_area = float((shapely.area(cells) * storeys).sum())
    return SolarEnvelope(parcel, variant, cells, storeys, exact, bound, change, floor_area, floor_area / outline.area)


def _massing(lines: Sightlines, full: IntArray, mode: str | tuple[float, float]) -> tuple[IntArray, IntArray, IntArray]:
    """Return storeys before and after the surplus is spent, and the window that stops each column, -1 for none."""
    if isinstance(mode, str):
        kept = _cheapest_open(lines, full)
    else:
        kept = (lines.minute >= mode[0] * 60.0 - 1e-9) & (lines.minute + 1.0 <= mode[1] * 60.0 + 1e-9)
    allowed = np.column_stack([full, lines.allowed[:, kept]])  # of equal limits that of the grid comes first
    exact, window = allowed.min(axis=1), np.append(-1, lines.rows[owners(lines.offsets)[kept]])[allowed.argmin(axis=1)]
    return (exact, *_spend(lines, exact, full)) if mode == "search" else (exact, exact, window)


class _Columns(NamedTuple):
    """Squares of the massing on the plan and turned to the axes, their turn and grid north [rad], the ground [m]."""

    cells: Any
    corners: FloatArray
    turn: float
    ground: float
    north: float
    grid: EnvelopeGrid

    def allowed(self, window: Receptors, suns: FloatArray, at: IntArray) -> Any:
        """Return the storeys that one window allows each column in each minute: (minutes, columns), uint8."""
        best = np.full((len(suns), len(self.cells)), np.inf)
        for end in (window.points, window.points if window.other_ends is None else window.other_ends):
            here, near, far = _turned(end, -self.turn), np.zeros(1), np.full(1, np.inf)
            for axis in (0, 1):
                with np.errstate(divide="ignore", invalid="ignore"):
                    one, two = ((self.corners[:, k, axis] - here[:, axis]) / suns[:, axis, None] for k in (0, 1))
                near, far = np.maximum(near, np.minimum(one, two)), np.minimum(far, np.maximum(one, two))
            best = np.minimum(best, np.where(near < far, end[0, 2] + near * suns[:, 2:], np.inf))
        height = np.minimum(best[at], best[at + 1]) - self.ground
        return np.clip(np.floor(height / self.grid.storey_height - 1e-6), 0, self.grid.most_storeys).astype(np.uint8)


def _columns(outline: Any, site: Community, grid: EnvelopeGrid) -> _Columns:
    """Return the squares that fit on the parcel along its longest side."""
    room = outline.buffer(-grid.setback)
    stays = site.buildings.footprint.to_shapely()
    near = stays[shapely.intersects(stays, outline.buffer(grid.setback))]
    room = room.difference(shapely.union_all(shapely.buffer(near, max(grid.setback, 1e-6), join_style="mitre")))
    sides = np.diff(shapely.get_coordinates(shapely.minimum_rotated_rectangle(outline)), axis=0)
    dx, dy = sides[np.argmax(np.hypot(*sides.T))]
    turn = math.atan2(dy, dx)
    flat = shapely.transform(room, lambda c: _turned(c, -turn))
    ends = np.zeros((2, 2)) if room.is_empty else np.array(flat.bounds).reshape(2, 2).T
    spans = (np.arange(low, high - grid.cell + 1e-9, grid.cell) for low, high in ends)
    gx, gy = (v.ravel() for v in np.meshgrid(*spans))
    squares = shapely.box(gx, gy, gx + grid.cell, gy + grid.cell)
    squares = squares[shapely.covers(flat.buffer(1e-6), squares)]
    corners = (shapely.bounds(squares) + np.array([-AROUND, -AROUND, AROUND, AROUND])).reshape(-1, 2, 2)
    ground = float(site.ground_at(shapely.get_coordinates(outline.centroid))[0])
    cells = shapely.transform(squares, lambda c: _turned(c, turn))
    return _Columns(cells, corners, turn, ground, math.radians(site.frame.convergence), grid)


def _turned(xy: FloatArray, angle: float) -> FloatArray:
    """Return points turned around the origin, counter-clockwise [rad]."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.asarray(xy[:, :2] @ np.array([[cos, sin], [-sin, cos]]))


def _watched(before: Sunlight, required: float, margin: FloatArray) -> IntArray:
    """Return the windows that decide: short or tight ones, failed ones, and the lowest above one another."""
    hours, r = before.hours, before.receptors
    tight = (hours > SECOND) & (hours < required + 0.1) | (margin > 0)
    ample = np.flatnonzero((hours >= required + 0.1) & (margin == 0))
    ample = ample[np.argsort(r.points[ample, 2], kind="stable")]
    place = np.round(np.column_stack([r.points[ample, :2], r.normals[ample, :2] * 100.0]), 2)
    _, lowest = np.unique(place, axis=0, return_index=True)
    return np.union1d(np.flatnonzero(tight), ample[lowest])


def _sightlines(before: Sunlight, rows: IntArray, required: float, margin: FloatArray, columns: _Columns) -> Sightlines:
    """Return how many storeys each lit minute of each watched window allows every column."""
    first, last = before.sun_day.band
    minutes = np.arange(math.floor(first * 60.0), math.ceil(last * 60.0))
    suns = before.sun_day.suns(before.sun_day.hour_angle(np.append(minutes, minutes[-1] + 1) / 60.0))
    suns = np.column_stack([_turned(suns, columns.north - columns.turn), suns[:, 2]])
    found: list[tuple[Any, ...]] = [([], np.zeros(0, np.int64), np.zeros((0, len(columns.cells)), np.uint8), [])]
    for k, row in enumerate(rows):
        tight = before.hours[row] < required + 0.1
        spells = np.array(before.intervals(row)).reshape(-1, 2) * (60.0, -60.0)  # ends with the other sign
        low, high = (np.floor(spells + 1e-9) if tight else np.ceil(spells - 1e-9)).T
        at = np.flatnonzero(((minutes[:, None] >= low) & (minutes[:, None] + 1 <= -high)).any(axis=1))
        if len(at) == 0:
            continue
        allowed = columns.allowed(before.receptors.take([row]), suns[at[0] : at[-1] + 2], at - at[0])
        if (allowed < columns.grid.most_storeys).any():
            wanted = float(len(at)) if tight else min(required * 60.0 + margin[k], float(len(at)))
            found.append(([k], minutes[at], allowed, [wanted]))
    offsets = offsets_of([len(minute) for _, minute, *_ in found[1:]])
    used, minute, table, need = (np.concatenate(part) for part in zip(*found, strict=True))
    return Sightlines(offsets, minute, np.ascontiguousarray(table.T), need, used.astype(np.int64), before.method)


def _buildings(parcel: str, columns: _Columns, storeys: IntArray) -> list[records.Building]:
    """Return the massing as buildings, one for each connected part of equal height."""
    out: list[records.Building] = []
    for level in np.unique(storeys[storeys > 0]):
        cells = shapely.buffer(columns.cells[storeys == level], 1e-7, join_style="mitre")
        for part in shapely.get_parts(shapely.union_all(cells, grid_size=1e-6)):
            name, size = f"{parcel}-E{len(out) + 1}", (int(level), columns.grid.storey_height)
            out.append(records.Building(name, part, *size, status="planned", ground_z=columns.ground))
    return out


class Sightlines(NamedTuple):
    """Lit minutes of w windows, p in all, and what they allow c columns.

    Parameters
    ----------
    offsets
        First lit minute of each window, shape (w + 1).
    minute
        Lit minutes, windows in order, shape (p) [min].
    allowed
        Most storeys that keep the minute lit, shape (c, p).
    need
        Minutes each window must keep, shape (w) [min].
    rows
        Which of the caller's windows they are, shape (w).
    method
        What counts as sun.
    """

    offsets: IntArray
    minute: IntArray
    allowed: Any
    need: FloatArray
    rows: IntArray
    method: SunlightMethod

    def counted(self, lit: BoolArray, windows: IntArray) -> FloatArray:
        """Return the minutes that count of some windows, shape (k) [min]."""
        at, first = ragged_rows(self.offsets, windows)
        on = np.flatnonzero(lit[at])
        minute = self.minute[at[on]]
        spells = Spells.of(owners(first)[on], minute / 60.0, (minute + 1) / 60.0, len(windows))
        return 60.0 * countable_hours(*spells, self.method)


def _cheapest_open(lines: Sightlines, storeys: IntArray) -> BoolArray:
    """Choose the minutes each window keeps open so that the columns lose little: the costliest window first."""
    storeys, kept = storeys.copy(), np.zeros(len(lines.minute), dtype=bool)
    first = [_cheapest_run(lines, w, storeys)[0] for w in range(len(lines.need))]
    for w in np.argsort(-np.array(first, dtype=np.int64), kind="stable"):
        _, places = _cheapest_run(lines, int(w), storeys)
        kept[places] = True
        storeys = np.minimum(storeys, lines.allowed[:, places].min(axis=1, initial=255))
    return kept


def _cheapest_run(lines: Sightlines, window: int, storeys: IntArray) -> tuple[int, slice]:
    """Return storeys lost and minutes kept by the cheapest run that a window needs, all if none is as long."""
    own, need = slice(*lines.offsets[window : window + 2]), math.ceil(lines.need[window] - 1e-9)
    gaps = np.flatnonzero(np.diff(lines.minute[own]) > 1) + 1
    runs = [r for r in np.split(np.arange(own.start, own.stop), gaps) if len(r) >= need]
    starts = [[*run[: len(run) - need : STRIDE], run[0] + len(run) - need] for run in runs]
    ways = [slice(start, start + need) for run in starts for start in run] or [own]
    lost = [int(np.maximum(storeys - lines.allowed[:, kept].min(axis=1, initial=255), 0).sum()) for kept in ways]
    return min(lost), ways[lost.index(min(lost))]


def _spend(lines: Sightlines, storeys: IntArray, full: IntArray) -> tuple[IntArray, IntArray]:
    """Add storeys where the least share of the surplus is lost; return storeys and the window that stops each."""
    storeys, binding = storeys.copy(), np.full(len(storeys), -1)
    lit = (lines.allowed >= storeys[:, None]).all(axis=0)
    window, counted = owners(lines.offsets), lines.counted(lit, np.arange(len(lines.need)))
    queue, turn = [(0.0, c, -1) for c in np.flatnonzero(storeys < full)], 0  # in order, which a heap may be
    while queue:
        _, c, seen = heapq.heappop(queue)
        trial = lit & (lines.allowed[c] > storeys[c])
        touched = np.unique(window[np.flatnonzero(lit & ~trial)])
        left, need = lines.counted(trial, touched), lines.need[touched]
        spare = left - need
        if (spare < -1e-9).any():
            binding[c] = lines.rows[touched[spare.argmin()]]
            continue
        cost = float(((counted[touched] - left) / np.maximum(counted[touched] - need, 1e-9)).sum())
        if seen != turn and queue and (cost, c) > queue[0][:2]:
            heapq.heappush(queue, (cost, c, turn))
            continue
        lit, turn = trial, turn + 1
        counted[touched] = left
        storeys[c] += 1
        if storeys[c] < full[c]:
            heapq.heappush(queue, (cost, c, -1))
    return storeys, binding
