"""The ground of the invented renewal site: streets, paths, open spaces, services."""

from __future__ import annotations

from typing import Any, NamedTuple

import shapely

from cimkit.model.kinds import EntranceKind, PathKind, SpaceKind, Status
from cimkit.model.kinds import FacilityKind as F
from cimkit.samples.shapes import box

NEW, OLD, GOES = Status.PLANNED, Status.EXISTING, Status.DEMOLISH
WALK, STEPS, RAMP = PathKind.FOOTWAY, PathKind.STEPS, PathKind.RAMP
DRIVE, CROSS, RESCUE = PathKind.SERVICE, PathKind.CROSSING, PathKind.EVACUATION_CORRIDOR

PARCELS = (  # id, name, land use, outline, FAR, density, green, height
    ("P1", "春江一区", "R2", box(0, 80, 218, 320), 1.40, 0.20, 0.35, 80.0),
    ("P2", "春江二区", "R2", box(234, 0, 200, 226), 1.60, 0.30, 0.30, 36.0),
    ("P3", "春江教育地块", "A33", box(234, 242, 200, 158), 0.80, 0.30, 0.35, 24.0),
    ("P4", "春江邻里中心地块", "B1/R2", box(0, 0, 218, 64), 1.95, 0.35, 0.20, 80.0),
)

STREETS = (  # name, outline; they do not overlap
    ("望江路", box(-40, -32, 40, 456)),
    ("滨江南路", box(0, -32, 434, 32)),
    ("春江路", box(218, 0, 16, 400)),
    ("邻里街", box(0, 64, 218, 16)),
    ("学堂路", box(234, 226, 200, 16)),
    ("候潮路", box(0, 400, 434, 24)),
)


class Walk(NamedTuple):
    """A path as it is drawn; it meets every path it touches."""

    points: tuple[tuple[float, float], ...]
    kind: PathKind = WALK
    width: float = 2.5
    status: Status = OLD
    clearance: float = float("nan")


def _line(kind: PathKind, width: float, *points: tuple[float, float], status: Status = OLD) -> Walk:
    return Walk(points, kind, width, status)


def walks() -> list[Walk]:
    """Return pavements and crossings, then the paths of each parcel."""
    return [*_pavements(), *_west_paths(), *_terrace(), *_centre_paths(), *_east_paths(), *_school_paths()]


def _pavements() -> list[Walk]:
    """Return pavements along the streets and the crossings."""
    pave = 3.5
    return [
        _line(WALK, pave, (-4, -4), (-4, 66), (-4, 78), (-4, 404)),
        _line(WALK, pave, (-36, -36), (-36, 428)),
        _line(WALK, pave, (-4, -4), (220, -4)),
        _line(WALK, pave, (232, -4), (438, -4)),
        _line(WALK, pave, (-4, 404), (220, 404)),
        _line(WALK, pave, (232, 404), (438, 404)),
        _line(WALK, pave, (220, -4), (220, 66)),
        _line(WALK, pave, (220, 78), (220, 404)),
        _line(WALK, pave, (232, -4), (232, 228)),
        _line(WALK, pave, (232, 240), (232, 404)),
        _line(WALK, pave, (-4, 66), (220, 66)),
        _line(WALK, pave, (-4, 78), (220, 78)),
        _line(WALK, pave, (232, 228), (438, 228)),
        _line(WALK, pave, (232, 240), (438, 240)),
        _line(WALK, 3.0, (438, -4), (441, 90), (441, 250), (438, 404)),
        _line(CROSS, 5.0, (220, 66), (220, 78)),
        _line(CROSS, 5.0, (115, 66), (115, 78)),
        _line(CROSS, 5.0, (220, 72), (232, 72)),
        _line(CROSS, 5.0, (220, 234), (232, 234)),
        _line(CROSS, 5.0, (232, 228), (232, 240)),
        _line(CROSS, 5.0, (300, 228), (300, 240)),
        _line(CROSS, 5.0, (398, 228), (398, 240)),
        _line(CROSS, 5.0, (438, 228), (438, 240)),
        _line(CROSS, 5.0, (220, 404), (232, 404)),
        _line(CROSS, 6.0, (-36, 72), (-4, 72)),
    ]


def _west_paths() -> list[Walk]:
    """Return the ring, the lanes behind each row and the two paths through the middle of the west."""
    lanes = [(273, OLD), (313, OLD), (355, OLD), (122, NEW), (188, NEW), (121, GOES), (177, GOES), (222, OLD)]
    ring = [
        _line(DRIVE, 4.0, (4, 88), (4, 392)),
        _line(DRIVE, 4.0, (4, 88), (214, 88)),
        _line(DRIVE, 4.0, (4, 392), (214, 392)),
        Walk(((214, 88), (214, 392)), RESCUE, 3.6, OLD, 4.2),
        _line(RESCUE, 7.2, (-4, 204), (220, 204), status=NEW),
        _line(DRIVE, 4.0, (-4, 204), (4, 204), status=GOES),
        _line(DRIVE, 5.0, (109, 78), (109, 88)),
        _line(DRIVE, 4.0, (214, 300), (220, 300)),
    ]
    return ring + [_line(WALK, 4.0, (4, y), (214, y), status=s) for y, s in lanes]


def _terrace() -> list[Walk]:
    """Return the two paths north, over the terrace by steps, one of them with a ramp beside."""
    return [
        _line(WALK, 3.0, (73.5, 88), (73.5, 121), status=GOES),
        _line(WALK, 2.0, (143.5, 88), (143.5, 121), status=GOES),
        _line(WALK, 3.0, (59, 88), (59, 122), status=NEW),
        _line(WALK, 3.0, (159, 88), (159, 122), status=NEW),
        _line(WALK, 3.0, (73.5, 121), (73.5, 222)),
        _line(STEPS, 3.0, (73.5, 222), (73.5, 246)),
        _line(RAMP, 1.8, (73.5, 222), (80, 225), (80, 243), (73.5, 246)),
        _line(WALK, 3.0, (73.5, 246), (73.5, 392)),
        _line(WALK, 2.0, (143.5, 121), (143.5, 222)),
        _line(STEPS, 2.0, (143.5, 222), (143.5, 246)),
        _line(WALK, 2.0, (143.5, 246), (143.5, 392)),
        _line(WALK, 3.0, (73.5, 143), (143.5, 143), status=NEW),
    ]


def _centre_paths() -> list[Walk]:
    """Return the ways around the podium and over the square."""
    return [
        _line(WALK, 6.0, (115, -4), (115, 66), status=NEW),
        _line(WALK, 3.0, (10, -4), (10, 66), status=NEW),
        _line(WALK, 3.0, (10, 56), (115, 56), (210, 56), status=NEW),
        _line(WALK, 3.0, (210, -4), (210, 66), status=NEW),
        _line(DRIVE, 4.0, (98, -4), (98, 66), status=GOES),
    ]


def _east_paths() -> list[Walk]:
    """Return the ring of the east, its lanes and gates."""
    lanes = [_line(WALK, 4.0, (253, y), (426, y)) for y in (36, 73, 110, 147)]
    return [
        *lanes,
        _line(DRIVE, 4.0, (253, 8), (253, 214), (426, 214), (426, 8), (253, 8)),
        _line(WALK, 2.5, (337, -4), (337, 147)),
        _line(WALK, 2.5, (303, 147), (303, 228)),
        _line(WALK, 2.5, (365, 147), (365, 214)),
        _line(DRIVE, 5.0, (232, 147), (253, 147)),
        _line(WALK, 2.0, (426, 110), (441, 110)),
    ]


def _school_paths() -> list[Walk]:
    """Return the ways into the school and the kindergarten."""
    return [
        _line(WALK, 4.0, (240, 240), (240, 330), (329, 330)),
        _line(WALK, 3.0, (329, 330), (329, 390)),
        _line(WALK, 3.0, (398, 240), (398, 262)),
        _line(WALK, 2.5, (232, 361), (240, 361), (240, 330)),
    ]


def site_outline() -> Any:
    """Return the land of all parcels, streets and the river bank."""
    return shapely.union_all([*(p[3] for p in PARCELS), *(s[1] for s in STREETS), box(434, -32, 12, 456)])


def river() -> Any:
    """Return the water along the east."""
    return shapely.Polygon([(446, -32), (449, 90), (449, 250), (446, 424), (486, 424), (491, 240), (486, -32)])


OPEN_SPACES: tuple[
    tuple[str, SpaceKind, str, Any, Status, dict[str, Any]], ...
] = (  # id, kind, name, outline, status, more
    ("S01", SpaceKind.PLAZA, "春江广场", box(102, 6, 26, 48), NEW, {"planted_share": 0.15}),
    ("S02", SpaceKind.CENTRAL_GREEN, "春江中央绿地", box(80, 126, 58, 32), NEW, {"planted_share": 0.75}),
    ("S03", SpaceKind.PLAYGROUND, "儿童活动场地", box(22, 130, 30, 20), NEW, {"planted_share": 0.1}),
    ("S04", SpaceKind.PLAYGROUND, "老年活动场地", box(152, 130, 26, 18), NEW, {"planted_share": 0.2}),
    ("S05", SpaceKind.EVACUATION_CORRIDOR, "防灾安全通道", box(7.5, 200.4, 203, 7.2), NEW, {}),
    ("S06", SpaceKind.PUBLIC_OPEN_SPACE, "台地花园", box(150, 212, 56, 24), NEW, {"planted_share": 0.4}),
    ("S07", SpaceKind.CENTRAL_GREEN, "北园", box(80, 362, 58, 24), OLD, {"planted_share": 0.8}),
    ("S08", SpaceKind.PARKING, "北区停车场", box(11, 362, 54, 22), OLD, {"parking": 52}),
    ("S09", SpaceKind.PARKING, "一区西停车场", box(11, 208.5, 56, 11), NEW, {"parking": 36}),
    ("S10", SpaceKind.SHELTER, "春江小学操场（避难场所）", box(252, 252, 96, 70), OLD, {}),
    ("S11", SpaceKind.PLAYGROUND, "幼儿园室外场地", box(376, 294, 46, 26), OLD, {"planted_share": 0.2}),
    ("S12", SpaceKind.PARKING, "二区停车场", box(305, 172, 15, 38), OLD, {"parking": 48}),
    ("S13", SpaceKind.CENTRAL_GREEN, "二区花园", box(348, 172, 34, 36), OLD, {"planted_share": 0.7}),
    ("S14", SpaceKind.FIRE_LANE, "消防登高场地", box(18, 90.2, 182, 6), NEW, {}),
    ("S17", SpaceKind.PARKING, "北区路边停车一", box(82, 275.5, 54, 5), OLD, {"parking": 20}),
    ("S18", SpaceKind.PARKING, "北区路边停车二", box(153, 275.5, 54, 5), OLD, {"parking": 20}),
    ("S19", SpaceKind.PARKING, "北区路边停车三", box(11, 315.5, 54, 5), OLD, {"parking": 20}),
    ("S20", SpaceKind.PARKING, "二区路边停车一", box(258, 39, 72, 5), OLD, {"parking": 28}),
    ("S21", SpaceKind.PARKING, "二区路边停车二", box(344, 76, 72, 5), OLD, {"parking": 28}),
    ("S22", SpaceKind.PARKING, "二区路边停车三", box(258, 113, 72, 5), OLD, {"parking": 28}),
    ("S15", SpaceKind.PARKING, "旧院停车", box(11, 130, 54, 14), GOES, {"parking": 34}),
    ("S16", SpaceKind.PLAZA, "菜市场前场地", box(102, 6, 8, 48), GOES, {}),
)


GATES = (  # id, kind, x, y, parcel, status
    ("G01", EntranceKind.GATE, 109, 82, "P1", OLD),
    ("G02", EntranceKind.GATE, 217, 300, "P1", OLD),
    ("G03", EntranceKind.GATE, 1, 204, "P1", OLD),
    ("G04", EntranceKind.GATE, 234, 147, "P2", OLD),
    ("G05", EntranceKind.GATE, 337, 0, "P2", OLD),
    ("G06", EntranceKind.GATE, 303, 225, "P2", OLD),
    ("G07", EntranceKind.GATE, 240, 243, "P3", OLD),
    ("G08", EntranceKind.GATE, 398, 243, "P3", OLD),
    ("G09", EntranceKind.GATE, 115, 1, "P4", NEW),
    ("G10", EntranceKind.GARAGE, 214, 120, "P1", NEW),
    ("G11", EntranceKind.GARAGE, 4, 190, "P1", NEW),
)


class Service(NamedTuple):
    """A service in a building (its name, "" for none) at a door of the drawing."""

    kind: F
    name: str
    x: float
    y: float
    house: str = ""
    status: Status = OLD
    more: dict[str, Any] = {}  # noqa: RUF012 - never written to


SERVICES = (
    Service(
        F.KINDERGARTEN, "春江幼儿园", 398, 262, "春江幼儿园", OLD, {"area": 2050, "land_area": 3800, "capacity": 270}
    ),
    Service(
        F.PRIMARY_SCHOOL, "春江小学", 322, 344, "教学楼", OLD, {"area": 7900, "land_area": 21500, "capacity": 1080}
    ),
    Service(F.SPORTS_GROUND, "春江小学操场", 300, 330, "", OLD, {"land_area": 6720, "opens": 18.0, "closes": 21.0}),
    Service(F.HEALTH_STATION, "春江社区卫生服务站", 158, 32, "邻里中心", NEW, {"area": 220, "step_free": 1}),
    Service(
        F.ELDERLY_DAY_CARE,
        "春江老年人日间照料中心",
        168,
        32,
        "邻里中心",
        NEW,
        {"area": 420, "capacity": 40, "step_free": 1},
    ),
    Service(F.CANTEEN, "春江幸福食堂", 178, 32, "邻里中心", NEW, {"area": 380, "capacity": 120, "step_free": 1}),
    Service(F.COMMUNITY_SERVICE, "春江社区服务站", 188, 32, "邻里中心", NEW, {"area": 800, "step_free": 1}),
    Service(F.CULTURE_STATION, "春江文化活动站", 134, 44, "邻里中心", NEW, {"area": 600, "level": 2}),
    Service(F.LIBRARY, "春江书房", 134, 48, "邻里中心", NEW, {"area": 240, "level": 3}),
    Service(F.NURSERY, "春江托育园", 198, 32, "邻里中心", NEW, {"area": 260, "capacity": 60, "level": 2}),
    Service(F.CO_WORKING, "春江双创空间", 152, 50, "邻里中心", NEW, {"area": 520, "level": 3}),
    Service(F.MARKET, "春江菜市场", 60, 44, "春江菜市场", GOES, {"area": 2600}),
    Service(F.SUPERMARKET, "春江生鲜超市", 100, 30, "春江荟", NEW, {"area": 1800}),
    Service(F.PHARMACY, "春江大药房", 100, 20, "春江荟", NEW, {"area": 90}),
    Service(F.RESTAURANT, "知味小馆", 100, 42, "春江荟", NEW, {"area": 260}),
    Service(F.CONVENIENCE_STORE, "二区便利店", 238, 40, "沿街商铺", OLD, {"area": 65}),
    Service(F.PHARMACY, "春江路药房", 238, 70, "沿街商铺", OLD, {"area": 80}),
    Service(F.BANK, "春江路储蓄所", 238, 100, "沿街商铺", OLD, {"area": 160}),
    Service(F.PROPERTY_OFFICE, "二区物业", 249, 120, "沿街商铺", OLD, {"area": 120}),
    Service(F.PARCEL_STATION, "一区快递驿站", 109, 211, "快递驿站", NEW, {"area": 90}),
    Service(F.ELDERLY_SERVICE, "颐养公寓养老服务站", 180, 351.2, "颐养公寓", OLD, {"area": 320, "step_free": 1}),
    Service(F.FITNESS, "北园健身点", 109, 362, "", OLD, {"land_area": 180}),
    Service(F.FITNESS, "一区健身点", 165, 143, "", NEW, {"land_area": 220}),
    Service(F.PARK, "滨江公园", 441, 170, "", OLD, {"land_area": 4400}),
    Service(F.BUS_STOP, "望江路邻里街口", -4, 110),
    Service(F.BUS_STOP, "春江路学堂路口", 232, 200),
    Service(F.BUS_STOP, "候潮路", 109, 404),
    Service(F.SHELTER, "春江小学避难场所", 280, 330, "", OLD, {"land_area": 6720, "capacity": 4400}),
    Service(F.PARKING, "一区地下车库", 214, 120, "", NEW, {"capacity": 620}),
    Service(F.PARKING, "二区停车场", 303, 190, "", OLD, {"capacity": 48}),
    Service(F.CHARGING, "一区充电站", 214, 140, "", NEW, {"capacity": 62}),
    *(
        Service(F.REFUSE_POINT, "垃圾投放点", x, y, "", NEW)
        for x, y in ((59, 122), (159, 122), (73.5, 188), (143.5, 188))
    ),
    *(Service(F.REFUSE_POINT, "垃圾投放点", x, y) for x in (73.5, 143.5) for y in (273, 313, 355)),
    *(
        Service(F.REFUSE_POINT, "垃圾投放点", x, y)
        for x, y in ((337, 36), (337, 73), (337, 110), (303, 214), (365, 214))
    ),
    Service(F.PUBLIC_TOILET, "广场公厕", 115, 10, "", NEW, {"area": 45}),
)
