"""Where sun or sky is measured: windows, facades, ground."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray, IntArray, TextArray, as_directions, as_points
from cimkit.errors import InputError
from cimkit.geometry import directions, sampling
from cimkit.geometry.polygons import Polygons
from cimkit.model import drawn, kinds
from cimkit.model.community import Community
from cimkit.model.derive import WindowRule, derive_windows
from cimkit.model.notes import Note, Notes, noted
from cimkit.model.table import lookup_names

WALL_OFFSET = 0.02  # [m] receptors stand this far before their wall
ABOVE_SILL, ABOVE_FLOOR = 0.3, 1.2  # [m] least heights of the reference point (EN 17037, mark M)
VIRTUAL_SILL = 0.9  # [m] above the floor, of French and bay windows (Putian 2022, mark P)


@dataclass(frozen=True, repr=False)
class Receptors(drawn.Tabled):
    """Points with a normal where sun or sky is measured.

    Parameters
    ----------
    points
        Places, shape (n, 3) [m].
    normals
        Outward unit vectors, shape (n, 3).
    ids
        Name of each, shape (n).
    kind
        ``window``, ``facade`` or ``ground``.
    building
        Building row of each, -1 for none, shape (n).
    building_ids
        Building id of each, "" for none, shape (n).
    other_ends
        For windows, the other end of the sill's base line; both must be lit, shape (n, 3) [m].
    notes
        What was derived to make them.
    spare
        For windows wider than what counts, how far the piece between the two ends can be moved along the sill to
        either side, shape (n) [m]; None if no window is wider.
    """

    points: FloatArray
    normals: FloatArray
    ids: TextArray
    kind: str
    building: IntArray
    building_ids: TextArray
    other_ends: FloatArray | None = None
    notes: Notes = field(default_factory=Notes)
    spare: FloatArray | None = None

    @classmethod
    def at(cls, points: Any, *, normals: Any = None, ids: Any = None, kind: str = "ground") -> Receptors:
        """Return receptors at given points; without normals they look up."""
        points = as_points(points)
        normals = np.tile([0.0, 0.0, 1.0], (len(points), 1)) if normals is None else as_directions(normals)
        names = np.array([f"R{k}" for k in range(len(points))] if ids is None else list(ids), dtype=object)
        if not len(points) == len(normals) == len(names):
            got = f"{len(points)}, {len(normals)} and {len(names)}"
            raise InputError(f"receptors: points, normals and ids must be equally many; got {got}.")
        return cls(points, normals, names, kind, np.full(len(points), -1), np.full(len(points), "", dtype=object))

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        return f"<Receptors: {len(self):,} {self.kind} points>"

    def take(self, rows: Any) -> Receptors:
        """Return the given receptors."""
        return replace(self, **{n: v[np.asarray(rows)] for n, v in vars(self).items() if isinstance(v, np.ndarray)})

    def middles(self) -> FloatArray:
        """Return where sky is measured: at the point, of a window in the middle of its base line, shape (n, 3) [m]."""
        return self.points if self.other_ends is None else 0.5 * (self.points + self.other_ends)

    def columns(self) -> dict[str, Any]:
        """Return id, building, kind and place of each receptor."""
        x, y, z = self.points.T
        return {"id": self.ids, "building": self.building_ids, "kind": self.kind, "x_m": x, "y_m": y, "z_m": z}


@dataclass(frozen=True, repr=False)
class AtReceptors(drawn.Drawn):
    """Results at n receptors: a subclass says what it found, in a few words and in columns beside theirs."""

    receptors: Receptors

    def __len__(self) -> int:
        return len(self.receptors)

    def __repr__(self) -> str:
        names = {"window": "windows", "facade": "facade points", "ground": "ground points"}
        what = f"{len(self):,} {names.get(self.receptors.kind, 'receptors')}"
        return f"<{type(self).__name__} of {what}{self._said() if len(self) else ''}>"

    def columns(self) -> dict[str, Any]:
        """Return the columns of the receptors, before what a result adds to them."""
        return self.receptors.columns()

    def _said(self) -> str:
        """Return what was found, in a few words."""
        return ""


def window_receptors(community: Community, *, max_width: float = 1.8, rule: WindowRule | None = None) -> Receptors:
    """Return both ends of each window's sill base line.

    Of windows wider than ``max_width`` the ends are those of the middle piece of that width, and ``sunlight`` moves it
    along the sill to where it gets most sun. French and bay windows are measured no lower than 0.9 m above their
    storey's floor. A community without windows gets them by rule. The notes say what was derived.

    Parameters
    ----------
    community
        Whose windows.
    max_width
        Widest part that counts [m].
    rule
        How windows are placed where none are given.

    Returns
    -------
    Receptors
        One a window.

    References
    ----------
    .. [1] Putian 2022 (莆自然资规〔2022〕3号): ends of the base line, of wider windows the most favourable 1.80 m
       (mark P).
    """
    windows, notes = community.windows, _both_states(community)
    if len(windows) == 0 and len(community.storeys):
        rule = rule or WindowRule()
        windows = derive_windows(community, rule=rule)
        text = f"{len(windows)} windows placed by rule: one every {rule.every:g} m of wall, sill {rule.sill:g} m"
        notes += Notes.of([Note("W01", text, "windows", count=len(windows))])
    normals = directions.direction_of(windows.azimuth)
    along = np.column_stack([normals[:, 1], -normals[:, 0], np.zeros(len(windows))])
    width = np.nan_to_num(windows.width, nan=min(max_width, 1.8))
    half, spare = np.minimum(width, max_width)[:, None] / 2, np.maximum(width - max_width, 0.0) / 2
    low = np.isin(windows.kind, (kinds.WindowKind.FRENCH, kinds.WindowKind.BAY))
    z = np.where(low, np.fmax(windows.z, floors(community)[windows.storey] + VIRTUAL_SILL), windows.z)
    text = f"{(z > windows.z).sum()} French and bay windows measured {VIRTUAL_SILL:g} m above the floor"
    notes += Notes.of(noted("W02", text, z > windows.z, "windows"))
    middle = np.column_stack([windows.x, windows.y, z]) + WALL_OFFSET * normals
    owner = lookup_names(community.buildings.id, windows.building)
    ends = middle - half * along, middle + half * along
    wide = spare if (spare > 1e-6).any() else None
    return Receptors(ends[0], normals, windows.id, "window", windows.building, owner, ends[1], notes, wide)


def reference_points(community: Community) -> Receptors:
    """Return where EN 17037 measures sunlight: the middle of each opening, 0.3 m above its sill, 1.2 m above the floor.

    ``sunlight`` with ``SunlightMethod.EN17037`` and ``SunDay.on`` a date from 1 February to 21 March gives the hours,
    ``exposure_levels`` what they are worth. The thickness of the wall is not taken into account.

    Parameters
    ----------
    community
        Whose windows; without any they are placed by rule, and the notes say so.

    Returns
    -------
    Receptors
        One a window.

    References
    ----------
    .. [1] EN 17037:2018, Daylight in buildings, exposure to sunlight (day S, hours and heights M).

    Examples
    --------
    >>> import cimkit as ck
    >>> block = ck.samples.slab_rows(rows=2, gap=30)
    >>> day = ck.SunDay.on(block.require_location(), (2026, 3, 21))
    >>> light = ck.sunlight(block, ck.reference_points(block), day, method=ck.SunlightMethod.EN17037)
    >>> sorted(set(ck.exposure_levels(light.hours)))
    ['high']
    """
    r, w = window_receptors(community), community.windows
    points = r.middles() + np.array([0.0, 0.0, ABOVE_SILL])
    if len(w) == len(r):
        points[:, 2] = np.fmax(points[:, 2], floors(community)[w.storey] + ABOVE_FLOOR)
    return replace(r, points=points, other_ends=None, spare=None)


def facade_receptors(community: Community, *, spacing: float = 1.0, height: float = 0.9, storey: int = 1) -> Receptors:
    """Return points along the walls of each building on one storey (沿线分析).

    Parameters
    ----------
    community
        Whose facades.
    spacing
        Largest distance along the wall [m].
    height
        Height above the storey's floor [m].
    storey
        Level of the storey.
    """
    rows = np.flatnonzero((community.storeys.level == storey) & community.storeys.enclosed)
    start, end, normal, own = community.plates.outline.take(community.storeys.plate[rows]).walls()
    xy, wall = sampling.points_on_walls(start, end, spacing)
    xy = xy + WALL_OFFSET * normal[wall]
    on = rows[own[wall]]
    building, z = community.storeys.building[on], floors(community)[on] + height
    ids = np.array([f"{community.buildings.id[b]}/L{k}" for k, b in enumerate(building)], dtype=object)
    normals = np.column_stack([normal[wall], np.zeros(len(wall))])
    owner, notes = community.buildings.id[building], _both_states(community)
    return Receptors(np.column_stack([xy, z]), normals, ids, "facade", building, owner, notes=notes)


def ground_receptors(community: Community, *, spacing: float = 2.0, height: float = 0.0) -> Receptors:
    """Return a grid of points on open ground: on the parcels, or around the buildings where there are none.

    Parameters
    ----------
    community
        Where.
    spacing
        Distance of the grid [m].
    height
        Height above the ground [m].
    """
    points = sampling.grid_in_polygons(Polygons.from_shapely(analysed(community)), spacing)
    covered = shapely.STRtree(standing(community)).query(shapely.points(points), predicate="within")[0]
    points = np.delete(points, covered, axis=0)
    ids = [f"G{k}" for k in range(len(points))]
    made = Receptors.at(np.column_stack([points, community.ground_at(points) + height]), ids=ids)
    return replace(made, notes=_both_states(community))


def analysed(community: Community) -> Any:
    """Return the ground that is looked at as shapely polygons: the parcels, else the buildings and 20 m around."""
    if len(community.parcels):
        return community.parcels.outline.to_shapely()
    return np.array([shapely.convex_hull(shapely.union_all(standing(community))).buffer(20.0)], dtype=object)


def standing(community: Community) -> Any:
    """Return the footprints of the buildings that are not to be demolished, as shapely polygons."""
    b = community.buildings
    return b.footprint.to_shapely()[b.status != kinds.Status.DEMOLISH]


def _both_states(community: Community) -> Notes:
    """Return a note where buildings of the states before and after the project stand at once."""
    goes, comes = (community.buildings.status == s for s in (kinds.Status.DEMOLISH, kinds.Status.PLANNED))
    text = "planned buildings and those to be demolished both cast shadow; use community.before() or .after()"
    return Notes.of(noted("M07", text, goes & comes.any(), "buildings"))


def floors(community: Community) -> FloatArray:
    """Return the height of each storey's floor above the local origin, then nan for no storey [m]."""
    storeys = community.storeys
    return np.append(community.buildings.ground_z[storeys.building] + storeys.z, np.nan)


def space_points(community: Community, rows: IntArray, spacing: Any) -> tuple[Receptors, IntArray]:
    """Return points of a grid 1 cm above the floor of spaces, and the place among ``rows`` of the space of each.

    The floor stands as high above the ground, or above the floor of the space's storey, as the space says.
    """
    s = community.spaces
    xy, own = sampling.grid_in_each(s.outline.take(rows), spacing)
    on = s.storey[rows][own]
    z = np.where(on >= 0, floors(community)[on], community.ground_at(xy)) + s.z[rows][own]
    return Receptors.at(np.column_stack([xy, z + 0.01])), own
