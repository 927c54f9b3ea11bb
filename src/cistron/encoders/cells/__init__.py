"""Cells as the expression of chosen genes, scaled or as components."""
