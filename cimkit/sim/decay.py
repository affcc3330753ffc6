"""Decay: how much a service counts by its distance, in steps or as any function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cimkit.arrays import as_floats
from cimkit.errors import InputError
from cimkit.kernels.cells import Decay as KernelDecay
from cimkit.kernels.cells import step_decay, table_decay

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cimkit.arrays import FloatArray

POINTS = 4097  # points of a sampled function, straight lines between: a Gaussian is met to 2e-8


@dataclass(frozen=True)
class Decay:
    """Weight of a service by its distance [m] or time [min].

    Parameters
    ----------
    limit
        Farthest that counts, inclusive.
    timed
        Whether it goes by minutes instead of metres.
    breaks, weights
        Steps: each weight holds up to its break, inclusive.
    samples
        Or weights at equal steps from 0 to the limit, straight between them.
    """

    limit: float
    timed: bool = False
    breaks: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    samples: tuple[float, ...] = ()

    E2SFCA: ClassVar[Decay]

    @classmethod
    def steps(cls, breaks: Sequence[float], weights: Sequence[float] | None = None, *, timed: bool = False) -> Decay:
        """Return a stepped decay; all weights are 1 without ``weights``.

        Examples
        --------
        >>> Decay.steps([300, 500], [1.0, 0.5])(np.array([0.0, 300.0, 300.5, 501.0]))
        array([1. , 1. , 0.5, 0. ])
        """
        rising = as_floats(breaks, name="breaks")
        values = np.ones(len(rising)) if weights is None else as_floats(weights, name="weights")
        if len(rising) == 0 or len(values) != len(rising) or rising[0] <= 0 or (np.diff(rising) <= 0).any():
            raise InputError(f"Decay: breaks must rise above 0, one weight each; got {rising}, {values}.")
        return cls(float(rising[-1]), timed, tuple(rising.tolist()), tuple(values.tolist()))

    @classmethod
    def of(cls, function: Callable[[FloatArray], Any], limit: float, *, timed: bool = False) -> Decay:
        """Return the decay of a function of distances, cut at the limit.

        Examples
        --------
        >>> Decay.of(lambda d: np.exp(-d / 400), 1200)(np.array([0.0, 400.0])).round(6)
        array([1.      , 0.367879])
        """
        values = as_floats(np.broadcast_to(function(np.linspace(0.0, limit, POINTS)), POINTS), name="decay")
        return cls(float(limit), timed, samples=tuple(values.tolist()))

    @classmethod
    def gaussian(cls, limit: float, *, timed: bool = False) -> Decay:
        """Return the Gaussian decay that is 1 at 0 and 0 at the limit (Dai 2010)."""
        edge = np.exp(-0.5)
        return cls.of(lambda d: (np.exp(-0.5 * (d / limit) ** 2) - edge) / (1.0 - edge), limit, timed=timed)

    def __call__(self, distance: FloatArray) -> FloatArray:
        """Return the weights of distances."""
        if self.samples:
            at = np.linspace(0.0, self.limit, len(self.samples))
            return np.where(distance <= self.limit, np.interp(distance, at, self.samples), 0.0)
        return np.append(self.weights, 0.0)[np.searchsorted(self.breaks, distance)]

    def in_whole(self, unit: float) -> KernelDecay:
        """Return the decay for the kernels, whose whole numbers are so many a metre or minute."""
        if self.samples:
            return table_decay(self.samples, self.limit * unit / (len(self.samples) - 1))
        return step_decay(np.floor(np.array(self.breaks) * unit + 1e-6), self.weights)


#: Bands 300, 500, 1,000 m with the weights 1, 0.68, 0.22 of Luo and Qi (2009).
Decay.E2SFCA = Decay.steps((300.0, 500.0, 1000.0), (1.0, 0.68, 0.22))
