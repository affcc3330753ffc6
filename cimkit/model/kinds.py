"""Closed code lists with their Chinese names; columns of a kind hold small integers."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from cimkit.errors import InputError

if TYPE_CHECKING:
    from cimkit.arrays import TextArray


class Kind(IntEnum):
    """A closed list of codes. Tables store the number, files and people see the code."""

    zh: str

    def __new__(cls, value: int, zh: str = "") -> Self:
        """Attach the Chinese name to the number."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.zh = zh
        return member

    @property
    def code(self) -> str:
        """The text used in files and messages."""
        return self.name.lower()

    @property
    def title(self) -> tuple[str, str]:
        """What people read, in English and Chinese."""
        return self.code.replace("_", " "), self.zh

    @classmethod
    def parse(cls, value: Any) -> Self:
        """Return the member for a code, a Chinese name, a number or a member.

        Raises
        ------
        InputError
            If the value names no member.

        Examples
        --------
        >>> StoreyKind.parse("架空层") is StoreyKind.parse("stilt")
        True
        """
        word = value.strip().lower() if isinstance(value, str) else value
        if (found := next((m for m in cls if word in (m, m.code, m.zh)), None)) is None:
            raise InputError(f"{cls.__name__} must be one of {', '.join(m.code for m in cls)}; got {value!r}.")
        return found

    @classmethod
    def words(cls) -> dict[str, Self]:
        """Return the members by their codes and Chinese names."""
        return {m.code: m for m in cls} | {m.zh: m for m in cls}

    @classmethod
    def codes(cls, values: Any) -> TextArray:
        """Return the text code of each number."""
        return np.asarray(np.array([m.code for m in cls], dtype=object)[np.asarray(values)])

    @classmethod
    def labels(cls, values: Any) -> TextArray:
        """Return the Chinese name of each number."""
        return np.asarray(np.array([m.zh for m in cls], dtype=object)[np.asarray(values)])


class BuildingUse(Kind):
    """What a building, or a storey of it, is used for."""

    UNKNOWN = 0, "未知"
    RESIDENTIAL = 1, "住宅"
    ELDERLY_HOUSING = 2, "老年人住宅"
    DORMITORY = 3, "宿舍"
    KINDERGARTEN = 4, "幼儿园"
    SCHOOL = 5, "学校"
    HOSPITAL = 6, "医院"
    OFFICE = 7, "办公"
    RETAIL = 8, "商业"
    COMMUNITY = 9, "社区配套"
    CULTURE_SPORT = 10, "文体"
    INDUSTRIAL = 11, "工业"
    PARKING = 12, "停车"
    UTILITY = 13, "市政"
    OTHER = 14, "其他"


class Status(Kind):
    """Where a thing stands in its life: before is existing and demolish, after is existing and planned."""

    EXISTING = 0, "现状"
    PLANNED = 1, "规划"
    DEMOLISH = 2, "拟拆除"


class ProjectType(Kind):
    """The five project types of Zhejiang's Future Community."""

    UNKNOWN = 0, "未定"
    INTEGRATED_UPGRADE = 1, "整合提升"
    PARTIAL_REBUILD = 2, "拆改结合"
    FULL_REBUILD = 3, "拆除重建"
    NEW_BUILD = 4, "规划新建"
    WHOLE_AREA = 5, "全域类"


class Provenance(Kind):
    """Where a height or a number of storeys comes from."""

    UNKNOWN = 0, "未知"
    MEASURED = 1, "实测"
    TAGGED = 2, "属性"
    FROM_STOREYS = 3, "由层数推算"
    FROM_HEIGHT = 4, "由高度推算"
    DEFAULT = 5, "默认"


class StoreyKind(Kind):
    """Kind of a storey."""

    NORMAL = 0, "标准层"
    STILT = 1, "架空层"
    REFUGE = 2, "避难层"
    EQUIPMENT = 3, "设备层"
    ATTIC = 4, "坡屋顶层"
    ROOF = 5, "屋顶层"
    BASEMENT = 6, "地下室"
    HALF_BASEMENT = 7, "半地下室"


class VoidKind(Kind):
    """Kind of an opening in a storey's floor."""

    ATRIUM = 0, "中庭"
    VOID_ROOM = 1, "挑空"
    STAIR = 2, "楼梯井"
    SHAFT = 3, "管井"
    LIGHT_WELL = 4, "采光井"


class SpaceKind(Kind):
    """Kind of a space inside, on or around buildings, and of open ground."""

    ROOM = 0, "房间"
    STILT = 1, "架空空间"
    SKY_GARDEN = 2, "空中花园"
    BALCONY = 3, "阳台"
    BAY_WINDOW = 4, "凸窗"
    CANOPY = 5, "雨篷"
    EXTERNAL_STAIR = 6, "室外楼梯"
    RAMP = 7, "坡道"
    EQUIPMENT_PLATFORM = 8, "设备平台"
    REFUGE = 9, "避难空间"
    TERRACE = 10, "露台"
    CORRIDOR = 11, "走廊"
    PUBLIC_PASSAGE = 12, "公共通道"
    PUBLIC_OPEN_SPACE = 13, "公共开敞空间"
    EVACUATION_CORRIDOR = 14, "防灾安全通道"
    SHELTER = 15, "避难场所"
    GREEN = 16, "绿地"
    CENTRAL_GREEN = 17, "集中绿地"
    PLAZA = 18, "广场"
    PLAYGROUND = 19, "活动场地"
    PARKING = 20, "停车场"
    FIRE_LANE = 21, "消防车道"
    WATER = 22, "水面"
    ROOF_GREEN = 23, "屋顶绿化"
    SKY_CORRIDOR = 24, "空中连廊"
    RAIN_CORRIDOR = 25, "风雨连廊"
    SHED = 26, "车棚"
    ROAD = 27, "道路"
    DECK = 28, "景观平台"
    STAND = 29, "看台"
    UNDER_STAND = 30, "看台下空间"


class FacilityKind(Kind):
    """Kind of a service, after the appendices of GB 50180-2018 and the Future Community's scenes."""

    OTHER = 0, "其他"
    KINDERGARTEN = 1, "幼儿园"
    NURSERY = 2, "托育机构"
    PRIMARY_SCHOOL = 3, "小学"
    MIDDLE_SCHOOL = 4, "初中"
    ELDERLY_DAY_CARE = 5, "老年人日间照料中心"
    ELDERLY_SERVICE = 6, "养老服务站"
    CARE_HOME = 7, "养老院"
    CANTEEN = 8, "社区食堂"
    HEALTH_STATION = 9, "卫生服务站"
    HEALTH_CENTRE = 10, "卫生服务中心"
    HOSPITAL = 11, "医院"
    PHARMACY = 12, "药店"
    COMMUNITY_SERVICE = 13, "社区服务站"
    CULTURE_STATION = 14, "文化活动站"
    CULTURE_CENTRE = 15, "文化活动中心"
    SPORTS_GROUND = 16, "多功能运动场"
    FITNESS = 17, "健身场地"
    SPORTS_HALL = 18, "体育馆"
    PARK = 19, "公园"
    MARKET = 20, "菜市场"
    SUPERMARKET = 21, "超市"
    CONVENIENCE_STORE = 22, "便利店"
    SHOP = 23, "商店"
    RESTAURANT = 24, "餐饮"
    PARCEL_STATION = 25, "快递驿站"
    BUS_STOP = 26, "公交站"
    METRO_STATION = 27, "地铁站"
    PARKING = 28, "停车场"
    PUBLIC_TOILET = 29, "公共厕所"
    REFUSE_POINT = 30, "垃圾收集点"
    SHELTER = 31, "避难场所"
    CHARGING = 32, "充电设施"
    CO_WORKING = 33, "双创空间"
    LIBRARY = 34, "图书馆"
    BANK = 35, "银行"
    POST_OFFICE = 36, "邮局"
    PROPERTY_OFFICE = 37, "物业用房"
    NURSING_CARE = 38, "老年养护院"
    ELDERLY_CENTRE = 39, "养老服务中心"
    STREET_CENTRE = 40, "街道社区服务中心"
    STREET_OFFICE = 41, "街道办事处"
    COMMUNITY_ROOM = 42, "社区用房"
    SERVICE_COMPLEX = 43, "社区嵌入式服务综合体"


class EntranceKind(Kind):
    """Kind of an entrance."""

    UNIT = 0, "单元门"
    GATE = 1, "小区出入口"
    GARAGE = 2, "车库出入口"
    FACILITY = 3, "设施出入口"


class PathKind(Kind):
    """Kind of a path edge."""

    FOOTWAY = 0, "步行道"
    STEPS = 1, "台阶"
    RAMP = 2, "坡道"
    CROSSING = 3, "人行横道"
    LIFT = 4, "电梯"
    PEDESTRIAN = 5, "步行街"
    SERVICE = 6, "内部道路"
    STREET = 7, "支路"
    MAIN_ROAD = 8, "干路"
    TRUNK_ROAD = 9, "快速路"
    CYCLEWAY = 10, "自行车道"
    GATE = 11, "门"
    EVACUATION_CORRIDOR = 12, "防灾安全通道"
    RAILWAY = 13, "铁路"
    OPEN_SPACE = 14, "开敞空间穿行"


class RoomKind(Kind):
    """Kind of the room behind a window."""

    UNKNOWN = 0, "未知"
    LIVING = 1, "起居室"
    BEDROOM = 2, "卧室"
    KITCHEN = 3, "厨房"
    CLASSROOM = 4, "教室"
    ACTIVITY = 5, "活动室"
    WARD = 6, "病房"
    OFFICE = 7, "办公室"
    OTHER = 8, "其他"


class WindowKind(Kind):
    """Kind of a window; it decides where the sill's base line lies."""

    PLAIN = 0, "普通窗"
    BAY = 1, "凸窗"
    CORNER = 2, "转角窗"
    FRENCH = 3, "落地窗"
    BALCONY = 4, "阳台窗"


class AgeBand(Kind):
    """Age band of a group of residents."""

    CHILD = 0, "儿童"
    ADULT = 1, "成人"
    ELDER = 2, "60–79岁"
    OLD_ELDER = 3, "80岁及以上"
