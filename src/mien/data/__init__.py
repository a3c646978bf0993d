"""Readers of labelled faces, one file per format, and what to know about a data set before training on it.

`formats.open_faces` picks the reader, `split.hold_out` sets validation faces aside, and `audit.describe` counts what is
there.
"""
