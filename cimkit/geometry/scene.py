"""Triangles and their tree: what blocks a ray."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cimkit.kernels.bvh import Bvh, build

if TYPE_CHECKING:
    from cimkit.geometry.triangles import Triangles


@dataclass(frozen=True, repr=False)
class Scene:
    """Triangles that block the sun, with a bounding volume hierarchy over them.

    Parameters
    ----------
    triangles
        What blocks.
    closed
        Whether they all bound solids with their corners counter-clockwise seen from outside.
    """

    triangles: Triangles
    closed: bool = True

    @cached_property
    def bvh(self) -> Bvh:
        """The tree, built on first use."""
        tree: Bvh = build(self.triangles.corners)
        return tree

    def __repr__(self) -> str:
        return f"<Scene of {len(self.triangles)} triangles>"
