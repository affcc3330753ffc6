"""Before and after: what fails newly, what is healed, what was short before and got worse."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from cimkit.rules.findings import ORDER, Judged, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.arrays import FloatArray, TextArray

_FAIL, _PASS = ORDER.index(Verdict.FAIL), ORDER.index(Verdict.PASS)
_SAME = 1e-6


def compared(after: Sequence[Judged], before: Sequence[Judged]) -> tuple[Judged, ...]:
    """Return the findings after with what each object had before.

    Where a rule says ``shortfall = "not_worse"``, an object that fell short before and did not lose
    anything passes, with a note.
    """
    known: dict[tuple[str, ...], tuple[float, float, int]] = {}
    for j in before:
        key = (j.rule.indicator, *sorted(f"{k}={v}" for k, v in j.requirement.with_.items()))
        for k, name in enumerate(j.objects):
            known[*key, str(name)] = (float(j.measured[k]), float(j.margin[k]), int(j.verdict[k]))
    return tuple(_compared(j, known) for j in after)


def _compared(j: Judged, known: dict[tuple[str, ...], tuple[float, float, int]]) -> Judged:
    """Return one block with the state before."""
    key = (j.rule.indicator, *sorted(f"{k}={v}" for k, v in j.requirement.with_.items()))
    n = len(j)
    value: FloatArray = np.full(n, np.nan)
    change: TextArray = np.full(n, "", dtype=object)
    verdict, notes = j.verdict.copy(), j.notes.copy()
    for k, name in enumerate(j.objects):
        if (*key, str(name)) not in known:
            continue
        value[k], margin, was = known[*key, str(name)]
        change[k] = _word(was, int(j.verdict[k]), float(j.margin[k]) - margin)
        kept = was == _FAIL and verdict[k] == _FAIL and change[k] in ("same", "better")
        if kept and j.rule.shortfall == "not_worse":
            verdict[k] = _PASS
            said = "short before already and not reduced"
            notes[k] = f"{said}; {notes[k]}" if notes[k] else said
    return dataclasses.replace(j, verdict=verdict, notes=notes, change=change, before=value)


def _word(was: int, now: int, gain: float) -> str:
    """Return how a finding changed."""
    if was == _PASS and now == _FAIL:
        return "new"
    if was == _FAIL and now == _PASS:
        return "healed"
    if np.isnan(gain):
        return ""
    if abs(gain) <= _SAME:
        return "same"
    return "better" if gain > 0 else "worse"
