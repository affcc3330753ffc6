"""The printed page of standards agrees with the packs."""

from __future__ import annotations

from pathlib import Path

from cimkit.rules.load import load_pack, pack_names
from tests.make_standards import standards


def test_standards__page_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "standards.md"
    assert page.read_text(encoding="utf-8") == standards(), "run: make docs"


def test_standards__names_each_rule_with_its_text_and_reason() -> None:
    page = standards()
    for rule in (r for n in pack_names() for r in load_pack(n)):
        assert rule.text_zh in page
        assert rule.judged or rule.why in page
