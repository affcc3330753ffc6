"""Tables and bars of the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cimkit.arrays import FloatArray
from cimkit.view.colours import Classes
from cimkit.view.html import Html, element, join

MOST_ROWS = 2_000


def table(heads: Sequence[Any], rows: Iterable[Html], *, name: str = "", numbers: Iterable[int] = ()) -> Html:
    """Return a table that sorts by a click on a head; ``numbers`` are the columns set to the right."""
    right = set(numbers)
    cells = [
        element("th", head, data_sort="", scope="col", class_="n" if k in right else None)
        for k, head in enumerate(heads)
    ]
    body = element("tbody", *rows)
    whole = element("table", element("thead", element("tr", *cells)), body, id=name or None)
    return element("div", whole, class_="scroll")


def row(
    cells: Sequence[Any], *, numbers: Iterable[int] = (), values: dict[int, Any] | None = None, **about: Any
) -> Html:
    """Return a row; ``values`` give what a cell is sorted by where its text is not that."""
    right, values = set(numbers), values or {}
    parts = [
        element("td", cell, class_="n" if k in right else None, data_value=values.get(k))
        for k, cell in enumerate(cells)
    ]
    return element("tr", *parts, **about)


def stacked(shares: Sequence[float], colours: Sequence[str], *, width: int = 130, height: int = 10) -> Html:
    """Return a bar of shares (0–1) side by side."""
    parts, x = [], 0.0
    for share, colour in zip(shares, colours, strict=True):
        if share > 0:
            parts.append(element("rect", x=f"{x:.1f}", width=f"{share * width:.1f}", height=height, fill=colour))
            x += share * width
    return element("svg", *parts, width=width, height=height, aria_hidden="true")


def spread(values: FloatArray, classes: Classes) -> Html:
    """Return the share of values in each class as a bar."""
    which = classes.index(values)
    count = max(len(values), 1)
    return stacked([float((which == k).sum()) / count for k in range(len(classes.colours))], classes.colours)


def pairs(items: Iterable[tuple[Any, Any]]) -> Html:
    """Return a list of names and values."""
    return element("dl", *[join(element("dt", k), element("dd", v)) for k, v in items], class_="pairs")
