"""Fit one network, or one for every fold."""
