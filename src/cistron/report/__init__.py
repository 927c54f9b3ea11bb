"""Pages that open offline, from what a run directory holds."""
