"""What a trained network looks at: attribution maps and how far they can be trusted, filters, feature maps.

It takes classifiers and arrays, never files.
"""
