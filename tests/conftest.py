"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from cimkit.model.community import Community
from cimkit.samples import future_community

# Examples of the tests that do not say themselves how many; many: pytest --hypothesis-profile=many
settings.register_profile("few", max_examples=50)
settings.register_profile("many", max_examples=10_000)
settings.load_profile("few")

# What takes longest begins first, so that two workers end together; the kernels of the sun, those of walking and
# those of areas are then compiled beside each other. Compiled anew: minutes; what is not named takes less than 10 s.
LONGEST = (
    "tests/kernels/test_lanes.py",
    "tests/kernels/test_sunfan.py",
    "tests/kernels/test_cells.py",
    "tests/kernels/test_columns.py",
    "tests/kernels/test_overlay.py",
    "tests/kernels/test_column_lit.py",
    "tests/kernels/test_elimination.py",
    "tests/test_notebooks.py",
    "tests/rules/test_worked.py",
    "tests/view/test_browser.py",
)

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files that take long to the front; the rest keeps its order."""
    place = {name: k for k, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))


@pytest.fixture(scope="session")
def site() -> Community:
    """The invented renewal site, made once."""
    return future_community()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data beside the checkout; tests that use it are skipped where it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("../shared/data is not beside this checkout")
    return folder
