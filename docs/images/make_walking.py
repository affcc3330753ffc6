"""Draw the figures of docs/methods.md on walking: python docs/images/make_walking.py."""

from dataclasses import replace
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "cimkit"})
import matplotlib.pyplot as plt
import numpy as np

import cimkit as ck
from cimkit.kernels.elimination import build
from cimkit.kernels.graph import build_csr
from cimkit.kernels.sweep import sweep_kinds

HERE = Path(__file__).parent
PATH, ARC, UP, DOWN, DOOR, SHADE = "#9db4c0", "#4d4d4d", "#e69f00", "#0072b2", "#d55e00", "#c8c8c8"
XY = np.array(
    [(0, 0.3), (1.6, 0), (4.2, 0.2), (6, -0.3), (-0.2, 2), (2.2, 2.4), (3.9, 1.9), (6.3, 2.3), (2, 3.9), (7.9, 2)],
    float,
)
U, V = np.array([(0, 1), (1, 2), (2, 3), (0, 4), (1, 5), (2, 6), (3, 7), (4, 5), (5, 6), (6, 7), (5, 8), (7, 9)]).T
W = np.round(100 * np.linalg.norm(XY[U] - XY[V], axis=1))
CSR = build_csr(len(XY), U, V, W, W)
TREE = build(CSR, np.inf)
AT = TREE.position  # place in the order of elimination, of each node
LOWER = np.repeat(np.arange(len(XY)), np.diff(TREE.first))


def save(figure, name):
    figure.savefig(HERE / name, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)


def spot(ax, xy, text, color="white"):
    ax.annotate(text, xy, ha="center", va="center", fontsize=8, zorder=4,
                bbox={"boxstyle": "circle", "fc": color, "ec": ARC})  # fmt: skip


def ladder(ax):
    """Put the nodes on the rungs of their order, with the arcs that climb."""
    x = XY[TREE.node, 0] + 0.25 * XY[TREE.node, 1]
    for low, high, w in zip(LOWER, TREE.upper, TREE.up, strict=True):
        ax.plot(x[[low, high]], [low, high], color=PATH, lw=1.2, zorder=1)
    ax.set(xticks=[], ylabel="order of elimination")
    return x


def elimination():
    """A small network: what is drawn, in what order it is taken out, and the arcs that are left, all climbing."""
    figure, (plan, order) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for a, b, w in zip(U, V, W, strict=True):
        plan.plot(*XY[[a, b]].T, color=PATH, lw=3, zorder=1)
        plan.annotate(f"{w:.0f}", XY[[a, b]].mean(axis=0) + (0, 0.12), ha="center", fontsize=7)
    drawn = {frozenset(e) for e in zip(U.tolist(), V.tolist(), strict=True)}
    for low, high, w in zip(TREE.node[LOWER], TREE.node[TREE.upper], TREE.up, strict=True):
        if frozenset((int(low), int(high))) not in drawn:
            a, b = XY[low], XY[high]
            plan.annotate(
                "", b, a, arrowprops={"arrowstyle": "-", "color": UP, "ls": "--", "connectionstyle": "arc3,rad=.3"}
            )
            plan.annotate(f"{w}", (a + b) / 2 + (0.2 * (b - a)[::-1] * (1, -1)), color=UP, fontsize=7, ha="center")
    for node in range(len(XY)):
        spot(plan, XY[node], f"{AT[node]}")
    plan.set(aspect="equal")
    plan.set_title(
        "paths [m]; in the circles: the order; dashed: ways through nodes\nalready taken out that nothing else replaces",
        fontsize=8,
    )
    plan.axis("off")
    x = ladder(order)
    for i in range(len(XY)):
        spot(order, (x[i], i), f"{i}")
    order.set_title("what is left: arcs to nodes taken out later", fontsize=8)
    save(figure, "walking_elimination.svg")


def sweep():
    """One pass up from the facility, one pass down to all others; the labels are those of Dijkstra."""
    seed = int(TREE.node[2])
    label = sweep_kinds(TREE, np.array([0, 1]), np.array([seed]), np.zeros(1), 1e6)[TREE.node, 0]
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True)
    up = np.full(len(XY), np.inf)
    up[2] = 0
    for low, high, w in zip(LOWER, TREE.upper, TREE.up, strict=True):
        up[high] = min(up[high], up[low] + w)
    for ax, values, color, title in (
        (axes[0], up, UP, "up: each node in order lowers those above it"),
        (axes[1], label, DOWN, "down: each node, from the top, takes the least over those above it"),
    ):
        x = ladder(ax)
        for low, high, w in zip(LOWER, TREE.upper, TREE.up, strict=True):
            rises = color == UP and np.isfinite(up[low]) and up[low] + w == up[high]
            falls = color == DOWN and label[high] + w == label[low] and low != 2
            if rises or falls:
                a, b = ((x[low], low), (x[high], high)) if rises else ((x[high], high), (x[low], low))
                ax.annotate(
                    "", b, a, arrowprops={"arrowstyle": "-|>", "color": color, "lw": 1.6, "shrinkB": 8}, zorder=3
                )
        for i in range(len(XY)):
            known = np.isfinite(values[i])
            spot(ax, (x[i], i), f"{values[i]:.0f}" if known else "∞", "#ffe9c4" if i == 2 else "white")
        ax.set_title(title, fontsize=8)
    save(figure, "walking_sweep.svg")


def snapping():
    """A door and a facility on one edge, a wall between a door and its nearest path, and the two parts of an edge."""
    figure, ax = plt.subplots(figsize=(9, 3.0))
    a, b = np.array([0.0, 0.0]), np.array([10.0, 0.0])
    ax.plot(*np.array([a, b]).T, color=PATH, lw=5, zorder=1)
    ax.plot([0, 10], [4.2, 4.2], color=PATH, lw=5, zorder=1)
    ax.plot([6.2, 10], [2.3, 2.3], color=ARC, lw=3)
    ax.annotate("railway: no leg crosses it", (8.1, 2.45), ha="center", fontsize=8)
    for x, y, foot, name in (
        (2.0, 1.4, 0.0, "door"),
        (5.0, -1.2, 0.0, "facility"),
        (8.0, 1.6, 0.0, "door behind a barrier"),
    ):
        ax.plot([x, x], [y, foot], color=DOOR, lw=1.6)
        ax.plot(x, y, "s", color=DOOR)
        ax.plot(x, foot, "o", color=ARC, ms=5, zorder=3)
        ax.annotate(name, (x + 0.15, y), va="center", fontsize=8)
    ax.plot([8, 8], [1.6, 4.2], color=DOOR, lw=1, ls=":")
    ax.annotate("farther, and across", (8.1, 3.3), color=DOOR, fontsize=8)
    for x0, x1, y, text in ((0, 2, -0.55, "round(t·L) = p₁"), (2, 10, 0.55, "L − p₁"), (2, 5, -0.55, "|p₁ − p₂|")):
        ax.annotate("", (x1, y), (x0, y), arrowprops={"arrowstyle": "<->", "color": ARC, "lw": 0.8})
        ax.annotate(
            text,
            ((x0 + x1) / 2 + (1.2 if x1 == 10 else 0), y),
            ha="center",
            va="bottom" if y > 0 else "top",
            fontsize=8,
        )
    ax.annotate("leg", (2.08, 0.85), color=DOOR, fontsize=8)
    for p, name in ((a, "a"), (b, "b")):
        spot(ax, p, name)
    ax.set(aspect="equal", ylim=(-1.9, 4.8), xlim=(-0.5, 11.5))
    ax.axis("off")
    save(figure, "walking_snapping.svg")


def route():
    """One dwelling, three walkers: the same line in three dimensions, other times."""
    site = ck.samples.future_community()
    home = "B01/F12-01"
    figure = plt.figure(figsize=(8, 5))
    ax = figure.add_subplot(projection="3d")
    old = replace(ck.WalkMethod.OLD_ELDER, name="80+, lifts off", lifts_work=False)
    ways = [ck.walk_route(site, home, "health_station", method=m) for m in (ck.WalkMethod.ADULT, ck.WalkMethod.OLD_ELDER, old)]
    line = ways[0].line
    low, high = line[:, :2].min(axis=0) - 40, line[:, :2].max(axis=0) + 40
    for outline, height, name in zip(site.buildings.footprint.to_shapely(), site.buildings.height, site.buildings.id, strict=True):
        ring = np.array(outline.exterior.coords)[:, :2]
        if ((ring < low) | (ring > high)).any():
            continue
        tall = min(height, line[0, 2] + 3) if name == "B01" else 3.0
        for z in np.arange(0, tall + 0.1, 3.0):
            ax.plot(*ring.T, z, color=SHADE if z else ARC, lw=0.5)
    for course in site.path_edges.course.to_shapely():
        c = np.array(course.coords)
        if ((c[:, :2] >= low) & (c[:, :2] <= high)).all():
            ax.plot(*c.T, color=PATH, lw=1)
    ax.plot(*line.T, color=DOOR, lw=2.5)
    ax.plot(*line[:1].T, "o", color=DOOR)
    ax.plot(*line[-1:].T, "s", color=DOWN)
    said = "; ".join(f"{w.method.name} {w.walk_min:.1f} min" for w in ways)
    ax.set_title(f"from floor 12 to the health station, {ways[0].distance:.0f} m: {said}", fontsize=8)
    ax.set(box_aspect=(*(high - low), 60), xticks=[], yticks=[], zlabel="height [m]")
    ax.grid(visible=False)
    ax.view_init(28, -60)
    save(figure, "walking_route.svg")


if __name__ == "__main__":
    route()
    elimination()
    sweep()
    snapping()
