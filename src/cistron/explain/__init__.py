"""Why a classifier said so: contributions of positions and features, checked."""
