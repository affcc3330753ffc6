"""One place that settles fonts, so that Chinese text is drawn or replaced by English, never by boxes."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cimkit.arrays import one_of
from cimkit.view.texts import FONTS, LANGUAGES

ADVICE = "no font with Chinese characters was found; labels are English. Install fonts-noto-cjk or set CIMKIT_FONT."
LATIN = "DejaVu Sans"  # part of matplotlib
_log = logging.getLogger("cimkit")


@dataclass(frozen=True)
class Fonts:
    """What text is drawn with.

    Parameters
    ----------
    families
        Font families in order, for matplotlib's ``font.family``.
    chinese
        Family with Chinese characters, empty if there is none.
    path
        File of it, empty if unknown; pyvista needs the file.
    """

    families: tuple[str, ...]
    chinese: str
    path: str

    @property
    def rc(self) -> Any:
        """Settings for ``matplotlib.rc_context``."""
        return {"font.family": list(self.families), "axes.unicode_minus": False, "svg.fonttype": "path"}

    def language(self, lang: str) -> str:
        """Return the language that can be drawn: English where Chinese was wanted and cannot be."""
        if lang == "en" or self.chinese:
            return lang
        _say_once()
        return "en"


@contextmanager
def drawing(ax: Any, lang: str, size: tuple[float, float], **more: Any) -> Iterator[tuple[Any, str]]:
    """Draw with the fonts settled; give the axes, new ones of a size [inch] for None, and the language to write."""
    import matplotlib.pyplot as plt

    settled = fonts()
    with plt.rc_context(settled.rc):
        if ax is None:
            _, ax = plt.subplots(figsize=size, layout="constrained", **more)
        yield ax, settled.language(one_of(lang, LANGUAGES, name="lang"))


def fonts() -> Fonts:
    """Find the fonts to draw with: ``CIMKIT_FONT`` (a family or a file) first, then the usual ones.

    Fonts installed after matplotlib made its list are found too.

    Returns
    -------
    Fonts
        Without a Chinese one if there is none on this machine.
    """
    import matplotlib.pyplot as plt

    plt.draw_if_interactive()  # type: ignore[no-untyped-call]  # loads the backend: within rc_context, a notebook's would lose its settings again
    return _find(os.environ.get("CIMKIT_FONT", ""))


@lru_cache(maxsize=8)
def _find(wish: str) -> Fonts:
    """Return the fonts for a wish, empty for none."""
    from matplotlib import font_manager

    manager = font_manager.fontManager
    if wish and Path(wish).is_file():
        manager.addfont(wish)
        name = font_manager.FontProperties(fname=wish).get_name()
        return Fonts((LATIN, name), name, wish)
    wanted = ((wish,) if wish else ()) + FONTS
    for fresh in (False, True):
        entries = _on_disk(font_manager, manager) if fresh else manager.ttflist
        listed = {e.name: e.fname for e in reversed(entries)}
        chinese = next((name for name in wanted if name in listed), "")
        if chinese:  # Latin first: digits and minus signs stay as usual
            return Fonts((LATIN, chinese), chinese, listed[chinese])
    return Fonts((LATIN,), "", "")


def _on_disk(font_manager: Any, manager: Any) -> Any:
    """Add the system's fonts that matplotlib's stored list does not know yet; return all."""
    known = {e.fname for e in manager.ttflist}
    for path in font_manager.findSystemFonts():
        if path not in known:
            try:
                manager.addfont(path)
            except (OSError, RuntimeError, ValueError):  # a damaged or unusual font file is not our business
                _log.debug("font not readable: %s", path)
    return manager.ttflist


@lru_cache(maxsize=1)
def _say_once() -> None:
    """Log once what to install."""
    _log.warning(ADVICE)
