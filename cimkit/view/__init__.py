"""Pictures, pages and 3D windows."""

from cimkit.view.area_plots import plot_public_space as plot_public_space
from cimkit.view.area_plots import plot_storeys as plot_storeys
from cimkit.view.area_plots import plot_waterfall as plot_waterfall
from cimkit.view.assessment import self_assessment as self_assessment
from cimkit.view.boards import plot_shadow_range as plot_shadow_range
from cimkit.view.boards import plot_sun_path as plot_sun_path
from cimkit.view.envelope import plot_envelope as plot_envelope
from cimkit.view.exchange import add_qgis_styles as add_qgis_styles
from cimkit.view.exchange import write_gltf as write_gltf
from cimkit.view.exchange import write_tiles as write_tiles
from cimkit.view.fonts import fonts as fonts
from cimkit.view.page import View3D as View3D
from cimkit.view.plan import community_of as community_of
from cimkit.view.plan import plot as plot
from cimkit.view.plan import plot_plan as plot_plan
from cimkit.view.report import report as report
from cimkit.view.show import Picture as Picture
from cimkit.view.show import show as show
from cimkit.view.show import show_result as show_result
