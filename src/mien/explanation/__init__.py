"""What a trained network looks at: attribution maps and how far to trust them, filters, feature maps.

Takes classifiers and arrays, never files.
"""
