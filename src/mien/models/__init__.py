"""The networks, by name, and the classifier that wraps one with its normalisation."""
