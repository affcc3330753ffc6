"""What results share: a picture, a 3D view and a table in a notebook, drawn by what the top of the house connects."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

_view: list[Callable[[], Any]] = []


def connect(load: Callable[[], Any]) -> None:
    """Say how to load what draws: a module with ``plot`` and ``show``. Called once, by the package itself."""
    _view[:] = [load]


class Drawn:
    """Results that can be drawn; ``community`` is needed where the result does not hold its own."""

    __slots__ = ()

    def plot(self, community: Any = None, *, column: str = "", ax: Any = None, lang: str = "en") -> Any:
        """Draw it as a plan, north up, with scale bar; return the axes, see ``cimkit.view.plot``."""
        return _view[0]().plot(self, community=community, column=column, ax=ax, lang=lang)

    def show(self, community: Any = None, *, lang: str = "en") -> Any:
        """Show it in 3D, see ``cimkit.show``."""
        return _view[0]().show_result(self, community, lang=lang)

    def _repr_html_(self) -> str:
        """Return what it says and the first rows of it."""
        frame = self.to_frame()  # type: ignore[attr-defined]
        rest = f"<p>… {len(frame) - 8:,} rows more: .to_frame()</p>" if len(frame) > 8 else ""
        shown = frame.drop(columns="geometry", errors="ignore").head(8)
        table = shown.to_html(index=False, escape=True, float_format="{:,.6g}".format)
        return f"<p>{escape(repr(self)[1:-1])}</p>{table}{rest}"
