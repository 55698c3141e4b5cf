"""What the kernel knows about types: test_types.py

rust-analyzer reads only what a cell can meet of the crates; here cells meet it.
"""

import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from support import LOAD, LONG, ROOT, Kernel, fake_hub, quick_lesson, start

#: A `let` with its type written out; the group is the type.
WRITTEN_OUT = re.compile(r"^(?P<head>\s*let (?:mut )?(?:\w+|\([\w, ]+\)))(?P<type>: [^=]+?)(?P<tail> = (?P<value>.*))$")
#: Values whose type a cell alone does not tell: numbers, empty lists, what is chosen by the type that is wanted.
OPEN = re.compile(r"^(?:None|\d|if |\(\d|\[|vec!\[|Vec::new|train\(|.*\.collect\(\)|.*\.sum\(\)|.*\.into\(\))")


def without_types(code: str) -> str:
    """A cell without the types that a Rust programmer would leave out."""
    def line(text: str) -> str:
        match = WRITTEN_OUT.match(text)
        return match["head"] + match["tail"] if match and not OPEN.match(match["value"]) else text
    return "\n".join(map(line, code.split("\n")))

#: Variables whose types nothing but rust-analyzer knows.
TYPED = """
let config = SimCLRConfig::default();
let tensor = Tensor::from_slice(&[1.0f32, 2.0]);
let size = tensor.size();
let kind = tensor.kind();
let matrix = twoviews::ndarray::Array2::<f32>::eye(2);
let product = matrix.dot(&matrix.t());
let sums = product.rows().into_iter().map(|row| row.sum()).collect::<Vec<_>>();
let colour = twoviews::plotters::style::RED;
let counts = std::collections::HashMap::from([(1, 2.5)]);
let keys = counts.keys().copied().collect::<Vec<_>>();
let joined = std::thread::spawn(|| 3).join().unwrap();
let elapsed = std::time::Instant::now().elapsed();
let mean = tensor.mean(twoviews::tch::Kind::Float).double_value(&[]);
"""


class Types(Kernel):
    def test_all_that_a_cell_meets_is_known(self) -> None:
        for code in (LOAD, TYPED):
            reply, _ = self.run_cell(code)
            self.assertEqual(reply["status"], "ok", reply)
        reply, messages = self.run_cell('println!("{size:?} {kind:?} {sums:?} {keys:?} {joined} {mean}");')
        self.assertEqual(reply["status"], "ok", reply)
        self.assertEqual(self.streams(messages, "stdout"), "[2] Float [1.0, 1.0] [1] 3 1.5\n")

    def test_cells_see_the_users_cargo(self) -> None:
        for name in ("CARGO_HOME", "PATH"):
            _, messages = self.run_cell(f'println!("{{:?}}", std::env::var("{name}").ok());')
            expected = os.environ.get(name)
            shown = "None" if expected is None else f"Some({json.dumps(expected)})"
            self.assertEqual(self.streams(messages, "stdout"), shown + "\n")


class Lessons(unittest.TestCase):
    """The lessons without the types that they write out for toolchains without the library's source."""

    def run_untyped(self, name: str, environment: dict[str, str], least: int) -> None:
        sysroot = subprocess.run(["rustc", "--print", "sysroot"], stdout=subprocess.PIPE, text=True, check=True)
        if not Path(sysroot.stdout.strip(), "lib/rustlib/src/rust/library/core").is_dir():
            self.skipTest("the toolchain has no rust-src")
        notebook = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
        cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
        untyped = [without_types(cell) for cell in cells]
        changed = sum(a != b for old, new in zip(cells, untyped) for a, b in zip(old.split("\n"), new.split("\n")))
        self.assertGreaterEqual(changed, least)

        manager, client = start(environment, cwd=ROOT / "notebooks")
        try:
            for cell in untyped:
                reply = client.execute_interactive(cell, timeout=600, output_hook=lambda message: None)["content"]
                self.assertEqual(reply["status"], "ok", (cell, reply.get("traceback")))
        finally:
            client.stop_channels()
            manager.shutdown_kernel()

    def test_the_quick_start_runs_without_written_types(self) -> None:
        self.run_untyped("00_quickstart", {"TWOVIEWS_QUICK": "1"}, 20)

    @unittest.skipUnless(LONG, "takes a minute more: TWOVIEWS_LONG")
    def test_the_tutorial_runs_without_written_types(self) -> None:
        with tempfile.TemporaryDirectory() as folder, fake_hub(folder) as address:
            self.run_untyped("01_decoupled_contrastive_learning", quick_lesson(address, folder), 10)

    @unittest.skipUnless(LONG, "takes a minute more: TWOVIEWS_LONG")
    def test_the_tutorial_runs_without_a_download(self) -> None:
        # Nobody listens there.
        nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9", "TWOVIEWS_QUICK": "1"}
        self.run_untyped("01_decoupled_contrastive_learning", nowhere, 10)


if __name__ == "__main__":
    unittest.main()
