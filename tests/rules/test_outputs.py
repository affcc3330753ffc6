"""What leaves a check: JSON after its schema, JUnit, SARIF, explanations, comparisons, many plans at once."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import jsonschema
import numpy as np
import pytest
from typer.testing import CliRunner

from cimkit.cli import app
from cimkit.errors import FormatError, InputError
from cimkit.io.files import write
from cimkit.model.community import Community
from cimkit.rules.check import check
from cimkit.rules.compare import change_table, scenarios
from cimkit.rules.export import explain, to_junit, to_sarif
from cimkit.rules.findings import Findings
from cimkit.samples import slab_rows

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "findings-1.json"
PACK = """[pack]
name = "mine"
level = "project"
source = "test"
standard = "Test"

[[rule]]
id = "height"
indicator = "building_height"
comparator = "<="
threshold = {limit}
unit = "m"
mark = "P"
text = "=low & <flat>"
text_zh = "限高"
"""


@pytest.fixture(scope="module")
def block() -> Community:
    return slab_rows(rows=2, gap=30)


@pytest.fixture(scope="module")
def found(block: Community) -> Findings:
    return check(block, city="hangzhou")


def own_pack(folder: Path, limit: float, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(PACK.format(limit=limit), encoding="utf-8")
    return path


def test_to_json__follows_the_published_schema_and_gives_the_same_bytes(block: Community, found: Findings) -> None:
    jsonschema.validate(json.loads(found.to_json()), json.loads(SCHEMA.read_text(encoding="utf-8")))
    again = check(block, city="hangzhou")
    assert again.to_json() == found.to_json()
    assert to_junit(again) == to_junit(found)
    assert to_sarif(again) == to_sarif(found)


def test_to_junit__counts_what_the_findings_count(found: Findings) -> None:
    root = Xml.fromstring(to_junit(found))
    totals = {k: sum(int(s.get(k, 0)) for s in root) for k in ("tests", "failures", "skipped")}
    assert totals["tests"] == len(found)
    assert totals["failures"] == found.counts["fail"]
    assert totals["skipped"] == found.counts["unknown"] + found.counts["not_applicable"]


def test_to_sarif__has_a_result_a_failure_with_place_and_fingerprint(found: Findings) -> None:
    run = json.loads(to_sarif(found))["runs"][0]
    failed = [r for r in run["results"] if r["kind"] == "fail"]
    assert len(failed) == found.counts["fail"]
    assert len(run["results"]) == found.counts["fail"] + found.counts["unknown"]
    for r in run["results"]:
        assert run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] == r["ruleId"]
        assert r["partialFingerprints"]["finding/1"].startswith(r["ruleId"] + "@")


def test_explain__tells_formula_source_and_by_how_much(tmp_path: Path, block: Community) -> None:
    height = float(block.buildings.height[0])
    findings = check(block, packs=[own_pack(tmp_path, height - 3)])
    f = findings.failures()[0]
    said = dict(explain(json.loads(findings.to_json()), f.key))
    assert said["formula"].startswith("ground to parapet")
    assert said["sensitivity"].startswith("3 m")
    assert f"from a limit of {height:g} m" in said["sensitivity"]
    assert "P" in said["source"]
    with pytest.raises(InputError, match="height@"):
        explain(findings.to_dict(), "height@nothing")
    with pytest.raises(FormatError, match="cimkit-findings/1"):
        explain({}, f.key)


def raised(block: Community, metres: float) -> Community:
    b = block.buildings
    return dataclasses.replace(block, buildings=dataclasses.replace(b, height=b.height + np.array([metres, 0.0])))


def test_baseline__only_new_or_worse_fails(tmp_path: Path, block: Community) -> None:
    height = float(block.buildings.height[0])
    short = own_pack(tmp_path, height - 1)
    first = check(block, packs=[short])
    assert first.exit_code == 1
    assert check(block, packs=[short], baseline=first.to_dict()).exit_code == 0
    worse = check(raised(block, 2.0), packs=[short], baseline=first.to_dict())
    assert worse.exit_code == 1
    table = change_table(worse)
    assert list(table["change"]) == ["worse"]
    assert table["measured"][0] == pytest.approx(height + 2)
    with pytest.raises(FormatError, match="baseline"):
        check(block, packs=[short], baseline={"schema": "other"})


def test_change_table__new_before_healed(tmp_path: Path, block: Community) -> None:
    pack = own_pack(tmp_path, float(block.buildings.height[0]) + 1)
    up, down = raised(block, 2.0), raised(block, 0.0)
    assert list(change_table(check(up, packs=[pack], before=down))["change"]) == ["new"]
    assert "healed" in set(change_table(check(down, packs=[pack], before=up))["change"])


def test_scenarios__stand_side_by_side(tmp_path: Path, block: Community) -> None:
    pack = own_pack(tmp_path, float(block.buildings.height[0]) + 1)
    frame = scenarios({n: check(raised(block, m), packs=[pack]) for n, m in (("low", 0.0), ("high", 2.0))})
    row = frame.set_index("rule").loc["height"]
    assert (row["low: fail"], row["high: fail"]) == (0, 1)
    assert row["high: least margin"] == pytest.approx(-1)


def test_limits__of_a_project_judge_again_without_measuring(tmp_path: Path, found: Findings, block: Community) -> None:
    pack = tmp_path / "p.toml"
    pack.write_text(
        '[pack]\nname = "p"\nlevel = "project"\nextends = ["CN-ZJ-Hangzhou-2026"]\n'
        "[limits]\ngb50180-primary-school-distance = 650\nhangzhou-height = 10\n",
        encoding="utf-8",
    )
    known = found.measurements
    assert known is not None
    before = set(known._values)
    again = check(block, packs=["PLAN", pack], city="hangzhou", measurements=known)
    assert set(known._values) == before
    high = [f for f in again if f.rule.id == "hangzhou-height"]
    assert high
    assert all((f.required, f.rule.level, f.mark) == (10.0, "project", "P") for f in high)
    pack.write_text(pack.read_text(encoding="utf-8").replace("hangzhou-height", "no-such-rule"), encoding="utf-8")
    with pytest.raises(FormatError, match=r"p\.toml, line 7, key 'no-such-rule'"):
        check(block, packs=[pack])


def test_cli__many_plans_with_one_that_cannot_be_read(tmp_path: Path, block: Community) -> None:
    plans = tmp_path / "plans"
    plans.mkdir()
    write(block, plans / "a.gpkg")
    (plans / "b.gpkg").write_bytes(b"not a plan")
    write(block, plans / "c.gpkg")
    pack, table = own_pack(tmp_path, 500.0), tmp_path / "table.csv"
    done = CliRunner().invoke(app, ["check", str(plans), "--many", "--pack", str(pack), "-o", str(table)])
    assert done.exit_code == 2
    rows = table.read_text(encoding="utf-8-sig").splitlines()
    assert [r.split(",")[:2] for r in rows[1:]] == [["a.gpkg", "0"], ["b.gpkg", "2"], ["c.gpkg", "0"]]


def test_cli__writes_each_format_and_explains(tmp_path: Path, block: Community) -> None:
    plan, pack = tmp_path / "a.gpkg", own_pack(tmp_path, 1.0)
    write(block, plan)
    names = ["f.json", "f.csv", "f.xlsx", "f.xml", "f.sarif", "f.gpkg", "f.html"]
    outputs = [part for n in names for part in ("-o", str(tmp_path / n))]
    run = CliRunner()
    assert run.invoke(app, ["check", str(plan), "--pack", str(pack), *outputs]).exit_code == 1
    assert all((tmp_path / n).stat().st_size for n in names)
    assert "'=low" in (tmp_path / "f.csv").read_text(encoding="utf-8-sig")
    key = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))["findings"][0]["key"]
    assert "sensitivity" in run.invoke(app, ["explain", str(tmp_path / "f.json"), key]).output


def test_cli__a_new_pack_is_right_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    run, path = CliRunner(), tmp_path / "our.toml"
    assert run.invoke(app, ["pack", "new", str(path), "--extends", "CN-ZJ"]).exit_code == 0
    done = run.invoke(app, ["pack", "check", str(path)])
    assert done.exit_code == 0
    assert "our" in done.output
    path.write_text(path.read_text(encoding="utf-8").replace('unit = ""', 'unit = "%"'), encoding="utf-8")
    wrong = run.invoke(app, ["pack", "check", str(path)])
    assert isinstance(wrong.exception, FormatError)
    assert "rule 'our-far', key 'unit'" in str(wrong.exception)
    assert "CN-GB50180-2018" in run.invoke(app, ["pack", "list"]).output
    assert "floor_area_ratio" in run.invoke(app, ["pack", "list", "--indicators"]).output


def test_report__same_input_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTML, JSON, JUnit and SARIF; a time stands in the page only where SOURCE_DATE_EPOCH states it."""
    from cimkit.view.report import report

    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    made = []
    for name in ("a", "b"):
        block = slab_rows(rows=2, gap=18.0)
        findings = check(block, city="hangzhou")
        page = tmp_path / f"{name}.html"
        report(block, findings, path=page, results=findings.measurements.results())  # type: ignore[union-attr]
        made.append((page.read_bytes(), findings.to_json(), to_junit(findings), to_sarif(findings)))
    assert made[0] == made[1]
    assert "生成时间" not in made[0][0].decode()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    report(block, findings, path=page, results=[])
    assert "2026-01-01 00:00 UTC" in page.read_text(encoding="utf-8")
