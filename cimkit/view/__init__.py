"""Pictures, pages and 3D windows."""

from cimkit.view.assessment import self_assessment
from cimkit.view.fonts import fonts
from cimkit.view.plan import plot_plan
from cimkit.view.report import report

__all__ = ["fonts", "plot_plan", "report", "self_assessment"]
