"""The commands about walking: every table and line they write, on a whole community."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import cimkit as ck
from cimkit.cli import main


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[ck.Community, Path]:
    """Write the site as a file, before and after in one; return what stands after the project."""
    community = ck.samples.future_community()
    path = tmp_path_factory.mktemp("walk") / "site.cimz"
    ck.write(community, path)
    return community.after(), path


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["cimkit", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_walk__access_passing_and_open_spaces(
    site: tuple[ck.Community, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {name: tmp_path / name for name in ("walk.csv", "access.csv", "passing.gpkg")}
    options = ("--to", "health_station", "--by", "pram", "--open-space", "--competition", "balanced")
    written = ("-o", files["walk.csv"], "--access", files["access.csv"], "--passing", files["passing.gpkg"])
    assert run(monkeypatch, "walk", site[1], *options, *written) == 0
    walk, access, passing = pd.read_csv(files["walk.csv"]), pd.read_csv(files["access.csv"]), files["passing.gpkg"]
    assert len(walk) == len(access) == len(site[0].dwellings)
    assert run(monkeypatch, "walk", site[1], "--to", "health_station", "--before", "-o", files["walk.csv"]) == 0
    today = ck.read(site[1])[0].before()
    assert pd.read_csv(files["walk.csv"])["dwelling"].tolist() == today.dwellings.id.tolist()
    assert access["health_station_places_per_person"].between(0, np.inf).all()
    use = gpd.read_file(passing)
    assert use["persons"].max() > 100
    assert "open space" in set(use["path"])


def test_route__a_line_in_three_dimensions_for_each_walker(
    site: tuple[ck.Community, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    c = site[0]
    high = int(np.argmax(c.storeys.z[c.dwellings.storey]))
    home, out = str(c.dwellings.id[high]), tmp_path / "route.geojson"
    ask = ("route", site[1], "--from", home, "--to", "health_station", "--by", "adult", "--by", "wheelchair")
    assert run(monkeypatch, *ask, "-o", out, "--picture", tmp_path / "route.png") == 0
    assert (tmp_path / "route.png").stat().st_size > 10_000
    routes = gpd.read_file(out)
    assert routes["walker"].tolist() == ["adult", "wheelchair"]
    assert routes["walk_min"].is_monotonic_increasing
    z = shapely.get_coordinates(routes.geometry.iloc[0], include_z=True)[:, 2]
    assert z[0] - z[-1] == pytest.approx(c.storeys.z[c.dwellings.storey[high]], abs=1.0)
    assert run(monkeypatch, *ask, "--lifts-off", "-o", out) == 0
    routes = gpd.read_file(out)
    assert np.isfinite(routes["walk_min"][0])
    assert not routes.geometry.iloc[0].is_empty
    assert routes.geometry.iloc[1] is None or routes.geometry.iloc[1].is_empty  # nobody rolls down the stairs
    assert run(monkeypatch, "route", site[1], "--from", home, "--to", "castle") == 2
