"""A year of weather, hour by hour."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray
from cimkit.errors import InputError
from cimkit.model.records import Location

HOURS = 8760


@dataclass(frozen=True, repr=False)
class Weather:
    """Radiation and temperature of a year of 365 days; hour k runs from k to k + 1 local standard time.

    Parameters
    ----------
    location
        Of the station.
    time_zone
        Of the hours, east of Greenwich positive [h].
    ghi, dni, dhi
        Global horizontal, direct normal and diffuse horizontal irradiation of each hour, shape (8760) [Wh/m²].
    temperature
        Dry bulb, nan where missing, shape (8760) [°C].
    name
        Of the station.
    """

    location: Location
    time_zone: float
    ghi: FloatArray
    dni: FloatArray
    dhi: FloatArray
    temperature: FloatArray
    name: str = ""

    def __post_init__(self) -> None:
        for title in ("ghi", "dni", "dhi"):
            values = getattr(self, title)
            if values.shape != (HOURS,) or not (values >= 0.0).all():
                raise InputError(f"weather {self.name!r}: {title} must be {HOURS} values >= 0 Wh/m²; got others.")

    def __repr__(self) -> str:
        sums = [f"{title.upper()} {getattr(self, title).sum() / 1000.0:,.0f}" for title in ("ghi", "dni", "dhi")]
        place = f"{self.location.latitude:.2f}° N {self.location.longitude:.2f}° E"
        return f"<Weather of {self.name or 'a place'}, {place}: {', '.join(sums)} kWh/m² a year>"

    def to_frame(self) -> Any:
        """Return a DataFrame, one row an hour."""
        import pandas as pd

        data = {"hour": np.arange(HOURS), "ghi_wh_m2": self.ghi, "dni_wh_m2": self.dni, "dhi_wh_m2": self.dhi}
        return pd.DataFrame(data | {"temperature_c": self.temperature})
