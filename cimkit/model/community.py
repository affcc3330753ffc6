"""The community: all tables, the frame, where on Earth it lies, and what is doubtful in it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from cimkit.arrays import BoolArray, FloatArray, IntArray, one_of
from cimkit.errors import InputError, MissingDataError
from cimkit.geometry.frame import Frame
from cimkit.geometry.terrain import Terrain
from cimkit.geometry.triangles import Scene, Solids, Triangles, extrude, terrain_triangles
from cimkit.kernels.column_prisms import Prisms
from cimkit.model import tables as t
from cimkit.model.kinds import BuildingUse, ProjectType, SpaceKind, Status
from cimkit.model.notes import Notes
from cimkit.model.records import Building, Location
from cimkit.model.table import Table

SLAB_THICKNESS = 0.15  # [m] floor slab of a balcony or canopy, where nothing is stated
_SAME = 1e-6  # [m] heights closer than this are one

FLOOR_SLABS = (SpaceKind.BALCONY, SpaceKind.SKY_GARDEN, SpaceKind.EQUIPMENT_PLATFORM, SpaceKind.SKY_CORRIDOR)
ROOF_SLABS = (SpaceKind.CANOPY, SpaceKind.RAIN_CORRIDOR, SpaceKind.SHED)

_Staged = (t.Buildings, t.Spaces, t.Facilities, t.PathEdges)


@dataclass(frozen=True, repr=False)
class Community:
    """A community's digital twin: what stands, lies, grows and is planned there.

    Tables hold local metres, see ``frame``. Editing gives a new community; tables that did
    not change are shared.
    """

    name: str = ""
    frame: Frame = field(default_factory=Frame)
    location: Location | None = None
    city: str = ""
    project_type: ProjectType = ProjectType.UNKNOWN
    unit: str = ""
    parcels: t.Parcels = field(default_factory=t.Parcels)
    buildings: t.Buildings = field(default_factory=t.Buildings)
    plates: t.Plates = field(default_factory=t.Plates)
    storeys: t.Storeys = field(default_factory=t.Storeys)
    voids: t.Voids = field(default_factory=t.Voids)
    spaces: t.Spaces = field(default_factory=t.Spaces)
    dwellings: t.Dwellings = field(default_factory=t.Dwellings)
    windows: t.Windows = field(default_factory=t.Windows)
    facilities: t.Facilities = field(default_factory=t.Facilities)
    entrances: t.Entrances = field(default_factory=t.Entrances)
    path_nodes: t.PathNodes = field(default_factory=t.PathNodes)
    path_edges: t.PathEdges = field(default_factory=t.PathEdges)
    trees: t.Trees = field(default_factory=t.Trees)
    population: t.Population = field(default_factory=t.Population)
    terrain: Terrain | None = None
    mesh: Triangles = field(default_factory=Triangles.empty)
    notes: Notes = field(default_factory=Notes)

    def __post_init__(self) -> None:
        tables = self.tables
        for title, table in tables.items():
            _check_references(title, table, tables)
            object.__setattr__(self, title, replace(table, context=self))
        if self.location is None and self.frame.crs:
            lon, lat = self.frame.lonlat()[0]
            object.__setattr__(self, "location", Location(float(lat), float(lon)))

    @classmethod
    def of(
        cls,
        *,
        buildings: Sequence[Any] = (),
        parcels: Sequence[Any] = (),
        others: Sequence[Any] = (),
        location: Location | None = None,
        frame: Frame | None = None,
        name: str = "",
    ) -> Community:
        """Build a community from records typed in by hand.

        Parameters
        ----------
        buildings
            ``Building`` records.
        parcels
            ``Parcel`` records.
        others
            ``Space``, ``Window``, ``Facility`` and ``Path`` records in any order.
        location
            Where on Earth it lies, needed for the sun.
        frame
            Local metres against a map; without it there is no map.
        name
            Name of the community.

        Returns
        -------
        Community
            With storeys written out; notes say what was derived.

        Examples
        --------
        >>> from cimkit.model.records import Building
        >>> square = [(0, 0), (20, 0), (20, 12), (0, 12)]
        >>> Community.of(buildings=[Building("B1", square, storeys=6)])
        <Community: 1 building, 6 storeys>
        """
        from cimkit.model.derive import tables_from_records

        tables, notes = tables_from_records(buildings, parcels, others)
        return cls(name=name, frame=frame or Frame(), location=location, notes=notes, **tables)

    @classmethod
    def from_frames(
        cls,
        *,
        buildings: Any,
        storeys: Any = None,
        parcels: Any = None,
        paths: Any = None,
        facilities: Any = None,
        more: Mapping[str, Any] | None = None,
        columns: Mapping[str, str] | None = None,
        crs: str = "",
    ) -> Community:
        """Build a community from (Geo)DataFrames as designers have them.

        Columns are found by their usual names, English and Chinese (``Floor``, ``height``,
        ``层数``, ``用途`` …). Whatever is guessed, mended or left out stands in ``.notes``.

        Parameters
        ----------
        buildings
            GeoDataFrame of footprints.
        storeys
            DataFrame of storeys (building, level, height, kind …), outlines optional.
        parcels, paths, facilities
            GeoDataFrames of outlines, lines, points or outlines.
        more
            Further tables by name, e.g. ``{"spaces": gdf, "population": df}``.
        columns
            Own names, e.g. ``{"CENGSHU": "n_above"}``.
        crs
            CRS of frames that state none.

        Returns
        -------
        Community
            In local metres of a CRS that keeps areas.

        Raises
        ------
        InputError
            If the frames cannot be placed: no CRS, or coordinates that contradict it.
        """
        from cimkit.model.frames import tables_from_frames

        frames = {"buildings": buildings, "storeys": storeys, "parcels": parcels}
        frames |= {"paths": paths, "facilities": facilities, **(more or {})}
        frames = {k: v for k, v in frames.items() if v is not None}
        tables, frame, notes = tables_from_frames(frames, columns=columns or {}, crs=crs)
        return cls(frame=frame, notes=notes, **tables)

    @property
    def tables(self) -> dict[str, Table]:
        """All tables by name."""
        return {title: getattr(self, title) for title in t.TABLES}

    def __repr__(self) -> str:
        counts = {title: len(table) for title, table in self.tables.items()} | {"paths": len(self.path_edges)}
        told = ("buildings", "storeys", "dwellings", "windows", "facilities", "paths", "spaces", "parcels")
        one = {title: title.removesuffix("s") for title in told} | {"facilities": "facility"}
        parts = [f"{counts[t]:,} {t if counts[t] > 1 else one[t]}" for t in told if counts[t]]
        name = f" {self.name}" if self.name else ""
        return f"<Community{name}: {', '.join(parts) or 'empty'}>"

    def _repr_html_(self) -> str:
        """Return the story at a glance for notebooks."""
        from html import escape

        rows = "".join(f"<tr><td>{t}</td><td>{len(v):,}</td></tr>" for t, v in self.tables.items() if len(v))
        return f"<b>{escape(repr(self)[1:-1])}</b><table>{rows}</table>{escape(repr(self.notes))}"

    def building(self, name: str) -> Building:
        """Return a building as a record: typical storey height, open ground storey, basements."""
        table, row = self.buildings, self.buildings.row_of(name)
        own = self.storeys.take(self.storeys.building == row)
        above = own.take(own.level > 0)
        about: dict[str, Any] = {n: getattr(table, n)[row].item() for n in ("ground_z", "lift", "year")}
        about |= {"use": BuildingUse(table.use[row]).code, "status": Status(table.status[row]).code}
        about["storey_height"] = float(np.median(above.height)) if len(above) else np.nan
        about["ground_storey_height"] = float(above.height[above.level.argmin()]) if len(above) else np.nan
        about["parapet"] = max(0.0, float(table.height[row] - above.height.sum()))
        about |= {"basements": len(own) - len(above), "stilt": bool((~above.enclosed & (above.level == 1)).any())}
        return Building(name, table.footprint.take([row]).to_shapely()[0], len(above), **about)

    @cached_property
    def solids(self) -> Solids:
        """What blocks the sun as upright prisms; buildings with a detailed mesh are left to ``mesh``."""
        every = Solids.concat([_walls(self), _slabs(self)])
        return every.take(np.flatnonzero((every.owner < 0) | ~np.isin(every.owner, self.mesh.owner)))

    @cached_property
    def scene(self) -> Scene:
        """Everything that blocks a ray as triangles with their tree, made once."""
        s, rest = self.solids, self.shading
        return Scene(Triangles.concat([extrude(s.outline, s.base, s.top, s.owner), rest.triangles]))

    @cached_property
    def shading(self) -> Scene:
        """What blocks the sun, each part as the quickest kernel takes it: outlines as prisms, the rest as triangles."""
        solids, outline = self.solids, self.solids.outline
        prisms = Prisms(outline.xy, outline.ring, outline.poly, solids.base, solids.top) if len(solids) else None
        ground = [] if self.terrain is None else [terrain_triangles(self.terrain)]
        return Scene(Triangles.concat([self.mesh, *ground]), prisms)

    def ground_at(self, xy: FloatArray) -> FloatArray:
        """Return the height of the ground at points (n, 2), shape (n) [m]; 0 where there is no terrain."""
        return np.zeros(len(xy)) if self.terrain is None else self.terrain.elevation(xy)

    def require_location(self) -> Location:
        """Return the location.

        Raises
        ------
        MissingDataError
            If neither a location nor a CRS is known.
        """
        if self.location is None:
            raise MissingDataError("community: its location must be known for the sun; give location= or a CRS.")
        return self.location

    def before(self) -> Community:
        """Return the state before the project: existing things and those to be demolished."""
        return self._once(-np.inf)

    def after(self, stage: int | None = None) -> Community:
        """Return the state after the project, or after one of its stages.

        A thing to be demolished stands until its own stage; a planned one appears with it.
        """
        return self._once(np.inf if stage is None else stage)

    def _once(self, stage: float) -> Community:
        """Return the state once the stages up to this one are done."""
        staged = {title: table for title, table in self.tables.items() if isinstance(table, _Staged)}
        done = {title: np.where(v.stage <= stage, Status.DEMOLISH, Status.PLANNED) for title, v in staged.items()}
        return self.keep({title: v.status != done[title] for title, v in staged.items()})

    def keep(self, masks: Mapping[str, BoolArray]) -> Community:
        """Return the community with only the chosen rows of each table named.

        What belongs to a row that goes (storeys of a building, windows of a storey …) goes with it.

        Parameters
        ----------
        masks
            Table name → mask of the rows that stay.

        Raises
        ------
        InputError
            If a table is unknown or a mask has the wrong length.
        """
        for title in masks:
            one_of(title, t.TABLES, name="keep: tables")
        parts: dict[str, Table] = {}
        new_row: dict[str, IntArray] = {}
        for title, table in self.tables.items():  # what a row belongs to comes before it
            stays = np.array(masks.get(title, np.ones(len(table))), dtype=bool)
            if len(stays) != len(table):
                raise InputError(f"{title}: mask must have {len(table)} rows; got {len(stays)}.")
            for col in table.columns():
                if col.belongs:
                    rows = getattr(table, col.name)
                    stays &= (rows < 0) | (new_row[col.of][rows] >= 0)
            new_row[title] = np.append(np.where(stays, np.cumsum(stays) - 1, -1), -1)
            parts[title] = table if stays.all() else table.take(stays)
        changed: dict[str, Any] = {}
        for title, part in parts.items():
            refs: dict[str, Any] = {c.name: new_row[c.of][getattr(part, c.name)] for c in part.columns() if c.of}
            changed[title] = replace(part, **refs) if refs else part
        owner = new_row["buildings"][self.mesh.owner]
        here = (self.mesh.owner < 0) | (owner >= 0)
        return replace(self, mesh=replace(self.mesh.take(here), owner=owner[here]), **changed)


def _walls(c: Community) -> Solids:
    """Merge each building's walled storeys of one outline to prisms.

    Open storeys (架空层) block nothing, what stands above them has air below. The topmost
    prism reaches up to the building's height (parapet, roof). Storeys wholly below ground
    are left out; the lowest walled storey on the ground reaches down to it.
    """
    buildings, storeys = c.buildings, c.storeys
    rows = np.flatnonzero(storeys.enclosed & (storeys.z + storeys.height > _SAME))
    rows = rows[np.lexsort((storeys.z[rows], storeys.plate[rows], storeys.building[rows]))]
    building, plate = storeys.building[rows], storeys.plate[rows]
    z, top = storeys.z[rows], storeys.z[rows] + storeys.height[rows]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (building[1:] != building[:-1]) | (plate[1:] != plate[:-1]) | (z[1:] > top[:-1] + _SAME)
    first = np.flatnonzero(new)
    base, high = np.maximum(z[first], 0.0), np.maximum.reduceat(top, first)
    owner = building[first]
    peak = np.full(len(buildings), -np.inf)
    np.maximum.at(peak, owner, high)
    roof = buildings.height[owner]
    high = np.where((high >= peak[owner] - _SAME) & (roof > high), roof, high)
    ground = buildings.ground_z[owner]
    return Solids(c.plates.outline.take(plate[first]), base + ground, high + ground, owner)


def _slabs(c: Community) -> Solids:
    """Return thin slabs for balconies, sky gardens, platforms, canopies and sheds outside the walls.

    A closed balcony is a solid of the storey's height. Railings and glass do not count
    (Putian 2022, art. on modelling).
    """
    b, s, v = c.buildings, c.storeys, c.spaces
    v = v.take((np.isin(v.kind, FLOOR_SLABS) & (v.inside_structure != 1)) | np.isin(v.kind, ROOF_SLABS))
    roof, owner = np.isin(v.kind, ROOF_SLABS), np.append(s.building, -1)[v.storey]
    floor = np.where(v.storey < 0, v.z, np.append(s.z, 0.0)[v.storey] + np.append(b.ground_z, 0.0)[owner])
    high = np.append(s.height, 3.0)[v.storey]
    clear = np.where(np.isnan(v.clear_height), high - SLAB_THICKNESS, v.clear_height)
    base = np.where(roof, floor + clear, floor - SLAB_THICKNESS)
    return Solids(v.outline, base, np.where((v.enclosed == 1) & ~roof, floor + high, base + SLAB_THICKNESS), owner)


def fingerprint(community: Community) -> str:
    """Return a hash of everything in the tables of a community: equal input, equal hash."""
    digest = hashlib.blake2b(digest_size=16)
    for title, table in community.tables.items():
        digest.update(title.encode())
        for col in table.columns():
            value = getattr(table, col.name)
            for part in (value,) if isinstance(value, np.ndarray) else vars(value).values():
                text = part.dtype == object
                digest.update("\0".join(map(str, part)).encode() if text else np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def _check_references(title: str, table: Table, tables: Mapping[str, Table]) -> None:
    """Raise InputError if a reference points past the end of its table."""
    for col in (c for c in table.columns() if c.of):
        rows, limit = getattr(table, col.name), len(tables[col.of])
        for bad in np.flatnonzero((rows >= limit) | (rows < -1)):
            who, wanted = f"{title}, row {bad}: {col.name}", f"a row of {col.of} (0 to {limit - 1}) or -1"
            raise InputError(f"{who} must be {wanted}; got {rows[bad]}.")
