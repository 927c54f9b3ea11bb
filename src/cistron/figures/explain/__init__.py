"""Figures of contributions."""
