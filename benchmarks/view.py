"""Seeing: ``python -m benchmarks.view [--check] [--part open,frames,edit,first]`` prints JSON lines.

- open: the report of the sample in headless Chromium, drawn by software, from the call to a drawn picture;
- frames: 200 buildings with 50,000 windows, and 10,000 buildings: page opened, one frame at rest and while it turns;
- edit: one building of 100 with 50,000 windows gets other storeys by the slider of the live widget in Chromium: from
  letting go to hours, FAR and findings judged again, sent and drawn;
- first: from a fresh process to the first 3D view, with hours of sun too, kernels compiled anew (cold) and not (warm).

With ``--check`` it ends with 1 above the bounds of the house.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import shapely

import cimkit as ck
from cimkit.model.derive import derive_dwellings, derive_population, derive_windows
from cimkit.samples.small import HANGZHOU, numbered
from cimkit.view.page import Html

FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
BOUNDS_S = {
    "report opens": 5.0, "200 buildings turn": 1.0, "10000 buildings open": 60.0, "edit on screen": 1.0,
    "first picture cold": 60.0, "first picture warm": 5.0,
    "first picture with hours of sun cold": 60.0, "first picture with hours of sun warm": 5.0,
}  # fmt: skip
PICTURE = """
import time; start = time.perf_counter()
import cimkit as ck
site, light = ck.samples.future_community(), []
{}view = ck.show(site, *light); view._repr_html_()
print(time.perf_counter() - start)
"""
SUN = "light = [ck.sunlight(site, ck.window_receptors(site), ck.SunDay.great_cold(site.require_location()))]\n"


def town(columns: int, rows: int, storeys: int, *, length: float = 40.0, windows: bool = True) -> ck.Community:
    """Return slabs in columns and rows on one parcel, with windows to the south and north."""
    wide, deep = length + 14.0, 12.0 + 1.3 * 3.0 * storeys
    buildings = [
        ck.Building(f"B{k * rows + i + 1}", shapely.box(k * wide, i * deep, k * wide + length, i * deep + 12),
                    use="residential", storeys=storeys, storey_height=3.0)
        for k in range(columns) for i in range(rows)
    ]  # fmt: skip
    land = ck.Parcel("P1", shapely.box(-10, -20, columns * wide + 10, rows * deep + 20), far_max=2.5)
    site = ck.Community.of(buildings=buildings, parcels=[land], others=[ck.Facility("K1", "kindergarten", 0.0, -5.0)],
                           location=HANGZHOU, name="town")  # fmt: skip
    if not windows:
        return site
    glass = derive_windows(site)
    glass = numbered(glass.take(np.isin(np.round(glass.azimuth, 6) % 360, (0.0, 180.0))))
    site = dataclasses.replace(site, dwellings=derive_dwellings(site), windows=glass)
    return dataclasses.replace(site, population=derive_population(site))


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium that draws by software and has no network."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=path, args=[*FLAGS, "--host-resolver-rules=MAP * ~NOTFOUND"])
        yield browser
        browser.close()


VIEW = "document.querySelector('.cim-view').cim"
DRAWN = "const g = s.renderer.getContext(); g.readPixels(0, 0, 1, 1, g.RGBA, g.UNSIGNED_BYTE, new Uint8Array(4));"


def opened(browser: Any, file: Path) -> tuple[float, Any]:
    """Return the seconds until a page is drawn, and the page."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    start = time.perf_counter()
    page.goto(file.as_uri(), timeout=180_000)
    page.wait_for_selector(".cim-view[data-ready=yes]", timeout=180_000)
    page.evaluate(f"(() => {{ const s = {VIEW}.stage; s.now(); {DRAWN} }})()")
    return time.perf_counter() - start, page


def frame(page: Any, change: str) -> float:
    """Return the seconds of a frame after a change, the best of five."""
    script = f"""(() => {{ const v = {VIEW}, s = v.stage; let best = 1e9;
      for (let k = 0; k < 5; k++) {{
        const t = performance.now(); {change}; s.now(); {DRAWN} best = Math.min(best, performance.now() - t); }}
      return best / 1000; }})()"""
    return float(page.evaluate(script))


def drag(page: Any) -> float:
    """Return the longest gap between two frames while the mouse turns the view [s]."""
    page.evaluate(f"""(() => {{ const s = {VIEW}.stage, now = s.now.bind(s); window.gaps = []; let last = 0;
      s.now = () => {{ now(); const t = performance.now(); if (last) gaps.push(t - last); last = t; }}; }})()""")
    page.mouse.move(700, 450)
    page.mouse.down()
    for k in range(20):
        page.mouse.move(700 + 8 * k, 450 + 2 * k)
        time.sleep(0.03)
    page.mouse.up()
    return max(page.evaluate("gaps.slice(0, -1)"), default=0.0) / 1000


def tell(case: str, seconds: float, **more: Any) -> bool:
    """Print a line; return whether its bound is missed."""
    bound = BOUNDS_S.get(case)
    print(json.dumps({"case": case, "s": round(seconds, 3), **({"bound": bound} if bound else {}), **more}), flush=True)
    return bound is not None and seconds > bound


def opening() -> list[bool]:
    """Time the report of the sample."""
    site = ck.samples.future_community()
    found = ck.check(site, city="hangzhou")
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        file = ck.view.report(site, found, path=Path(folder) / "r.html", results=found.measurements.results())
        seconds = [opened(browser, file)[0] for _ in range(5)]
        size = file.stat().st_size / 1e6
    return [tell("report opens", float(np.median(seconds)), worst=round(max(seconds), 2), mb=round(size, 2))]


def frames() -> list[bool]:
    """Time large communities."""
    missed = []
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for columns, rows, storeys, windows in ((10, 20, 12, True), (100, 100, 6, False)):
            site = town(columns, rows, storeys, windows=windows)
            day = ck.SunDay.great_cold(HANGZHOU)
            lights = [ck.sunlight(site, ck.window_receptors(site), day)] if windows else []
            file = ck.show(site, *lights).save(Path(folder) / "v.html")
            about = {"mb": round(file.stat().st_size / 1e6, 2), "windows": len(site.windows)}
            seconds, page = opened(browser, file)
            name = f"{len(site.buildings)} buildings"
            missed.append(tell(f"{name} open", seconds, **about))
            missed.append(tell(f"{name} turn", drag(page)))
            tell(f"{name} frame at rest", frame(page, "s.sharpness(1)"))
            tell(f"{name} shadows of another hour", frame(page, "v.setHour(9 + k)"))
            page.close()
    return missed


KERNEL = """(state) => {
  const bytes = (t) => Uint8Array.from(atob(t), (c) => c.charCodeAt(0)), on = {};
  const model = {
    state: { ...state, scene: bytes(state.scene) }, get: (k) => model.state[k], set: (k, v) => { model.state[k] = v; },
    on: (k, f) => { (on[k] ??= []).push(f); },
    save_changes: async () => {
      const { wish } = model.state;
      if (!wish) return;
      model.state.wish = null;
      for (const [k, v] of Object.entries(await kernel(wish))) {
        model.state[k] = k === "scene" ? bytes(v) : v;
        (on[`change:${k}`] ?? []).forEach((f) => f());
      } } };
  return cimkit.render({ model, el: document.getElementById("here") }); }"""
SLIDE = f"""(count) => new Promise((done) => {{
  const v = {VIEW}, s = v.stage, now = s.now.bind(s), old = v.scene, t = performance.now();
  s.now = () => {{ now(); if (v.scene === old) return; s.now = now; {DRAWN} done((performance.now() - t) / 1000); }};
  const range = document.querySelector(".cim-storeys"); range.value = count;
  range.dispatchEvent(new Event("change")); }})"""


def edits() -> list[bool]:
    """Time an edit of one building of a hundred: from the slider let go to hours, FAR, findings and picture drawn."""
    from cimkit.view.page import page as whole

    site = town(10, 10, 18, length=52.0)
    study = ck.Study(site, packs=["CN-GB50180-2018"], place={"climate_zone": "III"})
    widget, judged = study.widget(), []

    def kernel(wish: Any) -> dict[str, Any]:
        start = time.perf_counter()
        widget.wish = wish
        judged.append(time.perf_counter() - start)
        told = {k: getattr(widget, k) for k in ("figures", "said", "done")}
        return {**told, "scene": b64encode(widget.scene).decode()}

    widget.wish = {"do": "storeys", "target": "B45", "count": 17}
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.expose_function("kernel", kernel)
        page.set_content(whole(Html("<div id='here'></div>"), "study", "en", viewer=True))
        page.evaluate(KERNEL, {**kernel({"do": ""}), "chosen": "", "lang": "en"})
        page.evaluate(f"{VIEW}.choose('B45')")
        page.wait_for_selector(".cim-storeys")
        judged.clear()
        done = [float(page.evaluate(SLIDE, count)) for count in (12, 20, 15, 22, 18)]
    about = {"python_s": round(float(np.median(judged)), 3), "worst": round(max(done), 3),
             "windows": len(site.windows), "scene_mb": round(len(widget.scene) / 1e6, 2)}  # fmt: skip
    return [tell("edit on screen", float(np.median(done)), **about)]


def first() -> list[bool]:
    """Time the first 3D view of a fresh process, as a notebook's first cell makes it."""
    missed = []
    for name, more in (("first picture", ""), ("first picture with hours of sun", SUN)):
        with tempfile.TemporaryDirectory() as folder:
            env = {**os.environ, "NUMBA_CACHE_DIR": folder}
            command = [sys.executable, "-c", PICTURE.format(more)]
            runs = [subprocess.run(command, env=env, capture_output=True, text=True, check=True) for _ in range(3)]
        seconds = [float(r.stdout) for r in runs]
        missed += [tell(f"{name} cold", seconds[0]), tell(f"{name} warm", min(seconds[1:]))]
    return missed


def main() -> int:
    """Run the parts asked for."""
    parts = {"open": opening, "frames": frames, "edit": edits, "first": first}
    asked = next((a.split(",") for a in sys.argv if set(a.split(",")) <= set(parts)), list(parts))
    missed = [m for name in asked for m in parts[name]()]
    return int("--check" in sys.argv and any(missed))


if __name__ == "__main__":
    sys.exit(main())
