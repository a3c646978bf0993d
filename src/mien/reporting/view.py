"""What the sections of the page hand to their templates."""

from typing import Any

Values = dict[str, Any]
"""What a template shows, by name."""

View = Values | str
"""The values that a section's template shows, or the sentence that stands in its place."""
