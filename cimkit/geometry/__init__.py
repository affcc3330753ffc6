"""Shapes in metres, turned into arrays for the kernels."""
