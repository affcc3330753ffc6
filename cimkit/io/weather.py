"""Weather files: EnergyPlus weather (EPW), 8 header lines and 8,760 hours."""

from pathlib import Path

import numpy as np

from cimkit.errors import FormatError
from cimkit.io.guard import expected
from cimkit.model.records import Location
from cimkit.model.weather import HOURS, Weather

HEADER = 8
COLUMNS = {"temperature": (6, 99.9), "ghi": (13, 9999.0), "dni": (14, 9999.0), "dhi": (15, 9999.0)}  # place, missing


def read_epw(path: str | Path) -> Weather:
    """Read a typical year in EnergyPlus format.

    An hour is labelled by its end: hour 1 of the file runs from 0 to 1 o'clock local standard time.
    29 February is left out. Years may differ from month to month.

    Parameters
    ----------
    path
        The ``.epw`` file.

    Returns
    -------
    Weather
        8,760 hours.

    Raises
    ------
    FormatError
        If the header, a row or a radiation value is missing or out of order.

    References
    ----------
    .. [1] EnergyPlus Auxiliary Programs, "EnergyPlus Weather File (EPW) Data Dictionary".
    """
    import pandas as pd

    path = Path(path)
    with expected(path.name, "the file must be readable", "Check the path."):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    head = lines[0].split(",") if lines else []
    if len(head) < 10 or head[0].strip().upper() != "LOCATION":
        raise FormatError(f"{path.name}, line 1: must begin with LOCATION and have 10 fields; got {lines[:1]}.")
    with expected(f"{path.name}, line 1", "fields 7 to 9 must be latitude, longitude, time zone"):
        latitude, longitude, zone = (float(v) for v in head[6:9])
        location = Location(latitude, longitude)
    rows = {k: line.split(",") for k, line in enumerate(lines[HEADER:], HEADER + 1) if line.strip()}
    rows = {k: row for k, row in rows.items() if [v.strip() for v in row[1:3]] != ["2", "29"]}
    if len(rows) != HOURS:
        raise FormatError(f"{path.name}: must have {HEADER} header lines and {HOURS} hours; got {len(rows)} hours.")
    number, places = list(rows), [3, *(place for place, _ in COLUMNS.values())]
    texts = pd.Series([row[place] if place < len(row) else "" for row in rows.values() for place in places])
    table = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64).reshape(HOURS, len(places))
    hour, *columns = table.T
    unread, jumps = np.isnan(table).any(axis=1), hour // 1 != np.arange(HOURS) % 24 + 1
    for which, wanted in ((unread, "must be 16 or more numbers"), (jumps, "hour must be {}, they run 1 to 24")):
        if which.any():
            first = int(which.argmax())
            got = ",".join(rows[number[first]])[:60]
            raise FormatError(f"{path.name}, line {number[first]}: {wanted.format(first % 24 + 1)}; got {got}.")
    found = {}
    for (title, (_, missing)), column in zip(COLUMNS.items(), columns, strict=True):
        gone = (column >= missing) | ((column < 0) & (title != "temperature")) | ~np.isfinite(column)
        if gone.any() and title != "temperature":
            said = f"{title} must be known and >= 0 Wh/m²; {int(gone.sum())} hours are not"
            raise FormatError(f"{path.name}, line {number[gone.argmax()]}: {said}. Take a file with radiation.")
        found[title] = np.where(gone, np.nan, column)
    return Weather(location, zone, found["ghi"], found["dni"], found["dhi"], found["temperature"], head[1].strip())
