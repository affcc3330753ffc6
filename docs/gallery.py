"""Make the gallery and the API page of the docs site: ``python -m docs.gallery``."""

from __future__ import annotations

import inspect
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

import cimkit as ck

HERE = Path(__file__).parent
PICTURES = {  # title: code, as a reader would type it
    "Hours of sun, windows and buildings": "light.plot(site)",
    "Equal sun on the ground": "ck.isochrones(site, day).plot()",
    "Shadow range of the day": "ck.shadows(site, day, hours=range(9, 16)).plot()",
    "Sun on floors at noon": "ck.sun_patches(site, day, hours=[12], on='floors').plot()",
    "Whom the plan can shade": "ck.affected_buildings(ck.samples.future_community(), day).plot()",
    "What hides the sky from a window": "ck.view.plot_sun_path(site, windows, row=int(light.hours.argsort()[3000]))",
    "Living circle of a service": "ck.living_circles(site, 'kindergarten', minutes=(2, 5, 10)).plot()",
    "Walk to the nearest service": "walk.plot(site, column='health_station')",
    "From building area to counted area": "ck.view.plot_waterfall(areas)",
    "Floor area ratio of the parcels": "ck.site_indicators(site, areas).plot()",
    "Storeys": "ck.plot(site, column='n_above')",
}
START = """import cimkit as ck

site = ck.samples.future_community().after()
day = ck.SunDay.great_cold(site.location)
windows = ck.window_receptors(site)
light, walk, areas = ck.sunlight(site, windows, day), ck.walk_times(site), ck.floor_areas(site)
"""


def gallery() -> str:
    """Draw every picture by the code shown beside it; return the page."""
    names: dict[str, object] = {}
    exec(START, names)  # noqa: S102 - our own text, shown to the reader as it is run
    (HERE / "gallery").mkdir(exist_ok=True)
    parts = ["# Gallery", "Every picture is made by the line above it, after these:", f"```python\n{START}```"]
    for k, (title, code) in enumerate(PICTURES.items()):
        ax = eval(code, names)  # noqa: S307
        file = HERE / "gallery" / f"{k:02d}.png"
        ax.figure.savefig(file, dpi=72)
        plt.close("all")
        parts += [f"## {title}", f"```python\n{code}\n```", f"![{title}](gallery/{file.name})"]
    ck.show(names["site"], names["light"]).save(HERE / "gallery" / "model.html")  # type: ignore[arg-type]
    parts += ["## 3D", "```python\nck.show(site, light)\n```", "[Open the model](gallery/model.html), offline too."]
    return "\n\n".join(parts) + "\n"


def api() -> str:
    """Return the page of the public names."""
    groups: dict[str, list[str]] = {"Functions": [], "Classes": []}
    for name in ck.__all__:
        value = getattr(ck, name)
        kind = "Functions" if inspect.isfunction(value) else "Classes" if inspect.isclass(value) else ""
        if kind:
            groups[kind].append(f"::: {value.__module__}.{name}")
    pages = [f"## {title}\n\n" + "\n\n".join(items) for title, items in groups.items()]
    return "# API\n\nAll of it is `import cimkit as ck`, then `ck.name`.\n\n" + "\n\n".join(pages) + "\n"


if __name__ == "__main__":
    (HERE / "gallery.md").write_text(gallery(), encoding="utf-8")
    (HERE / "api.md").write_text(api(), encoding="utf-8")
