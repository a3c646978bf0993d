"""Sphinx builds the documentation from this folder: `make docs`, or `sphinx-build -W docs site`."""

import mien

project = "mien"
author = "The mien authors"
release = mien.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["README.md"]

html_theme = "furo"
html_title = "mien"
html_static_path = ["_static"]
html_css_files = ["mien.css"]
html_show_copyright = False
html_copy_source = False

myst_heading_anchors = 3
highlight_language = "text"  # fences without a language are commands
default_role = "code"  # docstrings write `code` as Markdown does

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": False}
python_display_short_literal_types = True
python_maximum_signature_line_length = 80
add_module_names = False
napoleon_use_rtype = False
napoleon_attr_annotations = False  # they stand in the signature, and `str_` is no link
