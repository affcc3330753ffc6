"""Small communities made by hypothesis out of the table constructors, and a strict comparison."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from cimkit.geometry.frame import Frame
from cimkit.geometry.polygons import Lines, Polygons
from cimkit.geometry.ragged import offsets_of
from cimkit.geometry.terrain import Terrain
from cimkit.geometry.triangles import Triangles
from cimkit.model.community import Community
from cimkit.model.kinds import Kind, ProjectType
from cimkit.model.notes import Note, Notes
from cimkit.model.records import Building, Facility, Location, Parcel, Path, Space, Window
from cimkit.model.tables import TABLES

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6)
FLOAT = st.floats(width=64)
PLACE = st.integers(-2_000_000, 2_000_000).map(lambda v: v / 1000)
FRAMES = (
    Frame(),
    Frame("EPSG:4549", (520000.0, 3347000.0, 12.0)),
    Frame("+proj=tmerc +lat_0=0 +lon_0=14.4 +k=1 +x_0=500000 +y_0=0 +datum=WGS84 +units=m +no_defs", (1.0, 2.0, 0.0)),
)
EXTRA = (
    lambda n: np.arange(n, dtype=np.int16),
    lambda n: np.full(n, np.nan, dtype=np.float32),
    lambda n: np.arange(n) % 2 == 0,
    lambda n: np.array([f"字{k}" for k in range(n)], dtype="U4"),
    lambda n: np.array([*(np.nan if k % 2 else "a'\"" for k in range(n)), None], dtype=object)[:-1],
    lambda n: np.array([*(None if k % 2 else "=b" for k in range(n)), None], dtype=object)[:-1],
    lambda n: np.array([*(k if k % 2 else [k, "x"] for k in range(n)), None], dtype=object)[:-1],
    lambda n: np.arange(n).astype("datetime64[D]").astype("datetime64[ns]"),
    lambda n: np.full(n, 2**64 - 1, dtype=np.uint64),
)


def _polygons(draw: Any, n: int) -> Polygons:
    xy, rings, poly = [], [0], [0]
    for _ in range(n):
        form = draw(st.sampled_from(("none", "box", "hole")))
        x, y = draw(PLACE), draw(PLACE)
        outer = np.array([(0, 0), (9, 0), (9, 7), (0, 7), (0, 0)]) + (x, y)
        parts = {"none": [], "box": [outer]}.get(form, [outer, np.array([(2, 2), (2, 4), (5, 4), (2, 2)]) + (x, y)])
        xy += parts
        rings += [rings[-1] + sum(len(p) for p in parts[: k + 1]) for k in range(len(parts))]
        poly.append(len(rings) - 1)
    flat = np.concatenate(xy).astype(float) if xy else np.zeros((0, 2))
    return Polygons(flat, np.array(rings), np.array(poly))


def _lines(draw: Any, n: int) -> Lines:
    sizes = [draw(st.sampled_from((0, 2, 3))) for _ in range(n)]
    points = [[draw(PLACE), draw(PLACE), draw(PLACE)] for _ in range(sum(sizes))]
    return Lines(np.array(points, dtype=float).reshape(-1, 3), offsets_of(sizes))


@st.composite
def communities(draw: Any) -> Community:
    """Draw a community with every dtype, missing values, odd texts and columns of the user's own."""
    sizes = {title: draw(st.integers(0, 3)) for title in TABLES}
    for needed in ("buildings", "plates", "storeys"):
        sizes[needed] = max(1, sizes[needed])
    tables = {}
    for title, table in TABLES.items():
        n = sizes[title]
        data: dict[str, Any] = {}
        for col in table.columns():
            if col.dtype is Polygons:
                data[col.name] = _polygons(draw, n)
            elif col.dtype is Lines:
                data[col.name] = _lines(draw, n)
            elif col.name in ("x", "y", "z") and {"x", "y", "z"} <= {c.name for c in table.columns()}:
                data[col.name] = [draw(PLACE) for _ in range(n)]
            elif isinstance(col.dtype, type) and issubclass(col.dtype, Kind):
                data[col.name] = [draw(st.sampled_from(list(col.dtype))) for _ in range(n)]
            elif col.of:
                low = 0 if title == "storeys" else -1
                data[col.name] = [draw(st.integers(low, sizes[col.of] - 1)) for _ in range(n)]
            else:
                strategy = {float: FLOAT, int: st.integers(-(2**63), 2**63 - 1), bool: st.booleans(), str: TEXT}
                chosen = st.integers(-3, 40) if col.name == "level" else strategy[col.dtype]
                data[col.name] = [draw(chosen) for _ in range(n)]
        names = draw(st.lists(TEXT | st.sampled_from(("ID", "fid", "geom", "key")), max_size=2, unique=True))
        extra = {name: draw(st.sampled_from(EXTRA))(n) for name in names} if n else {}
        tables[title] = table(**data, extra=extra)
    ground = Terrain(0.5, -1.25, 5.0, np.array([[1.0, np.nan, 2.0], [0.1, 3.0, 4.0]]))
    mesh = Triangles.of(np.arange(18, dtype=float).reshape(2, 3, 3) / 7, np.array([0, -1]))
    return Community(
        name=draw(TEXT),
        city=draw(TEXT),
        unit=draw(TEXT),
        project_type=draw(st.sampled_from(list(ProjectType))),
        frame=draw(st.sampled_from(FRAMES)),
        location=draw(st.sampled_from((None, Location(30.25, 120.17)))),
        terrain=draw(st.sampled_from((None, ground))),
        mesh=draw(st.sampled_from((Triangles.empty(), mesh))),
        notes=draw(
            st.sampled_from((Notes(), Notes.of([Note("H02", "推定", "buildings", "B1", 1.5, value="<b>", count=3)])))
        ),
        **tables,
    )


def small() -> Community:
    """Return a community typed in by hand."""
    outline = [(0, 0), (20, 0), (20, 12), (0, 12)]
    return Community.of(
        name="测试小区",
        frame=Frame("EPSG:4549", (520000.0, 3347000.0, 0.0)),
        parcels=[Parcel("P1", [(-10, -10), (90, -10), (90, 40), (-10, 40)], far_max=2.5)],
        buildings=[
            Building("B1", outline, storeys=6, basements=1, stilt=True, ground_storey_height=4.2),
            Building("B2", [(x + 40, y) for x, y in outline], storeys=3, use="retail", status="planned"),
        ],
        others=[
            Space("S1", "green", [(0, 20), (20, 20), (20, 30), (0, 30)]),
            Space("S2", "sky_garden", [(0, 0), (5, 0), (5, 5), (0, 5)], building="B1", level=3),
            Window("W1", "B1", 5.0, 0.0, 10.0, 180.0),
            Facility("F1", "canteen", 50.0, 6.0, name="食堂"),
            Path("A", [(0, -5), (30, -5), (60, -5)]),
            Path("B", [(30, -5), (30, 15)], kind="steps"),
        ],
    )


def assert_same(a: Community, b: Community, *, tolerance: float = 1e-6) -> None:
    """Assert that two communities hold the same; coordinates within a tolerance, all else exactly."""
    for name in ("name", "city", "unit", "project_type", "frame", "location"):
        assert getattr(a, name) == getattr(b, name), name
    assert [_plain(n) for n in a.notes] == [_plain(n) for n in b.notes]
    for title in TABLES:
        x, y = a.tables[title], b.tables[title]
        assert len(x) == len(y), title
        for col in x.columns():
            u, v = getattr(x, col.name), getattr(y, col.name)
            if isinstance(u, (Polygons, Lines)):
                for part in ("xy", "ring", "poly") if isinstance(u, Polygons) else ("xyz", "line"):
                    _close(getattr(u, part), getattr(v, part), tolerance, f"{title}.{col.name}.{part}")
            elif col.name in ("x", "y", "z"):
                _close(u, v, tolerance, f"{title}.{col.name}")
            else:
                assert u.dtype == v.dtype, (title, col.name)
                assert _values(u) == _values(v), (title, col.name)
        assert list(x.extra) == list(y.extra), title
        for name, values in x.extra.items():
            assert np.asarray(values).dtype == np.asarray(y.extra[name]).dtype, (title, name)
            assert _values(np.asarray(values)) == _values(np.asarray(y.extra[name])), (title, name)
    _close(a.mesh.corners, b.mesh.corners, tolerance, "mesh")
    assert a.mesh.owner.tolist() == b.mesh.owner.tolist()
    assert (a.terrain is None) == (b.terrain is None)
    if a.terrain is not None and b.terrain is not None:
        assert (a.terrain.x0, a.terrain.y0, a.terrain.spacing) == (b.terrain.x0, b.terrain.y0, b.terrain.spacing)
        _close(a.terrain.z, b.terrain.z, 0.0, "terrain")


def _plain(note: Note) -> list[str]:
    return [str(v) for v in (note.code, note.text, note.table, note.object, note.x, note.y, note.value, note.count)]


def _close(a: Any, b: Any, tolerance: float, what: str) -> None:
    assert a.shape == b.shape, what
    assert np.allclose(a, b, rtol=0, atol=tolerance, equal_nan=True), what


def _values(array: Any) -> list[str]:
    return [repr(v + 0.0 if isinstance(v, float) else v) for v in array.tolist()]  # -0.0 is 0.0
