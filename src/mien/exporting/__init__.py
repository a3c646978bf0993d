"""From a trained network to a bundle: the graph, its 8-bit version, and the proof that they say the same.

Takes classifiers and arrays, never run folders.
"""
