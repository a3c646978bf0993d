"""From a trained network to a bundle: the graph, its 8-bit version, the check that they agree, the card.

It takes classifiers and arrays, never run folders.
"""
