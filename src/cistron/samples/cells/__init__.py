"""Cells from h5ad, 10x and count tables."""
