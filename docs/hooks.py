"""Hooks of the docs site: links out of docs/ lead to the repository's files, which the site does not hold."""

from __future__ import annotations

import re
from typing import Any

OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+([^)#]+)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return the page with links to files outside the site as their plain names."""
    return OUTSIDE.sub(r"\1 (`\2`)", markdown)
