"""Invented communities, seeded: small ones with known answers, and a believable renewal site."""

from cimkit.samples.future import future_community
from cimkit.samples.small import courtyard_block, slab_rows

__all__ = ["courtyard_block", "future_community", "slab_rows"]
