"""Where examples come from: a table of samples with one payload per row.

A source is one file here with a settings class (its `kind` and keys) that has a method
`read() -> Samples`; `kinds` lists them.
"""
