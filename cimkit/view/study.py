"""What if: a base and variants, each a list of edits; what an edit changed is measured again, the rest is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray
from cimkit.errors import InputError, needed
from cimkit.io.atomic import File
from cimkit.model.changes import Edit, Record, described, read_scenario, scenario_json
from cimkit.model.community import Community
from cimkit.rules.check import check
from cimkit.rules.compare import scenarios
from cimkit.rules.findings import Findings
from cimkit.rules.measurements import Measurements
from cimkit.sim.areas import FloorAreas
from cimkit.sim.site_ratios import SiteIndicators
from cimkit.sim.sunlight import Sunlight

BASE = "base"
Known = Mapping[str, str] | None  # of the place


@dataclass(frozen=True)
class State:
    """A community after some edits and what was found of it.

    Parameters
    ----------
    community
        As it is judged, see ``Community.after``.
    findings
        What the rules say.
    results
        What was simulated.
    """

    community: Community
    findings: Findings
    results: tuple[Any, ...]

    def first(self, kind: type) -> Any:
        """Return the first result of a kind, None without one."""
        return next((r for r in self.results if isinstance(r, kind)), None)

    def figures(self) -> dict[str, float]:
        """Return the figures a designer looks at first."""
        light, site, areas = self.first(Sunlight), self.first(SiteIndicators), self.first(FloorAreas)
        counts, hours = self.findings.counts, light.hours if light is not None else np.full(1, np.nan)
        figures = {"least_sunlight_h": float(hours.min()), "windows_below_2_h": int((hours < 2 - 1e-6).sum())}
        figures["far"] = site.value("far") if site is not None else np.nan
        figures["far_area_m2"] = areas.totals()["far_area_m2"] if areas is not None else np.nan
        return figures | {"failed": counts["fail"], "unknown": counts["unknown"], "passed": counts["pass"]}


@dataclass
class Variant:
    """Edits in order, those undone, and the states they lead to, the last of them measured."""

    edits: list[Edit] = field(default_factory=list)
    undone: list[Edit] = field(default_factory=list)
    states: list[State] = field(default_factory=list)


class Study:
    """A base community and variants of it, judged after every edit.

    Every edit is recorded; it can be undone, written as a scenario and replayed.

    Parameters
    ----------
    community
        The base; it is never changed.
    packs, city, place
        What to judge by, see ``check``.

    Examples
    --------
    >>> from cimkit.samples import slab_rows
    >>> study = Study(slab_rows(rows=2, gap=30), packs=["CN-GB50180-2018"], place={"climate_zone": "III"})
    >>> study.storeys("S1", 9).community.buildings.n_above
    array([9, 6])
    """

    def __init__(
        self, community: Community, *, packs: Sequence[File] | None = None, city: str = "", place: Known = None
    ) -> None:
        self.base = community.after()
        self._by: dict[str, Any] = {"packs": packs, "city": city, "place": place}
        self.variants: dict[str, Variant] = {BASE: Variant()}
        self.name = BASE

    def __repr__(self) -> str:
        told = ", ".join(f"{k}: {len(v.edits)} edits" for k, v in self.variants.items())
        return f"<Study of {self.base.name or 'a community'}; {told}; now {self.name}>"

    def _repr_html_(self) -> str:
        """Return the figures of all variants that were measured."""
        return str(self.figures().to_html(float_format="{:,.6g}".format))

    @property
    def state(self) -> State:
        """The current state, measured when asked for."""
        return self._state(self.name)

    @property
    def community(self) -> Community:
        """The community of the current state."""
        return self.state.community

    @property
    def findings(self) -> Findings:
        """The findings of the current state."""
        return self.state.findings

    def _state(self, name: str) -> State:
        """Return the last state of a variant; that of the base is measured when it is first asked for."""
        states = self.variants[name].states
        if not states:
            states.append(self._judged(Measurements(self.base)))
        return states[-1]

    def _judged(self, measured: Measurements) -> State:
        """Return the state of a community, which is measured as far as it is not yet."""
        found = check(measured.community, measurements=measured, **self._by)
        return State(measured.community, found, tuple(measured.results()))

    def edit(self, edit: Edit) -> State:
        """Record an edit and return the state after it; what the edit cannot have changed is taken from before it.

        Raises
        ------
        InputError
            If it cannot be done; then nothing is recorded.
        """
        before, now = self.state, self.variants[self.name]
        measured = Measurements(edit.apply(before.community))
        if before.findings.measurements is not None:
            places = _places(before.community, measured.community, edit.target)
            measured.carry_over(before.findings.measurements, places)
        now.states.append(self._judged(measured))
        now.edits.append(edit)
        now.undone.clear()
        return now.states[-1]

    def move(self, name: str, *, dx: float = 0.0, dy: float = 0.0, turn: float = 0.0) -> State:
        """Move a building, space or service by metres east and north and turn it clockwise [°]."""
        return self.edit(Edit("move", name, {"dx": dx, "dy": dy, "turn": turn}))

    def storeys(self, name: str, count: int) -> State:
        """Give a building another number of storeys above ground, which must be whole."""
        return self.edit(Edit("storeys", name, {"count": count if count % 1 else int(count)}))

    def add(self, record: Record) -> State:
        """Add a building, space, service or path."""
        return self.edit(Edit("add", record.id, described(record)))

    def replace(self, record: Record) -> State:
        """Put a building in place of the one of the same id."""
        return self.edit(Edit("replace", record.id, described(record)))

    def remove(self, name: str) -> State:
        """Remove a building, space, service or path."""
        return self.edit(Edit("remove", name))

    def undo(self) -> State:
        """Take the last edit back."""
        now = self.variants[self.name]
        if not now.edits:
            raise InputError(f"undo: there must be an edit in {self.name!r}; got none.")
        now.undone.append(now.edits.pop())
        del now.states[len(now.edits) + 1 :]
        return self.state

    def redo(self) -> State:
        """Make the edit again that was taken back last."""
        now = self.variants[self.name]
        if not now.undone:
            raise InputError(f"redo: there must be an undone edit in {self.name!r}; got none.")
        *rest, last = now.undone
        state = self.edit(last)
        now.undone = rest
        return state

    def variant(self, name: str, *, start: str = "") -> Study:
        """Go to a variant; a new one starts from the edits of another, the current one without ``start``."""
        if name not in self.variants:
            old = self.variants[start or self.name]
            self.variants[name] = Variant(list(old.edits), [], list(old.states))
        self.name = name
        return self

    def figures(self) -> Any:
        """Return a DataFrame of the figures of each variant, the base first."""
        import pandas as pd

        return pd.DataFrame({name: self._state(name).figures() for name in self.variants})

    def compare(self) -> Any:
        """Return the findings of all variants side by side, one row a rule."""
        return scenarios({name: self._state(name).findings for name in self.variants})

    def to_json(self) -> str:
        """Return the edits of the current variant as a scenario."""
        return scenario_json(self.variants[self.name].edits, name=self.name)

    def replay(self, text: str, *, name: str) -> State:
        """Make the edits of a scenario, from the base, as a new variant."""
        if name in self.variants:
            raise InputError(f"replay: the name must be free; got {name!r}, which exists.")
        edits = read_scenario(text)
        self.variants[name] = Variant()
        self.name = name
        for edit in edits:
            self.edit(edit)
        return self.state

    def widget(self, *, lang: str = "en") -> Any:
        """Return a live 3D view: click a building, drag its storeys, see hours, FAR and findings follow.

        Raises
        ------
        MissingDataError
            If anywidget is not installed.
        """
        needed("anywidget", who="widget", extra="view")
        from cimkit.view.widget import StudyWidget

        return StudyWidget(self, lang=lang)


def _places(before: Community, after: Community, name: str) -> FloatArray:
    """Return circles around the edited object, as it was and as it is: x, y, radius, top, shape (n, 4) [m]."""
    found: list[tuple[FloatArray, float]] = []
    for c in (before, after):
        for row in np.flatnonzero(c.buildings.names() == name):
            b, own = c.buildings, c.solids.take(np.flatnonzero(c.solids.owner == row))
            corners = c.mesh.corners[c.mesh.owner == row].reshape(-1, 3)
            top = max(b.ground_z[row] + b.height[row], own.top.max(initial=0.0), corners[:, 2].max(initial=0.0))
            found.append((np.concatenate([b.footprint.take([row]).xy, own.outline.xy, corners[:, :2]]), top))
        found += [(c.spaces.outline.take([row]).xy, 200.0) for row in np.flatnonzero(c.spaces.names() == name)]
    boxes = [(xy.min(axis=0), xy.max(axis=0), top) for xy, top in found]
    circles = [(*((low + high) / 2), np.hypot(*(high - low)) / 2, top) for low, high, top in boxes]
    return np.array(circles, dtype=np.float64).reshape(-1, 4)
