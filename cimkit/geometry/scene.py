"""Triangles with their tree, and upright prisms: what blocks a ray."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cimkit.kernels.bvh import Bvh, build

if TYPE_CHECKING:
    from cimkit.geometry.triangles import Triangles
    from cimkit.kernels.column_prisms import Prisms


@dataclass(frozen=True, repr=False)
class Scene:
    """What blocks the sun: triangles, with a bounding volume hierarchy over them, and upright prisms.

    Parameters
    ----------
    triangles
        What blocks as triangles.
    closed
        Whether they all bound solids with their corners counter-clockwise seen from outside.
    prisms
        What blocks as extruded outlines, if anything, and is not among the triangles.
    """

    triangles: Triangles
    closed: bool = True
    prisms: Prisms | None = None

    @cached_property
    def bvh(self) -> Bvh:
        """The tree, built on first use."""
        tree: Bvh = build(self.triangles.corners)
        return tree

    def __repr__(self) -> str:
        return f"<Scene of {len(self.triangles)} triangles>"
