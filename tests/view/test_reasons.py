"""What findings say in Chinese: no English sentence is left, and the list is sound."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

import numpy as np

from cimkit.model.community import Community
from cimkit.rules.check import check
from cimkit.rules.load import load_pack, pack_names
from cimkit.rules.measurements import Measurements
from cimkit.samples import courtyard_block, slab_rows
from cimkit.view.lists import REASONS, chinese

ENGLISH = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")  # two words running; names of columns, codes and options are one

OPTION = re.compile(r"--[a-z]+ [\w.=|]+")


def left(texts: Iterator[str]) -> set[str]:
    return {zh for t in set(texts) if ENGLISH.search(OPTION.sub("", zh := chinese(t)))}


def test_sentences__have_the_same_places_in_both_languages() -> None:
    for english, zh in REASONS["sentences"].items():
        count = sum(english.count(p) for p in ("{}", "{*}", "{#}"))
        assert zh.format(*[f"<{k}>" for k in range(count)]).count("<") == count, english


def test_chinese__longest_beginning_first() -> None:
    assert chinese("no paths: straight distance × 1.3") == "没有路网：直线距离 × 1.3"
    said = "missing: heights of the paths: all are 0; give them a z, or add a terrain; concerns all 9 objects"
    assert chinese(said) == "缺少：道路标高：均为 0，请填写高程或补充地形；涉及全部 9 项"
    assert chinese("what nobody listed; B12") == "what nobody listed；B12"
    assert chinese("no bus_stop (公交站)/metro_station (地铁站) here") == "此处没有公交站/地铁站"


def test_rules__are_told_in_chinese() -> None:
    rules = [r for n in pack_names() for r in load_pack(n)]
    assert all(r.text_zh for r in rules)
    assert not left(f"{r.standard} {r.clause}".strip() for r in rules)
    assert not left(r.why for r in rules)
    assert not left(r.source for r in rules)


def test_findings__are_told_in_chinese(site: Community) -> None:
    none = np.zeros(0, dtype=int)
    bare = dataclasses.replace(site, path_edges=site.path_edges.take(none), path_nodes=site.path_nodes.take(none))
    large = [n for n in pack_names() if n != "UK-BRE-209"]  # the sky of 8,000 windows takes its time
    for community in (site, bare, slab_rows(), courtyard_block(), Community(location=site.location)):
        measured = Measurements(community.after())
        for place in ({}, {"circle": "15"}, {"circle": "block", "climate_zone": "III"}):
            packs = large if len(community.buildings) > 4 else pack_names()
            findings = check(community, packs=packs, place=place, measurements=measured)
            assert not left(str(n) for j in findings.judged for n in j.notes)
            assert not left(n.text for n in findings.notes)
