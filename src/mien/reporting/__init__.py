"""The report of a run: one self-contained HTML page, made from the files of the run folder alone.

`build.report` writes the page.  `sections.SECTIONS` lists its parts: one function and one template each.
"""
