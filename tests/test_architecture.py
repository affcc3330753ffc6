"""The layers of the house: imports point down only, numba stays in the kernels, heavy packages come late."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "cimkit"
LAYERS = [  # lowest first; areas of one row do not import each other
    {"errors", "lists"},
    {"arrays", "kernels"},
    {"geometry"},
    {"model"},
    {"sim", "io", "samples"},
    {"rules"},
    {"view"},
    {"__init__"},  # the public list
    {"cli"},  # a user of it
    {"__main__"},
]
RANK = {name: rank for rank, row in enumerate(LAYERS) for name in row}
IN_KERNELS = {"numpy", "numba", "llvmlite", "math", "typing", "collections", "functools", "__future__"}
FOR_THE_COMPILER = {"hashlib", "os", "pathlib", "types"}  # where numba is configured, and the vector intrinsic
LATE = {
    *("pandas", "geopandas", "scipy", "trimesh", "pyvista", "matplotlib"),
    *("pyproj", "pyogrio", "jinja2", "openpyxl", "pyarrow"),
}
FILES = sorted(ROOT.rglob("*.py"))
every_file = pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))


def area(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path, *, late: bool = True) -> list[tuple[str, int]]:
    """Full names and lines of what a file imports; without those in functions if not late."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):  # imports for types alone do not run
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = []
    nodes = list(ast.walk(tree)) if late else tree.body
    package = ["cimkit", *path.relative_to(ROOT).parts[:-1]]
    found: list[tuple[str, int]] = []
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            name = ".".join([*base, node.module] if node.module else base)
            found += [(name, node.lineno)] if node.module and node.module != "cimkit" else []
            found += [(f"{name}.{alias.name}", node.lineno) for alias in node.names]  # it may be a module
    return found


@every_file
def test_imports__point_down(path: Path) -> None:
    here = area(path)
    for name, line in imports(path):
        if name.split(".")[0] == "cimkit":
            there = ([*name.split("."), "__init__"])[1]
            lower = RANK.get(there, 99) < RANK[here]
            assert there == here or lower, f"line {line} imports {name}"


@every_file
def test_imports__numba_stays_in_the_kernels(path: Path) -> None:
    for name, line in imports(path):
        top = name.split(".")[0]
        if area(path) == "kernels":
            allowed = IN_KERNELS | (FOR_THE_COMPILER if path.name in ("_jit.py", "lanes.py") else set())
            assert top in allowed or name.startswith("cimkit.kernels"), f"line {line} imports {name}"
        else:
            assert top not in ("numba", "llvmlite"), f"line {line} imports numba outside kernels"


@every_file
def test_imports__heavy_packages_come_late(path: Path) -> None:
    for name, line in imports(path, late=False):
        assert name.split(".")[0] not in LATE, f"line {line}: import {name} inside the function"


def test_import_cimkit__loads_nothing_heavy() -> None:
    code = (
        "import sys, cimkit; "
        f"heavy = {sorted(LATE)!r}; "
        "found = [m for m in heavy if m in sys.modules]; "
        "sys.exit(','.join(found) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
