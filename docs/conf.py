"""Configuration of the documentation; ``make docs`` builds it, and needs no network."""

import importlib.metadata
from pathlib import Path

project = "accelsk"
author = "the accelsk developers"
copyright = "2026, the accelsk developers"  # noqa: A001
release = importlib.metadata.version("accelsk")
version = ".".join(release.split(".")[:2])

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
]
exclude_patterns = ["_build", "conformance-counts.md", "portability-matrix.md"]

html_theme = "pydata_sphinx_theme"
html_title = f"accelsk {release}"
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autosummary_generate = False
numpydoc_show_class_members = False

HERE = Path(__file__).parent


def write_engine_pages(_app):
    """Write one page per engine from its table, so that no fact about a row is written twice."""
    from accelsk.displays import engine_markdown
    from accelsk.engines import names

    folder = HERE / "engines" / "generated"
    folder.mkdir(exist_ok=True)
    pages = {folder / f"{name}.md": engine_markdown(name) for name in names()}
    for page in set(folder.glob("*.md")) - set(pages):
        page.unlink()
    for page, text in pages.items():
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def setup(app):
    """Connect the writer of the engine pages."""
    app.connect("builder-inited", write_engine_pages)
