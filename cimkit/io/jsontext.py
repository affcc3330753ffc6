"""JSON of others: no NaN, no infinities, no nests that end the process."""

from __future__ import annotations

import contextlib
import gc
import json
from math import isfinite
from typing import TYPE_CHECKING, Any

from cimkit.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the search for reference cycles while millions of lists are made: half the time at 150,000 storeys."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def parse_json(text: str | bytes, who: str) -> Any:
    """Return the value of JSON text.

    Raises
    ------
    FormatError
        If it is no JSON, holds NaN or infinities, or is nested too deeply.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise FormatError(f"{who}: JSON must not be nested deeper than a few hundred levels; it is.") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise FormatError(f"{who}: it must be whole JSON; {error}.") from error


def _refuse(word: str) -> Any:
    """Raise ValueError for NaN and Infinity, which JSON does not know."""
    raise ValueError(f"{word} is no JSON number")


def _finite(text: str) -> float:
    """Return a number, or raise ValueError if it is beyond what a float holds."""
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"{text} is too large a number")
    return value
