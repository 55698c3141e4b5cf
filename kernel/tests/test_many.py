"""Many cells in one kernel, and many kernels at once; more of both with `cargo xtask test --long`."""

import os
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from support import LONG, ROOT, Kernel, fake_hub, quick_lesson


@unittest.skipUnless(LONG, "takes minutes: --long")
class ManyCells(Kernel):
    environment = {"TWOVIEWS_PREWARM": ""}

    def descriptors(self, pid: int) -> int:
        return len(os.listdir(f"/proc/{pid}/fd"))

    def test_500_cells(self) -> None:
        self.run_cell("let mut total = 0u64;")
        _, messages = self.run_cell("print!(\"{}\", std::process::id());")
        kernel, cells = self.manager.provisioner.process.pid, int(self.streams(messages))
        before, opened = self.memory(), (self.descriptors(kernel), self.descriptors(cells))
        marks = []
        for number in range(500):
            reply, _ = self.run_cell(f"total += {number}; println!(\"{{total}}\");")
            self.assertEqual(reply["status"], "ok", reply)
            if number % 100 == 99:
                marks.append(round(self.memory()))
        _, messages = self.run_cell("print!(\"{total}\");")
        self.assertEqual(self.streams(messages), str(sum(range(500))))
        print(f"[memory {before:.0f} MB, then {marks} MB]", end=" ", flush=True)
        self.assertLess(marks[-1] - before, 300)
        self.assertEqual((self.descriptors(kernel), self.descriptors(cells)), opened)


class ManyKernels(unittest.TestCase):
    def test_the_first_lesson_in_several_kernels_at_once(self) -> None:
        kernels, rounds = (4, 2) if LONG else (2, 1)
        with tempfile.TemporaryDirectory() as folder, fake_hub(folder) as address:
            for round_ in range(rounds):
                with ThreadPoolExecutor(kernels) as pool:
                    texts = list(pool.map(lambda n: self.lesson(Path(folder, f"{round_}-{n}"), address), range(kernels)))
                self.assertIn("DCL,    batch size 32: accuracy", texts[0])
                self.assertEqual(set(texts), {texts[0]}, "the same in all kernels")

    def lesson(self, folder: Path, address: str) -> str:
        """The results of the first lesson on the fake hub's data."""
        folder.mkdir()
        environment = {**quick_lesson(address, folder), "TWOVIEWS_STAND_INS": "stand-ins", "TWOVIEWS_OUT": f"{folder}/out"}
        path = ROOT / "notebooks/01_decoupled_contrastive_learning.ipynb"
        subprocess.run([sys.executable, ROOT / "xtask/python/run_notebook.py", path, f"{folder}/out"], check=True,
                       env={**os.environ, **environment}, capture_output=True)
        notebook = nbformat.read(f"{folder}/out/{path.name}", as_version=4)
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
        return "".join(line for output in outputs if output.output_type == "stream"
                       for line in output.text.splitlines(True) if "accuracy" in line)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
