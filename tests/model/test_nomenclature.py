"""The printed page agrees with the declarations."""

from __future__ import annotations

from pathlib import Path

from tests.make_nomenclature import nomenclature


def test_nomenclature__page_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "nomenclature.md"
    assert page.read_text(encoding="utf-8") == nomenclature(), "run: make docs"
