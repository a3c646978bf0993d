"""Drawn faces with known expressions: for trying things out, for tests and for the demo."""
