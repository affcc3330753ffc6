"""The dictionary of a community: one line a column with dtype, unit, Chinese name and meaning."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cimkit.arrays import BoolArray, FloatArray, IntArray, TextArray
from cimkit.geometry.polygons import Lines, Polygons
from cimkit.model import kinds
from cimkit.model.table import Table, column


@dataclass(frozen=True, repr=False)
class Identified:
    """What has ids."""

    id: TextArray = column("identifier", zh="编号", dtype=str)


class Parcels(Identified, Table):
    """Land the ratios are taken over (地块)."""

    outline: Polygons = column("outline of the parcel", zh="地块轮廓", unit="m²", dtype=Polygons)
    name: TextArray = column("name", zh="名称", dtype=str)
    land_use: TextArray = column("land use code of the plan", zh="用地性质", dtype=str)
    far_max: FloatArray = column("largest floor area ratio of the plan", zh="容积率上限")
    density_max: FloatArray = column("largest building density of the plan, 0–1", zh="建筑密度上限")
    green_min: FloatArray = column("smallest green ratio of the plan, 0–1", zh="绿地率下限")
    height_max: FloatArray = column("largest building height of the plan", zh="限高", unit="m")
    area_declared: FloatArray = column("area stated by the owner", zh="申报面积", unit="m²")


class Buildings(Identified, Table):
    """Buildings (建筑)."""

    footprint: Polygons = column("outline on the ground", zh="基底轮廓", unit="m²", dtype=Polygons)
    parcel: IntArray = column("parcel it stands on", zh="所在地块", of="parcels")
    name: TextArray = column("name", zh="名称", dtype=str)
    use: IntArray = column("main use", zh="用途", dtype=kinds.BuildingUse)
    status: IntArray = column("existing, planned or to be demolished", zh="状态", dtype=kinds.Status)
    stage: IntArray = column("building stage of the project, 0 for none", zh="分期", dtype=int, default=0)
    ground_z: FloatArray = column("ground outside, above the local origin", zh="室外地坪", unit="m", default=0.0)
    base: FloatArray = column("underside above ground, of raised parts and bridges", zh="底标高", unit="m", default=0.0)
    height: FloatArray = column("ground to the top of the roof or parapet", zh="建筑高度", unit="m")
    height_src: IntArray = column("where the height comes from", zh="高度来源", dtype=kinds.Provenance)
    n_above: IntArray = column("storeys above ground", zh="地上层数", dtype=int)
    n_below: IntArray = column("storeys below ground", zh="地下层数", dtype=int, default=0)
    storeys_src: IntArray = column("where the number of storeys comes from", zh="层数来源", dtype=kinds.Provenance)
    year: IntArray = column("year of completion", zh="建成年份", unit="year", dtype=int)
    lift: IntArray = column("1 with a lift, 0 without, -1 unknown", zh="有无电梯", dtype=int)
    source_id: TextArray = column("identifier in the file it came from", zh="来源编号", dtype=str)


class Plates(Table):
    """Outlines of storeys; typical storeys share one (楼板轮廓)."""

    outline: Polygons = column("outline of the floor", zh="楼板轮廓", unit="m²", dtype=Polygons)


class Storeys(Table):
    """Storeys (楼层); ``level`` 1 is the ground storey, -1 the first basement, there is no 0."""

    building: IntArray = column("building it belongs to", zh="所属建筑", of="buildings", belongs=True)
    level: IntArray = column("1 upwards from the ground, -1 downwards", zh="层号", dtype=int)
    plate: IntArray = column("outline, a row of the plates", zh="楼板", of="plates")
    z: FloatArray = column("floor above the building's ground", zh="楼面标高", unit="m")
    height: FloatArray = column("floor to floor", zh="层高", unit="m")
    kind: IntArray = column("kind of storey", zh="楼层类型", dtype=kinds.StoreyKind)
    use: IntArray = column("use; unknown means the building's", zh="用途", dtype=kinds.BuildingUse)
    enclosed: BoolArray = column("has outer walls", zh="有围护", dtype=bool, default=True)
    clear_height: FloatArray = column("smallest clear height, for pitched roofs", zh="净高", unit="m")
    area_declared: FloatArray = column("area stated in the schedule", zh="申报面积", unit="m²")

    @cached_property
    def _names(self) -> TextArray:
        """Building/level of each storey: ``B7/F3``, ``B7/B1``."""
        if self.context is None:
            return super()._names
        building = self.context.tables["buildings"].names()[self.building]
        floors = [f"F{v}" if v > 0 else f"B{-v}" for v in self.level]
        return np.array([f"{b}/{f}" for b, f in zip(building, floors, strict=True)], dtype=object)


class Voids(Table):
    """Openings in a storey's floor (挑空、中庭、井道)."""

    storey: IntArray = column("storey it is cut from", zh="所属楼层", of="storeys", belongs=True)
    outline: Polygons = column("outline", zh="轮廓", unit="m²", dtype=Polygons)
    kind: IntArray = column("kind of void", zh="类型", dtype=kinds.VoidKind)


class Spaces(Identified, Table):
    """Spaces in, on and around buildings, and open ground (空间、绿地、广场)."""

    storey: IntArray = column("storey it lies on, -1 for open ground", zh="所在楼层", of="storeys", belongs=True)
    outline: Polygons = column("outline", zh="轮廓", unit="m²", dtype=Polygons)
    kind: IntArray = column("kind of space", zh="类型", dtype=kinds.SpaceKind)
    name: TextArray = column("name", zh="名称", dtype=str)
    dwelling: IntArray = column("dwelling it belongs to, -1 for none", zh="所属住宅", of="dwellings")
    z: FloatArray = column("floor above ground, for open ground and slabs", zh="标高", unit="m", default=0.0)
    clear_height: FloatArray = column("clear height, nan open to the sky or unknown", zh="净高", unit="m")
    roofed: IntArray = column("1 roofed, 0 open to the sky, -1 unknown", zh="有顶盖", dtype=int)
    enclosed: IntArray = column("1 closed by walls or glass, 0 open, -1 unknown", zh="封闭", dtype=int)
    inside_structure: IntArray = column("1 inside the main structure, 0 outside, -1 unknown", zh="结构内", dtype=int)
    columns_rows: IntArray = column("rows of posts carrying its roof, -1 unknown", zh="柱排数", dtype=int)
    public: BoolArray = column("open to everybody", zh="向公众开放", dtype=bool)
    opens: FloatArray = column("opening hour", zh="开放时间", unit="h", default=0.0)
    closes: FloatArray = column("closing hour", zh="关闭时间", unit="h", default=24.0)
    planted_share: FloatArray = column("planted share of its area, 0–1", zh="绿化占比")
    soil_depth: FloatArray = column("depth of soil", zh="覆土厚度", unit="m")
    sill_height: FloatArray = column("sill above the floor, for bay windows", zh="窗台高度", unit="m")
    parking: IntArray = column("parking spaces in it", zh="停车位", dtype=int, default=0)
    status: IntArray = column("existing, planned or to be demolished", zh="状态", dtype=kinds.Status)
    stage: IntArray = column("building stage of the project, 0 for none", zh="分期", dtype=int, default=0)


class Dwellings(Identified, Table):
    """Dwellings (住宅套)."""

    storey: IntArray = column("storey of its door", zh="所在楼层", of="storeys", belongs=True)
    entrance: IntArray = column("entrance of its stair, -1 unknown", zh="单元门", of="entrances")
    inner_area: FloatArray = column("area inside, without balconies and bays", zh="套内面积", unit="m²")
    habitable_rooms: IntArray = column("bedrooms and living rooms", zh="居室数", dtype=int)
    persons: FloatArray = column("residents", zh="人数")


class Windows(Identified, Table):
    """Windows; x, y, z is the middle of the sill's base line on the outer face (窗)."""

    building: IntArray = column("building", zh="所属建筑", of="buildings", belongs=True)
    storey: IntArray = column("storey", zh="所在楼层", of="storeys", belongs=True)
    dwelling: IntArray = column("dwelling, -1 for none", zh="所属住宅", of="dwellings")
    x: FloatArray = column("east", zh="东坐标", unit="m")
    y: FloatArray = column("north", zh="北坐标", unit="m")
    z: FloatArray = column("height of the base line above the local origin", zh="计算高度", unit="m")
    width: FloatArray = column("width", zh="窗宽", unit="m")
    height: FloatArray = column("height of the opening", zh="窗高", unit="m")
    azimuth: FloatArray = column("outward direction, clockwise from grid north", zh="朝向", unit="°")
    room: IntArray = column("room behind it", zh="房间", dtype=kinds.RoomKind)
    kind: IntArray = column("kind of window", zh="窗类型", dtype=kinds.WindowKind)


class Facilities(Identified, Table):
    """Services and where they are (公共服务设施)."""

    kind: IntArray = column("kind of service", zh="类型", dtype=kinds.FacilityKind)
    name: TextArray = column("name", zh="名称", dtype=str)
    x: FloatArray = column("east", zh="东坐标", unit="m")
    y: FloatArray = column("north", zh="北坐标", unit="m")
    z: FloatArray = column("height above the local origin", zh="高程", unit="m", default=0.0)
    building: IntArray = column("building it is in, -1 for none", zh="所在建筑", of="buildings", belongs=True)
    level: IntArray = column("level it is on", zh="所在层", dtype=int, default=1)
    area: FloatArray = column("building area", zh="建筑面积", unit="m²")
    land_area: FloatArray = column("land area", zh="用地面积", unit="m²")
    capacity: FloatArray = column("places, beds or persons served", zh="规模")
    opens: FloatArray = column("opening hour", zh="开放时间", unit="h", default=0.0)
    closes: FloatArray = column("closing hour", zh="关闭时间", unit="h", default=24.0)
    operator: TextArray = column("owner or operator", zh="权属与运营", dtype=str)
    independent_entrance: IntArray = column("1 own entrance, 0 none, -1 unknown", zh="独立出入口", dtype=int)
    step_free: IntArray = column("1 step-free entrance, 0 none, -1 unknown", zh="无障碍出入口", dtype=int)
    year: IntArray = column("year of completion", zh="建成年份", unit="year", dtype=int)
    status: IntArray = column("existing, planned or to be demolished", zh="状态", dtype=kinds.Status)
    stage: IntArray = column("building stage of the project, 0 for none", zh="分期", dtype=int, default=0)


class Entrances(Identified, Table):
    """Doors and gates (出入口)."""

    kind: IntArray = column("kind of entrance", zh="类型", dtype=kinds.EntranceKind)
    x: FloatArray = column("east", zh="东坐标", unit="m")
    y: FloatArray = column("north", zh="北坐标", unit="m")
    z: FloatArray = column("height above the local origin", zh="高程", unit="m", default=0.0)
    building: IntArray = column("building, -1 for none", zh="所属建筑", of="buildings", belongs=True)
    parcel: IntArray = column("parcel, -1 for none", zh="所属地块", of="parcels")
    facility: IntArray = column("facility, -1 for none", zh="所属设施", of="facilities")
    step_free: IntArray = column("1 step-free, 0 not, -1 unknown", zh="无障碍", dtype=int)
    opens: FloatArray = column("opening hour", zh="开放时间", unit="h", default=0.0)
    closes: FloatArray = column("closing hour", zh="关闭时间", unit="h", default=24.0)


class PathNodes(Identified, Table):
    """Where paths meet (路网节点)."""

    x: FloatArray = column("east", zh="东坐标", unit="m")
    y: FloatArray = column("north", zh="北坐标", unit="m")
    z: FloatArray = column("height above the local origin", zh="高程", unit="m", default=0.0)


class PathEdges(Identified, Table):
    """Paths between nodes (路段)."""

    start: IntArray = column("node it starts at", zh="起点", of="path_nodes", belongs=True)
    end: IntArray = column("node it ends at", zh="终点", of="path_nodes", belongs=True)
    course: Lines = column("course in space", zh="线形", unit="m", dtype=Lines)
    length: FloatArray = column("length in plan", zh="长度", unit="m")
    kind: IntArray = column("kind of path", zh="类型", dtype=kinds.PathKind)
    name: TextArray = column("name", zh="名称", dtype=str)
    width: FloatArray = column("usable width", zh="净宽", unit="m")
    clearance: FloatArray = column("clear height over it, nan open", zh="净空", unit="m")
    oneway: BoolArray = column("walkable from start to end only", zh="单向", dtype=bool)
    public: BoolArray = column("open to everybody", zh="向公众开放", dtype=bool, default=True)
    step_free: IntArray = column("1 step-free, 0 not, -1 by kind", zh="无障碍", dtype=int)
    opens: FloatArray = column("opening hour", zh="开放时间", unit="h", default=0.0)
    closes: FloatArray = column("closing hour", zh="关闭时间", unit="h", default=24.0)
    status: IntArray = column("existing, planned or to be demolished", zh="状态", dtype=kinds.Status)
    stage: IntArray = column("building stage of the project, 0 for none", zh="分期", dtype=int, default=0)


class Trees(Identified, Table):
    """Trees (树木)."""

    x: FloatArray = column("east", zh="东坐标", unit="m")
    y: FloatArray = column("north", zh="北坐标", unit="m")
    z: FloatArray = column("ground height above the local origin", zh="高程", unit="m", default=0.0)
    height: FloatArray = column("height of the tree", zh="树高", unit="m")
    crown_radius: FloatArray = column("radius of the crown", zh="冠幅半径", unit="m")
    crown_base: FloatArray = column("underside of the crown above ground", zh="枝下高", unit="m")


class Population(Table):
    """Residents by age band, counted per building (人口)."""

    building: IntArray = column("building they live in", zh="所在建筑", of="buildings", belongs=True)
    band: IntArray = column("age band", zh="年龄段", dtype=kinds.AgeBand)
    persons: FloatArray = column("number of residents", zh="人数")


TABLES: dict[str, type[Table]] = {table.title(): table for table in Table.__subclasses__()}  # in the order above
