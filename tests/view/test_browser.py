"""The report in a real browser: no network, no error, a picture, picking, findings that highlight, a slider."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cimkit as ck
from cimkit.view.page import Html

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
FLAGS += ["--host-resolver-rules=MAP * ~NOTFOUND"]
EVIL = "<img src=x onerror=alert(1)>楼"
VIEW = "document.querySelector('.cim-view').cim"

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine: apt-get install chromium")


@pytest.fixture(scope="module")
def block() -> ck.Community:
    """Three rows, the southern one planned, the northern one with a name that tries to run."""
    made = ck.samples.slab_rows(rows=3, gap=18)
    b = made.buildings
    status = np.zeros(len(b), dtype=np.int64)
    status[0] = 1
    names = np.array([EVIL] * len(b), dtype=object)
    return dataclasses.replace(made, buildings=dataclasses.replace(b, status=status, name=names))


@pytest.fixture(scope="module")
def report(block: ck.Community, tmp_path_factory: pytest.TempPathFactory) -> Path:
    day = ck.SunDay.great_cold(block.require_location())
    some = ck.window_receptors(block)
    light = ck.sunlight(block, some.take(np.arange(len(some) - 10)[::-1]), day)  # fewer than are drawn, not in order
    found = ck.check(block, city="hangzhou")
    path = tmp_path_factory.mktemp("report") / "report.html"
    return ck.view.report(block, found, path=path, results=[light], lang="en")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as p:
        running = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


class Page:
    """A page that remembers what went wrong."""

    def __init__(self, browser: Any, url: str) -> None:
        self.page = browser.new_page(viewport={"width": 1200, "height": 820})
        self.wrong: list[str] = []
        self.page.on("console", lambda m: self.wrong.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.wrong.append(str(e)))
        self.page.on("dialog", lambda d: (self.wrong.append(d.message), d.dismiss()))
        self.page.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else self.wrong.append(r.url))
        self.page.goto(url)

    def ask(self, script: str) -> Any:
        return self.page.evaluate(script)

    def slide(self, name: str, value: float) -> None:
        self.ask(
            f"{{ const s = document.querySelector('{name}'); s.value = {value}; s.dispatchEvent(new Event('input')); }}"
        )

    def wait(self, script: str) -> Any:
        end = time.monotonic() + 20
        while not (value := self.ask(script)) and time.monotonic() < end:
            time.sleep(0.05)
        return value

    def pixels(self) -> Any:
        """Return the picture, 60 × 40, drawn just now."""
        script = f"""(() => {{
          {VIEW}.stage.now();
          const c = document.createElement("canvas"); c.width = 60; c.height = 40;
          const pen = c.getContext("2d"); pen.drawImage({VIEW}.stage.canvas, 0, 0, 60, 40);
          return [...pen.getImageData(0, 0, 60, 40).data]; }})()"""
        return np.array(self.ask(script), dtype=np.int64).reshape(40, 60, 4)[:, :, :3]


@pytest.fixture(scope="module")
def page(browser: Any, report: Path) -> Iterator[Page]:
    opened = Page(browser, report.as_uri())
    assert opened.wait("document.querySelector('.cim-view')?.dataset.ready") == "yes", opened.wrong
    yield opened
    opened.page.close()


@pytest.fixture(autouse=True)
def nothing_goes_wrong(page: Page) -> Iterator[None]:
    """Whatever a test does, the page asks for nothing and logs no error."""
    yield
    assert page.wrong == []


def test_report__is_one_small_file_without_a_stranger(report: Path) -> None:
    assert report.stat().st_size < 1_500_000
    assert "default-src 'none'" in report.read_text(encoding="utf-8")


def test_view__is_not_blank(page: Page) -> None:
    shown = page.pixels()
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 30
    assert shown.std() > 10


def test_view__shows_text_of_the_data_as_text(page: Page) -> None:
    page.ask(f"{VIEW}.choose({VIEW}.scene.buildings.id[2])")
    assert EVIL in page.ask("document.querySelector('.cim-panel').textContent")
    assert page.ask("document.querySelectorAll('.cim-view img').length") == 0


def test_view__a_click_picks_the_window_under_it(page: Page) -> None:
    page.ask("document.querySelector('.cim-view').scrollIntoView({block: 'center'})")
    row = page.ask(f"""(() => {{ const v = {VIEW}; v.stage.home(); v.choose(null);
        const k = v.scene.arrays["window.azimuth"].findIndex((a, i) => a === 1800 && v.scene.arrays["window.building"][i] === 0);
        const p = v.windowPlace(k); const V = v.stage.centre.constructor;
        v.stage.look(new V(...p.centre), 4, new V(...p.normal)); v.stage.now();
        return [v.scene.windows.id[k], ...v.stage.spot(new V(...p.centre)), v.scene.arrays[v.mode.hours][k] / 100]; }})()""")  # noqa: E501
    page.page.mouse.click(row[1], row[2])
    assert page.ask(f"{VIEW}.chosen") == row[0]
    text = page.ask("document.querySelector('.cim-panel').textContent")
    assert row[0] in text
    assert f"{row[3]:.2f} h" in text


def test_view__a_click_on_a_roof_marks_the_building_and_its_rows_in_the_tables(page: Page) -> None:
    name, x, y = page.ask(f"""(() => {{ const v = {VIEW}; v.stage.top(); v.choose(null); v.stage.now();
        const g = v.shapeOf("building", 1, null); const s = g.at.clone(); s.z = v.roof(1);
        return [v.scene.buildings.id[1], ...v.stage.spot(s)]; }})()""")
    page.page.mouse.click(x, y)
    assert page.ask(f"{VIEW}.chosen") == name
    assert page.ask(f"[...document.querySelectorAll('tr.chosen')].some((r) => r.dataset.id === '{name}')")
    page.ask(f"{VIEW}.stage.home()")


def test_findings__a_click_on_one_highlights_its_object(page: Page) -> None:
    page.ask(f"{VIEW}.choose(null)")
    before = page.pixels()
    chosen = page.ask("""(() => { const row = document.querySelector("#finding-rows tr[data-id]"); row.click();
        return row.dataset.id; })()""")
    assert page.ask(f"{VIEW}.chosen") == chosen
    assert page.ask(f"{VIEW}.marked !== null")
    assert np.abs(page.pixels() - before).mean() > 1
    page.ask(f"{VIEW}.choose(null); {VIEW}.stage.home()")


def test_slider__moves_the_sun_and_the_shadows(page: Page) -> None:
    page.ask(f"{VIEW}.stage.home()")
    page.slide(".cim-time", 9)
    morning, said = page.pixels(), page.ask("document.querySelector('.cim-hour').textContent")
    page.slide(".cim-time", 15)
    evening = page.pixels()
    assert "9:00" in said
    assert (np.abs(evening - morning).max(axis=2) > 12).mean() > 0.02


def test_view__cuts_above_a_storey_and_shows_before_and_after(page: Page) -> None:
    page.ask(f"{VIEW}.stage.home()")
    whole = page.pixels()
    page.slide(".cim-level", 1)
    cut = page.pixels()
    assert np.abs(cut - whole).mean() > 1
    page.slide(".cim-level", 99)
    page.ask("document.querySelector('[data-show=both]').click()")
    both = page.pixels()
    left, right = both[:, :30], both[:, 30:]
    assert np.abs(left - right).mean() > 1
    page.ask("document.querySelector('[data-show=after]').click()")


def test_page__switches_language_and_filters_its_tables(page: Page) -> None:
    page.ask("document.querySelector('[data-say=zh]').click()")
    assert "着色" in page.ask("document.querySelector('.cim-head').innerText")
    page.ask("document.querySelector('[data-say=en]').click()")
    assert "Colour by" in page.ask("document.querySelector('.cim-head').innerText")
    page.ask("document.querySelector('[data-filter] button[data-verdict=unknown]').click()")
    shown = page.ask(
        "[...document.querySelectorAll('#finding-rows tbody tr:not([hidden])')].map((r) => r.dataset.verdict)"
    )
    assert set(shown) <= {"unknown"}


def test_page__prints_the_worst_of_each_rule_and_says_so(page: Page) -> None:
    page.ask("document.querySelector('[data-filter] button').click()")  # all verdicts
    page.page.emulate_media(media="print")
    printed = "[...document.querySelectorAll('#finding-rows tbody tr')].filter((r) => r.checkVisibility())"
    rows = page.ask(f"{printed}.map((r) => [r.cells[1].innerText, r.dataset.verdict])")
    assert {verdict for _, verdict in rows} <= {"fail"}
    assert 0 < max(rows.count(row) for row in rows) <= 3
    assert "3 worst findings" in page.ask("document.querySelector('.paper').innerText")
    page.page.emulate_media(media="screen")
    assert len(page.ask(f"{printed}.map(() => 1)")) > len(rows)


def test_page__without_webgl_says_so_and_keeps_its_plans(browser: Any, report: Path) -> None:
    blind = browser.new_page()
    blind.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    blind.goto(report.as_uri())
    end = time.monotonic() + 20
    while blind.evaluate("document.querySelector('.cim-view').dataset.ready") is None and time.monotonic() < end:
        time.sleep(0.05)
    assert "needs WebGL" in blind.evaluate("document.querySelector('.cim-view').innerText")
    assert blind.evaluate("document.querySelectorAll('svg.plan .house').length") > 0
    blind.close()


def test_notebook__a_frame_that_opens_without_width_shows_the_whole(browser: Any, block: ck.Community) -> None:
    tab = browser.new_page(viewport={"width": 1000, "height": 700})
    framed = ck.show(block)._repr_html_()
    tab.set_content(f"<div id='cell' style='width:0;overflow:hidden'>{framed}</div>")
    frame = next(f for f in tab.frames if f.parent_frame)
    end = time.monotonic() + 30
    while not frame.evaluate("Boolean(document.querySelector('.cim-view')?.cim)") and time.monotonic() < end:
        time.sleep(0.1)
    tab.evaluate("document.getElementById('cell').style.width = '900px'")
    far = f"{VIEW}.stage.camera.position.distanceTo({VIEW}.stage.centre) / {VIEW}.stage.radius"
    while not (near := frame.evaluate(far) < 4) and time.monotonic() < end:
        time.sleep(0.1)
    assert near
    assert frame.evaluate(f"{VIEW}.stage.now(), {VIEW}.stage.renderer.info.render.triangles") > 30
    tab.close()


def test_widget__a_dragged_slider_changes_hours_far_and_picture(browser: Any, block: ck.Community) -> None:
    pytest.importorskip("anywidget", reason="anywidget is not installed: pip install 'cimkit[view]'")
    from base64 import b64encode

    from cimkit.view.page import page as whole

    study = ck.Study(block, packs=["CN-GB50180-2018"], place={"climate_zone": "III"})
    widget = study.widget(lang="en")
    tab = browser.new_page()
    wrong: list[str] = []
    tab.on("pageerror", lambda e: wrong.append(str(e)))
    tab.set_content(whole(Html("<div id='here'></div>"), "widget", "en", viewer=True))
    state = {
        "scene": b64encode(widget.scene).decode(),
        "figures": widget.figures,
        "chosen": "",
        "lang": "en",
        "said": "",
    }
    tab.evaluate(
        """(state) => {
        const bytes = (t) => Uint8Array.from(atob(t), (c) => c.charCodeAt(0));
        const on = {}, model = window.model = {
          state: { ...state, scene: bytes(state.scene) }, wishes: [],
          get: (k) => model.state[k], set: (k, v) => { model.state[k] = v; if (k === "wish") model.wishes.push(v); },
          on: (k, f) => { (on[k] ??= []).push(f); }, save_changes: () => {},
          come: (k, v) => {
            model.state[k] = k === "scene" ? bytes(v) : v;
            (on[`change:${k}`] ?? []).forEach((f) => f()); },
        };
        return cimkit.render({ model, el: document.getElementById("here") }); }""",
        state,
    )
    tab.evaluate("document.querySelector('.cim-view').cim.choose('S1')")
    tab.evaluate(
        "{ const s = document.querySelector('.cim-storeys'); s.value = 15; s.dispatchEvent(new Event('change')); }"
    )
    wish = tab.evaluate("model.wishes[0]")
    assert (wish["do"], wish["target"], wish["count"]) == ("storeys", "S1", 15)
    far = widget.figures["far"][1]
    widget.wish = wish
    assert widget.said == ""
    assert widget.figures["far"][1] > far
    for k, count in enumerate((16, 18, 15, 15)):  # a drag in three steps, then let go
        widget.wish = {"do": "storeys", "target": "S1", "count": count, "drag": k < 3, "time": float(k + 1)}
    assert [e.values for e in study.variants["base"].edits[1:]] == [{"count": 15}]
    tab.evaluate("(t) => model.come('scene', t)", b64encode(widget.scene).decode())
    tab.evaluate("(f) => model.come('figures', f)", widget.figures)
    end = time.monotonic() + 10
    while (
        tab.evaluate("document.querySelector('.cim-view').cim.scene.buildings.storeys[0]") != 15
        and time.monotonic() < end
    ):
        time.sleep(0.05)
    assert f"{widget.figures['far'][1]:g}" in tab.evaluate("document.querySelector('.cim-desk table').innerText")
    widget.wish = {"do": "storeys", "target": "nobody", "count": 3}
    assert "nobody" in widget.said
    assert wrong == []
    tab.close()
