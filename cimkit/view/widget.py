"""The live widget of a study (anywidget): the 3D viewer, a slider of storeys, figures that follow."""

from typing import Any

import anywidget
import traitlets

from cimkit.arrays import one_of
from cimkit.errors import CimkitError
from cimkit.model.changes import Edit
from cimkit.view.layers import is_a
from cimkit.view.page import viewer_files
from cimkit.view.scene import scene_bytes
from cimkit.view.tables import judged, rounded

WISHES = ("storeys", "move", "remove")


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
        self.figures = {k: rounded((old[k], new[k]), 3) for k in new}

    def _wished(self, change: Any) -> None:
        """Do what the page asks for: storeys, move, remove, undo, redo."""
        wish, dragged, self._dragged = dict(change["new"]), self._dragged, ""
        do, values = wish["do"], {k: wish[k] for k in ("count", "dx", "dy", "turn") if k in wish}
        try:
            if do in ("undo", "redo"):
                getattr(self.study, do)()
            else:
                if do == "storeys" and dragged == wish["target"]:
                    self.study.undo()
                self.study.edit(Edit(one_of(do, WISHES, name="wish"), wish["target"], values))
                self._dragged = wish["target"] if wish.get("drag") else ""
            self.said = ""
        except CimkitError as error:
            self.said = str(error)
        self.refresh()
        self.done = float(wish.get("time", 0.0))
