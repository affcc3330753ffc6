"""Pictures, pages and 3D windows."""

from cimkit.view.area_plots import plot_public_space, plot_storeys, plot_waterfall
from cimkit.view.assessment import self_assessment
from cimkit.view.boards import plot_shadow_range, plot_sun_path
from cimkit.view.envelope import plot_envelope
from cimkit.view.exchange import add_qgis_styles, write_gltf
from cimkit.view.fonts import fonts
from cimkit.view.page import View3D
from cimkit.view.plan import community_of, plot, plot_plan
from cimkit.view.report import report
from cimkit.view.show import Picture, show, show_result
from cimkit.view.tiles import write_tiles

__all__ = [
    "Picture",
    "View3D",
    "add_qgis_styles",
    "community_of",
    "fonts",
    "plot",
    "plot_envelope",
    "plot_plan",
    "plot_public_space",
    "plot_shadow_range",
    "plot_storeys",
    "plot_sun_path",
    "plot_waterfall",
    "report",
    "self_assessment",
    "show",
    "show_result",
    "write_gltf",
    "write_tiles",
]
