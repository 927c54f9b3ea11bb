"""One architecture a file, and the classical models; `kinds` lists them."""
