"""CityJSON: others' models read, ours written so that others can read them and we lose nothing."""

from __future__ import annotations

import json
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from cimkit.errors import FormatError, InputError
from cimkit.io.cityjson import faces_of, read_cityjson, triangles_of
from cimkit.io.cityjson_write import cityjson_document, write_cityjson
from cimkit.io.files import read, write
from cimkit.model.community import Community
from cimkit.sim.receptors import Receptors
from cimkit.sim.sunlight import SunlightMethod, sunlight
from cimkit.sim.sunpath import SunDay
from tests.io.communities import assert_same, communities, small

RD = "https://www.opengis.net/def/crs/EPSG/0/7415"
FEW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def _city(objects: dict[str, Any], vertices: Any, **head: Any) -> dict[str, Any]:
    """Return a CityJSON 2.0 document with vertices in metres from a place in Delft."""
    document = {
        "type": "CityJSON",
        "version": "2.0",
        "transform": {"scale": [0.001] * 3, "translate": [85000.0, 447500.0, 0.0]},
        "metadata": {"referenceSystem": RD},
        "CityObjects": objects,
        "vertices": [[round(c * 1000) for c in v] for v in vertices],
    }
    return {**document, **head}


BOX = [(0, 0, 1), (10, 0, 1), (10, 8, 1), (0, 8, 1), (0, 0, 7), (10, 0, 7), (10, 8, 7), (0, 8, 7)]
BLOCK = [[[3, 2, 1, 0]], [[4, 5, 6, 7]], [[0, 1, 5, 4]], [[1, 2, 6, 5]], [[2, 3, 7, 6]], [[3, 0, 4, 7]]]
ROOF = [*BOX, (0, 4, 10), (10, 4, 10)]  # a ridge along x
HOUSE = [
    [[3, 2, 1, 0]],
    [[0, 1, 5, 4]],
    [[2, 3, 7, 6]],
    [[1, 2, 6, 9, 5]],
    [[3, 0, 4, 8, 7]],
    [[4, 5, 9, 8]],
    [[6, 7, 8, 9]],
]


def _solid(boundaries: Any, lod: Any) -> dict[str, Any]:
    return {"type": "Solid", "lod": lod, "boundaries": [boundaries]}


def _save(path: Any, document: Any) -> Any:
    path.write_text(json.dumps(document))
    return path


def test_read_cityjson__block_gives_footprint_and_height(tmp_path):
    attributes = {"storeysAboveGround": 2, "yearOfConstruction": 1980, "function": "residential", "owner": {"a": 1}}
    block = {"type": "Building", "attributes": attributes, "geometry": [_solid(BLOCK, "1")]}
    community, notes = read_cityjson(_save(tmp_path / "a.city.json", _city({"b1": block}, BOX)))
    table = community.buildings
    assert table.id.tolist() == ["b1"]
    assert table.footprint.areas() == pytest.approx([80])
    assert (table.ground_z[0], table.height[0], table.n_above[0]) == (1, 6, 2)
    assert community.frame.crs == "EPSG:28992"
    assert len(community.mesh) == 0
    assert table.extra["owner"].tolist() == ['{"a": 1}']
    assert "M06" in notes.summary()


def test_read_cityjson__roof_gives_triangles_that_close(tmp_path):
    house = {"type": "Building", "geometry": [_solid(BLOCK, "1.2"), _solid(HOUSE, "2.2")]}
    community, _ = read_cityjson(_save(tmp_path / "a.city.json", _city({"b1": house}, ROOF)))
    a, b, c = np.moveaxis(community.mesh.corners, 1, 0)
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    assert volume == pytest.approx(10 * 8 * 6 + 10 * 8 * 3 / 2)
    assert community.buildings.height[0] == 9
    assert set(community.mesh.owner.tolist()) == {0}


def test_read_cityjson__parts_belong_to_their_building(tmp_path):
    moved = [(x + 20, y, z) for x, y, z in BOX]
    lower = [[[i + 8 for i in r] for r in f] for f in BLOCK]
    objects = {
        "b1": {"type": "Building", "attributes": {"name": "甲"}, "children": ["b1-1", "b1-2"]},
        "b1-1": {"type": "BuildingPart", "parents": ["b1"], "geometry": [_solid(BLOCK, "1")]},
        "b1-2": {"type": "BuildingPart", "parents": ["b1"], "geometry": [_solid(lower, "1")]},
        "t1": {"type": "Tunnel", "geometry": []},
    }
    community, notes = read_cityjson(_save(tmp_path / "a.city.json", _city(objects, BOX + moved)))
    assert community.buildings.id.tolist() == ["b1/1", "b1/2"]  # two pieces in plan
    assert community.buildings.name.tolist() == ["甲", "甲"]
    assert [n.table for n in notes if n.code == "I03"] == ["Tunnel"]


def test_read_cityjson__open_ground_and_terrain(tmp_path):
    surface = [{"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 2, 3]]]}]
    tin = [{"type": "CompositeSurface", "lod": "1", "boundaries": [[[0, 1, 2]], [[0, 2, 3]]]}]
    objects = {
        "g": {"type": "PlantCover", "geometry": surface, "attributes": {"class": "grass"}},
        "w": {"type": "WaterBody", "geometry": surface},
        "l": {"type": "LandUse", "geometry": surface},
        "t": {"type": "TINRelief", "geometry": tin},
    }
    community, notes = read_cityjson(_save(tmp_path / "a.city.json", _city(objects, BOX)))
    assert community.spaces.to_frame()["kind"].tolist() == ["green", "water"]
    assert community.terrain is not None
    assert community.terrain.elevation([[0, 0]]) == pytest.approx([1])
    assert {n.table for n in notes if n.code == "I03"} == {"LandUse"}


def test_read_cityjson__bridges_cast_shadow(tmp_path):
    """A deck 5 m wide and 40 m long, 6 m up: at noon its shadow lies 6 cot h to the north, and nothing else is dark."""
    deck = [(60, -40, 6), (65, -40, 6), (65, 0, 6), (60, 0, 6)]
    objects = {
        "b": {"type": "Building", "geometry": [_solid(BLOCK, "1")]},
        "over": {"type": "Bridge", "children": ["over-1"]},
        "over-1": {"type": "BridgePart", "parents": ["over"], "geometry": [
            {"type": "MultiSurface", "lod": "1", "boundaries": [[[8, 9, 10, 11]]]}]},
    }  # fmt: skip
    community, notes = read_cityjson(_save(tmp_path / "a.city.json", _city(objects, BOX + deck)))
    assert [n.text for n in notes if n.table == "mesh"] == [
        "2 objects of bridges and other constructions: 2 triangles that cast shadow"
    ]
    assert not [n for n in notes if n.table.startswith("Bridge")]
    assert set(community.mesh.owner.tolist()) == {-1}
    day = SunDay.great_cold(community.require_location())
    way = 6.0 / np.tan(np.radians(day.position([12.0])[0][0]))
    x, y = np.array([85062.5, 447500.0]) - community.frame.origin[:2]
    north = np.array([-41.0, -39.0, -1.0, 1.0]) + way  # of the deck's south and north ends
    points = Receptors.at(np.column_stack([np.full(4, x), y + north, np.full(4, 0.01)]))
    light = sunlight(community, points, day, method=SunlightMethod.ALL_SUN)
    noon = [any(a <= 12.0 <= b for a, b in light.intervals(k)) for k in range(4)]
    assert noon == [True, False, False, True]
    write(community, tmp_path / "b.city.json")
    document = json.loads((tmp_path / "b.city.json").read_text())
    del document["CityObjects"]["cimkit"]  # as other programs read it
    again, _ = read_cityjson(_save(tmp_path / "c.city.json", document))
    np.testing.assert_allclose(again.mesh.corners + again.frame.origin, community.mesh.corners + community.frame.origin)


@pytest.mark.parametrize("version", ["1.0", "1.1", "2.0"])
def test_read_cityjson__all_versions(tmp_path, version):
    lod = 1 if version == "1.0" else "1"
    document = _city({"b": {"type": "Building", "geometry": [_solid(BLOCK, lod)]}}, BOX, version=version)
    if version == "1.0":  # vertices as they are, no transform
        document["vertices"] = [[x + 85000, y + 447500, z] for x, y, z in BOX]
        document["metadata"] = {"referenceSystem": "urn:ogc:def:crs:EPSG::7415"}
        del document["transform"]
    community, _ = read_cityjson(_save(tmp_path / "a.json", document))
    assert community.buildings.footprint.areas() == pytest.approx([80])
    assert community.frame.origin[:2] == pytest.approx((85005, 447504), abs=1)


def test_read_cityjson__sequence_and_zip(tmp_path):
    head = _city({}, [])
    feature = {"type": "CityJSONFeature", "id": "b", "vertices": [[round(c * 1000) for c in v] for v in BOX]}
    lines = [
        json.dumps(head),
        *(
            json.dumps({**feature, "CityObjects": {k: {"type": "Building", "geometry": [_solid(BLOCK, 1.2)]}}})
            for k in "ab"
        ),
    ]
    (tmp_path / "a.city.jsonl").write_text("\n".join(lines) + "\n")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.city.jsonl", "x/../../a.city.jsonl")
    for name in ("a.city.jsonl", "a.zip"):
        assert read(tmp_path / name)[0].buildings.id.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": "3.0"}, "version must be 1.0, 1.1 or 2.0; got '3.0'"),
        ({"CityObjects": []}, "CityObjects"),
        ({"vertices": [[0, 0]]}, "vertices"),
        ({"vertices": [[0, 0, 0]]}, "boundaries"),
        ({"transform": {"scale": [1, 1, 1]}}, "vertices"),
        ({"CityObjects": {"b": {"geometry": []}}}, "type"),
        ({"CityObjects": {"b": {"type": "Building", "geometry": [_solid(7, "1")]}}}, "boundaries"),
        ({"CityObjects": {"b": {"type": "Building", "geometry": [_solid([[["x", 1, 2]]], "1")]}}}, "boundaries"),
        ({"CityObjects": {"b": {"type": "Building", "geometry": [_solid([[[-1, 1, 2]]], "1")]}}}, "boundaries"),
    ],
)
def test_read_cityjson__names_what_is_damaged(tmp_path, change, says):
    document = {**_city({"b": {"type": "Building", "geometry": [_solid(BLOCK, "1")]}}, BOX), **change}
    with pytest.raises(FormatError, match=says):
        read_cityjson(_save(tmp_path / "a.json", document))


def test_read_cityjson__without_surfaces_says_so(tmp_path):
    with pytest.raises(InputError, match="must have surfaces"):
        read_cityjson(_save(tmp_path / "a.json", _city({"b": {"type": "Building"}}, BOX)))


def test_read_cityjson__numbers_that_contradict_the_crs(tmp_path):
    document = _city({"b": {"type": "Building", "geometry": [_solid(BLOCK, "1")]}}, BOX)
    document["transform"]["translate"] = [447500.0, 85000.0, 0.0]
    with pytest.raises(InputError, match=r"C0[24]"):
        read_cityjson(_save(tmp_path / "a.json", document))


def test_read_cityjson__geographic_vertices_are_projected(tmp_path):
    document = _city({"b": {"type": "Building", "geometry": [_solid(HOUSE, "2")]}}, ROOF)
    document["metadata"] = {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/4326"}
    document["vertices"] = [[120 + x / 96486, 30 + y / 110852, z] for x, y, z in ROOF]  # degrees per metre there
    del document["transform"]
    community, _ = read_cityjson(_save(tmp_path / "a.json", document))
    assert community.frame.crs == "EPSG:4549"
    assert community.buildings.footprint.areas() == pytest.approx([80], rel=1e-3)
    assert np.ptp(community.mesh.corners[:, :, 0]) == pytest.approx(10, rel=1e-3)


def test_triangles_of__concave_face_with_hole_keeps_area_and_side():
    turn = np.array([[0.6, 0.0, 0.8], [0.0, 1.0, 0.0], [-0.8, 0.0, 0.6]])  # out of every plane of the axes
    outer = np.array([(0, 0, 0), (10, 0, 0), (10, 4, 0), (4, 4, 0), (4, 10, 0), (0, 10, 0)], dtype=float) @ turn
    hole = np.array([(1, 1, 0), (1, 3, 0), (3, 3, 0), (3, 1, 0)], dtype=float) @ turn
    surface = {"type": "MultiSurface", "boundaries": [[[*range(6)], [6, 6, 7, 8, 9]]]}
    faces = faces_of(surface, np.concatenate([outer, hole]), "L with a hole")
    triangles = triangles_of(faces)
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]) / 2
    assert np.linalg.norm(normals, axis=1).sum() == pytest.approx(64 - 4)
    assert faces[0].normal == pytest.approx([0.0, 0.0, 1.0] @ turn)
    assert (normals @ faces[0].normal > 0).all()


def _round(tmp_path: Any, community: Community) -> Community:
    write(community, tmp_path / "a.city.json")
    return read(tmp_path / "a.city.json")[0]


@FEW
@given(communities())
def test_write_cityjson__gives_back_everything_to_the_millimetre(tmp_path_factory, community):
    folder = tmp_path_factory.mktemp("cityjson")
    assert_same(community, _round(folder, community), tolerance=1e-3)


def test_write_cityjson__geopackage_cityjson_geopackage(tmp_path):
    community = small()
    write(community, tmp_path / "a.gpkg")
    first, _ = read(tmp_path / "a.gpkg")
    second = _round(tmp_path, first)
    write(second, tmp_path / "b.gpkg")
    assert_same(community, read(tmp_path / "b.gpkg")[0], tolerance=1e-3)


def test_write_cityjson__others_can_read_it(tmp_path):
    """Without our tables, as another program sees it: same buildings, heights, storeys."""
    community = small()
    document = cityjson_document(community)
    group = [k for k, v in document["CityObjects"].items() if v["type"] == "CityObjectGroup"]
    assert group == ["cimkit"]
    del document["CityObjects"]["cimkit"]
    plain, notes = read_cityjson(_save(tmp_path / "a.json", document))
    assert plain.buildings.id.tolist() == ["B1", "B2"]
    assert plain.buildings.height == pytest.approx(community.buildings.height)
    assert plain.buildings.n_above.tolist() == [6, 3]
    assert np.abs(plain.buildings.footprint.areas() - 240).max() < 1e-6
    assert plain.spaces.id.tolist() == ["S1"]
    assert "BuildingStorey" in {n.table for n in notes}


def test_write_cityjson__obeys_the_rules_of_the_format():
    """Ours: the schema is not at hand offline, so its rules on structure are checked one by one."""
    document = cityjson_document(small())
    json.dumps(document, allow_nan=False)
    assert set(document) == {"type", "version", "transform", "metadata", "CityObjects", "vertices"}
    assert document["metadata"]["referenceSystem"] == "https://www.opengis.net/def/crs/EPSG/0/4549"
    count = len(document["vertices"])
    assert all(len(v) == 3 and all(isinstance(c, int) for c in v) for v in document["vertices"])
    assert len({tuple(v) for v in document["vertices"]}) == count
    depth = {"MultiSurface": 3, "Solid": 4}
    used = set()
    for key, thing in document["CityObjects"].items():
        for parent in thing.get("parents", []):
            assert key in document["CityObjects"][parent]["children"]
        for child in thing.get("children", []):
            assert key in document["CityObjects"][child]["parents"]
        assert (thing["type"] == "BuildingStorey") == ("parents" in thing)
        for geometry in thing.get("geometry", []):
            assert isinstance(geometry["lod"], str)
            assert _depth(geometry["boundaries"]) == depth[geometry["type"]]
            numbers = list(_leaves(geometry["boundaries"]))
            assert 0 <= min(numbers) <= max(numbers) < count
            used |= set(numbers)
            if "semantics" in geometry:
                values = geometry["semantics"]["values"]
                assert [len(shell) for shell in values] == [len(shell) for shell in geometry["boundaries"]]
                assert max(values[0]) < len(geometry["semantics"]["surfaces"])
    assert used == set(range(count))


def test_write_cityjson__blocks_close_and_face_outwards():
    document = cityjson_document(small())
    vertices = np.array(document["vertices"]) / 1000
    solid = next(g for g in document["CityObjects"]["B2"]["geometry"] if g["type"] == "Solid")
    a, b, c = np.moveaxis(triangles_of(faces_of(solid, vertices, "B2")), 1, 0)
    assert np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6 == pytest.approx(240 * 9)
    edges = [(r[i], r[(i + 1) % len(r)]) for f in solid["boundaries"][0] for r in f for i in range(len(r))]
    assert sorted(edges) == sorted((b, a) for a, b in edges)


def test_read_cityjson__tables_left_aside_when_others_changed_the_file(tmp_path):
    document = cityjson_document(small())
    document["CityObjects"]["B1"]["attributes"]["name"] = "changed"
    community, notes = read_cityjson(_save(tmp_path / "a.json", document))
    assert "another program has changed the file" in next(n.text for n in notes)
    assert community.buildings.name.tolist() == ["changed", ""]


def test_read_cityjson__tables_kept_when_others_only_stored_it_anew(tmp_path):
    document = cityjson_document(small())
    order = np.random.default_rng(1).permutation(len(document["vertices"]))
    place = np.argsort(order)
    document["vertices"] = [document["vertices"][i] for i in order]
    document["CityObjects"] = dict(reversed(document["CityObjects"].items()))
    for thing in document["CityObjects"].values():
        for geometry in thing.get("geometry", []):
            geometry["boundaries"] = _renumbered(geometry["boundaries"], place)
    community, _ = read_cityjson(_save(tmp_path / "a.json", document))
    assert_same(small(), community, tolerance=1e-3)


def test_write_cityjson__refuses_what_json_cannot_hold(tmp_path):
    from cimkit.model.tables import Buildings

    with pytest.raises(InputError):
        write_cityjson(Community(buildings=Buildings(id=["a"], extra={"z": np.array([1j])})), tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


def _depth(nested: Any) -> int:
    return 1 + _depth(nested[0]) if isinstance(nested, list) else 0


def _leaves(nested: Any) -> Any:
    for item in nested:
        if isinstance(item, list):
            yield from _leaves(item)
        else:
            yield item


def _renumbered(nested: Any, place: Any) -> Any:
    return [_renumbered(v, place) for v in nested] if isinstance(nested, list) else int(place[nested])
