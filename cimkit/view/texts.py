"""The words of plans and reports in English and Chinese."""

from __future__ import annotations

from cimkit.view.html import Html, both

LANGUAGES = ("zh-en", "en", "zh")

TEXTS: dict[str, tuple[str, str]] = {
    "plan": ("Site plan", "总平面图"),
    "report": ("Community report", "社区评估报告"),
    "summary": ("Summary", "概要"),
    "data": ("Data and what was assumed", "数据与推定说明"),
    "plans": ("Plans", "图纸"),
    "findings": ("Findings", "逐条结论"),
    "unknown_list": ("Left open: what is missing", "未能判定：缺什么"),
    "sunlight": ("Sunlight", "日照"),
    "walking": ("Walking to services", "设施步行可达"),
    "areas": ("Floor area, three ledgers", "建筑面积三本账"),
    "methods": ("Methods, sources, versions", "方法、依据与版本"),
    "pass": ("passed", "符合"),
    "fail": ("failed", "不符合"),
    "unknown": ("open", "待定"),
    "not_applicable": ("not applicable", "不适用"),
    "buildings": ("buildings", "栋建筑"),
    "dwellings": ("dwellings", "套住宅"),
    "residents": ("residents", "居民"),
    "windows": ("windows", "扇窗"),
    "facilities": ("services", "处设施"),
    "land": ("land", "用地"),
    "rule": ("Rule", "条目"),
    "clause": ("Clause", "条款"),
    "object": ("Object", "对象"),
    "measured": ("Measured", "实测值"),
    "required": ("Required", "要求"),
    "unit": ("Unit", "单位"),
    "verdict": ("Verdict", "结论"),
    "source": ("Source", "依据可信度"),
    "note": ("Note", "说明"),
    "severity": ("Severity", "程度"),
    "code": ("Code", "代码"),
    "what": ("What", "内容"),
    "count": ("Count", "数量"),
    "place": ("Table, object", "表与对象"),
    "fix": ("What to do", "处理"),
    "building": ("Building", "建筑"),
    "name": ("Name", "名称"),
    "use": ("Use", "用途"),
    "status": ("Status", "状态"),
    "storeys": ("Storeys", "层数"),
    "height": ("Height", "高度"),
    "least": ("Least", "最小"),
    "median": ("Median", "中位"),
    "below": ("Below", "低于"),
    "spread": ("Spread of hours", "时数分布"),
    "spread_min": ("Spread of minutes", "时间分布"),
    "service": ("Service", "设施"),
    "homes": ("homes within", "可达住宅比例"),
    "farthest": ("Farthest", "最远"),
    "middle": ("Median walk", "中位步行"),
    "all": ("All", "全部"),
    "search": ("Search", "搜索"),
    "nothing": ("Nothing to report.", "无。"),
    "existing": ("existing", "现状"),
    "planned": ("planned", "规划"),
    "demolish": ("to be demolished", "拟拆除"),
    "error": ("error", "错误"),
    "warning": ("warning", "警告"),
    "info": ("information", "提示"),
    "limit": ("limit", "限值"),
    "print": ("Print", "打印"),
    "yes": ("yes", "是"),
    "share": ("share", "占比"),
}

MARKS: dict[str, tuple[str, str]] = {
    "P": ("primary text seen", "已核对标准原文"),
    "S": ("secondary source", "二手来源"),
    "M": ("unverified, from memory", "未核实，凭记忆"),
    "C": ("computed", "计算得出"),
    "U": ("entered by the user", "用户填写"),
}

MEANINGS: dict[str, tuple[str, str]] = {
    "P": ("The text of the standard was read.", "已阅读标准或法规原文。"),
    "S": ("Another source quotes the number; check it before you rely on it.", "数值引自其他资料，使用前请核对。"),
    "M": ("The number was not checked against the text. Do not rely on it.", "数值尚未与原文核对，不可作为依据。"),
    "C": ("Computed, not stated by a standard.", "由计算得出，非标准直接规定。"),
    "U": ("Entered by the user of this report.", "由报告使用者填写。"),
}

CITIES = {
    "hangzhou": "杭州",
    "ningbo": "宁波",
    "wenzhou": "温州",
    "jiaxing": "嘉兴",
    "taizhou": "台州",
    "huzhou": "湖州",
    "shanghai": "上海",
    "suzhou": "苏州",
    "shenzhen": "深圳",
}

COLUMNS = {  # of results, where the dictionary of the tables has none
    "parcel": "地块",
    "storey": "楼层",
    "floor_area": "建筑面积",
    "counted": "计容面积",
    "counted_area": "计容面积",
    "exempt": "不计容面积",
    "exempt_area": "不计容面积",
    "public": "公共空间",
    "public_area": "公共空间面积",
    "far": "容积率",
    "floor_area_ratio": "容积率",
    "building_density": "建筑密度",
    "green_ratio": "绿地率",
    "parcel_area": "用地面积",
    "area": "面积",
    "kind": "类型",
    "reason": "原因",
    "ledger": "账",
    "footprint_area": "基底面积",
    "green_area": "绿地面积",
}


def say(key: str, lang: str) -> str:
    """Return a text of the list in a language; ``zh-en`` gives both."""
    english, chinese = TEXTS[key]
    return {"en": english, "zh": chinese}.get(lang, f"{chinese} {english}")


def words(key: str) -> Html:
    """Return a text of the list as markup in both languages."""
    return both(*TEXTS[key])
