"""Before and after: what fails newly, what is healed, what was short and got worse; scenarios side by side."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cimkit.errors import FormatError
from cimkit.rules.findings import ORDER, SCHEMA, Findings, Judged, Verdict
from cimkit.rules.rule import FAIL, PASS

Known = dict[tuple[str, ...], tuple[float, float, int]]  # of an object: measured, margin, verdict
_NOT_KNOWN = (np.nan, np.nan, -1)
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
    return tuple(_compared(j, known, _quantity(j)) for j in after)


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
    return tuple(_compared(j, known, (j.rule.id,)) for j in after)


def _quantity(j: Judged) -> tuple[str, ...]:
    """Return what was measured: the indicator with its parameters."""
    return (j.rule.indicator, *sorted(f"{k}={v}" for k, v in j.requirement.with_.items()))


def _compared(j: Judged, known: Known, key: tuple[str, ...]) -> Judged:
    """Return one block with the state before, found by its key and the id of each object."""
    found = [known.get((*key, str(name)), _NOT_KNOWN) for name in j.subjects.ids]
    before, margin, was = np.array(found, dtype=np.float64).reshape(-1, 3).T
    passed, failed = was == PASS, was == FAIL
    with np.errstate(invalid="ignore"):  # nothing is gained where both are without limit
        gain = j.margin - margin
    new, healed, same = passed & (j.verdict == FAIL), failed & (j.verdict == PASS), np.abs(gain) <= _SAME
    words = ["new", "healed", "same", "better", "worse"]
    change = np.select([new, healed, same, gain > 0, gain < 0], words, "").astype(object)
    kept = failed & (j.verdict == FAIL) & (same | (gain > 0)) & (j.rule.shortfall == "not_worse")
    said = "short before already and not reduced"
    notes = np.where(kept, [f"{said}; {note}" if note else said for note in j.notes], j.notes).astype(object)
    return dataclasses.replace(j, verdict=np.where(kept, PASS, j.verdict), notes=notes, change=change, before=before)


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
