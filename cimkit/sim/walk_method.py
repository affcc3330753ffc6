"""How people walk: speeds, stairs, lifts, slopes, crossings; every number with its source and mark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cimkit.arrays import BoolArray, FloatArray
from cimkit.errors import InputError

_FLAT = float(np.exp(-3.5 * 0.05))  # Tobler's factor on the flat, 5.0367 of 6 km/h


@dataclass(frozen=True)
class WalkMethod:
    """How a group of people walks.

    Parameters
    ----------
    name
        Whom it describes.
    speed_ms
        Speed on the flat [m/s].
    steps
        Whether steps and stairs can be used.
    step_speeds_ms
        Horizontal speed on outdoor steps, up and down [m/s].
    stair_s
        Time for one storey of indoor stairs, up or down [s].
    lift_wait_s, lift_door_s, lift_speed_ms
        Waiting, both doors, and travel of a lift [s, s, m/s].
    lifts_work
        Whether lifts are in service.
    lift_from
        Lowest level from which a lift is taken.
    lift_storeys
        Buildings with at least this many storeys have a lift where it is not stated.
    crossing_s
        Delay at a crossing [s].
    max_slope
        Steepest path that can be walked or rolled, rise over run.
    slopes
        Whether slopes change the speed (Tobler, 1993, scaled to ``speed_ms`` on the flat).
    snap_limit
        Doors farther than this from every path are not joined to it [m].
    detour
        Network distance over straight distance, used only where there are no paths.
    """

    name: str = "adult"
    speed_ms: float = 1.33  # 80 m/min, tools for Chinese 15-minute circles (mark S)
    steps: bool = True
    step_speeds_ms: tuple[float, float] = (0.5, 0.65)  # mark M; × 0.7 for the elderly
    stair_s: float = 18.0  # 15–20 s a storey (mark M)
    lift_wait_s: float = 30.0  # half the interval, 20–60 s (mark M)
    lift_door_s: float = 7.0  # 6–8 s (mark M)
    lift_speed_ms: float = 1.5  # 1.0–1.75 m/s (mark M)
    lifts_work: bool = True
    lift_from: int = 3
    lift_storeys: int = 7
    crossing_s: float = 20.0  # 15–30 s at signals (mark M)
    max_slope: float = float("inf")
    slopes: bool = True
    snap_limit: float = 100.0
    detour: float = 1.3  # 1.2–1.4 (mark S)

    CHILD: ClassVar[WalkMethod]
    ADULT: ClassVar[WalkMethod]
    ELDER: ClassVar[WalkMethod]
    OLD_ELDER: ClassVar[WalkMethod]
    WHEELCHAIR: ClassVar[WalkMethod]
    PRAM: ClassVar[WalkMethod]

    def __post_init__(self) -> None:
        for name in ("speed_ms", "step_speeds_ms", "lift_speed_ms", "snap_limit", "detour", "max_slope"):
            if not np.min(getattr(self, name)) > 0:
                raise InputError(f"WalkMethod: {name} must be > 0; got {getattr(self, name)}.")

    def speeds(self, slope: FloatArray) -> FloatArray:
        """Return the speed on slopes, rise over run in walking direction, shape (n) [m/s].

        ``speed_ms × exp(-3.5 |s + 0.05|) / exp(-3.5 × 0.05)``, Tobler's hiking function divided
        by its value on the flat.

        Examples
        --------
        >>> (WalkMethod(speed_ms=5.0367 / 3.6).speeds(np.array([-0.05, 0.0, 0.1])) * 3.6).round(3)
        array([6.   , 5.037, 3.549])
        """
        if not self.slopes:
            return np.full(slope.shape, self.speed_ms)
        speeds: FloatArray = self.speed_ms * np.exp(-3.5 * np.abs(slope + 0.05)) / _FLAT
        return speeds

    def ride_s(self, height: FloatArray) -> FloatArray:
        """Return the time of a lift over some height: waiting, doors, travel; inf if out of service [s]."""
        ride: FloatArray = self.lift_wait_s + self.lift_door_s + height / self.lift_speed_ms
        return ride if self.lifts_work else np.full(np.shape(height), np.inf)

    def climb_minutes(self, height: FloatArray, storeys: FloatArray, lift: BoolArray) -> FloatArray:
        """Return the time from a dwelling's floor to its entrance, inf where there is no way [min].

        Parameters
        ----------
        height
            Floor above the entrance, shape (n) [m].
        storeys
            Storeys between, shape (n).
        lift
            Whether there is a lift, shape (n).
        """
        by_stairs = storeys * self.stair_s if self.steps else np.where(storeys > 0, np.inf, 0.0)
        ride = self.ride_s(height)
        can_ride = lift & (storeys >= (self.lift_from - 1 if self.steps else 1))
        minutes: FloatArray = np.where(can_ride, np.minimum(ride, by_stairs), by_stairs) / 60.0
        return minutes


# Speeds: proposals from comfortable gait by age (Bohannon 1997; Bohannon & Andrews 2011), mark M. Ramps of 1:8 are the
# steepest that barrier-free design allows over short rises (GB 50763-2012, mark M).
_OLD_STEPS = (0.35, 0.455)
WalkMethod.ADULT = ADULT = WalkMethod()
WalkMethod.CHILD = WalkMethod("child 6–12", speed_ms=1.1)
WalkMethod.ELDER = WalkMethod("60–79", speed_ms=1.0, step_speeds_ms=_OLD_STEPS, stair_s=25.0, lift_from=2)
WalkMethod.OLD_ELDER = WalkMethod("80+", speed_ms=0.8, step_speeds_ms=_OLD_STEPS, stair_s=30.0, lift_from=2)
WalkMethod.WHEELCHAIR = WalkMethod("wheelchair", speed_ms=0.8, steps=False, lift_from=2, max_slope=0.125)
WalkMethod.PRAM = WalkMethod("pram", speed_ms=1.1, steps=False, lift_from=2, max_slope=0.125)
