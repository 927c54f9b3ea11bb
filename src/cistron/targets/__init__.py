"""What is asked of a sample: a class, several classes, a number, a second class."""
