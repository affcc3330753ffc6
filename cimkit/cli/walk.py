"""Commands about walking: walk, route."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cimkit.cli.common import Before, Sink, Source, deliver, err, measured, reads_plan, step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cimkit.model.community import Community
    from cimkit.model.notes import Note
    from cimkit.sim.network import WalkNetwork
    from cimkit.sim.walk_method import WalkMethod

WALKERS = ("adult", "child", "elder", "old_elder", "wheelchair", "pram")
_WHO = f"Who walks: {', '.join(WALKERS)}."
Hour = Annotated[float | None, typer.Option(help="Hour of the day, for gates that close (h).")]
LiftsOff = Annotated[bool, typer.Option("--lifts-off", help="Lifts are out of service.")]
OpenSpace = Annotated[bool, typer.Option("--open-space", help="Cross squares and parks where no path is drawn.")]


app = typer.Typer()


@reads_plan(app, "walk", "site.gpkg --by elder -o walk.csv --circles circles.gpkg")
def _walk(
    source: Source, sink: Sink,
    to: Annotated[list[str], typer.Option(help="Kind of service; all without it.")] = [],
    by: Annotated[str, typer.Option(help=_WHO)] = "adult",
    hour: Hour = None, lifts_off: LiftsOff = False, open_space: OpenSpace = False, before: Before = False,
    circles: Annotated[Path | None, typer.Option(help="Write 5, 10, 15-minute circles as .gpkg.")] = None,
    access: Annotated[Path | None, typer.Option(help="Write what services offer to each home, .csv …")] = None,
    competition: Annotated[
        str, typer.Option(help="How services are shared for --access: sum, 2sfca, 3sfca, balanced.")
    ] = "2sfca",
    passing: Annotated[Path | None, typer.Option(help="Write how many people pass each path, .gpkg …")] = None,
) -> None:  # fmt: skip
    """Walking distance and time from every dwelling to the nearest service of each kind."""
    import pandas as pd

    from cimkit.sim.access import service_access, walk_times
    from cimkit.sim.routes import living_circles, path_use

    method, community = walker(by, lifts_off), source.state(before=before, assume_housing=True)
    network = _network(community, method, hour, open_space)
    how: dict[str, Any] = {"method": method, "network": network, "hour": hour}
    walk = measured("walking", walk_times, community, to=to or None, **how)
    _say(walk.notes)
    sink.give(community, walk, layer="walk", column=to[0] if to else walk.kinds[0].code)
    if circles is not None:
        with step("living circles"):
            there = [k for k in walk.kinds if (community.facilities.kind == k).any()]
            found = [living_circles(community, k, method=method, network=network).to_frame() for k in there]
        deliver(pd.concat(found, ignore_index=True), [circles], as_json=False, layer="circles")
    if access is not None:
        share = {"to": to or None, "competition": competition}
        offer = measured("what services offer", service_access, community, **share, **how)
        _say(n for n in offer.notes if n not in set(walk.notes))
        deliver(offer.to_frame(), [access], as_json=False, layer="access")
    if passing is not None:
        use = measured("who passes each path", path_use, community, to=to or None, **how)
        deliver(use.to_frame(), [passing], as_json=False, layer="passing")


@reads_plan(app, "route", "site.gpkg --from H1-0101 --to health_station --by old_elder -o route.gpkg")
def _route(
    source: Source, sink: Sink,
    home: Annotated[str, typer.Option("--from", help="Id of a dwelling, or of a building.")] = "",
    to: Annotated[str, typer.Option(help="Id of a facility, or a kind of service: the quickest to reach.")] = "",
    by: Annotated[list[str], typer.Option(help=f"{_WHO} May be repeated.")] = ["adult"],
    hour: Hour = None, lifts_off: LiftsOff = False, open_space: OpenSpace = False, before: Before = False,
) -> None:  # fmt: skip
    """Quickest way from a dwelling's floor to a service, as a line in three dimensions."""
    import pandas as pd

    from cimkit.sim.routes import walk_route

    community = source.state(before=before, assume_housing=True)
    found: list[Any] = []
    for who in by:
        method = walker(who, lifts_off)
        network = _network(community, method, hour, open_space)
        how: dict[str, Any] = {"method": method, "network": network, "hour": hour}
        found.append(measured(f"way of {method.name}", walk_route, community, home, to, **how))
    ways = pd.concat([r.to_frame() for r in found], ignore_index=True)
    sink.give(community, found[0], layer="route", frame=ways)  # the first way is drawn


def walker(by: str, lifts_off: bool = False) -> WalkMethod:
    """Return who walks."""
    from dataclasses import replace

    from cimkit.arrays import one_of
    from cimkit.sim.walk_method import WalkMethod

    method: WalkMethod = getattr(WalkMethod, one_of(by, WALKERS, name="--by").upper())
    return replace(method, name=f"{method.name}, lifts off", lifts_work=False) if lifts_off else method


def _network(community: Community, method: WalkMethod, hour: float | None, open_space: bool) -> WalkNetwork | None:
    """Return the network, with open spaces if they are asked for; None where there are no paths."""
    from cimkit.sim.network import WalkNetwork
    from cimkit.sim.open_space import with_open_space

    if len(community.path_edges) == 0:
        return None
    network = WalkNetwork.of(community, method=method, hour=hour)
    if open_space:
        with step("crossing open spaces"):
            network, notes = with_open_space(network, community)
        _say(notes)
    return network


def _say(notes: Iterable[Note]) -> None:
    """Print notes, one line each."""
    for note in notes:
        err.print(f"[dim]{note.code} {escape(note.text)}[/]")
