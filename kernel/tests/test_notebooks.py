"""Whole notebooks with nbclient, as `jupyter execute` and nbconvert run them."""

import unittest

import nbformat.v4 as v4
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

LIVE = ('println!("EVCXR_BEGIN_CONTENT application/x-twoviews-display+json\\n'
        '{{\\"op\\":\\"{}\\",\\"display_id\\":\\"bar\\",\\"data\\":{{\\"text/plain\\":\\"{}\\"}}}}\\nEVCXR_END_CONTENT",'
        ' if i == 0 { "display" } else { "update" }, i);')


def run(*cells: str, tags: dict[int, str] | None = None):
    """The executed notebook, and the error that stopped it or None."""
    notebook = v4.new_notebook(cells=[v4.new_code_cell(code) for code in cells])
    for number, tag in (tags or {}).items():
        notebook.cells[number].metadata["tags"] = [tag]
    try:
        NotebookClient(notebook, timeout=300, kernel_name="rust", startup_timeout=60).execute()
    except CellExecutionError as error:
        return notebook, error
    return notebook, None


class Notebooks(unittest.TestCase):
    def test_a_panic_stops_the_run(self) -> None:
        notebook, error = run("let a = 1;", 'println!("before");\nlet b: Option<u8> = None;\nb.expect("no value");', "a")
        self.assertEqual((error.ename, error.evalue), ("Panic", "no value"))
        self.assertEqual([output.output_type for output in notebook.cells[1].outputs], ["stream", "error"])
        self.assertIn("3 | b.expect", "\n".join(notebook.cells[1].outputs[1].traceback))
        self.assertEqual(notebook.cells[2].outputs, [])

    def test_an_expected_error_does_not(self) -> None:
        notebook, error = run("let n = 3;", 'let x: u8 = "300".parse()?;', "n + 1", tags={1: "raises-exception"})
        self.assertIsNone(error)
        self.assertIn("too large", notebook.cells[1].outputs[0].evalue)
        self.assertEqual(notebook.cells[2].outputs[0].data["text/plain"], "4")
        self.assertEqual([cell.execution_count for cell in notebook.cells], [1, 2, 3])

    def test_the_last_state_of_a_display_is_kept_in_its_place(self) -> None:
        code = f'for i in 0..500 {{ {LIVE} if i == 250 {{ println!("half"); }} }}'
        notebook, error = run(code)
        self.assertIsNone(error)
        bar, text = notebook.cells[0].outputs
        self.assertEqual((bar.data["text/plain"], text.text), ("499", "half\n"))

    def test_the_last_state_is_stored_with_its_metadata(self) -> None:
        state = LIVE.replace('}}}}\\n', '}},\\"metadata\\":{{\\"alt\\":\\"{}\\"}}}}\\n').replace("}, i);", "}, i, i);")
        notebook, error = run("for i in 0..5 { " + state + " }")
        self.assertIsNone(error)
        (shown,) = notebook.cells[0].outputs
        self.assertEqual((shown.data, shown.metadata), ({"text/plain": "4"}, {"alt": "4"}))


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
