"""One architecture a file, and the classical models.

A model is one file here with a settings class (its `kind` and keys). A network's settings have
`build(channels, outputs) -> torch.nn.Module`; a classical model's have
`build(seed, class_weights) -> scikit-learn estimator`. `KINDS` lists them.
"""
