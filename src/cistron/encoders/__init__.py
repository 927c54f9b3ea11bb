"""Samples → arrays: fitted on training samples only, carried inside the classifier.

`encoder` says what an encoder is; `kinds` lists them.
"""
