"""What findings, notes and results say in words, in Chinese: ``reasons.toml`` lists it."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from cimkit.model import kinds
from cimkit.view.html import both

if TYPE_CHECKING:
    from cimkit.view.html import Html

_LISTS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_WORDS = {k.code: k.zh for kind in kinds.Kind.__subclasses__() for k in kind} | _LISTS["words"]
_PLACES = {r"\{\}": "((?:(?!; ).)+?)", r"\{\*\}": "(.+)", r"\{\#\}": r"([-\d.,]+(?: [^\s,]+)?)"}
_NAMED = re.compile(r"[\w-]+(?: [\w-]+)* \(([一-鿿][^()]*)\)")  # English (中文)
_ANY = re.compile("|".join(map(re.escape, _PLACES)))
_SENTENCES = [
    (re.compile(_ANY.sub(lambda m: _PLACES[m[0]], re.escape(english))), zh)
    for english, zh in _LISTS["sentences"].items()
]


@lru_cache(maxsize=8192)
def chinese(text: str) -> str:
    """Return a text in Chinese; what is not listed stays as it is.

    Examples
    --------
    >>> chinese("missing: no park (公园) in the data: add it, or the file that holds it; add paths")
    '缺少：数据中没有公园：请补充，或一并读入所在文件；请补充路网'
    """
    if named := _NAMED.fullmatch(text):
        return named[1]
    if listed := _listed(text):
        return listed
    parts = text.split("; ")
    for k in range(len(parts) - 1, 0, -1):  # the longest beginning that is listed, then the rest
        head, rest = "; ".join(parts[:k]), "; ".join(parts[k:])
        if k == 1 or _listed(head):
            return f"{chinese(head)}；{chinese(rest)}"
    for mark, between in ((". ", "。"), ("/", "/"), (", ", "、")):
        parts = text.split(mark)
        said = [chinese(p) for p in parts] if len(parts) > 1 else parts
        if said != parts:
            return between.join(said)
    return str(_WORDS.get(text) or _NAMED.sub(r"\1", text))


def _listed(text: str) -> str:
    """Return a whole text that the list holds in Chinese, else nothing."""
    for pattern, zh in _SENTENCES:
        if found := pattern.fullmatch(text):
            return str(zh).format(*map(chinese, found.groups()))
    return ""


def told(text: str) -> Html:
    """Return a text as markup in both languages."""
    return both(text, chinese(text))
