"""Commands about walking: walk, route."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.markup import escape

import cimkit as ck
from cimkit.cli.common import Sheet, Sink, Source, command, err, measured, step


@dataclass(frozen=True, kw_only=True)
class Way:
    """How people walk; its fields are options of the commands."""

    hour: float | None = None
    lifts_off: bool = False
    open_space: bool = False
    before: bool = False

    def by(self, who: str, community: ck.Community) -> dict[str, Any]:
        """Return method, network and hour of a walker; no network where there are no paths."""
        method = walker(who)
        if self.lifts_off:
            method = replace(method, name=f"{method.name}, lifts off", lifts_work=False)
        network = ck.WalkNetwork.of(community, method=method, hour=self.hour) if len(community.path_edges) else None
        if network and self.open_space:
            with step("crossing open spaces"):
                network, notes = ck.with_open_space(network, community)
            say(notes)
        return {"method": method, "network": network, "hour": self.hour}


def walker(who: str) -> ck.WalkMethod:
    """Return how somebody walks."""
    method: ck.WalkMethod = getattr(ck.WalkMethod, who.upper())
    return method


@command("site.gpkg --by elder -o walk.csv --circles circles.gpkg")
def _walk(
    source: Source,
    sink: Sink,
    *,
    to: list[str] = [],
    by: str = "adult",
    way: Way,
    circles: Path | None = None,
    access: Path | None = None,
    competition: str = "2sfca",
    passing: Path | None = None,
) -> None:
    """Walking distance and time from every dwelling to the nearest service of each kind."""
    import pandas as pd

    community = source.state(before=way.before, assume_housing=True)
    how = way.by(by, community) | {"to": to or None}
    walk = measured("walking", ck.walk_times, community, **how)
    say(walk.notes)
    sink.give(community, walk, layer="walk", column=to[0] if to else walk.kinds[0].code)
    if circles is not None:
        with step("living circles"):
            there = [k for k in walk.kinds if (community.facilities.kind == k).any()]
            found = [ck.living_circles(community, k, network=how["network"], method=how["method"]) for k in there]
        Sheet(output=[circles]).write(pd.concat([c.to_frame() for c in found], ignore_index=True), "circles")
    if access is not None:
        offer = measured("what services offer", ck.service_access, community, competition=competition, **how)
        say(n for n in offer.notes if n not in set(walk.notes))
        Sheet(output=[access]).write(offer.to_frame(), "access")
    if passing is not None:
        use = measured("who passes each path", ck.path_use, community, **how)
        Sheet(output=[passing]).write(use.to_frame(), "passing")


@command("site.gpkg --from H1-0101 --to health_station --by old_elder -o route.gpkg")
def _route(source: Source, sink: Sink, *, home: str = "", to: str = "", by: list[str] = ["adult"], way: Way) -> None:
    """Quickest way from a dwelling's floor to a service, as a line in three dimensions."""
    import pandas as pd

    community = source.state(before=way.before, assume_housing=True)
    found: list[Any] = []
    for who in by:
        how = way.by(who, community)
        found.append(measured(f"way of {how['method'].name}", ck.walk_route, community, home, to, **how))
    ways = pd.concat([r.to_frame() for r in found], ignore_index=True)
    sink.give(community, found[0], layer="route", frame=ways)  # the first way is drawn


def say(notes: Iterable[ck.Note]) -> None:
    """Print notes, one line each."""
    for note in notes:
        err.print(f"[dim]{note.code} {escape(note.text)}[/]")
