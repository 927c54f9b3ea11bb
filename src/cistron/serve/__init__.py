"""A web page and an API over classifiers: `cistron serve`."""
