"""Readers of labelled faces, one file a format, and what to know about a data set before training on it.

`sniff.open_faces` picks the reader, `split.hold_out` sets validation faces aside, `audit.describe` says what is there.
"""
