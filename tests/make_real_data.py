"""Checks of real data in docs/real_data.md: ``python -m tests.make_real_data`` runs them and writes the rows anew."""

from __future__ import annotations

import re
import shlex
import sys
import time
from pathlib import Path

from cimkit.cli.common import Source
from cimkit.cli.judge import Rules

PAGE = Path(__file__).parents[1] / "docs" / "real_data.md"
DATA = Path(__file__).parents[2] / "shared" / "data"
ROW = re.compile(r"^\| `cimkit check ([^`]+)` \|(.*)\| *(\d) \| ([^|]+) \|$")


def rows(text: str = "") -> list[re.Match[str]]:
    """Return the rows of the page that check something: command, what it reads, exit code, findings."""
    return [m for line in (text or PAGE.read_text(encoding="utf-8")).splitlines() if (m := ROW.match(line))]


def found(command: str) -> tuple[int, str]:
    """Return exit code and findings of a check as the page words them."""
    words = shlex.split(command.replace("D/", f"{DATA}/"))
    options = {k: words.pop(words.index(k) + 1) for k in ("--city", "--pack") if k in words}
    source = Source([Path(w) for w in words if not w.startswith("--")])
    rules = Rules(city=options.get("--city", ""), packs=[options[k] for k in ("--pack",) if k in options])
    findings = rules.judge(source.complete(assume_housing=True))
    return findings.exit_code, ", ".join(f"{n:,} {v.replace('_', ' ')}" for v, n in findings.counts.items() if n)


def main() -> int:
    """Run each row, say how long it took, write the page."""
    text = PAGE.read_text(encoding="utf-8")
    for row in rows(text):
        start = time.perf_counter()
        code, said = found(row[1])
        sys.stdout.write(f"{time.perf_counter() - start:6.1f} s  {row[1]}: {said}\n")
        text = text.replace(row[0], f"| `cimkit check {row[1]}` |{row[2]}| {code} | {said} |")
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
