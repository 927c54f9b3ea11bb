"""Motifs: what recurs in contributions, what it is called, where it stands, what it does."""
