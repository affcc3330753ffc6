"""Result tables: whole or absent, and harmless in a spreadsheet."""

from __future__ import annotations

import json
import os

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from openpyxl import load_workbook

from cimkit.errors import InputError
from cimkit.io.atomic import atomic_write, write_text
from cimkit.io.results import RESULT_SUFFIXES, safe_text, write_table

FORMULAS = ["=1+1", "+1", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")']


def _frame() -> gpd.GeoDataFrame:
    shapes = [shapely.box(0, 0, 1, 1), None]
    columns = {"id": ["=1+1", "乙"], "sunlight_h": [1.5, np.nan], "storeys": [3, -1], "ok": [True, False]}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4549")


@pytest.mark.parametrize("suffix", RESULT_SUFFIXES)
def test_write_table__keeps_rows_by_every_suffix(tmp_path, suffix):
    path = tmp_path / f"结果{suffix}"
    write_table(_frame(), path)
    if suffix == ".csv":
        back = pd.read_csv(path)
    elif suffix == ".json":
        back = pd.DataFrame(json.loads(path.read_text(encoding="utf-8")))
    elif suffix == ".xlsx":
        back = pd.read_excel(path)
    elif suffix == ".parquet":
        back = gpd.read_parquet(path)
    else:
        back = pyogrio.read_dataframe(path)
    assert back["sunlight_h"].iloc[0] == 1.5
    assert pd.isna(back["sunlight_h"].iloc[1])
    assert back["storeys"].tolist() == [3, -1]
    assert back["id"].iloc[1] == "乙"
    assert {p.stem for p in tmp_path.iterdir()} == {path.stem}  # a Shapefile has side files


@pytest.mark.parametrize("text", FORMULAS)
def test_write_table__no_text_becomes_a_formula(tmp_path, text):
    frame = pd.DataFrame({text: [text, "plain"], "value": [-1.5, 2.0]})
    write_table(frame, tmp_path / "a.csv")
    back = pd.read_csv(tmp_path / "a.csv", dtype=str, keep_default_na=False)
    assert back.columns[0] == safe_text(text).replace("\r", "\n")
    assert back.iloc[0, 0].startswith("'")
    assert back["value"].tolist() == ["-1.5", "2.0"]
    write_table(frame, tmp_path / "a.xlsx")
    sheet = load_workbook(tmp_path / "a.xlsx").active
    assert [c.data_type for c in next(iter(sheet.iter_rows(min_row=2)))] == ["s", "n"]
    assert sheet["A1"].data_type == "s"
    write_table(frame, tmp_path / "b.csv", excel_safe=False)
    assert pd.read_csv(tmp_path / "b.csv", dtype=str).iloc[0, 0] == text.replace("\r", "\n")


def test_write_table__control_characters_do_not_stop_excel(tmp_path):
    write_table(pd.DataFrame({"a": ["x\x01y\x0b", "😀𠀀"]}), tmp_path / "a.xlsx")
    assert pd.read_excel(tmp_path / "a.xlsx")["a"].tolist() == ["xy", "😀𠀀"]


def test_write_table__refuses_other_suffixes_and_shapeless_maps(tmp_path):
    with pytest.raises(InputError, match="suffix of a result table must be one of"):
        write_table(_frame(), tmp_path / "a.pdf")
    with pytest.raises(InputError, match="GeoJSON needs a table with shapes"):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "a.geojson")
    assert list(tmp_path.iterdir()) == []


def test_write_table__json_holds_no_nan(tmp_path):
    write_table(pd.DataFrame({"a": [np.inf, np.nan], "t": pd.to_datetime(["2026-01-20", None])}), tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == [
        {"a": None, "t": "2026-01-20 00:00:00"},
        {"a": None, "t": None},
    ]


def test_atomic_write__leaves_the_old_file_when_the_block_fails(tmp_path):
    target = tmp_path / "a.txt"
    write_text(target, "old")

    def fail() -> None:
        with atomic_write(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_atomic_write__is_whole_or_absent_at_every_step(tmp_path, monkeypatch, broken):
    target = tmp_path / "a.txt"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, broken, full)
    with pytest.raises(OSError, match="No space"):
        write_text(target, "new")
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_atomic_write__refuses_folders(tmp_path):
    with pytest.raises(InputError, match="must be a file"):
        write_text(tmp_path, "x")
    with pytest.raises(InputError, match="folder must exist"):
        write_text(tmp_path / "nowhere" / "a.txt", "x")
