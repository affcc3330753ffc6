"""The words of plans and reports in English and Chinese, as ``texts.toml`` lists them."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

from cimkit.rules.findings import VERDICTS_ZH
from cimkit.rules.rule import MARKS as RULE_MARKS
from cimkit.view.html import Html, both

LANGUAGES = ("zh-en", "en", "zh")

_LISTS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
TEXTS: dict[str, tuple[str, str]] = {key: (english, chinese) for key, (english, chinese) in _LISTS["texts"].items()}
TEXTS |= {verdict: (english, VERDICTS_ZH[verdict]) for verdict, english in _LISTS["verdicts"].items()}
MARKS: dict[str, tuple[str, str]] = {**RULE_MARKS, "U": ("entered by the user", "用户填写")}
MEANINGS: dict[str, tuple[str, str]] = {mark: (english, zh) for mark, (english, zh) in _LISTS["meanings"].items()}
DAYS: dict[str, str] = _LISTS["days"]


def say(lang: str, english: str, chinese: str, *, between: str = " ") -> str:
    """Return a text in a language; ``zh-en`` gives both, the words that begin both once."""
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(english.split(), chinese.split(), strict=False))
    head = "".join(f"{word} " for word, _ in same) if between == " " else ""
    both_ways = english if english == chinese else f"{chinese}{between}{english.removeprefix(head)}"
    return {"en": english, "zh": chinese}.get(lang, both_ways)


def words(key: str) -> Html:
    """Return a text of the list as markup in both languages."""
    return both(*TEXTS[key])


def day_words(name: str) -> Html:
    """Return the name of a standard day in both languages."""
    return both(name[:1].upper() + name[1:], DAYS.get(name, name))
