"""How contributions follow from the layers of a network."""
