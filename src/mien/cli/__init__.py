"""The command line: one file a verb, everything heavy imported inside the verb."""
