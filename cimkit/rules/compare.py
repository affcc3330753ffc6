"""Before and after: what fails newly, what is healed, what was short and got worse; scenarios side by side."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cimkit.errors import FormatError
from cimkit.rules.findings import ORDER, SCHEMA, Findings, Judged, Verdict

Known = dict[tuple[str, ...], tuple[float, float, int]]  # of an object: measured, margin, verdict
_FAIL, _PASS = ORDER.index(Verdict.FAIL), ORDER.index(Verdict.PASS)
_SAME = 1e-6
_CHANGES = ("new", "worse", "healed", "better")


def compared(after: Sequence[Judged], before: Sequence[Judged]) -> tuple[Judged, ...]:
    """Return the findings after with what each object had before, by what is measured.

    Where a rule says ``shortfall = "not_worse"``, an object that fell short before and did not lose
    anything passes, with a note.
    """
    known: Known = {}
    for j in before:
        rows = zip(j.subjects.ids, j.measured.tolist(), j.margin.tolist(), j.verdict.tolist(), strict=True)
        known |= {(*_quantity(j), str(name)): was for name, *was in rows}  # type: ignore[misc]
    return tuple(_compared(j, known, _quantity) for j in after)


def compared_with_baseline(after: Sequence[Judged], baseline: Mapping[str, Any]) -> tuple[Judged, ...]:
    """Return the findings after with what each object had in an earlier check, rule by rule.

    Raises
    ------
    FormatError
        If the baseline is not what ``Findings.to_dict`` gives.
    """
    if not isinstance(baseline, dict) or baseline.get("schema") != SCHEMA:
        raise FormatError(f"baseline: it must be findings written as {SCHEMA}; got something else. Write it anew.")
    known: Known = {}
    for f in baseline["findings"]:
        measured, margin = np.array([f["measured"], f["margin"]], dtype=np.float64).tolist()  # None becomes nan
        known[f["rule"], f["object"]] = measured, margin, ORDER.index(Verdict(f["verdict"]))
    return tuple(_compared(j, known, lambda own: (own.rule.id,)) for j in after)


def _quantity(j: Judged) -> tuple[str, ...]:
    """Return what was measured: the indicator with its parameters."""
    return (j.rule.indicator, *sorted(f"{k}={v}" for k, v in j.requirement.with_.items()))


def _compared(j: Judged, known: Known, key: Callable[[Judged], tuple[str, ...]]) -> Judged:
    """Return one block with the state before."""
    before, change = np.full(len(j), np.nan), np.full(len(j), "", dtype=object)
    verdict, notes = j.verdict.copy(), j.notes.copy()
    for k, name in enumerate(j.subjects.ids):
        object_ = (*key(j), str(name))
        if object_ in known:
            before[k], margin, was = known[object_]
            change[k] = _word(was, int(verdict[k]), float(j.margin[k]) - margin)
            kept = was == verdict[k] == _FAIL and change[k] in ("same", "better")
            if kept and j.rule.shortfall == "not_worse":
                verdict[k], said = _PASS, "short before already and not reduced"
                notes[k] = f"{said}; {notes[k]}" if notes[k] else said
    return dataclasses.replace(j, verdict=verdict, notes=notes, change=change, before=before)


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


def change_table(findings: Findings) -> Any:
    """Return what changed against the state before, as a meeting reads it.

    Parameters
    ----------
    findings
        Of a check with ``before`` or ``baseline``.

    Returns
    -------
    DataFrame
        One row a finding that fails newly, got worse, was healed or got better, in this order;
        ``before`` and ``measured`` are in ``unit``.
    """
    frame = findings.to_frame()
    frame = frame[frame["change"].isin(_CHANGES)]
    order = frame["change"].map(_CHANGES.index).astype(int)
    columns = ["change", "text", "text_zh", "object", "before", "measured", "required", "unit", "verdict", "note"]
    return frame.iloc[np.argsort(order.to_numpy(), kind="stable")][columns].reset_index(drop=True)


def scenarios(states: Mapping[str, Findings]) -> Any:
    """Return checks of several scenarios side by side.

    Parameters
    ----------
    states
        Name of the scenario → its findings.

    Returns
    -------
    DataFrame
        One row a rule: how often it fails, is unknown and passes, and its least margin, in each scenario.
    """
    import pandas as pd

    rows: dict[str, dict[str, Any]] = {}
    for name, findings in states.items():
        for j in findings.judged:
            row = rows.setdefault(j.rule.id, {"rule": j.rule.id, "text": j.rule.text, "text_zh": j.rule.text_zh})
            for code, verdict in enumerate(ORDER[:3]):
                column = f"{name}: {verdict.value}"
                row[column] = row.get(column, 0) + int((j.verdict == code).sum())
            least, known = f"{name}: least margin", j.margin[np.isfinite(j.margin)]
            row[least] = np.fmin.reduce(known, initial=row.get(least, np.nan))
    return pd.DataFrame(list(rows.values()))
