"""Sphinx's settings for the gallery; `cargo xtask gallery` writes the sources and calls it."""

import json
import re
from html import unescape
from pathlib import Path

import pydata_sphinx_theme
from jinja2 import DictLoader

project = "twoviews"
copyright = "the twoviews authors, MIT or Apache-2.0"
extensions = ["myst_nb", "sphinx_design", "sphinx_copybutton", "sphinxcontrib.katex"]
exclude_patterns = ["downloads"]
html_theme = "pydata_sphinx_theme"
html_title = "twoviews"
html_static_path = ["_static"]
html_css_files = ["gallery.css"]
html_show_sphinx = False
html_show_sourcelink = False
html_copy_source = False
# Search results without excerpts: from disk a page may not fetch other pages.
html_show_search_summary = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "header_links_before_dropdown": 8,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
# The width is for code.
html_sidebars = {"**": []}
html_favicon = "_static/icon.svg"

# The notebooks come executed.
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3
# Its default is another host.
katex_css_path = "katex/katex.min.css"
copybutton_prompt_text = "$ "

NAME = re.compile(r'<span class="(n|nc|nf|nb)">(\w+)</span>')
CODE = re.compile(r'(<div class="highlight-(?:ipython3|rust|text)[^>]*>.*?</div>)', re.DOTALL)


def finish(app, pagename, templatename, context, doctree):
    """Mends tables, and lets the crate's names in the lessons' code lead to its documentation."""
    if "body" not in context:
        return
    # Markdown's tables have a head even where they name no column.
    context["body"] = context["body"].replace('<th class="head"><p></p></th>', "<td></td>")
    # A formula that is wider than a telephone scrolls, and the keyboard has to reach it.
    context["body"] = context["body"].replace('<div class="math', '<div tabindex="0" class="math')
    if not pagename.startswith("lessons/"):
        return

    def link(found: re.Match) -> str:
        kind, name = found.groups()
        # A method, a field or a variable may be called as a function is.
        before, after = found.string[:found.start()], found.string[found.end():]
        called = after.startswith('<span class="p">(') and not before.endswith(".</span>")
        page = app.api_names.get(unescape(name)) if called or not name.islower() else None
        return f'<a class="{kind} api" href="../{page}">{name}</a>' if page else found[0]

    context["body"] = CODE.sub(lambda code: NAME.sub(link, code[0]), context["body"])


def without_icon_script(app):
    """The theme's icons come from a font that it has, too, not from a script of half a megabyte with all of them."""
    macros = Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme/static/webpack-macros.html"
    lines = macros.read_text(encoding="utf-8").splitlines()
    rest = "\n".join(line for line in lines if "fontawesome.js" not in line)
    app.builder.templates.loaders.insert(0, DictLoader({"static/webpack-macros.html": rest}))


def setup(app):
    app.connect("builder-inited", without_icon_script)
    path = Path(app.srcdir) / "downloads" / "api-names.json"
    app.api_names = json.loads(path.read_text()) if path.exists() else {}
    app.connect("html-page-context", finish)
