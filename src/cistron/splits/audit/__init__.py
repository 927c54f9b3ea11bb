"""Whether a split leaks, and what else would flatter a score."""
