"""The public list is sorted, true and documented; every result gives a frame."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from pathlib import Path

import pytest

import cimkit as ck

STUB = Path(ck.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
FUNCTIONS = [name for name in ck.__all__ if inspect.isfunction(getattr(ck, name))]
CLASSES = [name for name in ck.__all__ if inspect.isclass(getattr(ck, name))]


def test_all__is_sorted_and_every_name_loads() -> None:
    assert ck.__all__ == sorted(ck.__all__)
    for name in ck.__all__:
        assert getattr(ck, name) is not None
    assert set(ck.__all__) <= set(dir(ck))
    with pytest.raises(AttributeError, match="no attribute 'castle'"):
        ck.castle  # noqa: B018


def test_stub__names_each_name_where_it_is_made() -> None:
    for name in (*FUNCTIONS, *CLASSES):
        assert f"from {getattr(ck, name).__module__} import {name} as {name}\n" in STUB


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions__data_first_then_keywords_with_shapes_and_units(name: str) -> None:
    function = getattr(ck, name)
    parameters = list(inspect.signature(function).parameters.values())
    assert len(parameters) <= 8
    assert not any(p.kind is p.VAR_KEYWORD for p in parameters)
    assert not any(p.default is not p.empty and p.kind is not p.KEYWORD_ONLY for p in parameters)
    doc = inspect.getdoc(function) or ""
    assert "Parameters" in doc, f"{name}: the docstring names no parameters"
    for parameter in parameters:
        assert parameter.name in doc, f"{name}: {parameter.name} is not described"


@pytest.mark.parametrize("name", CLASSES)
def test_classes__are_documented(name: str) -> None:
    assert inspect.getdoc(getattr(ck, name))


def test_results__all_have_to_frame() -> None:
    results = []
    for name in FUNCTIONS:
        returned = inspect.signature(getattr(ck, name)).return_annotation
        module = importlib.import_module(getattr(ck, name).__module__)
        kind = getattr(module, str(returned), None)
        if inspect.isclass(kind) and dataclasses.is_dataclass(kind) and kind.__module__.startswith("cimkit.sim"):
            results.append(kind)
    assert len(results) >= 2
    for kind in results:
        assert hasattr(kind, "to_frame"), kind
