"""All indicators by name, as ``indicators.toml`` declares them: the only place where rules meet simulations."""

from collections import ChainMap
from typing import Any

from cimkit.lists import load_lists
from cimkit.rules import indicators_paths, indicators_site, indicators_sun, indicators_walk, subjects
from cimkit.rules.indicator import Indicator

_FUNCTIONS = ChainMap(*map(vars, (indicators_sun, indicators_walk, indicators_paths, indicators_site)))
_DECLARED = load_lists(__file__)


def _indicator(name: str, on: str, by: str = "", **given: Any) -> Indicator:
    """Return an indicator as it is declared: on what it is measured, by which function, and what is said of it."""
    said: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    return Indicator(name, subjects=getattr(subjects, on), function=_FUNCTIONS[by or name], **said)


INDICATORS: dict[str, Indicator] = {name: _indicator(name, **given) for name, given in _DECLARED.items()}
