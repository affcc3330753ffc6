"""Compile the kernels that a check needs on two cores at once, when they are used for the first time."""

import sys
from pathlib import Path
from subprocess import DEVNULL, Popen

import cimkit as ck
from cimkit.cli.common import step

_DONE = "compiled"


def compile_kernels() -> None:
    """Compile half of them in a second process while this one compiles the others; nothing if it is done."""
    from cimkit.io.atomic import write_text
    from cimkit.kernels._jit import kernel_folder

    mark = Path(kernel_folder()) / _DONE
    if mark.exists():
        return
    with step("compiling kernels, once"), Popen([sys.executable, "-m", "cimkit.cli.compile"], stdout=DEVNULL):
        _columns_and_walking()
    mark.parent.mkdir(parents=True, exist_ok=True)
    write_text(mark, "")


def _columns_and_walking() -> None:
    """Use the kernels of the sun among outlines, and those of walking."""
    block = ck.samples.slab_rows()
    for receptors in (ck.window_receptors(block), ck.ground_receptors(block, spacing=20.0)):
        ck.sunlight(block, receptors, ck.SunDay.great_cold(block.require_location()))
    ck.walk_times(ck.samples.future_community())


def _areas_and_fan() -> None:
    """Use the kernels of areas, and those of the sun among triangles: bare ground."""
    community = ck.samples.future_community()
    ck.floor_areas(community)
    ground = ck.Community(location=community.location, terrain=community.terrain)
    ck.sunlight(ground, ck.Receptors.at([[0.0, 0.0, 0.0]]), ck.SunDay.great_cold(ground.require_location()))


if __name__ == "__main__":
    _areas_and_fan()
