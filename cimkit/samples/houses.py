"""The buildings of the invented renewal site: outline, storeys, stairs, state."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cimkit.model.kinds import BuildingUse, Status, StoreyKind
from cimkit.samples.shapes import angle, box, joined, point_house, slab, tower


class Run(NamedTuple):
    """Storeys of one kind, counted upwards; basements are counted downwards."""

    storeys: int
    height: float
    kind: StoreyKind = StoreyKind.NORMAL
    outline: Any = None
    use: BuildingUse = BuildingUse.UNKNOWN


class House(NamedTuple):
    """A building as it is thought of; ``cells`` dwellings lie side by side on each housing storey."""

    id: str
    name: str
    outline: Any
    runs: tuple[Run, ...]
    use: BuildingUse = BuildingUse.RESIDENTIAL
    status: Status = Status.EXISTING
    stage: int = 0
    stairs: int = 1
    cells: int = 0
    parapet: float = 0.6
    year: int = -1
    lift: int = 0
    garden: float = 0.0  # depth of sky gardens, 0 without [m]


def open_storey(height: float) -> Run:
    """Return an open ground storey (架空层)."""
    return Run(1, height, StoreyKind.STILT)


def houses(rng: np.random.Generator) -> list[House]:
    """Return all buildings, numbered in the order of the site: centre, new, old, east, schools, to go."""
    rows = [*_centre(), *_new_homes(rng), *_old_homes(rng), *_east_homes(rng), *_schools(), *_to_go(rng)]
    return [h._replace(id=f"B{k + 1:02d}", name=h.name.format(k + 1)) for k, h in enumerate(rows)]


def _planned(name: str, outline: Any, *runs: Run, stage: int, **more: Any) -> House:
    """Return a planned building."""
    return _house(name, outline, *runs, status=Status.PLANNED, stage=stage, lift=1, parapet=1.2, **more)


def _house(name: str, outline: Any, *runs: Run, **more: Any) -> House:
    """Return a building whose number is not given yet; ``{}`` in its name takes it."""
    return House("", name, outline, runs, **more)


def _centre() -> list[House]:
    """Return the podium with its tower, the community centre and a kiosk for parcels."""
    homes, hall = tower(24, 24), box(14, 12, 86, 40)
    garage = Run(1, 3.9, StoreyKind.BASEMENT, use=BuildingUse.PARKING)
    podium = (garage, Run(3, 4.5, use=BuildingUse.RETAIL), Run(1, 4.5, StoreyKind.STILT, homes))
    centre, kiosk = angle(134, 14, width=70, depth=40, wing=18), box(96, 211, 26, 7)
    public = {"use": BuildingUse.COMMUNITY}
    return [
        _planned("{}号楼 春江荟", hall, *podium, Run(19, 3.0, outline=homes), stage=1, cells=4),
        _planned("{}号楼 邻里中心", centre, Run(1, 4.5), Run(2, 4.2), stage=1, **public),
        _planned("{}号楼 快递驿站", kiosk, Run(1, 3.6), stage=2, **public),
    ]


def _new_homes(rng: np.random.Generator) -> list[House]:
    """Return four towers over one garage and three slabs of eleven storeys."""
    garage = Run(2, 3.8, StoreyKind.BASEMENT, box(14, 92, 190, 96), BuildingUse.PARKING)
    below = ((), (garage,), (), ())
    open_heights = (4.5, 2.8, 4.5, 4.5)  # the second is too low, see spaces
    floors = (17, 25, 21 + int(rng.integers(0, 2)), 18)
    gardens = (2.4, 0.0, 3.0, 0.0)
    towers = [
        _planned(
            *("{}号楼", tower(18 + 50 * k, 98), *below[k], open_storey(open_heights[k]), Run(floors[k], 3.0)),
            stage=2, cells=4, garden=gardens[k],
        )
        for k in range(4)
    ]  # fmt: skip
    outlines = [slab(11 + 71 * k, 166, width=54, depth=13, stairs=3) for k in range(3)]
    return towers + [_planned("{}号楼", o, Run(11, 3.0), stage=2, stairs=3, cells=6) for o in outlines]


def _old_homes(rng: np.random.Generator) -> list[House]:
    """Return the slabs of the northern half, kept and upgraded, and a house for the elderly."""
    outlines = [slab(11 + 71 * k, y, width=54, depth=10.5, stairs=3) for y in (256, 296, 336) for k in range(3)]
    years = rng.integers(1994, 2000, len(outlines))
    kept = [
        _house("{}号楼", outline, Run(6, 2.9), stairs=3, cells=6, year=int(year))
        for outline, year in zip(outlines[:-1], years[:-1], strict=True)
    ]
    elders = slab(157, 336, width=46, depth=14, stairs=1)
    care = BuildingUse.ELDERLY_HOUSING
    return [*kept, _house("{}号楼 颐养公寓", elders, Run(5, 3.3), use=care, cells=8, year=2009, lift=1)]


def _east_homes(rng: np.random.Generator) -> list[House]:
    """Return the eastern quarter: slabs, point houses and a row of shops."""
    outlines = [slab(x, y, width=72, depth=11, stairs=4) for y in (20, 57, 94, 131) for x in (258, 344)]
    slabs = [
        _house("{}号楼", outline, Run(6 + int(rng.integers(0, 2)), 2.9), stairs=4, cells=8, year=2003)
        for outline in outlines
    ]
    points = [_house("{}号楼", point_house(x, 192), Run(11, 2.9), cells=4, year=2006, lift=1) for x in (272, 334, 396)]
    shops = _house("{}号楼 沿街商铺", box(238, 20, 11, 112), Run(2, 3.9), use=BuildingUse.RETAIL, year=2003)
    return [*slabs, *points, shops]


def _schools() -> list[House]:
    """Return the primary school, its sports hall and the kindergarten."""
    classes = joined(box(252, 338, 70, 12), box(252, 372, 70, 12), box(252, 350, 12, 22))
    sports, small = box(336, 352, 34, 26), joined(box(376, 262, 46, 13), box(376, 275, 13, 16))
    return [
        _house("{}号楼 春江小学教学楼", classes, Run(4, 3.9), use=BuildingUse.SCHOOL, year=2001),
        _house("{}号楼 春江小学体育馆", sports, Run(1, 8.0), use=BuildingUse.CULTURE_SPORT, year=2012),
        _house("{}号楼 春江幼儿园", small, Run(3, 3.6), use=BuildingUse.KINDERGARTEN, year=2004),
    ]


def _to_go(rng: np.random.Generator) -> list[House]:
    """Return what is pulled down: nine slabs, the old market and a workshop."""
    goes = {"status": Status.DEMOLISH}
    outlines = [slab(11 + 71 * k, y, width=54, depth=10, stairs=3) for y in (104, 160, 208) for k in range(3)]
    slabs = [
        _house("旧{}号楼", o, Run(int(rng.integers(5, 7)), 2.8), stage=2, stairs=3, cells=6, year=1985, **goes)
        for o in outlines
    ]
    market, works = box(20, 16, 62, 28), box(112, 18, 76, 26)
    return [
        *slabs,
        _house("旧{}号楼 春江菜市场", market, Run(2, 4.2), use=BuildingUse.RETAIL, stage=1, year=1988, **goes),
        _house("旧{}号楼 五金厂", works, Run(2, 4.8), use=BuildingUse.INDUSTRIAL, stage=1, year=1979, **goes),
    ]
