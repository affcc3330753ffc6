"""The words of plans and reports in English and Chinese."""

from __future__ import annotations

from cimkit.rules.findings import VERDICTS_ZH
from cimkit.rules.rule import MARKS as RULE_MARKS
from cimkit.view.html import Html, both

LANGUAGES = ("zh-en", "en", "zh")

TEXTS: dict[str, tuple[str, str]] = {
    "plan": ("Site plan", "总平面图"),
    "report": ("Community report", "社区评估报告"),
    "summary": ("Summary", "概要"),
    "data": ("Data and what was assumed", "数据与推定说明"),
    "model": ("3D model", "三维模型"),
    "plans": ("Plans", "图纸"),
    "findings": ("Findings", "逐条结论"),
    "unknown_list": ("Left open: what is missing", "未能判定：缺什么"),
    "sunlight": ("Sunlight", "日照"),
    "walking": ("Walking to services", "设施步行可达"),
    "areas": ("Floor area, three ledgers", "建筑面积三本账"),
    "methods": ("Methods, sources, versions", "方法、依据与版本"),
    "pass": ("passed", VERDICTS_ZH["pass"]),
    "fail": ("failed", VERDICTS_ZH["fail"]),
    "unknown": ("open", VERDICTS_ZH["unknown"]),
    "not_applicable": ("not applicable", VERDICTS_ZH["not_applicable"]),
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

MARKS: dict[str, tuple[str, str]] = {**RULE_MARKS, "U": ("entered by the user", "用户填写")}
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

DAYS = {"Great Cold": "大寒日", "winter solstice": "冬至日"}


def say(key: str, lang: str) -> str:
    """Return a text of the list in a language; ``zh-en`` gives both."""
    english, chinese = TEXTS[key]
    return {"en": english, "zh": chinese}.get(lang, f"{chinese} {english}")


def words(key: str) -> Html:
    """Return a text of the list as markup in both languages."""
    return both(*TEXTS[key])


def day_words(name: str) -> Html:
    """Return the name of a standard day in both languages."""
    return both(name[:1].upper() + name[1:], DAYS.get(name, name))
