"""The areas of the report: three ledgers and the indicators of each parcel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cimkit.model.community import Community
from cimkit.sim.access import WalkTimes
from cimkit.sim.sunlight import Sunlight
from cimkit.view.html import Html, both, element
from cimkit.view.sections import frame_table, section, status_counts


def areas_section(community: Community, results: Sequence[Any]) -> Html:
    """Return the buildings by use and state, then each area result as a table."""
    parts = [element("h3", both("Buildings", "建筑")), status_counts(community)]
    for result in results:
        if not isinstance(result, (Sunlight, WalkTimes)) and hasattr(result, "to_frame"):
            parts += [element("h3", type(result).__name__), frame_table(result.to_frame())]
    return section("areas", *parts)
