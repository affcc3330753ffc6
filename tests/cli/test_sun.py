"""Commands about sun and sky: tables with units, exit codes, a picture."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from cimkit import cli
from cimkit.io.files import read, write
from cimkit.model.community import Community
from cimkit.model.records import Building, Location, Parcel


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A parcel south of a house, in a file."""
    path = tmp_path_factory.mktemp("sun") / "plan.gpkg"
    c = Community.of(
        location=Location(30.25, 120.17),
        parcels=[Parcel("P", shapely.box(0, 0, 40, 25))],
        buildings=[
            Building("N", shapely.box(0, 35, 40, 47), storeys=4),
            Building("S", shapely.box(50, 0, 62, 40), storeys=6),
        ],
    )
    write(c, path)
    return path


@pytest.fixture(scope="module")
def epw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A year of equal days."""
    path = tmp_path_factory.mktemp("weather") / "made.epw"
    hour = np.arange(24)
    sun = np.maximum(0.0, np.sin(np.pi * (hour - 6) / 12))
    day = [f"2001,1,1,{h + 1},60,A,5,1,90,101000,0,0,300,{600 * s:.0f},{500 * s:.0f},{100 * s:.0f}"
           for h, s in zip(hour, sun, strict=True)]  # fmt: skip
    head = ["LOCATION,X,-,CHN,T,1,30.0,120.0,8.0,5.0", *["-"] * 7]
    path.write_text("\n".join(head + day * 365), encoding="utf-8")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["cimkit", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_blockers_sky_irradiance__write_tables(
    plan: Path, epw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = {
        "blockers": (["--building", "N"], "sole_min"),
        "sky": (["--at", "facades", "--epw", epw], "apsh_winter_pct"),
        "irradiance": (["--epw", epw, "--spacing", 6], "roof_kwh"),
    }
    for command, (words, column) in calls.items():
        path = tmp_path / f"{command}.csv"
        assert run(monkeypatch, command, plan, *words, "-o", path) == 0
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        assert column in lines[0].split(",")
        assert len(lines) > 2


def test_irradiance__bad_weather_is_code_2(plan: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bad.epw").write_text("hello", encoding="utf-8")
    assert run(monkeypatch, "irradiance", plan, "--epw", tmp_path / "bad.epw") == 2


def test_envelope__writes_massing_and_picture(plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture, table = tmp_path / "e.png", tmp_path / "e.gpkg"
    words = ["--parcel", "P", "--cell", 5, "--storeys", 12, "--picture", picture, "-o", table]
    assert run(monkeypatch, "envelope", plan, *words) == 0
    assert picture.stat().st_size > 5_000
    assert table.exists()
    assert run(monkeypatch, "envelope", plan, "--parcel", "Q") == 2


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tower planned south of a house, and one farther north that it cannot reach."""
    path = tmp_path_factory.mktemp("project") / "plan.gpkg"
    c = Community.of(
        location=Location(30.25, 120.17),
        parcels=[Parcel("P", shapely.box(-50, -10, 90, 120))],
        buildings=[
            Building("S", shapely.box(-40, 0, 80, 12), storeys=18, status="planned"),
            Building("N", shapely.box(0, 40, 40, 52), storeys=6),
            Building("F", shapely.box(0, 300, 40, 312), storeys=6),
        ],
    )
    write(c, path)
    return path


def test_shadows__outlines_union_and_patches(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, picture = tmp_path / "s.gpkg", tmp_path / "s.png"
    assert run(monkeypatch, "shadows", project, "-o", file, "--picture", picture) == 0
    frame = gpd.read_file(file)
    assert frame["when"].tolist() == [*(f"{h}:00" for h in range(8, 17)), "any"]
    assert frame.geometry.is_valid.all()
    union = shapely.union_all(frame.geometry[:-1])
    assert union.symmetric_difference(frame.geometry.iloc[-1]).area == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(frame["area_m2"], frame.area)
    assert picture.stat().st_size > 5_000
    assert run(monkeypatch, "shadows", project, "--hour", 9, "--patches", "ground", "-o", file) == 0
    sun = gpd.read_file(file).geometry[0]
    ground = (
        shapely.box(-50, -10, 90, 120).difference(shapely.box(-40, 0, 80, 12)).difference(shapely.box(0, 40, 40, 52))
    )
    assert sun.area == pytest.approx(ground.area - frame.geometry[1].intersection(_moved(ground, sun)).area, rel=1e-6)
    assert run(monkeypatch, "shadows", project, "--hour", 12, "--patches", "floors", "-o", tmp_path / "f.csv") == 0
    assert run(monkeypatch, "shadows", project, "--patches", "walls") == 2


def _moved(ground: object, like: object) -> object:
    """Return the ground in the coordinates of a patch, whose least corner is the parcel's."""
    return shapely.transform(ground, lambda xy: xy + np.array(like.bounds[:2]) - (-50, -10))  # type: ignore[attr-defined]


def test_affected_and_change__name_who_loses(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, picture = tmp_path / "a.gpkg", tmp_path / "a.png"
    assert run(monkeypatch, "affected", project, "-o", file, "--picture", picture) == 0
    frame = gpd.read_file(file)
    assert dict(zip(frame["building"], frame["role"], strict=True)) == {"S": "planned", "N": "affected"}
    assert picture.stat().st_size > 5_000
    change = tmp_path / "c.csv"
    assert run(monkeypatch, "sunlight", project, "--change", "-o", change, "--picture", tmp_path / "c.png") == 1
    rows = pd.read_csv(change)
    assert set(rows["building"]) == {"N", "F"}
    assert (rows.loc[rows["verdict"] == "newly short", "building"] == "N").all()
    assert (rows.loc[rows["building"] == "F", "change_h"].abs() < 1e-9).all()
    plain = tmp_path / "plain.gpkg"
    write(read(project)[0].before(), plain)
    assert run(monkeypatch, "affected", plain) == 2
    assert run(monkeypatch, "sunlight", plain, "--change") == 0


def test_spacing__lists_facing_pairs(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "p.csv"
    assert run(monkeypatch, "spacing", project, "--rule", "hangzhou", "-o", file, "--picture", tmp_path / "p.png") == 0
    rows = pd.read_csv(file)
    assert rows[["building", "blocker"]].to_numpy().tolist() == [["N", "S"]]
    assert rows["distance_m"].tolist() == pytest.approx([28.0])
    assert rows["too_close"].tolist() == [True]
    assert run(monkeypatch, "spacing", project, "--rule", "paris") == 2


def test_sunlight__map_read_back(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows as points, facade lines as long as the walls, isochrones one within the other with their areas."""
    file = tmp_path / "map.gpkg"
    assert run(monkeypatch, "sunlight", project, "--map", file, "--picture", tmp_path / "plan.png") == 0
    windows, lines, rings = (gpd.read_file(file, layer=n) for n in ("window", "facade_lines", "isochrones"))
    for frame in (windows, lines, rings):
        assert frame.geometry.is_valid.all()
    assert windows["sunlight_h"].between(0, 8).all()
    assert lines.length.sum() == pytest.approx(2 * (120 + 12) + 2 * 2 * (40 + 12))
    assert (lines["at_least_h"] * 2 % 1 == 0).all()
    assert rings["at_least_h"].tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(rings["area_m2"], rings.area)
    for outer, inner in pairwise(rings.geometry):
        assert inner.difference(outer).area < 1e-6
    assert rings.area.iloc[0] < 140 * 130 - 120 * 12 - 40 * 12
