"""What is held out: for every sample a part and a fold, and why that is safe.

A split is one file here with a settings class (its `kind` and keys) that has a method
`split(samples, progress) -> Split`; `kinds` lists them.
"""
