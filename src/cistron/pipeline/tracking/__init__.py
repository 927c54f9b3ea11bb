"""What a run is and how it goes, read from its files and told to MLflow and TensorBoard."""
