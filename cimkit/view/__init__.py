"""Pictures, pages and 3D windows."""

from cimkit.view.area_plots import plot_public_space, plot_storeys, plot_waterfall
from cimkit.view.assessment import self_assessment
from cimkit.view.envelope import plot_envelope
from cimkit.view.fonts import fonts
from cimkit.view.plan import plot_plan
from cimkit.view.report import report

__all__ = [
    "fonts",
    "plot_envelope",
    "plot_plan",
    "plot_public_space",
    "plot_storeys",
    "plot_waterfall",
    "report",
    "self_assessment",
]
