"""Files that are damaged or mean harm end in one of our errors or in a note, never in a crash."""

from __future__ import annotations

import contextlib
import io
import json
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cimkit.errors import CimkitError, FormatError
from cimkit.io import guard
from cimkit.io.cimfile import HEADER, read_cimz
from cimkit.io.files import read, write
from cimkit.io.guard import check_wkb, parse_json
from tests.io.communities import small

SQUARE = '{"type":"Polygon","coordinates":[[[120,30],[120.001,30],[120.001,30.001],[120,30]]]}'
ROOT = Path(__file__).resolve().parents[2]


def _collection(geometry: str) -> str:
    feature = f'{{"type":"Feature","properties":{{}},"geometry":{geometry}}}'
    return f'{{"type":"FeatureCollection","features":[{feature}]}}'


def _alone(path: Path) -> subprocess.CompletedProcess[str]:
    """Read a file in a process of its own, which a crash would end."""
    code = (
        "import sys\nfrom cimkit.errors import CimkitError\nfrom cimkit.io.files import read\n"
        "try:\n    read(sys.argv[1])\nexcept CimkitError as error:\n    print(type(error).__name__)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=120, check=False, cwd=ROOT
    )


def _nested_wkb(depth: int) -> bytes:
    return b"\x01\x07\x00\x00\x00\x01\x00\x00\x00" * depth + shapely.to_wkb(shapely.Point(0, 0), byte_order=1)


@pytest.mark.parametrize("kind", ["geojson", "parquet", "cityjson"])
def test_read__deep_nests_end_in_an_error(tmp_path, kind):
    if kind == "geojson":
        path = tmp_path / "a.geojson"
        path.write_text(_collection('{"type":"GeometryCollection","geometries":[' * 100_000 + SQUARE + "]}" * 100_000))
    elif kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = tmp_path / "a.parquet"
        geo = {
            "version": "1.0.0",
            "primary_column": "geometry",
            "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}},
        }
        table = pa.table({"geometry": pa.array([_nested_wkb(200_000)], pa.binary())})
        pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    else:
        path = tmp_path / "a.city.json"
        path.write_text('{"type":"CityJSON","CityObjects":' + "[" * 200_000 + "]" * 200_000 + "}")
    done = _alone(path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "FormatError"


@pytest.mark.parametrize("depth", [3, 1_000, 200_000])
def test_check_wkb__refuses_nests_that_geos_cannot_bear(depth):
    if depth < 2_000:
        check_wkb([None, _nested_wkb(depth)], "a")
    else:
        with pytest.raises(FormatError, match="row 1: shapes must be whole WKB nested at most 32"):
            check_wkb([None, _nested_wkb(depth)], "a")


def test_check_wkb__leaves_large_shapes_alone():
    ring = np.column_stack([np.cos(np.linspace(0, 6, 5000)), np.sin(np.linspace(0, 6, 5000))])
    big = shapely.Polygon(ring)
    many = shapely.MultiPolygon([shapely.box(k, 0, k + 0.5, 1) for k in range(3000)])
    lines = shapely.GeometryCollection([shapely.LineString(ring), many, shapely.Point(0, 0)])
    for order in (0, 1):
        for flavor in ("iso", "extended"):
            shapes = [big, many, lines, shapely.force_3d(many)]
            check_wkb(shapely.to_wkb(shapes, byte_order=order, flavor=flavor), "a")


def test_check_wkb__refuses_false_counts():
    for kind in (2, 3, 4, 6, 7, 99):
        with pytest.raises(FormatError, match="row 0: shapes must be whole WKB"):
            check_wkb([struct.pack("<BII", 1, kind, 2**32 - 1) + b"\x01" * 40_000], "a")


def _samples(folder: Path) -> dict[str, bytes]:
    """Return one whole small file of each format."""
    files = {}
    for suffix in (".gpkg", ".cimz", ".city.json", ".geojson", ".fgb", ".parquet"):
        write(small(), folder / f"whole{suffix}")
        files[suffix] = (folder / f"whole{suffix}").read_bytes()
    return files


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return _samples(tmp_path_factory.mktemp("samples"))


def _read_or_refuse(path: Path) -> None:
    """Read a file; of errors only ours may come."""
    with contextlib.suppress(CimkitError):
        read(path)


SUFFIXES = (".gpkg", ".cimz", ".city.json", ".geojson", ".fgb", ".parquet")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_read__files_cut_short(tmp_path, samples, suffix):
    data = samples[suffix]
    path = tmp_path / f"a{suffix}"
    for part in range(0, 64, 5):
        path.write_bytes(data[: len(data) * part // 64])
        _read_or_refuse(path)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=st.lists(st.tuples(st.floats(0.0, 1.0, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6))
@pytest.mark.parametrize("suffix", [".gpkg", ".cimz", ".city.json", ".geojson", ".parquet"])
def test_read__files_with_bytes_changed(tmp_path_factory, samples, suffix, changes):
    whole = bytearray(samples[suffix])
    for place, byte in changes:
        whole[int(place * len(whole))] = byte
    path = tmp_path_factory.mktemp("changed") / f"a{suffix}"
    path.write_bytes(bytes(whole))
    _read_or_refuse(path)


def test_read__archives_that_blow_up(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("a.json", b"0" * 30_000_000)
    with pytest.raises(FormatError, match="ratio of compression"):
        read(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as crowd:
        for k in range(guard.MAX_MEMBERS + 1):
            crowd.writestr(f"{k}.json", b"")
    with pytest.raises(FormatError, match="2000 members"):
        read(tmp_path / "b.zip")
    monkeypatch.setattr(guard, "MAX_BYTES", 1000)
    write(small(), tmp_path / "c.cimz")
    with pytest.raises(FormatError, match="of 1,000 bytes in all"):
        read(tmp_path / "c.cimz")


def test_read__archive_that_lies_about_sizes(tmp_path):
    write(small(), tmp_path / "a.cimz")
    data = bytearray((tmp_path / "a.cimz").read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 7)  # the size in the table of contents
    (tmp_path / "b.cimz").write_bytes(data)
    with pytest.raises(FormatError):
        read(tmp_path / "b.cimz")


def test_read__archive_members_never_leave_memory(tmp_path):
    inside = tmp_path / "in"
    inside.mkdir()
    write(small(), inside / "a.city.json")
    with zipfile.ZipFile(inside / "a.zip", "w") as evil:
        evil.write(inside / "a.city.json", "../../evil.json")
    before = sorted(tmp_path.rglob("*"))
    read(inside / "a.zip")
    assert sorted(tmp_path.rglob("*")) == before


def _cimz_with(path: Path, name: str, data: bytes) -> Path:
    """Write the sample with one member replaced."""
    write(small(), path)
    with zipfile.ZipFile(path) as whole:
        parts = {n: whole.read(n) for n in whole.namelist()}
    parts[name] = data
    with zipfile.ZipFile(path, "w") as changed:
        for member, content in parts.items():
            changed.writestr(member, content)
    return path


def _npy(array: np.ndarray, *, pickled: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=pickled)
    return stream.getvalue()


class _Evil:
    """Runs a command when unpickled."""

    def __reduce__(self):
        return os.system, ("touch /tmp/cimkit-was-here",)


def test_read_cimz__runs_no_code(tmp_path):
    array = _npy(np.array([_Evil()], dtype=object), pickled=True)
    path = _cimz_with(tmp_path / "a.cimz", "buildings/height.npy", array)
    with pytest.raises(FormatError, match="plain array"):
        read_cimz(path)
    assert not Path("/tmp/cimkit-was-here").exists()


def test_read_cimz__believes_no_header(tmp_path):
    """A header that claims 7 TiB costs no memory."""
    data = _npy(np.zeros(2)).replace(b"(2,)", b"(999999999999,)")
    with pytest.raises(FormatError, match=r"does not fit|must be a plain array"):
        read_cimz(_cimz_with(tmp_path / "a.cimz", "buildings/height.npy", data))


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("buildings/footprint/ring.npy", np.array([0, 5, 99])),
        ("buildings/footprint/ring.npy", np.array([0, -5, 10])),
        ("buildings/footprint/poly.npy", np.array([0, 2, 1])),
        ("buildings/footprint/xy.npy", np.full((10, 2), np.nan)),
        ("storeys/plate.npy", np.full(10, 10**9)),
        ("storeys/building.npy", np.full(10, -7)),
        ("buildings/height.npy", np.zeros(7)),
        ("buildings/use.txt", np.array(["castle", "office"])),
        ("path_edges/course/line.npy", np.array([0, 10**12])),
    ],
)
def test_read_cimz__offsets_and_references_are_checked(tmp_path, name, array):
    data = _npy(array) if name.endswith(".npy") else json.dumps(array.tolist()).encode()
    with pytest.raises(FormatError, match="damaged"):
        read_cimz(_cimz_with(tmp_path / "a.cimz", name, data))


@pytest.mark.parametrize(
    "header", [b"[]", b"{}", b'{"format":"cimkit"}', b"[" * 100_000, b'{"format":"cimkit","version":2}']
)
def test_read_cimz__headers_that_are_none(tmp_path, header):
    with pytest.raises(FormatError):
        read_cimz(_cimz_with(tmp_path / "a.cimz", HEADER, header))


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", '{"a":-Infinity}', "1e999", "[" * 100_000, '{"a":1', "", "\ud800"]
)
def test_parse_json__refuses_what_is_not_json(text):
    with pytest.raises(FormatError):
        parse_json(text, "a.json")


@pytest.mark.parametrize(
    "data", [b"\xff\xfe", b"\xef\xbb\xbf", b"{", b"{}", b"[]", b"null", b'{"type":"FeatureCollection","features":[]}']
)
@pytest.mark.parametrize("name", ["a.json", "a.geojson"])
def test_read__small_nonsense(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CimkitError):
        read(tmp_path / name)


def test_read__device_and_folder(tmp_path):
    os.mkfifo(tmp_path / "a.gpkg")
    with pytest.raises(FormatError, match="must be a file"):
        read(tmp_path / "a.gpkg")
    (tmp_path / "b.gpkg").mkdir()
    with pytest.raises(FormatError, match="folder"):
        read(tmp_path / "b.gpkg")


NAMES = [
    '"><script>alert(1)</script>',
    "=cmd|' /C calc'!A0",
    "\u202eabc",
    "x" * 10_000,
    "😀",
    "𠀀𪚥",
    "a\nb",
    "'; DROP TABLE x;--",
]


@pytest.mark.parametrize("suffix", [".gpkg", ".cimz", ".city.json"])
def test_write__odd_names_come_back_as_they_were(tmp_path, suffix):
    shapes = [shapely.box(120 + k / 1000, 30, 120.0005 + k / 1000, 30.0005) for k in range(len(NAMES))]
    gdf = gpd.GeoDataFrame({"id": NAMES, "name": NAMES, NAMES[0]: NAMES}, geometry=shapes, crs="EPSG:4326")
    gdf.to_parquet(tmp_path / "buildings.parquet")
    community, _ = read(tmp_path / "buildings.parquet")
    write(community, tmp_path / f"a{suffix}")
    back, _ = read(tmp_path / f"a{suffix}")
    assert back.buildings.name.tolist() == NAMES
    assert back.buildings.id.tolist() == NAMES
    assert back.buildings.extra[NAMES[0]].tolist() == NAMES


def test_read__a_view_or_trigger_in_a_geopackage_does_nothing(tmp_path):
    import sqlite3

    write(small(), tmp_path / "a.gpkg")
    with sqlite3.connect(tmp_path / "a.gpkg") as base:
        base.execute("CREATE VIEW v AS SELECT * FROM buildings")
        base.execute("CREATE TRIGGER t AFTER INSERT ON buildings BEGIN DELETE FROM storeys; END")
    base.close()
    size = (tmp_path / "a.gpkg").stat().st_size
    community, _ = read(tmp_path / "a.gpkg")
    assert len(community.storeys) == 10
    assert (tmp_path / "a.gpkg").stat().st_size == size
