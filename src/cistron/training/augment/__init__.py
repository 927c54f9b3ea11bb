"""More training samples than there are: changed, or replaced by their orthologs."""
