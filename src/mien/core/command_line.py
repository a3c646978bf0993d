"""`typed`: the command line of this process, which a run keeps in its `config.json`."""

typed: list[str] = []
"""The words of the command line; empty where mien is used from Python."""
