"""Proteins as descriptors, residues and profiles."""
