"""A lesson as the gallery executes it (`site/execute.py`): what is kept of a run that fails."""

import json
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import nbformat
import nbformat.v4 as v4
import psutil
from support import LONG, ROOT

SPEC = {"kernelspec": {"name": "rust", "display_name": "Rust (twoviews)", "language": "rust"}}


class Execution(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder, self.out = Path(folder.name), Path(folder.name, "out")

    def begin(self, *cells: str, minutes: float | None = None) -> subprocess.Popen:
        notebook = v4.new_notebook(cells=[v4.new_code_cell(code, id=f"c{n}") for n, code in enumerate(cells)], metadata=SPEC)
        for cell in notebook.cells:
            if "meant" in cell.source:
                cell.metadata["tags"] = ["raises-exception"]
        nbformat.write(notebook, self.folder / "07_x.ipynb")
        command = [sys.executable, ROOT / "site/execute.py", self.folder / "07_x.ipynb", self.out]
        return subprocess.Popen(command + ([str(minutes)] if minutes else []), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def execute(self, *cells: str, minutes: float | None = None) -> tuple[int, str]:
        """The exit status, and what was said of a failure."""
        process = self.begin(*cells, minutes=minutes)
        _, said = process.communicate(timeout=120)
        return process.returncode, said

    def kept(self) -> tuple[dict, list]:
        """What is known of the run, and the outputs of its cells."""
        notebook = nbformat.read(self.out / "executed.ipynb", as_version=4)
        return json.loads((self.out / "run.json").read_text()), [cell.outputs for cell in notebook.cells]

    def test_a_cell_that_fails_is_named_and_what_came_before_it_is_kept(self) -> None:
        status, said = self.execute("// Why.\nlet a = vec![1u8; 64_000_000];\nprintln!(\"{}\", a.len());",
                                    'panic!("meant");', 'let n: u8 = "300".parse()?;', 'println!("never");')
        self.assertEqual(status, 1)
        self.assertIn("the cell c2 that begins with 'let n: u8", said)
        self.assertNotIn("\x1b", said)
        run, outputs = self.kept()
        self.assertIn("the cell c2", run["problem"])
        self.assertEqual(outputs[0][0].text, "64000000\n")
        self.assertEqual([outputs[1][0].ename, outputs[2][0].output_type, outputs[3]], ["Panic", "error", []])
        cell = run["cells"][0]
        self.assertEqual((cell["id"], cell["first_line"]), ("c0", "let a = vec![1u8; 64_000_000];"))
        self.assertTrue(0 < cell["compile_seconds"] + cell["run_seconds"] <= cell["seconds"] + 0.1, cell)
        self.assertGreaterEqual(run["machine"]["cores"], 1)
        if sys.platform == "linux":
            memory = run["memory_mb"]
            self.assertGreater(memory["cells"], 64)
            self.assertGreater(memory["kernel"], 0)
            self.assertNotEqual(memory["cells"], memory["kernel"])

    def test_a_run_that_takes_too_long_ends(self) -> None:
        begin = time.monotonic()
        status, said = self.execute("loop { std::thread::sleep(std::time::Duration::from_secs(1)); }", minutes=0.05)
        self.assertLess(time.monotonic() - begin, 60)
        self.assertEqual(status, 1)
        self.assertIn("longer than 0.05 minutes", said)
        self.assertIn("longer", self.kept()[0]["problem"])

    def test_a_run_that_is_ended_from_outside_leaves_no_kernel(self) -> None:
        for number in (signal.SIGTERM, signal.SIGHUP) if LONG else (signal.SIGHUP,):
            process = self.begin(f'std::fs::write("{self.folder}/kernel", std::os::unix::process::parent_id().to_string())?;',
                                 "loop { std::thread::sleep(std::time::Duration::from_secs(1)); }")
            path = self.folder / "kernel"
            while not path.exists() or not path.read_text():
                self.assertIsNone(process.poll())
                time.sleep(0.1)
            kernel = int(path.read_text())
            path.unlink()
            process.send_signal(number)
            process.communicate(timeout=60)
            self.assertNotEqual(process.returncode, 0)
            for _ in range(100):
                if not alive(kernel):
                    break
                time.sleep(0.1)
            self.assertFalse(alive(kernel), number)

    @unittest.skipUnless(Path("/dev/full").exists(), "no /dev/full")
    def test_a_full_disk_is_named_and_leaves_nothing_half_written(self) -> None:
        self.out.mkdir()
        (self.out / "executed.part").symlink_to("/dev/full")
        status, said = self.execute()
        self.assertEqual(status, 1)
        self.assertIn("could not be written", said)
        self.assertIn("No space left", said)
        self.assertEqual(list(self.out.iterdir()), [])


def alive(process: int) -> bool:
    """Whether it runs: one that has ended and was not waited for does not."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
