"""Compile the kernels that a check needs on two cores at once, when they are used for the first time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cimkit.cli.common import step

_DONE = "compiled"


def compile_kernels() -> None:
    """Compile areas and walking in a second process while this one compiles the sun; nothing if it is done."""
    from cimkit.io.atomic import write_text
    from cimkit.kernels._jit import kernel_folder

    mark = Path(kernel_folder()) / _DONE
    if mark.exists():
        return
    with step("compiling kernels, once"):
        helper = subprocess.Popen([sys.executable, "-m", "cimkit.cli.compile"], stdout=subprocess.DEVNULL)
        try:
            _sun()
        finally:
            helper.wait()
    mark.parent.mkdir(parents=True, exist_ok=True)
    write_text(mark, "")


def _sun() -> None:
    """Use the kernels of the sun."""
    from cimkit.samples import slab_rows
    from cimkit.sim.receptors import ground_receptors, window_receptors
    from cimkit.sim.sunlight import sunlight
    from cimkit.sim.sunpath import SunDay

    block = slab_rows()
    for receptors in (window_receptors(block), ground_receptors(block, spacing=20.0)):
        sunlight(block, receptors, SunDay.great_cold(block.require_location()))


def _rest() -> None:
    """Use the kernels of walking and of areas."""
    from cimkit.samples import future_community
    from cimkit.sim.access import walk_times
    from cimkit.sim.areas import floor_areas

    community = future_community()
    floor_areas(community)
    walk_times(community)


if __name__ == "__main__":
    _rest()
