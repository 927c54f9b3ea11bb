"""Networks with the layers and sizes of their papers."""
