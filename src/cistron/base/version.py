"""The version of Cistron, for every room to write into what it makes."""

__version__ = "0.1.0"
