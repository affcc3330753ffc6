"""The figures of the code stay within the bars of the house; run with -s to see them."""

from __future__ import annotations

import ast
import tokenize
from pathlib import Path
from statistics import median

import numpy as np

from tests.test_architecture import FILES, ROOT, imports

BARS = {  # figure: largest allowed
    "file length median": 200,
    "file length max": 600,
    "body median": 10,
    "body p90": 40,
    "body max": 100,
    "parameters p90": 5,
    "parameters max": 8,
    "import cycles": 0,
    "import depth": 10,
    "code lines": 18_000,
}
LONGER_KERNELS: dict[str, int] = {}  # name → lines: kernels that may be longer, each with its reason here

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> list[tuple[Function, bool]]:
    """Every function of a file, and whether it is public."""
    found: list[tuple[Function, bool]] = []

    def walk(node: ast.AST, public: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function):
                found.append((child, public and not child.name.startswith("_")))
                walk(child, False)
            elif isinstance(child, ast.ClassDef):
                walk(child, public and not child.name.startswith("_"))
            else:
                walk(child, public)

    walk(ast.parse(path.read_text(encoding="utf-8")), True)
    return found


def body_lines(node: Function) -> int:
    has_doc = ast.get_docstring(node) is not None
    doc = node.body[0] if has_doc else None
    length = (node.end_lineno or 0) - node.lineno + 1
    return length - ((doc.end_lineno or 0) - doc.lineno + 1 if doc else 0)


def parameters(node: Function) -> int:
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len([n for n in names if n not in ("self", "cls")])


def code_lines(path: Path) -> int:
    lines: set[int] = set()
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type not in skipped and token.type != tokenize.ENDMARKER:
                lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Module, ast.ClassDef, *Function.__args__)) and ast.get_docstring(node) is not None:
            doc = node.body[0]
            lines -= set(range(doc.lineno, (doc.end_lineno or doc.lineno) + 1))
    return len(lines)


def module_graph(*, late: bool) -> dict[str, set[str]]:
    """Imports between ordinary modules; those inside functions too if late."""
    names = {".".join(p.relative_to(ROOT.parent).with_suffix("").parts): p for p in FILES}
    graph: dict[str, set[str]] = {name: set() for name in names}
    for name, path in names.items():
        for target, _ in imports(path, late=late):
            for candidate in (target, target.rsplit(".", 1)[0], f"{target}.__init__"):
                if candidate in graph and candidate != name and not candidate.endswith("__init__"):
                    graph[name].add(candidate)
    return graph


def depth_and_cycles(graph: dict[str, set[str]]) -> tuple[int, int]:
    depth: dict[str, int] = {}
    cycles = 0

    def visit(name: str, trail: tuple[str, ...]) -> int:
        nonlocal cycles
        if name in trail:
            cycles += 1
            return 0
        if name not in depth:
            depth[name] = 1 + max((visit(n, (*trail, name)) for n in sorted(graph[name])), default=-1)
        return depth[name]

    deepest = max(visit(name, ()) for name in graph)
    return deepest, cycles


def test_figures__stay_within_the_bars() -> None:
    every = [(path, node, public) for path in FILES for node, public in functions(path)]
    bodies = [body_lines(node) for _, node, _ in every]
    public = [node for _, node, is_public in every if is_public]
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in FILES]
    depth, _ = depth_and_cycles(module_graph(late=False))
    _, cycles = depth_and_cycles(module_graph(late=True))
    figures = {
        "file length median": median(lengths),
        "file length max": max(lengths),
        "body median": median(bodies),
        "body p90": float(np.percentile(bodies, 90)),
        "body max": max(b for (_, n, _), b in zip(every, bodies, strict=True) if b > LONGER_KERNELS.get(n.name, 0)),
        "parameters p90": float(np.percentile([parameters(n) for n in public], 90)),
        "parameters max": max(parameters(n) for n in public),
        "import cycles": cycles,
        "import depth": depth,
        "code lines": sum(code_lines(path) for path in FILES),
    }
    print("".join(f"\n{name:>20} {value:8.0f} of {BARS[name]}" for name, value in figures.items()))  # noqa: T201
    over = {name: value for name, value in figures.items() if value > BARS[name]}
    assert not over


def test_figures__everything_public_is_documented_and_annotated() -> None:
    for path in FILES:
        where = str(path.relative_to(ROOT.parent))
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{where}: no module docstring"
        for node, public in functions(path):
            if not public:
                continue
            assert ast.get_docstring(node), f"{where}:{node.lineno} {node.name}: no docstring"
            if "kernels" not in path.parts:
                args = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                bare = [a.arg for a in args if a.annotation is None and a.arg not in ("self", "cls")]
                assert not bare, f"{where}:{node.lineno} {node.name}: {bare}"
                assert node.returns is not None, f"{where}:{node.lineno} {node.name}: no return annotation"
