"""Read packs of rules from TOML and check them: every mistake is named with file, line, key and remedy."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from cimkit.errors import FormatError, InputError
from cimkit.rules.indicators import INDICATORS
from cimkit.rules.rule import COMPARATORS, KINDS, LEVELS, MARKS, ROLES, Pack, Requirement, Rule

PACKS = Path(__file__).parent / "packs"
_NAMES = ("name", "title", "title_zh", "level", "place")
_ABOUT = ("standard", "edition", "date", "source", "why")
_TEXTS = ("id", "clause", "text", "text_zh", "unit", "group", "limit_from")
_SCHEMA: dict[str, dict[str, Any]] = {  # of each table its keys: what they hold, or the words they may be
    "file": dict.fromkeys(("pack", "limits", "acceptance", "survey"), dict)  # from acceptance on: see future.py
    | dict.fromkeys(("rule", "evidence", "dimension"), list),
    "pack": dict.fromkeys((*_NAMES, *_ABOUT), str)
    | {"level": LEVELS, "role": ROLES, "extends": list, "off": list, "mandatory": bool, "with": dict},
    "rule": dict.fromkeys((*_TEXTS, *_ABOUT), str)
    | {"indicator": ("", *sorted(INDICATORS)), "comparator": ("", *COMPARATORS), "mark": tuple(MARKS), "kind": KINDS}
    | {"role": ROLES, "shortfall": ("", "not_worse")}  # what holds where the state before already falls short
    | {"threshold": object, "table": list, "applies_when": dict, "with": dict, "mandatory": bool},
}
_NEEDED = {"pack": ("name", "level"), "rule": ("text", "mark")}
_HOLDS = {dict: "a table", list: "a list", bool: "true or false"}
_INHERITED = ("standard", "edition", "date", "source", "mandatory", "role")  # by the rules of a pack


@dataclass(frozen=True)
class _Source:
    """A pack file and its text, or one rule of it, to check it and to say where a mistake is."""

    name: str
    text: str
    rule: str = ""

    @classmethod
    def of(cls, path: Path, rule: str = "") -> _Source:
        """Read a file."""
        return cls(path.name, path.read_text(encoding="utf-8"), rule)

    def wrong(self, what: str, remedy: str, key: str = "", *, last: bool = False) -> FormatError:
        """Return the error for a mistake at a key; with ``last`` at the last rule of the name."""
        where = "".join(f", {word} {name!r}" for word, name in (("rule", self.rule), ("key", key)) if name)
        return FormatError(f"{self.name}, line {self.line(key, last=last)}{where}: {what}. {remedy}")

    def line(self, key: str, *, last: bool = False) -> int:
        """Return the line of a key of the rule (of the pack without one), 1 if it is not found."""
        lines = self.text.splitlines()
        heads = [k for k, text in enumerate(lines) if text.strip().startswith("[[rule]]")]
        blocks = [range(a, b) for a, b in pairwise([*heads, len(lines)])] if self.rule else [range(len(lines))]
        own = re.compile(rf"""\s*id\s*=\s*["']{re.escape(self.rule)}["']""" if self.rule else "")
        wanted = re.compile(rf"""(^|[\s,{{])["']?{re.escape(key)}["']?\s*=""")
        named = [(block, k) for block in blocks for k in block if own.match(lines[k])]
        block, first = named[-1 if last else 0] if named else (range(0), 0)
        return next((k for k in block if key and wanted.search(lines[k])), first) + 1

    def check(self, table: str, given: Mapping[str, Any]) -> None:
        """Raise FormatError for a key that is unknown or missing, or a value that its key does not hold."""
        schema = _SCHEMA[table]
        for key in sorted(given.keys() - schema):
            raise self.wrong(f"unknown key {key!r}", f"Keys are: {', '.join(sorted(schema))}.", key)
        for key in (k for k in _NEEDED.get(table, ()) if not isinstance(given.get(k), str) or not given[k]):
            raise self.wrong(f"a {table} must have a text {key!r}", f'Write {key} = "…".', key)
        for key, value in given.items():
            if isinstance(schema[key], tuple):
                self.among(value, schema[key], key)
            elif schema[key] in _HOLDS and not isinstance(value, schema[key]):
                raise self.wrong(f"{key} must be {_HOLDS[schema[key]]}; got {value!r}", "Correct it.", key)

    def among(self, value: Any, allowed: tuple[str, ...], key: str) -> None:
        """Raise FormatError for a word that is not in its list."""
        if value not in allowed:
            near = get_close_matches(str(value), allowed, 1)
            what = f"{key} must be one of {', '.join(a for a in allowed if a)}; got {value!r}"
            raise self.wrong(what, f"Did you mean {near[0]!r}?" if near else "Choose one of them.", key)


def pack_names() -> list[str]:
    """Return the names of the packs that come with cimkit, sorted."""
    return sorted(p.stem for p in PACKS.glob("*.toml"))


def template(name: str, level: str, extends: Sequence[str]) -> str:
    """Return the text of a pack to fill in."""
    text = (PACKS.parent / "template.toml").read_text(encoding="utf-8")
    return text.replace("@name", name).replace("@level", level).replace('"@extends"', json.dumps(list(extends))[1:-1])


def load_pack(name: str | PathLike[str]) -> Pack:
    """Read one pack and check it; packs it extends are not read.

    Parameters
    ----------
    name
        Name of a pack that comes with cimkit, or a .toml file.

    Returns
    -------
    Pack
        Its own rules.

    Raises
    ------
    InputError
        If there is no such pack.
    FormatError
        If it has a mistake: file, line, key and remedy.

    Examples
    --------
    >>> load_pack("CN-GB50180-2018").level
    'nation'
    """
    path = _path_of(name)
    return _read_pack(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _read_pack(path: Path, _changed: int) -> Pack:
    """Read a pack file once as long as it stays as it is."""
    source = _Source.of(path)
    try:
        return _pack(tomllib.loads(source.text), source)
    except tomllib.TOMLDecodeError as error:
        raise FormatError(f"{path.name}: the pack must be TOML; {error}. Mend that line.") from error


def load_packs(names: Iterable[str | PathLike[str]]) -> list[Pack]:
    """Read packs and those they extend, each once, the extended ones first.

    Raises
    ------
    InputError
        If a pack does not exist.
    FormatError
        If a pack has a mistake, extends itself in a circle, or an id stands in two packs.
    """
    packs: dict[Path, Pack] = {}

    def visit(name: str | PathLike[str], trail: tuple[Path, ...]) -> None:
        path = _path_of(name, *trail[-1:]).resolve()
        if path in trail:
            circle = " → ".join(p.stem for p in (*trail[trail.index(path) :], path))
            what = f"packs must not extend each other in a circle; got {circle}"
            raise _Source.of(trail[-1]).wrong(what, "Take one out.", "extends")
        if path not in packs:
            pack = load_pack(path)
            for other in pack.extends:
                visit(other, (*trail, path))
            packs[path] = pack

    for name in names:
        visit(name, ())
    rules = _rules_by_id(packs)
    stated = {n: _limited(n, v, rules, p, path) for path, p in packs.items() for n, v in p.limits.items()}
    return [dataclasses.replace(p, rules=tuple(stated.get(r.id, r) for r in p)) for p in packs.values()]


def _rules_by_id(packs: Mapping[Path, Pack]) -> dict[str, Rule]:
    """Return the rules of some packs, or raise FormatError if an id stands twice or what is switched off nowhere."""
    rules: dict[str, Rule] = {}
    for path, pack in packs.items():
        for rule in pack:
            if rule.id in rules:
                what = f"ids must be unique among the packs; it stands in {rules[rule.id].pack} too"
                raise _Source.of(path, rule.id).wrong(what, "Rename one of them.", "id")
            rules[rule.id] = rule
    for path, name in ((path, name) for path, pack in packs.items() for name in pack.off if name not in rules):
        what = f"'off' must name rules of the packs it extends; there is no {name!r}"
        raise _Source.of(path).wrong(what, "Take it out, or extend that pack.", "off")
    return rules


def _limited(name: str, value: Any, rules: Mapping[str, Rule], pack: Pack, path: Path) -> Rule:
    """Return a rule with the limit that a pack states for it."""
    source, rule = _Source.of(path), rules.get(name)
    if rule is None or len(rule.requirements) > 1 or not rule.comparator:
        what = f"[limits] must name rules of one limit in the packs it extends; got {name!r}"
        raise source.wrong(what, "Take it out, extend that pack, or write a [[rule]] of your own.", name)
    requirement = dataclasses.replace(rule.requirements[0], mark="P", **_limits(value, rule.comparator, source, name))
    said = f"{pack.name} ({source.name}); {rule.source}"
    return dataclasses.replace(rule, requirements=(requirement,), source=said, level=pack.level, mark="P", why="")


def _path_of(name: str | PathLike[str], by: Path | None = None) -> Path:
    """Return the file of a pack; what a pack file extends lies beside it."""
    own = PACKS / f"{name}.toml"
    if isinstance(name, str) and own.is_file():
        return own
    path = by.parent / name if by else Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    what = f"packs must be among {', '.join(map(repr, pack_names()))} or a .toml file; got {str(name)!r}"
    if by:
        raise _Source.of(by).wrong(what, "Correct the name, or take it out.", "extends")
    raise InputError(f"{what}.")


def _pack(data: Mapping[str, Any], source: _Source) -> Pack:
    """Return a pack read from TOML."""
    head = data.get("pack")
    if not isinstance(head, dict):
        raise source.wrong("a pack must begin with [pack]", 'Write [pack] with name = "…" and level = "city".')
    source.check("file", data)
    source.check("pack", head)
    rules: dict[str, Rule] = {}
    for number, entry in enumerate(data.get("rule", []), 1):
        rule = _rule(entry, number, head, source)
        if rule.id in rules:
            twice = dataclasses.replace(source, rule=rule.id)
            raise twice.wrong("ids must be unique; it stands twice", "Rename one.", "id", last=True)
        rules[rule.id] = rule
    digest = hashlib.blake2b(source.text.encode(), digest_size=16).hexdigest()
    texts: dict[str, Any] = {"title": head["name"], "title_zh": "", "place": ""} | head
    lists: dict[str, Any] = {k: tuple(head.get(k, ())) for k in ("extends", "off")} | {"rules": tuple(rules.values())}
    lists |= {k: texts[k] for k in _NAMES}
    return Pack(**lists, with_=head.get("with", {}), limits=data.get("limits", {}), digest=digest)


def _rule(given: Mapping[str, Any], number: int, head: Mapping[str, Any], source: _Source) -> Rule:
    """Return a rule read from TOML, with what it inherits from its pack."""
    name = given.get("id")
    if not isinstance(name, str) or not name:
        raise source.wrong(f"rule number {number} must have an id", 'Write id = "…".', "id")
    source = dataclasses.replace(source, rule=name)
    source.check("rule", given)
    entry = {"role": "limit", "kind": "G" if given.get("indicator") else "E"}
    entry |= {k: head[k] for k in _INHERITED if k in head} | dict(given)
    if "why" in head and not (given.get("indicator") and "threshold" in given):
        entry.setdefault("why", head["why"])
    if not entry.get("source"):
        raise source.wrong("a rule must have a source", 'Write source = "…" here or under [pack].')
    if entry.get("indicator"):
        _check_indicator(entry, source)
    elif not entry.get("why"):
        remedy = 'Write why = "…", or name an indicator.'
        raise source.wrong("a rule without an indicator must say why it is not judged", remedy)
    texts = {f.name: str(entry.get(f.name, "")) for f in dataclasses.fields(Rule) if f.name in _SCHEMA["rule"]}
    about = {"pack": head["name"], "level": head["level"], "place": head.get("place", "")}
    about |= {"mandatory": bool(entry.get("mandatory")), "requirements": _requirements(entry, source)}
    return Rule(**(texts | about))


def _check_indicator(entry: Mapping[str, Any], source: _Source) -> None:
    """Raise FormatError if indicator, unit, comparator or parameters do not fit each other."""
    indicator, unit = INDICATORS[entry["indicator"]], entry.get("unit")
    if unit != indicator.unit:
        what = f"unit must be {indicator.unit!r}, that of {indicator.name}; got {unit!r}"
        raise source.wrong(what, "Convert the numbers and the unit.", "unit")
    source.among(entry.get("comparator", ""), COMPARATORS, "comparator")
    tables = [entry, *(row for row in entry.get("table", ()) if isinstance(row, dict))]
    given = {key for table in tables for key in table.get("with", ())}
    for key in sorted(given.difference(indicator.parameters)):
        listed = ", ".join(indicator.parameters) or "none"
        raise source.wrong(f"{indicator.name} has no parameter {key!r}", f"Its parameters are: {listed}.", key)
    for key in (k for k in indicator.keys if k not in given):
        remedy = f'Write with = {{ {key} = "…" }}.'
        raise source.wrong(f"{indicator.name} needs the parameter {key!r}", remedy, "with")


def _requirements(entry: Mapping[str, Any], source: _Source) -> tuple[Requirement, ...]:
    """Return what a rule requires, a row of its table each."""
    ways = [k for k in ("threshold", "table", "limit_from") if k in entry]
    if len(ways) > 1:
        raise source.wrong(f"a rule must have one of {', '.join(ways)}", "Take the others out.", ways[1])
    if not ways and entry.get("indicator") and not entry.get("why"):
        remedy = 'Write threshold = …; if it is not known, say why = "threshold not known".'
        raise source.wrong("a rule must have a threshold, a table or limit_from", remedy, "threshold")
    made = []
    for row in entry.get("table", [{"value": entry.get("threshold")}]):
        if not isinstance(row, dict) or "value" not in row:
            raise source.wrong("each row of a table must have a value", "Write { …, value = 2.0 }.", "table")
        mark, with_ = row.get("mark", entry["mark"]), entry.get("with", {}) | row.get("with", {})
        source.among(mark, tuple(MARKS), "mark")
        limits = _limits(row["value"], entry.get("comparator", ""), source, (*ways, "threshold")[0])
        when = entry.get("applies_when", {}) | {k: v for k, v in row.items() if k not in ("value", "mark", "with")}
        made.append(Requirement(when, mark=mark, with_=with_, limit_from=entry.get("limit_from", ""), **limits))
    return tuple(made)


def _limits(value: Any, comparator: str, source: _Source, key: str) -> dict[str, Any]:
    """Return lower and upper limit of a threshold, of a range only the end that binds, and its numbers as written."""
    if value is None:
        return {"low": np.nan, "high": np.nan}
    pair = isinstance(value, list) and len(value) == 2
    numbers = value if pair else [value]
    good = all(isinstance(v, (int, float)) and not isinstance(v, bool) and np.isfinite(v) for v in numbers)
    if not good or (comparator == "within" and not pair) or (pair and value[0] > value[1]):
        wanted = "[low, high]" if comparator == "within" else "one number, or a range"
        raise source.wrong(f"the threshold must be {wanted}; got {value!r}", "Correct it.", key)
    usual = tuple(map(float, numbers))
    low = usual[0] if comparator in ("within", ">=", ">") else np.nan
    return {"low": low, "high": np.nan if comparator.startswith(">") else usual[-1], "usual": usual}
