"""The live widget of a study (anywidget): the 3D viewer, a slider of storeys, figures that follow."""

from math import isnan
from typing import Any

import anywidget
import traitlets

from cimkit.errors import CimkitError
from cimkit.view.layers import is_a
from cimkit.view.page import viewer_files
from cimkit.view.scene import scene_bytes
from cimkit.view.tables import judged


class StudyWidget(anywidget.AnyWidget):
    """A study on screen; what the page asks for comes in ``wish``, what it shows goes out."""

    scene = traitlets.Bytes(b"").tag(sync=True)
    figures = traitlets.Dict().tag(sync=True)
    chosen = traitlets.Unicode("").tag(sync=True)
    wish = traitlets.Dict().tag(sync=True)
    done = traitlets.Float(0.0).tag(sync=True)
    said = traitlets.Unicode("").tag(sync=True)
    lang = traitlets.Unicode("en").tag(sync=True)

    def __init__(self, study: Any, **kwargs: Any) -> None:
        StudyWidget._esm, StudyWidget._css = viewer_files()
        self.study = study
        self._dragged = ""  # building whose slider is held: the steps of a drag are one edit
        super().__init__(**kwargs)
        self.refresh()
        self.observe(self._wished, names="wish")

    def refresh(self) -> None:
        """Show the current state, its figures beside those of the base."""
        state = self.study.state
        base = next(iter(self.study.variants["base"].states), state)
        lights = [r for r in state.results if is_a(r, "Sunlight")]
        self.scene = scene_bytes(state.community, lights, judged(state.findings))
        old, new = base.figures(), state.figures()
        self.figures = {k: [None if isnan(v) else round(float(v), 3) for v in (old[k], new[k])] for k in new}

    def _wished(self, change: Any) -> None:
        """Do what the page asks for: storeys, move, remove, undo, redo."""
        wish = dict(change["new"])
        dragged, self._dragged = self._dragged, ""
        try:
            if wish["do"] in ("undo", "redo"):
                getattr(self.study, wish["do"])()
            elif wish["do"] == "storeys":
                if dragged == wish["target"]:
                    self.study.undo()
                self.study.storeys(wish["target"], int(wish["count"]))
                self._dragged = wish["target"] if wish.get("drag") else ""
            elif wish["do"] == "move":
                self.study.move(wish["target"], **{k: float(wish.get(k, 0.0)) for k in ("dx", "dy", "turn")})
            elif wish["do"] == "remove":
                self.study.remove(wish["target"])
            self.said = ""
        except CimkitError as error:
            self.said = str(error)
        self.refresh()
        self.done = float(wish.get("time", 0.0))
