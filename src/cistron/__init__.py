"""Cistron: from biological sequences to classifiers a scientist can trust."""
