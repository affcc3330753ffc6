"""A hash of everything a community holds."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cimkit.model.community import Community


def fingerprint(community: Community) -> str:
    """Return a hash of everything in the tables of a community: equal input, equal hash."""
    digest = hashlib.blake2b(digest_size=16)
    for title, table in community.tables.items():
        digest.update(title.encode())
        for col in table.columns():
            value = getattr(table, col.name)
            for part in (value,) if isinstance(value, np.ndarray) else vars(value).values():
                text = part.dtype == object
                digest.update("\0".join(map(str, part)).encode() if text else np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
