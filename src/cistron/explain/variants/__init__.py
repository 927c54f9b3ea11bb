"""What variants of a genome, and mutations of single sequences, change in a prediction."""
