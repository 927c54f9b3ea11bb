"""One training by many processes."""
