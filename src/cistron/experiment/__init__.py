"""The experiment file, what cannot work together in it, and the directory of a run."""
