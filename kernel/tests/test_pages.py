"""The HTML page that is written beside an executed notebook: it asks no other host, and figures keep their words."""

import re
import sys
import unittest

import nbformat.v4 as v4
from bs4 import BeautifulSoup
from support import ROOT

sys.path.insert(0, str(ROOT / "xtask/python"))
import self_contained  # noqa: E402

# What makes a browser fetch something: not links, which wait for a click.
FETCHES = re.compile(r"""<(?:script|img|iframe|source|embed|object|link)\b[^>]*\b(?:src|href|data)\s*=\s*["']?([^"'\s>]+)"""
                     r"""|@import\s+(?:url\()?["']?([^"')\s;]+)|url\(\s*["']?([^"')]+)"""
                     r"""|(?:import|fetch)\(\s*["']([^"']+)""")


class Pages(unittest.TestCase):
    def test_a_page_with_formulas_figures_and_tables_fetches_nothing(self) -> None:
        figure = v4.new_output("display_data", {"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'></svg>",
                                                "image/png": "aGVsbG8=", "text/plain": "Line plot."})
        live = v4.new_output("display_data", {"text/html": "<b>bar</b>", "text/plain": "bar"})
        prose = "# Title\n\n$a_i$ and\n\n$$\n\\sum_i e^{a_i}\n$$\n\n[a link](https://example.org)\n\n| a |\n|---|\n| b |"
        page = self_contained.page(v4.new_notebook(cells=[
            v4.new_markdown_cell(prose), v4.new_code_cell("let x = 1;", outputs=[figure, live])]))
        fetched = [next(filter(None, groups)) for groups in FETCHES.findall(page)]
        self.assertGreater(len(fetched), 10, "the fonts in the page")
        self.assertEqual([address[:80] for address in fetched if not address.startswith(("data:", "#"))], [])
        self.assertIn("renderMathInElement(text", page)
        self.assertIn("<svg xmlns", page)

    def test_figures_keep_their_words_in_the_page(self) -> None:
        outputs = [v4.new_output("display_data", data={mime: "x"}, metadata={"alt": f'{mime} "a" < b'})
                   for mime in ("image/png", "image/svg+xml")]
        page = self_contained.page(v4.new_notebook(cells=[v4.new_code_cell("1", outputs=outputs)]))
        images = BeautifulSoup(page, features="html.parser").select(".jp-OutputArea img")
        self.assertEqual([image["alt"] for image in images], [output.metadata.alt for output in outputs])


if __name__ == "__main__":
    unittest.main()
