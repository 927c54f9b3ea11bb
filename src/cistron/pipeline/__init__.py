"""An experiment, from its samples to its report."""
