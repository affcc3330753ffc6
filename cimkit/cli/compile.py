"""Compile the kernels that a check needs on two cores at once, when they are used for the first time."""

import gc
import sys
from collections.abc import Callable
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
        _use(_triangles_and_walking)
    mark.parent.mkdir(parents=True, exist_ok=True)
    write_text(mark, "")


def _use(kernels: Callable[[], None]) -> None:
    """Use kernels, looking for garbage seldom: the compiler leaves little, and looking takes it a tenth of its time."""
    gc.set_threshold(50_000)
    kernels()


def _triangles_and_walking() -> None:
    """Use the kernels of the sun among triangles: bare ground, and those of walking."""
    community = ck.samples.future_community()
    ground = ck.Community(location=community.location, terrain=community.terrain)
    ck.sunlight(ground, ck.Receptors.at([[0.0, 0.0, 0.0]]), ck.SunDay.great_cold(ground.require_location()))
    ck.walk_times(community)


def _columns_and_areas() -> None:
    """Use the kernels of the sun among outlines, and those of areas."""
    block = ck.samples.slab_rows()
    for receptors in (ck.window_receptors(block), ck.ground_receptors(block, spacing=20.0)):
        ck.sunlight(block, receptors, ck.SunDay.great_cold(block.require_location()))
    ck.floor_areas(ck.samples.future_community())


if __name__ == "__main__":
    _use(_columns_and_areas)
