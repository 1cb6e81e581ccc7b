"""How Sphinx builds the documentation: `make docs`."""

from cgnmc_bluesky import __version__

project = "cgnmc-bluesky"
author = "the cgnmc-bluesky developers"
copyright = f"2026, {author}"
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "none"
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = "cgnmc-bluesky"
