"""What pages and plans are made of: words in English and Chinese, colours and classes; one meaning, one colour.

``texts.toml`` lists the words, ``reasons.toml`` the sentences of findings, notes and results, ``colours.toml`` colours
that are readable for the colour-blind and in grey print.
"""

import itertools
import re
from collections.abc import Sequence
from functools import lru_cache
from math import inf
from typing import Any, NamedTuple

import numpy as np

from cimkit.arrays import IntArray
from cimkit.lists import load_lists
from cimkit.model.community import Community
from cimkit.model.kinds import BuildingUse, Kind, PathKind, SpaceKind
from cimkit.rules.findings import VERDICTS_ZH
from cimkit.rules.rule import MARKS as RULE_MARKS

LANGUAGES = ("zh-en", "en", "zh")
Row = tuple[str, str, str]  # of a legend: colour, English, Chinese

_LISTS, REASONS, _COLOURS = (load_lists(__file__, name) for name in ("texts", "reasons", "colours"))
TEXTS: dict[str, tuple[str, str]] = {key: (english, chinese) for key, (english, chinese) in _LISTS["texts"].items()}
TEXTS |= {verdict: (english, VERDICTS_ZH[verdict]) for verdict, english in _LISTS["verdicts"].items()}
MARKS: dict[str, tuple[str, str]] = {**RULE_MARKS, "U": ("entered by the user", "用户填写")}
MEANINGS: dict[str, tuple[str, str]] = _LISTS["meanings"]  # of the marks
LAYERS: dict[str, tuple[str, str]] = _LISTS["layers"]  # of the pictures of results
RATIOS: dict[str, tuple[str, str, tuple[str, str]]] = _LISTS["ratios"]
FAR_STEPS, SHADOW_RANGE = (_LISTS["in_order"][name] for name in ("far_steps", "shadow_range"))
FONTS: tuple[str, ...] = tuple(_LISTS["fonts"]["chinese"])
_WORDS = {k.code: k.zh for kind in Kind.__subclasses__() for k in kind} | REASONS["words"]
_PLACES = {r"\{\}": "((?:(?!; ).)+?)", r"\{\*\}": "(.+)", r"\{\#\}": r"([-\d.,]+(?: [^\s,]+)?)"}
_NAMED = re.compile(r"[\w-]+(?: [\w-]+)* \(([一-鿿][^()]*)\)")  # English (中文)
_ANY = re.compile("|".join(map(re.escape, _PLACES)))
_SENTENCES = [(_ANY.sub(lambda m: _PLACES[m[0]], re.escape(en)), zh) for en, zh in REASONS["sentences"].items()]
_PATTERNS = [(re.compile(pattern), zh) for pattern, zh in _SENTENCES]


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


def day_name(name: str) -> tuple[str, str]:
    """Return the name of a standard day in English and Chinese, as it stands at the head of something."""
    return name[:1].upper() + name[1:], chinese(name)


def _listed(text: str) -> str:
    """Return a whole text that the list holds in Chinese, else nothing."""
    found = ((zh, match.groups()) for pattern, zh in _PATTERNS if (match := pattern.fullmatch(text)))
    return next((str(zh).format(*map(chinese, parts)) for zh, parts in found), "")


class Classes(NamedTuple):
    """Fixed classes of a quantity: ``colours[k]`` for values from ``edges[k]`` to below ``edges[k + 1]``."""

    title: tuple[str, str]  # English and Chinese
    unit: str
    edges: Sequence[float]
    colours: Sequence[str]
    threshold: float = float("nan")
    missing: str = "#c9ced3"
    names: Sequence[Sequence[str]] = ()  # English and Chinese, where they are not the edges

    def which(self, values: Any) -> IntArray:
        """Return the class of each value, -1 for nan; values at an edge, to 1 s or 1 mm, belong above it."""
        values = np.asarray(values, dtype=np.float64)
        found = np.searchsorted(self.edges[1:-1], values + 1e-6, side="right")
        return np.where(np.isnan(values), -1, found).astype(np.int64)

    def shares(self, values: Any) -> list[tuple[float, str]]:
        """Return the share of values in each class and its colour."""
        which = self.which(values)
        return [(float((which == k).sum()) / max(len(which), 1), colour) for k, colour in enumerate(self.colours)]

    def colour(self, value: float) -> str:
        """Return the colour of a value."""
        k = int(self.which([value])[0])
        return self.missing if k < 0 else self.colours[k]

    def legend(self) -> tuple[Row, ...]:
        """Return the colour of each class, and its name or range with the unit in English and Chinese, limit marked."""
        rows = []
        for k, (colour, low, high) in enumerate(zip(self.colours, self.edges[:-1], self.edges[1:], strict=True)):
            a, b = f"{low:,.10g}", f"{high:,.10g}"
            text = f"< {b}" if low == -inf else f"≥ {a}" if high == inf else f"{a} … {b}" if low < 0 else f"{a}–{b}"
            english, chinese = self.names[k] if self.names else (f"{text} {self.unit}".strip(),) * 2
            if low == inf:
                english, chinese = "not reached", "不可达"
            mark = (" ◂ limit", " ◂ 限值") if low == self.threshold else ("", "")
            rows.append((colour, english + mark[0], chinese + mark[1]))
        return tuple(rows)


def rgb_of(colours: Sequence[str]) -> IntArray:
    """Return colours as red, green and blue of 0–255, shape (n, 3)."""
    return np.array([list(bytes.fromhex(c[1:])) for c in colours], dtype=np.int64).reshape(-1, 3)


def shades(colours: Sequence[str], n: int) -> tuple[str, ...]:
    """Return n colours spread evenly over a row of colours."""
    at, known = np.linspace(0.0, len(colours) - 1.0, n), np.arange(len(colours))
    mixed = np.stack([np.interp(at, known, v) for v in rgb_of(colours).T], axis=1).round().astype(int)
    return tuple("#{:02x}{:02x}{:02x}".format(*m) for m in mixed)


CLASSES = {name: Classes(**about) for name, about in _COLOURS["classes"].items()}
SUNLIGHT, WALK, STOREYS, COUNTED = (CLASSES[name] for name in ("sunlight", "walk", "storeys", "counted"))
USES: dict[int, str] = {use: _COLOURS["uses"].get(use.code, "#c4bdb4") for use in BuildingUse}
GROUND: dict[SpaceKind, str] = {SpaceKind.parse(code): colour for code, colour in _COLOURS["ground"].items()}
PATHS: dict[int, tuple[str, float]] = {kind: _COLOURS["paths"].get(kind.code, ("#b9b3a8", 0.9)) for kind in PathKind}
VERDICTS: dict[str, str] = _COLOURS["verdicts"]
STATES: dict[str, str] = _COLOURS["states"]  # of indicators, worst first
PUBLIC_SPACE: list[Row] = _COLOURS["legends"]["public_space"]
SCENE: dict[str, str] = _COLOURS["scene"]
INK, TREE, WALL = "#26313a", SCENE["tree"], SCENE["wall"]


def use_legend(community: Community) -> list[Row]:
    """Return the uses of buildings and the kinds of ground that occur."""
    rows = [(USES[u], *BuildingUse(u).title) for u in np.unique(community.buildings.use)]
    return rows + [(c, *k.title) for k, c in GROUND.items() if (community.spaces.kind == k).any()]


def bar_length(width: float) -> int:
    """Return the length of the scale bar of a plan some metres wide [m]."""
    return max((m for m in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if m <= width / 4), default=1)
