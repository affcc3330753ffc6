"""Draw the figures of docs/methods.md on sunlight: python docs/images/make_sunlight.py."""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "cimkit"})
import matplotlib.pyplot as plt
import numpy as np

import cimkit as ck

HERE = Path(__file__).parent
DAY = ck.SunDay.great_cold(ck.Location(30.25, 120.17))
SUN, WALL, SHADE = "#e69f00", "#4d4d4d", "#9db4c0"


def save(figure, name):
    figure.savefig(HERE / name, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)


def spans():
    """A wall from A to B, the wedge of suns between its ends, and the height it shades on the column, hour by hour."""
    a, b, top = np.array([16.0, -18.0]), np.array([-6.0, -25.0]), 24.0
    figure, (plan, column) = plt.subplots(1, 2, figsize=(10, 3.6))
    w = DAY.hour_angles(1.0)
    x, y, z = DAY.suns(w).T
    for k in range(0, len(w), 60):
        plan.plot([0, 34 * x[k]], [0, 34 * y[k]], color=SUN, lw=0.6)
        plan.annotate(f"{DAY.hour(w[k]):.0f} h", 36 * np.array([x[k], y[k]]), color=SUN, ha="center", fontsize=7)
    plan.fill(*np.array([[0, 0], a, b]).T, color=SHADE, alpha=0.5)
    plan.plot(*np.array([a, b]).T, color=WALL, lw=4)
    plan.plot(0, 0, "ko")
    for name, p in (("A", a), ("B", b), ("P", np.array([2.0, 2.0]))):
        plan.annotate(name, p + (0, -3), ha="center")
    plan.set(
        aspect="equal",
        xlim=(-36, 36),
        ylim=(-32, 6),
        title="plan: the wall counts for suns between A and B",
        xlabel="east [m]",
        ylabel="north [m]",
    )
    e = b - a
    rise = (a[0] * e[1] - a[1] * e[0]) / (x / z * e[1] - y / z * e[0])
    ahead = (a[0] * y - a[1] * x < 0) & (x * b[1] - y * b[0] < 0)
    height = np.where(ahead & (rise > 0), top - rise, np.nan)
    hour = DAY.hour(w)
    column.fill_between(hour, 0, np.clip(height, 0, None), color=SHADE, label="in the wall's shade")
    column.plot(hour, height, color=WALL, label="H − u")
    for k, level in enumerate(np.arange(0.9, 16, 3)):
        lit = ~(height > level)
        column.plot(hour, np.where(lit, level, np.nan), color=SUN, lw=2, label="" if k else "a window while it is lit")
    column.set(
        title="the column through P: one height a minute serves all windows",
        xlabel="true solar hour",
        ylabel="height above the ground [m]",
        ylim=(0, 17),
    )
    column.legend(fontsize=7, loc="upper right", framealpha=1.0)
    figure.tight_layout()
    save(figure, "sunlight_spans.svg")


def closed_form():
    """Three half-spaces of the wall of ``spans`` for the window 7 m up, over the hour angle, and their common span."""
    a, b, h = np.array([16.0, -18.0]), np.array([-6.0, -25.0]), 17.0
    e = b - a
    c = a[0] * e[1] - a[1] * e[0]
    normals = {"n_A: past A": (a[1], -a[0], 0), "n_B: not yet past B": (-b[1], b[0], 0)}
    normals["n_H: below the top"] = (-h * e[1], h * e[0], c)
    w = np.linspace(*DAY.band_radians(), 600)
    hour, suns, hidden = DAY.hour(w), DAY.suns(w), np.ones(600, bool)
    figure, axes = plt.subplots(figsize=(9, 2.9))
    for k, (name, n) in enumerate(normals.items()):
        value = suns @ n
        axes.plot(hour, value / np.abs(value).max(), label=name)
        axes.fill_between(hour, -1.18 - 0.16 * k, -1.06 - 0.16 * k, where=value > 0, color=f"C{k}", lw=0)
        hidden &= value > 0
    axes.fill_between(hour, -1.70, -1.54, where=hidden, color=SHADE)
    axes.annotate("all three: hidden", (hour[hidden].mean(), -1.66), ha="center", fontsize=8)
    axes.annotate("where each is > 0:", (7.9, -1.3), ha="right", fontsize=7, annotation_clip=False)
    axes.axhline(0, color="k", lw=0.5)
    axes.set(xlabel="true solar hour", yticks=[0], ylabel="α + β cos ω + γ sin ω")
    axes.set(xlim=(6.6, 16.2), title="one wall, one window: three planes, one common span")
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.01, 0.7))
    save(figure, "sunlight_closed_form.svg")


if __name__ == "__main__":
    spans()
    closed_form()
