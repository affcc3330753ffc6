"""Commands about services, emergency and variants, as scripts use them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import shapely

from cimkit import samples
from cimkit.io.files import write
from cimkit.model.community import Community
from cimkit.model.records import Space
from tests.cli.test_cli import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two variants: rows of slabs 30 m and 12 m apart, with a shelter before the path."""
    made = tmp_path_factory.mktemp("variants")
    for name, gap in (("wide", 30.0), ("narrow", 12.0)):
        block = samples.slab_rows(rows=2, gap=gap)
        ground = Community.of(others=[Space("SH", "shelter", shapely.box(50, 0, 70, 20), public=True)])
        write(dataclasses.replace(block, spaces=block.spaces.stacked(ground.spaces)), made / f"{name}.gpkg")
    return made


def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    capsys.readouterr()
    assert run(monkeypatch, *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_supply_improve_evacuation__tables(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = folder / "wide.gpkg"
    (whole, *_) = printed(monkeypatch, capsys, "supply", plan, "--kind", "kindergarten")
    assert (whole["kind"], whole["facilities"]) == ("kindergarten", 1)
    assert whole["persons_within"] + whole["persons_without"] == pytest.approx(whole["persons"])
    (survey,) = printed(monkeypatch, capsys, "supply", plan, "--survey")
    assert "capacity" in survey["missing"] or survey["capacity"] > 0
    (added,) = printed(monkeypatch, capsys, "improve", plan, "nursery", "--site", "S1")
    assert (added["action"], added["site"]) == ("add", "S1")
    homes = printed(monkeypatch, capsys, "evacuation", plan)
    assert all(h["reach_min"] > 0 and h["shelter"] == "SH" for h in homes)
    (shelter,) = printed(monkeypatch, capsys, "evacuation", plan, "--loads")
    assert shelter["area_m2"] == pytest.approx(400.0)
    picture = tmp_path / "away.png"
    assert run(monkeypatch, "evacuation", plan, "--picture", picture, "-o", tmp_path / "away.csv") == 0
    assert picture.stat().st_size > 10_000


def test_compare__variants_side_by_side(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plans = (folder / "wide.gpkg", folder / "narrow.gpkg")
    rows = printed(monkeypatch, capsys, "compare", *plans, "--city", "hangzhou")
    spacing = next(r for r in rows if r["rule"] == "hangzhou-spacing")
    assert (spacing["wide: fail"], spacing["narrow: fail"]) == (0, 1)
    assert spacing["narrow: least margin"] < 0 < spacing["wide: least margin"]
    assert run(monkeypatch, "compare", *plans, "--city", "hangzhou") == 0
    shown = capsys.readouterr().out
    assert "hangzhou-spacing" in shown
    assert "gb55038-4.1.2" not in shown  # nothing fails and nothing differs


def test_check__many_goes_on_after_a_bad_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "middle.gpkg").write_bytes(b"no database")
    table = tmp_path / "many.csv"
    code = run(monkeypatch, "check", folder, "--many", "--city", "hangzhou", "-o", table)
    (folder / "middle.gpkg").unlink()
    lines = table.read_text(encoding="utf-8-sig").splitlines()
    assert code == 1
    assert [line.split(",")[:2] for line in lines[1:]] == [
        ["middle.gpkg", "2"],
        ["narrow.gpkg", "1"],
        ["wide.gpkg", "1"],
    ]
    assert "middle.gpkg" in lines[1].split(",", 2)[2]


def test_check__many_goes_on_where_it_was_stopped(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cimkit.cli import judge as many

    asked, judge, table = [], many._judged, tmp_path / "many.csv"

    def stopped(source: Any, *how: Any) -> dict[str, Any]:
        asked.append(source.plan[0].name)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return judge(source, *how)

    monkeypatch.setattr(many, "_judged", stopped)
    assert run(monkeypatch, "check", folder, "--many", "-o", table) == 4
    journal = tmp_path / "many.csv.part"
    assert (not table.exists(), [json.loads(line)["plan"] for line in journal.read_text().splitlines()]) == (
        True,
        ["narrow.gpkg"],
    )
    journal.write_text(journal.read_text() + '{"plan": "torn')
    assert run(monkeypatch, "check", folder, "--many", "-o", table) == 1
    assert asked == ["narrow.gpkg", "wide.gpkg", "wide.gpkg"]  # the first one was not judged again
    assert "1 rows of an interrupted run" in capsys.readouterr().err
    assert not journal.exists()
    whole = table.read_bytes()
    assert run(monkeypatch, "check", folder, "--many", "-o", table) == 1
    assert table.read_bytes() == whole
    assert run(monkeypatch, "check", folder, "--many", "--before", folder / "wide.gpkg") == 2


def test_check__many_survives_what_nobody_foresaw(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cimkit.cli import judge as many

    def broken(*_: Any, **__: Any) -> None:
        raise MemoryError("9.5 TiB")

    monkeypatch.setattr(many.Rules, "judge", broken)
    assert run(monkeypatch, "check", folder, "--many", "-o", tmp_path / "many.json") == 4
    rows = json.loads((tmp_path / "many.json").read_text())
    assert [(r["exit_code"], r["fail"], r["error"]) for r in rows] == [(4, None, "MemoryError: 9.5 TiB")] * 2


@pytest.mark.parametrize("command", ["supply", "improve", "evacuation", "compare"])
def test_help__has_an_example(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, command, "--help") == 0
    assert f"Example: cimkit {command}" in " ".join(capsys.readouterr().out.split())


def test_evacuation__leaves_out_who_lives_in_houses_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], site: Community
) -> None:
    write(site, tmp_path / "site.cimz")
    (load,) = printed(monkeypatch, capsys, "evacuation", tmp_path / "site.cimz", "--loads")
    after = float(site.after().population.persons.sum())
    assert load["persons"] == pytest.approx(after)
    assert after < float(site.population.persons.sum())
