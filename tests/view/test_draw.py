"""Every result has a picture, a 3D view and a table; Chinese is drawn or replaced, never boxes."""

from __future__ import annotations

import dataclasses
import gzip
import importlib
import inspect
import json
import pkgutil
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import cimkit as ck
from cimkit.errors import InputError
from cimkit.model.drawn import Drawn
from cimkit.sim import sky
from cimkit.sim.receptors import Receptors
from cimkit.view import show as shown
from cimkit.view.layers import LAYERED, even_classes
from cimkit.view.lists import USES
from cimkit.view.plan import CHARTS
from cimkit.view.scene import modes_of, scene_bytes

mpl.use("Agg")
SITE = ck.samples.slab_rows(rows=3, gap=18)
DAY = ck.SunDay.great_cold(SITE.require_location())


PROJECT = """[pack]
name = "riverside"
level = "project"
extends = ["CN-ZJ-FutureCommunity"]
standard = "Project"
source = "the project's own targets"

[acceptance]
project_type = "new_build"
weights = { response = 0.4, digital = 0.2, operation = 0.2, features = 0.2 }
"""


def survey() -> Any:
    from cimkit.rules.survey import Question, Questionnaire, satisfaction

    asked = Questionnaire((Question("q1", "Is it quiet?", "安静吗"), Question("q2", "Is it green?", "绿化好吗")))
    answers = pd.DataFrame({"q1": np.arange(40) % 5 + 1, "q2": [5] * 20 + [None] * 20})
    return satisfaction(answers, asked)


def results() -> list[Any]:
    at = ck.window_receptors(SITE).take(np.arange(20))
    light = ck.sunlight(SITE, at, DAY)
    areas = ck.floor_areas(SITE)
    return [
        light,
        ck.walk_times(SITE),
        ck.compare_sunlight(light, light),
        areas,
        ck.site_indicators(SITE, areas),
        ck.shadows(SITE, DAY, hours=[9, 12, 15]),
        ck.isochrones(SITE, DAY, spacing=6.0),
        ck.living_circles(SITE, "kindergarten"),
        sky.sky_view(SITE, at),
        ck.walk_route(SITE, str(SITE.dwellings.id[0]), "K1"),
        ck.path_use(SITE),
        ck.nearest_services(SITE, "kindergarten"),
        ck.service_access(SITE),
        ck.building_spacing(SITE, rule="hangzhou"),
        ck.sun_patches(SITE, DAY, hours=[10, 12]),
        ck.compare_walks(ck.walk_times(SITE), ck.walk_times(SITE)),
        ck.improvement_plan(SITE, "kindergarten", within=10.0, sites=["S2"]),
        ck.check(SITE, packs=["CN-GB50180-2018"], place={"climate_zone": "III"}),
    ]


ALL = results()


@pytest.mark.parametrize("result", ALL, ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("lang", ["en", "zh-en"])
def test_plot__draws_every_result_north_up_with_a_scale(result: Any, lang: str) -> None:
    assert isinstance(result, Drawn)
    ax = result.plot(SITE, lang=lang)
    ax.figure.canvas.draw()  # a missing glyph is a warning, and a warning an error
    assert ax.get_aspect() == 1.0
    texts = [t.get_text() for t in ax.texts]
    assert "N" in texts
    assert any(t.endswith(" m") for t in texts)
    assert ax.get_title(loc="left")
    plt.close(ax.figure)
    assert "<table" in result._repr_html_()


def test_results__every_class_with_a_table_draws_itself() -> None:
    found = {
        c
        for package in (ck.sim, ck.rules)
        for m in pkgutil.iter_modules(package.__path__)
        for _, c in inspect.getmembers(importlib.import_module(f"{package.__name__}.{m.name}"), inspect.isclass)
        if hasattr(c, "to_frame") and c.__module__.startswith(package.__name__) and not c.__subclasses__()
    } - {Receptors}  # places, no result
    assert len(found) > 25
    assert [c.__name__ for c in found if not issubclass(c, Drawn)] == []
    assert {c.__name__ for c in found} == {*LAYERED, *CHARTS, "WalkTimes"}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_plot__what_has_no_place_is_a_chart(lang: str, tmp_path: Any) -> None:
    from cimkit.rules.future import assess

    path = tmp_path / "project.toml"
    path.write_text(PROJECT, encoding="utf-8")
    answers = survey()
    whole = assess(SITE, path)
    for result in (answers, whole):
        ax = result.plot(lang=lang)
        ax.figure.canvas.draw()
        assert len(ax.patches) > 1
        assert ax.get_title(loc="left")
        assert "<table" in result._repr_html_()
        plt.close(ax.figure)
    assert answers.show()._repr_png_()[:4] == b"\x89PNG"
    assert "cim-view" in whole.show(SITE).html


@pytest.mark.parametrize("result", ALL[9:], ids=lambda r: type(r).__name__)
def test_show__every_result_is_a_page(result: Any) -> None:
    assert "cim-view" in result.show(SITE).html


def test_plot__asks_for_the_community_where_it_is_needed() -> None:
    with pytest.raises(InputError, match=r"\.plot\(community\)"):
        ALL[0].plot()
    assert ck.plot(SITE, column="n_above") is not None
    plt.close("all")


def test_show__page_has_every_mode_and_a_plan_to_fall_back_on() -> None:
    view = ck.show(SITE, *ALL)
    assert "Content-Security-Policy" in view.html
    assert 'class="fallback"' in view.html
    assert "sandbox=" in view._repr_html_()
    assert 'srcdoc="&lt;!DOCTYPE' in view._repr_html_()
    keys = {m.key.split("-")[0] for m in modes_of(SITE, ALL)}
    assert keys >= {"r0", "r1", "r2", "r3", "r6", "r8", "use", "storeys"}


def unpacked(scene: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    block = gzip.decompress(scene)
    size = int.from_bytes(block[:4], "little")
    header = json.loads(block[4 : 4 + size])
    return header, {n: np.frombuffer(block, k, c, int(s)) for n, (k, s, c) in header["arrays"].items()}


def test_scene__keeps_large_values_of_energy() -> None:
    at = ck.window_receptors(SITE).take(np.arange(3))
    direct = np.array([1150.25, 400.0, 12.5])
    year = ck.Irradiance(at, np.arange(1, 366), direct, np.zeros(3), np.zeros(3))
    header, a = unpacked(scene_bytes(SITE, [year]))
    at_windows = [header["windows"]["id"].index(str(name)) for name in at.ids]
    assert (a["r0.hours"][at_windows] / 100).tolist() == direct.tolist()


@pytest.mark.parametrize("stored", [True, False], ids=["windows of the community", "windows by rule"])
def test_scene__hours_of_some_windows_stand_at_those_windows(stored: bool) -> None:
    everywhere = ck.window_receptors(SITE)
    rows = np.arange(len(everywhere))[::-3]
    some, other = ck.sunlight(SITE, everywhere.take(rows), DAY), ck.sunlight(SITE, everywhere.take([0, 1]), DAY)
    site = SITE if stored else dataclasses.replace(SITE, windows=SITE.windows.take([]))
    header, a = unpacked(scene_bytes(site, [some, other]))
    ids = header["windows"]["id"]
    assert set(ids) == (set(SITE.windows.id) if stored else {*some.receptors.ids, *other.receptors.ids})
    assert [m["at"] for m in header["modes"][:2]] == ["windows", "windows"]
    for key, light in (("r0", some), ("r1", other)):
        hours, first = a[f"{key}.hours"] / 100, a[f"{key}.first"]
        assert len(first) == len(ids) + 1
        for k, name in enumerate(ids):
            (row,) = np.flatnonzero(light.receptors.ids == name) if name in light.receptors.ids else (-1,)
            lit = np.column_stack([a[f"{key}.start"], a[f"{key}.end"]])[first[k] : first[k + 1]] / 1800
            if row < 0:
                assert (hours[k], a[f"{key}.classes"][k], len(lit)) == (-300, 255, 0)
            else:
                assert hours[k] == pytest.approx(light.hours[row], abs=0.006)
                assert np.allclose(lit, light.intervals(row), atol=1e-3)
            if stored:
                assert SITE.windows.id[k] == name


def test_show__picture_always_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown if hasattr(shown, "_cannot_draw") else __import__("sys").modules["cimkit.view.show"],
                        "_cannot_draw", lambda: "no OpenGL was found")  # fmt: skip
    still = ck.show(SITE, ALL[0], how="picture")
    assert still._repr_png_()[:4] == b"\x89PNG"
    assert "a plan" in repr(still)
    with pytest.raises(ck.MissingDataError, match="no OpenGL"):
        ck.show(SITE, how="window")
    with pytest.raises(InputError, match="how must be one of"):
        ck.show(SITE, how="hologram")


def test_boards__mask_and_shadow_sheet() -> None:
    at = ck.window_receptors(SITE)
    row = int(np.flatnonzero((SITE.windows.building == 2) & np.isclose(SITE.windows.azimuth, 180))[0])
    ax = ck.view.plot_sun_path(SITE, at, row=row, step=3.0, lang="zh-en")
    ax.figure.canvas.draw()
    mask = ax.collections[0].get_array()
    assert (mask == 2).any()  # the half of the sky behind the wall
    assert (mask == 1).any()  # and the row in front
    assert mask.mask.any()
    sheet = ck.view.plot_shadow_range(SITE, DAY, scale=1000)
    sheet.figure.canvas.draw()
    box = sheet.get_window_extent().width / sheet.figure.dpi * 0.0254
    assert np.ptp(sheet.get_xlim()) / box == pytest.approx(1000, rel=0.01)
    assert any("true solar time" in t.get_text() for t in sheet.figure.texts)
    plt.close("all")


def test_exchange__gltf_carries_rows_and_geopackage_opens_in_colour(tmp_path: Any) -> None:
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed: pip install 'cimkit[view]'")
    file = ck.view.write_gltf(SITE, path=tmp_path / "site.glb")
    scene = trimesh.load(file)
    assert set(scene.geometry) == set(SITE.buildings.id)
    first = scene.geometry[str(SITE.buildings.id[0])]
    assert first.metadata["storeys"] == 6
    assert first.bounds[1][1] == pytest.approx(SITE.buildings.height[0])
    light = np.asarray(first.visual.material.baseColorFactor[:3], dtype=np.float64) / 255  # linear, as glTF has it
    drawn = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert drawn == pytest.approx([int(USES[SITE.buildings.use[0]][k : k + 2], 16) for k in (1, 3, 5)], abs=2)
    ck.write(SITE, tmp_path / "site.gpkg")
    ck.view.add_qgis_styles(tmp_path / "site.gpkg")
    import sqlite3

    base = sqlite3.connect(tmp_path / "site.gpkg")
    style, default = base.execute("SELECT styleQML, useAsDefault FROM layer_styles").fetchone()
    base.close()
    assert default == 1
    assert 'attr="use"' in style
    with pytest.raises(ck.MissingDataError, match="must have a layer"):
        ck.view.add_qgis_styles(tmp_path / "site.gpkg", table="castles")


def test_exchange__3d_tiles_lie_on_the_globe_and_carry_rows(tmp_path: Any) -> None:
    tilesets = pytest.importorskip(
        "py3dtiles.tileset", reason="py3dtiles is not installed: pip install 'cimkit[tiles]'"
    )
    from pyproj import Transformer

    frame = dataclasses.replace(SITE.frame, crs="EPSG:4549", origin=(500_000.0, 3_350_000.0, 0.0))
    site = dataclasses.replace(SITE, frame=frame)
    file = ck.view.write_tiles(site, path=tmp_path / "out" / "tileset.json")
    read = tilesets.TileSet.from_file(file)
    (tile,) = read.root_tile.children
    assert read.root_tile.bounding_volume.get_half_size() == pytest.approx([20.0, 36.0, 9.0], abs=1e-3)
    content = tile.get_or_fetch_content(file.parent)
    table = content.body.batch_table.header.data
    assert table["id"] == [str(v) for v in SITE.buildings.id]
    assert table["storeys"] == [6, 6, 6]
    assert content.body.feature_table.get_batch_length() == 3
    gltf = content.body.gltf
    (primitive,) = gltf.meshes[0].primitives
    assert gltf.accessors[primitive.attributes.POSITION].count == gltf.accessors[primitive.attributes._BATCHID].count
    assert gltf.accessors[primitive.attributes._BATCHID].componentType == 5126  # float: 32-bit integers are forbidden
    low, high = (np.array(getattr(gltf.accessors[primitive.attributes.POSITION], k)) for k in ("min", "max"))
    assert np.allclose(high - low, [40.0, 18.0, 72.0], atol=1e-3)  # y up: length, height, three rows and two gaps
    corner = read.root_tile.transform @ np.array([high[0], low[2] * -1 - 0.0, 0.0, 1.0])
    lon, lat = Transformer.from_crs(4978, 4979, always_xy=True).transform(*corner[:3])[:2]
    x, y = Transformer.from_crs(4326, "EPSG:4549", always_xy=True).transform(lon, lat)
    assert (x, y) == pytest.approx((500_040.0, 3_350_072.0), abs=0.1)
    with pytest.raises(ck.MissingDataError, match="crs="):
        ck.view.write_tiles(dataclasses.replace(site, frame=dataclasses.replace(frame, crs="")), path=file)


@example([25000.0, -1e-05])  # a range of 2.5 steps and a hair below zero
@given(st.lists(st.floats(-1e5, 1e5, allow_subnormal=False), min_size=1, max_size=30))
def test_legend__has_round_steps_that_hold_every_value(values: list[float]) -> None:
    found = np.array(values).round(6)
    classes = even_classes(found, ("a", "甲"), "h")
    which, edges = classes.which(found), np.array(classes.edges[:-1])
    rows = classes.legend()
    assert len(rows) == len(edges) <= 7
    assert all(np.array(edges[which]) <= found + 2e-6)
    if len(edges) == 1 and np.ptp(found) < 1e-9:
        assert rows[0][1].startswith("all ")
    else:
        step = float(np.diff(edges).mean()) if len(edges) > 1 else 1.0
        assert len(edges) == 1 or f"{step:.9e}"[:3] in ("1.0", "2.0", "5.0")


def test_legend__of_a_change_says_what_is_lost_and_when_nothing_is() -> None:
    light = ck.sunlight(SITE, ck.window_receptors(SITE), DAY)
    same = ck.compare_sunlight(light, light, required=2.0)
    assert "no window changes" in same.plot(SITE).get_title(loc="left")
    texts = [t.get_text() for t in same.plot(SITE).get_legend().get_texts()]
    assert texts == ["loses more than 2 h", "loses 1–2 h", "loses up to 1 h", "no change", "gains"]
    plt.close("all")


def test_plan__circles_are_named_by_their_own_minutes() -> None:
    site = ck.samples.future_community().after()
    texts = ck.living_circles(site, "kindergarten", minutes=(2, 5)).plot().get_legend().get_texts()
    assert [t.get_text() for t in texts] == ["within 2 min", "within 5 min"]
    plt.close("all")
