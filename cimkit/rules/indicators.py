"""All indicators by name: the only place where rules meet simulations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cimkit.rules.indicators_land import LAND
from cimkit.rules.indicators_site import SITE
from cimkit.rules.indicators_sky import SKY
from cimkit.rules.indicators_space import SPACE
from cimkit.rules.indicators_sun import SUN
from cimkit.rules.indicators_walk import WALK

if TYPE_CHECKING:
    from cimkit.rules.indicator import Indicator

INDICATORS: dict[str, Indicator] = {i.name: i for i in (*SUN, *SKY, *WALK, *LAND, *SITE, *SPACE)}
