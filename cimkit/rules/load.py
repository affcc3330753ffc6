"""Read packs of rules from TOML and check them: every mistake is named with file, line, key and remedy."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.errors import FormatError, InputError
from cimkit.rules.indicators import INDICATORS
from cimkit.rules.rule import COMPARATORS, KINDS, LEVELS, MARKS, ROLES, Pack, Requirement, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from os import PathLike

PACKS = Path(__file__).parent / "packs"
_TEMPLATE = Path(__file__).parent / "template.toml"
_PACK_KEYS = {
    *("name", "title", "title_zh", "level", "place", "standard", "edition", "date", "source"),
    *("extends", "off", "mandatory", "with", "why", "role"),
}
_RULE_KEYS = {
    *("id", "standard", "clause", "edition", "date", "source", "mandatory", "indicator", "comparator"),
    *("threshold", "table", "limit_from", "unit", "mark", "kind", "text", "text_zh", "applies_when", "with"),
    *("shortfall", "why", "group", "role"),
}
_TABLES = {"pack", "rule", "limits", "acceptance", "evidence", "dimension", "survey"}  # the last four: see future.py
_ROW_KEYS = {"value", "mark", "with"}
_SHORTFALLS = ("", "not_worse")  # what holds where the state before already falls short


@dataclass(frozen=True)
class _Source:
    """A pack file and its text, to say where a mistake is."""

    name: str
    text: str

    def wrong(self, what: str, remedy: str, *, rule: str = "", key: str = "", last: bool = False) -> FormatError:
        """Return the error for a mistake at a rule and key."""
        place = f"{self.name}, line {self.line(rule, key, last=last)}"
        place += f", rule {rule!r}" if rule else ""
        place += f", key {key!r}" if key else ""
        return FormatError(f"{place}: {what}. {remedy}")

    def line(self, rule: str, key: str, *, last: bool = False) -> int:
        """Return the line of a key of a rule (of the pack without one), 1 if it is not found."""
        lines = self.text.splitlines()
        heads = [k for k, text in enumerate(lines) if text.strip().startswith("[[rule]]")] + [len(lines)]
        blocks = [range(heads[0])] if not rule else [range(a, b) for a, b in pairwise(heads)]
        own = re.compile(rf"""^\s*id\s*=\s*["']{re.escape(rule)}["']""")
        hits = [b for b in blocks if not rule or any(own.match(lines[k]) for k in b)]
        if not hits:
            return 1
        block = hits[-1 if last else 0]
        wanted = re.compile(rf"""(^|[\s,{{])["']?{re.escape(key)}["']?\s*=""") if key else None
        found = [k for k in (block if rule else range(len(lines))) if wanted and wanted.search(lines[k])]
        named = [k for k in block if rule and own.match(lines[k])]
        return (found or named or list(block) or [0])[0] + 1


def pack_names() -> list[str]:
    """Return the names of the packs that come with cimkit, sorted."""
    return sorted(p.stem for p in PACKS.glob("*.toml"))


def template(name: str, level: str, extends: Sequence[str]) -> str:
    """Return the text of a pack to fill in."""
    text = _TEMPLATE.read_text(encoding="utf-8")
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
    source = _Source(path.name, path.read_text(encoding="utf-8"))
    try:
        data = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        raise FormatError(f"{path.name}: the pack must be TOML; {error}. Mend that line.") from error
    return _pack(data, source)


def load_packs(names: Iterable[str | PathLike[str]]) -> list[Pack]:
    """Read packs and those they extend, each once, the extended ones first.

    Raises
    ------
    InputError
        If a pack does not exist.
    FormatError
        If a pack has a mistake, extends itself in a circle, or an id stands in two packs.
    """
    done: dict[str, Pack] = {}

    def visit(name: str | PathLike[str], trail: tuple[str, ...]) -> None:
        path = _path_of(name, trail[-1] if trail else "")
        key = str(path.resolve())
        if key in trail:
            circle = " → ".join(Path(p).stem for p in (*trail[trail.index(key) :], key))
            source = _Source(Path(trail[-1]).name, Path(trail[-1]).read_text(encoding="utf-8"))
            raise source.wrong(
                f"packs must not extend each other in a circle; got {circle}", "Take one out.", key="extends"
            )
        if key in done:
            return
        pack = load_pack(path)
        for other in pack.extends:
            visit(other, (*trail, key))
        done[key] = pack

    for name in names:
        visit(name, ())
    _check_ids(done)
    return _with_limits(done)


def _with_limits(packs: Mapping[str, Pack]) -> list[Pack]:
    """Return the packs with the limits that project packs state for rules of the packs they extend."""
    stated: dict[str, tuple[Any, Pack, _Source]] = {}
    for path, pack in packs.items():
        source = _Source(Path(path).name, Path(path).read_text(encoding="utf-8"))
        rules = {r.id: r for p in packs.values() for r in p}
        for name, value in pack.limits.items():
            if name not in rules or len(rules[name].requirements) > 1 or not rules[name].comparator:
                what = f"[limits] must name rules of one limit in the packs it extends; got {name!r}"
                raise source.wrong(what, "Take it out, extend that pack, or write a [[rule]] of your own.", key=name)
            stated[name] = (value, pack, source)
    return [dataclasses.replace(p, rules=tuple(_limited(r, stated) for r in p)) for p in packs.values()]


def _limited(rule: Rule, stated: Mapping[str, tuple[Any, Pack, _Source]]) -> Rule:
    """Return a rule with the limit that a project states, if it does."""
    if rule.id not in stated:
        return rule
    value, pack, source = stated[rule.id]
    low, high = _limits(value, rule.comparator, source, "", rule.id)
    requirement = dataclasses.replace(rule.requirements[0], low=low, high=high, mark="P", usual=_range(value))
    said = f"{pack.name} ({source.name}); {rule.source}"
    return dataclasses.replace(rule, requirements=(requirement,), source=said, level=pack.level, mark="P", why="")


def _check_ids(packs: Mapping[str, Pack]) -> None:
    """Raise FormatError if a rule id stands in two packs, or a pack switches off what is not there."""
    seen: dict[str, str] = {}
    for path, pack in packs.items():
        source = _Source(Path(path).name, Path(path).read_text(encoding="utf-8"))
        for rule in pack:
            if rule.id in seen:
                what = f"ids must be unique among the packs; it stands in {seen[rule.id]} too"
                raise source.wrong(what, "Rename one of them.", rule=rule.id, key="id")
            seen[rule.id] = pack.name
    for path, pack in packs.items():
        for name in pack.off:
            if name not in seen:
                source = _Source(Path(path).name, Path(path).read_text(encoding="utf-8"))
                what = f"'off' must name rules of the packs it extends; there is no {name!r}"
                raise source.wrong(what, "Take it out, or extend that pack.", key="off")


def _path_of(name: str | PathLike[str], by: str = "") -> Path:
    """Return the file of a pack; what a pack file extends lies beside it."""
    own = PACKS / f"{name}.toml"
    if isinstance(name, str) and own.is_file():
        return own
    path = Path(by).parent / name if by else Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    what = f"packs must be among {', '.join(map(repr, pack_names()))} or a .toml file; got {str(name)!r}"
    if by:
        source = _Source(Path(by).name, Path(by).read_text(encoding="utf-8"))
        raise source.wrong(what, "Correct the name, or take it out.", key="extends")
    raise InputError(f"{what}.")


def _pack(data: Mapping[str, Any], source: _Source) -> Pack:
    """Return a pack read from TOML."""
    head = data.get("pack")
    if not isinstance(head, dict):
        raise source.wrong("a pack must begin with [pack]", 'Write [pack] with name = "…" and level = "city".')
    _known(set(data), _TABLES, source)
    _known(set(head), _PACK_KEYS, source)
    for key in ("name", "level"):
        if not isinstance(head.get(key), str) or not head[key]:
            raise source.wrong(f"[pack] must have a text {key!r}", f'Write {key} = "…" under [pack].', key=key)
    _among(head["level"], LEVELS, "level", source, "")
    rules: list[Rule] = []
    for number, entry in enumerate(data.get("rule", [])):
        rule = _rule(entry, number, head, source)
        if any(r.id == rule.id for r in rules):
            raise source.wrong("ids must be unique; it stands twice", "Rename one.", rule=rule.id, key="id", last=True)
        rules.append(rule)
    return Pack(
        name=head["name"],
        title=str(head.get("title", head["name"])),
        title_zh=head.get("title_zh", ""),
        level=head["level"],
        place=head.get("place", ""),
        rules=tuple(rules),
        extends=tuple(head.get("extends", ())),
        off=tuple(head.get("off", ())),
        with_=dict(head.get("with", {})),
        limits=dict(data.get("limits", {})),
        digest=hashlib.blake2b(source.text.encode(), digest_size=16).hexdigest(),
    )


def _rule(entry: Mapping[str, Any], number: int, head: Mapping[str, Any], source: _Source) -> Rule:
    """Return a rule read from TOML."""
    if "why" in head and not (entry.get("indicator") and "threshold" in entry):
        entry = {"why": head["why"], **entry}
    name = entry.get("id")
    if not isinstance(name, str) or not name:
        raise source.wrong(f"rule number {number + 1} must have an id", 'Write id = "…".', key="id")
    _known(set(entry), _RULE_KEYS, source, name)
    indicator = entry.get("indicator", "")
    _check_words(entry, head, source, name)
    if indicator:
        _check_indicator(entry, source, name)
    elif not entry.get("why"):
        what = "a rule without an indicator must say why it is not judged"
        raise source.wrong(what, 'Write why = "…", or name an indicator.', rule=name)
    comparator = entry.get("comparator", "")
    return Rule(
        **{k: entry.get(k, head.get(k, "")) for k in ("standard", "edition", "date", "source")},
        **{k: entry.get(k, "") for k in ("clause", "unit", "text_zh", "shortfall", "why", "group")},
        id=name,
        pack=head["name"],
        level=head["level"],
        place=head.get("place", ""),
        mandatory=bool(entry.get("mandatory", head.get("mandatory", False))),
        indicator=indicator,
        comparator=comparator,
        kind=entry.get("kind", "G" if indicator else "E"),
        role=entry.get("role", head.get("role", "limit")),
        mark=entry["mark"],
        text=entry["text"],
        requirements=_requirements(entry, comparator, source, name),
    )


def _check_words(entry: Mapping[str, Any], head: Mapping[str, Any], source: _Source, name: str) -> None:
    """Raise FormatError if texts or code words of a rule are missing or unknown."""
    for key in ("text", "mark"):
        if not isinstance(entry.get(key), str) or not entry[key]:
            raise source.wrong(f"a rule must have {key!r}", f'Write {key} = "…".', rule=name, key=key)
    if not entry.get("source", head.get("source")):
        raise source.wrong("a rule must have a source", 'Write source = "…" here or under [pack].', rule=name)
    _among(entry["mark"], tuple(MARKS), "mark", source, name)
    _among(entry.get("kind", "G"), KINDS, "kind", source, name)
    _among(entry.get("shortfall", ""), _SHORTFALLS, "shortfall", source, name)
    _among(entry.get("role", head.get("role", "limit")), ROLES, "role", source, name)


def _check_indicator(entry: Mapping[str, Any], source: _Source, name: str) -> None:
    """Raise FormatError if indicator, unit, comparator or parameters do not fit each other."""
    _among(entry["indicator"], tuple(sorted(INDICATORS)), "indicator", source, name)
    indicator = INDICATORS[entry["indicator"]]
    unit = entry.get("unit")
    if unit != indicator.unit:
        what = f"unit must be {indicator.unit!r}, that of {indicator.name}; got {unit!r}"
        raise source.wrong(what, "Convert the numbers and the unit.", rule=name, key="unit")
    _among(entry.get("comparator", ""), COMPARATORS, "comparator", source, name)
    given = {**entry.get("with", {})}
    for row in entry.get("table", []):
        given |= row.get("with", {}) if isinstance(row, dict) else {}
    for key in given:
        if key not in indicator.parameters:
            listed = ", ".join(indicator.parameters) or "none"
            what = f"{indicator.name} has no parameter {key!r}"
            raise source.wrong(what, f"Its parameters are: {listed}.", rule=name, key=key)
    for key in indicator.keys:
        if key not in given:
            what = f"{indicator.name} needs the parameter {key!r}"
            raise source.wrong(what, f'Write with = {{ {key} = "…" }}.', rule=name, key="with")


def _requirements(entry: Mapping[str, Any], comparator: str, source: _Source, name: str) -> tuple[Requirement, ...]:
    """Return what a rule requires, a row of its table each."""
    ways = [k for k in ("threshold", "table", "limit_from") if k in entry]
    if len(ways) > 1:
        raise source.wrong(f"a rule must have one of {', '.join(ways)}", "Take the others out.", rule=name, key=ways[1])
    if not ways and entry.get("indicator") and not entry.get("why"):
        what = "a rule must have a threshold, a table or limit_from"
        remedy = 'Write threshold = …; if it is not known, say why = "threshold not known".'
        raise source.wrong(what, remedy, rule=name, key="threshold")
    when, with_, mark = dict(entry.get("applies_when", {})), dict(entry.get("with", {})), entry["mark"]
    if "table" not in entry:
        low, high = _limits(entry.get("threshold"), comparator, source, name, "threshold")
        usual = _range(entry.get("threshold"))
        return (Requirement(when, low, high, mark, with_, entry.get("limit_from", ""), usual),)
    rows = []
    for row in entry["table"]:
        if not isinstance(row, dict) or "value" not in row:
            raise source.wrong(
                "each row of a table must have a value", "Write { …, value = 2.0 }.", rule=name, key="table"
            )
        _among(row.get("mark", mark), tuple(MARKS), "mark", source, name)
        low, high = _limits(row["value"], comparator, source, name, "table")
        condition = when | {k: v for k, v in row.items() if k not in _ROW_KEYS}
        own = with_ | row.get("with", {})
        rows.append(Requirement(condition, low, high, row.get("mark", mark), own, usual=_range(row["value"])))
    return tuple(rows)


def _limits(value: Any, comparator: str, source: _Source, name: str, key: str) -> tuple[float, float]:
    """Return lower and upper limit of a threshold; of a range only the end that the comparator asks for binds."""
    nan = float("nan")
    if value is None:
        return nan, nan
    pair = isinstance(value, list) and len(value) == 2
    numbers = value if pair else [value]
    good = all(isinstance(v, (int, float)) and not isinstance(v, bool) and np.isfinite(v) for v in numbers)
    if not good or (comparator == "within" and not pair) or (pair and value[0] > value[1]):
        wanted = "[low, high]" if comparator == "within" else "one number, or a range"
        raise source.wrong(f"the threshold must be {wanted}; got {value!r}", "Correct it.", rule=name, key=key)
    low, high = float(numbers[0]), float(numbers[-1])
    if comparator == "within":
        return low, high
    return (low, nan) if comparator.startswith(">") else (nan, high)


def _range(value: Any) -> tuple[float, ...]:
    """Return the numbers of a threshold as they were written."""
    return tuple(float(v) for v in (value if isinstance(value, list) else [value] if value is not None else []))


def _known(keys: set[str], allowed: set[str], source: _Source, rule: str = "") -> None:
    """Raise FormatError for a key that is not in the schema."""
    for key in sorted(keys - allowed):
        raise source.wrong(f"unknown key {key!r}", f"Keys are: {', '.join(sorted(allowed))}.", rule=rule, key=key)


def _among(value: Any, allowed: tuple[str, ...], key: str, source: _Source, rule: str) -> None:
    """Raise FormatError for a word that is not in its list."""
    if value not in allowed:
        near = get_close_matches(str(value), allowed, 1)
        what = f"{key} must be one of {', '.join(a for a in allowed if a)}; got {value!r}"
        raise source.wrong(what, f"Did you mean {near[0]!r}?" if near else "Choose one of them.", rule=rule, key=key)
