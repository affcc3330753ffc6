"""What the templates make of data: text stays text, whatever it holds; paper carries the worst."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

import cimkit as ck
from cimkit.rules.findings import Verdict
from cimkit.samples import slab_rows
from cimkit.view import svg
from cimkit.view.page import Html, both, page, render, told
from cimkit.view.tables import Mark

EVIL = "\"><img src=x onerror=alert(1)></script>'&楼"


def test_both__carries_two_languages_unless_they_are_equal() -> None:
    assert both("plan", "图") == '<span lang="zh">图</span><span lang="en">plan</span>'
    assert both("B1", "B1") == "B1"
    assert both("<b>", Html("<br>")) == '<span lang="zh"><br></span><span lang="en">&lt;b&gt;</span>'
    assert told("<i>") == "&lt;i&gt;"


class Reader(HTMLParser):
    """Counts the elements of a page and keeps its text and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.texts += [value or "" for name, value in attrs if name != "content"]
        assert not [name for name, _ in attrs if name.startswith("on")], attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def evil(block: ck.Community) -> ck.Community:
    """Return a block whose every text tries to run."""
    names = {}
    for title in ("buildings", "facilities", "parcels"):
        table = getattr(block, title)
        texts = {c: np.array([f"{EVIL}{k}" for k in range(len(table))], dtype=object) for c in ("id", "name")}
        names[title] = dataclasses.replace(table, **texts)
    return dataclasses.replace(block, name=EVIL, unit=EVIL, **names)


def test_report__texts_of_the_data_are_text_everywhere(tmp_path: Path) -> None:
    block = evil(slab_rows(rows=2, gap=12))
    light = ck.sunlight(block, ck.window_receptors(block), ck.SunDay.great_cold(block.require_location()))
    areas = ck.floor_areas(block)
    results = [light, ck.walk_times(block), areas, ck.site_indicators(block, areas)]
    found = ck.check(block, city="hangzhou")
    path = ck.view.report(block, found, path=tmp_path / "r.html", results=results, title=EVIL)
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert "img" not in reader.names
    assert sum(EVIL in text for text in reader.texts) > 50
    assert reader.names.count("script") == 4  # scene, minutes of walks, page, viewer


def test_sunlight__says_what_was_measured(tmp_path: Path) -> None:
    block = slab_rows(rows=2, gap=12)
    day = ck.SunDay.great_cold(block.require_location())
    places = {"points on the ground": ck.ground_receptors(block, spacing=9.0)}
    places["points on walls"] = ck.facade_receptors(block, spacing=9.0)
    for said, receptors in places.items():
        path = ck.view.report(block, path=tmp_path / "a.html", results=[ck.sunlight(block, receptors, day)])
        rows = re.findall("<tr.*?</tr>", path.read_text().partition('id="sunlight"')[2].partition("</section>")[0])[1:]
        assert all(said in row and "各窗" not in row for row in rows)
        names = [re.findall('data-id="(.*?)"', row) for row in rows]
        assert names == ([[]] if "ground" in said else [["S1"], ["S2"]])
        counts = [int(re.findall('<td class="n">([\\d,]+)<', row)[0].replace(",", "")) for row in rows]
        assert sum(counts) == len(receptors)


def test_findings__on_paper_are_the_three_farthest_from_the_limit_of_each_rule(tmp_path: Path) -> None:
    block = slab_rows()
    one = dataclasses.replace(next(iter(ck.check(block, packs=["PLAN"]))), verdict=Verdict.FAIL)
    rows: list[Any] = [dataclasses.replace(one, object=f"B{k}", margin=-float(k)) for k in (2, 5, 1, 4, 3)]
    rows.append(dataclasses.replace(one, rule=dataclasses.replace(one.rule, id="s"), object="C1"))
    rows.append(dataclasses.replace(one, object="D1", verdict=Verdict.PASS, margin=-9.0))
    text = ck.view.report(block, rows, path=tmp_path / "r.html").read_text(encoding="utf-8")
    table = text.split('id="finding-rows"')[1].split("</table>")[0]
    printed = [line.split('data-id="')[1][:2] for line in table.split("<tr") if 'class="worst"' in line]
    assert printed == ["B5", "B4", "B3", "C1"]


def test_page__lets_nothing_run_but_its_own_script() -> None:
    whole = page(render("qgis.qml", column=EVIL, uses=[]), EVIL, "en", style="p{}", script="let a = '<';")
    assert re.search(r"script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; img-src data:", whole)
    assert "let a = '<';" in whole
    assert "<img" not in whole


def test_plan__names_stand_off_the_marks() -> None:
    block = slab_rows(rows=2, gap=12)
    sheet, middles = svg.sheet_of(block), block.buildings.footprint.inner_points()
    marks = [Mark(x, y, "fail", "", "", 9) for x, y in middles]
    plain, moved = (svg.plan(block, sheet, marks=m)["labels"] for m in ([], marks))
    assert [text for text, _ in plain] == [text for text, _ in moved]
    far = marks[0].radius * sheet.coarse + 0.5 * svg.LETTER * min(sheet.coarse, 1.0)
    for (_, spot), (_, before) in zip(moved, plain, strict=True):
        x, y, *_ = (float(v) for v in re.findall(r"[-\d.]+", spot))
        u, v, *_ = (float(w) for w in re.findall(r"[-\d.]+", before))
        assert x == u
        assert far - 0.1 <= abs(y - v) <= far + 0.5 * svg.LETTER + 0.1
