"""Commands about sun and sky: tables with units, exit codes, a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from cimkit import cli
from cimkit.io.files import write
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
