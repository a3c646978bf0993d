"""From labelled faces to a trained classifier in a run folder."""
