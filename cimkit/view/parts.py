"""Sections, tables, bars: what the report is built of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cimkit.view.html import Html, both, element, join
from cimkit.view.texts import MARKS, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cimkit.arrays import FloatArray
    from cimkit.view.colours import Classes


def page_tools() -> Html:
    """Return the switch of the language and the button that prints."""
    return element(
        "span",
        element("button", "中文", type="button", data_say="zh"),
        element("button", "English", type="button", data_say="en"),
        element("button", words("print"), type="button", data_print=""),
        class_="tools",
    )


def section(name: str, *content: Any) -> Html:
    """Return a section with its heading, or nothing if it has no content."""
    return element("section", element("h2", words(name)), *content, id=name) if any(content) else Html()


def table(
    heads: Sequence[Any],
    rows: Iterable[Html],
    *,
    name: str = "",
    numbers: Iterable[int] = (),
    tall: bool = False,
    sort: bool = True,
) -> Html:
    """Return a table that sorts by a click on a head.

    ``numbers`` are the columns set to the right; a ``tall`` table scrolls in itself on the screen.
    """
    right = set(numbers)
    cells = [
        element("th", head, data_sort="" if sort else None, scope="col", class_="n" if k in right else None)
        for k, head in enumerate(heads)
    ]
    whole = element("table", element("thead", element("tr", *cells)), element("tbody", *rows), id=name or None)
    return element("div", whole, class_="scroll tall" if tall else "scroll")


def row(
    cells: Sequence[Any],
    *,
    numbers: Iterable[int] = (),
    names: Iterable[int] = (),
    values: Mapping[int, Any] | None = None,
    **about: Any,
) -> Html:
    """Return a row; ``names`` are columns kept wide; ``values`` what a cell is sorted by where its text is not that."""
    kinds, values = dict.fromkeys(numbers, "n") | dict.fromkeys(names, "k"), values or {}
    parts = [element("td", cell, class_=kinds.get(k), data_value=values.get(k)) for k, cell in enumerate(cells)]
    return element("tr", *parts, **about)


def stacked(
    shares: Sequence[float], colours: Sequence[str], *, width: int = 130, height: int = 10, **about: Any
) -> Html:
    """Return a bar of shares (0–1) side by side."""
    parts, x = [], 0.0
    for share, colour in zip(shares, colours, strict=True):
        if share > 0:
            parts.append(element("rect", x=f"{x:.1f}", width=f"{share * width:.1f}", height=height, fill=colour))
            x += share * width
    box = f"0 0 {width} {height}"
    return element("svg", *parts, width=width, height=height, viewBox=box, aria_hidden="true", **about)


def spread(values: FloatArray, classes: Classes) -> Html:
    """Return the share of values in each class as a bar."""
    which = classes.which(values)
    count = max(len(values), 1)
    shares = [float((which == k).sum()) / count for k in range(len(classes.colours))]
    return stacked(shares, classes.colours)


def pairs(items: Iterable[tuple[Any, Any]]) -> Html:
    """Return a list of names and values."""
    return element("dl", *[join(element("dt", k), element("dd", v)) for k, v in items], class_="pairs")


def mark_words(mark: str) -> Html:
    """Return how sure a number is, in words."""
    return element("span", both(*MARKS.get(mark, (mark, mark))), class_=f"mark-{mark}" if mark in MARKS else None)
