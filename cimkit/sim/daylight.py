"""Sun and daylight as European practice asks: EN 17037's exposure to sunlight, BRE 209's losses and amenity rule."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.arrays import BoolArray, TextArray
from cimkit.model.kinds import SpaceKind, Status
from cimkit.sim.receptors import Receptors, floors, space_points, window_receptors
from cimkit.sim.sky import centres
from cimkit.sim.sunlight import SunlightMethod, sunlight
from cimkit.sim.sunpath import SunDay

if TYPE_CHECKING:
    from cimkit.model.community import Community

AMENITY = (SpaceKind.GREEN, SpaceKind.CENTRAL_GREEN, SpaceKind.PLAZA, SpaceKind.PLAYGROUND, SpaceKind.PUBLIC_OPEN_SPACE)
MARCH_21 = 0.15  # [°] declination at noon of 21 March 2001, Greenwich (C, almanac)
EXPOSURE = {"minimum": 1.5, "medium": 3.0, "high": 4.0}  # [h] on a day from 1 February to 21 March (EN 17037, mark M)
ABOVE_SILL, ABOVE_FLOOR = 0.3, 1.2  # [m] least heights of the reference point (EN 17037, mark M)


def reference_points(community: Community) -> Receptors:
    """Return where EN 17037 measures sunlight: the middle of each opening, 0.3 m above its sill, 1.2 m above the floor.

    ``sunlight`` with ``SunlightMethod.EN17037`` and ``SunDay.on`` a date from 1 February to 21 March gives the hours,
    ``exposure_levels`` what they are worth. The thickness of the wall is not taken into account.

    Parameters
    ----------
    community
        Whose windows; without any they are placed by rule, and the notes say so.

    Returns
    -------
    Receptors
        One a window.

    References
    ----------
    .. [1] EN 17037:2018, Daylight in buildings, exposure to sunlight (day S, hours and heights M).

    Examples
    --------
    >>> import cimkit as ck
    >>> block = ck.samples.slab_rows(rows=2, gap=30)
    >>> day = ck.SunDay.on(block.require_location(), (2026, 3, 21))
    >>> light = ck.sunlight(block, ck.reference_points(block), day, method=ck.SunlightMethod.EN17037)
    >>> sorted(set(ck.exposure_levels(light.hours)))
    ['high']
    """
    r, w = window_receptors(community), community.windows
    points = centres(r).copy()
    points[:, 2] += ABOVE_SILL
    if len(w) == len(r):
        points[:, 2] = np.fmax(points[:, 2], floors(community)[w.storey] + ABOVE_FLOOR)
    return replace(r, points=points, other_ends=None, spare=None)


def exposure_levels(hours: Any) -> TextArray:
    """Return the level of EN 17037 that hours of sun reach: none, minimum (1.5 h), medium (3 h) or high (4 h).

    Parameters
    ----------
    hours
        Of sun at the reference points, or of each dwelling's best room, any shape [h].

    Returns
    -------
    TextArray
        Level of each.

    Examples
    --------
    >>> exposure_levels([1.4, 1.5, 3.9, 4.0]).tolist()
    ['none', 'minimum', 'medium', 'high']
    """
    names = np.array(["none", *EXPOSURE], dtype=object)
    return np.asarray(names[np.searchsorted(list(EXPOSURE.values()), np.asarray(hours) + 1e-9, side="right")])


def noticeable_loss(before: Any, after: Any, *, least: float, share: float = 0.8, drop: float = 0.0) -> BoolArray:
    """Tell which losses BRE 209 calls noticeable: less than ``least`` is left, and less than ``share`` of the former.

    Parameters
    ----------
    before, after
        Of each window: VSC (``least=27``), annual probable sunlight hours (``least=25, drop=4``), those of winter
        (``least=5, drop=4``), or of each space the share in the sun (``least=0.5``), shape (n).
    least
        What is enough whatever is lost.
    share
        Of the former, that must remain.
    drop
        A loss up to this is not noticed.

    Returns
    -------
    BoolArray
        Shape (n).

    References
    ----------
    .. [1] BRE 209 (2022): 27 % and 0.8, 25 % and 5 % (mark S); loss of 4 % (mark M).

    Examples
    --------
    >>> noticeable_loss([30.0, 30.0, 20.0], [27.5, 23.0, 17.0], least=27).tolist()
    [False, True, False]
    """
    one, two = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    return np.asarray((two < least) & (two < share * one) & (one - two > drop))


def amenity_sun(
    community: Community, *, hours: float = 2.0, spacing: float = 1.0, sun_day: SunDay | None = None
) -> Any:
    """Compute the share of each open space that gets enough sun on 21 March (BRE 209: at least half for 2 h).

    Parameters
    ----------
    community
        Whose green, squares, playgrounds and public open spaces.
    hours
        Hours a point must get on the whole day [h].
    spacing
        Distance of the points [m].
    sun_day
        Another day than 21 March from dawn to dusk.

    Returns
    -------
    pandas.DataFrame
        One row a space: ``id``, ``area_m2``, ``sunlit_share`` (0–1), ``passes`` (at least half).

    References
    ----------
    .. [1] BRE 209 (2011, 2022), Site layout planning for daylight and sunlight (mark M).

    Examples
    --------
    >>> import cimkit as ck
    >>> lawn = ck.Space("G", "green", [(0, 0), (20, 0), (20, 20), (0, 20)])
    >>> ck.amenity_sun(ck.Community.of(others=[lawn], location=ck.Location(51.5, -0.1))).passes.tolist()
    [True]
    """
    import pandas as pd

    s = community.spaces
    rows = np.flatnonzero(np.isin(s.kind, AMENITY) & (s.storey < 0) & (s.status != Status.DEMOLISH))
    place = community.require_location()
    day = sun_day or SunDay(place.latitude, place.longitude, MARCH_21, (0.0, 24.0), "21 March")
    spots, own = space_points(community, rows, spacing)
    enough = sunlight(community, spots, day, method=SunlightMethod.ALL_SUN).hours >= hours - 1e-9
    with np.errstate(invalid="ignore"):
        share = np.bincount(own, enough, len(rows)) / np.bincount(own, minlength=len(rows))
    area = shapely.area(s.outline.take(rows).to_shapely())
    return pd.DataFrame({"id": s.id[rows], "area_m2": area, "sunlit_share": share, "passes": share >= 0.5})
