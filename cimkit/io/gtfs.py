"""Stops of a public transport feed (GTFS) with their headways, as facilities; for routing in transit see r5py."""

from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from cimkit.errors import FormatError, InputError
from cimkit.io.guard import check_file, expected, open_archive, read_member
from cimkit.io.loading import Layers
from cimkit.model.notes import Note

FEED = frozenset({"stops.txt", "stop_times.txt"})  # what tells a feed from other folders and archives
STOPS = "timetable stops"
_METRO = (1, 2)  # route types: metro, rail


def load_gtfs(path: Path) -> tuple[Layers, list[Note]]:
    """Return the stops of a feed as a layer, and no notes."""
    return [(STOPS, read_gtfs(path))], []


def read_gtfs(path: str | PathLike[str], *, hours: tuple[float, float] = (7.0, 9.0)) -> Any:
    """Read the stops of a GTFS feed with the mean headway between some hours of the busiest service day.

    Parameters
    ----------
    path
        Feed (.zip, or a folder of its tables) with stops, stop_times, trips and routes.
    hours
        From and to hour of the day [h].

    Returns
    -------
    GeoDataFrame
        One row a stop in EPSG:4326 with ``id``, ``name``, ``kind`` (bus_stop, metro_station), ``departures_per_h``
        and ``headway_min``, inf where nothing leaves. ``read`` takes a feed beside a plan and makes facilities of it.

    Raises
    ------
    FormatError
        If a table or a column is missing.
    InputError
        If the hours do not rise.
    """
    import geopandas as gpd

    if not hours[0] < hours[1]:
        raise InputError(f"read_gtfs: hours must rise; got {hours}.")
    path = Path(path) if Path(path).is_dir() else check_file(path)
    stops = _table(path, "stops", "stop_id stop_name stop_lat stop_lon")
    rows = _table(path, "stop_times", "trip_id stop_id departure_time")
    rows = rows.merge(_table(path, "trips", "trip_id route_id service_id"), on="trip_id")
    routes = _table(path, "routes", "route_id route_type").set_index("route_id")["route_type"]
    clock = rows["departure_time"].str.strip().str.extract(r"^(\d{1,2}):(\d\d):(\d\d)$").astype(float)
    hour = clock[0] + clock[1] / 60 + clock[2] / 3600
    rows = rows[(hour >= hours[0]) & (hour < hours[1])]
    if len(rows):  # the service with most departures stands for a working day
        rows = rows[rows["service_id"] == rows["service_id"].value_counts().index[0]]
    ids = stops["stop_id"]
    count = rows["stop_id"].value_counts().reindex(ids).fillna(0).to_numpy(dtype=float)
    metro = set(rows["stop_id"][rows["route_id"].map(routes).astype(float).isin(_METRO)])
    per_hour = count / (hours[1] - hours[0])
    place = gpd.points_from_xy(stops["stop_lon"].astype(float), stops["stop_lat"].astype(float))
    kind = np.where(ids.isin(metro), "metro_station", "bus_stop")
    headway = np.divide(60.0, per_hour, out=np.full(len(ids), np.inf), where=per_hour > 0)
    data = {"id": ids, "name": stops["stop_name"], "kind": kind, "departures_per_h": per_hour, "headway_min": headway}
    return gpd.GeoDataFrame(data, geometry=place, crs="EPSG:4326")


def _table(path: Path, name: str, columns: str) -> Any:
    """Return the wanted columns of a table of the feed as text."""
    import pandas as pd

    wanted, file = columns.split(), f"{name}.txt"
    if path.is_dir():
        data = check_file(path / file).read_bytes()
    else:
        with open_archive(path, path.name) as feed:
            data = read_member(feed, file, path.name)
    with expected(f"{path.name}, {file}", "it must be a table of text"):
        frame = pd.read_csv(BytesIO(data), dtype=str, encoding="utf-8-sig", usecols=lambda c: c in wanted)
    if missing := [c for c in wanted if c not in frame.columns]:
        raise FormatError(f"{path.name}, {file}: columns {', '.join(wanted)} must be there; {missing[0]} is not.")
    return frame
