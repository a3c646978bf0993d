"""The bundles that ship with mien: one folder each."""
