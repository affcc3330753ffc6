"""What results share: a table, also in a notebook, a picture and a 3D view, drawn by what the house's top connects."""

from collections.abc import Callable
from html import escape
from typing import Any

_view: list[Callable[[], Any]] = []


def connect(load: Callable[[], Any]) -> None:
    """Say how to load what draws: a module with ``plot`` and ``show``. Called once, by the package itself."""
    _view[:] = [load]


def data_frame(data: Any, columns: Any = None) -> Any:
    """Return a DataFrame of columns, or of rows and the names of their columns; pandas is loaded by the first."""
    import pandas as pd

    return pd.DataFrame(data, columns=columns)


class Tabled:
    """What has a table: it says its columns, with shapes in local metres under the name ``geometry`` if it has some."""

    community: Any  # of what has shapes, for their place on the map

    def columns(self) -> dict[str, Any]:
        """Return name, which says the unit, and values of each column."""
        raise NotImplementedError

    def to_frame(self) -> Any:
        """Return a DataFrame, where rows have shapes a GeoDataFrame in map coordinates."""
        data = self.columns()
        shapes = data.pop("geometry", None)
        return data_frame(data) if shapes is None else self.community.frame.to_geoframe(data, shapes)

    def _repr_html_(self) -> str:
        """Return what it says and the first rows of it."""
        frame = self.to_frame()
        rest = f"<p>… {len(frame) - 8:,} rows more: .to_frame()</p>" if len(frame) > 8 else ""
        shown = frame.drop(columns="geometry", errors="ignore").head(8)
        table = shown.to_html(index=False, escape=True, float_format="{:,.6g}".format)
        return f"<p>{escape(repr(self)[1:-1])}</p>{table}{rest}"


class Drawn(Tabled):
    """Results that can be drawn; ``community`` is needed where the result does not hold its own."""

    def plot(self, community: Any = None, *, column: str = "", ax: Any = None, lang: str = "en") -> Any:
        """Draw it as a plan, north up, with scale bar; return the axes, see ``cimkit.view.plot``."""
        return _view[0]().plot(self, community=community, column=column, ax=ax, lang=lang)

    def show(self, community: Any = None, *, lang: str = "en") -> Any:
        """Show it in 3D, see ``cimkit.show``."""
        return _view[0]().show_result(self, community, lang=lang)
