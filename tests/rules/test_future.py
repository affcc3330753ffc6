"""Future Community: 33 indicators, evidence, dimensions, survey."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cimkit.cli import app
from cimkit.errors import FormatError, InputError
from cimkit.io.files import write
from cimkit.model.community import Community
from cimkit.rules.future import assess
from cimkit.rules.load import load_pack
from cimkit.rules.measurements import Measurements
from cimkit.rules.survey import Question, Questionnaire, satisfaction
from cimkit.samples import slab_rows
from cimkit.view.report import self_assessment

PROJECT = """[pack]
name = "riverside"
level = "project"
extends = ["CN-ZJ-FutureCommunity"]
standard = "Project"
source = "the project's own targets"

[limits]
fc-building-3 = {height}

[acceptance]
project_type = "new_build"
weights = {{ response = 0.4, digital = 0.2, operation = 0.2, features = 0.2 }}

[[dimension]]
name = "digital"
score = 80
by = "expert panel"

[[evidence]]
rule = "fc-neighbours-1"
document = "Culture plan <2026>"
date = 2026-01-15
by = "street office"

[survey]
min_sample = 3
residents = 100
questions = [{{ id = "q1", text = "Content?", text_zh = "满意吗？", scene = "邻里" }}]
"""


OTHERS = (("operation", 60), ("features", 70))


@pytest.fixture(scope="module")
def block() -> Community:
    return slab_rows(rows=2, gap=30)


@pytest.fixture(scope="module")
def known(block: Community) -> Measurements:
    return Measurements(block.after())


def project(folder: Path, *change: str, height: float = 500.0) -> Path:
    path = folder / "project.toml"
    text = PROJECT.format(height=height)
    assert not change or change[0] in text
    path.write_text(text.replace(*change) if change else text, encoding="utf-8")
    return path


def test_pack__has_33_indicators_in_nine_scenes_without_published_thresholds() -> None:
    rules = [r for r in load_pack("CN-ZJ-FutureCommunity") if r.group]
    names: dict[str, set[str]] = {}
    for r in rules:
        names.setdefault(r.group, set()).add(r.clause)
    assert {k: len(v) for k, v in names.items()} == dict(
        zip(
            ("邻里", "教育", "健康", "创业", "建筑", "交通", "低碳", "服务", "治理"),
            (3, 4, 4, 3, 5, 5, 3, 3, 3),
            strict=True,
        )
    )
    assert {r.id for r in rules if r.judged} == {"fc-traffic-1", "fc-traffic-2-time"}  # 5-10-30, mark M


def test_assess__states_and_total(tmp_path: Path, block: Community, known: Measurements) -> None:
    path = project(tmp_path)
    found = assess(block, path, measurements=known)
    state = {i.name: i.state for i in found.indicators}
    assert len(state) == 33
    assert state["特色文化"] == "met"
    assert state["互助生活"] == "evidence missing"
    assert state["建筑特色风貌"] == "evidence missing"  # the height passes, but it needs evidence too
    assert np.isnan(found.total)
    more = "".join(f'[[dimension]]\nname = "{n}"\nscore = {s}\nby = "panel"\n' for n, s in OTHERS)
    full = assess(block, project(tmp_path, "[[evidence]]", more + "[[evidence]]"), measurements=known)
    response = 100 * full.counts()["met"] / 33
    assert full.dimensions[0].score == pytest.approx(response)
    assert full.total == pytest.approx(0.4 * response + 0.2 * (80 + 60 + 70))


def test_assess__project_type_changes_what_applies(tmp_path: Path, block: Community, known: Measurements) -> None:
    upgrade = assess(block, project(tmp_path, '"new_build"', '"integrated_upgrade"'), measurements=known)
    assert {i.name for i in upgrade.indicators if i.state == "not applicable"} == {"空间集约开发", "装配式与装修一体化"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('"fc-neighbours-1"', '"fc-nothing"'), "evidence 1: rule must be one of"),
        (("date = 2026-01-15", 'date = "soon"'), "date must be a day"),
        (('by = "street office"', 'by = " "'), "'by'"),
        (("date = 2026-01-15", "date = 2026-01-15\nvalue = nan"), "finite number"),
        (("date = 2026-01-15", 'date = 2026-01-15\nfile = "nowhere.pdf"'), "the file must be there"),
        (("score = 80", "score = 180"), "dimension 1"),
        (("digital = 0.2", "fun = 0.2"), "acceptance.weights"),
        (("fc-building-3 =", "fc-building-9 ="), r"line 9, key 'fc-building-9'"),
    ],
)
def test_assess__mistakes_in_the_project_file_are_named(
    tmp_path: Path, block: Community, known: Measurements, change: tuple[str, str], words: str
) -> None:
    with pytest.raises(FormatError, match=r"project\.toml") as caught:
        assess(block, project(tmp_path, *change), measurements=known)
    assert words in str(caught.value)


def test_self_assessment__is_a_safe_page_in_both_languages(
    tmp_path: Path, block: Community, known: Measurements
) -> None:
    answers = pd.DataFrame({"q1": [5, 4, 3, 5]})
    found = assess(block, project(tmp_path), responses=answers, measurements=known)
    text = self_assessment(found, path=tmp_path / "self.html").read_text(encoding="utf-8")
    assert "Culture plan &lt;2026&gt;" in text
    assert "<2026>" not in text
    for word in ("验收维度", "场景响应度", "托育全覆盖", "满意吗？", "Self-assessment"):
        assert word in text


def test_satisfaction__interval_of_the_textbook() -> None:
    asked = Questionnaire((Question("q", "?"),), min_sample=4)
    s = satisfaction(pd.DataFrame({"q": [1, 2, 3, 4, 5, None]}), asked)
    assert (s.count[0], s.score[0]) == (5, 50.0)
    half = 2.7764451052 * np.std([0, 25, 50, 75, 100], ddof=1) / np.sqrt(5)  # t of 4 degrees, 97.5 %
    assert (s.low[0], s.high[0]) == pytest.approx((50 - half, 50 + half))
    all_asked = satisfaction(
        pd.DataFrame({"q": [1, 2, 3, 4, 5]}), Questionnaire((Question("q", "?"),), min_sample=4, residents=5)
    )
    assert (all_asked.low[0], all_asked.high[0]) == (50.0, 50.0)


def test_satisfaction__refuses_what_is_too_small_or_off_the_scale() -> None:
    asked = Questionnaire((Question("q", "?"),))
    s = satisfaction(pd.DataFrame({"q": [5] * 29}), asked)
    assert np.isnan(s.total)
    assert "too few answers: 29 of 30" in s.to_frame()["note"][0]
    for wrong in (6, 2.5, "good"):
        with pytest.raises(InputError, match="row 2"):
            satisfaction(pd.DataFrame({"q": [5, wrong]}), asked)
    with pytest.raises(InputError, match="missing"):
        satisfaction(pd.DataFrame({"other": [5]}), asked)


def test_cli__the_project_file_of_the_docs_gives_a_page(tmp_path: Path, block: Community) -> None:
    docs = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
    path, plan, page = tmp_path / "riverside.toml", tmp_path / "a.gpkg", tmp_path / "self.html"
    path.write_text("[pack]" + docs.split("```toml\n[pack]")[1].split("```")[0], encoding="utf-8")
    write(block, plan)
    pd.DataFrame({"q1": [4] * 40}).to_csv(tmp_path / "answers.csv", index=False)
    given = ["future", str(plan), str(path), "--responses", str(tmp_path / "answers.csv"), "-o", str(page)]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    assert "75.0 (75.0 – 75.0)" in page.read_text(encoding="utf-8")
