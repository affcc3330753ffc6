"""The command line as scripts use it: exit codes, files, JSON, errors in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cimkit import cli, samples
from cimkit.io.files import read, write


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rows of slabs as a file."""
    path = tmp_path_factory.mktemp("cli") / "rows.gpkg"
    write(samples.slab_rows(rows=2, gap=30), path)
    return path


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """Call the command line as a shell would; return the exit code."""
    monkeypatch.setattr("sys.argv", ["cimkit", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_sample_info_convert__round_trip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "sample", tmp_path / "a.gpkg", "--kind", "slab_rows") == 0
    assert run(monkeypatch, "convert", tmp_path / "a.gpkg", tmp_path / "b.city.json") == 0
    assert run(monkeypatch, "convert", tmp_path / "b.city.json", tmp_path / "c.gpkg") == 0
    assert run(monkeypatch, "convert", tmp_path / "a.gpkg", tmp_path / "a.glb") == 0
    assert (tmp_path / "a.glb").read_bytes()[:4] == b"glTF"
    first, last = read(tmp_path / "a.gpkg")[0], read(tmp_path / "c.gpkg")[0]
    assert list(first.buildings.id) == list(last.buildings.id)
    capsys.readouterr()
    assert run(monkeypatch, "info", tmp_path / "c.gpkg", "--json") == 0
    tables = {row["table"]: row["rows"] for row in json.loads(capsys.readouterr().out)}
    assert tables["buildings"] == 2


def test_sunlight_walk_areas__write_tables(rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for command, column in (("sunlight", "sunlight_h"), ("walk", "walk_min"), ("areas", "counted_m2")):
        path = tmp_path / f"{command}.csv"
        assert run(monkeypatch, command, rows, "-o", path) == 0
        assert column in path.read_text(encoding="utf-8-sig").splitlines()[0].split(",")


def test_areas__sheet_of_indicators_there_and_back(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "指标.csv"
    options = ("--sun", "great-cold", "--roof-green", "1.5=1")
    assert run(monkeypatch, "areas", rows, "--table", "sheet", *options, "-o", sheet) == 0
    capsys.readouterr()
    assert run(monkeypatch, "areas", rows, "--declared", sheet, "--json") == 0
    told = {r["指标 indicator"]: r["agrees"] for r in json.loads(capsys.readouterr().out)}
    assert told["总建筑面积"] is True
    assert False not in told.values()


def test_check__exit_code_is_the_verdict(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = tmp_path / "own.toml"
    head = '[pack]\nname = "own"\nlevel = "project"\nsource = "plan"\n[[rule]]\nid = "far"\nstandard = "plan"\n'
    rule = 'indicator = "floor_area_ratio"\ncomparator = "<="\nthreshold = {}\nunit = ""\nmark = "P"\ntext = "FAR"\n'
    for limit, code in ((9.0, 0), (0.1, 1)):
        pack.write_text(head + rule.format(limit), encoding="utf-8")
        assert run(monkeypatch, "check", rows, "--pack", pack, "-o", tmp_path / "r.html") == code
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<main" in page
    assert "http:" not in page.split("<main")[0]
    capsys.readouterr()
    assert run(monkeypatch, "check", rows, "--pack", pack, "--json") == 1
    assert json.loads(capsys.readouterr().out)["counts"]["fail"] == 1


@pytest.mark.parametrize(
    "words",
    [
        ("check", "nothing.gpkg"),
        ("check",),
        ("convert", "alone.gpkg"),
        ("sunlight", "ROWS", "--day", "easter"),
        ("check", "ROWS", "--city", "atlantis"),
        ("check", "ROWS", "--pack", "none-such"),
        ("walk", "ROWS", "--by", "cat"),
        ("areas", "ROWS", "-o", "ledger.docx"),
        ("areas", "ROWS", "--roof-green", "deep=1"),
        ("nonsense",),
    ],
)
def test_bad_input__is_code_2_and_one_clear_line(
    words: tuple[str, ...], rows: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *(rows if w == "ROWS" else w for w in words)) == 2
    said = capsys.readouterr()
    assert "Traceback" not in said.err + said.out
    assert "rror" in said.err


def test_stopping__is_code_4(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cimkit.floor_areas", stop)
    assert run(monkeypatch, "areas", rows) == 4


def test_doctor__is_ready(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "doctor") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "ready"
