"""Compile the kernels that a check needs on two cores at once, when they are used for the first time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cimkit.cli.common import step

_DONE = "compiled"


def compile_kernels() -> None:
    """Compile half of them in a second process while this one compiles the others; nothing if it is done."""
    from cimkit.io.atomic import write_text
    from cimkit.kernels._jit import kernel_folder

    mark = Path(kernel_folder()) / _DONE
    if mark.exists():
        return
    with step("compiling kernels, once"):
        helper = subprocess.Popen([sys.executable, "-m", "cimkit.cli.compile"], stdout=subprocess.DEVNULL)
        try:
            _columns_and_walking()
        finally:
            helper.wait()
    mark.parent.mkdir(parents=True, exist_ok=True)
    write_text(mark, "")


def _columns_and_walking() -> None:
    """Use the kernels of the sun among outlines, and those of walking."""
    from cimkit.samples import future_community, slab_rows
    from cimkit.sim.access import walk_times
    from cimkit.sim.receptors import ground_receptors, window_receptors
    from cimkit.sim.sunlight import sunlight
    from cimkit.sim.sunpath import SunDay

    block = slab_rows()
    for receptors in (window_receptors(block), ground_receptors(block, spacing=20.0)):
        sunlight(block, receptors, SunDay.great_cold(block.require_location()))
    walk_times(future_community())


def _areas_and_fan() -> None:
    """Use the kernels of areas, and those of the sun among triangles: bare ground."""
    from cimkit.model.community import Community
    from cimkit.samples import future_community
    from cimkit.sim.areas import floor_areas
    from cimkit.sim.receptors import Receptors
    from cimkit.sim.sunlight import sunlight
    from cimkit.sim.sunpath import SunDay

    community = future_community()
    floor_areas(community)
    ground = Community(location=community.location, terrain=community.terrain)
    sunlight(ground, Receptors.at([[0.0, 0.0, 0.0]]), SunDay.great_cold(ground.require_location()))


if __name__ == "__main__":
    _areas_and_fan()
