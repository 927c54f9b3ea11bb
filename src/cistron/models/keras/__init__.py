"""Networks as Keras describes them, computed by torch."""
