"""The counts in docs/real_data.md are those of today's rules; ``python -m tests.make_real_data`` writes them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.make_real_data import found, rows

ROWS = [
    pytest.param(r, id=f"{r[1].split('/')[1]} {r[1].split()[-1]}", marks=pytest.mark.slow if "nanshan" in r[1] else ())
    for r in rows()
]


@pytest.mark.parametrize("row", ROWS)
def test_check__real_data_as_the_page_says(row: re.Match[str], shared_data: Path) -> None:
    assert shared_data.is_dir()
    code, said = found(row[1])
    assert (code, said) == (int(row[3]), row[4])


def test_page__has_a_row_for_each_place() -> None:
    assert len(ROWS) >= 9
