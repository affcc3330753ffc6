"""Walking across squares and parks where no path is drawn: lines of sight around corners, joined to the network."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import shapely
from shapely.ops import substring

from cimkit.geometry.polygons import Lines
from cimkit.model.community import Community
from cimkit.model.kinds import SpaceKind
from cimkit.model.notes import Note, Notes
from cimkit.sim.network import ACROSS, WalkNetwork

OPEN = (SpaceKind.PLAZA, SpaceKind.PUBLIC_OPEN_SPACE, SpaceKind.PLAYGROUND, SpaceKind.CENTRAL_GREEN)
MARGIN = 3.0  # [m] paths this near to an open space lead onto it
MOST = 150  # points of one space: lines of sight grow with their square


def with_open_space(
    network: WalkNetwork, community: Community, *, kinds: tuple[SpaceKind, ...] = OPEN
) -> tuple[WalkNetwork, Notes]:
    """Add straight ways across open spaces: a visibility graph between the paths that lead there, around buildings.

    Paths are split where they enter ground within 3 m of a space. Spaces with more than 150 points, and those that no
    path leads to, are left alone and noted. Levels do not count: spaces on roofs are not crossed.

    Parameters
    ----------
    network
        The paths.
    community
        Whose open spaces and buildings.
    kinds
        Kinds of space that are crossed.

    Returns
    -------
    tuple
        The network with more nodes and edges, and notes.
    """
    s = community.spaces
    rows = np.flatnonzero(np.isin(s.kind, kinds) & (s.storey < 0))
    built = shapely.union_all(shapely.make_valid(community.buildings.footprint.to_shapely()))
    shapes = shapely.buffer(shapely.make_valid(s.outline.take(rows).to_shapely()), MARGIN, join_style="mitre")
    grounds = shapely.simplify(shapely.difference(shapes, built), 0.25)
    split = _split(network, grounds)
    tree, used = shapely.STRtree(shapely.points(split.nodes[:, :2])), np.append(split.start, split.end)
    nodes, ends, skipped = [split.nodes], [np.zeros((2, 0), np.int64)], dict[str, list[int]]()
    for row, ground in zip(rows, grounds, strict=True):
        doors = tree.query(ground, predicate="intersects")
        doors = doors[np.isin(doors, used)]
        corners = np.unique(shapely.get_coordinates(ground), axis=0)
        if len(doors) < 2 or len(doors) + len(corners) > MOST:
            why = f"more than {MOST} corners and ways in" if len(doors) > 1 else "fewer than two paths lead there"
            skipped.setdefault(why, []).append(int(row))
            continue
        z = np.full(len(corners), split.nodes[doors, 2].mean())
        nodes.append(np.column_stack([corners, z]))
        places = np.concatenate([split.nodes[doors, :2], corners])
        pairs = np.stack(np.triu_indices(len(places), 1))
        sight = shapely.linestrings(places[pairs.T])
        seen = shapely.covered_by(sight, shapely.buffer(ground, 0.01))
        ids = np.append(doors, sum(map(len, nodes[:-1])) + np.arange(len(corners)))
        ends.append(ids[pairs[:, seen]])
    across = WalkNetwork.from_arrays(np.concatenate(nodes), *np.concatenate(ends, axis=1), method=network.method)
    made = split.joined(dataclasses.replace(across, ids=np.full(len(across.start), ACROSS, dtype=object)))
    notes = [
        Note("N09", f"{len(k)} of {len(rows)} open spaces are not crossed: {why}", "spaces", s.id[k[0]], count=len(k))
        for why, k in skipped.items()
    ]
    return made, Notes.of(notes)


def _split(network: WalkNetwork, grounds: Any) -> WalkNetwork:
    """Return the network with a node wherever a path enters one of the grounds or bends in it."""
    lines = network.course.to_shapely()
    edge, ground = shapely.STRtree(shapely.boundary(grounds)).query(lines, predicate="intersects")
    cuts = shapely.intersection(shapely.force_2d(lines[edge]), shapely.boundary(grounds)[ground])
    points, which = shapely.get_parts(cuts, return_index=True)
    dot = shapely.get_type_id(points) == 0
    bends = shapely.points(network.course.xyz[:, :2])
    within = np.unique(shapely.STRtree(bends).query(grounds, predicate="intersects")[1])
    owner = np.append(edge[which[dot]], np.searchsorted(network.course.line, within, side="right") - 1)
    share = shapely.line_locate_point(lines[owner], np.append(points[dot], bends[within]), normalized=True)
    inside = (share > 1e-6) & (share < 1 - 1e-6)
    owner, share = owner[inside], share[inside]
    if len(owner) == 0:
        return network
    owner, share = np.unique(np.column_stack([owner, share]), axis=0).T
    owner = owner.astype(np.int64)
    last = np.append(np.diff(owner) != 0, True)
    first = np.append(True, last[:-1])
    new = len(network.nodes) + np.arange(len(owner))
    # every cut begins a piece that ends at the next one or at the end of its path; each first cut also ends one
    piece = np.concatenate([owner[first], owner])
    low = np.concatenate([np.zeros(first.sum()), share])
    high = np.concatenate([share[first], np.where(last, 1.0, np.append(share[1:], 1.0))])
    tail = np.concatenate([network.start[owner[first]], new])
    head = np.concatenate([new[first], np.where(last, network.end[owner], np.append(new[1:], -1))])
    kept = np.setdiff1d(np.arange(len(lines)), owner)
    parts = [substring(lines[e], a, b, normalized=True) for e, a, b in zip(piece, low, high, strict=True)]
    cut, pieces = Lines.from_shapely(np.array(parts, dtype=object)), network.take(piece)
    names = ("length", "forward_min", "backward_min")
    sizes: dict[str, Any] = {n: getattr(pieces, n) * (high - low) for n in names}
    nodes = np.concatenate([network.nodes, cut.xyz[cut.line[:-1]][first.sum() :]])
    pieces = dataclasses.replace(pieces, nodes=nodes, start=tail, end=head, course=cut, **sizes)
    return network.take(kept).joined(pieces)
