"""Names and words found in other people's data, and what they are here, as ``vocabulary.toml`` lists them."""

from __future__ import annotations

import tomllib
from pathlib import Path

from cimkit.model.kinds import BuildingUse, FacilityKind, Kind, PathKind, SpaceKind, Status, StoreyKind

_LISTS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
WORDS: dict[type[Kind], dict[str, int]] = {  # kind → word → number
    kind: {w: int(kind.parse(code)) for code, words in _LISTS["kinds"][kind.__name__].items() for w in words.split()}
    for kind in (BuildingUse, FacilityKind, PathKind, SpaceKind, StoreyKind, Status)
}


def synonyms(table: str, name: str) -> list[str]:
    """Return the lower-case names under which a column may come, the most specific first."""
    columns = _LISTS["columns"]
    own = columns.get(table, {}).get(name) or columns["common"].get(name, name)
    return list(dict.fromkeys([name, *own.split()]))
