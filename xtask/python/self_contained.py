"""A notebook as one HTML page that asks no other host: its formulas are drawn by the KaTeX within it."""

import base64
import html
import re
from pathlib import Path

from jinja2 import DictLoader
from nbconvert import HTMLExporter

KATEX = Path(__file__).parents[2] / "site/_static/katex"

# nbconvert's page for JupyterLab's look, without what it fetches: a module loader for widgets, MathJax and Mermaid.
TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js_requirejs -%}{%- endblock html_head_js_requirejs -%}
{%- block html_head_js_mermaidjs -%}{%- endblock html_head_js_mermaidjs -%}
{%- block html_head_js_mathjax -%}
<style>KATEX_CSS</style>
<script>KATEX_JS</script>
<script>AUTO_RENDER_JS</script>
<script>
document.addEventListener("DOMContentLoaded", function () {
  const delimiters = [{left: "$$", right: "$$", display: true}, {left: "$", right: "$", display: false}];
  for (const text of document.querySelectorAll(".jp-RenderedMarkdown")) {
    renderMathInElement(text, {delimiters: delimiters, throwOnError: false});
  }
});
</script>
{%- endblock html_head_js_mathjax -%}
{%- block data_png scoped -%}{{ super() | with_alt(output) }}{%- endblock data_png -%}
{%- block data_svg scoped -%}{{ super() | with_alt(output) }}{%- endblock data_svg -%}
"""


def page(notebook) -> str:
    """The whole page."""
    exporter = HTMLExporter(template_file="self_contained.html.j2", extra_loaders=[DictLoader(
        {"self_contained.html.j2": TEMPLATE})], filters={"with_alt": with_alt})
    text, _ = exporter.from_notebook_node(notebook)
    # Not through the template engine, which would read KaTeX's braces.
    for name, content in (("KATEX_CSS", css()), ("KATEX_JS", script("katex.min.js")),
                          ("AUTO_RENDER_JS", script("auto-render.min.js"))):
        text = text.replace(name, content, 1)
    return text


def with_alt(image: str, output) -> str:
    """A figure with its own words, which nbconvert leaves out."""
    alt = output.get("metadata", {}).get("alt")
    return image.replace("<img", f'<img alt="{html.escape(alt)}"', 1) if alt else image


def script(name: str) -> str:
    return (KATEX / name).read_text(encoding="utf-8").replace("</script", "<\\/script")


def css() -> str:
    """KaTeX's style with its fonts in it."""
    def font(found: re.Match) -> str:
        content = base64.b64encode((KATEX / found[1]).read_bytes()).decode()
        return f"url(data:font/woff2;base64,{content})"
    return re.sub(r"url\((fonts/[\w-]+\.woff2)\)", font, (KATEX / "katex.min.css").read_text(encoding="utf-8"))
