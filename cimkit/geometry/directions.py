"""Azimuth and elevation against vectors: the only file that knows that azimuth runs clockwise from north."""

from typing import Any

import numpy as np

from cimkit.arrays import FloatArray


def direction_of(azimuth: Any, elevation: Any = 0.0) -> FloatArray:
    """Return unit vectors towards azimuths clockwise from north and elevations, shape (n, 3) [°].

    Examples
    --------
    >>> direction_of([90.0, 180.0]).round(9)
    array([[ 1.,  0.,  0.], [ 0., -1.,  0.]])
    """
    az, el = np.broadcast_arrays(np.radians(np.atleast_1d(azimuth)), np.radians(np.atleast_1d(elevation)))
    return np.column_stack([np.sin(az) * np.cos(el), np.cos(az) * np.cos(el), np.sin(el)])


def azimuth_of(vectors: Any) -> FloatArray:
    """Return the azimuth of vectors (n, 2) or (n, 3), clockwise from north, in 0..360 [°].

    Examples
    --------
    >>> azimuth_of([[1.0, 0.0], [-1.0, 0.0]])
    array([ 90., 270.])
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    return np.asarray(np.degrees(np.arctan2(vectors[:, 0], vectors[:, 1])) % 360.0)
