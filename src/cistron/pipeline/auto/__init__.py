"""`model: {kind: auto}`: candidates that are compared on inner folds and blended."""
