"""Write tables: CSV, JSON, Excel, GeoPackage, GeoJSON, Shapefile, FlatGeobuf, GeoParquet, by suffix."""

import json
import math
import re
import warnings
from pathlib import Path
from typing import Any

from cimkit.arrays import one_of
from cimkit.errors import InputError, needed
from cimkit.io.atomic import File, atomic_write

_MAPS = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".shp": "ESRI Shapefile", ".fgb": "FlatGeobuf"}  # as GDAL says
RESULT_SUFFIXES = (".csv", ".json", ".xlsx", ".parquet", *_MAPS)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_XLSX_ROWS = 1_048_575
_XLSX_TEXT = 32_767


def write_table(frame: Any, path: File, *, excel_safe: bool = True, layer: str = "results") -> None:
    """Write a (Geo)DataFrame by the suffix of the file.

    Parameters
    ----------
    frame
        DataFrame or GeoDataFrame.
    path
        File with suffix .csv, .json, .xlsx, .gpkg, .geojson or .parquet.
    excel_safe
        In CSV, put an apostrophe before text that a spreadsheet would run as a formula.
    layer
        Name of the layer or sheet.

    Raises
    ------
    InputError
        If the suffix is another one, or the frame does not fit the format.
    MissingDataError
        If a package the format needs is not installed.
    """
    path = Path(path)
    suffix = one_of(path.suffix.lower(), RESULT_SUFFIXES, name=f"{path.name}, suffix of a result table")
    with atomic_write(path) as temporary:
        if suffix == ".csv":
            _write_csv(frame, temporary, excel_safe)
        elif suffix == ".json":
            temporary.write_text(json_text(frame), encoding="utf-8")
        elif suffix == ".xlsx":
            _write_xlsx(frame, temporary, layer)
        else:
            _write_map(frame, temporary, layer)


def _flat(frame: Any) -> Any:
    """Return the frame without index and with its shape as text (WKT, rounded to 1 mm)."""
    frame = frame.reset_index(drop=frame.index.names == [None])
    if hasattr(frame, "to_wkt"):  # a GeoDataFrame
        shape = frame.geometry.name
        frame = frame.to_wkt(rounding_precision=3)
        frame[shape] = frame.pop(shape)  # the last column
    return frame


def _write_csv(frame: Any, path: Path, excel_safe: bool) -> None:
    """Write CSV with a byte order mark, so that a spreadsheet reads Chinese text right."""

    def told(value: Any) -> Any:  # a lone carriage return is not quoted and would end the row
        value = safe_text(value) if excel_safe else value
        return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else value

    frame = _flat(frame).rename(columns=lambda name: told(str(name)))
    texts = frame.select_dtypes(exclude=["number", "bool", "datetime"])
    frame[texts.columns] = texts.map(told)
    frame.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\n")


def safe_text(value: Any) -> Any:
    """Return text that no spreadsheet runs as a formula; other values stay as they are.

    Examples
    --------
    >>> safe_text("=1+1"), safe_text("楼=1"), safe_text(-3.5)
    ("'=1+1", '楼=1', -3.5)
    """
    return "'" + value if isinstance(value, str) and value.startswith(_FORMULA) else value


def json_text(frame: Any) -> str:
    """Return a (Geo)DataFrame as a JSON list of records; what is not a finite number becomes null.

    Examples
    --------
    >>> import pandas as pd
    >>> print(json_text(pd.DataFrame({"area_m2": [1.5, float("nan")]})), end="")
    [
     {
      "area_m2": 1.5
     },
     {
      "area_m2": null
     }
    ]
    """
    records = plain(_flat(frame).astype(object).to_dict("records"))
    return json.dumps(records, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: what is not a finite number is None."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    text = str(value)
    return None if text in ("NaT", "<NA>") else text


def _write_xlsx(frame: Any, path: Path, sheet: str) -> None:
    """Write a workbook; text stays text, whatever it begins with."""
    book = needed("openpyxl", who=path.name, extra="excel").Workbook(write_only=True)
    if len(frame := _flat(frame)) > _XLSX_ROWS:
        raise InputError(f"{path.name}: an Excel sheet holds {_XLSX_ROWS:,} rows; got {len(frame):,}. Write .csv.")
    page = book.create_sheet(re.sub(r"[\[\]:*?/\\]", "_", sheet)[:31] or "results")
    page.append([_cell(page, str(c)) for c in frame.columns])
    for row in frame.astype(object).itertuples(index=False, name=None):
        page.append([_cell(page, v) for v in row])
    book.save(path)


def _cell(page: Any, value: Any) -> Any:
    """Return a cell that holds a value as it is: text as text, never as a formula."""
    from openpyxl.cell import WriteOnlyCell

    value = plain(value)
    if isinstance(value, (list, dict)):
        value = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(page, _CONTROL.sub("", value)[:_XLSX_TEXT])
    cell.data_type = "s"
    return cell


def _write_map(frame: Any, path: Path, layer: str) -> None:
    """Write a GeoPackage, GeoJSON, Shapefile, FlatGeobuf or (Geo)Parquet file."""
    import pyogrio

    suffix = path.suffix.lower()
    if suffix == ".parquet":
        needed("pyarrow", who=path.name, extra="parquet")
        frame.to_parquet(path)
        return
    driver = _MAPS[suffix]
    if suffix != ".gpkg" and not hasattr(frame, "to_wkb"):
        raise InputError(f"{path.name}: {driver} needs a table with shapes; got one without. Write .csv or .json.")
    if suffix == ".geojson":
        if frame.crs is None:
            what = "GeoJSON holds degrees, and without a CRS local metres cannot be turned into them"
            raise InputError(f"{path.name}: {what}. Write .gpkg, or give the CRS on reading (crs=, --crs).")
        frame = frame.to_crs("EPSG:4326")
    frame = frame.reset_index(drop=frame.index.names == [None])
    options: dict[str, Any] = {"layer": layer if suffix in (".gpkg", ".geojson") else None}
    options["layer_options"] = {"SPATIAL_INDEX": "NO"} if suffix == ".fgb" else None  # an index would sort the rows
    try:
        with warnings.catch_warnings(action="ignore"):  # no CRS, short names in Shapefiles: both are meant
            pyogrio.write_dataframe(frame, path, driver=driver, encoding="utf-8", **options)
    except (RuntimeError, ValueError, UnicodeEncodeError) as error:
        raise InputError(f"{path.name}: the table must fit the format; {error}. Write .csv or .json.") from error
