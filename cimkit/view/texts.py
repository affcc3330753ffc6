"""The words of plans and reports in English and Chinese, and what findings, notes and results say in Chinese.

``texts.toml`` lists the words, ``reasons.toml`` the sentences.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from functools import lru_cache
from pathlib import Path

from cimkit.model import kinds
from cimkit.rules.findings import VERDICTS_ZH
from cimkit.rules.rule import MARKS as RULE_MARKS

LANGUAGES = ("zh-en", "en", "zh")

_LISTS, REASONS = (
    tomllib.loads(Path(__file__).with_name(name).read_text(encoding="utf-8")) for name in ("texts.toml", "reasons.toml")
)
TEXTS: dict[str, tuple[str, str]] = {key: (english, chinese) for key, (english, chinese) in _LISTS["texts"].items()}
TEXTS |= {verdict: (english, VERDICTS_ZH[verdict]) for verdict, english in _LISTS["verdicts"].items()}
MARKS: dict[str, tuple[str, str]] = {**RULE_MARKS, "U": ("entered by the user", "用户填写")}
MEANINGS: dict[str, tuple[str, str]] = _LISTS["meanings"]  # of the marks
LAYERS: dict[str, tuple[str, str]] = _LISTS["layers"]  # of the pictures of results
FONTS: tuple[str, ...] = tuple(_LISTS["fonts"]["chinese"])
DAYS: dict[str, str] = _LISTS["days"]
_WORDS = {k.code: k.zh for kind in kinds.Kind.__subclasses__() for k in kind} | REASONS["words"]
_PLACES = {r"\{\}": "((?:(?!; ).)+?)", r"\{\*\}": "(.+)", r"\{\#\}": r"([-\d.,]+(?: [^\s,]+)?)"}
_NAMED = re.compile(r"[\w-]+(?: [\w-]+)* \(([一-鿿][^()]*)\)")  # English (中文)
_ANY = re.compile("|".join(map(re.escape, _PLACES)))
_SENTENCES = [
    (re.compile(_ANY.sub(lambda m: _PLACES[m[0]], re.escape(english))), zh)
    for english, zh in REASONS["sentences"].items()
]


def say(lang: str, english: str, chinese: str, *, between: str = " ") -> str:
    """Return a text in a language; ``zh-en`` gives both, the words that begin both once."""
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(english.split(), chinese.split(), strict=False))
    head = "".join(f"{word} " for word, _ in same) if between == " " else ""
    both_ways = english if english == chinese else f"{chinese}{between}{english.removeprefix(head)}"
    return {"en": english, "zh": chinese}.get(lang, both_ways)


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
