"""Pictures, pages and 3D windows."""

from cimkit.view.figures import plot_envelope, plot_public_space, plot_shadow_range, plot_storeys, plot_sun_path
from cimkit.view.plan import community_of, fonts, plot, plot_plan, plot_waterfall
from cimkit.view.report import report, self_assessment
from cimkit.view.show import Picture, View3D, add_qgis_styles, show, show_result, write_gltf, write_tiles

__all__ = ["Picture", "View3D", "add_qgis_styles", "community_of", "fonts", "plot", "plot_envelope", "plot_plan"]
__all__ += ["plot_public_space", "plot_shadow_range", "plot_storeys", "plot_sun_path", "plot_waterfall", "report"]
__all__ += ["self_assessment", "show", "show_result", "write_gltf", "write_tiles"]
