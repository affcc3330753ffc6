"""The numbers of our notes on the standards, where they lie beside the checkout, stand in a pack or a method."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cimkit.sim
from cimkit.rules.load import load_pack, pack_names

NOTES = Path(__file__).parents[3] / "shared" / "standards.md"
SECTIONS = ("1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.8", "2.1", "2.2", "2.3", "4.3")
SCALES = (1.0, 1e3, 1e4)  # m² and residents; thousands; ha and 10⁴ residents
REFERENCE = re.compile(
    r"\([^()]*\)|(GB|JGJ|DB)[/T\d]*[ -]?[\d.]+(-\d+)?|\b(art|arts|table|tables|cl|ch|chapter|appendix|pages?)\.? ?"
    r"[\d.,A-Z-]+|\b(19|20)\d\d\b|10\^4|\b\d+\.\d+\.\d+\b|No\. ?\d+|[A-Za-z]\d+"
)
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")
RANGE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?) ?[-–] ?(\d+(?:\.\d+)?)(?![\w.])")
ELSEWHERE = {  # numbers and ranges that are no limit, and where they stand
    (7, 9): "a class of storeys: height_class", (10, 18): "a class of storeys", (19, 26): "a class of storeys",
    (8, 16): "the band of Great Cold: BANDS", (9, 15): "the band of winter solstice: BANDS",
    (20.12,): "a date of the sun's path that a city's angle was compared with",
    (1000, 1): "two scales of plans to hand in",
}  # fmt: skip


def stated(value: Any) -> Iterator[float]:
    """Give all numbers of parsed TOML, those in texts too."""
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for one in value:
            yield from stated(one)
    elif isinstance(value, str):
        yield from map(float, NUMBER.findall(value))
    elif isinstance(value, (int, float)):
        yield float(value)


def requirements() -> list[Any]:
    """Return all requirements of all packs."""
    return [q for p in pack_names() for r in load_pack(p) for q in r.requirements]


def numbers() -> set[float]:
    """Return the numbers of all packs and of the methods' lists."""
    packs = [n for q in requirements() for n in (q.low, q.high, *q.usual, *stated([dict(q.with_), dict(q.when)]))]
    lists = [n for f in Path(cimkit.sim.__file__).parent.glob("*.toml") for n in stated(tomllib.loads(f.read_text()))]
    return {round(n, 9) for n in (*packs, *lists) if n == n}


def ranges() -> set[tuple[float, ...]]:
    """Return the ranges of all packs."""
    return {tuple(q.usual) for q in requirements() if len(q.usual) == 2} | {(q.low, q.high) for q in requirements()}


def cells(section: str) -> Iterator[str]:
    """Give the cells of the tables in a section of the notes, without the first of each row and without references."""
    part = re.split(rf"^### {re.escape(section)} ", NOTES.read_text(encoding="utf-8"), flags=re.M)[1].split("\n#")[0]
    for line in re.findall(r"^\|(.*)\|$", part, flags=re.M)[2:]:
        for cell in line.split("|")[1:]:
            yield re.sub(r"(?<=\d) (?=000\b|500\b)", "", REFERENCE.sub(" ", cell))


def lost(found: Iterator[tuple[float, ...]], have: set[Any]) -> set[tuple[float, ...]]:
    """Return what of the notes neither the packs hold, at any scale, nor the list of exceptions."""
    shown = set(found) - set(ELSEWHERE)
    return {f for f in shown if not any(tuple(round(n * s, 6) for n in f) in have for s in SCALES)}


@pytest.mark.parametrize("section", SECTIONS)
def test_notes__each_number_and_range_stands_in_a_pack_or_a_method(section: str) -> None:
    if not NOTES.is_file():
        pytest.skip("the notes are not beside this checkout")
    text = list(cells(section))
    assert not lost(((float(n),) for c in text for n in NUMBER.findall(c)), {(n,) for n in numbers()})
    if section != "2.3":  # distances by turn and height are no ranges of a rule: sim/spacing.toml
        assert not lost((tuple(map(float, r)) for c in text for r in RANGE.findall(c)), ranges())  # type: ignore[misc]


def test_notes__are_read_whole() -> None:
    if not NOTES.is_file():
        pytest.skip("the notes are not beside this checkout")
    text = [c for s in SECTIONS for c in cells(s)]
    assert sum(len(NUMBER.findall(c)) for c in text) > 700
    assert sum(len(RANGE.findall(c)) for c in text) > 150
