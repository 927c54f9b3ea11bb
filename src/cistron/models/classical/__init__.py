"""Models that read one vector a sample and are fitted by scikit-learn."""
