"""Windows around genes, from a genome, its annotation and numbers of its genes."""
