"""The live widget in a real JupyterLab: a dragged slider of storeys changes hours, FAR and findings on screen."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.view.test_browser import CHROMIUM, FLAGS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine: apt-get install chromium"),
]
CELL = """import cimkit as ck
study = ck.Study(ck.samples.slab_rows(rows=3, gap=18), packs=["CN-GB50180-2018"], place={"climate_zone": "III"})
study.widget(lang="en")"""
ROOT = Path(__file__).parents[2]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    pytest.importorskip("jupyterlab", reason="jupyterlab is not installed: pip install jupyterlab")
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "execution_count": None, "outputs": [], "source": CELL}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "study.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        "--no-browser",
        "--LabApp.news_url=None",
        "--allow-root",
        f"--port={port}",
        "--IdentityProvider.token=t",
        f"--notebook-dir={tmp_path}",
    ]
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "JUPYTER_CONFIG_DIR": str(tmp_path),
        "JUPYTER_RUNTIME_DIR": str(tmp_path),
        "IPYTHONDIR": str(tmp_path),
    }
    running = subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], env=env, stderr=subprocess.DEVNULL,
                               cwd=tmp_path)  # fmt: skip
    yield f"http://127.0.0.1:{port}/lab/tree/study.ipynb?token=t"
    running.terminate()
    running.wait(20)


def until(page: Any, script: str, seconds: float = 120.0) -> Any:
    end = time.monotonic() + seconds
    while not (value := page.evaluate(script)) and time.monotonic() < end:
        time.sleep(0.1)
    return value


def test_widget__in_jupyterlab_follows_a_dragged_slider(lab: str, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as p:
        browser = p.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        )
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        for _ in range(60):
            try:
                page.goto(lab)
                break
            except sync_api.Error:
                time.sleep(1)
        page.wait_for_selector(".jp-CodeCell", timeout=120_000)
        assert until(page, "document.body.innerText.includes('| Idle')")
        for _ in range(10):  # keys pressed before the kernel listens are lost
            page.locator(".jp-CodeCell .jp-InputArea-editor").first.click()
            page.keyboard.press("Control+Enter")
            if until(page, "!document.querySelector('.jp-InputPrompt').innerText.includes('[ ]')", 5):
                break
        assert until(page, "Boolean(document.querySelector('.cim-view')?.cim)", 300), page.inner_text("body")[-800:]
        page.evaluate("document.querySelector('.cim-view').cim.choose('S1')")
        assert until(page, "Boolean(document.querySelector('.cim-storeys'))", 20)
        before = page.inner_text(".cim-desk table")
        box = page.locator(".cim-storeys").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 6 / 40, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2, steps=5)
        page.mouse.up()
        start = time.perf_counter()
        assert until(page, "document.querySelector('.cim-view').cim.scene.buildings.storeys[0] > 15", 60)
        seconds = time.perf_counter() - start
        assert until(page, "!document.querySelector('.cim-busy')", 20)
        after = page.inner_text(".cim-desk table")
        if os.environ.get("CIMKIT_SCREENSHOT"):
            time.sleep(2)
            page.screenshot(path=os.environ["CIMKIT_SCREENSHOT"])
        browser.close()
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in after.splitlines()[1:]}
    assert after != before, seconds
    for name in ("Windows below 2 h", "FAR", "Failed"):
        assert rows[name][0] != rows[name][1], (name, rows)
