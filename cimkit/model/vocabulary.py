"""Names and words found in other people's data, and what they are here."""

from __future__ import annotations

from cimkit.model.kinds import BuildingUse, FacilityKind, Kind, PathKind, SpaceKind, Status, StoreyKind

COMMON = {
    "id": "id uid uuid gml_id globalid osm_id osmid identificatie code_id 编号 建筑编号 楼号 地块编号 地块号",
    "name": "name 名称 name_zh 地名 项目名称",
    "status": "status 状态 改造方式",
    "stage": "stage phase 分期",
    "opens": "opens opening 开放时间",
    "closes": "closes closing 关闭时间",
    "year": "year construction_year oorspronkelijkbouwjaar built year_built 建成年份 建成年代 年代 start_date",
    "use": "use usage function building_use building kind_detail kind 用途 使用功能 建筑用途 功能 建筑性质",
    "width": "width 宽度 净宽",
    "persons": "persons population pop residents 人口 人数 居住人数",
}
SYNONYMS: dict[str, dict[str, str]] = {
    "buildings": {
        "n_above": "n_above floor floors storeys storey levels building:levels num_floors storeysaboveground "
        "floors_ag floor_num nfloors cengshu 层数 地上层数 建筑层数 楼层 楼层数",
        "n_below": "n_below building:levels:underground storeysbelowground floors_bg num_floors_underground 地下层数",
        "height": "height building_height measuredheight height_ag bldg_height gaodu 高度 建筑高度 楼高 檐高",
        "base": "base min_height min_h 底标高 架空高度",
        "ground_z": "ground_z ground_elevation h_maaiveld 室外地坪 地坪标高",
        "parcel": "parcel parcel_id plot 地块",
        "lift": "lift elevator 电梯",
        "source_id": "source_id",
    },
    "storeys": {
        "building": "building building_id bldg 楼号 建筑编号 建筑",
        "level": "level floor storey 层 层号 楼层",
        "height": "height storey_height h 层高",
        "z": "z elevation 标高 楼面标高",
        "kind": "kind type 类型 楼层类型",
        "area_declared": "area_declared area area_m2 建筑面积 申报面积",
        "clear_height": "clear_height 净高",
    },
    "parcels": {
        "land_use": "land_use landuse code 用地性质 用地代码",
        "far_max": "far_max far 容积率 容积率上限",
        "density_max": "density_max density 建筑密度 建筑密度上限",
        "green_min": "green_min green_ratio 绿地率 绿地率下限",
        "height_max": "height_max 限高 建筑限高",
        "area_declared": "area_declared area 用地面积",
    },
    "facilities": {
        "kind": "kind type amenity shop category 类型 设施类型 类别",
        "area": "area floor_area 建筑面积",
        "land_area": "land_area 用地面积",
        "capacity": "capacity beds places 规模 容量 床位",
        "operator": "operator owner 权属 运营单位",
        "building": "building building_id 所在建筑",
    },
    "spaces": {
        "kind": "kind type landuse leisure natural 类型",
        "clear_height": "clear_height 净高",
        "planted_share": "planted_share 绿化占比",
        "dwelling": "dwelling 所属住宅",
    },
    "path_edges": {
        "kind": "kind_detail highway kind type fclass 类型 道路等级",
        "clearance": "clearance maxheight 净空",
        "oneway": "oneway:foot oneway_foot",
    },
    "entrances": {"kind": "kind type entrance 类型", "building": "building building_id 所属建筑"},
    "trees": {"height": "height 树高", "crown_radius": "crown_radius 冠幅半径", "crown_base": "crown_base 枝下高"},
    "population": {"building": "building building_id 建筑", "band": "band age age_band 年龄段"},
    "dwellings": {
        "storey": "storey",
        "inner_area": "inner_area 套内面积",
        "habitable_rooms": "habitable_rooms rooms 居室数",
    },
    "windows": {"azimuth": "azimuth 朝向", "height": "height 窗高"},
}


def _words(kind: type[Kind], table: dict[str, str]) -> dict[str, int]:
    """Return word → number for a table of member name → words."""
    return {word: int(kind[name.upper()]) for name, words in table.items() for word in words.split()}


WORDS: dict[type[Kind], dict[str, int]] = {
    BuildingUse: _words(
        BuildingUse,
        {
            "unknown": "yes building none building_part",
            "residential": "apartments house detached terrace bungalow 居住 住宅用地 居民楼 商住",
            "dormitory": "dormitory 宿舍楼",
            "school": "university college 教育 中学 小学 大学",
            "hospital": "clinic 医疗",
            "retail": "commercial supermarket mall shop kiosk hotel 商业服务 酒店",
            "office": "offices government public civic 办公楼 行政办公",
            "culture_sport": "stadium sports_hall museum theatre church temple mosque cathedral 文化 体育",
            "industrial": "warehouse factory 仓储",
            "parking": "garage garages carport",
            "utility": "service transportation train_station substation 公用设施",
        },
    ),
    FacilityKind: _words(
        FacilityKind,
        {
            "nursery": "childcare 托儿所",
            "primary_school": "school",
            "middle_school": "secondary_school 中学",
            "elderly_service": "social_facility 养老服务中心",
            "care_home": "nursing_home",
            "health_station": "clinic doctors dentist 诊所",
            "culture_centre": "arts_centre theatre museum cinema gallery",
            "fitness": "fitness_centre fitness_station gym",
            "sports_ground": "pitch sports_centre stadium swimming_pool",
            "park": "garden playground",
            "market": "marketplace 农贸市场",
            "community_service": "community_centre townhall 社区服务中心",
            "shop": "mall department_store clothes bakery books beauty hairdresser laundry",
            "restaurant": "fast_food cafe food_court bar pub",
            "parcel_station": "parcel_locker",
            "bus_stop": "bus_station",
            "metro_station": "subway_entrance station subway",
            "public_toilet": "toilets 公厕",
            "refuse_point": "waste_disposal recycling",
            "charging": "charging_station",
            "co_working": "coworking_space",
            "bank": "atm",
        },
    ),
    PathKind: _words(
        PathKind,
        {
            "footway": "path sidewalk track bridleway trail corridor 人行道",
            "lift": "elevator",
            "pedestrian": "living_street",
            "street": "minor_road residential unclassified tertiary tertiary_link road busway",
            "main_road": "major_road primary secondary primary_link secondary_link",
            "trunk_road": "highway trunk motorway trunk_link motorway_link",
            "railway": "rail light_rail subway tram monorail",
        },
    ),
    SpaceKind: _words(
        SpaceKind,
        {
            "green": "park grass garden forest wood meadow plantcover 公园 绿化",
            "playground": "pitch sports_centre",
            "plaza": "square pedestrian",
            "parking": "parking_lot",
            "water": "river lake pond canal basin riverbank ocean waterbody 水域",
        },
    ),
    StoreyKind: _words(StoreyKind, {"stilt": "pilotis void_deck 架空", "equipment": "mechanical", "normal": "typical"}),
    Status: _words(
        Status,
        {"existing": "保留 现有 built", "planned": "新建 new proposed design", "demolish": "拆除 demolished remove"},
    ),
}


def synonyms(table: str, name: str) -> list[str]:
    """Return the lower-case names under which a column may come, the most specific first."""
    own = SYNONYMS.get(table, {}).get(name) or COMMON.get(name, name)
    return list(dict.fromkeys([name, *own.split()]))
