"""HTML from Python values: whatever is not marked as markup is escaped."""

from __future__ import annotations

from html import escape
from typing import Any


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def safe(value: Any) -> Html:
    """Return a value as markup: escaped, unless it is markup already; None gives nothing."""
    if isinstance(value, Html):
        return value
    return Html("" if value is None else escape(str(value), quote=True))


def join(*parts: Any) -> Html:
    """Return the parts one after the other."""
    return Html("".join(safe(p) for p in parts))


def element(name: str, /, *children: Any, **attributes: Any) -> Html:
    """Return an element; ``class_`` gives ``class``, ``data_x`` gives ``data-x``, None leaves an attribute out.

    Examples
    --------
    >>> element("b", "<i>", class_="name")
    '<b class="name">&lt;i&gt;</b>'
    """
    given = {k.rstrip("_").replace("_", "-"): v for k, v in attributes.items() if v is not None}
    head = "".join(f' {k}="{escape(str(v), quote=True)}"' for k, v in given.items())
    return Html(f"<{name}{head}>{join(*children)}</{name}>")


def both(english: Any, chinese: Any, *, tag: str = "span") -> Html:
    """Return a text in both languages; the page shows the chosen one."""
    if english == chinese:
        return safe(english)
    return join(element(tag, chinese, lang="zh"), element(tag, english, lang="en"))


def block(name: str, text: str) -> Html:
    """Return a ``style`` or ``script`` element; text that would close it is broken up."""
    return Html(f"<{name}>" + text.replace("</", "<\\/") + f"</{name}>")
