from __future__ import annotations

import dataclasses

from cimkit.rules.check import check
from cimkit.rules.findings import Verdict
from cimkit.samples import slab_rows
from cimkit.view.findings import findings_section
from cimkit.view.html import Html, block, both, element, join, safe


def test_element__escapes_what_is_not_markup() -> None:
    assert element("td", "<b>", Html("<i></i>"), None) == "<td>&lt;b&gt;<i></i></td>"
    assert element("p", title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;"></p>'
    assert element("g", class_="a", data_id="x", fill=None) == '<g class="a" data-id="x"></g>'


def test_safe__keeps_markup_and_escapes_the_rest() -> None:
    assert safe(Html("<b>")) == "<b>"
    assert safe("a & 'b'") == "a &amp; &#x27;b&#x27;"
    assert join("<", Html("<br>")) == "&lt;<br>"


def test_both__carries_two_languages_unless_they_are_equal() -> None:
    assert both("plan", "图") == '<span lang="zh">图</span><span lang="en">plan</span>'
    assert both("B1", "B1") == "B1"


def test_block__cannot_be_closed_from_within() -> None:
    assert "</script><script>" not in block("script", "x = '</script><script>'")


def test_findings__on_paper_are_the_three_farthest_from_the_limit_of_each_rule() -> None:
    one = dataclasses.replace(next(iter(check(slab_rows(), packs=["PLAN"]))), verdict=Verdict.FAIL)
    rows = [dataclasses.replace(one, object=f"B{k}", margin=-float(k)) for k in (2, 5, 1, 4, 3)]
    rows.append(dataclasses.replace(one, rule=dataclasses.replace(one.rule, id="s"), object="C1"))
    rows.append(dataclasses.replace(one, object="D1", verdict=Verdict.PASS, margin=-9.0))
    printed = [
        line.split('data-id="')[1][:2] for line in findings_section(rows).split("<tr") if 'class="worst"' in line
    ]
    assert printed == ["B5", "B4", "B3", "C1"]
