"""Published weights as classifiers."""
