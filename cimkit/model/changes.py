"""Edits as data: applied to a community, undone by leaving them out, written as JSON, replayed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np

from cimkit.arrays import BoolArray, one_of
from cimkit.errors import FormatError, InputError
from cimkit.model.community import Community
from cimkit.model.derive import buildings_from_records, derive_windows, parcel_of, tables_from_records
from cimkit.model.notes import Note, Notes
from cimkit.model.records import Building, Facility, Path, Space
from cimkit.model.table import Table

RECORDS: dict[str, Any] = {r.__name__.lower(): r for r in (Building, Space, Facility, Path)}
_REMOVABLE = ("buildings", "spaces", "facilities", "path_edges")
SCHEMA = "cimkit-scenario/1"
Record = Building | Space | Facility | Path


@dataclass(frozen=True)
class Edit:
    """One edit.

    Parameters
    ----------
    do
        ``move``, ``storeys``, ``remove``, ``add`` or ``replace``.
    target
        Id of the object.
    values
        What the edit needs: ``dx``, ``dy`` [m], ``turn`` [°, clockwise]; ``count``; a record.
    """

    do: str
    target: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        one_of(self.do, tuple(_ACTIONS), name="edit")

    def apply(self, community: Community) -> Community:
        """Return the community with the edit."""
        act, values = _ACTIONS[self.do], dict(self.values)
        if act not in (add_object, replace_building):
            return act(community, self.target, **values)
        kind = str(values.pop("kind_of", None))
        sort = "building" if act is replace_building else one_of(kind, tuple(RECORDS), name="kind_of")
        return act(community, RECORDS[sort](self.target, **values))


def replace_building(community: Community, building: Building) -> Community:
    """Return the community with a building in place of the one of the same id, or added.

    Storeys are written out anew. What hung on the old building (dwellings, balconies,
    facilities …) goes with it; if it had windows, new ones are placed by rule and noted.

    Parameters
    ----------
    community
        What is edited; it is not changed.
    building
        The new building.

    Examples
    --------
    >>> import dataclasses
    >>> from cimkit.model.community import Community
    >>> from cimkit.model.records import Building
    >>> block = Community.of(buildings=[Building("A", [(0, 0), (9, 0), (9, 9), (0, 9)], storeys=6)])
    >>> replace_building(block, dataclasses.replace(block.building("A"), storeys=9)).buildings.height
    array([27.])
    """
    old = community.buildings.names() == building.id
    edited = add_buildings(community.keep({"buildings": ~old}), [building])
    if not old[community.windows.building].any():
        return edited
    windows = derive_windows(edited, of=edited.storeys.building == len(edited.buildings) - 1)
    note = Note("W01", f"{len(windows)} windows of the edited building placed by rule", "windows", building.id)
    return replace(extended(edited, {"windows": windows}), notes=edited.notes + Notes.of([note]))


def add_buildings(community: Community, buildings: Sequence[Building]) -> Community:
    """Return the community with more buildings, without windows; their storeys are written out.

    Parameters
    ----------
    community
        What is edited; it is not changed.
    buildings
        The new buildings; none of their ids may exist.
    """
    return extended(community, buildings_from_records(buildings, community.parcels))


def extended(community: Community, more: Mapping[str, Any]) -> Community:
    """Return the community with more rows in some tables.

    Parameters
    ----------
    community
        What is edited; it is not changed.
    more
        Tables by name; rows they refer to are counted within ``more`` where it holds that table.
    """
    changed: dict[str, Any] = {}
    for title, part in more.items():
        refs = {c.name: (getattr(part, c.name), len(getattr(community, c.of))) for c in part.columns() if c.of in more}
        shifted = {name: np.where(rows < 0, -1, rows + first) for name, (rows, first) in refs.items()}
        changed[title] = getattr(community, title).stacked(replace(part, **shifted))
    return replace(community, **changed)


def move_object(community: Community, name: str, *, dx: float = 0.0, dy: float = 0.0, turn: float = 0.0) -> Community:
    """Return the community with a building, a space or a service moved and turned about its middle.

    With a building go its storeys, windows, spaces, services, doors and mesh.

    Parameters
    ----------
    community
        What is edited; it is not changed.
    name
        Id of the object.
    dx, dy
        Way east and north [m].
    turn
        Angle clockwise [°].

    Raises
    ------
    InputError
        If nothing has this id, or it is a path.
    """
    c, (title, row) = community, find_object(community, name)
    if title == "path_edges":
        raise InputError(f"move: a path cannot be moved, others meet it; got {name!r}. Remove it and add another.")
    rows: dict[str, BoolArray] = {title: _only(getattr(c, title), row)}
    if title == "buildings":
        own = c.storeys.building == row
        c = _own_plates(c, own)
        rows["plates"] = np.isin(np.arange(len(c.plates)), c.storeys.plate[own])
        rows |= {t: np.append(own, False)[getattr(c, t).storey] for t in ("voids", "spaces")}
        rows |= {t: getattr(c, t).building == row for t in ("windows", "facilities", "entrances")}
    middle = getattr(c, title).places([row])[0]
    a = np.radians(turn)
    matrix = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])  # rows of points, clockwise

    def way(xy: Any) -> Any:
        return (xy - middle) @ matrix + middle + (dx, dy)

    changed = {t: _shifted(getattr(c, t), which, way) for t, which in rows.items()}
    if title == "buildings":
        b, w, here, corners = changed["buildings"], changed["windows"], c.mesh.owner == row, c.mesh.corners.copy()
        azimuth = np.where(rows["windows"], (w.azimuth + turn) % 360.0, w.azimuth)
        corners[here, :, :2] = way(corners[here, :, :2])
        changed["buildings"] = replace(b, parcel=parcel_of(b.footprint, c.parcels))
        changed |= {"windows": replace(w, azimuth=azimuth), "mesh": replace(c.mesh, corners=corners)}
    return replace(c, **changed)


def set_storeys(community: Community, name: str, *, count: int) -> Community:
    """Return the community with a building of another number of storeys above ground.

    Storeys are taken from the top, or the topmost is repeated with its windows, homes, spaces and voids.

    Parameters
    ----------
    community
        What is edited; it is not changed.
    name
        Id of the building.
    count
        Storeys above ground.

    Raises
    ------
    InputError
        If the building is unknown, has no storeys above ground, or count is not positive.
    """
    row = community.buildings.row_of(name)
    s = community.storeys
    above = (s.building == row) & (s.level > 0)
    if count < 1 or count % 1 or not above.any() or (community.mesh.owner == row).any():
        wanted = "count must be a whole number >= 1 of a building with storeys and no mesh"
        raise InputError(f"storeys of {name!r}: {wanted}; got {count} and {int(above.sum())} storeys.")
    old_top = float((s.z + s.height)[above].max())
    c = community.keep({"storeys": ~(above & (s.level > count))})
    for level in range(int(c.storeys.level[c.storeys.building == row].max()), count):
        c = _repeated(c, row, level)
    s = c.storeys
    grown = float((s.z + s.height)[s.building == row].max()) - old_top
    b, here = c.buildings, _only(c.buildings, row)
    height, n_above = np.where(here, b.height + grown, b.height), np.where(here, count, b.n_above)
    return replace(c, buildings=replace(b, height=height, n_above=n_above))


def _repeated(c: Community, building: int, level: int) -> Community:
    """Return the community with a copy of a building's topmost storey on top of it."""
    top = (c.storeys.building == building) & (c.storeys.level == level)
    row, rise = int(top.argmax()), float(c.storeys.height[top][0])
    hung = {title: getattr(c, title).storey == row for title in ("voids", "dwellings", "spaces", "windows")}
    part = c.keep({"storeys": top, **hung})
    one = part.storeys
    more: dict[str, Any] = {"storeys": replace(one, level=one.level + 1, z=one.z + rise)}
    for title in hung:
        table, new = getattr(part, title), {}
        if title != "voids":
            taken = set(getattr(c, title).id.tolist())
            ids = [str(v).replace(f"/F{level}", f"/F{level + 1}") for v in table.id]
            new["id"] = np.array([v if v not in taken else f"{v}+{level + 1}" for v in ids], dtype=object)
        if hasattr(table, "z"):
            new["z"] = table.z + rise
        more[title] = replace(table, **new)
    return extended(c, more)


def remove_object(community: Community, name: str) -> Community:
    """Return the community without a building, space, service or path, and what hangs on it.

    Parameters
    ----------
    community
        What is edited; it is not changed.
    name
        Id of the object.

    Raises
    ------
    InputError
        If nothing has this id.
    """
    title, row = find_object(community, name)
    return community.keep({title: ~_only(getattr(community, title), row)})


def add_object(community: Community, record: Record) -> Community:
    """Return the community with a building, space, service or path added.

    A path is joined to nodes that lie within a metre of its ends.

    Parameters
    ----------
    community
        What is edited; it is not changed.
    record
        The new object; its id must be free.

    Raises
    ------
    InputError
        If the id is taken.
    """
    if any(record.id in set(getattr(community, t).names().tolist()) for t in _REMOVABLE):
        raise InputError(f"add: the id must be free; got {record.id!r}, which exists.")
    if isinstance(record, Building):
        return replace_building(community, record)
    c = community
    hosts = [c.building(record.building)] if isinstance(record, Space) and record.building else []
    made, _ = tables_from_records(hosts, [], [record])
    if isinstance(record, Path):
        return _with_path(c, made["path_nodes"], made["path_edges"])
    title = "spaces" if isinstance(record, Space) else "facilities"
    new: Any = made[title]
    if isinstance(record, Space) and record.building:
        here = c.storeys.building == c.buildings.row_of(record.building)
        new = replace(new, storey=np.flatnonzero(here & (c.storeys.level == record.level)))
    return extended(c, {title: new})


def _with_path(c: Community, nodes: Any, edges: Any) -> Community:
    """Return the community with new paths, joined where they meet old nodes."""
    x, y = np.append(c.path_nodes.x, np.inf), np.append(c.path_nodes.y, np.inf)  # the last is near to none
    far = np.hypot(nodes.x[:, None] - x, nodes.y[:, None] - y)
    joined = far.min(axis=1) < 1.0
    row = np.where(joined, far.argmin(axis=1), len(c.path_nodes) + np.cumsum(~joined) - 1)
    fresh = nodes.take(~joined)
    names = np.array([f"{edges.id[0]}/N{k}" for k in range(len(fresh))], dtype=object)
    edges = replace(edges, start=row[edges.start], end=row[edges.end])
    return extended(extended(c, {"path_nodes": replace(fresh, id=names)}), {"path_edges": edges})


def find_object(community: Community, name: str) -> tuple[str, int]:
    """Return table and row of the building, space, service or path with an id."""
    for title in _REMOVABLE:
        if len(found := np.flatnonzero(getattr(community, title).names() == name)):
            return title, int(found[0])
    raise InputError(f"edit: the id must be of a building, space, service or path; got {name!r}.")


def _only(table: Table, row: int) -> BoolArray:
    """Return the mask of one row."""
    return np.asarray(np.arange(len(table)) == row)


def _own_plates(c: Community, own: BoolArray) -> Community:
    """Return the community with plates that the chosen storeys share with nobody else."""
    if not len(shared := np.intersect1d(c.storeys.plate[own], c.storeys.plate[~own])):
        return c
    copy = np.arange(len(c.plates))
    copy[shared] = len(c.plates) + np.arange(len(shared))
    storeys = replace(c.storeys, plate=np.where(own, copy[c.storeys.plate], c.storeys.plate))
    return replace(extended(c, {"plates": c.plates.take(shared)}), storeys=storeys)


def _shifted(table: Any, rows: BoolArray, way: Any) -> Any:
    """Return a table with the outlines or points of some rows moved."""
    column = table.shape_column()
    shapes = getattr(table, column) if column else None
    xy = np.column_stack([table.x, table.y]) if shapes is None else shapes.xy.copy()
    here = rows if shapes is None else rows[shapes.vertex_rows()]
    xy[here] = way(xy[here])
    moved = {"x": xy[:, 0], "y": xy[:, 1]} if shapes is None else {column: replace(shapes, xy=xy)}
    return replace(table, **moved)


def described(record: Record) -> dict[str, Any]:
    """Return a record as plain data without its id; what is as by default is left out."""
    out: dict[str, Any] = {"kind_of": type(record).__name__.lower()}
    for f in fields(record)[1:]:
        value = getattr(record, f.name)
        if hasattr(value, "exterior"):
            value = value.exterior.coords[:-1]
        if not isinstance(value, (str, int, float)):
            out[f.name] = [[float(v) for v in point] for point in value]
        elif value != f.default and str(value) != "nan":
            out[f.name] = value
    return out


def scenario_json(edits: Sequence[Edit], *, name: str = "") -> str:
    """Return edits as JSON, see ``read_scenario``.

    Parameters
    ----------
    edits
        In order.
    name
        Name of the scenario.
    """
    data = {"schema": SCHEMA, "name": name, "edits": [asdict(e) for e in edits]}
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def read_scenario(text: str) -> list[Edit]:
    """Return the edits of a scenario.

    Parameters
    ----------
    text
        JSON as ``scenario_json`` writes it.

    Raises
    ------
    FormatError
        If it is not a scenario.
    """
    try:
        data = json.loads(text)
        if data["schema"] != SCHEMA:
            raise FormatError(f"scenario: schema must be {SCHEMA}; got {data['schema']!r}.")
        return [Edit(str(e["do"]), str(e["target"]), dict(e.get("values", {}))) for e in data["edits"]]
    except (ValueError, KeyError, TypeError) as error:
        got = f"{type(error).__name__}: {error}"
        raise FormatError(f"scenario: text must be JSON with schema and edits; got {got}.") from error


_ACTIONS: dict[str, Callable[..., Community]] = {"move": move_object, "storeys": set_storeys, "remove": remove_object}
_ACTIONS |= {"add": add_object, "replace": replace_building}
